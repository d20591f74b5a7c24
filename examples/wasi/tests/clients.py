"""The client of Python's `websockets`, and sockets by hand, against the component that runs."""

import asyncio
import os
import time
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import harness
from harness import check, connect, connect_many, exchange, expect, main
from websockets.exceptions import InvalidStatus

URL = os.environ["WIRELET_URL"]
PORT = urlsplit(URL).port
PROCESS = Path("/proc", os.environ["WIRELET_PID"])
MAX_CONNECTIONS = 100
HANDSHAKE_TIME = 10  # seconds

# Around the ends of the three length encodings, and far beyond.
LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 2**20]

REQUEST = (
    "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {version}\r\n\r\n"
)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def request(method="GET", path="/", key=KEY, version=13):
    return REQUEST.format(method=method, path=path, key=key, version=version).encode()


async def expect_echo(ws, message, what):
    await ws.send(message)
    expect(await ws.recv(), message, what)


@check
async def text_of_every_length_encoding_is_echoed():
    async with connect(URL) as ws:
        for length in LENGTHS:
            await expect_echo(ws, "x" * length, f"text of {length}")


@check
async def binary_of_every_length_encoding_is_echoed():
    async with connect(URL) as ws:
        for length in LENGTHS:
            await expect_echo(ws, bytes(i % 251 for i in range(length)), f"binary of {length}")


@check
async def multi_byte_text_is_echoed():
    async with connect(URL) as ws:
        await expect_echo(ws, "ß€😀\0\u2028\U0010ffff" * 50_000, "text")


@check
async def fragmented_text_is_echoed_whole():
    async with connect(URL) as ws:
        await ws.send(["frag", "", "mentiert ", "€" * 30_000, ""])
        expect(await ws.recv(), "fragmentiert " + "€" * 30_000, "text")


@check
async def a_character_split_between_fragments_is_echoed_whole():
    async with connect(URL) as ws:
        await ws.send((bytes([byte]) for byte in "a😀b".encode()), text=True)
        expect(await ws.recv(), "a😀b", "text")


@check
async def a_ping_between_fragments_is_answered_at_once():
    async def fragments():
        yield "one "
        for payload in (b"in between", b"", bytes(range(125))):
            await (await ws.ping(payload))
        yield "message"

    async with connect(URL) as ws:
        await ws.send(fragments())
        expect(await ws.recv(), "one message", "text")
        expect(ws.pongs, [b"in between", b"", bytes(range(125))], "payloads of pongs")


@check
async def a_burst_of_1000_messages_comes_back_in_order():
    async with connect(URL) as ws:
        messages = [f"message {i}" for i in range(1000)]
        for message in messages:
            await ws.send(message)
        expect([await ws.recv() for _ in messages], messages, "messages")


@check
async def twenty_clients_are_served_at_once():
    async def talk(ws, i):
        for j in range(20):
            await expect_echo(ws, f"{j} of {i} " * 1000, f"message {j} of connection {i}")

    async with connect_many(URL, 20) as all_ws:
        await asyncio.gather(*(talk(ws, i) for i, ws in enumerate(all_ws)))


@check
async def codes_and_reasons_of_closes_come_back():
    for code, reason in [(1000, ""), (1001, "going"), (3000, "ü" * 61), (4999, "x" * 123)]:
        async with connect(URL) as ws:
            await ws.close(code, reason)
            expect((ws.close_code, ws.close_reason), (code, reason), "close")


@check
async def a_violation_is_answered_by_its_close_code_and_tcp_ends():
    for frame, code in [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # reserved opcode
        (b"\x81\x81\0\0\0\0\xff", 1007),  # no UTF-8
    ]:
        status, _, rest = await exchange(PORT, request() + frame)
        expect((status, rest), (101, b"\x88\x02" + code.to_bytes(2)), "status and frames")


@check
async def what_was_sent_before_a_half_close_comes_back():
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    with closing(writer):
        writer.write(request() + b"\x81\x82\0\0\0\0hi" * 1000)
        writer.write_eof()
        _, _, frames = (await reader.read()).partition(b"\r\n\r\n")
        expect(frames, b"\x81\x02hi" * 1000, "frames")


@check
async def bad_requests_are_refused_with_their_status():
    for status, head in [
        (405, request(method="POST")),
        (404, request(path="/elsewhere")),
        (426, request(version=8)),
        (400, request(key="too short")),
        (400, request().replace(b"Host: 127.0.0.1\r\n", b"")),
        (431, request().removesuffix(b"\r\n") + b"X: " + b"x" * 20_000 + b"\r\n\r\n"),
    ]:
        actual, headers, body = await exchange(PORT, head)
        expect((actual, headers.get("connection", "")[:5]), (status, "close"), "status, Connection")
        expect(int(headers["content-length"]), len(body), "Content-Length")
        if status == 426:
            expect(headers["sec-websocket-version"], "13", "Sec-WebSocket-Version")


@check
async def a_request_that_does_not_end_is_cut_at_the_deadline():
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    with closing(writer):
        writer.write(request()[:50])
        expect(await reader.read(), b"", "answer")
    expect(round(time.monotonic() - started), HANDSHAKE_TIME, "seconds")


@check
async def one_connection_too_many_is_refused_with_503():
    async with all_connections() as all_ws:
        expect(await status_for_one_more(), 503, "status")
        await expect_echo(all_ws[0], "hello", "message of an open connection")
    while await status_for_one_more() == 503:
        await asyncio.sleep(0.01)


@asynccontextmanager
async def all_connections():
    """Open as many connections as there may be."""
    await all_gone()
    async with connect_many(URL, MAX_CONNECTIONS) as all_ws:
        yield all_ws


async def all_gone():
    """Wait until the component has no socket but those it had at the start."""
    while n_sockets() > N_SOCKETS:
        await asyncio.sleep(0.01)


async def status_for_one_more():
    try:
        async with connect(URL) as ws:
            return ws.response.status_code
    except InvalidStatus as error:
        return error.response.status_code


@check
async def connections_that_break_anywhere_leave_no_socket_behind():
    talk = request() + b"\x81\x82\0\0\0\0hi" * 10
    for cut in range(len(talk)):
        _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.write(talk[:cut])
        await writer.drain()
        writer.transport.abort()
    async with asyncio.timeout(HANDSHAKE_TIME / 2):  # or the deadline would free them
        await all_gone()


@check
async def a_peer_that_does_not_read_is_not_read_and_loses_nothing():
    # Binary messages that are masked by zeros; 64 MiB in all.
    frame = b"\x82\xff" + (2**16).to_bytes(8) + bytes(4) + bytes(i % 251 for i in range(2**16))
    n_frames, n_sent = 1024, 0
    memory = resident_bytes()
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT, limit=2**16)

    async def send():
        nonlocal n_sent
        while n_sent < n_frames:
            writer.write(frame)
            await writer.drain()
            n_sent += 1

    with closing(writer):
        writer.write(request())
        await reader.readuntil(b"\r\n\r\n")
        sending = asyncio.create_task(send())
        before = -1
        while before < n_sent:  # until nothing more is taken
            before = n_sent
            await asyncio.sleep(0.5)
        if n_sent == n_frames:
            raise AssertionError("all was taken, and none read")
        grown = resident_bytes() - memory
        if grown > 2**20:
            raise AssertionError(f"the memory has grown by {grown} bytes")
        await expect_no_work(1, "while a client does not read")
        payload = bytearray()
        while len(payload) < n_frames * 2**16:
            payload += await read_data(reader)
        await sending
        expect(payload == frame[14:] * n_frames, True, "echo is what was sent")


async def read_data(reader):
    """Read a data frame, of whatever length; return its payload."""
    opcode, length = await reader.readexactly(2)
    if opcode & 0x0F > 2:
        raise AssertionError(f"no data frame: {opcode:#x}")
    if length > 125:
        length = int.from_bytes(await reader.readexactly({126: 2, 127: 8}[length]))
    return await reader.readexactly(length)


@check
async def a_hundred_idle_connections_cost_no_processor():
    async with all_connections():
        await expect_no_work(3, "with idle connections")


async def expect_no_work(seconds, what):
    """Let the component alone; fail if it takes more than 2 % of a processor."""
    before = processor_seconds()
    await asyncio.sleep(seconds)
    used = processor_seconds() - before
    if used > 0.02 * seconds:
        raise AssertionError(f"{used:.2f} s of {seconds} s are spent {what}")


def processor_seconds():
    """What the process has used, of the user's and of the system's time (proc(5))."""
    fields = (PROCESS / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def n_sockets():
    """How many sockets the process has (proc(5))."""
    n = 0
    for descriptor in (PROCESS / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            n += os.readlink(descriptor).startswith("socket:")
    return n


def resident_bytes():
    """What the process has in memory (proc(5))."""
    return int((PROCESS / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


N_SOCKETS = n_sockets()
harness.TIME_LIMIT = 30
main()
