# SPDX-License-Identifier: Apache-2.0
"""Completion of tenantctl in the shells themselves, with the names of living sites."""
import os
import shutil
import subprocess

import pytest

from tests.lib.system import ROOT
from tests.lib.terminal import PROMPT, Terminal

SCRIPTS = ROOT / "packaging/completion"
# How each shell is started and told of its script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f". {SCRIPTS}/tenantctl.bash"),
    "zsh": (["zsh", "-f", "-i"], f"fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D"),
    "fish": (["fish", "--no-config"], f"source {SCRIPTS}/tenantctl.fish; "
             f"function fish_prompt; echo -n '{PROMPT} '; end; function fish_right_prompt; end"),
}


def environment(system):
    return {"TENANTD_SOCKET": system.socket, "PATH": f"{system.build}:{os.environ['PATH']}"}


def complete(system, line):
    """What bash offers for a line."""
    script = (f'. {SCRIPTS}/tenantctl.bash; COMP_LINE="$1" COMP_POINT=${{#1}} _tenantctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", script, "x", line], text=True, timeout=60,
                          capture_output=True, env=dict(os.environ, **environment(system)))
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_bash_offers_what_fits(system, site):
    assert "suspend" in complete(system, "tenantctl ")
    assert complete(system, "tenantctl susp") == ["suspend"]
    assert complete(system, "tenantctl plan sh") == ["show"]
    for verb in ("show", "suspend", "set", "alias add", "status", "remove", "logs"):
        assert site in complete(system, f"tenantctl {verb} "), verb
    assert site not in complete(system, "tenantctl restore ")
    assert complete(system, "tenantctl add ") == []
    assert complete(system, f"tenantctl set {site} --pl") == ["--plan"]
    assert set(complete(system, f"tenantctl set {site} --plan ")) >= {"default", "small"}
    assert complete(system, f"tenantctl set {site} --plan sm") == ["small"]
    assert "maintenance" in complete(system, f"tenantctl suspend {site} --class ")
    assert complete(system, f"tenantctl set {site} memory_m") == ["memory_max="]
    # Behind the '=' only: readline takes it for the end of a word.
    assert complete(system, f"tenantctl set {site} pm=st") == ["static"]
    assert complete(system, f"tenantctl set {site} --format=c") == ["csv"]
    assert complete(system, "tenantctl nonsense ") == []
    assert complete(system, f"tenantctl show {site} x ") == []


def test_aliases_and_removed_sites_are_offered(system):
    name = "completed.example"
    system.ctl("add", name, "--alias", "www.completed.example", check=True)
    assert complete(system, f"tenantctl alias remove {name} ") == ["www.completed.example"]
    system.ctl("remove", name, check=True)
    assert name in complete(system, "tenantctl restore comp")


def test_nobody_answers(system):
    words = ["--complete", "--socket", "/nowhere/x.sock", "show", ""]
    done = subprocess.run([str(system.build / "tenantctl"), *words], text=True, capture_output=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_in_a_terminal(system, site, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    command, setup = SHELLS[shell]
    with Terminal(*command, env=environment(system)) as t:
        t.wait(lambda screen: screen.strip())
        t.type(setup, "Enter")
        t.type("clear; echo set'up'", "Enter")
        t.wait(lambda screen: "setup" in screen and screen.rstrip().endswith(PROMPT))
        t.type("tenantctl susp", "Tab")
        t.wait("tenantctl suspend")
        t.type(site[:-3], "Tab")
        t.wait(f"tenantctl suspend {site}")
        t.type("--cla", "Tab")
        t.wait(f"tenantctl suspend {site} --class")
        t.type("mainten", "Tab")
        t.wait(f"tenantctl suspend {site} --class maintenance")
        t.type("", "Enter")
        t.wait(f"{site}: suspend: done")
    assert system.show(site)["class"] == "maintenance"
