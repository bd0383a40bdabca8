//! Writing messages: requests, and responses that repeat what RFC 3261 section 8.2.6 wants repeated.

use super::grammar::parts;
use super::{Head, Method, Name, NameAddr, Via};
use crate::message::grammar::ip_address;
use bytes::Bytes;
use memchr::memchr2;
use std::net::{IpAddr, SocketAddr};

/// A message being written.
#[derive(Debug)]
pub struct Writer {
    text: Vec<u8>,
}

impl Writer {
    /// Begins a request.
    #[must_use]
    pub fn request(method: &Method, uri: &[u8]) -> Self {
        let mut text = Vec::with_capacity(1024);
        text.extend_from_slice(method.as_bytes());
        text.push(b' ');
        push_unfolded(&mut text, uri);
        text.extend_from_slice(b" SIP/2.0\r\n");
        Self { text }
    }

    /// Begins a response.
    #[must_use]
    pub fn response(status: u16) -> Self {
        let mut text = Vec::with_capacity(1024);
        text.extend_from_slice(b"SIP/2.0 ");
        push_number(&mut text, status);
        text.push(b' ');
        text.extend_from_slice(phrase(status).as_bytes());
        text.extend_from_slice(b"\r\n");
        Self { text }
    }

    /// Adds one field. Line breaks in the value become spaces: no value can begin a field of its own.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b": ");
        push_unfolded(&mut self.text, value.as_ref());
        self.text.extend_from_slice(b"\r\n");
        self
    }

    /// Ends a message without a body.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.finish_with(&[])
    }

    /// Ends a datagram without a body and without Content-Length, whose end the datagram's end shows (section 18.3): as short as can be.
    #[must_use]
    pub fn finish_short(mut self) -> Bytes {
        self.text.extend_from_slice(b"\r\n");
        self.whole()
    }

    /// Ends a message with a body; its Content-Type is a field to be added before.
    #[must_use]
    pub fn finish_with(mut self, body: &[u8]) -> Bytes {
        self.field("Content-Length", body.len().to_string());
        self.text.extend_from_slice(b"\r\n");
        self.text.extend_from_slice(body);
        self.whole()
    }

    /// Without the room that was not needed: many messages are kept for half a minute and longer.
    fn whole(self) -> Bytes {
        self.text.into_boxed_slice().into()
    }
}

fn push_unfolded(text: &mut Vec<u8>, value: &[u8]) {
    // Nearly never, and looked for many bytes at a time.
    if memchr2(b'\r', b'\n', value).is_some() {
        text.extend(value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    } else {
        text.extend_from_slice(value);
    }
}

/// In decimal digits: std's way to write a number costs as much as the rest of a field.
fn push_number(text: &mut Vec<u8>, number: u16) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(b'0'.saturating_add((number % 10) as u8));
}

fn push_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    text.push(b'.');
                }
                push_number(text, octet.into());
            }
        }
        IpAddr::V6(address) => text.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// What a response needs to know of its request.
#[derive(Debug, Clone, Copy)]
pub struct ResponseWriter<'a> {
    head: &'a Head,
    source: SocketAddr,
}

impl<'a> ResponseWriter<'a> {
    /// For a request that came from `source`.
    #[must_use]
    pub fn new(head: &'a Head, source: SocketAddr) -> Self {
        Self { head, source }
    }

    /// Begins a response: Via, From, To, Call-ID and CSeq are repeated, the To gets `tag` unless it has one, and a 100 repeats
    /// Timestamp (section 8.2.6.1).
    #[must_use]
    pub fn begin(&self, status: u16, tag: Option<&str>) -> Writer {
        let mut writer = Writer::response(status);
        // Each field stays one field: an answer with more of them than the request could be too many for its reader.
        for (place, field) in self.head.fields(Name::Via).enumerate() {
            match Via::parse(parts(field, b',').next().unwrap_or_default()).filter(|_| place == 0) {
                Some(via) => writer.field("Via", with_others(received_via(&via, self.source), field)),
                None => writer.field("Via", field),
            };
        }
        // In the 400 to a request that lacks one of them, it is missing too.
        if let Some(from) = self.head.first(Name::From) {
            writer.field("From", from);
        }
        if let Some(to) = self.head.first(Name::To) {
            writer.field("To", tagged(to, tag));
        }
        for (text, name) in [("Call-ID", Name::CallId), ("CSeq", Name::CSeq)] {
            if let Some(value) = self.head.first(name) {
                writer.field(text, value);
            }
        }
        if let Some(timestamp) = self.head.first(Name::Timestamp).filter(|_| status == 100) {
            writer.field("Timestamp", timestamp);
        }
        writer
    }
}

/// The top value as it was received, and behind it the others of its field.
fn with_others(mut top: Vec<u8>, field: &[u8]) -> Vec<u8> {
    for value in parts(field, b',').skip(1) {
        top.extend_from_slice(b", ");
        top.extend_from_slice(value);
    }
    top
}

/// The To value with our tag. A To that cannot be read is repeated as it came.
fn tagged(to: &[u8], tag: Option<&str>) -> Vec<u8> {
    let mut value = to.to_vec();
    if let (Some(tag), Some(_)) = (tag, NameAddr::parse(to).filter(|parsed| parsed.tag().is_none())) {
        value.extend_from_slice(b";tag=");
        value.extend_from_slice(tag.as_bytes());
    }
    value
}

/// The top Via as its receiver completes it: `received` if the packet came from elsewhere, `rport` if asked (RFC 3261 section 18.2.1,
/// RFC 3581 section 4). What the sender claims about either is dropped; all else stays as it came, so that the sender reads what it wrote.
fn received_via(via: &Via<'_>, source: SocketAddr) -> Vec<u8> {
    let mut value = b"SIP/2.0/".to_vec();
    value.extend_from_slice(via.transport);
    value.push(b' ');
    value.extend_from_slice(via.host);
    if let Some(port) = via.port {
        value.push(b':');
        push_number(&mut value, port);
    }
    for parameter in via.senders_parameters() {
        value.push(b';');
        value.extend_from_slice(parameter);
    }
    if via.asks_rport() || ip_address(via.host) != Some(source.ip()) {
        value.extend_from_slice(b";received=");
        push_address(&mut value, source.ip());
    }
    if via.asks_rport() {
        value.extend_from_slice(b";rport=");
        push_number(&mut value, source.port());
    }
    value
}

/// Where the response to a request goes: always the address it came from; its port if asked for by `rport` or if it came over a
/// connection, else the one that the Via names (RFC 3261 section 18.2.2, RFC 3581 section 4).
#[must_use]
pub fn response_target(head: &Head, source: SocketAddr) -> SocketAddr {
    let via = head.values(Name::Via).next().and_then(Via::parse);
    let named = via.filter(|via| !via.asks_rport() && via.transport.eq_ignore_ascii_case(b"UDP"));
    let port = named.map_or(source.port(), |via| via.port_or_default());
    SocketAddr::new(source.ip(), port)
}

/// The customary phrase of a status code (RFC 3261 section 21).
#[must_use]
pub fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        401 => "Unauthorized",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ if status < 200 => "Progress",
        _ if status < 300 => "Success",
        _ => "Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, parse};

    #[test]
    fn numbers_and_addresses_are_written_as_the_standard_library_writes_them() {
        for number in [0, 9, 10, 99, 100, 255, 256, 5_060, u16::MAX] {
            let mut text = Vec::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string().as_bytes());
        }
        for address in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "2001:db8::1"] {
            let mut text = Vec::new();
            push_address(&mut text, address.parse().expect("an address"));
            assert_eq!(text, address.as_bytes());
        }
        let mut text = Vec::new();
        push_unfolded(&mut text, b"one\r\n two");
        assert_eq!(text, b"one   two");
    }

    #[test]
    fn what_the_sender_wrote_into_its_via_comes_back_as_it_was() {
        let text = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;x = \"a\\\";b\" ;received=198.51.100.9;y=1\"2\";\r\n branch=z9hG4bK1;z=<\r\nTo: <sip:h>\r\n\
            From: <sip:h>;tag=1\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let Ok(Message::Request(request)) = parse(text.into()) else { panic!("a request") };
        let answer = ResponseWriter::new(request.head(), ([192, 0, 2, 1], 5060).into()).begin(200, None).finish();
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("\r\nVia: SIP/2.0/UDP h;x = \"a\\\";b\";y=1\"2\";branch=z9hG4bK1;z=<;received=192.0.2.1\r\n"), "{text}");
    }
}
