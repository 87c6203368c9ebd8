# SPDX-License-Identifier: Apache-2.0
"""Mail on its way out of a cage: PHP's mail(), the sendmail program, tenant-mail and its limits."""
import base64
import contextlib
import json
import os
import pathlib
import socket
import struct
import tempfile
import threading
import time

import pytest

from tests.lib import procs
from tests.lib.mailbox import Mailbox
from tests.lib.procs import wait_until
from tests.lib.system import System

pytestmark = pytest.mark.slow
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


# ---- mail() as PHP has it ---------------------------------------------------------------

def test_mail_reaches_the_mailer(mails):
    before = counts(mails)
    value, warnings = run(mails, "return mail('Joe <joe@far.example>, ann@far.example', 'Süß', "
                          "\"line 1\\r\\nline 2\\n.\\nend\", "
                          "['From' => 'me@a.example', 'Cc' => 'c@far.example', "
                          "'Bcc' => 'secret@far.example']);")
    assert (value, warnings) == (True, []), mails.logs()
    mail, = mails.box.wait(1)
    number = mails.show(A)["number"]
    assert mail.args == ["-i", "-f", f"t{number}@{A}", "--", "joe@far.example", "ann@far.example",
                         "c@far.example", "secret@far.example"]
    head = headers(mail)
    assert head[0].startswith("Received: by ") and f"site {A}, tenant {number};" in head[0]
    assert head[1:] == [f"X-Tenant: {number} {A}", "To: Joe <joe@far.example>, ann@far.example",
                        "Subject: S\xc3\xbc\xc3\x9f", "From: me@a.example", "Cc: c@far.example"]
    assert mail.text.partition("\n\n")[2] == "line 1\nline 2\n.\nend\n"
    assert counts(mails) == (before[0] + 1, before[1])
    log = (mails.folder / "log/mail.log").read_text()
    assert f"event=mail.sent tenant={number} site={A} bytes=" in log and "recipients=4" in log


def test_mb_send_mail(mails):
    value, warnings = run(mails, "mb_language('uni'); return mb_send_mail('joe@far.example', "
                          "'Grüße', 'Größe', 'From: me@a.example');")
    assert (value, warnings) == (True, []), mails.logs()
    mail, = mails.box.wait(1)
    assert mail.args[-1] == "joe@far.example"
    assert any(line.startswith("Subject: =?UTF-8?B?") for line in headers(mail)), mail
    assert "Content-Transfer-Encoding: BASE64" in headers(mail)


@pytest.mark.parametrize("parameters, sender", [
    ("-fbounce@a.example", "bounce@a.example"),
    ("-f bounce@a.example", "bounce@a.example"),
    ("-oi -f'bounce@a.example' -F Name", "bounce@a.example"),
])
def test_the_fifth_parameter_names_the_sender(mails, parameters, sender):
    value, warnings = run(mails, "return mail('joe@far.example', 's', 'b', '', "
                          f"{json.dumps(parameters)});")
    assert (value, warnings) == (True, []), mails.logs()
    assert mails.box.wait(1)[0].args == ["-i", "-f", sender, "--", "joe@far.example"]


@pytest.mark.parametrize("code, said", [
    ("mail('joe@far.example', 's', 'b', '', '-X/tmp/log')", "'-X/tmp/log' is not taken"),
    ("mail('joe@far.example', 's', 'b', '', '-OQueueDirectory=/tmp')", "is not taken"),
    ("mail('joe@far.example', 's', 'b', '', '-C /tmp/cf')", "is not taken"),
    ("mail('joe@far.example', 's', 'b', '', '-be')", "is not taken"),
    ("mail('joe@far.example', 's', 'b', '', '-f-oops@a.example')", "is not an address"),
    ("mail('joe@far.example', 's', 'b', '', \"-f'a b'@a.example\")", "is not an address"),
    ("mail('root', 's', 'b')", "'root' is not an address"),
    ("mail('|/bin/sh@far.example', 's', 'b')", "is not an address"),
    ("mail('-oQ/tmp@far.example', 's', 'b')", "is not an address"),
    ("mail('/etc/passwd@far.example', 's', 'b')", "is not an address"),
    ("mail('', 's', 'b')", "has no recipient"),
    ("mail('\"joe@far.example', 's', 'b')", "does not end"),
    ("mail('joe@far.example', 's', 'b', \"A: b\\r\\n\\r\\nbody\")", "Multiple or malformed newlines"),
    ("mail(implode(',', array_map(fn ($i) => \"u$i@far.example\", range(1, 101))), 's', 'b')",
     "100 recipients"),
    ("mail('joe@far.example', 's', 'b', 'X: ' . str_repeat('y', 70000))", "headers have more"),
])
def test_what_is_refused_is_refused_with_a_reason(mails, code, said):
    value, warnings = run(mails, f"return {code};")
    assert value is False and any(said in w for w in warnings), (value, warnings)
    assert mails.box.started() == 0


def test_errors_of_arguments_are_php_s_own(mails):
    for code, said in (("mail('joe@far.example', 's', 'b', ['To' => 'x@far.example'])",
                        'The additional headers cannot contain the "To" header'),
                       ("mail('joe@far.example', 's', 'b', ['From' => \"a\\nb\"])", "From"),
                       ("mail(\"joe@far.example\\0\", 's', 'b')", "null bytes")):
        value, _ = run(mails, f"return {code};")
        assert said in str(value), (code, value)
    assert mails.box.started() == 0


def test_what_a_visitor_types_makes_no_header(mails):
    """The classical injections: through recipient, subject and the folding of both."""
    value, _ = run(mails, "return mail(\"joe@far.example\\r\\nBcc: a@far.example\", "
                   "\"s\\nBcc: b@far.example\\r\\n\\r\\nbody\", 'b');")
    # A recipient with a space in it is none.
    assert value is False
    value, warnings = run(mails, "return mail('joe@far.example', "
                          "\"s\\nBcc: b@far.example\\r\\n\\r\\nbody\", 'b');")
    assert (value, warnings) == (True, [])
    mail, = mails.box.wait(1)
    assert mail.args[4:] == ["joe@far.example"]
    assert "Subject: s Bcc: b@far.example    body" in headers(mail)


def test_settings_of_php_keep_their_meaning(mails):
    home = mails.show(A)["home"]
    with options(mails, A, f"php_admin_value.mail.log={home}/private/mail.log",
                 "php_admin_value.mail.add_x_header=on",
                 "php_admin_value.mail.force_extra_parameters=-fforced@a.example",
                 seen="return ini_get('mail.force_extra_parameters');"):
        value, warnings = run(mails, "return mail('joe@far.example', 's', 'b', 'X-Me: 1', "
                              "'-fmine@a.example');")
        assert (value, warnings) == (True, []), mails.logs()
    mail, = mails.box.wait(1)
    assert mail.args[2] == "forced@a.example"
    uid = mails.show(A)["uid"]
    assert any(line.startswith(f"X-PHP-Originating-Script: {uid}:run.php") for line in headers(mail))
    assert "To: joe@far.example -- Headers: X-Me: 1" in pathlib.Path(
        home, "private/mail.log").read_text()


def test_popen_of_scripts_is_still_refused(mails):
    """Only php_mail() meets the other end of our pipe."""
    for code in ("popen('/usr/sbin/sendmail -t -i', 'w')", "shell_exec('echo x')"):
        value, _ = run(mails, f"return {code};")
        assert not value, (code, value)
    value, _ = run(mails, "mail('joe@far.example', 's', 'b'); return shell_exec('echo x');")
    assert not value
    assert len(mails.box.wait(1)) == 1


def test_large_messages(mails):
    code = ("return [mail('joe@far.example', 's', str_repeat(str_repeat('x', 76) . \"\\n\", %d)), "
            "memory_get_peak_usage()];")
    with options(mails, A, "memory_limit=256M",
                 seen="return ini_get('memory_limit') === '256M';"):
        value, warnings = run(mails, code % (20 * 1024 * 1024 // 77))
        assert (value[0], warnings) == (True, []), mails.logs()
        mail, = mails.box.wait(1)
        assert len(mail.text) > 20 * 1024 * 1024 - 100
        value, warnings = run(mails, code % (26 * 1024 * 1024 // 77))
        assert value[0] is False and "mail_size" in warnings[0], warnings
    with options(mails, A, "mail_size=16K"):
        value, warnings = run(mails, code % 300)
        assert value[0] is False and "16384 bytes" in warnings[0], warnings
    assert len(mails.box.all()) == 1


# ---- who it is ----------------------------------------------------------------------------

def test_a_forged_identity_is_left_out(mails):
    number = mails.show(A)["number"]
    for line in ("X-Tenant: 1 b.example", "x-tenant:1", "X-TENANT : 1 b.example",
                 "X-Tenant: a\\r\\n\\tb"):
        value, warnings = run(mails, f"return mail('joe@far.example', 's', 'b', \"{line}\");")
        assert value is True or "newlines" in str(warnings), (line, warnings)
    # A bare CR is a line for some readers.
    assert raw(mails, message(body=b"Subject: a\rX-Tenant: 1 b.example\n\nhi\n"))[0] == "sent"
    for mail in mails.box.all():
        lines = [line for line in headers(mail) if "tenant" in line.lower().partition(":")[0]]
        assert lines == [f"X-Tenant: {number} {A}"], mail
        assert "\r" not in mail.text
    assert len(mails.box.all()) >= 4


def test_nobody_sends_as_another(mails):
    other = mails.show(B)["number"]
    before = counts(mails, B)
    result, text = raw(mails, message(number=other))
    assert (result, mails.box.started()) == ("bad", 0), text
    assert counts(mails, B) == before
    # The same message without the number is taken.
    assert raw(mails, message())[0] == "sent"


def test_what_is_refused_does_not_flood_the_log(mails):
    """Who is refused again and again would push out the lines of others."""
    log = mails.folder / "log/mail.log"
    other, before, began = mails.show(B)["number"], len(log.read_text().splitlines()), time.time()
    forged = base64.b64encode(message(number=other)).decode()
    # Longer than a second, as a line of a test before may have been this second's.
    heard, _ = run(mails, f"""$d = base64_decode('{forged}'); $heard = 0; $t = microtime(true);
        while ($heard < 50 || microtime(true) - $t < 2) {{
            $s = stream_socket_client('unix:///run/mail/sock'); fwrite($s, $d);
            if (strlen(stream_get_contents($s)) != 256) return -1;
            $heard++; fclose($s); usleep(10000); }}
        return $heard;""")
    lines = log.read_text().splitlines()[before:]
    assert heard >= 50
    assert 0 < len(lines) <= time.time() - began + 2, lines
    assert any("event=peer.refused" in line for line in lines), lines


def test_a_refused_word_stays_within_its_quotes(mails):
    log = mails.folder / "log/mail.log"

    def is_told():
        assert raw(mails, message(to=b"x' tenant=99999 y='\0"))[0] == "bad"
        return "reason='\"x\" tenant=99999 y=\"\"" in log.read_text()
    wait_until(is_told, LIMIT_S, "the refusal is in the log")
    assert "' tenant=99999" not in log.read_text()


def test_the_mailer_gets_addresses_alone(mails):
    """Words that a mailer would take for an option, a file, a program or a shell's."""
    for word in (b"-oQ/tmp@far.example", b"-X/tmp/log", b"/tmp/file@far.example", b"|sh@far.example",
                 b"root", b"a b@far.example", b"x@far.example,y@far.example", b"x@far.example\n-X",
                 b"`id`@far.example;", b"x@-far.example", b"\"a b\"@far.example", b":include:/etc/passwd"):
        for data in (message(to=word + b"\0"), message(sender=word + b"\0"),
                     message(to=b"", reads_headers=1, body=b"To: <" + word + b">\n\nhi\n")):
            result, text = raw(mails, data)
            assert result == "bad", (word, result, text, mails.box.all())
    assert mails.box.started() == 0
    assert raw(mails, message(sender=b"me@a.example\0"))[0] == "sent"


def test_only_control_may_ask_for_counts(mails):
    result, _ = raw(mails, HEAD.pack(MAGIC, 1, 2, mails.show(B)["number"], 0, 0, 0, 0))
    assert result == "bad"


def test_other_users_of_the_host_are_sent_away(mails):
    path = str(mails.folder / "run/mail/socket/sock")
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(LIMIT_S)
            peer.connect(path)
            try:
                peer.sendall(message())
                got = peer.recv(100)
            except OSError:
                got = b""
            os._exit(len(got) != 0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert mails.box.started() == 0


def test_mail_own_sender(mails):
    more = mails.folder / "etc/conf.d"
    more.mkdir(exist_ok=True)
    (more / "sender.conf").write_text("mail_own_sender = yes\n")
    try:
        assert mails.reload() == TAKEN
        run(mails, "return mail('joe@far.example', 's', 'b', '', '-fx@bank.example');")
        assert mails.box.wait(1)[0].args[2] == f"t{mails.show(A)['number']}@{A}"
    finally:
        (more / "sender.conf").unlink()
        assert mails.reload() == TAKEN


def test_a_refused_reload_changes_no_sender(mails):
    """uid_base says who asks; it needs a restart, and the supervisor takes nothing over.  A service
    that starts anew goes by what holds, too."""
    more, record = mails.folder / "etc/conf.d", mails.folder / "run/settings"
    more.mkdir(exist_ok=True)
    base, before = mails.show(A)["uid"] - mails.show(A)["number"], record.read_bytes()
    try:
        (more / "base.conf").write_text(f"uid_base = {base + 1000}\n")
        assert mails.reload() == "refused"
        wait_until(lambda: record.read_bytes() == before, LIMIT_S, "the settings are put back")
        restart(mails)
        assert run(mails, "return mail('joe@far.example', 's', 'b');") == (True, []), mails.logs()
        mail, = mails.box.wait(1)
        assert mail.args[2] == f"t{mails.show(A)['number']}@{A}"
    finally:
        (more / "base.conf").unlink()
        assert mails.reload() == TAKEN
        assert record.read_bytes() == before


# ---- how much ---------------------------------------------------------------------------

def test_the_rate_is_bounded_and_a_neighbour_s_is_not_touched(mails):
    used = mails.status(A)["mail_in_hour"]
    with options(mails, A, f"mail_per_hour={used + 5}"):
        send = "return mail('%s', 's', 'b');"
        assert run(mails, send % "1@far.example, 2@far.example, 3@far.example")[0] is True
        value, warnings = run(mails, send % "4@far.example, 5@far.example, 6@far.example")
        assert value is False and f"{used + 5} recipients within an hour" in warnings[0], warnings
        assert run(mails, send % "4@far.example, 5@far.example")[0] is True
        assert run(mails, send % "6@far.example")[0] is False
        assert mails.status(A)["mail_in_hour"] == used + 5
        # A restart of the broker gives no new hour.
        restart(mails)
        assert run(mails, send % "6@far.example")[0] is False
        assert run(mails, send % "n@far.example", site=B)[0] is True
    assert run(mails, send % "6@far.example")[0] is True
    assert len(mails.box.all()) == 4


def restart(world):
    pid = world.pid("mail")
    os.kill(pid, 9)
    wait_until(lambda: world.pid("mail") != pid, LIMIT_S, "a new tenant-mail")
    wait_until(lambda: run(world, "return (bool)@stream_socket_client("
                           "'unix:///run/mail/sock', $n, $e, 5);")[0], LIMIT_S, "it listens")


def test_mail_goes_on_in_living_pools_after_a_restart(mails):
    assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True
    pool = mails.status(A)["master_pid"]
    restart(mails)
    assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True
    assert mails.status(A)["master_pid"] == pool


def test_without_broker_mailer_or_permission_mail_is_false_and_the_site_answers(mails):
    send = "return mail('joe@far.example', 's', 'b');"
    sock = mails.folder / "run/mail/socket/sock"
    aside = sock.with_name("aside")
    sock.rename(aside)
    try:
        began = time.monotonic()
        value, warnings = run(mails, send)
        assert value is False and "does not answer" in str(warnings), warnings
        assert time.monotonic() - began < 15
    finally:
        aside.rename(sock)
    program = mails.box.program
    program.rename(program.with_name("away"))
    try:
        value, warnings = run(mails, send)
        assert value is False and "no mailer" in str(warnings), warnings
    finally:
        program.with_name("away").rename(program)
    mails.box.set("status", "69")
    value, warnings = run(mails, send)
    assert value is False and "did not take it" in str(warnings), warnings
    mails.box.clear()
    with options(mails, A, "mail=deny", seen="return !file_exists('/run/mail');"):
        value, warnings = run(mails, send)
        assert value is False and "plan does not allow mail" in str(warnings), warnings
    assert run(mails, send)[0] is True


# ---- a hostile client --------------------------------------------------------------------

HOSTILE = {
    "an empty one": b"",
    "half a head": HEAD.pack(MAGIC, 1, 1, 0, 0, 0, 14, 0)[:10],
    "another magic": HEAD.pack(MAGIC + 1, 1, 1, 0, 0, 0, 14, 0),
    "another version": HEAD.pack(MAGIC, 2, 1, 0, 0, 0, 14, 0),
    "another kind": HEAD.pack(MAGIC, 1, 9, 0, 0, 0, 14, 0),
    "many recipients": HEAD.pack(MAGIC, 1, 1, 0, 0, 0, 0xffffffff, 0),
    "a sender without end": message(sender=b"a@b.example"),
    "two senders": message(sender=b"a@b.example\0c@b.example\0"),
    "a recipient without end": message(to=b"x@far.example"),
    "an empty recipient": message(to=b"\0"),
    "an option as recipient": message(to=b"-oQ/tmp@far.example\0"),
    "a large piece": message()[:HEAD.size + 14] + struct.pack("=I", 65537) + b"x",
    "a null byte in a header": message(body=b"Subject: a\0b\n\nhi"),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_bytes_that_are_no_message(mails, data):
    if len(data) >= HEAD.size:
        assert raw(mails, data)[0] == "bad"
    else:
        # It breaks off: nobody hears an answer, and nothing is sent.
        run(mails, f"$s = stream_socket_client('unix:///run/mail/sock'); fwrite($s, "
            f"base64_decode('{base64.b64encode(data).decode()}')); fclose($s);")
    assert raw(mails, message())[0] == "sent", mails.logs()
    assert mails.box.started() == 1


def test_half_a_message_is_not_sent(mails):
    data = message(body=b"Subject: x\n\n" + b"y" * 1000)
    run(mails, f"$s = stream_socket_client('unix:///run/mail/sock'); fwrite($s, "
        f"base64_decode('{base64.b64encode(data[:-4]).decode()}')); fclose($s);")
    assert raw(mails, message())[0] == "sent"
    assert mails.box.started() == 1


def test_one_site_has_half_of_the_room_for_large_messages(mails):
    head = base64.b64encode(message()[:HEAD.size + 14]).decode()
    begin = f"""$piece = pack('V', 65536) . str_repeat(str_repeat('y', 1023) . "\\n", 64);
        $first = pack('V', 13) . "Subject: x\\n\\ny"; $open = [];
        foreach ([0, 1] as $i) {{
            $s = $open[] = stream_socket_client('unix:///run/mail/sock');
            stream_set_timeout($s, 15); fwrite($s, base64_decode('{head}') . $first);
            for ($n = 0; $n < 1120 && @fwrite($s, $piece) === strlen($piece); $n++);
            $sent[] = $n; }}
        return [$sent, base64_encode(stream_get_contents($open[1], 256))];"""
    with options(mails, A, "mail_size=100M"):
        (sent, answer), _ = run(mails, begin)
    assert sent[0] == 1120 and sent[1] < 1120, sent  # 70 MiB each, 128 MiB in all
    assert RESULTS[ANSWER.unpack(base64.b64decode(answer))[1]] == "busy"
    assert raw(mails, message())[0] == "sent"


def test_silent_clients_hold_nobody_up(mails):
    """Four connections are a tenant's; the next is told so, a neighbour is served."""
    code = ("for ($i = 0; $i < 40; $i++) $s[] = @stream_socket_client('unix:///run/mail/sock', $n, "
            "$e, 5); return [mail('joe@far.example', 's', 'b'), count(array_filter($s))];")
    value, warnings = run(mails, code)
    assert value == [False, 40] and "too many messages at once" in str(warnings), (value, warnings)
    assert run(mails, "return mail('n@far.example', 's', 'b');", site=B)[0] is True
    assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True


def test_a_slow_mailer_holds_nobody_for_ever(mails):
    mails.box.set("wait")
    began = time.monotonic()
    value, warnings = run(mails, "return mail('joe@far.example', 's', 'b');")
    assert value is False and "took too long" in str(warnings), warnings
    assert time.monotonic() - began < 45
    mails.box.clear()
    assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True


# ---- the sendmail program ------------------------------------------------------------------

def test_the_sendmail_program(mails):
    with options(mails, A, "programs=allow",
                 seen="return file_exists('/usr/sbin/sendmail');"):
        number = mails.show(A)["number"]
        send = ("$p = popen('%s', 'w'); fwrite($p, \"To: joe@far.example\\nBcc: b@far.example\\n"
                "Subject: s\\n\\nhello\\n.\\nmore\\n\"); return pclose($p);")
        for command in ("/usr/sbin/sendmail -t -i", "LD_PRELOAD=/none /sbin/sendmail -ti 2>/dev/null"):
            assert run(mails, send % command)[0] == 0, mails.logs()
        for mail in mails.box.wait(2):
            assert mail.args == ["-i", "-f", f"t{number}@{A}", "--", "joe@far.example",
                                 "b@far.example"]
            assert mail.text.endswith("\n\nhello\n.\nmore\n") and "Bcc" not in mail.text
            assert f"X-Tenant: {number} {A}" in headers(mail)
        mails.box.clear()
        # A dot ends what -i does not keep open; recipients on the command line; no headers.
        value, _ = run(mails, "return shell_exec(\"printf 'just text\\n.\\nlost\\n' | "
                       "/usr/sbin/sendmail -f me@a.example x@far.example 2>&1; echo $?\");")
        assert value == "0\n", value
        mail, = mails.box.wait(1)
        assert mail.args == ["-i", "-f", "me@a.example", "--", "x@far.example"]
        assert mail.text.endswith("\n\njust text\n")
        for words, status in (("-X/tmp/x x@far.example", 64), ("root", 65), ("-bs", 64)):
            value, _ = run(mails, "return shell_exec('echo hi | /usr/sbin/sendmail "
                           f"{words} 2>/dev/null; echo $?');")
            assert value == f"{status}\n", (words, value)
        # PHP's own mail() takes the short way, and gives its reasons.
        assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True
        value, _ = run(mails, "return shell_exec('find / -xdev -perm /6000 -type f 2>/dev/null; "
                       "find /usr /run /etc -perm /6000 -type f 2>/dev/null; "
                       "ls /usr/sbin; echo end');")
        found = value.split()
        assert found[-2:] == ["sendmail", "end"] and "/usr/sbin/sendmail" not in found, value
    assert run(mails, "return file_exists('/usr/sbin/sendmail');")[0] is False


# ---- the other sockets ------------------------------------------------------------------------

REDIS = """$s = @stream_socket_client('unix://%s/redis.sock', $n, $e, 5); if (!$s) return false;
stream_set_timeout($s, 10); fwrite($s, "PING\\r\\n"); return trim(fgets($s));"""


def serve_redis(folder):
    """Answers one line of what Redis says, on a socket that is made anew each time."""
    path = folder / "redis.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(8)

    def answer():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                if peer.recv(100):
                    peer.sendall(b"+PONG\r\n")
    threading.Thread(target=answer, daemon=True).start()
    return listener


def test_redis_is_there_by_plan_and_over_its_restart(mails):
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-redis.") as top:
        folder = pathlib.Path(top)
        folder.chmod(0o755)
        with System(conf=f"socket.redis = {folder}\n") as system:
            for site in (A, B):
                system.ctl("add", site, *(["sockets=redis"] if site == A else []), check=True)
                system.put(site, "public/run.php", RUN)
            for _ in range(2):      # the folder is bound: a new server is met by a living pool
                listener = serve_redis(folder)
                assert run(system, REDIS % folder)[0] == "+PONG", system.logs()
                assert run(system, REDIS % folder, site=B)[0] is False
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
            assert system.status(A)["starts"] == 1
