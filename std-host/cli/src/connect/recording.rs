//! `--record`: what went in both directions, as a JSON object a line.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wirelet::CloseCode;
use wirelet_host::OwnedMessage;

use super::blocks::{Block, Content};

/// A file to which all is written when it is sent or received.
pub(super) struct Recording {
    file: File,
    path: PathBuf,
}

/// A line of the file.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Entry<'e> {
    /// As RFC 3339 has it, in UTC, with microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<Cow<'e, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<Direction>,
    pub(super) kind: Kind,
    /// Text as it is, anything else in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Cow<'e, str>>,
    /// False for a fragment that others follow.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) fin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'e, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'e, str>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Sent,
    Received,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// There is a connection now.
    Open,
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

impl Recording {
    /// Begins a file in place of what was there. Others may not read it: messages hold secrets.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(file) => Ok(Self { file, path: path.to_owned() }),
            Err(error) => Err(format!("cannot write {}: {error}", path.display())),
        }
    }

    pub(super) fn opened(&mut self, url: &str) -> Result<(), String> {
        self.write(Entry { url: Some(url.into()), ..Entry::new(Kind::Open) })
    }

    pub(super) fn sent(&mut self, block: &Block) -> Result<(), String> {
        let (kind, data) = match &block.content {
            Content::Text(text) => (Kind::Text, text.into()),
            Content::Binary(bytes) => (Kind::Binary, base64(bytes)),
        };
        self.write(Entry {
            direction: Some(Direction::Sent),
            data: Some(data),
            fin: block.is_last,
            ..Entry::new(kind)
        })
    }

    pub(super) fn sent_ping(&mut self, payload: &[u8]) -> Result<(), String> {
        self.write(Entry {
            direction: Some(Direction::Sent),
            data: Some(base64(payload)),
            ..Entry::new(Kind::Ping)
        })
    }

    pub(super) fn sent_close(&mut self, code: u16) -> Result<(), String> {
        self.write(Entry {
            direction: Some(Direction::Sent),
            code: Some(code),
            ..Entry::new(Kind::Close)
        })
    }

    pub(super) fn received(&mut self, received: &OwnedMessage) -> Result<(), String> {
        let direction = Some(Direction::Received);
        let entry = match received {
            OwnedMessage::Text(text) => {
                Entry { data: Some(Cow::Borrowed(text)), ..Entry::new(Kind::Text) }
            }
            OwnedMessage::Binary(bytes) => {
                Entry { data: Some(base64(bytes)), ..Entry::new(Kind::Binary) }
            }
            OwnedMessage::Ping(payload) => {
                Entry { data: Some(base64(payload)), ..Entry::new(Kind::Ping) }
            }
            OwnedMessage::Pong(payload) => {
                Entry { data: Some(base64(payload)), ..Entry::new(Kind::Pong) }
            }
            OwnedMessage::Close { code, reason } => Entry {
                code: code.map(CloseCode::get),
                reason: code.map(|_| Cow::Borrowed(&**reason)),
                ..Entry::new(Kind::Close)
            },
            _ => return Ok(()),
        };
        self.write(Entry { direction, ..entry })
    }

    fn write(&mut self, mut entry: Entry<'_>) -> Result<(), String> {
        let time = humantime::format_rfc3339_micros(SystemTime::now());
        entry.time = Some(time.to_string().into());
        let written = serde_json::to_string(&entry)
            .map_err(Into::into)
            .and_then(|line| self.file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Entry<'_> {
    const fn new(kind: Kind) -> Self {
        let (time, direction, data) = (None, None, None);
        Self { time, direction, kind, data, fin: true, code: None, reason: None, url: None }
    }
}

fn base64(bytes: &[u8]) -> Cow<'static, str> {
    STANDARD.encode(bytes).into()
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_yes(fin: &bool) -> bool {
    *fin
}
