# SPDX-License-Identifier: Apache-2.0
"""What a site's mail leaves in its own log, and that it holds up no other's."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from tests.lib.mailbox import Mailbox
from tests.lib.procs import wait_until
from tests.lib.system import System

pytestmark = pytest.mark.slow
A, B = "a.example", "b.example"
LIMIT_S = 30
RUN = "<?php echo json_encode(eval(file_get_contents('php://input')));"


@pytest.fixture(scope="module")
def mails():
    if os.getuid() != 0:
        pytest.skip("needs root: namespaces, cgroups, other uids")
    with System() as system:
        system.box = Mailbox(system)
        for site in (A, B):
            system.ctl("add", site, check=True)
            system.put(site, "public/run.php", RUN)
            run(system, "return 1;", site)
        yield system


def run(world, code, site=A):
    return json.loads(world.text(site, "/run.php", method="POST", body="error_reporting(0); " + code))


def own_log(world, site=A):
    path = pathlib.Path(world.show(site)["logs"]) / "mail.log"
    return path.read_text().splitlines() if path.exists() else []


def test_each_message_has_a_line_in_the_sites_own_log(mails):
    before, theirs = len(own_log(mails)), own_log(mails, B)
    assert run(mails, "return mail('x@far.example, y@far.example', 's', 'b', '', '-fme@a.example');") is True
    assert run(mails, """return mail("it's", 's', 'b');""") is False
    mails.box.set("status", "1")
    assert run(mails, "return mail('x@far.example', 's', 'b');") is False
    wait_until(lambda: len(own_log(mails)) == before + 3, LIMIT_S, "three lines")
    sent, bad, late = own_log(mails)[before:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ sent sender=<me@a\.example> recipients=2 bytes=[1-9]\d*",
                        sent), sent
    assert " bad sender=<" in bad and " reason='" in bad and bad.count("'") == 2, bad
    assert " failed sender=<t" in late and "recipients=1" in late, late
    # No other site's, and not the site's to write; the command shows it.
    assert own_log(mails, B) == theirs
    st = (pathlib.Path(mails.show(A)["logs"]) / "mail.log").stat()
    path = mails.show(A)["home"] + "/logs/mail.log"
    assert (st.st_uid, st.st_mode & 0o777) == (0, 0o640)
    assert run(mails, f"return [@fopen('{path}', 'a'), is_string(file_get_contents('{path}'))];") == [False, True]
    shown = mails.ctl("logs", A, "--which", "mail", "-n", "3", check=True).stdout.splitlines()
    assert shown == [sent, bad, late]


def test_the_pipe_of_the_log_goes_with_the_site(mails):
    mails.ctl("add", "gone.example", check=True)
    mails.put("gone.example", "public/run.php", RUN)
    pipe = mails.folder / "run/mail/log" / str(mails.show("gone.example")["number"])
    run(mails, "return 1;", "gone.example")
    wait_until(pipe.is_fifo, LIMIT_S, "a pipe")
    assert (pipe.stat().st_mode & 0o777, pipe.parent.stat().st_uid, pipe.parent.stat().st_mode & 0o777) == \
        (0o600, 0, 0o711)
    mails.ctl("remove", "gone.example", check=True)
    wait_until(lambda: not pipe.exists(), LIMIT_S, "the pipe is gone")


# What both senders begin with: a socket whose last close would wait for LINGER_S, as nobody reads what it
# has sent, a connection to the service, and how a descriptor goes along.
LINGER_S = 60
SLOW = """
import array, socket, struct, sys, time
path, linger_s = sys.argv[1], int(sys.argv[2])
def slow():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    client.setblocking(False)
    try:
        while True:
            client.send(b"x" * 65536)
    except BlockingIOError:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger_s))
    return server, client
def service():
    mail = socket.socket(socket.AF_UNIX)
    mail.connect(path)
    return mail
def along(sock, fd):
    sock.sendmsg([b"x" * 4], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
"""
SENDER = SLOW + """
server, client = slow()
mail = service()
along(mail, client.fileno())
client.close()
print("sent", flush=True)
sys.stdin.read()
"""


def test_descriptors_sent_along_hold_up_nobody(mails):
    mails.box.clear()
    pid = mails.pid("mail")
    uid = mails.show(B)["uid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with subprocess.Popen(["/usr/bin/python3", "-c", SENDER, mails.folder / "run/mail/socket/sock", str(LINGER_S)],
                              user=uid, group=uid, extra_groups=[], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdout.readline() == "sent\n"
            os.kill(pid, signal.SIGCONT)
            begin = time.monotonic()
            assert run(mails, "return mail('x@far.example', 's', 'b');") is True
            assert time.monotonic() - begin < LINGER_S / 2
            sender.stdin.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert mails.pid("mail") == pid


# What each of a site's threads waits for lies in a socket within the socket, where its SO_LINGER stays as it is.
HOLDERS = 4
FLOOD_S = 5
FLOODER = SLOW + """
kept = []
for _ in range(int(sys.argv[3])):
    server, client = slow()
    ends = socket.socketpair()
    along(ends[0], client.fileno())
    mail = service()
    along(mail, ends[1].fileno())
    kept += [server, mail]
    client.close()
    ends[0].close()
    ends[1].close()
print("held", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[4])
done = 0
while time.monotonic() < until:
    with service():
        done += 1
print(done, flush=True)
sys.stdin.read()
"""


def test_callers_take_no_room_behind_what_is_slow_to_close(mails):
    mails.box.clear()
    pid = mails.pid("mail")
    uid = mails.show(B)["uid"]
    tasks, files = (lambda: len(os.listdir(f"/proc/{pid}/task"))), (lambda: len(os.listdir(f"/proc/{pid}/fd")))
    wait_until(lambda: tasks() == 1, LIMIT_S, "nothing is being closed")
    before = files()
    os.kill(pid, signal.SIGSTOP)        # so that its close is the last one, and not the sender's
    with subprocess.Popen(["/usr/bin/python3", "-c", FLOODER, mails.folder / "run/mail/socket/sock", str(LINGER_S),
                           str(HOLDERS), str(FLOOD_S)], user=uid, group=uid, extra_groups=[], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as flooder:
        try:
            assert flooder.stdout.readline() == "held\n"
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: tasks() == 1 + HOLDERS, LIMIT_S, "all of the site's threads wait")
            print(file=flooder.stdin, flush=True)
            done = int(flooder.stdout.readline())
            assert done > 1000, "that is no flood"
            assert files() < before + 100, f"{done} callers"
            assert tasks() == 1 + HOLDERS, "the threads have waited all the time"
            assert run(mails, "return mail('x@far.example', 's', 'b');") is True
        finally:
            os.kill(pid, signal.SIGCONT)
            flooder.kill()
    wait_until(lambda: tasks() == 1, LIMIT_S, "what was held is closed")
    assert mails.pid("mail") == pid
