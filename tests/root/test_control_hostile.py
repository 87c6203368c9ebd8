# SPDX-License-Identifier: Apache-2.0
"""tenant-control under hostile callers: each is refused, in the form that all replies have; memory
and descriptors stay bounded, and others are served meanwhile.  Over a played supervisor."""
import contextlib
import json
import os
import select
import socket
import time

import pytest

from tests.lib import api, procs
from tests.lib.control import Answer, Control, UnixConnection, failed

GROWTH_KIB = 48 * 1024          # more than all connections may hold at once
CALLER_MAX = 64
LONG = 120                      # seconds; what ends by a deadline of 30 s ends much earlier


@pytest.fixture(scope="module")
def control():
    with Control() as running:
        running.add("x.example")
        running.settled()
        yield running


@pytest.fixture
def c(control):
    """The server, and afterwards: it serves, it holds no descriptor more, and little memory more."""
    files, memory = held(control)
    yield control
    procs.wait_until(lambda: is_serving(control), LONG, "serves")
    procs.wait_until(lambda: held(control)[0] <= files + 1, LONG, "descriptors are given back")
    assert held(control)[1] - memory < GROWTH_KIB
    assert control.sql("SELECT count(*) FROM tenant") == [(1,)]


def is_serving(control):
    return control.get("/v1/tenants").status == 200


def held(control):
    """(descriptors, KiB of memory) of the server."""
    return (len(os.listdir(f"/proc/{control.child.pid}/fd")),
            int(procs.field(control.child.pid, "VmRSS")[0]))


@contextlib.contextmanager
def connections(c, count=1):
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(str(c.socket))    # waits while the backlog is full
            s.settimeout(LONG)
            made.append(s)
        yield made


def feed(s, data):
    """Sends as much as is taken: a refusal may come in the middle."""
    with contextlib.suppress(OSError):
        s.sendall(data)


def everything(s):
    """All bytes until the end."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := s.recv(65536):
            data += piece
    return data


def replies(data):
    """[(status, Answer)] out of the bytes of a connection."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        size = [int(x.split(":")[1]) for x in lines if x.lower().startswith("content-length:")][0]
        status = int(lines[0].split()[1])
        found.append(Answer(status, {}, data[:size].decode()))
        api.check("GET", "/v1/status", status, found[-1].root) if status >= 400 else None
        data = data[size:]
    return found


POST = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /v1/tenants HTTP/1.1\r\nHost: x\r\n"

BODIES = {
    "no json": (b"site=x.example", ""), "cut": (b'{"site":', ""), "more behind": (b"{}{}", ""),
    "empty": (b"", ""), "list": (b"[]", ""), "number": (b"1e999", ""), "null": (b"null", ""),
    "deep lists": (b"[" * 60000, ""), "deep": (b'{"options":' * 5000 + b"1" + b"}" * 5000, ""),
    "just too deep": (b'{"options":' + b"[" * 8 + b"]" * 8 + b"}", ""),
    "doubled": (b'{"site":"y.example","site":"z.example"}', "site"),
    "doubled inside": (b'{"site":"y.example","options":{"pm":"static","pm":"static"}}', "pm"),
    "unknown": (b'{"site":"y.example","uid":0}', "uid"),
    "unknown long": (b'{"site":"y.example","' + b"u" * 5000 + b'":0}', "u" * 64),
    "missing": (b"{}", "site"), "site is a number": (b'{"site":1}', "site"),
    "site is a list": (b'{"site":["y.example"]}', "site"), "site is null": (b'{"site":null}', "site"),
    "plan is true": (b'{"site":"y.example","plan":true}', "plan"),
    "aliases are text": (b'{"site":"y.example","aliases":"z.example"}', "aliases"),
    "an alias is an object": (b'{"site":"y.example","aliases":[{}]}', "aliases.0"),
    "options are a list": (b'{"site":"y.example","options":[]}', "options"),
    "an option is a list": (b'{"site":"y.example","options":{"pm":[]}}', "options.pm"),
    "an option is real": (b'{"site":"y.example","options":{"pids_max":1.5}}', "options.pids_max"),
    "NUL": (b'{"site":"y.example\x00"}', ""), "escaped NUL": (b'{"site":"y.example\\u0000"}', ""),
    "NUL as key": (b'{"\\u0000":1}', ""), "no UTF-8": (b'{"site":"\xff\xfe.example"}', ""),
    "overlong": (b'{"site":"\xc0\xae.example"}', ""), "surrogate": (b'{"site":"\\ud800"}', ""),
    "huge number": (b'{"site":' + b"9" * 60000 + b"}", ""),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(c, name):
    body, field = BODIES[name]
    failed(c.request("POST", "/v1/tenants", body), 400, "bad_json", field)


HEADS = {
    "100 MiB": (POST + b"Content-Length: 104857600\r\n\r\n", 413, "too_large", ""),
    "beyond 64 bits": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 413, None, ""),
    "chunked": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400, "usage", ""),
    "long header": (GET + b"X-Long: " + b"a" * 20000 + b"\r\n\r\n", 413, "too_large", "headers"),
    "many headers": (GET + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 60) for i in range(280)) + b"\r\n", 413,
                     "too_large", "headers"),
    "long path": (b"GET /v1/" + b"a" * 12000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 404, "no_route", ""),
    "odd method": (b"BREW /v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n", 405, "bad_method", ""),
    "unknown argument": (b"GET /v1/tenants?all=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "usage", "all"),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads(c, name):
    head, status, code, field = HEADS[name]
    with connections(c) as (s,):
        feed(s, head)
        s.shutdown(socket.SHUT_WR)
        data = everything(s)
    if code is None:            # what even the library refuses
        assert b" 400 " in data[:20] or b" 413 " in data[:20], data[:80]
        return
    failed(replies(data)[0], status, code, field)


@pytest.mark.parametrize("data", [
    b"\x00" * 1000, b"GET\r\n\r\n",
    b"GET /v1/tenants HTTP/9.9\r\n\r\n", GET + b"X-Flood: " + b"a" * (1 << 20) + b"\r\n\r\n",
    b"".join([GET] + [b"X-%d: a\r\n" % i for i in range(40000)]),
    b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n"],
    ids=["zeros", "no path", "version", "one header", "headers", "path"])
def test_what_is_no_http_ends(c, data):
    """A bare status or nothing; the connection ends."""
    with connections(c) as (s,):
        feed(s, data)
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
        answer = everything(s)
    assert answer == b"" or answer.startswith(b"HTTP/1."), answer[:80]


def test_a_body_of_100_mib_is_not_taken(c):
    before = held(c)[1]
    with connections(c) as (s,):
        feed(s, POST + b"Content-Length: 104857600\r\n\r\n")
        for _ in range(100):
            feed(s, b"a" * (1 << 20))
        assert held(c)[1] - before < 8 * 1024
        data = everything(s)
    failed(replies(data)[0], 413, "too_large")


@pytest.mark.parametrize("request_", [
    GET + b"\r\n", b"GET /v1/tenants/x.example/status HTTP/1.0\r\n\r\n",
    b"PATCH /v1/tenants/x.example HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n"
    b'{"plan":"small"}'], ids=["read", "question", "change"])
def test_who_sends_no_more_is_answered(c, request_):
    """As `nc -N` does: its side is closed while the answer is still made."""
    c.fake.delay.update(status=0.3, apply=0.3)
    with connections(c) as (s,):
        s.sendall(request_)
        s.shutdown(socket.SHUT_WR)
        assert [a.result for a in replies(everything(s))] == ["done"]
    c.fake.delay.clear()
    c.patch("x.example", plan="default")


def test_pipelined_requests_are_answered_in_order(c):
    with connections(c) as (s,):
        body = b'{"reason":"a"}'
        s.sendall(GET + b"\r\n" + b"GET /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n" +
                  b"POST /v1/tenants/nobody.example/suspend HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body +
                  b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = replies(everything(s))
    assert [a.command for a in answers] == ["list", "plan list", "suspend", "status"]
    assert answers[2].code == "unknown_site"


def test_slow_callers_end_and_others_are_served(c):
    """One byte now and then renews the library's timeout, not ours."""
    with connections(c, 24) as callers:
        for i, s in enumerate(callers):
            # heads, bodies, half-closed ones, idle ones
            feed(s, (GET + b"X: ", POST + b"Content-Length: 60000\r\n\r\n{", GET, b"")[i % 4])
            if i % 4 == 2:
                s.shutdown(socket.SHUT_WR)
        living, end, served = set(callers), time.monotonic() + LONG, 0
        while living and time.monotonic() < end:
            for i, s in enumerate(callers):
                if s in living:
                    with contextlib.suppress(OSError):
                        s.send(b"a" if i % 4 < 2 else b"")
                    s.settimeout(0.01)
                    try:
                        if not s.recv(4096):
                            living.discard(s)
                    except TimeoutError:
                        pass
                    except OSError:
                        living.discard(s)
            assert c.get("/v1/tenants").status == 200
            served += 1
        assert not living and served > 1


def test_one_caller_cannot_take_all_connections(c):
    """The 65th of one user is told so, at once; another user is served."""
    with connections(c, 200) as held_back:
        heard = select.poll()
        for s in held_back:
            heard.register(s, select.POLLIN)
        procs.wait_until(lambda: len(heard.poll(0)) >= 200 - CALLER_MAX, LONG, "the others are told")
        readable = {fd for fd, _ in heard.poll(0)}
        ends = [replies(everything(s)) for s in held_back if s.fileno() in readable]
        # Whoever has asked nothing for long is ended, and told nothing.
        told = [failed(e[0], 503, "busy") for e in ends if e]
        assert len(told) >= 200 - CALLER_MAX
        os.chmod(c.socket, 0o666)
        child = os.fork()
        if child == 0:          # another user of the same socket
            status = 1
            with contextlib.suppress(BaseException):
                os.setuid(65534)
                connection = UnixConnection(c.socket)
                connection.request("GET", "/v1/tenants")
                status = 0 if connection.getresponse().status == 200 else 2
            os._exit(status)
        try:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            os.chmod(c.socket, 0o660)


def test_come_and_go(c):
    """Many connections that end at every point of a request leave nothing."""
    whole = POST + b"Content-Length: 20\r\n\r\n" + json.dumps({"site": "y"}).encode().ljust(20)
    for round_ in range(8):
        with connections(c, 40) as callers:
            for i, s in enumerate(callers):
                feed(s, whole[:len(whole) * i // 41])
                if (i + round_) % 2:
                    s.shutdown(socket.SHUT_RDWR)


def test_unread_replies_are_bounded(c):
    """Callers that ask and do not read hold at most their connections."""
    with connections(c, 60) as callers:
        for s in callers:
            feed(s, (b"GET /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n") * 200)
        assert c.get("/v1/tenants").status == 200
