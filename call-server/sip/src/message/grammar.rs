//! The grammar's small change: white space, quotes, angle brackets, parameters, `host:port` (RFC 3261 section 25.1).
//!
//! All of it works on bytes: a Latin-1 display name is as good as a UTF-8 one. Nothing here allocates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Linear white space; CR and LF count because folded lines are kept as they came.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without white space at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_space(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_space(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// A character of `token`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Place of the first line feed, looked for eight bytes at a time: this is where most of the time of reading a packet goes.
pub(crate) fn line_feed(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const WANTED: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        // Zero where the byte is a line feed; the lowest high bit that is set behind a borrow is always a true one.
        let difference = u64::from_le_bytes(*word) ^ WANTED;
        let found = difference.wrapping_sub(ONES) & !difference & HIGH;
        if found != 0 {
            return place.checked_mul(8)?.checked_add(usize::try_from(found.trailing_zeros() / 8).ok()?);
        }
    }
    let behind = rest.iter().position(|byte| *byte == b'\n')?;
    words.len().checked_mul(8)?.checked_add(behind)
}

/// A whole, not empty `token`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// The two sides of the first `separator` (which is dropped), wherever it stands.
pub(crate) fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|byte| *byte == separator)?;
    let (before, from) = text.split_at_checked(place)?;
    Some((before, from.get(1..)?))
}

/// Where a scan stands with regard to what hides separators.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    Open,
    Quoted,
    Escaped,
    Angle,
}

impl Cover {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Open, b'"') | (Self::Escaped, _) => Self::Quoted,
            (Self::Open, b'<') => Self::Angle,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted, b'"') | (Self::Angle, b'>') => Self::Open,
            (Self::Open | Self::Quoted | Self::Angle, _) => self,
        }
    }
}

/// The two sides of the first `separator` outside quotes and angle brackets.
pub(crate) fn cut_outside(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    // Most texts have nothing to hide a separator behind, and are done here.
    let start = text.iter().position(|byte| *byte == separator || matches!(byte, b'"' | b'<'))?;
    let mut cover = Cover::Open;
    for (place, byte) in text.iter().enumerate().skip(start) {
        if cover == Cover::Open && *byte == separator {
            let (before, from) = text.split_at_checked(place)?;
            return Some((before, from.get(1..)?));
        }
        cover = cover.after(*byte);
    }
    None
}

/// Whether every quote and angle bracket that was opened is closed.
pub(crate) fn is_balanced(text: &[u8]) -> bool {
    let start = text.iter().position(|byte| matches!(byte, b'"' | b'<')).unwrap_or(text.len());
    text.iter().skip(start).fold(Cover::Open, |cover, byte| cover.after(*byte)) == Cover::Open
}

/// The trimmed, not empty parts between separators that stand outside quotes and angle brackets.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

/// See [`Parts`].
pub(crate) fn parts(text: &[u8], separator: u8) -> Parts<'_> {
    Parts { rest: Some(text), separator }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(text) = self.rest {
            let (part, rest) = cut_outside(text, self.separator).map_or((text, None), |(part, rest)| (part, Some(rest)));
            self.rest = rest;
            let part = trim(part);
            if !part.is_empty() {
                return Some(part);
            }
        }
        None
    }
}

/// Whether there is nothing between two separators, before the first or behind the last. An empty text is one empty part.
pub(crate) fn has_empty_part(mut text: &[u8], separator: u8) -> bool {
    while let Some((part, rest)) = cut_outside(text, separator) {
        if trim(part).is_empty() {
            return true;
        }
        text = rest;
    }
    trim(text).is_empty()
}

/// The parameters `;name=value;name` of a header value or URI, in order; quotes around a value are taken off.
pub(crate) fn parameters(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    parts(text, b';').map(|part| match cut_outside(part, b'=') {
        Some((name, value)) => (trim(name), Some(unquoted(trim(value)))),
        None => (part, None),
    })
}

/// The first parameter of this name, whatever its case: `Some(None)` if it has no value.
pub(crate) fn parameter<'a>(text: &'a [u8], wanted: &str) -> Option<Option<&'a [u8]>> {
    parameters(text).find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes())).map(|(_, value)| value)
}

pub(crate) fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text)
}

/// A decimal number without sign or space.
pub(crate) fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Host and port of a URI or a Via; white space around the colon is legal in a Via. A bracketed IPv6 reference keeps its brackets.
pub(crate) fn host_port(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let text = trim(text);
    let (host, rest) = if text.starts_with(b"[") {
        let end = text.iter().position(|byte| *byte == b']')?;
        text.split_at_checked(end.checked_add(1)?)?
    } else {
        let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
        text.split_at_checked(end)?
    };
    let (host, rest) = (trim(host), trim(rest));
    let port = match rest.strip_prefix(b":") {
        Some(port) => Some(number::<u16>(trim(port)).filter(|port| *port != 0)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    is_host(host).then_some((host, port))
}

fn is_host(host: &[u8]) -> bool {
    if host.starts_with(b"[") {
        return ip_address(host).is_some();
    }
    !host.is_empty() && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// The address that a host spells out, if it is not a name.
pub(crate) fn ip_address(host: &[u8]) -> Option<IpAddr> {
    let bare = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    match bare {
        Some(v6) => std::str::from_utf8(v6).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => std::str::from_utf8(host).ok()?.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_part() {
        let text = br#""a, \" b" <sip:a,b@c>;x="1,2", <sip:d>"#;
        let found: Vec<&[u8]> = parts(text, b',').collect();
        assert_eq!(found, [&br#""a, \" b" <sip:a,b@c>;x="1,2""#[..], b"<sip:d>"]);
    }

    #[test]
    fn a_tag_inside_a_quoted_parameter_is_no_tag() {
        assert_eq!(parameter(br#";x="a;tag=evil;b";Tag = real"#, "tag"), Some(Some(&b"real"[..])));
        assert_eq!(parameter(b";lr", "lr"), Some(None));
        assert_eq!(parameter(b";lrx", "lr"), None);
    }

    #[test]
    fn the_first_line_feed_is_found_wherever_it_stands() {
        let mut random = fastrand::Rng::with_seed(10);
        for _ in 0..5_000 {
            let near = [b'\n', 0x0b, 0x09, 0x8a, 0x00, 0xff, b'x'];
            let text: Vec<u8> =
                (0..random.usize(..40)).map(|_| near[if random.u8(..8) == 0 { 0 } else { random.usize(1..near.len()) }]).collect();
            assert_eq!(line_feed(&text), text.iter().position(|byte| *byte == b'\n'), "{text:?}");
        }
    }

    #[test]
    fn hosts_and_ports_are_read_with_spaces_and_brackets() {
        assert_eq!(host_port(b"a.example : 5070"), Some((&b"a.example"[..], Some(5070))));
        assert_eq!(host_port(b"[2001:db8::1]:5061"), Some((&b"[2001:db8::1]"[..], Some(5061))));
        for bad in [&b""[..], b":5060", b"a:0", b"a:65536", b"a:-1", b"[2001:db8::1", b"[x]", b"a b", b"a:5060x"] {
            assert_eq!(host_port(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn numbers_have_neither_sign_nor_overflow() {
        assert_eq!(number::<u32>(b"4294967295"), Some(u32::MAX));
        for bad in [&b"4294967296"[..], b"+1", b"-1", b"", b"1 "] {
            assert_eq!(number::<u32>(bad), None);
        }
    }
}
