"""WebSockets by hand, to send what no client may."""

import asyncio
from contextlib import asynccontextmanager

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(first, payload):
    """Return a frame of a client; the masking key is 0, so that the payload stays readable."""
    length = len(payload)
    if length < 126:
        return bytes([first, 0x80 | length, 0, 0, 0, 0]) + payload
    return bytes([first, 0xFE]) + length.to_bytes(2) + bytes(4) + payload


def close_frame(code):
    """Return the server's close frame."""
    return b"\x88\x02" + code.to_bytes(2)


def frames(received):
    """Return the first byte and the payload of each of the server's short frames."""
    found = []
    while received:
        length = received[1]
        found.append((received[0], received[2 : 2 + length]))
        received = received[2 + length :]
    return found


EMPTY_CLOSE = masked(0x88, b"")


@asynccontextmanager
async def open_raw(port, path="/"):
    """Connect, and get through the handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST.format(path=path).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise AssertionError(f"refused: {head}")
        yield reader, writer
    finally:
        writer.close()


async def read_to_end(reader):
    """Return what comes until TCP is closed or reset."""
    received = bytearray()
    try:
        while piece := await reader.read(65536):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)
