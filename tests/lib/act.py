# SPDX-License-Identifier: Apache-2.0
"""Code that a site runs when it is posted, and what it returned."""
import json

ACT = """<?php
$in = json_decode(file_get_contents('php://input'), true);
$a = $in['a'];
echo json_encode(eval($in['code']));
"""


def act(system, site, code, *arguments):
    """What PHP code of the site returned, where ACT is its public/act.php; it sees the arguments as $a."""
    return json.loads(system.text(site, "/act.php", method="POST",
                                  body=json.dumps({"code": code, "a": arguments})))
