//! Which sentence belongs to which trouble: what happened, why, what to do next.

use super::Texts;
use desktop_core::{LinkFailure, SignInProblem};
use shared::model::{AgentState, NotReadyReason, Notice, Refusal, Side};
use shared::wire::{SignInRefusal, SignOutReason};

/// What happened, why, and what to do next; one sentence each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advice {
    /// What happened.
    pub(crate) what: &'static str,
    /// Why.
    pub(crate) why: &'static str,
    /// What the person can do now.
    pub(crate) next: &'static str,
}

/// One advice for each trouble that the contract knows, and two of the window's own.
#[derive(Debug)]
pub(crate) struct AdviceTexts {
    pub(crate) offer_gone: Advice,
    pub(crate) no_such_call: Advice,
    pub(crate) wrong_state: Advice,
    pub(crate) no_media: Advice,
    pub(crate) lift_receiver: Advice,
    pub(crate) no_phone: Advice,
    pub(crate) reason_not_allowed: Advice,
    pub(crate) reason_full: Advice,
    pub(crate) locked: Advice,
    pub(crate) not_saved: Advice,
    pub(crate) elsewhere: Advice,
    pub(crate) break_over: Advice,
    pub(crate) break_begun: Advice,
    pub(crate) offer_missed: Advice,
    pub(crate) caller_left: Advice,
    pub(crate) media_lost: Advice,
    pub(crate) phone_failed: Advice,
    pub(crate) wrong_credentials: Advice,
    pub(crate) too_many_attempts: Advice,
    pub(crate) session_gone: Advice,
    pub(crate) not_now: Advice,
    pub(crate) unreachable: Advice,
    pub(crate) unknown_certificate: Advice,
    pub(crate) changed_certificate: Advice,
    pub(crate) broken: Advice,
    pub(crate) protocol: Advice,
    pub(crate) signed_out: Advice,
    pub(crate) superseded: Advice,
    pub(crate) lost: Advice,
    pub(crate) server_stopping: Advice,
    pub(crate) no_device: Advice,
}

impl Texts {
    /// A wish was refused.
    pub(crate) fn refusal(&self, refusal: Refusal) -> Advice {
        match refusal {
            Refusal::OfferGone => self.advice.offer_gone,
            Refusal::NoSuchCall => self.advice.no_such_call,
            Refusal::WrongState => self.advice.wrong_state,
            Refusal::NoMedia => self.advice.no_media,
            Refusal::LiftReceiver => self.advice.lift_receiver,
            Refusal::NoPhone => self.advice.no_phone,
            Refusal::ReasonNotAllowed => self.advice.reason_not_allowed,
            Refusal::ReasonFull => self.advice.reason_full,
            Refusal::Locked => self.advice.locked,
            Refusal::NotSaved => self.advice.not_saved,
            Refusal::NotAvailable => self.calls.not_available,
            Refusal::MayNotDial => self.calls.may_not_dial,
            Refusal::TooManyTransfers => self.calls.too_many_transfers,
            Refusal::TooManyParties => self.calls.too_many_parties,
            Refusal::NoCapacity => self.calls.no_capacity,
            Refusal::NoSuchTarget => self.calls.no_such_target,
            Refusal::NotAllowed => self.calls.not_allowed,
            Refusal::Incomplete => self.papers.incomplete,
            Refusal::PasswordFirst => self.papers.password_first,
            Refusal::WrongPassword => self.papers.wrong_password,
            Refusal::WeakPassword => self.papers.weak_password,
            Refusal::UsedPassword => self.papers.used_password,
            Refusal::TooManyMessages => self.floor.too_many_messages,
            Refusal::MessageLength => self.floor.message_length,
            Refusal::TooLate => self.floor.too_late,
        }
    }

    /// The server changed something by itself.
    pub(crate) fn notice(&self, notice: Notice) -> Advice {
        match notice {
            Notice::OfferMissed => self.advice.offer_missed,
            Notice::CallerLeft => self.advice.caller_left,
            Notice::MediaLost => self.advice.media_lost,
            Notice::PhoneFailed(_) => self.advice.phone_failed,
            Notice::BreakOver => self.advice.break_over,
            Notice::BreakBegun => self.advice.break_begun,
            Notice::Call(news) => self.calls.news(news),
        }
    }

    /// A sign-in did not succeed, or a session ended.
    pub(crate) fn problem(&self, problem: &SignInProblem) -> Advice {
        match problem {
            SignInProblem::Refused(refusal) => self.sign_in_refusal(*refusal),
            SignInProblem::Link(failure) => self.link_failure(failure),
            SignInProblem::SignedOut(reason) => self.sign_out(*reason),
        }
    }

    fn sign_in_refusal(&self, refusal: SignInRefusal) -> Advice {
        match refusal {
            SignInRefusal::WrongCredentials => self.advice.wrong_credentials,
            SignInRefusal::TooManyAttempts => self.advice.too_many_attempts,
            SignInRefusal::SessionGone => self.advice.session_gone,
            SignInRefusal::SignedInElsewhere => self.advice.elsewhere,
            SignInRefusal::NotNow => self.advice.not_now,
        }
    }

    fn link_failure(&self, failure: &LinkFailure) -> Advice {
        match failure {
            LinkFailure::Unreachable(_) => self.advice.unreachable,
            LinkFailure::UnknownCertificate { .. } => self.advice.unknown_certificate,
            LinkFailure::ChangedCertificate { .. } => self.advice.changed_certificate,
            LinkFailure::Broken(_) => self.advice.broken,
            LinkFailure::Protocol(_) => self.advice.protocol,
        }
    }

    fn sign_out(&self, reason: SignOutReason) -> Advice {
        match reason {
            SignOutReason::Asked => self.advice.signed_out,
            SignOutReason::Superseded => self.advice.superseded,
            SignOutReason::Lost => self.advice.lost,
            SignOutReason::Forced => self.calls.forced,
            SignOutReason::ServerStopping => self.advice.server_stopping,
        }
    }

    /// The one word for a state: for 示忙 its reason.
    pub(crate) fn state_word(&self, state: AgentState) -> &'static str {
        match state {
            AgentState::NotReady(reason) => self.reason_word(reason),
            AgentState::Ready => self.state.ready,
            AgentState::Offered => self.state.offered,
            AgentState::Talking => self.state.talking,
            AgentState::Holding => self.calls.holding,
            AgentState::Consulting => self.calls.consulting,
            AgentState::Outbound => self.calls.outbound,
            AgentState::WrapUp => self.state.wrap_up,
            AgentState::Lost => self.state.lost,
        }
    }

    /// The word for a reason of 示忙; after sign-in it is 示忙 itself.
    pub(crate) fn reason_word(&self, reason: NotReadyReason) -> &'static str {
        match reason {
            NotReadyReason::SignedIn => self.state.not_ready,
            NotReadyReason::Break => self.state.small_break,
            NotReadyReason::Meal => self.state.meal,
            NotReadyReason::Training => self.state.training,
            NotReadyReason::Meeting => self.state.meeting,
            NotReadyReason::TicketWork => self.state.ticket_work,
            NotReadyReason::NoAnswer => self.state.no_answer,
            NotReadyReason::Locked => self.state.locked,
            NotReadyReason::System => self.state.system,
        }
    }

    /// Who ended the call.
    pub(crate) fn ended_by(&self, side: Side) -> &'static str {
        match side {
            Side::Caller => self.stage.ended_by_caller,
            Side::Agent => self.stage.ended_by_agent,
            Side::Server => self.stage.ended_by_server,
        }
    }
}
