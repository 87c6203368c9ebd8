# SPDX-License-Identifier: Apache-2.0
"""Mail on its way out of a cage: tenant-mail and its limits, the sendmail program, other sockets."""
import base64
import os
import pathlib
import socket
import struct
import tempfile
import threading
import time

import pytest

from tests.lib.mail_rig import (A, ANSWER, B, HEAD, LIMIT_S, MAGIC, RESULTS, RUN, TAKEN, counts,
                                headers, mails, message, options, raw, run, world)
from tests.lib.procs import wait_until
from tests.lib.system import System

pytestmark = pytest.mark.slow


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
