//! Who takes part in a call: whose it is, who is called beside the citizen, who is in the talk. Kept from the facts of each call; what media
//! was told, what the agents' states are and what desks show must agree with it (1-3, 1-5, 1-10).

use crate::calls::CallSeen;
use crate::watch::Watch;
use call_core::command::Part;
use call_core::ledger::FactKind;
use shared::model::{AgentId, AgentState, AsideKind, DialResult, InteractionId, LegId, PartyId, PartyName, SegmentId};
use std::collections::{BTreeMap, BTreeSet};

/// How long a colleague's desk may ring at most, in ms: the longest that worlds draw.
const LONGEST_RING_MS: u64 = 20_000;

/// Whoever is in a call.
#[derive(Default)]
pub(crate) struct Parties {
    /// Whose call it is, once it was answered, and since when.
    pub(crate) owner: Option<(AgentId, call_core::Time)>,
    /// The owner does not hear the citizen.
    pub(crate) held: bool,
    /// Somebody who is called or consulted.
    pub(crate) aside: Option<Aside>,
    /// A colleague's desk that rings for it, and since when.
    pub(crate) asked: Option<(AgentId, call_core::Time)>,
    /// Who takes part in the talk with the citizen.
    pub(crate) others: BTreeMap<PartyId, Member>,
    /// Who of them is not heard.
    pub(crate) muted: BTreeSet<PartyId>,
    /// How often it was handed over by a wish of its agent.
    pub(crate) transfers: u32,
    segments: BTreeMap<SegmentId, AgentId>,
    /// Per agent: ms in the talk with the citizen, and since when it goes on.
    talked: BTreeMap<AgentId, (u64, Option<call_core::Time>)>,
    /// Likewise without any agent.
    alone: (u64, Option<call_core::Time>),
}

/// Somebody who is called or consulted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aside {
    pub(crate) party: PartyId,
    pub(crate) kind: AsideKind,
    pub(crate) who: Member,
    pub(crate) there: bool,
}

/// A leg of ours beside a citizen's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegOfOurs {
    /// Its INVITE has not gone out.
    Opening,
    Out,
    /// The last word about it was said.
    Over,
}

/// Somebody beside citizen and agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    Colleague(AgentId),
    Outside(LegId),
}

impl Member {
    pub(crate) fn agent(self) -> Option<AgentId> {
        match self {
            Self::Colleague(agent) => Some(agent),
            Self::Outside(_) => None,
        }
    }
}

impl Parties {
    /// Every agent who is in the call.
    pub(crate) fn agents(&self) -> impl Iterator<Item = AgentId> {
        let consulted = self.aside.filter(|aside| aside.there).and_then(|aside| aside.who.agent());
        let owner = self.owner.map(|(agent, _)| agent);
        owner.into_iter().chain(consulted).chain(self.others.values().filter_map(|member| member.agent()))
    }

    /// 无座席通话
    pub(crate) fn residual(&self) -> bool {
        self.owner.is_none() && !self.others.is_empty()
    }

    /// Nobody has it any more.
    pub(crate) fn let_go(&mut self) {
        (self.owner, self.held, self.aside) = (None, false, None);
        self.others.clear();
    }

    /// What an agent has talked with the citizen, in ms; what goes on ends now.
    fn talked_ms(&self, agent: AgentId, now: call_core::Time) -> u64 {
        self.talked.get(&agent).map_or(0, |(ms, since)| ms + since.map_or(0, |since| now.since(since)))
    }

    /// I-10: each agent's talk in the record is as long as the agent was heard by the citizen.
    pub(crate) fn i10_talk_ends_when_the_voice_leaves(&self, segments: &[call_core::ledger::Segment], ended: call_core::Time) {
        let mut told: BTreeMap<AgentId, u64> = BTreeMap::new();
        for segment in segments {
            *told.entry(segment.agent).or_insert(0) += segment.talk_ms;
        }
        for agent in told.keys().chain(self.talked.keys()) {
            let (told, heard) = (told.get(agent).copied().unwrap_or(0), self.talked_ms(*agent, ended));
            assert_eq!(told, heard, "I-10: talk time of {agent} runs on, or is cut");
        }
    }

    /// 1-5: the time without an agent, in ms.
    pub(crate) fn alone_ms(&self, now: call_core::Time) -> u64 {
        self.alone.0 + self.alone.1.map_or(0, |since| now.since(since))
    }
}

impl Watch {
    /// A fact about who is in a call. `false` if it is another one.
    pub(crate) fn fact_of_parties(&mut self, interaction: InteractionId, kind: &FactKind) -> bool {
        match kind {
            FactKind::AsideBegan { party, as_what, name } => self.aside_began(interaction, (*party, *as_what), name),
            FactKind::AsideEnded { party, result } => self.aside_ended(interaction, *party, *result),
            FactKind::PartyJoined { party } => {
                let parties = self.parties(interaction);
                let aside = parties.aside.take().expect("1-5: nobody was called who could join");
                assert!(aside.party == *party && aside.there, "1-5: who joins has not answered");
                parties.others.insert(*party, aside.who);
                self.tally("somebody joined a talk");
            }
            FactKind::PartyLeft { party } => {
                let left = self.parties(interaction).others.remove(party).expect("1-5: who leaves took part");
                self.step.explained.extend(left.agent());
                self.tally("somebody left a talk");
            }
            FactKind::HandedOver { from, to } => self.handed_over(interaction, *from, *to),
            FactKind::SentToQueue { from, .. } => {
                self.step.explained.insert(*from);
                self.with_call(interaction, |call| call.sent_on = true);
                self.parties(interaction).transfers += 1;
                self.tally("sent on to a queue");
            }
            FactKind::Held { segment } | FactKind::Retrieved { segment } => {
                let held = matches!(kind, FactKind::Held { .. });
                let parties = self.parties(interaction);
                let (owner, _) = parties.owner.expect("1-10: held by nobody");
                assert_eq!(parties.segments.get(segment), Some(&owner), "1-10: held by somebody else");
                parties.held = held;
                self.tally(if held { "a citizen is held" } else { "a citizen is retrieved" });
            }
            _ => return false,
        }
        true
    }

    fn parties(&mut self, interaction: InteractionId) -> &mut Parties {
        &mut self.calls.get_mut(&interaction).expect("a fact of an open interaction").parties
    }

    fn aside_began(&mut self, interaction: InteractionId, (party, kind): (PartyId, AsideKind), name: &PartyName) {
        let who = match name {
            PartyName::Agent { agent, .. } => Member::Colleague(*agent),
            PartyName::Number(_) => {
                let leg = self.step.fresh_leg.take().expect("1-3: somebody outside is called over a leg");
                self.party_legs.insert(leg, LegOfOurs::Opening);
                Member::Outside(leg)
            }
        };
        let parties = self.parties(interaction);
        assert!(parties.owner.is_some() && parties.aside.is_none(), "1-3: {interaction}: somebody is called beside somebody else");
        assert_eq!(who.agent(), parties.asked.map(|(agent, _)| agent), "1-3: {interaction}: the desk of who is asked rings");
        parties.aside = Some(Aside { party, kind, who, there: false });
        self.tally(match kind {
            AsideKind::Consult => "somebody is consulted",
            AsideKind::Invite => "somebody is invited",
            AsideKind::Transfer => "a blind transfer begins",
        });
    }

    fn aside_ended(&mut self, interaction: InteractionId, party: PartyId, result: DialResult) {
        let parties = self.parties(interaction);
        let aside = parties.aside.as_mut().expect("1-3: nobody was called");
        assert!(aside.party == party && !aside.there, "1-3: who was called has answered before");
        if result != DialResult::Answered {
            parties.aside = None;
            return self.tally("somebody is called in vain");
        }
        aside.there = true;
        let (colleague, kind) = (aside.who.agent(), aside.kind);
        (self.step.answered_beside, self.step.transferred) = (true, kind == AsideKind::Transfer);
        if let Some(agent) = colleague {
            let asked = self.parties(interaction).asked.take();
            assert_eq!(asked.map(|(agent, _)| agent), Some(agent), "1-3: {agent} answered and was not asked");
            self.accepted(interaction, agent);
            self.agents.get_mut(&agent).expect("answers while signed in").handled();
        }
    }

    fn handed_over(&mut self, interaction: InteractionId, from: AgentId, to: Option<AgentId>) {
        let (now, acted) = (self.now, self.acted());
        let explained = acted || self.step.answered_beside;
        self.step.explained.extend(explained.then_some(from));
        let transferred = std::mem::take(&mut self.step.transferred);
        let parties = self.parties(interaction);
        assert_eq!(parties.owner.map(|(agent, _)| agent), Some(from), "I-10: {interaction} is handed over by somebody else");
        let heir = to.and_then(|to| parties.others.iter().find(|(_, member)| member.agent() == Some(to)).map(|(party, _)| *party));
        if let Some(heir) = heir {
            parties.others.remove(&heir);
        }
        parties.transfers += u32::from(transferred);
        (parties.owner, parties.held, parties.aside) = (to.map(|to| (to, now)), false, None);
        match (to, heir) {
            (Some(supervisor), None) => self.taken_by(supervisor),
            (Some(_), Some(_)) => self.tally("handed over to a colleague"),
            (None, _) => {
                assert!(self.parties(interaction).residual(), "1-5: {interaction} is handed over to nobody at all");
                self.tally("goes on without an agent");
            }
        }
    }

    /// A segment begins.
    pub(crate) fn segment_began(&mut self, interaction: InteractionId, agent: AgentId, segment: SegmentId) {
        let now = self.now;
        let parties = self.parties(interaction);
        assert!(!parties.segments.values().any(|running| *running == agent), "I-10: {agent} has two segments at once");
        parties.segments.insert(segment, agent);
        if parties.owner.is_none() {
            parties.owner = Some((agent, now));
        }
        assert!(parties.agents().any(|one| one == agent), "I-10: a segment of {agent}, who is not in {interaction}");
    }

    /// A segment ends; returns whose.
    pub(crate) fn segment_ended(&mut self, interaction: InteractionId, segment: SegmentId) -> AgentId {
        self.parties(interaction).segments.remove(&segment).expect("I-10: a segment ends that does not run")
    }

    /// Agents who move from desk to desk: their old voice is gone, the new one not there yet.
    fn moves(&self, agent: AgentId) -> bool {
        self.arriving.contains_key(&agent)
    }

    fn leg_of(&self, member: Member) -> Option<LegId> {
        match member {
            Member::Colleague(agent) => self.leg_of_agent(agent),
            Member::Outside(leg) => Some(leg),
        }
    }

    pub(crate) fn leg_of_agent(&self, agent: AgentId) -> Option<LegId> {
        self.agents.get(&agent).map(|seen| seen.leg).or_else(|| self.agent_legs.get(&agent).copied())
    }

    /// Whoever was consulted and is heard no more is gone; no fact tells it.
    pub(crate) fn who_is_consulted_no_more_is_gone(&mut self) {
        for interaction in &self.open {
            let call = &self.calls[interaction];
            let Some(aside) = call.parties.aside.filter(|aside| aside.there) else { continue };
            let moves = aside.who.agent().is_some_and(|agent| self.moves(agent)) || call.owner().is_some_and(|owner| self.moves(owner));
            if moves || self.leg_of(aside.who).is_some_and(|leg| self.wires.hears(leg)) {
                continue;
            }
            let call = self.calls.get_mut(interaction).expect("an open call");
            call.parties.aside = None;
        }
    }

    /// I-10, I-21, 1-3, 1-5, 1-10: who hears whom is what the books say, for each live call.
    pub(crate) fn i10_who_hears_whom_is_what_the_books_say(&self) {
        for call in self.unsaved().filter(|call| call.ended.is_none() && call.turned.is_none()) {
            let parties = &call.parties;
            let moving = parties.agents().any(|agent| self.moves(agent)) || self.watched_by_who_moves(call);
            if (parties.owner.is_none() && !parties.residual()) || moving {
                continue;
            }
            let mut wanted: BTreeMap<LegId, Part> = BTreeMap::new();
            for (party, member) in &parties.others {
                let part = if parties.muted.contains(party) { Part::Listen } else { Part::Talk };
                wanted.insert(self.leg_of(*member).expect("1-5: who takes part has a voice"), part);
            }
            let own = call.owner().and_then(|owner| self.leg_of_agent(owner));
            wanted.extend(own.filter(|_| !parties.held).map(|leg| (leg, Part::Talk)));
            let alone = wanted.is_empty();
            self.add_supervisors(call, &mut wanted);
            let heard = self.wires.members(call.leg);
            assert_eq!(heard, wanted, "I-10, 1-5, 1-14: who is with the citizen of {}", call.interaction);
            assert!(!alone || self.wires.sounds.contains(&call.leg), "1-3, 1-10: the citizen of {} is in silence", call.interaction);
            self.the_consulted_hear_the_agent_or_music(call, own);
        }
    }

    fn the_consulted_hear_the_agent_or_music(&self, call: &CallSeen, own: Option<LegId>) {
        let (Some(aside), Some(own)) = (call.parties.aside, own) else { return };
        let leg = self.leg_of(aside.who);
        match leg.filter(|_| aside.there) {
            Some(leg) if call.parties.held => {
                let mut wanted = BTreeMap::from([(own, Part::Talk)]);
                self.add_supervisors(call, &mut wanted);
                let heard = self.wires.members(leg);
                assert_eq!(heard, wanted, "1-3, 1-14: who is with whom {} consults", call.interaction);
            }
            Some(leg) => assert!(self.wires.sounds.contains(&leg), "1-3: {leg}, who is consulted, is in silence"),
            None => {
                let rings = call.parties.asked.map(|(agent, _)| agent);
                assert!(aside.who.agent() == rings, "1-3: {}: who is called, and who rings: {rings:?}", call.interaction);
                let talks = leg.filter(|_| aside.who.agent().is_none()).and_then(|leg| self.wires.talk_of(leg));
                assert!(talks.is_none_or(|(name, _)| Some(name) == leg), "1-3: {leg:?} has not answered and is with the citizen");
            }
        }
    }

    /// 1-5: parties who go on together are not parted on the way.
    pub(crate) fn others_go_on_without_a_gap(&mut self) {
        for (name, before) in std::mem::take(&mut self.wires.parted) {
            let now = self.wires.members(name);
            let whispers = before.values().chain(now.values()).any(|part| *part == Part::Whisper);
            let stays = before.keys().any(|leg| now.contains_key(leg));
            assert!(!stays || whispers, "1-5: the talk of {name} was broken although somebody goes on in it");
        }
    }

    /// What was talked until now, by what media was told.
    pub(crate) fn count_talks(&mut self) {
        let now = self.now;
        for interaction in &self.open {
            let call = &self.calls[interaction];
            let members = self.wires.members(call.leg);
            let mut heard: BTreeSet<AgentId> = members.keys().filter_map(|leg| self.legs_of_agents.get(leg).copied()).collect();
            heard.retain(|agent| !self.watches.contains_key(agent));
            // The segment of who moves from desk to desk runs on.
            let moving = call.parties.talked.iter().filter(|(agent, (_, since))| since.is_some() && self.moves(**agent));
            heard.extend(moving.map(|(agent, _)| *agent));
            if self.wires.early.contains(&call.leg) || call.ended.is_some() {
                heard.clear();
            }
            let alone = !members.is_empty()
                && !self.wires.early.contains(&call.leg)
                && heard.is_empty()
                && call.owner().is_none()
                && call.ended.is_none();
            let call = self.calls.get_mut(interaction).expect("an open call");
            for agent in &heard {
                call.parties.talked.entry(*agent).or_default().1.get_or_insert(now);
            }
            for (agent, (ms, since)) in &mut call.parties.talked {
                if let Some(began) = since.filter(|_| !heard.contains(agent)) {
                    (*ms, *since) = (*ms + now.since(began), None);
                }
            }
            let (ms, since) = &mut call.parties.alone;
            match (*since, alone) {
                (None, true) => *since = Some(now),
                (Some(began), false) => (*ms, *since) = (*ms + now.since(began), None),
                (None, false) | (Some(_), true) => {}
            }
        }
    }

    /// I-4: a colleague's desk does not ring for ever, and a talk without an agent does not go on for ever (1-5).
    pub(crate) fn i4_what_is_asked_and_what_is_left_alone_ends_in_time(&self) {
        for call in self.unsaved() {
            if let Some((agent, since)) = call.parties.asked {
                assert!(self.now < since.plus(LONGEST_RING_MS), "I-4: {agent} is asked for too long");
            }
            let alone = call.parties.alone.1.filter(|_| call.parties.residual());
            let over = alone.is_some_and(|since| self.now >= since.plus(self.longest_residual_ms));
            assert!(!over, "I-4: {} goes on without an agent for too long", call.interaction);
        }
    }

    /// I-5: each agent of a call is in the state that the call says (5.3).
    pub(crate) fn i5_states_are_those_of_the_call(&self) {
        for call in self.unsaved().filter(|call| call.ended.is_none()) {
            let parties = &call.parties;
            let own = match (parties.held, parties.aside.is_some()) {
                (true, true) => AgentState::Consulting,
                (true, false) => AgentState::Holding,
                (false, _) if call.outbound && call.callback.is_none() => AgentState::Outbound,
                (false, _) => AgentState::Talking,
            };
            let owner = parties.owner.map(|(agent, _)| (agent, own));
            let dialling = call.dialling.map(|agent| (agent, AgentState::Outbound));
            let consulted = parties.aside.filter(|aside| aside.there).and_then(|aside| Some((aside.who.agent()?, AgentState::Consulting)));
            let others = parties.others.values().filter_map(|member| Some((member.agent()?, AgentState::Talking)));
            for (agent, wanted) in owner.or(dialling).into_iter().chain(consulted).chain(others) {
                let Some(seen) = self.agents.get(&agent).filter(|_| !self.moves(agent)) else { continue };
                let away = seen.state() == AgentState::Lost || !seen.connected;
                assert!(
                    away || seen.state() == wanted,
                    "I-5: {agent} is {:?} in {}, which says {wanted:?}",
                    seen.state(),
                    call.interaction
                );
            }
        }
    }

    /// 1-3: what the agent's desk shows of the call is what the books say.
    pub(crate) fn desks_show_who_is_in_the_call(&self) {
        for agent in &self.step.shown {
            let Some(view) = self.agents.get(agent).and_then(|seen| seen.desk.as_ref()).and_then(|desk| desk.call.as_ref()) else {
                continue;
            };
            let call = &self.calls[&view.interaction];
            let parties = &call.parties;
            let books = (parties.held, parties.aside.is_some(), parties.others.len(), call.owner().is_some_and(|owner| owner != *agent));
            let talk = &view.talk;
            let shown = (talk.held.is_some(), talk.aside.is_some(), talk.others.len(), talk.guest_of.is_some());
            assert_eq!(shown, books, "1-3: held, aside, others, guest: the desk of {agent} shows something else");
        }
    }

    /// At rest no leg of ours is left.
    pub(crate) fn no_leg_of_ours_is_left(&self) {
        let left: Vec<_> = self.party_legs.iter().filter(|(_, state)| **state == LegOfOurs::Out).collect();
        assert!(left.is_empty(), "nothing_leaks: legs of ours {left:?}");
        assert!(self.wires.talks.is_empty(), "nothing_leaks: talks {:?}", self.wires.talks.keys());
    }
}
