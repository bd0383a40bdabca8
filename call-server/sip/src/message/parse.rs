//! From one datagram to a checked message (RFC 3261 sections 7 and 18.3).
//!
//! First the fields are indexed, whatever they hold: one bad header never hides the next. Then the few that everything relies on are
//! checked, and a request that fails there can still be answered.

use super::grammar::{cut, is_token, number, trim};
use super::{Fault, Field, Head, Identity, Message, Method, Name, NameAddr, ParseError, Rejected, Request, Response, Uri, Via};
use bytes::Bytes;

/// Largest packet that is read, in bytes.
pub const MAX_PACKET_BYTES: usize = 64 * 1024;
/// Most header fields in one message.
pub const MAX_FIELDS: usize = 64;
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
    let indexed = Indexed::new(packet);
    match StartLine::parse(&indexed.head.packet, indexed.start_line_end) {
        Ok(StartLine::Status(status)) => {
            let (identity, body) = indexed.check(None).map_err(ParseError::Unusable)?;
            Ok(Message::Response(Box::new(Response { head: indexed.head, identity, status, body })))
        }
        Ok(StartLine::Request { method, uri }) => match indexed.check(Some(&method)) {
            Ok((identity, body)) => Ok(Message::Request(Box::new(Request { head: indexed.head, identity, uri, body }))),
            Err(fault) => Err(indexed.reject(fault)),
        },
        Err(fault) => Err(indexed.reject(fault)),
    }
}

/// The first line.
enum StartLine {
    Request { method: Method, uri: Bytes },
    Status(u16),
}

impl StartLine {
    fn parse(packet: &Bytes, end: usize) -> Result<Self, Fault> {
        let line = packet.get(..end).unwrap_or_default();
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
        Uri::parse(uri).ok_or(Fault::BadRequestUri)?;
        Ok(Self::Request { method: Method::from_token(method), uri: packet.slice_ref(uri) })
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

/// A packet whose lines have been told apart.
struct Indexed {
    head: Head,
    start_line_end: usize,
    body_start: Option<usize>,
    too_many: bool,
}

impl Indexed {
    fn new(packet: Bytes) -> Self {
        let mut fields: Vec<Field> = Vec::with_capacity(16);
        let mut start_line_end = None;
        let mut body_start = None;
        let mut too_many = false;
        let mut last_is_field = false;
        let mut start: usize = 0;
        while let Some(length) = packet.get(start..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
            let line_end = start.saturating_add(length);
            let line = without_return(packet.get(start..line_end).unwrap_or_default());
            let next = line_end.saturating_add(1);
            if start_line_end.is_none() {
                start_line_end = Some(line.len());
            } else if line.is_empty() {
                body_start = Some(next);
                break;
            } else if matches!(line.first(), Some(b' ' | b'\t')) {
                if let Some(field) = fields.last_mut().filter(|_| last_is_field) {
                    field.end = line_end;
                }
            } else if fields.len() < MAX_FIELDS {
                let field = field(line, start, line_end);
                last_is_field = field.is_some();
                fields.extend(field);
            } else {
                too_many = true;
                break;
            }
            start = next;
        }
        let start_line_end = start_line_end.unwrap_or(packet.len());
        Self { head: Head { packet, fields }, start_line_end, body_start, too_many }
    }

    /// The checks that make a message one. `method` is the request line's; `None` for a response.
    fn check(&self, method: Option<&Method>) -> Result<(Identity, Bytes), Fault> {
        if self.too_many {
            return Err(Fault::TooManyFields);
        }
        let body_start = self.body_start.ok_or(Fault::NoEndOfHeader)?;
        self.check_single()?;
        let identity = self.identity()?;
        if method.is_some_and(|method| *method != identity.method) {
            return Err(Fault::MethodMismatch);
        }
        Ok((identity, self.body(body_start)?))
    }

    fn check_single(&self) -> Result<(), Fault> {
        for (place, field) in self.head.fields.iter().enumerate() {
            let repeated = self.head.fields.iter().skip(place.saturating_add(1)).any(|later| later.name == field.name);
            if field.name.is_single() && repeated {
                return Err(Fault::RepeatedField);
            }
        }
        Ok(())
    }

    fn identity(&self) -> Result<Identity, Fault> {
        let head = &self.head;
        let via = head.values(Name::Via).next().and_then(Via::parse).ok_or(Fault::BadVia)?;
        let from = head.first(Name::From).and_then(NameAddr::parse).ok_or(Fault::BadFrom)?;
        let to = head.first(Name::To).and_then(NameAddr::parse).ok_or(Fault::BadTo)?;
        let call_id = head.first(Name::CallId).filter(|id| is_call_id(id)).ok_or(Fault::BadCallId)?;
        let (cseq, method) = head.first(Name::CSeq).and_then(cseq).ok_or(Fault::BadCSeq)?;
        Ok(Identity {
            call_id: self.slice(call_id),
            from_tag: self.slice(from.tag().unwrap_or_default()),
            to_tag: self.slice(to.tag().unwrap_or_default()),
            cseq,
            method,
            branch: self.slice(via.branch()),
        })
    }

    /// Over UDP a missing Content-Length means the rest of the datagram, a smaller one cuts, a larger one is an error.
    fn body(&self, start: usize) -> Result<Bytes, Fault> {
        let available = self.head.packet.len().saturating_sub(start);
        let length = match self.head.first(Name::ContentLength) {
            None => available,
            Some(text) => number::<usize>(text).filter(|length| *length <= available).ok_or(Fault::BadContentLength)?,
        };
        let end = start.checked_add(length).ok_or(Fault::BadContentLength)?;
        self.head.packet.get(start..end).map(|body| self.slice(body)).ok_or(Fault::BadContentLength)
    }

    fn slice(&self, part: &[u8]) -> Bytes {
        if part.is_empty() { Bytes::new() } else { self.head.packet.slice_ref(part) }
    }

    /// A broken packet can be answered if it is a request other than ACK and names a way back and a transaction.
    fn reject(self, fault: Fault) -> ParseError {
        let line = self.head.packet.get(..self.start_line_end).unwrap_or_default();
        let method = cut(line, b' ').map(|(method, _)| method).filter(|method| is_token(method) && *method != b"ACK");
        let has_way_back = self.head.values(Name::Via).next().and_then(Via::parse).is_some();
        let is_named = [Name::From, Name::To, Name::CallId, Name::CSeq].into_iter().all(|name| self.head.first(name).is_some());
        let is_request = method.is_some() && contains_sip_version(line);
        if is_request && has_way_back && is_named {
            ParseError::Answerable(Box::new(Rejected { fault, head: self.head }))
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

/// A header line without a name is passed over: it must not cost a citizen the call.
fn field(line: &[u8], start: usize, end: usize) -> Option<Field> {
    let (name, _) = cut(line, b':')?;
    let value_start = start.checked_add(name.len())?.checked_add(1)?;
    let name = trim(name);
    is_token(name).then(|| Field { name: Name::from_token(name), start: value_start, end })
}

fn is_call_id(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| (0x21..0x7f).contains(byte))
}

fn cseq(text: &[u8]) -> Option<(u32, Method)> {
    let place = text.iter().position(|byte| super::grammar::is_space(*byte))?;
    let (digits, method) = text.split_at_checked(place)?;
    let method = trim(method);
    let number = number::<u32>(digits).filter(|number| *number < CSEQ_END)?;
    is_token(method).then(|| (number, Method::from_token(method)))
}
