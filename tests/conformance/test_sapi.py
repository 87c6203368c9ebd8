# SPDX-License-Identifier: Apache-2.0
"""What scripts and visitors see of PHP: one row for each thing that PHP-FPM's and Unit's own tests
assert, held against a pool and against php-fpm."""
import dataclasses
import random
import re

import pytest

from tests.lib.procs import wait_until

FORM = "application/x-www-form-urlencoded"
POST = {"REQUEST_METHOD": "POST"}


@dataclasses.dataclass
class Case:
    """A script, the request and what must come back.  `{R}` is the document root, `{F}` the script;
    `text` is the whole body, `said` a pattern in FastCGI's STDERR, `logged` one in the PHP log."""
    name: str
    code: str
    text: str = None
    params: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    config: str = "base"
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)     # value None: not there
    line: str = None            # of the status: all behind "Status: "
    said: str = None
    logged: str = None
    files: dict = dataclasses.field(default_factory=dict)
    script: str = ""            # one of the case's own
    is_stricter: bool = False   # php-fpm 8.2 does not meet it


def post(body, kind=FORM, **more):
    """Parameters of a POST."""
    return {**POST, "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), **more}


def form(*parts, boundary="B"):
    """multipart/form-data of (name, file name or None, content)."""
    out = b""
    for name, file, content in parts:
        more = f'; filename="{file}"' if file is not None else ""
        out += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
                f"{content}\r\n").encode()
    return out + f"--{boundary}--\r\n".encode()


# As nginx sends it with fastcgi_request_buffering off: the length is not known.
CHUNKED = {**POST, "HTTP_TRANSFER_ENCODING": "chunked"}
MULTI = "multipart/form-data; boundary=B"
UPLOAD = form(("a", None, "1"), ("f", "x.txt", "hello"))
MANY_FILES = form(*((f"f{i}", f"{i}.txt", "x") for i in range(4)))
MANY_PARTS = form(*((f"p{i}", None, "x") for i in range(13)))
VARS = "&".join(f"v{i}={i}" for i in range(20)).encode()
FIELDS = b"&".join(b"f%05d=%s" % (i, b"x" * 90) for i in range(500))    # more than 16 KiB
BIG = b"".join(b"%05d," % i for i in range(20000))
SHOW_AUTH = ("echo json_encode([$_SERVER['PHP_AUTH_USER'] ?? null, $_SERVER['PHP_AUTH_PW'] ?? null,"
             "$_SERVER['PHP_AUTH_DIGEST'] ?? null]);")
INPUT = "echo file_get_contents('php://input');"


def auth(value, wanted):
    return Case(f"auth {value!r}", SHOW_AUTH, wanted, {"HTTP_AUTHORIZATION": value})


CASES = [
    # ---- names and functions -------------------------------------------------------------------
    Case("name of the interface", "echo php_sapi_name(), PHP_SAPI;", "fpm-fcgifpm-fcgi"),
    Case("module", "echo extension_loaded('cgi-fcgi') ? 1 : 0;", "1"),
    Case("functions", "foreach (['getallheaders', 'apache_request_headers', 'fpm_get_status',"
         "'fastcgi_finish_request', 'apache_response_headers'] as $f)"
         "echo function_exists($f) ? 1 : 0;", "11110"),
    Case("getallheaders", "$h = getallheaders(); ksort($h);"
         "echo json_encode($h);",
         '{"Content-Length":"0","Content-Type":"text\\/x","Foo":"1","Foo-Bar":"two","Host":'
         '"site.example","X-_y":"z"}',
         {"HTTP_FOO": "1", "HTTP_FOO_BAR": "two", "HTTP_X__Y": "z", "CONTENT_TYPE": "text/x",
          "CONTENT_LENGTH": "0"}),
    Case("long header", "echo strlen(getallheaders()['X-' . ucfirst(str_repeat('a', 256))]);", "3",
         {"HTTP_X_" + "A" * 256: "abc"}),
    Case("status function", "$s = fpm_get_status(); echo json_encode([count($s) >= 15,"
         "$s['active-processes'] >= 1, count(array_filter($s['procs'], fn($p) => $p['pid'] =="
         "getmypid() && $p['state'] == 'Running' && $p['request-method'] == 'GET'))]);",
         "[true,true,1]"),
    Case("keys of the status", "$s = fpm_get_status(); unset($s['procs']); echo implode(' ',"
         "array_diff(explode(' ', 'pool process-manager start-time start-since accepted-conn listen-queue"
         " max-listen-queue listen-queue-len idle-processes active-processes total-processes"
         " max-active-processes max-children-reached slow-requests'), array_keys($s)));", ""),
    # ---- variables -----------------------------------------------------------------------------
    Case("server variables", "echo json_encode([$_SERVER['REQUEST_METHOD'], $_SERVER['REQUEST_URI'],"
         "$_SERVER['HTTP_X_OWN'], $_SERVER['SERVER_PROTOCOL'], isset($_SERVER['argv']),"
         "$_SERVER['FCGI_ROLE'], is_int($_SERVER['REQUEST_TIME'])]);",
         '["GET","\\/u?a","v","HTTP\\/1.1",false,"RESPONDER",true]',
         {"REQUEST_URI": "/u?a", "HTTP_X_OWN": "v"}),
    Case("query", "echo json_encode($_GET);", '{"a":"1","b":["x","y"],"c_d":"e f"}',
         {"QUERY_STRING": "a=1&b[]=x&b[]=y&c.d=e+f"}),
    Case("query is no command line", "echo $_SERVER['argc'] ?? 'none', 'ran';", "noneran",
         {"QUERY_STRING": "-s+-d+x=y"}),
    Case("soft hyphen is no option", "echo 'ran';", "ran", {"QUERY_STRING": "%ads"}),
    Case("no query", "echo json_encode([$_GET, $_SERVER['QUERY_STRING'] ?? null]);", '[[],""]'),
    Case("cookies", "echo json_encode($_COOKIE);", '{"a":"1","b":"x y"}',
         {"HTTP_COOKIE": "a=1; b=x%20y; a=2"}),
    Case("httpoxy", "echo json_encode([getenv('HTTP_PROXY'), $_SERVER['HTTP_PROXY'] ?? null,"
         "getenv('HTTP_FOO')]);", '[false,null,"bar"]',
         {"HTTP_PROXY": "evil", "HTTP_FOO": "bar"}),
    Case("getenv and putenv", "$_ENV['X'] = 1; $_SERVER['Y'] = 1; putenv('Z=3'); echo json_encode("
         "[getenv('X'), getenv('Y'), getenv('Z'), getenv('P')]);", '[false,false,"3","4"]',
         {"P": "4"}),
    Case("putenv ends with the request", "echo json_encode(getenv('Z'));", "false"),
    Case("putenv beyond ASCII", "putenv('FÖÖ=BÄR'); echo getenv('FÖÖ');", "BÄR"),
    Case("environment of the host", "echo json_encode([getenv('PATH'), getenv('LANG'),"
         "getenv('PWD')]);", "[false,false,false]"),
    Case("last of equal names", "echo $_SERVER['TWICE'];", "2", {"TWICE": "2"}),
    auth("Basic dTpw", '["u","p",null]'), auth("basic dTpw", '["u","p",null]'),
    auth("Basic dTpwOnE=", '["u","p:q",null]'), auth("Digest x=1", '[null,null,"x=1"]'),
    auth("Basic !!", "[null,null,null]"), auth("Basic dXA=", "[null,null,null]"),
    auth("Basic", "[null,null,null]"), auth("Bearer x", "[null,null,null]"),
    auth("Basic ", "[null,null,null]"), auth("", "[null,null,null]"),
    Case("auth of one request is not the next one's", SHOW_AUTH, "[null,null,null]"),
    # ---- files and folders ---------------------------------------------------------------------
    Case("working folder", "echo basename(getcwd());", "sub", script="sub/case.php"),
    Case("chdir is undone", "chdir('/'); echo 1;", "1"),
    Case("and relative paths", "echo (include 'inc.php');", "included",
         files={"inc.php": "<?php return 'included';"}),
    Case("__FILE__", "echo __FILE__;", "{R}/{F}"),
    Case("conditional functions", "if (!function_exists('cf')) { function cf() { return 1; } }"
         " echo cf();", "1"),
    Case("umask and such", "umask(0); setlocale(LC_ALL, 'C'); echo 1;", "1"),
    Case("stdin is nobody's", "stream_set_blocking(fopen('php://stdin', 'r'), false); echo 1;", "1"),
    Case("php_info", "ob_start(); phpinfo(); echo strlen(ob_get_clean()) > 1000 ? 1 : 0;", "1"),
    Case("no argv from the query", "echo (int) ini_get('register_argc_argv');", "0"),
    Case("locale", "echo setlocale(LC_CTYPE, 0), ' ', setlocale(LC_NUMERIC, 0);", "C.UTF-8 C"),
    # ---- status and headers --------------------------------------------------------------------
    Case("default head", "echo 1;", "1", headers={"content-type": "text/html; charset=UTF-8",
                                                   "status": None}),
    Case("HTTP/1.1 404", "header('HTTP/1.1 404 Gone fishing');", "", status=404,
         line="404 Gone fishing"),
    Case("http/1.1 404", "header('http/1.1 404 Not Found');", "", status=404, line="404 Not Found"),
    Case("HTTP/ 404", "header('HTTP/ 404 Not Found');", "", status=404),
    Case("Status:", "header('Status: 403 Forbidden');", "", status=403),
    Case("both", "header('HTTP/1.1 403 F'); header('Status: 403 Also'); echo 1;", "1", status=403,
         line="403 F"),
    Case("code alone", "http_response_code(418);", "", status=418, line="418"),
    Case("unknown code", "http_response_code(599); echo 1;", "1", status=599, line="599"),
    Case("location", "header('Location: /x');", "", status=302, headers={"location": "/x"}),
    Case("location after 201", "http_response_code(201); header('Location: /x');", "", status=201),
    Case("404 with a body", "http_response_code(404); include 'part.php';", "part", status=404,
         files={"part.php": "part"}),
    Case("304 has no type", "http_response_code(304);", "", status=304,
         headers={"content-type": None}),
    Case("long status line", "header('HTTP/1.1 404 ' . str_repeat('x', 2000)); echo 1;", "1",
         status=404, headers={"content-type": "text/html; charset=UTF-8"}),
    Case("replaced and added", "header('A: 1'); header('A: 2'); header('B: 1'); header('B: 2', false);"
         "echo json_encode(headers_list());", None, headers={"a": "2", "b": "2"}),
    Case("removed", "header('A: 1'); header('B: 1'); header_remove('a'); echo 1;", "1",
         headers={"a": None, "b": "1"}),
    Case("all removed", "header('A: 1'); setcookie('x', 'y'); header_remove(); echo 1;", "1",
         headers={"a": None, "set-cookie": None}),
    Case("no line breaks", "header(\"A: 1\\r\\nB: 2\"); echo 1;", "1", headers={"b": None},
         said="Header may not contain more than a single header"),
    Case("type", "header('Content-Type: text/plain'); echo 1;", "1",
         headers={"content-type": "text/plain;charset=UTF-8"}),
    Case("line break in default_mimetype", "ini_set('default_mimetype', \"text/x\\r\\nX: y\");"
         "echo ini_get('default_mimetype');", "text/html", headers={"x": None}),
    Case("line break in default_charset", "ini_set('default_charset', \"u\\r\\nX: y\");"
         "echo ini_get('default_charset');", "UTF-8", headers={"x": None}),
    Case("callback", "header_register_callback(fn() => header('Late: 1')); echo 1;", "1",
         headers={"late": "1"}),
    # ---- output and errors ---------------------------------------------------------------------
    Case("exit", "echo 'a'; exit('b'); echo 'c';", "ab"),
    Case("HEAD", "header('A: 1'); echo 'body';", "", {"REQUEST_METHOD": "HEAD"},
         headers={"a": "1"}),
    Case("empty", "", ""),
    Case("large", "echo str_repeat('0123456789', 100000);", "0123456789" * 100000),
    Case("many small", "for ($i = 0; $i < 20000; $i++) { echo $i % 10; if ($i % 100 == 0) flush(); }",
         "0123456789" * 2000),
    Case("buffers", "ob_start(); echo 'a'; ob_start(); echo 'b'; flush(); ob_end_clean();", "a"),
    Case("fatal", "nothing();", "", status=500, said="PHP message: PHP Fatal error:  Uncaught Error:"
         " Call to undefined function nothing", logged="PHP Fatal error:  Uncaught Error"),
    Case("fatal after output", "echo 'a'; ob_end_flush(); flush(); nothing();", "a"),
    Case("parse error", "if (", "", status=500, said="PHP Parse error"),
    Case("exception", "throw new Exception('thrown-1');", "", status=500, said="thrown-1"),
    Case("memory", "$a = str_repeat('x', 1 << 28);", "", status=500, said="Allowed memory size"),
    Case("recursion in memory", "function f($a) { return f($a . 'x') . f($a); } f('x');", "",
         status=500),
    Case("worker lives after all this", "echo 'alive';", "alive"),
    Case("warning goes to both", "echo $undefined; echo 1;", "1",
         said="PHP message: PHP Warning:  Undefined variable",
         logged="Undefined variable"),
    Case("error_log", "error_log('one-1'); error_log('two-2');", "",
         said="^PHP message: one-1; PHP message: two-2$", logged="one-1"),
    Case("error_log when it ends", "register_shutdown_function(fn() => error_log('late-3'));"
         "echo 1;", "1", said="late-3", logged="late-3"),
    Case("error_log of 4000", "error_log('b' . str_repeat('x', 4000) . 'e');", "",
         said="bx{4000}e", logged="bx{3000,}"),
    Case("error_log of 20000", "error_log('B' . str_repeat('y', 20000) . 'E');", "",
         said="By{20000}E", is_stricter=True),
    Case("167 messages and a body", "for ($i = 0; $i < 167; $i++) error_log(\"m$i,\" ."
         "str_repeat('z', 100)); echo str_repeat('w', 5000);", "w" * 5000, said="m0,.*m166,z{100}",
         logged="m166,"),
    Case("finish request", "echo '0123'; fastcgi_finish_request(); echo 'lost';", "0123"),
    Case("finish request twice", "$a = fastcgi_finish_request(); $b = fastcgi_finish_request();"
         "error_log('F' . json_encode([$a, $b]));", "", logged=re.escape("F[true,false]")),
    Case("finish request without output", "fastcgi_finish_request(); echo 'lost';", "",
         headers={"content-type": "text/html; charset=UTF-8"}),
    Case("finish request, then variables", "echo 1; fastcgi_finish_request(); include 'v.php';", "1",
         files={"v.php": "<?php $_SERVER['X'] = getenv('HTTP_HOST');"}),
    # ---- bodies --------------------------------------------------------------------------------
    Case("form", "echo json_encode($_POST);", '{"a":"1","b":["2"]}', post(b"a=1&b[]=2"), b"a=1&b[]=2"),
    Case("no form", "echo json_encode([$_POST, file_get_contents('php://input')]);", '[[],""]',
         post(b"")),
    Case("raw", INPUT, BIG.decode(), post(BIG, "application/octet-stream"), BIG),
    Case("raw of PUT", INPUT, "abc", {**post(b"abc", "text/plain"), "REQUEST_METHOD": "PUT"}, b"abc"),
    Case("raw, twice", INPUT + "rewind($f = fopen('php://input', 'r')); echo fread($f, 2);", "abcab",
         post(b"abc", "text/plain"), b"abc"),
    Case("raw of a form too", "echo count($_POST);" + INPUT, "1a=1", post(b"a=1"), b"a=1"),
    Case("unread", "echo 1;", "1", post(BIG, "application/octet-stream"), BIG),
    Case("longer than announced", INPUT, "abc", post(b"abc", "text/plain"), b"abcdef"),
    Case("upload", "$f = $_FILES['f']; echo json_encode([$_POST, $f['name'], $f['size'], $f['error'],"
         "file_get_contents($f['tmp_name']), is_uploaded_file($f['tmp_name'])]);",
         '[{"a":"1"},"x.txt",5,0,"hello",true]', post(UPLOAD, MULTI), UPLOAD),
    Case("upload is moved", "move_uploaded_file($_FILES['f']['tmp_name'], '../tmp/moved') ? print("
         "file_get_contents('../tmp/moved')) : 0;", "hello", post(UPLOAD, MULTI), UPLOAD),
    Case("broken upload", "echo json_encode([$_POST, count($_FILES)]);", None,
         post(UPLOAD[:60], MULTI), UPLOAD[:60]),
    Case("no boundary", "echo json_encode($_POST);", "[]",
         post(UPLOAD, "multipart/form-data"), UPLOAD, said="Missing boundary"),
    Case("max_file_uploads", "echo count($_FILES);", "2", post(MANY_FILES, MULTI), MANY_FILES,
         config="values", said="Maximum number of allowable file uploads has been exceeded"),
    Case("parts of a form", "echo 1;", "1", post(MANY_PARTS, MULTI),
         MANY_PARTS, config="values", said="Multipart body parts limit exceeded 12\\."),
    Case("max_input_vars", "echo count($_POST) <= 11 ? 1 : 0;", "1", post(VARS), VARS,
         config="values", said="Input variables exceeded 10"),
    Case("body that cannot be buffered", "echo json_encode([count($_POST),"
         "file_get_contents('php://input')]);", '[0,""]', post(FIELDS), FIELDS, config="full",
         said="POST data can't be buffered; all data discarded"),
    Case("and one that can", "echo json_encode($_POST);", '{"a":"1"}', post(b"a=1"), b"a=1",
         config="full"),
    Case("without CONTENT_LENGTH", INPUT, "", {**POST, "CONTENT_TYPE": "text/plain"}, BIG),
    Case("form without CONTENT_LENGTH", "echo json_encode($_POST);", "[]",
         {**POST, "CONTENT_TYPE": FORM}, b"a=1"),
    Case("empty CONTENT_LENGTH", INPUT, "", {**post(b""), "CONTENT_LENGTH": ""}, b"abc"),
    Case("chunked", INPUT, BIG.decode(), {**CHUNKED, "CONTENT_TYPE": "text/plain"}, BIG,
         is_stricter=True),
    Case("chunked form", "echo json_encode($_POST);", '{"a":"1"}',
         {**CHUNKED, "CONTENT_TYPE": FORM}, b"a=1", is_stricter=True),
    Case("chunked upload", "echo $_FILES['f']['size'];", "5",
         {**CHUNKED, "CONTENT_TYPE": MULTI, "CONTENT_LENGTH": ""}, UPLOAD, is_stricter=True),
    Case("chunked, with its length", INPUT, "abc", {**CHUNKED, "CONTENT_LENGTH": "3"}, b"abcdef"),
    Case("shorter than announced", INPUT, "abc", {**post(b"abc", "text/plain"),
                                                  "CONTENT_LENGTH": "300"}, b"abc", is_stricter=True),
    Case("negative CONTENT_LENGTH", INPUT, "", {**post(b"abc"), "CONTENT_LENGTH": "-5"}, b"abc",
         is_stricter=True),
    # ---- settings ------------------------------------------------------------------------------
    Case("values", "echo json_encode([ini_get('precision'), ini_get('serialize_precision'),"
         "date_default_timezone_get()]);", '["5","7","Asia\\/Tokyo"]', config="values"),
    Case("sizes as they are written", "echo ini_get('memory_limit');", "128M"),
    Case("scripts change values only", "echo json_encode([ini_set('precision', '9'),"
         "@ini_set('serialize_precision', '9'), ini_get('precision'),"
         "ini_get('serialize_precision')]);", '["5",false,"9","7"]', config="values"),
    Case("and for one request", "echo ini_get('precision');", "5", config="values"),
    Case("disable_functions", "echo function_exists('strrev') ? 1 : 0, function_exists('strlen') ?"
         " 1 : 0;", "01", config="values"),
    Case("env", "echo json_encode([getenv('APP'), $_SERVER['APP'] ?? null, $_ENV['APP'] ?? null]);",
         '["from the plan","from the plan","from the plan"]', config="values"),
    Case("user ini", "echo json_encode([ini_get('precision'), ini_get('serialize_precision'),"
         "ini_get('html_errors')]);", '["11","7","0"]', config="values", script="ini/deep/c.php",
         files={"ini/.user.ini": "precision=10\nserialize_precision=3\nhtml_errors=0\n",
                "ini/deep/.user.ini": "precision=11\n"}),
    Case("user ini of another folder", "echo ini_get('precision');", "5", config="values"),
    Case("error header", "nothing();", "", config="values", status=550, line="550 Something wrong"),
    Case("error header does not stick", "echo 1;", "1", config="values"),
    Case("error header comes too late", "echo 1; fastcgi_finish_request(); nothing();", "1",
         config="values"),
    Case("ending", "echo 1;", "Access denied.\n", config="values", script="case.phar", status=403,
         said="has been denied", is_stricter=True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sapi(sites, server, case):
    if case.is_stricter and server is sites.fpm:
        pytest.skip("php-fpm does not meet it")
    # A script that was changed within two seconds after OPcache took it would be the old one.
    script = case.script or f"case{CASES.index(case)}.php"
    for path, text in {script: f"<?php {case.code}", **case.files}.items():
        sites.put(path, text, case.config)
    answer = server.fetch(server.params(script, case.config, **case.params), case.body,
                          case.config)
    assert answer.end == (0, 0)
    assert answer.status == case.status, answer.out[:500]
    if case.text is not None:
        assert answer.text == case.text.replace("{R}", server.root(case.config)).replace("{F}", script)
    if case.line:
        assert answer.headers["status"] == case.line
    for name, value in case.headers.items():
        assert answer.headers.get(name) == value
    if case.said:
        assert re.search(case.said, answer.err.decode(), re.S), answer.err[:2000]
    if case.logged and server.logs:
        wait_until(lambda: re.search(case.logged, server.log(case.config), re.S), 30,
                   f"{case.logged} in the log")


STATEMENTS = r"""header('HTTP/1.1 404 Gone');
header('HTTP/1.0 200 OK');
header('HTTP/2 403');
header('HTTP/1.1 99999 x');
header('HTTP/1.1');
header('HTTP/1.1  404  two');
header('http/1.1 405 lower');
header('HTTP/1.1 404 ' . str_repeat('z', 1100));
header('Status: 403 F');
header('Status: 200 OK');
header('status:500');
http_response_code(404);
http_response_code(200);
http_response_code(304);
http_response_code(204);
http_response_code(599);
header('Location: /x');
header('Content-Type:');
header('Content-Type: text/plain');
header('A: 1');
header('A: 2', false);
header('A:');
header('B');
header('');
header(' X: 1');
header("Y: a\0b");
header('X: ' . str_repeat('q', 9000));
header('Content-Length: 3');
header('WWW-Authenticate: Basic');
header('C: 1', true, 201);
header_remove('A');
header_remove();
setcookie('a', 'b c');
setcookie('a', '');
header_register_callback(function () { header('L: 1'); });
register_shutdown_function(function () { echo 'sd'; header('S: 1'); });
echo 'x';
echo str_repeat('y', 9000);
echo json_encode(headers_list());
echo http_response_code();
echo headers_sent() ? 1 : 0;
flush();
ob_start();
ob_end_flush();
ob_end_clean();
ob_start(fn($b) => strtoupper($b));
ob_implicit_flush();
fastcgi_finish_request();
error_log('e');
trigger_error('w', E_USER_WARNING);
ini_set('display_errors', '1');
ini_set('default_charset', '');
ini_set('default_mimetype', '');
exit;
exit(3);
exit('bye');
nothing();
throw new E();""".split("\n")


def test_random_scripts(sites):
    """Statements in any order: a pool answers what php-fpm answers."""
    if not sites.fpm:
        pytest.skip("php-fpm is not installed; see packaging/packages.txt")
    chance = random.Random(7)
    scripts = [" ".join(chance.choice(STATEMENTS) for _ in range(chance.randint(1, 6)))
               for _ in range(250)]
    rows = "".join(f"case {i}: {script} break;\n" for i, script in enumerate(scripts))
    sites.put("random.php", "<?php switch ($_SERVER['ROW']) {\n" + rows + "}", "values")
    for i, script in enumerate(scripts):
        said = []
        for server in (sites.pool, sites.fpm):
            answer = server.fetch(server.params("random.php", "values", ROW=str(i)),
                                  config="values")
            said.append((answer.out, answer.err, answer.end))
        assert said[0] == said[1], script


# Only compared: whatever PHP-FPM answers to these, byte for byte, is right.
HEADS = [
    "http_response_code(204); echo 'x';", "http_response_code(304); echo 'x';",
    "http_response_code(100);", "http_response_code(0); echo 1;", "http_response_code(999);",
    "http_response_code(-1); echo 1;", "header('HTTP/1.1 200 Fine'); echo 1;",
    "header('HTTP/1.1 204 No Content');", "header('HTTP/1.1 304 Not Modified');",
    "header('HTTP/2 404'); echo 1;", "header('HTTP/1.1 404'); echo 1;", "header('HTTP/1.1  404 x');",
    "header('HTTP/1.1 abc'); echo 1;", "header('HTTP/'); echo 1;", "header('Status: 200 OK'); echo 1;",
    "header('Status: 404'); echo 1;", "header('status: 301 x'); header('Location: /y');",
    "header('Status: 404 x'); http_response_code(500); echo 1;",
    "http_response_code(500); header('Status: 404 x'); echo 1;",
    "header('Location: /x', true, 301);", "header('Location: /x', true, 303); echo 'b';",
    "header('location:/x');", "http_response_code(404); header('Location: /x');",
    "header('X: 1', true, 418);", "header('WWW-Authenticate: Basic realm=x'); echo 1;",
    "header('X-Empty:'); header('X-Blank: '); echo 1;", "header('No colon'); echo 1;",
    "header(': x'); echo 1;", "header(' Lead: x'); header('Trail: x   '); echo 1;", "header(''); echo 1;",
    "header(\"A: x\\0y\"); echo 1;", "header(\"A: x\\ty\"); echo 1;", "header(\"A: x\\n\"); echo 1;",
    "header(\"A: x\\r\\n y\"); echo 1;", "header('A: ' . str_repeat('v', 9000)); echo 1;",
    "for ($i = 0; $i < 300; $i++) header(\"H$i: $i\"); echo 1;",
    "header('X: a'); header('x: b', false); header('X: c', false); echo 1;",
    "header('X: a'); header('x: b'); echo 1;", "header('X-A: 1'); header_remove('x-a'); echo 1;",
    "setcookie('a', '1'); setcookie('b', 'x y;'); setcookie('a', '2'); echo 1;",
    "setcookie('a', '', 1); setrawcookie('r', 'x%20', ['path' => '/p', 'samesite' => 'Lax']); echo 1;",
    "header('Content-Type:'); echo 1;", "header('Content-Type: text/x'); echo 1;",
    "header('Content-Type: image/png'); echo 1;", "header('content-type: text/html; charset=x'); echo 1;",
    "ini_set('default_mimetype', ''); echo 1;", "ini_set('default_charset', ''); echo 1;",
    "header('Content-Length: 3'); echo 'abc';", "header('Content-Length: 3'); echo 'abcdef';",
    "header('Connection: close'); header('Transfer-Encoding: chunked'); echo 1;",
    "header('X-Powered-By: me'); header('Server: me'); echo 1;",
    "echo 1; flush(); header('Late: 1');", "echo str_repeat('x', 5000); @header('Late: 1'); echo 2;",
    "ob_start(); echo 1; header('A: 1'); ob_end_flush(); flush();", "ob_start(fn($b) => strrev($b)); echo 'abc';",
    "ob_implicit_flush(); echo 1; echo 2;", "flush(); header('A: 1'); echo 1;", "output_add_rewrite_var('v', 'w');"
    "echo '<a href=\"x.php\">x</a>';", "fastcgi_finish_request(); header('A: 1'); echo 1;",
    "echo 1; fastcgi_finish_request(); http_response_code(500);", "session_id('abc'); session_start(); echo 1;",
    "session_cache_limiter('private'); session_id('abd'); session_start(); echo session_id();",
    "readfile(__DIR__ . '/nothing-here'); echo 1;", "exit(3);", "exit('text');", "die;", "return 1;",
    "register_shutdown_function(fn() => print('s')); exit('e');", "throw new Error('x');",
    "set_error_handler(fn() => print('h')); echo $none; trigger_error('x');",
    "set_exception_handler(fn($e) => print('caught')); throw new Exception('x');",
    "error_reporting(E_ERROR | E_USER_ERROR); trigger_error('x', E_USER_ERROR); echo 1;", "http_response_code(202); nothing();",
    "echo 'a'; nothing();", "header('A: 1'); echo 'a'; ob_end_flush(); nothing();",
]


def without_times(out):
    return re.sub(rb"(?m)^(Expires|Last-Modified): .*GMT|; expires=[^;\r]*", b"\\1: T", out)


def test_heads(sites):
    """A pool says what php-fpm says, and logs as much for the web server."""
    if not sites.fpm:
        pytest.skip("php-fpm is not installed; see packaging/packages.txt")
    differ = []
    for i, code in enumerate(HEADS):
        script = f"heads{i}.php"        # see test_sapi
        sites.put(script, "<?php " + code)
        for method in ("GET", "HEAD"):
            said = [server.fetch(server.params(script, REQUEST_METHOD=method))
                    for server in (sites.pool, sites.fpm)]
            ours, theirs = ((without_times(a.out), a.end, a.err) for a in said)
            if ours != theirs:
                differ.append((method, code, ours, theirs))
    assert not differ, "\n".join(map(str, differ))
