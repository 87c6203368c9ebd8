# SPDX-License-Identifier: Apache-2.0
"""A system with two sites that run what they are sent, and a mailer that keeps what it gets."""
import base64
import contextlib
import json
import os
import struct

import pytest

from tests.lib import procs
from tests.lib.mailbox import Mailbox
from tests.lib.procs import wait_until
from tests.lib.system import System

A, B = "a.example", "b.example"
LIMIT_S = 30
MAGIC = 0x544e4d4c
HEAD = struct.Struct("=IIIIIIII")
ANSWER = struct.Struct("=II248s")
TAKEN = "settings taken over"
RESULTS = ("sent", "denied", "bad", "rate", "busy", "failed")

# Runs what it is sent; tells the value and the warnings.
RUN = """<?php $w = [];
set_error_handler(function ($n, $text) { global $w; $w[] = $text; return true; });
try { $r = eval(file_get_contents('php://input')); }
catch (\\Throwable $e) { $r = get_class($e) . ': ' . $e->getMessage(); }
header('Content-Type: application/json');
echo json_encode(['value' => $r, 'warnings' => $w]);"""

# The protocol, spoken by hand from inside a cage.
RAW = """$s = stream_socket_client('unix:///run/mail/sock', $n, $e, 5); stream_set_timeout($s, 40);
fwrite($s, base64_decode('%s')); $got = '';
while (!feof($s) && strlen($got) < 256 && ($x = fread($s, 256)) !== '' && $x !== false) $got .= $x;
return base64_encode($got);"""


@pytest.fixture(scope="module")
def world():
    if os.getuid() != 0:
        pytest.skip("needs root: namespaces, cgroups, other uids")
    with System(conf="allow_programs = yes\n") as system:
        system.box = Mailbox(system)
        for site in (A, B):
            system.ctl("add", site, check=True)
            system.put(site, "public/run.php", RUN)
        yield system


@pytest.fixture
def mails(world):
    world.box.clear()
    yield world
    world.box.clear()


@contextlib.contextmanager
def options(world, site, *words, seen=None):
    """With other options.  Where they are a new pool's, SEEN is a script that tells whether it has them."""
    def change(words, is_there):
        run(world, "return 1;", site)
        master = world.status(site)["master_pid"]
        world.ctl("set", site, *words, check=True)
        if seen:
            # It may serve beside the new one until it has left.
            wait_until(lambda: not procs.is_running(master), LIMIT_S, "the old pool has left")
            assert bool(run(world, seen, site)[0]) == is_there, words
    change(words, True)
    try:
        yield
    finally:
        change([word.partition("=")[0] + "=" for word in words], False)


def run(world, code, site=A, **more):
    answer = json.loads(world.text(site, "/run.php", method="POST", body=code, **more))
    return answer["value"], answer["warnings"]


def counts(world, site=A):
    status = world.status(site)
    return status["mail_sent"], status["mail_refused"]


def raw(world, data, site=A):
    """(word of the result, text) of the bytes DATA, sent by a script."""
    value, warnings = run(world, RAW % base64.b64encode(data).decode(), site)
    got = base64.b64decode(value)
    assert len(got) == ANSWER.size, (got, warnings, world.logs())
    magic, result, text = ANSWER.unpack(got)
    assert magic == MAGIC
    return RESULTS[result], text.rstrip(b"\0").decode()


def message(to=b"x@far.example\0", body=b"Subject: hi\n\nhello\n", sender=b"", number=0, kind=1,
            reads_headers=0):
    return (HEAD.pack(MAGIC, 1, kind, number, reads_headers, len(sender), len(to), 0) + sender + to
            + struct.pack("=I", len(body)) + body + struct.pack("=I", 0))


def headers(mail):
    return mail.text.partition("\n\n")[0].replace("\n\t", " ").split("\n")
