//! The house around the core, by seed: a few agents who do everything that can be done with a call, citizens, experts outside, and edges
//! with small delays. It remembers only what it needs to go on and to judge.

use crate::ears::Ears;
use call_core::command::{AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionEnd, SessionText, SipCommand, StoreCommand};
use call_core::input::{AgentAction, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::ledger::{AgentInterval, FactKind, InteractionRecord};
use call_core::plan::{AgentPlan, Plan, QueuePlan, Strategy};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{
    AgentId, AgentState, CallFunction, Caller, Desk, InteractionId, LegId, NotReadyReason, PhoneNumber, QueueId, RequestId, SessionId,
    Target, TrunkId, UnixMillis,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Calls come until then, in ms.
const CALLS_END: u64 = 900_000;
/// Everything has come to rest until then.
const REST: u64 = CALLS_END + 7_200_000;

/// One seed's house.
pub(crate) struct House {
    random: fastrand::Rng,
    core: Core,
    ears: Ears,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    log: VecDeque<String>,
    desks: BTreeMap<AgentId, Desktop>,
    /// Whose voice path a leg is, and whose it ever was.
    voices: BTreeMap<LegId, AgentId>,
    all_voices: BTreeMap<LegId, AgentId>,
    /// Legs of SIP whose end was not told yet.
    legs: BTreeSet<LegId>,
    /// Of these, those that are answered and belong to a citizen.
    answered: BTreeSet<LegId>,
    calls: BTreeMap<InteractionId, LegId>,
    open: BTreeSet<InteractionId>,
    /// Whose voice path is being opened: their citizens hear nothing for that moment.
    arriving: BTreeSet<AgentId>,
    /// Calls that moved from desk to desk: the books run on over the gap, the ears do not.
    moved: BTreeSet<InteractionId>,
    /// The citizen's leg whose INVITE is being handled.
    dialling: Option<LegId>,
    tallies: BTreeMap<&'static str, u64>,
    stopped: bool,
}

/// An agent's client, and what its session's intervals came to.
#[derive(Default)]
struct Desktop {
    session: Option<SessionId>,
    desk: Option<Desk>,
    intervals: u32,
    tiled_ms: u64,
    signed_in: u64,
}

enum Event {
    Arrives(Input),
    Dials,
    SignsIn(AgentId),
    Clicks(AgentId, SessionId, AgentAction),
    Breaks(AgentId),
    Leaves(LegId, LegEnd),
    Closes,
}

fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::parse(digits).expect("a number")
}

fn queue_number(queue: u32) -> PhoneNumber {
    phone(&format!("{}", 12_345 + queue))
}

fn plan(random: &mut fastrand::Rng) -> Plan {
    let queue = |random: &mut fastrand::Rng| QueuePlan {
        ring_ms: 10_000,
        wrap_up_ms: [0, 5_000][random.usize(0..2)],
        strategy: [Strategy::LongestIdle, Strategy::RingAll][random.usize(0..2)],
        ..QueuePlan::default()
    };
    let agent = |random: &mut fastrand::Rng| AgentPlan {
        queues: (0..2).filter(|_| random.u32(0..3) > 0).map(QueueId).collect(),
        auto_answer_ms: (random.u32(0..5) == 0).then_some(2_000),
        ..AgentPlan::default()
    };
    let mut plan = Plan {
        numbers: (0..2).map(|queue| (queue_number(queue), QueueId(queue))).collect(),
        queues: (0..2).map(|id| (QueueId(id), queue(random))).collect(),
        agents: (1..=random.u32(2..7)).map(|id| (AgentId(id), agent(random))).collect(),
        ..Plan::default()
    };
    plan.limits.functions.held_ms = 20_000;
    plan.limits.functions.residual_ms = 120_000;
    plan.limits.functions.max_transfers = 3;
    plan.limits.lost_ms = 60_000;
    plan
}

impl House {
    /// A house with people of its own, drawn from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plan = plan(&mut random);
        let agents: Vec<AgentId> = plan.agents.keys().copied().collect();
        let mut house = Self {
            random,
            core: Core::new(plan, InteractionId(1)),
            ears: Ears::default(),
            now: 0,
            events: BTreeMap::new(),
            sequence: 0,
            log: VecDeque::new(),
            desks: BTreeMap::new(),
            voices: BTreeMap::new(),
            all_voices: BTreeMap::new(),
            legs: BTreeSet::new(),
            answered: BTreeSet::new(),
            calls: BTreeMap::new(),
            open: BTreeSet::new(),
            arriving: BTreeSet::new(),
            moved: BTreeSet::new(),
            dialling: None,
            tallies: BTreeMap::new(),
            stopped: false,
        };
        for agent in agents {
            house.after(5_000, Event::SignsIn(agent));
            for _ in 0..house.random.u32(0..4) {
                house.after(CALLS_END, Event::Breaks(agent));
            }
            if house.random.u32(0..3) == 0 {
                house.after(CALLS_END, Event::SignsIn(agent));
            }
        }
        house.after(10_000, Event::Dials);
        house.at(CALLS_END, Event::Closes);
        house
    }

    /// Runs until nothing is left to happen, then checks that nothing is left behind.
    pub(crate) fn run(&mut self) {
        loop {
            let event = self.events.first_key_value().map(|((time, _), _)| *time);
            let deadline = self.core.next_deadline().map(|(Time(time), _)| time.max(self.now));
            let Some(next) = event.into_iter().chain(deadline).min() else { break };
            assert!(next < REST, "nothing_leaks: still busy: {:?}", self.core.next_deadline());
            self.now = next;
            let due = self.events.first_key_value().map(|(key, _)| *key).filter(|(time, _)| *time <= next);
            match due.and_then(|key| self.events.remove(&key)) {
                Some(event) => self.happen(event),
                None => self.feed(Input::Tick),
            }
        }
        self.ears.nothing_leaks();
        assert!(self.core.is_idle() && self.open.is_empty(), "nothing_leaks: calls {:?}", self.open);
        assert!(self.legs.is_empty(), "nothing_leaks: legs that nobody hangs up: {:?}", self.legs);
    }

    /// The last inputs.
    pub(crate) fn story(&self) -> String {
        self.log.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// How often what happened.
    pub(crate) fn tallies(&self) -> BTreeMap<&'static str, u64> {
        self.tallies.clone()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives(input) => self.feed(input),
            Event::Dials => self.dials(),
            Event::SignsIn(agent) => self.signs_in(agent),
            Event::Clicks(agent, session, action) => {
                self.sequence += 1;
                let request = RequestId(self.sequence);
                self.feed(Input::AgentAsked { agent, session, request, action });
            }
            Event::Breaks(agent) => self.breaks(agent),
            Event::Leaves(leg, cause) => self.leg_ends(leg, cause),
            Event::Closes => {
                for leg in self.legs.clone() {
                    self.after(120_000, Event::Leaves(leg, LegEnd::ByeReceived));
                }
                self.stopped = true;
                self.at(CALLS_END + 600_000, Event::Arrives(Input::Stop));
            }
        }
    }

    fn feed(&mut self, input: Input) {
        if self.log.len() == 40 {
            self.log.pop_front();
        }
        self.log.push_back(format!("{:>8} {input:?}", self.now));
        let now = Now { time: Time(self.now), utc: UnixMillis(1_800_000_000_000 + i64::try_from(self.now).expect("a day")) };
        match &input {
            Input::LegEnded { leg, .. } => _ = self.answered.remove(leg),
            // Whoever picks up must hear somebody from then on.
            Input::LegAnswered { leg, .. } if self.legs.contains(leg) => _ = self.answered.insert(*leg),
            _ => {}
        }
        self.core.handle(now, input);
        while let Some(command) = self.core.poll() {
            self.obey(command);
        }
        self.judge();
    }

    /// After every input.
    fn judge(&self) {
        self.ears.i1_nobody_talks_twice();
        for leg in self.answered.iter().filter(|_| self.arriving.is_empty()) {
            assert!(self.ears.hears_something(*leg), "nobody in silence: the citizen of leg {leg}");
        }
        for (agent, desktop) in &self.desks {
            let Some(desk) = desktop.desk.as_ref().filter(|_| desktop.session.is_some()) else { continue };
            assert!(desk.offer.is_none() || desk.call.is_none(), "I-1: {agent} has an offer and a call");
            if let Some(view) = &desk.offer {
                assert!(self.open.contains(&view.call.interaction), "I-3: the desk of {agent} rings for a call that is over");
            }
            let in_call = matches!(desk.state, AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound);
            assert!(!in_call || desk.call.is_some(), "I-5: {agent} is {:?} without a call", desk.state);
            if let Some(view) = &desk.call {
                assert!(self.open.contains(&view.interaction), "I-3: the desk of {agent} shows a call that is over");
                self.hears_whom_the_desk_shows(*agent, desk);
            }
        }
    }

    /// I-5, I-35: who is shown as talking hears the citizen, who is shown as holding does not.
    fn hears_whom_the_desk_shows(&self, agent: AgentId, desk: &Desk) {
        let Some(view) = &desk.call else { return };
        let (Some(citizen), Some((leg, _))) = (self.calls.get(&view.interaction), self.voices.iter().find(|(_, who)| **who == agent))
        else {
            return;
        };
        let together = self.ears.are_together(*citizen, *leg);
        match desk.state {
            AgentState::Talking => assert!(together, "I-35: {agent} is shown talking and does not hear the citizen"),
            AgentState::Holding => assert!(!together, "I-35: {agent} is shown holding and hears the citizen"),
            _ => {}
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Sip(command) => self.obey_sip(command),
            Command::Media(command) => {
                self.ears.told(Time(self.now), &command);
                self.obey_media(command);
            }
            Command::Recording(RecordingCommand::Finish { recording }) => {
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                self.soon(Input::RecordingFinished { recording, outcome });
            }
            Command::Recording(_) => {}
            Command::Store(command) => self.obey_store(command),
            Command::Agent(command) => self.obey_gateway(command),
        }
    }

    fn obey_sip(&mut self, command: SipCommand) {
        match command {
            SipCommand::Answer { leg, .. } => _ = self.answered.insert(leg),
            SipCommand::Refuse { leg, .. } | SipCommand::HangUp { leg, .. } => {
                self.answered.remove(&leg);
                self.leg_ends(leg, LegEnd::AsCommanded);
            }
            SipCommand::Dial(dial) => self.is_dialled(dial.leg),
            _ => {}
        }
    }

    /// Somebody outside is called: rings, with or without early media, answers, is busy, or does not answer at all.
    fn is_dialled(&mut self, leg: LegId) {
        assert!(self.legs.insert(leg), "leg {leg} is dialled twice");
        let early = (self.random.u32(0..3) == 0).then(|| SessionText("early".into()));
        let rings = self.now + self.random.u64(0..2_000);
        if self.random.u32(0..5) > 0 {
            self.at(rings, Event::Arrives(Input::LegRinging { leg, early: early.clone() }));
        }
        match self.random.u32(0..10) {
            0 => self.after(5_000, Event::Leaves(leg, LegEnd::Refused { status: 486 })),
            1 => self.after(1_000, Event::Leaves(leg, LegEnd::NoLine)),
            2 => {}
            _ => {
                let answers = rings + self.random.u64(0..15_000);
                let answer = early.is_none().then(|| SessionText("answer".into()));
                self.at(answers, Event::Arrives(Input::LegAnswered { leg, answer }));
                let ends = answers + self.random.u64(0..90_000);
                self.at(ends, Event::Leaves(leg, LegEnd::ByeReceived));
            }
        }
    }

    fn obey_media(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::OpenTrunk { leg, .. } | MediaCommand::OfferTrunk { leg, .. } => {
                let failed = self.random.u32(0..40) == 0;
                let opened = Input::MediaOpened { leg, answer: SessionText("description".into()) };
                self.soon(if failed { Input::MediaFailed { leg, reason: MediaFailure::NoPorts } } else { opened });
            }
            MediaCommand::OpenAgent { agent, leg } => {
                self.voices.retain(|_, who| *who != agent);
                self.voices.insert(leg, agent);
                self.arriving.insert(agent);
                self.all_voices.insert(leg, agent);
                self.soon(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) });
            }
            _ => {}
        }
    }

    fn obey_store(&mut self, command: StoreCommand) {
        match command {
            StoreCommand::Open { interaction, .. } => {
                self.open.insert(interaction);
                if let Some(leg) = self.dialling {
                    self.calls.insert(interaction, leg);
                }
            }
            StoreCommand::OpenRecording { recording, .. } => self.soon(Input::RecordingRowStored { recording }),
            StoreCommand::Note(fact) => self.tally(match fact.kind {
                FactKind::Held { .. } => "held",
                FactKind::Retrieved { .. } => "retrieved",
                FactKind::AsideBegan { .. } => "aside began",
                FactKind::AsideEnded { .. } => "aside failed",
                FactKind::PartyJoined { .. } => "party joined",
                FactKind::PartyLeft { .. } => "party left",
                FactKind::HandedOver { .. } => "handed over",
                FactKind::SentToQueue { .. } => "sent to a queue",
                FactKind::Dialled { .. } => "dialled",
                FactKind::DialEnded { .. } => "reached",
                _ => return,
            }),
            StoreCommand::Save(record) => self.saved(&record),
            StoreCommand::AgentTime(interval) => self.interval(&interval),
            _ => {}
        }
    }

    /// I-10, I-12: one record for each call, and each agent's talk in it is the time that the citizen really heard the agent.
    fn saved(&mut self, record: &InteractionRecord) {
        assert!(self.open.remove(&record.interaction), "I-12: {} is saved twice", record.interaction);
        let Some(citizen) = self.calls.get(&record.interaction).copied() else { return };
        if self.moved.contains(&record.interaction) {
            return;
        }
        let mut heard: BTreeMap<AgentId, u64> = BTreeMap::new();
        for (_, leg, length_ms) in self.ears.spells.iter().filter(|(name, ..)| *name == citizen) {
            *heard.entry(self.agent_of_leg(*leg)).or_insert(0) += length_ms;
        }
        let mut booked: BTreeMap<AgentId, u64> = BTreeMap::new();
        for segment in &record.segments {
            assert!(segment.talk_ms <= record.length_ms, "I-10: a talk is longer than its call");
            *booked.entry(segment.agent).or_insert(0) += segment.talk_ms;
        }
        let (heard, booked) = (drop_zero(heard), drop_zero(booked));
        assert_eq!(booked, heard, "I-10: talk of {} in the books and as it was heard", record.interaction);
        self.ears.spells.retain(|(name, ..)| *name != citizen);
    }

    fn agent_of_leg(&self, leg: LegId) -> AgentId {
        self.all_voices.get(&leg).copied().expect("the leg of an agent")
    }

    /// I-13: intervals tile the session.
    fn interval(&mut self, interval: &AgentInterval) {
        let desktop = self.desks.entry(interval.agent).or_default();
        if interval.number == 1 {
            (desktop.intervals, desktop.tiled_ms, desktop.signed_in) = (0, 0, self.now - interval.length_ms);
        }
        desktop.intervals += 1;
        assert_eq!((interval.number, interval.offset_ms), (desktop.intervals, desktop.tiled_ms), "I-13: intervals do not tile");
        desktop.tiled_ms += interval.length_ms;
        assert_eq!(desktop.tiled_ms, self.now - desktop.signed_in, "I-13: an interval does not end now");
    }

    fn obey_gateway(&mut self, command: AgentCommand) {
        match command {
            AgentCommand::SignedIn { agent, session, .. } => {
                self.arriving.remove(&agent);
                let desktop = self.desks.entry(agent).or_default();
                (desktop.session, desktop.desk) = (Some(session), None);
                let leg = self.voices.iter().find(|(_, who)| **who == agent).map(|(leg, _)| *leg).expect("a voice path");
                self.soon(Input::AgentMediaReachable { leg, reachable: true });
                self.soon(Input::AgentAttentive { agent, session, attentive: true });
            }
            AgentCommand::SignInFailed { agent, session } => {
                self.arriving.remove(&agent);
                self.session_ends(agent, session);
            }
            AgentCommand::SignedOut { agent, session, why } => {
                if why == SessionEnd::Superseded {
                    let desk = self.desks.get(&agent).and_then(|desktop| desktop.desk.as_ref());
                    self.moved.extend(desk.and_then(|desk| desk.call.as_ref()).map(|view| view.interaction));
                }
                self.session_ends(agent, session);
            }
            AgentCommand::Show { agent, session, desk } => {
                self.react(agent, session, &desk);
                self.desks.entry(agent).or_default().desk = Some(*desk);
            }
            _ => {}
        }
    }

    fn session_ends(&mut self, agent: AgentId, session: SessionId) {
        let desktop = self.desks.entry(agent).or_default();
        if desktop.session == Some(session) {
            (desktop.session, desktop.desk) = (None, None);
            self.after(20_000, Event::SignsIn(agent));
        }
    }

    /// What a person does when the desk looks like this.
    fn react(&mut self, agent: AgentId, session: SessionId, desk: &Desk) {
        if self.stopped {
            return;
        }
        let clicks = |action| Event::Clicks(agent, session, action);
        let roll = self.random.u32(0..100);
        match desk.state {
            AgentState::NotReady(_) if roll < 10 => self.after(10_000, clicks(AgentAction::Dial(phone("13912345678").into()))),
            AgentState::NotReady(_) => self.after(10_000, clicks(AgentAction::GoReady)),
            AgentState::Ready if roll < 15 => self.after(20_000, clicks(AgentAction::Dial(phone("13912345678").into()))),
            AgentState::Ready if roll < 20 => self.after(20_000, clicks(AgentAction::GoNotReady(NotReadyReason::Break))),
            AgentState::Offered => {
                let Some(view) = &desk.offer else { return };
                let action = if roll < 85 { AgentAction::Accept(view.offer) } else { AgentAction::Reject(view.offer) };
                self.after(4_000, clicks(action));
            }
            AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound => {
                let Some(call) = desk.call.as_ref().map(|view| view.interaction) else { return };
                for _ in 0..self.random.u32(1..3) {
                    let function = self.function();
                    self.after(12_000, clicks(AgentAction::Call(call, function)));
                }
                if roll < 30 {
                    self.after(40_000, clicks(AgentAction::HangUp(call)));
                }
                if roll > 96 {
                    self.after(20_000, clicks(AgentAction::SignOut));
                }
            }
            AgentState::WrapUp => self.after(8_000, clicks(AgentAction::EndWrapUp)),
            AgentState::Ready | AgentState::Lost => {}
        }
    }

    fn function(&mut self) -> CallFunction {
        let to = match self.random.u32(0..4) {
            0 => Target::Queue(QueueId(self.random.u32(0..2))),
            1 => Target::Number(phone("13800000000").into()),
            _ => Target::Agent(AgentId(self.random.u32(1..7))),
        };
        match self.random.u32(0..14) {
            0 | 1 => CallFunction::Hold,
            2 | 3 => CallFunction::Retrieve,
            4 | 5 => CallFunction::Consult { to },
            6 => CallFunction::Invite { to },
            7 => CallFunction::Transfer { to },
            8 => CallFunction::Swap,
            9 => CallFunction::Merge,
            10 => CallFunction::Complete,
            11 => CallFunction::Cancel,
            12 => CallFunction::Leave,
            _ => CallFunction::PressKeys { keys: "1".to_owned() },
        }
    }

    fn dials(&mut self) {
        if self.now >= CALLS_END {
            return;
        }
        self.sequence += 1;
        let leg = LegId(self.sequence);
        self.legs.insert(leg);
        let (dialled, trunk) = (queue_number(self.random.u32(0..2)), TrunkId(1));
        let caller = Caller { number: Some(phone(&format!("1390000{:04}", self.sequence % 10_000)).into()) };
        let (offer, probe, origin) = (None, false, Default::default());
        self.dialling = Some(leg);
        self.feed(Input::CallOffered(CallOffered { leg, trunk, caller, dialled, offer, probe, origin }));
        self.dialling = None;
        self.after(200_000, Event::Leaves(leg, LegEnd::ByeReceived));
        self.after(30_000, Event::Dials);
    }

    fn signs_in(&mut self, agent: AgentId) {
        if self.now < CALLS_END {
            let in_call = self.desks.get(&agent).and_then(|desktop| desktop.desk.as_ref()).is_some_and(|desk| desk.call.is_some());
            if in_call {
                self.tally("desk taken over");
            }
            self.sequence += 1;
            self.feed(Input::AgentArrived { agent, session: SessionId(self.sequence) });
        }
    }

    /// The connection breaks for a while, now and then for so long that the agent is lost.
    fn breaks(&mut self, agent: AgentId) {
        let desktop = self.desks.entry(agent).or_default();
        let Some(session) = desktop.session else { return };
        let in_call = desktop.desk.as_ref().is_some_and(|desk| desk.call.is_some());
        self.feed(Input::AgentDisconnected { agent, session });
        let away = [1_000, 40_000, 70_000, 300_000][self.random.usize(0..4)];
        if in_call && away > 60_000 {
            self.tally("agent gone in a call");
        }
        let back = self.now + away;
        self.at(back, Event::Arrives(Input::AgentResumed { agent, session }));
    }

    /// Told exactly once per leg.
    fn leg_ends(&mut self, leg: LegId, cause: LegEnd) {
        if self.legs.remove(&leg) {
            self.soon(Input::LegEnded { leg, cause });
        }
    }

    fn tally(&mut self, what: &'static str) {
        *self.tallies.entry(what).or_insert(0) += 1;
    }

    fn soon(&mut self, input: Input) {
        let when = self.now + self.random.u64(0..20);
        self.at(when, Event::Arrives(input));
    }

    fn after(&mut self, at_most_ms: u64, event: Event) {
        let when = self.now + self.random.u64(0..=at_most_ms);
        self.at(when, event);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((time, self.sequence), event);
    }
}

fn drop_zero(times: BTreeMap<AgentId, u64>) -> BTreeMap<AgentId, u64> {
    times.into_iter().filter(|(_, length_ms)| *length_ms > 0).collect()
}
