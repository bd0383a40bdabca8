//! From one datagram to a checked message (RFC 3261 sections 7 and 18.3).
//!
//! First the fields are indexed, whatever they hold: one bad header never hides the next. Then the few that everything relies on are
//! checked, and a request that fails there can still be answered. All of this happens on borrowed bytes ([`Outline`]); only a message
//! that is kept ([`parse`]) costs memory.

use super::grammar::{colon, cut, is_printable, is_space, is_token, number, parts, trim};
use super::{Fault, Field, Head, Identity, Message, Method, Name, NameAddr, ParseError, Rejected, Request, Response, Uri, Via};
use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use std::fmt;

/// Largest packet that is read, in bytes; no datagram is larger, and every place in it fits 16 bits.
pub const MAX_PACKET_BYTES: usize = u16::MAX as usize;
/// Most header fields in one request.
pub const MAX_FIELDS: usize = 64;
/// The same in a response: one to the longest request repeats its fields, and adds some.
const MAX_RESPONSE_FIELDS: usize = 72;
/// CSeq numbers are below this (RFC 3261 section 8.1.1.5).
const CSEQ_END: u32 = 1 << 31;

/// Reads one datagram.
///
/// # Errors
/// See [`ParseError`].
pub fn parse(packet: Bytes) -> Result<Message, ParseError> {
    if packet.len() > MAX_PACKET_BYTES {
        return Err(ParseError::Unusable(Fault::TooLarge));
    }
    let blank = packet.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let packet = packet.slice(blank..);
    if packet.is_empty() {
        return Err(ParseError::KeepAlive);
    }
    let index = Index::new(&packet);
    match Checked::new(&index) {
        Ok(checked) => Ok(checked.keep(&packet, &index)),
        Err(fault) => Err(index.reject(&packet, fault)),
    }
}

/// What is to be said about a packet whose end cannot be found, as [`parse`] says it.
pub(super) fn refuse(packet: &Bytes, fault: Fault) -> ParseError {
    Index::new(packet).reject(packet, fault)
}

/// The one Content-Length of a header that is whole; `Ok(None)` if there is none.
pub(super) fn content_length(header: &[u8]) -> Result<Option<usize>, Fault> {
    let index = Index::new(header);
    if index.too_many {
        return Err(Fault::TooManyFields);
    }
    let mut values = index.fields(Name::ContentLength);
    let first = values.next();
    if values.next().is_some() {
        return Err(Fault::RepeatedField);
    }
    first.map(|text| number(text).ok_or(Fault::BadContentLength)).transpose()
}

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// Of a request.
    Request {
        /// Its method, a token.
        method: &'a [u8],
        /// The Request-URI as it came.
        uri: &'a [u8],
    },
    /// Of a response: its status code, 100 to 699.
    Status(u16),
}

impl<'a> StartLine<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Fault> {
        if let Some(rest) = line.strip_prefix(b"SIP/") {
            return Self::status(rest);
        }
        let (method, rest) = cut(line, b' ').filter(|(method, _)| is_token(method)).ok_or(Fault::BadStartLine)?;
        let place = rest.iter().rposition(|byte| *byte == b' ').ok_or(Fault::BadStartLine)?;
        let (uri, version) = rest.split_at_checked(place).ok_or(Fault::BadStartLine)?;
        let version = trim(version);
        if !version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/")) {
            return Err(Fault::BadStartLine);
        }
        if !version.eq_ignore_ascii_case(b"SIP/2.0") {
            return Err(Fault::BadVersion);
        }
        // Header fields may not hide in a Request-URI (RFC 3261 section 19.1.1, RFC 4475 section 3.1.2.11).
        Uri::parse(uri).filter(|uri| !uri.has_headers()).ok_or(Fault::BadRequestUri)?;
        Ok(Self::Request { method, uri })
    }

    fn status(rest: &[u8]) -> Result<Self, Fault> {
        let rest = rest.strip_prefix(b"2.0 ").ok_or(Fault::BadVersion)?;
        let (digits, after) = rest.split_at_checked(3).ok_or(Fault::BadStartLine)?;
        if !after.is_empty() && !after.starts_with(b" ") {
            return Err(Fault::BadStartLine);
        }
        let status = number::<u16>(digits).filter(|status| (100..700).contains(status)).ok_or(Fault::BadStartLine)?;
        Ok(Self::Status(status))
    }
}

/// A sound message on borrowed bytes: all that routing needs, without an allocation. For whoever must judge packets before they are worth
/// memory; [`parse`] is for the rest.
#[derive(Clone)]
pub struct Outline<'a> {
    index: Index<'a>,
    checked: Checked<'a>,
}

/// Message text holds numbers and names of citizens: only its size is shown.
impl fmt::Debug for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outline({} fields, {} bytes)", self.index.count, self.index.packet.len())
    }
}

impl<'a> Outline<'a> {
    /// Reads one datagram that begins with a start line, by the same checks as [`parse`].
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(packet: &'a [u8]) -> Result<Self, Fault> {
        if packet.len() > MAX_PACKET_BYTES {
            return Err(Fault::TooLarge);
        }
        let index = Index::new(packet);
        let checked = Checked::new(&index)?;
        Ok(Self { index, checked })
    }

    /// The first line.
    #[must_use]
    pub fn start_line(&self) -> StartLine<'a> {
        self.checked.start_line
    }

    /// The top Via.
    #[must_use]
    pub fn via(&self) -> &Via<'a> {
        &self.checked.via
    }

    /// From.
    #[must_use]
    pub fn from(&self) -> &NameAddr<'a> {
        &self.checked.from
    }

    /// To.
    #[must_use]
    pub fn to(&self) -> &NameAddr<'a> {
        &self.checked.to
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &'a [u8] {
        self.checked.call_id
    }

    /// Number and method of CSeq.
    #[must_use]
    pub fn cseq(&self) -> (u32, &'a [u8]) {
        self.checked.cseq
    }

    /// The first field of a name, whole.
    #[must_use]
    pub fn first(&self, name: Name) -> Option<&'a [u8]> {
        self.index.first(name)
    }

    /// The body; empty if there is none.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.checked.body
    }
}

/// What everything relies on, found sound.
#[derive(Clone)]
struct Checked<'a> {
    start_line: StartLine<'a>,
    via: Via<'a>,
    from: NameAddr<'a>,
    to: NameAddr<'a>,
    call_id: &'a [u8],
    cseq: (u32, &'a [u8]),
    body: &'a [u8],
}

impl<'a> Checked<'a> {
    fn new(index: &Index<'a>) -> Result<Self, Fault> {
        let start_line = StartLine::parse(index.start_line())?;
        let most = if matches!(start_line, StartLine::Status(_)) { MAX_RESPONSE_FIELDS } else { MAX_FIELDS };
        if index.too_many || index.count > most {
            return Err(Fault::TooManyFields);
        }
        let body_start = index.body_start.ok_or(Fault::NoEndOfHeader)?;
        index.check_single()?;
        let via = index.first(Name::Via).and_then(Via::first).ok_or(Fault::BadVia)?;
        let from = index.first(Name::From).and_then(NameAddr::parse).ok_or(Fault::BadFrom)?;
        // A tag that is none would stand beside ours in the answer, and the answer would have two.
        let to = index.first(Name::To).and_then(NameAddr::parse).filter(|to| to.tag().is_some() || to.parameter("tag").is_none());
        let to = to.ok_or(Fault::BadTo)?;
        let call_id = index.first(Name::CallId).filter(|id| is_call_id(id)).ok_or(Fault::BadCallId)?;
        let cseq = index.first(Name::CSeq).and_then(cseq).ok_or(Fault::BadCSeq)?;
        if let StartLine::Request { method, uri: _ } = start_line {
            if method != cseq.1 {
                return Err(Fault::MethodMismatch);
            }
            if !index.fields(Name::Contact).all(is_contact) {
                return Err(Fault::BadContact);
            }
        }
        Ok(Self { start_line, via, from, to, call_id, cseq, body: index.body(body_start)? })
    }

    fn keep(&self, packet: &Bytes, index: &Index<'_>) -> Message {
        let slice = |part: &[u8]| if part.is_empty() { Bytes::new() } else { packet.slice_ref(part) };
        let head = Head { packet: packet.clone(), fields: index.indexed().to_vec() };
        let identity = Identity {
            call_id: slice(self.call_id),
            from_tag: slice(self.from.tag().unwrap_or_default()),
            to_tag: slice(self.to.tag().unwrap_or_default()),
            cseq: self.cseq.0,
            method: Method::from_token(self.cseq.1),
            branch: slice(self.via.branch()),
        };
        let body = slice(self.body);
        match self.start_line {
            StartLine::Request { method: _, uri } => Message::Request(Box::new(Request { head, identity, uri: slice(uri), body })),
            StartLine::Status(status) => Message::Response(Box::new(Response { head, identity, status, body })),
        }
    }
}

/// A packet whose lines have been told apart.
#[derive(Clone)]
struct Index<'a> {
    packet: &'a [u8],
    fields: [Field; MAX_RESPONSE_FIELDS],
    count: usize,
    /// The names that were seen, and those that were seen again, as bits.
    seen: u32,
    repeated: u32,
    /// Where the first field of each name that was seen stands among the fields.
    firsts: [u8; Name::COUNT],
    start_line_end: usize,
    body_start: Option<usize>,
    too_many: bool,
}

impl<'a> Index<'a> {
    fn new(packet: &'a [u8]) -> Self {
        let fields = [Field { name: Name::Other, start: 0, end: 0 }; MAX_RESPONSE_FIELDS];
        let mut index = Self {
            packet,
            fields,
            count: 0,
            seen: 0,
            repeated: 0,
            firsts: [0; Name::COUNT],
            start_line_end: packet.len(),
            body_start: None,
            too_many: false,
        };
        let mut start: usize = 0;
        let mut is_first = true;
        let mut last_is_field = false;
        for line_end in memchr_iter(b'\n', packet) {
            let line = without_return(packet.get(start..line_end).unwrap_or_default());
            let next = line_end.wrapping_add(1);
            if is_first {
                index.start_line_end = line.len();
                is_first = false;
            } else if line.is_empty() {
                index.body_start = Some(next);
                break;
            } else if !matches!(line.first(), Some(b' ' | b'\t')) {
                last_is_field = index.add(line, start, line_end);
                if index.too_many {
                    break;
                }
            } else if last_is_field {
                index.lengthen(line_end);
            }
            start = next;
        }
        index
    }

    /// Notes a line if it is a field. A line without a name is passed over: it must not cost a citizen the call.
    fn add(&mut self, line: &[u8], start: usize, end: usize) -> bool {
        let Some(slot) = self.fields.get_mut(self.count) else {
            self.too_many = true;
            return false;
        };
        let Some(field) = field(line, start, end) else {
            return false;
        };
        *slot = field;
        let bit = field.name.bit();
        if self.seen & bit != 0 {
            self.repeated |= bit;
        } else if let Some(first) = self.firsts.get_mut(field.name as usize) {
            *first = u8::try_from(self.count).unwrap_or(u8::MAX);
        }
        self.seen |= bit;
        // Below the length of the table.
        self.count = self.count.wrapping_add(1);
        true
    }

    /// A folded line belongs to the field before it.
    fn lengthen(&mut self, end: usize) {
        if let Some(last) = self.count.checked_sub(1).and_then(|place| self.fields.get_mut(place)) {
            last.end = u16::try_from(end).unwrap_or(last.end);
        }
    }

    fn start_line(&self) -> &'a [u8] {
        self.packet.get(..self.start_line_end).unwrap_or_default()
    }

    fn indexed(&self) -> &[Field] {
        self.fields.get(..self.count).unwrap_or_default()
    }

    fn fields(&self, name: Name) -> impl Iterator<Item = &'a [u8]> {
        let is_repeated = self.repeated & name.bit() != 0;
        let behind = self.place(name).and_then(|place| self.indexed().get(place.checked_add(1)?..)).filter(|_| is_repeated);
        let others = behind.unwrap_or_default().iter().filter(move |field| field.name == name).map(|field| self.text(*field));
        self.first(name).into_iter().chain(others)
    }

    fn first(&self, name: Name) -> Option<&'a [u8]> {
        Some(self.text(*self.fields.get(self.place(name)?)?))
    }

    fn place(&self, name: Name) -> Option<usize> {
        let place = self.firsts.get(name as usize)?;
        (self.seen & name.bit() != 0).then(|| usize::from(*place))
    }

    fn text(&self, field: Field) -> &'a [u8] {
        trim(self.packet.get(field.range()).unwrap_or_default())
    }

    fn check_single(&self) -> Result<(), Fault> {
        if self.repeated & Name::SINGLE == 0 { Ok(()) } else { Err(Fault::RepeatedField) }
    }

    /// Over UDP a missing Content-Length means the rest of the datagram, a smaller one cuts, a larger one is an error.
    fn body(&self, start: usize) -> Result<&'a [u8], Fault> {
        let available = self.packet.get(start..).unwrap_or_default();
        match self.first(Name::ContentLength) {
            None => Ok(available),
            Some(text) => number::<usize>(text).and_then(|length| available.get(..length)).ok_or(Fault::BadContentLength),
        }
    }

    /// A broken packet can be answered if it is a request other than ACK and names a way back and a transaction.
    fn reject(&self, packet: &Bytes, fault: Fault) -> ParseError {
        let line = self.start_line();
        let method = cut(line, b' ').map(|(method, _)| method).filter(|method| is_token(method) && *method != b"ACK");
        let has_way_back = self.first(Name::Via).and_then(|text| parts(text, b',').next()).and_then(Via::parse).is_some();
        let is_request = method.is_some() && contains_sip_version(line);
        if is_request && has_way_back && self.first(Name::CSeq).is_some() {
            let head = Head { packet: packet.clone(), fields: self.indexed().to_vec() };
            ParseError::Answerable(Box::new(Rejected { fault, head }))
        } else {
            ParseError::Unusable(fault)
        }
    }
}

/// A 400 goes only to what at least means to be SIP.
fn contains_sip_version(line: &[u8]) -> bool {
    line.windows(5).any(|window| window.eq_ignore_ascii_case(b" SIP/"))
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn field(line: &[u8], start: usize, end: usize) -> Option<Field> {
    let name = line.get(..colon(line)?)?;
    // Both are within a packet.
    let value_start = start.wrapping_add(name.len()).wrapping_add(1);
    // White space before the colon is legal, and rare; before the name there is none.
    let name = match name {
        [] => return None,
        [first, ..] if is_space(*first) => return None,
        [.., last] if is_space(*last) => trim(name),
        [..] => name,
    };
    let known = Name::from_token(name);
    (known != Name::Other || is_token(name)).then_some(())?;
    Field::new(known, value_start, end)
}

/// All values of a Contact field are addresses, or it is the `*` of a REGISTER.
fn is_contact(text: &[u8]) -> bool {
    let is_address = |value| NameAddr::parse(value).is_some();
    text == b"*" || text.is_empty() || if memchr(b',', text).is_none() { is_address(text) } else { parts(text, b',').all(is_address) }
}

fn is_call_id(text: &[u8]) -> bool {
    !text.is_empty() && is_printable(text)
}

fn cseq(text: &[u8]) -> Option<(u32, &[u8])> {
    let place = text.iter().position(|byte| is_space(*byte))?;
    let (digits, method) = text.split_at_checked(place)?;
    let method = trim(method);
    let number = number::<u32>(digits).filter(|number| *number < CSEQ_END)?;
    is_token(method).then_some((number, method))
}
