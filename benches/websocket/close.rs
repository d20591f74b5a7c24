//! The closing handshake, begun by the client: a frame each way.

use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion};
use wirelet::{Client, Connection, Event, Opcode};

use crate::cpu_time::CpuTime;
use crate::input::frame;
use crate::peers::{
    embedded_websocket, fastwebsockets, sockudo_ws, soketto, tokio_websockets, tungstenite,
    web_socket, websocketz, ws_framer, wtx, yawc,
};
use crate::wire::{self, Wire};
use crate::{limit, wirelet as ours};

pub(crate) fn close(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("close");
    let group = &mut group;
    measure(group, "limit", limit::closer);
    measure(group, "wirelet", ours::closer);
    measure(group, "wirelet-driver", ours::driver::closer);
    measure(group, "tungstenite", tungstenite::closer);
    measure(group, "fastwebsockets", fastwebsockets::closer);
    measure(group, "tokio-websockets", tokio_websockets::closer);
    measure(group, "wtx", wtx::closer);
    measure(group, "soketto", soketto::closer);
    measure(group, "yawc", yawc::closer);
    measure(group, "sockudo-ws", sockudo_ws::closer);
    measure(group, "web-socket", web_socket::closer);
    measure(group, "embedded-websocket", embedded_websocket::closer);
    measure(group, "websocketz", websocketz::closer);
    measure(group, "ws-framer", ws_framer::closer);
}

fn measure<C: FnMut()>(
    group: &mut BenchmarkGroup<'_, CpuTime>,
    name: &str,
    closer: impl Fn(Wire) -> C,
) {
    let input = frame(true, Opcode::Close, b"\x03\xe8bye");
    let open = || closer(Wire::once(input.clone()));
    wire::clear_sent();
    open()();
    let mut reply = wire::sent();
    let mut client = Connection::new(Client(ours::random()));
    let event = client.receive(&mut reply).expect("a valid frame").event;
    assert!(event == Some(Event::Close), "{name} has not answered");

    group.bench_function(BenchmarkId::new(name, "by the client"), |bencher| {
        bencher.iter_batched_ref(open, |close| close(), BatchSize::SmallInput);
    });
}
