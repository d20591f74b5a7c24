//! Receiving, as a server: one message an iteration.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

use crate::contender::Receive;
use crate::cpu_time::CpuTime;
use crate::input::{Case, Content, Reads};
use crate::peers::{
    embedded_websocket, fastwebsockets, sockudo_ws, soketto, tokio_websockets, tungstenite,
    web_socket, websocketz, ws_framer, wtx, yawc,
};
use crate::{limit, wirelet};

pub(crate) fn receive(criterion: &mut Criterion<CpuTime>) {
    for (name, cases) in tables() {
        let mut group = criterion.benchmark_group(name);
        for case in &cases {
            group.throughput(Throughput::Bytes(case.len as u64));
            measure::<limit::Receiver>(&mut group, "limit", case);
            measure::<wirelet::Receiver>(&mut group, "wirelet", case);
            measure::<wirelet::chunks::Receiver>(&mut group, "wirelet-chunks", case);
            measure::<wirelet::driver::Receiver>(&mut group, "wirelet-driver", case);
            measure::<tungstenite::Receiver>(&mut group, "tungstenite", case);
            measure::<fastwebsockets::Receiver>(&mut group, "fastwebsockets", case);
            measure::<tokio_websockets::Receiver>(&mut group, "tokio-websockets", case);
            measure::<wtx::Receiver>(&mut group, "wtx", case);
            measure::<soketto::Receiver>(&mut group, "soketto", case);
            measure::<yawc::Receiver>(&mut group, "yawc", case);
            measure::<sockudo_ws::Receiver>(&mut group, "sockudo-ws", case);
            measure::<web_socket::Receiver>(&mut group, "web-socket", case);
            measure::<embedded_websocket::Receiver>(&mut group, "embedded-websocket", case);
            measure::<websocketz::Receiver>(&mut group, "websocketz", case);
            measure::<ws_framer::Receiver>(&mut group, "ws-framer", case);
        }
    }
}

fn tables() -> [(&'static str, Vec<Case>); 4] {
    let all = [Content::Binary, Content::Ascii, Content::Mixed, Content::Chinese];
    let some = [Content::Binary, Content::Mixed];
    let product = |contents: &[Content], lens: &[usize], fragments, reads| {
        let of = |content| lens.iter().map(move |&len| Case { content, len, fragments, reads });
        contents.iter().copied().flat_map(of).collect()
    };
    [
        ("receive, a message a read", product(&all, &[20, 125, 1024, 65_536], 1, Reads::Message)),
        ("receive, 4 KiB a read", product(&all, &[20, 125, 1024, 65_536], 1, Reads::Of(4096))),
        ("receive, 4 fragments", product(&some, &[1024, 65_536], 4, Reads::Message)),
        // Every frame is cut elsewhere.
        ("receive, 61 B a read", product(&some, &[20, 125, 1024], 1, Reads::Of(61))),
    ]
}

fn measure<R: Receive>(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, case: &Case) {
    let mut receiver = R::new(case.wire(), case.buffer_len());
    let payload = case.payload();
    for _ in 0..50 {
        let mut message = Vec::new();
        receiver.receive(|piece| message.extend_from_slice(piece));
        assert!(message == payload, "{name} received something else");
    }
    group.bench_function(BenchmarkId::new(name, case), |bencher| {
        bencher.iter(|| receiver.receive(|piece| _ = black_box(piece)));
    });
}
