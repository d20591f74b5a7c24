"""Measure an echo server with one connection, roughly: speed.py ws://ADDR:PORT

Messages of 1 KiB: one after the other, and as many as TCP takes. A client in Python has its own share
in these figures, the same for every server that is compared.
"""

import socket
import sys
import threading
import time
from urllib.parse import urlsplit

SECONDS = 5
PIPELINED = 500_000
PAYLOAD_LEN = 1024
# Binary, masked by zeros.
FRAME = b"\x82\xfe" + PAYLOAD_LEN.to_bytes(2) + bytes(4) + b"x" * PAYLOAD_LEN
CLOSE = b"\x88\x80\0\0\0\0"
ECHO_LEN = 4 + PAYLOAD_LEN


def main(url):
    address = urlsplit(url)
    with connect(address) as ws:
        print(f"ping-pong: {ping_pong(ws):,.0f} messages/s")
    with connect(address) as ws:
        print(f"pipelined: {pipelined(ws):,.0f} messages/s")


def connect(address):
    ws = socket.create_connection((address.hostname, address.port))
    ws.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ws.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    response = ws.recv(4096)
    assert response.startswith(b"HTTP/1.1 101 ") and response.endswith(b"\r\n\r\n"), response
    return ws


def ping_pong(ws):
    started, n = time.monotonic(), 0
    while time.monotonic() - started < SECONDS:
        ws.sendall(FRAME)
        left = ECHO_LEN
        while left > 0:
            left -= len(ws.recv(left))
        n += 1
    return n / (time.monotonic() - started)


def pipelined(ws):
    """Send all and a close, and read until the server has ended TCP."""
    batch = FRAME * 100

    def send():
        for _ in range(PIPELINED // 100):
            ws.sendall(batch)
        ws.sendall(CLOSE)

    started = time.monotonic()
    threading.Thread(target=send).start()
    buffer, received = bytearray(2**18), 0
    while n := ws.recv_into(buffer):
        received += n
    # The server may cut a message into fragments; each has a header of its own.
    assert received >= PIPELINED * ECHO_LEN, received
    return PIPELINED / (time.monotonic() - started)


if __name__ == "__main__":
    main(sys.argv[1])
