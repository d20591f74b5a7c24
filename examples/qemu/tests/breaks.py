"""10,000 connections that break, on a board: `breaks.py PORT`. No slot may be lost by one."""

import asyncio
import errno
import itertools
import json
import random
import socket
import struct
import sys
import time

import harness
from harness import check, connect, exchange, expect, main
from raw import EMPTY_CLOSE, REQUEST, masked

PORT = int(sys.argv[1])
harness.TIME_LIMIT = 300

CYCLES = 10_000
AT_ONCE = 3  # of four places, so that each finds one
SLOTS = 6
MOST_TRIES = 500

UPGRADE = REQUEST.format(path="/").encode()
LONG_HEADER = b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4)


def connected(sent):
    tcp = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    tcp.sendall(sent)
    return tcp


def opened(sent, path="/"):
    tcp = connected(REQUEST.format(path=path).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = tcp.recv(1)
        if not byte:
            break
        head += byte
    if not head.startswith(b"HTTP/1.1 101 "):
        tcp.close()
        raise ConnectionRefusedError(head)
    tcp.sendall(sent)
    return tcp


def cut(data, chance):
    return data[: chance.randrange(1, len(data))]


# How far a connection comes: before it is a WebSocket, and after.
BEFORE = {
    "just connected": lambda chance: connected(b""),
    "in the request": lambda chance: connected(cut(UPGRADE, chance)),
    "after the request": lambda chance: connected(UPGRADE),
    "in the page": lambda chance: connected(b"GET / HTTP/1.1\r\nHost: board\r\n\r\n"),
    "after garbage": lambda chance: connected(chance.randbytes(200)),
}
AFTER = {
    "idle": lambda chance: opened(b"", chance.choice(["/", "/chat", "/live"])),
    "in a header": lambda chance: opened(cut(LONG_HEADER, chance)),
    "in a payload": lambda chance: opened(LONG_HEADER + bytes(chance.randrange(1, 5000))),
    "in a message": lambda chance: opened(masked(0x01, b"the first of two fragments")),
    "after a violation": lambda chance: opened(chance.randbytes(500)),
    "in an echo that is not read": lambda chance: opened(LONG_HEADER + bytes(20_000)),
    "in the closing handshake": lambda chance: opened(EMPTY_CLOSE),
}
STAGES = BEFORE | AFTER


def reset(tcp):
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tcp.close()


def half_close(tcp):
    tcp.shutdown(socket.SHUT_WR)
    while tcp.recv(65536):
        pass
    tcp.close()


# How it ends.
ENDS = {"reset": reset, "closed": socket.socket.close, "half closed": half_close}


def break_all(cases, seed):
    """Make each case happen; return how often one had to be tried again."""
    chance = random.Random(seed)
    again = 0
    for stage, end in cases:
        for _ in range(MOST_TRIES):
            try:
                tcp = STAGES[stage](chance)
                time.sleep(chance.random() * 0.002)
                ENDS[end](tcp)
                break
            except OSError as error:
                if not isinstance(error, ConnectionError) and error.errno != errno.ENOTCONN:
                    raise
            # Reset by the board, whose slots are still busy with the last ones.
            again += 1
            time.sleep(0.02)
        else:
            raise AssertionError(f"no slot for a connection that is {end} {stage}")
    return again


async def status():
    return json.loads((await exchange(PORT, b"GET /status HTTP/1.1\r\nHost: board\r\n\r\n"))[2])


@check
async def ten_thousand_broken_connections_leave_all_slots_free():
    begin, before = time.monotonic(), await status()
    cases = list(itertools.islice(itertools.cycle(itertools.product(STAGES, ENDS)), CYCLES))
    random.Random(0).shuffle(cases)
    workers = (asyncio.to_thread(break_all, cases[i::AT_ONCE], i) for i in range(AT_ONCE))
    again = sum(await asyncio.gather(*workers))
    elapsed = time.monotonic() - begin
    print(f"   {len(cases)} in {elapsed:.0f} s; {again} times a slot was still busy")

    for _ in range(60):
        now = await status()
        if (now["clients"], now["listening"]) == (0, SLOTS - 1):
            break
        await asyncio.sleep(0.5)
    # One slot answers this request.
    expect((now["clients"], now["listening"]), (0, SLOTS - 1), f"free again: {now}")
    n_opened = sum(stage in AFTER for stage, _ in cases)
    expect(now["accepted"] - before["accepted"] >= n_opened, True, f"{n_opened} accepted: {now}")
    expect(now["uptime"] - before["uptime"] >= int(elapsed) - 1, True, f"never restarted: {now}")
    async with connect(f"ws://127.0.0.1:{PORT}") as ws:
        await ws.send("still there?")
        expect(await ws.recv(), "still there?", "echo")


if __name__ == "__main__":
    main()
