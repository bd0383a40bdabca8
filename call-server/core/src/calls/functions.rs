//! What an agent does with a call: hold, consult, hand over, three-way, leave (1-3, 1-5, 1-10). Each step is possible in the stages that it
//! names and refused in all others; what media, books and desks must know follows from the stage that it leaves behind.

use super::Calls;
use super::call::{self, Call, Residual, Stage, Talking};
use super::outgoing::Outgoing;
use super::party::{Aside, Member, Party};
use crate::command::{CallTo, Command, SessionText, VoiceTerms};
use crate::ledger::FactKind;
use crate::turn::Turn;
use shared::model::{AgentId, AsideKind, Caller, DialResult, InteractionId, LegId, MAX_KEYS, PartyId, Refusal};

/// Whom an agent calls beside the citizen.
#[derive(Debug, Clone)]
pub(crate) enum Called {
    /// A colleague, whose desk rings already.
    Colleague(AgentId),
    /// Over a leg of ours.
    Outside(CallTo),
}

/// Whose a leg of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The citizen's, who is called.
    Citizen(InteractionId),
    /// Somebody's who is called or consulted.
    Aside(InteractionId),
    /// Somebody's who takes part in the talk.
    Other(InteractionId, PartyId),
}

/// Who has answered a call of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The citizen.
    Citizen(InteractionId),
    /// Who was called beside the citizen, and for what.
    Aside(InteractionId, AsideKind),
    /// Who was called from a voice menu: the talk goes on already.
    Onward(InteractionId),
}

/// Somebody who is no longer in a call.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) party: Party,
    /// Took part in the talk with the citizen.
    pub(crate) with_citizen: bool,
}

/// A call has another owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HandedOver {
    pub(crate) from: AgentId,
}

impl Call {
    /// Whoever spoke with the citizen has left; who was only called is told of elsewhere.
    pub(super) fn note_left(&mut self, turn: &mut Turn, gone: &[Gone]) {
        for party in gone.iter().filter(|gone| gone.with_citizen).map(|gone| gone.party.id) {
            self.note(turn, FactKind::PartyLeft { party });
        }
    }

    pub(super) fn talking(&mut self) -> Result<&mut Talking, Refusal> {
        match &mut self.stage {
            Stage::Talking(talking) => Ok(talking),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => {
                Err(Refusal::WrongState)
            }
        }
    }

    fn hold(&mut self, now: crate::time::Now) -> Result<(), Refusal> {
        let talking = self.talking()?;
        if talking.aside.is_some() && talking.held.is_none() {
            return Err(Refusal::WrongState);
        }
        talking.held.get_or_insert(now);
        Ok(())
    }

    fn retrieve(&mut self) -> Result<(), Refusal> {
        let talking = self.talking()?;
        if talking.aside.is_some() && talking.held.is_some() {
            return Err(Refusal::WrongState);
        }
        talking.held = None;
        Ok(())
    }

    fn swap(&mut self, now: crate::time::Now) -> Result<(), Refusal> {
        let talking = self.talking()?;
        if !talking.aside.as_ref().is_some_and(|aside| aside.party.is_there()) {
            return Err(Refusal::WrongState);
        }
        talking.held = if talking.held.is_some() { None } else { Some(now) };
        Ok(())
    }

    /// Who is called or consulted is not any more; the citizen is with the agent.
    fn take_aside(&mut self) -> Option<Aside> {
        let talking = self.talking().ok()?;
        let aside = talking.aside.take()?;
        talking.held = None;
        Some(aside)
    }

    /// Takes whoever is consulted and is there.
    fn take_consulted(&mut self) -> Result<Party, Refusal> {
        let talking = self.talking()?;
        match talking.aside.take_if(|aside| aside.party.is_there()) {
            Some(aside) => Ok(aside.party),
            None => Err(Refusal::WrongState),
        }
    }

    /// The agent is out of it: the first colleague in the talk has the call now, or nobody. The others go on without a break.
    fn pass_on(&mut self, turn: &mut Turn) {
        let now = turn.now;
        let Ok(talking) = self.talking() else { return };
        let from = talking.agent;
        let mut others = std::mem::take(&mut talking.others);
        let (entered, waited_ms) = (talking.entered, talking.waited_ms);
        let heir = others.iter().position(|party| party.agent().is_some());
        let heir = heir.map(|place| others.remove(place)).and_then(|party| Some((party.agent()?, party.leg()?)));
        self.stage = match heir {
            Some((agent, agent_leg)) => {
                Stage::Talking(Talking { entered, agent, agent_leg, since: now, waited_ms, held: None, aside: None, others })
            }
            None => Stage::Residual(Residual { entered, since: now, left_by: from, others }),
        };
        let fact = self.ledger.handed_over(now, from, heir.map(|(agent, _)| agent));
        call::store_fact(turn, fact);
    }

    fn parties(&mut self) -> &mut [Party] {
        match &mut self.stage {
            Stage::Talking(talking) => &mut talking.others,
            Stage::Residual(residual) => &mut residual.others,
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) => &mut [],
        }
    }

    fn remove_party(&mut self, party: PartyId) -> Option<Party> {
        let others = match &mut self.stage {
            Stage::Talking(talking) => &mut talking.others,
            Stage::Residual(residual) => &mut residual.others,
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) => return None,
        };
        let place = others.iter().position(|other| other.id == party)?;
        Some(others.remove(place))
    }

    /// The leg of ours by this id, whoever it belongs to.
    fn outgoing(&mut self, leg: LegId) -> Option<&mut Outgoing> {
        let ours = |party: &Party| match &party.who {
            Member::Outside(outgoing) if outgoing.leg == leg => true,
            Member::Outside(_) | Member::Colleague { .. } => false,
        };
        let party = match &mut self.stage {
            Stage::Dialling(dialling) => return Some(&mut dialling.out).filter(|out| out.leg == leg),
            Stage::Talking(talking) => {
                talking.others.iter_mut().chain(talking.aside.as_mut().map(|aside| &mut aside.party)).find(|party| ours(party))
            }
            Stage::Residual(residual) => residual.others.iter_mut().find(|party| ours(party)),
            Stage::Guided(guided) => guided.out.iter_mut().find(|party| ours(party)),
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) => None,
        };
        match &mut party?.who {
            Member::Outside(outgoing) => Some(outgoing),
            Member::Colleague { .. } => None,
        }
    }

    fn role_of(&mut self, leg: LegId) -> Role {
        let id = self.id;
        if leg == self.leg {
            return Role::Citizen(id);
        }
        let other = self.others().iter().find(|party| party.leg() == Some(leg)).map(|party| party.id);
        other.map_or(Role::Aside(id), |party| Role::Other(id, party))
    }
}

impl Calls {
    /// One step of a call; what follows from it is done.
    pub(super) fn step<T>(
        &mut self,
        turn: &mut Turn,
        id: InteractionId,
        step: impl FnOnce(&mut Call, &mut Turn) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let call = self.live.get_mut(&id).ok_or(Refusal::NoSuchCall)?;
        let done = step(call, turn)?;
        call.settle(turn);
        Ok(done)
    }

    /// 保持; does nothing if the citizen is held already.
    pub(crate) fn hold(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        self.step(turn, id, |call, turn| call.hold(turn.now))
    }

    /// 拾回; does nothing if the citizen is not held.
    pub(crate) fn retrieve(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        self.step(turn, id, |call, _| call.retrieve())
    }

    /// 切换
    pub(crate) fn swap(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        self.step(turn, id, |call, turn| call.swap(turn.now))
    }

    /// Whether somebody can be called beside the citizen now.
    pub(crate) fn may_call(&mut self, turn: &Turn, id: InteractionId, kind: AsideKind) -> Result<(), Refusal> {
        let limits = turn.plan.limits.functions;
        let call = self.live.get_mut(&id).ok_or(Refusal::NoSuchCall)?;
        let transfers = call.transfers;
        let talking = call.talking()?;
        if talking.aside.is_some() {
            return Err(Refusal::WrongState);
        }
        match kind {
            AsideKind::Transfer if transfers >= limits.max_transfers => Err(Refusal::TooManyTransfers),
            AsideKind::Invite if talking.others.len() >= limits.max_others => Err(Refusal::TooManyParties),
            AsideKind::Consult | AsideKind::Invite | AsideKind::Transfer => Ok(()),
        }
    }

    /// Calls somebody beside the citizen; [`Calls::may_call`] was asked before.
    pub(crate) fn call_aside(&mut self, turn: &mut Turn, id: InteractionId, kind: AsideKind, called: Called) {
        let leg = self.next_leg;
        let Some(call) = self.live.get_mut(&id) else { return };
        let party = PartyId(call.last_party.0 + 1);
        let near = Some(call.leg);
        let Ok(talking) = call.talking() else { return };
        let who = match called {
            Called::Colleague(agent) => Member::Colleague { agent, leg: None },
            Called::Outside(to) => {
                self.next_leg = LegId(leg.0 + 1);
                self.legs.insert(leg, id);
                let ring_ms = turn.plan.limits.functions.aside_ms;
                Member::Outside(Outgoing::begin(turn, leg, to, Caller::default(), ring_ms, near))
            }
        };
        let party = Party { id: party, who, muted: false, since: turn.now };
        let name = party.name(turn);
        let number = party.id;
        match kind {
            AsideKind::Consult | AsideKind::Transfer => _ = talking.held.get_or_insert(turn.now),
            AsideKind::Invite => {}
        }
        talking.aside = Some(Aside { party, kind });
        call.last_party = number;
        call.note(turn, FactKind::AsideBegan { party: number, as_what: kind, name });
        call.settle(turn);
    }

    /// A colleague who was called has accepted; returns for what.
    pub(crate) fn colleague_there(&mut self, turn: &mut Turn, id: InteractionId, agent: AgentId, agent_leg: LegId) -> Option<AsideKind> {
        let call = self.live.get_mut(&id)?;
        let talking = call.talking().ok()?;
        let aside = talking.aside.as_mut()?;
        let Member::Colleague { agent: called, leg } = &mut aside.party.who else { return None };
        if *called != agent {
            return None;
        }
        *leg = Some(agent_leg);
        self.there(turn, id)
    }

    /// Who was called has answered.
    fn there(&mut self, turn: &mut Turn, id: InteractionId) -> Option<AsideKind> {
        let call = self.live.get_mut(&id)?;
        let aside = call.talking().ok()?.aside.as_mut()?;
        aside.party.since = turn.now;
        let (kind, party) = (aside.kind, aside.party.id);
        call.note(turn, FactKind::AsideEnded { party, result: DialResult::Answered });
        // A transfer or an invitation goes on at once: nobody is to hear anything in between.
        if kind == AsideKind::Consult {
            call.settle(turn);
        }
        Some(kind)
    }

    /// 取消, or who was called is not to be had, or has left: the citizen is with the agent.
    pub(crate) fn end_aside(&mut self, turn: &mut Turn, id: InteractionId, result: Option<DialResult>) -> Result<Gone, Refusal> {
        let gone = self.step(turn, id, |call, turn| {
            let aside = call.take_aside().ok_or(Refusal::WrongState)?;
            if let Some(result) = result.filter(|_| !aside.party.is_there()) {
                call.note(turn, FactKind::AsideEnded { party: aside.party.id, result });
            }
            Ok(Gone { party: aside.party, with_citizen: false })
        })?;
        self.forget_party(&gone.party);
        Ok(gone)
    }

    /// 会议: who is consulted takes part in the talk with the citizen.
    pub(crate) fn merge(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        let most = turn.plan.limits.functions.max_others;
        self.step(turn, id, |call, turn| {
            if call.others().len() >= most {
                return Err(Refusal::TooManyParties);
            }
            let party = call.take_consulted()?;
            call.note(turn, FactKind::PartyJoined { party: party.id });
            let talking = call.talking()?;
            (talking.held, talking.aside) = (None, None);
            talking.others.push(party);
            Ok(())
        })
    }

    /// 转接: the citizen goes on with whom is consulted, and with the others.
    pub(crate) fn complete(&mut self, turn: &mut Turn, id: InteractionId) -> Result<HandedOver, Refusal> {
        let most = turn.plan.limits.functions.max_transfers;
        self.step(turn, id, |call, turn| {
            if call.transfers >= most {
                return Err(Refusal::TooManyTransfers);
            }
            let party = call.take_consulted()?;
            call.transfers += 1;
            let from = call.talking()?.agent;
            call.note(turn, FactKind::PartyJoined { party: party.id });
            // The new owner is who was consulted, whoever else takes part.
            call.talking()?.others.insert(0, party);
            call.pass_on(turn);
            Ok(HandedOver { from })
        })
    }

    /// 强接: another agent has the call from now on, on the one's leg; whoever was called is let go.
    pub(crate) fn take_over(
        &mut self,
        turn: &mut Turn,
        id: InteractionId,
        agent: AgentId,
        leg: LegId,
    ) -> Result<(HandedOver, Option<Gone>), Refusal> {
        let taken = self.step(turn, id, |call, turn| {
            let talking = call.talking()?;
            let from = std::mem::replace(&mut talking.agent, agent);
            (talking.agent_leg, talking.since, talking.held) = (leg, turn.now, None);
            let aside = talking.aside.take().map(|aside| Gone { party: aside.party, with_citizen: false });
            let fact = call.ledger.handed_over(turn.now, from, Some(agent));
            call::store_fact(turn, fact);
            Ok((HandedOver { from }, aside))
        })?;
        taken.1.iter().for_each(|gone| self.forget_party(&gone.party));
        Ok(taken)
    }

    /// 退出: the agent leaves a three-way talk.
    pub(crate) fn leave(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(HandedOver, Option<Gone>), Refusal> {
        let left = self.step(turn, id, |call, turn| {
            let talking = call.talking()?;
            if talking.others.is_empty() {
                return Err(Refusal::WrongState);
            }
            let from = talking.agent;
            let aside = talking.aside.take().map(|aside| Gone { party: aside.party, with_citizen: false });
            call.pass_on(turn);
            Ok((HandedOver { from }, aside))
        })?;
        left.1.iter().for_each(|gone| self.forget_party(&gone.party));
        Ok(left)
    }

    /// Somebody does not take part any more. The caller looks whether anybody is left.
    pub(crate) fn drop_party(&mut self, turn: &mut Turn, id: InteractionId, party: PartyId) -> Result<Gone, Refusal> {
        let gone = self.step(turn, id, |call, turn| {
            let gone = call.remove_party(party).ok_or(Refusal::NoSuchTarget)?;
            call.note(turn, FactKind::PartyLeft { party });
            Ok(Gone { party: gone, with_citizen: true })
        })?;
        self.forget_party(&gone.party);
        Ok(gone)
    }

    /// Somebody is not heard any more, or again.
    pub(crate) fn mute_party(&mut self, turn: &mut Turn, id: InteractionId, party: PartyId, muted: bool) -> Result<(), Refusal> {
        self.step(turn, id, |call, _| {
            let found = call.parties().iter_mut().find(|other| other.id == party).ok_or(Refusal::NoSuchTarget)?;
            found.muted = muted;
            Ok(())
        })
    }

    /// 送键: towards who is consulted, else towards the citizen.
    pub(crate) fn press(&mut self, turn: &mut Turn, id: InteractionId, keys: &str) -> Result<(), Refusal> {
        let sound = !keys.is_empty() && keys.len() <= MAX_KEYS && keys.bytes().all(|key| key.is_ascii_digit() || b"*#ABCD".contains(&key));
        let call = self.live.get_mut(&id).ok_or(Refusal::NoSuchCall)?;
        let citizen = call.leg;
        let talking = call.talking()?;
        let consulted = talking.aside.as_ref().filter(|_| talking.held.is_some());
        let leg = match (consulted, talking.held) {
            (Some(aside), _) => aside.party.leg().filter(|_| aside.party.agent().is_none() && aside.party.is_audible()),
            (None, None) => Some(citizen),
            (None, Some(_)) => None,
        };
        let leg = leg.filter(|_| sound).ok_or(Refusal::WrongState)?;
        let of_ours = match talking.aside.as_ref().map(|aside| &aside.party.who) {
            Some(Member::Outside(outgoing)) if outgoing.leg == leg => Some(outgoing.keys()),
            Some(Member::Outside(_) | Member::Colleague { .. }) | None => None,
        };
        let mode = of_ours.unwrap_or_else(|| call.key_mode(turn));
        turn.commands.push_back(Command::press_keys(mode, leg, keys.into()));
        call.note(turn, FactKind::KeysPressed { count: u32::try_from(keys.len()).unwrap_or(u32::MAX) });
        Ok(())
    }

    /// Whose leg of ours that is, if it is one of a live call.
    pub(crate) fn role_of(&mut self, leg: LegId) -> Option<Role> {
        let id = self.legs.get(&leg)?;
        Some(self.live.get_mut(id)?.role_of(leg))
    }

    /// The voice path of a call of ours is there; `false` if it is none.
    pub(super) fn offer_made(&mut self, turn: &mut Turn, leg: LegId, offer: &SessionText) -> bool {
        let outgoing = self.legs.get(&leg).and_then(|id| self.live.get_mut(id)).and_then(|call| call.outgoing(leg));
        outgoing.map(|outgoing| outgoing.media_opened(turn, offer.clone())).is_some()
    }

    /// A call of ours rings.
    pub(crate) fn leg_rings(&mut self, turn: &mut Turn, leg: LegId, early: Option<SessionText>) {
        let Some(call) = self.legs.get(&leg).and_then(|id| self.live.get_mut(id)) else { return };
        if call.outgoing(leg).is_some_and(|outgoing| outgoing.rings(turn, early)) {
            call.settle(turn);
        }
    }

    /// The next trunk of a call of ours wants an offer of its own.
    pub(crate) fn leg_wants_offer(&mut self, turn: &mut Turn, leg: LegId, terms: VoiceTerms) {
        if self.house_wants_offer(turn, leg, terms.clone()) {
            return;
        }
        let Some(call) = self.legs.get(&leg).and_then(|id| self.live.get_mut(id)) else { return };
        if call.outgoing(leg).is_some_and(|outgoing| outgoing.withdraw(terms)) {
            // Whoever heard the trunk that has failed hears it no longer, before its voice path is gone.
            call.settle(turn);
            if let Some(outgoing) = call.outgoing(leg) {
                outgoing.reopen(turn);
            }
        }
    }

    /// A call of ours is answered; returns who that is, unless it is no news.
    pub(crate) fn leg_answered(&mut self, turn: &mut Turn, leg: LegId, answer: Option<SessionText>) -> Option<Reached> {
        let id = *self.legs.get(&leg)?;
        let call = self.live.get_mut(&id)?;
        let outgoing = call.outgoing(leg)?;
        if !outgoing.answered(turn, answer) {
            return None;
        }
        let keys = outgoing.keys();
        if leg == call.leg {
            call.keys = Some(keys);
            Some(Reached::Citizen(id))
        } else if matches!(call.stage, Stage::Guided(_)) {
            self.onward_answered(turn, id).is_ok().then_some(Reached::Onward(id))
        } else {
            Some(Reached::Aside(id, self.there(turn, id)?))
        }
    }

    /// Whether a citizen is being called who has not answered yet.
    pub(crate) fn is_dialling(&self, interaction: InteractionId) -> bool {
        self.get(interaction).is_some_and(|call| matches!(call.stage, Stage::Dialling(_)))
    }

    /// Whether the INVITE of a call of ours has not gone out, for its deadline.
    pub(crate) fn is_opening(&mut self, leg: LegId) -> bool {
        let outgoing = self.legs.get(&leg).and_then(|id| self.live.get_mut(id)).and_then(|call| call.outgoing(leg));
        outgoing.is_some_and(|outgoing| !outgoing.is_placed())
    }

    /// A number for one more leg of ours.
    pub(crate) fn new_leg(&mut self) -> LegId {
        let leg = self.next_leg;
        self.next_leg = LegId(leg.0 + 1);
        leg
    }

    /// The phone of the agent who dials was answered: the citizen is called now. `false` if nobody is to be called.
    pub(crate) fn dial_on(&mut self, turn: &mut Turn, interaction: InteractionId, agent_leg: LegId) -> bool {
        let Some(call) = self.live.get_mut(&interaction) else { return false };
        let Stage::Dialling(dialling) = &mut call.stage else { return false };
        dialling.agent_leg = agent_leg;
        dialling.out.start(turn, Some(agent_leg));
        call.settle(turn);
        true
    }

    pub(super) fn forget_party(&mut self, party: &Party) {
        if let Member::Outside(outgoing) = &party.who {
            self.legs.remove(&outgoing.leg);
        }
    }
}
