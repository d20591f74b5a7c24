//! JSON, indented for people, and coloured if they like.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// Indents a text that is JSON; returns `None` for any other. Numbers and strings stay as they are
/// written, and names in their order.
pub(super) fn pretty(text: &str, coloured: bool) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::new();
    let mut depth = 0;
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => string_len(rest),
            '{' | '}' | '[' | ']' | ':' | ',' | ' ' | '\t' | '\r' | '\n' => 1,
            _ => rest.find(['}', ']', ',', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(len);
        rest = behind.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                if !rest.starts_with(['}', ']']) {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth -= 1;
                    break_line(&mut out, depth);
                }
                out.push(first);
            }
            ',' => {
                out.push(',');
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if coloured => {
                let colour = match first {
                    '"' if rest.starts_with(':') => NAME,
                    '"' => STRING,
                    't' | 'f' | 'n' => LITERAL,
                    _ => NUMBER,
                };
                let _ = write!(out, "\x1b[{colour}m{token}\x1b[0m");
            }
            _ => out.push_str(token),
        }
    }
    Some(out)
}

/// Returns the length of the string at the beginning, with its quotes.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |at| at + 2)
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Colours of a terminal (ECMA-48, select graphic rendition).
const NAME: u8 = 34; // blue
const STRING: u8 = 32; // green
const NUMBER: u8 = 36; // cyan
const LITERAL: u8 = 35; // magenta

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_otherwise_as_it_was() {
        for (text, indented) in [
            ("1.50", "1.50"),
            (" null ", "null"),
            ("\"a\\\"b\"", "\"a\\\"b\""),
            ("[]", "[]"),
            ("{ }", "{}"),
            ("[1,[ ],{}]", "[\n  1,\n  [],\n  {}\n]"),
            (
                r#"{"z": 12345678901234567890123, "a":[true ,"x, y: {\\"]}"#,
                "{\n  \"z\": 12345678901234567890123,\n  \"a\": [\n    true,\n    \"x, y: {\\\\\"\n  ]\n}",
            ),
        ] {
            assert_eq!(pretty(text, false).as_deref(), Some(indented));
        }
    }

    #[test]
    fn what_is_indented_means_the_same() {
        let text = r#"{"a":[1,2.5e-3,"\u00e9",{"b":null}],"c":{"d":[[],[[]]]},"":false}"#;
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&pretty(text, false).unwrap()), parse(text));
    }

    #[test]
    fn colours_tell_names_strings_numbers_and_literals() {
        assert_eq!(
            pretty(r#"{"a":"b","c":[1,true]}"#, true).unwrap(),
            "{\n  \x1b[34m\"a\"\x1b[0m: \x1b[32m\"b\"\x1b[0m,\n  \x1b[34m\"c\"\x1b[0m: [\n    \
             \x1b[36m1\x1b[0m,\n    \x1b[35mtrue\x1b[0m\n  ]\n}"
        );
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in ["", "hello", "{", "[1,]", "{\"a\"}", "1 2"] {
            assert_eq!(pretty(text, false), None, "{text}");
        }
    }
}
