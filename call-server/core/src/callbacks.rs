//! Callbacks in queue 排队回呼: who has given up the line but not the place, and how far the question goes to which number.
//!
//! One callback per number, named by the call in which it was asked for. What follows from it is done by `conductor::callbacks`.

use crate::ledger::{CallbackRecord, CallbackState};
use crate::plan::{CallbackRule, Hours};
use crate::time::{Now, Time};
use shared::model::{Caller, DialResult, InteractionId, PhoneNumber, QueueId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// How often a question is repeated to a citizen who presses nothing.
const MOST_REPEATS: u8 = 2;
/// Most digits of a number that a citizen enters.
const MOST_DIGITS: usize = 20;
const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// All open callbacks, and the talks about new ones.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    open: BTreeMap<InteractionId, Callback>,
    by_number: BTreeMap<Box<str>, InteractionId>,
    /// Those whose asking call may not be over yet.
    asked: BTreeSet<InteractionId>,
    dialogues: BTreeMap<InteractionId, Dialogue>,
}

/// Somebody who is to be called back.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) record: CallbackRecord,
    /// First entry into the line.
    pub(crate) entered: Now,
    pub(crate) place: Place,
}

/// Where a callback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The call in which it was asked for hears the last words.
    Asked,
    /// Not before its time: after an attempt in vain, or in the hours in which nobody is rung up.
    Rests,
    /// In the line, at a desk or on its way to the citizen, as this call.
    Called(InteractionId),
}

/// What a citizen who waits is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether to call the number that the call came from.
    Own(PhoneNumber),
    /// Which number to call; these digits are entered.
    Enter(String),
    /// Whether the entered number is right.
    Entered(PhoneNumber),
}

/// The talk with one waiting citizen.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) question: Question,
    /// How often the question was repeated.
    repeats: u8,
}

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet.
    Waits,
    /// This is to be asked now.
    Ask(Question),
    /// The number is confirmed.
    Confirmed(PhoneNumber),
    /// The citizen waits on.
    Back,
}

impl Dialogue {
    pub(crate) fn new(question: Question) -> Self {
        Self { question, repeats: 0 }
    }

    /// The citizen presses a key. `any_number`: another number than the caller's own may be given.
    pub(crate) fn key(&mut self, digit: char, any_number: bool) -> Answer {
        self.repeats = 0;
        match (&mut self.question, digit) {
            (_, '*') => Answer::Back,
            (Question::Own(number) | Question::Entered(number), '1') => Answer::Confirmed(number.clone()),
            (Question::Own(_) | Question::Entered(_), '2') if any_number => Answer::Ask(Question::Enter(String::new())),
            (Question::Own(_) | Question::Entered(_), _) => Answer::Waits,
            (Question::Enter(digits), '#') => {
                let number = PhoneNumber::parse(digits).ok().filter(|_| digits.len() <= MOST_DIGITS);
                Answer::Ask(number.map_or_else(|| Question::Enter(String::new()), Question::Entered))
            }
            (Question::Enter(digits), '0'..='9') => {
                // One too many is kept, so that the number is known to be none.
                if digits.len() <= MOST_DIGITS {
                    digits.push(digit);
                }
                Answer::Waits
            }
            (Question::Enter(_), _) => Answer::Waits,
        }
    }

    /// Whether this key is one more digit of a number.
    pub(crate) fn collects(&self, digit: char) -> bool {
        matches!(self.question, Question::Enter(_)) && digit.is_ascii_digit()
    }

    /// Nothing was pressed for long: whether to ask once more. Digits that were entered so far are forgotten.
    pub(crate) fn asks_again(&mut self) -> bool {
        if let Question::Enter(digits) = &mut self.question {
            digits.clear();
        }
        self.repeats += 1;
        self.repeats <= MOST_REPEATS
    }
}

impl Callbacks {
    /// What the store knows from an earlier run, oldest first; they go on after a rest until their time.
    pub(crate) fn learn(&mut self, known: Vec<CallbackRecord>, now: Now) -> Vec<InteractionId> {
        let mut learnt = Vec::new();
        for record in known {
            let number = key(record.number.reveal());
            if record.state == CallbackState::Open && !self.by_number.contains_key(number) && !self.open.contains_key(&record.callback) {
                learnt.push(record.callback);
                self.by_number.insert(number.into(), record.callback);
                let entered = before(now, record.entered);
                self.open.insert(record.callback, Callback { record, entered, place: Place::Rests });
            }
        }
        learnt
    }

    /// A citizen was promised a callback, in the call that names it.
    pub(crate) fn promise(&mut self, callback: Callback) {
        let name = callback.record.callback;
        self.by_number.insert(key(callback.record.number.reveal()).into(), name);
        self.asked.insert(name);
        self.open.insert(name, callback);
    }

    /// Closes a callback; returns it as it was.
    pub(crate) fn close(&mut self, callback: InteractionId) -> Option<Callback> {
        let closed = self.open.remove(&callback)?;
        self.by_number.remove(key(closed.record.number.reveal()));
        self.asked.remove(&callback);
        Some(closed)
    }

    pub(crate) fn get_mut(&mut self, callback: InteractionId) -> Option<&mut Callback> {
        self.open.get_mut(&callback)
    }

    pub(crate) fn get(&self, callback: InteractionId) -> Option<&Callback> {
        self.open.get(&callback)
    }

    /// Takes those whose asking call is over; `is_on` says whether a call goes on.
    pub(crate) fn take_asked(&mut self, is_on: impl Fn(InteractionId) -> bool) -> Vec<InteractionId> {
        let over: Vec<InteractionId> = self.asked.iter().copied().filter(|asked| !is_on(*asked)).collect();
        over.iter().for_each(|asked| _ = self.asked.remove(asked));
        over
    }

    /// The server ends: what is open goes on after the next start, out of the store.
    pub(crate) fn take_all(&mut self) -> Vec<InteractionId> {
        self.by_number.clear();
        self.asked.clear();
        std::mem::take(&mut self.open).into_keys().collect()
    }

    /// The open callback of a number.
    pub(crate) fn of_number(&self, number: &PhoneNumber) -> Option<InteractionId> {
        self.by_number.get(key(number)).copied()
    }

    /// The open callback of whoever calls.
    pub(crate) fn of_caller(&self, caller: &Caller) -> Option<InteractionId> {
        self.of_number(caller.number.as_ref()?.reveal())
    }

    /// Open callbacks of a queue.
    pub(crate) fn count(&self, queue: QueueId) -> usize {
        self.open.values().filter(|callback| callback.record.queue == queue).count()
    }

    /// The queues that have any.
    pub(crate) fn queues(&self) -> impl Iterator<Item = QueueId> {
        self.open.values().map(|callback| callback.record.queue)
    }

    /// The talk with a waiting citizen, if there is one.
    pub(crate) fn dialogue(&mut self, interaction: InteractionId) -> Option<&mut Dialogue> {
        self.dialogues.get_mut(&interaction)
    }

    pub(crate) fn is_asked(&self, interaction: InteractionId) -> bool {
        self.dialogues.contains_key(&interaction)
    }

    pub(crate) fn ask(&mut self, interaction: InteractionId, question: Question) {
        self.dialogues.insert(interaction, Dialogue::new(question));
    }

    /// Nobody is asked any more; whether somebody was.
    pub(crate) fn stop_asking(&mut self, interaction: InteractionId) -> bool {
        self.dialogues.remove(&interaction).is_some()
    }
}

impl Callback {
    /// An attempt was in vain. Returns whether there is another one.
    pub(crate) fn failed(&mut self, result: DialResult, rule: &CallbackRule, now: UnixMillis) -> bool {
        self.record.attempts += 1;
        self.record.last_result = Some(result);
        self.record.due = UnixMillis(now.0.saturating_add(i64::try_from(rule.retry_ms).unwrap_or(i64::MAX)));
        self.place = Place::Rests;
        result != DialResult::Invalid && self.record.attempts < rule.attempts
    }

    /// From when on nobody is called back any more.
    pub(crate) fn expires(&self, rule: &CallbackRule) -> UnixMillis {
        UnixMillis(self.record.asked.0.saturating_add(i64::try_from(rule.keep_ms).unwrap_or(i64::MAX)))
    }
}

/// When citizens may be rung up next, at `minute` of the local day at `now`: at once within the hours. And until when then.
pub(crate) fn dial_span(hours: Hours, minute: u16, now: UnixMillis) -> (UnixMillis, UnixMillis) {
    let (from, to, at) = (i64::from(hours.from_minute), i64::from(hours.to_minute), i64::from(minute));
    let in_minutes = |minutes: i64| UnixMillis(now.0 - now.0.rem_euclid(MINUTE_MS) + minutes * MINUTE_MS);
    if (from..to).contains(&at) {
        return (now, in_minutes(to - at));
    }
    let until_open = (from - at).rem_euclid(DAY_MINUTES);
    (in_minutes(until_open), in_minutes(until_open + to - from))
}

/// The instant of the monotonic clock at which the wall clock showed `then`, as far as both agree now.
fn before(now: Now, then: UnixMillis) -> Now {
    Now { time: Time(now.time.0.saturating_sub(now.utc.since(then))), utc: then }
}

fn key(number: &PhoneNumber) -> &str {
    number.subscriber()
}
