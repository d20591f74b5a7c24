//! `wirelet connect`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use wirelet::CloseCode;
use wirelet_host::{Client, ClientError, ClientOptions, Received};

use super::{fail, start_log};

/// Connect to a WebSocket server: lines of the standard input become messages, messages are
/// printed, and the end of the input closes with 1000
#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// Where to connect to, such as `ws://127.0.0.1:8567/`
    url: String,
    /// Add a header field to the request; may be repeated
    #[arg(long, value_name = "NAME:VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,
    /// The value of the header field Origin
    #[arg(long)]
    origin: Option<String>,
    /// Offer a subprotocol; may be repeated, the best first
    #[arg(long)]
    subprotocol: Vec<String>,
    /// Send lines as binary messages, and print the bytes of binary messages as they are
    #[arg(long)]
    binary: bool,
    /// Log each frame header to the standard error
    #[arg(long)]
    debug: bool,
}

impl Connect {
    pub(crate) async fn run(self) -> ExitCode {
        start_log(self.debug);
        let url = self.url.clone();
        match self.talk().await {
            Ok(code) => code,
            Err(error @ ClientError::Url(_)) => fail(&error.to_string()),
            Err(error) => fail(&format!("{url}: {error}")),
        }
    }

    /// Connects and talks until both ends have closed; the exit code tells if that was clean.
    async fn talk(self) -> Result<ExitCode, ClientError> {
        let options = ClientOptions {
            origin: self.origin,
            subprotocols: self.subprotocol,
            headers: self.header,
            ..ClientOptions::default()
        };
        let mut client = Client::connect_with(&self.url, &options).await?;
        let mut input = BufReader::new(tokio::io::stdin());
        let mut line = Vec::new();
        let mut at_end = false;
        loop {
            tokio::select! {
                // Cancel-safe: what was read of a line so far stays in `line`.
                read = input.read_until(b'\n', &mut line), if !at_end => {
                    let n = read.map_err(ClientError::Io)?;
                    if line.is_empty() && n == 0 {
                        at_end = true;
                        client.close(CloseCode::NORMAL_CLOSURE).await?;
                        continue;
                    }
                    let message = line.strip_suffix(b"\n").unwrap_or(&line);
                    match str::from_utf8(message) {
                        _ if self.binary => client.send(message).await?,
                        Ok(text) => client.send(text).await?,
                        Err(_) => eprintln!("wirelet: a line is no UTF-8, not sent; see --binary"),
                    }
                    line.clear();
                }
                received = receive(&mut client, at_end) => match received? {
                    Received::Close { code, reason } => {
                        client.finish(CLOSE_TIME).await.ok();
                        return Ok(report(code, &reason, at_end));
                    }
                    received => print(&received, self.binary).map_err(ClientError::Io)?,
                },
            }
        }
    }
}

/// Receives; not for ever once the closing handshake has begun.
async fn receive(client: &mut Client, closing: bool) -> Result<Received, ClientError> {
    if !closing {
        return client.receive().await;
    }
    tokio::time::timeout(CLOSE_TIME, client.receive()).await.map_err(|_| ClientError::TimedOut)?
}

fn print(received: &Received, raw: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match received {
        Received::Ping(_) | Received::Pong(_) => return Ok(()),
        Received::Binary(bytes) if raw => {
            out.write_all(bytes)?;
            out.write_all(b"\n")?;
        }
        other => writeln!(out, "{other}")?,
    }
    out.flush()
}

/// Clean is our own close, answered, and a peer that closes with 1000 or 1001 or no code.
fn report(code: Option<CloseCode>, reason: &str, ours: bool) -> ExitCode {
    let is_clean = matches!(code, None | Some(CloseCode::NORMAL_CLOSURE | CloseCode::GOING_AWAY));
    if !ours || !is_clean {
        let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
        eprintln!("wirelet: closed by the server: {code} {reason}");
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header field is NAME:VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// How long to wait for the server's part of the closing handshake.
const CLOSE_TIME: Duration = Duration::from_secs(5);
