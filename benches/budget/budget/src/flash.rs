//! What the WebSocket adds to the flash of a firmware that echoes bytes, and its stack frames.

use std::path::Path;

use anyhow::Result;

use crate::figures::Figures;
use crate::firmware::Build;
use crate::programs::{LIBRARIES, Library, ROLES, WAYS};

/// Measures on a bare UART, with nothing else in the firmware.
pub(crate) fn over_uart(build: &Build, root: &Path) -> Result<Figures> {
    let mut flash = Figures::default();
    let mut stack = Figures::default();
    let baselines = Baselines::measure(build, root)?;
    for (row, role) in ROLES {
        for library in LIBRARIES.iter().filter(|library| library.has(role)) {
            let firmware = build.firmware(root, &format!("echo/{}-{role}", library.name))?;
            let net = firmware.flash()? - baselines.of(library);
            flash.push(FLASH, row, library.name, net);
            stack.push(
                "largest stack frame in bytes, opt-level z",
                row,
                library.name,
                firmware.largest_frame()?,
            );
        }
    }
    for (row, features, baseline) in WAYS {
        let firmware = build.firmware(root, features)?;
        let net = firmware.flash()? - build.firmware(root, baseline)?.flash()?;
        flash.push("flash of wirelet in bytes, opt-level z", row, "wirelet", net);
        stack.push(
            "largest stack frame of wirelet in bytes, opt-level z",
            row,
            "wirelet",
            firmware.largest_frame()?,
        );
    }
    flash.append(stack);
    Ok(flash)
}

/// Measures on smoltcp and lm3s6965evb, where much else is in the firmware.
pub(crate) fn over_tcp(build: &Build, root: &Path) -> Result<Figures> {
    let mut figures = Figures::default();
    let baselines = Baselines::measure(build, root)?;
    for library in &LIBRARIES {
        let firmware = build.firmware(root, &format!("echo/{}-server", library.name))?;
        let net = firmware.flash()? - baselines.of(library);
        figures.push(FLASH, "complete server, on smoltcp", library.name, net);
    }
    Ok(figures)
}

/// The flash of firmwares that echo without a WebSocket.
struct Baselines {
    blocking: u64,
    asynch: u64,
}

impl Baselines {
    fn measure(build: &Build, root: &Path) -> Result<Self> {
        Ok(Self {
            blocking: build.firmware(root, "echo/raw")?.flash()?,
            asynch: build.firmware(root, "echo/raw-asynch")?.flash()?,
        })
    }

    const fn of(&self, library: &Library) -> u64 {
        if library.is_asynch { self.asynch } else { self.blocking }
    }
}

const FLASH: &str = "flash in bytes, opt-level z";
