# SPDX-License-Identifier: Apache-2.0
"""What visitors do to real applications: uploads, big answers, aborts, odd paths."""
import hashlib
import http.client
import json
import os
import pathlib
import socket
import urllib.parse

import pytest

from tests.lib.procs import wait_until

ECHO = """<?php header('Content-Type: application/json'); echo json_encode([
    'method' => $_SERVER['REQUEST_METHOD'], 'uri' => $_SERVER['REQUEST_URI'], 'get' => $_GET,
    'post' => $_POST, 'script' => $_SERVER['SCRIPT_NAME'], 'self' => $_SERVER['PHP_SELF'],
    'path_info' => $_SERVER['PATH_INFO'] ?? null, 'root' => $_SERVER['DOCUMENT_ROOT'],
    'proxy' => $_SERVER['HTTP_PROXY'] ?? null, 'user' => $_SERVER['PHP_AUTH_USER'] ?? null,
    'files' => array_map(fn($f) => [$f['size'], $f['error'],
        $f['error'] ? null : hash_file('sha256', $f['tmp_name'])], $_FILES)]);"""


def echo(system, site, path="/echo.php", **more):
    return json.loads(system.text(site, path, **more))


@pytest.fixture
def echoing(system, site):
    system.put(site, "public/echo.php", ECHO)
    return site


def test_forms_and_queries(system, echoing):
    seen = echo(system, echoing, "/echo.php?a[]=1&a[]=2&b=%C3%BC", method="POST",
                body=urllib.parse.urlencode({"x": "y z", "u": "ü"}),
                headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert seen["get"] == {"a": ["1", "2"], "b": "ü"}
    assert seen["post"] == {"x": "y z", "u": "ü"}
    assert seen["method"] == "POST" and seen["script"] == "/echo.php"
    assert seen["root"] == system.show(echoing)["document_root"]


def test_proxy_header_and_authorization(system, echoing):
    seen = echo(system, echoing, headers={"Proxy": "http://evil.example", "Authorization":
                                          "Basic dXNlcjpwYXNz"})
    assert seen["proxy"] is None and seen["user"] == "user"


def upload(system, site, size):
    data = os.urandom(1 << 20) * (size >> 20)
    head = (b"--limit\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n")
    answer = system.http(site, "/echo.php", "POST", head + data + b"\r\n--limit--\r\n",
                         {"Content-Type": "multipart/form-data; boundary=limit"})
    return data, answer


@pytest.mark.slow
def test_upload_of_the_full_size(system, echoing):
    data, answer = upload(system, echoing, 63 << 20)
    assert answer.status == 200, answer.body[:300]
    assert json.loads(answer.body)["files"]["f"] == [len(data), 0,
                                                     hashlib.sha256(data).hexdigest()]


@pytest.mark.slow
def test_upload_beyond_the_limit(system, echoing):
    try:
        assert upload(system, echoing, 80 << 20)[1].status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass                        # nginx has closed before all was sent


@pytest.mark.slow
def test_big_answer_whole(system, site):
    system.put(site, "public/big.php", """<?php
        for ($i = 0; $i < 100; $i++) echo str_repeat(chr(65 + $i % 26), 1 << 20);""")
    body = system.http(site, "/big.php").body
    assert len(body) == 100 << 20
    assert hashlib.sha256(body).digest() == hashlib.sha256(
        b"".join(bytes([65 + i % 26]) * (1 << 20) for i in range(100))).digest()


def test_head(system, site):
    system.put(site, "public/index.php", "<?php header('X-Seen: yes'); echo 'body';")
    answer = system.http(site, "/", "HEAD")
    assert answer.status == 200 and answer.body == b"" and answer.headers["X-Seen"] == "yes"


def test_finish_request_lets_the_visitor_go(system, site):
    system.put(site, "public/index.php", """<?php echo 'sent'; fastcgi_finish_request();
        while (!file_exists('../private/go')) { usleep(20000); clearstatcache(); }
        file_put_contents('../private/after.txt', 'after');""")
    after = os.path.join(system.show(site)["home"], "private/after.txt")
    assert system.text(site) == "sent", "the visitor does not wait for the script"
    assert not os.path.exists(after)
    system.put(site, "private/go", "")
    wait_until(lambda: os.path.exists(after), 30, "the script goes on")


def test_aborted_visit_frees_the_worker(system, site):
    system.ctl("set", site, "max_children=1", check=True)
    # It ends by nothing else; what ends it for its time does not let it say a word.
    system.put(site, "public/slow.php", """<?php
        register_shutdown_function(fn() => file_put_contents(__DIR__ . '/../private/end',
            connection_aborted()));
        while (true) { echo str_repeat('x', 65536); flush(); usleep(10000); }""")
    system.put(site, "public/index.php", "<?php echo 'fine';")
    raw = socket.create_connection(("127.0.0.1", system.port))
    raw.sendall(f"GET /slow.php HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
    raw.recv(1000)
    raw.close()
    assert system.text(site) == "fine"
    assert pathlib.Path(system.show(site)["home"], "private/end").read_text() == "1"


def test_keep_alive_visits(system, echoing):
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=20)
    for i in range(20):
        connection.request("POST", f"/echo.php?i={i}", f"i={i}", {
            "Host": echoing, "Content-Type": "application/x-www-form-urlencoded"})
        seen = json.loads(connection.getresponse().read())
        assert seen["get"]["i"] == seen["post"]["i"] == str(i)
    connection.close()


@pytest.mark.parametrize("path", ["/.git/config", "/.htpasswd", "/dir/.env", "/../private/s.txt",
                                  "/%2e%2e/private/s.txt", "/..%2fprivate/s.txt", "/private/s.txt"])
def test_hidden_and_private_files_are_refused(system, site, path):
    for each in ("public/.git/config", "public/.htpasswd", "public/dir/.env", "private/s.txt"):
        system.put(site, each, "secret")
    answer = system.http(site, path)
    assert answer.status in (400, 403, 404) and b"secret" not in answer.body


def test_links_to_what_is_not_the_tenants_are_refused(system, site):
    other = f"other-{site}"
    system.ctl("add", other, check=True)
    try:
        system.put(other, "public/open.txt", "other's")
        home = system.show(other)["home"]

        def links():
            os.symlink("/etc/passwd", "public/passwd.txt")
            os.symlink("/", "public/root")
            os.symlink(f"{home}/public/open.txt", "public/other.txt")
            os.symlink(f"{home}/public", "public/other")
        system.as_tenant(site, links)
        for path in ("/passwd.txt", "/root/etc/passwd", "/other.txt", "/other/open.txt"):
            assert system.http(site, path).status in (403, 404), path
        system.put(site, "private/own.txt", "own")
        system.as_tenant(site, lambda: os.symlink("../private/own.txt", "public/own.txt"))
        assert system.http(site, "/own.txt").status in (200, 403, 404)
    finally:
        system.ctl("remove", other, check=True)


def test_a_swapped_document_root_serves_nothing_of_the_host(system, site):
    """The tenant replaces its folder by a link to the root of the host."""
    system.put(site, "public/index.php", "<?php echo 'fine';")

    def swap():
        os.rename("public", "moved")
        os.symlink("/", "public")
    try:
        system.as_tenant(site, swap)
    except AssertionError:
        pass                        # the home belongs to root: it cannot even be swapped
    for path in ("/etc/passwd", "/etc/hostname"):
        answer = system.http(site, path)
        host = pathlib.Path(path).read_bytes()
        assert host not in answer.body, path


def test_scripts_are_run_only_if_they_are_the_tenants(system, site):
    system.put(site, "public/image.jpg", "<?php echo 'ran';")
    system.put(site, "public/index.php", "<?php echo 'fine';")
    for path in ("/image.jpg/x.php", "/image.jpg%00.php", "/nothing.php", "/index.php%00"):
        answer = system.http(site, path)
        assert b"ran" not in answer.body and answer.status in (400, 403, 404), path


def test_php_errors_go_to_the_tenants_log(system, site):
    system.put(site, "public/index.php", "<?php error_log('a line of its own'); echo 'fine';")
    system.put(site, "public/fatal.php", "<?php throw new Exception('so it goes');")
    assert system.text(site) == "fine"
    answer = system.http(site, "/fatal.php")
    assert answer.status == 500 and b"so it goes" not in answer.body
    logs = system.show(site)["logs"]

    def logged():
        text = "".join(open(os.path.join(logs, name), errors="replace").read()
                       for name in os.listdir(logs))
        return "a line of its own" in text and "so it goes" in text
    wait_until(logged, 30, "both lines are in the log")


def test_opcache_is_the_tenants_own(system, site):
    other = f"other-{site}"
    system.ctl("add", other, check=True)
    try:
        page = "<?php echo implode(' ', array_keys(opcache_get_status()['scripts']));"
        system.put(site, "public/index.php", page)
        system.put(other, "public/index.php", page)
        system.text(other)
        # A file younger than opcache.file_update_protection (2 s) is not cached.
        scripts = wait_until(lambda: system.text(site).split(), 30, "a script is cached")
        home = system.show(site)["home"]
        assert all(script.startswith(home) for script in scripts), scripts
    finally:
        system.ctl("remove", other, check=True)
