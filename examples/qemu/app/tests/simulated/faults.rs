//! Thousands of connections that break, in every way and everywhere, on a link that loses frames.

use app::server::{CLIENTS, SLOTS};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use smoltcp::time::Duration;
use wirelet::Chunk;

use crate::host::{Host, Tcp};
use crate::websocket::WebSocket;

#[test]
fn no_slot_is_lost_on_a_good_link() {
    break_connections(5_000, 0, 1);
}

#[test]
fn no_slot_is_lost_on_a_link_that_loses_a_tenth() {
    break_connections(5_000, 100, 2);
}

type Begin = fn(&mut Host, &mut Xoshiro256PlusPlus) -> Option<Tcp>;

type End = fn(&mut Host, Tcp);

/// How far a connection comes.
const STAGES: [(&str, Begin); 10] = [
    ("in TCP's handshake", |host, _| Some(host.start_to_connect())),
    ("before the request", |host, _| host.connect()),
    ("in the request", |host, random| {
        let cut = random.next_u32() as usize % REQUEST.len();
        send(host, &REQUEST[..cut])
    }),
    ("in the page", |host, _| send(host, b"GET / HTTP/1.1\r\nHost: board\r\n\r\n")),
    ("after garbage", |host, random| {
        let mut garbage = [0; 100];
        random.fill_bytes(&mut garbage);
        send(host, &garbage)
    }),
    ("in the response", |host, _| send(host, REQUEST)),
    ("idle", |host, random| open(host, random).map(|ws| ws.tcp)),
    ("in a frame", |host, random| {
        let mut ws = open(host, random)?;
        let cut = random.next_u32() as usize % FRAME.len();
        ws.send_bytes(host, &FRAME[..cut]);
        run_a_little(host, random);
        Some(ws.tcp)
    }),
    ("after a violation", |host, random| {
        let mut ws = open(host, random)?;
        let mut garbage = [0; 300];
        random.fill_bytes(&mut garbage);
        ws.send_bytes(host, &garbage);
        run_a_little(host, random);
        Some(ws.tcp)
    }),
    ("in an echo that is not read", |host, random| {
        let mut ws = open(host, random)?;
        ws.send(host, Chunk::first(&[7; 5000]));
        host.send_within(Duration::from_secs(1), ws.tcp, &[0; 1 << 17]);
        Some(ws.tcp)
    }),
];

/// How a connection ends.
const ENDS: [(&str, End); 4] = [
    ("reset", |host, tcp| host.reset(tcp)),
    ("closed without a close frame", |host, tcp| host.socket(tcp).close()),
    ("vanished", |host, tcp| host.vanish(tcp)),
    ("left alone", |_, _| ()),
];

fn break_connections(n: u32, loss: u32, seed: u64) {
    let mut host = Host::new();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    host.lose(loss);
    let mut cases = [[0_u32; ENDS.len()]; STAGES.len()];
    for _ in 0..n {
        host.forget_closed();
        // Slots of those who have vanished are free again after a while.
        let free = host.run_until(LONGEST_LIFE, |host| {
            host.status().listening > 0 && host.status().free() > 0
        });
        assert!(free, "after {cases:?}: {:?}", host.status());
        let stage = random.next_u32() as usize % STAGES.len();
        let end = random.next_u32() as usize % ENDS.len();
        if let Some(tcp) = STAGES[stage].1(&mut host, &mut random) {
            run_a_little(&mut host, &mut random);
            ENDS[end].1(&mut host, tcp);
            cases[stage][end] += 1;
        }
    }
    println!("{} of 1000 frames lost, {} in all", loss, host.lost());
    for ((stage, _), counts) in STAGES.iter().zip(&cases) {
        let ends = ENDS.iter().zip(counts).map(|((end, _), n)| format!("{n} {end}"));
        println!("{stage}: {}", ends.collect::<Vec<_>>().join(", "));
    }
    let (made, least) = (cases.iter().flatten().sum::<u32>(), cases.iter().flatten().min());
    assert!(made >= n * 95 / 100, "{made} connections were made");
    assert!(least.is_some_and(|least| *least > n / 100), "each case comes often");
    assert!(host.lost() >= n * loss / 1000, "the link loses frames");

    host.run_for(LONGEST_LIFE);
    let status = host.status();
    assert_eq!((status.listening, status.clients), (SLOTS, 0), "{status:?}");
    host.lose(0);
    let clients = [(); CLIENTS].map(|()| {
        let mut ws = WebSocket::open(&mut host, "/").unwrap();
        ws.send(&mut host, "still there?");
        assert_eq!(ws.receive_text(&mut host), "still there?");
        ws
    });
    for ws in clients {
        ws.end(&mut host);
    }
}

fn send(host: &mut Host, bytes: &[u8]) -> Option<Tcp> {
    let tcp = host.connect()?;
    host.send(tcp, bytes);
    Some(tcp)
}

fn open(host: &mut Host, random: &mut Xoshiro256PlusPlus) -> Option<WebSocket> {
    let path = ["/", "/live", "/chat"][random.next_u32() as usize % 3];
    WebSocket::open(host, path).ok()
}

fn run_a_little(host: &mut Host, random: &mut Xoshiro256PlusPlus) {
    host.run_for(Duration::from_micros(u64::from(random.next_u32() % 5000)));
}

/// No connection lasts longer without the peer's doing.
const LONGEST_LIFE: Duration = Duration::from_millis(30_000);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const FRAME: &[u8] = b"\x82\xfe\x00\x80\x01\x02\x03\x04 the first of 128 bytes of payload";
