# SPDX-License-Identifier: Apache-2.0
"""kill -9 of tenant-net while it makes a link: the pool starts all the same, the next tenant-net
finds out, and in the end the site has its link and nothing is left over."""
import socket

import pytest

from tests.conftest import need_root
from tests.lib.net import WORLD, Net
from tests.lib.procs import wait_until
from tests.lib.system import System

SITE = "a.example"
PAGE = "<?php echo @stream_socket_client('tcp://%s:80', $no, $text, 1) ? 'ok' : $no;" % WORLD


@pytest.mark.parametrize("point", ["net.made", "net.admitted"])
def test_killed_while_a_link_is_made(tmp_path, point):
    need_root()
    fault = tmp_path / "fault"
    with Net(), System(env={"NET": "yes", "TENANT_FAULT": str(fault)}) as system:
        system.ctl("add", SITE, check=True)
        system.put(SITE, "public/index.php", PAGE)
        fault.write_text(point)
        assert system.text(SITE)            # it answers, with or without a network
        # The pool waits a few seconds for its link, and may have begun before tenant-net came to it.
        wait_until(lambda: not fault.exists(), 60, "the fault has struck")
        wait_until(lambda: system.text(SITE) == "ok" and
                   system.status(SITE)["network"] == "up", 60, "the link is there after all")
        number = system.show(SITE)["number"]
        wait_until(lambda: len([name for _, name in socket.if_nameindex()
                                if name.startswith(f"tn{number}-")]) == 1, 60, "one link is left")
