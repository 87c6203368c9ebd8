# SPDX-License-Identifier: Apache-2.0
"""tenant-control alone: a supervisor that is played, and a client of the API.

    with Control() as c:
        c.post("/v1/tenants", site="a.example")
        c.fake.fail["apply"] = (NGINX, "nginx does not want it")
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time

from tests.lib import api, procs
from tests.lib.system import UnixConnection

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = struct.Struct("=IHHIIIiII")
MAGIC = 0x544e5457
VERSION = int(re.search(r"#define WIRE_VERSION (\d+)", (ROOT / "schema/wire.h").read_text())[1])
REPLY, STEP, MORE = 1, 2, 4
SITE, REASON = 254, 256
VALIDATED_MAX = 200_000         # bytes of a reply; thousands of rows would take long
ISSUED, BUILT, REMOVED = 1, 2, 3
GATE_S = 60
UNCOUNTED = 2                   # number of the tenant whose machine counts no violations


def table(path, macro):
    """The rows of a table in schema/, as lists of words."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / path).read_text(), flags=re.S)
    return [[word.strip().strip('"') for word in row.split(",")]
            for row in re.findall(rf"^{macro}\(([^)]*)\)", text, re.M)]


BOARD_SIZE = struct.calcsize("=qQQ8IQQ16QQQII") + 64 * struct.calcsize("=iI6Q16s32s256s256s")
def texts():
    """Bytes in struct options of each type that is a text (schema/options.h)."""
    header = (ROOT / "schema/options.h").read_text()
    sizes = dict(re.findall(r"^#define (OPTION_\w+_MAX) (\d+)", header, re.M))
    found = {kind: int(sizes[size]) for kind, size in re.findall(
        r"^#define OPTION_FIELD_(\w+)\(name\) char name\[(\w+)\]", header, re.M)}
    for kind, like in re.findall(r"^#define OPTION_FIELD_(\w+) OPTION_FIELD_(\w+)", header, re.M):
        found[kind] = found[like]
    return found


TEXTS = texts()
VERBS = {row[0].lower(): int(row[1]) for row in table("schema/verbs.def", "VERB")}
WORDS = {number: word for word, number in VERBS.items()}
ERRORS = {row[0]: int(row[2]) for row in table("schema/errors.def", "ERR")}


def settings_record(**values):
    """The record that tenant-build would write (schema/settings.h)."""
    fields, header = b"", (ROOT / "schema/settings.h").read_text()
    for field, _, kind, default, *_ in table("schema/settings.def", "SET"):
        value = values.get(field, default)
        if kind in ("PATH", "WORDS"):
            fields += str(value).encode().ljust(200, b"\0")
        elif kind == "BOOL":
            fields += struct.pack("=Q", value in (True, "yes"))
        else:
            fields += struct.pack("=Q", int(value) if str(value).isdigit() else 0)
    magic, version = (int(re.search(rf"#define SETTINGS_{name} (\w+?)u\b", header)[1], 0)
                      for name in ("MAGIC", "VERSION"))
    return struct.pack("=IIII", magic, version, 16 + len(fields), 0) + fields


class Wish:
    """struct wire_tenant: what a request says of a tenant."""

    def __init__(self, payload):
        def text(at, size):
            return payload[at:at + size].split(b"\0")[0].decode()
        self.site, self.reason = text(0, SITE), text(SITE, REASON)
        self.is_suspended, count = struct.unpack_from("=HI", payload[510:512] + payload[512:516])
        self.revision, self.restore, self.reason_class = struct.unpack_from("=QII", payload, 520)
        self.aliases = [text(536 + i * SITE, SITE) for i in range(count)]
        at, self.options = 536 + 64 * SITE, {}
        for name, kind, *_ in table("schema/options.def", "OPT"):
            if kind in TEXTS:
                self.options[name] = text(at, TEXTS[kind])
                at += TEXTS[kind]
            else:
                self.options[name] = struct.unpack_from("=Q", payload, at)[0]
                at += 8


class FakeSupervisor:
    """Keeps a ledger and specs in memory and does as it is told.

    fail: {verb: (code, text)} for every such request, or once[verb] for the next one only.
    A text of "drop" closes the connection after the work was done, "lost" before it.
    """

    def __init__(self, path):
        self.path = path
        self.ledger, self.specs, self.next = {}, {}, 1
        self.fail, self.once, self.log, self.delay = {}, {}, [], {}
        self.purges, self.listener, self.stop_now = 0, None, False
        self.on_apply = None
        self.meet = {}          # verb: called before it is answered
        self.wrong = {}         # tenant: names of the parts that a check finds wrong
        self.connections, self.lock = [], threading.Lock()

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self.listener.listen(8)
        self.stop_now = False
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        with self.lock:         # who has just come in goes, too
            self.stop_now = True
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.connections, self.listener = [], None
        os.unlink(self.path)

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if listener is not self.listener:
                    connection.close()
                    return
                self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        greeted = False
        with connection, contextlib.suppress(OSError):
            while frame := connection.recv(65536):
                magic, version, number, flags, serial, tenant, _, size, _ = HEAD.unpack_from(frame)
                verb, payload = WORDS[number], frame[HEAD.size:]
                assert (magic, version, flags, size) == (MAGIC, VERSION, 0, len(payload))
                assert (verb == "hello") != greeted, "hello comes first, and once"
                greeted = True
                wish = Wish(payload) if len(payload) > 1000 else None
                self.log.append((verb, tenant, wish))
                time.sleep(self.delay.get(verb, 0))
                self.meet.get(verb, lambda: None)()
                if self.answer(connection, verb, serial, tenant, payload, wish) == "drop":
                    return

    def answer(self, connection, verb, serial, tenant, payload, wish):
        def send(flags, payload=b"", number=tenant, code=0):
            connection.send(HEAD.pack(MAGIC, VERSION, VERBS[verb], flags, serial, number, code,
                                      len(payload), 0) + payload)
        with self.lock:
            code, text = self.once.pop(verb, None) or self.fail.get(verb, (0, ""))
            if text == "lost":
                return "drop"
            if not code:
                code, text, tenant = self.work(verb, tenant, wish, text)
        if text == "drop":
            return "drop"
        if verb in ("apply", "remove"):
            for name in ("names", "home", "vhost"):
                send(STEP, struct.pack("=32sIi256s", name.encode(), 1234, 0, b""))
        if verb == "check":
            for name in ("names", "home", "vhost"):
                wrong = ERRORS["FAILED"] if name in self.wrong.get(tenant, ()) else 0
                send(STEP, struct.pack("=32sIi256s", name.encode(), 1234, wrong,
                                       b"it differs" if wrong else b""))
        if code:
            send(REPLY, text.encode() + b"\0", code=code)
        elif verb in ("list", "ledger"):
            flags, payload = self.page(verb, struct.unpack_from("=I", payload)[0])
            send(REPLY | flags, payload)
        elif verb == "status":
            send(REPLY, self.status(tenant))
        elif verb == "board":
            send(REPLY, bytes(BOARD_SIZE))
        else:
            send(REPLY, number=tenant)
        return ""

    def work(self, verb, tenant, wish, text):
        row = self.ledger.get(tenant)
        if verb == "issue":
            held = [n for n, r in self.ledger.items()
                    if r["site"] == wish.site and r["state"] != REMOVED]
            tenant = held[0] if held else self.next
            self.next = max(self.next, tenant + 1)
            if not held:
                self.ledger[tenant] = {"site": wish.site, "state": ISSUED, "kept": False}
        elif verb in ("apply", "remove", "restore") and (not row or row["site"] != wish.site):
            return ERRORS["CONFLICT"], f"number {tenant} is not '{wish.site}'", tenant
        elif verb == "apply":
            if row["state"] == REMOVED:
                return ERRORS["CONFLICT"], f"number {tenant} is retired", tenant
            row["state"], self.specs[tenant] = BUILT, wish
            self.wrong.pop(tenant, None)
            if self.on_apply:
                self.on_apply()
        elif verb == "remove":
            row["kept"] = row["kept"] or row["state"] == BUILT or row.get("home", False)
            row["state"] = REMOVED
            self.specs.pop(tenant, None)
        elif verb == "restore":
            old = self.ledger.get(wish.restore)
            if not old or not old["kept"]:
                return ERRORS["UNKNOWN_SITE"], "no such home", tenant
            old["kept"], row["home"] = False, True
        elif verb == "purge":
            self.purges += 1
        elif verb in ("status", "board") and tenant not in self.specs:
            return ERRORS["UNKNOWN_SITE"], f"no tenant {tenant}", tenant
        return 0, text, tenant

    def page(self, verb, after):
        source, room = (self.specs, 512) if verb == "list" else (self.ledger, 128)
        numbers = sorted(n for n in source if n > after)
        rows = b""
        for n in numbers[:room]:
            if verb == "list":
                wish = self.specs[n]
                rows += struct.pack("=IIQHHI", n, 1, wish.revision, wish.is_suspended, 1, 0)
            else:
                row = self.ledger[n]
                rows += struct.pack("=IIqI254s2x", n, row["state"], 1700000000, row["kept"],
                                    row["site"].encode())
        # The struct ends on a multiple of its alignment.
        if verb == "ledger":
            rows = b"".join(rows[i:i + 276].ljust(280, b"\0") for i in range(0, len(rows), 276))
        return (MORE if len(numbers) > room else 0), rows

    @staticmethod
    def status(tenant):
        return struct.pack("=IIiIqQQQIii4xQQQQQQQQQQIIII4Q6Q256s256s256s256s", 3, 7, 4000 + tenant, 4, 1700000000,
                           9, 2, 1, 0, 5, -1, 1 << 20, 2**64 - 1, 1, 2, 3, 100, 0, 12345, 6, 7,
                           0, 3, 1, 0, 2 << 20, 4 << 20, 20, 2**64 - 1, 10, 11, 12, 13, 14,
                           *((2**64 - 1, b"") if tenant == UNCOUNTED else (3, b"ptrace=2 bpf=1")), b"", b"idle", b"")

    def verbs(self, *names):
        """The log of these verbs: [(verb, number), ...]."""
        return [(verb, number) for verb, number, _ in self.log if verb in names]

    def site(self, name):
        """(number, ledger row) of the living tenant of that name, or None."""
        found = [(n, r) for n, r in self.ledger.items()
                 if r["site"] == name and r["state"] != REMOVED]
        return found[0] if found else None


class Gate:
    """Holds the answers to a verb until it is opened; LETS so many through before."""

    def __init__(self, c, verb, lets=0, seconds=GATE_S):
        self.c, self.verb, self.seconds, self.is_open = c, verb, seconds, threading.Event()
        self.before, self.is_late = len(c.fake.verbs(verb)) + lets, False
        c.fake.meet[verb] = self.meet

    def held(self):
        return len(self.c.fake.verbs(self.verb)) - self.before

    def meet(self):
        if self.held() > 0 and not self.is_open.wait(self.seconds):
            self.is_late = True

    def wait(self, count):
        """Until so many wait there."""
        try:
            procs.wait_until(lambda: self.held() == count, GATE_S, f"{count} wait for {self.verb}")
        except AssertionError:
            self.open()         # nobody shall wait for a test that has failed
            raise

    def open(self):
        self.is_open.set()
        self.c.fake.meet.pop(self.verb, None)


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        self.root = json.loads(text)
        assert set(self.root) == {"metadata", "data"}
        meta = self.root["metadata"]
        assert set(meta) == {"command", "result", "reason", "version"}
        self.result, self.reason, self.data = meta["result"], meta["reason"], self.root["data"]
        self.command = meta["command"]
        if self.result == "failed":
            assert set(self.data) == {"code", "field", "sentence"} and status >= 400
            self.code, self.field = self.data["code"], self.data["field"]
        else:
            assert self.result in ("done", "unchanged") and status == 200
            self.code = self.field = None


def failed(answer, status, code, field=""):
    """The answer is this error, in the form that all errors have."""
    assert (answer.result, answer.status, answer.code, answer.field) == \
        ("failed", status, code, field), answer.text
    assert answer.reason == answer.data["sentence"]
    return answer


class Control:
    def __init__(self, fake=True, uid=None, env=None, state=None, **settings):
        self.build = pathlib.Path(os.environ.get("BUILD") or ROOT / "build/plain").resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="control.", dir="/tmp"))
        self.folder.chmod(0o755)
        self.run, self.state = self.folder / "run", pathlib.Path(state or self.folder / "state")
        self.socket, self.db = self.run / "control.sock", self.state / "control/tenantd.db"
        self.uid, self.env, self.log = uid, dict(os.environ, **(env or {})), self.folder / "log"
        self.child = None
        self.fake = FakeSupervisor(self.run / "supervisor.sock") if fake else None
        self.run.mkdir()
        (self.state / "control").mkdir(parents=True, exist_ok=True)
        if uid is not None:
            os.chown(self.run, uid, uid)
            os.chown(self.state / "control", uid, uid)
        # What a version of PHP is known by.
        (self.folder / "php/8.2").mkdir(parents=True)
        (self.folder / "php/8.2/tenant-pool").touch(0o755)
        self.write_settings(**settings)

    def write_settings(self, **settings):
        """As tenant-build does it, at the start and at a reload."""
        new = self.run / "settings.new"
        new.write_bytes(settings_record(**{
            "home_dir": "/srv/x", "state_dir": self.state, "run_dir": self.run, "log_dir": "/var/log/x",
            "libexec_dir": self.folder, "php": "8.2", "admin_gid": 0, **settings}))
        new.chmod(0o644)
        new.rename(self.run / "settings")

    def __enter__(self):
        if self.fake:
            self.fake.start()
        return self.start()

    def __exit__(self, *_):
        try:
            status = self.stop()
        finally:
            if self.fake and not self.fake.stop_now:
                self.fake.stop()
            shutil.rmtree(self.folder)
        assert status in (0, -9, None), f"tenant-control ended with {status}"

    def spawn(self, *words):
        def drop():
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)
        words = words or ("-r", str(self.run), *(() if self.uid else ("-R",)))
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(self.build / "tenant-control"), *words], stderr=log,
                                          env=self.env, preexec_fn=drop if self.uid else None)
        return self.child

    def start(self, ready=True):
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        self.spawn()
        if ready:
            procs.wait_until(self.is_up, 30, f"tenant-control is up: {self.log.read_text()}")
        return self

    def is_up(self):
        assert self.child.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.socket))
            return True

    def settled(self, seconds=60):
        """Waits until the reconciler has nothing to do."""
        procs.wait_until(lambda: self.get("/v1/status").data["is_reconciled"], seconds,
                         f"reconciled: {self.log.read_text()[-2000:]}")
        return self

    def stop(self, sig=15):
        if self.child is None or self.child.poll() is not None:
            return self.child and self.child.returncode
        self.child.send_signal(sig)
        return self.child.wait(60)

    def request(self, method, path, body=None, headers=None):
        connection = UnixConnection(self.socket)
        try:
            # A body that is refused unread may meet a closed end; the reply is there.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            reply = Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()
        if len(reply.text) < VALIDATED_MAX:
            api.check(method, path, reply.status, reply.root)
        return reply

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **body):
        return self.request("POST", path, json.dumps(body))

    def add(self, site, **body):
        return self.post("/v1/tenants", site=site, **body)

    def patch(self, site, **body):
        return self.request("PATCH", f"/v1/tenants/{site}", json.dumps(body))

    def delete(self, site):
        return self.request("DELETE", f"/v1/tenants/{site}")

    def show(self, site):
        return self.get(f"/v1/tenants/{site}")

    def sql(self, query, *values):
        with contextlib.closing(sqlite3.connect(self.db, timeout=10)) as db, db:
            return db.execute(query, values).fetchall()


def snapshot(c):
    """All that the database says of sites."""
    return [c.sql(f"SELECT * FROM {t}") for t in ("tenant", "tenant_alias", "tenant_option", "kept")]
