"""A real client against the server on a board: `board.py PORT`."""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

import harness
from harness import check, connect, exchange, expect, expect_in, main
from raw import EMPTY_CLOSE, REQUEST, close_frame, frames, masked, open_raw, read_to_end
from websockets.exceptions import InvalidStatus

PORT = int(sys.argv[1])
URL = f"ws://127.0.0.1:{PORT}"
harness.TIME_LIMIT = 120  # seconds; a check waits for the keepalive

# As in `app::server`.
CLIENTS, SLOTS = 4, 6
HANDSHAKE_TIME, PING_INTERVAL, PONG_TIMEOUT = 5, 10, 5

# In seconds: a board does nothing before its time, but for rounding; how late it is depends on what
# else this machine does.
EARLY, LATE = 0.5, 30

# Around the ends of the three length encodings and of the rings, and far beyond.
LENGTHS = [0, 1, 125, 126, 127, 1536, 2048, 2049, 65535, 65536, 2**20]


def open_ws(path="/"):
    # No limit for what is received while a message is being sent: the echo comes back meanwhile.
    return connect(URL + path, max_queue=None)


async def open_many(stack, *paths):
    return [await stack.enter_async_context(open_ws(path)) for path in paths]


async def echo(ws, message, what):
    await ws.send(message)
    expect(await ws.recv(), message, what)


async def get(path, method="GET"):
    return await exchange(PORT, f"{method} {path} HTTP/1.1\r\nHost: board\r\n\r\n".encode())


async def status():
    return json.loads((await get("/status"))[2])


@check
async def the_page_is_served_and_opens_the_live_socket():
    code, headers, body = await get("/")
    expect(code, 200, "status")
    expect(headers["content-type"], "text/html; charset=utf-8", "type")
    expect(headers["connection"], "close", "connection")
    expect(int(headers["content-length"]), len(body), "length")
    expect(len(body) < 2048, True, "less than 2 KB")
    expect_in(b"new WebSocket(`ws://${location.host}/live`)", body, "page")


@check
async def head_has_no_body():
    head, get_ = await get("/", "HEAD"), await get("/")
    expect(head, (*get_[:2], b""), "HEAD")


@check
async def other_requests_are_refused():
    upgrade = REQUEST.replace("13", "{version}")
    for request, expected in [
        ("GET /nothing HTTP/1.1\r\nHost: board\r\n\r\n", 404),
        ("POST / HTTP/1.1\r\nHost: board\r\nContent-Length: 0\r\n\r\n", 405),
        ("GET / HTTP/1.1\nHost: board\n\n", 400),
        ("GET / HTTP/1.1\r\nX-Padding: " + "x" * 1024, 431),
        ("GET / HTTP/1.1\r\nX-Padding: " + "x" * 100_000, 431),
        (upgrade.format(path="/", version=8), 426),
        (upgrade.format(path="/", version="13\r\nOrigin: http://evil.example"), 403),
    ]:
        expect((await exchange(PORT, request.encode()))[0], expected, request)


@check
async def text_and_binary_of_every_length_are_echoed():
    async with open_ws() as ws:
        for length in LENGTHS:
            await echo(ws, "ß€😀x"[-1] * length, f"text of {length}")
            await echo(ws, bytes(i % 251 for i in range(length)), f"binary of {length}")
        await echo(ws, "ß€😀\0\u2028\U0010ffff" * 20_000, "text of characters of all lengths")


@check
async def fragments_are_echoed():
    async with open_ws() as ws:
        await ws.send(["frag", "", "mentiert ", "€" * 30_000, ""])
        expect(await ws.recv(), "fragmentiert " + "€" * 30_000, "text")
        await ws.send((bytes([byte]) for byte in "a😀b".encode()), text=True)
        expect(await ws.recv(), "a😀b", "character in pieces")
        await ws.send(bytes([i]) * i for i in range(256))
        expect(await ws.recv(), b"".join(bytes([i]) * i for i in range(256)), "binary")


@check
async def fragments_are_echoed_as_they_come():
    async with open_ws() as ws:

        async def fragments():
            for i, piece in enumerate(["one", "two"]):
                yield piece
                expect(await anext(pieces), piece, f"fragment {i}")

        pieces = aiter(ws.recv_streaming())
        await ws.send(fragments())
        expect(await anext(pieces), "", "the end")


@check
async def pings_are_answered_in_order_also_inside_a_message():
    async def fragments():
        yield "one "
        for payload in (b"in between", b"", bytes(range(125))):
            await (await ws.ping(payload))
        yield "message"

    async with open_ws() as ws:
        await ws.send(fragments())
        expect(await ws.recv(), "one message", "text")
        expect(ws.pongs, [b"in between", b"", bytes(range(125))], "payloads of pongs")


@check
async def frames_that_come_with_the_request_are_not_lost():
    request = REQUEST.format(path="/").encode() + masked(0x81, b"early") + EMPTY_CLOSE
    code, headers, rest = await exchange(PORT, request)
    expect(code, 101, "status")
    expect(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "accept")
    expect(frames(rest), [(0x81, b"early"), (0x88, b"")], "frames")


@check
async def a_session_that_comes_byte_by_byte_is_understood():
    session = masked(0x01, "€".encode()) + masked(0x89, b"?") + masked(0x80, b"!") + EMPTY_CLOSE
    async with open_raw(PORT) as (reader, writer):
        for byte in session:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)
        received = frames(await read_to_end(reader))
    # The text may come in as many fragments as it was read in.
    text = b"".join(payload for first, payload in received if first in (0x00, 0x01, 0x80))
    expect(text.decode(), "€!", "text")
    expect([first for first, _ in received][0], 0x01, "opcode of the first fragment")
    expect(received[-3:], [(0x8A, b"?"), (0x80, b"!"), (0x88, b"")], "the last frames")


@check
async def four_clients_are_served_at_once():
    async def talk(ws, i):
        for j in range(50):
            await echo(ws, f"{i} " * (i * 300 + j), f"message {j} of client {i}")

    async with AsyncExitStack() as stack:
        clients = await open_many(stack, *["/"] * CLIENTS)
        await asyncio.gather(*(talk(ws, i) for i, ws in enumerate(clients)))


@check
async def a_fifth_client_is_refused_until_one_leaves():
    async with AsyncExitStack() as stack:
        clients = await open_many(stack, *["/"] * CLIENTS)
        try:
            await open_ws()
            raise AssertionError("a fifth client was accepted")
        except InvalidStatus as refusal:
            response = refusal.response
            expect((response.status_code, response.body), (503, b"all places are taken\n"), "fifth")
        expect((await status())["free"], 0, "free")
        expect((await get("/"))[0], 200, "status of the page")
        await clients[0].close()
        clients += await open_many(stack, "/")
        for ws in clients[1:]:
            await echo(ws, "here", "echo")


@check
async def chat_reaches_one_or_all():
    async with AsyncExitStack() as stack:
        clients = await open_many(stack, "/chat", "/chat", "/chat", "/")
        *chatters, bystander = clients
        welcomes = [await ws.recv() for ws in chatters]
        for welcome in welcomes:
            expect_in("you are ", welcome, "welcome")
        ids = [welcome.removeprefix("you are ") for welcome in welcomes]
        expect(len(set(ids)), 3, "different ids")

        await chatters[0].send(f"to {ids[1]} hello")
        expect(await chatters[1].recv(), f"{ids[0]}: hello", "to one")
        await chatters[2].send("all good morning")
        for ws in chatters:
            expect(await ws.recv(), f"{ids[2]}: good morning", "to all")
        await chatters[0].close()
        await chatters[1].send(f"to {ids[0]} hello")
        expect(await chatters[1].recv(), "nobody has this id", "to one who has left")
        await echo(bystander, "I have heard nothing", "bystander")


@check
async def the_counters_come_every_second_and_count():
    async with AsyncExitStack() as stack:
        viewers = await open_many(stack, "/live", "/live")
        (talker,) = await open_many(stack, "/")
        first = await viewers[1].recv()
        while await viewers[0].recv() != first:
            pass  # what came before the other was there
        first = json.loads(first)
        begin = time.monotonic()
        await echo(talker, "x" * 1000, "echo")
        for _ in range(3):
            one, other = [await ws.recv() for ws in viewers]
            expect(one, other, "report to both")
            report = json.loads(one)
        elapsed = time.monotonic() - begin
        expect(2 < elapsed < 4, True, f"three reports in {elapsed:.1f} s")
        expect(report["uptime"] - first["uptime"] in (2, 3, 4), True, f"uptime {one}")
        expect(report["clients"], 3, "clients")
        expect(report["free"], 1, "free")
        expect(report["messages"] - first["messages"], 1, "messages")
        expect(report["bytes"] - first["bytes"], 1000, "bytes")


@check
async def closes_come_back():
    for code, reason in [(1000, ""), (1001, "going"), (3000, "ü" * 61), (4999, "x" * 123)]:
        async with open_ws() as ws:
            await ws.close(code, reason)
            expect((ws.close_code, ws.close_reason), (code, reason), "close")


@check
async def violations_are_answered_by_their_codes_and_the_end_of_tcp():
    for what, path, frame, code in [
        ("not masked", "/", b"\x81\x02hi", 1002),
        ("reserved opcode", "/", masked(0x83, b""), 1002),
        ("reserved bit", "/", masked(0xC1, b""), 1002),
        ("nothing to continue", "/", masked(0x80, b""), 1002),
        ("close code 1005", "/", masked(0x88, b"\x03\xed"), 1002),
        ("no UTF-8", "/", masked(0x81, b"\xc0\xaf"), 1007),
        ("no UTF-8, in a frame of 64 KiB", "/", b"\x81\xff\0\0\0\0\0\1\0\0\0\0\0\0\xff", 1007),
        ("binary to the chat", "/chat", masked(0x82, b"x"), 1003),
        ("too long for the chat", "/chat", masked(0x81, b"x" * 125 + b"yyyy"), 1009),
    ]:
        async with open_raw(PORT, path) as (reader, writer):
            writer.write(frame)
            received = await read_to_end(reader)
            if path == "/chat":
                received = received[2 + received[1] :]  # the welcome
            expect(received, close_frame(code), what)


@check
async def time_limits_hold():
    """At the same time, since each takes a while."""

    async def a_handshake_that_dribbles_is_cut():
        begin = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)

        async def dribble():
            for byte in REQUEST.format(path="/").encode():
                writer.write(bytes([byte]))
                await asyncio.sleep(0.3)  # the whole of it would take longer than what is late

        dribbling = asyncio.create_task(dribble())
        expect(await read_to_end(reader), b"", "response to half a request")
        dribbling.cancel()
        writer.close()
        expect_after(begin, HANDSHAKE_TIME, "cut")

    async def who_does_not_answer_a_ping_is_dropped():
        begin = time.monotonic()
        async with open_raw(PORT) as (reader, _):
            expect(await reader.readexactly(2), b"\x89\x00", "a ping")
            expect_after(begin, PING_INTERVAL, "pinged")
            expect(await read_to_end(reader), b"", "after the ping")
            expect_after(begin, PING_INTERVAL + PONG_TIMEOUT, "dropped")

    async def who_answers_pings_stays():
        async with open_ws() as ws:
            await asyncio.sleep(PING_INTERVAL + PONG_TIMEOUT + 5)
            await echo(ws, "still here", "echo")

    await asyncio.gather(
        a_handshake_that_dribbles_is_cut(),
        who_does_not_answer_a_ping_is_dropped(),
        who_answers_pings_stays(),
    )


def expect_after(begin, seconds, what):
    after = time.monotonic() - begin
    expect(seconds - EARLY < after < seconds + LATE, True, f"{what} after {after:.1f} s")


@check
async def in_the_end_all_slots_are_free():
    now = await status()
    expect((now["clients"], now["free"]), (0, CLIENTS), "clients")
    expect(now["listening"], SLOTS - 1, "listening, all but the one that was asked")


if __name__ == "__main__":
    main()
