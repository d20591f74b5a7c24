//! The program `wirelet`.
#![forbid(unsafe_code)]
// These panic when their stream is gone; see `output`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod arguments;
mod bench;
mod connect;
mod deflate;
mod documents;
mod log;
mod output;
mod page;
mod serve;
mod units;
mod way;

/// A WebSocket server and client on the engine of small machines
#[derive(Debug, Parser)]
#[command(name = "wirelet", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Connect(connect::Connect),
    Bench(bench::Bench),
    Completions(documents::Completions),
    Man(documents::Man),
}

use arguments::parse;
use log::start_log;

fn main() -> ExitCode {
    parse().run()
}

impl Cli {
    /// Says what is wrong that clap cannot see.
    fn check(&self) -> Result<(), &'static str> {
        match &self.command {
            Command::Serve(serve) => serve.check(),
            _ => Ok(()),
        }
    }

    /// Does what the command line says.
    fn run(self) -> ExitCode {
        match self.command {
            Command::Serve(serve) => block_on(serve.run()),
            Command::Connect(connect) => block_on(connect.run()),
            Command::Bench(bench) => bench.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let code = runtime.block_on(command);
    // A blocking read of the standard input must not keep the program from ending.
    runtime.shutdown_background();
    code
}

fn fail(why: &str) -> ExitCode {
    fail_with(1, why)
}

fn fail_with(code: u8, why: &str) -> ExitCode {
    output::say(why);
    code.into()
}
