# SPDX-License-Identifier: Apache-2.0
"""What visitors, and a hostile site, get from a virtual host: real nginx, a pool that only shows
what it is sent."""
import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import struct
import time

import pytest

from tests.lib import procs
from tests.lib.builder import Builder, UID_BASE
from tests.lib.fakepool import FakePool

SITE = "site.example"


@pytest.fixture(scope="module")
def b():
    if os.getuid() != 0:
        pytest.skip("needs root: other uids")
    with Builder() as builder:
        builder.start_nginx()
        builder.options = {"upload_max": "1M", "max_connections": "4", "max_uploads": "2",
                           "alias": "www." + SITE}
        builder.number = builder.live(SITE, **builder.options)
        builder.home = builder.homes / SITE
        builder.uid = UID_BASE + builder.number
        builder.neighbour = UID_BASE + builder.live("shop.example")
        put(builder, "public/index.php", "<?php SECRET")
        put(builder, "public/sub/other.php", "<?php SECRET")
        yield builder


def visitors(b):
    """The connections of visitors that nginx has, or has yet to accept."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows = [(row[3], row[9]) for row in rows if row[1].endswith(f":{b.port:04X}")]
    # Not its listener (0A); one that it has closed has no inode, one that waits neither (01, 08).
    return [state for state, inode in rows if state != "0A" and (inode != "0" or state in ("01", "08"))]


@pytest.fixture(autouse=True)
def nobody_else(b):
    """Who has left counts for the limits until nginx has seen it."""
    procs.wait_until(lambda: not visitors(b), 30, "nginx has let earlier visitors go")


@pytest.fixture
def pool(b):
    fake = FakePool(str(b.run / f"pool/{b.number}/php.sock"))
    yield fake
    fake.close()
    os.unlink(b.run / f"pool/{b.number}/php.sock")


def put(b, name, content, uid=None, mode=0o644):
    path = b.homes / SITE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    os.chown(path, uid or UID_BASE + b.number, uid or UID_BASE + b.number)
    return path


def shown(b, path, **more):
    status, _, body = b.get(SITE, path, **more)
    assert status == 200, body
    return json.loads(body)


def test_params(b, pool):
    p = shown(b, "/sub/other.php/a/b?x=1&y=%2f", headers={"X-One": "1", "Proxy": "http://evil"})
    assert p["SCRIPT_FILENAME"] == f"{b.home}/public/sub/other.php"
    assert p["SCRIPT_NAME"] == "/sub/other.php" and p["PATH_INFO"] == "/a/b"
    assert p["DOCUMENT_URI"] == "/sub/other.php/a/b"
    assert p["REQUEST_URI"] == "/sub/other.php/a/b?x=1&y=%2f" and p["QUERY_STRING"] == "x=1&y=%2f"
    assert p["DOCUMENT_ROOT"] == f"{b.home}/public" and p["SERVER_NAME"] == SITE
    assert p["HTTP_HOST"] == SITE and p["HTTP_X_ONE"] == "1" and "HTTP_PROXY" not in p
    assert p["REDIRECT_STATUS"] == "200" and p["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert p["REQUEST_SCHEME"] == "http" and "HTTPS" not in p
    names = [name for name, _ in pool.requests[-1]]
    assert len(names) == len(set(names)), "sent twice: first or last wins, by server"


def test_host_keeps_its_port(b, pool):
    status, _, body = b.get(f"www.{SITE}:{b.port}", "/index.php")
    assert status == 200
    p = json.loads(body)
    assert p["HTTP_HOST"] == f"www.{SITE}:{b.port}" and p["SERVER_NAME"] == SITE


def test_empty_path_info(b, pool):
    assert shown(b, "/index.php")["PATH_INFO"] == ""


def test_permalinks_reach_the_front_controller(b, pool):
    for path in ("/2026/11/a-post/", "/wiki/page?do=edit", "/"):
        p = shown(b, path)
        assert p["SCRIPT_FILENAME"] == f"{b.home}/public/index.php"
        assert p["REQUEST_URI"] == path
    assert shown(b, "/wiki/page?do=edit")["QUERY_STRING"] == "do=edit"


def test_static_files_do_not_wake_the_pool(b, pool):
    put(b, "public/a.css", "body{}")
    assert b.get(SITE, "/a.css")[2] == b"body{}"
    assert b.get(SITE, "/none.php")[0] == 404
    assert b.get(SITE, "/a.css/x.php")[0] == 404        # no script of that name
    assert pool.requests == []


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/sub/.htaccess", "/.user.ini",
                                  "/.hidden.php", "/x/.git/y.php"])
def test_dot_files_are_refused(b, pool, path):
    (b.home / "public" / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    put(b, "public" + path, "SECRET")
    assert b.get(SITE, path)[0] == 403
    assert pool.requests == []


def test_well_known_is_served(b):
    (b.home / "public/.well-known").mkdir(exist_ok=True)
    put(b, "public/.well-known/token", "yes")
    assert b.get(SITE, "/.well-known/token")[2] == b"yes"


@pytest.mark.parametrize("name", ["a.PHP", "a.php5", "a.phtml", "a.phps", "a.Php"])
def test_source_is_never_sent(b, pool, name):
    put(b, "public/" + name, "<?php SECRET")
    status, _, body = b.get(SITE, "/" + name)
    assert status == 403 and b"SECRET" not in body


def test_a_line_break_hides_no_source(b, pool):
    put(b, "public/a\nb.phtml", "<?php SECRET")
    put(b, "public/a\nb.txt", "shown")
    assert b.get(SITE, "/a%0ab.phtml")[0] == 403
    assert b.get(SITE, "/a%0ab.txt")[2] == b"shown"


def test_scripts_get_paths_that_end_like_scripts(b, pool):
    assert shown(b, "/index.php/a.phtml")["PATH_INFO"] == "/a.phtml"
    assert b.get(SITE, "/index.php/.git")[0] == 403


@pytest.mark.parametrize("path", ["/../private/key", "/..%2fprivate/key", "/%2e%2e/private/key",
                                  "/private/key", "/sub/../../private/key"])
def test_private_folders_are_out_of_reach(b, pool, path):
    put(b, "private/key", "SECRET")
    status, _, body = b.get(SITE, path)
    assert b"SECRET" not in body and (status in (400, 403, 404) or json.loads(body))


def test_no_listing(b):
    (b.home / "public/empty").mkdir(exist_ok=True)
    assert b.get(SITE, "/empty/")[0] == 403


def test_links(b):
    """A tenant's links lead to its own files and nowhere else."""
    neighbour = b.homes / "shop.example/public/index.html"
    put(b, "public/own.txt", "mine")
    os.mkdir(b.home / "public/links")
    links = {"own": b.home / "public/own.txt", "passwd": "/etc/passwd", "neighbour": neighbour,
             "root": "/", "shop": b.homes / "shop.example"}
    for name, target in links.items():
        os.symlink(target, b.home / "public/links" / name)
        os.lchown(b.home / "public/links" / name, b.uid, b.uid)
    assert b.get(SITE, "/links/own")[2] == b"mine"
    for path in ("passwd", "neighbour", "root/etc/passwd", "shop/public/index.html"):
        # For nginx no such file: the front controller may answer, and its pool is cold here.
        status, _, body = b.get(SITE, "/links/" + path)
        assert status == 503 and b"root:" not in body and b"ready" not in body
    put(b, "public/links/index.html", "here")
    assert b.get(SITE, "/links/root/")[0] in (403, 503)


def test_document_root_swapped_for_a_link(b):
    """Below the home the tenant may not do this; a deeper document root could be swapped."""
    number = b.live("deep.example", document_root="public/web")
    home, uid = b.homes / "deep.example", UID_BASE + number
    os.symlink("/etc", home / "public/web")
    os.lchown(home / "public/web", uid, uid)
    assert b.get("deep.example", "/passwd")[0] in (403, 404)


def test_no_pool_is_503_at_once(b):
    start = time.monotonic()
    status, headers, body = b.get(SITE, "/index.php")
    assert status == 503 and headers["Retry-After"] == "10" and b"try again" in body
    assert time.monotonic() - start < 5, "fastcgi_connect_timeout"


def test_full_queue_is_503(b):
    path = b.run / f"pool/{b.number}/php.sock"
    path.parent.mkdir(exist_ok=True)
    held = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            held.append(first)
            assert b.get(SITE, "/index.php")[0] == 503
    os.unlink(path)


def test_pools_do_not_steer_nginx(b):
    put(b, "private/key", "SECRET", mode=0o644)
    fake = FakePool(str(b.run / f"pool/{b.number}/php.sock"), lambda params, body: (
        b"X-Accel-Redirect: /own2.txt\r\nX-Accel-Expires: 100\r\nX-Accel-Limit-Rate: 1\r\n"
        b"X-Accel-Charset: utf-7\r\n\r\npool" + b"x" * 5000))
    put(b, "public/own2.txt", "redirected")
    start = time.monotonic()
    status, headers, body = b.get(SITE, "/index.php")
    fake.close()
    os.unlink(b.run / f"pool/{b.number}/php.sock")
    # At one byte a second it were more than an hour.
    assert status == 200 and body.startswith(b"pool") and time.monotonic() - start < 60
    assert not [name for name in headers if name.lower().startswith("x-accel")]


def test_errors_of_pages_are_passed_on(b):
    fake = FakePool(str(b.run / f"pool/{b.number}/php.sock"), lambda params, body: (
        b"Status: 502 Bad\r\n\r\nmine"))
    status, _, body = b.get(SITE, "/index.php")
    fake.close()
    os.unlink(b.run / f"pool/{b.number}/php.sock")
    assert (status, body) == (502, b"mine")


def test_body_limit(b, pool):
    size = 2 << 20      # upload_max 1M and the form around it
    assert shown(b, "/index.php", method="POST", body=b"x" * size)["body"] == size
    assert b.get(SITE, "/index.php", method="POST", body=b"x" * (size + 1))[0] == 413


def test_connection_limit(b):
    """Requests that hang count; the one too many gets 508, the neighbour notices nothing."""
    path = b.run / f"pool/{b.number}/php.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen(16)
        listener.settimeout(30)
        waiting = []
        try:
            for _ in range(4):
                s = socket.create_connection(("127.0.0.1", b.port))
                s.sendall(f"GET /index.php HTTP/1.1\r\nHost: {SITE}\r\n\r\n".encode())
                waiting.append(s)
                waiting.append(listener.accept()[0])
            status, headers, body = b.get(SITE, "/index.php")
            assert status == 508 and headers["Retry-After"] and b"Limit" in body
            assert b.get("shop.example", "/")[0] == 200
        finally:
            for s in waiting:
                s.close()
    os.unlink(path)


def begin_upload(b, host, is_chunked=False):
    """A visitor who has sent half of what he said he would."""
    s = socket.create_connection(("127.0.0.1", b.port))
    size = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 50000"
    s.sendall(f"POST /index.php HTTP/1.1\r\nHost: {host}\r\n{size}\r\n\r\n".encode() +
              (b"c350\r\n" if is_chunked else b"") + b"x" * 25000)
    return s


def stored(b):
    """The folders of the bodies that nginx's processes hold."""
    folder, found = f"{b.state}/nginx/uploads/", []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        found += [link[len(folder):].split("/")[0] for link in links if link.startswith(folder)]
    return sorted(found)


def begin_stored(b, host, is_chunked, count):
    """The COUNTth whose body nginx stores.  Who has just left may be counted for a moment, and then he is
    answered at once instead."""
    def begins():
        s = begin_upload(b, host, is_chunked)
        procs.wait_until(lambda: len(stored(b)) == count or select.select([s], [], [], 0)[0], 30, "stored, or refused")
        if len(stored(b)) == count:
            return s
        s.close()
    return procs.wait_until(begins, 30, f"body {count} is stored")


def test_upload_limit(b, pool):
    """Large bodies count from their first byte, however their size is told; the one too many gets
    508, and neither small ones nor the neighbour notice."""
    def post(host, size):
        return b.get(host, "/index.php", method="POST", body=b"x" * size)[0]
    neighbour = FakePool(str(b.run / f"pool/{b.neighbour - UID_BASE}/php.sock"))
    (b.homes / "shop.example/public/index.php").write_text("<?php")
    waiting = []
    try:
        procs.wait_until(lambda: stored(b) == [], 30, "those of earlier tests are gone")
        for is_chunked in (False, True):
            waiting.append(begin_stored(b, SITE, is_chunked, len(waiting) + 1))
        assert post(SITE, 10000) == 508
        assert post(SITE, 9999) == 200 and b.get(SITE, "/index.php")[0] == 200
        assert post("shop.example", 50000) == 200
    finally:
        for s in waiting:
            s.close()
        neighbour.close()
        os.unlink(b.run / f"pool/{b.neighbour - UID_BASE}/php.sock")
    procs.wait_until(lambda: post(SITE, 10000) == 200, 30, "those who left are not counted")


def test_bodies_lie_in_a_folder_of_the_site(b, pool):
    """One of their own, which nobody else may look into; what is in it is gone with the visitor."""
    own, other = str(b.number), str(b.neighbour - UID_BASE)
    procs.wait_until(lambda: stored(b) == [], 30, "those of earlier tests are gone")
    waiting = [begin_upload(b, host) for host in (SITE, "shop.example")]
    (b.homes / "shop.example/public/index.php").write_text("<?php")
    try:
        procs.wait_until(lambda: stored(b) == sorted((own, other)), 30, "both are stored")
        assert not list((b.state / "nginx/uploads").glob("*/*")), "none keeps a name"
        for each in (own, other):
            facts = os.stat(b.state / "nginx/uploads" / each)
            assert facts.st_mode & 0o7777 == 0o730 and facts.st_gid == 33
        assert os.stat(b.state / "nginx/uploads").st_mode & 0o7777 == 0o710
    finally:
        for s in waiting:
            s.close()
    procs.wait_until(lambda: stored(b) == [], 30, "nothing is left")


def test_an_uploads_folder_that_was_lost(b, pool):
    """A repair makes it again, and nginx needs not be told."""
    def post():
        return b.get(SITE, "/index.php", method="POST", body=b"x" * 50000)[0]
    assert post() == 200
    (b.state / "nginx/uploads" / str(b.number)).rmdir()
    assert post() == 500
    assert b.apply(b.number, SITE, **b.options).nginx == 0
    assert post() == 200


def test_access_log_names_the_site(b, pool):
    b.get("www." + SITE, "/logged?x=%0aevil")
    # nginx writes the line when the visitor has his answer.
    procs.wait_until(lambda: any(
        line.startswith(f"{SITE} 127.0.0.1 ") and "/logged?x=%0aevil" in line
        for line in (b.log / "access.log").read_text().splitlines()), 30, "the line is logged")


def test_pools_do_not_fill_the_error_log(b):
    fake = FakePool(str(b.run / f"pool/{b.number}/php.sock"), stderr=b"PHP message: noise\n" * 5000)
    assert b.get(SITE, "/index.php")[0] == 200
    fake.close()
    os.unlink(b.run / f"pool/{b.number}/php.sock")
    for log in (b.log / "nginx.log", b.log / "access.log", b.folder / "nginx-error.log"):
        assert "noise" not in log.read_text()


def test_a_visitor_who_reads_nothing_fills_no_disk(b):
    """What he does not take waits in the pool, not in nginx's temporary files."""
    path = b.run / f"pool/{b.number}/php.sock"
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket() as visitor:
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen(16)
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        visitor.connect(("127.0.0.1", b.port))
        visitor.sendall(f"GET /index.php HTTP/1.1\r\nHost: {SITE}\r\n\r\n".encode())
        pool = listener.accept()[0]
        with pool:
            pool.settimeout(5)
            head = b"Content-Type: text/plain\r\n\r\n"
            pool.sendall(struct.pack("!BBHHBB", 1, 6, 1, len(head), 0, 0) + head)
            record = struct.pack("!BBHHBB", 1, 6, 1, 65528, 0, 0) + b"x" * 65528
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 64 << 20:
                    sent += pool.send(record)
            assert sent > 100000       # it did begin
    os.unlink(path)


def holders(b, path):
    """The processes of nginx that have a file open."""
    facts, found = path.stat(), []
    for pid in (b.nginx_pid(), *procs.children(b.nginx_pid())):
        with contextlib.suppress(OSError):              # the process has gone
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):      # this one is closed
                    if os.path.samestat(os.stat(f"/proc/{pid}/fd/{fd}"), facts):
                        found.append(pid)
    return found


def test_logs_can_be_rotated(b):
    """As logrotate does it: a new file, then SIGUSR1; workers open it by its path."""
    put(b, "public/rotated.txt", "x")
    old = (b.log / "access.log").rename(b.log / "access.log.1")
    os.close(os.open(b.log / "access.log", os.O_CREAT | os.O_WRONLY, 0o640))
    os.chown(b.log / "access.log", 33, 4)
    assert len(set(holders(b, old))) == 3, "the master and its workers"
    os.kill(b.nginx_pid(), signal.SIGUSR1)
    # The master tells its workers one by one, and each writes its lines where it is.
    procs.wait_until(lambda: not holders(b, old), 30, "all have let the old log go")
    size = old.stat().st_size
    for _ in range(8):
        b.get(SITE, "/rotated.txt")
    # nginx writes the line when the visitor has his answer.
    procs.wait_until(lambda: (b.log / "access.log").read_text().count("/rotated.txt") == 8, 30,
                     "the new log has the visits")
    assert old.stat().st_size == size
    assert "Permission denied" not in b.nginx_log()


def test_unknown_hosts_are_closed(b):
    for host in ("other.example", "..", "a..b", "127.0.0.1", "_", "tenantd.invalid"):
        try:
            status = b.get(host)[0]
        except OSError:
            continue
        assert status == 400
    with socket.create_connection(("127.0.0.1", b.port)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert s.recv(100) == b""


def test_server_says_no_version(b):
    assert b.get(SITE, "/")[1]["Server"] == "nginx"
