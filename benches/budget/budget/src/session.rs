//! What the servers do for a scripted client, in an emulator.

use std::path::Path;

use anyhow::Result;

use crate::emulator;
use crate::figures::Figures;
use crate::firmware::Build;
use crate::programs::SERVERS;

/// Counts the instructions of each step, and the depth of the stack.
pub(crate) fn steps(build: &Build, root: &Path) -> Result<Figures> {
    Ok(run(build, root)?.steps)
}

/// The same, and the sizes of buffers and types, which are those of every 32-bit processor.
pub(crate) fn sizes_and_steps(build: &Build, root: &Path) -> Result<Figures> {
    let Sessions { mut sizes, steps } = run(build, root)?;
    sizes.append(steps);
    Ok(sizes)
}

struct Sessions {
    sizes: Figures,
    steps: Figures,
}

fn run(build: &Build, root: &Path) -> Result<Sessions> {
    let processor = if build.target.starts_with("thumb") { "Cortex-M3" } else { "riscv32imac" };
    let section = format!("instructions on {processor}, opt-level {}", build.opt_level);
    let (mut sizes, mut steps) = (Figures::default(), Figures::default());
    for (column, program) in SERVERS {
        let firmware = build.firmware(root, &format!("echo/{program}"))?;
        for (name, figure) in emulator::run(&firmware.elf, build.target)? {
            match name.split_once('/') {
                Some((what, name)) => {
                    sizes.push(&format!("{what} in bytes, on 32 bits"), name, column, figure);
                }
                None => steps.push(&section, &name, column, figure),
            }
        }
    }
    Ok(Sessions { sizes, steps })
}
