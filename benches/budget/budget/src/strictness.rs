//! What each server refuses and can do, tried out on the host: a check that a library leaves out costs it nothing.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

use anyhow::{Result, ensure};
use echo::Echo;
use embedded_io::{ErrorType, Read, Write};

mod cases;

use crate::programs::{self, is_wirelet};
use cases::{Case, Verdict};

/// Writes a table of what each server does, a column for each whose figures are shown, and fails if wirelet leaves
/// something out.
pub(crate) fn markdown() -> Result<String> {
    let names = SERVERS.map(|(name, _)| name);
    ensure!(
        names == programs::SERVERS.map(|(name, _)| name),
        "not the columns of the other tables"
    );
    let mut text = format!("\n### what each server does\n\n| | {} |\n", names.join(" | "));
    let _ = writeln!(text, "|---|{}", ":---:|".repeat(names.len()));
    for (name, case) in cases::all() {
        let verdicts = SERVERS.map(|(_, serve)| try_out(&case, serve));
        for (server, verdict) in names.into_iter().zip(verdicts).filter(|(s, _)| is_wirelet(s)) {
            let expected = if is_other(server, name) { Verdict::Wrong } else { Verdict::Right };
            ensure!(verdict == expected, "{server}: {name}: {verdict:?}");
        }
        let cells = verdicts.map(|verdict| match verdict {
            Verdict::Right => "yes",
            Verdict::Wrong => "–",
            Verdict::Panic => "panics",
        });
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    Ok(text)
}

/// Lets a server run on what a client sends; returns what it wrote, or nothing if it panicked.
type Serve = fn(Client) -> Option<Vec<u8>>;

/// Tells whether a server of wirelet's does not do something because it does the other: joins, or hands on.
fn is_other(server: &str, case: &str) -> bool {
    let hands_on = matches!(server, "wirelet streaming" | "wirelet sans-I/O");
    case == if hands_on { cases::JOINS } else { cases::HANDS_ON }
}

const SERVERS: [(&str, Serve); 8] = [
    ("wirelet", serve::<echo::wirelet::Server>),
    ("wirelet streaming", serve::<echo::wirelet::Streaming>),
    ("wirelet sans-I/O", serve::<echo::wirelet::SansIo>),
    ("wirelet async", serve::<echo::wirelet::Asynch>),
    ("embedded-websocket", serve::<echo::embedded_websocket::Server>),
    ("websocketz", serve::<echo::websocketz::Server>),
    ("edge", serve::<echo::edge::Server>),
    ("ws-framer", serve::<echo::ws_framer::Server>),
];

fn try_out(case: &Case, serve: Serve) -> Verdict {
    let client = Client { pieces: case.input(), ..Client::default() };
    serve(client).map_or(Verdict::Panic, |output| case.judge(&output))
}

fn serve<E: Echo>(mut client: Client) -> Option<Vec<u8>> {
    let mut memory = Box::new(E::MEMORY);
    let run = AssertUnwindSafe(|| E::run(&mut client, &mut memory));
    // How the session has ended shows in what was written; a panic, in the table.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(run);
    panic::set_hook(hook);
    let _ = result.ok()?;
    Some(client.output)
}

/// A socket with a client that sends a piece a read and then leaves.
#[derive(Default)]
struct Client {
    pieces: Vec<Vec<u8>>,
    output: Vec<u8>,
}

impl ErrorType for Client {
    type Error = Infallible;
}

impl Read for Client {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        let Some(piece) = self.pieces.first_mut() else { return Ok(0) };
        let n = piece.len().min(out.len());
        out[..n].copy_from_slice(&piece[..n]);
        piece.drain(..n);
        if piece.is_empty() {
            self.pieces.remove(0);
        }
        Ok(n)
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn wirelet_does_all_of_it() {
        super::markdown().unwrap();
    }
}
