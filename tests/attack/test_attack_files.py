# SPDX-License-Identifier: Apache-2.0
"""Plain PHP against the victim's files: read, listed, found, written by every way that PHP has.

Each way is first used on the attacker's own files, where it must work."""
import os

import pytest

from tests.lib import procs
from tests.lib.pool import program
from tests.lib.procs import wait_until

READ = {
    "file_get_contents": "return file_get_contents($a[0]);",
    "include": "return include $a[0];",
    "include_once": "return include_once $a[0];",
    "readfile": "readfile($a[0]);",
    "fopen": "return fread(fopen($a[0], 'r'), 9999);",
    "file": "return file($a[0]);",
    "object": "return (new SplFileObject($a[0]))->fread(9999);",
    "highlight_file": "highlight_file($a[0]);",
    "strip": "return php_strip_whitespace($a[0]);",
    "filter": "return base64_decode(file_get_contents("
              "'php://filter/read=convert.base64-encode/resource=' . $a[0]));",
    "zlib": "return file_get_contents('compress.zlib://' . $a[0]);",
    "file_url": "return file_get_contents('file://' . $a[0]);",
    "gzopen": "return gzread(gzopen($a[0], 'r'), 9999);",
    "copy": "copy($a[0], $t = tempnam('/tmp', 'c')); return file_get_contents($t);",
    "symlink": "@unlink($t = '/tmp/sym'); symlink($a[0], $t); return file_get_contents($t);",
    "link": "@unlink($t = dirname(__DIR__) . '/private/hard'); link($a[0], $t);"
            "return file_get_contents($t);",
    "self": "return file_get_contents('/proc/self/root' . $a[0]);",
    "thread": "return file_get_contents('/proc/thread-self/root' . $a[0]);",
    "cwd": "chdir('/'); return file_get_contents('/proc/self/cwd' . $a[0]);",
    "relative": "return file_get_contents(__DIR__ . '/../../../../../../../../../../' . $a[0]);",
    "basedir": "ini_set('open_basedir', '/'); return file_get_contents($a[0]);",
    "wrapper": "stream_wrapper_unregister('file'); stream_wrapper_restore('file');"
               "return file_get_contents($a[0]);",
    "opcache": "opcache_compile_file($a[0]); return include $a[0];",
    "hash": "return hash_file('sha256', $a[0]) === hash('sha256', $a[1]) ? 'the very ' . $a[2] : '';",
    "curl": "curl_setopt($c = curl_init('file://' . $a[0]), CURLOPT_RETURNTRANSFER, 1);"
            "return curl_exec($c);",
    "dom": "$d = new DOMDocument; $d->loadXML('<!DOCTYPE x [<!ENTITY e SYSTEM "
           "\"php://filter/read=convert.base64-encode/resource=' . $a[0] . '\">]><x>&e;</x>', LIBXML_NOENT);"
           "return base64_decode($d->textContent);",
}
NEEDS = {"curl": "curl", "dom": "dom"}


@pytest.mark.parametrize("way", READ)
def test_read(bad, good, way):
    if way in NEEDS and not bad.run("return extension_loaded($a[0]);", NEEDS[way]):
        pytest.skip(f"PHP has no extension {NEEDS[way]} here")
    own = (bad.config, open(bad.config).read(), bad.word)
    answer = bad.answer(READ[way], *own)
    assert bad.word in str(answer), answer
    for path in (good.config, good.dotenv, good.session, f"{good.home}/public/act.php",
                 good.temporary, f"/dev/shm/{good.word}"):
        content = open(path).read() if path.startswith(good.home) else good.word
        answer = bad.answer(READ[way], path, content, "file")
        told = str(answer).replace(path, "")
        assert good.word not in told and "the very file" not in told, (path, answer)
        assert "php://input" not in told, (path, answer)


LIST = {
    "scandir": "return scandir($a[0]);",
    "glob": "return glob($a[0] . '/*');",
    "glob_url": "foreach (new DirectoryIterator('glob://' . $a[0] . '/*') as $f) echo $f, ' ';",
    "opendir": "$d = opendir($a[0]); while (($f = readdir($d)) !== false) echo $f, ' ';",
    "iterator": "foreach (new DirectoryIterator($a[0]) as $f) echo $f, ' ';",
    "recursive": "foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($a[0])) as $f)"
                 "echo $f, ' ';",
    "self": "return scandir('/proc/self/root' . $a[0]);",
    "dotdot": "return scandir(__DIR__ . '/../../../../../../../../..' . $a[0]);",
}


@pytest.mark.parametrize("way", LIST)
def test_list(bad, good, way):
    code = "ini_set('display_errors', '0');" + LIST[way]
    assert "wp-config.php" in str(bad.answer(code, f"{bad.home}/private"))
    for folder in (good.home, f"{good.home}/private", f"{good.home}/public", f"{good.home}/sessions"):
        told = str(bad.answer(code, folder)).replace(folder, "")
        assert os.listdir(folder) and not [n for n in os.listdir(folder) if n in told], told
    homes = os.path.dirname(good.home)
    assert good.name in os.listdir(homes)
    told = str(bad.answer(code, homes))
    assert bad.name in told and good.name not in told, told


FIND = {
    "file_exists": "return file_exists($a[0]);", "is_dir": "return is_dir($a[0]);",
    "stat": "return (bool)stat($a[0]);", "lstat": "return (bool)lstat($a[0]);",
    "realpath": "return (bool)realpath($a[0]);", "chdir": "return chdir($a[0]);",
    "space": "return (bool)disk_free_space($a[0]);", "glob": "return (bool)glob($a[0]);",
    "readlink": "symlink($a[0], $t = '/tmp/' . uniqid()); return (bool)realpath($t);",
}


@pytest.mark.parametrize("way", FIND)
def test_find(bad, good, way):
    assert bad.answer(FIND[way], bad.home)["value"] is True
    assert bad.answer(FIND[way], f"{bad.home}/private")["value"] is True
    for path in (good.home, f"{good.home}/private", f"{good.home}/public"):
        assert not bad.answer(FIND[way], path)["value"], path


WRITE = {
    "put": "return (bool)file_put_contents($a[0] . '/file', 'x');",
    "touch": "return touch($a[0] . '/touched');",
    "mkdir": "return mkdir($a[0] . '/folder');",
    "chmod": "return chmod($a[0] . '/file', 0777);",
    "cut": "return (bool)fopen($a[0] . '/file', 'w');",
    "append": "return (bool)fopen($a[0] . '/file', 'a');",
    "copy": "return copy(__DIR__ . '/act.php', $a[0] . '/copied');",
    "rename": "file_put_contents($t = __DIR__ . '/moving', 'x'); return rename($t, $a[0] . '/moved');",
    "symlink": "return symlink('/', $a[0] . '/symbolic');",
    "link": "return link(__DIR__ . '/open.txt', $a[0] . '/hard');",
    "error_log": "return error_log('x', 3, $a[0] . '/log');",
    "self": "return (bool)file_put_contents('/proc/self/root' . $a[0] . '/self', 'x');",
    "chown": "return chown($a[0] . '/file', posix_getuid());",
    "unlink": "return unlink($a[0] . '/file');",
    "rmdir": "return rmdir($a[0] . '/folder');",
    "tempnam": "return dirname(tempnam($a[0], 'x')) === $a[0];",
    "sqlite": "(new SQLite3($a[0] . '/db'))->exec('CREATE TABLE t (x)'); return true;",
    "session": "session_save_path($a[0]); session_id('written'); session_start();"
               "session_write_close(); return file_exists($a[0] . '/sess_written');",
}


def test_write(bad, good):
    for site in (bad, good):
        site.run("foreach (['public/t', 'private/t'] as $d) { $p = dirname(__DIR__) . \"/$d\";"
                 "@mkdir($p); chmod($p, 0777); file_put_contents(\"$p/file\", 'x');"
                 "chmod(\"$p/file\", 0666); }")
    before = good.files()
    for way, code in WRITE.items():
        if way == "sqlite" and not bad.run("return extension_loaded('sqlite3');"):
            continue
        answer = bad.answer(code, f"{bad.home}/public/t")
        assert answer["value"] is True, (way, answer)
        for folder in (f"{good.home}/public/t", f"{good.home}/private/t"):
            answer = bad.answer(code, folder)
            assert answer["value"] is not True, (way, answer)
    assert good.files() == before
    for site in (bad, good):
        site.run("foreach (['public/t', 'private/t'] as $d) {"
                 "array_map('unlink', glob(dirname(__DIR__) . \"/$d/*\"));"
                 "rmdir(dirname(__DIR__) . \"/$d\"); }")


def test_proc(bad, good):
    """/proc: by the victim's own process ids, and by every id that shows itself."""
    pids = good.pids()
    assert pids
    for pid in pids:
        # A worker that waits may leave at any time.
        wait_until(lambda pid=pid: os.path.exists(f"/proc/{pid}/root{good.config}") or not procs.is_running(pid), 30,
                   f"the victim's file is seen by {pid}")
        for name in (f"root{good.config}", "environ", "maps", "cmdline", f"cwd/{good.config}"):
            answer = bad.answer("return @file_get_contents($a[0]);", f"/proc/{pid}/{name}")
            assert good.word not in str(answer), answer
    seen = bad.run("return array_map(fn($p) => [$p, @scandir($p . '/root' . $a[0]),"
                   "@file_get_contents($p . '/root' . $a[1])], glob('/proc/[0-9]*'));",
                   os.path.dirname(good.home), good.config)
    assert seen and good.name not in str(seen) and good.word not in str(seen)
    # Its own process is among them.
    assert f"/proc/{bad.run('return getmypid();')}" in [row[0] for row in seen]


def test_all_of_the_system_is_out_of_sight(bad, good):
    """Every path of the whole system, nginx's temporary files, sockets, logs and databases among
    them: of none but its own home does the attacker's PHP see anything."""
    system, paths = bad.system, []
    for top, folders, names in os.walk(system.folder):
        if top.startswith(f"{bad.home}/"):
            continue
        paths += [os.path.join(top, name) for name in folders + names]
    assert good.config in paths and any("php.sock" in path for path in paths)
    shown = bad.run("return array_values(array_filter($a[0], fn($p) => @lstat($p)));",
                    paths + [bad.config])
    assert bad.config in shown
    # Where the build lies below /tmp it is bound into the folder, and the cage starts from its own part of it.
    runtime = f"{system.folder}/libexec/php/{program().parent.name}"
    strange = [path for path in shown if not any(
        own.startswith(path) or path.startswith(f"{own}/") for own in (bad.home, runtime))]
    assert not strange
