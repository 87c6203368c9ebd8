# SPDX-License-Identifier: Apache-2.0
"""A pool's processes: how workers come and go, and what ends a pool."""
import concurrent.futures
import json
import os
import signal
import socket
import time

import pytest

from tests.lib import fcgi_client, procs
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

SLEEP = "<?php sleep((int) $_GET['s']); echo getmypid();"
# Says that it runs, and runs until release().
BUSY = "<?php file_put_contents(__DIR__ . '/../tmp/in' . $_GET['n'], '1');" \
       " while (!file_exists(__DIR__ . '/../tmp/go')) usleep(20000); echo getmypid();"
# Native code that a tenant could bring: FFI stands in for it.
FFI = "<?php $c = FFI::cdef('int shutdown(int, int); int listen(int, int);" \
      " int fcntl(int, int, ...); int fork(void); int setsid(void); int kill(int, int);" \
      " int getpid(void); int prctl(int, ...); unsigned sleep(unsigned);" \
      " void *mmap(void *, unsigned long, int, int, int, long);'); "


@pytest.fixture
def make():
    """make("option=value", ...): a pool that is stopped at the end of the test."""
    running = []

    def start(*options, **more):
        running.append(Pool(*options, **more))
        running[-1].write("sleep.php", SLEEP)
        running[-1].write("busy.php", BUSY)
        return running[-1]
    yield start
    for each in running:
        each.stop()


def sleeping(pool, seconds, count):
    return [pool.begin("sleep.php", QUERY_STRING=f"s={seconds}") for _ in range(count)]


def busy(pool, numbers):
    return [pool.begin("busy.php", QUERY_STRING=f"n={n}") for n in numbers]


def wait_running(pool, numbers):
    procs.wait_until(lambda: all((pool.home / f"tmp/in{n}").exists() for n in numbers), 40,
                     f"requests {numbers} run")


def release(pool, connections):
    """What they answer."""
    pool.write("go", "", folder="tmp")
    return [c.answer().text for c in connections]


def stat(pid):
    """Fields of proc(5), from the state on."""
    return procs.read(pid, "stat").rpartition(")")[2].split()


def cpu_ticks(pid):
    words = stat(pid)
    return int(words[11]) + int(words[12]) if words else 0


def comes_to_rest(pids):
    """What spins never does, at however small a share of the machine."""
    def rests():
        before = sum(map(cpu_ticks, pids))
        time.sleep(2)
        return sum(map(cpu_ticks, pids)) - before <= 3
    procs.wait_until(rests, 30, f"{pids} rest")


def born(pid):
    """In seconds."""
    return int(stat(pid)[19]) / os.sysconf("SC_CLK_TCK")


def visit_before_ready(script, *options, **more):
    """A pool and a request that waits when it gets ready, so that it cannot have left for want of
    visitors."""
    pool = Pool(*options, start=False)
    try:
        pool.write("busy.php", BUSY)
        pool.wait("pid")
        return pool, pool.begin(script, **more)
    except BaseException:
        pool.stop()
        raise


def wait_workers(pool, count, seconds=40):
    procs.wait_until(lambda: len(pool.workers()) == count, seconds,
                     f"{count} workers instead of {pool.workers()}")


def test_static_pool_is_full_from_the_start(make):
    pool = make("pm=static", "max_children=4")
    wait_workers(pool, 4)
    before = set(pool.workers())
    for _ in range(20):
        pool.get("hello.php")
    assert set(pool.workers()) == before


def test_ondemand_pool_begins_empty_and_grows(make):
    pool = make("max_children=20", "process_idle_timeout=1")
    assert pool.workers() == []
    assert pool.get("hello.php").status == 200
    for _ in range(20):
        pool.get("hello.php")
    # Another is started if the first is slow to take a connection, as here under load.
    assert len(pool.workers()) < 15, "one visitor after another needs one worker"
    wait_workers(pool, 0)
    assert pool.get("hello.php").status == 200


def test_burst_reaches_max_children_at_once(make):
    pool = make("max_children=6")
    waiting = busy(pool, range(6))
    wait_running(pool, range(6))
    births = [born(pid) for pid in pool.workers()]
    assert len(births) == 6
    assert max(births) - min(births) < 4, "not one a second, as spares come"
    waiting += busy(pool, range(6, 9))
    assert len(set(release(pool, waiting))) == 6, "and never more"


def test_idle_pool_leaves_and_nothing_is_lost():
    pool, first = visit_before_ready("hello.php", "pool_idle_timeout=1", "process_idle_timeout=1")
    with pool:
        with first:
            assert first.answer().text.startswith("hello")
        assert pool.wait("leaving").endswith("idle")
        assert pool.wait("exit") == "0"
        with pool.begin("hello.php") as c:
            pool.restart()
            assert c.answer().text.startswith("hello")


def test_static_pool_leaves_too(make):
    pool = make("pm=static", "pool_idle_timeout=1")
    pool.wait("leaving")
    assert pool.wait("exit") == "0"


def test_busy_pool_does_not_leave():
    pool, c = visit_before_ready("busy.php", "pool_idle_timeout=1", QUERY_STRING="n=0")
    with pool, c:
        wait_running(pool, [0])
        time.sleep(4)
        assert release(pool, [c])[0].isdigit()


def test_idle_master_sleeps(make):
    pool = make("pm=static", "max_children=2")
    pool.get("hello.php")
    time.sleep(0.5)
    before = cpu_ticks(pool.pid)
    time.sleep(3)
    assert cpu_ticks(pool.pid) - before <= 1


def test_request_terminate_timeout(make):
    pool = make("request_terminate_timeout=2", "max_children=1")
    started = time.monotonic()
    with pool.begin("sleep.php", QUERY_STRING="s=60") as c:
        with pytest.raises((EOFError, ConnectionResetError)):
            c.answer()
    assert 1.5 < time.monotonic() - started < 30
    pool.wait_log("request_terminate_timeout")
    assert pool.get("hello.php").status == 200


def test_terminate_timeout_with_signals_blocked(make):
    pool = make("request_terminate_timeout=1", "max_children=1", ffi=True)
    pool.write("block.php", FFI.replace("int getpid(void);", "int getpid(void);"
               " int sigprocmask(int, const void *, void *);") +
               "$m = FFI::new('unsigned char[128]'); FFI::memset($m, 255, 128);"
               "$c->sigprocmask(0, FFI::addr($m), null); while (1) $c->sleep(1000);")
    with pool.begin("block.php") as c:
        with pytest.raises((EOFError, ConnectionResetError)):
            c.answer()
    assert pool.get("hello.php").status == 200


def test_stopped_worker_is_replaced(make):
    pool = make("request_terminate_timeout=1", "max_children=1", ffi=True)
    pool.write("stop.php", FFI + "$c->kill($c->getpid(), 19); echo 'on';")
    with pool.begin("stop.php") as c:
        with pytest.raises((EOFError, ConnectionResetError)):
            c.answer()
    assert pool.get("hello.php").status == 200


def test_max_requests(make):
    pool = make("max_requests=3", "max_children=1", "pm=static")
    seen = [pool.get("hello.php").text for _ in range(9)]
    assert [seen.count(each) for each in dict.fromkeys(seen)] == [3, 3, 3]
    assert "exited" not in pool.log()
    with pool.connect() as c:       # a kept connection ends with its worker
        for _ in range(3):
            c.send(fcgi_client.request(pool.params("hello.php"), flags=fcgi_client.KEEP))
            c.answer()
        assert c.is_closed()


def test_crash_is_replaced(make):
    pool = make("max_children=2", "pm=static", ffi=True)
    pool.write("crash.php", FFI + "FFI::memset(FFI::cast('char *', 8), 1, 1);")
    with pool.begin("crash.php") as c:
        with pytest.raises((EOFError, ConnectionResetError)):
            c.answer()
    pool.wait_log("died of signal 11")
    wait_workers(pool, 2)
    assert pool.get("hello.php").status == 200


def test_crash_loop_is_bounded(make):
    pool = make("max_children=2", "pm=static", ffi=True)
    pool.write("crash.php", FFI + "$c->kill($c->getpid(), 9);")
    started = time.monotonic()
    while time.monotonic() < started + 6:
        try:
            pool.get("crash.php", timeout=2)
        except (EOFError, OSError):
            pass
    pool.wait_log("died of signal 9")
    count = pool.log().count("died of signal 9")
    seconds = time.monotonic() - started
    assert 10 < count < 20 + seconds * 4, (count, seconds)
    assert pool.get("hello.php").status == 200


def test_drain_finishes_what_runs_and_what_waits(make):
    pool = make("max_children=1")
    waiting = busy(pool, [0])
    wait_running(pool, [0])
    waiting += busy(pool, [1, 2])
    pool.signal(signal.SIGQUIT)
    assert len(release(pool, waiting)) == 3
    assert pool.wait("exit") == "0"


def test_drain_of_an_empty_pool_is_prompt(make):
    for options in (("pm=static",), ()):
        took = []
        for _ in range(3):
            pool = make(*options)
            started = time.monotonic()
            pool.signal(signal.SIGQUIT)
            assert pool.wait("exit") == "0"
            took.append(time.monotonic() - started)
        # Workers that do not go by themselves are killed after that time, always; a busy machine
        # takes it now and then.
        assert min(took) < 1.5, took


def test_drain_serves_a_queue_without_workers(make):
    pool = make("max_children=2")
    os.kill(pool.pid, signal.SIGSTOP)
    waiting = sleeping(pool, 0, 5)
    pool.signal(signal.SIGQUIT)
    os.kill(pool.pid, signal.SIGCONT)
    assert len([c.answer().text for c in waiting]) == 5
    assert pool.wait("exit") == "0"


def test_drain_is_bounded(make):
    pool = make("max_children=1", "request_terminate_timeout=2")
    with busy(pool, [0])[0]:
        wait_running(pool, [0])
        pool.signal(signal.SIGQUIT)
        assert pool.wait("exit", 20) == "0", "it would run for ever"


def test_drain_with_kept_connections(make):
    pool = make("max_children=1")
    with pool.connect() as c:
        c.send(fcgi_client.request(pool.params("hello.php"), flags=fcgi_client.KEEP))
        c.answer()
        started = time.monotonic()
        pool.signal(signal.SIGQUIT)
        assert pool.wait("exit") == "0"
        assert time.monotonic() - started < 8, "it ends by itself after ten seconds"


def test_killed_worker_during_a_request(make):
    pool = make("max_children=1")
    with busy(pool, [0])[0] as c:
        wait_running(pool, [0])
        os.kill(pool.workers()[0], signal.SIGKILL)
        with pytest.raises((EOFError, ConnectionResetError)):
            c.answer()
    assert pool.get("hello.php").status == 200


def test_killed_master_takes_all_with_it(make):
    pool = make("pm=static", "max_children=3")
    wait_workers(pool, 3)
    workers = pool.workers()
    pool.signal(signal.SIGKILL)
    assert pool.wait("signal") == "9"
    procs.wait_until(lambda: not any(map(procs.is_running, workers)), 30, "no worker left")


@pytest.mark.parametrize("damage", ["$c->shutdown(3, 2)", "$c->shutdown(3, 0)"])
@pytest.mark.parametrize("pm", ["static", "ondemand"])
def test_shut_down_listener_ends_the_pool(make, damage, pm):
    pool = make("max_children=2", f"pm={pm}", ffi=True)
    pool.write("damage.php", FFI + damage + "; echo 'done';")
    try:
        pool.get("damage.php")
    except (EOFError, OSError):
        pass
    assert "listener" in pool.wait("failed")
    assert pool.wait("exit") == "1"


@pytest.mark.parametrize("damage", ["$c->listen(3, 0)", "$c->fcntl(3, 4, 0)",
                                    "$c->fcntl(3, 4, 2048)"])
def test_other_damage_does_not_make_it_spin(make, damage):
    pool = make("max_children=2", "pm=static", ffi=True)
    pool.write("damage.php", FFI + damage + "; echo 'done';")
    assert pool.get("damage.php").text == "done"
    comes_to_rest([pool.pid, *pool.workers()])
    for _ in range(4):
        assert pool.get("hello.php").status == 200
    pool.signal(signal.SIGQUIT)
    assert pool.wait("exit") == "0"


def test_orphans_end_with_their_worker(make):
    pool = make("max_children=1", "max_requests=1", ffi=True)
    pool.write("daemon.php", FFI + "if ($c->fork() == 0) { $c->setsid(); if ($c->fork() == 0)"
               " { $c->fork(); while (1) $c->sleep(1000); } $c->kill($c->getpid(), 9); }"
               " usleep(300000); echo 'done';")
    assert pool.get("daemon.php").text == "done"
    procs.wait_until(lambda: pool.workers() == [], 30, "no process left")
    assert pool.get("hello.php").status == 200


def test_lying_worker_does_not_stop_the_pool(make):
    """A worker that says it is idle for ever, and accepts nothing."""
    pool = make("max_children=3", "request_terminate_timeout=30", ffi=True)
    pool.write("lie.php", FFI +
               "foreach (file('/proc/self/maps') as $l) if (strpos($l, 'rw-s') && strpos($l, "
               "'memfd:board')) { [$a, $b] = explode('-', strtok($l, ' ')); $m = $c->mmap(null, 1, 3, 34, -1, 0);"
               " $p = FFI::cast('unsigned char *', hexdec($a) + 0); FFI::memset($p, 0, hexdec($b) - hexdec($a)); }"
               " file_put_contents(__DIR__ . '/../tmp/lied', '1'); while (1) $c->sleep(1000);")
    c = pool.begin("lie.php")
    procs.wait_until((pool.home / "tmp/lied").exists, 30, "the lie")
    # The master does not ask it before half a minute has passed.
    assert pool.get("hello.php", timeout=25).status == 200
    assert "does not answer" not in pool.log()
    c.close()


def test_garbage_in_the_scoreboard(make):
    pool = make("max_children=2", "pm=static", ffi=True)
    pool.write("garbage.php", FFI +
               "foreach (file('/proc/self/maps') as $l) if (strpos($l, 'rw-s') && strpos($l, "
               "'memfd:board')) { [$a, $b] = explode('-', strtok($l, ' '));"
               " FFI::memset(FFI::cast('unsigned char *', hexdec($a) + 0), 255, hexdec($b) - hexdec($a)); } echo 1;")
    pool.get("garbage.php")
    time.sleep(2.5)
    assert procs.is_running(pool.pid)
    assert pool.get("hello.php").status == 200


def test_worker_filter(make):
    pool = make("max_children=2", flags=("-w",))
    pool.write("confined.php", "<?php preg_match('/x(y)/', 'xy', $m);"
               "echo json_encode([@shell_exec('id'), @iconv('SJIS', 'UTF-8', \"\\x82\\xa0\"),"
               "iconv('UTF-8', 'ISO-8859-2//TRANSLIT', 'ab'), $m[1], gethostbyname('localhost'),"
               "date('Y') > 2000, function_exists('proc_open') ? "
               "@proc_open('id', [], $p) : false,"
               "preg_match('/^Seccomp:\\s+2/m', file_get_contents('/proc/self/status')),"
               "random_int(1, 1), setlocale(LC_ALL, 'C.UTF-8'), error_get_last()['message'] ?? ''"
               "]);")
    got = json.loads(pool.get("confined.php").text)
    assert got[0] in (None, False) and got[1:9] == ["あ", "ab", "y", "127.0.0.1", True, False, 1, 1]
    assert "Seccomp" in procs.read(pool.workers()[0], "status")
    answer = pool.get("hello.php")
    assert answer.status == 200
    assert ("ready", "0 0 0") in pool.lines


def test_programs_where_allowed(make):
    pool = make("max_children=1", "programs=deny", flags=("-P",))
    pool.write("id.php", "<?php echo shell_exec('id -u; ls /proc/self/fd | wc -w');")
    uid, count = pool.get("id.php").text.split()
    assert uid == "1900000007"
    assert int(count) <= 4, "0, 1, 2 and the folder that ls reads"


def test_not_dumpable(make):
    pool = make("pm=static", "max_children=1")
    wait_workers(pool, 1)
    for pid in (pool.pid, *pool.workers()):
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_numbers_are_reported(make):
    pool = make("max_children=2", "pm=static")
    for _ in range(3):
        pool.get("hello.php")
    assert pool.wait("numbers").split()[0] in ("1", "2")
    while pool.lines[-1][1].split()[2] != "3":
        pool.wait("numbers")


def test_full_log_does_not_block(make):
    pool = make("max_children=1")
    os.kill(pool.process.pid, signal.SIGSTOP)       # nobody reads the log now
    try:
        pool.write("noise.php", "<?php for ($i = 0; $i < 200; $i++)"
                   " error_log(str_repeat('x', 3000)); echo 'done';")
        assert pool.get("noise.php").text == "done"
    finally:
        os.kill(pool.process.pid, signal.SIGCONT)
    pool.wait_log("x" * 3000)
    pool.write("after.php", "<?php error_log('after');")
    pool.get("after.php")
    pool.wait_log("messages were dropped")
    pool.wait_log("after")


def test_settings_are_locked(make):
    pool = make("memory_limit=64M", "upload_max=8M", "max_execution_time=17",
                "opcache_memory=16M", "opcache_files=1000")
    pool.write("ini.php", "<?php echo json_encode(array_map(fn($k) => ini_get($k), ["
               "'memory_limit', 'upload_max_filesize', 'post_max_size', 'max_execution_time',"
               "'opcache.memory_consumption', 'opcache.max_accelerated_files', 'opcache.enable',"
               "'pcre.jit', 'allow_url_include', 'display_errors', 'expose_php', 'enable_dl',"
               "'upload_tmp_dir', 'sys_temp_dir', 'session.save_path', 'error_log',"
               "'date.timezone', 'user_ini.filename', 'apc.shm_size']));")
    home = str(pool.home)
    for _ in range(2):
        got = json.loads(pool.get("ini.php").text)
        assert got[:4] == ["64M", "8M", "9M", "17"]
        assert got[4:12] == ["16", "1000", "1", "0", "0", "0", "0", "0"]
        assert got[12:] == [f"{home}/tmp", f"{home}/tmp", f"{home}/sessions", "", "UTC", ".user.ini",
                           "8M"]
        pool.write("set.php", "<?php echo json_encode([@ini_set('memory_limit', '65M'),"
                   "@ini_set('memory_limit', '-1'), ini_get('memory_limit'),"
                   "@ini_set('memory_limit', '32M'), ini_get('memory_limit'),"
                   "@ini_set('memory_limit', '64M'),"
                   "@ini_set('opcache.enable', '0'), @ini_set('pcre.jit', '1'),"
                   "@ini_set('allow_url_include', '1'), @ini_set('upload_max_filesize', '1G'),"
                   "set_time_limit(5), @ini_set('display_errors', '1')]);")
        got = json.loads(pool.get("set.php").text)
        assert got == [False, False, "64M", "64M", "32M", "32M", False, False,
                       False, False, True, "0"]


def test_bad_spec_is_refused(tmp_path):
    """Root, or another user than the spec says, is no tenant."""
    import subprocess
    from tests.lib.pool import program
    read, write = os.pipe()
    done = subprocess.run([program()], stdin=subprocess.DEVNULL, capture_output=True,
                          pass_fds=(read, write), check=False, timeout=30)
    assert done.returncode == 1


def test_connections_in_the_queue_survive_a_replacement(make):
    pool = make("max_children=1")
    pool.signal(signal.SIGKILL)
    pool.wait("signal")
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(pool.get, "hello.php") for _ in range(4)]
        pool.restart()
        assert all(each.result().status == 200 for each in waiting)


def test_socket_is_not_inherited_by_scripts_connections(make):
    """The accepted connection is close-on-exec and closed after the request."""
    pool = make("max_children=1")
    with pool.connect() as c:
        c.send(fcgi_client.request(pool.params("hello.php")))
        c.answer()
        assert c.is_closed()
        assert c.socket.family == socket.AF_UNIX
