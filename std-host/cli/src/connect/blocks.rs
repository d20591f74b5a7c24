//! What is sent: messages, of which a long one is sent in fragments of bounded length.

use std::io;
use std::mem;
use std::path::Path;
use std::pin::Pin;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};
use wirelet::{Chunk, Message};

/// A message, or a fragment of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) content: Content,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    Binary(Vec<u8>),
}

/// The fragments of a file that are still to be sent.
pub(super) struct Blocks {
    file: Pin<Box<dyn AsyncRead + Send>>,
    name: String,
    is_text: bool,
    /// What comes next. It is read ahead, so that the last fragment is known as such.
    next: Option<Content>,
    /// What was read of the one behind that. It may begin with the beginning of a letter.
    bytes: Vec<u8>,
    /// How far the file has been read.
    at: u64,
    is_first: bool,
    len: Option<u64>,
}

impl Block {
    pub(super) const fn whole(content: Content) -> Self {
        Self { content, is_first: true, is_last: true }
    }

    pub(super) fn chunk(&self) -> Chunk<'_> {
        let message = match &self.content {
            Content::Text(text) => Message::Text(text),
            Content::Binary(bytes) => Message::Binary(bytes),
        };
        match (self.is_first, self.is_last) {
            (true, true) => Chunk::whole(message),
            (true, false) => Chunk::first(message),
            (false, false) => Chunk::middle(message),
            (false, true) => Chunk::last(message),
        }
    }

    /// Returns its length, in bytes.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Binary(bytes) => bytes.len(),
        }
    }
}

impl Blocks {
    pub(super) async fn binary(path: &Path) -> Result<Self, String> {
        Self::open(path, false).await
    }

    /// Refuses a file that is no UTF-8 before anything of it is sent. What comes through a pipe is seen once only.
    pub(super) async fn text(path: &Path) -> Result<Self, String> {
        let blocks = Self::open(path, true).await?;
        if blocks.len.is_none() {
            return Ok(blocks);
        }
        let mut checked = blocks;
        while !checked.next().await?.is_last {}
        Self::open(path, true).await
    }

    async fn open(path: &Path, is_text: bool) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            let stdin = Box::pin(tokio::io::stdin());
            return Ok(Self::new(stdin, "the standard input".into(), is_text, None));
        }
        let name = path.display().to_string();
        let explain = |error| format!("cannot read {name}: {error}");
        let mut file = File::open(path).await.map_err(explain)?;
        let metadata = file.metadata().await.map_err(explain)?;
        if metadata.is_dir() {
            return Err(explain(io::ErrorKind::IsADirectory.into()));
        }
        let is_seekable = metadata.is_file() && file.rewind().await.is_ok();
        let len = is_seekable.then_some(metadata.len());
        Ok(Self::new(Box::pin(file), name, is_text, len))
    }

    fn new(
        file: Pin<Box<dyn AsyncRead + Send>>,
        name: String,
        is_text: bool,
        len: Option<u64>,
    ) -> Self {
        Self { file, name, is_text, next: None, bytes: Vec::new(), at: 0, is_first: true, len }
    }

    /// Returns the length of the file, in bytes, if it is known.
    pub(super) const fn len(&self) -> Option<u64> {
        self.len
    }

    /// Waits for the next fragment; not to be called behind the last. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Block, String> {
        if self.next.is_none() {
            self.next = Some(self.read_next().await?);
        }
        let behind = self.read_next().await?;
        let is_last = behind.as_bytes().is_empty();
        let content = self.next.replace(behind);
        let is_first = mem::replace(&mut self.is_first, false);
        Ok(Block { content: content.unwrap_or_default(), is_first, is_last })
    }

    /// Reads the next fragment; it is empty at the end.
    async fn read_next(&mut self) -> Result<Content, String> {
        let mut is_end = false;
        while self.bytes.len() < BLOCK_BYTES && !is_end {
            let room = BLOCK_BYTES - self.bytes.len();
            self.bytes.reserve_exact(room);
            let mut input = (&mut self.file).take(room as u64);
            let read = input.read_buf(&mut self.bytes).await;
            let n = read.map_err(|error| format!("cannot read {}: {error}", self.name))?;
            self.at += n as u64;
            is_end = n == 0;
        }
        let mut bytes = mem::take(&mut self.bytes);
        if !self.is_text {
            return Ok(Content::Binary(bytes));
        }
        match split_text(&mut bytes, is_end) {
            Ok(behind) => self.bytes = behind,
            Err(before_end) => {
                let at = self.at - before_end as u64;
                return Err(format!("{}: no UTF-8 at byte {at}; see --send-file", self.name));
            }
        }
        Ok(Content::Text(String::from_utf8(bytes).map_err(|error| error.to_string())?))
    }
}

/// Cuts off the beginning of a letter that what comes next may end, and returns it.
///
/// # Errors
///
/// So many bytes before the end, there is no UTF-8.
pub(super) fn split_text(bytes: &mut Vec<u8>, is_end: bool) -> Result<Vec<u8>, usize> {
    match str::from_utf8(bytes) {
        Ok(_) => Ok(Vec::new()),
        Err(error) if error.error_len().is_some() || is_end => {
            Err(bytes.len() - error.valid_up_to())
        }
        Err(error) => Ok(bytes.split_off(error.valid_up_to())),
    }
}

impl Content {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Binary(Vec::new())
    }
}

/// The longest fragment, in bytes.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::NamedTempFile;

    use super::*;

    fn file(content: &[u8]) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        fs::write(&file, content).unwrap();
        file
    }

    /// Takes all fragments; returns the lengths, and all of their bytes.
    async fn take_all(mut blocks: Blocks) -> (Vec<usize>, Vec<u8>) {
        let (mut lens, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let block = blocks.next().await.unwrap();
            let chunk = block.chunk();
            assert_eq!(chunk.is_first(), lens.is_empty());
            lens.push(chunk.as_bytes().len());
            bytes.extend_from_slice(chunk.as_bytes());
            if chunk.is_last() {
                return (lens, bytes);
            }
        }
    }

    #[tokio::test]
    async fn a_file_becomes_fragments_of_which_the_last_is_known() {
        for (len, lens) in [
            (0, &[0][..]),
            (1, &[1]),
            (65_536, &[65_536]),
            (65_537, &[65_536, 1]),
            (200_000, &[65_536, 65_536, 65_536, 3392]),
        ] {
            let content: Vec<u8> = (0..=255).cycle().take(len).collect();
            let taken = take_all(Blocks::binary(file(&content).path()).await.unwrap()).await;
            assert_eq!((&taken.0[..], taken.1 == content), (lens, true));
        }
    }

    #[tokio::test]
    async fn text_is_cut_between_letters() {
        for offset in 0..4 {
            let content = "a".repeat(offset) + &"😀".repeat(50_000);
            let file = file(content.as_bytes());
            let (_, taken) = take_all(Blocks::text(file.path()).await.unwrap()).await;
            assert!(taken == content.as_bytes(), "{offset}");
        }
    }

    #[tokio::test]
    async fn what_is_no_text_is_refused_with_its_place() {
        for (content, at) in [
            (&b"ab\xff"[..], 2),
            (&[&b"a".repeat(65_535), &b"\xc3"[..]].concat(), 65_535),
            (&[&b"a".repeat(65_535), &b"\xc3("[..]].concat(), 65_535),
            (&[&b"a".repeat(100_000), &b"\xf0\x9f\x98"[..]].concat(), 100_000),
        ] {
            let Err(error) = Blocks::text(file(content).path()).await else { panic!("{at}") };
            assert!(error.contains(&format!("no UTF-8 at byte {at};")), "{error}");
        }
        for (path, why) in
            [("no-such-file", "cannot read no-such-file: "), ("/", "cannot read /: ")]
        {
            let Err(error) = Blocks::text(Path::new(path)).await else { panic!("{path}") };
            assert!(error.starts_with(why), "{error}");
        }
    }
}
