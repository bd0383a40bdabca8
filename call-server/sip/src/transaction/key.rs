//! Which server transaction a request belongs to (RFC 3261 section 17.2.3).

use crate::message::{MAGIC_COOKIE, Method, Name, Request, Via};
use bytes::Bytes;

/// The key of a server transaction. Its parts are copies: a key must not keep a whole packet alive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServerKey {
    /// RFC 3261: branch, sent-by and method.
    Branch { branch: Bytes, host: Bytes, port: u16, method: Method },
    /// RFC 2543, whose branches are not unique. The To tag is left out, so that an ACK finds its INVITE.
    Legacy { call_id: Bytes, from_tag: Bytes, cseq: u32, uri: Bytes, via: Bytes, method: Method },
}

impl ServerKey {
    /// The transaction of a request other than ACK.
    pub(crate) fn of(request: &Request) -> Self {
        Self::with_method(request, request.method().clone())
    }

    /// The INVITE transaction that an ACK or CANCEL means.
    pub(crate) fn of_invite(request: &Request) -> Self {
        Self::with_method(request, Method::Invite)
    }

    fn with_method(request: &Request, method: Method) -> Self {
        let identity = request.identity();
        let top = request.head().values(Name::Via).next().unwrap_or_default();
        match Via::parse(top) {
            Some(via) if has_cookie(via.branch()) => Self::Branch {
                branch: Bytes::copy_from_slice(via.branch()),
                host: via.host.to_ascii_lowercase().into(),
                port: via.port_or_default(),
                method,
            },
            Some(_) | None => Self::Legacy {
                call_id: Bytes::copy_from_slice(&identity.call_id),
                from_tag: Bytes::copy_from_slice(&identity.from_tag),
                cseq: identity.cseq,
                uri: Bytes::copy_from_slice(request.uri()),
                via: Bytes::copy_from_slice(top),
                method,
            },
        }
    }
}

fn has_cookie(branch: &[u8]) -> bool {
    branch.len() > MAGIC_COOKIE.len()
        && branch.get(..MAGIC_COOKIE.len()).is_some_and(|head| head.eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes()))
}
