//! `--replay`: what a recording says was sent, sent again at its times.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use super::blocks::{Block, Content};
use super::recording::{Direction, Entry, Kind};

/// Messages with their times.
pub(super) struct Replay {
    /// Each with its time since the first line of the recording.
    blocks: VecDeque<(Duration, Block)>,
    /// When the first was asked for.
    start: Option<Instant>,
}

impl Replay {
    /// Reads a recording, of which nothing is sent if anything is wrong with it.
    pub(super) async fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = if path.as_os_str() == "-" {
            let mut text = String::new();
            tokio::io::stdin().read_to_string(&mut text).await.map(|_| text)
        } else {
            tokio::fs::read_to_string(path).await
        };
        let text = text.map_err(|error| format!("cannot read {name}: {error}"))?;
        Self::parse(&text).map_err(|(line, why)| format!("{name}, line {line}: {why}"))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let (mut blocks, mut begin, mut is_first) = (VecDeque::new(), None, true);
        let mut at = Duration::ZERO;
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            let wrong = |why: String| (number, why);
            let entry: Entry<'_> =
                serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            if let Some(time) = &entry.time {
                let time = humantime::parse_rfc3339_weak(time)
                    .map_err(|error| wrong(format!("the time {time:?}: {error}")))?;
                let begin: SystemTime = *begin.get_or_insert(time);
                // A clock may have been set back meanwhile.
                at = at.max(time.duration_since(begin).unwrap_or_default());
            }
            if entry.direction != Some(Direction::Sent) {
                continue;
            }
            let data = entry.data.unwrap_or_default();
            let content = match entry.kind {
                Kind::Text => Content::Text(data.into_owned()),
                Kind::Binary => Content::Binary(
                    STANDARD.decode(&*data).map_err(|error| wrong(format!("the data: {error}")))?,
                ),
                // These belong to the connection.
                Kind::Open | Kind::Ping | Kind::Pong | Kind::Close => continue,
            };
            blocks.push_back((at, Block { content, is_first, is_last: entry.fin }));
            is_first = entry.fin;
        }
        Ok(Self { blocks, start: None })
    }

    /// Waits until the next message was sent; `None` behind the last. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Block> {
        let start = *self.start.get_or_insert_with(Instant::now);
        let (at, _) = self.blocks.front()?;
        tokio::time::sleep(at.saturating_sub(start.elapsed())).await;
        self.blocks.pop_front().map(|(_, block)| block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_sent_at_its_times() {
        let recording = r#"
            {"time":"2026-11-28T10:00:00.5Z","kind":"open","url":"ws://a/"}
            {"time":"2026-11-28T10:00:01.500001Z","direction":"sent","kind":"text","data":"Grüße"}
            {"time":"2026-11-28T10:00:02Z","direction":"received","kind":"text","data":"not this"}
            {"time":"2026-11-28T09:00:00Z","direction":"sent","kind":"binary","data":"AP8=","fin":false}
            {"direction":"sent","kind":"binary","data":""}
            {"time":"2026-11-28T10:00:03Z","direction":"sent","kind":"close","code":1000,"later":1}
        "#;
        let replay = Replay::parse(recording).unwrap();
        let block = |content, is_first, is_last| Block { content, is_first, is_last };
        let wanted = [
            (1_000_001, block(Content::Text("Grüße".into()), true, true)),
            (1_500_000, block(Content::Binary(vec![0, 255]), true, false)),
            (1_500_000, block(Content::Binary(vec![]), false, true)),
        ];
        let wanted = wanted.map(|(micros, block)| (Duration::from_micros(micros), block));
        assert_eq!(replay.blocks, wanted);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (line, why) in [
            ("{}", "missing field `kind`"),
            ("hello", "expected value"),
            (r#"{"kind":"letter"}"#, "unknown variant `letter`"),
            (r#"{"kind":"text","time":"noon"}"#, "the time \"noon\""),
            (r#"{"kind":"binary","direction":"sent","data":"?"}"#, "the data"),
        ] {
            let Err((2, error)) = Replay::parse(&format!("\n{line}")) else { panic!("{line}") };
            assert!(error.contains(why), "{error}");
        }
    }
}
