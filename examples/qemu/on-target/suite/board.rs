//! The network interface, which gets back all that it sends, and the clock.

use app::Board;
use emulated_nic::MAX_FRAME_LEN;
use semihosting::sys::arm_compat::sys_time;
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};

pub(crate) fn frames_of_every_length_come_back<B: Board>(board: &mut B) {
    for len in SHORTEST..=MAX_FRAME_LEN {
        send(board, len);
        receive(board, len);
    }
}

pub(crate) fn frames_come_back_in_order<B: Board>(board: &mut B) {
    for round in 0..100 {
        let lens = [MAX_FRAME_LEN - round, SHORTEST + round, SHORTEST, MAX_FRAME_LEN];
        for len in lens {
            send(board, len);
        }
        for len in lens {
            receive(board, len);
        }
    }
}

pub(crate) fn a_frame_ends_the_wait<B: Board>(board: &mut B) {
    for _ in 0..100 {
        let start = board.now();
        send(board, SHORTEST);
        // The wait may end early for other reasons; only the time is sure.
        receive(board, SHORTEST);
        assert!(board.now() - start < ALARM, "the interrupt has not come");
    }
}

pub(crate) fn the_wait_ends_in_time_without_a_frame<B: Board>(board: &mut B) {
    for ms in [1, 10, 100, 700] {
        let asked = Duration::from_millis(ms);
        let start = board.now();
        let mut n_waits = 0;
        while board.now() - start < asked {
            board.wait(Some(asked - (board.now() - start)));
            n_waits += 1;
        }
        let took = board.now() - start;
        assert!(took < asked + ALARM, "{asked} took {took}");
        assert!(n_waits <= 10, "{n_waits} waits in {asked}: it does not sleep");
    }
}

/// For longer than the shortest counter counts.
pub(crate) fn the_clock_agrees_with_the_host<B: Board>(board: &mut B) {
    let start = next_second(board);
    let seconds = [next_second(board), next_second(board), next_second(board)];
    let took = seconds[2] - start;
    let expected = Duration::from_secs(3);
    assert!(took > expected - ALARM && took < expected + ALARM, "3 s of the host are {took}");
}

pub(crate) fn random_numbers_differ<B: Board>(board: &mut B) {
    let numbers = [(); 8].map(|()| board.random());
    // By chance two of eight are equal once in 10⁸ runs.
    for (i, number) in numbers.iter().enumerate() {
        assert!(!numbers[..i].contains(number), "{numbers:x?}");
    }
}

/// Returns the time of the board at which the host's second changes.
fn next_second<B: Board>(board: &mut B) -> Instant {
    let second = || sys_time().expect("semihosting tells the time");
    let before = second();
    while second() == before {
        board.wait(Some(Duration::from_millis(5)));
    }
    board.now()
}

fn send<B: Board>(board: &mut B, len: usize) {
    let mac = board.mac();
    let deadline = board.now() + TIMEOUT;
    loop {
        let now = board.now();
        if let Some(token) = board.nic().transmit(now) {
            return token.consume(len, |frame| fill(frame, mac));
        }
        assert!(now < deadline, "a frame of {len} bytes cannot be sent");
        board.wait(Some(ALARM));
    }
}

fn receive<B: Board>(board: &mut B, len: usize) {
    let mac = board.mac();
    let deadline = board.now() + TIMEOUT;
    loop {
        let now = board.now();
        if let Some((token, _)) = board.nic().receive(now) {
            return token.consume(|frame| {
                let mut expected = [0; MAX_FRAME_LEN];
                fill(&mut expected[..len], mac);
                assert_eq!(frame, &expected[..len]);
            });
        }
        assert!(now < deadline, "a frame of {len} bytes has not come back");
        board.wait(Some(ALARM));
    }
}

/// Makes a frame from the board to itself that looks different for each length.
fn fill(frame: &mut [u8], mac: [u8; 6]) {
    let len = frame.len();
    for (at, byte) in frame.iter_mut().enumerate() {
        [*byte, ..] = (len * 7 + at * at).to_le_bytes();
    }
    frame[..6].copy_from_slice(&mac);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&LOCAL_EXPERIMENTAL);
}

/// The type of frames that is left to experiments; IEEE 802.
const LOCAL_EXPERIMENTAL: [u8; 2] = [0x88, 0xb5];
/// Bytes of the shortest frame; what is shorter may be padded.
const SHORTEST: usize = 60;
/// A board may be this late, on a busy host.
const ALARM: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_secs(5);
