<?php
// SPDX-License-Identifier: Apache-2.0
// A page that tells how it is confined and counts its visitors.
function status(string $field): string
{
	preg_match("/^$field:\s*(.*)$/m", file_get_contents('/proc/self/status'), $found);
	return $found[1] ?? '?';
}

$counter = fopen(dirname(__DIR__) . '/private/visits.txt', 'c+');
flock($counter, LOCK_EX);
$visits = (int)stream_get_contents($counter) + 1;
rewind($counter);
fwrite($counter, (string)$visits);

$processes = preg_grep('/^\d+$/', scandir('/proc') ?: []);
$facts = [
	'site' => $_SERVER['SERVER_NAME'],
	'visits' => $visits,
	'PHP' => PHP_VERSION,
	'uid' => strtok(status('Uid'), "\t"),
	'capabilities' => status('CapEff'),
	'seccomp mode (2: a filter)' => status('Seccomp'),
	'no new privileges' => status('NoNewPrivs'),
	'processes in sight' => count($processes),
	'homes in sight' => implode(', ', array_diff(scandir(dirname(__DIR__, 2)) ?: [], ['.', '..'])),
	'OPcache scripts' => count(opcache_get_status()['scripts'] ?? []),
];
?>
<!doctype html>
<title>site.example</title>
<h1>site.example</h1>
<table>
<?php foreach ($facts as $name => $fact): ?>
<tr><td><?= htmlspecialchars($name) ?></td><td><?= htmlspecialchars((string)$fact) ?></td></tr>
<?php endforeach ?>
</table>
