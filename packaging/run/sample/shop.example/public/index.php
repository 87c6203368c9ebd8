<?php
// SPDX-License-Identifier: Apache-2.0
// A shop of three articles; the basket lives in the session.
session_start();
$articles = ['tea' => 4, 'cup' => 7, 'pot' => 19];
$wanted = $_POST['article'] ?? null;
if (is_string($wanted) && isset($articles[$wanted])) {
	$_SESSION['basket'][] = $wanted;
}
$basket = $_SESSION['basket'] ?? [];
?>
<!doctype html>
<title>shop.example</title>
<h1>shop.example</h1>
<form method="post">
<?php foreach ($articles as $name => $price): ?>
<button name="article" value="<?= $name ?>"><?= "$name, $price" ?></button>
<?php endforeach ?>
</form>
<p>In your basket: <?= htmlspecialchars(implode(', ', $basket)) ?: 'nothing yet' ?></p>
