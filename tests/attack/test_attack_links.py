# SPDX-License-Identifier: Apache-2.0
"""nginx as a deputy: links by which it would read for the attacker what he cannot read himself.

A link is made by PHP, inside the cage, and from outside, by the attacker's uid, as an upload would."""
import contextlib
import os
import pathlib
import shutil

import pytest


def targets(bad, good):
    """What a link could lead to, and a piece of its content."""
    nginx = bad.system.folder / f"nginx/sites/{good.number}.conf"
    nginx = nginx if nginx.exists() else next(
        path for path in bad.system.folder.rglob(f"{good.number}.conf"))
    return {
        good.dotenv: good.word, f"{good.home}/public/open.txt": good.word,
        f"{good.home}/private/wp-config.php": good.word, good.session: good.word,
        f"../../{good.name}/public/open.txt": good.word,
        "/etc/passwd": "root:x:0", f"{nginx}": good.name,
        "/proc/self/cmdline": "nginx: ", "/proc/self/environ": "PATH=",
        f"/proc/{bad.system.pid('nginx')}/cmdline": "nginx: ",
    }


@pytest.fixture
def own(bad):
    """Links of its own, which nginx must go on serving."""
    bad.put("public/releases/1/page.txt", "own page")
    bad.run("""$d = __DIR__; array_map(fn($f) => @unlink("$d/$f"), ['current', 'storage', 'own.txt', 'h.txt']);
        symlink('releases/1', "$d/current"); symlink("$d/releases/1", "$d/storage");
        symlink('releases/1/page.txt', "$d/own.txt"); link("$d/releases/1/page.txt", "$d/h.txt");""")

    def check():
        for path in ("/current/page.txt", "/storage/page.txt", "/own.txt", "/h.txt"):
            answer = bad.get(path)
            assert (answer.status, answer.body) == (200, b"own page"), (path, answer)
    check()
    return check


def refused(bad, good, path, content):
    answer = bad.get(path)
    assert answer.status in (403, 404), (path, answer)
    assert content.encode() not in answer.body and good.word.encode() not in answer.body


@pytest.mark.parametrize("maker", ("php", "outside"))
def test_symbolic_links(bad, good, own, maker):
    def make(target, name):
        if maker == "php":
            assert bad.run("return symlink($a[0], __DIR__ . '/' . $a[1]);", target, name) is True
        else:
            bad.link(target, f"public/{name}")
    for target, content in targets(bad, good).items():
        make(target, "leak.txt")
        make(os.path.dirname(target), "leak")
        make("leak.txt", "twice.txt")           # by a link to a link of its own
        refused(bad, good, "/leak.txt", content)
        refused(bad, good, "/twice.txt", content)
        refused(bad, good, f"/leak/{os.path.basename(target)}", content)
        make("/", "leak.root")
        if target.startswith("/"):
            refused(bad, good, f"/leak.root{target}", content)
        bad.run("foreach (['leak.txt', 'leak', 'twice.txt', 'leak.root'] as $f) unlink(__DIR__ . \"/$f\");")
    own()


def test_pages_by_links(bad, good, own):
    """PHP by a link: neither nginx nor the pool runs or shows the victim's script."""
    bad.link(f"{good.home}/public/act.php", "public/theirs.php")
    bad.link(f"{good.home}/public", "public/theirs")
    bad.link("act.php", "public/mine.php")
    try:
        body = '{"code": "return get_current_user() . __DIR__;", "a": []}'
        answer = bad.system.http(bad.name, "/mine.php", "POST", body)
        assert answer.status == 200 and bad.name.encode() in answer.body
        for path in ("/theirs.php", "/theirs/act.php"):
            answer = bad.system.http(bad.name, path, "POST", body)
            assert answer.status in (403, 404) and good.name.encode() not in answer.body, answer
    finally:
        bad.run("foreach (['theirs.php', 'theirs', 'mine.php'] as $f) unlink(__DIR__ . \"/$f\");")


def test_hard_links(bad, good, own):
    """From outside the attacker's uid does not even reach the homes; were a file of the victim's
    within reach, the kernel would refuse the link to it."""
    seen = {}

    def attempt():
        for target in (good.dotenv, good.config, f"{good.home}/public/open.txt", "/etc/passwd"):
            try:
                os.link(target, "public/hard.txt")
                seen[target] = "linked"
                os.unlink("public/hard.txt")
            except OSError as error:
                seen[target] = error.strerror
        os.link("public/releases/1/page.txt", "public/hard.txt")        # its own: works
        os.unlink("public/hard.txt")
        assert len(seen) == 4 and "linked" not in seen.values(), seen
        # Not by the kernel's rule for hard links alone, which a machine may not have.
        assert {seen[path] for path in seen if path != "/etc/passwd"} == {"Permission denied"}, seen
    bad.system.as_tenant(bad.name, attempt)
    for target in (good.dotenv, good.config, "/etc/passwd"):
        assert bad.answer("return link($a[0], __DIR__ . '/hard.txt');", target)["value"] is False
    assert bad.get("/hard.txt").status in (403, 404)


@contextlib.contextmanager
def swapped(place, target, uid):
    """PLACE is a link to TARGET for a while, owned by the tenant, whoever would have made it."""
    os.rename(place, f"{place}.kept")
    os.symlink(target, place)
    os.lchown(place, uid, uid)
    try:
        yield
    finally:
        os.unlink(place)
        os.rename(f"{place}.kept", place)


def test_the_document_root_and_its_parents(bad, good, own):
    """The tenant can swap neither; and nginx would not follow if he could."""
    def swap():
        for place in (bad.home, f"{bad.home}/public", f"{bad.home}/private"):
            try:
                os.rename(place, f"{place}.moved")
            except PermissionError:
                continue
            raise AssertionError(f"{place} was renamed")
        os.rename("public/releases", "public/moved")
        os.rename("public/moved", "public/releases")
    bad.system.as_tenant(bad.name, swap)
    assert bad.answer("return rename(__DIR__, __DIR__ . '.moved');")["value"] is False
    assert bad.answer("return rename(dirname(__DIR__), dirname(__DIR__) . '.moved');")["value"] is False
    assert bad.answer("return rename(__DIR__ . '/releases', __DIR__ . '/r') &&"
                      "rename(__DIR__ . '/r', __DIR__ . '/releases');")["value"] is True
    with swapped(f"{bad.home}/public", f"{bad.home}/public.kept", bad.uid):
        assert bad.get("/open.txt").body == f"open {bad.word}\n".encode()       # to its own: as before
    with swapped(f"{bad.home}/public", f"{good.home}/public", bad.uid):
        refused(bad, good, "/open.txt", good.word)
        refused(bad, good, "/deep/down/open.txt", good.word)
        refused(bad, good, "/act.php", good.word)
    with swapped(f"{bad.home}/public", "/", bad.uid):
        refused(bad, good, "/etc/passwd", "root:x:0")
    with swapped(bad.home, good.home, bad.uid):
        refused(bad, good, "/open.txt", good.word)
    own()


def test_each_parent_of_a_deep_document_root(bad, good):
    """document_root=public/one/two/three: each folder of it is the tenant's to swap."""
    system = bad.system
    bad.put("public/one/two/three/open.txt", f"open {bad.word}")
    bad.put("public/one/two/three/index.php", f"<?php echo '{bad.word}';")
    good.put("public/two/three/open.txt", good.word)
    good.put("public/three/open.txt", good.word)
    for place in ("public", "public/two/three", "public/three"):
        good.put(f"{place}/index.php", f"<?php echo '{good.word}';")
    system.ctl("set", bad.name, "document_root=public/one/two/three", check=True)
    try:
        for place, target in (("one", ""), ("one/two", "/two"), ("one/two/three", "")):
            def swap(to):
                os.rename(f"public/{place}", "public/kept")
                os.symlink(to, f"public/{place}")

            def restore():
                os.unlink(f"public/{place}")
                os.rename("public/kept", f"public/{place}")
            for to, wanted in ((f"{bad.home}/public/kept", True), (f"{good.home}/public{target}", False),
                               (f"../../../../../../..{good.home}/public", False), ("/", False)):
                system.as_tenant(bad.name, lambda to=to: swap(to))
                try:
                    for path in ("/open.txt", "/index.php"):
                        answer = bad.get(path)
                        assert good.word.encode() not in answer.body, (place, to, path)
                        if wanted:
                            assert answer.body == (b"open " if path == "/open.txt" else b"") + \
                                bad.word.encode(), (place, to, path, answer)
                        else:
                            assert answer.status in (403, 404), (place, to, path, answer)
                    assert b"root:x:0" not in bad.get("/etc/passwd").body
                finally:
                    system.as_tenant(bad.name, restore)
    finally:
        system.ctl("set", bad.name, "document_root=public", check=True)
        for place in ("two", "three"):
            shutil.rmtree(f"{good.home}/public/{place}")
        os.unlink(f"{good.home}/public/index.php")


def test_logs_are_not_replaced(bad, good, own):
    """Logs lie where no tenant can put a link in their place, nor cut them."""
    logs = pathlib.Path(bad.system.show(bad.name)["logs"])
    bad.run("return error_log('first line');")
    names = sorted(path.name for path in logs.iterdir())
    assert names
    before = {name: (logs / name).stat().st_ino for name in names}
    for folder in (str(logs), f"{bad.home}/logs"):
        for name in names:
            for code in ("return unlink($a[0]);", "return rename($a[0], $a[0] . '.old');",
                         "return symlink($a[1], $a[0] . '.new');", "return (bool)fopen($a[0], 'r+');",
                         "return (bool)fopen($a[0], 'w');", "return (bool)file_put_contents($a[0], 'x');"):
                assert bad.answer(code, f"{folder}/{name}", good.dotenv)["value"] is not True, code
    own_log = f"{bad.home}/private/own.log"
    assert bad.run("file_put_contents($a[0], 'x'); return symlink($a[1], $a[0] . '.new') &&"
                   "unlink($a[0] . '.new') && unlink($a[0]);", own_log, good.dotenv) is True

    def outside():
        for name in names:
            for act in (os.unlink, lambda path: os.open(path, os.O_WRONLY)):
                try:
                    act(logs / name)
                except OSError:
                    continue
                raise AssertionError(f"the tenant's uid changed {name}")
    bad.system.as_tenant(bad.name, outside)
    assert before == {name: (logs / name).stat().st_ino for name in names}
