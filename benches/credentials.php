<?php
// What an administrator would write: reads every extension, applies the plain rules, finds reuse with an array.
ini_set('memory_limit', '-1');
$start = microtime(true);
$pdo = new PDO($argv[1]);
$common = array_flip(array_map('strtolower', file($argv[2], FILE_IGNORE_NEW_LINES)));
$domains = $pdo->query('SELECT domain_uuid, domain_name FROM v_domains')->fetchAll(PDO::FETCH_KEY_PAIR);
$rows = $pdo->query('SELECT domain_uuid, extension, password, enabled FROM v_extensions')->fetchAll(PDO::FETCH_ASSOC);
$uses = [];
foreach ($rows as $row) {
    $uses[$row['password']][] = $row['domain_uuid'];
}
$totals = [];
$places = 0;
$out = fopen($argv[3], 'w');
foreach ($rows as $row) {
    $password = (string) $row['password'];
    $reasons = [];
    if (strlen($password) < 12) { $reasons[] = 'too-short'; }
    if ($password === $row['extension']) { $reasons[] = 'equals-extension'; }
    if (isset($common[strtolower($password)])) { $reasons[] = 'common'; }
    if (count($uses[$password]) > 1) { $reasons[] = 'reused'; }
    if (!$reasons) { continue; }
    $places++;
    foreach ($reasons as $reason) { $totals[$reason] = ($totals[$reason] ?? 0) + 1; }
    fwrite($out, json_encode(['table' => 'v_extensions', 'domain' => $domains[$row['domain_uuid']] ?? '', 'place' => $row['extension'], 'reasons' => $reasons]) . "\n");
}
fwrite(STDERR, sprintf("php: %.2f s, %d MiB at most, %d places: %s\n", microtime(true) - $start,
    memory_get_peak_usage(true) / 1048576, $places, json_encode($totals)));
