//! A file, sent as one message in fragments of bounded length.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::mem;
use std::path::Path;

use wirelet::{Chunk, Message};

/// The fragments of a file that are still to be sent.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    name: String,
    is_text: bool,
    /// What comes next. It is read ahead, so that the last fragment is known as such.
    next: Content,
    /// The beginning of a letter that ends in the block behind `next`.
    cut: Vec<u8>,
    /// How far the file has been read.
    at: u64,
    is_first: bool,
    len: u64,
}

/// A fragment.
#[derive(Debug)]
pub(super) struct Block {
    content: Content,
    is_first: bool,
    pub(super) is_last: bool,
}

#[derive(Debug)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Blocks {
    pub(super) fn binary(path: &Path) -> Result<Self, String> {
        Self::open(path, false)
    }

    /// Refuses what is no UTF-8 before anything of it is sent.
    pub(super) fn text(path: &Path) -> Result<Self, String> {
        let mut blocks = Self::open(path, true)?;
        while !blocks.next()?.is_last {}
        blocks.file.rewind().map_err(|error| blocks.explain(&error))?;
        (blocks.at, blocks.is_first) = (0, true);
        blocks.read_next()?;
        Ok(blocks)
    }

    fn open(path: &Path, is_text: bool) -> Result<Self, String> {
        let name = path.display().to_string();
        let explain = |error| format!("cannot read {name}: {error}");
        let file = File::open(path).map_err(explain)?;
        let len = file.metadata().map_err(explain)?.len();
        let (next, cut) = (Content::Binary(Vec::new()), Vec::new());
        let mut blocks = Self { file, name, is_text, next, cut, at: 0, is_first: true, len };
        blocks.read_next()?;
        Ok(blocks)
    }

    /// Returns the length of the file, in bytes.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Returns the next fragment; not to be called behind the last.
    pub(super) fn next(&mut self) -> Result<Block, String> {
        let content = mem::replace(&mut self.next, Content::Binary(Vec::new()));
        self.read_next()?;
        let is_first = mem::replace(&mut self.is_first, false);
        Ok(Block { content, is_first, is_last: self.next.as_bytes().is_empty() })
    }

    fn read_next(&mut self) -> Result<(), String> {
        let mut bytes = mem::take(&mut self.cut);
        let read = (&mut self.file).take(BLOCK_BYTES).read_to_end(&mut bytes);
        let n = read.map_err(|error| self.explain(&error))?;
        self.at += n as u64;
        if !self.is_text {
            self.next = Content::Binary(bytes);
            return Ok(());
        }
        // A letter that the block cuts goes into the next, if there is one.
        if let Err(error) = str::from_utf8(&bytes) {
            let at = self.at - (bytes.len() - error.valid_up_to()) as u64;
            if error.error_len().is_some() || n == 0 {
                return Err(format!("{}: no UTF-8 at byte {at}; see --send-file", self.name));
            }
            self.cut = bytes.split_off(error.valid_up_to());
        }
        self.next = Content::Text(String::from_utf8(bytes).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn explain(&self, error: &std::io::Error) -> String {
        format!("cannot read {}: {error}", self.name)
    }
}

impl Block {
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
}

impl Content {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// The longest fragment but for a letter, in bytes.
const BLOCK_BYTES: u64 = 64 * 1024;

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
    fn take_all(mut blocks: Blocks) -> (Vec<usize>, Vec<u8>) {
        let (mut lens, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let block = blocks.next().unwrap();
            let chunk = block.chunk();
            assert_eq!(chunk.is_first(), lens.is_empty());
            lens.push(chunk.as_bytes().len());
            bytes.extend_from_slice(chunk.as_bytes());
            if chunk.is_last() {
                return (lens, bytes);
            }
        }
    }

    #[test]
    fn a_file_becomes_fragments_of_which_the_last_is_known() {
        for (len, lens) in [
            (0, &[0][..]),
            (1, &[1]),
            (65_536, &[65_536]),
            (65_537, &[65_536, 1]),
            (200_000, &[65_536, 65_536, 65_536, 3392]),
        ] {
            let content: Vec<u8> = (0..=255).cycle().take(len).collect();
            let taken = take_all(Blocks::binary(file(&content).path()).unwrap());
            assert_eq!((&taken.0[..], taken.1 == content), (lens, true));
        }
    }

    #[test]
    fn text_is_cut_between_letters() {
        for offset in 0..4 {
            let content = "a".repeat(offset) + &"😀".repeat(50_000);
            let (_, taken) = take_all(Blocks::text(file(content.as_bytes()).path()).unwrap());
            assert!(taken == content.as_bytes(), "{offset}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        for (content, at) in [
            (&b"ab\xff"[..], 2),
            (&[&b"a".repeat(65_535), &b"\xc3"[..]].concat(), 65_535),
            (&[&b"a".repeat(65_535), &b"\xc3("[..]].concat(), 65_535),
            (&[&b"a".repeat(100_000), &b"\xf0\x9f\x98"[..]].concat(), 100_000),
        ] {
            let error = Blocks::text(file(content).path()).unwrap_err();
            assert!(error.contains(&format!("no UTF-8 at byte {at};")), "{error}");
        }
        let error = Blocks::text(Path::new("no-such-file")).unwrap_err();
        assert!(error.starts_with("cannot read no-such-file: "), "{error}");
    }
}
