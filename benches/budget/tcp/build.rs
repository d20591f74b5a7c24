//! Tells the linker what memory the board has.

use std::env;
use std::path::PathBuf;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let memory = here.join("../../../examples/qemu/memory/lm3s6965evb");
    println!("cargo::rustc-link-search={}", memory.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed={}", memory.display());
}
