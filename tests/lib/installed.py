# SPDX-License-Identifier: Apache-2.0
"""The package as it is installed on this machine, for stories that are told of a System, too.

Nothing is started or stopped here: systemd has done it.  TENANTD_INSTALLED=1 chooses it."""
import os
import pathlib

from tests.lib.system import System

LOGS = pathlib.Path("/var/log/tenantd")


def is_chosen():
    return bool(os.environ.get("TENANTD_INSTALLED"))


class Installed(System):
    """The machine's own tenantd, nginx and port 80; has no `conf` of its own."""

    def __init__(self):
        super().__init__(build="/usr/bin")
        self.name, self.port, self.socket = "tenantd-tree.service", 80, "/run/tenantd/control.sock"

    def start(self):
        self.ctl("status", check=True)
        return self

    def stop(self):
        return []

    def log_files(self):
        return LOGS.glob("**/*.log")
