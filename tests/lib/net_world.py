# SPDX-License-Identifier: Apache-2.0
"""The world beyond a test's host, in a network namespace of its own; started by tests/lib/net.py.

    net_world.py LOG CERTIFICATE

Waits for a line on stdin, sets up the interface w1, answers on all its addresses, prints `ready`.
TCP ports tell the peer's address; 443 does so over TLS, 7 echoes, 9 connects where it is told;
UDP 53 is a name server for *.test; what comes to UDP 5000 is written to LOG."""
import selectors
import socket
import ssl
import subprocess
import sys
import threading

ADDRESSES = ("203.0.113.80/24", "203.0.113.81/24", "10.1.0.5/24", "172.20.0.5/32", "192.168.7.7/32",
             "169.254.169.254/32", "100.64.0.9/32", "168.63.129.16/32", "192.0.0.192/32")
PORTS = (25, 53, 80, 465, 587, 3306, 8080)
NAMES = socket.inet_aton("203.0.113.80")


def serve(port, handle):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(1024)

    def accept():
        while True:
            peer, address = listener.accept()
            threading.Thread(target=run, args=(peer, address), daemon=True).start()

    def run(peer, address):
        try:
            with peer:
                handle(peer, address)
        except OSError:
            pass
    threading.Thread(target=accept, daemon=True).start()


def tell(peer, address):
    """HTTP enough for PHP's streams; silent clients get it at once."""
    body = f"you are {address[0]}".encode()
    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    peer.shutdown(socket.SHUT_WR)
    peer.settimeout(10)
    while peer.recv(4096):
        pass


def tell_tls(peer, address):
    with context.wrap_socket(peer, server_side=True) as inner:
        inner.recv(4096)
        body = f"you are {address[0]}".encode()
        inner.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def echo(peer, _):
    while data := peer.recv(4096):
        peer.sendall(data)


def connect(peer, _):
    """One line `ADDRESS PORT`: what becomes of a connection there."""
    host, port = peer.makefile().readline().split()
    try:
        socket.create_connection((host, int(port)), 2).close()
        peer.sendall(b"ok")
    except OSError as error:
        peer.sendall(repr(error).encode())


def resolve(query):
    """An A record for every name that ends in .test."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_known = b"\4test\0" in question and question[-4:-2] == b"\0\1"
    head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_known else b"\0\0") + b"\0\0\0\0"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + NAMES if is_known else b""
    return head + question + answer


log_path, certificate = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
sys.stdin.readline()
for words in ("link set lo up", "link set w1 up", *(f"addr add {a} dev w1" for a in ADDRESSES),
              "route add default via 203.0.113.1"):
    subprocess.run(["ip", *words.split()], check=True)
for number in PORTS:
    serve(number, tell)
serve(443, tell_tls)
serve(7, echo)
serve(9, connect)
notes = socket.socket(type=socket.SOCK_DGRAM)
notes.bind(("0.0.0.0", 5000))
# One for each address: an answer must come from where it was asked.
names = [socket.socket(type=socket.SOCK_DGRAM) for _ in ADDRESSES]
with selectors.DefaultSelector() as selector, open(log_path, "a", encoding="utf-8") as log:
    for each, address in zip(names, ADDRESSES):
        each.bind((address.split("/")[0], 53))
        selector.register(each, selectors.EVENT_READ)
    selector.register(notes, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            data, source = key.fileobj.recvfrom(4096)
            if key.fileobj is not notes:
                key.fileobj.sendto(resolve(data), source)
            else:
                print(source[0], data.decode(errors="replace"), file=log, flush=True)
