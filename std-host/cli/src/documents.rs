//! `wirelet completions` and `wirelet man`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::output::print;
use super::{Cli, fail};

/// Print what completes arguments in a shell: `wirelet completions bash >
/// ~/.local/share/bash-completion/completions/wirelet`
#[derive(Args, Debug)]
pub(crate) struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write the pages of the program and of its commands to this directory
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Completions {
    pub(crate) fn run(self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), NAME, &mut script);
        print(&script, ExitCode::SUCCESS)
    }
}

impl Man {
    pub(crate) fn run(self) -> ExitCode {
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            return match clap_mangen::Man::new(Cli::command()).render(&mut page) {
                Ok(()) => print(&page, ExitCode::SUCCESS),
                Err(error) => fail(&error.to_string()),
            };
        };
        let made = std::fs::create_dir_all(&dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &dir));
        match made {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write to {} (from --dir): {error}", dir.display())),
        }
    }
}

const NAME: &str = "wirelet";
