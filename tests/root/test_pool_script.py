# SPDX-License-Identifier: Apache-2.0
"""Which script runs: PHP-FPM's rules of paths, and ours of what may be run."""
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.lib import fcgi_client, procs
from tests.lib.pool import UID, Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

SHOW = ("<?php $o = []; foreach (['SCRIPT_FILENAME', 'SCRIPT_NAME', 'PATH_INFO', 'PATH_TRANSLATED',"
        " 'PHP_SELF', 'ORIG_SCRIPT_FILENAME', 'ORIG_SCRIPT_NAME', 'ORIG_PATH_INFO'] as $k)"
        " $o[$k] = $_SERVER[$k] ?? null; echo json_encode($o);")


@pytest.fixture(scope="module")
def pool():
    with Pool("strict_docroot=no") as running:
        running.write("show.php", SHOW)
        running.write("ran.php", "<?php echo 'ran';")
        yield running


@pytest.fixture(scope="module")
def strict():
    with Pool() as running:
        yield running


def show(pool, **params):
    answer = fcgi_client.fetch(pool.socket, {"REQUEST_METHOD": "GET", **params})
    assert answer.status == 200, answer.out
    return {name: value for name, value in json.loads(answer.text).items() if value is not None}


def test_path_info_of_the_url(pool):
    root = f"{pool.home}/public"
    assert show(pool, SCRIPT_FILENAME=f"{root}/show.php/a/b", SCRIPT_NAME="/show.php/a/b",
                PATH_INFO="/show.php/a/b", DOCUMENT_ROOT=root) == {
        "SCRIPT_FILENAME": f"{root}/show.php", "ORIG_SCRIPT_FILENAME": f"{root}/show.php/a/b",
        "SCRIPT_NAME": "/show.php", "ORIG_SCRIPT_NAME": "/show.php/a/b", "PATH_INFO": "/a/b",
        "ORIG_PATH_INFO": "/show.php/a/b", "PATH_TRANSLATED": f"{root}/a/b",
        "PHP_SELF": "/show.php/a/b"}


def test_path_info_split_by_the_web_server(pool):
    root = f"{pool.home}/public"
    got = show(pool, SCRIPT_FILENAME=f"{root}/show.php", SCRIPT_NAME="/show.php",
               PATH_INFO="/a/b", DOCUMENT_ROOT=root)
    assert got == {"SCRIPT_FILENAME": f"{root}/show.php", "SCRIPT_NAME": "/show.php",
                   "PATH_INFO": "/a/b", "PHP_SELF": "/show.php/a/b"}


@pytest.mark.parametrize("scheme", ["proxy:fcgi://localhost:9000", "proxy:balancer://x",
                                    "proxy:fcgi://localhost"])
def test_apaches_proxy(pool, scheme):
    root = f"{pool.home}/public"
    got = show(pool, SCRIPT_FILENAME=f"{scheme}{root}/show.php/p%20q?x=y",
               SCRIPT_NAME="/show.php/p q", DOCUMENT_ROOT=root)
    assert got["SCRIPT_NAME"] == "/show.php" and got["PATH_INFO"] in ("/p%20q", "/p q")
    assert got["SCRIPT_FILENAME"] == f"{root}/show.php"


@pytest.mark.parametrize("info", ["", "/", "/" + "x" * 500, "//a//b", "/a%00b"])
def test_odd_path_info(pool, info):
    root = f"{pool.home}/public"
    got = show(pool, SCRIPT_FILENAME=f"{root}/show.php{info}", SCRIPT_NAME="/show.php",
               PATH_INFO="", DOCUMENT_ROOT=root)
    assert got["SCRIPT_FILENAME"] == f"{root}/show.php"


@pytest.mark.parametrize("script", [None, "", "/", "nope.php", "/nope.php", "a/b/c"])
def test_no_such_script(pool, script):
    params = pool.params("x", SCRIPT_FILENAME=script)
    answer = fcgi_client.fetch(pool.socket, params)
    assert answer.status in (404, 403)
    if script not in ("/", ""):
        assert answer.status == 404 and answer.text == "File not found.\n"
        assert b"Primary script unknown" in answer.err


def status(pool, path, **more):
    params = pool.params("x.php", SCRIPT_FILENAME=str(path), **more)
    answer = fcgi_client.fetch(pool.socket, params)
    is_missing = answer.text in ("File not found.\n", "No input file specified.\n")
    return answer.status, "not found" if is_missing else answer.text


RAN, DENIED = (200, "ran"), (403, "Access denied.\n")
NOT_FOUND = (404, "not found")


def test_runs_beneath_the_home(pool):
    path = pool.write("lib/inner.php", "<?php echo 'ran';", folder="private")
    assert status(pool, path) == RAN


def test_outside_the_home(pool, tmp_path):
    for folder in (pool.folder, tmp_path):
        path = folder / "outside.php"
        path.write_text("<?php echo 'ran';")
        os.chown(path, UID, UID)
        path.chmod(0o644)
        assert status(pool, path) == NOT_FOUND
    assert status(pool, f"{pool.home}x/public/ran.php") == NOT_FOUND


@pytest.mark.parametrize("tail", ["public/../public/ran.php", "../home/public/ran.php",
                                  "public/.."])
def test_dots(pool, tail):
    assert status(pool, f"{pool.home}/{tail}")[0] == 404
    assert status(pool, f"{pool.home}/public/ran.php/..") == RAN, "it is path info"
    assert status(pool, f"{pool.home}/public/..ran.php/x")[0] == 404


def test_links(pool):
    public = pool.home / "public"
    outside = pool.folder / "secret.php"
    outside.write_text("<?php echo 'ran';")
    os.chown(outside, UID, UID)
    links = {"relative.php": ("ran.php", RAN),
             "absolute.php": (f"{pool.home}/public/ran.php", RAN),
             "out.php": (str(outside), NOT_FOUND),
             "up.php": ("../../secret.php", NOT_FOUND),
             "passwd.php": ("/etc/passwd", NOT_FOUND),
             "self.php": ("/proc/self/exe", NOT_FOUND),
             "loop.php": ("loop.php", NOT_FOUND),
             "text.php": ("../private/data.txt", DENIED)}
    pool.write("data.txt", "<?php echo 'ran';", folder="private")
    for name, (target, wanted) in links.items():
        os.symlink(target, public / name)
        assert (name, status(pool, public / name)) == (name, wanted)
    os.symlink(pool.home / "public", public / "folder")
    assert status(pool, public / "folder/ran.php") == RAN


def test_extensions(pool):
    for name in ("image.jpg", "x.php5", "x.phtml", "noextension", "x.php.txt", ".htaccess"):
        assert status(pool, pool.write(name, "<?php echo 'ran';")) == DENIED, name
    assert status(pool, pool.write("x.phar", "<?php echo 'ran';")) == RAN
    # An image with a path info that looks like a script.
    assert status(pool, f"{pool.home}/public/image.jpg/x.php") == DENIED


def test_owner(pool):
    assert status(pool, pool.write("root.php", "<?php echo 'ran';", uid=0)) == DENIED
    assert status(pool, pool.write("other.php", "<?php echo 'ran';", uid=UID + 1)) == DENIED


def test_what_is_no_file(pool):
    public = pool.home / "public"
    (public / "folder.php").mkdir()
    os.mkfifo(public / "pipe.php")
    for name in ("folder.php", "pipe.php"):
        os.chown(public / name, UID, UID)
        assert status(pool, public / name) == NOT_FOUND
    assert status(pool, pool.write("unreadable.php", "<?php echo 'ran';", mode=0)) == DENIED
    assert status(pool, public)[0] == 403


def test_what_runs_after_a_script_moves_no_other(known):
    pool, _ = known
    away = pool.write("away.php", "<?php register_shutdown_function(fn() => chdir('/tmp'));")
    (pool.home / "public/sub").mkdir(exist_ok=True)
    where = pool.write("sub/where.php", "<?php echo getcwd();")
    for _ in range(2):
        status(pool, away)
        assert status(pool, where)[1] == f"{pool.home}/public/sub"


def test_a_known_script_is_moved_behind_a_link(known):
    """Also where OPcache has forgotten it meanwhile."""
    pool, _ = known
    (pool.home / "public/rel").mkdir()
    path = pool.write("rel/k.php", "<?php echo 'ran';")
    reset = pool.write("reset.php", "<?php opcache_reset(); echo 'ran';")
    for each in (path, reset):
        os.utime(each, (1, 1))
    for _ in range(2):
        assert status(pool, path) == RAN
    (pool.home / "public/rel").rename(pool.home / "public/release-1")
    os.symlink("release-1", pool.home / "public/rel")
    for _ in range(3):
        assert status(pool, reset) == RAN
        assert status(pool, path) == RAN


def test_path_is_the_real_one(pool):
    pool.write("where.php", "<?php echo json_encode([__FILE__, __DIR__, getcwd(),"
               "get_included_files(), $_SERVER['SCRIPT_FILENAME']]);")
    os.symlink("where.php", pool.home / "public/link.php")
    root = f"{pool.home}/public"
    real = f"{root}/where.php"
    assert json.loads(status(pool, real)[1]) == [real, root, root, [real], real]
    os.symlink("public", pool.home / "linked")
    for path in ("public/link.php", "public/./where.php", "public//where.php", "/public/where.php",
                 "linked/where.php"):
        got = json.loads(status(pool, f"{pool.home}/{path}")[1])
        assert (path, got[:4]) == (path, [real, root, root, [real]])


def test_strict_document_root(strict):
    ran = "<?php echo 'ran';"
    assert status(strict, strict.write("in.php", ran)) == RAN
    inner = strict.write("out.php", ran, folder="private")
    assert status(strict, inner) == NOT_FOUND
    os.symlink("../private/out.php", strict.home / "public/link.php")
    os.symlink(inner, strict.home / "public/absolute.php")
    os.symlink("in.php", strict.home / "public/inside.php")
    assert status(strict, strict.home / "public/link.php") == NOT_FOUND
    assert status(strict, strict.home / "public/absolute.php") == NOT_FOUND
    assert status(strict, strict.home / "public/inside.php") == RAN


@pytest.mark.parametrize("target", ["/{home}/releases/5/public", "../releases/5/public"])
def test_document_root_of_a_deployment(target):
    """It is a link to where the last release lies."""
    with Pool("document_root=current/web") as pool:
        pool.write("ran.php", "<?php echo 'ran';", folder="releases/5/public")
        (pool.home / "current").mkdir()
        os.symlink(target.format(home=pool.home), pool.home / "current/web")
        assert status(pool, f"{pool.home}/current/web/ran.php") == RAN
        assert status(pool, f"{pool.home}/public/hello.php") == NOT_FOUND


def test_links_upwards_while_others_rename(pool):
    """The kernel refuses ".." in a link while anything on the machine is renamed: it is asked another way."""
    pool.write("ran.php", "<?php echo 'ran';", folder="releases/6/public")
    (pool.home / "now").mkdir()
    os.symlink("../releases/6/public", pool.home / "now/web")
    (pool.folder / "a").mkdir()
    rename = subprocess.Popen([sys.executable, "-c", f"import os; os.chdir({str(pool.folder)!r})\n"
                               "while 1: os.rename('a', 'b'); os.rename('b', 'a')"])
    try:
        assert {status(pool, f"{pool.home}/now/web/ran.php") for _ in range(300)} == {RAN}
    finally:
        rename.kill()
        rename.wait()


def test_without_method_nothing_runs(known):
    pool, _ = known
    worker, = pool.workers()

    def held():
        return [path for fd in os.listdir(f"/proc/{worker}/fd")
                if (path := procs.link(worker, f"fd/{fd}")).startswith(f"{pool.home}/public/")]
    script = pool.write("ran.php", "<?php echo 'ran';")
    for _ in range(5):
        params = pool.params("ran.php", REQUEST_METHOD=None)
        answer = fcgi_client.fetch(pool.socket, params)
        assert "ran" not in answer.out.decode() and answer.end == (0, 0)
    # The answer may come before the worker has tidied up.
    procs.wait_until(lambda: not held(), 30, "scripts that are left open are closed")
    assert status(pool, script) == RAN and pool.workers() == [worker]


@pytest.fixture
def known():
    """A pool with one worker that knows k.php: it has run, and is old enough for OPcache."""
    with Pool("pm=static", "max_children=1", "strict_docroot=no") as pool:
        path = pool.write("k.php", "<?php echo 'ran';")
        os.utime(path, (1, 1))
        for _ in range(2):
            assert status(pool, path) == RAN
        yield pool, path


@contextlib.contextmanager
def nobody_opens(path):
    """While it lasts, whoever opens PATH without waiting is refused; its attributes can be read."""
    with open(path, "rb+") as file:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)    # ignored; SIGIO is not
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield


def test_a_known_script_is_not_opened_again(known):
    pool, path = known
    other = pool.write("other.php", "<?php echo 'ran';")
    with nobody_opens(other):
        assert status(pool, other) == NOT_FOUND, "a script that is not known has to be opened"
    with nobody_opens(path):
        assert status(pool, path) == RAN


def test_what_becomes_of_a_known_script_is_seen_at_once(known):
    pool, path = known
    outside = pool.folder / "outside.php"
    outside.write_text("<?php echo 'ran';")
    os.utime(outside, (1, 1))
    os.chown(outside, UID, UID)

    os.chown(path, 0, 0)
    assert status(pool, path) == DENIED
    os.chown(path, UID, UID)
    assert status(pool, path) == RAN
    path.chmod(0)
    assert status(pool, path) == DENIED
    path.chmod(0o644)
    assert status(pool, path) == RAN
    path.rename(path.with_suffix(".old"))
    assert status(pool, path) == NOT_FOUND
    os.symlink(outside, path)
    assert status(pool, path) == NOT_FOUND
    path.unlink()
    os.mkfifo(path)
    os.chown(path, UID, UID)
    assert status(pool, path) == NOT_FOUND
    path.unlink()
    path.with_suffix(".old").rename(path)
    assert status(pool, path) == RAN


def test_a_folder_of_a_known_script_becomes_a_link(known):
    """Outside lies a file of the same name, owner, mode and times."""
    pool, _ = known
    path = pool.write("sub/k.php", "<?php echo 'ran';")
    outside = pool.folder / "outside"
    outside.mkdir()
    for file in (path, outside / "k.php"):
        file.write_text("<?php echo 'ran';")
        os.chown(file, UID, UID)
        os.utime(file, (1, 1))
    assert status(pool, path) == RAN
    path.parent.rename(pool.home / "public/moved")
    os.symlink(outside, path.parent)
    assert status(pool, path) == NOT_FOUND


def test_a_known_script_that_opcache_has_no_more(known):
    pool, path = known
    reset = pool.write("reset.php", "<?php opcache_reset(); echo 'ran';")
    for _ in range(3):
        assert status(pool, reset) == RAN
        assert status(pool, path) == RAN
    # OPcache takes no file that was written a moment ago: PHP asks for it each time.
    fresh = pool.write("fresh.php", "<?php echo 'ran';")
    for _ in range(3):
        assert status(pool, fresh) == RAN


def test_each_script_stands_in_its_folder(pool):
    """Whatever the one before did, and by whatever path it was named; what runs later in the home."""
    pool.write("sub/cd.php", "<?php echo getcwd(); chdir('/tmp');"
               "register_shutdown_function(fn() => print(' ' . getcwd()));")
    pool.write("top.php", "<?php echo getcwd(); chdir('/tmp');", folder=".")
    os.symlink("sub", pool.home / "public/to-sub")
    for _ in range(3):
        for path in ("public/sub/cd.php", "public//sub/cd.php", "public/to-sub/cd.php"):
            text = status(pool, f"{pool.home}/{path}")[1]
            assert (path, text) == (path, f"{pool.home}/public/sub {pool.home}")
        assert status(pool, pool.home / "top.php")[1] == str(pool.home)


def test_attributes_of_the_page(known):
    pool, _ = known
    path = pool.write("page.php", "<?php echo json_encode([getlastmod(), getmyinode(), getmyuid()]);")
    for when in (1, 2):
        os.utime(path, (when, when))
        for _ in range(2):
            assert json.loads(status(pool, path)[1]) == [when, path.stat().st_ino, UID]
