//! 暂停录音: while a citizen says card data or passwords, what is heard is left out of the recording (1-12). The agent wishes it, the
//! recording keeps its time, and it goes on by itself: after a while, or as soon as that agent is out of the call.

use super::Calls;
use super::call::{Call, Stage};
use crate::command::RecordingCommand;
use crate::ledger::FactKind;
use crate::time::Now;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId, RecordingId, Refusal};

/// A pause that lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    agent: AgentId,
    /// It ends by itself then.
    pub(crate) until: Now,
}

impl Call {
    /// Twice is once: the end stays where it was.
    fn pause(&mut self, turn: &mut Turn) -> Result<(), Refusal> {
        let Stage::Talking(talking) = &self.stage else { return Err(Refusal::WrongState) };
        if self.paused.is_some() {
            return Ok(());
        }
        let agent = talking.agent;
        self.paused = Some(Pause { agent, until: turn.now.plus(turn.plan.limits.functions.pause_ms) });
        for recording in self.begun() {
            turn.recording(RecordingCommand::Pause { recording });
        }
        self.note(turn, FactKind::RecordingPaused { agent });
        Ok(())
    }

    /// The recording goes on; does nothing if it does already.
    pub(super) fn resume(&mut self, turn: &mut Turn, by_itself: bool) {
        if self.paused.take().is_none() {
            return;
        }
        for recording in self.begun() {
            turn.recording(RecordingCommand::Resume { recording });
        }
        self.note(turn, FactKind::RecordingResumed { by_itself });
    }

    /// Who wished the pause is not the agent of the call any more.
    pub(super) fn end_forsaken_pause(&mut self, turn: &mut Turn) {
        if self.paused.is_some_and(|pause| self.owner() != Some(pause.agent)) {
            self.resume(turn, true);
        }
    }

    fn begun(&self) -> Vec<RecordingId> {
        self.tracks.all().map(|(track, _)| RecordingId::of(self.id, track)).collect()
    }
}

impl Calls {
    /// 暂停录音
    pub(crate) fn pause_recording(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        self.step(turn, id, |call, turn| call.pause(turn))
    }

    /// 恢复录音: by the agent, or by itself.
    pub(crate) fn resume_recording(&mut self, turn: &mut Turn, id: InteractionId, by_itself: bool) -> Result<(), Refusal> {
        self.step(turn, id, |call, turn| {
            call.resume(turn, by_itself);
            Ok(())
        })
    }
}
