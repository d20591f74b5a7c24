//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::Level;

mod bench;
mod connect;
mod serve;

/// A WebSocket server and client on the engine of small machines
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Connect(connect::Connect),
    Bench(bench::Bench),
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn run(self) -> ExitCode {
        match self.command {
            Command::Serve(serve) => block_on(serve.run()),
            Command::Connect(connect) => block_on(connect.run()),
            Command::Bench(bench) => bench.run(),
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

/// Sends log lines to the standard error.
fn start_log(debug: bool) {
    let level = if debug { Level::TRACE } else { Level::WARN };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
}

fn fail(why: &str) -> ExitCode {
    eprintln!("wirelet: {why}");
    ExitCode::FAILURE
}
