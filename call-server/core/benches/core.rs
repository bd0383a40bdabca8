//! What the core costs: one decision beside many agents and callers, a whole call, and the memory of a waiting one.
//!
//! `cargo bench -p call-core`; the figures mean something on a quiet machine only.

use call_core::command::{AgentCommand, MediaAccess, MediaCommand, SessionText, StoreCommand};
use call_core::input::{AgentAction, CallOffered, LegEnd, PastContact, RecordingOutcome};
use call_core::plan::{AgentPlan, LastAgentRule, Plan, QueuePlan, ReasonRule, SkillId, SkillNeed, Strategy};
use call_core::{Command, Core, Input, Now, Time};
use divan::Bencher;
use divan::counter::ItemsCount;
use shared::model::{
    AgentId, Caller, InteractionId, LegId, NotReadyReason, OfferId, PhoneNumber, QueueId, RequestId, SessionId, TrunkId, UnixMillis,
};
use std::collections::{BTreeMap, VecDeque};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
const QUEUE: QueueId = QueueId(1);

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
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.hang_up();
    });
}

/// So many wait for the agent who served them last and writes up a call, and another citizen calls and leaves again.
#[divan::bench(args = SIZES)]
fn one_call_beside_calls_held_for_the_last_agent(bencher: Bencher<'_, '_>, size: u32) {
    let rule = LastAgentRule { within_days: 30, hold_ms: 3_600_000 };
    let mut rig = Rig::with(2, |plan| {
        plan.queues.values_mut().for_each(|queue| (queue.last_agent, queue.wrap_up_ms) = (Some(rule), 1_000_000));
    });
    let agent = AgentId(1);
    rig.ask(agent, AgentAction::GoReady);
    rig.dial();
    rig.accept(agent);
    let first = rig.next + 1;
    let past = (first..first + u64::from(size)).map(|number| PastContact {
        caller: Caller { number: Some(caller(number).into()) },
        at: UnixMillis(1_800_000_000_000),
        agent: Some(agent),
        avoid: false,
    });
    rig.feed(Input::ContactsKnown(past.collect()));
    rig.finish();
    (0..size).for_each(|_| rig.dial());
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.hang_up();
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
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.hang_up();
    });
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
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        rig.dial();
        rig.hang_up();
    });
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
        let (sessions, offers) = (BTreeMap::new(), BTreeMap::new());
        let mut rig = Self { core, now: 1, next: 0, sessions, offers, last_leg: LegId(0), talking: VecDeque::new() };
        for agent in 1..=agents {
            rig.feed(Input::AgentArrived { agent: AgentId(agent), session: SessionId(u64::from(agent)), voice: None });
        }
        rig
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
                Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) })
            }
            Command::Store(StoreCommand::OpenRecording { recording, .. }) => Some(Input::RecordingRowStored { recording }),
            Command::Recording(call_core::command::RecordingCommand::Finish { recording }) => {
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                Some(Input::RecordingFinished { recording, outcome })
            }
            Command::Agent(AgentCommand::SignedIn { agent, session, .. }) => {
                self.sessions.insert(agent, session);
                let leg = LegId((1 << 62) + u64::from(agent.0) - 1);
                Some(Input::AgentMediaReachable { leg, reachable: true })
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

    fn dial(&mut self) {
        self.next += 1;
        self.last_leg = LegId(self.next);
        let number = caller(self.next);
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

/// The number of a caller.
fn caller(number: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("139{number:08}")).expect("a number")
}
