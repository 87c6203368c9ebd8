<?php
// SPDX-License-Identifier: Apache-2.0
// What the kernel says of the process that runs this, one fact a line.
foreach (['Uid', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'] as $key) {
    preg_match("/^$key:\\s*(.*)$/m", file_get_contents('/proc/self/status'), $found);
    echo $key, ' ', preg_replace('/\\s+/', ' ', $found[1] ?? 'unknown'), "\n";
}
