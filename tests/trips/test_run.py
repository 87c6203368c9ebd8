# SPDX-License-Identifier: Apache-2.0
"""The launcher: where it works, what it refuses, and that it leaves nothing."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile

import pytest

from tests.lib import procs
from tests.lib.system import ROOT, System

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def run(words=(), **env):
    return subprocess.run([str(ROOT / "packaging/run/run.sh"), "-b", str(System().build), *words],
                          env=dict(os.environ, **env), text=True, capture_output=True, timeout=90,
                          stdin=subprocess.DEVNULL)


def test_stop_leaves_nothing_even_after_kills(new_system):
    system = new_system()
    system.ctl("add", "a.example", check=True)
    system.put("a.example", "public/index.php", "<?php echo 1;")
    system.text("a.example")
    # With systemd the tree is a unit's, and killing it there ends what it holds.
    on_systemd = os.path.isdir("/run/systemd/system")
    old = system.pid("tenantd")
    for program in ("nginx", "tenantd") if on_systemd else ("tree", "nginx", "tenantd"):
        os.kill(system.pid(program), signal.SIGKILL)
    procs.wait_until(lambda: system.is_taken_over(old), 60, "all is back")
    assert system.stop() == []


def test_interrupt_during_the_start_leaves_nothing():
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-run.") as top:
        folder = f"{top}/p"
        os.chmod(top, 0o711)
        # The first: as soon as there is a folder.
        for wait in (None, 0.1, 0.3, 0.6):
            child = subprocess.Popen(
                [str(ROOT / "packaging/run/run.sh"), "-b", str(System().build)],
                env=dict(os.environ, RUN_DIR=folder), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                while wait is None and child.poll() is None and not os.path.exists(folder):
                    pass
                child.wait(wait or 0)
            except subprocess.TimeoutExpired:
                child.terminate()
            child.wait(60)
            assert procs.leaks(folder, f"tenantd-run-{child.pid}-") == []


def test_a_killed_start_leaves_nothing(monkeypatch):
    """A run.sh that is neither ready nor ends in time: its keepers go, and what they keep."""
    late = System()
    folder = pathlib.Path(late.run_dir)
    names = []
    # With systemd the tree is a unit's.
    kept = 3 if os.path.isdir("/run/systemd/system") else 4

    def give_up(_):
        keepers = folder / "keep/keepers"
        procs.wait_until(lambda: keepers.exists() and len(keepers.read_text().splitlines()) == kept, 60,
                         "all keepers are noted")
        names.append((folder / "keep/run").read_text().split()[0])
        monkeypatch.setattr("tests.lib.system.STOP_LIMIT_S", 0)
        os.kill(late.process.pid, signal.SIGSTOP)
        raise TimeoutError("not ready")
    monkeypatch.setattr(System, "_read_ready", give_up)
    with pytest.raises(TimeoutError):
        late.start()
    assert procs.leaks(str(folder), names[0]) == []


def test_nobody_reads_what_it_says():
    """`run.sh false | head -1`: it ends by what it says last, and takes all down first."""
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-run.") as top:
        folder = f"{top}/p"
        os.chmod(top, 0o711)
        with subprocess.Popen(
                [str(ROOT / "packaging/run/run.sh"), "-b", str(System().build), "false"],
                env=dict(os.environ, RUN_DIR=folder), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, restore_signals=True) as child:
            child.stdout.readline()
            child.stdout.close()
            child.wait(90)
        left = procs.leaks(folder, f"tenantd-run-{child.pid}-")
        if os.path.isdir(folder):
            run(["-k", folder])
        assert left == []


@pytest.mark.parametrize("file", ("keepers", "sessions"))
@pytest.mark.parametrize("is_stranger", (True, False))
def test_a_number_that_was_given_out_again_is_a_strangers(file, is_stranger):
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-run.") as top:
        keep = pathlib.Path(top, "keep")
        keep.mkdir()
        (keep / "run").write_text(f"tenantd-run-{os.getpid()}-none \n")
        with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
            stat = pathlib.Path(f"/proc/{child.pid}/stat").read_text()
            born = int(stat.rpartition(")")[2].split()[19]) - is_stranger
            for name in ("keepers", "sessions"):
                (keep / name).write_text(f"{child.pid} {born}\n" if name == file else "")
            done = run(["-k", top])
            if is_stranger:
                assert child.poll() is None
                child.kill()
            assert child.wait(30) in (-signal.SIGTERM, -signal.SIGKILL)
        assert done.returncode == 0, done.stderr
        assert os.listdir(top) == []


def test_given_folder_and_port():
    # Below those of outgoing connections, of which others make many all the time.
    def is_free(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0
    port = next(port for port in random.sample(range(12000, 32000), 100) if is_free(port))
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-run.") as top:
        os.chmod(top, 0o711)
        folder = pathlib.Path(top, "own")
        folder.mkdir()
        done = run(["sh", "-c", "echo $RUN_DIR $PORT; tenantctl list; exit 3"],
                   RUN_DIR=str(folder), PORT=str(port))
        assert f"{folder} {port}\n" in done.stdout and "no sites" in done.stdout
        assert done.returncode == 1, "the command's failure is ours"
        assert os.listdir(folder) == [], "the given folder stays, empty"


def test_what_the_demo_shows():
    """Every attempt of the attack is stopped, and each was possible on its own things."""
    done = run(["sh", "-c", f"{ROOT}/packaging/run/show.sh && kill $PPID"])
    assert done.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM), done
    assert len([line for line in done.stdout.splitlines() if line.startswith("stopped ")]) == 13
    assert "GOT THROUGH" not in done.stdout and "untested" not in done.stdout
    assert "\nready http://127.0.0.1:" in done.stdout


def test_refusals_say_what_to_do():
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-run.") as top:
        os.chmod(top, 0o711)
        pathlib.Path(top, "file").write_text("precious")
        done = run(RUN_DIR=top)
        assert done.returncode == 1 and "not empty" in done.stderr
        assert pathlib.Path(top, "file").read_text() == "precious"
        done = run(RUN_DIR=f"{top}/{'long' * 20}")
        assert done.returncode == 1 and "too long" in done.stderr
        os.chmod(top, 0o700)
        done = run(RUN_DIR=f"{top}/closed")
        assert done.returncode == 1 and "cannot pass" in done.stderr
        assert not os.path.exists(f"{top}/closed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(PORT=str(taken.getsockname()[1]))
        assert done.returncode == 1 and "in use" in done.stderr


def test_without_asking_no_network_is_touched(system, site):
    assert system.child_pid("tenant-net") is None
    assert not (system.folder / "run/net").exists()
    system.put(site, "public/index.php", "<?php @stream_socket_client('tcp://203.0.113.80:80', $no);"
                                         "echo $no;")
    assert system.text(site) == "101"       # ENETUNREACH
    status = system.status(site)
    assert status["network"] == "off" and "net_enabled" in status["network_reason"]
