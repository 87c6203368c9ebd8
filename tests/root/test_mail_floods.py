# SPDX-License-Identifier: Apache-2.0
"""How much of tenant-mail's time a site can use: it is outside of the site's CPU quota."""
import base64
import struct
import time

import pytest

from tests.lib import procs
from tests.lib.mail_rig import A, B, mails, message, options, run, world

pytestmark = pytest.mark.slow
FLOODS = {
    "messages beyond the rate": "$n += mail('joe@far.example', 's', 'b') === false;",
    "callers who leave": "$n += (bool)@stream_socket_client('unix:///run/mail/sock');",
    "a message byte by byte": """if (empty($s)) {
            $s = stream_socket_client('unix:///run/mail/sock'); fwrite($s, base64_decode('%s')); }
        if (@fwrite($s, 'x') === 1) $n++; else $s = null;""" % base64.b64encode(
            message(body=b"Subject: x\n\n")[:-4] + struct.pack("=I", 65536)).decode(),
}


def test_floods_wake_the_service_so_often_and_no_more(mails):
    """What is refused is answered all the same, and a neighbour is served."""
    def wake_ups():
        return int(procs.field(mails.pid("mail"), "voluntary_ctxt_switches")[0])
    with options(mails, A, f"mail_per_hour={max(1, mails.status(A)['mail_in_hour'])}"):
        for name, step in FLOODS.items():
            before, began = wake_ups(), time.monotonic()
            done, warnings = run(mails, f"$n = 0; $t = microtime(true); while (microtime(true) - $t < 2) {{ {step} }}"
                                        "return $n;")
            woken, took = wake_ups() - before, time.monotonic() - began
            assert done > 10, (name, done, warnings[:3])
            assert woken < 800 * took, f"{name}: {woken} wake-ups for {done} in {took} s"
            assert run(mails, "return mail('n@far.example', 's', 'b');", site=B)[0] is True
    assert run(mails, "return mail('joe@far.example', 's', 'b');")[0] is True
