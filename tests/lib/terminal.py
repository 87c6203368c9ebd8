# SPDX-License-Identifier: Apache-2.0
"""A program in a terminal of its own, driven by keys: tmux.

    with Terminal("bash", "--norc", env={"TENANTD_SOCKET": system.socket}) as t:
        t.type("tenantctl li", "Tab")
        t.wait("tenantctl list")
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from tests.lib import procs

PROMPT = "ready>"


class Terminal:
    def __init__(self, *command, env=None):
        if not shutil.which("tmux"):
            pytest.skip("tmux is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tenantd-terminal."))
        self.command = command
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                    "TERM": "xterm", "PS1": PROMPT + " ", **(env or {})}

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", str(self.folder / "tmux"), "-f", "/dev/null", *words],
                              env=self.env, text=True, check=True, capture_output=True,
                              timeout=60).stdout

    def __enter__(self):
        # remain-on-exit: the last screen of a program that has ended can be read.
        self.tmux("new-session", "-d", "-x", "200", "-y", "150", "-s", "t", "sleep 3600", ";",
                  "set-option", "-g", "remain-on-exit", "on", ";",
                  "respawn-pane", "-k", "-t", "t", *self.command)
        return self

    def __exit__(self, *_):
        # Each may write to the folder to its end: the history, the socket.
        pids = self.tmux("display-message", "-p", "-t", "t", "#{pid} #{pane_pid}").split()
        ending = procs.handles(map(int, pids))
        self.tmux("kill-server")
        left = procs.end_those(ending)
        shutil.rmtree(self.folder)
        assert not left, left

    def type(self, text, *keys):
        """Text as it stands, then keys by their names: Enter, Tab, C-c."""
        if text:
            self.tmux("send-keys", "-t", "t", "-l", "--", text)
        if keys:
            self.tmux("send-keys", "-t", "t", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J", "-t", "t")

    def wait(self, text, seconds=60):
        """Until the screen holds the text, or, if it is a function, until that is true of it."""
        fits = text if callable(text) else lambda screen: text in screen
        procs.wait_until(lambda: fits(self.screen()), seconds, f"{text!r} on the screen")
        return self.screen()
