//! The endpoint's vocabulary: what it is set to, what it tells, what it is asked for.

use crate::message::{Request, Response};
use crate::transaction::Transport;
use bytes::Bytes;
use std::net::SocketAddr;

/// Names one call of one endpoint; counted from 1, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// Names one request outside of calls; counted from 1, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(pub u64);

/// Names one request of the far side that the owner answers; counted from 1, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServedKey(pub u64);

/// Limits of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most calls at once, whatever their stage; the next INVITE gets 486.
    pub calls: usize,
    /// Most server transactions, and as many client transactions; beyond it new requests are dropped.
    pub transactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 4_000, transactions: 32_000 }
    }
}

/// Who answers an offer that the far side makes inside a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Renegotiation {
    /// The endpoint, with the description that is in force ([`crate::sdp::renewed`]); 488 if that is no answer to the offer. The owner hears
    /// of it by [`SessionEvent::Changed`].
    #[default]
    Keep,
    /// The owner: [`SessionEvent::Offered`] or [`SessionEvent::OfferWanted`], then [`super::Endpoint::accept_offer`] or `refuse_offer`.
    Ask,
}

/// When our provisional responses are sent reliably (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// If the far side requires it.
    #[default]
    WhenRequired,
    /// If the far side can.
    WhenSupported,
}

/// What an endpoint does without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// What packets travel on.
    pub transport: Transport,
    /// Who answers offers inside a call.
    pub renegotiation: Renegotiation,
    /// When provisional responses of ours are reliable.
    pub reliability: Reliability,
    /// The session interval that we ask for, in s; `None`: a session timer is kept only if the far side asks for one (RFC 4028).
    pub session_s: Option<u32>,
    /// The shortest session interval that we accept, in s; never less than 90.
    pub shortest_session_s: u32,
    /// Whether the far side may ask us to transfer a call (REFER); otherwise it gets 405.
    pub transfers: bool,
    /// Whether the far side may register here: REGISTER is told by [`Event::Asked`]; otherwise it gets 405.
    pub registrar: bool,
}

/// What a call is ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// Final status code, 400 to 699, if the call was not answered yet.
    pub status: u16,
    /// Value of the Reason header (RFC 3326), in the refusal or the BYE.
    pub reason: Option<&'static str>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// BYE from the far side.
    ByeReceived,
    /// CANCEL before our final answer.
    CancelReceived,
    /// By [`super::Endpoint::hang_up`].
    AsCommanded,
    /// The ACK of a 200, or the PRACK of a reliable response, never came (64*T1); a BYE or a refusal was sent.
    NoAck,
    /// Nobody answered it for [`crate::MAX_PENDING_MS`]; it was refused with 480 or cancelled.
    NotAnswered,
    /// The far side refused our INVITE with this status.
    Refused(u16),
    /// Nothing came back: no response to our INVITE, or 408 or 481 (the far side has no such call) inside the call.
    Unreachable,
    /// The session was not refreshed in time (RFC 4028); a BYE was sent.
    Expired,
}

/// A call of ours to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The Request-URI, and the URI of To.
    pub to: String,
    /// The From value without a tag, such as `"Hotline" <sip:12345@192.0.2.9>`.
    pub from: String,
    /// Where the INVITE is sent.
    pub target: SocketAddr,
    /// Further fields, such as Route, P-Asserted-Identity, Replaces or credentials.
    pub fields: Vec<(String, String)>,
    /// Our offer; `None` for a late offer, which the far side makes in its 2xx.
    pub description: Option<String>,
}

/// Numbers and names of citizens stay out of logs.
impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation({}, {} fields)", self.target, self.fields.len())
    }
}

/// Which message carries an offer of ours inside a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferBy {
    /// A re-INVITE: the far side may ask a person. Only in a confirmed call.
    ReInvite,
    /// An UPDATE (RFC 3311): the far side answers at once. In a confirmed call, and in an early one whose first offer is answered.
    Update,
}

/// Something that happened to a call or to a request.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new call; its 100 is in the outbox, and leaves unless an answer is ready before it is polled.
    Offered {
        /// Its name from now on.
        call: CallKey,
        /// Where the INVITE came from.
        source: SocketAddr,
        /// The INVITE itself: see [`crate::identity`] for who calls whom, its body is the offer if there is one.
        invite: Box<Request>,
    },
    /// The call stands: the ACK of our 200 came, or the 2xx of our INVITE (its ACK is in the outbox).
    Confirmed {
        /// Which call.
        call: CallKey,
        /// The answer to our offer if it has not been told yet; empty otherwise.
        description: Bytes,
    },
    /// The call is over. Exactly once per call, and its last event.
    Ended {
        /// Which call.
        call: CallKey,
        /// How.
        ending: Ending,
    },
    /// A request outside of calls that the owner answers with [`super::Endpoint::respond`] before it goes on.
    Asked {
        /// Its name.
        request: ServedKey,
        /// Where it came from.
        source: SocketAddr,
        /// The request itself.
        message: Box<Request>,
    },
    /// Something inside a call.
    Session {
        /// Which call.
        call: CallKey,
        /// What.
        event: SessionEvent,
    },
    /// The end of a request that [`super::Endpoint::request`] sent. Exactly once per request.
    Responded {
        /// Which request.
        request: RequestKey,
        /// The final response; `None` if there was none for 64*T1.
        response: Option<Box<Response>>,
    },
}

/// Something inside a call.
#[derive(Debug, Clone)]
pub enum SessionEvent {
    /// A provisional response to our INVITE, above 100.
    Progress {
        /// Its status code.
        status: u16,
        /// Early media: the answer, or a preview of it; may be empty.
        description: Bytes,
    },
    /// Our INVITE or offer was answered with 401 or 407. The INVITE waits for [`super::Endpoint::authenticate`].
    Challenged(Box<Response>),
    /// The refusal of our INVITE, with its Reason, Contact or Retry-After; [`Event::Ended`] follows.
    Failed(Box<Response>),
    /// The far side makes an offer; see [`super::Endpoint::accept_offer`].
    Offered(Bytes),
    /// The far side made an offer, which was answered by [`Renegotiation::Keep`]: it holds us, takes us back, moved, or only refreshes.
    Changed {
        /// Its description, now in force.
        description: Bytes,
        /// What we may do from now on, as our answer says it: [`crate::sdp::Direction::ReceiveOnly`] and `Inactive` mean that it holds us.
        direction: crate::sdp::Direction,
    },
    /// The far side asks for an offer of ours; see [`super::Endpoint::accept_offer`].
    OfferWanted,
    /// The far side's last offer, or wish for one, is void: cancelled, its branch of a fork lost, or left without an answer for too long.
    Withdrawn,
    /// The answer to an offer of ours.
    Answered(Bytes),
    /// The offer of ours was refused with this status; what was agreed before stays in force. 408 if nothing came.
    OfferRefused(u16),
    /// The far side asks us to call this URI in its place (REFER); see [`super::Endpoint::accept_transfer`].
    TransferAsked(Bytes),
    /// The far side's report on a transfer that we asked for: how its new call stands.
    TransferProgress {
        /// Status of the new call.
        status: u16,
        /// Whether this is the last report.
        is_final: bool,
    },
    /// The transfer that we asked for was refused with this status. 408 if nothing came.
    TransferRefused(u16),
    /// The far side tells something (INFO).
    Told {
        /// One of [`crate::INFO_KINDS`].
        kind: &'static str,
        /// What; may be empty.
        body: Bytes,
    },
    /// What we told by [`super::Endpoint::inform`] was answered with this status. 408 if nothing came.
    Informed(u16),
    /// This new call is to take the place of that one (RFC 3891): if it is answered, hang up the other.
    Replaces(CallKey),
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was a message.
    Message,
    /// Empty lines that keep a path open.
    KeepAlive,
    /// It was none, or a broken one; if possible a 400 or 505 has been sent.
    Malformed(crate::message::Fault),
    /// A sound request for which there was no room; dropped.
    Overloaded,
}

/// How much is in memory: all zero when nothing is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Calls in any stage.
    pub calls: usize,
    /// Dialogs that can be found by a message.
    pub dialogs: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Armed deadlines.
    pub timers: usize,
}
