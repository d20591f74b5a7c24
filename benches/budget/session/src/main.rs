//! Firmware that lets the chosen program serve a scripted client in memory, and prints what that
//! takes: instructions for each step, the depth of the stack, sizes.
//!
//! It prints a figure a line, its name and its number with a tab between; a size has `memory/` or
//! `types/` before its name. Then it ends the emulator, with 0 if the client got what it should.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use echo::{Chosen, Echo};
use semihosting::{eprintln, println, process};
use static_cell::ConstStaticCell;

mod counter;
mod frames;
mod script;
mod stack;
mod unmask;

use script::Script;

static MEMORY: ConstStaticCell<<Chosen as Echo>::Memory> = ConstStaticCell::new(Chosen::MEMORY);
static SCRIPT: ConstStaticCell<Script> = ConstStaticCell::new(Script::new());

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let (script, memory) = (SCRIPT.take(), MEMORY.take());
    let mut result = Ok(());
    counter::start();
    let depth = stack::depth_of(|| {
        script.begin(Chosen::HANDSHAKE);
        result = Chosen::run(&mut *script, memory);
        script.end();
    });

    for step in script.steps() {
        println!("{}\t{}", step.name, step.instructions);
    }
    if let Some(unmask) = Chosen::UNMASK {
        println!("unmasking 1 KB\t{}", unmask::instructions(unmask));
    }
    println!("stack depth in bytes\t{depth}");
    const { assert!(echo::names_all_buffers::<Chosen>()) }
    for (name, len) in Chosen::BUFFERS {
        println!("memory/buffer {name}\t{len}");
    }
    println!("memory/all buffers\t{}", size_of::<<Chosen as Echo>::Memory>());
    println!("memory/state of a connection\t{}", Chosen::STATE);
    for (name, size) in Chosen::TYPES {
        println!("types/{name}\t{size}");
    }
    match (result, script.failure()) {
        (Ok(()), None) => process::exit(0),
        (_, Some(step)) => eprintln!("the client did not get what it should: {step}"),
        (Err(error), None) => eprintln!("the program ended before the close: {error:?}"),
    }
    process::exit(1)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    process::exit(2)
}
