//! wirelet's speed in memory, beside its peers and a hand-written limit.
#![forbid(unsafe_code)]

mod close;
mod codec;
mod contender;
mod cpu_time;
mod input;
mod limit;
mod open;
mod peers;
mod receive;
mod send;
mod wire;
mod wirelet;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use crate::cpu_time::CpuTime;

criterion_group! {
    name = websocket;
    config = config();
    targets = codec::mask, codec::header, receive::receive, send::send, open::open, close::close
}
criterion_main!(websocket);

/// Short, as the figures that count are medians of several runs.
fn config() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(30))
        .measurement_time(Duration::from_millis(100))
        .sample_size(20)
        .nresamples(1000)
        .without_plots()
}
