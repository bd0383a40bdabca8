//! The life of one call: asked or offered, answered, confirmed, leaving (RFC 3261 sections 9, 13, 14.2, 15).

use super::talk::{Party, Retry};
use crate::endpoint::{Asked, Ending, Farewell, Invitation};
use crate::message::Head;
use crate::timer::{Due, PATIENCE_MS, Repeat};
use crate::transaction::ServerKey;
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long an INVITE may stay without a final answer, in ms: the far side's is then refused with 480, ours is cancelled (timer C).
pub const MAX_PENDING_MS: u64 = 180_000;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    /// The dialog; of a call of ours without a final answer only a stand-in, see [`Calling::early`].
    pub(crate) party: Party,
    pub(crate) stage: Stage,
    /// Whether the INVITE was ours, and with it the Call-ID.
    pub(crate) is_caller: bool,
    /// Whether the owner has heard that the call is over.
    pub(crate) is_told: bool,
    /// Fields with credentials, for each request of ours.
    pub(crate) credentials: Vec<(String, String)>,
    pub(crate) transfer: Transfer,
}

/// Where a REFER stands (RFC 3515).
#[derive(Debug)]
pub(crate) enum Transfer {
    None,
    /// Theirs waits for our word, until the time in ms.
    Asked(Box<Asked>, u64),
    /// Theirs was accepted: we owe NOTIFYs.
    Reporting,
    /// Ours: NOTIFYs are expected.
    Watching,
}

/// Where a call stands, with what is known only there.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The far side's INVITE waits for its final answer.
    Pending(Box<Pending>),
    /// Our INVITE waits for its final answer.
    Calling(Box<Calling>),
    /// Our INVITE was challenged with this status; its owner may send it again with credentials until the time in ms.
    Challenged { calling: Box<Calling>, status: u16, until: u64 },
    /// A 200 was sent, its ACK has not come.
    Answered {
        accepted: Accepted,
        /// We want to leave, and may send BYE only after the ACK (section 15).
        farewell: Option<Farewell>,
    },
    /// The 2xx of our INVITE brought an offer; its ACK waits for our answer, until the time in ms.
    Owing { cseq: u32, branch: Bytes, until: u64 },
    /// Both sides are in the call.
    Confirmed,
    /// Our BYE waits for its answer.
    Leaving,
}

/// The far side's INVITE without a final answer.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Those of its fields that its answers depend on: the whole of it is told to the owner, and not kept here.
    pub(crate) head: Head,
    pub(crate) cseq: u32,
    pub(crate) has_offer: bool,
    pub(crate) source: SocketAddr,
    pub(crate) transaction: ServerKey,
    pub(crate) give_up_at: u64,
    /// The last RSeq; 0 if there was none.
    pub(crate) rseq: u32,
    /// A reliable provisional response that waits for its PRACK.
    pub(crate) unacknowledged: Option<Reliable>,
    /// Provisional responses that wait for that PRACK; at most [`MAX_WAITING`].
    pub(crate) waiting: VecDeque<(u16, Bytes)>,
    /// A final answer that waits for that PRACK (RFC 3262 section 3).
    pub(crate) held_answer: Option<Bytes>,
}

/// Most provisional responses that wait for a PRACK.
pub(crate) const MAX_WAITING: usize = 4;

/// See [`Pending::unacknowledged`].
#[derive(Debug)]
pub(crate) struct Reliable {
    pub(crate) rseq: u32,
    pub(crate) peer: SocketAddr,
    pub(crate) response: Bytes,
    pub(crate) has_description: bool,
    pub(crate) repeat: Repeat,
}

/// Our INVITE without a final answer.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(crate) invitation: Invitation,
    /// The invitation's description.
    pub(crate) description: Bytes,
    pub(crate) cseq: u32,
    pub(crate) branch: Bytes,
    pub(crate) cancel: Cancel,
    pub(crate) give_up_at: u64,
    /// One for each branch of a fork that was heard of.
    pub(crate) early: Vec<Early>,
    /// Least session interval, in s; a 422 raises it.
    pub(crate) minimum_s: u32,
}

/// An early dialog of an INVITE of ours.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) party: Party,
    /// The last RSeq taken.
    pub(crate) rseq: Option<u32>,
    /// The answer that a reliable response brought.
    pub(crate) answer: Bytes,
}

/// Whether we want our INVITE back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    No,
    /// Yes, but nothing was heard yet (section 9.1).
    Wanted,
    Sent,
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

    pub(crate) fn deadline(&self) -> u64 {
        self.repeat.deadline()
    }

    fn timeout(&mut self, now: u64) -> TimeoutEffect {
        match self.repeat.step(now) {
            Due::NotYet => TimeoutEffect::Nothing,
            Due::Resend => TimeoutEffect::Resend(self.peer, self.response.clone()),
            Due::GiveUp => TimeoutEffect::NoAck,
        }
    }
}

/// What an ACK did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AckEffect {
    /// Nothing: a repetition, or nobody's.
    Nothing,
    /// The call stands.
    Confirmed,
    /// A re-INVITE is through.
    Renegotiated,
    /// Now our BYE may go.
    MayLeave(Farewell),
}

/// What a due deadline did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeoutEffect {
    /// Nothing.
    Nothing,
    /// The INVITE waited too long for us, or its reliable provisional response for a PRACK: refuse it.
    Refuse(u16, Ending),
    /// Send this again.
    Resend(SocketAddr, Bytes),
    /// No ACK came for 64*T1.
    NoAck,
    /// Nobody answers our INVITE: cancel it.
    CallingTooLong,
    /// Our INVITE was cancelled and still nobody answers, or was challenged and nobody had credentials: the call is gone.
    Gone(Ending),
    /// Our owner has no answer to the far side's offer or REFER: refuse it.
    Unanswered,
    /// The ACK that we owe is overdue.
    OwingTooLong,
    /// Make this offer again in the dialog with this remote tag.
    Retry(Bytes, Retry),
    /// The session must be refreshed.
    Refresh,
    /// The session was not refreshed.
    Expired,
}

impl Call {
    pub(crate) fn deadline(&self) -> Option<u64> {
        let stage = match &self.stage {
            Stage::Pending(pending) => {
                Some(pending.unacknowledged.as_ref().map_or(pending.give_up_at, |out| out.repeat.deadline().min(pending.give_up_at)))
            }
            Stage::Calling(calling) => Some(calling.deadline()),
            Stage::Challenged { until, .. } | Stage::Owing { until, .. } => Some(*until),
            Stage::Answered { accepted, .. } => Some(accepted.deadline()),
            Stage::Confirmed | Stage::Leaving => None,
        };
        let transfer = match &self.transfer {
            Transfer::Asked(_, until) => Some(*until),
            Transfer::None | Transfer::Reporting | Transfer::Watching => None,
        };
        stage.into_iter().chain(self.party.talk.deadline()).chain(transfer).min()
    }

    /// The dialog with this remote tag.
    pub(crate) fn party_with(&mut self, remote_tag: &[u8]) -> Option<&mut Party> {
        match &mut self.stage {
            Stage::Calling(calling) | Stage::Challenged { calling, .. } => {
                calling.early.iter_mut().map(|early| &mut early.party).find(|party| party.dialog.id.remote_tag == remote_tag)
            }
            Stage::Pending(_) | Stage::Answered { .. } | Stage::Owing { .. } | Stage::Confirmed | Stage::Leaving => {
                (self.party.dialog.id.remote_tag == remote_tag).then_some(&mut self.party)
            }
        }
    }

    /// All its dialogs.
    pub(crate) fn parties(&mut self) -> impl Iterator<Item = &mut Party> {
        let early = match &mut self.stage {
            Stage::Calling(calling) | Stage::Challenged { calling, .. } => calling.early.as_mut_slice(),
            Stage::Pending(_) | Stage::Answered { .. } | Stage::Owing { .. } | Stage::Confirmed | Stage::Leaving => &mut [],
        };
        std::iter::once(&mut self.party).chain(early.iter_mut().map(|early| &mut early.party))
    }

    /// An ACK with this CSeq number arrived in the dialog.
    pub(crate) fn acknowledge(&mut self, cseq: u32) -> AckEffect {
        match &mut self.stage {
            Stage::Answered { accepted, farewell, .. } if accepted.cseq == cseq => {
                let effect = farewell.take().map_or(AckEffect::Confirmed, AckEffect::MayLeave);
                self.stage = Stage::Confirmed;
                effect
            }
            Stage::Confirmed => match self.party.talk.accepted.take_if(|accepted| accepted.cseq == cseq) {
                Some(_) => AckEffect::Renegotiated,
                None => AckEffect::Nothing,
            },
            Stage::Pending(_)
            | Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Answered { .. }
            | Stage::Owing { .. }
            | Stage::Leaving => AckEffect::Nothing,
        }
    }

    pub(crate) fn timeout(&mut self, now: u64) -> TimeoutEffect {
        match &mut self.stage {
            Stage::Pending(pending) if now >= pending.give_up_at => return TimeoutEffect::Refuse(480, Ending::NotAnswered),
            Stage::Pending(pending) => {
                if let Some(out) = pending.unacknowledged.as_mut().filter(|out| now >= out.repeat.deadline()) {
                    return match out.repeat.step(now) {
                        Due::NotYet => TimeoutEffect::Nothing,
                        Due::Resend => TimeoutEffect::Resend(out.peer, out.response.clone()),
                        Due::GiveUp => TimeoutEffect::Refuse(504, Ending::NoAck),
                    };
                }
            }
            Stage::Calling(calling) if now >= calling.deadline() => return calling.timeout(now),
            Stage::Challenged { status, until, .. } if now >= *until => return TimeoutEffect::Gone(Ending::Refused(*status)),
            Stage::Owing { until, .. } if now >= *until => return TimeoutEffect::OwingTooLong,
            Stage::Answered { accepted, .. } if now >= accepted.deadline() => return accepted.timeout(now),
            Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Owing { .. }
            | Stage::Answered { .. }
            | Stage::Confirmed
            | Stage::Leaving => {}
        }
        if matches!(&self.transfer, Transfer::Asked(_, until) if now >= *until) {
            return TimeoutEffect::Unanswered;
        }
        self.party.timeout(now)
    }
}

impl Party {
    fn timeout(&mut self, now: u64) -> TimeoutEffect {
        let talk = &mut self.talk;
        if let Some(accepted) = talk.accepted.as_mut().filter(|accepted| now >= accepted.deadline()) {
            return accepted.timeout(now);
        }
        if let Some(retry) = talk.retry.take_if(|retry| now >= retry.at) {
            return TimeoutEffect::Retry(self.dialog.id.remote_tag.clone(), retry);
        }
        if let Some(timer) = talk.timer.as_mut() {
            if now >= timer.expires_at {
                return TimeoutEffect::Expired;
            }
            if timer.refresh_at.take_if(|at| now >= *at).is_some() {
                return TimeoutEffect::Refresh;
            }
        }
        if talk.deadline().is_some_and(|deadline| now >= deadline) { TimeoutEffect::Unanswered } else { TimeoutEffect::Nothing }
    }
}

impl Calling {
    fn deadline(&self) -> u64 {
        self.early.iter().filter_map(|early| early.party.talk.deadline()).fold(self.give_up_at, u64::min)
    }

    fn timeout(&mut self, now: u64) -> TimeoutEffect {
        if now >= self.give_up_at {
            return match self.cancel {
                Cancel::No => TimeoutEffect::CallingTooLong,
                Cancel::Wanted | Cancel::Sent => TimeoutEffect::Gone(Ending::AsCommanded),
            };
        }
        let early = self.early.iter_mut().find(|early| early.party.talk.deadline().is_some_and(|deadline| now >= deadline));
        early.map_or(TimeoutEffect::Nothing, |early| early.party.timeout(now))
    }

    /// A CANCEL went out: it is waited for its effect for 64*T1 (section 9.1).
    pub(crate) fn cancelled(&mut self, now: u64) {
        self.cancel = Cancel::Sent;
        self.give_up_at = now.saturating_add(PATIENCE_MS);
    }
}
