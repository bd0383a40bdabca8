//! What the two sides of one dialog have agreed or are about to: offers and answers (RFC 3264, RFC 6337), glare, session timer.

use super::Dialog;
use super::call::Accepted;
use super::session_timer::SessionTimer;
use crate::endpoint::Asked;
use bytes::Bytes;

/// How often an offer is made again after 491 or 500 before its owner hears of the refusal.
pub(crate) const MAX_ATTEMPTS: u32 = 8;
/// How long the far side's offer may wait for its answer, in ms: less than its timer F.
pub(crate) const MAX_QUESTION_MS: u64 = 20_000;

/// One dialog and what is agreed in it.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) dialog: Dialog,
    pub(crate) talk: Talk,
}

/// Which message carries an offer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The first INVITE.
    Invite,
    ReInvite,
    Update,
    /// A reliable provisional response; the answer comes in its PRACK.
    Provisional,
    /// A 2xx; the answer comes in its ACK.
    Answer,
}

/// Where offer and answer stand (RFC 3264 section 4).
#[derive(Debug)]
pub(crate) enum Negotiation {
    /// No description has passed.
    Unset,
    /// Ours waits for its answer.
    Ours(OurOffer),
    /// The INVITE's waits for our answer; the INVITE is kept by the call's stage.
    First,
    /// The 2xx of our INVITE without an offer brought one; our answer goes into the ACK.
    Accepting,
    /// Theirs, or their wish for an offer, waits until the time in ms.
    Theirs(Box<Asked>, u64),
    /// Nothing is open.
    Stable,
}

/// An offer that is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OurOffer {
    pub(crate) carrier: Carrier,
    pub(crate) description: Bytes,
    pub(crate) attempts: u32,
}

/// An offer that was refused with 491 and is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) at: u64,
    pub(crate) offer: OurOffer,
}

/// What is agreed.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) state: Negotiation,
    /// Our description in force.
    pub(crate) local: Bytes,
    pub(crate) retry: Option<Retry>,
    /// The 2xx to a re-INVITE that waits for its ACK.
    pub(crate) accepted: Option<Accepted>,
    pub(crate) timer: Option<SessionTimer>,
    /// Least interval that the far side or a proxy accepts, in s (422).
    pub(crate) minimum_s: u32,
    /// Whether the far side's Allow names UPDATE.
    pub(crate) allows_update: bool,
    /// An UPDATE of ours without an offer is under way.
    pub(crate) is_refreshing: bool,
    /// RSeq and CSeq of a reliable response that our 2xx overtook: its PRACK is still to be answered (RFC 3262 section 3).
    pub(crate) overtaken: Option<(u32, u32)>,
}

impl Talk {
    pub(crate) fn new(state: Negotiation) -> Self {
        Self {
            state,
            local: Bytes::new(),
            retry: None,
            accepted: None,
            timer: None,
            minimum_s: super::session_timer::SHORTEST_S,
            allows_update: false,
            is_refreshing: false,
            overtaken: None,
        }
    }

    pub(crate) fn is_stable(&self) -> bool {
        matches!(self.state, Negotiation::Stable)
    }

    /// Whether an offer of ours may go out.
    pub(crate) fn may_offer(&self) -> bool {
        self.is_stable() && self.retry.is_none() && self.accepted.is_none() && !self.is_refreshing
    }

    /// Nothing is waited for any more; gives what was still to be answered.
    pub(crate) fn close(&mut self) -> Option<Box<Asked>> {
        self.retry = None;
        self.accepted = None;
        self.timer = None;
        match std::mem::replace(&mut self.state, Negotiation::Stable) {
            Negotiation::Theirs(asked, _) => Some(asked),
            Negotiation::Unset | Negotiation::Ours(_) | Negotiation::First | Negotiation::Accepting | Negotiation::Stable => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        let question = match &self.state {
            Negotiation::Theirs(_, until) => Some(*until),
            Negotiation::Unset | Negotiation::Ours(_) | Negotiation::First | Negotiation::Accepting | Negotiation::Stable => None,
        };
        let retry = self.retry.as_ref().map(|retry| retry.at);
        let accepted = self.accepted.as_ref().map(Accepted::deadline);
        question.into_iter().chain(retry).chain(accepted).chain(self.timer.as_ref().map(SessionTimer::deadline)).min()
    }
}
