<?php
// SPDX-License-Identifier: Apache-2.0
// What a site that was broken into does to its neighbours, each until its worker is ended.
set_time_limit(0);
switch ($_GET['what']) {
case 'cpu':
    for (;;)
        $x = md5(($x ?? '') . 'x');
case 'fork':
    proc_open(['/bin/sh', '-c', 'f() { f | f & }; f; f; wait'], [], $pipes);
    sleep(60);
    break;
case 'memory':
    for ($i = 0;; $i++)
        file_put_contents('/tmp/fill' . getmypid(), str_repeat('x', 1 << 20), FILE_APPEND)
            or $held[] = str_repeat('x', 1 << 20);
case 'silent':
    for (;;)
        @file_put_contents('/tmp/fill' . getmypid(), str_repeat('x', 1 << 20), FILE_APPEND)
            or $held[] = str_repeat('x', 1 << 20);
case 'files':
    for ($i = 0; $i < 20000; $i++)
        $held[] = @fopen('/dev/null', 'r') ?: @stream_socket_server('tcp://127.0.0.1:0');
    sleep(60);
    break;
case 'log':
    for (;;)
        error_log(str_repeat('flood ', 1000));
case 'lines':
    for (;;)
        error_log('x');
default:
    sleep(60);
}
