//! How `wirelet connect` ends, in a table that stands in `std-host/docs/connect.md`.
#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod endings;
mod program;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::thread;

use endings::{ALL, Ending};

#[test]
fn each_way_to_end_is_as_the_page_says() {
    let running: Vec<_> = ALL.into_iter().map(thread::spawn).collect();
    let endings = running.into_iter().map(|ending| ending.join().unwrap());
    let mut table = String::from(
        "| what happens | printed | said on the standard error | exit code | close code that the server sees |\n\
         |---|---|---|---|---|\n",
    );
    for ending in endings {
        table.push_str(&row(&ending));
    }
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for it");
    let (_, behind) = rest.split_once(END).expect("the place ends");
    let wanted = format!("{before}{BEGIN}\n{table}{END}{behind}");
    if env::var_os(WRITE).is_some() {
        fs::write(PAGE, &wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "{PAGE} has another table; with {WRITE}=1 this test writes:\n{table}"
        );
    }
}

fn row(ending: &Ending) -> String {
    let code = ending.ended.code.expect("it has ended by itself");
    let said = without_ports(&ending.ended.said);
    let seen = ending.seen.map_or_else(|| "–".to_owned(), |code| code.to_string());
    let mut row = String::new();
    let (printed, said) = (cell(&ending.ended.printed), cell(&said));
    writeln!(row, "| {} | {printed} | {said} | {code} | {seen} |", ending.what).unwrap();
    row
}

/// Shows `HOST` for a host with its port, which differs each time.
fn without_ports(text: &str) -> String {
    let text = text.replace("localhost:", "127.0.0.1:");
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        text + "HOST" + part.trim_start_matches(|digit: char| digit.is_ascii_digit())
    })
}

/// Lines, as a table of Markdown can have them.
fn cell(text: &str) -> String {
    let lines: Vec<_> =
        text.lines().map(|line| format!("`{}`", line.replace('|', "\\|"))).collect();
    if lines.is_empty() { "nothing".into() } else { lines.join(", ") }
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/connect.md");
const BEGIN: &str = "<!-- endings: written by the test `connect_endings` -->";
const END: &str = "<!-- /endings -->";
const WRITE: &str = "WIRELET_WRITE_PAGES";
