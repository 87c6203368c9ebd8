# SPDX-License-Identifier: Apache-2.0
"""What a neighbour could reach without any file: OPcache, APCu, System V IPC, processes, sockets."""
import os
import pwd
import socket
import subprocess
import sys

import pytest

from tests.lib.pair import KEY


def test_apcu(bad, good):
    bad.run("return apcu_store('mine', $a[0]);", bad.word)
    assert bad.run("return apcu_fetch('mine');") == bad.word
    assert bad.run("return apcu_exists($a[0]);", bad.word) is True
    assert bad.run("return apcu_exists($a[0]) || apcu_fetch($a[0]);", good.word) is False
    everything = bad.run("$all = []; foreach (new APCUIterator as $e) $all[] = [$e['key'], $e['value']];"
                         "return [$all, apcu_cache_info()];")
    assert bad.word in str(everything) and good.word not in str(everything)
    # The same key, overwritten; then everything cleared.
    assert bad.run("return apcu_store('secret', 'poison') && apcu_clear_cache();") is True
    assert good.run("return apcu_fetch('secret');") == good.word


def test_opcache(bad, good):
    for path, is_cached in ((bad.config, True), (good.config, False)):
        assert bad.run("return opcache_is_script_cached($a[0]);", path) is is_cached
    scripts = bad.run("return array_keys(opcache_get_status()['scripts']);")
    assert bad.config in scripts and not [path for path in scripts if good.name in path]
    assert good.run("return opcache_is_script_cached($a[0]);", good.config) is True
    assert not bad.answer("return opcache_invalidate($a[0], true);", good.config)["value"]
    assert bad.answer("return opcache_invalidate($a[0], true);", bad.config)["value"] is True
    assert bad.run("return opcache_reset();") is True
    assert good.run("$s = opcache_get_status(false); return [opcache_is_script_cached($a[0]),"
                    "$s['restart_pending'], $s['opcache_statistics']['manual_restarts']];",
                    good.config) == [True, False, 0]


def test_a_script_at_the_same_place_is_not_taken_for_the_victims(bad, good):
    """What chroots did: one key of the cache, two files."""
    bad.put("private/same.php", "<?php return 'poison';")
    good.put("private/same.php", "<?php return 'fine';")
    for site in (bad, good):
        site.system.as_tenant(site.name, lambda: os.utime("private/same.php", (1e9, 1e9)))
    code = "chdir(dirname(__DIR__)); return (include './private/same.php') . (include 'private/same.php');"
    assert bad.run(code) == "poisonpoison"
    assert good.run(code) == "finefine"
    for site in (bad, good):
        os.unlink(f"{site.home}/private/same.php")


def test_system_v(bad, good):
    # Its own, at the same key, are its own; the victim's lie untouched beside them.
    found = bad.run("return [shm_get_var(shm_attach($a[0]), 1), msg_stat_queue(msg_get_queue($a[0]))['msg_qnum']];",
                    KEY)
    assert found[0] == bad.word and found[1] > 0
    other = good.run("""$shm = shm_attach($a[0] + 1, 10000, 0666); shm_put_var($shm, 1, $a[1]);
        msg_send(msg_get_queue($a[0] + 1, 0666), 1, $a[1]); return sem_get($a[0] + 1, 1, 0666) !== false;""",
                     KEY, good.word)
    assert other is True
    assert good.run("return msg_queue_exists($a[0] + 1);", KEY) is True
    assert bad.run("return msg_queue_exists($a[0] + 1);", KEY) is False
    if bad.run("return extension_loaded('shmop');"):
        assert good.run("return (bool)shmop_open($a[0] + 1, 'a', 0, 0);", KEY) is True
        assert bad.answer("return (bool)shmop_open($a[0] + 1, 'w', 0, 0);", KEY)["value"] is False
    assert bad.run("""$shm = shm_attach($a[0] + 1, 10000, 0666); $had = shm_has_var($shm, 1);
        shm_put_var($shm, 1, 'poison'); shm_remove($shm); msg_remove_queue(msg_get_queue($a[0] + 1));
        return $had;""", KEY) is False
    # By number, whatever its key.
    assert good.word not in str(bad.run("return @file_get_contents('/proc/sysvipc/shm')"
                                        ". @file_get_contents('/proc/sysvipc/msg');"))
    assert good.run("""$shm = shm_attach($a[0] + 1); $v = shm_get_var($shm, 1); shm_remove($shm);
        msg_receive($q = msg_get_queue($a[0] + 1), 0, $t, 999, $m, true, MSG_IPC_NOWAIT);
        msg_remove_queue($q); return [$v, $m];""", KEY) == [good.word, good.word]


def test_signals(bad, good):
    """Signals to the victim's processes, to the host's, to every number near them."""
    if not bad.run("return function_exists('posix_kill');"):
        pytest.skip("PHP has no extension posix here")
    assert bad.run("return posix_kill(posix_getpid(), 0);") is True
    hosts = [os.getpid(), bad.system.pid("tenantd"), bad.system.pid("nginx"), bad.system.pid("tree")]
    inside = max(bad.run("return array_map(fn($p) => (int)basename($p), glob('/proc/[0-9]*'));"))
    with good.busy(""):
        before = good.pids()
        targets = [pid for pid in {*before, *hosts, *range(max(before) - 200, max(before) + 200)}
                   if pid > inside + 20]
        assert before and set(before) <= set(targets)
        for signal in (0, 9, 15):
            assert bad.run("return array_values(array_filter($a[0], fn($p) => @posix_kill($p, $a[1])));",
                           targets, signal) == []
        # Everybody: that reaches its own workers only.
        bad.answer("posix_kill(-1, 15); return 1;")
        bad.answer("posix_kill(-1, 9); return 1;")
        for code in ("return posix_getpgid($a[0]);", "return posix_getsid($a[0]);"):
            assert bad.answer(code.replace("$a[0]", "posix_getpid()"))["value"] is not False
            assert all(bad.answer(code, pid)["value"] in (False, None) for pid in before)
    # The busy request has come to its end.
    assert all(os.path.exists(f"/proc/{pid}") for pid in hosts)


def test_abstract_sockets(bad, good):
    code = "return (bool)@stream_socket_client('unix://' . chr(0) . $a[0], $n, $m, 2);"
    listen = "$s = stream_socket_server('unix://' . chr(0) . $a[0]);"
    assert bad.run(listen + code, bad.word) is True
    with good.busy(listen, good.word):
        assert bad.run(code, good.word) is False
    with socket.socket(socket.AF_UNIX) as hosts, socket.socket(socket.AF_UNIX) as control:
        hosts.bind(f"\0{good.word}")
        hosts.listen()
        control.connect(f"\0{good.word}")
        assert bad.run(code, good.word) is False
    with good.busy("$s = stream_socket_server('tcp://127.0.0.1:47113');"
                   "if (!stream_socket_client('tcp://127.0.0.1:47113', $n, $m, 2)) return 'none';"):
        assert bad.run("return (bool)@stream_socket_client('tcp://127.0.0.1:47113', $n, $m, 2);") is False


def test_sockets_of_pools_and_of_the_system(bad, good):
    """php.sock of the victim, and its own: by it a request could lift every limit of PHP's."""
    paths = [str(path) for path in bad.system.folder.rglob("*") if path.is_socket()]
    assert sum(path.endswith("php.sock") for path in paths) >= 2
    assert any(path.endswith("control.sock") for path in paths)
    code = "return (bool)@stream_socket_client('unix://' . $a[0], $n, $m, 2);"
    own = f"{bad.home}/tmp/own.sock"
    assert bad.run("$s = stream_socket_server('unix://' . $a[0]);" + code, own) is True
    os.unlink(own)
    for path in paths:
        assert bad.run(code, path) is False, path
        assert bad.answer("return rename($a[0], '/tmp/x') || unlink($a[0]);", path)["value"] is False

    def outside():
        reached = []
        for path in paths:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                try:
                    s.connect(path)
                except OSError:
                    continue
                reached.append(path)
        # One is nginx's: it tells the number of the configuration, and nothing else.  The other takes mail, from a
        # cage and for whoever connects, as the kernel names him.
        assert [p for p in reached if not p.endswith(("/nginx.sock", "/mail/socket/sock"))] == []
    bad.system.as_tenant(bad.name, outside)
    # nginx's own user reaches pools and the status pages, and nothing that changes anything.
    web = pwd.getpwnam("www-data")
    code = ("import socket, sys\nfor path in sys.argv[1:]:\n"
            " for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):\n"
            "  try: socket.socket(socket.AF_UNIX, kind).connect(path); print(path)\n"
            "  except OSError: pass")
    done = subprocess.run([sys.executable, "-c", code, *paths], user=web.pw_uid, group=web.pw_gid,
                          extra_groups=[], text=True, capture_output=True, timeout=60, check=True)
    names = {os.path.basename(path) for path in done.stdout.split()}
    assert {"php.sock", "status.sock"} <= names <= {"php.sock", "status.sock", "nginx.sock", "sock"}, names
    php = next(path for path in paths if path.endswith(f"/{good.number}/php.sock"))
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(php)        # as root, it can be reached
