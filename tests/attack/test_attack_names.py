# SPDX-License-Identifier: Apache-2.0
"""Facts about others: neither a victim's name, number or uid, nor the host's name, is anywhere to be
read, in the cage or in what nginx answers for the attacker's site."""
import os
import pathlib
import re
import socket

from tests.lib.procs import wait_until

# All that a script can read about where it runs, in one text.
GATHER = r"""
ini_set('memory_limit', '256M'); $t = '';
$add = function ($what, $value) use (&$t) { $t .= "\n--- $what\n" . print_r($value, true); };
foreach (array_merge(glob('/etc/*'), glob('/proc/*'), glob('/proc/self/*'), glob('/proc/self/net/*'),
        glob('/proc/[0-9]*/*'), glob('/proc/sys/kernel/*'), glob('/sys/*')) as $f) {
    if (is_dir($f)) $add($f, @scandir($f));
    elseif (is_file($f) && !preg_match('~/(mem|clear_refs|pagemap|kmsg|kcore)$~', $f))
        $add($f, substr((string)@file_get_contents($f, false, null, 0, 65536), 0, 65536));
    $add("link $f", @readlink($f));
}
$walk = function ($folder, $depth) use (&$walk, $add) {
    $names = @scandir($folder) ?: [];
    $add($folder, $names);
    foreach ($names as $n)
        if ($depth && $n !== '.' && $n !== '..' && !is_link("$folder/$n") && is_dir("$folder/$n")
            && !preg_match('~^/*(usr|proc)~', "$folder/$n")) $walk("$folder/$n", $depth - 1);
};
$walk('/', 5);
foreach (['php_uname', 'gethostname', 'getcwd', 'get_include_path', 'sys_get_temp_dir', 'getenv',
          'get_current_user', 'getmypid', 'ini_get_all', 'opcache_get_status', 'opcache_get_configuration',
          'apcu_cache_info', 'get_loaded_extensions', 'getrusage', 'sys_getloadavg', 'realpath_cache_get',
          'fpm_get_status', 'stream_get_wrappers', 'error_get_last', 'posix_times', 'posix_uname'] as $f)
    if (function_exists($f)) $add($f, @$f());
$add('constants', get_defined_constants(true)); $add('server', $_SERVER);
if (function_exists('posix_getpwuid')) foreach (range(-2, 3) as $i)
    { $add('user', @posix_getpwuid(posix_getuid() + $i)); $add('group', @posix_getgrgid(posix_getgid() + $i)); }
ob_start(); phpinfo(); $add('phpinfo', ob_get_clean());
return $t;"""


def secrets_of(pair):
    """Words that must not be seen: of the victim, and of the host."""
    good = pair.good
    words = [good.name, good.word, str(good.uid), f"tenants/{good.number}", f"pool/{good.number}"]
    return words + [pair.system.name, "tenantd-tree"]


def strange(pair, text):
    return [(word, text[max(0, text.find(word) - 200):text.find(word) + 100])
            for word in secrets_of(pair) if word in text]


def test_nothing_in_the_cage(pair, bad, good):
    with good.busy(""):
        text = bad.run(GATHER)
    for own in (bad.home, str(bad.uid), f"{bad.home}/private", "wp-config.php", "/proc/self/mountinfo"):
        assert own in text, f"the gathering does not even find {own}"
    # The folder of the whole run is named after the system, and is part of the home's path.
    text = text.replace(str(pair.system.folder), "")
    assert not strange(pair, text)
    assert os.uname().nodename not in bad.run("return [php_uname('n'), gethostname()];")
    assert len(re.findall(r"^processor", text, re.M)) == 0      # /proc/cpuinfo


MESSAGES = {
    "fatal": "nothing();", "include": "include '/srv/none/x.php';", "require": "require '../../none.php';",
    "connect": "stream_socket_client('unix:///run/none.sock');", "resolve": "gethostbyname('none.invalid');"
               "file_get_contents('http://none.invalid/');",
    "mail": "mail('x@none.invalid', 's', 't');", "mysql": "mysqli_connect('localhost', 'x', 'y');",
    "exec": "exec('id', $o); echo implode($o);", "session": "session_save_path('/none'); session_start();",
    "memory": "ini_set('memory_limit', '8M'); str_repeat('x', 1 << 26);",
    "throw": "throw new Exception(print_r(debug_backtrace(), true));", "warning": "echo $none; 1 % 0;",
}


def test_messages_of_php(pair, bad, good):
    log = pathlib.Path(pair.system.show(bad.name)["logs"], "php.log")
    start = log.stat().st_size
    for name, code in MESSAGES.items():
        answer = bad.answer(code)
        text = str(answer).replace(str(pair.system.folder), "")
        assert len(text) > 40 and not strange(pair, text), (name, strange(pair, text))
    def logged():
        return log.read_bytes()[start:].decode(errors="replace").replace(str(pair.system.folder), "")
    wait_until(lambda: "Undefined variable $none" in logged(), 30, "the last message is in the log")
    assert not strange(pair, logged())


def test_answers_of_nginx(pair, bad, good):
    """Errors of every kind: 400, 403, 404, 405, 413, 414, 502."""
    seen = set()
    requests = [("GET", "/none", {}), ("GET", "/.env", {}), ("GET", "/deep", {}), ("GET", "/%00", {}),
                ("TRACE", "/", {}), ("GET", "/none.php", {}), ("GET", "/" + "x" * 20000, {}),
                ("GET", "/../../..", {}), ("POST", "/open.txt", {}),
                ("POST", "/act.php", {"Content-Length": str(1 << 40)})]
    for method, path, headers in requests:
        answer = bad.system.http(bad.name, path, method, None, headers)
        seen.add(answer.status)
        text = f"{answer.body.decode(errors='replace')}{answer.headers}"
        assert not strange(pair, text) and socket.gethostname() not in re.sub(r"<[^>]*>", "", text), text
        assert bad.home not in text and str(pair.system.folder) not in text, text
    assert seen >= {400, 403, 404, 405, 413, 414}, seen
    # A worker that dies under its request.
    dead = bad.answer("posix_kill(posix_getpid(), 9); return 1;")
    assert dead.get("status", 200) >= 500 and not strange(pair, str(dead)), dead
