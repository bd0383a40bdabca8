//! News of voices, taken to whom they concern: the agent's desktop, the media path, the record. Nothing is decided by them but whether
//! another voice may come to a talk that runs.

use crate::Core;
use crate::command::{AgentCommand, MediaCommand, StoreCommand};
use crate::voice::VoiceInput;
use shared::model::{AgentId, LegId, SessionId};

impl Core {
    pub(super) fn voice(&mut self, news: VoiceInput) {
        match news {
            VoiceInput::Abilities { agent, session, opus, muted } => {
                if let Some(leg) = self.acd.in_session(agent, session).map(|agent| agent.leg) {
                    self.turn.media(MediaCommand::AgentVoice { leg, opus, muted });
                }
            }
            VoiceInput::SendAs { leg, codec, expected_loss_percent } => {
                if let Some((agent, session)) = self.session_of(leg) {
                    self.turn.agent(AgentCommand::Voice { agent, session, codec, expected_loss_percent });
                }
            }
            VoiceInput::Health { agent: leg, health } => {
                if let Some((agent, session)) = self.session_of(leg) {
                    self.turn.agent(AgentCommand::TalkHealth { agent, session, health: Box::new(health) });
                }
            }
            VoiceInput::Measured(measured) => self.turn.store(StoreCommand::TalkMeasured(Box::new(measured))),
            VoiceInput::RoomForVoices { thread, has_room: true } => _ = self.turn.crowded.remove(&thread),
            VoiceInput::RoomForVoices { thread, has_room: false } => _ = self.turn.crowded.insert(thread),
            VoiceInput::ThreadOf { leg, thread } => self.calls.carried_by(leg, thread),
        }
    }

    fn session_of(&self, leg: LegId) -> Option<(AgentId, SessionId)> {
        let (agent, _) = self.acd.of_leg(leg)?;
        self.acd.agent(agent).map(|agent| (agent.agent, agent.session))
    }
}
