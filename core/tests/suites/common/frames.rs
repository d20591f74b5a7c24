//! Frames by the letter of §5.2, without a line of the crate.

/// One frame, its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

/// Makes a frame with the shortest length field; `first` is FIN, RSV and opcode.
pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(mask | u8::try_from(len).unwrap()),
        len @ 126..=0xffff => {
            bytes.push(mask | 0x7e);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            bytes.push(mask | 0x7f);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Takes apart frames that stand one after the other; panics unless they are whole, with no
/// reserved bits and the shortest length fields.
pub(crate) fn parse_frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at(2);
        let (len, rest) = match head[1] & 0x7f {
            126 => (u64::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()), &rest[8..]),
            len => (u64::from(len), rest),
        };
        let masked = head[1] & 0x80 != 0;
        let (key, rest) = rest.split_at(if masked { 4 } else { 0 });
        let key: Option<[u8; 4]> = masked.then(|| key.try_into().unwrap());
        let (payload, rest) = rest.split_at(usize::try_from(len).unwrap());
        let unmask = key.unwrap_or_default();
        let payload: Vec<u8> =
            payload.iter().zip(unmask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(head[0] & 0x70, 0, "reserved bits");
        assert_eq!(frame(head[0], key, &payload), bytes[..bytes.len() - rest.len()]);
        frames.push(Frame { first: head[0], key, payload });
        bytes = rest;
    }
    frames
}
