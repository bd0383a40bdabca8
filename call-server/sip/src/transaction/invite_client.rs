//! The asking side of an INVITE (RFC 3261 section 17.1.1 with the state Accepted of RFC 6026 section 7.2).
//!
//! It acknowledges refusals itself. The ACK of a 2xx is the dialog's (section 13.2.2.4); once given, it is repeated here to each
//! repetition of that 2xx, even when the call is long gone.

use super::{Step, Transport};
use crate::fields::ROUTE;
use crate::message::{Method, Name, Request, Response, Writer};
use crate::timer::{Due, PATIENCE_MS, Repeat, forget_at};
use bytes::Bytes;
use std::net::SocketAddr;

/// Most dialogs that one INVITE of ours may make; answers of further branches of a fork are ignored.
pub(crate) const MAX_FORKS: usize = 16;

/// How long a final answer is waited for after a provisional one, in ms: longer than the dialog waits before it cancels (timer C) and for
/// the effect of that.
const PROCEEDING_MS: u64 = 180_000 + 2 * PATIENCE_MS;

/// The 2xx of one branch: its To tag and, once there is one, its ACK with where it goes.
type Heard = (Bytes, Option<(SocketAddr, Bytes)>);

/// One INVITE of ours.
#[derive(Debug)]
pub(super) enum InviteClient {
    /// Repeated (timer A) until something is heard or until timer B.
    Calling { invite: Box<Request>, repeat: Repeat },
    /// Something was heard. The dialog above has its own patience; whoever answers a re-INVITE provisionally and then no more is given up
    /// here, too.
    Proceeding { invite: Box<Request>, until: u64 },
    /// Refused and acknowledged; repetitions of the refusal are acknowledged again until timer D.
    Completed { ack: Bytes, until: u64 },
    /// Accepted by one branch at least, until timer M.
    Accepted { heard: Vec<Heard>, until: u64 },
}

/// A step, the event it makes, and whom a packet goes to if not to the peer of the INVITE.
pub(super) type Received = (Step<InviteClient>, bool, Option<SocketAddr>);

impl InviteClient {
    pub(super) fn new(now: u64, invite: Box<Request>, transport: Transport) -> Self {
        let repeat = match transport {
            Transport::Datagram => Repeat::doubling(now),
            Transport::Stream | Transport::Secure => Repeat::never(now),
        };
        Self::Calling { invite, repeat }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Calling { repeat, .. } => Some(repeat.deadline()),
            Self::Proceeding { until, .. } | Self::Completed { until, .. } | Self::Accepted { until, .. } => Some(*until),
        }
    }

    /// Takes a response: the next step, whether the owner is to hear of it, and where the packet goes.
    pub(super) fn receive(self, now: u64, response: &Response, transport: Transport) -> Received {
        let status = response.status();
        match self {
            Self::Calling { invite, .. } | Self::Proceeding { invite, .. } => match status {
                ..200 => (Step::stay(Self::Proceeding { invite, until: now.saturating_add(PROCEEDING_MS) }), true, None),
                200..300 => {
                    let heard = vec![(tag_of(response), None)];
                    (Step::stay(Self::Accepted { heard, until: forget_at(now, PATIENCE_MS) }), true, None)
                }
                300.. => {
                    let ack = ack_of_refusal(&invite, response);
                    let until = forget_at(now, transport.wait(PATIENCE_MS));
                    (Step::send(Self::Completed { ack: ack.clone(), until }, ack), true, None)
                }
            },
            Self::Completed { ack, until } if status >= 300 => (Step::send(Self::Completed { ack: ack.clone(), until }, ack), false, None),
            Self::Accepted { heard, until } if (200..300).contains(&status) => Self::heard_again(heard, until, response),
            Self::Completed { .. } | Self::Accepted { .. } => (Step::stay(self), false, None),
        }
    }

    fn heard_again(mut heard: Vec<Heard>, until: u64, response: &Response) -> Received {
        let tag = &response.identity().to_tag;
        match heard.iter().find(|(known, _)| known == tag) {
            Some((_, Some((target, ack)))) => {
                let (target, ack) = (*target, ack.clone());
                (Step::send(Self::Accepted { heard, until }, ack), false, Some(target))
            }
            Some((_, None)) => (Step::stay(Self::Accepted { heard, until }), false, None),
            None if heard.len() < MAX_FORKS => {
                heard.push((tag_of(response), None));
                (Step::stay(Self::Accepted { heard, until }), true, None)
            }
            None => (Step::stay(Self::Accepted { heard, until }), false, None),
        }
    }

    /// Remembers the ACK of the 2xx with this To tag.
    pub(super) fn acknowledged(self, tag: &[u8], target: SocketAddr, ack: Bytes) -> Step<Self> {
        let Self::Accepted { mut heard, until } = self else { return Step::stay(self) };
        if let Some((_, known)) = heard.iter_mut().find(|(known, _)| known == tag) {
            *known = Some((target, ack));
        }
        Step::stay(Self::Accepted { heard, until })
    }

    /// The next step, and whether nobody answered.
    pub(super) fn timeout(self, now: u64) -> (Step<Self>, bool) {
        match self {
            Self::Calling { invite, mut repeat } => match repeat.step(now) {
                Due::NotYet => (Step::stay(Self::Calling { invite, repeat }), false),
                Due::Resend => {
                    let packet = invite.head().packet.clone();
                    (Step::send(Self::Calling { invite, repeat }, packet), false)
                }
                Due::GiveUp => (Step::over(), true),
            },
            Self::Proceeding { until, .. } if until <= now => (Step::over(), true),
            Self::Completed { until, .. } | Self::Accepted { until, .. } if until <= now => (Step::over(), false),
            Self::Proceeding { .. } | Self::Completed { .. } | Self::Accepted { .. } => (Step::stay(self), false),
        }
    }

    /// Whether nothing was heard yet, no provisional answer either.
    pub(super) fn is_unheard(&self) -> bool {
        match self {
            Self::Calling { .. } => true,
            Self::Proceeding { .. } | Self::Completed { .. } | Self::Accepted { .. } => false,
        }
    }

    /// Whether there is no final answer yet.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Calling { .. } | Self::Proceeding { .. } => true,
            Self::Completed { .. } | Self::Accepted { .. } => false,
        }
    }

    /// The CANCEL of this INVITE, once something was heard and nothing is decided (section 9.1).
    pub(super) fn cancel(&self) -> Option<Bytes> {
        match self {
            Self::Proceeding { invite, .. } => {
                let to = invite.head().first(Name::To).unwrap_or_default();
                Some(same_transaction(invite, &Method::Cancel, to))
            }
            Self::Calling { .. } | Self::Completed { .. } | Self::Accepted { .. } => None,
        }
    }
}

fn tag_of(response: &Response) -> Bytes {
    Bytes::copy_from_slice(&response.identity().to_tag)
}

/// Section 17.1.1.3.
fn ack_of_refusal(invite: &Request, response: &Response) -> Bytes {
    same_transaction(invite, &Method::Ack, response.head().first(Name::To).unwrap_or_default())
}

fn same_transaction(invite: &Request, method: &Method, to: &[u8]) -> Bytes {
    let head = invite.head();
    let mut writer = Writer::request(method, invite.uri());
    writer.field("Via", head.first(Name::Via).unwrap_or_default());
    writer.field("Max-Forwards", "70");
    for route in ROUTE.of(head) {
        writer.field("Route", route);
    }
    writer.field("From", head.first(Name::From).unwrap_or_default());
    writer.field("To", to);
    writer.field("Call-ID", head.first(Name::CallId).unwrap_or_default());
    writer.field("CSeq", [invite.identity().cseq.to_string().as_bytes(), b" ", method.as_bytes()].concat());
    writer.finish()
}
