# SPDX-License-Identifier: Apache-2.0
"""A small FastCGI client: whole requests, and records one by one for what no web server sends."""
import socket
import struct
import time

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, VALUES, UNKNOWN = range(1, 12)
RESPONDER, KEEP = 1, 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


def record(kind, body=b"", request=1, padding=0, version=1):
    """One record."""
    return (struct.pack("!BBHHBB", version, kind, request, len(body), padding, 0) + body +
            b"\0" * padding)


def begin(request=1, role=RESPONDER, flags=0, padding=0):
    return record(BEGIN, struct.pack("!HB5x", role, flags), request, padding)


def length(number):
    return bytes([number]) if number < 128 else struct.pack("!I", number | 0x80000000)


def pairs(params):
    """Name-value pairs, of a dict or a list of tuples; text or bytes."""
    out = b""
    for name, value in params.items() if isinstance(params, dict) else params:
        name, value = (x.encode() if isinstance(x, str) else x for x in (name, value))
        out += length(len(name)) + length(len(value)) + name + value
    return out


def stream(kind, data, request=1, size=65535):
    """A stream cut into records, with its end."""
    out = b"".join(record(kind, data[at:at + size], request)
                   for at in range(0, len(data), size))
    return out + record(kind, b"", request)


def request(params, body=b"", number=1, flags=0):
    """All records of one request."""
    return (begin(number, flags=flags) + stream(PARAMS, pairs(params), number) +
            stream(STDIN, body, number))


class Answer:
    """What came back for one request."""

    def __init__(self):
        self.out, self.err, self.end, self.records = b"", b"", None, []

    @property
    def head(self):
        return self.out.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self):
        return self.out.partition(b"\r\n\r\n")[2]

    @property
    def text(self):
        return self.body.decode()

    @property
    def headers(self):
        """Names in lower case; the last of equal ones."""
        return {name.lower(): value.strip() for name, _, value in
                (line.partition(":") for line in self.head.split("\r\n"))}

    @property
    def status(self):
        return int(self.headers.get("status", "200").split()[0])


class Connection:
    """A connection to a pool."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, size):
        while len(self.buffer) < size:
            data = self.socket.recv(262144)
            if not data:
                raise EOFError(f"{len(self.buffer)} of {size} bytes")
            self.buffer += data
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out

    def record(self):
        """(type, request id, body); EOFError at the end of the connection."""
        _, kind, number, size, padding, _ = struct.unpack("!BBHHBB", self.exactly(8))
        return kind, number, self.exactly(size + padding)[:size]

    def answer(self, number=1):
        """Reads up to the end of the request."""
        out = Answer()
        parts = []
        while out.end is None:
            kind, which, body = self.record()
            out.records.append((kind, which))
            if which != number:
                continue
            if kind == STDOUT:
                parts.append(body)
            elif kind == STDERR:
                out.err += body
            elif kind == END:
                out.end = struct.unpack("!IB3x", body)
        out.out = b"".join(parts)
        return out

    def is_closed(self, seconds=9):
        """True if the other end closes without sending anything more; a kept one it closes after
        ten seconds."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def fetch(path, params, body=b"", timeout=20):
    """One request on a connection of its own."""
    whole = request(params, body)   # first: a pool does not wait long for a request
    with Connection(path, timeout) as c:
        c.send(whole)
        return c.answer()


def wait_fetch(path, params, seconds=20):
    """fetch(), again until the pool answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            return fetch(path, params)
        except (EOFError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
