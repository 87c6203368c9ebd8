# SPDX-License-Identifier: Apache-2.0
"""A hostile site beside a victim's, with the victim's secrets planted: what tests/attack plays with.

    pair.bad.run("return file_get_contents($a[0]);", path)     # as the attacker's PHP, through nginx
    pair.good.run(...)                                         # as the victim's own

Every secret of a site holds its word, `pair.good.word`; so does the victim's name."""
import contextlib
import hashlib
import json
import os
import pathlib
import secrets
import threading

from tests.lib.procs import wait_until

# Runs what is posted.  It answers with JSON, whatever the code prints or throws.
ACT = """<?php
ini_set('display_errors', '1');
$in = json_decode(file_get_contents('php://input'), true);
$a = $in['a'];
ob_start();
try { $value = eval($in['code']); }
catch (Throwable $e) { $value = ['thrown' => get_class($e) . ': ' . $e->getMessage()]; }
$printed = ob_get_clean();
echo json_encode(['value' => $value, 'printed' => $printed],
    JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE);
"""
CONFIG = "<?php\n// DB_PASSWORD of %s\nreturn 'DB_PASSWORD %s';\n"
KEY = 0x7e4a        # of System V shared memory, queue and semaphore
BUSY_S = 240        # at most, for the longest of these tests on a slow machine


class Site:
    """One of the two: its facts, its files, its PHP."""

    def __init__(self, system, name, word, *options):
        self.system, self.name, self.word = system, name, word
        system.ctl("add", name, *options, check=True)
        facts = system.show(name)
        self.home, self.uid, self.number = facts["home"], facts["uid"], facts["number"]
        self.config = f"{self.home}/private/wp-config.php"
        self.dotenv = f"{self.home}/public/.env"
        self.session = f"{self.home}/sessions/sess_{'5' * 26}"
        self.temporary = f"/tmp/export-{word}.sql"
        self.put("public/act.php", ACT)
        self.put("private/wp-config.php", CONFIG % (word, word), 0o600)
        self.put("public/.env", f"APP_KEY={word}\n")
        self.put("public/open.php", "<?php echo 'open';")
        self.put("public/open.txt", f"open {word}\n")
        self.put("public/deep/down/open.txt", f"open {word}\n")
        # OPcache takes no file younger than two seconds.
        system.as_tenant(name, lambda: os.utime("private/wp-config.php", (1e9, 1e9)))
        self.plant()

    def put(self, path, content, mode=0o644):
        self.system.put(self.name, path, content, mode)

    def plant(self):
        """What lives in memory, or in the cage: gone with the pool, so planted again when needed."""
        # One that was reset takes nothing until a request begins while no other one is at its end.
        wait_until(lambda: self.run("include $a[0]; return opcache_is_script_cached($a[0]);", self.config), 30,
                   "OPcache takes the script")
        planted = self.run("""
            session_id(str_repeat('5', 26)); session_start(); $_SESSION['card'] = $a[0];
            session_write_close();
            file_put_contents($a[1], $a[0]); file_put_contents("/dev/shm/$a[0]", $a[0]);
            apcu_store('secret', $a[0]); apcu_store($a[0], $a[0]);
            $shm = shm_attach($a[2], 10000, 0666); shm_put_var($shm, 1, $a[0]);
            msg_send(msg_get_queue($a[2], 0666), 1, $a[0], false, false);
            sem_get($a[2], 1, 0666);
            return [include $a[3], opcache_is_script_cached($a[3]), file_get_contents($a[1]),
                apcu_fetch('secret'), shm_get_var(shm_attach($a[2]), 1), msg_queue_exists($a[2])];""",
                           self.word, self.temporary, KEY, self.config)
        assert planted == [f"DB_PASSWORD {self.word}", True, self.word, self.word, self.word, True]

    def answer(self, code, *arguments, timeout=60):
        """All that the PHP code gave: {"value": returned, "printed": text}."""
        got = self.system.http(self.name, "/act.php", "POST",
                               json.dumps({"code": code, "a": arguments}), timeout=timeout)
        try:
            return json.loads(got.body)
        except ValueError:      # a fatal error, or the worker's end
            return {"value": None, "printed": got.body.decode(errors="replace"), "status": got.status}

    def run(self, code, *arguments):
        """What the PHP code returned; it sees the arguments as $a."""
        got = self.answer(code, *arguments)
        assert "status" not in got, got
        return got["value"]

    def link(self, target, path):
        """A symbolic link made from outside, by the site's uid."""
        self.system.as_tenant(self.name, lambda: os.symlink(target, path))

    def get(self, path):
        return self.system.http(self.name, path)

    def files(self):
        """A fingerprint of all that lies in the home: owner, mode, content of each file."""
        found = {}
        for top, folders, names in os.walk(self.home):
            for name in folders + names:
                path = pathlib.Path(top, name)
                facts = path.lstat()
                content = os.readlink(path) if path.is_symlink() else (
                    hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
                if "/logs/" not in f"{path}":
                    found[str(path)] = facts.st_uid, oct(facts.st_mode), facts.st_nlink, content
        return found

    def pids(self):
        return sorted(self.system.pool_pids(self.name))

    @contextlib.contextmanager
    def busy(self, code, *arguments):
        """A request of the victim's that goes on meanwhile: it prints `started` into private/busy and
        then waits for that file to go."""
        flag = pathlib.Path(self.home, "private/busy")
        answer = []
        thread = threading.Thread(target=lambda: answer.append(self.answer(code + """
            file_put_contents($f = dirname(__DIR__) . '/private/busy', 'started');
            for ($end = time() + %d; time() < $end && file_exists($f);) { clearstatcache(); usleep(100000); }
            return 'waited';""" % BUSY_S, *arguments, timeout=BUSY_S + 60)))
        thread.start()
        try:
            wait_until(flag.exists, 45, "the busy request has started")
            yield
        finally:
            flag.unlink(missing_ok=True)
            thread.join(90)
        assert answer and answer[0]["value"] == "waited", answer


class Pair:
    def __init__(self, system):
        self.system = system
        tag = secrets.token_hex(4)
        self.bad = Site(system, f"bad-{tag}.example", f"loot-{tag}")
        self.good = Site(system, f"victim-{tag}.example", f"victim-{tag}",
                         f"request_terminate_timeout={BUSY_S + 60}s")

    def close(self):
        for site in (self.bad, self.good):
            self.system.ctl("remove", site.name, check=True)
