//! Which server transaction a request belongs to (RFC 3261 section 17.2.3).

use crate::message::{MAGIC_COOKIE, Method, Name, Request, Via};
use bytes::Bytes;
use std::hash::{DefaultHasher, Hasher};

/// The key of a server transaction: one text, written by the rules below. A copy: a key must not keep a whole packet alive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerKey {
    /// Compared first: texts of one peer begin alike and lie apart in memory, and there are tens of thousands of them.
    hash: u64,
    text: Bytes,
}

impl ServerKey {
    /// The transaction of a request other than ACK.
    pub(crate) fn of(request: &Request) -> Self {
        Self::with_method(request, request.method())
    }

    /// The INVITE transaction that an ACK or CANCEL means.
    pub(crate) fn of_invite(request: &Request) -> Self {
        Self::with_method(request, &Method::Invite)
    }

    /// RFC 3261: branch, sent-by and method. RFC 2543, whose branches are not unique: what else tells requests apart; the To tag is left
    /// out, so that an ACK finds its INVITE.
    fn with_method(request: &Request, method: &Method) -> Self {
        let identity = request.identity();
        let top = request.head().values(Name::Via).next().unwrap_or_default();
        match Via::parse(top) {
            Some(via) if has_cookie(via.branch()) => {
                let host = via.host.to_ascii_lowercase();
                Self::joined(&[method.as_bytes(), &host, &via.port_or_default().to_be_bytes(), via.branch()])
            }
            Some(_) | None => Self::joined(&[
                method.as_bytes(),
                b"",
                &identity.call_id,
                &identity.from_tag,
                &identity.cseq.to_be_bytes(),
                request.uri(),
                top,
            ]),
        }
    }

    /// Each part behind its length: no two lists give the same text.
    fn joined(parts: &[&[u8]]) -> Self {
        let mut text = Vec::with_capacity(parts.iter().map(|part| part.len().saturating_add(2)).sum());
        for part in parts {
            // No part is longer than a packet; one of 64 KiB leaves no room for others.
            text.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            text.extend_from_slice(part);
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&text);
        Self { hash: hasher.finish(), text: text.into() }
    }
}

fn has_cookie(branch: &[u8]) -> bool {
    branch.len() > MAGIC_COOKIE.len()
        && branch.get(..MAGIC_COOKIE.len()).is_some_and(|head| head.eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes()))
}
