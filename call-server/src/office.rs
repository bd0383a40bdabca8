//! The front office: what desktops need of accounts, store and configuration, behind the gateway's one face.

use crate::accounts::Accounts;
use crate::draft_keys::DraftKeys;
use crate::gateway::{Attempt, FrontOffice, Person};
use crate::planning::SiteNow;
use crate::store::{CallerEdit, Changed, Fates, NewCaller, Store, StoreError, StoreHandle, Submitted};
use crate::switchboard::Inbox;
use call_core::plan::NodePlan;
use call_core::{CallStatus, CallStatusPhase, Input};
use shared::model::{
    AgentId, Caller, CallerCard, Disposition, DraftCopy, InteractionId, Mark, MemberUnit, MessageId, NodeId, PersonId, QueueId, Refusal,
    Summary, TargetBand, UnixMillis,
};
use shared::pii::Pii;
use shared::wire::{
    self, Answer, Correction, DeskRules, HousePapers, MAX_FRAME_BYTES, MESSAGES_PER_FRAME, MOST_MARKS, MOST_WAITING, MailboxPart,
    MessageChange, MessageLink, MessageRow, MessageTarget, NodeRow, Question, ReasonLimit, SignInRefusal, WaitingRow,
};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the switchboard's picture of who waits.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(2);

/// The front office of a running site.
pub(crate) struct Office {
    pub(crate) accounts: Accounts,
    pub(crate) store: Arc<Store>,
    /// The same by a connection of its own: a long list holds up nobody who signs in.
    pub(crate) papers: Store,
    /// Whoever asks for a call waits until the books know what has just happened in it.
    pub(crate) books: StoreHandle,
    pub(crate) inbox: Inbox,
    pub(crate) site: SiteNow,
    pub(crate) drafts: DraftKeys,
}

impl FrontOffice for Office {
    fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal> {
        self.accounts.check(number, password)
    }

    fn note(&self, attempt: Attempt) {
        self.accounts.note(attempt);
    }

    fn rules(&self) -> DeskRules {
        let site = self.site.get();
        let limit = |rule: &call_core::plan::ReasonRule| ReasonLimit {
            max_ms: rule.max_ms,
            max_agents: u32::try_from(rule.max_agents).unwrap_or(u32::MAX),
        };
        let plan = site.bare_plan();
        DeskRules {
            reasons: plan.reasons.iter().map(|(reason, rule)| (*reason, limit(rule))).collect(),
            queues: plan.queues.iter().map(|(queue, plan)| (*queue, plan.name.clone())).collect(),
            supervises: None,
            messages: true,
            papers: true,
            card_history: true,
            password_is_initial: false,
            drafts_key: Pii::default(),
        }
    }

    fn drafts_key(&self, agent: AgentId) -> Pii<String> {
        self.drafts.of(agent)
    }

    fn marks(&self, agent: AgentId, supervises: Option<&[QueueId]>, interaction: InteractionId) -> Vec<Mark> {
        self.books.settle();
        let found = self.store.call(interaction).unwrap_or_else(|error| {
            tracing::error!(%error, "the marks of a call cannot be read");
            None
        });
        let Some(call) = found else { return Vec::new() };
        let took_part = call.segments.iter().any(|segment| segment.agent == agent);
        let queue = call.result.as_ref().and_then(|result| result.queue);
        let supervises = supervises.is_some_and(|own| own.is_empty() || queue.is_some_and(|queue| own.contains(&queue)));
        let mut marks = if took_part || supervises { call.marks } else { Vec::new() };
        marks.truncate(MOST_MARKS);
        marks
    }

    fn waiting(&self, queues: &[QueueId]) -> Vec<WaitingRow> {
        let Some(snapshot) = self.inbox.snapshot(SNAPSHOT_LIMIT) else { return Vec::new() };
        let waits = |phase| matches!(phase, CallStatusPhase::Waiting | CallStatusPhase::Ringing);
        let mine = |queue| queues.is_empty() || queues.contains(&queue);
        let waiting = snapshot.calls.iter().filter(|call| !call.probe && waits(call.phase) && mine(call.queue));
        let row = |call: &CallStatus| WaitingRow {
            interaction: call.interaction,
            queue: call.queue,
            since: call.started,
            rings: call.phase == CallStatusPhase::Ringing,
            caller: call.caller.clone(),
        };
        waiting.take(MOST_WAITING).map(row).collect()
    }

    fn correct(&self, by: &str, caller: Option<Caller>, correction: &Correction) -> Result<(), Refusal> {
        self.books.settle();
        self.corrected(by, caller, correction).map_err(|error| {
            tracing::error!(%error, "a correction of a card could not be put on record");
            Refusal::NotSaved
        })?
    }

    fn answer(&self, agent: AgentId, caller: Option<Caller>, question: Question) -> Result<Answer, Refusal> {
        self.looked_up(agent, caller, question).map_err(not_saved)?.ok_or(Refusal::NoSuchCall)
    }

    fn keep(&self, agent: AgentId, draft: &DraftCopy, on_desk: bool) -> Result<(), Refusal> {
        self.may_write_up(agent, draft.summary.interaction, on_desk)?;
        self.papers.keep_draft(agent, draft).map_err(not_saved)
    }

    fn submit(&self, agent: AgentId, summary: Summary, on_desk: bool) -> Result<(), Refusal> {
        self.may_write_up(agent, summary.interaction, on_desk)?;
        let site = self.site.get();
        let unit = summary.unit.map(|unit| self.papers.unit_name(unit)).transpose().map_err(not_saved)?;
        if summary.fault(&site.dispositions).is_some() || unit == Some(None) {
            return Err(Refusal::Incomplete);
        }
        let chosen = site.dispositions.iter().find(|one| Some(&one.code) == summary.disposition.as_ref());
        let label = chosen.map(Disposition::label).unwrap_or_default();
        self.papers.submit_summary(agent, &Submitted { summary, label }, now()).map_err(not_saved)
    }

    fn change_password(&self, number: &str, new: &str) -> Result<(), Refusal> {
        self.accounts.change(number, new)
    }

    fn send_message(
        &self,
        from: AgentId,
        to: MessageTarget,
        link: Option<MessageLink>,
        text: &str,
    ) -> Result<Vec<(AgentId, MessageRow)>, Refusal> {
        if let Some(link) = link {
            self.books.settle();
            if !self.store.has_linked(link).map_err(not_saved)? {
                return Err(Refusal::NoSuchTarget);
            }
        }
        let mut rows = self.store.send_message(from, (&to, link), text, now()).map_err(not_saved)?;
        rows.iter_mut().for_each(|(_, row)| self.name_team(row));
        Ok(rows)
    }

    fn change_message(&self, by: AgentId, message: MessageId, change: MessageChange) -> Result<Changed, Refusal> {
        let mut changed = self.store.change_message(by, message, change, now()).map_err(not_saved)??;
        for (_, row, pinned) in &mut changed {
            pinned.iter_mut().chain([row]).for_each(|row| self.name_team(row));
        }
        Ok(changed)
    }

    fn pinned(&self, agent: AgentId) -> Vec<MessageRow> {
        let mut rows = self.store.pinned(agent).unwrap_or_else(|error| {
            tracing::error!(%error, "messages cannot be read");
            Vec::new()
        });
        rows.iter_mut().for_each(|row| self.name_team(row));
        rows
    }

    fn mailbox(&self, agent: AgentId, part: MailboxPart) -> (Vec<MessageRow>, bool) {
        let mut rows = self.store.mailbox(agent, part, MESSAGES_PER_FRAME).unwrap_or_else(|error| {
            tracing::error!(%error, "messages cannot be read");
            Vec::new()
        });
        rows.iter_mut().for_each(|row| self.name_team(row));
        let more = rows.len() == MESSAGES_PER_FRAME;
        (rows, more)
    }

    fn mark_messages(&self, agent: AgentId, through: u64, read: bool) -> Fates {
        self.store.mark_messages(agent, through, read, now()).unwrap_or_else(|error| {
            tracing::error!(%error, "messages could not be marked");
            Vec::new()
        })
    }
}

fn node_row(node: NodeId, plan: &NodePlan) -> NodeRow {
    NodeRow { node, name: plan.name.clone(), survey: plan.is_survey() }
}

fn not_saved(error: StoreError) -> Refusal {
    tracing::error!(%error, "papers or messages could not be read or written");
    Refusal::NotSaved
}

fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}

/// The first of these rows, as many as fit into one frame.
fn as_fit_into_a_frame<T: serde::Serialize>(rows: Vec<T>) -> Vec<T> {
    let mut room = MAX_FRAME_BYTES - 1_024;
    let fits = |row: &T| {
        let size = wire::encode(row).len() + 1;
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    rows.into_iter().take_while(fits).collect()
}

/// When the local day began.
fn midnight() -> UnixMillis {
    let (zone, now) = (jiff::tz::TimeZone::system(), jiff::Timestamp::now());
    let begun = zone.to_datetime(now).date().at(0, 0, 0, 0);
    UnixMillis(zone.to_timestamp(begun).unwrap_or(now).as_millisecond())
}

impl Office {
    /// Whether this agent writes up this call: it is at the desk, or was.
    fn may_write_up(&self, agent: AgentId, interaction: InteractionId, on_desk: bool) -> Result<(), Refusal> {
        self.books.settle();
        if on_desk || self.papers.had_on_desk(agent, interaction).map_err(not_saved)? { Ok(()) } else { Err(Refusal::NoSuchCall) }
    }

    /// `None` if it is about nothing that there is.
    fn looked_up(&self, agent: AgentId, caller: Option<Caller>, question: Question) -> Result<Option<Answer>, StoreError> {
        if matches!(question, Question::Calls { .. } | Question::Figures | Question::CardHistory { .. }) {
            self.books.settle();
        }
        Ok(Some(match question {
            Question::House => Answer::House(self.house()),
            Question::Dispositions => Answer::Dispositions { tree: self.site.get().dispositions.clone() },
            Question::Units { after } => {
                let mut units = self.papers.units(after, MemberUnit::PAGE + 1)?;
                let more = units.len() > MemberUnit::PAGE;
                units.truncate(MemberUnit::PAGE);
                Answer::Units { units, more }
            }
            Question::Drafts => Answer::Drafts { drafts: self.drafts(agent)? },
            Question::Calls { page } => Answer::Calls { page, calls: self.papers.own_calls(agent, page, now())? },
            Question::Figures => Answer::Figures(self.papers.own_figures(agent, midnight(), now())?),
            Question::CardHistory { interaction, person } => return self.card_history(caller, interaction, person),
        }))
    }

    /// As many of the newest corrections as fit into one frame.
    fn card_history(&self, caller: Option<Caller>, interaction: InteractionId, person: PersonId) -> Result<Option<Answer>, StoreError> {
        let caller = caller.map_or_else(|| self.papers.caller_of(interaction), Ok)?;
        let Some(number) = &caller.number else { return Ok(None) };
        let found = self.papers.card_changes(number.reveal(), person, CallerCard::MOST_CHANGES + 1)?;
        Ok(found.map(|mut changes| {
            let count = changes.len();
            changes.truncate(CallerCard::MOST_CHANGES);
            let changes = as_fit_into_a_frame(changes);
            Answer::CardHistory { person, more: changes.len() < count, changes }
        }))
    }

    fn house(&self) -> HousePapers {
        let site = self.site.get();
        HousePapers {
            queues: site.bare_plan().queues.iter().map(|(queue, plan)| (*queue, plan.name.clone())).collect(),
            nodes: site.bare_plan().nodes.iter().map(|(node, plan)| node_row(*node, plan)).collect(),
            canned: site.canned_texts.clone(),
            handling: TargetBand::HANDLING,
            talk: TargetBand::TALK,
        }
    }

    /// As many of the newest as fit into one frame.
    fn drafts(&self, agent: AgentId) -> Result<Vec<DraftCopy>, StoreError> {
        Ok(as_fit_into_a_frame(self.papers.drafts(agent)?))
    }

    /// A team has its queue's name.
    fn name_team(&self, row: &mut MessageRow) {
        if let MessageTarget::Team(queue) = row.to {
            row.to_name = self.site.get().bare_plan().queues.get(&queue).map(|queue| queue.name.clone()).unwrap_or_default();
        }
    }

    fn corrected(&self, by: &str, caller: Option<Caller>, correction: &Correction) -> Result<Result<(), Refusal>, StoreError> {
        let now = now();
        let caller = caller.map_or_else(|| self.store.caller_of(correction.interaction), Ok)?;
        let Some(number) = caller.number.clone() else { return Ok(Err(Refusal::WrongState)) };
        let Correction { interaction, person, name, address, tags } = correction.clone();
        match person {
            None => {
                self.store.add_caller(&NewCaller { number, name, address, tags, author: by.to_owned() }, now)?;
            }
            Some(person) => {
                let known = self.store.card_for(&caller, interaction)?.unwrap_or_default();
                if !known.persons.iter().any(|one| one.person == person) {
                    return Ok(Err(Refusal::NoSuchCall));
                }
                let edit = CallerEdit { name: Some(name), address: Some(address), tags: Some(tags) };
                self.store.edit_caller(person, &edit, by, now)?;
            }
        }
        self.tell(caller, interaction)
    }

    /// The desk shows the card as it stands on record now.
    fn tell(&self, caller: Caller, interaction: InteractionId) -> Result<Result<(), Refusal>, StoreError> {
        let card = self.store.card_for(&caller, interaction)?;
        self.inbox.send(Input::CardFound { interaction, card });
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::{CallerPerson, CardChange, CardField, RequestId};
    use shared::wire::FromServer;

    #[test]
    fn the_longest_history_fits_into_one_frame_with_its_newest_rows() {
        let marks = vec!["𠮷".repeat(CallerPerson::TEXT_LIMIT); CallerPerson::MOST_TAGS].join(", ");
        let change = |at| CardChange {
            at: UnixMillis(at),
            by: "1001".to_owned(),
            by_name: Some("陈静".to_owned()),
            field: CardField::Tags,
            before: marks.clone().into(),
            after: marks.clone().into(),
        };
        let changes = as_fit_into_a_frame((0..10).map(change).collect());
        assert!(!changes.is_empty() && changes.len() < 10, "{} rows", changes.len());
        assert_eq!(changes[0].at, UnixMillis(0));
        let answer = Box::new(Answer::CardHistory { person: PersonId(u64::MAX), changes, more: true });
        assert!(wire::encode(&FromServer::Answer { request: RequestId(u64::MAX), answer }).len() <= MAX_FRAME_BYTES);
    }
}
