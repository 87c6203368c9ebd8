# SPDX-License-Identifier: Apache-2.0
"""FastCGI on the wire: what php-fpm does, and what the specification asks and php-fpm does not do
(`stricter`).  Each case is a function that gets one of the two servers."""
import hashlib
import json
import os
import struct
import time

import pytest

from tests.lib import fcgi_client as f
from tests.lib.procs import wait_until

ECHO = ("<?php echo json_encode([$_SERVER['X'] ?? '', strlen($_SERVER['L'] ?? ''), count($_SERVER) >"
        " 1000, md5(file_get_contents('php://input'))]);")
RAN = "<?php file_put_contents('../tmp/ran', '.', FILE_APPEND); echo 'ran';"
ABORT = """<?php while (ob_get_level()) ob_end_flush();
$ended = 0;
register_shutdown_function(function () use (&$ended) {
    file_put_contents($_SERVER['NOTE'], 'aborted ' . connection_aborted() . ", ended $ended");
});
for ($i = 0; $i < 10000 && !($i > 100 && connection_aborted()); $i++) {
    echo str_repeat('x', 10000); flush(); usleep(1000);
}
$ended = 1;
"""
# What waits in PHP's own buffer is not sent: the flush alone has to find out.
ALONE = ABORT.replace("});\n", "});\necho 'begun'; flush(); ob_start();\n").replace("'x', 10000", "'x', 1")
stricter = []       # names of cases that php-fpm does not meet


def strict(case):
    stricter.append(case)
    return case


def hello(server, **more):
    return server.params("hello.php", **more)


def finish(c, number=1):
    """Reads an answer and wants it to be hello's."""
    answer = c.answer(number)
    assert answer.text == "hello" and answer.end == (0, 0), answer.out
    return answer


def closes(c, seconds=25):
    """True if the server ends the connection without having run anything."""
    return c.is_closed(seconds)


def values(c, *names):
    """The answer to FCGI_GET_VALUES, as a dict."""
    c.send(f.record(f.GET_VALUES, f.pairs([(name, "") for name in names]), 0))
    kind, number, body = c.record()
    assert (kind, number) == (f.VALUES, 0)
    out = {}
    while body:
        name, value = body[0], body[1]
        out[body[2:2 + name].decode()] = body[2 + name:2 + name + value].decode()
        body = body[2 + name + value:]
    return out


# ---- what php-fpm does -------------------------------------------------------------------------
def one_request(server):
    with server.connect() as c:
        c.send(f.request(hello(server)))
        finish(c)
        assert closes(c)


def kept(server):
    with server.connect() as c:
        for number in (1, 1, 7, 65535):
            c.send(f.request(hello(server), number=number, flags=f.KEEP))
            finish(c, number)
        c.send(f.request(hello(server)))
        finish(c)
        assert closes(c)


def pipelined(server):
    with server.connect() as c:
        c.send(f.request(hello(server), flags=f.KEEP) * 3)
        for _ in range(3):
            finish(c)


def values_between_requests(server):
    with server.connect() as c:
        c.send(f.request(hello(server), flags=f.KEEP))
        finish(c)
        assert values(c, "FCGI_MPXS_CONNS") == {"FCGI_MPXS_CONNS": "0"}
        c.send(f.request(hello(server), flags=f.KEEP))
        finish(c)


def three_values(server):
    with server.connect() as c:
        got = values(c, "FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
        assert got["FCGI_MPXS_CONNS"] == "0"


def unknown_values(server):
    with server.connect() as c:
        assert values(c, "NONE", "x" * 300, "FCGI_MPXS_CONNS") == {"FCGI_MPXS_CONNS": "0"}


def values_with_an_id(server):
    """A management record has the id 0; php-fpm answers any."""
    with server.connect() as c:
        c.send(f.record(f.GET_VALUES, f.pairs({"FCGI_MPXS_CONNS": ""}), 1))
        assert c.record() == (f.VALUES, 0, f.pairs({"FCGI_MPXS_CONNS": "0"}))


def other_roles(server):
    with server.connect() as c:
        for role, name in ((2, "AUTHORIZER"), (3, "FILTER"), (1, "RESPONDER")):
            params = f.stream(f.PARAMS, f.pairs(server.params("role.php")))
            # An authorizer gets no body, and some clients send its end nevertheless.
            for body in (f.record(f.STDIN), b"")[:2 if role == 2 else 1]:
                c.send(f.begin(role=role, flags=f.KEEP) + params + body)
                assert c.answer().text == name


def no_body_at_all(server):
    """Not even its end, and the script reads it."""
    with server.connect() as c:
        c.send(f.begin() + f.stream(f.PARAMS, f.pairs(server.params("echo.php"))))
        assert json.loads(c.answer().text)[3] == hashlib.md5(b"").hexdigest()


def slow_head(server):
    """Longer than a silent client may take."""
    whole = f.request(hello(server))
    step = len(whole) // 6
    with server.connect() as c:
        for at in range(0, len(whole), step):
            c.send(whole[at:at + step])
            time.sleep(1)       # the slowness is what is tried
        finish(c)


def thousands_of_values(server):
    with server.connect() as c:
        names = [f"N{i:05d}" for i in range(7000)]
        assert values(c, *names, "FCGI_MPXS_CONNS") == {"FCGI_MPXS_CONNS": "0"}


def padding(server):
    params = f.pairs(hello(server))
    with server.connect() as c:
        c.send(f.begin(padding=255) + f.record(f.PARAMS, params, padding=255) +
               f.record(f.PARAMS, padding=8) + f.record(f.STDIN, padding=1))
        finish(c)


def records_cut_between_pairs(server):
    with server.connect() as c:
        c.send(f.begin() + b"".join(f.record(f.PARAMS, f.pairs([pair]))
                                    for pair in hello(server).items()) +
               f.record(f.PARAMS) + f.record(f.STDIN))
        finish(c)


def byte_by_byte(server):
    with server.connect() as c:
        for byte in f.request(hello(server)):
            c.send(bytes([byte]))
        finish(c)


def long_lengths(server):
    """Lengths of four bytes where one would do."""
    pairs = b"".join(struct.pack("!II", len(k) | 1 << 31, len(v) | 1 << 31) + k.encode() + v.encode()
                     for k, v in hello(server).items())
    with server.connect() as c:
        c.send(f.begin() + f.stream(f.PARAMS, pairs) + f.record(f.STDIN))
        finish(c)


def last_of_equal_names(server):
    params = [("SCRIPT_FILENAME", "/nowhere.php"), *hello(server).items()]
    with server.connect() as c:
        c.send(f.request(params))
        finish(c)


def mebibyte_of_params(server):
    params = server.params("echo.php", **{f"P{i}": "v" * 1000 for i in range(1050)})
    records = b"".join(f.record(f.PARAMS, f.pairs([pair])) for pair in params.items())
    with server.connect() as c:
        c.send(f.begin() + records + f.record(f.PARAMS) + f.record(f.STDIN))
        assert c.answer().text.startswith('["",0,true')


def body_in_small_records(server):
    body = os.urandom(3000)
    params = server.params("echo.php", REQUEST_METHOD="POST", CONTENT_LENGTH="3000",
                           CONTENT_TYPE="text/plain")
    with server.connect() as c:
        c.send(f.begin() + f.stream(f.PARAMS, f.pairs(params)) + f.stream(f.STDIN, body, size=1))
        assert hashlib.md5(body).hexdigest() in c.answer().text


def unread_body(server):
    body = b"z" * 200000
    with server.connect() as c:
        for _ in range(3):
            c.send(f.request(hello(server, REQUEST_METHOD="PUT", CONTENT_LENGTH=str(len(body))),
                             body, flags=f.KEEP))
            finish(c)


def partly_read_body(server):
    """What a script leaves is not taken for the next request."""
    body = b"0123456789" + f.request(server.params("ran.php")) * 2000
    with server.connect() as c:
        for _ in range(3):
            c.send(f.request(server.params("part.php", REQUEST_METHOD="PUT",
                                           CONTENT_LENGTH=str(len(body))), body, flags=f.KEEP))
            assert c.answer().text == "0123456789"
            c.send(f.request(hello(server), flags=f.KEEP))
            finish(c)


def memory_of_requests(server):
    """A worker does not grow with the requests that it has served, neither by their values nor by
    the classes that they declare (PHP had lost a word for each)."""
    most = {}       # worker: its largest size in KiB, by request
    with server.connect() as c:
        for i in range(1200):
            more = {f"VALUE_{k}": f"{i}" * 50 for k in range(100)}
            c.send(f.request(server.params("classes.php", **more), flags=f.KEEP))
            worker, size = c.answer().text.split()
            most.setdefault(worker, []).append(int(size))
    assert len(most) == 1, "a kept connection is one worker's"
    [sizes] = most.values()
    # Half a KiB for each request would be seen: 500 KiB.
    assert sizes[-1] - sizes[200] < 500, sizes[::100]


def half_a_head(server):
    """Whoever goes away in the middle has asked for nothing."""
    whole = f.request(server.params("ran.php"))
    for size in (1, 7, 8, 12, 16, 20, 30, 100):
        with server.connect() as c:
            c.send(whole[:size])


def garbage(server):
    for data in (b"GET / HTTP/1.0\r\n\r\n", bytes(64), b"\x16\x03\x01" * 30,
                 f.begin() + f.stream(f.PARAMS, b"\xff" * 64)):
        with server.connect() as c:
            c.send(data)
            c.socket.shutdown(1)
            assert closes(c)


def absurd_lengths(server):
    for size in (0x7fffffff, 0x00ffffff):
        with server.connect() as c:
            c.send(f.begin() + f.stream(f.PARAMS, struct.pack("!II", size | 1 << 31, size | 1 << 31)))
            assert closes(c)


def stderr_has_no_empty_record(server):
    with server.connect() as c:
        c.send(f.request(server.params("noise.php")))
        lengths = []
        while True:
            kind, _, body = c.record()
            if kind == f.END:
                break
            lengths.append((kind, len(body)))
        # An empty record ends its stream: it stands last, or not at all.
        for kind in (f.STDOUT, f.STDERR):
            own = [size for which, size in lengths if which == kind]
            assert 0 not in own[:-1], lengths


def errors_keep_their_place(server):
    with server.connect() as c:
        c.send(f.request(server.params("place.php")))
        answer = c.answer()
        assert [kind for kind, _ in answer.records][:3] == [f.STDOUT, f.STDERR, f.STDOUT]
        assert answer.text == "abc" and answer.err == b"PHP message: between"


def client_goes_away(server):
    for _ in range(3):
        with server.connect() as c:
            c.send(f.request(server.params("much.php")))
            c.exactly(10)
    with server.connect() as c:
        c.send(f.request(hello(server)))
        assert finish(c).err == b""


def gone(server, script):
    """What a script that goes on printing notes when its client leaves."""
    note = f"{os.path.dirname(server.root())}/tmp/{script}.{server.name}"
    with server.connect() as c:
        c.send(f.request(server.params(script, NOTE=note)))
        c.record()
    wait_until(lambda: os.path.exists(note) and open(note, encoding="ascii").read(), 30, note)
    return open(note, encoding="ascii").read()


def abort_ends_the_script(server):
    assert gone(server, "abort.php") == "aborted 1, ended 0"


def abort_is_seen_by_a_flush_of_nothing(server):
    assert gone(server, "alone.php") == "aborted 1, ended 0"


def abort_is_ignored(server):
    assert gone(server, "ignore.php") == "aborted 1, ended 1"


# ---- what the specification asks ---------------------------------------------------------------
@strict
def unknown_type(server):
    with server.connect() as c:
        c.send(f.record(99, b"x" * 20, 0))
        assert c.record() == (f.UNKNOWN, 0, b"\x63" + bytes(7))
        c.send(f.request(hello(server)))
        finish(c)


@strict
def unknown_role(server):
    for role in (0, 4, 99, 65535):
        with server.connect() as c:
            c.send(f.begin(5, role=role, flags=f.KEEP))
            assert c.record() == (f.END, 5, struct.pack("!IB3x", 0, f.UNKNOWN_ROLE))
            c.send(f.request(hello(server)))
            finish(c)


@strict
def other_versions(server):
    for version in (0, 2, 255):
        with server.connect() as c:
            whole = f.request(server.params("ran.php"))
            c.send(bytes([version]) + whole[1:])
            assert closes(c)


@strict
def multiplexed(server):
    """FCGI_MPXS_CONNS is 0: the second id is refused by the book, the first is served."""
    with server.connect() as c:
        c.send(f.begin(1, flags=f.KEEP) + f.record(f.PARAMS, f.pairs(hello(server)), 1) +
               f.begin(2, flags=f.KEEP))
        assert c.record() == (f.END, 2, struct.pack("!IB3x", 0, f.CANT_MPX_CONN))
        c.send(f.record(f.PARAMS, request=1) + f.record(f.STDIN, request=1))
        finish(c)


@strict
def pairs_across_records(server):
    params = f.pairs(hello(server))
    for size in (1, 7, 64):
        with server.connect() as c:
            c.send(f.begin() + f.stream(f.PARAMS, params, size=size) + f.record(f.STDIN))
            finish(c)


@strict
def params_without_end(server):
    params = f.record(f.PARAMS, f.pairs(server.params("ran.php")))
    with server.connect() as c:
        c.send(f.begin() + params + f.record(f.STDIN))
        assert closes(c)
    with server.connect() as c:
        c.send(f.begin() + params)
        c.socket.shutdown(1)
        assert closes(c)


@strict
def params_without_bound(server):
    block = f.record(f.PARAMS, f.pairs([("X" * 100, "y" * 60000)])[:65535])
    sent = 0
    with server.connect() as c:
        c.send(f.begin())
        try:
            while sent < 100 << 20:
                c.send(block)
                sent += len(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 16 << 20


@strict
def body_shorter_than_announced(server):
    """Its end is there, and the connection stays open."""
    with server.connect(timeout=25) as c:       # for what is missing it would wait 30 s
        c.send(f.request(server.params("echo.php", REQUEST_METHOD="POST", CONTENT_LENGTH="500",
                                       CONTENT_TYPE="text/plain"), b"abc", flags=f.KEEP))
        assert "900150983cd24fb0d6963f7d28e17f72" in c.answer().text


@strict
def settings_in_the_request(server):
    """PHP_VALUE and PHP_ADMIN_VALUE change nothing, now or later."""
    for name in ("PHP_VALUE", "PHP_ADMIN_VALUE"):
        for setting in (f"auto_prepend_file={server.root()}/ran.php", "precision=3"):
            with server.connect() as c:
                c.send(f.request(hello(server, **{name: setting})))
                finish(c)
    for _ in range(8):
        with server.connect() as c:
            c.send(f.request(hello(server)))
            finish(c)


@strict
def clients_that_never_close(server):
    held = []
    for _ in range(6):      # more than workers
        c = server.connect()
        held.append(c)
        c.send(f.request(hello(server)))
        finish(c)
    for c in held:
        c.close()


@strict
def scripts_elsewhere(server):
    for path in ("/usr/share/php/x.php", f"{server.root()}/../private/x.php", "/etc/passwd",
                 f"{server.root()}/out.php", f"{os.path.dirname(server.root())}/private/x.php"):
        answer = server.fetch(hello(server, SCRIPT_FILENAME=path))
        assert answer.status in (403, 404) and "ran" not in answer.text


CASES = [case for case in list(globals().values())
         if callable(case) and getattr(case, "__module__", "") == __name__
         and case not in (strict, hello, finish, closes, values, gone)]


@pytest.fixture(scope="module")
def scripts(sites):
    for name, text in {
            "hello.php": "<?php echo 'hello';", "echo.php": ECHO, "ran.php": RAN,
            "../private/x.php": RAN,
            "noise.php": "<?php for ($i = 0; $i < 167; $i++) error_log(str_repeat('e', 100));"
                         "echo str_repeat('o', 100000);",
            "role.php": "<?php echo $_SERVER['FCGI_ROLE'];",
            "place.php": "<?php while (ob_get_level()) ob_end_flush(); echo 'a'; flush();"
                         "error_log('between'); echo 'b'; flush(); echo 'c';",
            "alone.php": ALONE,
            "abort.php": ABORT, "ignore.php": "<?php ignore_user_abort(true); ?>" + ABORT,
            "part.php": "<?php echo fread(fopen('php://input', 'r'), 10);",
            "classes.php": "".join([
                "<?php ", *(f"class C{i} {{ public static $n = 1; public ?C{i} $c = null; }}\n"
                            for i in range(100)),
                "getenv(); $_ENV; C1::$n++; $c = new C2(); $c->c = $c;",
                "echo getmypid(), ' ', getrusage()['ru_maxrss'];"]),
            "much.php": "<?php for ($i = 0; $i < 130; $i++) echo str_repeat('x', 10000);"}.items():
        sites.put(name, text)
    sites.system.as_tenant(sites.sites["base"],
                           lambda: os.symlink("../private/x.php", "public/out.php"))
    yield sites
    assert not os.path.exists(f"{os.path.dirname(sites.pool.root())}/tmp/ran")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_protocol(scripts, server, case):
    if case in stricter and server is scripts.fpm:
        pytest.skip("php-fpm does not meet it")
    case(server)
