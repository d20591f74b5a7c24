//! Gives each program the memory map of its board.

use std::env;
use std::path::PathBuf;

/// The programs that run on each board; see `memory/`.
const PROGRAMS: [(&str, &str, &[&str]); 3] = [
    ("lm3s6965evb", "arm", &["lm3s6965evb", "client_lm3s6965evb", "tcp_echo"]),
    ("mps2_an385", "arm", &["mps2_an385"]),
    ("riscv32_virt", "riscv32", &["riscv32_virt"]),
];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    // `link.x` is that of the runtime crate; the one for Arm includes `memory.x` itself.
    let scripts: &[&str] = if arch == "arm" { &["link.x"] } else { &["memory.x", "link.x"] };
    // cargo knows no arguments for one test. AN385 has memory where LM3S6965 has its own, and more.
    let test_board = if arch == "arm" { "lm3s6965evb" } else { "riscv32_virt" };
    println!("cargo::rustc-link-arg-tests=-L{}", root.join("memory").join(test_board).display());
    for script in scripts {
        println!("cargo::rustc-link-arg-tests=-T{script}");
    }
    for (board, board_arch, programs) in PROGRAMS {
        if board_arch != arch {
            continue; // these have nothing in them; see `src/lib.rs`
        }
        let memory = root.join("memory").join(board);
        println!("cargo::rerun-if-changed={}", memory.display());
        for program in programs {
            println!("cargo::rustc-link-arg-bin={program}=-L{}", memory.display());
            for script in scripts {
                println!("cargo::rustc-link-arg-bin={program}=-T{script}");
            }
        }
    }
}
