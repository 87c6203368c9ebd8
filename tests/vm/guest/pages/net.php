<?php
// SPDX-License-Identifier: Apache-2.0
// Connects, or says why not.
$s = @stream_socket_client("tcp://{$_GET['to']}", $number, $text, 5);
echo $s ? 'connected' : "$text\n";
