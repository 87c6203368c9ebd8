# SPDX-License-Identifier: Apache-2.0
"""A tree as Laravel's deployments make it: releases, the link `current`, the link
`public/storage` to a folder that outlives releases.  All of it beneath the home."""
import os

import pytest

SITE = "release.example"
FRONT = """<?php // public/index.php
require __DIR__ . '/../bootstrap/app.php';
"""
APP = """<?php
$base = dirname(__DIR__);
if (isset($_GET['write'])) file_put_contents("$base/storage/app/public/note.txt", $_GET['write']);
if (isset($_GET['read'])) {
    $text = @file_get_contents($_GET['read']);
    echo $text === false ? 'refused' : "read $text";
    return;
}
if (isset($_GET['run'])) { echo (@include $_GET['run']) === false ? 'refused' : 'ran'; return; }
echo 'release %d ', $_SERVER['REQUEST_URI'], ' ', is_link("$base/storage") ? 'shared' : 'own';
"""


@pytest.fixture(scope="module")
def shop(system):
    """The site with release 1, and a way to deploy another."""
    system.ctl("add", SITE, "document_root=public/current/public", check=True)

    def deploy(number):
        top = f"public/releases/{number}"
        system.put(SITE, f"{top}/public/index.php", FRONT)
        system.put(SITE, f"{top}/public/robots.txt", f"release {number}")
        system.put(SITE, f"{top}/bootstrap/app.php", APP % number)
        system.put(SITE, f"{top}/.env", "APP_KEY=secret")
        system.put(SITE, "public/shared/app/public/logo.txt", "logo")
        home = system.show(SITE)["home"]

        def link():
            os.symlink("../../shared", f"{top}/storage")
            # `artisan storage:link` writes the whole path.
            os.symlink(f"{home}/{top}/storage/app/public", f"{top}/public/storage")
            os.symlink(f"releases/{number}", "public/current.new")
            if os.path.isdir("public/current") and not os.path.islink("public/current"):
                os.rename("public/current", "public/before")
            os.rename("public/current.new", "public/current")
        system.as_tenant(SITE, link)
    deploy(1)
    yield deploy
    system.ctl("remove", SITE, check=True)


def test_pages_and_links_of_a_release(system, shop):
    assert system.text(SITE, "/") == "release 1 / shared"
    # No such file: the front controller gets the path.
    assert system.text(SITE, "/cart/7?x=1") == "release 1 /cart/7?x=1 shared"
    assert system.text(SITE, "/robots.txt") == "release 1"
    assert system.text(SITE, "/storage/logo.txt") == "logo"
    system.text(SITE, "/?write=kept")
    assert system.text(SITE, "/storage/note.txt") == "kept"
    for path in ("/../.env", "/%2e%2e/.env", "/storage/../../.env", "/.env"):
        assert b"secret" not in system.http(SITE, path).body, path


def test_links_out_of_the_home_are_refused(system, shop):
    other = "other.example"
    system.ctl("add", other, check=True)
    try:
        system.put(other, "public/open.txt", "of another tenant")
        system.put(other, "public/page.php", "<?php echo 'of another tenant';")
        theirs = system.show(other)["home"]
        homes = os.path.dirname(theirs)
        mine = system.show(SITE)["home"]
        targets = {"theirs": f"{theirs}/public", "homes": homes, "etc": "/etc",
                   "climb": f"../../../../../{other}/public", "root": "/",
                   "release": f"{mine}/public/releases/1"}

        def link():
            for name, target in targets.items():
                os.symlink(target, f"public/shared/app/public/{name}")
        system.as_tenant(SITE, link)
        here = f"{mine}/public/shared/app/public"
        # What lies in the own home does work, by the same ways.
        assert system.text(SITE, "/storage/release/public/robots.txt") == "release 1"
        assert system.text(SITE, f"/?read={here}/release/public/robots.txt") == "read release 1"
        for path in ("theirs/open.txt", "climb/open.txt", f"homes/{other}/public/open.txt",
                     f"root{theirs}/public/open.txt", "etc/hostname", "root/etc/hostname",
                     "theirs/page.php"):
            answer = system.http(SITE, f"/storage/{path}")
            # For nginx there is no such file: the front controller may have the path.
            assert answer.status in (403, 404) or answer.status == 200 and \
                answer.body == f"release 1 /storage/{path} shared".encode(), (path, answer)
        for path in ("theirs/open.txt", "climb/open.txt", f"homes/{other}/public/open.txt",
                     f"root{theirs}/public/open.txt", "etc/shadow"):
            assert system.text(SITE, f"/?read={here}/{path}") == "refused", path
        assert system.text(SITE, f"/?run={here}/theirs/page.php") == "refused"
    finally:
        system.ctl("remove", other, check=True)


def test_the_next_release_is_served(system, shop):
    system.text(SITE, "/")
    shop(2)
    assert system.text(SITE, "/robots.txt") == "release 2"
    assert system.text(SITE, "/storage/note.txt") == "kept"
    # At once: the pool asks where the link leads now, and not PHP's cache of paths.
    assert system.text(SITE, "/") == "release 2 / shared"
