//! What connections cost a server in memory, before and after messages.

use std::error::Error;
use std::thread;
use std::time::Duration;

use crate::client::Client;
use crate::contestant::{Contestant, echoing};
use crate::record::{MemorySample, Record};
use crate::server::{Memory, Server};

/// Measures every server with so many idle connections.
pub(crate) fn run(connections: usize, settle: Duration, record: &mut Record) {
    for contestant in echoing() {
        eprintln!("memory: {}", contestant.name);
        if let Err(error) = measure(&contestant, connections, settle, record) {
            record.fail("memory", contestant.name, &error.to_string());
        }
    }
}

fn measure(
    contestant: &Contestant,
    connections: usize,
    settle: Duration,
    record: &mut Record,
) -> Result<(), Box<dyn Error>> {
    let server = Server::start(contestant)?;
    let empty = server.memory()?;
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(&server.url)?);
    }
    let mut sample = |after, since: Memory, connections| {
        thread::sleep(settle);
        let now = server.memory()?;
        let each = |now, since| (bytes(now) - bytes(since)) / count(connections);
        let (rss, pss) = (each(now.rss, since.rss), each(now.pss, since.pss));
        let server = contestant.name;
        record.memory.push(MemorySample { server, connections, after, rss, pss });
        Ok::<_, Box<dyn Error>>(now)
    };
    sample(IDLE, empty, connections)?;
    exchange(&mut clients, 1024)?;
    sample(AFTER_1K, empty, connections)?;
    exchange(&mut clients, 64 * 1024)?;
    let before = sample(AFTER_64K, empty, connections)?;
    let few = connections.div_ceil(50);
    exchange(&mut clients[..few], 1024 * 1024)?;
    sample(AFTER_1M, before, few)?;
    // First, since many servers complain of each client that leaves without a close.
    drop(server);
    Ok(())
}

/// Lets each client send a message and receive it back.
fn exchange(clients: &mut [Client], size: usize) -> Result<(), Box<dyn Error>> {
    let (message, mut buffer) = (vec![7; size], vec![0; 256 * 1024]);
    clients.iter_mut().try_for_each(|client| client.exchange(&message, &mut buffer))
}

#[expect(clippy::cast_precision_loss, reason = "memory is below 2^53 bytes")]
const fn bytes(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "connections are few")]
const fn count(n: usize) -> f64 {
    n as f64
}

pub(crate) const IDLE: &str = "idle";
pub(crate) const AFTER_1K: &str = "after 1 KB";
pub(crate) const AFTER_64K: &str = "after 64 KB";
/// On one of 50 connections, and only what has come on top.
pub(crate) const AFTER_1M: &str = "1 MB on top";
