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

    /// What a user has given: text if it is any, unless it is to be `binary`.
    pub(super) fn given(bytes: Vec<u8>, binary: bool) -> Self {
        if binary {
            return Self::Binary(bytes);
        }
        String::from_utf8(bytes).map_or_else(|error| Self::Binary(error.into_bytes()), Self::Text)
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
    fn what_was_given_is_text_if_it_can_be_and_may() {
        for (bytes, binary, is_text) in
            [(&b"caf\xc3\xa9"[..], false, true), (b"\xff", false, false), (b"a", true, false)]
        {
            let payload = Payload::given(bytes.to_vec(), binary);
            assert_eq!(payload.as_bytes(), bytes);
            assert_eq!(matches!(payload, Payload::Text(_)), is_text, "{bytes:?}");
        }
    }

    #[test]
    fn chinese_takes_three_bytes_a_letter() {
        let Payload::Text(text) = Payload::text(Letters::Chinese, 3000) else { unreachable!() };
        assert_eq!(text.chars().count(), 1000);
    }
}
