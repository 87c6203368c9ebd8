# SPDX-License-Identifier: Apache-2.0
"""make install and make deb lay down all of the product, and nothing outside."""
import configparser
import gzip
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or ROOT / "build/plain").resolve()
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/tenantctl",
    "zsh": "usr/share/zsh/vendor-completions/_tenantctl",
    "fish": "usr/share/fish/vendor_completions.d/tenantctl.fish",
}
MANUALS = ("man1/tenantctl.1", "man5/tenantd.conf.5", "man8/tenantd.8")


def make(*words):
    # Without the make that may have started us: its jobs and variables.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
    done = subprocess.run(["make", f"B={os.path.relpath(BUILD, ROOT)}", *words], cwd=ROOT, env=env,
                          text=True, capture_output=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def generated(name):
    return subprocess.run([BUILD / "gen", name], text=True, capture_output=True, check=True,
                          timeout=60).stdout


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    make("install", f"DESTDIR={folder}")
    return folder


def test_every_program_is_there_and_can_be_run(stage):
    names = re.search(r"^PROGRAMS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.M)
    for name in names.group(1).replace("\\", " ").split():
        found = [p for p in stage.glob(f"usr/**/{name}") if p.is_file() and "share" not in p.parts]
        assert len(found) == 1 and found[0].stat().st_mode & 0o7777 == 0o755, (name, found)
    done = subprocess.run([stage / "usr/bin/tenantctl", "--version"], text=True, capture_output=True,
                          check=True, timeout=60)
    assert done.stdout.startswith("tenantctl ")


def test_documents_and_configuration_are_there(stage):
    for name in MANUALS:
        text = gzip.decompress((stage / f"usr/share/man/{name}.gz").read_bytes()).decode()
        assert text == generated(name.partition("/")[2]) and ".SH NAME" in text
    assert (stage / "etc/tenantd/tenantd.conf").read_text() == generated("tenantd.conf")
    assert (stage / "usr/share/doc/tenantd/copyright").read_text() == (ROOT / "LICENSE").read_text()
    for unit in (ROOT / "packaging/systemd").glob("*.s*[et]"):
        assert (stage / "usr/lib/systemd/system" / unit.name).is_file(), unit


def test_no_crash_loop_leaves_a_machine_down_for_good(stage):
    """systemd gives up after five starts in 10 s, unless told otherwise."""
    units = [configparser.RawConfigParser(strict=False) for _ in range(3)]
    for unit, name in zip(units, ("tenantd", "tenant-control", "tenant-mail")):
        unit.read(stage / f"usr/lib/systemd/system/{name}.service")
        assert unit["Service"]["Restart"] == "always" and float(unit["Service"]["RestartSec"]) >= 1
        assert unit["Unit"]["StartLimitIntervalSec"] == "0", name
        assert "RestartSteps" not in unit["Service"]
    # What a socket starts is held up by itself.
    words = shlex.split(units[1]["Service"]["ExecStopPost"].lstrip("-"))
    for result, least in (("success", 0), ("signal", 1), ("exit-code", 1)):
        begin = time.monotonic()
        subprocess.run(words, env={"SERVICE_RESULT": result, "PATH": "/usr/bin:/bin"}, check=True)
        assert time.monotonic() - begin >= least, result


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_lies_where_the_shell_looks(stage, shell):
    script = stage / COMPLETIONS[shell]
    source = "tenantctl.bash" if shell == "bash" else script.name
    assert script.read_bytes() == (ROOT / "packaging/completion" / source).read_bytes()
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(script)], check=True, timeout=60)


def test_nothing_belongs_to_others(stage):
    for path in stage.rglob("*"):
        facts = path.lstat()
        assert facts.st_uid == os.getuid() and not facts.st_mode & 0o7000, path
        assert path.is_symlink() or not facts.st_mode & 0o022, path


@pytest.mark.slow
def test_the_package_holds_what_is_installed(stage):
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not installed")
    package = ROOT / make("deb").split()[-1]
    text = subprocess.run(["dpkg-deb", "-c", package], text=True, capture_output=True, check=True,
                          timeout=120).stdout
    held = {line.split()[5].removeprefix("./").rstrip("/") for line in text.splitlines()} - {""}
    assert held == {str(p.relative_to(stage)) for p in stage.rglob("*")}
    assert all(line.split()[1] == "root/root" for line in text.splitlines())
    fields = subprocess.run(["dpkg-deb", "-f", package, "Depends"], text=True, capture_output=True,
                            check=True, timeout=60).stdout
    for wanted in ("nginx", "libsqlite3-0", "libseccomp2", "-embed"):
        assert wanted in fields, fields
