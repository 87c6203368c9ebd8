# SPDX-License-Identifier: Apache-2.0
"""tenant-pool as applications see it: what PHP-FPM does, a pool does."""
import concurrent.futures
import hashlib
import json
import os
import re
import time

import pytest

from tests.lib import fcgi_client, procs
from tests.lib.fcgi_client import KEEP
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def pool():
    with Pool("max_children=2", "request_terminate_timeout=20") as running:
        yield running


@pytest.fixture
def run(pool):
    """run("echo 1;", param=value): a script's answer."""
    def call(code, body=b"", **more):
        # OPcache, which would know the one before for two seconds, takes none that is so young.
        soon = time.time() + 3600
        os.utime(pool.write("run.php", f"<?php {code}"), (soon, soon))
        return pool.get("run.php", body, **more)
    yield call


def value(run, expression, **more):
    answer = run(f"echo json_encode({expression});", **more)
    assert answer.status == 200, answer.out
    return json.loads(answer.text)


def test_hello(pool):
    answer = pool.get("hello.php")
    assert answer.text.startswith("hello fpm-fcgi ")
    assert answer.head.startswith("Content-type: text/html")
    assert answer.end == (0, 0)


def test_functions_of_fpm(run):
    assert value(run, "[extension_loaded('cgi-fcgi'), function_exists('fastcgi_finish_request'),"
                      " function_exists('getallheaders'), function_exists('fpm_get_status')]") == \
        [True] * 4


def test_request_headers(run):
    headers = value(run, "getallheaders()", HTTP_X_TEST="1", CONTENT_TYPE="text/x",
                    CONTENT_LENGTH="0")
    assert headers["X-Test"] == "1" and headers["Content-Type"] == "text/x"


def test_status_function(run):
    status = value(run, "fpm_get_status()")
    assert len(status) == 15 and status["pool"] == "site.example"
    own = [p for p in status["procs"] if p["state"] == "Running"]
    assert own and status["active-processes"] >= 1


def test_server_variables(pool, run):
    server = value(run, "$_SERVER", QUERY_STRING="a=b", HTTP_AUTHORIZATION="Basic dTpw",
                   HTTP_PROXY="evil", HTTP_FOO="bar", PATH_INFO="/x", EMPTY="")
    assert server["QUERY_STRING"] == "a=b" and server["HTTP_FOO"] == "bar"
    assert server["PHP_AUTH_USER"] == "u" and server["PHP_AUTH_PW"] == "p"
    assert server["PHP_SELF"] == "/run.php/x" and server["EMPTY"] == ""
    assert server["HOME"] == str(pool.home) and server["USER"] == "t7"
    assert "HTTP_PROXY" not in server
    assert isinstance(server["REQUEST_TIME_FLOAT"], float)


def test_getenv(run):
    assert value(run, "[getenv('HTTP_FOO'), getenv('HTTP_PROXY'), getenv('TENANT_SECRET'),"
                      " isset(getenv()['HTTP_FOO'])]", HTTP_FOO="x", HTTP_PROXY="y") == \
        ["x", False, False, True]


def test_environment_is_not_inherited(run):
    os.environ["TENANT_SECRET"] = "1"
    assert set(value(run, "array_keys(array_filter(getenv(), fn($k) => !isset($_SERVER[$k]),"
                          " ARRAY_FILTER_USE_KEY))")) == set()


def test_last_of_equal_parameters_wins(pool):
    params = list(pool.params("nothing.php").items()) + [
        ("SCRIPT_FILENAME", f"{pool.home}/public/hello.php")]
    assert fcgi_client.fetch(pool.socket, params).text.startswith("hello")


def test_working_folder(pool, run):
    assert value(run, "getcwd()") == f"{pool.home}/public"
    run("chdir('/');")
    assert value(run, "getcwd()") == f"{pool.home}/public"


def test_get_post_cookies(run):
    answer = run("echo json_encode([$_GET, $_POST, $_COOKIE]);", b"c=3&d[]=4",
                 QUERY_STRING="a=1&b[x]=2", HTTP_COOKIE="k=v; l=w",
                 CONTENT_TYPE="application/x-www-form-urlencoded")
    assert json.loads(answer.text) == [{"a": "1", "b": {"x": "2"}}, {"c": "3", "d": ["4"]},
                                       {"k": "v", "l": "w"}]


def test_status_and_headers(run):
    answer = run("header('HTTP/1.1 404 Gone fishing'); header('X-A: 1'); header('X-A: 2', false);")
    assert answer.head.startswith("Status: 404 Gone fishing\r\n")
    assert re.findall("X-A: (.)", answer.head) == ["1", "2"]
    assert run("http_response_code(503);").headers["status"] == "503 Service Unavailable"
    assert run("header('Status: 410 Gone');").headers["status"] == "410 Gone"
    assert run("header('Location: /x');").status == 302
    both = run("header('HTTP/1.1 403 No'); header('Status: 403 Never');")
    assert both.head.lower().count("status:") == 1
    assert "content-type" not in run("http_response_code(304);").headers


def test_long_status_line_is_cut(run):
    answer = run("header('HTTP/1.1 404 ' . str_repeat('x', 3000));")
    line = answer.head.split("\r\n")[0]
    assert line.startswith("Status: 404 xxx") and 900 < len(line) <= 1023
    assert answer.status == 404 and "content-type" in answer.headers


def test_head_request(run):
    answer = run("header('X-B: 1'); echo 'text'; file_put_contents('../tmp/after', '1');",
                 REQUEST_METHOD="HEAD")
    assert answer.headers["x-b"] == "1" and answer.body == b""


def test_errors_and_exit(run):
    assert run("echo 'a'; exit(3);").text == "a"
    fatal = run("nothing();")
    assert fatal.status == 500 and fatal.body == b""
    assert b"PHP message: PHP Fatal error:  Uncaught Error: Call to undefined" in fatal.err
    assert run("throw new Exception('x');").status == 500
    assert run("$a = ''; while (1) $a .= str_repeat('x', 1 << 20);").status == 500
    assert run("set_time_limit(1); while (1);").status == 500
    assert run("echo 'alive';").text == "alive"


def test_log_is_stamped_and_complete(pool, run):
    long = "".join(chr(97 + i % 26) for i in range(10000))
    run(f"error_log('short one'); error_log('{long}'); error_log(\"two\\nlines\");")
    pool.wait_log("two\nlines")
    log = pool.log()
    assert re.search(r"^\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d UTC\] short one$", log, re.M)
    joined = re.sub(r"\n\[[^]]*\] \.\.\. ", "", log)
    assert long in joined


def test_messages_are_joined_for_the_web_server(run):
    answer = run("error_log('one'); error_log('two');")
    assert answer.err == b"PHP message: one; PHP message: two"


def test_web_servers_log_is_bounded(run):
    """One record and the stream's end: each write would wake nginx, which all sites share."""
    answer = run("for ($i = 0; $i < 2000; $i++) error_log(str_repeat('x', 1000));")
    assert 64000 < len(answer.err) < 65536
    assert answer.records.count((fcgi_client.STDERR, 1)) == 2
    assert answer.end == (0, 0)
    assert run("echo 1;").err == b""


def test_log_in_shutdown_function(run):
    answer = run("register_shutdown_function(fn() => error_log('late'));echo 1;")
    assert b"late" in answer.err and answer.text == "1"


def test_opcache_is_on_and_shared(pool):
    pool.write("cached.php", "<?php return 1;")
    path = pool.write("op.php", "<?php include 'cached.php';"
                      "$s = opcache_get_status(); echo json_encode([$s['opcache_enabled'],"
                      "$s['scripts'][__FILE__]['hits'] ?? -1, $s['memory_usage'],"
                      "ini_get('opcache.jit'), $s['jit']['enabled'] ?? false, getmypid()]);")
    os.utime(path, (1, 1))      # older than opcache.file_update_protection
    results = [json.loads(pool.get("op.php").text) for _ in range(5)]
    assert all(r[0] for r in results)
    hits = [r[1] for r in results]
    assert hits[-1] > hits[1] >= 0, hits
    memory = results[0][2]
    assert sum(memory[k] for k in ("used_memory", "free_memory", "wasted_memory")) < 40 * MIB
    assert not results[0][4]


def test_opcache_sees_changes(pool):
    path = pool.write("change.php", "<?php echo 'old';")
    os.utime(path, (1, 1))
    assert pool.get("change.php").text == "old"
    path.write_text("<?php echo 'new';")
    procs.wait_until(lambda: pool.get("change.php").text == "new", 30, "the new script")


def test_upload(pool):
    pool.write("upload.php", "<?php $f = $_FILES['f']; echo json_encode([$f['error'],"
               "$f['size'], dirname($f['tmp_name']), md5_file($f['tmp_name'])]);")
    data = os.urandom(MIB) * 63
    form = (b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n' + data +
            b"\r\n--B--\r\n")
    answer = pool.get("upload.php", form, CONTENT_TYPE="multipart/form-data; boundary=B")
    assert json.loads(answer.text) == [0, len(data), str(pool.home / "tmp"),
                                       hashlib.md5(data).hexdigest()]
    procs.wait_until(lambda: not list((pool.home / "tmp").glob("php*")), 30, "no upload left over")


def test_raw_body(pool):
    pool.write("raw.php", "<?php $n = 0; $h = hash_init('md5'); $f = fopen('php://input', 'r');"
               "while (($d = fread($f, 65536)) !== false && $d !== '') { $n += strlen($d);"
               "hash_update($h, $d); } echo json_encode([$n, hash_final($h)]);")
    data = os.urandom(MIB) * 20
    assert json.loads(pool.get("raw.php", data).text) == [len(data), hashlib.md5(data).hexdigest()]


def test_body_longer_or_shorter_than_announced(pool):
    pool.write("echo.php", "<?php echo file_get_contents('php://input');")
    assert pool.get("echo.php", b"abcdef", CONTENT_LENGTH=3).text == "abc"
    # A client that is only silent is waited for thirty seconds; this one has said that it ends.
    assert pool.get("echo.php", b"abcdef", CONTENT_LENGTH=300).text == "abcdef"
    assert pool.get("echo.php", b"abcdef", CONTENT_LENGTH="-5").text == ""


def test_large_response_without_growth(pool):
    pool.write("large.php", "<?php $b = str_repeat('x', 1 << 20);"
               "for ($i = 0; $i < 100; $i++) echo $b;"
               "file_put_contents('../tmp/peak', memory_get_peak_usage());")
    answer = pool.get("large.php", timeout=60)
    assert len(answer.body) == 100 * MIB and answer.end == (0, 0)
    assert int((pool.home / "tmp/peak").read_text()) < 8 * MIB


def test_flush_sends_at_once(pool):
    pool.write("flush.php", "<?php while (ob_get_level()) ob_end_flush();"
               "echo 'first'; flush(); while (!file_exists('../tmp/read')) usleep(20000);"
               "echo 'second';")
    with pool.begin("flush.php") as c:
        _, _, body = c.record()
        assert b"first" in body
        pool.write("read", "", folder="tmp")
        assert b"second" in c.answer().out


def test_finish_request(pool):
    marker = pool.home / "tmp/finished"
    pool.write("finish.php", "<?php echo '0123'; var_dump(fastcgi_finish_request()); echo 'lost';"
               "while (!file_exists('../tmp/answered')) usleep(20000);"
               "file_put_contents('../tmp/finished', "
               "json_encode([fastcgi_finish_request(), $_SERVER['REQUEST_METHOD']]));")
    assert pool.get("finish.php").text == "0123"
    pool.write("answered", "", folder="tmp")
    procs.wait_until(lambda: marker.exists() and marker.read_text() == '[false,"GET"]', 30,
                     "the rest of the script")


def test_client_abort(pool):
    marker = pool.home / "tmp/aborted"
    pool.write("abort.php", "<?php while (ob_get_level()) ob_end_flush();"
               "register_shutdown_function(fn() => file_put_contents(__DIR__ . '/../tmp/aborted',"
               " connection_aborted())); for ($i = 0; $i < 200; $i++) {"
               " echo str_repeat('x', 100000); flush(); usleep(20000); }")
    c = pool.begin("abort.php")
    c.record()
    c.close()
    procs.wait_until(lambda: marker.exists() and marker.read_text() == "1", 30, "the abort")
    assert pool.get("hello.php").text.startswith("hello")


def test_kept_connection(pool):
    with pool.connect() as c:
        for i in range(5):
            body = b"x" * (i * 40000)
            c.send(fcgi_client.request(
                pool.params("hello.php", REQUEST_METHOD="POST", CONTENT_LENGTH=len(body)),
                body, number=i + 1, flags=KEEP))
            assert c.answer(i + 1).text.startswith("hello")


def test_pipelined_requests(pool):
    pool.write("id.php", "<?php echo $_GET['n'];")
    with pool.connect() as c:
        c.send(b"".join(fcgi_client.request(pool.params("id.php", QUERY_STRING=f"n={n}"),
                                            b"y" * 10, number=n, flags=KEEP)
                        for n in range(1, 6)))
        assert [c.answer(n).text for n in range(1, 6)] == ["1", "2", "3", "4", "5"]


def test_kept_connections_do_not_starve_others(pool):
    kept = []
    try:
        for _ in range(2):      # as many as workers
            c = pool.connect()
            kept.append(c)
            c.send(fcgi_client.request(pool.params("hello.php"), flags=KEEP))
            c.answer()
        started = time.monotonic()
        assert pool.get("hello.php").status == 200
        assert time.monotonic() - started < 8, "they end by themselves after ten seconds"
    finally:
        for c in kept:
            c.close()


def test_connection_is_closed_when_not_kept(pool):
    with pool.begin("hello.php") as c:
        c.answer()
        assert c.is_closed()


def test_sessions_are_the_tenants(pool):
    pool.write("session.php", "<?php session_start(); echo $_SESSION['n'] = "
               "($_SESSION['n'] ?? 0) + 1;")
    first = pool.get("session.php")
    cookie = first.headers["set-cookie"].split(";")[0]
    assert pool.get("session.php", HTTP_COOKIE=cookie).text == "2"
    assert list((pool.home / "sessions").glob("sess_*"))


def test_workers_have_no_others_descriptors(pool):
    pool.write("fds.php", "<?php $o = []; foreach (scandir('/proc/self/fd') as $f)"
               " if ($f[0] !== '.') $o[$f] = readlink(\"/proc/self/fd/$f\"); echo json_encode($o);")
    fds = json.loads(pool.get("fds.php").text)
    links = [str(link) for link in fds.values()]
    assert any("socket" in link for link in links), fds
    assert not any("memfd:spec" in link or "signalfd" in link for link in links), fds


def test_many_requests_at_once(pool):
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        texts = list(threads.map(lambda _: pool.get("hello.php").text, range(1500)))
    assert all(text.startswith("hello") for text in texts)
    assert "exited with" not in pool.log()


def test_malformed_authorization(run):
    for text in ("Basic", "Basic ", "Basic !!!", "Digest", "Digest x=\"", "Bearer x", ""):
        assert value(run, "1", HTTP_AUTHORIZATION=text) == 1
