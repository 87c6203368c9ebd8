# SPDX-License-Identifier: Apache-2.0
"""Pools of PHP-FPM become sites.  That the files are what FPM reads, FPM itself says."""
import json
import shutil
import subprocess

import pytest

from tests.lib import fpm

SHOP = """; A pool named like a host.
[{site}]
user = www-data
group = www-data
listen = {folder}/$pool.sock
pm = dynamic
pm.max_children = 7
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
pm.process_idle_timeout = 20s;
request_terminate_timeout = 0
access.log = {folder}/$pool.access.log
rlimit_files = 2048
env[APP] = "$pool; 5"
env[HOSTNAME] = $HOSTNAME
php_flag[display_errors] = off
php_admin_value[memory_limit] = 200M
php_admin_value[precision] = 9
php_admin_value[error_log] = {folder}/php.log
php_value[upload_max_filesize] = 90M
php_value[post_max_size] = 20M
php_value[error_reporting] = E_ALL & ~E_NOTICE
include = {folder}/more/*.conf
include = {folder}/more/*.none
"""
MORE = "env[MORE] = 'in $pool'\n"
WWW = """[www]
user = www-data
group = www-data
listen = {folder}/www.sock
pm = ondemand
pm.max_children = 3
"""
PAGE = """<?php echo json_encode([getenv('APP'), getenv('MORE'), ini_get('memory_limit'),
    ini_get('precision'), ini_get('display_errors'), ini_get('upload_max_filesize')]);"""
SITE, BY_HAND = "imported.example", "by-hand.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As in /etc/php/8.2/fpm: php-fpm.conf, pool.d, and what a pool includes."""
    top = tmp_path_factory.mktemp("fpm")
    (top / "pool.d").mkdir()
    (top / "more").mkdir()
    (top / "more/env.conf").write_text(MORE)
    (top / "pool.d/shop.conf").write_text(SHOP.format(site=SITE, folder=top))
    (top / "pool.d/www.conf").write_text(WWW.format(folder=top))
    (top / "pool.d/no.conf.off").write_text("[broken")
    (top / "php-fpm.conf").write_text(f"[global]\nerror_log = {top}/fpm.log\n"
                                      f"include = {top}/pool.d/*.conf\n")
    return top


def run(system, *words):
    done = system.ctl("import", "php-fpm", *map(str, words), "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def found(envelope, directive):
    return [row for row in envelope["data"]["rows"] if row["directive"] == directive]


def fpm_accepts(conf):
    if not fpm.path():
        pytest.skip("php-fpm is not installed, which says what such files are")
    done = subprocess.run([fpm.path(), "-t", "-y", str(conf)], capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode == 0


def sites(system):
    return {t["site"] for t in json.loads(system.ctl("list", "--json").stdout)["data"]["tenants"]}


def test_fpm_reads_these_files(folder):
    assert fpm_accepts(folder / "php-fpm.conf")


def test_import(system, folder):
    pools = folder / "pool.d"

    # A look: what maps and what does not; nothing is made.
    status, envelope, _ = run(system, pools, "--dry-run")
    assert status == 1, "www is no host name"
    assert envelope["metadata"]["result"] == "failed" and envelope["data"]["dry_run"] is True
    becomes = {row["directive"]: row["becomes"] for row in envelope["data"]["rows"]}
    assert becomes["rlimit_files"] == "open_files=2048"
    assert becomes["php_flag[display_errors]"] == "php_value.display_errors=0"
    assert becomes["php_value[upload_max_filesize]"] == "upload_max=90M"
    for directive in ("user", "listen", "request_terminate_timeout", "env[HOSTNAME]",
                      "php_admin_value[error_log]", "php_value[error_reporting]",
                      "php_value[post_max_size]", "include"):
        [row, *_] = found(envelope, directive)
        assert not row["becomes"] and row["why"], row
    assert [r["becomes"] for r in found(envelope, f"[{SITE}]")] == ["would be added"]
    [skipped] = found(envelope, "[www]")
    assert skipped["becomes"] == "skipped" and "--site" in skipped["why"]
    assert not sites(system) & {SITE, BY_HAND}

    try:
        # By the main file, as FPM itself reads it; www gets a name.
        status, envelope, error = run(system, folder / "php-fpm.conf", "--site", f"www={BY_HAND}")
        assert status == 0 and envelope["metadata"]["result"] == "done", error
        assert found(envelope, "error_log")[0]["pool"] == "global"
        assert {SITE, BY_HAND} <= sites(system)
        options = system.show(SITE)["options"]
        assert options["pm"] == "dynamic" and str(options["max_children"]) == "7"
        assert system.show(BY_HAND)["options"]["pm"] == "ondemand"
        system.put(SITE, "public/index.php", PAGE)
        assert json.loads(system.text(SITE)) == [f"{SITE}; 5", f"in {SITE}",
                                                 "200M", "9", "0", "90M"]

        # Once more is no change; with another value it is a conflict, and told.
        status, envelope, _ = run(system, pools, "--site", f"www={BY_HAND}")
        assert status == 0 and envelope["metadata"]["result"] == "unchanged"
        system.ctl("set", SITE, "max_children=5", check=True)
        status, envelope, _ = run(system, pools, "--site", "www=")
        assert status == 4 and found(envelope, f"[{SITE}]")[0]["becomes"] == "refused"
        assert found(envelope, f"[{SITE}]")[0]["why"]
        shown = system.ctl("import", "php-fpm", str(pools), "--site", "www=")
        assert shown.returncode == 4 and "max_children=7" in shown.stdout
    finally:
        for name in {SITE, BY_HAND} & sites(system):
            system.ctl("remove", name, check=True)


def test_the_folder_says_which_php(system, tmp_path):
    """As Debian has them, also by a link to it; a version that is not there is told."""
    [here] = [row["version"] for row in system.data("php", "list")["versions"] if row["is_default"]]
    for version, wanted in ((here, f"php={here}"), ("9.9", "")):
        pools = tmp_path / f"php/{version}/fpm/pool.d"
        pools.mkdir(parents=True)
        (pools / "www.conf").write_text(WWW.format(folder=tmp_path))
        (tmp_path / f"to-{version}").symlink_to(pools)
        for path in (pools, pools / "www.conf", tmp_path / f"to-{version}"):
            status, envelope, error = run(system, path, "--site", f"www={SITE}", "--dry-run")
            assert status == 0, error
            [row] = found(envelope, str(pools.parent))
            assert (row["pool"], row["value"], row["becomes"]) == ("www", version, wanted)
            assert bool(row["why"]) == (not wanted)
    for path in ("php/8.2", "php/x/fpm", f"php/{here}/fpmx"):
        other = tmp_path / "other" / path
        other.mkdir(parents=True)
        (other / "www.conf").write_text(WWW.format(folder=tmp_path))
        _, envelope, _ = run(system, other, "--site", f"www={SITE}", "--dry-run")
        assert not [row for row in envelope["data"]["rows"] if "php=" in row["becomes"]]
    try:
        run(system, tmp_path / f"php/{here}/fpm/pool.d", "--site", f"www={SITE}")
        assert system.show(SITE)["options"]["php"] == here
        assert "php" in system.show(SITE)["overrides"]
    finally:
        system.ctl("remove", SITE, check=True)


BROKEN = ["pm", "pm = a=b", "[shop", "env[A = x", "x = \"y", "# comment",
          "include = /nowhere/*.conf"]


@pytest.mark.parametrize("line", BROKEN)
def test_what_fpm_refuses_is_refused(system, folder, tmp_path, line):
    copy = shutil.copytree(folder, tmp_path / "copy")
    pool = copy / "pool.d/www.conf"
    (copy / "php-fpm.conf").write_text(f"[global]\nerror_log = {copy}/fpm.log\n"
                                       f"include = {pool}\n")
    assert fpm_accepts(copy / "php-fpm.conf")
    pool.write_text(pool.read_text() + line + "\n")
    assert not fpm_accepts(copy / "php-fpm.conf"), "else the test says nothing"
    status, envelope, _ = run(system, copy / "pool.d")
    assert status == 2 and "line 7" in envelope["data"]["sentence"], envelope
    assert SITE not in sites(system)


def test_bounds(system, tmp_path):
    """Nothing that can be named makes it read without end."""
    loop = tmp_path / "loop.conf"
    loop.write_text(f"include = {loop}\n")
    large = tmp_path / "large.conf"
    large.write_text(";" * (256 * 1024 + 1))
    many = tmp_path / "many.conf"
    many.write_text("[a.example]\n" + "pm = static\n" * 4001)
    for path in (loop, large, many, tmp_path / "none", "/dev/zero"):
        status, envelope, _ = run(system, path)
        assert status == 2 and envelope["data"]["code"] == "usage", path
    status, envelope, _ = run(system, tmp_path / "loop.conf", "--site", "x")
    assert status == 2
