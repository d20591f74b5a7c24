//! The opening handshake, in one read and one write.

use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion};
use wirelet::handshake::{ClientRequest, HeadScanner, Key, Request};

use crate::contender::{HOST, TARGET};
use crate::cpu_time::CpuTime;
use crate::peers::{
    embedded_websocket, fastwebsockets, sockudo_ws, soketto, tokio_websockets, tungstenite,
    websocketz, ws_framer, wtx, yawc,
};
use crate::wire::{self, Wire};
use crate::{limit, wirelet as ours};

/// web-socket has no handshake.
pub(crate) fn open(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("handshake");
    let group = &mut group;
    server(group, "limit", limit::accept);
    server(group, "wirelet", ours::accept);
    server(group, "wirelet-driver", ours::driver::accept);
    server(group, "tungstenite", tungstenite::accept);
    server(group, "fastwebsockets", fastwebsockets::accept);
    server(group, "tokio-websockets", tokio_websockets::accept);
    server(group, "wtx", wtx::accept);
    server(group, "soketto", soketto::accept);
    server(group, "yawc", yawc::accept);
    server(group, "sockudo-ws", sockudo_ws::accept);
    server(group, "embedded-websocket", embedded_websocket::accept);
    server(group, "websocketz", websocketz::accept);
    server(group, "ws-framer", ws_framer::accept);

    client(group, "limit", limit::connect);
    client(group, "wirelet", ours::connect);
    client(group, "wirelet-driver", ours::driver::connect);
    client(group, "tungstenite", tungstenite::connect);
    client(group, "fastwebsockets", fastwebsockets::connect);
    client(group, "tokio-websockets", tokio_websockets::connect);
    client(group, "wtx", wtx::connect);
    client(group, "soketto", soketto::connect);
    client(group, "yawc", yawc::connect);
    client(group, "sockudo-ws", sockudo_ws::connect);
    client(group, "embedded-websocket", embedded_websocket::connect);
    client(group, "websocketz", websocketz::connect);
    client(group, "ws-framer", ws_framer::connect);
}

fn server<T>(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, accept: impl Fn(Wire) -> T) {
    wire::clear_sent();
    accept(Wire::once(REQUEST.to_vec()));
    // §1.3: the answer to this key.
    let key = Key::from_nonce(*b"the sample nonce");
    let response = wire::sent();
    ClientRequest::new(HOST, TARGET).verify(&key, &response).expect("a valid response");

    group.bench_function(BenchmarkId::new(name, "server"), |bencher| {
        bencher.iter_batched(|| Wire::once(REQUEST.to_vec()), &accept, BatchSize::SmallInput);
    });
}

fn client<T>(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, connect: impl Fn(Wire) -> T) {
    wire::clear_sent();
    connect(Wire::answering(limit::answer));
    let request = wire::sent();
    let head_len = HeadScanner::new().scan(&request).expect("a head").expect("a whole one");
    assert!(head_len == request.len());
    Request::parse(&request).and_then(|request| request.upgrade()).expect("a valid request");

    group.bench_function(BenchmarkId::new(name, "client"), |bencher| {
        bencher.iter_batched(
            || Wire::answering(limit::answer),
            |wire| {
                wire::clear_sent();
                connect(wire)
            },
            BatchSize::SmallInput,
        );
    });
}

/// What Chromium sends.
const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    \r\n";
