//! The waiting calls of one queue in order of service. Calls that may ask the same agents stand in one group, so that one look at a
//! group's head tells whether any of it can be served. Within a queue the order by points does not change with time.

use crate::plan::Priority;
use crate::time::Time;
use shared::model::InteractionId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A place in the line: entry time, then the order of the INVITEs.
pub(crate) type Place = (Time, InteractionId);

/// What widens whom a call may ask: the tier that is open for it, and how many steps its needs are relaxed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stage {
    pub(crate) open_tier: u8,
    pub(crate) relaxed: usize,
}

/// Where a call is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filing {
    /// No desk rings: stage, and points at the clock's beginning, in thousandths.
    Unserved(Stage, i128),
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

#[derive(Debug, Default)]
struct Group {
    by_entry: BTreeSet<Place>,
    by_points: BTreeSet<(Reverse<i128>, Place)>,
}

impl QueueLine {
    pub(crate) fn put_in(&mut self, place: Place, filing: Filing) {
        self.all.insert(place);
        match filing {
            Filing::Unserved(stage, points) => {
                let group = self.groups.entry(stage).or_default();
                group.by_entry.insert(place);
                group.by_points.insert((Reverse(points), place));
            }
            Filing::Ringing => _ = self.ringing.insert(place),
            Filing::Held => {}
        }
    }

    pub(crate) fn take_out(&mut self, place: Place, filing: Filing) {
        self.all.remove(&place);
        match filing {
            Filing::Unserved(stage, points) => {
                if let Some(group) = self.groups.get_mut(&stage) {
                    group.by_entry.remove(&place);
                    group.by_points.remove(&(Reverse(points), place));
                    if group.by_entry.is_empty() {
                        self.groups.remove(&stage);
                    }
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

    /// Each group in order of service: who is past the guard by entry, then by points.
    pub(crate) fn groups(&self, priority: Priority, now: Time) -> impl Iterator<Item = impl Iterator<Item = InteractionId>> {
        let guarded = move |entered: Time| priority.guard_ms > 0 && now.since(entered) >= priority.guard_ms;
        self.groups.values().map(move |group| {
            let first = group.by_entry.iter().take_while(move |(entered, _)| guarded(*entered)).map(|(_, interaction)| *interaction);
            let then = group.by_points.iter().filter(move |(_, (entered, _))| !guarded(*entered)).map(|(_, (_, interaction))| *interaction);
            first.chain(then)
        })
    }
}
