//! 排队回呼: a waiting citizen is asked for a number, gives up the line and keeps the place, and is called when an agent takes it (2.1, I-27).

use crate::Core;
use crate::callbacks::{Answer, Callback, Place, Question, dial_span};
use crate::calls::{Call, CallbackOf, Ending, Stage, Way};
use crate::command::StoreCommand;
use crate::ledger::{CallbackRecord, CallbackState, FactKind};
use crate::plan::{BlockLevel, CallbackRule, DialledKind, KeyAction, PromptName};
use crate::spoken;
use crate::time::Now;
use crate::timer::Reason;
use shared::model::{AgentId, CallNews, Caller, DialResult, Direction, EndReason, InteractionId, LegId, PhoneNumber, QueueId, UnixMillis};

/// How long a key is waited for when a question was heard, in ms.
const KEY_WAIT_MS: u64 = 10_000;
/// How long a callback rests for which the server has no room, in ms.
const NO_ROOM_MS: i64 = 60_000;

impl Core {
    /// The key of a queue by which one is called back: the question follows, if there is anything to ask.
    pub(super) fn ask_for_callback(&mut self, interaction: InteractionId, queue: QueueId) {
        let rule = &self.turn.queue(queue).callback;
        let (room, any_number) = (self.callbacks.count(queue) < rule.max_open, rule.any_number);
        let caller = self.calls.get(interaction).map(|call| call.caller.clone()).unwrap_or_default();
        let own = caller.number.as_ref().is_some_and(|number| self.may_call_back(number.reveal()));
        match self.own_number(&caller, queue) {
            Some(number) => self.put(interaction, Question::Own(number)),
            None if !own && room && any_number => self.put(interaction, Question::Enter(String::new())),
            None => self.say_piece(interaction, "callback_not_now"),
        }
    }

    /// The number of a caller who can be called back at it for a queue: there is room, or it is promised already.
    pub(super) fn own_number(&self, caller: &Caller, queue: QueueId) -> Option<PhoneNumber> {
        let room = self.callbacks.count(queue) < self.turn.queue(queue).callback.max_open;
        let number = caller.number.as_ref().map(|number| number.reveal().clone()).filter(|number| self.may_call_back(number))?;
        (room || self.callbacks.of_number(&number).is_some()).then_some(number)
    }

    /// Whether a number is one that citizens are called back at: in the country, and not on the list of blocked ones.
    fn may_call_back(&self, number: &PhoneNumber) -> bool {
        let plan = &self.turn.plan;
        let near = match plan.dialled_kind(number) {
            DialledKind::Local | DialledKind::National => true,
            DialledKind::Hotline(_)
            | DialledKind::Emergency
            | DialledKind::Extension
            | DialledKind::International
            | DialledKind::Unknown => false,
        };
        let caller = Caller { number: Some(number.clone().into()) };
        let blocked = plan.callers.block(&caller, self.turn.now.utc).map(|entry| entry.level);
        near && blocked.is_none_or(|level| matches!(level, BlockLevel::LowPriority(_)))
    }

    fn put(&mut self, interaction: InteractionId, question: Question) {
        self.callbacks.ask(interaction, question);
        self.speak_question(interaction, None);
    }

    /// Lets the question be heard, after `before` if there is something to be said first.
    fn speak_question(&mut self, interaction: InteractionId, before: Option<&str>) {
        let Some(call) = self.calls.get_mut(interaction) else { return };
        let Some(dialogue) = self.callbacks.dialogue(interaction) else { return };
        let rules = self.turn.queue(call.queue);
        let language = rules.announcements.language;
        let question = spoken::callback_question(language, &dialogue.question, rules.callback.any_number);
        let prompts = before.map(|name| spoken::piece(language, name)).into_iter().chain(question).collect();
        call.ask(&mut self.turn, prompts);
        // Its end, or a key, shortens that.
        self.await_key(interaction, self.turn.plan.limits.farewell_ms);
    }

    fn await_key(&mut self, interaction: InteractionId, for_ms: u64) {
        self.turn.timers.set(self.turn.now.time.plus(for_ms), Reason::KeyOverdue(interaction));
    }

    fn say_piece(&mut self, interaction: InteractionId, name: &str) {
        let Some(call) = self.calls.get_mut(interaction) else { return };
        let language = self.turn.queue(call.queue).announcements.language;
        call.tell(&mut self.turn, vec![spoken::piece(language, name)]);
    }

    /// A citizen who is asked presses a key. `false` if nobody asks.
    pub(super) fn callback_key(&mut self, interaction: InteractionId, queue: QueueId, digit: char) -> bool {
        let any_number = self.turn.queue(queue).callback.any_number;
        let rings = !self.acd.waits_unserved(interaction);
        let Some(dialogue) = self.callbacks.dialogue(interaction) else { return false };
        // A desk that rings goes first: the citizen is about to be served, and hears nothing else.
        if rings && !dialogue.collects(digit) {
            self.await_key(interaction, KEY_WAIT_MS);
            return true;
        }
        match dialogue.key(digit, any_number) {
            Answer::Waits => self.await_key(interaction, KEY_WAIT_MS),
            Answer::Ask(Question::Entered(number)) if !self.may_call_back(&number) => {
                self.callbacks.ask(interaction, Question::Enter(String::new()));
                self.speak_question(interaction, Some("callback_bad_number"));
            }
            Answer::Ask(question) => self.put(interaction, question),
            Answer::Confirmed(number) => self.promise(interaction, &number),
            Answer::Back => {
                self.stop_asking(interaction);
                self.say_piece(interaction, "callback_back");
            }
        }
        true
    }

    /// A question was heard to its end.
    pub(super) fn question_over(&mut self, interaction: InteractionId) {
        self.await_key(interaction, KEY_WAIT_MS);
    }

    /// Nothing was pressed: the question is repeated, and in the end the citizen just waits on.
    pub(super) fn key_overdue(&mut self, interaction: InteractionId) {
        if self.callbacks.is_asked(interaction) && !self.acd.waits_unserved(interaction) {
            return self.await_key(interaction, KEY_WAIT_MS);
        }
        let Some(dialogue) = self.callbacks.dialogue(interaction) else { return };
        if dialogue.asks_again() {
            self.speak_question(interaction, None);
        } else {
            self.stop_asking(interaction);
            self.say_piece(interaction, "callback_back");
        }
    }

    /// Whatever was asked is of no interest any more.
    pub(super) fn stop_asking(&mut self, interaction: InteractionId) {
        if self.callbacks.stop_asking(interaction) {
            self.turn.timers.cancel(Reason::KeyOverdue(interaction));
        }
    }

    /// The number is confirmed: the citizen gives up the line. An open callback of the same number goes on, with the older place.
    pub(super) fn promise(&mut self, interaction: InteractionId, number: &PhoneNumber) {
        let Some(call) = self.calls.get(interaction) else { return };
        let (queue, reason) = (call.queue, call.unserved(EndReason::CallbackPromised));
        let known = self.callbacks.of_number(number).is_some();
        if !known && self.callbacks.count(queue) >= self.turn.queue(queue).callback.max_open {
            self.stop_asking(interaction);
            return self.say_piece(interaction, "callback_not_now");
        }
        self.put_on_record(interaction, number);
        let text = self.turn.queue(queue).announcements.callback_promised();
        self.say_goodbye(interaction, reason, text);
    }

    /// Out of the line with a text, if there is room for one.
    pub(super) fn say_goodbye(&mut self, interaction: InteractionId, reason: EndReason, text: PromptName) {
        self.stop_asking(interaction);
        match self.turn_away(reason, Some(text)) {
            Way::Farewell { reason, prompt } => {
                self.acd.call_over(&mut self.turn, interaction);
                self.note_last_agents();
                self.calls.bid_farewell(&mut self.turn, interaction, reason, prompt);
            }
            Way::Refuse(reason) => self.end_call(interaction, Ending::by_server(reason)),
            Way::Line { .. } => {}
        }
    }

    fn put_on_record(&mut self, interaction: InteractionId, number: &PhoneNumber) {
        let Some(call) = self.calls.get_mut(interaction) else { return };
        let Some(entered) = call.entered() else { return };
        let (callback, queue) = (self.callbacks.of_number(number).unwrap_or(interaction), call.queue);
        call.note(&mut self.turn, FactKind::CallbackPromised { callback });
        if callback == interaction {
            self.open_callback(interaction, queue, number, entered);
        }
    }

    /// A callback begins, named by the call in which it was promised.
    pub(super) fn open_callback(&mut self, callback: InteractionId, queue: QueueId, number: &PhoneNumber, entered: Now) {
        let now = self.turn.now.utc;
        let record = CallbackRecord {
            callback,
            number: number.clone().into(),
            queue,
            entered: entered.utc,
            asked: now,
            attempts: 0,
            last_result: None,
            due: now,
            state: CallbackState::Open,
            reached_in: None,
            changed: now,
        };
        self.turn.store(StoreCommand::Callback(Box::new(record.clone())));
        self.callbacks.promise(Callback { record, entered, place: Place::Asked });
    }

    /// A waiting citizen hangs up: who has waited for long is called back unasked, where the queue wants it.
    pub(super) fn call_back_unasked(&mut self, interaction: InteractionId) {
        let Some(call) = self.calls.get(interaction) else { return };
        let rule = &self.turn.queue(call.queue).callback;
        let waited_ms = call.entered().map_or(0, |entered| self.turn.now.time.since(entered.time));
        let wanted = !call.probe && rule.abandoned_after_ms > 0 && waited_ms >= rule.abandoned_after_ms;
        let room = self.callbacks.count(call.queue) < rule.max_open;
        let number = call.caller.number.as_ref().map(|number| number.reveal().clone()).filter(|_| wanted && room && !self.stopping);
        if let Some(number) = number.filter(|number| self.may_call_back(number)) {
            self.put_on_record(interaction, &number);
        }
    }

    /// Callbacks of an earlier run, oldest first.
    pub(super) fn callbacks_known(&mut self, known: Vec<CallbackRecord>) {
        let (mut known, stray): (Vec<_>, Vec<_>) = known.into_iter().partition(|record| self.turn.plan.queues.contains_key(&record.queue));
        // Their queue is gone: people have to see to them.
        for record in stray {
            let gone = CallbackRecord { state: CallbackState::Expired, changed: self.turn.now.utc, ..record };
            self.turn.store(StoreCommand::Callback(Box::new(gone)));
        }
        known.sort_by_key(|record| (record.entered, record.callback));
        for callback in self.callbacks.learn(known, self.turn.now) {
            self.try_callback(callback);
        }
    }

    /// Whose asking call is over is in the line from now on.
    pub(crate) fn proceed_callbacks(&mut self) {
        for callback in self.callbacks.take_asked(|asked| self.calls.is_on(asked)) {
            self.try_callback(callback);
        }
    }

    /// Puts a callback into the line, in its old place, if it may be called now; else it rests until then.
    fn try_callback(&mut self, callback: InteractionId) {
        if self.stopping {
            return;
        }
        let Some(found) = self.callbacks.get(callback) else { return };
        let (record, entered) = (&found.record, found.entered);
        let rule = &self.turn.queue(record.queue).callback;
        let (now, expires) = (self.turn.now.utc, found.expires(rule));
        if now >= expires {
            return self.close_callback(callback, CallbackState::Expired);
        }
        let from = if self.calls.count() < self.turn.plan.limits.max_interactions { now } else { UnixMillis(now.0 + NO_ROOM_MS) };
        let (opens, _) = self.dial_span(rule, from.max(record.due));
        if opens > now {
            return self.rest_until(callback, opens.min(expires));
        }
        let of = CallbackOf { callback, asked: record.asked, attempt: record.attempts + 1 };
        let (number, queue) = (record.number.reveal().clone(), record.queue);
        let joined = self.calls.expect(&mut self.turn, of, &number, queue, entered);
        if let Some(found) = self.callbacks.get_mut(callback) {
            found.place = Place::Called(joined.interaction);
        }
        self.recognise(joined.interaction);
        self.join(Some(joined));
        self.watch_callback(callback);
    }

    fn dial_span(&self, rule: &CallbackRule, at: UnixMillis) -> (UnixMillis, UnixMillis) {
        dial_span(rule.hours, self.turn.plan.calendars.local(at).minute, at)
    }

    fn rest_until(&mut self, callback: InteractionId, until: UnixMillis) {
        if let Some(found) = self.callbacks.get_mut(callback) {
            found.place = Place::Rests;
        }
        self.arm_callback(callback, until);
    }

    fn arm_callback(&mut self, callback: InteractionId, at: UnixMillis) {
        let now = self.turn.now;
        self.turn.timers.set(now.time.plus(at.since(now.utc).max(1)), Reason::CallbackDue(callback));
    }

    /// One that is in the line must rest when the hours end, and is over when its time has run out.
    fn watch_callback(&mut self, callback: InteractionId) {
        let Some(found) = self.callbacks.get(callback) else { return };
        let rule = &self.turn.queue(found.record.queue).callback;
        let (_, closes) = self.dial_span(rule, self.turn.now.utc);
        self.arm_callback(callback, closes.min(found.expires(rule)));
    }

    /// The time of a callback has come, or is over.
    pub(super) fn callback_due(&mut self, callback: InteractionId) {
        let Some(found) = self.callbacks.get(callback) else { return };
        match found.place {
            Place::Asked => {}
            Place::Rests => self.try_callback(callback),
            // Whoever rings or is rung up already goes on.
            Place::Called(attempt) if !self.acd.waits_unserved(attempt) => {
                self.arm_callback(callback, UnixMillis(self.turn.now.utc.0 + NO_ROOM_MS));
            }
            Place::Called(attempt) => {
                let rule = &self.turn.queue(found.record.queue).callback;
                let (opens, _) = self.dial_span(rule, self.turn.now.utc);
                if self.turn.now.utc < found.expires(rule) && opens <= self.turn.now.utc {
                    return self.watch_callback(callback);
                }
                if let Some(found) = self.callbacks.get_mut(callback) {
                    found.place = Place::Rests;
                }
                self.end_call(attempt, Ending::by_server(EndReason::CallbackWithdrawn));
                self.try_callback(callback);
            }
        }
    }

    /// An agent has taken a callback: the citizen is called. `false` if it is none.
    pub(super) fn call_back(&mut self, interaction: InteractionId, (agent, leg): (AgentId, LegId), rang: Now) -> bool {
        if !self.calls.get(interaction).is_some_and(Call::is_expected) {
            return false;
        }
        self.calls.call_back(&mut self.turn, interaction, (agent, leg), rang);
        self.follow_call(interaction);
        true
    }

    /// A citizen and an agent talk: a callback of the same number has come to its end.
    pub(super) fn got_through(&mut self, interaction: InteractionId) {
        let Some(call) = self.calls.get(interaction) else { return };
        let Some(of) = call.callback else {
            let known = Some(&call.caller).filter(|_| call.direction == Direction::Inbound && !call.probe);
            if let Some(callback) = known.and_then(|caller| self.callbacks.of_caller(caller)) {
                self.close_callback(callback, CallbackState::GotThrough);
            }
            return;
        };
        if let Some(found) = self.callbacks.get_mut(of.callback) {
            found.record.reached_in = Some(interaction);
            found.place = Place::Rests;
        }
        self.close_callback(of.callback, CallbackState::Reached);
    }

    /// Taken back by hand.
    pub(super) fn cancel_callback(&mut self, callback: InteractionId) {
        self.close_callback(callback, CallbackState::Cancelled);
    }

    fn close_callback(&mut self, callback: InteractionId, state: CallbackState) {
        let Some(Callback { mut record, place, .. }) = self.callbacks.close(callback) else { return };
        self.turn.timers.cancel(Reason::CallbackDue(callback));
        (record.state, record.changed) = (state, self.turn.now.utc);
        self.turn.store(StoreCommand::Callback(Box::new(record)));
        let Place::Called(attempt) = place else { return };
        let Some(call) = self.calls.get(attempt) else { return };
        let dialler = call.owner().filter(|_| matches!(call.stage, Stage::Dialling(_)));
        self.calls.dial_ended(&mut self.turn, attempt, DialResult::Cancelled);
        self.end_call(attempt, Ending::by_server(EndReason::CallbackWithdrawn));
        if let Some(agent) = dialler {
            self.tell_agent(agent, CallNews::DialFailed(DialResult::Cancelled));
        }
    }

    /// An attempt is over, before or after somebody was called: the next one follows, or somebody has to see to it.
    pub(super) fn attempt_over(&mut self, attempt: InteractionId, of: CallbackOf, result: Option<DialResult>, reason: EndReason) {
        let Some(found) = self.callbacks.get_mut(of.callback).filter(|found| found.place == Place::Called(attempt)) else { return };
        // What the end of the server cuts goes on after the next start.
        if self.stopping {
            return;
        }
        found.place = Place::Rests;
        // An agent who is gone is not the citizen's fault.
        if reason == EndReason::AgentLost {
            return self.try_callback(of.callback);
        }
        let (now, queue) = (self.turn.now.utc, found.record.queue);
        let again = found.failed(result.unwrap_or(DialResult::Cancelled), &self.turn.queue(queue).callback, now);
        found.record.changed = now;
        if again {
            let record = Box::new(found.record.clone());
            self.turn.store(StoreCommand::Callback(record));
            self.try_callback(of.callback);
        } else {
            self.close_callback(of.callback, CallbackState::Missed);
        }
    }

    /// What those hear who are told something while they wait: by which key they are called back.
    pub(super) fn callback_offer(&self, interaction: InteractionId) -> Vec<PromptName> {
        let Some(queue) = self.calls.get(interaction).map(|call| call.queue) else { return Vec::new() };
        let rules = self.turn.queue(queue);
        let key = rules.keys.iter().find(|(_, action)| **action == KeyAction::CallBack).map(|(key, _)| *key);
        let offered = rules.callback.offered && self.callbacks.count(queue) < rules.callback.max_open;
        key.filter(|_| offered).map_or_else(Vec::new, |key| spoken::callback_offer(rules.announcements.language, key))
    }
}
