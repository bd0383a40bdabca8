//! The second opinion: watches inputs and commands, keeps plain books of its own and asserts the invariants after every input.
//!
//! It never asks the core what it thinks, except for its deadlines, its totals and whether it is at rest. Each assertion carries
//! the number of its invariant in its name and in its message.

use crate::agents::{AgentSeen, Choice, Rank};
use crate::callbacks::Promised;
use crate::calls::{CallSeen, RecordingSeen, Seeks};
use crate::door::{self, House, Load, Meets};
use crate::functions::Wished;
use crate::memory::Memory;
use crate::parties::LegOfOurs;
use crate::wires::Wires;
use call_core::command::{AgentCommand, RecordingCommand, SessionEnd, SipCommand, StoreCommand};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, PastContact};
use call_core::ledger::{Counters, Decision, Fact, FactKind, InteractionRecord, LastAgentOutcome, OfferEnd, OverflowCause};
use call_core::plan::{Exit, KeyAction, Plan};
use call_core::{Command, Core, Input, Now, Reason, Time};
use shared::model::{
    AgentId, Caller, Desk, Direction, EndReason, Floor, InteractionId, LegId, NextState, NotReadyReason, QueueId, RecordingId, Refusal,
    SegmentId, SessionId, Side, Track, TrunkId, UnixMillis, WatchMode,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The watcher's books.
pub(crate) struct Watch {
    pub(crate) plan: Plan,
    pub(crate) now: Time,
    pub(crate) utc: UnixMillis,
    /// No deadline is due: what follows is the doing of the input alone.
    pub(crate) alone: bool,
    pub(crate) calls: BTreeMap<InteractionId, CallSeen>,
    /// Calls without a record.
    pub(crate) open: BTreeSet<InteractionId>,
    pub(crate) legs: BTreeMap<LegId, InteractionId>,
    pub(crate) agents: BTreeMap<AgentId, AgentSeen>,
    /// The newest sign-in attempt of each agent.
    pub(crate) arriving: BTreeMap<AgentId, SessionId>,
    /// The leg that media was asked to open for each agent.
    pub(crate) agent_legs: BTreeMap<AgentId, LegId>,
    /// All of them so far.
    pub(crate) legs_of_agents: BTreeMap<LegId, AgentId>,
    /// Legs of ours beside citizens.
    pub(crate) party_legs: BTreeMap<LegId, LegOfOurs>,
    /// What media was told.
    pub(crate) wires: Wires,
    /// Which supervisor takes part in whose talks, and as what.
    pub(crate) watches: BTreeMap<AgentId, (AgentId, WatchMode)>,
    /// The longest that a talk may go on without an agent so far.
    pub(crate) longest_residual_ms: u64,
    /// What is carried from session to session, and when the last one ended.
    pub(crate) ranks: BTreeMap<AgentId, (Rank, Choice, Time)>,
    /// Per queue: the place of the member who was offered a call last.
    pub(crate) last_offered: BTreeMap<QueueId, (u32, AgentId)>,
    pub(crate) stopped: bool,
    /// Who is to be called back.
    pub(crate) promised: BTreeMap<InteractionId, Promised>,
    /// There was no room for one more call, or other hours held, at some time: callbacks may rest for longer.
    pub(crate) was_full: bool,
    pub(crate) hours_changed: bool,
    pub(crate) invites: u64,
    pub(crate) records: Vec<InteractionRecord>,
    /// Who served which number last.
    pub(crate) memory: Memory,
    /// The list of all agents as it was told.
    pub(crate) floor: Floor,
    /// Calls that were let into a line, newest last.
    pub(crate) let_in: VecDeque<Time>,
    /// Calls that each rated entry let in.
    pub(crate) rated: BTreeMap<u32, Vec<Time>>,
    /// How many had a place in each reason of 示忙 before.
    pub(crate) held: BTreeMap<NotReadyReason, usize>,
    /// The longest limit of a text so far: a new plan does not cut what is being played.
    pub(crate) longest_text_ms: u64,
    /// The shortest time after which somebody lost was signed out so far: a new plan does not put off a deadline that runs.
    pub(crate) shortest_lost_ms: u64,
    /// How often what happened: proof that the worlds are not too quiet.
    pub(crate) tallies: BTreeMap<&'static str, u64>,
    pub(crate) step: Step,
}

/// What one input brought about.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) input: Option<Input>,
    pub(crate) commands: usize,
    pub(crate) answers: usize,
    pub(crate) refused: Option<Refusal>,
    pub(crate) shown: BTreeSet<AgentId>,
    pub(crate) offers: Vec<OfferSeen>,
    pub(crate) connected: BTreeSet<LegId>,
    /// Calls that ended while a desk rang for them.
    pub(crate) silenced: BTreeSet<InteractionId>,
    pub(crate) parted: Vec<(InteractionId, AgentId)>,
    pub(crate) prepared: Vec<InteractionId>,
    /// An accept or reject that names no live offer of that agent.
    pub(crate) stale: bool,
    /// Who missed an offer, and whether that ends the readiness.
    pub(crate) missed: Vec<(AgentId, bool)>,
    pub(crate) decided: Vec<(InteractionId, Decision)>,
    /// Queues that were left because nobody can answer in them.
    pub(crate) unstaffed: Vec<(QueueId, OverflowCause)>,
    /// The wish comes from a living session.
    pub(crate) expects_answer: bool,
    /// The interaction that the INVITE began.
    pub(crate) opened: Option<InteractionId>,
    /// What the INVITE must meet.
    pub(crate) meets: Option<Meets>,
    /// What the key must bring about.
    pub(crate) key: Option<(InteractionId, KeyEffect)>,
    /// Whether the wished-for reason of 示忙 has a place free.
    pub(crate) has_place: Option<bool>,
    /// Whose state changed.
    pub(crate) changed: BTreeSet<AgentId>,
    /// The call of ours whose agent is about to call somebody.
    pub(crate) dialled: Option<InteractionId>,
    /// Who was signed in before a new plan.
    pub(crate) seated: BTreeSet<AgentId>,
    /// Before the input.
    pub(crate) counters: Option<Counters>,
    pub(crate) lived: BTreeSet<InteractionId>,
    /// Agents' legs that hear nothing more, and those that must not.
    pub(crate) quiet: BTreeSet<LegId>,
    pub(crate) to_be_quiet: BTreeSet<LegId>,
    /// Who went to another queue.
    pub(crate) moved: BTreeSet<InteractionId>,
    /// Calls that an agent took out of the line.
    pub(crate) served: BTreeSet<InteractionId>,
    /// A leg of ours for which it is not yet said whom it calls.
    pub(crate) fresh_leg: Option<LegId>,
    /// Agents who left a call by somebody's wish.
    pub(crate) explained: BTreeSet<AgentId>,
    /// Who was called beside a citizen has answered.
    pub(crate) answered_beside: bool,
    /// And the citizen goes to who answered.
    pub(crate) transferred: bool,
    /// What was wished about a call.
    pub(crate) wished: Option<Wished>,
    /// What a supervisor's act must meet.
    pub(crate) act: Option<Result<(), Refusal>>,
    /// The wish was carried out.
    pub(crate) done: bool,
    /// Audit rows.
    pub(crate) audited: u32,
}

/// What a key does to a waiting call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyEffect {
    /// Waits on.
    Nothing,
    /// Goes to another queue.
    Moves(QueueId),
    /// Hears a text, or is hung up.
    Leaves,
}

/// A desk that began to ring.
#[derive(Clone, Copy)]
pub(crate) struct OfferSeen {
    pub(crate) interaction: InteractionId,
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueId,
    /// No other desk rang for this call.
    pub(crate) first: bool,
    /// The member of the queue who was offered a call before.
    pub(crate) last: Option<(u32, AgentId)>,
}

impl Watch {
    /// Empty books.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            shortest_lost_ms: plan.limits.lost_ms,
            longest_residual_ms: plan.limits.functions.residual_ms,
            plan,
            now: Time(0),
            utc: UnixMillis(0),
            alone: false,
            calls: BTreeMap::new(),
            open: BTreeSet::new(),
            legs: BTreeMap::new(),
            agents: BTreeMap::new(),
            arriving: BTreeMap::new(),
            agent_legs: BTreeMap::new(),
            legs_of_agents: BTreeMap::new(),
            party_legs: BTreeMap::new(),
            wires: Wires::default(),
            watches: BTreeMap::new(),
            ranks: BTreeMap::new(),
            last_offered: BTreeMap::new(),
            stopped: false,
            promised: BTreeMap::new(),
            was_full: false,
            hours_changed: false,
            invites: 0,
            records: Vec::new(),
            memory: Memory::default(),
            floor: Floor::default(),
            let_in: VecDeque::new(),
            rated: BTreeMap::new(),
            held: BTreeMap::new(),
            longest_text_ms: 0,
            tallies: BTreeMap::new(),
            step: Step::default(),
        }
    }

    /// The server has crashed and begins anew under this plan: citizens and sessions are gone, what the store knows stays.
    pub(crate) fn crashed(&mut self, plan: Plan) {
        let (memory, tallies) = (std::mem::take(&mut self.memory), std::mem::take(&mut self.tallies));
        *self = Self { memory, tallies, ..Self::new(plan) };
    }

    /// What the store knows of who served whom.
    pub(crate) fn known_contacts(&self) -> Vec<PastContact> {
        self.memory.told()
    }

    /// An input is about to be handled.
    pub(crate) fn before(&mut self, now: Now, input: &Input, core: &Core) {
        if now.utc.0 - self.utc.0 != i64::try_from(now.time.since(self.now)).unwrap_or(0) {
            self.clock_was_set(now.utc, now.time);
        }
        (self.now, self.utc) = (now.time, now.utc);
        self.was_full |= self.open.len() >= self.plan.limits.max_interactions;
        self.alone = core.next_deadline().is_none_or(|(due, _)| due > now.time);
        self.step = Step { input: Some(input.clone()), ..Step::default() };
        match input {
            Input::CallOffered(offered) => self.before_call(offered),
            Input::Digit { leg, digit } => {
                self.step.key = self.before_key(*leg, *digit);
                self.asked_by_key(*leg, *digit);
            }
            Input::ContactsKnown(past) => self.memory.learn(past),
            Input::AgentAttentive { agent, session, attentive } => self.attentive(*agent, *session, *attentive),
            Input::LegEnded { leg, .. } => {
                let interaction = self.legs.get(leg).copied();
                self.expect_end(interaction, Side::Caller);
                if let (Some(interaction), true) = (interaction, self.alone) {
                    self.with_call(interaction, |call| call.leg_closed = true);
                }
                self.party_legs.entry(*leg).and_modify(|state| *state = LegOfOurs::Over);
            }
            Input::MediaFailed { leg, .. } => self.set_reachable(*leg, false),
            Input::AgentArrived { agent, session, .. } => {
                if self.plan.agents.contains_key(agent) && !self.stopped {
                    self.carry_rank(*agent);
                    self.watches.remove(agent);
                    self.arriving.insert(*agent, *session);
                }
            }
            Input::AgentMediaReachable { leg, reachable } => self.set_reachable(*leg, *reachable),
            Input::AgentDisconnected { agent, session } => self.set_connected(*agent, *session, false),
            Input::AgentResumed { agent, session } => self.set_connected(*agent, *session, true),
            Input::AgentAsked { agent, session, action, .. } => self.before_wish(*agent, *session, action.clone()),
            Input::RecordingRowStored { recording } => {
                self.with_recording(*recording, |seen| seen.row_stored = true);
            }
            Input::RecordingFinished { recording, .. } => self.with_recording(*recording, |seen| seen.finished_by_recorder += 1),
            Input::PlanChanged(plan) => self.before_plan(plan, core),
            Input::Stop => self.stopped = true,
            Input::LegRinging { .. } | Input::LegWantsOffer { .. } | Input::LegAnswered { .. } => {}
            Input::CallbacksKnown(known) => self.before_callbacks(known),
            Input::CancelCallback(_) | Input::PhoneRegistered { .. } => {}
            Input::LegConfirmed { .. } | Input::FarDescribed { .. } | Input::MediaOpened { .. } | Input::AgentMediaOpened { .. } => {}
            Input::AnnouncementEnded { leg, end } if *end != AnnouncementEnd::Cut => self.whisper_over(*leg),
            Input::AnnouncementEnded { .. } | Input::Voice(_) | Input::CardFound { .. } | Input::Tick => {}
        }
    }

    /// The input that is being handled.
    pub(crate) fn input(&self) -> Option<&Input> {
        self.step.input.as_ref()
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
        self.the_door_decides_as_the_rules_say();
        self.i23_a_key_works_whatever_is_played();
        self.i19_i39_a_new_plan_ends_no_call_and_changes_no_total(core);
        self.i33_every_change_of_state_is_shown_at_once();
        self.breaks_have_their_places_and_their_order();
        self.calls_are_accepted_by_themselves_in_time();
        self.last_agents_are_asked_first_and_each_wait_has_one_outcome();
        self.the_list_of_all_agents_has_no_stale_row(core);
        self.texts_end_in_time();
        self.i22_texts_go_on_as_long_as_the_wait();
        self.who_is_consulted_no_more_is_gone();
        self.count_talks();
        self.wishes_about_calls_do_what_they_say();
        self.i1_i21_each_voice_is_in_one_talk_and_hears_nothing_else();
        self.i10_who_hears_whom_is_what_the_books_say();
        self.others_go_on_without_a_gap();
        self.i4_what_is_asked_and_what_is_left_alone_ends_in_time();
        self.i5_states_are_those_of_the_call();
        self.desks_show_who_is_in_the_call();
        self.who_supervises_takes_no_calls();
        self.every_act_leaves_one_audit_row();
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
        self.i20_who_is_gone_from_the_plan_is_still_there();
        self.i27_a_callback_keeps_its_place_and_is_one_per_number();
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
        let snapshot = core.snapshot(self.reading());
        assert_eq!(core.next_deadline(), None, "nothing_leaks: a deadline at rest");
        assert!(self.stopped || self.promised.is_empty(), "nothing_leaks: callbacks {:?}", self.promised.keys());
        assert!(snapshot.calls.is_empty() && snapshot.closing == 0, "nothing_leaks: {snapshot:?}");
        assert_eq!(snapshot.agents.len(), self.agents.len(), "nothing_leaks: agents");
        for agent in &snapshot.agents {
            let state = self.agents.get(&agent.agent).map(AgentSeen::state);
            assert_eq!(state, Some(agent.state), "the snapshot disagrees with the desk of {}", agent.agent);
        }
        self.no_leg_of_ours_is_left();
        if self.stopped {
            assert!(core.is_idle(), "nothing_leaks: not idle after the stop");
        }
    }

    // ---- Keeping the books -----------------------------------------------------------------------------------------------------

    pub(crate) fn unsaved(&self) -> impl Iterator<Item = &CallSeen> {
        self.open.iter().map(|interaction| &self.calls[interaction])
    }

    pub(crate) fn tally(&mut self, what: &'static str) {
        *self.tallies.entry(what).or_insert(0) += 1;
    }

    fn with_recording(&mut self, recording: RecordingId, change: impl FnOnce(&mut RecordingSeen)) {
        self.with_call(recording.interaction(), |call| change(call.recordings.entry(recording.track()).or_default()));
    }

    pub(crate) fn with_call(&mut self, interaction: InteractionId, change: impl FnOnce(&mut CallSeen)) {
        if let Some(call) = self.calls.get_mut(&interaction) {
            change(call);
        }
    }

    fn before_call(&mut self, offered: &CallOffered) {
        // A leg that lives already is a fault of the edge.
        let repeated = self.legs.get(&offered.leg).is_some_and(|interaction| self.calls[interaction].lives());
        if repeated {
            return;
        }
        self.invites += u64::from(!offered.probe);
        let (meets, rated) = door::meets(&self.plan, self, offered, self.utc);
        if let Some(entry) = rated {
            self.rated.entry(entry).or_default().push(self.now);
        }
        self.step.meets = Some(meets);
    }

    fn before_key(&self, leg: LegId, digit: char) -> Option<(InteractionId, KeyEffect)> {
        let call = self.calls.get(self.legs.get(&leg)?)?;
        // What keys do that answer a question is the business of scenarios.
        if !call.waits() || call.is_asked(self.now, self.longest_text_ms) {
            return None;
        }
        let queue = call.queue?;
        let may_go = |to: QueueId| {
            let there = to != queue && call.moves < 5 && self.plan.queues.contains_key(&to);
            there && door::obstacle_of(&self.plan, self, to, self.utc).is_none()
        };
        let effect = match self.plan.queues[&queue].keys.get(&digit) {
            Some(KeyAction::Leave(Exit::Queue(to))) if may_go(*to) => KeyEffect::Moves(*to),
            Some(KeyAction::Leave(Exit::Queue(_)) | KeyAction::CallBack) | None => KeyEffect::Nothing,
            Some(KeyAction::Leave(Exit::Refuse | Exit::Announce(_) | Exit::CallBack)) => KeyEffect::Leaves,
        };
        Some((call.interaction, effect))
    }

    /// The key by which one is called back begins a talk; any other key goes on with it.
    fn asked_by_key(&mut self, leg: LegId, digit: char) {
        let (now, longest) = (self.now, self.longest_text_ms);
        let Some(call) = self.legs.get(&leg).and_then(|interaction| self.calls.get_mut(interaction)) else { return };
        let Some(rules) = call.queue.and_then(|queue| self.plan.queues.get(&queue)) else { return };
        let asks = call.waits() && rules.keys.get(&digit) == Some(&KeyAction::CallBack);
        if asks || call.is_asked(now, longest) {
            call.asked_at = Some(now);
        }
    }

    /// Queues of live calls stay (I-19).
    fn before_plan(&mut self, plan: &Plan, core: &Core) {
        let mut next = plan.clone();
        for call in self.unsaved().filter(|call| call.lives() && call.turned.is_none()) {
            if let Some((queue, rules)) = call.queue.or(call.bound_for).and_then(|queue| Some((queue, self.plan.queues.get(&queue)?))) {
                next.queues.entry(queue).or_insert_with(|| rules.clone());
            }
        }
        for queue in self.promised.values().map(|promised| promised.record.queue) {
            if let Some(rules) = self.plan.queues.get(&queue) {
                next.queues.entry(queue).or_insert_with(|| rules.clone());
            }
        }
        self.step.counters = Some(core.snapshot(self.reading()).counters);
        self.step.lived = self.unsaved().filter(|call| call.lives()).map(|call| call.interaction).collect();
        self.longest_text_ms = self.longest_text_ms.max(self.plan.limits.farewell_ms);
        self.longest_residual_ms = self.longest_residual_ms.max(next.limits.functions.residual_ms);
        self.shortest_lost_ms = self.shortest_lost_ms.min(next.limits.lost_ms);
        let hours = |plan: &Plan| plan.queues.iter().map(|(queue, rules)| (*queue, rules.callback.hours)).collect::<Vec<_>>();
        self.hours_changed |= hours(&self.plan) != hours(&next);
        self.step.seated = self.agents.keys().copied().collect();
        self.plan = next;
        let kept: BTreeSet<u32> = self.plan.callers.blocked.iter().map(|entry| entry.entry).collect();
        self.rated.retain(|entry, _| kept.contains(entry));
    }

    /// Both clocks.
    pub(crate) fn reading(&self) -> Now {
        Now { time: self.now, utc: self.utc }
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
            agent.attentive &= connected;
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
        if let AgentAction::GoNotReady(reason) | AgentAction::AwaitNotReady(reason) = action {
            self.step.has_place = Some(self.has_place(reason, agent));
        }
        if let AgentAction::Accept(offer) | AgentAction::Reject(offer) = action {
            self.step.stale = desk.and_then(|desk| desk.offer.as_ref()).map(|view| view.offer) != Some(offer);
        }
        if let AgentAction::HangUp(interaction) = action
            && self.calls.get(&interaction).is_some_and(|call| call.owner() == Some(agent))
        {
            self.expect_end(Some(interaction), Side::Agent);
        }
        match &action {
            AgentAction::Call(interaction, function) => self.step.wished = Some(self.wish_about_call(agent, *interaction, function)),
            AgentAction::Supervise(act, reason) => self.step.act = self.act_meets(agent, *act, reason),
            _ => {}
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
            | SipCommand::Sound { leg, .. }
            | SipCommand::NotReached { leg, .. }
            | SipCommand::Answer { leg, .. }
            | SipCommand::PressKeys { leg, .. }
            | SipCommand::Offer { leg, .. }
            | SipCommand::Refuse { leg, .. }
            | SipCommand::HangUp { leg, .. } => leg,
            SipCommand::Dial(dial) => &dial.leg,
        };
        let final_word = matches!(command, SipCommand::Refuse { .. } | SipCommand::HangUp { .. });
        if let Some(state) = self.party_legs.get_mut(leg) {
            assert!(*state != LegOfOurs::Over, "I-11: {command:?} after the last word");
            *state = if final_word { LegOfOurs::Over } else { LegOfOurs::Out };
        }
        if let Some(interaction) = self.legs.get(leg).copied() {
            self.with_call(interaction, |call| {
                assert!(call.ended.is_none(), "I-11: {command:?} after the end");
                assert!(!call.leg_closed, "I-11: {command:?} after the last word");
                call.leg_closed |= final_word;
            });
        }
    }

    pub(crate) fn call_of_leg(&mut self, leg: LegId) -> &mut CallSeen {
        let interaction = self.legs.get(&leg).expect("media is spoken to only about known legs");
        self.calls.get_mut(interaction).expect("a call of this leg")
    }

    fn recording(&mut self, command: &RecordingCommand) {
        let (RecordingCommand::Prepare { recording, .. }
        | RecordingCommand::Write { recording }
        | RecordingCommand::Pause { recording }
        | RecordingCommand::Resume { recording }
        | RecordingCommand::Finish { recording }) = command;
        let interaction = recording.interaction();
        if matches!(command, RecordingCommand::Prepare { .. }) && recording.track() == Track::Main {
            self.step.prepared.push(interaction);
        }
        let call = self.calls.get_mut(&interaction).expect("a recording belongs to a call");
        call.recording_command(*recording, command);
    }

    fn store(&mut self, command: &StoreCommand) {
        match command {
            StoreCommand::Open { interaction, caller, direction: Direction::Outbound, .. } => self.open_outbound(*interaction, caller),
            StoreCommand::Open { interaction, .. } => self.open(*interaction),
            StoreCommand::Note(fact) => self.fact(fact),
            StoreCommand::Save(record) => self.save(record),
            StoreCommand::AgentTime(interval) => {
                self.step.changed.insert(interval.agent);
                let agent = self.agents.get_mut(&interval.agent).expect("time of somebody signed in");
                let wrap_up =
                    agent.last_call().and_then(|interaction| self.calls.get(&interaction)?.wrap_ups.get(&interval.agent).copied());
                agent.interval(self.now, interval, wrap_up);
            }
            StoreCommand::CloseRecording { recording, .. } => self.with_recording(*recording, |seen| seen.attached += 1),
            StoreCommand::Callback(record) => self.callback(record),
            StoreCommand::Supervised(_) => self.step.audited += 1,
            StoreCommand::FindCard { .. }
            | StoreCommand::OpenRecording { .. }
            | StoreCommand::HoldRecordings { .. }
            | StoreCommand::TalkMeasured(_) => {}
        }
    }

    fn open(&mut self, interaction: InteractionId) {
        let Some(Input::CallOffered(offered)) = &self.step.input else { panic!("an interaction without an INVITE") };
        assert!(!self.calls.contains_key(&interaction), "I-12: {interaction} opened twice");
        let bound_for = self.plan.numbers.get(&offered.dialled).copied();
        self.legs.insert(offered.leg, interaction);
        self.open.insert(interaction);
        self.step.opened = Some(interaction);
        self.calls.insert(interaction, CallSeen::new(interaction, offered, bound_for, self.reading()));
    }

    /// A call of ours: no leg belongs to it yet.
    fn open_outbound(&mut self, interaction: InteractionId, caller: &Caller) {
        assert!(!self.calls.contains_key(&interaction), "I-12: {interaction} opened twice");
        self.open.insert(interaction);
        let dialled = caller.number.as_ref().expect("somebody is called").reveal().clone();
        let (leg, caller, origin) = (LegId(0), caller.clone(), Default::default());
        let offered = CallOffered { leg, trunk: TrunkId(0), caller, dialled, offer: None, probe: false, origin };
        let mut seen = CallSeen::new(interaction, &offered, None, self.reading());
        seen.outbound = true;
        self.calls.insert(interaction, seen);
    }

    /// An agent calls somebody: one who is to be called back, or by a wish of the agent's own.
    fn dials(&mut self, interaction: InteractionId, agent: AgentId) {
        self.step.dialled = Some(interaction);
        let first = self.plan.agents.get(&agent).and_then(|plan| plan.queues.iter().find(|queue| self.plan.queues.contains_key(queue)));
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        call.dialling = Some(agent);
        if !call.absent {
            call.queue = first.copied();
            return self.tally("an agent dials");
        }
        call.silent(agent);
        assert!(call.ringing.is_empty(), "I-34: a losing desk rings on");
        (call.waiting_since, call.limit, call.absent) = (None, None, false);
        self.accepted(interaction, agent);
        self.agents.get_mut(&agent).expect("dials while signed in").handled();
        self.tally("a citizen is called back");
    }

    fn fact(&mut self, fact: &Fact) {
        let call = self.calls.get_mut(&fact.interaction).expect("a fact of an open interaction");
        call.count(fact, self.now);
        if self.fact_of_parties(fact.interaction, &fact.kind) {
            return;
        }
        let call = self.calls.get_mut(&fact.interaction).expect("as before");
        match &fact.kind {
            FactKind::Queued { queue } => self.queued(fact.interaction, *queue),
            FactKind::TurnedAway { reason } => {
                call.turned_away(*reason, self.now);
                self.left_by_rule(fact.interaction, *reason);
                self.tally("turned away with a text");
            }
            FactKind::LastAgent { agent, outcome } => self.last_agent(fact.interaction, *agent, *outcome),
            FactKind::Overflowed { from, to, cause } => {
                let limit = call.limit;
                call.moved(*from, *to);
                self.step.moved.insert(fact.interaction);
                self.overflowed(fact.interaction, (*from, *to), *cause, limit);
            }
            FactKind::Decided(decision) => {
                call.decision = Some((**decision).clone());
                self.step.decided.push((fact.interaction, (**decision).clone()));
            }
            FactKind::Offered { agent } => self.offered(fact.interaction, *agent),
            FactKind::OfferEnded { agent, why } => self.offer_ended(fact.interaction, *agent, *why),
            FactKind::Connected { agent, segment } => self.connected(fact.interaction, *agent, *segment),
            FactKind::Parted { segment } => {
                let agent = self.segment_ended(fact.interaction, *segment);
                let call = self.calls.get_mut(&fact.interaction).expect("as before");
                let wrap_up_ms = call.queue.and_then(|queue| self.plan.queues.get(&queue)).map_or(0, |queue| queue.wrap_up_ms);
                call.wrap_ups.insert(agent, (self.now, wrap_up_ms));
                call.extension_ms = call.queue.map_or(0, |queue| self.plan.queues[&queue].wrap_up.extension_ms);
                self.step.parted.push((fact.interaction, agent));
            }
            FactKind::Ended { reason, by } => self.ended(fact.interaction, *reason, *by),
            FactKind::DialEnded { .. } => {}
            FactKind::AsideBegan { .. } | FactKind::AsideEnded { .. } | FactKind::PartyJoined { .. } | FactKind::PartyLeft { .. } => {}
            FactKind::HandedOver { .. } | FactKind::SentToQueue { .. } | FactKind::Held { .. } | FactKind::Retrieved { .. } => {}
            FactKind::KeysPressed { .. } | FactKind::KeysMasked { .. } => {}
            FactKind::SentToNode { .. } | FactKind::NodeEntered { .. } | FactKind::NodeLeft(_) => self.tally("a citizen is in a node"),
            FactKind::RecordingPaused { .. } | FactKind::RecordingResumed { .. } => {}
            FactKind::Watched { .. } | FactKind::Unwatched { .. } | FactKind::EmergencyCalled { .. } => {}
            FactKind::CallbackPromised { callback } => {
                let known = *callback == fact.interaction || self.promised.contains_key(callback);
                assert!(known, "I-27: promised as part of {callback}, which is not open");
            }
            FactKind::CallbackBegan { callback, attempt } => self.callback_began(fact.interaction, *callback, *attempt),
            FactKind::Dialled { agent } => self.dials(fact.interaction, *agent),
            FactKind::Blocked { .. } | FactKind::Favoured { .. } => {}
            FactKind::Announced { .. } | FactKind::Entered | FactKind::Answered => {}
            FactKind::PhoneDialled { .. } => panic!("no phone of the house dials here"),
            FactKind::Foretold { ahead, expected_ms, told } => self.foretold(fact.interaction, *ahead, *expected_ms, *told),
        }
    }

    fn offered(&mut self, interaction: InteractionId, agent: AgentId) {
        let (now, call) = (self.now, self.calls.get_mut(&interaction).expect("a fact of an open interaction"));
        if call.owner().is_some() {
            assert!(call.parties.asked.is_none(), "1-3: two colleagues are asked at once");
            call.parties.asked = Some((agent, now));
            self.tally("a colleague is asked");
            return self.may_accept_itself(interaction, agent);
        }
        let asked = call.decision.as_ref().and_then(|decision| decision.asked);
        assert_eq!(asked, Some(agent), "I-41: an offer without its reason");
        let queue = call.queue.expect("offered while waiting in a queue");
        let first = call.offered(agent, self.plan.queues[&queue].strategy, self.now);
        *self.tallies.entry(if first { "offer" } else { "one more desk rings" }).or_insert(0) += 1;
        self.may_accept_itself(interaction, agent);
        let place = (self.membership(agent, queue).order, agent);
        let last = self.last_offered.insert(queue, place);
        self.step.offers.push(OfferSeen { interaction, agent, queue, first, last });
    }

    fn offer_ended(&mut self, interaction: InteractionId, agent: AgentId, why: OfferEnd) {
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        let what = match why {
            OfferEnd::Rejected => "offer rejected",
            OfferEnd::NotAnswered => "offer not answered",
            OfferEnd::CallerLeft => "offer ended by the caller",
            OfferEnd::Withdrawn => "offer withdrawn",
            OfferEnd::AnsweredElsewhere => "offer answered elsewhere",
        };
        *self.tallies.entry(what).or_insert(0) += 1;
        if why == OfferEnd::CallerLeft {
            self.step.silenced.insert(interaction);
        }
        if call.parties.asked.is_some_and(|(asked, _)| asked == agent) {
            call.parties.asked = None;
        } else {
            call.silent(agent);
        }
        self.waits_for_nobody(interaction, agent, why == OfferEnd::NotAnswered);
        let call = self.calls.get_mut(&interaction).expect("as before");
        if why == OfferEnd::NotAnswered {
            let rule = call.queue.map(|queue| self.plan.queues[&queue].no_answer).unwrap_or_default();
            let over = self.agents.get_mut(&agent).expect("missed by somebody signed in").missed(rule);
            self.step.missed.push((agent, over));
        }
        if matches!(why, OfferEnd::Rejected | OfferEnd::NotAnswered) {
            call.excluded.insert(agent, self.now.plus(self.plan.limits.exclude_ms));
        }
    }

    fn connected(&mut self, interaction: InteractionId, agent: AgentId, segment: SegmentId) {
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        let (had_owner, dialled) = (call.owner().is_some(), call.dialling.take() == Some(agent));
        call.last_agent = Some(agent);
        self.segment_began(interaction, agent, segment);
        if dialled {
            return self.tally("somebody answered a call of ours");
        }
        if had_owner {
            return;
        }
        self.step.served.insert(interaction);
        let call = self.calls.get_mut(&interaction).expect("as before");
        if !call.ringing.contains(&agent) {
            assert!(call.ringing.is_empty(), "I-34: a losing desk rings on");
            (call.waiting_since, call.limit) = (None, None);
            return self.taken_by(agent);
        }
        call.silent(agent);
        assert!(call.ringing.is_empty(), "I-34: a losing desk rings on");
        (call.waiting_since, call.limit) = (None, None);
        self.accepted(interaction, agent);
        self.agents.get_mut(&agent).expect("connected with somebody signed in").handled();
    }

    fn overflowed(&mut self, interaction: InteractionId, (from, to): (QueueId, QueueId), cause: OverflowCause, limit: Option<Time>) {
        let plan = &self.plan.queues[&from];
        let (what, exit) = match cause {
            OverflowCause::Full => ("overflow: full", Some(plan.overflow.full.clone())),
            OverflowCause::Timeout => ("overflow: timeout", Some(plan.overflow.timeout.clone())),
            OverflowCause::NobodySignedIn => ("overflow: nobody signed in", plan.overflow.nobody_signed_in.clone()),
            OverflowCause::AllNotReady => ("overflow: all not ready", plan.overflow.all_not_ready.clone()),
            OverflowCause::Closed => return self.tally("overflow: closed"),
            OverflowCause::Key => return self.tally("overflow: key"),
            OverflowCause::Supervisor => return self.tally("overflow: supervisor"),
        };
        assert_eq!(exit, Some(Exit::Queue(to)), "{what}: against the rule of {from}");
        match cause {
            OverflowCause::Full => assert!(self.waiting_beside(from, interaction) >= plan.max_waiting, "I-25: {from} is not full"),
            OverflowCause::Timeout => assert!(limit.is_some_and(|limit| limit <= self.now), "I-24: {interaction} may wait longer"),
            OverflowCause::NobodySignedIn | OverflowCause::AllNotReady => self.step.unstaffed.push((from, cause)),
            OverflowCause::Closed | OverflowCause::Key | OverflowCause::Supervisor => {}
        }
        self.tally(what);
    }

    /// Citizens who wait or are about to.
    fn waiting_beside(&self, queue: QueueId, but: InteractionId) -> usize {
        let here = |call: &&CallSeen| call.bound_for == Some(queue) && call.interaction != but;
        self.unsaved().filter(|call| call.counts_as_waiting()).filter(here).count()
    }

    fn ended(&mut self, interaction: InteractionId, reason: EndReason, by: Side) {
        let now = self.now;
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        assert!(call.ringing.is_empty(), "I-3: ended while a desk still rings for it");
        assert!(!self.wires.talks.contains_key(&call.leg), "I-10: ended while joined");
        if let Some(side) = call.expected_side {
            assert_eq!(by, side, "I-11: the first event names the side");
        }
        if let Some((why, _)) = call.turned {
            assert_eq!(reason, why, "I-37: {interaction} was turned away for another reason");
        } else if call.queue.is_some() {
            self.left_by_rule(interaction, reason);
        }
        let call = self.calls.get_mut(&interaction).expect("as before");
        if by == Side::Server && matches!(reason, EndReason::QueueTimeout | EndReason::AgentLost) {
            assert!(!self.step.silenced.contains(&interaction), "I-24: the limit of waiting cut a live offer");
        }
        call.ended = Some((reason, by, now));
        (call.waiting_since, call.dialling) = (None, None);
        call.parties.let_go();
        let attempt_of = call.callback;
        if let Some(contact) = call.contact() {
            self.memory.learn(&[contact]);
        }
        if let Some(promised) = attempt_of.and_then(|callback| self.promised.get_mut(&callback))
            && promised.attempt == Some(interaction)
        {
            promised.attempt = None;
        }
    }

    /// A citizen joins a waiting line, for the first time, after a move or after an agent was lost.
    fn queued(&mut self, interaction: InteractionId, queue: QueueId) {
        let plan = self.plan.queues.get(&queue).cloned().expect("a queue of the plan");
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        let moved = call.queued(queue, &plan, self.now);
        if moved || call.probe {
            return;
        }
        call.listed = door::favoured(&self.plan.callers, &call.caller, self.utc).0;
        let served = plan.last_agent.and_then(|rule| Some((rule, self.memory.served(&call.caller, self.utc, rule.within_days)?)));
        let hold_until = |hold_ms| self.now.plus(hold_ms);
        call.seeks = served.map(|(rule, (agent, _))| Seeks { agent, outcome: None, hold_until: hold_until(rule.hold_ms) });
    }

    /// 1-8: what came of asking the last agent first must be true.
    fn last_agent(&mut self, interaction: InteractionId, agent: AgentId, outcome: LastAgentOutcome) {
        let call = self.calls.get_mut(&interaction).expect("a fact of an open interaction");
        let seeks = call.seeks.as_mut().expect("1-8: an outcome although nobody served the number");
        assert_eq!(seeks.agent, agent, "1-8: {agent} did not serve {interaction} last");
        assert_eq!(seeks.outcome, None, "1-8: {interaction} has two outcomes in one wait");
        seeks.outcome = Some(outcome);
        let shared =
            call.caller.number.as_ref().is_some_and(|number| self.plan.callers.shared.iter().any(|one| one.matches(number.reveal())));
        let avoid = self.memory.served(&call.caller, self.utc, 40).is_some_and(|(_, avoid)| avoid);
        assert_eq!(outcome == LastAgentOutcome::SharedNumber, shared, "1-8: {interaction}: shared");
        assert!(outcome != LastAgentOutcome::Avoided || avoid, "1-8: {interaction}: avoided");
        let declined = call.excluded.contains_key(&agent) || self.plan.limits.exclude_ms == 0;
        assert!(outcome != LastAgentOutcome::Declined || declined, "1-8: {interaction}: declined");
        self.tally(match outcome {
            LastAgentOutcome::Hit => "last agent: hit",
            LastAgentOutcome::HoldOver => "last agent: hold over",
            LastAgentOutcome::Declined => "last agent: declined",
            LastAgentOutcome::SharedNumber
            | LastAgentOutcome::Avoided
            | LastAgentOutcome::SignedOut
            | LastAgentOutcome::NotReady
            | LastAgentOutcome::NotInReach
            | LastAgentOutcome::Busy
            | LastAgentOutcome::AnsweredByOther
            | LastAgentOutcome::CallerLeft => "last agent: other",
        });
    }

    /// Leaves a queue for good by a rule, which must apply.
    fn left_by_rule(&mut self, interaction: InteractionId, reason: EndReason) {
        let call = &self.calls[&interaction];
        // At the door the cause may be that of a queue further on: that is the business of `door`.
        let Some(queue) = call.queue else { return };
        match reason {
            EndReason::NobodySignedIn => self.step.unstaffed.push((queue, OverflowCause::NobodySignedIn)),
            EndReason::AllNotReady => self.step.unstaffed.push((queue, OverflowCause::AllNotReady)),
            EndReason::QueueTimeout => assert!(call.limit_of_wait.is_some_and(|limit| limit <= self.now), "I-24: cut before its limit"),
            _ => {}
        }
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
                    SessionEnd::Forced => "signed out by a supervisor",
                };
                *self.tallies.entry(what).or_insert(0) += 1;
                assert_eq!(seen.session_end, Some(*why), "I-13: signed out without a last interval");
                let long = seen.gone_since.plus(self.plan.limits.grace_ms).plus(self.shortest_lost_ms);
                assert!(*why != SessionEnd::Lost || (!seen.connected && self.now >= long), "I-30: signed out as lost too early");
                self.ranks.insert(*agent, (seen.rank, seen.choice, self.now));
                self.agents.remove(agent);
                self.watches.remove(agent);
            }
            AgentCommand::Floor(change) => self.floor.apply(change.clone()).expect("1-9: changes of the floor follow each other"),
            AgentCommand::Show { agent, session, desk } => self.show(*agent, *session, desk),
            AgentCommand::Done { agent, .. } => {
                self.step.answers += 1;
                let who = *agent;
                if let Some(Input::AgentAsked { action, .. }) = self.step.input.clone() {
                    self.wish_done(who, &action);
                }
                if let (Some(Input::AgentAsked { action, .. }), Some(agent)) = (&self.step.input, self.agents.get_mut(agent)) {
                    let action = match action {
                        // Carried out at once if there is a place.
                        AgentAction::AwaitNotReady(reason) if self.step.has_place == Some(true) => AgentAction::GoNotReady(*reason),
                        other => other.clone(),
                    };
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
            let late = !self.step.offers.iter().any(|offer| offer.agent == agent);
            assert!(late || Some(view.call.waited_ms) == waited_ms, "I-26: the wait shown is not the whole wait");
        }
        let seen = self.agents.get_mut(&agent).filter(|seen| seen.session == session).expect("a desk of a living session");
        let granted = seen.desk.as_ref().and_then(|before| before.awaits).filter(|_| desk.awaits.is_none()).map(|awaits| awaits.reason);
        seen.shown(desk, self.now);
        if let Some(reason) = granted.filter(|reason| desk.next == Some(NextState::NotReady(*reason))) {
            seen.choice = Choice::NotReady(reason);
        }
        if self.step.changed.contains(&agent) || desk.revision == 1 {
            let rule = match desk.state {
                shared::model::AgentState::NotReady(reason) => self.plan.reasons.get(&reason).copied(),
                _ => None,
            };
            seen.limit_of(self.now, rule);
        }
    }
}

impl House for Watch {
    fn unstaffed(&self, queue: QueueId) -> Option<OverflowCause> {
        self.unstaffed(queue)
    }

    fn waiting_in(&self, queue: QueueId) -> usize {
        self.unsaved().filter(|call| call.counts_as_waiting() && call.bound_for == Some(queue)).count()
    }

    fn load(&self, offered: &CallOffered) -> Load {
        let subscriber = |call: &Caller| call.number.as_ref().map(|number| number.reveal().subscriber().to_owned());
        let (mut of_trunk, mut of_caller, mut texts) = (0, 0, 0);
        for call in self.unsaved().filter(|call| call.lives()) {
            texts += u32::from(call.hears_text());
            if !call.probe && !call.outbound {
                of_trunk += u32::from(call.trunk == offered.trunk);
                of_caller += u32::from(subscriber(&call.caller).is_some() && subscriber(&call.caller) == subscriber(&offered.caller));
            }
        }
        let in_this_second = self.let_in.iter().filter(|time| self.now.since(**time) < 1_000).count();
        let in_this_second = u32::try_from(in_this_second).expect("few calls");
        Load { open: self.open.len(), of_trunk, of_caller, texts, in_this_second, stopped: self.stopped }
    }

    fn calls_back(&self, caller: &Caller, queue: QueueId) -> bool {
        self.is_called_back(caller, queue)
    }

    fn rated(&self, entry: u32, within_ms: u64) -> usize {
        self.rated.get(&entry).map_or(0, |times| times.iter().filter(|time| self.now.since(**time) < within_ms).count())
    }
}
