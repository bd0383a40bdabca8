//! What the hotline remembers about numbers that have called: how often of late, and who served them last (1-8, 2.2).
//!
//! Bounded and in memory; the store tells it once at the start. Matched by the subscriber's number, never for withheld ones.

use crate::input::PastContact;
use crate::ledger::InteractionRecord;
use shared::model::{AgentId, Caller, UnixMillis};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most numbers; the ones not heard of for longest are forgotten first.
const MOST_NUMBERS: usize = 200_000;
/// Most contacts of one number that are counted.
const MOST_TIMES: usize = 64;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// All remembered numbers.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    numbers: BTreeMap<Box<str>, Contact>,
    /// By the newest contact.
    by_age: BTreeSet<(UnixMillis, Box<str>)>,
}

/// One number.
#[derive(Debug, Default)]
struct Contact {
    /// When it called, oldest first.
    times: VecDeque<UnixMillis>,
    served: Option<Served>,
}

/// Who served a number last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) agent: AgentId,
    pub(crate) at: UnixMillis,
    /// Not to be asked first.
    pub(crate) avoid: bool,
}

impl Contacts {
    /// Earlier days.
    pub(crate) fn learn(&mut self, past: Vec<PastContact>) {
        for PastContact { caller, at, agent, avoid } in past {
            self.add(&caller, at, agent.map(|agent| Served { agent, at, avoid }));
        }
    }

    /// An interaction is over. A probe is nobody, and a call that was turned away for its number is no contact.
    pub(crate) fn finished(&mut self, record: &InteractionRecord) {
        if !record.probe && record.queue.is_some() {
            let served = record.segments.last().map(|segment| Served { agent: segment.agent, at: record.started, avoid: false });
            self.add(&record.caller, record.started, served);
        }
    }

    /// Somebody was called back: who talked then served the matter, which was counted when it came.
    pub(crate) fn called_back(&mut self, record: &InteractionRecord) {
        let Some(segment) = record.segments.last() else { return };
        let served = Served { agent: segment.agent, at: record.started, avoid: false };
        match subscriber(&record.caller).and_then(|number| self.numbers.get_mut(number)) {
            Some(contact) if contact.served.is_none_or(|known| known.at <= served.at) => contact.served = Some(served),
            Some(_) => {}
            // Another number than the one that the citizen called from.
            None => self.add(&record.caller, record.started, Some(served)),
        }
    }

    fn add(&mut self, caller: &Caller, at: UnixMillis, served: Option<Served>) {
        let Some(number) = subscriber(caller) else { return };
        let contact = self.numbers.entry(number.into()).or_default();
        if let Some(newest) = contact.times.back() {
            self.by_age.remove(&(*newest, number.into()));
        }
        if !contact.times.contains(&at) {
            let place = contact.times.partition_point(|time| *time < at);
            contact.times.insert(place, at);
        }
        if contact.times.len() > MOST_TIMES {
            contact.times.pop_front();
        }
        if let Some(served) = served
            && contact.served.is_none_or(|known| known.at <= served.at)
        {
            contact.served = Some(served);
        }
        let newest = contact.times.back().copied().unwrap_or(at);
        self.by_age.insert((newest, number.into()));
        if self.numbers.len() > MOST_NUMBERS {
            self.forget_oldest();
        }
    }

    /// Forgets who has not called for so long.
    pub(crate) fn forget(&mut self, now: UnixMillis, days: u32) {
        let kept_ms = u64::from(days.max(7)) * DAY_MS;
        while self.by_age.first().is_some_and(|(newest, _)| now.since(*newest) > kept_ms) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, number)) = self.by_age.pop_first() {
            self.numbers.remove(&number);
        }
    }

    /// Earlier contacts of the last 24 hours and of the last 7 days.
    pub(crate) fn counts(&self, caller: &Caller, now: UnixMillis) -> (u32, u32) {
        let within = |hours: u64| {
            let Some(contact) = subscriber(caller).and_then(|number| self.numbers.get(number)) else { return 0 };
            let count = contact.times.iter().filter(|time| now.since(**time) < hours * HOUR_MS).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        (within(24), within(7 * 24))
    }

    /// Who served a number last, if that was within so many days.
    pub(crate) fn served(&self, caller: &Caller, now: UnixMillis, days: u32) -> Option<Served> {
        let served = self.numbers.get(subscriber(caller)?)?.served?;
        (now.since(served.at) <= u64::from(days) * DAY_MS).then_some(served)
    }

    /// Numbers that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

fn subscriber(caller: &Caller) -> Option<&str> {
    caller.number.as_ref().map(|number| number.reveal().subscriber())
}

#[cfg(test)]
mod tests {
    use super::{Contacts, DAY_MS, MOST_NUMBERS, MOST_TIMES};
    use crate::input::PastContact;
    use shared::model::{AgentId, Caller, PhoneNumber, UnixMillis};

    const DAY: i64 = DAY_MS as i64;

    fn caller(number: &str) -> Caller {
        Caller { number: Some(PhoneNumber::parse(number).expect("a number").into()) }
    }

    fn past(number: &str, at: i64, agent: Option<u32>) -> PastContact {
        PastContact { caller: caller(number), at: UnixMillis(at), agent: agent.map(AgentId), avoid: false }
    }

    #[test]
    fn contacts_are_counted_by_day_and_week_whatever_the_spelling() {
        let mut contacts = Contacts::default();
        let now = 100 * DAY;
        let told = [now - 8 * DAY, now - 7 * DAY + 1, now - DAY, now - DAY + 1, now - 1];
        contacts.learn(told.iter().map(|at| past("+8613900000001", *at, None)).collect());
        assert_eq!(contacts.counts(&caller("013900000001"), UnixMillis(now)), (2, 4));
        assert_eq!(contacts.counts(&caller("13900000002"), UnixMillis(now)), (0, 0));
        assert_eq!(contacts.counts(&Caller::default(), UnixMillis(now)), (0, 0));
    }

    #[test]
    fn the_newest_talk_names_the_last_agent_and_being_told_twice_counts_once() {
        let mut contacts = Contacts::default();
        contacts.learn(vec![past("1", 2_000, Some(7)), past("1", 1_000, Some(8)), past("1", 3_000, None), past("1", 2_000, Some(7))]);
        let served = contacts.served(&caller("1"), UnixMillis(3_000), 1).expect("somebody served");
        assert_eq!((served.agent, served.at), (AgentId(7), UnixMillis(2_000)));
        assert_eq!(contacts.counts(&caller("1"), UnixMillis(3_000)), (3, 3));
        assert_eq!(contacts.served(&caller("1"), UnixMillis(2_001 + DAY), 1), None, "too long ago");
        contacts.learn(vec![PastContact { avoid: true, ..past("1", 2_000, Some(7)) }]);
        assert!(contacts.served(&caller("1"), UnixMillis(3_000), 1).expect("still known").avoid, "judged anew");
    }

    #[test]
    fn memory_is_bounded_and_ages_out() {
        let mut contacts = Contacts::default();
        contacts.learn((0..100).map(|at| past("1", at, None)).collect());
        assert_eq!(contacts.counts(&caller("1"), UnixMillis(100)).0 as usize, MOST_TIMES);
        for index in 0..=MOST_NUMBERS {
            contacts.learn(vec![past(&format!("2{index}"), 1_000 + index as i64, None)]);
        }
        assert_eq!(contacts.len(), MOST_NUMBERS);
        assert_eq!(contacts.counts(&caller("1"), UnixMillis(2_000)).0, 0, "the oldest are forgotten first");
        contacts.forget(UnixMillis(30 * DAY), 30);
        assert_eq!(contacts.len(), MOST_NUMBERS, "not before their time");
        contacts.forget(UnixMillis(31 * DAY), 30);
        assert_eq!(contacts.len(), 0);
    }
}
