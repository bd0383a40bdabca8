//! The watcher's page for citizens who are called back, and what must be true of them (I-27).

use crate::door;
use crate::watch::Watch;
use call_core::ledger::{CallbackRecord, CallbackState};
use call_core::plan::{BlockLevel, DialledKind};
use call_core::{Input, Time};
use shared::model::{Caller, DialResult, InteractionId, PhoneNumber, QueueId, UnixMillis};

/// A callback that is open.
pub(crate) struct Promised {
    pub(crate) record: CallbackRecord,
    /// First entry into the line.
    pub(crate) entered: Time,
    /// The call of ours that stands in the line for it, or rings, or is dialled.
    pub(crate) attempt: Option<InteractionId>,
    /// When it is due by the clock that is never set.
    due: Time,
}

impl Watch {
    /// The core's word about a callback.
    pub(crate) fn callback(&mut self, record: &CallbackRecord) {
        let number = record.number.reveal();
        // Its queue was gone when the server began.
        if record.state == CallbackState::Expired && !self.plan.queues.contains_key(&record.queue) {
            return;
        }
        if !self.promised.contains_key(&record.callback) {
            let entered = self.calls.get(&record.callback).and_then(|call| call.first_entered);
            // Who was promised it at the door has its place from there.
            let entered = entered.unwrap_or(self.now);
            assert_eq!(record.state, CallbackState::Open, "I-27: a callback begins open");
            assert!(self.open_callback_of(number).is_none(), "I-27: two callbacks of one number");
            self.learn_callback(record, entered);
            return self.tally("a callback was promised");
        }
        let before = &self.promised[&record.callback].record;
        let (same, more) = (before.entered == record.entered && before.number == record.number, record.attempts - before.attempts);
        assert!(same && more <= 1, "I-27: {} is another callback now", record.callback);
        let rule = &self.plan.queues[&record.queue].callback;
        let tried = record.attempts >= rule.attempts || record.last_result == Some(DialResult::Invalid);
        let what = match record.state {
            CallbackState::Open => {
                assert!(more == 1 && !tried, "I-27: {} is tried once more", record.callback);
                "a callback was tried in vain"
            }
            CallbackState::Missed => {
                assert!(tried, "I-27: {} is given up after {} attempts", record.callback, record.attempts);
                "a callback was missed"
            }
            CallbackState::Expired => {
                let until = record.asked.0 + i64::try_from(rule.keep_ms).expect("a short time");
                assert!(self.utc.0 >= until, "I-27: {} is given up before its time", record.callback);
                "a callback ran out of time"
            }
            CallbackState::Reached => {
                let call = record.reached_in.and_then(|reached| self.calls.get(&reached)).expect("I-27: reached in a call");
                assert!(call.owner().is_some() && call.callback == Some(record.callback), "I-27: reached without a talk");
                "a callback was reached"
            }
            CallbackState::GotThrough => {
                let through = |call: &&crate::calls::CallSeen| call.parties.owner.is_some_and(|(_, since)| since == self.now);
                let same = |call: &&crate::calls::CallSeen| call.caller.number.as_ref().is_some_and(|from| one(from.reveal(), number));
                assert!(self.unsaved().filter(through).any(|call| same(&call)), "I-27: nobody got through");
                "a callback was no longer needed"
            }
            CallbackState::Cancelled => {
                assert_eq!(self.step.input, Some(Input::CancelCallback(record.callback)), "I-27: taken back by nobody");
                "a callback was taken back"
            }
        };
        if record.state == CallbackState::Open {
            let entered = self.promised[&record.callback].entered;
            self.learn_callback(record, entered);
        } else {
            self.promised.remove(&record.callback);
        }
        self.tally(what);
    }

    fn learn_callback(&mut self, record: &CallbackRecord, entered: Time) {
        let due = self.now.plus(record.due.since(self.utc));
        self.promised.insert(record.callback, Promised { record: record.clone(), entered, attempt: None, due });
    }

    /// The server begins anew with what its store knows.
    pub(crate) fn before_callbacks(&mut self, known: &[CallbackRecord]) {
        for record in known {
            if !self.plan.queues.contains_key(&record.queue) {
                continue;
            }
            let entered = Time(self.now.0.saturating_sub(self.utc.since(record.entered)));
            self.learn_callback(record, entered);
        }
    }

    /// What the store would tell a server that begins.
    pub(crate) fn open_callbacks(&self) -> Vec<CallbackRecord> {
        self.promised.values().map(|promised| promised.record.clone()).collect()
    }

    /// Whether a caller who may not wait for a queue is called back for it: a number of the country that is not blocked, and there is room.
    pub(crate) fn is_called_back(&self, caller: &Caller, queue: QueueId) -> bool {
        let Some(number) = caller.number.as_ref().map(|number| number.reveal()) else { return false };
        let near = matches!(self.plan.dialled_kind(number), DialledKind::Local | DialledKind::National);
        let open = self.promised.values().filter(|known| known.record.queue == queue).count();
        let room = open < self.plan.queues[&queue].callback.max_open || self.open_callback_of(number).is_some();
        let blocked = door::blocked(&self.plan.callers, caller, self.utc);
        near && room && blocked.is_none_or(|(_, level)| matches!(level, BlockLevel::LowPriority(_)))
    }

    fn open_callback_of(&self, number: &PhoneNumber) -> Option<InteractionId> {
        self.promised.values().find(|known| one(known.record.number.reveal(), number)).map(|known| known.record.callback)
    }

    /// The turn of a callback comes: it stands in the line with the first entry, and nothing else does for it.
    pub(crate) fn callback_began(&mut self, attempt: InteractionId, callback: InteractionId, number: u32) {
        let promised = self.promised.get_mut(&callback).expect("I-27: an attempt for nobody");
        assert_eq!(number, promised.record.attempts + 1, "I-27: the number of an attempt");
        assert_eq!(promised.attempt, None, "I-27: two live attempts of one number");
        assert!(self.utc >= promised.record.due, "I-27: {callback} is tried before its time");
        promised.attempt = Some(attempt);
        let entered = promised.entered;
        let hours = self.plan.queues[&promised.record.queue].callback.hours;
        let minute = self.plan.calendars.local(self.utc).minute;
        assert!((hours.from_minute..hours.to_minute).contains(&minute), "quiet hours: {callback} is tried at minute {minute}");
        self.with_call(attempt, |call| (call.callback, call.first_entered, call.absent) = (Some(callback), Some(entered), true));
        self.tally("a callback joins the line");
    }

    /// The wall clock was set: what is due by it is due later at the most.
    pub(crate) fn clock_was_set(&mut self, utc: UnixMillis, now: Time) {
        for promised in self.promised.values_mut() {
            promised.due = promised.due.max(now.plus(promised.record.due.since(utc)));
        }
    }

    /// I-27: a callback that is due stands in the line, in the place of its first entry; there is one per number.
    pub(crate) fn i27_a_callback_keeps_its_place_and_is_one_per_number(&self) {
        let room = self.open.len() < self.plan.limits.max_interactions && !self.was_full;
        for (callback, promised) in &self.promised {
            let rule = &self.plan.queues[&promised.record.queue].callback;
            let all_day = (rule.hours.from_minute, rule.hours.to_minute) == (0, 1_440);
            let asked = self.calls.get(callback).is_some_and(|call| call.ended.is_none());
            let must = all_day && !asked && room && !self.stopped && self.now > promised.due && self.utc > promised.record.due;
            assert!(promised.attempt.is_some() || !must || self.hours_changed, "I-27: {callback} is due and not in the line");
            let Some(attempt) = promised.attempt.and_then(|attempt| self.calls.get(&attempt)) else { continue };
            assert_eq!(attempt.first_entered, Some(promised.entered), "I-27: {callback} lost its place");
        }
        let mut numbers: Vec<&str> = self.promised.values().map(|promised| promised.record.number.reveal().subscriber()).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "I-27: two callbacks of one number");
    }
}

fn one(this: &PhoneNumber, that: &PhoneNumber) -> bool {
    this.subscriber() == that.subscriber()
}
