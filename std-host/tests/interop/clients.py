"""The client of Python's `websockets` against `wirelet serve`."""

import asyncio
import itertools
import signal

from harness import check, connect, connect_many, exchange, expect, expect_in, main, serve, start
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

# Around the ends of the three length encodings, and far beyond.
LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 2**20]

REQUEST = (
    "{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n\r\n"
)
EMPTY_CLOSE = b"\x88\x80\0\0\0\0"


async def close_seen_by(ws):
    """Return the code and reason of the server's close; fail on a message before it."""
    try:
        message = await ws.recv()
    except ConnectionClosed:
        return ws.close_code, ws.close_reason
    raise AssertionError(f"a message came: {message!r:.100}")


async def expect_echo(ws, message, what):
    await ws.send(message)
    expect(await ws.recv(), message, what)


@check
async def offered_compression_is_declined_silently():
    async with serve() as server, connect(server.url) as ws:
        offered = ws.request.headers.get("Sec-WebSocket-Extensions", "")
        expect_in("permessage-deflate", offered, "offer")
        expect(ws.response.headers.get("Sec-WebSocket-Extensions"), None, "answer")
        expect(ws.protocol.extensions, [], "extensions")
        await expect_echo(ws, "plain " * 1000, "message that deflate would shrink")


@check
async def compressed_messages_come_back_with_every_setting_of_either_end():
    json = "".join(f'{{"sensor":{i},"place":"Grüße, 世界"}}' for i in range(300))
    messages = ["", "short", json, json, bytes(70_000), json.encode()[:200], json]
    settings = list(itertools.product([None, 9, 12, 15], [None, True, 9, 15], [False, True], [False, True]))
    for ours in ("alone", "9", "15"):
        async with serve("echo", f"--deflate={ours}") as server:
            for server_bits, client_bits, server_alone, client_alone in settings:
                offer = ClientPerMessageDeflateFactory(server_alone, client_alone, server_bits, client_bits)
                async with connect(server.url, extensions=[offer], compression=None) as ws:
                    expect(len(ws.protocol.extensions), 1, "extensions")
                    for message in messages:
                        await expect_echo(ws, message, f"{offer} with {ours}")
                    await ws.send(["frag", "ments " * 300, "end"])
                    expect(await ws.recv(), "frag" + "ments " * 300 + "end", "fragments")


@check
async def a_chat_of_compressed_and_plain_connections_reaches_all_of_them():
    long = "all of this is the same, " * 100
    for ours in ("alone", "10"):
        async with serve("chat", f"--deflate={ours}", "--history", "4") as server:
            async with connect(server.url) as one, connect(server.url, compression=None) as other:
                expect((len(one.protocol.extensions), len(other.protocol.extensions)), (1, 0), "extensions")
                for i in range(20):
                    sender = (one, other)[i % 2]
                    await sender.send(f"{i}: {long}")
                    for ws in (one, other):
                        expect(await ws.recv(), f"{i}: {long}", "message")


@check
async def text_of_every_length_encoding_is_echoed():
    async with serve() as server, connect(server.url) as ws:
        for length in LENGTHS:
            await expect_echo(ws, "x" * length, f"text of {length}")


@check
async def binary_of_every_length_encoding_is_echoed():
    async with serve() as server, connect(server.url) as ws:
        for length in LENGTHS:
            await expect_echo(ws, bytes(i % 251 for i in range(length)), f"binary of {length}")


@check
async def multi_byte_text_is_echoed():
    async with serve() as server, connect(server.url) as ws:
        await expect_echo(ws, "ß€😀\0\u2028\U0010ffff" * 5000, "text")


@check
async def fragmented_text_is_echoed_whole():
    async with serve() as server, connect(server.url) as ws:
        await ws.send(["frag", "", "mentiert ", "€" * 30_000, ""])
        expect(await ws.recv(), "fragmentiert " + "€" * 30_000, "text")


@check
async def a_character_split_between_fragments_is_echoed_whole():
    async with serve() as server, connect(server.url) as ws:
        await ws.send((bytes([byte]) for byte in "a😀b".encode()), text=True)
        expect(await ws.recv(), "a😀b", "text")


@check
async def fragmented_binary_is_echoed_whole():
    async with serve() as server, connect(server.url) as ws:
        await ws.send(bytes([i]) * 1000 for i in range(256))
        expect(await ws.recv(), b"".join(bytes([i]) * 1000 for i in range(256)), "binary")


@check
async def a_ping_between_fragments_is_answered_at_once():
    async def fragments():
        yield "one "
        for payload in (b"in between", b"", bytes(range(125))):
            await (await ws.ping(payload))
        yield "message"

    async with serve() as server, connect(server.url) as ws:
        await ws.send(fragments())
        expect(await ws.recv(), "one message", "text")
        expect(ws.pongs, [b"in between", b"", bytes(range(125))], "payloads of pongs")


@check
async def each_of_32_pings_in_a_row_is_answered():
    async with serve() as server, connect(server.url) as ws:
        payloads = [bytes([i]) * i for i in range(32)]
        answers = [await ws.ping(payload) for payload in payloads]
        await asyncio.gather(*answers)
        expect(ws.pongs, payloads, "payloads of pongs")


@check
async def codes_and_reasons_of_closes_come_back():
    async with serve() as server:
        for code, reason in [(1000, ""), (1001, "going"), (3000, "ü" * 61), (4999, "x" * 123)]:
            async with connect(server.url) as ws:
                await ws.close(code, reason)
                expect((ws.close_code, ws.close_reason), (code, reason), "close")


@check
async def a_close_without_a_code_comes_back_without_one():
    async with serve() as server, connect(server.url) as ws:
        async with ws.send_context():
            ws.protocol.send_close()
        await ws.wait_closed()
        expect((ws.close_code, ws.close_reason), (1005, ""), "close")


@check
async def a_burst_of_1000_messages_comes_back_in_order():
    async with serve() as server, connect(server.url) as ws:
        messages = [f"message {i}" for i in range(1000)]
        for message in messages:
            await ws.send(message)
        expect([await ws.recv() for _ in messages], messages, "messages")


@check
async def two_hundred_connections_are_served_at_once():
    async def talk(ws, i):
        for j in range(5):
            await expect_echo(ws, f"{j} of {i}", f"message {j} of connection {i}")

    async with serve() as server, connect_many(server.url, 200) as all_ws:
        await asyncio.gather(*(talk(ws, i) for i, ws in enumerate(all_ws)))


@check
async def a_chat_message_reaches_every_connection_and_its_sender():
    async with serve("chat") as server, connect_many(server.url, 5) as all_ws:
        sent = {i: [f"{i}: text", f"{i}: binary".encode(), f"{i}: €"] for i in range(5)}
        for i, ws in enumerate(all_ws):
            for message in sent[i]:
                await ws.send(message)
        for ws in all_ws:
            got = {i: [] for i in sent}
            for _ in range(15):
                message = await ws.recv()
                got[int(message[:1])].append(message)
            expect(got, sent, "messages by sender")
            await ws.close()
            expect(await close_seen_by(ws), (1000, ""), "close")


@check
async def a_sink_answers_pings_and_nothing_else():
    async with serve("sink") as server, connect(server.url) as ws:
        await ws.send("text")
        await ws.send(b"binary")
        await ws.send(["frag", "ments"])
        await (await ws.ping(b"still there"))
        expect(ws.pongs, [b"still there"], "payloads of pongs")
        await ws.close()
        expect(await close_seen_by(ws), (1000, ""), "close")


async def expect_shutdown_by(number):
    async with serve() as server, connect_many(server.url, 20) as all_ws:
        server.process.send_signal(number)
        for ws in all_ws:
            expect((await close_seen_by(ws))[0], 1001, "code of the close")
        expect(await server.ended(), (0, b"", ""), "exit code, output and errors")


@check
async def sigterm_closes_every_client_with_1001_and_the_program_ends_well():
    await expect_shutdown_by(signal.SIGTERM)


@check
async def sigint_closes_every_client_with_1001_and_the_program_ends_well():
    await expect_shutdown_by(signal.SIGINT)


@check
async def a_signal_is_handled_as_soon_as_the_program_says_that_it_listens():
    for _ in range(20):
        async with serve() as server:
            server.process.send_signal(signal.SIGTERM)
            expect(await server.ended(), (0, b"", ""), "exit code, output and errors")


@check
async def a_request_by_hand_is_accepted():
    # So what the refusals below leave out or change is all that is wrong with them.
    async with serve() as server:
        request = REQUEST.format(method="GET", version=13).encode() + EMPTY_CLOSE
        status, headers, rest = await exchange(server.port, request)
        expect(status, 101, "status")
        expect(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "accept")
        expect(rest, b"\x88\0", "frames")


@check
async def a_post_is_refused_with_405_and_allow():
    async with serve() as server:
        request = REQUEST.format(method="POST", version=13)
        status, headers, _ = await exchange(server.port, request.encode())
        expect((status, headers.get("allow")), (405, "GET"), "status and Allow")


@check
async def another_version_is_refused_with_426_and_the_right_one():
    async with serve() as server:
        for version in (8, 14):
            request = REQUEST.format(method="GET", version=version)
            status, headers, _ = await exchange(server.port, request.encode())
            actual = (status, headers.get("sec-websocket-version"))
            expect(actual, (426, "13"), f"status and Sec-WebSocket-Version for {version}")


@check
async def a_request_without_a_key_is_refused_with_400():
    async with serve() as server:
        lines = REQUEST.format(method="GET", version=13).split("\r\n")
        request = "\r\n".join(line for line in lines if "-Key:" not in line)
        expect((await exchange(server.port, request.encode()))[0], 400, "status")


@check
async def a_head_beyond_16_kib_is_refused_with_431():
    async with serve() as server:
        for length, expected in [(2**14, 101), (2**14 + 1, 431), (100_000, 431)]:
            head = REQUEST.format(method="GET", version=13).removesuffix("\r\n") + "X-Padding: "
            head += "x" * (length - len(head) - 4) + "\r\n\r\n"
            status, _, _ = await exchange(server.port, head.encode() + EMPTY_CLOSE)
            expect(status, expected, f"status for a head of {length} bytes")


@check
async def a_plain_get_is_refused_with_426():
    async with serve() as server:
        request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        status, headers, body = await exchange(server.port, request)
        expect((status, headers.get("upgrade")), (426, "websocket"), "status and Upgrade")
        expect(int(headers["content-length"]), len(body), "Content-Length")


@check
async def a_message_beyond_the_limit_is_answered_with_1009():
    async with serve("echo", "--max-message", "1000") as server:
        for message in ("x" * 1001, ["x" * 600, "x" * 401], b"x" * 2**20):
            async with connect(server.url) as ws:
                await expect_echo(ws, "x" * 1000, "message of just the limit")
                await ws.send(message)
                expect((await close_seen_by(ws))[0], 1009, "code of the close")


@check
async def one_connection_too_many_is_refused_with_503():
    async with serve("echo", "--max-connections", "3") as server:
        async with connect_many(server.url, 3) as all_ws:
            expect(await status_for_one_more(server), 503, "status")
            await expect_echo(all_ws[0], "hello", "message of an open connection")
        while await status_for_one_more(server) == 503:
            await asyncio.sleep(0.01)


async def status_for_one_more(server):
    try:
        async with connect(server.url) as ws:
            return ws.response.status_code
    except InvalidStatus as error:
        return error.response.status_code


@check
async def a_port_in_use_fails_with_a_hint_to_listen():
    async with serve() as server:
        async with start("serve", "--listen", f"127.0.0.1:{server.port}") as second:
            code, output, errors = await second.ended()
            expect((code != 0, output), (True, b""), "failure and output")
            expect_in("--listen", errors, "errors")
            expect_in(str(server.port), errors, "errors")


main()
