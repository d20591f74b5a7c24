"""Connects from an address, and prints the first message: `whoami.py URL ADDRESS AUTHORITY`."""

import socket
import ssl
import sys
from urllib.parse import urlsplit

from websockets.sync.client import connect

url, address, authority = sys.argv[1:]
place = urlsplit(url)
plain = socket.create_connection(("127.0.0.1", place.port), source_address=(address, 0))
context = ssl.create_default_context(cafile=authority) if place.scheme == "wss" else None
with connect(url, sock=plain, ssl=context, proxy=None) as connection:
    print(connection.recv(timeout=60))
