//! Between the words of the wire and the words of the core. Exhaustive on purpose: a new word must be given a meaning here.

use call_core::command::SessionEnd;
use call_core::input::AgentAction;
use call_core::voice::VoiceInput;
use shared::model::{AgentId, SessionId, VoiceCodec};
use shared::wire::{Action, SignOutReason, VoiceAbilities};

pub(super) fn abilities(agent: AgentId, session: SessionId, abilities: &VoiceAbilities) -> VoiceInput {
    VoiceInput::Abilities { agent, session, opus: abilities.codecs.contains(&VoiceCodec::Opus), muted: abilities.muted }
}

pub(super) fn action(action: Action) -> AgentAction {
    match action {
        Action::GoReady => AgentAction::GoReady,
        Action::GoNotReady { reason } => AgentAction::GoNotReady(reason),
        Action::Accept { offer } => AgentAction::Accept(offer),
        Action::Reject { offer } => AgentAction::Reject(offer),
        Action::HangUp { interaction } => AgentAction::HangUp(interaction),
        Action::EndWrapUp => AgentAction::EndWrapUp,
        Action::SignOut => AgentAction::SignOut,
    }
}

pub(super) fn sign_out_reason(end: SessionEnd) -> SignOutReason {
    match end {
        SessionEnd::Asked => SignOutReason::Asked,
        SessionEnd::Superseded => SignOutReason::Superseded,
        SessionEnd::Lost => SignOutReason::Lost,
        SessionEnd::ServerStopping => SignOutReason::ServerStopping,
    }
}
