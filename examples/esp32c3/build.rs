//! Tells the linker of the script that lays the firmware out, which comes from esp-hal.

fn main() {
    println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    // Must come last: it ends the layout.
    println!("cargo::rustc-link-arg-bins=-Tlinkall.x");
}
