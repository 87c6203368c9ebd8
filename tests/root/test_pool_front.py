# SPDX-License-Identifier: Apache-2.0
"""The guard in front of libfcgi: what no web server sends, and limits."""
import os
import socket
import struct

import pytest

from tests.lib import fcgi_client as f
from tests.lib import procs
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")


@pytest.fixture(scope="module")
def pool():
    with Pool("max_children=3") as running:
        # Runs leave a trace: what is refused must not have run.
        running.write("trace.php", "<?php file_put_contents(__DIR__ . '/../tmp/ran', 'x',"
                                   " FILE_APPEND); echo 'ran';")
        yield running
        assert running.get("hello.php").status == 200
        assert "died of signal" not in running.log()


@pytest.fixture
def trace(pool):
    """The number of runs of trace.php in this test."""
    path = pool.home / "tmp/ran"
    if path.exists():
        path.unlink()
    return lambda: path.stat().st_size if path.exists() else 0


def values(body):
    """Decodes name-value pairs with short lengths."""
    out, at = {}, 0
    while at < len(body):
        name, value = body[at], body[at + 1]
        out[body[at + 2:at + 2 + name].decode()] = body[at + 2 + name:at + 2 + name + value]
        at += 2 + name + value
    return out


@pytest.mark.parametrize("names, wanted", [
    (["FCGI_MPXS_CONNS"], {"FCGI_MPXS_CONNS": b"0"}),
    (["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"],
     {"FCGI_MAX_CONNS": b"3", "FCGI_MAX_REQS": b"3", "FCGI_MPXS_CONNS": b"0"}),
    (["UNKNOWN", "x" * 300], {}),
    ([], {}),
])
def test_get_values(pool, names, wanted):
    with pool.connect() as c:
        c.send(f.record(f.GET_VALUES, f.pairs([(n, "") for n in names]), 0, padding=5))
        kind, number, body = c.record()
        assert (kind, number, values(body)) == (f.VALUES, 0, wanted)
        c.send(f.request(pool.params("hello.php")))    # and the connection lives on
        assert c.answer().status == 200


def test_unknown_management_type(pool):
    with pool.connect() as c:
        c.send(f.record(77, b"x" * 20, 0))
        assert c.record() == (f.UNKNOWN, 0, bytes([77]) + bytes(7))
        c.send(f.request(pool.params("hello.php")))
        assert c.answer().status == 200


@pytest.mark.parametrize("role", [0, 4, 99])
def test_unknown_role(pool, role):
    with pool.connect() as c:
        c.send(f.begin(4, role=role, flags=f.KEEP))
        kind, number, body = c.record()
        assert (kind, number, body[4]) == (f.END, 4, f.UNKNOWN_ROLE)
        c.send(f.request(pool.params("hello.php")))
        assert c.answer().status == 200


def test_second_request_on_a_busy_connection(pool):
    with pool.connect() as c:
        body = f.record(f.STDIN, b"abc")
        params = pool.params("trace.php", REQUEST_METHOD="POST", CONTENT_LENGTH=6)
        c.send(f.begin(1) + f.stream(f.PARAMS, f.pairs(params)) + body + f.begin(2) +
               f.stream(f.PARAMS, f.pairs(params), 2) + body + f.record(f.STDIN))
        answer = c.answer()
        assert answer.text == "ran"
        kinds = {(kind, number) for kind, number in answer.records}
        assert (f.END, 2) in kinds and (f.STDOUT, 2) not in kinds


def test_params_split_anywhere(pool):
    data = f.pairs(pool.params("hello.php", X="y" * 300))
    for size in (1, 2, 7, 127, 300):
        with pool.connect() as c:
            c.send(f.begin() + f.stream(f.PARAMS, data, size=size) + f.record(f.STDIN))
            assert c.answer().text.startswith("hello")


def test_padding_and_slow_bytes(pool):
    whole = f.begin(padding=255) + f.record(f.PARAMS, f.pairs(pool.params("hello.php")),
                                            padding=255) + \
        f.record(f.PARAMS, padding=8) + f.record(f.STDIN, padding=255)
    with pool.connect() as c:
        for byte in whole:
            c.send(bytes([byte]))
        assert c.answer().text.startswith("hello")


def test_ids_other_than_one(pool):
    for number in (2, 255, 256, 65535):
        with pool.connect() as c:
            c.send(f.request(pool.params("hello.php"), number=number))
            assert c.answer(number).text.startswith("hello")


def refused(pool, data, half_close=False, seconds=20):
    """Silence is borne for five seconds, a head that comes slowly for thirty."""
    with pool.connect() as c:
        try:
            c.send(data)
            if half_close:
                c.socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return c.is_closed(seconds)


def test_wrong_records_are_refused(pool, trace):
    params = f.stream(f.PARAMS, f.pairs(pool.params("trace.php")))
    end = f.record(f.STDIN)
    for data in (
            f.record(f.BEGIN, struct.pack("!HB5x", 1, 0), version=2) + params + end,
            f.record(f.BEGIN, struct.pack("!HB5x", 1, 0), version=0) + params + end,
            f.record(f.BEGIN, b"\0\1\0") + params + end,
            f.record(f.BEGIN, b"\0\1\0" + bytes(20)) + params + end,
            f.begin() + f.begin() + params + end,
            f.begin() + f.record(f.STDOUT, b"x") + params + end,
            f.begin() + f.record(200, b"x") + params + end,
            f.begin() + f.record(f.PARAMS, f.pairs(pool.params("trace.php"))) + end,
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10,
            b"\x16\x03\x01\x02\x00\x01" * 20,
            bytes(1000), b"\xff" * 1000):
        assert refused(pool, data), data[:40]
    assert trace() == 0


def test_cut_anywhere_does_not_run(pool, trace):
    whole = f.begin() + f.stream(f.PARAMS, f.pairs(pool.params("trace.php")))
    for at in list(range(0, 60)) + list(range(60, len(whole), 13)):
        if at < len(whole):
            assert refused(pool, whole[:at], half_close=True), at
    assert trace() == 0


def test_params_that_end_inside_a_pair(pool, trace):
    good = f.pairs(pool.params("trace.php"))
    for tail in (b"\x05", b"\x05\x05", b"\x05\x05abc", b"\x80\0\0", b"\x03\x80\0\0\x09abc123"):
        assert refused(pool, f.begin() + f.stream(f.PARAMS, good + tail) + f.record(f.STDIN))
    assert trace() == 0


def test_absurd_lengths(pool, trace):
    good = f.pairs(pool.params("trace.php"))
    for length in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x20\x00\x01"):
        for tail in (length + length, length + b"\x01", b"\x01" + length):
            assert refused(pool, f.begin() + f.stream(f.PARAMS, good + tail + b"x" * 100))
    assert trace() == 0


def test_nul_bytes_are_refused(pool, trace):
    for name, value in (("A\0B", "x"), ("A", "x\0y"),
                        ("SCRIPT_FILENAME", f"{pool.home}/public/trace.php\0.jpg")):
        assert refused(pool, f.request({**pool.params("trace.php"), name: value}))
    assert trace() == 0


def test_params_limits(pool, trace):
    large = pool.params("hello.php", LARGE="x" * (1024 * 1024))
    assert f.fetch(pool.socket, large).text.startswith("hello")
    many = pool.params("hello.php", **{f"P{i}": "1" for i in range(2000)})
    assert f.fetch(pool.socket, many).text.startswith("hello")
    assert refused(pool, f.request(pool.params("trace.php", **{f"P{i}": "1"
                                                              for i in range(17000)})))
    assert refused(pool, f.request(pool.params("trace.php", LARGE="x" * (3 * 1024 * 1024))))
    assert trace() == 0


def test_flood_of_params_is_bounded(pool, trace):
    def resident():
        """Of the largest worker: how many there are is the machine's load."""
        return max(int((procs.field(pid, "VmRSS") or [0])[0]) for pid in pool.workers())
    assert pool.get("hello.php").status == 200
    before = resident()
    with pool.connect() as c:
        c.send(f.begin())
        sent = 0
        block = f.record(f.PARAMS, f.pairs([("X" * 100, "y" * 60000)])[:65535])
        try:
            while sent < 100 * 1024 * 1024:
                c.send(block)
                sent += len(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 8 * 1024 * 1024
    assert resident() - before < 16 * 1024
    assert trace() == 0


def test_flood_of_management_records_ends(pool):
    with pool.connect() as c:
        sent, block = 0, f.record(77, b"x" * 60000, 0)
        try:
            while sent < 100 * 1024 * 1024:
                c.send(block)
                sent += len(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 8 * 1024 * 1024


def test_silent_clients_do_not_hold_workers(pool):
    silent = [pool.connect() for _ in range(3)]     # as many as workers
    for c in silent[1:]:
        c.send(f.begin()[:5])
    # Silence is borne for five seconds, a head that comes slowly for thirty.
    assert pool.get("hello.php", timeout=25).status == 200
    for c in silent:
        c.close()


def test_client_that_never_closes(pool):
    held = []
    for _ in range(6):
        c = pool.begin("hello.php")
        assert c.answer().status == 200
        held.append(c)
    assert pool.get("hello.php").status == 200
    for c in held:
        c.close()


def test_client_that_never_reads(pool):
    pool.write("much.php", "<?php for ($i = 0; $i < 500; $i++) echo str_repeat('x', 100000);")
    held = [pool.begin("much.php") for _ in range(2)]
    assert pool.get("hello.php").status == 200     # the third worker
    for c in held:
        c.close()


def test_unread_body_does_not_disturb(pool):
    body = b"z" * 200000
    with pool.connect() as c:
        for _ in range(3):
            c.send(f.request(pool.params("hello.php", REQUEST_METHOD="PUT",
                                         CONTENT_LENGTH=len(body)), body, flags=f.KEEP))
            assert c.answer().text.startswith("hello")


def test_smuggled_request_in_a_body(pool, trace):
    hidden = f.request(pool.params("trace.php"), number=1, flags=f.KEEP)
    for shift in range(8):
        with pool.connect() as c:
            c.send(f.request(pool.params("hello.php", REQUEST_METHOD="POST", CONTENT_LENGTH=1),
                             bytes(shift) + hidden, flags=f.KEEP))
            assert c.answer().text.startswith("hello")
            c.send(f.request(pool.params("hello.php"), flags=f.KEEP))
            assert c.answer().text.startswith("hello")
    assert trace() == 0


def test_abort(pool, trace):
    with pool.connect() as c:
        c.send(f.begin(1, flags=f.KEEP) + f.record(f.PARAMS, f.pairs(pool.params("trace.php"))) +
               f.record(f.ABORT))
        kind, number, _ = c.record()
        assert (kind, number) == (f.END, 1)
        c.send(f.request(pool.params("hello.php")))
        assert c.answer().text.startswith("hello")
    assert trace() == 0


def test_pools_own_user_is_refused(pool, trace):
    """A tenant must not make requests to its own pool with parameters of its choice."""
    code = ("import os, sys; sys.path.insert(0, sys.argv[1]); os.setgid(1900000007);"
            "os.setuid(1900000007); from tests.lib import fcgi_client as f\n"
            "try: print(f.fetch(sys.argv[2], eval(sys.argv[3])).text)\n"
            "except (EOFError, OSError): print('refused')")
    import subprocess
    import sys
    from tests.lib.pool import ROOT
    out = subprocess.run([sys.executable, "-B", "-c", code, ROOT, pool.socket,
                          repr(pool.params("trace.php"))], text=True, capture_output=True,
                         check=False)
    assert out.stdout == "refused\n", out
    assert trace() == 0


@pytest.mark.parametrize("name", ["PHP_VALUE", "PHP_ADMIN_VALUE"])
def test_settings_are_not_taken_from_parameters(pool, name):
    pool.write("prepend.php", "<?php echo 'PREPENDED';")
    pool.write("show.php", "<?php echo json_encode([ini_get('auto_prepend_file'),"
               " ini_get('memory_limit'), isset($_SERVER['PHP_VALUE']),"
               " isset($_SERVER['PHP_ADMIN_VALUE']), getenv('PHP_VALUE')]);")
    answer = pool.get("show.php", **{name: f"auto_prepend_file={pool.home}/public/prepend.php\n"
                                           "memory_limit=1G"})
    assert answer.text == '["","128M",false,false,false]'
    for _ in range(6):
        assert "PREPENDED" not in pool.get("show.php").text
