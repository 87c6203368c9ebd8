# SPDX-License-Identifier: Apache-2.0
"""mail() as PHP has it, and what its settings mean."""
import json
import pathlib

import pytest

from tests.lib.mail_rig import A, counts, headers, mails, options, run, world

pytestmark = pytest.mark.slow


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
