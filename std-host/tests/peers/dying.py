"""An end that says something and is killed in the middle: `dying.py serve PORT CUT`, `dying.py connect URL CUT`.

CUT is `frame`, in the midst of one, or `message`, between two fragments.
"""

import asyncio
import os
import signal
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def die(connection, cut):
    await connection.send("before")
    if cut == "frame":
        # The header of a text of 100 bytes, and half of it; a client's are masked, here by zeros.
        header = b"\x81\x64" if connection.protocol.side.name == "SERVER" else b"\x81\xe4\0\0\0\0"
        connection.transport.write(header + b"x" * 50)
        await end()

    async def fragments():
        yield "never "
        await end()
        yield "whole"

    await connection.send(fragments())


async def end():
    await asyncio.sleep(0.3)  # what was written leaves before
    os.kill(os.getpid(), signal.SIGKILL)


async def main(role, place, cut):
    if role == "connect":
        async with connect(place, proxy=None, ping_interval=None) as connection:
            await die(connection, cut)
    async with serve(lambda connection: die(connection, cut), "127.0.0.1", int(place)) as server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
