//! The invariants, each an assertion with its number in its name and in its message. They read the watcher's books and change nothing
//! but what is derived from them.

use crate::agents::{AgentSeen, Choice, in_call};
use crate::calls::CallSeen;
use crate::door::Meets;
use crate::rank;
use crate::watch::{KeyEffect, OfferSeen, Watch};
use call_core::input::AgentAction;
use call_core::ledger::{Counters, InteractionRecord, LastAgentOutcome, OverflowCause, WaitRange};
use call_core::plan::{Exit, Membership, SkillId, Strategy};
use call_core::{Core, Input};
use shared::model::{AgentId, AgentState, Direction, EndReason, InteractionId, NotReadyReason, QueueId, Refusal, Side, Track};
use std::collections::{BTreeMap, BTreeSet};

impl Watch {
    /// 2.1, 1-11, 2.4: what a new call meets is what the rules say, on one picture of all states.
    pub(crate) fn the_door_decides_as_the_rules_say(&mut self) {
        let (Some(interaction), Some(meets)) = (self.step.opened, self.step.meets) else { return };
        let call = &self.calls[&interaction];
        let met = match (call.turned, call.ended) {
            (Some((reason, _)), _) => Meets::Text(reason),
            (None, Some((reason, Side::Server, _))) => Meets::Refused(reason),
            (None, _) => Meets::Line(call.bound_for.expect("bound for a queue"), call.moves),
        };
        assert!(!self.alone || met == meets, "I-25, 1-11: {interaction} met {met:?}, and should have met {meets:?}");
        if matches!(met, Meets::Line(..)) && !call.probe {
            self.let_in.push_back(self.now);
            if self.let_in.len() > 64 {
                self.let_in.pop_front();
            }
        }
        if let Meets::Refused(_) = met {
            self.with_call(interaction, |call| call.refused = true);
        }
    }

    /// I-23: a key counts whatever is played, as long as no desk rings.
    pub(crate) fn i23_a_key_works_whatever_is_played(&mut self) {
        let Some((interaction, effect)) = self.step.key.filter(|_| self.alone) else { return };
        let call = &self.calls[&interaction];
        let met = match (call.turned.is_some() || call.ended.is_some(), call.queue) {
            (true, _) => KeyEffect::Leaves,
            (false, Some(queue)) if self.step.moved.contains(&interaction) => KeyEffect::Moves(queue),
            (false, _) => KeyEffect::Nothing,
        };
        // A queue that it goes to may send it on at once.
        let on = matches!((effect, met), (KeyEffect::Moves(_), KeyEffect::Moves(_) | KeyEffect::Leaves)) && call.moves > 1;
        let sent_on = effect == KeyEffect::Nothing && !self.step.unstaffed.is_empty();
        assert!(met == effect || on || sent_on, "I-23: a key of {interaction} did {met:?} instead of {effect:?}");
        self.tally("a key was pressed while waiting");
    }

    /// I-19, I-39: a new plan ends no live call, but for the lines that nobody may answer any more, and changes no total.
    pub(crate) fn i19_i39_a_new_plan_ends_no_call_and_changes_no_total(&self, core: &Core) {
        let Some(counters) = self.step.counters.filter(|_| self.alone) else { return };
        let mut turned_away = 0;
        for interaction in &self.step.lived {
            let call = &self.calls[interaction];
            if let Some((reason, ..)) = call.ended {
                let by_rule = matches!(
                    reason,
                    EndReason::NobodySignedIn | EndReason::AllNotReady | EndReason::AgentLost | EndReason::CallbackPromised
                );
                assert!(by_rule, "I-19: {interaction} was ended by a new plan: {reason:?}");
                turned_away += 1;
            }
        }
        let same = core.snapshot(self.reading()).counters;
        assert!(same == counters || turned_away > 0, "I-39: a new plan changed the totals from {counters:?} to {same:?}");
    }

    /// I-20: identity is an id: whoever a new plan no longer names, or names otherwise, is still signed in, and whoever waits still waits.
    pub(crate) fn i20_who_is_gone_from_the_plan_is_still_there(&self) {
        if !self.alone || !matches!(self.step.input, Some(Input::PlanChanged(_))) {
            return;
        }
        for agent in &self.step.seated {
            assert!(self.agents.contains_key(agent), "I-20: {agent} was lost by a new plan");
        }
    }

    /// I-33: whoever's state changed is shown it by the same input.
    pub(crate) fn i33_every_change_of_state_is_shown_at_once(&self) {
        for agent in &self.step.changed {
            let Some(seen) = self.agents.get(agent) else { continue };
            let fleeting = seen.last_interval_was_empty();
            assert!(self.step.shown.contains(agent) || fleeting, "I-33: {agent} is not shown the new state");
        }
    }

    /// 1-7: no more than the limit are away for one reason; a free place goes to whoever waits for it, in order; everybody is told when
    /// it lasts too long.
    pub(crate) fn breaks_have_their_places_and_their_order(&mut self) {
        if let (Some(place), Some(Input::AgentAsked { action, .. })) = (self.step.has_place.filter(|_| self.alone), &self.step.input) {
            let full = self.step.refused == Some(Refusal::ReasonFull);
            let asks = matches!(action, AgentAction::GoNotReady(_));
            assert!(full == (asks && !place), "1-7: a reason is refused as full: {full}, and has a place free: {place}");
        }
        let held: Vec<(AgentId, NotReadyReason)> = self.holders().collect();
        for (reason, rule) in self.plan.reasons.iter().filter(|(_, rule)| rule.max_agents > 0) {
            // What a supervisor sets may be more than the limit.
            if matches!(self.step.input, Some(Input::AgentAsked { action: AgentAction::Supervise(..), .. })) {
                continue;
            }
            let count = held.iter().filter(|(_, held)| held == reason).count();
            let before = self.held.get(reason).copied().unwrap_or(0);
            assert!(count <= rule.max_agents.max(before), "1-7: {count} agents are away for {reason:?}");
        }
        let mut ahead: BTreeMap<NotReadyReason, Vec<u32>> = BTreeMap::new();
        for (agent, seen) in &self.agents {
            seen.a_break_that_is_too_long_is_told(*agent, self.now);
            let Some(awaits) = seen.desk.as_ref().and_then(|desk| desk.awaits) else { continue };
            ahead.entry(awaits.reason).or_default().push(awaits.ahead);
            let forced = [NotReadyReason::Locked, NotReadyReason::NoAnswer, NotReadyReason::System].map(AgentState::NotReady);
            let can = !matches!(seen.state(), AgentState::Offered | AgentState::Lost) && !forced.contains(&seen.state());
            let fleeting = self.step.changed.contains(agent) || self.step.offers.iter().any(|offer| offer.agent == *agent);
            assert!(!can || fleeting || !self.has_place(awaits.reason, *agent), "1-7: {agent} waits for a place that is free");
        }
        for (reason, mut places) in ahead {
            places.sort_unstable();
            assert!(places.iter().zip(0..).all(|(place, rank)| *place == rank), "1-7: places in line for {reason:?}: {places:?}");
        }
        self.held.clear();
        for (_, reason) in held {
            *self.held.entry(reason).or_insert(0) += 1;
        }
    }

    /// Who has a place in a reason of 示忙, those included who chose it to follow a talk that is moving from desk to desk.
    fn holders(&self) -> impl Iterator<Item = (AgentId, NotReadyReason)> {
        let seated = self.agents.iter().filter_map(|(agent, seen)| Some((*agent, seen.reason()?)));
        let arriving = self.arriving.keys().filter_map(|agent| match self.ranks.get(agent)?.1 {
            Choice::NotReady(reason) if self.talks(*agent) => Some((*agent, reason)),
            Choice::NotReady(_) | Choice::Ready | Choice::SignOut => None,
        });
        seated.chain(arriving)
    }

    /// Whether one more agent may have this reason.
    pub(crate) fn has_place(&self, reason: NotReadyReason, agent: AgentId) -> bool {
        let most = self.plan.reasons.get(&reason).map_or(0, |rule| rule.max_agents);
        most == 0 || self.holders().filter(|(who, held)| *who != agent && *held == reason).count() < most
    }

    fn talks(&self, agent: AgentId) -> bool {
        self.unsaved().any(|call| call.has(agent))
    }

    /// 1-8: exactly one outcome per wait of a number that somebody has served, and no longer a wait for that agent than the rule allows.
    pub(crate) fn last_agents_are_asked_first_and_each_wait_has_one_outcome(&self) {
        for call in self.unsaved() {
            let Some(seeks) = call.seeks else { continue };
            let over = call.owner().is_some() || call.ended.is_some() || call.turned.is_some();
            assert!(!over || seeks.outcome.is_some(), "1-8: the wait of {} is over and has no outcome", call.interaction);
            if let Some((agent, _)) = call.parties.owner.filter(|_| self.step.served.contains(&call.interaction)) {
                let right = match seeks.outcome {
                    Some(LastAgentOutcome::Hit) => agent == seeks.agent,
                    Some(LastAgentOutcome::AnsweredByOther) => agent != seeks.agent,
                    _ => true,
                };
                assert!(right, "1-8: {} is said to be {:?} with {agent}", call.interaction, seeks.outcome);
            }
            let held = call.decision.as_ref().and_then(|decision| decision.held_for).filter(|_| call.waits());
            assert!(held.is_none() || held == call.held_for(self.now), "1-8: {} is held for {held:?} for too long", call.interaction);
        }
    }

    /// 1-9: the list of all agents shows everybody who is signed in, and as their desks do.
    pub(crate) fn the_list_of_all_agents_has_no_stale_row(&self, core: &Core) {
        assert_eq!(self.floor.rows.len(), self.agents.len(), "1-9: the list shows {:?}", self.floor.rows.keys());
        for (agent, seen) in &self.agents {
            let row = self.floor.rows.get(agent).expect("1-9: somebody signed in is on the list");
            assert_eq!((row.state, row.connected), (seen.state(), seen.connected), "1-9: the row of {agent} is stale");
            let busy = in_call(row.state) || row.state == AgentState::Offered;
            assert!(row.partner.is_some() == busy || row.state == AgentState::Lost, "1-9: the partner in the row of {agent} is stale");
        }
        assert!(core.floor().version == self.floor.version, "1-9: a change of the list was not told");
    }

    /// 2.1: a text ends, by itself or in time.
    pub(crate) fn texts_end_in_time(&self) {
        for call in self.unsaved().filter(|call| call.hears_text()) {
            let (_, since) = call.turned.expect("it hears a text");
            let limits = &self.plan.limits;
            let limit = since.plus(if call.speaks { limits.farewell_ms.max(self.longest_text_ms) } else { limits.media_open_ms });
            assert!(self.now < limit, "I-4: {} hears a text for too long", call.interaction);
        }
    }

    /// 2.1: the position counts only citizens who are served before; the waiting time rises by one step at most, and is silent when unsure.
    pub(crate) fn foretold(&mut self, interaction: InteractionId, ahead: u32, expected_ms: Option<u64>, told: Option<WaitRange>) {
        let call = &self.calls[&interaction];
        assert!(call.waits(), "2.1: {interaction} is told something while a desk rings or somebody talks");
        assert!(told.is_none() || expected_ms.is_some(), "2.1: {interaction} is told a waiting time that nobody knows");
        let plan = |call: &CallSeen| &self.plan.queues[&call.queue.expect("waits in a queue")];
        let before = |other: &&CallSeen| other.waiting_since.is_some() && other.goes_before(plan(other), call, plan(call), self.now);
        let at_most = self.unsaved().filter(|other| !other.probe && other.ended.is_none()).filter(before).count();
        assert!(ahead as usize <= at_most, "2.1: {interaction} is told of {ahead} before it, and there are {at_most}");
        let mine = |other: &&CallSeen| other.queue == call.queue;
        let at_least = self.unsaved().filter(|other| !other.probe && other.ended.is_none()).filter(before).filter(mine).count();
        assert!(at_least <= ahead as usize, "2.1: {interaction} is told of {ahead} before it, and {at_least} of its queue are");
        let least = told.map(|range| range.least_minutes);
        if let (Some(last), Some(least)) = (call.told_least, least) {
            let ladder = [0, 1, 2, 3, 5, 8, 12, 20, 30];
            let place = |minutes| ladder.iter().position(|step| *step == minutes).expect("2.1: a step of the ladder");
            assert!(place(least) <= place(last) + 1, "2.1: {interaction} is told {least} minutes after {last}");
        }
        let call = self.calls.get_mut(&interaction).expect("as before");
        (call.told_at, call.told_least) = (Some(self.now), least.or(call.told_least));
        self.tally("foretold");
    }

    /// I-22: texts for those who wait go on for as long as the wait, whatever rings, is cut or is changed in between.
    pub(crate) fn i22_texts_go_on_as_long_as_the_wait(&mut self) {
        let changed = matches!(self.step.input, Some(Input::PlanChanged(_)));
        let (now, longest_text_ms) = (self.now, self.plan.limits.farewell_ms.max(self.longest_text_ms));
        for interaction in &self.open {
            let call = self.calls.get_mut(interaction).expect("an open call");
            if !call.waits() || call.absent || changed || call.is_asked(now, longest_text_ms) {
                call.unheard_since = now;
                continue;
            }
            let rules = &self.plan.queues[&call.queue.expect("waits in a queue")].announcements;
            let pause_ms = if call.told_at.is_some() { rules.every_ms } else { rules.first_ms };
            let says = rules.position || !rules.comfort.is_empty();
            if rules.first_ms == 0 || pause_ms == 0 || !says {
                continue;
            }
            let since = call.unheard_since.max(call.told_at.unwrap_or(call.unheard_since));
            // One that is still heard puts the next one off.
            let limit = since.plus(rules.first_ms.max(pause_ms) + longest_text_ms + rules.first_ms.max(pause_ms));
            assert!(now < limit, "I-22: {} has heard no text since {since:?}", call.interaction);
        }
    }

    pub(crate) fn i1_an_agent_holds_one_offer_or_call(&self) {
        let mut held = BTreeMap::new();
        for call in self.unsaved() {
            let asked = call.parties.asked.map(|(agent, _)| agent);
            for agent in call.ringing.iter().copied().chain(asked).chain(call.dialling).chain(call.parties.agents()) {
                *held.entry(agent).or_insert(0) += 1;
            }
        }
        assert!(held.values().all(|count| *count <= 1), "I-1: {held:?}");
    }

    pub(crate) fn i2_an_old_offer_changes_nothing(&self) {
        if self.alone && self.step.stale {
            assert_eq!((self.step.refused, self.step.commands), (Some(Refusal::OfferGone), 1), "I-2: an old offer did something");
        }
        let wish = self.step.input.as_ref();
        if let Some(Input::AgentAsked { action: AgentAction::Accept(_) | AgentAction::Reject(_), .. }) = wish
            && self.alone
            && self.step.expects_answer
            && !self.step.stale
        {
            assert_eq!(self.step.refused, None, "I-2: a live offer was refused");
        }
    }

    pub(crate) fn i3_no_desk_shows_a_call_that_is_gone(&self) {
        for (agent, seen) in &self.agents {
            let Some(desk) = &seen.desk else { continue };
            if let Some(view) = &desk.offer {
                let call = &self.calls[&view.call.interaction];
                let rings = call.ringing.contains(agent) || call.parties.asked.is_some_and(|(asked, _)| asked == *agent);
                assert!(rings && call.ended.is_none(), "I-3: a desk rings for nobody");
            }
            if let Some(view) = &desk.call {
                assert!(self.calls[&view.interaction].has(*agent), "I-3: a desk shows a talk that is over");
            }
        }
    }

    pub(crate) fn i4_transient_states_have_a_deadline(&self, core: &Core) {
        let transient = |seen: &AgentSeen| matches!(seen.state(), AgentState::Offered | AgentState::WrapUp | AgentState::Lost);
        if self.agents.values().any(transient) || self.unsaved().any(CallSeen::closing) {
            assert!(core.next_deadline().is_some(), "I-4: a transient state without a deadline");
        }
        for (agent, seen) in &self.agents {
            assert_eq!(seen.state() == AgentState::Offered, self.rings(*agent), "I-4: state and reservation of {agent} differ");
            let away = !seen.connected && seen.state() != AgentState::Lost;
            let over = self.now >= seen.gone_since.plus(self.plan.limits.grace_ms);
            assert!(!(away && over), "I-4: {agent} is gone for too long and not lost");
            let deaf = seen.state() == AgentState::Ready && seen.connected && !seen.reachable;
            let long = self.now >= seen.back_since.plus(self.plan.limits.media_open_ms);
            assert!(!(deaf && long), "I-29, I-36: {agent} looks ready but has no voice");
        }
    }

    pub(crate) fn rings(&self, agent: AgentId) -> bool {
        let asked = |call: &CallSeen| call.parties.asked.is_some_and(|(asked, _)| asked == agent);
        self.unsaved().any(|call| call.ringing.contains(&agent) || asked(call))
    }

    pub(crate) fn i5_desks_and_connected_legs_agree(&self) {
        for call in self.unsaved() {
            for agent in call.parties.agents() {
                let here = |state| in_call(state) || state == AgentState::Lost;
                let there = self.agents.get(&agent).is_some_and(|seen| here(seen.state()));
                assert!(there || self.arriving.contains_key(&agent), "I-5: {agent} is joined but not talking");
            }
        }
        for (agent, seen) in &self.agents {
            let joined = self.unsaved().any(|call| call.has(*agent));
            assert!(!in_call(seen.state()) || joined, "I-5: {agent} is shown in a call without one");
            let shown = seen.desk.as_ref().is_some_and(|desk| desk.call.is_some());
            assert_eq!(shown, joined, "I-5: the desk of {agent} and its legs differ");
        }
    }

    pub(crate) fn i6_i7_no_waiting_call_beside_an_eligible_agent(&self) {
        for call in self.unsaved().filter(|call| call.waits()) {
            for (agent, seen) in &self.agents {
                let may = seen.eligible() && self.may_be_asked(call, *agent);
                assert!(!may, "I-6, I-7: {} waits although {agent} is eligible", call.interaction);
            }
        }
        // The queue of who hears the last words may be gone already.
        let waits = self.unsaved().filter(|call| call.turned.is_none() && call.ended.is_none());
        for call in waits.filter(|call| call.queue.is_some_and(|queue| call.wants_more(self.strategy(queue), self.now))) {
            for (agent, seen) in &self.agents {
                let may = seen.eligible() && self.may_be_asked(call, *agent);
                assert!(!may, "I-6, I-7: {agent} does not ring for {} beside the others", call.interaction);
            }
        }
    }

    pub(crate) fn may_be_asked(&self, call: &CallSeen, agent: AgentId) -> bool {
        if call.held_for(self.now).is_some_and(|held| held != agent) {
            return false;
        }
        self.in_reach(call, agent) && (!call.excludes(agent, self.now) || self.sole(call))
    }

    /// Serves the queue, in a tier that is open, with the skills that are asked for after this wait.
    pub(crate) fn in_reach(&self, call: &CallSeen, agent: AgentId) -> bool {
        let Some(queue) = call.queue.filter(|queue| self.serves(agent, *queue)) else { return false };
        let plan = &self.plan.queues[&queue];
        let tier = self.membership(agent, queue).tier;
        let waited_ms = call.waited_ms(self.now);
        (!plan.tiers.contains_key(&tier) || tier <= call.open_tier)
            && plan.needs.iter().all(|need| {
                let late = need.relaxed.iter().filter(|step| waited_ms >= step.after_ms).map(|step| step.minimum).min();
                self.level(agent, need.skill) >= need.minimum.min(late.unwrap_or(9))
            })
    }

    pub(crate) fn level(&self, agent: AgentId, skill: SkillId) -> u8 {
        self.plan.agents.get(&agent).and_then(|plan| plan.skills.get(&skill)).copied().unwrap_or(0)
    }

    /// Skills asked for, then skills to spare; the same for all if the queue asks for none.
    pub(crate) fn fit(&self, queue: QueueId, agent: AgentId) -> (u32, i64) {
        let needs = &self.plan.queues[&queue].needs;
        if needs.is_empty() {
            return (0, 0);
        }
        let levels = needs.iter().map(|need| u32::from(self.level(agent, need.skill))).sum();
        let skills = self.plan.agents.get(&agent).map(|plan| plan.skills.keys().copied().collect::<BTreeSet<_>>()).unwrap_or_default();
        let asked: BTreeSet<SkillId> = needs.iter().map(|need| need.skill).collect();
        (levels, -i64::try_from(skills.difference(&asked).count()).expect("few skills"))
    }

    pub(crate) fn open_tiers(&mut self) {
        let now = self.now;
        for interaction in &self.open {
            let call = &self.calls[interaction];
            let Some(queue) = call.queue.filter(|_| call.waiting_since.is_some()) else { continue };
            let nobody_below = |tier: u8| {
                let below = |agent: &AgentId| self.serves(*agent, queue) && self.membership(*agent, queue).tier < tier;
                !self.agents.keys().any(below)
            };
            let open = self.plan.queues[&queue].tiers.iter().filter(|(tier, ms)| call.waited_ms(now) >= **ms || nobody_below(**tier));
            let highest = open.map(|(tier, _)| *tier).max().unwrap_or(0);
            let call = self.calls.get_mut(interaction).expect("an open call");
            call.open_tier = call.open_tier.max(highest);
        }
    }

    pub(crate) fn strategy(&self, queue: QueueId) -> Strategy {
        self.plan.queues[&queue].strategy
    }

    pub(crate) fn membership(&self, agent: AgentId, queue: QueueId) -> Membership {
        self.plan.agents.get(&agent).and_then(|plan| plan.memberships.get(&queue)).copied().unwrap_or_default()
    }

    pub(crate) fn serves(&self, agent: AgentId, queue: QueueId) -> bool {
        self.plan.agents.get(&agent).is_some_and(|plan| plan.queues.contains(&queue))
    }

    pub(crate) fn sole(&self, call: &CallSeen) -> bool {
        self.agents.iter().filter(|(agent, seen)| seen.at_work() && self.in_reach(call, **agent)).count() == 1
    }

    pub(crate) fn i17_recordings_only_with_audio(&self) {
        for interaction in &self.step.prepared {
            let leg = self.calls[interaction].leg;
            assert!(self.step.connected.contains(&leg), "I-17: a recording without connected audio");
        }
    }

    pub(crate) fn i24_the_limit_of_waiting_holds_and_never_cuts_an_offer(&self) {
        for call in self.unsaved().filter(|call| call.waits()) {
            assert!(call.limit.is_none_or(|limit| self.now < limit), "I-24: {} waits beyond its limit", call.interaction);
        }
    }

    pub(crate) fn i25_i36_only_reachable_agents_are_offered(&self) {
        for OfferSeen { agent, .. } in &self.step.offers {
            let seen = &self.agents[agent];
            assert!(seen.connected && seen.reachable, "I-25, I-36: {agent} is offered a call but cannot be reached");
        }
    }

    pub(crate) fn i28_who_rejected_is_not_asked_again_unless_sole(&self) {
        for OfferSeen { interaction, agent, .. } in &self.step.offers {
            let call = &self.calls[interaction];
            assert!(!call.excludes(*agent, self.now) || self.sole(call), "I-28: {agent} is asked again for {interaction}");
        }
    }

    /// A talk that stops while the call lives on has lost its agent for long enough, or for good.
    pub(crate) fn i32_a_short_loss_never_ends_a_talk(&self) {
        for (interaction, agent) in self.step.parted.iter().filter(|(interaction, _)| self.calls[interaction].ended.is_none()) {
            let Some(seen) = self.agents.get(agent).filter(|_| !self.step.explained.contains(agent)) else { continue };
            let gone = !seen.connected && self.now >= seen.gone_since.plus(self.plan.limits.lost_call_ms);
            assert!(gone, "I-32: {interaction} was taken from {agent}, who is not lost");
        }
    }

    /// Agents who could have had the offer: those still eligible, and those who got a later one of the same input.
    pub(crate) fn i40_the_strategy_of_the_queue_decides(&self) {
        for (index, offer) in self.step.offers.iter().enumerate() {
            let call = &self.calls[&offer.interaction];
            let later: BTreeSet<AgentId> = self.step.offers[index..].iter().map(|offer| offer.agent).collect();
            let rivals = self.agents.iter().filter(|(agent, seen)| seen.eligible() || later.contains(agent));
            let rivals = rivals.filter(|(agent, _)| self.may_be_asked(call, **agent));
            if self.is_asked_first(call, offer, rivals.clone().map(|(agent, _)| *agent)) {
                continue;
            }
            let best = rivals.clone().map(|(agent, _)| self.fit(offer.queue, *agent)).max();
            let rivals = rivals.filter(|(agent, _)| Some(self.fit(offer.queue, **agent)) == best);
            let rivals = rivals.map(|(agent, seen)| rank::Rival {
                agent: *agent,
                idle_ms: seen.idle_ms(self.now),
                occupancy: seen.occupancy(self.now),
                membership: self.membership(*agent, offer.queue),
            });
            let lawful = rank::lawful(self.strategy(offer.queue), offer.last, &rivals.collect::<Vec<_>>());
            assert!(lawful.contains(&offer.agent), "I-40: {} is offered {}, not one of {lawful:?}", offer.agent, offer.interaction);
        }
    }

    /// 1-8: the last agent goes before every strategy. Returns whether it is the one who is asked.
    fn is_asked_first(&self, call: &CallSeen, offer: &OfferSeen, mut rivals: impl Iterator<Item = AgentId>) -> bool {
        let Some(seeks) = call.seeks.filter(|_| offer.first) else { return false };
        // An outcome that came with this step may be older than the offer.
        let sought = seeks.outcome.is_none() || (seeks.outcome == Some(LastAgentOutcome::Hit) && seeks.agent == offer.agent);
        let free = rivals.any(|agent| agent == seeks.agent);
        assert!(!sought || !free || offer.agent == seeks.agent, "1-8: {} is offered {}, not the last agent", offer.agent, call.interaction);
        sought && offer.agent == seeks.agent
    }

    /// Calls that could have been offered instead: those that still wait, and those offered later by the same input.
    pub(crate) fn i41_calls_are_offered_in_order_of_rank(&self) {
        for (index, offer) in self.step.offers.iter().enumerate() {
            let call = &self.calls[&offer.interaction];
            let plan = |call: &CallSeen| &self.plan.queues[&call.queue.expect("waits in a queue")];
            let later = self.step.offers[index + 1..].iter().filter(|other| other.first).map(|other| &self.calls[&other.interaction]);
            let passed_over = self.unsaved().filter(|call| call.waits()).chain(later);
            let before = |other: &&CallSeen| !offer.first || other.goes_before(plan(other), call, plan(call), self.now);
            for other in passed_over.filter(before) {
                assert!(!self.may_be_asked(other, offer.agent), "I-41: {} overtakes {}", offer.interaction, other.interaction);
            }
        }
    }

    pub(crate) fn every_wish_has_one_answer(&self) {
        let asked = self.step.expects_answer && self.alone;
        assert!(!asked || self.step.answers == 1, "a wish got {} answers", self.step.answers);
    }

    pub(crate) fn every_ended_call_is_saved_in_time(&self) {
        for call in self.unsaved().filter(|call| call.closing()) {
            let (_, _, ended) = call.ended.expect("closing is after the end");
            let closed = call.recordings.get(&Track::Main).is_some_and(|main| main.finished_by_recorder > 0);
            assert!(!closed, "a record waits although its recording is closed");
            assert!(self.now < ended.plus(10_000), "a record waits for ever for its recording");
        }
    }

    /// Every INVITE has one record, and the totals are those of the records (I-9, I-12).
    pub(crate) fn conservation(&self, core: &Core) {
        let unsaved: Vec<_> = self.calls.values().filter(|call| call.saves != 1).map(|call| call.interaction).collect();
        assert!(unsaved.is_empty(), "I-12: without exactly one record: {unsaved:?}");
        let all = |test: &dyn Fn(&&InteractionRecord) -> bool| self.records.iter().filter(test).count() as u64;
        let count = |test: &dyn Fn(&&InteractionRecord) -> bool| all(&|r| !r.probe && r.direction == Direction::Inbound && test(r));
        let ours = |back: bool| all(&|r| r.direction == Direction::Outbound && r.callback.is_some() == back);
        let reached = |back: bool| all(&|r| r.direction == Direction::Outbound && r.callback.is_some() == back && r.answered_by_agent);
        let queued = count(&|r| r.queue.is_some());
        let answered = count(&|r| r.answered_by_agent);
        let abandoned = count(&|r| r.queue.is_some() && !r.answered_by_agent && r.reason == EndReason::Abandoned);
        let timed_out = count(&|r| !r.answered_by_agent && r.reason == EndReason::QueueTimeout);
        let turned_away =
            count(&|r| r.queue.is_some() && !r.answered_by_agent && matches!(r.reason, EndReason::NobodySignedIn | EndReason::AllNotReady));
        let promised = count(&|r| r.queue.is_some() && !r.answered_by_agent && r.reason == EndReason::CallbackPromised);
        let lost = queued - answered - abandoned - timed_out - turned_away - promised;
        let refused = self.invites - queued;
        let blocked = count(&|r| r.reason == EndReason::Blocked);
        let expected = Counters {
            finished: self.invites,
            refused,
            blocked,
            queued,
            answered,
            abandoned,
            timed_out,
            turned_away,
            promised,
            lost,
            callbacks: ours(true),
            called_back: reached(true),
            outbound: ours(false),
            reached: reached(false),
        };
        let counters = core.snapshot(self.reading()).counters;
        assert_eq!(counters, expected, "I-9: totals differ from the records");
        for call in self.calls.values() {
            for recording in call.recordings.values() {
                assert_eq!(recording.attached, recording.finished_by_recorder, "I-15: a closed recording is not attached");
            }
        }
    }

    /// Why nobody can answer in a queue.
    pub(crate) fn unstaffed(&self, queue: QueueId) -> Option<OverflowCause> {
        let arriving = self.arriving.keys().any(|agent| self.serves(*agent, queue));
        let mut serving = self.agents.iter().filter(|(agent, _)| self.serves(**agent, queue)).peekable();
        if serving.peek().is_none() && !arriving {
            return Some(OverflowCause::NobodySignedIn);
        }
        let at_work = |seen: &AgentSeen| !matches!(seen.state(), AgentState::NotReady(_) | AgentState::Lost);
        (!arriving && !serving.any(|(_, seen)| at_work(seen))).then_some(OverflowCause::AllNotReady)
    }

    pub(crate) fn i25_nobody_waits_where_nobody_may_answer(&self) {
        for (queue, cause) in &self.step.unstaffed {
            assert_eq!(self.unstaffed(*queue), Some(*cause), "I-25: a call left {queue} for a cause that is not true");
        }
        for call in self.unsaved().filter(|call| call.waits() && !call.absent) {
            let queue = call.queue.expect("waits in a queue");
            let rules = self.plan.queues[&queue].overflow.clone();
            let exit = self.unstaffed(queue).and_then(|cause| match cause {
                OverflowCause::NobodySignedIn => rules.nobody_signed_in,
                OverflowCause::AllNotReady => rules.all_not_ready,
                OverflowCause::Full | OverflowCause::Timeout | OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => {
                    None
                }
            });
            let leaves = matches!(exit, Some(Exit::Refuse | Exit::CallBack));
            assert!(!leaves, "{} waits although nobody may answer in {queue}", call.interaction);
        }
    }

    pub(crate) fn every_decision_names_everybody_once_and_every_wait_has_one(&self) {
        for (interaction, decision) in &self.step.decided {
            let serving: BTreeSet<AgentId> = self.agents.keys().copied().filter(|agent| self.serves(*agent, decision.queue)).collect();
            let named: Vec<AgentId> =
                decision.candidates.iter().map(|one| one.agent).chain(decision.passed_over.iter().map(|one| one.agent)).collect();
            let different: BTreeSet<AgentId> = named.iter().copied().collect();
            assert_eq!(different.len(), named.len(), "explain: somebody is named twice for {interaction}");
            assert!(different.is_subset(&serving), "explain: somebody is named for {interaction} who does not serve it");
            assert_eq!(named.len() + decision.left_out, serving.len(), "explain: not everybody is named for {interaction}");
            assert_eq!(
                decision.asked,
                decision.asked.and(decision.candidates.first().map(|one| one.agent)),
                "explain: the asked one first"
            );
            assert!(
                decision.asked.is_some() || decision.candidates.is_empty() || decision.held_for.is_some(),
                "explain: {interaction} waits though somebody could be asked"
            );
            assert_eq!(decision.waited_ms, self.calls[interaction].waited_ms(self.now), "explain: the wait of {interaction}");
        }
        for call in self.unsaved().filter(|call| call.waits()) {
            assert!(call.decision.is_some(), "explain: {} waits for no reason", call.interaction);
        }
    }

    pub(crate) fn i29_a_miss_has_the_effect_of_its_rule(&self) {
        for (agent, over) in &self.step.missed {
            let Some(seen) = self.agents.get(agent) else { continue };
            let forced = seen.state() == AgentState::NotReady(NotReadyReason::NoAnswer);
            let asked = matches!(self.step.input, Some(Input::AgentAsked { agent: who, .. }) if who == *agent);
            assert!(*over || !forced, "I-29: {agent} is not ready after a miss that should not count");
            assert!(!*over || forced || asked, "I-29: {agent} is {:?} after a miss", seen.state());
        }
    }
}
