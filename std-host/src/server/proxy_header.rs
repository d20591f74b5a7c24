//! The PROXY protocol, versions 1 and 2: what `HAProxy`, AWS NLB and others send in front of a connection, before
//! TLS, to tell who it is from.
//!
//! Its document is <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>. What follows the header on the
//! socket is another's, such as TLS's, so that no byte behind it may be read. A parser of whole headers does not
//! say how many are safe to read, which is half of what is here.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A header that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct ProxyHeader {
    /// Of version 2, at most as much as is looked at.
    received: Vec<u8>,
    /// So much of the rest has come.
    skipped: usize,
}

/// Where a connection is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// What the proxy says.
    Told(SocketAddr),
    /// From the proxy itself, such as its check of the server's health, or from where there are no such
    /// addresses: that of the socket stands.
    OfSocket,
}

/// What came is no such header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoHeader;

impl ProxyHeader {
    /// Reads on, and not beyond the header's end; returns how many bytes were read, of which 0 is the end of
    /// the stream, and the source once the header is whole.
    pub(crate) fn read(
        &mut self,
        stream: &mut impl Read,
    ) -> io::Result<(usize, Result<Option<Source>, NoHeader>)> {
        let mut piece = [0; 256];
        let wanted = self.wanted().min(piece.len());
        let n = stream.read(&mut piece[..wanted])?;
        Ok((n, self.push(&piece[..n])))
    }

    /// Returns what came, for the log.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// How many of the bytes to come are certain to be the header's.
    fn wanted(&self) -> usize {
        match &*self.received {
            received if received.len() < SHORTEST => SHORTEST - received.len(),
            received if received.starts_with(SIGNATURE) => match len_of_v2(received) {
                None => V2_FIXED - received.len(),
                Some(len) if received.len() < len.min(V2_KEPT) => len.min(V2_KEPT) - received.len(),
                Some(len) => len.saturating_sub(received.len() + self.skipped),
            },
            [.., b'\r'] => 1,
            _ => 2,
        }
    }

    /// Adds what was read, which is no more than was wanted.
    fn push(&mut self, bytes: &[u8]) -> Result<Option<Source>, NoHeader> {
        match len_of_v2(&self.received) {
            Some(len) if self.received.len() == len.min(V2_KEPT) => self.skipped += bytes.len(),
            _ => self.received.extend_from_slice(bytes),
        }
        let received = &*self.received;
        let begins = |with: &[u8]| received.iter().zip(with).all(|(byte, other)| byte == other);
        if begins(SIGNATURE) {
            let is_whole =
                len_of_v2(received).is_some_and(|len| received.len() + self.skipped == len);
            return if is_whole { parse_v2(received).map(Some) } else { Ok(None) };
        }
        // What is none is told at its first wrong byte.
        match received {
            _ if !begins(V1) => Err(NoHeader),
            [line @ .., b'\r', b'\n'] => {
                parse_v1(line.get(V1.len()..).unwrap_or_default()).map(Some)
            }
            _ if received.len() < V1_LONGEST => Ok(None),
            _ => Err(NoHeader),
        }
    }
}

/// §2.1, behind `PROXY `: `TCP4 192.0.2.7 192.0.2.1 5000 80`.
fn parse_v1(line: &[u8]) -> Result<Source, NoHeader> {
    let line = str::from_utf8(line).map_err(|_| NoHeader)?;
    let mut parts = line.split(' ');
    match parts.next() {
        // "The receiver must ignore anything presented before the CRLF is found."
        Some("UNKNOWN") => Ok(Source::OfSocket),
        Some("TCP4") => addresses::<Ipv4Addr>(parts),
        Some("TCP6") => addresses::<Ipv6Addr>(parts),
        _ => Err(NoHeader),
    }
}

/// The source and destination addresses, and then their ports.
fn addresses<'l, A: FromStr + Into<IpAddr>>(
    parts: impl Iterator<Item = &'l str>,
) -> Result<Source, NoHeader> {
    let parts: Vec<&str> = parts.collect();
    let [source, destination, source_port, destination_port] = *parts else { return Err(NoHeader) };
    let address = |text: &str| text.parse::<A>().map_err(|_| NoHeader);
    let port = |text: &str| match text.as_bytes() {
        [b'1'..=b'9', ..] | b"0" => text.parse::<u16>().map_err(|_| NoHeader),
        _ => Err(NoHeader),
    };
    let told = SocketAddr::new(address(source)?.into(), port(source_port)?);
    address(destination)?;
    port(destination_port)?;
    Ok(Source::Told(told))
}

/// The length of a header of version 2, if so much of it has come.
fn len_of_v2(received: &[u8]) -> Option<usize> {
    let (fixed, _) = received.split_at_checked(V2_FIXED)?;
    let len = fixed.starts_with(SIGNATURE).then(|| u16::from_be_bytes([fixed[14], fixed[15]]))?;
    Some(V2_FIXED + usize::from(len))
}

/// §2.2.
fn parse_v2(received: &[u8]) -> Result<Source, NoHeader> {
    let (fixed, addresses) = received.split_at_checked(V2_FIXED).ok_or(NoHeader)?;
    match (fixed[12], fixed[13]) {
        // TCP over IPv4: source, destination, and both ports.
        (0x21, 0x11) => {
            let [a, b, c, d, _, _, _, _, port @ ..] = addresses else { return Err(NoHeader) };
            let [high, low, _, _, ..] = port else { return Err(NoHeader) };
            Ok(told([*a, *b, *c, *d], [*high, *low]))
        }
        (0x21, 0x21) => {
            let (source, rest) = addresses.split_first_chunk::<16>().ok_or(NoHeader)?;
            let (_, port) = rest.split_first_chunk::<16>().ok_or(NoHeader)?;
            let [high, low, _, _, ..] = port else { return Err(NoHeader) };
            Ok(told(*source, [*high, *low]))
        }
        // LOCAL: "The receiver must accept this connection as valid and must use the real connection
        // endpoints and discard the protocol block including the family which is ignored." And no family,
        // datagrams and Unix sockets: "the receiver should [...] ignore the address".
        (0x20, _) | (0x21, 0x00..=0x02 | 0x10 | 0x12 | 0x20 | 0x22 | 0x30..=0x32) => {
            Ok(Source::OfSocket)
        }
        _ => Err(NoHeader),
    }
}

fn told(address: impl Into<IpAddr>, port: [u8; 2]) -> Source {
    Source::Told(SocketAddr::new(address.into(), u16::from_be_bytes(port)))
}

const V1: &[u8] = b"PROXY ";

/// §2.1: "the maximum line lengths the receiver must support including the CRLF [...] 107 chars".
const V1_LONGEST: usize = 107;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// All that comes before the addresses.
const V2_FIXED: usize = 16;

/// So much of a header of version 2 is looked at: two addresses of IPv6 and their ports.
const V2_KEPT: usize = V2_FIXED + 36;

/// `PROXY UNKNOWN\r\n`, one byte shorter than any of version 2.
const SHORTEST: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a header from a stream that hands out so many bytes at a time, and has others behind them.
    fn read(header: &[u8], at_a_time: usize) -> Result<Option<Source>, NoHeader> {
        const BEHIND: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
        let all = [header, BEHIND].concat();
        let mut rest = &*all;
        let mut reader = ProxyHeader::default();
        loop {
            let mut piece = &rest[..at_a_time.min(rest.len())];
            let (n, source) = reader.read(&mut piece).unwrap();
            rest = &rest[n..];
            match source {
                Ok(None) if !rest.is_empty() => {}
                Ok(Some(source)) => {
                    assert_eq!(rest, BEHIND, "{} by {at_a_time}", header.escape_ascii());
                    return Ok(Some(source));
                }
                other => return other,
            }
        }
    }

    #[track_caller]
    fn is(header: &[u8], source: Source) {
        for at_a_time in 1..=header.len() + 5 {
            let read = read(header, at_a_time);
            assert_eq!(read, Ok(Some(source)), "{} by {at_a_time}", header.escape_ascii());
        }
        // A beginning alone is neither whole nor wrong.
        for len in 0..header.len() {
            let mut reader = ProxyHeader::default();
            for byte in &header[..len] {
                assert!(reader.wanted() > 0);
                assert_eq!(reader.push(&[*byte]), Ok(None), "{}", header[..len].escape_ascii());
            }
        }
    }

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let len = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &len, block].concat()
    }

    fn told(addr: &str) -> Source {
        Source::Told(addr.parse().unwrap())
    }

    const V4: &[u8] = b"\xc0\0\x02\x07\xc0\0\x02\x01\x13\x88\0\x50";

    #[test]
    fn version_1_is_a_line() {
        is(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", told("192.0.2.7:5000"));
        is(
            b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            told("255.255.255.255:65535"),
        );
        is(b"PROXY TCP6 2001:db8::7 ::1 0 443\r\n", told("[2001:db8::7]:0"));
        is(b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
           told("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"));
        is(b"PROXY UNKNOWN\r\n", Source::OfSocket);
        is(b"PROXY UNKNOWN what ever\rit is\r\n", Source::OfSocket);
        let longest = [b"PROXY UNKNOWN ", &[b'x'; 91][..], b"\r\n"].concat();
        assert_eq!(longest.len(), V1_LONGEST);
        is(&longest, Source::OfSocket);
    }

    #[test]
    fn version_2_is_binary_and_what_is_behind_the_addresses_is_skipped() {
        is(&v2(0x21, 0x11, V4), told("192.0.2.7:5000"));
        is(&v2(0x21, 0x11, &[V4, b"\x03\0\x04crc0\x04\0\x01n"].concat()), told("192.0.2.7:5000"));
        is(&v2(0x21, 0x11, &[V4, &[0xee; 700]].concat()), told("192.0.2.7:5000"));
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(b"\x20\x01");
        v6[15] = 7;
        v6[32..].copy_from_slice(b"\x13\x88\x01\xbb");
        is(&v2(0x21, 0x21, &v6), told("[2001::7]:5000"));
        is(&v2(0x21, 0x21, &[&v6[..], &[1; 3]].concat()), told("[2001::7]:5000"));
        // LOCAL, whatever its addresses; and what has none of ours.
        is(&v2(0x20, 0x00, b""), Source::OfSocket);
        is(&v2(0x20, 0x11, V4), Source::OfSocket);
        is(&v2(0x21, 0x00, b"abc"), Source::OfSocket);
        is(&v2(0x21, 0x31, &[b'/'; 216]), Source::OfSocket);
        is(&v2(0x21, 0x12, V4), Source::OfSocket);
    }

    #[test]
    fn the_longest_block_is_skipped_to_its_end() {
        let header = v2(0x21, 0x11, &[V4, &vec![0xee; 65535 - V4.len()]].concat());
        for at_a_time in [1, 7, 4096] {
            assert_eq!(read(&header, at_a_time), Ok(Some(told("192.0.2.7:5000"))));
        }
    }

    #[test]
    fn what_is_no_header_is_told_as_soon_as_that_shows() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        for bad in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0",
            b"PROXY  TCP4 192.0.2.7 192.0.2.1 5000 80\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 5000\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80 1\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80 \r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 65536\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 +500 80\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 05000 80\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1  80\r\n",
            b"PROXY TCP4 192.0.2.256 192.0.2.1 5000 80\r\n",
            b"PROXY TCP4 ::1 ::1 5000 80\r\n",
            b"PROXY TCP6 192.0.2.7 192.0.2.1 5000 80\r\n",
            b"PROXY TCP4 evil.example 192.0.2.1 5000 80\r\n",
            b"PROXY UDP4 192.0.2.7 192.0.2.1 5000 80\r\n",
            b"PROXY UNKNOWNX\r\n",
            b"proxy TCP4 192.0.2.7 192.0.2.1 5000 80\r\n",
            b"PROXY TCP4 192.0.2.7 \xff 5000 80\r\n",
            &long,
            &v2(0x11, 0x11, V4),
            &v2(0x22, 0x11, V4),
            &v2(0x21, 0x41, V4),
            &v2(0x21, 0x11, &V4[..11]),
            &v2(0x21, 0x21, &[0; 35]),
            b"\r\n\r\n\0\r\nQUIT\r\x21\x11\0\0",
        ] {
            for at_a_time in [1, 2, 15, 64, 4096] {
                assert_eq!(read(bad, at_a_time), Err(NoHeader), "{}", bad.escape_ascii());
            }
        }
        let mut reader = ProxyHeader::default();
        assert_eq!(reader.push(b"G"), Err(NoHeader));
    }
}
