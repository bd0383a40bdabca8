//! The second opinion: watches inputs and commands, keeps plain books of its own and asserts the invariants after every input.
//!
//! It never asks the core what it thinks, except for its deadlines, its totals and whether it is at rest. Each assertion carries
//! the number of its invariant in its name and in its message.

use crate::agents::{AgentSeen, Choice, Rank};
use crate::calls::CallSeen;
use crate::{rank, world};
use call_core::command::{AgentCommand, MediaCommand, RecordingCommand, SessionEnd, SipCommand, StoreCommand};
use call_core::input::AgentAction;
use call_core::ledger::{Counters, Decision, Fact, FactKind, InteractionRecord, OfferEnd, OverflowCause};
use call_core::plan::{Exit, Membership, Plan, SkillId, Strategy};
use call_core::{Command, Core, Input, Reason, Time};
use shared::model::{AgentId, AgentState, Desk, EndReason, InteractionId, LegId, NotReadyReason, QueueId, Refusal, SessionId, Side};
use std::collections::{BTreeMap, BTreeSet};

/// The watcher's books.
pub(crate) struct Watch {
    plan: Plan,
    now: Time,
    /// Deadlines fired just before: what follows is the doing of the input alone.
    pub(crate) alone: bool,
    calls: BTreeMap<InteractionId, CallSeen>,
    /// Calls without a record.
    open: BTreeSet<InteractionId>,
    legs: BTreeMap<LegId, InteractionId>,
    agents: BTreeMap<AgentId, AgentSeen>,
    /// The newest sign-in attempt of each agent.
    arriving: BTreeMap<AgentId, SessionId>,
    /// The leg that media was asked to open for each agent.
    agent_legs: BTreeMap<AgentId, LegId>,
    /// What is carried from session to session, and when the last one ended.
    ranks: BTreeMap<AgentId, (Rank, Choice, Time)>,
    /// Per queue: the place of the member who was offered a call last.
    last_offered: BTreeMap<QueueId, (u32, AgentId)>,
    stopped: bool,
    invites: u64,
    records: Vec<InteractionRecord>,
    /// How often what happened: proof that the worlds are not too quiet.
    pub(crate) tallies: BTreeMap<&'static str, u64>,
    step: Step,
}

/// What one input brought about.
#[derive(Default)]
struct Step {
    input: Option<Input>,
    commands: usize,
    answers: usize,
    refused: Option<Refusal>,
    shown: BTreeSet<AgentId>,
    offers: Vec<OfferSeen>,
    connected: BTreeSet<LegId>,
    /// Calls that ended while a desk rang for them.
    silenced: BTreeSet<InteractionId>,
    parted: Vec<(InteractionId, AgentId)>,
    prepared: Vec<InteractionId>,
    /// An accept or reject that names no live offer of that agent.
    stale: bool,
    /// Who missed an offer, and whether that ends the readiness.
    missed: Vec<(AgentId, bool)>,
    decided: Vec<(InteractionId, Decision)>,
    /// Queues that were left because nobody can answer in them.
    unstaffed: Vec<(QueueId, OverflowCause)>,
    /// The wish comes from a living session.
    expects_answer: bool,
}

/// A desk that began to ring.
#[derive(Clone, Copy)]
struct OfferSeen {
    interaction: InteractionId,
    agent: AgentId,
    queue: QueueId,
    /// No other desk rang for this call.
    first: bool,
    /// The member of the queue who was offered a call before.
    last: Option<(u32, AgentId)>,
}

impl Watch {
    /// Empty books.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            now: Time(0),
            alone: false,
            calls: BTreeMap::new(),
            open: BTreeSet::new(),
            legs: BTreeMap::new(),
            agents: BTreeMap::new(),
            arriving: BTreeMap::new(),
            agent_legs: BTreeMap::new(),
            ranks: BTreeMap::new(),
            last_offered: BTreeMap::new(),
            stopped: false,
            invites: 0,
            records: Vec::new(),
            tallies: BTreeMap::new(),
            step: Step::default(),
        }
    }

    /// An input is about to be handled.
    pub(crate) fn before(&mut self, now: Time, input: &Input) {
        self.now = now;
        self.step = Step { input: Some(input.clone()), ..Step::default() };
        match input {
            Input::CallOffered(offered) => self.invites += u64::from(!offered.probe),
            Input::LegEnded { leg, .. } => {
                let interaction = self.legs.get(leg).copied();
                self.expect_end(interaction, Side::Caller);
                if let (Some(interaction), true) = (interaction, self.alone) {
                    self.with_call(interaction, |call| call.leg_closed = true);
                }
            }
            Input::MediaFailed { leg, .. } => self.set_reachable(*leg, false),
            Input::AgentArrived { agent, session } => {
                if self.plan.agents.contains_key(agent) && !self.stopped {
                    self.carry_rank(*agent);
                    self.arriving.insert(*agent, *session);
                }
            }
            Input::AgentMediaReachable { leg, reachable } => self.set_reachable(*leg, *reachable),
            Input::AgentDisconnected { agent, session } => self.set_connected(*agent, *session, false),
            Input::AgentResumed { agent, session } => self.set_connected(*agent, *session, true),
            Input::AgentAsked { agent, session, action, .. } => self.before_wish(*agent, *session, action.clone()),
            Input::RecordingRowStored { recording } => self.with_call(InteractionId(recording.0), |call| call.row_stored = true),
            Input::RecordingFinished { recording, .. } => {
                self.with_call(InteractionId(recording.0), |call| call.finished_by_recorder += 1);
            }
            Input::PlanChanged(plan) => self.plan.clone_from(plan),
            Input::Stop => self.stopped = true,
            Input::LegRinging { .. } | Input::LegAnswered { .. } => {}
            Input::LegConfirmed { .. } | Input::FarDescribed { .. } | Input::MediaOpened { .. } | Input::AgentMediaOpened { .. } => {}
            Input::AnnouncementEnded { .. } | Input::Voice(_) | Input::ContactsKnown(_) | Input::AgentAttentive { .. } => {}
            Input::Digit { .. } | Input::CardFound { .. } | Input::Tick => {}
        }
    }

    /// A command came out.
    pub(crate) fn command(&mut self, command: &Command) {
        self.step.commands += 1;
        match command {
            Command::Sip(command) => self.sip(command),
            Command::Media(command) => self.media(command),
            Command::Recording(command) => self.recording(command),
            Command::Store(command) => self.store(command),
            Command::Agent(command) => self.gateway(command),
        }
    }

    /// All commands are out: the books must agree with every invariant.
    pub(crate) fn after(&mut self, core: &Core) {
        self.open_tiers();
        self.i1_an_agent_holds_one_offer_or_call();
        self.i2_an_old_offer_changes_nothing();
        self.i3_no_desk_shows_a_call_that_is_gone();
        self.i4_transient_states_have_a_deadline(core);
        self.i5_desks_and_connected_legs_agree();
        self.i6_i7_no_waiting_call_beside_an_eligible_agent();
        self.i25_nobody_waits_where_nobody_may_answer();
        self.every_decision_names_everybody_once_and_every_wait_has_one();
        self.i29_a_miss_has_the_effect_of_its_rule();
        self.i17_recordings_only_with_audio();
        self.i24_the_limit_of_waiting_holds_and_never_cuts_an_offer();
        self.i25_i36_only_reachable_agents_are_offered();
        self.i28_who_rejected_is_not_asked_again_unless_sole();
        self.i32_a_short_loss_never_ends_a_talk();
        self.i40_the_strategy_of_the_queue_decides();
        self.i41_calls_are_offered_in_order_of_rank();
        self.every_wish_has_one_answer();
        self.every_ended_call_is_saved_in_time();
        let deadline = core.next_deadline();
        if let Some((_, Reason::WaitOver(interaction))) = deadline {
            assert!(self.calls[&interaction].limit.is_some(), "I-2: a deadline of a limit that is gone");
        }
        if let Some((_, Reason::ReachGrows(interaction))) = deadline {
            assert!(self.calls[&interaction].waiting_since.is_some(), "I-2: a deadline of a wait that is over");
        }
        assert!(deadline.is_none_or(|(time, _)| time > self.now), "I-4: a due deadline did not fire: {deadline:?}");
    }

    /// Nothing happens any more: nothing may be left.
    pub(crate) fn at_rest(&self, core: &Core) {
        self.conservation(core);
        let snapshot = core.snapshot(call_core::Now { time: self.now, utc: shared::model::UnixMillis(0) });
        assert_eq!(core.next_deadline(), None, "nothing_leaks: a deadline at rest");
        assert!(snapshot.calls.is_empty() && snapshot.closing == 0, "nothing_leaks: {snapshot:?}");
        assert_eq!(snapshot.agents.len(), self.agents.len(), "nothing_leaks: agents");
        for agent in &snapshot.agents {
            let state = self.agents.get(&agent.agent).map(AgentSeen::state);
            assert_eq!(state, Some(agent.state), "the snapshot disagrees with the desk of {}", agent.agent);
        }
        if self.stopped {
            assert!(core.is_idle(), "nothing_leaks: not idle after the stop");
        }
    }

    // ---- Keeping the books -----------------------------------------------------------------------------------------------------

    fn unsaved(&self) -> impl Iterator<Item = &CallSeen> {
        self.open.iter().map(|interaction| &self.calls[interaction])
    }

    fn tally(&mut self, what: &'static str) {
        *self.tallies.entry(what).or_insert(0) += 1;
    }

    fn with_call(&mut self, interaction: InteractionId, change: impl FnOnce(&mut CallSeen)) {
        if let Some(call) = self.calls.get_mut(&interaction) {
            change(call);
        }
    }

    fn set_reachable(&mut self, leg: LegId, reachable: bool) {
        if let Some(agent) = self.agents.values_mut().find(|agent| agent.leg == leg) {
            agent.reachable = reachable;
        }
    }

    fn set_connected(&mut self, agent: AgentId, session: SessionId, connected: bool) {
        let now = self.now;
        if let Some(agent) = self.agents.get_mut(&agent).filter(|agent| agent.session == session) {
            if agent.connected && !connected {
                agent.gone_since = now;
            }
            if connected {
                agent.back_since = now;
            }
            agent.connected = connected;
        }
    }

    /// Who was away begins anew, but for the shift, unless that was long ago.
    fn carry_rank(&mut self, agent: AgentId) {
        if self.agents.contains_key(&agent) || self.arriving.contains_key(&agent) {
            return;
        }
        if let Some((rank, choice, left)) = self.ranks.get_mut(&agent) {
            *choice = Choice::Ready;
            *rank = if self.now.since(*left) > self.plan.limits.shift_gap_ms { Rank::default() } else { rank.signed_out() };
        }
    }

    fn before_wish(&mut self, agent: AgentId, session: SessionId, action: AgentAction) {
        let Some(seen) = self.agents.get(&agent).filter(|seen| seen.session == session) else { return };
        self.step.expects_answer = true;
        let desk = seen.desk.as_ref();
        if let AgentAction::Accept(offer) | AgentAction::Reject(offer) = action {
            self.step.stale = desk.and_then(|desk| desk.offer.as_ref()).map(|view| view.offer) != Some(offer);
        }
        if let AgentAction::HangUp(interaction) = action
            && self.calls.get(&interaction).is_some_and(|call| call.talks_with() == Some(agent))
        {
            self.expect_end(Some(interaction), Side::Agent);
        }
    }

    /// I-11: the first event that ends a call names the side.
    fn expect_end(&mut self, interaction: Option<InteractionId>, side: Side) {
        let alone = self.alone;
        if let Some(call) = interaction.and_then(|interaction| self.calls.get_mut(&interaction))
            && alone
            && call.ended.is_none()
        {
            call.expected_side = Some(side);
        }
    }

    fn sip(&mut self, command: &SipCommand) {
        let leg = match command {
            SipCommand::Ring { leg }
            | SipCommand::PressKeys { leg, .. }
            | SipCommand::Answer { leg, .. }
            | SipCommand::Refuse { leg, .. }
            | SipCommand::HangUp { leg, .. } => leg,
            SipCommand::Dial(dial) => &dial.leg,
        };
        let final_word = matches!(command, SipCommand::Refuse { .. } | SipCommand::HangUp { .. });
        if let Some(interaction) = self.legs.get(leg).copied() {
            self.with_call(interaction, |call| {
                assert!(call.ended.is_none(), "I-11: {command:?} after the end");
                assert!(!call.leg_closed, "I-11: {command:?} after the last word");
                call.leg_closed |= final_word;
            });
        }
    }

    fn media(&mut self, command: &MediaCommand) {
        let now = self.now;
        match command {
            MediaCommand::OpenAgent { agent, leg } => {
                self.agent_legs.insert(*agent, *leg);
            }
            MediaCommand::Play { leg, .. } | MediaCommand::Announce { leg, .. } => {
                let call = self.call_of_leg(*leg);
                assert!(call.connected.is_none(), "I-21: something is played to a connected citizen");
            }
            MediaCommand::Connect { citizen, agent, .. } => {
                let who = self.agent_legs.iter().find(|(_, leg)| *leg == agent).map(|(who, _)| *who).expect("a leg of an agent");
                let call = self.call_of_leg(*citizen);
                assert!(call.connected.is_none(), "I-1: a citizen is joined with two agents");
                (call.connected, call.ever_connected) = (Some((who, now)), true);
                self.step.connected.insert(*citizen);
            }
            MediaCommand::Disconnect { citizen } => {
                let call = self.call_of_leg(*citizen);
                let (_, since) = call.connected.take().expect("I-10: parted without a talk");
                call.connected_ms += now.since(since);
            }
            MediaCommand::Close { leg } => {
                if let Some(interaction) = self.legs.get(leg) {
                    let call = self.calls.get(interaction).expect("a call of this leg");
                    assert!(call.connected.is_none(), "I-10: closed while still joined");
                }
            }
            MediaCommand::OfferTrunk { .. } | MediaCommand::Confer { .. } | MediaCommand::Hold { .. } => {}
            MediaCommand::OpenTrunk { .. }
            | MediaCommand::Follow { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::MaskKeys { .. } => {}
        }
    }

    fn call_of_leg(&mut self, leg: LegId) -> &mut CallSeen {
        let interaction = self.legs.get(&leg).expect("media is spoken to only about known legs");
        self.calls.get_mut(interaction).expect("a call of this leg")
    }

    fn recording(&mut self, command: &RecordingCommand) {
        let (RecordingCommand::Prepare { recording, .. } | RecordingCommand::Write { recording } | RecordingCommand::Finish { recording }) =
            command;
        let interaction = InteractionId(recording.0);
        if matches!(command, RecordingCommand::Prepare { .. }) {
            self.step.prepared.push(interaction);
        }
        let call = self.calls.get_mut(&interaction).expect("a recording belongs to a call");
        call.recording_command(command);
    }

    fn store(&mut self, command: &StoreCommand) {
        match command {
            StoreCommand::Open { interaction, probe, .. } => self.open(*interaction, *probe),
            StoreCommand::Note(fact) => self.fact(fact),
            StoreCommand::Save(record) => self.save(record),
            StoreCommand::AgentTime(interval) => {
                let agent = self.agents.get_mut(&interval.agent).expect("time of somebody signed in");
                let wrap_up =
                    agent.last_call().and_then(|interaction| self.calls.get(&interaction)?.wrap_ups.get(&interval.agent).copied());
                agent.interval(self.now, interval, wrap_up);
            }
            StoreCommand::CloseRecording { recording, .. } => self.with_call(InteractionId(recording.0), |call| call.attached += 1),
            StoreCommand::Supervised(_)
            | StoreCommand::FindCard { .. }
            | StoreCommand::OpenRecording { .. }
            | StoreCommand::TalkMeasured(_) => {}
        }
    }

    fn open(&mut self, interaction: InteractionId, probe: bool) {
        let Some(Input::CallOffered(offered)) = &self.step.input else { panic!("an interaction without an INVITE") };
        assert!(!self.calls.contains_key(&interaction), "I-12: {interaction} opened twice");
        let listed = offered.caller.number.as_ref().map_or(0, |number| world::listed_points(number.reveal().as_str()));
        let bound_for = self.plan.numbers.get(&offered.dialled).copied();
        self.legs.insert(offered.leg, interaction);
        self.open.insert(interaction);
        self.calls.insert(interaction, CallSeen::new((interaction, offered.leg), probe, bound_for, listed, self.now));
    }

    fn fact(&mut self, fact: &Fact) {
        let queue_plan = |plan: &Plan, queue: &QueueId| plan.queues.get(queue).cloned().expect("a queue of the plan");
        let call = self.calls.get_mut(&fact.interaction).expect("a fact of an open interaction");
        call.count(fact, self.now);
        match &fact.kind {
            FactKind::Queued { queue } => call.queued(*queue, &queue_plan(&self.plan, queue), self.now),
            FactKind::Overflowed { from, to, cause } => {
                let limit = call.limit;
                call.moved(*from, *to);
                self.overflowed(fact.interaction, (*from, *to), *cause, limit);
            }
            FactKind::Decided(decision) => {
                call.decision = Some((**decision).clone());
                self.step.decided.push((fact.interaction, (**decision).clone()));
            }
            FactKind::Offered { agent } => {
                let asked = call.decision.as_ref().and_then(|decision| decision.asked);
                assert_eq!(asked, Some(*agent), "I-41: an offer without its reason");
                let queue = call.queue.expect("offered while waiting in a queue");
                let first = call.offered(*agent, queue_plan(&self.plan, &queue).strategy, self.now);
                *self.tallies.entry(if first { "offer" } else { "one more desk rings" }).or_insert(0) += 1;
                let place = (self.membership(*agent, queue).order, *agent);
                let last = self.last_offered.insert(queue, place);
                self.step.offers.push(OfferSeen { interaction: fact.interaction, agent: *agent, queue, first, last });
            }
            FactKind::OfferEnded { agent, why } => {
                let what = match why {
                    OfferEnd::Rejected => "offer rejected",
                    OfferEnd::NotAnswered => "offer not answered",
                    OfferEnd::CallerLeft => "offer ended by the caller",
                    OfferEnd::Withdrawn => "offer withdrawn",
                    OfferEnd::AnsweredElsewhere => "offer answered elsewhere",
                };
                *self.tallies.entry(what).or_insert(0) += 1;
                if *why == OfferEnd::CallerLeft {
                    self.step.silenced.insert(fact.interaction);
                }
                call.silent(*agent);
                if *why == OfferEnd::NotAnswered {
                    let rule = call.queue.map(|queue| self.plan.queues[&queue].no_answer).unwrap_or_default();
                    let over = self.agents.get_mut(agent).expect("missed by somebody signed in").missed(rule);
                    self.step.missed.push((*agent, over));
                }
                if matches!(why, OfferEnd::Rejected | OfferEnd::NotAnswered) {
                    call.excluded.insert(*agent, self.now.plus(self.plan.limits.exclude_ms));
                }
            }
            FactKind::Connected { agent, .. } => {
                call.silent(*agent);
                assert!(call.ringing.is_empty(), "I-34: a losing desk rings on");
                (call.waiting_since, call.limit) = (None, None);
                call.last_agent = Some(*agent);
                let agent = self.agents.get_mut(agent).expect("connected with somebody signed in");
                agent.handled();
            }
            FactKind::Parted { .. } => {
                let wrap_up_ms = call.queue.and_then(|queue| self.plan.queues.get(&queue)).map_or(0, |queue| queue.wrap_up_ms);
                let agent = call.last_agent.expect("parted after a talk");
                call.wrap_ups.insert(agent, (self.now, wrap_up_ms));
                call.extension_ms = call.queue.map_or(0, |queue| self.plan.queues[&queue].wrap_up.extension_ms);
                self.step.parted.push((fact.interaction, agent));
            }
            FactKind::Ended { reason, by } => self.ended(fact.interaction, *reason, *by),
            FactKind::Entered | FactKind::Answered | FactKind::Foretold { .. } => {}
            FactKind::Dialled { .. } | FactKind::DialEnded { .. } | FactKind::Held { .. } | FactKind::Retrieved { .. } => {}
            FactKind::AsideBegan { .. } | FactKind::AsideEnded { .. } | FactKind::PartyJoined { .. } | FactKind::PartyLeft { .. } => {}
            FactKind::HandedOver { .. } | FactKind::SentToQueue { .. } | FactKind::KeysPressed { .. } => {}
            FactKind::Blocked { .. } | FactKind::Favoured { .. } => {}
            FactKind::LastAgent { .. } | FactKind::TurnedAway { .. } | FactKind::Announced { .. } => {}
        }
    }

    fn overflowed(&mut self, interaction: InteractionId, (from, to): (QueueId, QueueId), cause: OverflowCause, limit: Option<Time>) {
        let plan = &self.plan.queues[&from];
        let (what, exit) = match cause {
            OverflowCause::Full => ("overflow: full", Some(plan.overflow.full.clone())),
            OverflowCause::Timeout => ("overflow: timeout", Some(plan.overflow.timeout.clone())),
            OverflowCause::NobodySignedIn => ("overflow: nobody signed in", plan.overflow.nobody_signed_in.clone()),
            OverflowCause::AllNotReady => ("overflow: all not ready", plan.overflow.all_not_ready.clone()),
            OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => return,
        };
        assert_eq!(exit, Some(Exit::Queue(to)), "{what}: against the rule of {from}");
        match cause {
            OverflowCause::Full => assert!(self.waiting_in(from, interaction) >= plan.max_waiting, "I-25: {from} is not full"),
            OverflowCause::Timeout => assert!(limit.is_some_and(|limit| limit <= self.now), "I-24: {interaction} may wait longer"),
            OverflowCause::NobodySignedIn | OverflowCause::AllNotReady => self.step.unstaffed.push((from, cause)),
            OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => {}
        }
        self.tally(what);
    }

    /// Citizens who wait or are about to.
    fn waiting_in(&self, queue: QueueId, but: InteractionId) -> usize {
        let here = |call: &&CallSeen| call.queue.or(call.bound_for) == Some(queue) && call.interaction != but;
        self.unsaved().filter(|call| !call.probe && call.ended.is_none() && call.connected.is_none()).filter(here).count()
    }

    /// Why nobody can answer in a queue.
    fn unstaffed(&self, queue: QueueId) -> Option<OverflowCause> {
        let arriving = self.arriving.keys().any(|agent| self.serves(*agent, queue));
        let mut serving = self.agents.iter().filter(|(agent, _)| self.serves(**agent, queue)).peekable();
        if serving.peek().is_none() && !arriving {
            return Some(OverflowCause::NobodySignedIn);
        }
        let at_work = |seen: &AgentSeen| !matches!(seen.state(), AgentState::NotReady(_) | AgentState::Lost);
        (!arriving && !serving.any(|(_, seen)| at_work(seen))).then_some(OverflowCause::AllNotReady)
    }

    fn i25_nobody_waits_where_nobody_may_answer(&self) {
        for (queue, cause) in &self.step.unstaffed {
            assert_eq!(self.unstaffed(*queue), Some(*cause), "I-25: a call left {queue} for a cause that is not true");
        }
        for call in self.unsaved().filter(|call| call.waits()) {
            let queue = call.queue.expect("waits in a queue");
            let rules = self.plan.queues[&queue].overflow.clone();
            let exit = self.unstaffed(queue).and_then(|cause| match cause {
                OverflowCause::NobodySignedIn => rules.nobody_signed_in,
                OverflowCause::AllNotReady => rules.all_not_ready,
                OverflowCause::Full | OverflowCause::Timeout | OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => None,
            });
            assert_ne!(exit, Some(Exit::Refuse), "{} waits although nobody may answer in {queue}", call.interaction);
        }
    }

    fn every_decision_names_everybody_once_and_every_wait_has_one(&self) {
        for (interaction, decision) in &self.step.decided {
            let serving: BTreeSet<AgentId> = self.agents.keys().copied().filter(|agent| self.serves(*agent, decision.queue)).collect();
            let named: Vec<AgentId> =
                decision.candidates.iter().map(|one| one.agent).chain(decision.passed_over.iter().map(|one| one.agent)).collect();
            assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), serving, "explain: not everybody is named for {interaction}");
            assert_eq!(named.len(), serving.len(), "explain: somebody is named twice for {interaction}");
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

    fn i29_a_miss_has_the_effect_of_its_rule(&self) {
        for (agent, over) in &self.step.missed {
            let Some(seen) = self.agents.get(agent) else { continue };
            let forced = seen.state() == AgentState::NotReady(NotReadyReason::NoAnswer);
            let asked = matches!(self.step.input, Some(Input::AgentAsked { agent: who, .. }) if who == *agent);
            assert!(*over || !forced, "I-29: {agent} is not ready after a miss that should not count");
            assert!(!*over || forced || asked, "I-29: {agent} is {:?} after a miss", seen.state());
        }
    }

    fn ended(&mut self, interaction: InteractionId, reason: EndReason, by: Side) {
        let now = self.now;
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        assert!(call.ringing.is_empty(), "I-3: ended while a desk still rings for it");
        assert!(call.connected.is_none(), "I-10: ended while joined");
        if let Some(side) = call.expected_side {
            assert_eq!(by, side, "I-11: the first event names the side");
        }
        let rejected = call.listed == world::REJECTED;
        assert!(rejected || reason != EndReason::Blocked, "1-11: {interaction} is blocked for nothing");
        assert!(!rejected || matches!(reason, EndReason::Blocked | EndReason::UnknownNumber), "1-11: {interaction} is not blocked");
        // At the door the cause may be that of a queue further on; a story tells of it.
        let queue = call.queue;
        if let (EndReason::NobodySignedIn, Some(queue)) = (reason, queue) {
            self.step.unstaffed.push((queue, OverflowCause::NobodySignedIn));
        }
        if let (EndReason::AllNotReady, Some(queue)) = (reason, queue) {
            self.step.unstaffed.push((queue, OverflowCause::AllNotReady));
        }
        if reason == EndReason::QueueTimeout {
            assert!(call.limit.is_some_and(|limit| limit <= now), "I-24: cut before its limit");
        }
        if by == Side::Server && matches!(reason, EndReason::QueueTimeout | EndReason::AgentLost) {
            assert!(!self.step.silenced.contains(&interaction), "I-24: the limit of waiting cut a live offer");
        }
        call.ended = Some((reason, by, now));
        call.waiting_since = None;
    }

    fn save(&mut self, record: &InteractionRecord) {
        let call = self.calls.get_mut(&record.interaction).expect("a record of an open interaction");
        call.saved(record, self.now);
        self.records.push(record.clone());
        self.open.remove(&record.interaction);
        self.tally(record.reason.code());
    }

    fn gateway(&mut self, command: &AgentCommand) {
        match command {
            AgentCommand::SignedIn { agent, session, .. } => {
                assert_eq!(self.arriving.remove(agent), Some(*session), "signed in without having arrived");
                let leg = self.agent_legs[agent];
                let (rank, choice, _) = self.ranks.remove(agent).unwrap_or((Rank::default(), Choice::Ready, self.now));
                self.agents.insert(*agent, AgentSeen::new(*session, leg, self.now, (rank, choice)));
            }
            AgentCommand::SignInFailed { agent, session } => {
                if self.arriving.get(agent) == Some(session) {
                    self.arriving.remove(agent);
                    if let Some((_, _, left)) = self.ranks.get_mut(agent) {
                        *left = self.now;
                    }
                }
            }
            AgentCommand::SignedOut { agent, session, why } => {
                let Some(seen) = self.agents.get(agent).filter(|seen| seen.session == *session) else { return };
                let what = match why {
                    SessionEnd::Asked => "signed out by wish",
                    SessionEnd::Superseded => "session superseded",
                    SessionEnd::Lost => "signed out as lost",
                    SessionEnd::ServerStopping => "signed out by the stop",
                };
                *self.tallies.entry(what).or_insert(0) += 1;
                assert_eq!(seen.session_end, Some(*why), "I-13: signed out without a last interval");
                let long = seen.gone_since.plus(self.plan.limits.grace_ms).plus(self.plan.limits.lost_ms);
                assert!(*why != SessionEnd::Lost || (!seen.connected && self.now >= long), "I-30: signed out as lost too early");
                self.ranks.insert(*agent, (seen.rank, seen.choice, self.now));
                self.agents.remove(agent);
            }
            AgentCommand::Floor(_) => {}
            AgentCommand::Show { agent, session, desk } => self.show(*agent, *session, desk),
            AgentCommand::Done { agent, .. } => {
                self.step.answers += 1;
                let who = *agent;
                if let (Some(Input::AgentAsked { action, .. }), Some(agent)) = (&self.step.input, self.agents.get_mut(agent)) {
                    agent.chose(action.clone());
                    let wrapped = agent.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref()).map(|view| view.interaction);
                    if let (AgentAction::ExtendWrapUp, Some(interaction)) = (action, wrapped) {
                        let call = self.calls.get_mut(&interaction).expect("a call that was wrapped up");
                        let extension_ms = call.extension_ms;
                        call.wrap_ups.entry(who).and_modify(|(_, length_ms)| *length_ms += extension_ms);
                        *self.tallies.entry("wrap-up extended").or_insert(0) += 1;
                    }
                }
            }
            AgentCommand::Refuse { reason, .. } => {
                self.step.answers += 1;
                self.step.refused = Some(*reason);
            }
            AgentCommand::Voice { .. } | AgentCommand::TalkHealth { .. } => {}
        }
    }

    fn show(&mut self, agent: AgentId, session: SessionId, desk: &Desk) {
        assert!(self.step.shown.insert(agent), "a desk is shown twice for one input");
        if let Some(view) = &desk.offer {
            let waited_ms = self.calls[&view.call.interaction].first_entered.map(|entered| self.now.since(entered));
            let late = self.step.offers.is_empty();
            assert!(late || Some(view.call.waited_ms) == waited_ms, "I-26: the wait shown is not the whole wait");
        }
        let seen = self.agents.get_mut(&agent).filter(|seen| seen.session == session).expect("a desk of a living session");
        seen.shown(desk);
    }

    // ---- The invariants --------------------------------------------------------------------------------------------------------

    fn i1_an_agent_holds_one_offer_or_call(&self) {
        let mut held = BTreeMap::new();
        for call in self.unsaved() {
            for agent in call.ringing.iter().copied().chain(call.talks_with()) {
                *held.entry(agent).or_insert(0) += 1;
            }
        }
        assert!(held.values().all(|count| *count <= 1), "I-1: {held:?}");
    }

    fn i2_an_old_offer_changes_nothing(&self) {
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

    fn i3_no_desk_shows_a_call_that_is_gone(&self) {
        for (agent, seen) in &self.agents {
            let Some(desk) = &seen.desk else { continue };
            if let Some(view) = &desk.offer {
                let call = &self.calls[&view.call.interaction];
                assert!(call.ringing.contains(agent) && call.ended.is_none(), "I-3: a desk rings for nobody");
            }
            if let Some(view) = &desk.call {
                assert_eq!(self.calls[&view.interaction].talks_with(), Some(*agent), "I-3: a desk shows a talk that is over");
            }
        }
    }

    fn i4_transient_states_have_a_deadline(&self, core: &Core) {
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

    fn rings(&self, agent: AgentId) -> bool {
        self.unsaved().any(|call| call.ringing.contains(&agent))
    }

    fn i5_desks_and_connected_legs_agree(&self) {
        for call in self.unsaved() {
            if let Some(agent) = call.talks_with() {
                let there = self.agents.get(&agent).is_some_and(|seen| matches!(seen.state(), AgentState::Talking | AgentState::Lost));
                assert!(there || self.arriving.contains_key(&agent), "I-5: {agent} is joined but not talking");
            }
        }
        for (agent, seen) in &self.agents {
            let joined = self.unsaved().any(|call| call.talks_with() == Some(*agent));
            assert!(seen.state() != AgentState::Talking || joined, "I-5: {agent} is shown in a call without one");
            let shown = seen.desk.as_ref().is_some_and(|desk| desk.call.is_some());
            assert_eq!(shown, joined, "I-5: the desk of {agent} and its legs differ");
        }
    }

    fn i6_i7_no_waiting_call_beside_an_eligible_agent(&self) {
        for call in self.unsaved().filter(|call| call.waits()) {
            for (agent, seen) in &self.agents {
                let may = seen.eligible() && self.may_be_asked(call, *agent);
                assert!(!may, "I-6, I-7: {} waits although {agent} is eligible", call.interaction);
            }
        }
        for call in self.unsaved().filter(|call| call.queue.is_some_and(|queue| call.wants_more(self.strategy(queue), self.now))) {
            for (agent, seen) in &self.agents {
                let may = seen.eligible() && self.may_be_asked(call, *agent);
                assert!(!may, "I-6, I-7: {agent} does not ring for {} beside the others", call.interaction);
            }
        }
    }

    fn may_be_asked(&self, call: &CallSeen, agent: AgentId) -> bool {
        self.in_reach(call, agent) && (!call.excludes(agent, self.now) || self.sole(call))
    }

    /// Serves the queue, in a tier that is open, with the skills that are asked for after this wait.
    fn in_reach(&self, call: &CallSeen, agent: AgentId) -> bool {
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

    fn level(&self, agent: AgentId, skill: SkillId) -> u8 {
        self.plan.agents.get(&agent).and_then(|plan| plan.skills.get(&skill)).copied().unwrap_or(0)
    }

    /// Skills asked for, then skills to spare; the same for all if the queue asks for none.
    fn fit(&self, queue: QueueId, agent: AgentId) -> (u32, i64) {
        let needs = &self.plan.queues[&queue].needs;
        if needs.is_empty() {
            return (0, 0);
        }
        let levels = needs.iter().map(|need| u32::from(self.level(agent, need.skill))).sum();
        let skills = self.plan.agents.get(&agent).map(|plan| plan.skills.keys().copied().collect::<BTreeSet<_>>()).unwrap_or_default();
        let asked: BTreeSet<SkillId> = needs.iter().map(|need| need.skill).collect();
        (levels, -i64::try_from(skills.difference(&asked).count()).expect("few skills"))
    }

    fn open_tiers(&mut self) {
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

    fn strategy(&self, queue: QueueId) -> Strategy {
        self.plan.queues[&queue].strategy
    }

    fn membership(&self, agent: AgentId, queue: QueueId) -> Membership {
        self.plan.agents.get(&agent).and_then(|plan| plan.memberships.get(&queue)).copied().unwrap_or_default()
    }

    fn serves(&self, agent: AgentId, queue: QueueId) -> bool {
        self.plan.agents.get(&agent).is_some_and(|plan| plan.queues.contains(&queue))
    }

    fn sole(&self, call: &CallSeen) -> bool {
        self.agents.iter().filter(|(agent, seen)| seen.at_work() && self.in_reach(call, **agent)).count() == 1
    }

    fn i17_recordings_only_with_audio(&self) {
        for interaction in &self.step.prepared {
            let leg = self.calls[interaction].leg;
            assert!(self.step.connected.contains(&leg), "I-17: a recording without connected audio");
        }
    }

    fn i24_the_limit_of_waiting_holds_and_never_cuts_an_offer(&self) {
        for call in self.unsaved().filter(|call| call.waits()) {
            assert!(call.limit.is_none_or(|limit| self.now < limit), "I-24: {} waits beyond its limit", call.interaction);
        }
    }

    fn i25_i36_only_reachable_agents_are_offered(&self) {
        for OfferSeen { agent, .. } in &self.step.offers {
            let seen = &self.agents[agent];
            assert!(seen.connected && seen.reachable, "I-25, I-36: {agent} is offered a call but cannot be reached");
        }
    }

    fn i28_who_rejected_is_not_asked_again_unless_sole(&self) {
        for OfferSeen { interaction, agent, .. } in &self.step.offers {
            let call = &self.calls[interaction];
            assert!(!call.excludes(*agent, self.now) || self.sole(call), "I-28: {agent} is asked again for {interaction}");
        }
    }

    /// A talk that stops while the call lives on has lost its agent for long enough, or for good.
    fn i32_a_short_loss_never_ends_a_talk(&self) {
        for (interaction, agent) in self.step.parted.iter().filter(|(interaction, _)| self.calls[interaction].ended.is_none()) {
            let Some(seen) = self.agents.get(agent) else { continue };
            let gone = !seen.connected && self.now >= seen.gone_since.plus(self.plan.limits.lost_call_ms);
            assert!(gone, "I-32: {interaction} was taken from {agent}, who is not lost");
        }
    }

    /// Agents who could have had the offer: those still eligible, and those who got a later one of the same input.
    fn i40_the_strategy_of_the_queue_decides(&self) {
        for (index, offer) in self.step.offers.iter().enumerate() {
            let call = &self.calls[&offer.interaction];
            let later: BTreeSet<AgentId> = self.step.offers[index..].iter().map(|offer| offer.agent).collect();
            let rivals = self.agents.iter().filter(|(agent, seen)| seen.eligible() || later.contains(agent));
            let rivals = rivals.filter(|(agent, _)| self.may_be_asked(call, **agent));
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

    /// Calls that could have been offered instead: those that still wait, and those offered later by the same input.
    fn i41_calls_are_offered_in_order_of_rank(&self) {
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

    fn every_wish_has_one_answer(&self) {
        let asked = self.step.expects_answer && self.alone;
        assert!(!asked || self.step.answers == 1, "a wish got {} answers", self.step.answers);
    }

    fn every_ended_call_is_saved_in_time(&self) {
        for call in self.unsaved().filter(|call| call.closing()) {
            let (_, _, ended) = call.ended.expect("closing is after the end");
            assert!(call.finished_by_recorder == 0, "a record waits although its recording is closed");
            assert!(self.now < ended.plus(10_000), "a record waits for ever for its recording");
        }
    }

    /// Every INVITE has one record, and the totals are those of the records (I-9, I-12).
    fn conservation(&self, core: &Core) {
        let unsaved: Vec<_> = self.calls.values().filter(|call| call.saves != 1).map(|call| call.interaction).collect();
        assert!(unsaved.is_empty(), "I-12: without exactly one record: {unsaved:?}");
        let count = |test: &dyn Fn(&&InteractionRecord) -> bool| self.records.iter().filter(|r| !r.probe).filter(test).count() as u64;
        let queued = count(&|r| r.queue.is_some());
        let answered = count(&|r| r.answered_by_agent);
        let abandoned = count(&|r| r.queue.is_some() && !r.answered_by_agent && r.reason == EndReason::Abandoned);
        let timed_out = count(&|r| !r.answered_by_agent && r.reason == EndReason::QueueTimeout);
        let turned_away =
            count(&|r| r.queue.is_some() && !r.answered_by_agent && matches!(r.reason, EndReason::NobodySignedIn | EndReason::AllNotReady));
        let lost = queued - answered - abandoned - timed_out - turned_away;
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
            lost,
            outbound: 0,
            reached: 0,
        };
        let counters = core.snapshot(call_core::Now { time: self.now, utc: shared::model::UnixMillis(0) }).counters;
        assert_eq!(counters, expected, "I-9: totals differ from the records");
        for call in self.calls.values() {
            assert_eq!(call.attached, call.finished_by_recorder, "a closed recording is not attached");
        }
    }
}
