//! Calls that hear one text and are hung up: at the door or on their way out of a line. What the text costs is bounded in time.

use super::Calls;
use super::call::{self, Call, Stage};
use super::recording::Tracks;
use crate::command::{MediaCommand, SessionText, SipCommand, Sound};
use crate::input::{AnnouncementEnd, CallOffered};
use crate::ledger::{CallLedger, FactKind};
use crate::plan::PromptName;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{EndReason, InteractionId, LegId, Side};

/// A call on its way out.
#[derive(Debug)]
pub(crate) struct Farewell {
    leg: LegId,
    ledger: CallLedger,
    tracks: Tracks,
    /// Known from the moment that it was turned away; nothing that follows changes it.
    reason: EndReason,
    stage: FarewellStage,
}

#[derive(Debug)]
enum FarewellStage {
    /// Media was asked for a port; the text follows.
    Opening(PromptName),
    /// Answered, and the text is played.
    Speaking,
}

impl Calls {
    /// Calls that hear a text.
    pub(crate) fn farewells(&self) -> usize {
        self.farewells.len()
    }

    /// A new call is to hear a text: media first.
    pub(super) fn greet(
        &mut self,
        turn: &mut Turn,
        id: InteractionId,
        mut ledger: CallLedger,
        offered: &CallOffered,
        why: (EndReason, PromptName),
    ) {
        let leg = offered.leg;
        turn.sip(SipCommand::Ring { leg });
        call::open_voice(turn, offered);
        turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::FarewellOver(id));
        let (reason, prompt) = why;
        let fact = ledger.fact(turn.now, FactKind::TurnedAway { reason });
        call::store_fact(turn, fact);
        let stage = FarewellStage::Opening(prompt);
        self.farewells.insert(id, Farewell { leg, ledger, tracks: Tracks::default(), reason, stage });
        self.legs.insert(leg, id);
    }

    /// Media is open: the text begins.
    pub(super) fn begin_text(&mut self, turn: &mut Turn, leg: LegId, answer: SessionText) {
        let Some((id, farewell)) = self.legs.get(&leg).and_then(|id| Some((*id, self.farewells.get_mut(id)?))) else { return };
        if let FarewellStage::Opening(prompt) = &farewell.stage {
            let prompt = prompt.clone();
            turn.sip(SipCommand::Answer { leg, answer });
            let fact = farewell.ledger.fact(turn.now, FactKind::Answered);
            call::store_fact(turn, fact);
            farewell.speak(turn, id, prompt);
        }
    }

    /// A waiting call leaves the line and hears a text.
    pub(crate) fn bid_farewell(&mut self, turn: &mut Turn, id: InteractionId, reason: EndReason, prompt: PromptName) {
        let Some(call) = self.live.remove(&id) else { return };
        self.no_longer_waits(&call);
        let Call { leg, mut ledger, tracks, .. } = call;
        ledger.left_line(turn.now);
        let fact = ledger.fact(turn.now, FactKind::TurnedAway { reason });
        call::store_fact(turn, fact);
        let mut farewell = Farewell { leg, ledger, tracks, reason, stage: FarewellStage::Speaking };
        farewell.speak(turn, id, prompt);
        self.farewells.insert(id, farewell);
    }

    /// The text, or the call that hears it, is over.
    pub(crate) fn farewell_ended(&mut self, turn: &mut Turn, leg: LegId, by: Side, leg_gone: bool) {
        if let Some(id) = self.legs.get(&leg).copied().filter(|id| self.farewells.contains_key(id)) {
            self.end_farewell(turn, id, by, leg_gone);
        }
    }

    /// Ends a call that hears a text, or waits to.
    pub(crate) fn end_farewell(&mut self, turn: &mut Turn, id: InteractionId, by: Side, leg_gone: bool) {
        let Some(farewell) = self.farewells.remove(&id) else { return };
        let Farewell { leg, ledger, tracks, reason, stage } = farewell;
        self.forget_leg(leg, id);
        turn.timers.cancel(Reason::FarewellOver(id));
        if !leg_gone {
            turn.sip(match stage {
                FarewellStage::Opening(_) => SipCommand::Refuse { leg, reason },
                FarewellStage::Speaking => SipCommand::HangUp { leg, reason },
            });
        }
        turn.media(MediaCommand::Close { leg });
        let (fact, record) = ledger.close(turn.now, reason, by);
        call::store_fact(turn, fact);
        self.close(turn, Box::new(record), &tracks);
    }

    /// All of them, for the end of the server.
    pub(crate) fn end_farewells(&mut self, turn: &mut Turn) {
        for id in self.farewells.keys().copied().collect::<Vec<_>>() {
            self.end_farewell(turn, id, Side::Server, false);
        }
    }

    /// The text was played to its end, or there is none to play.
    pub(crate) fn text_over(&mut self, turn: &mut Turn, leg: LegId, end: AnnouncementEnd) {
        if end == AnnouncementEnd::Cut {
            return;
        }
        let speaks = |farewell: &Farewell| matches!(farewell.stage, FarewellStage::Speaking);
        if self.legs.get(&leg).and_then(|id| self.farewells.get(id)).is_some_and(speaks) {
            self.farewell_ended(turn, leg, Side::Server, false);
        }
    }
}

impl Farewell {
    fn speak(&mut self, turn: &mut Turn, id: InteractionId, prompt: PromptName) {
        self.stage = FarewellStage::Speaking;
        let prompts = vec![prompt];
        turn.media(MediaCommand::Announce { leg: self.leg, prompts: prompts.clone(), then: Sound::Silence });
        let fact = self.ledger.fact(turn.now, FactKind::Announced { prompts });
        call::store_fact(turn, fact);
        turn.timers.set(turn.now.time.plus(turn.plan.limits.farewell_ms), Reason::FarewellOver(id));
    }
}

impl Calls {
    /// Where a live call stands counts no more for the limit of its queue.
    pub(super) fn no_longer_waits(&mut self, call: &Call) {
        if !call.probe && matches!(call.stage, Stage::Opening | Stage::Waiting(_)) {
            self.load.waiting(call.queue, false);
        }
    }
}
