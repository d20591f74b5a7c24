//! Sending: one message an iteration.

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use wirelet::{Client, Connection, Event, Kind, Server};

use crate::contender::Role;
use crate::cpu_time::CpuTime;
use crate::input::{Content, Size};
use crate::peers::{
    embedded_websocket, fastwebsockets, sockudo_ws, soketto, tokio_websockets, tungstenite,
    web_socket, websocketz, ws_framer, wtx, yawc,
};
use crate::wire::{self, Wire};
use crate::{limit, wirelet as ours};

pub(crate) fn send(criterion: &mut Criterion<CpuTime>) {
    for (name, role) in [("send, server", Role::Server), ("send, client", Role::Client)] {
        let mut group = criterion.benchmark_group(name);
        for len in [20, 125, 1024, 65_536] {
            let payload: &[u8] = Content::Binary.bytes(len).leak();
            let wire = || Wire::once(Vec::new());
            group.throughput(Throughput::Bytes(len as u64));
            let mut measure =
                |name, send: &mut dyn FnMut()| measure(&mut group, name, role, payload, send);
            measure("limit", &mut limit::sender(wire(), role, payload));
            measure("wirelet", &mut ours::sender(wire(), role, payload));
            if role == Role::Server {
                measure("wirelet-start", &mut ours::starter(wire(), payload));
            }
            measure("wirelet-driver", &mut ours::driver::sender(wire(), role, payload));
            measure("tungstenite", &mut tungstenite::sender(wire(), role, payload));
            measure("fastwebsockets", &mut fastwebsockets::sender(wire(), role, payload));
            measure("tokio-websockets", &mut tokio_websockets::sender(wire(), role, payload));
            measure("wtx", &mut wtx::sender(wire(), role, payload));
            measure("soketto", &mut soketto::sender(wire(), role, payload));
            measure("yawc", &mut yawc::sender(wire(), role, payload));
            measure("sockudo-ws", &mut sockudo_ws::sender(wire(), role, payload));
            measure("web-socket", &mut web_socket::sender(wire(), role, payload));
            measure("embedded-websocket", &mut embedded_websocket::sender(wire(), role, payload));
            measure("websocketz", &mut websocketz::sender(wire(), role, payload));
            measure("ws-framer", &mut ws_framer::sender(wire(), role, payload));
        }
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, CpuTime>,
    name: &str,
    role: Role,
    payload: &[u8],
    send: &mut dyn FnMut(),
) {
    for _ in 0..3 {
        wire::clear_sent();
        send();
        assert!(received_from(role, wire::sent()) == payload, "{name} sent something else");
    }
    group.bench_function(BenchmarkId::new(name, Size(payload.len())), |bencher| {
        bencher.iter(&mut *send);
    });
}

/// Receives what `role` has sent, which is one binary message.
fn received_from(role: Role, mut frame: Vec<u8>) -> Vec<u8> {
    let len = frame.len();
    let progress = match role {
        Role::Server => Connection::new(Client(ours::random())).receive(&mut frame),
        Role::Client => Connection::new(Server).receive(&mut frame),
    }
    .expect("a valid frame");
    assert!(progress.consumed == len, "more than one frame");
    match progress.event {
        Some(Event::Chunk(chunk)) if chunk.message().is_some() && chunk.kind() == Kind::Binary => {
            chunk.as_bytes().to_vec()
        }
        other => panic!("received {other:?}"),
    }
}
