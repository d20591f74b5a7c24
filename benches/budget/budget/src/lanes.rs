//! Measuring in lanes: firmwares of one kind are built one after the other, several kinds at a time.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::Result;

use crate::figures::Figures;
use crate::firmware::Build;
use crate::{flash, session};

/// A series of measurements on firmwares of one kind.
struct Lane {
    build: Build,
    measure: fn(&Build, &Path) -> Result<Figures>,
}

/// In the order of the tables.
const LANES: [Lane; 6] = [
    Lane { build: Build::new("uart", CORTEX_M4, "z"), measure: flash::over_uart },
    Lane { build: Build::new("tcp", CORTEX_M3, "z"), measure: flash::over_tcp },
    Lane { build: Build::new("session", CORTEX_M3, "s"), measure: session::sizes_and_steps },
    Lane { build: Build::new("session", CORTEX_M3, "3"), measure: session::steps },
    Lane { build: Build::new("session", RISCV32, "s"), measure: session::steps },
    Lane { build: Build::new("session", RISCV32, "3"), measure: session::steps },
];

/// Measures everything, as many lanes at a time as there are processors.
pub(crate) fn measure(root: &Path) -> Result<Figures> {
    let waiting = Mutex::new(LANES.iter().enumerate());
    let done = Mutex::new([const { None }; LANES.len()]);
    let work = || {
        // Not within the loop's head, which would hold the lock.
        let next = || waiting.lock().expect("no lane panics").next();
        while let Some((i, lane)) = next() {
            let result = (lane.measure)(&lane.build, root);
            done.lock().expect("no lane panics")[i] = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism()?.get() {
            scope.spawn(work);
        }
        anyhow::Ok(())
    })?;
    let mut figures = Figures::default();
    for result in done.into_inner().expect("no lane panics").into_iter().flatten() {
        figures.append(result?);
    }
    Ok(figures)
}

const CORTEX_M3: &str = "thumbv7m-none-eabi";
const CORTEX_M4: &str = "thumbv7em-none-eabihf";
const RISCV32: &str = "riscv32imac-unknown-none-elf";
