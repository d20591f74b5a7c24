//! A client on the TCP of Linux, for the echo server on a TAP interface; `tests/tap/run` starts both.

use std::net::TcpStream;
use std::time::Duration;

use embedded_io::Write as _;
use embedded_io_adapters::std::FromStd;
use rand::Rng as _;
use rand::rngs::StdRng;
use wirelet::blocking::WebSocket;
use wirelet::handshake::ClientRequest;
use wirelet::{Client, CloseCode, Received, Storage};
use wirelet_example_smoltcp::script::{Checker, Script};

#[test]
#[ignore = "needs a TAP interface and a server on it: tests/tap/run makes them and runs this"]
fn a_thousand_messages_come_back_through_linux() {
    let server = std::env::var("TAP_SERVER").expect("TAP_SERVER is the address of the server");
    let stream = TcpStream::connect(&server).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut storage = Storage::<4096, 0, 1024>::new();
    let request = ClientRequest::new(&server, "/");
    let mut rng: StdRng = rand::make_rng();
    let random = |bytes: &mut [u8]| rng.fill_bytes(bytes);
    let mut ws = WebSocket::new(FromStd::new(&stream), Client(random), storage.buffers());
    ws.connect(&request).unwrap();
    let script = Script::random(1000, 1);
    let mut checker = Checker::new(&script);
    for (n, line) in (1..).zip(script.lines()) {
        // Linux holds more than the longest message on its way.
        let limit = line.frame_limit().unwrap_or(1 << 10);
        let mut writer = ws.sender().message(line.message().kind());
        for piece in line.message().as_bytes().chunks(limit) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap();
        while checker.n_whole() < n {
            match ws.receive_chunk().unwrap().0 {
                Received::Data(chunk) => checker.take(&chunk).unwrap(),
                received => panic!("{received:?}"),
            }
        }
    }
    ws.close_and_finish(CloseCode::NORMAL_CLOSURE).unwrap();
    assert_eq!(ws.close_received(), Some(CloseCode::NORMAL_CLOSURE.into()));
}
