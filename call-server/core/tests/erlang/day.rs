//! One day of a hotline whose citizens and agents behave as queueing theory assumes, handled by the production core.

use crate::theory::{Figures, LEVEL_S, Situation};
use call_core::command::{AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionText, SipCommand, StoreCommand};
use call_core::input::{AgentAction, CallOffered, LegEnd, RecordingOutcome};
use call_core::plan::{AgentPlan, Plan, QueuePlan};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{AgentId, Caller, InteractionId, LegId, PhoneNumber, QueueId, RequestId, SessionId, TrunkId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Calls before a day counts: the line starts empty.
const WARM_UP: u64 = 2_000;

/// One day of one situation.
pub(crate) struct Day {
    situation: Situation,
    core: Core,
    random: fastrand::Rng,
    now: f64,
    /// What happens when, in order; the number keeps equal times apart.
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    next: u64,
    legs: BTreeSet<LegId>,
    served: BTreeSet<LegId>,
    sessions: BTreeMap<AgentId, SessionId>,
    records: u64,
    waits_ms: u64,
    within: u64,
    left: u64,
}

enum Event {
    Dials,
    /// Patience is over, if nobody has answered yet.
    GivesUp(LegId),
    /// All is said.
    Done(LegId),
}

impl Day {
    /// A day of this situation, with its calls drawn from the seed.
    pub(crate) fn new(situation: Situation, seed: u64) -> Self {
        let queue = QueuePlan { max_waiting: 1_000_000, ring_ms: 60_000, ..QueuePlan::default() };
        let agent = || AgentPlan { queues: vec![QueueId(1)], ..AgentPlan::default() };
        let mut plan = Plan {
            numbers: BTreeMap::from([(dialled(), QueueId(1))]),
            queues: BTreeMap::from([(QueueId(1), queue)]),
            agents: (1..=situation.agents).map(|id| (AgentId(id), agent())).collect(),
            ..Plan::default()
        };
        plan.limits.max_interactions = 1_000_000;
        let core = Core::new(plan, InteractionId(1));
        let random = fastrand::Rng::with_seed(seed * 7_919 + u64::from(situation.agents));
        Self {
            situation,
            core,
            random,
            now: 0.0,
            events: BTreeMap::new(),
            sequence: 0,
            next: 0,
            legs: BTreeSet::new(),
            served: BTreeSet::new(),
            sessions: BTreeMap::new(),
            records: 0,
            waits_ms: 0,
            within: 0,
            left: 0,
        }
    }

    /// Runs it to its last call.
    pub(crate) fn run(mut self) -> Figures {
        for id in 1..=self.situation.agents {
            self.feed(Input::AgentArrived { agent: AgentId(id), session: SessionId(u64::from(id)), voice: None });
            let leg = LegId((1 << 62) + u64::from(id) - 1);
            self.feed(Input::AgentMediaReachable { leg, reachable: true });
            self.ask(AgentId(id), AgentAction::GoReady);
        }
        self.after(3_600.0 / self.situation.calls_per_hour, Event::Dials);
        while self.records < self.situation.calls {
            let Some(((time, _), event)) = self.events.pop_first() else { break };
            self.now = time as f64;
            match event {
                Event::Dials => self.dials(),
                Event::GivesUp(leg) if self.served.contains(&leg) => {}
                Event::GivesUp(leg) | Event::Done(leg) => self.ends(leg),
            }
        }
        let counted = (self.records - WARM_UP) as f64;
        Figures {
            wait_s: self.waits_ms as f64 / 1_000.0 / counted,
            level: self.within as f64 / counted,
            abandoned: self.left as f64 / counted,
        }
    }

    fn dials(&mut self) {
        self.next += 1;
        let leg = LegId(self.next);
        self.legs.insert(leg);
        if let Some(patience) = self.situation.patience_s {
            self.after(patience, Event::GivesUp(leg));
        }
        let (trunk, caller) = (TrunkId(1), Caller::default());
        let (dialled, origin) = (dialled(), Default::default());
        self.feed(Input::CallOffered(CallOffered { leg, trunk, caller, dialled, offer: None, probe: false, origin }));
        self.after(3_600.0 / self.situation.calls_per_hour, Event::Dials);
    }

    fn ends(&mut self, leg: LegId) {
        self.served.remove(&leg);
        if self.legs.remove(&leg) {
            self.feed(Input::LegEnded { leg, cause: LegEnd::ByeReceived });
        }
    }

    /// After a time drawn from the exponential distribution with this mean, in s.
    fn after(&mut self, mean_s: f64, event: Event) {
        let length_ms = -(1.0 - self.random.f64()).ln() * mean_s * 1_000.0;
        self.sequence += 1;
        self.events.insert(((self.now + length_ms).round() as u64, self.sequence), event);
    }

    fn ask(&mut self, agent: AgentId, action: AgentAction) {
        self.sequence += 1;
        let (session, request) = (self.sessions[&agent], RequestId(self.sequence));
        self.feed(Input::AgentAsked { agent, session, request, action });
    }

    fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let utc = UnixMillis(1_800_000_000_000 + self.now as i64);
            self.core.handle(Now { time: Time(self.now as u64), utc }, input);
            while let Some(command) = self.core.poll() {
                inputs.extend(self.obey(command));
            }
        }
    }

    /// Edges and agents without delay: what is measured is the line alone.
    fn obey(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Media(MediaCommand::OpenTrunk { leg, .. }) => Some(Input::MediaOpened { leg, answer: SessionText("".into()) }),
            Command::Media(MediaCommand::OpenAgent { agent, leg }) => {
                Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("".into()) })
            }
            Command::Media(MediaCommand::Connect { citizen, .. }) => {
                self.served.insert(citizen);
                self.after(self.situation.service_s, Event::Done(citizen));
                None
            }
            Command::Store(StoreCommand::OpenRecording { recording, .. }) => Some(Input::RecordingRowStored { recording }),
            Command::Recording(RecordingCommand::Finish { recording }) => {
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: String::new() };
                Some(Input::RecordingFinished { recording, outcome })
            }
            Command::Store(StoreCommand::Save(record)) => {
                self.records += 1;
                if self.records > WARM_UP {
                    let wait_ms = record.wait_ms.unwrap_or(0);
                    self.waits_ms += wait_ms;
                    self.within += u64::from(record.answered_by_agent && (wait_ms as f64) <= LEVEL_S * 1_000.0);
                    self.left += u64::from(!record.answered_by_agent);
                }
                None
            }
            Command::Agent(AgentCommand::SignedIn { agent, session, .. }) => {
                self.sessions.insert(agent, session);
                None
            }
            Command::Agent(AgentCommand::Show { agent, session, desk }) => {
                let offer = desk.offer?.offer;
                self.sequence += 1;
                Some(Input::AgentAsked { agent, session, request: RequestId(self.sequence), action: AgentAction::Accept(offer) })
            }
            Command::Sip(SipCommand::Refuse { .. } | SipCommand::HangUp { .. }) => unreachable!("nobody is refused in these situations"),
            Command::Sip(_) | Command::Media(_) | Command::Recording(_) | Command::Store(_) | Command::Agent(_) => None,
        }
    }
}

fn dialled() -> PhoneNumber {
    PhoneNumber::parse("12345").expect("a number")
}
