# SPDX-License-Identifier: Apache-2.0
"""Two sites with a link each: neither reaches the other."""
from tests.lib.net import inside
from tests.root.test_network import (A, B, host_fixture, listening_fixture,  # noqa: F401
                                     net_fixture)


def test_another_site(host, listening):
    assert inside(host.master(A), lambda: host.net.connect(*listening)) == "ok"
    assert host.ask(B, "tcp", *listening) == "111 Connection refused"
