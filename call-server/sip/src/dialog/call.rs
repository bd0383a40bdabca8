//! The life of one incoming call: offered, answered, confirmed, leaving (RFC 3261 sections 13.3.1.4, 14.2, 15).

use super::Dialog;
use crate::endpoint::Farewell;
use crate::message::Request;
use crate::timer::{Due, Repeat};
use crate::transaction::ServerKey;
use bytes::Bytes;
use std::net::SocketAddr;

/// How long an INVITE may stay without a final answer, in ms; then it is refused with 480.
pub const MAX_PENDING_MS: u64 = 180_000;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) dialog: Dialog,
    pub(crate) stage: Stage,
}

/// Where a call stands, with what is known only there.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The INVITE waits for its final answer.
    Pending(Box<Pending>),
    /// A 200 was sent, its ACK has not come.
    Answered {
        accepted: Accepted,
        /// Our description, for the far side's re-INVITEs.
        description: Bytes,
        /// Whether the INVITE brought an offer, so that offer and answer are complete without the ACK.
        had_offer: bool,
        /// We want to leave, and may send BYE only after the ACK (section 15).
        farewell: Option<Farewell>,
    },
    /// Both sides are in the call.
    Confirmed {
        description: Bytes,
        /// A re-INVITE's 200 that waits for its ACK.
        refresh: Option<Accepted>,
    },
    /// Our BYE waits for its answer.
    Leaving,
}

/// An INVITE without a final answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) invite: Request,
    pub(crate) source: SocketAddr,
    pub(crate) transaction: ServerKey,
    pub(crate) give_up_at: u64,
}

/// A 2xx that is repeated until its ACK comes.
#[derive(Debug)]
pub(crate) struct Accepted {
    cseq: u32,
    peer: SocketAddr,
    response: Bytes,
    repeat: Repeat,
}

impl Accepted {
    pub(crate) fn new(now: u64, cseq: u32, peer: SocketAddr, response: Bytes) -> Self {
        Self { cseq, peer, response, repeat: Repeat::new(now) }
    }
}

/// What an ACK did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AckEffect {
    /// Nothing: a repetition, or nobody's.
    Nothing,
    /// The call stands.
    Confirmed,
    /// Now our BYE may go.
    MayLeave(Farewell),
}

/// What a due deadline did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeoutEffect {
    /// Nothing.
    Nothing,
    /// The INVITE waited too long for us.
    PendingTooLong,
    /// Send this 2xx again.
    Resend(SocketAddr, Bytes),
    /// No ACK came for 64*T1; `told` if the owner has long heard that the call is over.
    NoAck { told: bool },
}

impl Call {
    pub(crate) fn deadline(&self) -> Option<u64> {
        match &self.stage {
            Stage::Pending(pending) => Some(pending.give_up_at),
            Stage::Answered { accepted, .. } => Some(accepted.repeat.deadline()),
            Stage::Confirmed { refresh, .. } => refresh.as_ref().map(|accepted| accepted.repeat.deadline()),
            Stage::Leaving => None,
        }
    }

    /// An ACK with this CSeq number arrived in the dialog.
    pub(crate) fn acknowledge(&mut self, cseq: u32) -> AckEffect {
        match &mut self.stage {
            Stage::Answered { accepted, description, farewell, .. } if accepted.cseq == cseq => {
                let effect = farewell.take().map_or(AckEffect::Confirmed, AckEffect::MayLeave);
                self.stage = Stage::Confirmed { description: std::mem::take(description), refresh: None };
                effect
            }
            Stage::Confirmed { refresh, .. } => {
                refresh.take_if(|accepted| accepted.cseq == cseq);
                AckEffect::Nothing
            }
            Stage::Pending(_) | Stage::Answered { .. } | Stage::Leaving => AckEffect::Nothing,
        }
    }

    pub(crate) fn timeout(&mut self, now: u64) -> TimeoutEffect {
        let (accepted, told) = match &mut self.stage {
            Stage::Pending(pending) if now >= pending.give_up_at => return TimeoutEffect::PendingTooLong,
            Stage::Answered { accepted, farewell, .. } => (accepted, farewell.is_some()),
            Stage::Confirmed { refresh: Some(accepted), .. } => (accepted, false),
            Stage::Pending(_) | Stage::Confirmed { refresh: None, .. } | Stage::Leaving => return TimeoutEffect::Nothing,
        };
        match accepted.repeat.step(now) {
            Due::NotYet => TimeoutEffect::Nothing,
            Due::Resend => TimeoutEffect::Resend(accepted.peer, accepted.response.clone()),
            Due::GiveUp => TimeoutEffect::NoAck { told },
        }
    }
}
