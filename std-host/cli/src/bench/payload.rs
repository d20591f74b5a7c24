//! What the messages say.

use std::iter;

use wirelet::Message;

use super::Letters;

/// The content of every message.
#[derive(Debug)]
pub(super) enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

impl Payload {
    /// Bytes in no pattern that fits a masking key or a buffer.
    pub(super) fn binary(len: usize) -> Self {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., high] = state.to_le_bytes();
            high
        };
        Self::Binary(iter::repeat_with(next).take(len).collect())
    }

    /// Text of `len` bytes, its end filled up with spaces where a letter does not fit.
    pub(super) fn text(letters: Letters, len: usize) -> Self {
        let letters = match letters {
            Letters::Ascii => "The quick brown fox jumps over the lazy dog. ",
            Letters::Mixed => "Zwölf Boxkämpfer – ξεσκεπάζω, 敏捷的棕狐 🦊 jumps. ",
            Letters::Chinese => "敏捷的棕色狐狸跳过了懒狗天地玄黄宇宙洪荒日月盈昃辰宿列张",
        };
        let mut text = String::with_capacity(len);
        text.extend(letters.chars().cycle().scan(0, |at, letter| {
            *at += letter.len_utf8();
            (*at <= len).then_some(letter)
        }));
        text.extend(iter::repeat_n(' ', len - text.len()));
        Self::Text(text)
    }

    pub(super) fn message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.message().as_bytes()
    }

    pub(super) fn len(&self) -> usize {
        self.as_bytes().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_length_that_was_asked_for() {
        for len in (0..200).chain([65_536]) {
            assert_eq!(Payload::binary(len).len(), len);
            for letters in [Letters::Ascii, Letters::Mixed, Letters::Chinese] {
                assert_eq!(Payload::text(letters, len).len(), len, "{letters:?}");
            }
        }
    }

    #[test]
    fn chinese_takes_three_bytes_a_letter() {
        let Payload::Text(text) = Payload::text(Letters::Chinese, 3000) else { unreachable!() };
        assert_eq!(text.chars().count(), 1000);
    }
}
