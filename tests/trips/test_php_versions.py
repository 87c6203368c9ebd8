# SPDX-License-Identifier: Apache-2.0
"""Several versions of PHP side by side.  A Debian release has one, so the second is the same PHP in a
folder of its own, under a name of its own: to tenantd that is all a version is."""
import os
import re
import shutil
import signal

import pytest

from tests.lib import procs
from tests.lib.load import Load
from tests.lib.procs import wait_until
from tests.lib.system import System

LIMIT_S = 60
A, B = "a.example", "b.example"
OTHER = "8.1-other"
PAGE = "<?php usleep((int)($_GET['us'] ?? 0)); echo PHP_VERSION, ' end';"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A system whose programs a test may add to and take away."""
    from tests.conftest import need_root
    need_root()
    system = System()
    build = tmp_path_factory.mktemp("libexec")
    build.chmod(0o755)
    for each in system.build.iterdir():
        if each.is_file() and os.access(each, os.X_OK) and each.name.startswith("tenant"):
            shutil.copy2(each, build)
    shutil.copytree(system.build / "php", build / "php", symlinks=True)
    [system.version] = os.listdir(build / "php")
    shutil.copytree(build / "php" / system.version, build / "php" / OTHER, symlinks=True)
    system.build = build
    system.conf = "allow_preload = yes\nallow_programs = yes\n"
    with system:
        for site in (A, B):
            system.ctl("add", site, check=True)
            system.put(site, "public/index.php", PAGE)
            system.text(site)
        yield system


def versions(system):
    return {row["version"]: row for row in system.data("php", "list")["versions"]}


def running(system, site):
    """The version whose program the site's master is."""
    exe = procs.link(system.status(site)["master_pid"], "exe")      # "" if it just left
    found = re.search(r"/php/([^/]+)/tenant-pool", exe)
    return found and found.group(1)


def program_of(system, site):
    """The inode of the site's master's program; None if it just left."""
    try:
        return os.stat(f"/proc/{system.status(site)['master_pid']}/exe").st_ino
    except OSError:
        return None


def runs(system, site, version):
    return wait_until(lambda: system.text(site) and running(system, site) == version and
                      system.status(site)["pool_state"] == "warm", LIMIT_S, f"{site} runs {version}")


def test_what_is_there_is_found(own):
    for name in ("9.9", "x", ".hidden", "8;x"):     # no pool in it, or no name of a version
        (own.build / "php" / name).mkdir()
        if name != "9.9":
            (own.build / "php" / name / "tenant-pool").touch(0o755)
    found = versions(own)
    assert list(found) == sorted((own.version, OTHER)), found
    assert all(row["state"] == "ready" for row in found.values())
    assert [v for v, row in found.items() if row["is_default"]] == [own.version]
    assert found[own.version]["sites"] == 2 and found[OTHER]["sites"] == 0
    # A version that comes later needs no restart.
    shutil.copytree(own.build / "php" / OTHER, own.build / "php/8.3", symlinks=True)
    assert "8.3" in versions(own)
    shutil.rmtree(own.build / "php/8.3")
    assert "8.3" not in versions(own)
    assert own.version in own.ctl("php", "list", check=True).stdout


@pytest.mark.parametrize("words, said", [
    (("add", "new.example", "php=7.4"), ("7.4", OTHER)),
    (("set", A, "php=7.4"), ("7.4", OTHER)),
    (("set", A, "php=../x"), ("../x",)),
    (("plan", "add", "old", "php=7.4"), ("7.4", OTHER)),
    (("set", A, "extensions=nosuch"), ("nosuch", "extensions/nosuch.so")),
    (("add", "new.example", "extensions=ctype,nosuch"), ("nosuch",)),
    (("set", A, "preload=private/none.php"), ("private/none.php",)),
    (("set", A, "preload=private"), ("private",)),
])
def test_what_is_not_there_is_refused(own, words, said):
    before = own.show(A)
    done = own.ctl(*words)
    assert done.returncode == 5, done
    for word in said:
        assert word in done.stderr, done.stderr
    after = own.show(A)
    for moves in ("revision", "changed_at"):        # a refusal of the builder is taken back
        before.pop(moves), after.pop(moves)
    assert after == before and own.ctl("show", "new.example").returncode == 3
    runs(own, A, own.version)


def test_a_version_per_site_and_per_plan(own):
    own.ctl("add", "c.example", f"php={OTHER}", check=True)
    own.put("c.example", "public/index.php", PAGE)
    runs(own, "c.example", OTHER)
    assert own.show("c.example")["php"] == OTHER and own.show(A)["php"] == own.version
    assert versions(own)[OTHER]["sites"] == 1
    own.ctl("set", "c.example", "php=", check=True)
    runs(own, "c.example", own.version)
    own.ctl("plan", "add", "other", f"php={OTHER}", check=True)
    own.ctl("set", "c.example", "--plan", "other", check=True)
    runs(own, "c.example", OTHER)
    assert versions(own)[OTHER]["sites"] == 1
    assert own.ctl("plan", "set", "other", "php=7.4").returncode == 5
    own.ctl("plan", "set", "other", "php=", check=True)
    runs(own, "c.example", own.version)
    own.ctl("remove", "c.example", check=True)
    own.ctl("plan", "remove", "other", check=True)


def test_a_move_loses_no_visitor_and_touches_no_other_pool(own):
    own.text(B)
    master = own.status(B)["master_pid"]
    with Load(own, A, B) as load:
        for version in (OTHER, own.version, OTHER, own.version):
            load.wait()
            own.ctl("set", A, f"php={version}", check=True)
            runs(own, A, version)
    assert own.status(B)["master_pid"] == master and own.status(A)["crashes"] == 0
    own.ctl("set", A, "php=", check=True)


def test_commands_find_the_php_of_the_version(own):
    if not os.path.exists("/usr/bin/php"):
        pytest.skip("php-cli is not installed")
    own.ctl("set", B, f"php={OTHER}", "programs=allow", check=True)
    done = own.ctl("exec", B, "--", "sh", "-c", "command -v php; php -r 'echo PHP_VERSION;'")
    assert f"/php/{OTHER}/php\n" in done.stdout, done
    assert done.stdout.splitlines()[1].split(".")[:2] == own.version.split(".")
    own.ctl("set", B, "php=", "programs=", check=True)


def test_a_version_that_goes_takes_no_living_pool_along(own):
    here, gone = own.build / "php" / OTHER, own.build / "php/.gone"
    own.ctl("set", A, f"php={OTHER}", "pool_idle_timeout=1h", check=True)
    runs(own, A, OTHER)
    master = own.status(A)["master_pid"]
    here.rename(gone)
    try:
        assert own.text(A).endswith(" end") and own.status(A)["master_pid"] == master
        assert versions(own)[OTHER]["state"] == "missing" and versions(own)[OTHER]["sites"] == 1
        rows = {r["id"]: r for r in own.api("GET", "/v1/doctor")[1]["data"]["checks"]}
        assert rows["php.version"]["result"] == "FAILED"
        assert f"{OTHER} (1 sites)" in rows["php.version"]["found"]
        # Other changes are possible; its pool is not replaced for those of the kernel.
        own.ctl("set", A, "memory_max=400M", check=True)
        assert own.status(A)["master_pid"] == master
        # Nor is it lost where a new generation cannot come; the reason is told.
        own.ctl("set", A, "memory_limit=64M", check=True)
        wait_until(lambda: own.status(A)["last_error"], LIMIT_S, "the reason is told")
        status = own.status(A)
        assert f"php/{OTHER}/tenant-pool" in status["last_error"], status["last_error"]
        assert status["master_pid"] == master and own.text(A).endswith(" end")
        # Once cold, visitors get 503 and the administrator the reason.
        own.ctl("suspend", A, check=True)
        own.ctl("resume", A, check=True)
        assert own.http(A).status in (502, 503)
        wait_until(lambda: own.status(A)["pool_state"] == "backoff" or
                   (own.http(A) and None), LIMIT_S, "it is held back")
        assert "php list" in own.status(A)["last_error"]
        # Moving away helps at once, also where only the default is left.
        own.ctl("set", A, "php=", check=True)
        runs(own, A, own.version)
    finally:
        gone.rename(here)
    own.ctl("set", A, "memory_max=", "memory_limit=", "pool_idle_timeout=", check=True)


def test_an_upgrade_of_the_version_reaches_the_next_generation(own):
    """As dpkg does it: a new file is renamed over the old one."""
    own.ctl("set", A, f"php={OTHER}", "max_children=3", "process_idle_timeout=1s", check=True)
    runs(own, A, OTHER)
    program = own.build / "php" / OTHER / "tenant-pool"
    before, crashes = own.status(A)["master_pid"], own.status(A)["crashes"]
    old = program_of(own, A)
    for name in ("tenant-pool", "libphp.so"):
        new = program.with_name(name + ".dpkg-new")
        shutil.copy2(program.with_name(name), new, follow_symlinks=False)
        new.rename(program.with_name(name))
    assert program.stat().st_ino != old
    with Load(own, A) as load:
        load.wait(6)            # workers come and go, all of the old program
        assert own.status(A)["master_pid"] == before
        own.ctl("set", A, "php_value.precision=9", check=True)
        wait_until(lambda: program_of(own, A) == program.stat().st_ino, LIMIT_S, "handed over")
        load.wait()
    assert own.status(A)["crashes"] == crashes


def restart(system):
    """tenantd and tenant-control, with the configuration as it is now."""
    old = system.pid("tenantd")
    os.kill(old, signal.SIGKILL)        # one that was told to stop is not started again
    wait_until(lambda: system.is_taken_over(old), LIMIT_S, "tenantd is back")


def test_another_default_moves_the_sites_that_name_none(own):
    own.ctl("set", A, "php=", check=True)
    own.ctl("set", B, f"php={own.version}", check=True)
    runs(own, A, own.version)
    conf = own.folder / "etc/tenantd.conf"
    text = conf.read_text()
    try:
        with Load(own, A, B) as load:
            conf.write_text(text + f"php = {OTHER}\n")
            restart(own)
            assert running(own, A) == own.version, "not before it is asked for"
            own.ctl("repair", "--all", check=True)
            runs(own, A, OTHER)
            load.wait()
        assert own.show(A)["php"] == OTHER and running(own, B) == own.version
        assert versions(own)[OTHER]["is_default"]
    finally:
        conf.write_text(text)
        restart(own)
        own.ctl("repair", "--all", check=True)


def test_the_setting_is_the_default(new_system):
    """A default that is not there is refused, by name, for sites that name none."""
    system = new_system(conf="php = 7.4\n")
    done = system.ctl("add", "d.example")
    assert done.returncode == 5 and "PHP 7.4 is not installed" in done.stderr, done.stderr
    [version] = [v for v, row in versions(system).items() if row["state"] == "ready"]
    assert versions(system)["7.4"]["is_default"]
    system.ctl("add", "d.example", f"php={version}", check=True)
    system.put("d.example", "public/index.php", PAGE)
    runs(system, "d.example", version)
