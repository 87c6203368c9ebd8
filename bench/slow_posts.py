#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slow_posts.py PORT HOST COUNT: holds COUNT posts open and sends a byte of each now and then."""
import socket
import sys
import time

port, host, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
head = f"POST /hello.php HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n".encode()
held = []
while True:
    while len(held) < count:
        held.append(socket.create_connection(("127.0.0.1", port)))
        held[-1].sendall(head)
    for each in list(held):
        try:
            each.sendall(b"x")
        except OSError:
            held.remove(each)
    time.sleep(0.2)
