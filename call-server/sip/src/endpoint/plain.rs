//! Requests of ours outside of calls: OPTIONS, REGISTER and the like (RFC 3261 sections 8.1, 10, 11).

use super::{ALLOW, Endpoint, RequestKey};
use crate::message::{Method, Writer};
use crate::transaction::Owner;
use bytes::Bytes;
use std::net::SocketAddr;

/// What the requests of one purpose have in common: a registration, for instance, keeps its Call-ID and counts its CSeq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    call_id: String,
    tag: String,
    cseq: u32,
}

/// A request to be sent outside of calls.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its method; neither INVITE, ACK nor CANCEL.
    pub method: Method,
    /// The Request-URI.
    pub uri: String,
    /// The URI of To.
    pub to: String,
    /// The From value without a tag.
    pub from: String,
    /// Where it is sent.
    pub target: SocketAddr,
    /// Further fields, such as Expires, Route, Content-Type or credentials; a Contact here stands instead of the usual one.
    pub fields: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// Numbers and names of citizens stay out of logs.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({}, {})", String::from_utf8_lossy(self.method.as_bytes()), self.target)
    }
}

impl Endpoint {
    /// A new series of requests.
    pub fn series(&mut self) -> Series {
        Series { call_id: self.names.next(), tag: self.names.next(), cseq: 0 }
    }

    /// Sends a request until it is answered; [`super::Event::Responded`] tells the end, 401 and 407 included: then the owner may send it
    /// again with credentials, in the same series. `None` if there are too many transactions, or for a method that makes a call.
    pub fn request(&mut self, now: u64, series: &mut Series, outgoing: &Outgoing) -> Option<RequestKey> {
        if matches!(outgoing.method, Method::Invite | Method::Ack | Method::Cancel) {
            return None;
        }
        series.cseq = series.cseq.saturating_add(1);
        let (branch, via) = self.via();
        let method = outgoing.method.as_bytes();
        let mut writer = Writer::request(&outgoing.method, outgoing.uri.as_bytes());
        writer.field("Via", via);
        writer.field("Max-Forwards", "70");
        writer.field("From", format!("{};tag={}", outgoing.from, series.tag));
        writer.field("To", format!("<{}>", outgoing.to));
        writer.field("Call-ID", &series.call_id);
        writer.field("CSeq", [series.cseq.to_string().as_bytes(), b" ", method].concat());
        if !outgoing.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Contact")) {
            writer.field("Contact", &self.contact_field);
        }
        writer.field("Allow", ALLOW);
        for (name, value) in &outgoing.fields {
            writer.field(name, value);
        }
        let packet = writer.finish_with(&outgoing.body);
        self.last_request = self.last_request.saturating_add(1);
        let key = RequestKey(self.last_request);
        let client = (branch, Bytes::copy_from_slice(method));
        self.transactions.request(now, outgoing.target, client, Owner::Request(key), packet).then_some(key)
    }
}
