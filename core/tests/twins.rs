//! The two drivers hold no rule: they are one text, with `async` and `.await` in one of them.

/// The lines of code, without comments.
fn code(source: &str) -> impl Iterator<Item = &str> {
    source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// The code without what makes it async, and without how it is laid out.
fn stripped(source: &str) -> String {
    let text: String =
        code(source).flat_map(|line| line.split_whitespace().chain(["\n"])).collect();
    let text = text.replace("_async", "").replace("async", "").replace(".await", "");
    text.replace(['\n', ' '], "").replace(",)", ")")
}

const BLOCKING: &str = include_str!("../src/blocking.rs");
const ASYNCH: &str = include_str!("../src/asynch.rs");

#[test]
fn the_drivers_differ_in_async_and_await_alone() {
    assert!(ASYNCH.matches(".await").count() > 30);
    let (blocking, asynch) = (stripped(BLOCKING), stripped(ASYNCH));
    let at = blocking.bytes().zip(asynch.bytes()).position(|(a, b)| a != b);
    let at = at.unwrap_or(blocking.len().min(asynch.len()));
    let near = |text: &str| text.chars().skip(at.saturating_sub(20)).take(60).collect::<String>();
    assert!(blocking == asynch, "{} / {}", near(&blocking), near(&asynch));
}

#[test]
fn the_drivers_stay_small() {
    for (name, source) in [("blocking", BLOCKING), ("asynch", ASYNCH)] {
        let n = code(source).count();
        assert!(n <= 200, "{name}.rs has {n} lines of code");
    }
}
