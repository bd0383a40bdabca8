//! SIP messages: a zero-copy parser, views over header values, and a writer (RFC 3261 sections 7, 18.3 and 20).
//!
//! [`parse`] indexes the header fields of one datagram, checks what every later step relies on, and keeps everything else as it
//! came. Not here: what a message means in a transaction or dialog.

mod address;
pub(crate) mod grammar;
mod name;
mod parse;
pub mod stream;
mod uri;
mod writer;

pub use address::{NameAddr, Via};
pub use name::{Method, Name};
pub use parse::{MAX_FIELDS, MAX_PACKET_BYTES, Outline, StartLine, parse};
pub use uri::{DEFAULT_PORT, DEFAULT_SECURE_PORT, Scheme, Uri};
pub use writer::{ResponseWriter, Writer, phrase, response_target};

use bytes::Bytes;
use std::fmt;

/// Text that begins the branch of every RFC 3261 transaction.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// What is wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Longer than [`MAX_PACKET_BYTES`].
    #[error("the packet is too large")]
    TooLarge,
    /// The first line is neither a request line nor a status line.
    #[error("the first line is not SIP")]
    BadStartLine,
    /// A SIP version other than 2.0.
    #[error("the SIP version is not 2.0")]
    BadVersion,
    /// The Request-URI cannot be read.
    #[error("the Request-URI is malformed")]
    BadRequestUri,
    /// No empty line ends the header.
    #[error("the header has no end")]
    NoEndOfHeader,
    /// More header fields than [`MAX_FIELDS`], or a few more in a response.
    #[error("there are too many header fields")]
    TooManyFields,
    /// A field that may stand only once stands twice.
    #[error("a header field that must be single is repeated")]
    RepeatedField,
    /// No Via, or its first value cannot be read.
    #[error("Via is missing or malformed")]
    BadVia,
    /// No From, or it cannot be read.
    #[error("From is missing or malformed")]
    BadFrom,
    /// No To, or it cannot be read.
    #[error("To is missing or malformed")]
    BadTo,
    /// No Call-ID, or an empty one.
    #[error("Call-ID is missing or malformed")]
    BadCallId,
    /// No CSeq, one that cannot be read, or a number of 2^31 or more.
    #[error("CSeq is missing or malformed")]
    BadCSeq,
    /// A Contact of a request holds something else than addresses.
    #[error("Contact is malformed")]
    BadContact,
    /// CSeq names another method than the request line.
    #[error("CSeq and the request line name different methods")]
    MethodMismatch,
    /// Content-Length is no number, or larger than what arrived.
    #[error("Content-Length does not fit the packet")]
    BadContentLength,
}

/// Why a packet is no message.
#[derive(Debug)]
pub enum ParseError {
    /// Empty lines only: a keep-alive (RFC 5626), no fault of anybody.
    KeepAlive,
    /// Nothing that could be answered.
    Unusable(Fault),
    /// A request that is broken, but whole enough to be answered with 400 or 505.
    Answerable(Box<Rejected>),
}

/// A broken request that can be answered.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong.
    pub fault: Fault,
    /// Its header fields; Via can be read and CSeq is there, whatever else is missing.
    pub head: Head,
}

impl Rejected {
    /// The status code to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.fault == Fault::BadVersion { 505 } else { 400 }
    }
}

/// One header field: its name and where its value stands in the packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: Name,
    start: u16,
    end: u16,
}

impl Field {
    /// `None` beyond [`MAX_PACKET_BYTES`].
    pub(crate) fn new(name: Name, start: usize, end: usize) -> Option<Self> {
        Some(Self { name, start: u16::try_from(start).ok()?, end: u16::try_from(end).ok()? })
    }

    /// Where the value stands.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

/// The header fields of one packet, in their order.
#[derive(Clone)]
pub struct Head {
    pub(crate) packet: Bytes,
    pub(crate) fields: Vec<Field>,
}

/// Message text holds numbers and names of citizens: only its size is shown.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} fields, {} bytes)", self.fields.len(), self.packet.len())
    }
}

impl Head {
    /// The values of all fields of this name, each whole: not parted at commas, folds kept.
    pub fn fields(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| self.text(field))
    }

    /// The first field of this name.
    #[must_use]
    pub fn first(&self, name: Name) -> Option<&[u8]> {
        self.fields(name).next()
    }

    /// All values of this name, parted at commas outside quotes and angle brackets.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.fields(name).flat_map(|text| grammar::parts(text, b','))
    }

    /// A copy with the fields of these names alone, which does not keep the packet alive.
    pub(crate) fn only(&self, names: &[Name]) -> Self {
        let kept = || self.fields.iter().filter(|field| names.contains(&field.name));
        let mut text = Vec::with_capacity(kept().map(|field| field.range().len()).sum());
        let place = |field: &Field| {
            let start = text.len();
            text.extend_from_slice(self.packet.get(field.range()).unwrap_or_default());
            Field::new(field.name, start, text.len())
        };
        let fields = kept().filter_map(place).collect::<Vec<_>>().into_boxed_slice().into_vec();
        Self { packet: text.into(), fields }
    }

    pub(crate) fn text(&self, field: &Field) -> &[u8] {
        grammar::trim(self.packet.get(field.range()).unwrap_or_default())
    }
}

/// What identifies a message; checked once, by [`parse`].
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Call-ID.
    pub call_id: Bytes,
    /// Tag of From; empty for an RFC 2543 sender.
    pub from_tag: Bytes,
    /// Tag of To; empty if there is none.
    pub to_tag: Bytes,
    /// Number of CSeq, below 2^31.
    pub cseq: u32,
    /// Method of CSeq; for a request equal to its own.
    pub method: Method,
    /// Branch of the top Via; empty if there is none.
    pub branch: Bytes,
}

/// A request whose Via, From, To, Call-ID, CSeq, Content-Length and Request-URI have been found sound.
#[derive(Clone)]
pub struct Request {
    pub(crate) head: Head,
    pub(crate) identity: Identity,
    pub(crate) uri: Bytes,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {:?})", String::from_utf8_lossy(self.method().as_bytes()), self.head)
    }
}

impl Request {
    /// Its method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.identity.method
    }

    /// The Request-URI as it came.
    #[must_use]
    pub fn uri(&self) -> &[u8] {
        &self.uri
    }

    /// Its header fields.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Call-ID, tags, CSeq, branch.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its body; empty if there is none.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// A response whose identifying fields have been found sound.
#[derive(Clone)]
pub struct Response {
    pub(crate) head: Head,
    pub(crate) identity: Identity,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {:?})", self.status, self.head)
    }
}

impl Response {
    /// Status code, 100 to 699.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Its header fields.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Call-ID, tags, CSeq, branch.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its body; empty if there is none.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// One message.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Box<Request>),
    /// A response.
    Response(Box<Response>),
}

impl Message {
    /// The whole text, as it came.
    #[must_use]
    pub fn packet(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.head.packet,
            Self::Response(response) => &response.head.packet,
        }
    }
}
