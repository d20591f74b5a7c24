//! The program, as its users meet it.

use std::process::{Command, Output};

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirelet-example-smoltcp")).args(args).output().unwrap()
}

#[test]
fn it_tells_what_has_happened_in_each_pairing() {
    let output = program(&["--messages", "20", "--seed", "3"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let pairings: Vec<Vec<_>> =
        told.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(
        pairings,
        [
            ["client", "server"],
            ["blocking", "blocking"],
            ["blocking", "zero-buffer"],
            ["zero-buffer", "blocking"],
            ["zero-buffer", "zero-buffer"],
            ["all", "messages"],
            ["(wrapped:", "frames"],
        ]
    );
    assert_eq!(program(&["--messages", "20", "--seed", "3"]).stdout, told.as_bytes());
    assert_ne!(program(&["--messages", "20", "--seed", "4"]).stdout, told.as_bytes());
}

#[test]
fn one_pairing_can_be_chosen() {
    let output = program(&["--messages", "1", "--client", "zero-buffer", "--server", "blocking"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 4);
    assert!(told.lines().nth(1).unwrap().starts_with("zero-buffer  blocking "));
}

#[test]
fn what_it_cannot_do_it_says() {
    for (args, why) in [
        (&["--mtu", "67"][..], "67 is not in 68..=9000"),
        (&["--ring", "255"], "255 is not in 256..="),
        (&["--loss", "51"], "51 is not in 0..=50"),
        #[cfg(target_os = "linux")]
        (&["tap"], "<INTERFACE>"),
    ] {
        let output = program(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(why), "{told}");
    }
}
