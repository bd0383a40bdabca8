//! Papers of the house, drafts and summaries: questions that block no button, and what is kept where.

use super::{Link, Session, Stage};
use crate::{CardHistory, Effect, HistoryTold, Millis};
use shared::model::{InteractionId, RequestId, Summary, UnitId, UnixMillis};
use shared::wire::{Action, Answer, FromClient, Question};
use std::sync::Arc;

/// Questions that wait for their answers; one more is not asked.
const MOST_QUESTIONS: usize = 32;

/// What a request was about that means more to the desktop than its button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A summary; and then the wrap-up is to end.
    Summary(InteractionId, bool),
    /// A new password.
    Password,
}

/// What was put on record last, to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// A summary; a unit has got it as a matter.
    Summary {
        /// Of which call.
        interaction: InteractionId,
    },
    /// A new password.
    Password,
}

impl Session {
    /// Everything that a desk needs, after each sign-in and each reconnect.
    pub(super) fn ask_for_papers(&mut self) {
        if !self.view.rules.papers {
            self.view.drafts_known = true;
        }
        if !self.view.rules.papers || self.view.rules.password_is_initial {
            return;
        }
        self.questions.clear();
        for question in [Question::House, Question::Dispositions, Question::Units { after: None }, Question::Drafts, Question::Figures] {
            self.look(question);
        }
    }

    pub(super) fn look(&mut self, question: Question) {
        let waits = self.questions.values().any(|waiting| *waiting == question);
        let is_known = self.view.rules.card_history || !matches!(question, Question::CardHistory { .. });
        let can_be_asked = self.view.rules.papers && is_known && self.is_online() && (waits || self.questions.len() < MOST_QUESTIONS);
        self.history_is(question, if can_be_asked { HistoryTold::Asked } else { HistoryTold::Failed });
        if waits || !can_be_asked {
            return;
        }
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.questions.insert(request, question);
        self.effects.push_back(Effect::Send(FromClient::Ask { request, question }));
    }

    /// How far a question has come, if it is one about a card's history.
    fn history_is(&mut self, question: Question, told: HistoryTold) {
        if let Question::CardHistory { interaction, person } = question {
            self.view.card_history = Some(CardHistory { interaction, person, told });
        }
    }

    /// A question that waits is answered no more. What is shown of another card stays.
    pub(super) fn fails(&mut self, question: Question) {
        let Question::CardHistory { interaction, person } = question else { return };
        let shown = self.view.card_history.as_ref();
        if shown.is_some_and(|shown| (shown.interaction, shown.person) == (interaction, person)) {
            self.history_is(question, HistoryTold::Failed);
        }
    }

    pub(super) fn answer(&mut self, now: Millis, request: RequestId, answer: Answer) {
        let Some(question) = self.questions.remove(&request) else { return };
        let papers = Arc::make_mut(&mut self.view.papers);
        match answer {
            Answer::House(house) => papers.house = Some(house),
            Answer::Dispositions { tree } => papers.dispositions = tree,
            Answer::Units { units, more } => {
                let next: Option<UnitId> = units.last().map(|unit| unit.unit).filter(|_| more);
                if units.first().is_none_or(|first| papers.units.last().is_none_or(|last| first.unit <= last.unit)) {
                    papers.units.clear();
                }
                papers.units.extend(units);
                if next.is_some() {
                    self.look(Question::Units { after: next });
                }
            }
            Answer::Calls { page, calls } => {
                papers.calls.insert(page, calls);
            }
            Answer::Figures(figures) => papers.figures = Some(figures),
            Answer::CardHistory { person, changes, more } => {
                let shown = self.view.card_history.as_mut().filter(|shown| {
                    question == Question::CardHistory { interaction: shown.interaction, person: shown.person } && shown.person == person
                });
                if let Some(shown) = shown {
                    shown.told = HistoryTold::Known { changes: changes.into(), more };
                }
            }
            Answer::Drafts { drafts } => {
                self.drafts.told(now, drafts);
                self.view.drafts_known = true;
                self.show_drafts();
            }
        }
    }

    pub(super) fn write(&mut self, now: Millis, summary: Summary) {
        if !self.view.drafts_known {
            return;
        }
        let wall = i64::try_from(now).unwrap_or(i64::MAX).saturating_add(self.view.clock_offset_ms);
        self.drafts.write(now, summary, UnixMillis(wall));
        self.show_drafts();
    }

    pub(super) fn show_drafts(&mut self) {
        self.view.drafts = self.drafts.shown();
    }

    pub(super) fn submit(&mut self, summary: Summary, end: bool) {
        if !self.is_online() || self.view.asked || !self.view.drafts_known {
            return;
        }
        self.about = Some(About::Summary(summary.interaction, end));
        self.ask(Some(Action::SubmitSummary(Box::new(summary))));
    }

    /// A request that means more than its button was carried out.
    pub(super) fn done(&mut self, about: About) {
        match about {
            About::Password => {
                self.view.rules.password_is_initial = false;
                self.view.saved = Some(Saved::Password);
                self.ask_for_papers();
            }
            About::Summary(interaction, end) => {
                self.drafts.forget(interaction);
                self.show_drafts();
                if let Some(me) = &self.view.me {
                    self.effects.push_back(Effect::ForgetDraft { number: me.number.clone(), interaction });
                }
                self.view.saved = Some(Saved::Summary { interaction });
                self.look(Question::Figures);
                let wraps_up = self.view.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref());
                if end && wraps_up.is_some_and(|wrap_up| wrap_up.interaction == interaction) {
                    self.ask(self.view.can_end_wrap_up().then_some(Action::EndWrapUp));
                }
            }
        }
    }

    /// Drafts that are due go to the disk and, while it can be reached, to the server.
    pub(super) fn keep_drafts(&mut self, now: Millis) {
        let Some(me) = &self.view.me else { return };
        let number = me.number.clone();
        let has_key = !self.drafts_key.reveal().is_empty();
        for draft in self.drafts.due_for_disk(now).into_iter().filter(|_| has_key) {
            self.effects.push_back(Effect::KeepDraft { number: number.clone(), key: self.drafts_key.clone(), draft: Box::new(draft) });
        }
        if self.view.rules.papers && self.is_online() {
            for draft in self.drafts.due_for_server(now) {
                self.effects.push_back(Effect::Send(FromClient::Keep(Box::new(draft))));
            }
        }
    }

    pub(super) fn is_online(&self) -> bool {
        matches!(&self.stage, Stage::SignedIn(signed_in) if matches!(signed_in.link, Link::Online(_)))
    }
}
