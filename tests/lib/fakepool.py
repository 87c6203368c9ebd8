# SPDX-License-Identifier: Apache-2.0
"""A FastCGI responder in a thread that shows what nginx sends to a pool."""
import json
import os
import socket
import struct
import threading

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7


def pairs(data):
    """FastCGI name-value pairs, in order."""
    def length(at):
        if data[at] < 128:
            return data[at], at + 1
        return struct.unpack_from(">I", data, at)[0] & 0x7fffffff, at + 4
    found, at = [], 0
    while at < len(data):
        name, at = length(at)
        value, at = length(at)
        found.append((data[at:at + name].decode(), data[at + name:at + name + value].decode()))
        at += name + value
    return found


class FakePool:
    """Answers each request with `answer(params, body)`: bytes, headers first; `stderr` goes with
    each, as what PHP logs does."""

    def __init__(self, path, answer=None, stderr=b""):
        self.stderr = stderr
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.answer = answer or self.show
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.listen(16)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @staticmethod
    def show(params, body):
        shown = dict(params, body=len(body))
        return b"Content-Type: application/json\r\n\r\n" + json.dumps(shown).encode()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(60)
                try:
                    self.one(connection)
                except OSError:
                    pass        # nginx went away

    def one(self, connection):
        stream = connection.makefile("rb")
        got = {PARAMS: b"", STDIN: b""}
        while True:
            head = stream.read(8)
            if len(head) < 8:
                return
            _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", head)
            data = stream.read(size)
            stream.read(padding)
            if kind in got:
                got[kind] += data
            if kind == STDIN and size == 0:
                break
        params = pairs(got[PARAMS])
        self.requests.append(params)
        out = self.answer(dict(params), got[STDIN])
        for at in range(0, len(self.stderr), 65000):
            part = self.stderr[at:at + 65000]
            connection.sendall(struct.pack(">BBHHBB", 1, STDERR, 1, len(part), 0, 0) + part)
        for at in range(0, len(out), 65000):
            part = out[at:at + 65000]
            connection.sendall(struct.pack(">BBHHBB", 1, STDOUT, 1, len(part), 0, 0) + part)
        connection.sendall(struct.pack(">BBHHBB", 1, STDOUT, 1, 0, 0, 0) +
                           struct.pack(">BBHHBBIBBBB", 1, END, 1, 8, 0, 0, 0, 0, 0, 0, 0))
