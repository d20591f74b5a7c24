"""What a client sees of the firmware; `test` starts both."""

import asyncio
import json
import random
import struct
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import harness
from harness import check, exchange, expect, expect_in, main
from websockets.exceptions import InvalidMessage, InvalidStatus

URL = sys.argv[1]
PORT = urlsplit(URL).port
harness.TIME_LIMIT = 60  # QEMU shares the processors with others; what is timed has its own limits

# As in the firmware, app/src/lib.rs; seconds.
PLACES = 4
HANDSHAKE_TIME = 10
SEND_TIME = 10
PING_INTERVAL = 15
PONG_TIME = 5
SLACK = 4

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
EMPTY_PING = b"\x89\x00"
EMPTY_PONG = b"\x8a\x80\0\0\0\0"


async def patiently(attempt):
    """Try until there is an answer: embassy-net has no queue for clients that come while no socket
    listens, and resets them."""
    deadline = time.monotonic() + SLACK
    while True:
        try:
            return await attempt()
        except (ConnectionError, EOFError, InvalidMessage):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def connect():
    return await patiently(lambda: harness.connect(URL))


async def answer(request):
    """Send bytes; return status, header fields and body."""

    async def attempt():
        try:
            return await exchange(PORT, request)
        except IndexError:  # no status line
            raise ConnectionError("no answer") from None

    return await patiently(attempt)


async def get(target):
    return await answer(f"GET {target} HTTP/1.1\r\nHost: board\r\n\r\n".encode())


async def counters():
    status, _, body = await get("/status")
    expect(status, 200, "status")
    return json.loads(body)


async def until_open(n):
    """Wait until exactly `n` places are taken."""
    deadline = time.monotonic() + SLACK
    while (is_open := (await counters())["open"]) != n:
        if time.monotonic() > deadline:
            raise AssertionError(f"{is_open} WebSockets are open, not {n}")
        await asyncio.sleep(0.1)


async def expect_echo(ws, message, what):
    await ws.send(message)
    expect(await ws.recv(), message, what)


def pattern(length):
    return random.Random(length).randbytes(length)


@asynccontextmanager
async def raw(request=UPGRADE):
    """A WebSocket whose frames are written by hand."""

    async def open_one():
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.write(request)
        return await reader.readuntil(b"\r\n\r\n"), reader, writer

    head, reader, writer = await patiently(open_one)
    try:
        expect_in(b"HTTP/1.1 101 ", head, "response")
        yield reader, writer
    finally:
        writer.close()


async def expect_status(request, status):
    expect((await answer(request))[0], status, f"answer to {request[:40]!r}")


@check
async def messages_of_every_length_encoding_are_echoed():
    async with await connect() as ws:
        # Around the ends of the encodings, and of the firmware's receive buffer.
        for length in (0, 1, 125, 126, 127, 1527, 1528, 1529, 1535, 1536, 1537, 65535, 65536):
            await expect_echo(ws, "x" * length, f"text of {length}")
            await expect_echo(ws, pattern(length), f"binary of {length}")


@check
async def a_mebibyte_is_echoed_through_one_and_a_half_kibibytes():
    message = pattern(2**20)
    async with await connect() as ws:
        before = time.monotonic()
        await expect_echo(ws, message, "binary")
        print(f"   1 MiB there and back in {time.monotonic() - before:.2f} s")


@check
async def text_in_fragments_is_echoed_whole():
    async with await connect() as ws:
        await ws.send(["frag", "", "mentiert ", "ß€😀" * 3000, ""])
        expect(await ws.recv(), "fragmentiert " + "ß€😀" * 3000, "text")


@check
async def a_character_split_between_fragments_is_echoed_whole():
    async with await connect() as ws:
        await ws.send((bytes([byte]) for byte in "a😀b".encode()), text=True)
        expect(await ws.recv(), "a😀b", "text")


@check
async def a_thousand_messages_come_back_in_order():
    async with await connect() as ws:
        messages = [pattern(random.randrange(300)) for _ in range(1000)]

        async def send():
            for message in messages:
                await ws.send(message)

        sending = asyncio.create_task(send())
        for message in messages:
            expect(await ws.recv(), message, "message")
        await sending


@check
async def a_ping_inside_a_message_is_answered():
    async with await connect() as ws:

        async def fragments():
            yield "before "
            await (await ws.ping(b"payload"))  # waits for the pong
            yield "after"

        await ws.send(fragments())
        expect(await ws.recv(), "before after", "text")
        expect(ws.pongs, [b"payload"], "pongs")


@check
async def a_close_is_answered_with_its_code_and_reason():
    async with await connect() as ws:
        await ws.close(4321, "enough")
        expect((ws.close_code, ws.close_reason), (4321, "enough"), "code and reason")
    await until_open(0)


@check
async def violations_are_answered_with_their_codes():
    for frame, code in (
        (b"\x81\x00", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # reserved opcode
        (b"\x81\x81\0\0\0\0\xff", 1007),  # not UTF-8
    ):
        async with raw() as (reader, writer):
            writer.write(frame)
            expect(await reader.read(), b"\x88\x02" + struct.pack("!H", code), f"after {frame!r}")


@check
async def four_clients_at_once_are_echoed_each_its_own():
    async def talk(n):
        async with await connect() as ws:
            for i in range(100):
                await expect_echo(ws, f"{n}:{i}:" + "x" * (17 * i), "text")

    await asyncio.gather(*(talk(n) for n in range(PLACES)))
    await until_open(0)


@check
async def a_fifth_websocket_is_refused_until_a_place_is_free():
    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(await connect()) for _ in range(PLACES)]
        before = await counters()
        expect(before["open"], PLACES, "open")
        try:
            async with await connect():
                raise AssertionError("a fifth client was let in")
        except InvalidStatus as error:
            expect(error.response.status_code, 503, "status")
            expect(error.response.headers.get("Retry-After"), "10", "Retry-After")
        expect((await counters())["refused"], before["refused"] + 1, "refused")
        for ws in many:
            await expect_echo(ws, "still here", "text")
        await many[0].close()
        await until_open(PLACES - 1)
        async with await connect() as ws:
            await expect_echo(ws, "let in", "text")
    await until_open(0)


@check
async def the_page_and_the_counters_are_served():
    before = await counters()
    status, headers, body = await get("/")
    expect((status, headers["content-type"]), (200, "text/html; charset=utf-8"), "page")
    expect(int(headers["content-length"]), len(body), "length of the page")
    expect_in(b"new WebSocket(", body, "page")
    async with await connect() as ws:
        await expect_echo(ws, "four", "text")
        after = await counters()
    for name, more in dict(opened=1, open=1, messages=1, bytes=4, pages=1, refused=0).items():
        expect(after[name] - before[name], more, name)
    expect(after["places"], PLACES, "places")


@check
async def other_requests_are_refused_with_their_status():
    before = await counters()
    await expect_status(b"GET /other HTTP/1.1\r\nHost: board\r\n\r\n", 404)
    await expect_status(b"POST / HTTP/1.1\r\nHost: board\r\n\r\n", 405)
    await expect_status(UPGRADE.replace(b": 13", b": 12"), 426)
    await expect_status(UPGRADE.replace(b"Key: dG", b"Key: d"), 400)
    await expect_status(b"no HTTP at all\r\n\r\n", 400)
    await expect_status(b"GET / HTTP/1.1\r\nX: " + b"x" * 2000 + b"\r\n\r\n", 431)
    expect(await counters(), before, "counters")


@check
async def the_websocket_is_for_the_page_of_the_board_and_no_other():
    def from_page(origin):
        return UPGRADE.replace(b"\r\n\r\n", b"\r\nOrigin: " + origin + b"\r\n\r\n")

    await expect_status(from_page(b"http://evil.example"), 403)
    await expect_status(from_page(b"null"), 403)
    async with raw(from_page(b"http://board")) as (reader, writer):
        writer.write(b"\x81\x82\0\0\0\0ok")
        expect(await reader.readexactly(2 + 2), b"\x81\x02ok", "echo")
    await until_open(0)


@check
async def clients_that_break_off_leave_no_place_taken():
    before = await counters()
    for n in range(300):
        if n % 3 == 0:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
            writer.write(UPGRADE[: n % len(UPGRADE)])
            writer.transport.abort()
            continue
        async with raw() as (_, writer):
            if n % 3 == 1:
                writer.write(b"\x82\xfe\x04\x00" + bytes(100))  # the start of a frame
            writer.transport.abort()
    await until_open(0)
    expect((await counters())["opened"] - before["opened"], 200, "opened")
    async with await connect() as ws:
        await expect_echo(ws, "as before", "text")


@check
async def what_takes_time_is_cut_off_in_time():
    """These share the wait, and take all places."""
    results = await asyncio.gather(*(timed() for timed in TIMED), return_exceptions=True)
    for timed, error in zip(TIMED, results):
        if error:
            print(f"FAILED {timed.__name__}\n    {harness.describe(error, timed)}")
        else:
            print("ok", timed.__name__)
    await until_open(0)


async def a_request_that_does_not_come_is_cut_off():
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    begun = time.monotonic()
    writer.write(UPGRADE[:50])
    expect(await reader.read(), b"", "what came")
    expect_seconds(begun, HANDSHAKE_TIME)
    writer.close()


async def a_silent_websocket_is_pinged_and_cut_off():
    async with raw() as (reader, _):
        begun = time.monotonic()
        expect(await reader.readexactly(2), EMPTY_PING, "after silence")
        expect_seconds(begun, PING_INTERVAL)
        begun = time.monotonic()
        try:
            expect(await reader.read(), b"", "after the ping")
        except ConnectionResetError:
            pass
        expect_seconds(begun, PONG_TIME)


async def a_websocket_that_answers_pings_stays():
    async with raw() as (reader, writer):
        expect(await reader.readexactly(2), EMPTY_PING, "after silence")
        writer.write(EMPTY_PONG)
        await asyncio.sleep(PONG_TIME + SLACK)
        writer.write(b"\x81\x82\0\0\0\0ok")
        expect(await reader.readexactly(2 + 2), b"\x81\x02ok", "after the time for a pong")


async def a_frame_goes_on_after_the_ping_that_cut_it():
    """The firmware drops a future that has received half of the frame."""
    async with raw() as (reader, writer):
        writer.write(b"\x81\x84\0\0\0\0he")
        expect(await reader.readexactly(2 + 2), b"\x01\x02he", "first half")
        expect(await reader.readexactly(2), EMPTY_PING, "after silence")
        writer.write(b"re")
        expect(await reader.readexactly(2 + 2), b"\x80\x02re", "second half")


async def a_websocket_that_does_not_read_is_cut_off():
    async with raw() as (reader, writer):
        reader._transport.pause_reading()
        begun = time.monotonic()
        try:
            while True:
                writer.write(b"\x82\xfe\xff\xff\0\0\0\0" + bytes(65535))
                await writer.drain()
        except ConnectionError:
            pass
        expect_seconds(begun, SEND_TIME)


@check
async def a_frame_that_comes_slowly_keeps_the_websocket():
    """No call of the firmware returns before the frame is whole, but bytes come."""
    async with raw() as (reader, writer):
        begun = time.monotonic()
        for byte in b"\x89\x81\0\0\0\0x":
            writer.write(bytes([byte]))
            await asyncio.sleep((PING_INTERVAL + PONG_TIME) / 6)
        expect(await reader.readexactly(3), b"\x8a\x01x", "the pong, and no ping before it")
        expect_seconds(begun, (PING_INTERVAL + PONG_TIME) * 7 / 6)


def expect_seconds(begun, limit):
    seconds = time.monotonic() - begun
    if not limit - 1 < seconds < limit + SLACK:
        raise AssertionError(f"it took {seconds:.1f} s, not {limit}")


TIMED = [
    a_request_that_does_not_come_is_cut_off,
    a_silent_websocket_is_pinged_and_cut_off,
    a_websocket_that_answers_pings_stays,
    a_frame_goes_on_after_the_ping_that_cut_it,
    a_websocket_that_does_not_read_is_cut_off,
]


main()
