//! The parts: masking beside memcpy, and headers.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use wirelet::{Header, MaskingKey, Opcode};

use crate::cpu_time::CpuTime;
use crate::input::{Content, Size};

pub(crate) fn mask(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("mask in place");
    for len in [20, 125, 1024, 4096, 16_384, 65_536, 1 << 20] {
        group.throughput(Throughput::Bytes(len as u64));
        let plain = Content::Binary.bytes(len);
        let mut copy = plain.clone();
        group.bench_function(BenchmarkId::new("memcpy", Size(len)), |bencher| {
            bencher.iter(|| black_box(&mut copy[..]).copy_from_slice(black_box(&plain)));
        });
        let mut measure =
            |name, apply: fn(&mut [u8], [u8; 4])| masked(&mut group, name, &plain, apply);
        measure("wirelet", |payload, key| MaskingKey::new(key).apply(payload));
        measure("fastwebsockets", fastwebsockets::unmask);
        measure("sockudo-ws", sockudo_ws::simd::apply_mask);
    }
}

fn masked(
    group: &mut BenchmarkGroup<'_, CpuTime>,
    name: &str,
    plain: &[u8],
    apply: fn(&mut [u8], [u8; 4]),
) {
    let mut payload = plain.to_vec();
    apply(&mut payload, KEY);
    let expected = plain.iter().zip(KEY.into_iter().cycle()).map(|(byte, key)| byte ^ key);
    assert!(payload.iter().copied().eq(expected), "{name} masks otherwise");
    group.bench_function(BenchmarkId::new(name, Size(plain.len())), |bencher| {
        bencher.iter(|| apply(black_box(&mut payload), black_box(KEY)));
    });
}

pub(crate) fn header(criterion: &mut Criterion<CpuTime>) {
    decode(&mut criterion.benchmark_group("decode a header"));
    encode(&mut criterion.benchmark_group("encode a header"));
}

fn decode(group: &mut BenchmarkGroup<'_, CpuTime>) {
    for (name, payload_len) in LENGTHS {
        let mut space = [0; Header::MAX_LEN];
        let bytes = of_client(payload_len).encode(&mut space);
        assert!(Header::decode(bytes) == Ok(Some((of_client(payload_len), bytes.len()))));
        group.bench_function(BenchmarkId::new("wirelet", name), |bencher| {
            bencher.iter(|| Header::decode(black_box(bytes)));
        });
        group.bench_function(BenchmarkId::new("tungstenite", name), |bencher| {
            bencher.iter(|| {
                let mut cursor = Cursor::new(black_box(&*bytes));
                tungstenite::protocol::frame::FrameHeader::parse(&mut cursor)
            });
        });
        let codec = soketto::base::Codec::new();
        group.bench_function(BenchmarkId::new("soketto", name), |bencher| {
            bencher.iter(|| codec.decode_header(black_box(bytes)));
        });
    }
}

fn encode(group: &mut BenchmarkGroup<'_, CpuTime>) {
    for (name, payload_len) in LENGTHS {
        let mut space = [0; Header::MAX_LEN];
        group.bench_function(BenchmarkId::new("wirelet", name), |bencher| {
            let header = of_client(payload_len);
            bencher.iter(|| black_box(black_box(&header).encode(&mut space)).len());
        });
    }
}

fn of_client(payload_len: u64) -> Header {
    let masking_key = Some(MaskingKey::new(KEY));
    Header { fin: true, rsv: 0, opcode: Opcode::Binary, masking_key, payload_len }
}

/// One for each form of the length.
const LENGTHS: [(&str, u64); 3] = [("7 bits", 100), ("16 bits", 1000), ("64 bits", 100_000)];

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
