<?php
// SPDX-License-Identifier: Apache-2.0
// Fills the home with blocks or inodes until it is refused or has n of them.
$n = (int)($_GET['n'] ?? 1000);
$folder = dirname(__DIR__) . '/private/fill';
@mkdir($folder);
function refused() { return error_get_last()['message']; }
switch ($_GET['what']) {
case 'blocks':
    for ($i = 0; $i < $n; $i++)
        if (@file_put_contents("$folder/b$i", str_repeat('x', 1 << 20)) !== 1 << 20) {
            // Written in part: the next byte tells why.
            @fwrite(fopen("$folder/b$i", 'a'), 'x');
            exit("refused after $i: " . refused());
        }
    exit("wrote $n");
case 'inodes':
    for ($i = 0; $i < $n; $i++)
        if (!@touch("$folder/i$i"))
            exit("refused after $i: " . refused());
    exit("made $n");
case 'rate':
    $begin = hrtime(true);
    $f = fopen("$folder/rate", 'w');
    for ($i = 0; $i < 8; $i++)
        fwrite($f, random_bytes(1 << 20));
    fsync($f);
    exit((string)intdiv(hrtime(true) - $begin, 1000000));
case 'clean':
    array_map('unlink', glob("$folder/*"));
    rmdir($folder);
    exit('clean');
}
