//! Who hears whom, from nothing but the commands to media; and how long agents were heard by citizens.

use call_core::Time;
use call_core::command::{MediaCommand, Part, Sound};
use shared::model::LegId;
use std::collections::{BTreeMap, BTreeSet};

/// First id of agents' legs.
const FIRST_AGENT: u64 = 1 << 62;

/// All ears of the house.
#[derive(Default)]
pub(crate) struct Ears {
    /// Talks by the leg that names them; that leg takes part too.
    talks: BTreeMap<LegId, BTreeMap<LegId, Part>>,
    /// What is played to a leg.
    sounds: BTreeSet<LegId>,
    /// Voice paths that are open.
    open: BTreeSet<LegId>,
    /// Agents' legs in the talk of a citizen's leg, and since when.
    together: BTreeMap<(LegId, LegId), Time>,
    /// Finished spells of that, in ms.
    pub(crate) spells: Vec<(LegId, LegId, u64)>,
}

impl Ears {
    /// Media is told something.
    pub(crate) fn told(&mut self, now: Time, command: &MediaCommand) {
        match command {
            MediaCommand::OpenTrunk { leg, .. } | MediaCommand::OfferTrunk { leg, .. } | MediaCommand::OpenAgent { leg, .. } => {
                assert!(self.open.insert(*leg), "leg {leg} is opened twice");
            }
            MediaCommand::Connect { citizen, agent, .. } => self.begin(*citizen, *agent),
            MediaCommand::Confer { first, second, .. } => self.begin(*first, *second),
            MediaCommand::Attend { leg, citizen, part } => {
                let talk = self.talks.get_mut(citizen).expect("somebody attends a talk that is going on");
                talk.insert(*leg, *part);
            }
            MediaCommand::Withdraw { leg } => self.talks.values_mut().for_each(|talk| _ = talk.remove(leg)),
            MediaCommand::Disconnect { citizen } => {
                assert!(self.talks.remove(citizen).is_some(), "{citizen} is parted from nobody");
            }
            MediaCommand::Hold { citizen, .. } => _ = self.sounds.insert(*citizen),
            MediaCommand::Play { leg, sound: Sound::Music } | MediaCommand::Announce { leg, .. } => {
                assert!(!self.talks.contains_key(leg), "I-21: something is played to {leg}, who talks");
                self.sounds.insert(*leg);
            }
            MediaCommand::Play { leg, sound: Sound::Silence } => _ = self.sounds.remove(leg),
            MediaCommand::Close { leg } => {
                assert!(self.open.remove(leg), "leg {leg} is closed twice");
                self.sounds.remove(leg);
                self.talks.remove(leg);
                self.talks.values_mut().for_each(|talk| _ = talk.remove(leg));
            }
            _ => {}
        }
        self.keep_time(now);
    }

    fn begin(&mut self, name: LegId, other: LegId) {
        assert!(!self.talks.contains_key(&name), "I-1: {name} talks already");
        self.sounds.remove(&name);
        self.talks.insert(name, BTreeMap::from([(other, Part::Talk)]));
    }

    /// Spells of agents in talks of citizens begin and end.
    fn keep_time(&mut self, now: Time) {
        let in_talk = |name: &LegId, leg: &LegId| self.talks.get(name).is_some_and(|talk| talk.contains_key(leg));
        let over: Vec<(LegId, LegId)> = self.together.keys().filter(|(name, leg)| !in_talk(name, leg)).copied().collect();
        for (name, leg) in over {
            let since = self.together.remove(&(name, leg)).expect("it is there");
            self.spells.push((name, leg, now.since(since)));
        }
        for (name, talk) in &self.talks {
            for leg in talk.keys().filter(|leg| leg.0 >= FIRST_AGENT && name.0 < FIRST_AGENT) {
                self.together.entry((*name, *leg)).or_insert(now);
            }
        }
    }

    /// I-1: nobody takes part in two talks.
    pub(crate) fn i1_nobody_talks_twice(&self) {
        let mut seen = BTreeSet::new();
        for (name, talk) in &self.talks {
            for leg in talk.keys().chain([name]) {
                assert!(seen.insert(*leg), "I-1: {leg} takes part in two talks: {:?}", self.talks);
                assert!(self.open.contains(leg), "I-35: {leg} talks and has no voice path");
            }
        }
    }

    /// Whether a leg hears music, a text, or somebody who may talk.
    pub(crate) fn hears_something(&self, leg: LegId) -> bool {
        let talks = |(name, talk): (&LegId, &BTreeMap<LegId, Part>)| {
            let here = *name == leg || talk.contains_key(&leg);
            let others = talk.iter().filter(|(other, part)| **other != leg && **part != Part::Listen).count();
            here && (others > 0 || *name != leg)
        };
        self.sounds.contains(&leg) || self.talks.iter().any(talks)
    }

    /// Whether two legs are in one talk.
    pub(crate) fn are_together(&self, one: LegId, other: LegId) -> bool {
        let all = |name: &LegId, talk: &BTreeMap<LegId, Part>, leg: LegId| *name == leg || talk.contains_key(&leg);
        self.talks.iter().any(|(name, talk)| all(name, talk, one) && all(name, talk, other))
    }

    /// Nothing is left.
    pub(crate) fn nothing_leaks(&self) {
        assert!(self.talks.is_empty() && self.sounds.is_empty(), "nothing_leaks: {:?} {:?}", self.talks, self.sounds);
        assert!(self.open.is_empty(), "nothing_leaks: voice paths {:?}", self.open);
    }
}
