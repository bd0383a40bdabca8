//! Dialogs: who is who, the order of requests, and the way back (RFC 3261 section 12).
//!
//! Not here: the life of the call in the dialog, see [`call`], and what is agreed in it, see [`talk`].

pub(crate) mod call;
pub(crate) mod session_timer;
pub(crate) mod talk;

use crate::message::{Head, MAGIC_COOKIE, Method, Name, NameAddr, Request, Response, Scheme, Uri, Writer};
use bytes::Bytes;
use std::net::SocketAddr;

/// What names a dialog in each of its messages; copies, so that no packet is kept alive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DialogId {
    pub(crate) call_id: Bytes,
    /// Empty for an RFC 2543 caller.
    pub(crate) remote_tag: Bytes,
    pub(crate) local_tag: Bytes,
}

impl DialogId {
    /// The dialog that a request of the far side means.
    pub(crate) fn of_incoming(request: &Request) -> Self {
        let identity = request.identity();
        Self { call_id: identity.call_id.clone(), remote_tag: identity.from_tag.clone(), local_tag: identity.to_tag.clone() }
    }
}

/// One dialog as one side knows it.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    local_address: Vec<u8>,
    remote_address: Bytes,
    remote_target: Bytes,
    routes: Vec<Bytes>,
    first_cseq: u32,
    /// `None` until the far side has sent a request.
    remote_cseq: Option<u32>,
    local_cseq: u32,
    source: SocketAddr,
}

impl Dialog {
    /// The dialog that answering this INVITE makes. `None` if it has no Contact that we could ever send a request to; an RFC 2543 caller
    /// need not send one, and is then reached at its From address (RFC 2543 section 6.13).
    pub(crate) fn from_invite(invite: &Request, source: SocketAddr, local_tag: &str) -> Option<Self> {
        let head = invite.head();
        let identity = invite.identity();
        let mut local_address = head.first(Name::To)?.to_vec();
        local_address.extend_from_slice(b";tag=");
        local_address.extend_from_slice(local_tag.as_bytes());
        Some(Self {
            id: DialogId {
                call_id: Bytes::copy_from_slice(&identity.call_id),
                remote_tag: Bytes::copy_from_slice(&identity.from_tag),
                local_tag: Bytes::copy_from_slice(local_tag.as_bytes()),
            },
            local_address,
            remote_address: Bytes::copy_from_slice(head.first(Name::From)?),
            remote_target: contact(head).or_else(|| old_contact(invite))?,
            routes: head.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect(),
            first_cseq: identity.cseq,
            remote_cseq: Some(identity.cseq),
            local_cseq: 0,
            source,
        })
    }

    /// The dialog that this response to an INVITE of ours makes (section 12.1.2). `None` without a To tag. Without a Contact its target is
    /// the one that the INVITE was sent to.
    pub(crate) fn from_response(response: &Response, invited: SocketAddr) -> Option<Self> {
        let head = response.head();
        let identity = response.identity();
        let mut routes: Vec<Bytes> = head.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect();
        routes.reverse();
        (!identity.to_tag.is_empty()).then_some(())?;
        Some(Self {
            id: DialogId {
                call_id: Bytes::copy_from_slice(&identity.call_id),
                remote_tag: Bytes::copy_from_slice(&identity.to_tag),
                local_tag: Bytes::copy_from_slice(&identity.from_tag),
            },
            local_address: head.first(Name::From)?.to_vec(),
            remote_address: Bytes::copy_from_slice(head.first(Name::To)?),
            remote_target: contact(head).unwrap_or_else(|| format!("sip:{invited}").into()),
            routes,
            first_cseq: identity.cseq,
            remote_cseq: None,
            local_cseq: identity.cseq,
            source: invited,
        })
    }

    /// Keeps the place of a dialog until somebody answers our INVITE; no request can be sent in it.
    pub(crate) fn stand_in(id: DialogId, invited: SocketAddr) -> Self {
        Self {
            id,
            local_address: Vec::new(),
            remote_address: Bytes::new(),
            remote_target: Bytes::new(),
            routes: Vec::new(),
            first_cseq: 0,
            remote_cseq: None,
            local_cseq: 0,
            source: invited,
        }
    }

    /// Takes target and routes of a 2xx, which replace those of the early dialog (section 13.2.2.4).
    pub(crate) fn confirm(&mut self, response: &Response) {
        let head = response.head();
        self.remote_target = contact(head).unwrap_or_else(|| self.remote_target.clone());
        self.routes = head.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect();
        self.routes.reverse();
    }

    /// Number of the INVITE that made it.
    pub(crate) fn first_cseq(&self) -> u32 {
        self.first_cseq
    }

    /// Notes a request's number. `false` if it is old; gaps are legal (section 12.2.2).
    pub(crate) fn advance(&mut self, cseq: u32) -> bool {
        let is_new = self.remote_cseq.is_none_or(|last| cseq > last);
        self.remote_cseq = self.remote_cseq.max(Some(cseq));
        is_new
    }

    /// Takes the new Contact of a re-INVITE or UPDATE, or of its 2xx, if it has one (section 12.2.2).
    pub(crate) fn refresh_target(&mut self, head: &Head) {
        self.remote_target = contact(head).unwrap_or_else(|| self.remote_target.clone());
    }

    /// Begins a request of ours in this dialog, with loose or strict routes (section 12.2.1.1).
    pub(crate) fn request(&mut self, method: &Method, via: &str) -> Writer {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.numbered(method, self.local_cseq, via)
    }

    /// The ACK of a 2xx to the INVITE of this number (section 13.2.2.4).
    pub(crate) fn ack(&self, cseq: u32, via: &str) -> Writer {
        self.numbered(&Method::Ack, cseq, via)
    }

    fn numbered(&self, method: &Method, cseq: u32, via: &str) -> Writer {
        let first = self.routes.first().and_then(|route| NameAddr::parse(route));
        let strict = first.filter(|route| route.uri.parameter("lr").is_none()).map(|route| route.uri.raw);
        let mut writer = Writer::request(method, strict.unwrap_or(&self.remote_target));
        writer.field("Via", via);
        writer.field("Max-Forwards", "70");
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.field("Route", route);
        }
        if strict.is_some() {
            writer.field("Route", [b"<", &self.remote_target[..], b">"].concat());
        }
        writer.field("From", &self.local_address);
        writer.field("To", &self.remote_address);
        writer.field("Call-ID", &self.id.call_id);
        writer.field("CSeq", [cseq.to_string().as_bytes(), b" ", method.as_bytes()].concat());
        writer
    }

    /// Where such a request is sent: to the first route, else to the Contact; if that is a host name, to where the INVITE came from.
    pub(crate) fn next_hop(&self) -> SocketAddr {
        let named = match self.routes.first() {
            Some(route) => NameAddr::parse(route).and_then(|route| route.uri.socket_address()),
            None => Uri::parse(&self.remote_target).and_then(|target| target.socket_address()),
        };
        named.unwrap_or(self.source)
    }
}

/// Where an RFC 2543 caller without a Contact is reached.
fn old_contact(invite: &Request) -> Option<Bytes> {
    let head = invite.head();
    let is_old = !invite.identity().branch.starts_with(MAGIC_COOKIE.as_bytes()) && head.first(Name::Contact).is_none();
    is_old.then(|| head.first(Name::From)).flatten().and_then(sip_uri)
}

/// The first Contact that is a SIP URI.
fn contact(head: &Head) -> Option<Bytes> {
    sip_uri(head.values(Name::Contact).next()?)
}

fn sip_uri(value: &[u8]) -> Option<Bytes> {
    let uri = NameAddr::parse(value)?.uri;
    match uri.scheme {
        Scheme::Sip | Scheme::Sips => Some(Bytes::copy_from_slice(uri.raw)),
        Scheme::Tel | Scheme::Other => None,
    }
}
