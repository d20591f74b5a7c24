//! Tests of the engine and of a board, on that board.
//!
//! The first that fails panics, and ends QEMU with exit code 101.

mod board;
mod frames;
mod handshake;
mod masking;
mod rfc_vectors;
mod splits;
mod streaming;
mod utf8;

use app::Board;
use semihosting::{print, println, process};

type Test<F> = (&'static str, F);

/// Pairs each test with its name.
macro_rules! tests {
    ($($test:path),+ $(,)?) => { [$((stringify!($test), $test)),+] };
}

pub(crate) fn run<B: Board>(board: &mut B) -> ! {
    let of_the_engine: &[Test<fn()>] = &tests![
        rfc_vectors::a_server_receives_the_masked_examples,
        rfc_vectors::a_client_receives_the_unmasked_examples,
        rfc_vectors::a_server_sends_the_unmasked_examples,
        rfc_vectors::a_client_sends_the_masked_example,
        handshake::the_server_sends_the_accept_value_of_section_1_3,
        handshake::the_client_takes_this_accept_value_and_no_other,
        splits::a_server_sees_the_same_session_at_every_split,
        splits::a_client_sees_the_same_session_at_every_split,
        streaming::a_message_of_70000_bytes_goes_there_and_back_through_1_kib,
        utf8::every_code_point_of_up_to_three_bytes_is_judged_by_rfc_3629,
        utf8::code_points_of_four_bytes_are_judged_by_rfc_3629,
        utf8::no_code_point_begins_or_ends_where_it_must_not,
        masking::a_payload_at_any_alignment_is_unmasked_byte_by_byte,
        masking::a_payload_in_two_pieces_is_unmasked_as_one,
    ];
    let of_the_board: &[Test<fn(&mut B)>] = &tests![
        board::frames_of_every_length_come_back,
        board::frames_come_back_in_order,
        board::a_frame_ends_the_wait,
        board::the_wait_ends_in_time_without_a_frame,
        board::the_clock_agrees_with_the_host,
        board::random_numbers_differ,
    ];
    for (name, test) in of_the_engine {
        report(name, test);
    }
    for (name, test) in of_the_board {
        report(name, || test(board));
    }
    println!("test result: ok. {} passed", of_the_engine.len() + of_the_board.len());
    process::exit(0)
}

fn report(name: &str, test: impl FnOnce()) {
    print!("test {name} ... ");
    test();
    println!("ok");
}
