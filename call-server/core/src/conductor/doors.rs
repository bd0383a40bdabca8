//! Who may enter a waiting line, and who must leave one by rule: blocked, closed, too many, full, too long, nobody there (2.1, overflow).

use crate::Core;
use crate::calls::{Admitted, Ending, HouseDial, Move, Way};
use crate::input::CallOffered;
use crate::ledger::{FactKind, OverflowCause};
use crate::plan::{BlockEntry, BlockLevel, DialledKind, Exit, KeyAction, MAX_MOVES, PromptName, shown_outside};
use shared::model::{CareClass, EndReason, InteractionId, LegId, PhoneNumber, QueueId};

/// Most texts at the door at once, if the plan does not say.
const MOST_TEXTS: u32 = 50;

impl Core {
    /// What a new call meets, decided on one consistent picture of all states.
    pub(super) fn admit(&mut self, offered: &CallOffered) -> Admitted {
        self.acd.settle(&self.turn);
        let plan = &self.turn.plan;
        let mut notes = Vec::new();
        let known = plan.numbers.get(&offered.dialled).copied().filter(|queue| plan.queues.contains_key(queue));
        let Some(queue) = known else { return Admitted { notes, way: Way::Refuse(EndReason::UnknownNumber), callback: None } };
        if let Some(entry) = plan.callers.block(&offered.caller, self.turn.now.utc).cloned() {
            notes.push(FactKind::Blocked { entry: entry.entry });
            if let Some(way) = self.block(&entry) {
                return Admitted { notes, way, callback: None };
            }
        }
        let (way, callback) = match self.no_room(offered) {
            Some(way) => (way, None),
            None => self.way_in(offered, queue, &mut notes),
        };
        if matches!(way, Way::Line { .. }) && !offered.probe {
            self.storm.let_in(self.turn.now.time, &self.turn.plan.storm);
        }
        Admitted { notes, way, callback }
    }

    /// Where a phone of the house is led that does not call the hotline, or why it is not.
    pub(super) fn house_dial(&self, offered: &CallOffered) -> Result<HouseDial, EndReason> {
        let plan = &self.turn.plan;
        let phone = offered.caller.number.as_ref().map(|number| number.reveal());
        let (phone, class) = phone.and_then(|phone| plan.phones.get_key_value(phone)).ok_or(EndReason::UnknownSource)?;
        let kind = plan.dialled_kind(&offered.dialled);
        let to = self.way_out(&offered.dialled).ok_or(EndReason::UnknownNumber)?;
        if !class.may_dial(kind) {
            return Err(EndReason::NotPermitted);
        }
        if self.stopping {
            return Err(EndReason::ServerStopping);
        }
        if self.calls.count() >= plan.limits.max_interactions {
            return Err(EndReason::NoResources);
        }
        let inside = kind == DialledKind::Extension;
        let shown = if inside { offered.caller.clone() } else { shown_outside(&plan.trunks, phone, &offered.dialled) };
        Ok(HouseDial { to, shown, inside, emergency: kind == DialledKind::Emergency })
    }

    /// What a blocked caller meets; `None` if the call goes on.
    fn block(&mut self, entry: &BlockEntry) -> Option<Way> {
        match entry.level {
            BlockLevel::LowPriority(_) => None,
            BlockLevel::Rate { calls, within_ms } => {
                let let_in = self.storm.rate(entry.entry, self.turn.now.time, calls, within_ms);
                (!let_in).then_some(Way::Refuse(EndReason::Blocked))
            }
            BlockLevel::Announce => Some(self.turn_away(EndReason::Blocked, self.turn.plan.callers.block_text.clone())),
            BlockLevel::Reject => Some(Way::Refuse(EndReason::Blocked)),
        }
    }

    /// The server takes no more calls now: as a whole, in this second, of this trunk or of this caller.
    fn no_room(&self, offered: &CallOffered) -> Option<Way> {
        let plan = &self.turn.plan;
        if self.stopping {
            return Some(Way::Refuse(EndReason::ServerStopping));
        }
        let most = plan.trunks.get(&offered.trunk).and_then(|trunk| trunk.max_in);
        if most.is_some_and(|most| self.calls.live_over(offered.trunk) >= most) {
            return Some(Way::Refuse(EndReason::ChannelLimit));
        }
        if self.calls.count() >= plan.limits.max_interactions {
            return Some(Way::Refuse(EndReason::NoResources));
        }
        let mark = plan.callers.favour(&offered.caller, self.turn.now.utc).and_then(|entry| entry.mark.as_ref());
        let exempt = offered.probe || mark.is_some_and(|mark| mark.class == CareClass::Emergency);
        let storm = !exempt && (self.storm.is_full(self.turn.now.time, &plan.storm) || self.calls.too_many_of(offered, &plan.storm));
        storm.then(|| self.turn_away(EndReason::TooManyCalls, plan.storm.text.clone()))
    }

    /// Through calendars and obstacles to a queue or to an end; in the second place who is called back, and for which queue.
    fn way_in(&self, offered: &CallOffered, mut queue: QueueId, notes: &mut Vec<FactKind>) -> (Way, Option<(QueueId, PhoneNumber)>) {
        let (dialled, now) = (&offered.dialled, self.turn.now.utc);
        let mut obstacle = self.turn.plan.number_closed(dialled, now).map(|exit| (OverflowCause::Closed, exit));
        let mut moves = 0;
        loop {
            let Some((cause, exit)) = obstacle.take().or_else(|| self.obstacle(queue)) else { return (Way::Line { queue, moves }, None) };
            match exit {
                Exit::Queue(to) if to != queue && moves < MAX_MOVES && self.turn.plan.queues.contains_key(&to) => {
                    notes.push(FactKind::Overflowed { from: queue, to, cause });
                    (queue, moves) = (to, moves + 1);
                }
                Exit::Queue(_) | Exit::Refuse => return (Way::Refuse(cause.end_reason()), None),
                Exit::Announce(prompt) => return (self.turn_away(cause.end_reason(), Some(prompt)), None),
                Exit::CallBack => {
                    let promised = self.promise_at_the_door(offered, queue);
                    return promised.map_or((Way::Refuse(cause.end_reason()), None), |(way, number)| (way, Some((queue, number))));
                }
            }
        }
    }

    /// Who may not wait is called back, if that can be said.
    fn promise_at_the_door(&self, offered: &CallOffered, queue: QueueId) -> Option<(Way, PhoneNumber)> {
        let number = self.own_number(&offered.caller, queue).filter(|_| !offered.probe)?;
        let text = self.turn.queue(queue).announcements.callback_promised();
        match self.turn_away(EndReason::CallbackPromised, Some(text)) {
            way @ Way::Farewell { .. } => Some((way, number)),
            Way::Line { .. } | Way::Refuse(_) => None,
        }
    }

    /// Politely if there is a text, and room for one more to be played.
    pub(super) fn turn_away(&self, reason: EndReason, text: Option<PromptName>) -> Way {
        let most = match self.turn.plan.storm.most_texts {
            0 => MOST_TEXTS,
            most => most,
        };
        let room = self.calls.farewells() < usize::try_from(most).unwrap_or(usize::MAX);
        match text.filter(|_| room && !self.stopping) {
            Some(prompt) => Way::Farewell { reason, prompt },
            None => Way::Refuse(reason),
        }
    }

    /// Calls leave the lines in which nobody can answer, where the rules say so.
    pub(crate) fn leave_unstaffed(&mut self) {
        self.acd.settle(&self.turn);
        let plan = &self.turn.plan;
        let ruled =
            plan.queues.iter().filter(|(_, rules)| rules.overflow.nobody_signed_in.is_some() || rules.overflow.all_not_ready.is_some());
        let queues: Vec<QueueId> = ruled.map(|(queue, _)| *queue).collect();
        for queue in queues {
            let Some((cause, exit)) = self.staffing_obstacle(queue) else { continue };
            let mut left = None;
            // Where one cannot go the next one cannot go either.
            while self.leads_on(queue, &exit) {
                let first = self.acd.first_unserved(queue, matches!(exit, Exit::Queue(_)));
                let Some(interaction) = first.filter(|first| left != Some(*first)) else { break };
                self.leave_line(interaction, cause, &exit);
                left = Some(interaction);
            }
        }
    }

    /// Whether a call may leave a queue by an exit now.
    fn leads_on(&self, from: QueueId, exit: &Exit) -> bool {
        match exit {
            Exit::Queue(to) => *to != from && self.turn.plan.queues.contains_key(to) && self.obstacle(*to).is_none(),
            Exit::Refuse | Exit::Announce(_) | Exit::CallBack => true,
        }
    }

    /// The limit of waiting is reached, and no desk rings.
    pub(super) fn leave_if_overdue(&mut self, interaction: InteractionId) {
        if self.acd.overdue(interaction, self.turn.now.time)
            && let Some(queue) = self.calls.get(interaction).map(|call| call.queue)
        {
            let exit = self.turn.queue(queue).overflow.timeout.clone();
            self.leave_line(interaction, OverflowCause::Timeout, &exit);
        }
    }

    /// A key counts whatever is played, as long as no desk rings and nobody talks (I-23).
    pub(super) fn key(&mut self, leg: LegId, digit: char) {
        if self.calls.house_key(&mut self.turn, leg, digit) {
            return;
        }
        let Some((interaction, queue)) = self.calls.of_leg(leg).filter(|call| !call.probe).map(|call| (call.id, call.queue)) else {
            return;
        };
        if self.node_key(interaction, digit) || self.callback_key(interaction, queue, digit) || !self.acd.waits_unserved(interaction) {
            return;
        }
        match self.turn.queue(queue).keys.get(&digit).cloned() {
            Some(KeyAction::Leave(exit)) => self.leave_line(interaction, OverflowCause::Key, &exit),
            Some(KeyAction::CallBack) => self.ask_for_callback(interaction, queue),
            None => {}
        }
    }

    /// To the other queue, if it takes calls. Who cannot go there is sent away, or waits on if that may still help.
    fn leave_line(&mut self, interaction: InteractionId, cause: OverflowCause, exit: &Exit) {
        self.acd.settle(&self.turn);
        let Some(call) = self.calls.get(interaction) else { return };
        let (from, moves, reason) = (call.queue, call.moves, call.unserved(cause.end_reason()));
        match exit {
            Exit::Queue(to) if moves < MAX_MOVES && self.leads_on(from, exit) => {
                self.stop_asking(interaction);
                self.acd.change_queue(&mut self.turn, interaction, *to, moves + 1 < MAX_MOVES);
                self.note_last_agents();
                self.calls.change_queue(&mut self.turn, interaction, Move { from, to: *to, cause });
            }
            Exit::Queue(_) if cause != OverflowCause::Timeout => {}
            Exit::Queue(_) | Exit::Refuse => self.end_call(interaction, Ending::by_server(reason)),
            Exit::Announce(prompt) => self.say_goodbye(interaction, reason, prompt.clone()),
            Exit::CallBack => match self.own_number(&call.caller, from) {
                Some(number) => self.promise(interaction, &number),
                None => self.end_call(interaction, Ending::by_server(reason)),
            },
        }
    }

    /// Why a queue takes no calls now, and where they go instead.
    fn obstacle(&self, queue: QueueId) -> Option<(OverflowCause, Exit)> {
        if let Some(exit) = self.turn.plan.queue_closed(queue, self.turn.now.utc) {
            return Some((OverflowCause::Closed, exit));
        }
        let rules = self.turn.queue(queue);
        if self.calls.waiting_in(queue) >= rules.max_waiting {
            return Some((OverflowCause::Full, rules.overflow.full.clone()));
        }
        self.staffing_obstacle(queue)
    }

    fn staffing_obstacle(&self, queue: QueueId) -> Option<(OverflowCause, Exit)> {
        let cause = self.acd.unstaffed(queue)?;
        let overflow = &self.turn.queue(queue).overflow;
        let exit = match cause {
            OverflowCause::NobodySignedIn => overflow.nobody_signed_in.clone(),
            OverflowCause::AllNotReady => overflow.all_not_ready.clone(),
            OverflowCause::Full | OverflowCause::Timeout | OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => None,
        };
        exit.map(|exit| (cause, exit))
    }
}
