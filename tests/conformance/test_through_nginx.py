# SPDX-License-Identifier: Apache-2.0
"""The same through nginx, as a visitor comes."""
import http.client
import json

import pytest

SHOW = ("<?php $k = ['SCRIPT_NAME', 'PATH_INFO', 'PHP_SELF', 'QUERY_STRING', 'REQUEST_URI',"
        "'REQUEST_METHOD', 'HTTP_HOST', 'HTTP_PROXY', 'PHP_AUTH_USER', 'CONTENT_LENGTH', 'HTTP_X_OWN'];"
        "header('X-Length: ' . strlen($b = file_get_contents('php://input')));"
        "echo json_encode(array_filter(array_intersect_key($_SERVER, array_flip($k)), fn($v) => $v"
        "!== '') + ['post' => $_POST, 'body' => md5($b)]);")
# (method and path, headers, body, what must be among the answer; None: it must not be there)
VISITS = [
    ("GET /show.php", {}, None, {"SCRIPT_NAME": "/show.php", "PHP_SELF": "/show.php",
                                 "PATH_INFO": None, "REQUEST_METHOD": "GET"}),
    ("GET /show.php?a=b&c", {}, None, {"QUERY_STRING": "a=b&c", "REQUEST_URI": "/show.php?a=b&c"}),
    ("GET /show.php/i/j?x", {}, None, {"SCRIPT_NAME": "/show.php", "PATH_INFO": "/i/j",
                                       "PHP_SELF": "/show.php/i/j"}),
    ("GET /show.php/a%20b", {}, None, {"PATH_INFO": "/a b", "REQUEST_URI": "/show.php/a%20b"}),
    ("GET /show.php/", {}, None, {"PATH_INFO": "/", "SCRIPT_NAME": "/show.php"}),
    ("GET /sub/show.php/x.php/y", {}, None, {"SCRIPT_NAME": "/sub/show.php",
                                             "PATH_INFO": "/x.php/y"}),
    ("GET /show.php", {"Proxy": "evil", "X-Own": "1"}, None, {"HTTP_PROXY": None,
                                                              "HTTP_X_OWN": "1"}),
    ("GET /show.php", {"Authorization": "Basic dTpw"}, None, {"PHP_AUTH_USER": "u"}),
    ("POST /show.php", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1",
     {"post": {"a": "1"}, "CONTENT_LENGTH": "3"}),
    ("PUT /show.php", {}, b"abc", {"body": "900150983cd24fb0d6963f7d28e17f72"}),
    ("POST /show.php", {"Content-Type": "text/plain"}, [b"ab", b"c"],
     {"body": "900150983cd24fb0d6963f7d28e17f72"}),
    ("GET /deep/route?q=1", {}, None, {"SCRIPT_NAME": "/index.php", "QUERY_STRING": "q=1",
                                       "REQUEST_URI": "/deep/route?q=1"}),
]
# (path, status): nothing runs.
REFUSED = [("/none.php", 404), ("/none.php/x", 404), ("/text.txt/x.php", 404), ("/.user.ini", 403),
           ("/show.php%00.txt", 400), ("/../private/x.php", 400), ("/%2e%2e/private/x.php", 400)]


@pytest.fixture(scope="module")
def pages(sites):
    for name in ("show.php", "index.php", "sub/show.php"):
        sites.put(name, SHOW)
    sites.put("text.txt", SHOW)
    sites.put("code.php", "<?php http_response_code((int) $_GET['c']); header('A: 1'); echo 'x';")
    yield sites


def visit(pages, line, headers, body):
    method, path = line.split(" ", 1)
    return pages.system.http(pages.sites["base"], path, method=method, headers=headers, body=body)


def chunked(pages, line, headers, parts):
    """A body of unknown length."""
    method, path = line.split(" ", 1)
    c = http.client.HTTPConnection("127.0.0.1", pages.system.port, timeout=60)
    try:
        c.request(method, path, iter(parts), {"Host": pages.sites["base"], **headers,
                                              "Transfer-Encoding": "chunked"}, encode_chunked=True)
        answer = c.getresponse()
        answer.body = answer.read()
        return answer
    finally:
        c.close()


@pytest.mark.parametrize("line, headers, body, wanted", VISITS)
def test_visits(pages, line, headers, body, wanted):
    send = chunked if isinstance(body, list) else visit
    answer = send(pages, line, headers, body)
    assert answer.status == 200, answer
    got = json.loads(answer.body)
    assert {name: got.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("path, status", REFUSED)
def test_refused(pages, path, status):
    answer = visit(pages, f"GET {path}", {}, None)
    assert answer.status == status and b"SCRIPT_NAME" not in answer.body, answer


@pytest.mark.parametrize("code", [201, 301, 404, 418, 500, 599])
def test_codes(pages, code):
    answer = visit(pages, f"GET /code.php?c={code}", {}, None)
    assert answer.status == code and answer.headers["A"] == "1"


def test_head(pages):
    answer = visit(pages, "HEAD /show.php", {}, None)
    assert answer.status == 200 and answer.body == b""
