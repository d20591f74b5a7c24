//! A calculator with a stack of its own for each connection: `state ADDR:PORT`.

use std::error::Error;

use tokio::net::TcpListener;
use wirelet_host::{Connection, ConnectionError};

#[path = "common/serve.rs"]
mod serving;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).ok_or("usage: state ADDR:PORT")?;
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(serving::serve(listener, talk).await?)
}

/// A calculator in reverse Polish notation: numbers are pushed, and operators take two.
async fn talk(mut connection: Connection) -> Result<(), ConnectionError> {
    let mut stack: Vec<i64> = Vec::new();
    let mut n_errors = 0;
    while let Some(message) = connection.receive().await {
        let message = message?;
        let Some(word) = message.as_text() else { continue };
        let answer = match apply(&mut stack, word) {
            Ok(()) => format!("{stack:?}"),
            Err(why) => {
                n_errors += 1;
                format!("{why}, the {n_errors}. error here")
            }
        };
        connection.send(answer).await?;
    }
    Ok(())
}

fn apply(stack: &mut Vec<i64>, word: &str) -> Result<(), &'static str> {
    if let Ok(number) = word.parse() {
        if stack.len() == 100 {
            return Err("the stack is full");
        }
        stack.push(number);
        return Ok(());
    }
    let &[.., first, second] = &stack[..] else { return Err("two numbers are missing") };
    let result = match word {
        "+" => first.wrapping_add(second),
        "-" => first.wrapping_sub(second),
        "*" => first.wrapping_mul(second),
        _ => return Err("neither a number nor +, - or *"),
    };
    stack.truncate(stack.len() - 2);
    stack.push(result);
    Ok(())
}
