"""Checks, the program `wirelet`, a real client's connection, and raw sockets."""

import asyncio
import os
import re
import sys
import traceback
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.frames import Opcode
from websockets.utils import accept_key

WIRELET = os.environ["WIRELET"]
TIME_LIMIT = 60  # seconds, for a check and so for each wait in it
LINE_LIMIT = 2**24
CHECKS = []


def check(function):
    """Mark a coroutine function, whose name says what holds, as a check."""
    CHECKS.append(function)
    return function


def main():
    """Run all checks; leave with 1 if one failed."""
    sys.exit(asyncio.run(run_all()))


async def run_all():
    status = 0
    for function in CHECKS:
        try:
            await asyncio.wait_for(function(), TIME_LIMIT)
            print("ok", function.__name__, flush=True)
        except Exception as error:
            status = 1
            print(f"FAILED {function.__name__}\n    {describe(error, function)}", flush=True)
    return status


def describe(error, function):
    what = str(error) or type(error).__name__
    if isinstance(error, TimeoutError) and error.__cause__:
        what, error = f"no end within {TIME_LIMIT} s", error.__cause__
    at = function.__code__
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == at.co_filename
    ]
    return f"{what} (line {lines[-1] if lines else at.co_firstlineno})"


def expect(actual, expected, what):
    """Compare; long values are told by their ends."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {short(expected)}, was {short(actual)}")


def expect_in(part, whole, what):
    """Tell what lacks the part."""
    if part not in whole:
        raise AssertionError(f"{what}: {short(part)} is not in {short(whole)}")


def short(value):
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:200]} … {text[-100:]} ({len(text)} characters)"


class Program:
    """A running `wirelet`."""

    def __init__(self, process):
        self.process = process
        self.errors = asyncio.create_task(process.stderr.read())

    async def line(self):
        """Return the next line of the standard output, as bytes without the line feed."""
        line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):
            errors = (await self.errors).decode()
            raise AssertionError(f"the output ended after {short(line)}: {errors}")
        return line[:-1]

    async def write(self, data):
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def end(self, data=b""):
        """Write the last of the standard input; return what `ended` does."""
        await self.write(data)
        self.process.stdin.close()
        return await self.ended()

    async def ended(self):
        """Wait for the end; return the exit code, the rest of the output and the errors."""
        output = await self.process.stdout.read()
        code = await self.process.wait()
        return code, output, (await self.errors).decode()


@asynccontextmanager
async def start(*arguments):
    process = await asyncio.create_subprocess_exec(
        WIRELET, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LINE_LIMIT
    )
    program = Program(process)
    try:
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def serve(mode="echo", *options):
    """Run `wirelet serve`; the program has `url` and `port`, and must not complain."""
    listen = ("--listen", "127.0.0.1:0", "--no-page")
    async with start("serve", *listen, "--mode", mode, *options) as program:
        line = (await program.line()).decode()
        listening = re.fullmatch(r"listening on (ws://127\.0\.0\.1:(\d+))", line)
        if not listening:
            raise AssertionError(f"the first line was {short(line)}")
        program.url, program.port = listening[1], int(listening[2])
        yield program
        if program.process.returncode is None:
            program.process.kill()
            _, output, errors = await program.ended()
            # That it has refused a request is for its log.
            errors = [line for line in errors.splitlines() if "a request was refused" not in line]
            expect((output, errors), (b"", []), "output and errors of the server")


def connect_to(url, *options):
    """Run `wirelet connect`."""
    return start("connect", *options, url)


class Connection(ClientConnection):
    """The library's connection, which also keeps the payloads of pongs."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.pongs = []

    def process_event(self, event):
        if getattr(event, "opcode", None) is Opcode.PONG:
            self.pongs.append(bytes(event.data))
        super().process_event(event)


def connect(url, **options):
    """Connect as the library does by default, but with no limit for messages and no proxy."""
    return connect_websocket(
        url, create_connection=Connection, max_size=None, proxy=None, **options
    )


@asynccontextmanager
async def connect_many(url, n):
    """Open `n` connections, and wait until each is served."""

    async def open_one():
        ws = await stack.enter_async_context(connect(url))
        await (await ws.ping())
        return ws

    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(open_one() for _ in range(n)))


async def exchange(port, request):
    """Send bytes, read to the end of TCP; return status, header fields (lower case) and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status_line, *fields = head.decode().split("\r\n")
    fields = (field.partition(":") for field in fields)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    return int(status_line.split()[1]), headers, body


@asynccontextmanager
async def raw_server(talk, *, accept=accept_key, fields=""):
    """Answer handshakes by hand, then `await talk(reader, writer)`; yields the URL."""

    async def serve_one(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = re.search(r"(?im)^Sec-WebSocket-Key: *(\S+)", head)[1]
            writer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept(key)}\r\n{fields}\r\n".encode()
            )
            await talk(reader, writer)
        except (asyncio.CancelledError, ConnectionError, EOFError):
            pass  # the check is over, or the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield url_of(server)
    finally:
        server.close()


def url_of(server):
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
