<?php
// SPDX-License-Identifier: Apache-2.0
// Uses what limits are for: memory (a string, beyond PHP's own limit), processes, CPU time.
ini_set('memory_limit', '-1');
switch ($_GET['what']) {
case 'memory':
    // Past memory_limit on purpose: a file in /dev/shm counts as the tenant's memory.
    for ($i = 0; $i < 16; $i++) {
        file_put_contents("/tmp/fill$i", str_repeat('x', 1 << 20));
        $held[] = str_repeat(chr(65 + $i), 8 << 20);
    }
    echo "survived\n";
    break;
case 'cpu':
    $end = microtime(true) + 3;
    while (microtime(true) < $end)
        ;
    echo "done\n";
    break;
case 'sleep':
    sleep((int)$_GET['s']);
    echo "slept\n";
    break;
}
