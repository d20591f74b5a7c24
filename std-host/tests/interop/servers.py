"""`wirelet connect` against the server of Python's `websockets`, and against raw sockets."""

import asyncio
import itertools
import signal
from contextlib import asynccontextmanager

from harness import check, connect_to, expect, expect_in, main, raw_server, url_of
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


class Connection(ServerConnection):
    """The library's connection, which also keeps the messages."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.messages = []

    async def recv(self, *arguments):
        self.messages.append(await super().recv(*arguments))
        return self.messages[-1]


class Server:
    """The URL, and the last connection."""

    def __init__(self):
        self.url = None
        self.ws = None
        self.ended = asyncio.Event()

    async def closed(self):
        """Wait for the end of the connection; return the close that the client sent."""
        await self.ended.wait()
        return self.ws.close_code, self.ws.close_reason


async def echo(ws):
    async for message in ws:
        await ws.send(message)


@asynccontextmanager
async def listen(talk=echo, **options):
    """Run a server that does `await talk(ws)` for each connection; yields a `Server`."""
    listening = Server()

    async def handle(ws):
        listening.ws = ws
        try:
            await talk(ws)
            await ws.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            listening.ended.set()

    options |= {"create_connection": Connection, "max_size": None}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        listening.url = url_of(server)
        yield listening


@check
async def lines_become_text_messages_and_the_end_of_input_closes_with_1000():
    lines = ["one", "", "ß€😀", " two  words ", "tab\tand\rreturn"]
    async with listen() as server, connect_to(server.url) as program:
        for line in lines:
            await program.write(f"{line}\n".encode())
            expect(await program.line(), line.encode(), "printed line")
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(await server.closed(), (1000, ""), "close")
        expect(server.ws.messages, lines, "messages")


@check
async def a_last_line_without_a_line_feed_is_sent():
    async def talk(ws):
        async for _ in ws:
            pass  # an answer to the last line could come too late, behind the close

    async with listen(talk) as server, connect_to(server.url) as program:
        expect(await program.end(b"one\ntwo"), (0, b"", ""), "exit code, output and errors")
        expect(await server.closed(), (1000, ""), "close")
        expect(server.ws.messages, ["one", "two"], "messages")


@check
async def with_binary_lines_become_binary_messages_printed_as_they_are():
    lines = [b"text", b"", b"\xff\0\xfe"]
    async with listen() as server, connect_to(server.url, "--binary", "--lines") as program:
        for line in lines:
            await program.write(line + b"\n")
            expect(await program.line(), line, "printed line")
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(server.ws.messages, lines, "messages")


@check
async def with_binary_the_bytes_of_a_pipe_come_back_as_they_are():
    data = bytes(range(256)) * 1000
    async with listen() as server, connect_to(server.url, "--binary") as program:
        expect(await program.end(data), (0, data, ""), "exit code, output and errors")
        expect(b"".join(server.ws.messages), data, "messages")


@check
async def without_binary_a_line_that_is_no_utf_8_ends_the_input_and_is_a_failure():
    async with listen() as server, connect_to(server.url) as program:
        await program.write(b"one\n\xff\nnever\n")
        expect(await program.line(), b"one", "printed line")
        code, output, errors = await program.ended()
        expect((code, output), (USAGE, b""), "exit code and output")
        expect_in("line 2 is no UTF-8", errors, "errors")
        expect(await server.closed(), (1001, ""), "close")
        expect(server.ws.messages, ["one"], "messages")


@check
async def without_binary_a_binary_message_is_told_by_its_length():
    async def talk(ws):
        await ws.send(b"\xff" * 300)

    async with listen(talk) as server, connect_to(server.url) as program:
        expect(await program.line(), b"<300 bytes>", "printed line")


@check
async def the_request_has_path_and_query_of_the_url_and_no_extensions():
    async with listen() as server, connect_to(server.url + "chat?room=a%20b") as program:
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(await server.closed(), (1000, ""), "close")
        request = server.ws.request
        expect(request.path, "/chat?room=a%20b", "path")
        expect(f"ws://{request.headers['Host']}/", server.url, "Host in the URL")
        for field in ("Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Origin"):
            expect(request.headers.get(field), None, field)


@check
async def compressed_lines_come_back_with_every_setting_of_either_end():
    json = "".join(f'{{"sensor":{i},"place":"Grüße, 世界"}}' for i in range(300))
    lines = "".join(f"{line}\n" for line in ["short", json, json, json[:200]]).encode()

    async def echoes(settings, ours):
        extension = ServerPerMessageDeflateFactory(*settings)
        async with listen(extensions=[extension], compression=None) as server:
            async with connect_to(server.url, f"--deflate={ours}") as program:
                expect(await program.end(lines), (0, lines, ""), f"end with {settings} and {ours}")
            expect(len(server.ws.protocol.extensions), 1, f"extensions with {settings} and {ours}")

    settings = itertools.product([False, True], [False, True], [None, 9, 12], [None, 9, 12])
    both = list(itertools.product(settings, ("alone", "9", "15")))
    for start in range(0, len(both), 12):
        await asyncio.gather(*(echoes(*each) for each in both[start : start + 12]))


@check
async def header_adds_fields_to_the_request():
    options = ("--header", "Authorization:Bearer a:b", "--header", "X-Two: 2")
    async with listen() as server, connect_to(server.url, *options) as program:
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(await server.closed(), (1000, ""), "close")
        headers = server.ws.request.headers
        expect(headers.get("Authorization"), "Bearer a:b", "Authorization")
        expect(headers.get("X-Two"), "2", "X-Two")


@check
async def origin_is_what_the_server_compares():
    async with listen(origins=["http://good.example"]) as server:
        async with connect_to(server.url, "--origin", "http://good.example") as program:
            expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        async with connect_to(server.url, "--origin", "http://bad.example") as program:
            await expect_failure(program, REFUSED, "403")


@check
async def the_server_selects_one_of_the_subprotocols():
    options = ("--subprotocol", "b", "--subprotocol", "c")
    async with listen(subprotocols=["a", "c"]) as server:
        async with connect_to(server.url, *options) as program:
            await program.write(b"hello\n")
            expect(await program.line(), b"hello", "printed line")
            expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(server.ws.request.headers["Sec-WebSocket-Protocol"], "b, c", "offer")
        expect(server.ws.subprotocol, "c", "subprotocol")


# Exit codes, as `wirelet connect --help` tells them.
BROKEN, USAGE, UNREACHABLE, REFUSED = 1, 2, 3, 5
TERMINATED = 128 + signal.SIGTERM


async def expect_failure(program, exit_code, *words):
    """The program fails by itself, says nothing on the standard output, and why on the other."""
    code, output, errors = await program.ended()
    expect((code, output), (exit_code, b""), "exit code and output")
    for word in words:
        expect_in(word, errors, "errors")
    expect(errors.count("\n"), 1, f"lines in {errors!r}")


async def exit_code_after_close(code, reason):
    async def talk(ws):
        await ws.send("before")
        await ws.close(code, reason)

    async with listen(talk) as server, connect_to(server.url) as program:
        exit_code, output, errors = await program.ended()
        expect(output, b"before\n", "output")
        expect_in(str(code), errors, "errors")
        expect_in(reason, errors, "errors")
        expect(await server.closed(), (code, reason), "answered close")
        return exit_code


@check
async def a_close_by_the_server_with_1000_ends_well():
    expect(await exit_code_after_close(1000, "done"), 0, "exit code")


@check
async def a_close_by_the_server_with_1001_ends_well():
    expect(await exit_code_after_close(1001, "going"), 0, "exit code")


@check
async def a_close_by_the_server_with_1011_is_a_failure():
    expect(await exit_code_after_close(1011, "broken"), 1, "exit code")


@check
async def an_answer_that_comes_behind_the_end_of_the_input_is_printed():
    async def talk(ws):
        question = await ws.recv()
        for number in range(3):
            await asyncio.sleep(0.3)
            await ws.send(f"{question} {number}")

    async with listen(talk) as server, connect_to(server.url) as program:
        output = b"".join(b"what? %d\n" % number for number in range(3))
        expect(await program.end(b"what?\n"), (0, output, ""), "exit code, output and errors")
        expect(await server.closed(), (1000, ""), "close")


@check
async def a_signal_closes_with_1001_and_what_comes_before_the_end_is_printed():
    async with listen() as server, connect_to(server.url) as program:
        await program.write(b"one\n")
        expect(await program.line(), b"one", "printed line")
        program.process.send_signal(signal.SIGTERM)
        expect(await program.ended(), (TERMINATED, b"", ""), "exit code, output and errors")
        expect(await server.closed(), (1001, ""), "close")


@check
async def a_server_that_missed_the_pongs_is_heard_to_the_end():
    async def talk(ws):
        await ws.send("before")
        await ws.wait_closed()

    options = {"ping_interval": 0.2, "ping_timeout": 0.2, "close_timeout": 0.2}
    async with listen(talk, **options) as server, connect_to(server.url) as program:
        expect(await program.line(), b"before", "printed line")
        program.process.send_signal(signal.SIGSTOP)
        await server.ended.wait()
        program.process.send_signal(signal.SIGCONT)
        await expect_failure(program, BROKEN, "closed by the server: 1011 keepalive ping timeout")


@check
async def a_server_that_leaves_without_its_answers_is_a_failure_behind_what_came():
    async def talk(ws):
        await ws.send(await ws.recv())
        ws.transport.abort()

    async with listen(talk) as server, connect_to(server.url) as program:
        await program.write(b"last\n")
        expect(await program.line(), b"last", "printed line")
        await expect_failure(program, BROKEN)


@check
async def a_server_that_drops_tcp_is_a_failure():
    async def talk(ws):
        ws.transport.close()

    async with listen(talk) as server, connect_to(server.url) as program:
        await expect_failure(program, BROKEN, "without a closing handshake")


@check
async def a_server_that_drops_tcp_in_a_message_is_a_failure():
    async def talk(_reader, writer):
        writer.write(b"\x81\x0512")

    async with raw_server(talk) as url, connect_to(url) as program:
        await expect_failure(program, BROKEN, "without a closing handshake")


@check
async def a_refused_connection_is_a_failure_that_says_so():
    async with listen() as server:
        url = server.url
    async with connect_to(url) as program:
        await expect_failure(program, UNREACHABLE, "refused")


@check
async def an_answer_of_404_is_a_failure_that_says_so():
    def refuse(ws, _request):
        return ws.respond(404, "nothing here\n")

    async with listen(process_request=refuse) as server, connect_to(server.url) as program:
        await expect_failure(program, REFUSED, "404")


@check
async def a_fragmented_message_is_printed_joined():
    async def talk(ws):
        await ws.send(["frag", "", "mentiert"])
        await ws.send((bytes([byte]) for byte in "a😀b".encode()), text=True)
        await ws.send([b"\0" * 1000, b"\1" * 2000])
        await ws.close()

    async with listen(talk) as server, connect_to(server.url) as program:
        code, output, _ = await program.ended()
        expect(code, 0, "exit code")
        expect(output.decode(), "fragmentiert\na😀b\n<3000 bytes>\n", "output")


@check
async def a_ping_is_answered_while_nothing_else_happens():
    async def talk(ws):
        for payload in (b"idle", b"", bytes(125)):
            await (await ws.ping(payload))
        await ws.send("answered")
        await echo(ws)

    async with listen(talk) as server, connect_to(server.url) as program:
        expect(await program.line(), b"answered", "printed line")
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")


@check
async def a_ping_between_fragments_is_answered_and_not_printed():
    async def fragments(ws):
        yield "one "
        await (await ws.ping(b"in between"))
        yield "message"

    async def talk(ws):
        await ws.send(fragments(ws))
        await ws.close()

    async with listen(talk) as server, connect_to(server.url) as program:
        expect((await program.ended())[:2], (0, b"one message\n"), "exit code and output")


async def hang_up_well(reader, writer):
    writer.write(b"\x88\x02\x03\xe8")
    await reader.readexactly(8)  # the close with its masking key


@check
async def a_server_by_hand_is_accepted():
    # So what the two below change is all that is wrong with them.
    fields = "Sec-WebSocket-Protocol: a\r\n"
    async with raw_server(hang_up_well, fields=fields) as url:
        async with connect_to(url, "--subprotocol", "a") as program:
            expect((await program.ended())[:2], (0, b""), "exit code and output")


@check
async def a_subprotocol_that_was_not_offered_is_refused():
    fields = "Sec-WebSocket-Protocol: b\r\n"
    async with raw_server(hang_up_well, fields=fields) as url:
        for options in [(), ("--subprotocol", "a")]:
            async with connect_to(url, *options) as program:
                await expect_failure(program, REFUSED, "subprotocol")


@check
async def a_wrong_accept_is_refused():
    async with raw_server(hang_up_well, accept=lambda key: key) as url:
        async with connect_to(url) as program:
            await expect_failure(program, REFUSED, "Sec-WebSocket-Accept")


@check
async def a_line_of_1_mib_comes_back():
    line = bytes(b"0123456789abcdef" * 2**16)
    async with listen() as server, connect_to(server.url) as program:
        await program.write(line + b"\n")
        expect(await program.line(), line, "printed line")
        expect(await program.end(), (0, b"", ""), "exit code, output and errors")
        expect(server.ws.messages, [line.decode()], "messages")


@check
async def a_server_is_heard_also_while_it_does_not_read():
    # It reads the beginning of a long line, and the rest only after its own message is out.
    length = 15 * 2**20

    async def talk(reader, writer):
        await reader.readexactly(2 + 8 + 4)  # header of a long masked message
        writer.write(b"\x82\x7f" + length.to_bytes(8) + bytes(length))
        await writer.drain()
        await reader.readexactly(length)
        await hang_up_well(reader, writer)

    async with raw_server(talk) as url, connect_to(url) as program:
        await program.write(b"x" * length + b"\n")
        code, output, _ = await program.ended()
        expect((code, output), (0, f"<{length} bytes>\n".encode()), "exit code and output")


main()
