//! Tells the linker what memory the emulated board has.

use std::path::PathBuf;
use std::{env, fs};

const MPS2_AN385: &str = "MEMORY {
    FLASH : ORIGIN = 0x00000000, LENGTH = 4M
    RAM   : ORIGIN = 0x20000000, LENGTH = 4M
}";

const RISCV_VIRT: &str = "MEMORY {
    CODE : ORIGIN = 0x80000000, LENGTH = 4M
    RAM  : ORIGIN = 0x80400000, LENGTH = 4M
}
REGION_ALIAS(\"REGION_TEXT\", CODE);
REGION_ALIAS(\"REGION_RODATA\", CODE);
REGION_ALIAS(\"REGION_DATA\", RAM);
REGION_ALIAS(\"REGION_BSS\", RAM);
REGION_ALIAS(\"REGION_HEAP\", RAM);
REGION_ALIAS(\"REGION_STACK\", RAM);
";

fn main() {
    let is_riscv = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "riscv32");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let memory = if is_riscv { RISCV_VIRT } else { MPS2_AN385 };
    fs::write(out.join("memory.x"), memory).expect("OUT_DIR can be written");
    println!("cargo:rustc-link-search={}", out.display());
    if is_riscv {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-changed=build.rs");
}
