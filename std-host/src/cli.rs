//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::Level;

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
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&format!("cannot start: {error}")),
        };
        let code = runtime.block_on(async {
            match self.command {
                Command::Serve(serve) => serve.run().await,
                Command::Connect(connect) => connect.run().await,
            }
        });
        // A blocking read of the standard input must not keep the program from ending.
        runtime.shutdown_background();
        code
    }
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
