//! Cargo builds a package once for all that are tested together, and `wirelet-host` takes `wirelet` with
//! `simd`: a plain `cargo test` would leave out what boards run. From here core is tested alone, without it.
#![cfg(feature = "simd")]

use std::env;
use std::process::Command;

#[test]
fn core_passes_its_tests_without_simd_too() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["test", "--package", "wirelet"]).status();
    assert!(status.unwrap().success(), "cargo test -p wirelet");
}
