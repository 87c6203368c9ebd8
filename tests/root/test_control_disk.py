# SPDX-License-Identifier: Apache-2.0
"""tenant-control on a disk that is full, or that it may not write."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from tests.lib.control import Control, REMOVED

NOBODY = 65534


@pytest.fixture
def small_disk():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="control-disk.", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", str(folder)],
                   check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def fill(folder):
    with contextlib.suppress(OSError), open(folder / "ballast", "wb", buffering=0) as f:
        while True:
            f.write(b"x" * 4096)


def test_full_disk(small_disk):
    with Control(state=small_disk) as c:
        assert c.add("a.example").result == "done"
        c.settled()
        before = c.sql("SELECT * FROM tenant")
        fill(small_disk)
        seen = []
        for i in range(30):
            answer = c.add(f"t{i}.example")
            seen.append(answer.code)
            if answer.result == "failed":
                assert (answer.status, answer.code) == (507, "disk"), answer.text
                assert "tenantd.db" in answer.reason and "make room" in answer.reason
                assert c.get("/v1/tenants").status == 200
        assert "disk" in seen
        full = [f"t{i}.example" for i, code in enumerate(seen) if code]
        for verb in (lambda: c.patch("a.example", options={"pids_max": "20"}),
                     lambda: c.post("/v1/tenants/a.example/suspend"),
                     lambda: c.delete("a.example")):
            assert verb().code == "disk"
        (small_disk / "ballast").unlink()
        c.settled(60)
        # nothing half done: who was refused is nowhere, who was not is whole
        assert [r for r in c.sql("SELECT * FROM tenant") if r[1] == "a.example"] == before
        for site in full:
            assert c.show(site).status == 404 and c.fake.site(site) is None
        for i, code in enumerate(seen):
            if code is None:
                assert c.show(f"t{i}.example").data["state"] == "live"
        assert c.add("later.example").result == "done"
        assert c.delete("a.example").result == "done"


def test_disk_that_fills_after_the_promise(small_disk):
    """The end of a change cannot be noted: it is noted when there is room."""
    with Control(state=small_disk) as c:
        c.settled()
        c.fake.on_apply = lambda: fill(small_disk)
        answer = c.add("a.example")
        c.fake.on_apply = None
        state = c.get("/v1/tenants").data["tenants"]
        if answer.code == "disk":
            assert [r["state"] for r in state] == ["building"]
        (small_disk / "ballast").unlink()
        c.settled(60)
        assert c.show("a.example").data["state"] == "live"
        assert c.fake.site("a.example")[1]["state"] != REMOVED


def test_read_only_database():
    c = Control(uid=NOBODY)
    try:
        c.fake.start()
        c.start()
        assert c.add("a.example").result == "done"
        c.stop()
        os.chmod(c.db, 0o444)
        os.chown(c.db, 0, 0)
        os.chmod(c.db.parent, 0o555)
        os.chown(c.db.parent, 0, 0)
        assert c.spawn().wait(30) == 1
        c.child = None
        text = c.log.read_text()
        assert "tenantd.db" in text and "writable" in text
        assert not c.fake.verbs("remove")
    finally:
        c.__exit__()


def test_no_folder_for_the_database():
    c = Control(fake=False)
    try:
        shutil.rmtree(c.db.parent)
        assert c.spawn().wait(20) == 1
        text = c.log.read_text()
        assert "tenantd.db" in text and "see that its folder exists" in text
    finally:
        c.child = None
        c.__exit__()
