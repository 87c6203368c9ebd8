# SPDX-License-Identifier: Apache-2.0
"""tenant-control: limits, bad input, start, end and database, over a played supervisor."""
import http.client
import json
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from tests.lib import procs
from tests.lib.control import BUILT, Control, Gate, UNCOUNTED, failed, UnixConnection

NOBODY = 65534
QUEUE = 32       # CHANGER_QUEUE


@pytest.fixture
def c():
    with Control() as control:
        yield control


# ---- reads beside changes, queue, limits ---------------------------------------------

def test_reads_go_on_during_a_change(c):
    c.add("x.example")
    gate, answers = Gate(c, "apply"), []
    t = threading.Thread(target=lambda: answers.append(c.patch("x.example", plan="small")))
    t.start()
    gate.wait(1)
    for _ in range(6):
        assert c.show("x.example").status == 200 and c.get("/v1/tenants").status == 200
        assert c.get("/v1/tenants/x.example/status").status == 200
    assert not answers and not gate.is_late, "they were answered while the change went on"
    gate.open()
    t.join()
    assert answers[0].result == "done"


@pytest.mark.slow
def test_a_supervisor_that_hangs_is_told_of(c):
    """A change may take minutes, but not behind one who greets nobody."""
    c.add("x.example")
    c.fake.delay["apply"] = 25          # it works: others are greeted meanwhile
    assert c.patch("x.example", plan="small").result == "done"
    c.fake.delay.clear()
    gates = [Gate(c, verb, seconds=90) for verb in ("apply", "hello")]
    began = time.monotonic()
    failed(c.patch("x.example", plan="default"), 503, "no_daemon")
    assert time.monotonic() - began < 60
    for gate in gates:          # the reconciler may be waiting there by now
        gate.open()
    procs.wait_until(lambda: c.get("/v1/status").data["is_reconciled"], 60, "it is caught up with")
    assert c.fake.specs[c.show("x.example").data["number"]].revision == 3
    assert gates[0].held() > 1, "asked again"


def fill_queue(c, count):
    """COUNT changes of one site, which come one after the other: the first runs, held by a gate, and the
    queue is full.  (gate, answers, threads)"""
    gate, answers, threads = Gate(c, "apply"), [], []
    for i in range(count):
        threads.append(threading.Thread(target=lambda i=i: answers.append(
            c.patch("x.example", options={f"env.V{i}": "1"}))))
        threads[-1].start()
        if i == 0:
            gate.wait(1)
    procs.wait_until(lambda: c.get("/v1/status").data["changes_waiting"] == QUEUE, 30, "the queue is full")
    return gate, answers, threads


def test_queue_is_bounded(c):
    c.add("x.example")
    gate, answers, threads = fill_queue(c, QUEUE + 8)
    procs.wait_until(lambda: len(answers) == 7, 30, "seven are refused")
    assert {a.code for a in answers} == {"busy"}
    gate.open()
    for t in threads:
        t.join()
    assert [a.result for a in answers[7:]] == ["done"] * (QUEUE + 1)
    assert len(c.show("x.example").data["overrides"]) == QUEUE + 1


def test_caller_that_leaves_during_a_change(c):
    c.fake.delay["apply"] = 0.5
    for i in range(3):
        connection = UnixConnection(c.socket)
        connection.request("POST", "/v1/tenants", json.dumps({"site": f"t{i}.example"}))
        procs.wait_until(lambda n=i + 1: len(c.fake.verbs("apply")) == n, 30, "the change runs")
        connection.close()
    procs.wait_until(lambda: [r["state"] for r in c.get("/v1/tenants").data["tenants"]] ==
                     ["live"] * 3, 30, "carried out all the same")


def test_bodies(c):
    def post(body, **headers):
        return c.request("POST", "/v1/tenants", body, headers)
    failed(post("x" * 65537), 413, "too_large")
    failed(post("{}" + " " * 65534), 400, "bad_json", "site")
    failed(post("{"), 400, "bad_json")
    failed(post(""), 400, "bad_json")
    failed(post("[" * 5000), 400, "bad_json")
    failed(post(b"\xff\xfe{}"), 400, "bad_json")
    failed(post('{"site":"x.example","site":"y.example"}'), 400, "bad_json", "site")
    failed(post('{"site":"x.example","uid":0}'), 400, "bad_json", "uid")
    failed(post('{"site":"x.example","options":{"home":"/"}}'), 422, "bad_option", "options.home")
    failed(post('{"site":"x.example","options":{"memory_max":"1"}}'), 422, "bad_option",
           "options.memory_max")
    failed(c.request("POST", "/v1/tenants", iter([b"{}"]), {"Transfer-Encoding": "chunked"}), 400,
           "usage")
    failed(c.request("GET", "/v1/tenants", "{}"), 400, "usage")
    failed(c.get("/v1/tenants?all=1"), 400, "usage", "all")
    assert c.sql("SELECT * FROM tenant") == [] and not c.fake.verbs("issue", "apply")


def test_too_large_is_said_before_the_body_is_read(c):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(c.socket))
        s.sendall(b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n{")
        assert s.recv(4096).startswith(b"HTTP/1.1 413")
    grown = int(procs.field(c.child.pid, "VmRSS")[0])
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(c.socket))
            s.sendall(b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n")
    assert int(procs.field(c.child.pid, "VmRSS")[0]) - grown < 8192


def test_headers_are_bounded(c):
    answer = None
    connection = http.client.HTTPConnection("x")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(str(c.socket))
    try:
        connection.request("GET", "/v1/tenants", headers={"X-Long": "a" * 60000})
        answer = connection.getresponse().status
    except OSError:
        answer = 431            # closed while we wrote
    assert answer in (413, 431)
    assert c.get("/v1/tenants").status == 200


@pytest.mark.parametrize("method, path, status, code, field", [
    ("GET", "/", 404, "no_route", ""),
    ("GET", "/v1/tenants/", 404, "no_route", ""),
    ("GET", "/v1/tenants/../../etc/passwd", 404, "no_route", ""),
    ("GET", "/v1/tenants/..%2F..%2Fetc%2Fpasswd", 422, "bad_name", "site"),
    ("GET", "/v1/tenants/%00", 422, "bad_name", "site"),
    ("GET", "/v1/tenants/%ff%fe.example", 422, "bad_name", "site"),
    ("GET", "/v1/tenants/*.example", 422, "bad_name", "site"),
    ("DELETE", "/v1/tenants/" + "a" * 300, 422, "bad_name", "site"),
    ("GET", "/v1/tenants/nobody.example", 404, "unknown_site", "site"),
    ("GET", "/v1/tenants/nobody.example/status", 404, "unknown_site", "site"),
    ("PUT", "/v1/tenants", 405, "bad_method", ""),
    ("POST", "/v1/status", 405, "bad_method", ""),
])
def test_paths(c, method, path, status, code, field):
    answer = failed(c.request(method, path), status, code, field)
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("site", ["", "../x", "x", "a..b", "-a.example", "a b.example", "*.example",
                                  "127.0.0.1", "a" * 64 + ".example", "a." * 130 + "example",
                                  "x.example.", "a\n.example", "ü"])
def test_bad_names_make_nothing(c, site):
    failed(c.add(site), 422, "bad_name", "site")
    failed(c.add("good.example", aliases=[site]), 422, "bad_name", "aliases.0")
    assert c.sql("SELECT * FROM tenant") == [] and not c.fake.verbs("issue")


def test_conflicts(c):
    c.add("x.example", aliases=["a.example"])
    failed(c.add("a.example"), 409, "conflict", "site")
    failed(c.add("y.example", aliases=["x.example"]), 409, "conflict", "aliases")
    failed(c.add("y.example", aliases=["a.example"]), 409, "conflict", "aliases")
    failed(c.add("y.example", aliases=["y.example"]), 409, "conflict", "aliases")
    failed(c.add("y.example", aliases=["z.example", "Z.example"]), 409, "conflict", "aliases.1")
    assert [r[0] for r in c.sql("SELECT site FROM tenant")] == ["x.example"]
    assert len(c.fake.verbs("issue")) == 1


def test_policy_before_a_number_is_spent(c):
    failed(c.add("x.example", options={"programs": "allow"}), 403, "policy", "options")
    failed(c.add("x.example", options={"document_root": "private/x"}), 422, "bad_option", "options")
    assert not c.fake.verbs("issue")
    with Control(allow_programs="yes") as free:
        assert free.add("x.example", options={"programs": "allow"}).data["options"]["programs"] == \
            "allow"


def test_plans(c):
    plans = {p["name"]: p for p in c.get("/v1/plans").data["plans"]}
    assert set(plans) == {"default", "small"}
    assert plans["default"]["overrides"] == []
    assert plans["small"]["overrides"] == ["memory_max", "max_children"]
    assert plans["small"]["options"]["memory_max"] == "256M"
    assert (plans["small"]["parent"], plans["default"]["parent"]) == ("default", None)


def test_status_of_a_site(c):
    c.add("x.example")
    d = c.get("/v1/tenants/x.example/status").data
    assert (d["pool_state"], d["generation"], d["master_pid"], d["workers"], d["active"]) == \
        ("warm", 7, 4001, 5, None)
    assert (d["memory_current"], d["memory_max"], d["memory_oom_kill"], d["pids_max"]) == \
        (1 << 20, None, 1, 100)
    assert (d["cpu_usage_us"], d["cpu_nr_throttled"], d["cpu_throttled_us"]) == (12345, 6, 7)
    assert (d["last_end"], d["last_error"], d["listener_replaced"], d["listen_queue"]) == \
        ("idle", "", 1, 3)
    assert (d["violations"], d["violation_calls"], d["violations_reason"]) == (3, "ptrace=2 bpf=1", "")
    assert (d["starts"], d["crashes"], d["backoff_s"], d["processes"]) == (9, 2, 0, 4)


def test_status_says_that_violations_are_not_counted(c):
    for number in range(1, UNCOUNTED + 1):
        c.add(f"n{number}.example")
    d = c.get(f"/v1/tenants/n{UNCOUNTED}.example/status").data
    assert (d["violations"], d["violation_calls"]) == (None, "")
    assert d["violations_reason"].startswith("not counted on this machine")


def test_audit(c):
    c.add("x.example")
    c.add("x.example")
    c.add("y.example", plan="none")
    c.delete("x.example")
    rows = c.sql("SELECT uid, verb, site, result, detail FROM audit ORDER BY id")
    assert [r[:4] for r in rows] == [
        (0, "add", "x.example", "done"), (0, "add", "x.example", "unchanged"),
        (0, "add", "y.example", "unknown_plan"), (0, "remove", "x.example", "done")]
    assert "'none'" in rows[2][4]
    lines = [line for line in c.log.read_text().splitlines() if "event=api.change" in line]
    assert len(lines) == 4 and "uid=0 result=done" in lines[0]


def test_the_audit_is_bounded_and_refusals_hide_no_change():
    with Control(audit_rows=100) as c:
        c.add("x.example")
        for _ in range(200):
            c.add("y.example", plan="none")
        rows = c.sql("SELECT verb, site, result FROM audit ORDER BY id")
        # The first half has room left; the trim comes every 64 changes.
        assert 50 < len(rows) <= 1 + 50 + 64
        assert rows[0] == ("add", "x.example", "done")
        assert rows[-1] == ("add", "y.example", "unknown_plan")
        for n in range(200):
            assert c.patch("x.example", options={"max_children": 6 + n % 2}).result == "done"
        rows = c.sql("SELECT result FROM audit")
        assert 50 <= sum(r == ("done",) for r in rows) <= 50 + 64
        assert sum(r == ("unknown_plan",) for r in rows) == 50


def test_no_secret_stands_in_audit_or_log(c):
    """Whatever is wrong with a request: values of variables and of PHP's settings are not noted."""
    secret = "s3cr3t-w0rd"
    assert c.add("x.example", options={"env.PASSWORD": secret}).result == "done"
    assert c.show("x.example").data["options"]["env.PASSWORD"] == secret      # it has arrived
    for name in ("env", "php_value", "php_admin_value"):
        for key, value in ((f"{name}.a.b", secret), (f"{name}.x", secret + "\u00fc"), (f"{name}.x", secret * 200),
                           (f"{name}.extension", secret), (f"{name}.=", secret), (name, secret),
                           (f"{name}.memory_limit", secret + "'")):
            c.patch("x.example", options={key: value})
            c.add("y.example", plan="none", options={key: value})
    rows = c.sql("SELECT verb, result, detail FROM audit")
    assert {row[1] for row in rows} >= {"done", "unknown_plan"}
    assert not [row for row in rows if secret in str(row)]
    assert secret not in c.log.read_text()


def cpu_seconds(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_ten_thousand_rows(c):
    c.settled()
    c.stop()
    with sqlite3.connect(c.db) as db:
        db.executemany("INSERT INTO tenant VALUES (?, ?, 'default', 2, 0, 0, '', '', 1, 0, 1, 1, 0, 0)",
                       [(n, f"site-{n}.example") for n in range(1, 10001)])
    db.close()

    class Spec:
        revision, is_suspended = 1, False

    for n in range(1, 10001):
        c.fake.specs[n] = Spec
        c.fake.ledger[n] = {"site": f"site-{n}.example", "state": BUILT, "kept": False}
    c.start().settled(60)
    assert not c.fake.verbs("apply")
    c.fake.log.clear()
    c.get("/v1/tenants")
    start = cpu_seconds(c.child.pid)
    connection = UnixConnection(c.socket)
    connection.request("GET", "/v1/tenants")
    text = connection.getresponse().read()
    spent = cpu_seconds(c.child.pid) - start
    connection.close()
    rows = json.loads(text)["data"]["tenants"]
    assert len(rows) == 10000 and {r["pool_state"] for r in rows} == {"cold"}
    # CPU time of tenant-control: the wall clock tells who else uses the machine
    assert spent < (0.5 if "san" not in str(c.build) else 5), f"{spent:.2f} s"
    # The command, too, takes all of them; so does completion.
    for kind, lines in (("table", 10001), ("csv", 10001), ("plain", 10000), ("json", 1)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([c.build / "tenantctl", "--socket", c.socket, "list", "--format", kind],
                              text=True, capture_output=True, timeout=120, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", lines), kind
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert spent < (0.5 if "san" not in str(c.build) else 5), f"{kind}: {spent:.2f} s"
    done = subprocess.run([c.build / "tenantctl", "--complete", "--socket", c.socket, "show", "site-99"],
                          text=True, capture_output=True, timeout=120, check=True)
    assert done.stdout.count("\n") == 111


# ---- start and end -------------------------------------------------------------------

def test_purge_at_start(c):
    procs.wait_until(lambda: c.fake.purges == 1, 30, "purge")


def test_removed_whose_home_is_gone_are_forgotten(c):
    c.add("x.example")
    c.delete("x.example")
    c.settled()
    assert c.get("/v1/removed").data["removed"]
    c.fake.ledger[1]["kept"] = False
    c.stop()
    c.start().settled()
    assert c.get("/v1/removed").data["removed"] == []


def test_unprivileged_with_an_inherited_socket():
    c = Control(uid=NOBODY)
    try:
        c.fake.start()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(c.socket))
        listener.listen(8)
        os.chmod(c.socket, 0o666)

        # The shell knows its own pid, which exec keeps.
        with open(c.log, "ab") as log:
            c.child = subprocess.Popen(
                ["/bin/sh", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec {c.build}/tenant-control '
                 f'-r {c.run}'], stderr=log, close_fds=False, user=NOBODY, group=NOBODY,
                extra_groups=[], preexec_fn=lambda: os.dup2(listener.fileno(), 3))
        listener.close()
        procs.wait_until(lambda: "daemon.start" in c.log.read_text(), 30, c.log.read_text())
        assert c.add("x.example").result == "done"
        assert c.sql("SELECT uid FROM audit") == [(0,)]      # ours, not the server's
        pid = c.child.pid
        assert procs.field(pid, "Uid") == [str(NOBODY)] * 4
        assert procs.field(pid, "NoNewPrivs") == ["1"]
        assert procs.field(pid, "CapEff") == ["0" * 16]
        assert (os.stat(c.db).st_mode & 0o777, os.stat(c.db).st_uid) == (0o600, NOBODY)
    finally:
        c.__exit__()


def test_refuses_to_be_root():
    c = Control(fake=False)
    try:
        assert c.spawn("-r", str(c.run)).wait(20) == 1
        assert "does not run as root" in c.log.read_text()
        assert not c.db.exists()
        assert c.spawn("-x").wait(20) == 2
        c.child = None
    finally:
        c.__exit__()


def test_stops_while_changes_wait(c):
    c.add("x.example")
    c.settled()
    gate, answers, threads = fill_queue(c, QUEUE + 1)
    asked = UnixConnection(c.socket)

    def refusal():
        asked.request("PATCH", "/v1/tenants/x.example", "{}")
        return json.loads(asked.getresponse().read())["data"]["sentence"]
    assert "wait already" in refusal()
    c.child.terminate()
    # On a connection that it has, as it takes no new ones by then.
    procs.wait_until(lambda: "is ending" in refusal(), 30, "it begins no more changes")
    gate.open()
    assert c.stop() == 0
    asked.close()
    for t in threads:
        t.join()
    assert sorted(a.code or a.result for a in answers) == ["busy"] * QUEUE + ["done"]
    c.start().settled()
    assert len(c.show("x.example").data["overrides"]) == 1


# ---- database ------------------------------------------------------------------------

def start_fails(c):
    assert c.spawn().wait(20) == 1
    return c.log.read_text()


def test_newer_schema_is_refused(c):
    c.stop()
    (own,), = c.sql("PRAGMA user_version")
    c.sql("PRAGMA user_version = 99")
    text = start_fails(c)
    assert "has schema 99" in text and "before-" in text
    c.sql(f"PRAGMA user_version = {own}")
    c.start()


def test_damaged_database_is_refused(c):
    c.stop()
    good = c.db.read_bytes()
    c.db.write_bytes(b"not a database at all" * 100)
    assert "not a database" in start_fails(c)
    c.db.write_bytes(good)
    c.start()


def test_settings_missing():
    c = Control(fake=False)
    try:
        (c.run / "settings").unlink()
        assert "settings" in start_fails(c)
    finally:
        c.child = None
        c.__exit__()
