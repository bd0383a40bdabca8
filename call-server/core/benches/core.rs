//! What the core costs: one decision beside many agents and callers, a whole call, and the memory of a waiting one.
//!
//! `cargo bench -p call-core`; the figures mean something on a quiet machine only.

use call_core::command::{AgentCommand, MediaAccess, MediaCommand, SessionText, StoreCommand};
use call_core::input::{AgentAction, CallOffered, LegEnd, PastContact, RecordingOutcome};
use call_core::ledger::{CallbackRecord, CallbackState};
use call_core::plan::{AgentPlan, Exit, LastAgentRule, Membership, Overflow, Plan, QueuePlan, ReasonRule, SkillId, SkillNeed, Strategy};
use call_core::{Command, Core, Input, Now, Time};
use divan::Bencher;
use divan::counter::ItemsCount;
use shared::model::{
    AgentId, CallFunction, Caller, InteractionId, LegId, NotReadyReason, OfferId, PhoneNumber, QueueId, RequestId, SessionId, Target,
    TrunkId, UnixMillis,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
const QUEUE: QueueId = QueueId(1);
const OTHER_QUEUE: QueueId = QueueId(2);

fn main() {
    memory_per_waiting_call();
    divan::main();
}

/// So many callers wait, and one of so many agents becomes free: the decision, and its withdrawal.
#[divan::bench(args = SIZES)]
fn one_agent_becomes_free(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::new(Strategy::LongestIdle, size);
    (0..size).for_each(|_| rig.dial());
    let first = AgentId(1);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.ask(first, AgentAction::GoReady);
        rig.ask(first, AgentAction::GoNotReady(NotReadyReason::Break));
    });
}

/// So many agents are free, and a citizen calls and leaves again.
#[divan::bench(args = SIZES, consts = [0, 1, 2])]
fn one_call_among_free_agents<const STRATEGY: usize>(bencher: Bencher<'_, '_>, size: u32) {
    let strategy = [Strategy::LongestIdle, Strategy::LeastOccupied, Strategy::WeightedRandom][STRATEGY];
    let mut rig = Rig::new(strategy, size);
    (1..=size).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
    one_more_call(bencher, rig);
}

/// A citizen calls and leaves again, whatever else is going on.
fn one_more_call(bencher: Bencher<'_, '_>, mut rig: Rig) {
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.hang_up();
    });
}

/// A thousand agents and as many waiting callers, and a whole call beside them: INVITE, offer, talk, wrap-up, record.
#[divan::bench(args = [1_000_u32])]
fn a_whole_call(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::new(Strategy::LongestIdle, size);
    (0..size).for_each(|_| rig.dial());
    let agent = AgentId(1);
    rig.ask(agent, AgentAction::GoReady);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.talk_and_finish(agent);
    });
}

/// So many stand in line for a break, and a citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_a_line_for_a_break(bencher: Bencher<'_, '_>, size: u32) {
    let rule = ReasonRule { max_ms: 0, max_agents: 1 };
    let mut rig = Rig::with(size, |plan| _ = plan.reasons.insert(NotReadyReason::Break, rule));
    rig.ask(AgentId(1), AgentAction::GoNotReady(NotReadyReason::Break));
    (2..=size).for_each(|agent| rig.ask(AgentId(agent), AgentAction::AwaitNotReady(NotReadyReason::Break)));
    one_more_call(bencher, rig);
}

/// So many wait for the agent who served them last and writes up a call, and another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_held_for_the_last_agent(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(2, sought_for_an_hour);
    let agent = AgentId(1);
    rig.served_before((1..=u64::from(size)).map(|caller| (caller, agent)));
    rig.ask(agent, AgentAction::GoReady);
    rig.dial();
    rig.accept(agent);
    rig.finish();
    (1..=u64::from(size)).for_each(|number| rig.dial_as(number));
    one_more_call(bencher, rig);
}

/// So many wait for the agent who served them last; that one becomes free, takes the first of them, and one more such citizen calls.
#[divan::bench(args = SIZES)]
fn the_last_agent_of_many_becomes_free(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(1, sought_for_an_hour);
    let agent = AgentId(1);
    rig.served_before((1..=u64::from(size) + 1).map(|caller| (caller, agent)));
    rig.ask(agent, AgentAction::GoReady);
    rig.dial();
    rig.accept(agent);
    rig.finish();
    (1..=u64::from(size)).for_each(|number| rig.dial_as(number));
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.ask(agent, AgentAction::EndWrapUp);
        rig.accept(agent);
        rig.finish();
        rig.dial_as(1);
    });
}

/// So many agents write up a call, each is waited for by one citizen, and another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_many_agents_who_are_waited_for(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(size, sought_for_an_hour);
    rig.served_before((1..=size).map(|agent| (u64::from(agent), AgentId(agent))));
    for agent in (1..=size).map(AgentId) {
        rig.ask(agent, AgentAction::GoReady);
        rig.dial();
        rig.accept(agent);
        rig.finish();
    }
    (1..=u64::from(size)).for_each(|number| rig.dial_as(number));
    one_more_call(bencher, rig);
}

/// So many desks ring for the citizens whom their agents served last, and another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_desks_that_ring_for_their_last_citizens(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(size, sought_for_an_hour);
    rig.served_before((1..=size).map(|agent| (u64::from(agent), AgentId(agent))));
    (1..=size).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
    (1..=u64::from(size)).for_each(|number| rig.dial_as(number));
    one_more_call(bencher, rig);
}

/// Each of so many desks rings for another citizen, all of whom want more desks; one agent who lacks the skill is free, and another
/// citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_that_want_more_desks(bencher: Bencher<'_, '_>, size: u32) {
    let skill = SkillId(1);
    let mut rig = Rig::with(size + 1, |plan| {
        let need = SkillNeed { skill, minimum: 1, relaxed: Vec::new() };
        plan.queues.values_mut().for_each(|queue| (queue.needs, queue.strategy) = (vec![need.clone()], Strategy::RingAll));
        (1..=size).for_each(|agent| _ = plan.agents.entry(AgentId(agent)).or_default().skills.insert(skill, 1));
    });
    (0..size).for_each(|_| rig.dial());
    (1..=size + 1).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
    one_more_call(bencher, rig);
}

/// So many wait, each rejected by the one free agent and by one more, who differs; another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_that_differ_in_who_rejected_them(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(size + 2, |plan| {
        sought_for_an_hour(plan);
        plan.limits.exclude_ms = 3_600_000;
    });
    let (free, at_work) = (AgentId(size + 1), AgentId(size + 2));
    rig.served_before((1..=size).map(|agent| (u64::from(agent), AgentId(agent))));
    rig.ask(at_work, AgentAction::GoReady);
    rig.dial();
    rig.accept(at_work);
    (1..=size).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
    (1..=u64::from(size)).for_each(|number| rig.dial_as(number));
    for agent in (1..=size).map(AgentId) {
        rig.ask(agent, AgentAction::Reject(rig.offers[&agent]));
        rig.ask(agent, AgentAction::GoNotReady(NotReadyReason::Break));
    }
    rig.ask(free, AgentAction::GoReady);
    (0..size).for_each(|_| rig.ask(free, AgentAction::Reject(rig.offers[&free])));
    one_more_call(bencher, rig);
}

/// So many wait for the second tier while the last agent of the first signs out and in again.
#[divan::bench(args = SIZES)]
fn the_last_agent_of_a_tier_comes_and_goes(bencher: Bencher<'_, '_>, size: u32) {
    let (first, second) = (AgentId(1), AgentId(2));
    let mut rig = Rig::with(2, |plan| {
        plan.queues.values_mut().for_each(|queue| queue.tiers = BTreeMap::from([(1, 0), (2, 3_600_000)]));
        for (agent, tier) in [(first, 1), (second, 2)] {
            let membership = Membership { tier, ..Membership::default() };
            plan.agents.entry(agent).or_default().memberships.insert(QUEUE, membership);
        }
    });
    (0..size).for_each(|_| rig.dial());
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.ask(first, AgentAction::SignOut);
        rig.sign_in(first);
    });
}

/// So many hear in turn how many are before them and how long it will probably take: one of them.
#[divan::bench(args = SIZES)]
fn one_announcement_among_waiting_calls(bencher: Bencher<'_, '_>, size: u32) {
    const ROUND_MS: u64 = 100_000;
    let mut rig = Rig::with(10, |plan| {
        plan.queues.values_mut().for_each(|queue| {
            let rules = &mut queue.announcements;
            (rules.first_ms, rules.every_ms, rules.position, rules.waiting_time) = (ROUND_MS, ROUND_MS, true, true);
        });
    });
    let step = ROUND_MS / u64::from(size);
    for _ in 0..size {
        rig.now += step;
        rig.dial();
    }
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.now += step;
        rig.feed(Input::Tick);
    });
}

/// So many citizens are to be called back in a queue that sends callers away while nobody is ready, and another citizen calls.
#[divan::bench(args = SIZES)]
fn one_call_beside_callbacks_while_nobody_is_ready(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(1, |plan| {
        plan.queues.values_mut().for_each(|queue| {
            queue.overflow.all_not_ready = Some(Exit::Refuse);
            (queue.callback.max_open, queue.callback.keep_ms) = (usize::MAX, 3_600_000);
        });
    });
    let now = UnixMillis(1_800_000_000_000);
    let promised = (1..=u64::from(size)).map(|number| CallbackRecord {
        callback: InteractionId(1_000_000_000 + number),
        number: caller(number).into(),
        queue: QUEUE,
        entered: now,
        asked: now,
        attempts: 0,
        last_result: None,
        due: now,
        state: CallbackState::Open,
        reached_in: None,
        changed: now,
    });
    rig.feed(Input::CallbacksKnown(promised.collect()));
    rig.now += 60_000;
    rig.feed(Input::Tick);
    one_more_call(bencher, rig);
}

/// Among so many free agents one consults somebody of the queue, and thinks better of it.
#[divan::bench(args = SIZES)]
fn one_consultation_among_free_agents(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::new(Strategy::LongestIdle, size + 1);
    let agent = AgentId(size + 1);
    rig.ask(agent, AgentAction::GoReady);
    rig.dial();
    rig.accept(agent);
    (1..=size).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
    let call = InteractionId(1);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.ask(agent, AgentAction::Call(call, CallFunction::Consult { to: Target::Queue(QUEUE) }));
        rig.ask(agent, AgentAction::Call(call, CallFunction::Cancel));
    });
}

/// So many agents are free by occupancy, and a minute has begun: a citizen calls and leaves again.
#[divan::bench(args = SIZES, sample_size = 1)]
fn the_first_call_of_a_minute_by_occupancy(bencher: Bencher<'_, '_>, size: u32) {
    let rig = RefCell::new(Rig::by_occupancy(size));
    let minute = || rig.borrow_mut().next_minute();
    bencher.counter(ItemsCount::new(1_u32)).with_inputs(minute).bench_local_values(|()| {
        let mut rig = rig.borrow_mut();
        rig.dial();
        rig.hang_up();
    });
}

/// The beginning of a minute itself, with which so many free agents are put in order by occupancy anew, in all of them: no call waits for it.
#[divan::bench(args = SIZES)]
fn a_minute_begins_by_occupancy(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::by_occupancy(size);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| rig.next_minute());
}

/// So many wait in an unstaffed queue who went from queue to queue as often as they may, and a citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_that_may_move_no_more(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(2, two_queues_that_lead_to_each_other);
    rig.ask(AgentId(1), AgentAction::GoReady);
    (0..size).for_each(|_| rig.dial());
    for agent in [1, 2, 1, 2, 1, 2].map(AgentId) {
        rig.ask(AgentId(3 - agent.0), AgentAction::GoReady);
        rig.ask(agent, AgentAction::GoNotReady(NotReadyReason::Break));
    }
    one_more_call(bencher, rig);
}

/// So many wait in a queue that becomes unstaffed, and the queue to which they are to go has room for one: the first of them goes there
/// whenever that one leaves.
#[divan::bench(args = SIZES)]
fn one_place_for_calls_of_an_unstaffed_queue(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(2, |plan| {
        two_queues_that_lead_to_each_other(plan);
        plan.queues.entry(OTHER_QUEUE).or_default().max_waiting = 1;
    });
    rig.ask(AgentId(1), AgentAction::GoReady);
    rig.ask(AgentId(2), AgentAction::GoReady);
    (0..size).for_each(|_| rig.dial());
    let mut first = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.ask(AgentId(1), AgentAction::GoNotReady(NotReadyReason::Break));
        first += 1;
        rig.feed(Input::LegEnded { leg: LegId(first), cause: LegEnd::ByeReceived });
        rig.ask(AgentId(1), AgentAction::GoReady);
        rig.dial();
    });
}

/// So many wait who were all rejected by the one free agent, beside one who is busy; another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_that_were_rejected(bencher: Bencher<'_, '_>, size: u32) {
    let mut rig = Rig::with(2, |plan| plan.limits.exclude_ms = 3_600_000);
    // Somebody else is at work, so that a rejection counts.
    rig.ask(AgentId(2), AgentAction::GoReady);
    rig.dial();
    rig.accept(AgentId(2));
    rig.ask(AgentId(1), AgentAction::GoReady);
    for _ in 0..size {
        rig.dial();
        rig.ask(AgentId(1), AgentAction::Reject(rig.offers[&AgentId(1)]));
    }
    one_more_call(bencher, rig);
}

/// So many wait for a skill that the one free agent does not have, and another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_for_another_skill(bencher: Bencher<'_, '_>, size: u32) {
    let skill = SkillId(1);
    let mut rig = Rig::with(2, |plan| {
        let need = SkillNeed { skill, minimum: 1, relaxed: Vec::new() };
        plan.queues.values_mut().for_each(|queue| queue.needs = vec![need.clone()]);
        plan.agents.entry(AgentId(2)).or_default().skills.insert(skill, 1);
    });
    rig.ask(AgentId(1), AgentAction::GoReady);
    (0..size).for_each(|_| rig.dial());
    one_more_call(bencher, rig);
}

/// Bytes that the core keeps for each waiting call.
fn memory_per_waiting_call() {
    for size in SIZES {
        let mut rig = Rig::new(Strategy::LongestIdle, 10);
        let before = resident_kib();
        (0..size).for_each(|_| rig.dial());
        let bytes = (resident_kib() - before) * 1024 / u64::from(size);
        println!("memory of {size:>6} waiting calls: {bytes} bytes each");
    }
}

/// Memory in use by this process, as the kernel counts it.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// A core with prompt edges.
struct Rig {
    core: Core,
    now: u64,
    next: u64,
    sessions: BTreeMap<AgentId, SessionId>,
    legs: BTreeMap<AgentId, LegId>,
    offers: BTreeMap<AgentId, OfferId>,
    last_leg: LegId,
    talking: VecDeque<LegId>,
}

impl Rig {
    /// So many agents, signed in and not ready.
    fn new(strategy: Strategy, agents: u32) -> Self {
        Self::with(agents, |plan| plan.queues.values_mut().for_each(|queue| queue.strategy = strategy))
    }

    /// The same, under a plan that is changed a little.
    fn with(agents: u32, change: impl FnOnce(&mut Plan)) -> Self {
        let queue = QueuePlan { ring_ms: 3_600_000, wrap_up_ms: 60_000, max_waiting: 1_000_000, ..QueuePlan::default() };
        let plan = |_| AgentPlan { queues: vec![QUEUE], ..AgentPlan::default() };
        let mut whole = Plan {
            numbers: BTreeMap::from([(PhoneNumber::parse("12345").expect("a number"), QUEUE)]),
            queues: BTreeMap::from([(QUEUE, queue)]),
            agents: (1..=agents).map(|agent| (AgentId(agent), plan(agent))).collect(),
            ..Plan::default()
        };
        whole.limits.max_interactions = 1_000_000;
        change(&mut whole);
        let core = Core::new(whole, InteractionId(1));
        let (sessions, legs, offers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut rig = Self { core, now: 1, next: 0, sessions, legs, offers, last_leg: LegId(0), talking: VecDeque::new() };
        (1..=agents).for_each(|agent| rig.sign_in(AgentId(agent)));
        rig
    }

    /// So many agents who are free, the least occupied first.
    fn by_occupancy(agents: u32) -> Self {
        let mut rig = Self::new(Strategy::LeastOccupied, agents);
        (1..=agents).for_each(|agent| rig.ask(AgentId(agent), AgentAction::GoReady));
        rig
    }

    /// The clock wakes the core at the next full minute.
    fn next_minute(&mut self) {
        self.now = self.now / 60_000 * 60_000 + 60_000;
        self.feed(Input::Tick);
    }

    fn sign_in(&mut self, agent: AgentId) {
        self.feed(Input::AgentArrived { agent, session: SessionId(u64::from(agent.0)), voice: None });
    }

    fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let utc = UnixMillis(1_800_000_000_000 + i64::try_from(self.now).unwrap_or(0));
            self.core.handle(Now { time: Time(self.now), utc }, input);
            while let Some(command) = self.core.poll() {
                inputs.extend(self.obey(command));
            }
        }
    }

    fn obey(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Media(MediaCommand::OpenTrunk { leg, .. }) => Some(Input::MediaOpened { leg, answer: SessionText("answer".into()) }),
            Command::Media(MediaCommand::OpenAgent { agent, leg }) => {
                self.legs.insert(agent, leg);
                Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) })
            }
            Command::Store(StoreCommand::OpenRecording { recording, .. }) => Some(Input::RecordingRowStored { recording }),
            Command::Recording(call_core::command::RecordingCommand::Finish { recording }) => {
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                Some(Input::RecordingFinished { recording, outcome })
            }
            Command::Agent(AgentCommand::SignedIn { agent, session, .. }) => {
                self.sessions.insert(agent, session);
                Some(Input::AgentMediaReachable { leg: self.legs[&agent], reachable: true })
            }
            Command::Agent(AgentCommand::Show { agent, desk, .. }) => {
                if let Some(offer) = desk.offer {
                    self.offers.insert(agent, offer.offer);
                }
                None
            }
            Command::Media(MediaCommand::Connect { citizen, .. }) => {
                self.talking.push_back(citizen);
                None
            }
            Command::Sip(_) | Command::Media(_) | Command::Recording(_) | Command::Store(_) | Command::Agent(_) => None,
        }
    }

    /// A citizen who never called before.
    fn dial(&mut self) {
        self.dial_as(50_000_000 + self.next);
    }

    fn dial_as(&mut self, number: u64) {
        self.next += 1;
        self.last_leg = LegId(self.next);
        let number = caller(number);
        self.feed(Input::CallOffered(CallOffered {
            leg: self.last_leg,
            trunk: TrunkId(1),
            caller: Caller { number: Some(number.into()) },
            dialled: PhoneNumber::parse("12345").expect("a number"),
            offer: None,
            probe: false,
            origin: Default::default(),
        }));
    }

    /// These citizens were served by these agents on an earlier day.
    fn served_before(&mut self, pairs: impl Iterator<Item = (u64, AgentId)>) {
        let past = pairs.map(|(number, agent)| PastContact {
            caller: Caller { number: Some(caller(number).into()) },
            at: UnixMillis(1_800_000_000_000),
            agent: Some(agent),
            avoid: false,
        });
        self.feed(Input::ContactsKnown(past.collect()));
    }

    fn hang_up(&mut self) {
        self.feed(Input::LegEnded { leg: self.last_leg, cause: LegEnd::ByeReceived });
    }

    fn talk_and_finish(&mut self, agent: AgentId) {
        self.accept(agent);
        self.finish();
        self.ask(agent, AgentAction::EndWrapUp);
    }

    fn accept(&mut self, agent: AgentId) {
        self.ask(agent, AgentAction::Accept(self.offers[&agent]));
    }

    /// The citizen of the oldest talk hangs up.
    fn finish(&mut self) {
        if let Some(leg) = self.talking.pop_front() {
            self.feed(Input::LegEnded { leg, cause: LegEnd::ByeReceived });
        }
    }

    fn ask(&mut self, agent: AgentId, action: AgentAction) {
        self.now += 1;
        let (session, request) = (self.sessions[&agent], RequestId(self.now));
        self.feed(Input::AgentAsked { agent, session, request, action });
    }
}

/// Two queues with one agent each who lacks the skill; whoever finds one of them unstaffed goes to the other.
fn two_queues_that_lead_to_each_other(plan: &mut Plan) {
    let needs = vec![SkillNeed { skill: SkillId(1), minimum: 1, relaxed: Vec::new() }];
    let queue = plan.queues.get(&QUEUE).cloned().unwrap_or_default();
    for (queue_id, to, agent) in [(QUEUE, OTHER_QUEUE, AgentId(1)), (OTHER_QUEUE, QUEUE, AgentId(2))] {
        let overflow = Overflow { all_not_ready: Some(Exit::Queue(to)), ..Overflow::default() };
        plan.queues.insert(queue_id, QueuePlan { needs: needs.clone(), overflow, ..queue.clone() });
        plan.agents.entry(agent).or_default().queues = vec![queue_id];
    }
}

/// Citizens wait for who served them last, and write-ups take long.
fn sought_for_an_hour(plan: &mut Plan) {
    let rule = LastAgentRule { within_days: 30, hold_ms: 3_600_000 };
    plan.queues.values_mut().for_each(|queue| (queue.last_agent, queue.wrap_up_ms) = (Some(rule), 1_000_000));
}

/// The number of a caller.
fn caller(number: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("139{number:08}")).expect("a number")
}
