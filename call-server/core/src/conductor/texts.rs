//! Texts for those who wait: `acd` knows what can be said and when, `calls` lets it be heard.

use crate::Core;
use crate::acd::Foretold;
use crate::input::AnnouncementEnd;
use crate::ledger::FactKind;
use crate::spoken;
use shared::model::{InteractionId, LegId};

impl Core {
    /// A waiting citizen is to be told something, if now is the time and there is something to say.
    pub(super) fn tell(&mut self, interaction: InteractionId) {
        self.acd.settle(&self.turn);
        let is_asked = self.callbacks.is_asked(interaction);
        let Some(Foretold { ahead, expected_ms, range, comfort }) = self.acd.foretell(&mut self.turn, interaction, is_asked) else {
            return;
        };
        let offer = self.callback_offer(interaction);
        let Some(call) = self.calls.get_mut(interaction) else { return };
        let told = u32::try_from(ahead).unwrap_or(u32::MAX);
        call.note(&mut self.turn, FactKind::Foretold { ahead: told, expected_ms, told: range });
        let mut prompts = spoken::announcement(&self.turn.queue(call.queue).announcements, ahead, range, comfort);
        prompts.extend(offer);
        if prompts.is_empty() {
            self.acd.text_over(interaction);
        } else {
            call.tell(&mut self.turn, prompts);
        }
    }

    /// A text is over: of somebody who waits on, of an agent, or of a call on its way out.
    pub(super) fn text_over(&mut self, leg: LegId, end: AnnouncementEnd) {
        match self.calls.of_leg(leg).map(|call| call.id) {
            // What cut it lasts on: something else is heard, or the call is over.
            Some(_) if end == AnnouncementEnd::Cut => {}
            Some(interaction) if self.ivr.has(interaction) => self.node_heard(interaction),
            Some(interaction) if self.callbacks.is_asked(interaction) => self.question_over(interaction),
            Some(interaction) => self.acd.text_over(interaction),
            None if self.acd.of_leg(leg).is_some() => self.whisper_over(leg, end),
            None => self.calls.text_over(&mut self.turn, leg, end),
        }
    }
}
