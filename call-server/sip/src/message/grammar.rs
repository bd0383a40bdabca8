//! The grammar's small change: white space, quotes, angle brackets, parameters, `host:port` (RFC 3261 section 25.1).
//!
//! All of it works on bytes: a Latin-1 display name is as good as a UTF-8 one. Nothing here allocates.

use memchr::{memchr, memchr2, memchr3};
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

const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// What a byte may be part of, looked up: a bit per class.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when this is compiled, within the table")]
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is_foreign = matches!(byte as u8, 0..=0x20 | 0x7f | b'<' | b'>' | b'"');
        let is_of_name = matches!(byte as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_');
        let is_mark = matches!(byte as u8, b':' | b'@' | b';' | b'?');
        let is_unseen = !matches!(byte as u8, 0x21..=0x7e);
        table[byte] = (is_token_byte(byte as u8) as u8) | (is_foreign as u8) << 1 | (is_of_name as u8) << 2 | (is_mark as u8) << 3;
        table[byte] |= (!is_of_name as u8) << 4 | (is_unseen as u8) << 5;
        table[byte] |= (matches!(byte as u8, b'\t' | b'\r' | b'\n' | b' ' | b'"' | b'<' | b';') as u8) << 6;
        byte += 1;
    }
    table
};
/// A character of `token`.
const TOKEN: u8 = 1;
/// What no URI holds unescaped: controls, white space, quotes, angle brackets.
const FOREIGN: u8 = 2;
/// A character of a host name; the underscore is none, and sent.
const HOST_NAME: u8 = 4;
/// What parts a URI.
const URI_MARK: u8 = 8;
/// What is no part of a host name.
const NO_HOST_NAME: u8 = 16;
/// What is no visible ASCII.
const UNSEEN: u8 = 32;
/// What ends a plain value of a parameter, or makes it one that is not plain.
const VALUE_END: u8 = 64;

fn is_of(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Where the marks of a URI stand that part it, found in one pass.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UriMarks {
    /// The first colon: the scheme ends there.
    pub(crate) colon: Option<usize>,
    /// The second one in front of the `@`: the user ends there, and a password begins.
    pub(crate) password: Option<usize>,
    /// The first `@`.
    pub(crate) at: Option<usize>,
    /// Whether there is another `@`.
    pub(crate) has_more_ats: bool,
    /// The first semicolon behind the last `@` and in front of the question mark.
    pub(crate) semicolon: Option<usize>,
    /// The first question mark behind the last `@`.
    pub(crate) question: Option<usize>,
}

impl UriMarks {
    /// Notes one; `None` if it is foreign to every URI.
    #[inline(always)]
    fn note(&mut self, place: usize, byte: u8) -> Option<()> {
        match byte {
            b':' if self.colon.is_none() => self.colon = Some(place),
            b':' if self.at.is_none() => self.password = self.password.or(Some(place)),
            b':' => {}
            b'@' if self.at.is_some() => self.has_more_ats = true,
            b'@' => *self = Self { colon: self.colon, password: self.password, at: Some(place), ..Self::default() },
            b'?' => self.question = self.question.or(Some(place)),
            b';' if self.question.is_none() => self.semicolon = self.semicolon.or(Some(place)),
            b';' => {}
            _ => return None,
        }
        Some(())
    }
}

/// The marks of a URI; `None` if something in it is foreign to every URI.
pub(crate) fn uri_marks(text: &[u8]) -> Option<UriMarks> {
    let may_be = |word: Eight| word.is_below(0x23) | word.is_within(0x3a, 0x40) | word.is(0x7f);
    let mut marks = UriMarks::default();
    let foreign = each_of(text, may_be, FOREIGN | URI_MARK, |place, byte| marks.note(place, byte).is_none());
    foreign.is_none().then_some(marks)
}

/// Eight bytes, looked at as one number; each verdict is the high bit of its byte. Bytes above 0x7f are nothing that is asked for.
#[derive(Clone, Copy)]
struct Eight {
    /// Without the high bits.
    low: u64,
    ascii: u64,
}

impl Eight {
    const ONES: u64 = u64::from_le_bytes([0x01; WORD]);
    const HIGH: u64 = u64::from_le_bytes([0x80; WORD]);

    fn new(bytes: [u8; WORD]) -> Self {
        let word = u64::from_le_bytes(bytes);
        Self { low: word & !Self::HIGH, ascii: !word & Self::HIGH }
    }

    /// High bits of the bytes that are `limit` or more: the sum goes over into no other byte.
    fn reaches(self, limit: u8) -> u64 {
        self.low.wrapping_add(Self::ONES.wrapping_mul(u64::from(0x80_u8.wrapping_sub(limit))))
    }

    fn is_below(self, limit: u8) -> u64 {
        !self.reaches(limit) & self.ascii
    }

    fn is_within(self, first: u8, last: u8) -> u64 {
        self.reaches(first) & !self.reaches(last.wrapping_add(1)) & self.ascii
    }

    fn is(self, byte: u8) -> u64 {
        self.is_within(byte, byte)
    }
}

/// Goes through the bytes of the class, eight at a time, until `is_last` says so; gives the place of that one. `may_be` finds them all, and
/// others whose class is looked up.
#[inline(always)]
fn each_of(text: &[u8], may_be: impl Fn(Eight) -> u64, class: u8, mut is_last: impl FnMut(usize, u8) -> bool) -> Option<usize> {
    let mut place = 0_usize;
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk::<WORD>() {
        let mut found = may_be(Eight::new(*bytes)) & Eight::HIGH;
        while found != 0 {
            let at = usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
            let byte = bytes.get(at).copied().unwrap_or_default();
            if is_of(byte, class) && is_last(place.wrapping_add(at), byte) {
                return Some(place.wrapping_add(at));
            }
            found &= found.wrapping_sub(1);
        }
        (rest, place) = (behind, place.wrapping_add(WORD));
    }
    for byte in rest {
        if is_of(*byte, class) && is_last(place, *byte) {
            return Some(place);
        }
        place = place.wrapping_add(1);
    }
    None
}

/// The first byte of the class.
#[inline(always)]
fn first_of(text: &[u8], may_be: impl Fn(Eight) -> u64, class: u8) -> Option<usize> {
    each_of(text, may_be, class, |_, _| true)
}

/// A parameter's value that stands at the beginning of `text` if it is plain: no quote, bracket or white space in it or behind it.
pub(crate) fn plain_value(text: &[u8]) -> Option<&[u8]> {
    let end = first_of(text, |word| word.is_below(0x23) | word.is_within(b';', b'<'), VALUE_END).unwrap_or(text.len());
    let (value, behind) = text.split_at_checked(end)?;
    matches!(behind, [] | [b';', ..]).then_some(value)
}

/// Whether all bytes are visible ASCII.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    first_of(text, |word| word.is_below(0x21) | word.is(0x7f) | !word.ascii, UNSEEN).is_none()
}

/// Where the first colon stands; in front of it is the name of a field, which is short.
#[inline(always)]
pub(crate) fn colon(line: &[u8]) -> Option<usize> {
    find(line, [b':'], |far| memchr(b':', far))
}

/// A whole, not empty `token`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_of(*byte, TOKEN))
}

/// So near to the beginning stands most of what is looked for, and there eight bytes at a time are faster than a search made for long texts.
const NEAR: usize = 24;
const WORD: usize = size_of::<u64>();

/// The first byte of `text` that is one of `wanted`; `search` looks where stepping by words would take long.
#[inline(always)]
fn find<const N: usize>(text: &[u8], wanted: [u8; N], search: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    let mut passed = 0_usize;
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<WORD>() {
        if let Some(place) = place_in_word(u64::from_le_bytes(*word), wanted) {
            return passed.checked_add(place);
        }
        rest = behind;
        passed = passed.checked_add(WORD)?;
        if passed >= NEAR {
            return if rest.is_empty() { None } else { search(rest)?.checked_add(passed) };
        }
    }
    passed.checked_add(rest.iter().position(|byte| wanted.contains(byte))?)
}

/// The first of eight bytes that is one of `wanted`: a byte that equals one becomes zero, and the lowest zero byte is found by a borrow.
fn place_in_word<const N: usize>(word: u64, wanted: [u8; N]) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; WORD]);
    const HIGH: u64 = u64::from_le_bytes([0x80; WORD]);
    let mut hits = 0;
    for byte in wanted {
        let zeroed = word ^ u64::from_le_bytes([byte; WORD]);
        hits |= zeroed.wrapping_sub(LOW) & !zeroed & HIGH;
    }
    (hits != 0).then(|| usize::try_from(hits.trailing_zeros() / 8).unwrap_or(0))
}

/// The two sides of the first `separator` (which is dropped), wherever it stands.
pub(crate) fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = find(text, [separator], |far| memchr(separator, far))?;
    let (before, from) = text.split_at_checked(place)?;
    Some((before, from.get(1..)?))
}

/// The place behind what opens at `start` (a quote or an angle bracket) and hides separators; `None` if it is never closed.
fn behind_cover(text: &[u8], start: usize) -> Option<usize> {
    let mut place = start.checked_add(1)?;
    if text.get(start) == Some(&b'<') {
        return memchr(b'>', text.get(place..)?)?.checked_add(place)?.checked_add(1);
    }
    loop {
        let rest = text.get(place..)?;
        place = find(rest, [b'"', b'\\'], |far| memchr2(b'"', b'\\', far))?.checked_add(place)?;
        if text.get(place) == Some(&b'"') {
            return place.checked_add(1);
        }
        // Whatever is escaped is passed over.
        place = place.checked_add(2)?;
    }
}

/// The two sides of the first `separator` outside quotes and angle brackets.
pub(crate) fn cut_outside(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let mut place = 0;
    loop {
        place = find(text.get(place..)?, [separator, b'"', b'<'], |far| memchr3(separator, b'"', b'<', far))?.checked_add(place)?;
        if text.get(place) == Some(&separator) {
            let (before, from) = text.split_at_checked(place)?;
            return Some((before, from.get(1..)?));
        }
        place = behind_cover(text, place)?;
    }
}

/// Where the first angle bracket outside quotes opens, and the place behind its end, if one opens; `None` if a quote in front of it or the
/// bracket is never closed.
pub(crate) fn first_bracket(text: &[u8]) -> Option<Option<(usize, usize)>> {
    let mut place = 0;
    while let Some(next) = text.get(place..).and_then(quote_or_bracket) {
        let start = next.checked_add(place)?;
        place = behind_cover(text, start)?;
        if text.get(start) == Some(&b'<') {
            return Some(Some((start, place)));
        }
    }
    Some(None)
}

/// Whether every quote and bracket is closed.
pub(crate) fn is_closed(mut text: &[u8]) -> bool {
    while let Some(start) = quote_or_bracket(text) {
        let Some(behind) = behind_cover(text, start).and_then(|place| text.get(place..)) else { return false };
        text = behind;
    }
    true
}

fn quote_or_bracket(text: &[u8]) -> Option<usize> {
    find(text, [b'"', b'<'], |far| memchr2(b'"', b'<', far))
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

/// Whether a text holds one value alone, and nothing that hides separators.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    memchr3(b',', b'"', b'<', text).is_none()
}

/// As [`has_empty_part`], for a plain text.
pub(crate) fn has_empty_plain_part(mut text: &[u8], separator: u8) -> bool {
    while let Some((part, rest)) = cut(text, separator) {
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
pub(crate) fn number<N: TryFrom<u64>>(text: &[u8]) -> Option<N> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte & 0x0f));
    let value = text.iter().try_fold(0_u64, |value, byte| value.checked_mul(10)?.checked_add(digit(byte)?))?;
    if text.is_empty() { None } else { N::try_from(value).ok() }
}

/// Host and port of a URI or a Via; white space around the colon is legal in a Via. A bracketed IPv6 reference keeps its brackets.
pub(crate) fn host_port(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    // The usual case at once: a name or an IPv4 address, and perhaps a port.
    let may_end = |word: Eight| !(word.is_within(b'0', b'9') | word.is_within(b'a', b'z') | word.is_within(b'-', b'.'));
    let end = first_of(text, may_end, NO_HOST_NAME).unwrap_or(text.len());
    match text.split_at_checked(end)? {
        (host @ [_, ..], []) => return Some((host, None)),
        (host @ [_, ..], [b':', port @ ..]) => {
            if let Some(port) = number::<u16>(port).filter(|port| *port != 0) {
                return Some((host, Some(port)));
            }
        }
        (_, _) => {}
    }
    let text = trim(text);
    let (host, rest) = if text.starts_with(b"[") {
        let end = memchr(b']', text)?;
        text.split_at_checked(end.checked_add(1)?)?
    } else {
        text.split_at_checked(memchr(b':', text).unwrap_or(text.len()))?
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
    !host.is_empty() && host.iter().all(|byte| is_of(*byte, HOST_NAME))
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
    fn hosts_and_ports_are_read_with_spaces_and_brackets() {
        assert_eq!(host_port(b"a.example : 5070"), Some((&b"a.example"[..], Some(5070))));
        assert_eq!(host_port(b"[2001:db8::1]:5061"), Some((&b"[2001:db8::1]"[..], Some(5061))));
        for bad in [&b""[..], b":5060", b"a:0", b"a:65536", b"a:-1", b"[2001:db8::1", b"[x]", b"a b", b"a:5060x"] {
            assert_eq!(host_port(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn eight_bytes_at_a_time_find_what_one_at_a_time_finds() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b'a'; 20];
                text[place] = byte;
                let what = format!("{byte:#x} at {place}");
                assert_eq!(is_printable(&text), !is_of(byte, UNSEEN), "{what}");
                assert_eq!(uri_marks(&text).is_none(), is_of(byte, FOREIGN), "{what}");
                let marked =
                    uri_marks(&text).is_some_and(|marks| [marks.colon, marks.at, marks.semicolon, marks.question].contains(&Some(place)));
                assert_eq!(marked, is_of(byte, URI_MARK), "{what}");
                let host = host_port(&text).map(|(host, _)| host.len());
                let is_white = is_space(byte) && (place == 0 || place == 19);
                let expected = if is_of(byte, HOST_NAME) { Some(20) } else { is_white.then_some(19) };
                assert_eq!(host, expected, "{what}");
            }
        }
    }

    #[test]
    fn values_are_plain_up_to_a_semicolon_or_the_end() {
        for (text, value) in [(&b"a.b;c"[..], &b"a.b"[..]), (b"z9hG4bK-1234567890", b"z9hG4bK-1234567890"), (b";x", b""), (b"", b"")] {
            assert_eq!(plain_value(text), Some(value));
        }
        for hidden in [&b"a b;c"[..], b"a<b;c>", b"\"a\"", b"a ;c"] {
            assert_eq!(plain_value(hidden), None, "{}", String::from_utf8_lossy(hidden));
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
