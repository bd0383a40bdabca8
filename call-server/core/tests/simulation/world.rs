//! The world around the core, by seed: citizens, agents' desktops and the five edges, each with its own delays, faults and order.
//!
//! Within one edge messages keep their order; between edges they do not. Not a model of right and wrong: that is `watch`.

use crate::draw::{self, CALLERS, number_of, phone};
use crate::people;
use crate::record::{self, Record, Step};
use crate::watch::Watch;
use call_core::command::{
    AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionEnd, SessionText, SipCommand, StoreCommand, VoiceTerms,
};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::journal::{JournalLine, without_secrets};
use call_core::plan::Plan;
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{AgentId, Caller, CallerCard, InteractionId, LegId, QueueId, RequestId, SessionId, TrunkId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// Everything must have come to rest this long after the last call, in ms: a callback, whose time is the wall clock's, that was set back
/// an hour, is the last.
const REST_MS: u64 = 9_000_000;

/// One seed's world.
pub(crate) struct World {
    pub(crate) random: fastrand::Rng,
    core: Core,
    watch: Watch,
    plan: Plan,
    pub(crate) now: u64,
    /// The wall clock minus the monotonic one; steps now and then.
    wall: i64,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    edges: [u64; 5],
    legs: BTreeSet<LegId>,
    pub(crate) desktops: BTreeMap<AgentId, Desktop>,
    next_leg: u64,
    next_session: u64,
    next_request: u64,
    call_gap_ms: u64,
    pub(crate) calls_end: u64,
    stopped: bool,
    interactions: u64,
    /// Inputs handled.
    pub(crate) inputs: u64,
    /// All that was fed to the core and all commands that followed, if somebody wants to see them again.
    pub(crate) record: Option<Record>,
    /// The lines of the run's journal, in the seeds that begin anew from it.
    lines: Option<Vec<String>>,
    /// What the running core began with.
    first_plan: Plan,
    first_interaction: InteractionId,
}

/// An agent's client.
#[derive(Default)]
pub(crate) struct Desktop {
    pub(crate) session: Option<SessionId>,
    pub(crate) connected: bool,
    pub(crate) leg: Option<LegId>,
}

/// An edge with an order of its own.
#[derive(Clone, Copy)]
pub(crate) enum Edge {
    Sip,
    Media,
    Recording,
    Store,
    Gateway,
}

/// What happens at a given time.
pub(crate) enum Event {
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
    /// The citizen presses a key: this one, or any.
    Presses(LegId, Option<char>),
    /// Somebody takes a callback back.
    TakesBack,
    /// Somebody sits down, or gets up.
    Sits(AgentId, SessionId, bool),
    /// The server begins anew from its journal: nobody may notice.
    Replays,
    /// The server crashes and begins anew with nothing but its store.
    Crashes,
    /// The wall clock is set.
    ClockSet(i64),
    /// The operator stops the server.
    Stops,
    /// No more calls; whoever is still there goes home.
    Closes,
}

impl World {
    /// A world with a plan, people and plans of theirs, all drawn from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Now and then a hall full of people.
        let large = seed % 100 == 99;
        let plan = draw::plan(&mut random, large);
        let core = Core::new(plan.clone(), InteractionId(1));
        let calls_end = if large { 300_000 } else { random.u64(300_000..2_400_000) };
        let mut world = Self {
            call_gap_ms: if large { 700 } else { random.u64(1_500..40_000) },
            random,
            core,
            watch: Watch::new(plan.clone()),
            first_plan: plan.clone(),
            first_interaction: InteractionId(1),
            plan,
            now: 0,
            wall: draw::BEGAN,
            events: BTreeMap::new(),
            sequence: 0,
            edges: [0; 5],
            legs: BTreeSet::new(),
            desktops: BTreeMap::new(),
            next_leg: 1,
            next_session: 1,
            next_request: 1,
            calls_end,
            stopped: false,
            interactions: 0,
            inputs: 0,
            record: None,
            lines: None,
        };
        world.prepare();
        world
    }

    /// Draws what will happen whatever the core does.
    fn prepare(&mut self) {
        let agents: Vec<AgentId> = self.plan.agents.keys().copied().collect();
        let past = draw::past(&mut self.random, &agents);
        self.at(0, Event::Arrives(Input::ContactsKnown(past)));
        self.at(0, Event::Dials);
        for agent in agents {
            let when = self.random.u64(0..20_000);
            self.at(when, Event::SignsIn(agent));
            self.plan_disturbances(agent);
        }
        let calls_end = self.calls_end;
        let sometimes = |world: &mut Self, percent, event| {
            if world.chance(percent) {
                let when = world.random.u64(0..calls_end);
                world.at(when, event);
            }
        };
        sometimes(self, 30, Event::Reconfigured);
        sometimes(self, 15, Event::Reconfigured);
        sometimes(self, 20, Event::Stops);
        sometimes(self, 15, Event::Crashes);
        sometimes(self, 20, Event::TakesBack);
        let step = [-3_600_000, -60_000, 45_000, 1_200_000][self.random.usize(0..4)];
        sometimes(self, 15, Event::ClockSet(step));
        if self.chance(8) {
            self.lines = Some(Vec::new());
            let when = self.random.u64(0..calls_end);
            self.at(when, Event::Replays);
        }
        self.at(calls_end, Event::Closes);
    }

    /// Runs until nothing is left to happen, then checks that nothing is left behind.
    pub(crate) fn run(&mut self) {
        while let Some(next) = self.next_time() {
            assert!(
                next < self.calls_end + REST_MS,
                "nothing_leaks: still busy long after the last call: {:?} {:?}",
                self.core.next_deadline(),
                self.core.snapshot(self.reading()).calls
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

    /// From now on everything is kept.
    pub(crate) fn keep_record(&mut self) {
        self.record = Some(Record::new(self.plan.clone()));
    }

    /// How often what happened.
    pub(crate) fn tallies(&self) -> &BTreeMap<&'static str, u64> {
        &self.watch.tallies
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
                let due = self.core.next_deadline().is_some_and(|(due, _)| due.0 <= self.now);
                if matches!(input, Input::PlanChanged(_)) || (due && self.chance(70)) {
                    self.step(Input::Tick);
                }
                self.step(input);
            }
            Event::Dials => self.dials(),
            Event::Leaves(leg, cause) => self.leg_ends(leg, cause),
            Event::SignsIn(agent) => self.signs_in(agent),
            Event::Clicks(agent, session, action) => self.clicks(agent, session, action),
            Event::Breaks(agent) => self.breaks(agent),
            Event::Resumes(agent, session) => self.resumes(agent, session),
            Event::Voice(leg, reachable) => self.send(Edge::Media, Input::AgentMediaReachable { leg, reachable }),
            Event::Reconfigured => self.reconfigured(),
            Event::TakesBack => {
                let open = self.watch.open_callbacks();
                if !open.is_empty() {
                    let callback = open[self.random.usize(0..open.len())].callback;
                    self.send(Edge::Gateway, Input::CancelCallback(callback));
                }
            }
            Event::Presses(leg, key) => {
                let any = ['1', '1', '1', '1', '7', '9', '9', '2', '#', '*'][self.random.usize(0..10)];
                let digit = key.unwrap_or(any);
                self.send(Edge::Media, Input::Digit { leg, digit });
            }
            Event::Sits(agent, session, attentive) => self.send(Edge::Gateway, Input::AgentAttentive { agent, session, attentive }),
            Event::Replays => self.replays(),
            Event::Crashes => self.crashes(),
            Event::ClockSet(step) => self.wall += step,
            Event::Stops => {
                self.stopped = true;
                self.send(Edge::Gateway, Input::Stop);
            }
            Event::Closes => self.closes(),
        }
    }

    /// Feeds one input and lets the edges act on the commands.
    fn step(&mut self, input: Input) {
        if self.random.u32(0..2_000) == 0 {
            self.wall += self.random.i64(-5_000..5_000);
        }
        let now = self.reading();
        self.inputs += 1;
        if let Some(record) = &mut self.record {
            record.steps.push(Step::Fed(now, input.clone()));
        }
        let told = self.lines.is_some().then(|| without_secrets(&input));
        self.watch.before(now, &input, &self.core);
        self.core.handle(now, input);
        let mut commands = 0;
        while let Some(command) = self.core.poll() {
            commands += 1;
            self.watch.command(&command);
            if let Some(record) = &mut self.record {
                record.names.learn(&command, self.watch.input());
                record.commands.push(command.clone());
            }
            self.obey(command);
        }
        if let (Some(input), Some(lines)) = (told, &mut self.lines) {
            lines.push(serde_json::to_string(&JournalLine::Handled { now, input, commands }).expect("a line can be written"));
        }
        self.watch.after(&self.core);
    }

    /// I-18: a core that was fed the journal is the same core, and goes on in its place.
    fn replays(&mut self) {
        let Some(lines) = &self.lines else { return };
        let fresh = record::replayed(&self.first_plan, self.first_interaction, lines);
        record::i18_the_same(&self.core, &fresh, self.reading());
        self.core = fresh;
        self.watch.tally("began anew from the journal");
    }

    /// All calls and sessions are gone; desktops come back by and by, find no session and sign in anew.
    fn crashes(&mut self) {
        if self.stopped {
            return;
        }
        let gone = |event: &Event| matches!(event, Event::Arrives(_) | Event::Leaves(..) | Event::Voice(..) | Event::Presses(..));
        self.events.retain(|_, event| !gone(event));
        self.legs.clear();
        self.first_plan = self.plan.clone();
        self.first_interaction = InteractionId(self.interactions + 1);
        self.core = Core::new(self.plan.clone(), self.first_interaction);
        if let Some(lines) = &mut self.lines {
            lines.clear();
        }
        if let Some(record) = &mut self.record {
            record.steps.push(Step::Crashed(Box::new(self.plan.clone()), self.first_interaction));
            record.names.next_run();
        }
        let callbacks = self.watch.open_callbacks();
        self.watch.crashed(self.plan.clone());
        self.watch.tally("the server crashed");
        self.step(Input::ContactsKnown(self.watch.known_contacts()));
        self.step(Input::CallbacksKnown(callbacks));
        let agents: Vec<AgentId> = self.desktops.keys().copied().collect();
        for agent in agents {
            let desktop = self.desktops.entry(agent).or_default();
            (desktop.connected, desktop.leg) = (false, None);
            match desktop.session {
                Some(session) => self.after(40_000, Event::Resumes(agent, session)),
                None => self.after(90_000, Event::SignsIn(agent)),
            }
        }
    }

    fn reading(&self) -> Now {
        Now { time: Time(self.now), utc: UnixMillis(self.wall + i64::try_from(self.now).expect("simulated hours fit")) }
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
            SipCommand::Ring { .. } | SipCommand::PressKeys { .. } | SipCommand::Sound { .. } => {}
            SipCommand::Dial(dial) => self.is_called(dial.leg),
            SipCommand::Offer { leg, .. } if self.legs.contains(&leg) => self.is_called(leg),
            SipCommand::Offer { .. } => {}
            SipCommand::Answer { leg, .. } if self.chance(98) => self.send(Edge::Sip, Input::LegConfirmed { leg }),
            SipCommand::Answer { leg, .. } => self.after(32_000, Event::Leaves(leg, LegEnd::Timeout)),
            SipCommand::Refuse { leg, .. } | SipCommand::HangUp { leg, .. } | SipCommand::NotReached { leg, .. } => {
                self.leg_ends(leg, LegEnd::AsCommanded)
            }
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
                let end = [AnnouncementEnd::Finished, AnnouncementEnd::NoPrompt, AnnouncementEnd::Cut][self.random.usize(0..3)];
                let length = self.random.u64(0..12_000);
                self.at(self.now + length, Event::Arrives(Input::AnnouncementEnded { leg, end }));
            }
            MediaCommand::OfferTrunk { leg, .. } => match self.random.u32(0..50) {
                0 => {}
                1 => self.send(Edge::Media, Input::MediaFailed { leg, reason: MediaFailure::NoPorts }),
                _ => self.send(Edge::Media, Input::MediaOpened { leg, answer: SessionText("offer".into()) }),
            },
            MediaCommand::Confer { .. } | MediaCommand::Hold { .. } => {}
            MediaCommand::Connect { .. }
            | MediaCommand::Follow { .. }
            | MediaCommand::Play { .. }
            | MediaCommand::Disconnect { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::Speak { .. }
            | MediaCommand::MaskKeys { .. }
            | MediaCommand::Close { .. } => {}
        }
    }

    fn obey_recording(&mut self, command: RecordingCommand) {
        match command {
            RecordingCommand::Prepare { .. } | RecordingCommand::Pause { .. } | RecordingCommand::Resume { .. } => {}
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
            StoreCommand::Open { .. } => self.interactions += 1,
            StoreCommand::OpenRecording { .. }
            | StoreCommand::CloseRecording { .. }
            | StoreCommand::Note(_)
            | StoreCommand::Save(_)
            | StoreCommand::AgentTime(_)
            | StoreCommand::Callback(_)
            | StoreCommand::Supervised(_)
            | StoreCommand::HoldRecordings { .. }
            | StoreCommand::TalkMeasured(_) => {}
        }
    }

    fn obey_gateway(&mut self, command: AgentCommand) {
        match command {
            AgentCommand::SignedIn { agent, session, .. } => {
                let desktop = self.desktops.entry(agent).or_default();
                (desktop.session, desktop.connected) = (Some(session), true);
                self.after(5_000, Event::Sits(agent, session, true));
                if self.chance(30) {
                    self.after(300_000, Event::Sits(agent, session, false));
                }
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
                    people::react(self, agent, session, &desk);
                }
            }
            AgentCommand::Done { .. }
            | AgentCommand::Refuse { .. }
            | AgentCommand::Floor(_)
            | AgentCommand::Voice { .. }
            | AgentCommand::TalkHealth { .. } => {}
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
        let queues: Vec<QueueId> = self.plan.queues.keys().copied().collect();
        let dialled = if known && !queues.is_empty() { number_of(queues[self.random.usize(0..queues.len())]) } else { phone("999") };
        let number = self.chance(80).then(|| phone(CALLERS[self.random.usize(0..CALLERS.len())]).into());
        let probe = self.chance(5);
        let (trunk, caller) = (TrunkId(0), Caller { number });
        self.send(
            Edge::Sip,
            Input::CallOffered(CallOffered { leg, trunk, caller, dialled, offer: None, probe, origin: Default::default() }),
        );
        if self.chance(20) {
            self.after(90_000, Event::Presses(leg, None));
        }
        if self.chance(30) {
            self.asks_to_be_called_back(leg);
        }
        if self.chance(2) {
            let description = SessionText("new".into());
            self.send(Edge::Sip, Input::FarDescribed { leg, description });
        }
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

    /// Presses the keys for it, one after the other, with the own number or another one.
    fn asks_to_be_called_back(&mut self, leg: LegId) {
        let mut when = self.now + self.random.u64(1_000..60_000);
        let other = ["92138001380001#1", "92110#", "92#", "92138001380002#2138001380001#1"][self.random.usize(0..4)];
        let keys = if self.chance(70) { "91" } else { other };
        for key in keys.chars() {
            self.at(when, Event::Presses(leg, Some(key)));
            when += self.random.u64(100..4_000);
        }
    }

    /// Somebody's phone is called: nobody is there, it is busy or no number, or somebody answers and hangs up in the end.
    fn is_called(&mut self, leg: LegId) {
        self.legs.insert(leg);
        match self.random.u32(0..20) {
            0..2 => {}
            2..4 => self.after(5_000, Event::Leaves(leg, LegEnd::Refused { status: 486 })),
            4 => self.after(5_000, Event::Leaves(leg, LegEnd::Refused { status: 404 })),
            5 => self.after(2_000, Event::Leaves(leg, LegEnd::NoLine)),
            // The first trunk fails, perhaps when it has rung already; the next one has other terms.
            roll @ 6..8 => {
                if roll == 7 {
                    self.send(Edge::Sip, Input::LegRinging { leg, early: Some(SessionText("early".into())) });
                }
                self.after(3_000, Event::Arrives(Input::LegWantsOffer { leg, terms: VoiceTerms::default() }));
            }
            roll => {
                let early = (roll > 12).then(|| SessionText("early".into()));
                self.send(Edge::Sip, Input::LegRinging { leg, early });
                let answer = Some(SessionText("answer".into()));
                self.after(25_000, Event::Arrives(Input::LegAnswered { leg, answer }));
                self.after(120_000, Event::Leaves(leg, LegEnd::ByeReceived));
            }
        }
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
            self.send(Edge::Gateway, Input::AgentArrived { agent, session, voice: None });
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

    /// Queues and people change, come and go; orders are given by hand.
    fn reconfigured(&mut self) {
        let fresh = draw::plan(&mut self.random, false);
        for (queue, plan) in fresh.queues {
            self.plan.numbers.insert(number_of(queue), queue);
            self.plan.queues.insert(queue, plan);
        }
        if self.chance(30) && self.plan.queues.len() > 1 {
            let gone = *self.plan.queues.keys().next_back().expect("there are two at least");
            self.plan.queues.remove(&gone);
            self.plan.numbers.remove(&number_of(gone));
        }
        let queues: Vec<QueueId> = self.plan.queues.keys().copied().collect();
        for agent in self.plan.agents.values_mut() {
            agent.queues.retain(|_| self.random.bool());
            agent.queues.push(queues[self.random.usize(0..queues.len())]);
        }
        let agents: Vec<AgentId> = self.plan.agents.keys().copied().collect();
        if self.chance(30) {
            self.plan.agents.remove(&agents[self.random.usize(0..agents.len())]);
        }
        for (agent, plan) in fresh.agents.into_iter().take(2) {
            if let std::collections::btree_map::Entry::Vacant(place) = self.plan.agents.entry(agent) {
                place.insert(plan);
                self.after(10_000, Event::SignsIn(agent));
            }
        }
        (self.plan.limits, self.plan.reasons, self.plan.storm) = (fresh.limits, fresh.reasons, fresh.storm);
        (self.plan.callers, self.plan.calendars, self.plan.trunks) = (fresh.callers, fresh.calendars, fresh.trunks);
        if self.chance(50) {
            let utc = self.reading().utc.0;
            let order = draw::by_hand(&mut self.random, &queues, utc);
            self.plan.calendars.overrides.push(order);
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

    /// A message of an edge: late by chance, in order within the edge but for a few, and now and then twice.
    pub(crate) fn send(&mut self, edge: Edge, input: Input) {
        let delay = match self.random.u32(0..20) {
            0 => self.random.u64(0..2_000),
            1..6 => 0,
            _ => self.random.u64(0..30),
        };
        // These come once and in their turn, by contract.
        let strict = matches!(
            input,
            Input::CallOffered(_) | Input::LegEnded { .. } | Input::PlanChanged(_) | Input::Stop | Input::AgentArrived { .. }
        );
        let overtaken = !strict && self.random.u32(0..100) == 0;
        let slot = &mut self.edges[edge as usize];
        if !overtaken {
            *slot = (*slot).max(self.now + delay);
        }
        let when = if overtaken { self.now + delay } else { *slot };
        if !strict && self.random.u32(0..50) == 0 {
            let again = when + self.random.u64(0..1_500);
            self.at(again, Event::Arrives(input.clone()));
        }
        self.at(when, Event::Arrives(input));
    }

    /// Queues of the plan.
    pub(crate) fn queues(&self) -> Vec<QueueId> {
        self.plan.queues.keys().copied().collect()
    }

    /// An agent of the plan; mostly one to whom a call can be offered, if that is wished.
    pub(crate) fn somebody(&mut self, free: bool) -> AgentId {
        let free = free && self.chance(80);
        let ready: Vec<AgentId> = self.watch.agents.iter().filter(|(_, seen)| free && seen.eligible()).map(|(agent, _)| *agent).collect();
        let all: Vec<AgentId> = self.plan.agents.keys().copied().collect();
        let among = if ready.is_empty() { all } else { ready };
        if among.is_empty() { AgentId(1) } else { among[self.random.usize(0..among.len())] }
    }

    /// May do what supervisors do.
    pub(crate) fn is_supervisor(&self, agent: AgentId) -> bool {
        self.plan.agents.get(&agent).is_some_and(|plan| plan.supervisor)
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> Vec<InteractionId> {
        self.watch.unsaved().filter(|call| call.waiting_since.is_some()).map(|call| call.interaction).collect()
    }

    pub(crate) fn after(&mut self, at_most_ms: u64, event: Event) {
        let delay = self.random.u64(0..=at_most_ms);
        self.at(self.now + delay, event);
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((time, self.sequence), event);
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }
}
