//! Building firmware.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use object::{Object as _, ObjectSection as _, SectionFlags, elf};

/// What a series of firmwares has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) package: &'static str,
    pub(crate) target: &'static str,
    pub(crate) opt_level: &'static str,
}

/// A firmware that has been built.
#[derive(Debug)]
pub(crate) struct Firmware {
    pub(crate) elf: PathBuf,
    /// The stack that each of its functions takes for itself, in bytes, as the compiler says.
    pub(crate) frames: Vec<u64>,
}

impl Build {
    pub(crate) const fn new(
        package: &'static str,
        target: &'static str,
        opt_level: &'static str,
    ) -> Self {
        Self { package, target, opt_level }
    }

    /// Builds the firmware with one program; builds with different values of `self` can run at once.
    pub(crate) fn firmware(&self, root: &Path, features: &str) -> Result<Firmware> {
        let Self { package, target, opt_level } = self;
        let output_dir = root.join("target").join(format!("{package}-{target}-{opt_level}"));
        let output = Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--package", package, "--target", target])
            .args(["--features", features, "--target-dir"])
            .arg(&output_dir)
            .current_dir(root)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level)
            .env("CARGO_ENCODED_RUSTFLAGS", flags(root)?)
            .env("DEFMT_LOG", "debug")
            .env_remove("RUSTFLAGS")
            .output()
            .context("cargo cannot be run")?;
        let messages = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{package} with {features} for {target} cannot be built:\n{messages}");
        }
        let elf = output_dir.join(target).join("release").join(package);
        Ok(Firmware { elf, frames: frames(&messages) })
    }
}

impl Firmware {
    /// Returns how many bytes of flash it takes: code, constants, and the first values of statics.
    pub(crate) fn flash(&self) -> Result<u64> {
        let data = fs::read(&self.elf)?;
        let file = object::File::parse(&*data)?;
        let is_flashed = |flags| match flags {
            SectionFlags::Elf { sh_type, sh_flags } => {
                sh_flags.contains(elf::SHF_ALLOC) && sh_type != elf::SHT_NOBITS
            }
            _ => false,
        };
        let sections = file.sections().filter(|section| is_flashed(section.flags()));
        Ok(sections.map(|section| section.size()).sum())
    }

    /// Returns the largest frame on its stack, in bytes.
    pub(crate) fn largest_frame(&self) -> Result<u64> {
        self.frames.iter().copied().max().context("the compiler tells of no stack frames")
    }
}

/// Flags that let the compiler tell the size of stack frames, and keep the paths of this machine
/// out of the messages of panics, which are a part of the flash.
fn flags(root: &Path) -> Result<String> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir().context("there is no home directory")?.join(".cargo"),
    };
    let repository = root.join("../..").canonicalize()?;
    Ok([
        "-Cremark=prologepilog",
        &format!("--remap-path-prefix={}=cargo", home.display()),
        &format!("--remap-path-prefix={}=wirelet", repository.display()),
    ]
    .join("\u{1f}"))
}

/// Takes the sizes out of lines like "…: 24 stack bytes in function '…'".
fn frames(messages: &str) -> Vec<u64> {
    let size = |line: &str| {
        line.split_once(" stack bytes in function ")?.0.rsplit(' ').next()?.parse().ok()
    };
    messages.lines().filter_map(size).collect()
}
