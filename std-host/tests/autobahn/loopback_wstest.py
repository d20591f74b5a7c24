# -*- coding: utf-8 -*-
"""wstest (Python 2) that listens on the loopback interface only, on a port that is free.

As it comes, it listens on every interface. A `url` of null in the spec makes it take any port in
the Host of a request.
"""

from __future__ import print_function

# First, since it chooses the reactor.
from autobahntestsuite import wstest

from twisted.internet import reactor

LOOPBACK = "127.0.0.1"


def listen_on_loopback(_port, factory, backlog=50, interface=""):
    port = listen_tcp(0, factory, backlog, LOOPBACK)
    host = port.getHost()
    assert host.host == LOOPBACK, host
    print("listening on ws://%s:%d" % (host.host, host.port))
    return port


def refuse_to_listen(*_args, **_kwargs):
    raise RuntimeError("wstest tried to listen in a way that is not confined to the loopback")


listen_tcp = reactor.listenTCP
reactor.listenTCP = listen_on_loopback
reactor.listenSSL = refuse_to_listen
reactor.listenUDP = refuse_to_listen

if __name__ == "__main__":
    wstest.run()
