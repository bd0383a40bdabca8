//! What media was told, kept as plainly as media hears it: who is in which talk, who hears music. The books of calls must agree with it.

use crate::watch::Watch;
use call_core::command::{MediaCommand, Part, Sound};
use shared::model::LegId;
use std::collections::{BTreeMap, BTreeSet};

/// All voices.
#[derive(Default)]
pub(crate) struct Wires {
    /// By the leg that a talk is named by: who else is in it.
    pub(crate) talks: BTreeMap<LegId, BTreeMap<LegId, Part>>,
    /// Who hears music or ring-back.
    pub(crate) sounds: BTreeSet<LegId>,
    closed: BTreeSet<LegId>,
    /// Voices of agents who have moved to another desk.
    moved: BTreeSet<LegId>,
    /// Talks in which only the network is heard.
    pub(crate) early: BTreeSet<LegId>,
    /// Talks that were ended by the present input.
    pub(crate) parted: BTreeMap<LegId, BTreeMap<LegId, Part>>,
}

impl Wires {
    /// The talk that a leg is in, and as what; whom it is named by takes part.
    pub(crate) fn talk_of(&self, leg: LegId) -> Option<(LegId, Part)> {
        let named = self.talks.contains_key(&leg).then_some((leg, Part::Talk));
        named.or_else(|| self.talks.iter().find_map(|(name, members)| Some((*name, *members.get(&leg)?))))
    }

    /// Everybody of a talk but the one whom it is named by.
    pub(crate) fn members(&self, name: LegId) -> BTreeMap<LegId, Part> {
        self.talks.get(&name).cloned().unwrap_or_default()
    }

    /// Hears something, or somebody.
    pub(crate) fn hears(&self, leg: LegId) -> bool {
        self.sounds.contains(&leg) || self.talk_of(leg).is_some()
    }

    /// Somebody goes on over another leg as soon as that is there.
    fn moved_away(&mut self, leg: LegId) {
        self.moved.insert(leg);
    }

    fn is_gone(&self, leg: LegId) -> bool {
        self.closed.contains(&leg) && !self.moved.contains(&leg)
    }

    fn join(&mut self, name: LegId, first: LegId) {
        for leg in [name, first] {
            assert!(!self.is_gone(leg), "I-3: {leg} is joined and closed");
            self.sounds.remove(&leg);
        }
        assert!(self.talks.insert(name, BTreeMap::from([(first, Part::Talk)])).is_none(), "I-1: {name} is joined twice");
    }

    fn learn(&mut self, command: &MediaCommand) {
        match command {
            MediaCommand::Connect { citizen, agent, .. } => self.join(*citizen, *agent),
            MediaCommand::Confer { first, second, recording } => {
                self.join(*first, *second);
                if recording.is_none() {
                    self.early.insert(*first);
                }
            }
            MediaCommand::Attend { leg, citizen, part } => {
                assert!(!self.is_gone(*leg), "I-3: {leg} attends and is closed");
                let talk = self.talks.get_mut(citizen).expect("1-5: attended a talk that is not there");
                talk.insert(*leg, *part);
                self.sounds.remove(leg);
            }
            MediaCommand::Withdraw { leg } => {
                let left = self.talks.values_mut().filter_map(|members| members.remove(leg)).count();
                assert!(left == 1 || self.closed.contains(leg), "I-10: {leg} is withdrawn from {left} talks");
            }
            MediaCommand::Disconnect { citizen } => {
                let members = self.talks.remove(citizen);
                assert!(members.is_some() || self.closed.contains(citizen), "I-10: parted without a talk");
                if !self.early.remove(citizen) {
                    self.parted.insert(*citizen, members.unwrap_or_default());
                }
            }
            MediaCommand::Hold { citizen: leg, .. } | MediaCommand::Play { leg, sound: Sound::Music | Sound::Ringback } => {
                assert!(!self.is_gone(*leg), "I-3: {leg} is to hear something and is closed");
                self.sounds.insert(*leg);
            }
            MediaCommand::Play { leg, sound: Sound::Silence } => _ = self.sounds.remove(leg),
            MediaCommand::Close { leg } => {
                self.talks.values_mut().for_each(|members| _ = members.remove(leg));
                self.sounds.remove(leg);
                self.closed.insert(*leg);
            }
            // A leg of ours that begins anew with the next trunk.
            MediaCommand::OfferTrunk { leg, .. } | MediaCommand::OpenTrunk { leg, .. } => _ = self.closed.remove(leg),
            MediaCommand::OpenAgent { .. }
            | MediaCommand::Announce { .. }
            | MediaCommand::Follow { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::Speak { .. }
            | MediaCommand::MaskKeys { .. } => {}
        }
    }
}

impl Watch {
    /// A command to media.
    pub(crate) fn media(&mut self, command: &MediaCommand) {
        self.wires.learn(command);
        match command {
            MediaCommand::OpenAgent { agent, leg } => {
                self.agent_legs.insert(*agent, *leg);
                self.legs_of_agents.insert(*leg, *agent);
            }
            // An agent hears how far a call of ours is.
            MediaCommand::Announce { leg, prompts, .. } if leg.0 >= 1 << 62 => self.whispers(*leg, prompts),
            MediaCommand::Play { leg, .. } if leg.0 >= 1 << 62 => _ = self.step.quiet.insert(*leg),
            MediaCommand::Announce { leg, .. } => {
                assert!(self.wires.talk_of(*leg).is_none(), "I-21: a text is played to a connected citizen");
                let now = self.now;
                let call = self.call_of_leg(*leg);
                assert!(call.ended.is_none(), "I-21: a text is played after the end");
                assert!(call.turned.is_some() || call.waits(), "I-21: a text for a citizen who does not wait alone");
                (call.speaks, call.turned) = (call.turned.is_some(), call.turned.map(|(reason, _)| (reason, now)));
                self.tally("a text was played");
            }
            MediaCommand::Play { leg, .. } => assert!(self.wires.talk_of(*leg).is_none(), "I-21: {leg} talks and hears a sound"),
            MediaCommand::Hold { citizen, .. } => assert!(self.wires.talk_of(*citizen).is_none(), "1-10: a citizen is held and talks"),
            MediaCommand::Connect { citizen, .. } => {
                self.call_of_leg(*citizen).ever_connected = true;
                self.step.connected.insert(*citizen);
            }
            MediaCommand::Close { leg } => {
                self.step.quiet.insert(*leg);
                // Until the new voice of who moves from desk to desk is there, the call goes on over the old one.
                let moves = self.legs_of_agents.get(leg).is_some_and(|agent| self.arriving.contains_key(agent));
                if moves {
                    self.wires.moved_away(*leg);
                }
                let joined = self.legs.contains_key(leg) && self.wires.talks.contains_key(leg);
                assert!(!joined, "I-10: {leg} is closed while it is joined");
            }
            MediaCommand::OfferTrunk { leg, .. } => self.a_leg_of_ours(*leg),
            MediaCommand::MaskKeys { citizen, masked } => {
                let queue = self.call_of_leg(*citizen).queue;
                let wished = queue.is_none_or(|queue| self.plan.queues[&queue].mask_keys);
                assert!(*masked && wished, "keys are masked where the queue wishes it");
                assert!(self.wires.talks.contains_key(citizen), "keys are masked in a talk");
            }
            MediaCommand::OpenTrunk { .. }
            | MediaCommand::Confer { .. }
            | MediaCommand::Disconnect { .. }
            | MediaCommand::Follow { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::Speak { .. } => {}
        }
    }

    /// A call of ours: to a citizen, or to somebody beside one.
    fn a_leg_of_ours(&mut self, leg: LegId) {
        if self.legs.contains_key(&leg) {
            return assert!(self.wires.talk_of(leg).is_none(), "I-35: {leg} begins anew and is in a talk");
        }
        if self.party_legs.contains_key(&leg) {
            return;
        }
        match self.step.dialled {
            Some(interaction) if !self.legs.values().any(|known| *known == interaction) => {
                self.legs.insert(leg, interaction);
                self.with_call(interaction, |call| call.leg = leg);
            }
            Some(_) | None => self.step.fresh_leg = Some(leg),
        }
    }

    /// I-1, I-21: a voice is in one talk, and hears nothing else in it.
    pub(crate) fn i1_i21_each_voice_is_in_one_talk_and_hears_nothing_else(&self) {
        let mut seen = BTreeSet::new();
        for (name, members) in &self.wires.talks {
            for leg in members.keys().chain([name]) {
                assert!(seen.insert(*leg), "I-1: {leg} is in two talks");
                assert!(!self.wires.sounds.contains(leg), "I-21: {leg} talks and hears a sound");
            }
        }
    }
}
