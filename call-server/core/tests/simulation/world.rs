//! The world around the core, by seed: citizens, agents' desktops and the five edges, each with its own delays, faults and order.
//!
//! Within one edge messages keep their order; between edges they do not. Not a model of right and wrong: that is `watch`.

use crate::watch::Watch;
use call_core::command::{AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionEnd, SessionText, SipCommand, StoreCommand};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::plan::{
    AgentPlan, BlockEntry, BlockLevel, Callers, Exit, FavourEntry, Limits, Membership, NoAnswer, NumberPattern, Overflow, Plan, Priority,
    QueuePlan, Relaxation, SkillId, SkillNeed, Strategy, WrapUpRule,
};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{
    AgentId, AgentState, Caller, CallerCard, Desk, InteractionId, LegId, NotReadyReason, OfferId, PhoneNumber, QueueId, RequestId,
    SessionId, TrunkId, UnixMillis,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Inputs that a failure report shows.
const LOG_LENGTH: usize = 30;
/// Everything must have come to rest this long after the last call, in ms.
const REST_MS: u64 = 3_600_000;

/// Who calls: mostly people on no list.
const CALLERS: [&str; 8] =
    ["13900000001", "13900000002", "13900000003", "13900000004", "0213", "013900000007", "13900000008", "13900000009"];
/// Instead of points: the caller is refused.
pub(crate) const REJECTED: i32 = i32::MIN;

/// What the lists of [`draw_plan`] say about a number.
pub(crate) fn listed_points(number: &str) -> i32 {
    match number {
        "013900000007" => REJECTED,
        "13900000008" => -40,
        "13900000009" => 50,
        _ => 0,
    }
}

fn lists() -> Callers {
    let pattern = |number: &str| NumberPattern { number: PhoneNumber::parse(number).expect("a number"), prefix: false };
    let block = |entry, number, level, expires| BlockEntry { entry, callers: pattern(number), level, expires };
    let blocked = vec![
        block(1, "+8613900000007", BlockLevel::Reject, None),
        block(2, "13900000008", BlockLevel::LowPriority(40), None),
        block(3, "13900000001", BlockLevel::Reject, Some(UnixMillis(1_000))),
    ];
    let favoured = vec![FavourEntry { entry: 1, callers: pattern("13900000009"), points: 50, mark: None, expires: None }];
    Callers { blocked, favoured, ..Callers::default() }
}

/// One seed's world.
pub(crate) struct World {
    random: fastrand::Rng,
    core: Core,
    watch: Watch,
    plan: Plan,
    now: u64,
    /// The wall clock minus the monotonic one; steps now and then.
    wall: i64,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    edges: [u64; 5],
    legs: BTreeSet<LegId>,
    desktops: BTreeMap<AgentId, Desktop>,
    next_leg: u64,
    next_session: u64,
    next_request: u64,
    call_gap_ms: u64,
    calls_end: u64,
    /// Inputs handled.
    pub(crate) inputs: u64,
    /// All inputs with their times, and all commands that followed, if somebody wants to replay them.
    pub(crate) journal: Option<Journal>,
    log: VecDeque<String>,
}

/// A whole run, to be compared with its replay.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) inputs: Vec<(Now, Input)>,
    pub(crate) commands: Vec<Command>,
}

/// An agent's client.
#[derive(Default)]
struct Desktop {
    session: Option<SessionId>,
    connected: bool,
    leg: Option<LegId>,
}

/// An edge with an order of its own.
#[derive(Clone, Copy)]
enum Edge {
    Sip,
    Media,
    Recording,
    Store,
    Gateway,
}

/// What happens at a given time.
enum Event {
    /// An edge's message arrives.
    Arrives(Input),
    /// A citizen dials.
    Dials,
    /// The citizen's side ends the leg.
    Leaves(LegId, LegEnd),
    /// Somebody enters name and password.
    SignsIn(AgentId),
    /// A click.
    Clicks(AgentId, SessionId, AgentAction),
    /// The connection breaks.
    Breaks(AgentId),
    /// The client comes back.
    Resumes(AgentId, SessionId),
    /// Packets stop or arrive again.
    Voice(LegId, bool),
    /// The configuration changes.
    Reconfigured,
    /// The operator stops the server.
    Stops,
    /// No more calls; whoever is still there goes home.
    Closes,
}

impl World {
    /// A world with a plan, people and plans of theirs, all drawn from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plan = draw_plan(&mut random);
        let core = Core::new(plan.clone(), InteractionId(1));
        let agents: Vec<AgentId> = plan.agents.keys().copied().collect();
        let calls_end = random.u64(300_000..2_400_000);
        let mut world = Self {
            call_gap_ms: random.u64(1_500..40_000),
            random,
            core,
            watch: Watch::new(plan.clone()),
            plan,
            now: 0,
            wall: 1_800_000_000_000,
            events: BTreeMap::new(),
            sequence: 0,
            edges: [0; 5],
            legs: BTreeSet::new(),
            desktops: BTreeMap::new(),
            next_leg: 1,
            next_session: 1,
            next_request: 1,
            calls_end,
            inputs: 0,
            journal: None,
            log: VecDeque::new(),
        };
        world.at(0, Event::Dials);
        for agent in agents {
            let when = world.random.u64(0..20_000);
            world.at(when, Event::SignsIn(agent));
            world.plan_disturbances(agent);
        }
        if world.chance(30) {
            let when = world.random.u64(0..calls_end);
            world.at(when, Event::Reconfigured);
        }
        if world.chance(20) {
            let when = world.random.u64(0..calls_end);
            world.at(when, Event::Stops);
        }
        world.at(calls_end, Event::Closes);
        world
    }

    /// Runs until nothing is left to happen, then checks that nothing is left behind.
    pub(crate) fn run(&mut self) {
        while let Some(next) = self.next_time() {
            assert!(
                next < self.calls_end + REST_MS,
                "nothing_leaks: still busy an hour after the last call: {:?}",
                self.core.next_deadline()
            );
            self.now = next;
            let first = self.events.first_key_value().map(|(key, _)| *key).filter(|(time, _)| *time <= next);
            match first.and_then(|key| self.events.remove(&key)) {
                Some(event) => self.happen(event),
                None => self.step(Input::Tick),
            }
        }
        self.watch.at_rest(&self.core);
    }

    /// The configuration as it is now.
    pub(crate) fn plan(&self) -> Plan {
        self.plan.clone()
    }

    /// How often what happened.
    pub(crate) fn tallies(&self) -> &BTreeMap<&'static str, u64> {
        &self.watch.tallies
    }

    /// What a failure report needs: simulated time and the last inputs.
    pub(crate) fn story(&self) -> String {
        let lines: Vec<&str> = self.log.iter().map(String::as_str).collect();
        format!("at {} ms; the last inputs:\n{}", self.now, lines.join("\n"))
    }

    /// The nearest event, or the core's deadline with a little lateness.
    fn next_time(&mut self) -> Option<u64> {
        let event = self.events.first_key_value().map(|((time, _), _)| *time);
        let late = if self.chance(20) { self.random.u64(0..40) } else { 0 };
        let deadline = self.core.next_deadline().map(|(Time(time), _)| (time + late).max(self.now));
        match (event, deadline) {
            (Some(event), Some(deadline)) => Some(event.min(deadline)),
            (event, deadline) => event.or(deadline),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives(input) => {
                // Often deadlines fire on their own just before, so that what follows is the doing of the input alone.
                let alone = self.chance(70);
                if alone {
                    self.step(Input::Tick);
                }
                self.watch.alone = alone;
                self.step(input);
                self.watch.alone = false;
            }
            Event::Dials => self.dials(),
            Event::Leaves(leg, cause) => self.leg_ends(leg, cause),
            Event::SignsIn(agent) => self.signs_in(agent),
            Event::Clicks(agent, session, action) => self.clicks(agent, session, action),
            Event::Breaks(agent) => self.breaks(agent),
            Event::Resumes(agent, session) => self.resumes(agent, session),
            Event::Voice(leg, reachable) => self.send(Edge::Media, Input::AgentMediaReachable { leg, reachable }),
            Event::Reconfigured => self.reconfigured(),
            Event::Stops => self.send(Edge::Gateway, Input::Stop),
            Event::Closes => self.closes(),
        }
    }

    /// Feeds one input and lets the edges act on the commands.
    fn step(&mut self, input: Input) {
        if self.random.u32(0..2_000) == 0 {
            self.wall += self.random.i64(-5_000..5_000);
        }
        let utc = UnixMillis(self.wall + i64::try_from(self.now).expect("simulated hours fit"));
        let now = Now { time: Time(self.now), utc };
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        if !matches!(input, Input::PlanChanged(_)) {
            self.log.push_back(format!("{:>9} {input:?}", self.now));
        }
        self.inputs += 1;
        if let Some(journal) = &mut self.journal {
            journal.inputs.push((now, input.clone()));
        }
        self.watch.before(now.time, &input);
        self.core.handle(now, input);
        while let Some(command) = self.core.poll() {
            self.watch.command(&command);
            if let Some(journal) = &mut self.journal {
                journal.commands.push(command.clone());
            }
            self.obey(command);
        }
        self.watch.after(&self.core);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Sip(command) => self.obey_sip(command),
            Command::Media(command) => self.obey_media(command),
            Command::Recording(command) => self.obey_recording(command),
            Command::Store(command) => self.obey_store(command),
            Command::Agent(command) => self.obey_gateway(command),
        }
    }

    fn obey_sip(&mut self, command: SipCommand) {
        match command {
            SipCommand::Ring { .. } | SipCommand::Dial(_) | SipCommand::PressKeys { .. } => {}
            SipCommand::Answer { leg, .. } if self.chance(98) => self.send(Edge::Sip, Input::LegConfirmed { leg }),
            SipCommand::Answer { leg, .. } => self.after(32_000, Event::Leaves(leg, LegEnd::Timeout)),
            SipCommand::Refuse { leg, .. } | SipCommand::HangUp { leg, .. } => self.leg_ends(leg, LegEnd::AsCommanded),
        }
    }

    fn obey_media(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::OpenTrunk { leg, .. } => match self.random.u32(0..100) {
                0 => {}
                1 => self.send(Edge::Media, Input::MediaFailed { leg, reason: MediaFailure::NoPorts }),
                2 => self.send(Edge::Media, Input::MediaFailed { leg, reason: MediaFailure::NoCommonCodec }),
                _ => self.send(Edge::Media, Input::MediaOpened { leg, answer: SessionText("answer".into()) }),
            },
            MediaCommand::OpenAgent { agent, leg } => match self.random.u32(0..100) {
                0..3 => {}
                3..6 => self.send(Edge::Media, Input::MediaFailed { leg, reason: MediaFailure::Io }),
                _ => {
                    self.send(Edge::Media, Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) });
                    self.desktops.entry(agent).or_default().leg = Some(leg);
                    self.after(300, Event::Voice(leg, true));
                }
            },
            MediaCommand::Connect { citizen, .. } if self.random.u32(0..150) == 0 => {
                self.send(Edge::Media, Input::MediaFailed { leg: citizen, reason: MediaFailure::Io });
            }
            MediaCommand::Announce { leg, .. } => {
                self.send(Edge::Media, Input::AnnouncementEnded { leg, end: AnnouncementEnd::Finished });
            }
            MediaCommand::OfferTrunk { .. } | MediaCommand::Confer { .. } | MediaCommand::Hold { .. } => {}
            MediaCommand::Connect { .. }
            | MediaCommand::Follow { .. }
            | MediaCommand::Play { .. }
            | MediaCommand::Disconnect { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::MaskKeys { .. }
            | MediaCommand::Close { .. } => {}
        }
    }

    fn obey_recording(&mut self, command: RecordingCommand) {
        match command {
            RecordingCommand::Prepare { .. } => {}
            RecordingCommand::Write { recording } if self.chance(97) => {
                let _ = recording;
            }
            RecordingCommand::Write { recording } => {
                let outcome = RecordingOutcome::Failed { reason: "disk full".into() };
                self.send(Edge::Recording, Input::RecordingFinished { recording, outcome });
            }
            RecordingCommand::Finish { recording } if self.chance(96) => {
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                self.send(Edge::Recording, Input::RecordingFinished { recording, outcome });
            }
            RecordingCommand::Finish { .. } => {}
        }
    }

    fn obey_store(&mut self, command: StoreCommand) {
        match command {
            StoreCommand::FindCard { interaction, .. } => {
                let card = self.random.bool().then(CallerCard::default);
                self.send(Edge::Store, Input::CardFound { interaction, card });
            }
            StoreCommand::OpenRecording { recording, .. } if self.chance(97) => {
                self.send(Edge::Store, Input::RecordingRowStored { recording });
            }
            StoreCommand::OpenRecording { .. }
            | StoreCommand::Open { .. }
            | StoreCommand::CloseRecording { .. }
            | StoreCommand::Note(_)
            | StoreCommand::Save(_)
            | StoreCommand::AgentTime(_)
            | StoreCommand::TalkMeasured(_) => {}
        }
    }

    fn obey_gateway(&mut self, command: AgentCommand) {
        match command {
            AgentCommand::SignedIn { agent, session, .. } => {
                let desktop = self.desktops.entry(agent).or_default();
                (desktop.session, desktop.connected) = (Some(session), true);
            }
            // The same person sits at another desktop already.
            AgentCommand::SignedOut { why: SessionEnd::Superseded, .. } => {}
            AgentCommand::SignInFailed { agent, session } | AgentCommand::SignedOut { agent, session, .. } => {
                let desktop = self.desktops.entry(agent).or_default();
                if desktop.session == Some(session) || desktop.session.is_none() {
                    desktop.session = None;
                    self.after(90_000, Event::SignsIn(agent));
                }
            }
            AgentCommand::Show { agent, session, desk } => {
                if self.now < self.calls_end {
                    self.react(agent, session, &desk);
                }
            }
            AgentCommand::Done { .. }
            | AgentCommand::Refuse { .. }
            | AgentCommand::Floor(_)
            | AgentCommand::Voice { .. }
            | AgentCommand::TalkHealth { .. } => {}
        }
    }

    /// What a person does when the desk looks like this; often too late, sometimes twice, sometimes not at all.
    fn react(&mut self, agent: AgentId, session: SessionId, desk: &Desk) {
        let clicks = |action| Event::Clicks(agent, session, action);
        let roll = self.random.u32(0..100);
        match desk.state {
            AgentState::NotReady(_) => self.after(30_000, clicks(AgentAction::GoReady)),
            AgentState::Ready if roll < 10 => self.after(120_000, clicks(AgentAction::GoNotReady(NotReadyReason::Break))),
            AgentState::Ready if roll < 12 => self.after(120_000, clicks(AgentAction::SignOut)),
            AgentState::Ready | AgentState::Lost | AgentState::Holding | AgentState::Consulting | AgentState::Outbound => {}
            AgentState::Offered => {
                let Some(offer) = desk.offer.as_ref().map(|view| view.offer) else { return };
                self.react_to_offer(agent, session, offer, roll);
            }
            AgentState::Talking => {
                let Some(call) = desk.call.as_ref() else { return };
                self.after(100_000, clicks(AgentAction::HangUp(call.interaction)));
                let reason = NotReadyReason::CHOOSABLE[self.random.usize(0..5)];
                match roll {
                    0..20 => self.after(60_000, clicks(AgentAction::GoNotReady(reason))),
                    20..26 => self.after(60_000, clicks(AgentAction::SignOut)),
                    26..30 => self.after(60_000, clicks(AgentAction::GoNotReady(NotReadyReason::System))),
                    _ => {}
                }
                if roll < 13 {
                    self.after(60_000, clicks(AgentAction::GoReady));
                }
            }
            AgentState::WrapUp => match roll {
                0..40 => self.after(20_000, clicks(AgentAction::EndWrapUp)),
                40..50 => self.after(20_000, clicks(AgentAction::GoReady)),
                50..60 => self.after(20_000, clicks(AgentAction::GoNotReady(NotReadyReason::Meal))),
                60..63 => self.after(20_000, clicks(AgentAction::SignOut)),
                63..85 => self.after(5_000, clicks(AgentAction::ExtendWrapUp)),
                _ => {}
            },
        }
    }

    fn react_to_offer(&mut self, agent: AgentId, session: SessionId, offer: OfferId, roll: u32) {
        let clicks = |action| Event::Clicks(agent, session, action);
        match roll {
            0..60 => self.after(6_000, clicks(AgentAction::Accept(offer))),
            60..70 => self.after(25_000, clicks(AgentAction::Accept(offer))),
            70..80 => self.after(5_000, clicks(AgentAction::Reject(offer))),
            80..84 => self.after(5_000, clicks(AgentAction::GoNotReady(NotReadyReason::Meeting))),
            84..86 => self.after(5_000, clicks(AgentAction::SignOut)),
            86..89 => self.after(5_000, Event::Breaks(agent)),
            _ => {}
        }
        if roll.is_multiple_of(9) {
            self.after(10_000, clicks(AgentAction::Accept(offer)));
            self.after(10_000, clicks(AgentAction::Reject(offer)));
        }
    }

    fn dials(&mut self) {
        if self.now >= self.calls_end {
            return;
        }
        let leg = LegId(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(leg);
        let known = self.random.u32(0..10) > 0;
        let dialled = if known { format!("{}", 100 + self.random.usize(0..self.plan.queues.len())) } else { "999".to_owned() };
        let number = self.chance(80).then(|| PhoneNumber::parse(CALLERS[self.random.usize(0..CALLERS.len())]).expect("a number").into());
        let probe = self.chance(5);
        let offered = CallOffered {
            leg,
            trunk: TrunkId(0),
            caller: Caller { number },
            dialled: PhoneNumber::parse(&dialled).expect("a number"),
            offer: None,
            probe,
            origin: Default::default(),
        };
        self.send(Edge::Sip, Input::CallOffered(offered));
        let patience = if self.chance(5) { 200 } else { 300_000 };
        let cause = match self.random.u32(0..20) {
            0 => LegEnd::CancelReceived,
            1 => LegEnd::Timeout,
            2 => LegEnd::ProtocolError,
            _ => LegEnd::ByeReceived,
        };
        self.after(patience, Event::Leaves(leg, cause));
        let gap = self.random.u64(0..self.call_gap_ms * 2);
        self.at(self.now + gap, Event::Dials);
    }

    /// Told exactly once per leg.
    fn leg_ends(&mut self, leg: LegId, cause: LegEnd) {
        if self.legs.remove(&leg) {
            self.send(Edge::Sip, Input::LegEnded { leg, cause });
        }
    }

    fn signs_in(&mut self, agent: AgentId) {
        if self.now < self.calls_end {
            let session = SessionId(self.next_session);
            self.next_session += 1;
            self.desktops.entry(agent).or_default().session = None;
            self.send(Edge::Gateway, Input::AgentArrived { agent, session });
            if self.chance(2) {
                self.send(Edge::Gateway, Input::AgentDisconnected { agent, session });
            }
        }
    }

    fn clicks(&mut self, agent: AgentId, session: SessionId, action: AgentAction) {
        let desktop = self.desktops.entry(agent).or_default();
        let there = desktop.connected && desktop.session == Some(session);
        // Now and then a message of a session that is over is still under way.
        if there || self.chance(3) {
            let request = RequestId(self.next_request);
            self.next_request += 1;
            self.send(Edge::Gateway, Input::AgentAsked { agent, session, request, action });
        }
    }

    fn breaks(&mut self, agent: AgentId) {
        let desktop = self.desktops.entry(agent).or_default();
        let (Some(session), true) = (desktop.session, desktop.connected) else { return };
        desktop.connected = false;
        let leg = desktop.leg;
        self.send(Edge::Gateway, Input::AgentDisconnected { agent, session });
        let away = [1_000, 20_000, 45_000, 80_000, 500_000][self.random.usize(0..5)];
        if let Some(leg) = leg.filter(|_| self.random.bool()) {
            self.after(3_000, Event::Voice(leg, false));
            self.after(away + 8_000, Event::Voice(leg, true));
        }
        self.after(away, Event::Resumes(agent, session));
    }

    fn resumes(&mut self, agent: AgentId, session: SessionId) {
        let desktop = self.desktops.entry(agent).or_default();
        if desktop.session == Some(session) {
            desktop.connected = true;
        }
        self.send(Edge::Gateway, Input::AgentResumed { agent, session });
    }

    fn plan_disturbances(&mut self, agent: AgentId) {
        for _ in 0..self.random.u32(0..4) {
            let when = self.random.u64(0..self.calls_end);
            self.at(when, Event::Breaks(agent));
        }
        if self.chance(40) {
            let when = self.random.u64(0..self.calls_end);
            self.at(when, Event::SignsIn(agent));
        }
        for _ in 0..self.random.u32(0..3) {
            let leg = LegId((1 << 62) + self.random.u64(0..12));
            let when = self.random.u64(0..self.calls_end);
            self.at(when, Event::Voice(leg, false));
            let back = when + self.random.u64(0..30_000);
            self.at(back, Event::Voice(leg, true));
        }
    }

    fn reconfigured(&mut self) {
        let fresh = draw_plan(&mut self.random);
        for (queue, plan) in &mut self.plan.queues {
            if let Some(changed) = fresh.queues.get(queue) {
                *plan = changed.clone();
            }
        }
        let queues: Vec<QueueId> = self.plan.queues.keys().copied().collect();
        for agent in self.plan.agents.values_mut() {
            agent.queues.retain(|_| self.random.bool());
            agent.queues.push(queues[self.random.usize(0..queues.len())]);
        }
        self.send(Edge::Gateway, Input::PlanChanged(Box::new(self.plan.clone())));
    }

    /// Everybody goes home: what is under way comes to its end.
    fn closes(&mut self) {
        let agents: Vec<AgentId> = self.desktops.keys().copied().collect();
        for leg in self.legs.clone() {
            self.after(60_000, Event::Leaves(leg, LegEnd::ByeReceived));
        }
        for agent in agents {
            if let Some(session) = self.desktops.get(&agent).and_then(|desktop| desktop.session) {
                self.at(self.now + 400_000, Event::Clicks(agent, session, AgentAction::SignOut));
                self.at(self.now + 500_000, Event::Breaks(agent));
            }
        }
    }

    /// A message of an edge: late by chance, in order within the edge.
    fn send(&mut self, edge: Edge, input: Input) {
        let delay = match self.random.u32(0..20) {
            0 => self.random.u64(0..2_000),
            1..6 => 0,
            _ => self.random.u64(0..30),
        };
        let slot = &mut self.edges[edge as usize];
        *slot = (*slot).max(self.now + delay);
        let when = *slot;
        self.at(when, Event::Arrives(input));
    }

    fn after(&mut self, at_most_ms: u64, event: Event) {
        let delay = self.random.u64(0..=at_most_ms);
        self.at(self.now + delay, event);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((time, self.sequence), event);
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }
}

fn draw_plan(random: &mut fastrand::Rng) -> Plan {
    let queues: Vec<QueueId> = (0..random.u32(1..4)).map(QueueId).collect();
    let agents = (0..random.u32(1..7)).map(|index| {
        let served = queues.iter().copied().filter(|_| random.u32(0..3) > 0).collect();
        let memberships = queues.iter().map(|queue| (*queue, draw_membership(random))).collect();
        let skills = (0..random.u32(0..4)).map(|_| (SkillId(random.u32(0..3)), random.u8(1..=9))).collect();
        let (number, name) = (format!("{}", 1_001 + index), "话务员".to_owned());
        (AgentId(1_001 + index), AgentPlan { number, name, queues: served, memberships, skills, ..AgentPlan::default() })
    });
    let agents = agents.collect();
    let limits = Limits {
        max_interactions: random.usize(3..40),
        exclude_ms: [0, 20_000, 60_000][random.usize(0..3)],
        lost_ms: [20_000, 300_000][random.usize(0..2)],
        shift_gap_ms: [60_000, 14_400_000][random.usize(0..2)],
        ..Limits::default()
    };
    let rules = |random: &mut fastrand::Rng| QueuePlan {
        no_answer: [NoAnswer::NotReady, NoAnswer::SkipOnly, NoAnswer::NotReadyAfter { misses: 2 }][random.usize(0..3)],
        wrap_up: WrapUpRule { until_saved: random.bool(), extensions: random.u8(0..3), extension_ms: 7_000 },
        overflow: draw_overflow(random, queues.len()),
        name: "政务咨询".to_owned(),
        ring_ms: random.u64(4_000..20_000),
        wrap_up_ms: [0, 5_000, 20_000][random.usize(0..3)],
        max_wait_ms: [0, 15_000, 120_000][random.usize(0..3)],
        max_waiting: random.usize(2..20),
        strategy: draw_strategy(random),
        needs: if random.u32(0..3) == 0 { draw_needs(random) } else { Vec::new() },
        tiers: if random.u32(0..3) == 0 { draw_tiers(random) } else { BTreeMap::new() },
        priority: draw_priority(random),
        ..QueuePlan::default()
    };
    Plan {
        numbers: queues.iter().map(|queue| (PhoneNumber::parse(&format!("{}", 100 + queue.0)).expect("a number"), *queue)).collect(),
        queues: queues.iter().map(|queue| (*queue, rules(random))).collect(),
        agents,
        limits,
        callers: lists(),
        seed: random.u64(..),
        ..Plan::default()
    }
}

fn draw_strategy(random: &mut fastrand::Rng) -> Strategy {
    match random.u32(0..10) {
        0 => Strategy::LeastOccupied,
        1 => Strategy::RoundRobin,
        2 => Strategy::Linear,
        3 => Strategy::Random,
        4 => Strategy::WeightedRandom,
        5..7 => Strategy::RingAll,
        7 => Strategy::Progressive { more: random.u32(1..3), every_ms: random.u64(1_000..6_000) },
        _ => Strategy::LongestIdle,
    }
}

fn draw_membership(random: &mut fastrand::Rng) -> Membership {
    Membership { order: random.u32(0..3), weight: random.u32(0..4), tier: random.u8(1..4) }
}

fn draw_needs(random: &mut fastrand::Rng) -> Vec<SkillNeed> {
    let needs = (0..random.u32(1..3)).map(|skill| {
        let steps = random.u32(0..3);
        let relaxed = (0..steps).map(|_| Relaxation { after_ms: random.u64(0..60_000), minimum: random.u8(0..6) }).collect();
        SkillNeed { skill: SkillId(skill), minimum: random.u8(0..9), relaxed }
    });
    needs.collect()
}

fn draw_tiers(random: &mut fastrand::Rng) -> BTreeMap<u8, u64> {
    BTreeMap::from([(2, random.u64(0..20_000)), (3, random.u64(5_000..60_000))])
}

fn draw_priority(random: &mut fastrand::Rng) -> Priority {
    match random.u32(0..3) {
        0 => Priority::default(),
        _ => Priority {
            weight: random.i32(-60..60),
            slope: random.u32(0..4),
            returned: random.i32(0..100),
            guard_ms: [0, 20_000, 90_000][random.usize(0..3)],
        },
    }
}

fn draw_overflow(random: &mut fastrand::Rng, queues: usize) -> Overflow {
    let mut exit =
        || if random.bool() { Exit::Refuse } else { Exit::Queue(QueueId(random.u32(0..4) % u32::try_from(queues).unwrap_or(1))) };
    let (full, timeout, nobody, not_ready) = (exit(), exit(), exit(), exit());
    let (nobody_signed_in, all_not_ready) = (random.bool().then_some(nobody), (random.u32(0..3) == 0).then_some(not_ready));
    Overflow { full, timeout, nobody_signed_in, all_not_ready }
}
