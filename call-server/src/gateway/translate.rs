//! Between the words of the wire and the words of the core. Exhaustive on purpose: a new word must be given a meaning here.

use call_core::command::SessionEnd;
use call_core::input::AgentAction;
use call_core::voice::VoiceInput;
use shared::model::{AgentId, MessageId, SessionId, Summary, VoiceCodec};
use shared::pii::Pii;
use shared::wire::{Action, Correction, MessageChange, MessageLink, MessageTarget, SignOutReason, VoiceAbilities};

pub(super) fn abilities(agent: AgentId, session: SessionId, abilities: &VoiceAbilities) -> VoiceInput {
    VoiceInput::Abilities { agent, session, opus: abilities.codecs.contains(&VoiceCodec::Opus), muted: abilities.muted }
}

/// Who has to do with a wish.
pub(super) enum Wish {
    /// The core.
    Core(AgentAction),
    /// The store, by way of the front office.
    Correct(Correction),
    /// The store too: a summary.
    Submit(Box<Summary>),
    /// The old password is checked, and the new one put on record.
    ChangePassword { old: Pii<String>, new: Pii<String> },
    /// The store, and then other desktops.
    Message(MessageTarget, Option<MessageLink>, Pii<String>),
    /// Likewise: 撤回, 置顶.
    ChangeMessage(MessageId, MessageChange),
    /// The password is checked before the core hears of it.
    Unlock(Pii<String>),
}

pub(super) fn wish(action: Action) -> Wish {
    Wish::Core(match action {
        Action::GoReady => AgentAction::GoReady,
        Action::GoNotReady { reason } => AgentAction::GoNotReady(reason),
        Action::AwaitNotReady { reason } => AgentAction::AwaitNotReady(reason),
        Action::Lock => AgentAction::Lock,
        Action::Accept { offer } => AgentAction::Accept(offer),
        Action::Reject { offer } => AgentAction::Reject(offer),
        Action::HangUp { interaction } => AgentAction::HangUp(interaction),
        Action::EndWrapUp => AgentAction::EndWrapUp,
        Action::ExtendWrapUp => AgentAction::ExtendWrapUp,
        Action::UseVoice { device } => AgentAction::UseVoice(device),
        Action::SignOut => AgentAction::SignOut,
        Action::Dial { number } => AgentAction::Dial(number),
        Action::Call { interaction, function } => AgentAction::Call(interaction, function),
        Action::Supervise { act, reason } => AgentAction::Supervise(act, reason),
        Action::CorrectCaller(correction) => return Wish::Correct(correction),
        Action::SubmitSummary(summary) => return Wish::Submit(summary),
        Action::ChangePassword { old, new } => return Wish::ChangePassword { old, new },
        Action::SendMessage { to, text, link } => return Wish::Message(to, link, text),
        Action::ChangeMessage { message, change } => return Wish::ChangeMessage(message, change),
        Action::Unlock { password } => return Wish::Unlock(password),
    })
}

pub(super) fn sign_out_reason(end: SessionEnd) -> SignOutReason {
    match end {
        SessionEnd::Asked => SignOutReason::Asked,
        SessionEnd::Superseded => SignOutReason::Superseded,
        SessionEnd::Lost => SignOutReason::Lost,
        SessionEnd::Forced => SignOutReason::Forced,
        SessionEnd::ServerStopping => SignOutReason::ServerStopping,
    }
}
