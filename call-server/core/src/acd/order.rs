//! The waiting calls of one queue in order of service. Calls that may ask the same agents stand in one group, and within it those that the
//! same agents have rejected in one party, so that one look at a party's head tells whether any of it can be served. Within a queue the
//! order by points does not change with time.

use crate::plan::Priority;
use crate::time::Time;
use shared::model::{AgentId, InteractionId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A place in the line: entry time, then the order of the INVITEs.
pub(crate) type Place = (Time, InteractionId);

/// What widens whom a call may ask: the tier that is open for it, and how many steps its needs are relaxed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stage {
    pub(crate) open_tier: u8,
    pub(crate) relaxed: usize,
}

/// Agents whom a call does not ask for a while (I-28), in order of their ids.
pub(crate) type Rejecters = Arc<[AgentId]>;

/// Where a call is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filing {
    /// No desk rings: stage, who has rejected it, and points at the clock's beginning, in thousandths.
    Unserved(Stage, Rejecters, i128),
    /// No desk rings, and it waits for one agent alone.
    Held,
    /// A desk rings.
    Ringing,
}

/// One queue's waiting calls.
#[derive(Debug, Default)]
pub(crate) struct QueueLine {
    all: BTreeSet<Place>,
    groups: BTreeMap<Stage, Group>,
    ringing: BTreeSet<Place>,
}

/// Calls that may ask the same agents but for those who rejected them.
#[derive(Debug, Default)]
struct Group {
    parties: BTreeMap<Rejecters, Party>,
    /// The first of each party, in both orders.
    by_entry: BTreeSet<(Place, Rejecters)>,
    by_points: BTreeSet<(Points, Rejecters)>,
}

/// Most points first, then in order of entry.
type Points = (Reverse<i128>, Place);

/// Calls that the same agents have rejected.
#[derive(Debug, Default)]
struct Party {
    by_entry: BTreeSet<Place>,
    by_points: BTreeSet<Points>,
}

impl Group {
    /// Changes a party and keeps its firsts in order; `false` once nobody is left in the group.
    fn change(&mut self, rejecters: &Rejecters, change: impl FnOnce(&mut Party)) -> bool {
        let party = self.parties.entry(Arc::clone(rejecters)).or_default();
        let before = party.firsts();
        change(party);
        let after = party.firsts();
        if after.is_none() {
            self.parties.remove(rejecters);
        }
        if before != after {
            if let Some((place, points)) = before {
                self.by_entry.remove(&(place, Arc::clone(rejecters)));
                self.by_points.remove(&(points, Arc::clone(rejecters)));
            }
            if let Some((place, points)) = after {
                self.by_entry.insert((place, Arc::clone(rejecters)));
                self.by_points.insert((points, Arc::clone(rejecters)));
            }
        }
        !self.parties.is_empty()
    }
}

impl Party {
    fn firsts(&self) -> Option<(Place, Points)> {
        Some((*self.by_entry.first()?, *self.by_points.first()?))
    }
}

impl QueueLine {
    pub(crate) fn put_in(&mut self, place: Place, filing: &Filing) {
        self.all.insert(place);
        match filing {
            Filing::Unserved(stage, rejecters, points) => {
                self.groups.entry(*stage).or_default().change(rejecters, |party| {
                    party.by_entry.insert(place);
                    party.by_points.insert((Reverse(*points), place));
                });
            }
            Filing::Ringing => _ = self.ringing.insert(place),
            Filing::Held => {}
        }
    }

    pub(crate) fn take_out(&mut self, place: Place, filing: &Filing) {
        self.all.remove(&place);
        match filing {
            Filing::Unserved(stage, rejecters, points) => {
                let is_left = self.groups.get_mut(stage).is_some_and(|group| {
                    group.change(rejecters, |party| {
                        party.by_entry.remove(&place);
                        party.by_points.remove(&(Reverse(*points), place));
                    })
                });
                if !is_left {
                    self.groups.remove(stage);
                }
            }
            Filing::Ringing => _ = self.ringing.remove(&place),
            Filing::Held => {}
        }
    }

    /// Everybody, in order of entry.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place> {
        self.all.iter().copied()
    }

    /// Those for whom a desk rings, in order of entry.
    pub(crate) fn ringing(&self) -> impl Iterator<Item = Place> {
        self.ringing.iter().copied()
    }

    /// The firsts of each group's parties in order of service: who is past the guard by entry, then by points. A party some of whose
    /// calls are past the guard has two firsts.
    pub(crate) fn groups(&self, priority: Priority, now: Time) -> impl Iterator<Item = impl Iterator<Item = (InteractionId, &Rejecters)>> {
        let guarded = move |entered: Time| priority.guard_ms > 0 && now.since(entered) >= priority.guard_ms;
        self.groups.values().map(move |group| {
            let first = group.by_entry.iter().take_while(move |((entered, _), _)| guarded(*entered));
            let then = group.by_points.iter().map(|((_, place), rejecters)| (place, rejecters));
            first.map(|(place, rejecters)| (place, rejecters)).chain(then).map(|((_, interaction), rejecters)| (*interaction, rejecters))
        })
    }
}
