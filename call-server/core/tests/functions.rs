//! Every function in every state of a call, from either side, and every way in which a far end can let a step down: generated, pair by pair.
//! After each step nobody is in two talks, nothing closed is spoken to, and no citizen who is with an agent is left in silence; at the end
//! everybody is free, nothing is armed, and there is one record for each call.

use call_core::command::{
    AgentCommand, CallTo, MediaAccess, MediaCommand, RecordingCommand, SessionText, SipCommand, Sound, StoreCommand, VoiceTerms,
};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::ledger::InteractionRecord;
use call_core::origin::Origin;
use call_core::plan::{AgentPhone, AgentPlan, NodeExit, NodeKind, NodePlan, PhonePlace, Plan, PromptName, QueuePlan};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{
    AgentId, CallFunction, Caller, Desk, InteractionId, LegId, NodeId, OfferId, PartyId, PhoneNumber, QueueId, RecordingId, RequestId,
    SessionId, SupervisorAct, Target, TrunkId, UnixMillis, VoiceDevice, WatchMode,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

const OWNER: AgentId = AgentId(1);
const COLLEAGUE: AgentId = AgentId(2);
const SUPERVISOR: AgentId = AgentId(3);
const QUEUE: QueueId = QueueId(1);
const OTHER_QUEUE: QueueId = QueueId(2);
const MENU: NodeId = NodeId(1);
const SURVEY: NodeId = NodeId(2);
const CITIZEN: LegId = LegId(1);

/// Where a call is brought before something is done.
const STATES: [(&str, &[Deed]); 17] = [
    ("ringing", &[]),
    ("talking", &[Deed::Accepts(OWNER)]),
    ("held", &[Deed::Accepts(OWNER), Deed::Does(Function::Hold)]),
    ("consult rings at a colleague", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultColleague)]),
    ("consulting a colleague", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultColleague), Deed::Accepts(COLLEAGUE)]),
    ("swapped back", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultColleague), Deed::Accepts(COLLEAGUE), Deed::Does(Function::Swap)]),
    ("consult is dialled outside", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultOutside)]),
    ("consult is heard outside", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultOutside), Deed::OutsideHeard]),
    ("consulting outside", &[Deed::Accepts(OWNER), Deed::Does(Function::ConsultOutside), Deed::OutsideAnswers]),
    ("blind transfer rings", &[Deed::Accepts(OWNER), Deed::Does(Function::TransferColleague)]),
    ("three with a colleague", &[Deed::Accepts(OWNER), Deed::Does(Function::InviteColleague), Deed::Accepts(COLLEAGUE)]),
    ("three with outside", &[Deed::Accepts(OWNER), Deed::Does(Function::InviteOutside), Deed::OutsideAnswers]),
    ("without an agent", &[Deed::Accepts(OWNER), Deed::Does(Function::InviteOutside), Deed::OutsideAnswers, Deed::Does(Function::Leave)]),
    ("in a menu", &[Deed::Accepts(OWNER), Deed::Does(Function::TransferMenu)]),
    ("in a survey", &[Deed::Accepts(OWNER), Deed::Does(Function::TransferSurvey), Deed::QuestionHeard]),
    ("a menu calls outside", &[Deed::Accepts(OWNER), Deed::Does(Function::TransferMenu), Deed::CitizenPresses('2')]),
    ("dialling", &[Deed::CitizenHangsUp, Deed::Dials]),
];

/// States that only a phone has.
const PHONE_STATES: [(&str, &[Deed]); 3] = [
    ("calls by a phone", &[Deed::CitizenHangsUp, Deed::Dials, Deed::PhoneLifts(OWNER)]),
    ("talks by a phone", &[Deed::CitizenHangsUp, Deed::Dials, Deed::PhoneLifts(OWNER), Deed::OutsideAnswers]),
    ("a supervisor's phone listens", &[Deed::Accepts(OWNER), Deed::Supervises(Act::Listen), Deed::PhoneLifts(SUPERVISOR)]),
];

/// Something that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Accepts(AgentId),
    Rejects(AgentId),
    HangsUp(AgentId),
    Does(Function),
    ColleagueDoes(Function),
    Dials,
    Supervises(Act),
    CitizenHangsUp,
    CitizenFallsSilent,
    CitizenMediaFails,
    /// Of menu and survey: 1 the other line, 2 somebody outside, 3 the other node; of the survey 5 is an answer.
    CitizenPresses(char),
    QuestionHeard,
    OutsideHeard,
    OutsideTriesAnotherTrunk,
    OutsideAnswers,
    OutsideRefuses,
    OutsideHangsUp,
    OutsideMediaFails,
    Disconnects(AgentId),
    SignsInAgain(AgentId),
    SignsOut(AgentId),
    GoesNotReady(AgentId),
    TimePasses(u64),
    PhoneLifts(AgentId),
    PhoneRefuses(AgentId),
    PhoneHangsUp(AgentId),
    PhoneIsGone(AgentId),
    PhoneMediaFails(AgentId),
    Uses(AgentId, VoiceDevice),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Hold,
    Retrieve,
    ConsultColleague,
    ConsultOutside,
    ConsultQueue,
    InviteColleague,
    InviteOutside,
    TransferColleague,
    TransferOutside,
    TransferQueue,
    TransferMenu,
    TransferSurvey,
    Swap,
    Merge,
    Complete,
    Cancel,
    Leave,
    Drop,
    Mute,
    Press,
    Pause,
    Resume,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Listen,
    Whisper,
    Barge,
    Stop,
    TakeOver,
    Release,
    ForceOut,
    PickUp,
}

const FUNCTIONS: [Function; 22] = [
    Function::Hold,
    Function::Retrieve,
    Function::ConsultColleague,
    Function::ConsultOutside,
    Function::ConsultQueue,
    Function::InviteColleague,
    Function::InviteOutside,
    Function::TransferColleague,
    Function::TransferOutside,
    Function::TransferQueue,
    Function::TransferMenu,
    Function::TransferSurvey,
    Function::Swap,
    Function::Merge,
    Function::Complete,
    Function::Cancel,
    Function::Leave,
    Function::Drop,
    Function::Mute,
    Function::Press,
    Function::Pause,
    Function::Resume,
];
const ACTS: [Act; 8] = [Act::Listen, Act::Whisper, Act::Barge, Act::Stop, Act::TakeOver, Act::Release, Act::ForceOut, Act::PickUp];

fn deeds() -> Vec<Deed> {
    let agents = [OWNER, COLLEAGUE];
    let mut deeds = vec![
        Deed::Dials,
        Deed::CitizenHangsUp,
        Deed::CitizenFallsSilent,
        Deed::CitizenMediaFails,
        Deed::CitizenPresses('1'),
        Deed::CitizenPresses('2'),
        Deed::CitizenPresses('3'),
        Deed::CitizenPresses('5'),
        Deed::QuestionHeard,
        Deed::OutsideHeard,
        Deed::OutsideTriesAnotherTrunk,
        Deed::OutsideAnswers,
        Deed::OutsideRefuses,
        Deed::OutsideHangsUp,
        Deed::OutsideMediaFails,
        Deed::TimePasses(21_000),
        Deed::TimePasses(200_000),
        Deed::TimePasses(1_000_000),
    ];
    deeds.extend(FUNCTIONS.map(Deed::Does));
    deeds.extend(FUNCTIONS.map(Deed::ColleagueDoes));
    deeds.extend(ACTS.map(Deed::Supervises));
    for agent in agents {
        deeds.extend([Deed::Accepts(agent), Deed::Rejects(agent), Deed::HangsUp(agent), Deed::Disconnects(agent)]);
        deeds.extend([Deed::SignsInAgain(agent), Deed::SignsOut(agent), Deed::GoesNotReady(agent)]);
    }
    deeds
}

/// What a phone does, and who uses it.
fn phone_deeds() -> Vec<Deed> {
    let mut deeds = Vec::new();
    for agent in [OWNER, COLLEAGUE, SUPERVISOR] {
        deeds.extend([Deed::PhoneLifts(agent), Deed::PhoneRefuses(agent), Deed::PhoneHangsUp(agent), Deed::PhoneIsGone(agent)]);
        deeds.extend([Deed::PhoneMediaFails(agent), Deed::Uses(agent, VoiceDevice::Headset), Deed::Uses(agent, VoiceDevice::Phone)]);
    }
    deeds
}

#[test]
fn every_pair_of_deeds_in_every_state_ends_in_order() {
    let deeds = deeds();
    let played = every_pair(&STATES, (&deeds, &deeds), VoiceDevice::Headset);
    assert!(played > 30_000, "only {played} plays");
}

#[test]
fn every_deed_and_every_failure_of_a_phone_in_every_state_ends_in_order() {
    let (deeds, phones) = (deeds(), phone_deeds());
    let all: Vec<Deed> = deeds.iter().chain(&phones).copied().collect();
    let states = STATES.iter().chain(&PHONE_STATES).copied().collect::<Vec<_>>();
    let played = every_pair(&states, (&all, &phones), VoiceDevice::Phone)
        + every_pair(&states, (&phones, &deeds), VoiceDevice::Phone)
        + every_pair(&STATES, (&all, &phones), VoiceDevice::Headset);
    assert!(played > 60_000, "only {played} plays");
}

/// Two deeds in each state, all agents speaking by this at first; returns how many plays that were.
fn every_pair(states: &[(&str, &[Deed])], (firsts, seconds): (&[Deed], &[Deed]), voice: VoiceDevice) -> usize {
    let (mut failures, mut played) = (Vec::new(), 0);
    for (state, way) in states {
        for first in firsts {
            for second in seconds {
                played += 1;
                let mut journal = Vec::new();
                let play = AssertUnwindSafe(|| {
                    let mut theatre = Theatre::open(voice);
                    for deed in way.iter().chain([first, second]) {
                        journal.push(*deed);
                        theatre.play(*deed);
                    }
                    theatre.close();
                });
                if let Err(panic) = catch_unwind(play) {
                    let text = panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(ToString::to_string));
                    failures.push(format!("{voice:?}, {state}, then {first:?}, {second:?}: {}", text.unwrap_or_default()));
                }
                if failures.len() > 10 {
                    panic!("{}", failures.join("\n"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    played
}

/// The core with prompt edges, and what media was told.
struct Theatre {
    core: Core,
    now: u64,
    next: u64,
    sessions: BTreeMap<AgentId, SessionId>,
    agent_legs: BTreeMap<AgentId, LegId>,
    desks: BTreeMap<AgentId, Desk>,
    /// Legs of ours that are out, with whether they were answered.
    outside: BTreeMap<LegId, bool>,
    /// Agents' phones that are called, likewise.
    phones: BTreeMap<LegId, (AgentId, bool)>,
    voice: VoiceDevice,
    closed: BTreeSet<LegId>,
    talks: BTreeMap<LegId, BTreeSet<LegId>>,
    sounds: BTreeSet<LegId>,
    opened: u64,
    records: Vec<InteractionRecord>,
    /// Open ones, and whether they are paused.
    recordings: BTreeMap<RecordingId, bool>,
    prepared: BTreeSet<RecordingId>,
    /// A text is played to the citizen.
    asked_citizen: bool,
    answers: u64,
    asked: u64,
    last_offer: BTreeMap<AgentId, OfferId>,
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn phone_of(agent: AgentId) -> PhoneNumber {
    number(&format!("800{}", agent.0))
}

/// A menu and a survey, which lead to people, outside, to each other and to an end.
fn nodes() -> BTreeMap<NodeId, NodePlan> {
    let node = |kind, otherwise| NodePlan {
        name: "node".to_owned(),
        prompts: vec![PromptName::from("question")],
        wrong_key: None,
        kind,
        wait_ms: 8_000,
        tries: 2,
        otherwise,
    };
    let out = NodeExit::Number(number("13800000001"));
    let keys = BTreeMap::from([('1', NodeExit::Queue(OTHER_QUEUE)), ('2', out), ('3', NodeExit::Node(SURVEY))]);
    let answers = BTreeMap::from([('5', "满意".to_owned())]);
    let thanks = NodeExit::HangUp(Some(PromptName::from("thanks")));
    BTreeMap::from([
        (MENU, node(NodeKind::Menu { keys }, NodeExit::Queue(QUEUE))),
        (SURVEY, node(NodeKind::Survey { answers, then: thanks }, NodeExit::HangUp(None))),
    ])
}

impl Theatre {
    /// Everybody is there, a citizen has called, and the owner's desk rings.
    fn open(voice: VoiceDevice) -> Self {
        let mut plan = Plan::default();
        plan.numbers.insert(number("12345"), QUEUE);
        let queue = |name: &str| QueuePlan { name: name.to_owned(), wrap_up_ms: 5_000, ..QueuePlan::default() };
        plan.queues = BTreeMap::from([(QUEUE, queue("政务咨询")), (OTHER_QUEUE, queue("值班"))]);
        let agent = |queue, supervisor| AgentPlan { queues: vec![queue], supervisor, ..AgentPlan::default() };
        plan.agents = BTreeMap::from([
            (OWNER, agent(QUEUE, false)),
            (COLLEAGUE, agent(OTHER_QUEUE, false)),
            (SUPERVISOR, AgentPlan { queues: vec![QUEUE, OTHER_QUEUE], ..agent(QUEUE, true) }),
        ]);
        plan.nodes = nodes();
        for (agent, plan) in &mut plan.agents {
            let place = PhonePlace::Registered(phone_of(*agent));
            plan.phone = Some(AgentPhone { place, first: voice, unattended: None });
        }
        let mut theatre = Self {
            core: Core::new(plan, InteractionId(1)),
            now: 0,
            next: 100,
            sessions: BTreeMap::new(),
            agent_legs: BTreeMap::new(),
            desks: BTreeMap::new(),
            outside: BTreeMap::new(),
            phones: BTreeMap::new(),
            voice,
            closed: BTreeSet::new(),
            talks: BTreeMap::new(),
            sounds: BTreeSet::new(),
            opened: 0,
            records: Vec::new(),
            recordings: BTreeMap::new(),
            prepared: BTreeSet::new(),
            asked_citizen: false,
            answers: 0,
            asked: 0,
            last_offer: BTreeMap::new(),
        };
        for agent in [OWNER, COLLEAGUE, SUPERVISOR] {
            theatre.sign_in(agent);
        }
        theatre.ask(OWNER, AgentAction::GoReady);
        theatre.ask(COLLEAGUE, AgentAction::GoReady);
        let caller = Caller { number: Some(number("13900000001").into()) };
        let (trunk, dialled) = (TrunkId(0), number("12345"));
        theatre.feed(Input::CallOffered(CallOffered {
            leg: CITIZEN,
            trunk,
            caller,
            dialled,
            offer: None,
            probe: false,
            origin: Origin::default(),
        }));
        theatre
    }

    fn sign_in(&mut self, agent: AgentId) {
        self.next += 1;
        self.feed(Input::AgentArrived { agent, session: SessionId(self.next), voice: None });
        self.sessions.insert(agent, SessionId(self.next));
        if let Some(leg) = self.agent_legs.get(&agent).copied() {
            self.feed(Input::AgentMediaReachable { leg, reachable: true });
        }
    }

    fn ask(&mut self, agent: AgentId, action: AgentAction) {
        let Some(session) = self.sessions.get(&agent).copied() else { return };
        self.next += 1;
        let signed_in = self.desks.contains_key(&agent);
        self.asked += u64::from(signed_in);
        self.feed(Input::AgentAsked { agent, session, request: RequestId(self.next), action });
        assert_eq!(self.answers, self.asked, "one answer for each wish");
    }

    fn play(&mut self, deed: Deed) {
        self.now += 1_000;
        self.pass(self.now);
        let call =
            |theatre: &Self, agent| theatre.desks.get(&agent).and_then(|desk: &Desk| desk.call.as_ref()).map(|view| view.interaction);
        match deed {
            Deed::Accepts(agent) if self.voice == VoiceDevice::Phone => self.lift(agent),
            Deed::Accepts(agent) => self.ask(agent, AgentAction::Accept(self.offer_of(agent))),
            Deed::Rejects(agent) => self.ask(agent, AgentAction::Reject(self.offer_of(agent))),
            Deed::HangsUp(agent) => {
                let interaction = call(self, agent).unwrap_or(InteractionId(1));
                self.ask(agent, AgentAction::HangUp(interaction));
            }
            Deed::Does(function) => {
                let interaction = call(self, OWNER).unwrap_or(InteractionId(1));
                self.ask(OWNER, AgentAction::Call(interaction, function.named()));
            }
            Deed::ColleagueDoes(function) => {
                let interaction = call(self, COLLEAGUE).unwrap_or(InteractionId(1));
                self.ask(COLLEAGUE, AgentAction::Call(interaction, function.named()));
            }
            Deed::Dials => self.ask(OWNER, AgentAction::Dial(number("13800000009").into())),
            Deed::Supervises(act) => self.ask(SUPERVISOR, AgentAction::Supervise(act.named(), "test".to_owned())),
            Deed::CitizenHangsUp => self.citizen_ends(LegEnd::ByeReceived),
            Deed::CitizenFallsSilent => self.citizen_ends(LegEnd::Unreachable),
            Deed::CitizenMediaFails => {
                if !self.closed.contains(&CITIZEN) {
                    self.feed(Input::MediaFailed { leg: CITIZEN, reason: MediaFailure::Io });
                }
            }
            Deed::CitizenPresses(digit) => self.citizen_hears_or_presses(Some(digit)),
            Deed::QuestionHeard => self.citizen_hears_or_presses(None),
            Deed::OutsideHeard => self.each_outside(false, |leg| Input::LegRinging { leg, early: Some(SessionText("early".into())) }),
            Deed::OutsideTriesAnotherTrunk => {
                self.each_outside(false, |leg| Input::LegWantsOffer { leg, terms: VoiceTerms::default() });
            }
            Deed::OutsideAnswers => {
                self.each_outside(false, |leg| Input::LegAnswered { leg, answer: Some(SessionText("answer".into())) });
                self.outside.values_mut().for_each(|answered| *answered = true);
            }
            Deed::OutsideRefuses => self.end_outside(false, LegEnd::Refused { status: 486 }),
            Deed::OutsideHangsUp => self.end_outside(true, LegEnd::ByeReceived),
            Deed::OutsideMediaFails => self.each_outside(true, |leg| Input::MediaFailed { leg, reason: MediaFailure::Io }),
            Deed::Disconnects(agent) => {
                if let Some(session) = self.sessions.get(&agent).copied() {
                    self.feed(Input::AgentDisconnected { agent, session });
                }
            }
            Deed::SignsInAgain(agent) => self.sign_in(agent),
            Deed::SignsOut(agent) => self.ask(agent, AgentAction::SignOut),
            Deed::GoesNotReady(agent) => self.ask(agent, AgentAction::GoNotReady(shared::model::NotReadyReason::Break)),
            Deed::TimePasses(length) => self.pass(self.now + length),
            Deed::PhoneLifts(agent) => self.lift(agent),
            Deed::PhoneRefuses(agent) => self.end_phone(agent, false, LegEnd::Refused { status: 486 }),
            Deed::PhoneHangsUp(agent) => self.end_phone(agent, true, LegEnd::ByeReceived),
            Deed::PhoneIsGone(agent) => {
                self.end_phone(agent, true, LegEnd::Unreachable);
                self.end_phone(agent, false, LegEnd::NoLine);
            }
            Deed::PhoneMediaFails(agent) => {
                let leg = self.phones.iter().find(|(_, (whose, _))| *whose == agent).map(|(leg, _)| *leg);
                leg.into_iter().for_each(|leg| self.feed(Input::MediaFailed { leg, reason: MediaFailure::Io }));
            }
            Deed::Uses(agent, device) => self.ask(agent, AgentAction::UseVoice(device)),
        }
    }

    /// The one that the desk showed last, or none of ours.
    fn offer_of(&self, agent: AgentId) -> OfferId {
        self.last_offer.get(&agent).copied().unwrap_or(OfferId(999))
    }

    /// A key, or the end of a question.
    fn citizen_hears_or_presses(&mut self, digit: Option<char>) {
        let (leg, end) = (CITIZEN, AnnouncementEnd::Finished);
        match digit {
            Some(digit) if !self.closed.contains(&CITIZEN) => self.feed(Input::Digit { leg, digit }),
            None if self.asked_citizen => self.feed(Input::AnnouncementEnded { leg, end }),
            Some(_) | None => {}
        }
    }

    fn citizen_ends(&mut self, cause: LegEnd) {
        if self.closed.insert(CITIZEN) {
            self.feed(Input::LegEnded { leg: CITIZEN, cause });
        }
    }

    fn lift(&mut self, agent: AgentId) {
        let ringing = self.phones.iter_mut().find(|(_, (whose, answered))| *whose == agent && !*answered);
        if let Some((leg, (_, answered))) = ringing {
            let leg = *leg;
            *answered = true;
            self.feed(Input::LegRinging { leg, early: None });
            self.feed(Input::LegAnswered { leg, answer: Some(SessionText("answer".into())) });
        }
    }

    fn end_phone(&mut self, agent: AgentId, answered: bool, cause: LegEnd) {
        let leg = self.phones.iter().find(|(_, (whose, was))| *whose == agent && *was == answered).map(|(leg, _)| *leg);
        if let Some(leg) = leg {
            self.phones.remove(&leg);
            self.feed(Input::LegEnded { leg, cause });
        }
    }

    fn each_outside(&mut self, answered: bool, input: impl Fn(LegId) -> Input) {
        let legs: Vec<LegId> = self.outside.iter().filter(|(_, was)| answered || !**was).map(|(leg, _)| *leg).collect();
        legs.into_iter().for_each(|leg| self.feed(input(leg)));
    }

    fn end_outside(&mut self, answered: bool, cause: LegEnd) {
        let legs: Vec<LegId> = self.outside.iter().filter(|(_, was)| **was == answered).map(|(leg, _)| *leg).collect();
        for leg in legs {
            self.outside.remove(&leg);
            self.feed(Input::LegEnded { leg, cause });
        }
    }

    fn pass(&mut self, until: u64) {
        while let Some((Time(due), _)) = self.core.next_deadline().filter(|(due, _)| due.0 <= until) {
            self.now = due;
            self.feed(Input::Tick);
        }
        self.now = until;
    }

    fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let utc = UnixMillis(1_800_000_000_000 + i64::try_from(self.now).expect("short"));
            self.core.handle(Now { time: Time(self.now), utc }, input);
            while let Some(command) = self.core.poll() {
                inputs.extend(self.obey(command));
            }
        }
        self.check();
    }

    fn obey(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Sip(SipCommand::Dial(dial)) => match &dial.to {
                CallTo::Phone(number) => {
                    let agent =
                        *[OWNER, COLLEAGUE, SUPERVISOR].iter().find(|agent| phone_of(**agent) == *number).expect("an agent's phone");
                    assert!(!self.phones.values().any(|(whose, _)| *whose == agent), "a phone is called twice at once");
                    self.phones.insert(dial.leg, (agent, false));
                }
                CallTo::Number(_) | CallTo::Fixed { .. } => _ = self.outside.insert(dial.leg, false),
            },
            Command::Sip(SipCommand::HangUp { leg, .. } | SipCommand::Refuse { leg, .. }) => {
                let ours = self.outside.remove(&leg).is_some() || self.phones.remove(&leg).is_some();
                let citizens = leg == CITIZEN && self.closed.insert(leg);
                assert!(ours || citizens, "hung up twice, or after it was gone: {leg}");
                return Some(Input::LegEnded { leg, cause: LegEnd::AsCommanded });
            }
            Command::Sip(SipCommand::Offer { leg, .. }) => {
                assert_eq!(self.outside.get(&leg), Some(&false), "an offer for a call that waits for none: {leg}");
            }
            Command::Sip(SipCommand::Ring { .. } | SipCommand::Answer { .. } | SipCommand::PressKeys { .. }) => {}
            Command::Sip(SipCommand::Sound { .. } | SipCommand::NotReached { .. }) => panic!("no phone of the house dials here"),
            Command::Media(command) => return self.media(command),
            Command::Recording(RecordingCommand::Finish { recording }) => {
                assert!(self.recordings.remove(&recording).is_some(), "I-15: {recording} is closed and was not open");
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                return Some(Input::RecordingFinished { recording, outcome });
            }
            Command::Recording(command) => self.recording(&command),
            Command::Store(StoreCommand::Open { .. }) => self.opened += 1,
            Command::Store(StoreCommand::OpenRecording { recording, .. }) => return Some(Input::RecordingRowStored { recording }),
            Command::Store(StoreCommand::Save(record)) => self.records.push(*record),
            Command::Store(_) => {}
            Command::Agent(AgentCommand::Show { agent, desk, .. }) => {
                if let Some(offer) = &desk.offer {
                    self.last_offer.insert(agent, offer.offer);
                }
                self.desks.insert(agent, *desk);
            }
            Command::Agent(AgentCommand::SignedOut { agent, .. }) => _ = self.desks.remove(&agent),
            Command::Agent(AgentCommand::Done { .. } | AgentCommand::Refuse { .. }) => self.answers += 1,
            Command::Agent(_) => {}
        }
        None
    }

    fn media(&mut self, command: MediaCommand) -> Option<Input> {
        let answer = SessionText("answer".into());
        match command {
            MediaCommand::OpenTrunk { leg, .. } | MediaCommand::OfferTrunk { leg, .. } => return Some(Input::MediaOpened { leg, answer }),
            MediaCommand::OpenAgent { agent, leg } => {
                self.agent_legs.insert(agent, leg);
                return Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) });
            }
            MediaCommand::Connect { citizen, agent, .. } => self.join(citizen, agent),
            MediaCommand::Confer { first, second, .. } => self.join(first, second),
            MediaCommand::Attend { leg, citizen, .. } => {
                assert!(self.talks.contains_key(&citizen), "{leg} attends a talk that is not there");
                self.talks.get_mut(&citizen).expect("it is there").insert(leg);
                self.sounds.remove(&leg);
            }
            MediaCommand::Withdraw { leg } => {
                let talk = self.talks.values_mut().find(|members| members.contains(&leg));
                assert!(talk.is_some() || self.closed.contains(&leg), "withdrawn from no talk");
                if let Some(talk) = talk {
                    talk.remove(&leg);
                    assert!(!talk.is_empty(), "the last one is withdrawn");
                }
            }
            // An agent's path that was closed may have ended it already.
            MediaCommand::Disconnect { citizen } => _ = self.talks.remove(&citizen),
            MediaCommand::Hold { citizen: leg, .. } | MediaCommand::Play { leg, sound: Sound::Music | Sound::Ringback } => {
                _ = self.sounds.insert(leg)
            }
            MediaCommand::Play { leg, sound: Sound::Silence } => _ = self.sounds.remove(&leg),
            MediaCommand::Close { leg } => {
                let talks = self.talks.iter().any(|(name, members)| *name == leg || members.contains(&leg));
                // An agent's path is closed by signing out; its talk follows within the same input.
                assert!(!talks || self.agent_legs.values().any(|agent| *agent == leg), "closed in a talk: {leg}");
                self.talks.remove(&leg);
                self.talks.values_mut().for_each(|members| _ = members.remove(&leg));
                self.talks.retain(|_, members| !members.is_empty());
                self.sounds.remove(&leg);
                self.closed.insert(leg);
            }
            MediaCommand::Announce { leg, .. } => {
                assert!(!self.closed.contains(&leg), "a text for {leg}, which is closed");
                let talks = self.talks.iter().any(|(name, members)| *name == leg || members.contains(&leg));
                assert!(!talks, "I-21: a text for {leg}, which talks");
                self.asked_citizen = leg == CITIZEN || self.asked_citizen;
            }
            MediaCommand::Follow { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::Speak { .. }
            | MediaCommand::MaskKeys { .. } => {}
        }
        None
    }

    /// I-15: each track is prepared once, and pauses and goes on in turn.
    fn recording(&mut self, command: &RecordingCommand) {
        match *command {
            RecordingCommand::Prepare { recording, .. } => {
                assert!(
                    self.recordings.insert(recording, false).is_none() && self.prepared.insert(recording),
                    "{recording} is prepared twice"
                );
            }
            RecordingCommand::Write { recording } => {
                assert!(self.recordings.contains_key(&recording), "{recording} is written and not open")
            }
            RecordingCommand::Pause { recording } => {
                assert_eq!(self.recordings.insert(recording, true), Some(false), "{recording} is paused twice");
            }
            RecordingCommand::Resume { recording } => {
                assert_eq!(self.recordings.insert(recording, false), Some(true), "{recording} goes on and was not paused");
            }
            RecordingCommand::Finish { .. } => {}
        }
    }

    fn join(&mut self, first: LegId, second: LegId) {
        for leg in [first, second] {
            assert!(!self.closed.contains(&leg), "{leg} is joined and closed");
        }
        self.sounds.remove(&first);
        self.sounds.remove(&second);
        assert!(self.talks.insert(first, BTreeSet::from([second])).is_none(), "{first} is joined twice");
    }

    /// What holds after each input, once the edges have answered: a new path of an agent takes a moment.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for (name, members) in &self.talks {
            for leg in members.iter().chain([name]) {
                assert!(seen.insert(*leg), "I-1: {leg} is in two talks");
                assert!(!self.sounds.contains(leg), "I-21: {leg} talks and hears music");
            }
        }
        let held = self
            .desks
            .values()
            .filter_map(|desk| desk.call.as_ref())
            .any(|call| call.talk.guest_of.is_none() && call.interaction == InteractionId(1));
        if held && !self.closed.contains(&CITIZEN) {
            assert!(seen.contains(&CITIZEN) || self.sounds.contains(&CITIZEN), "1-3: the citizen is in silence");
        }
    }

    /// Everybody goes home; everything must be over then.
    fn close(mut self) {
        self.citizen_ends(LegEnd::ByeReceived);
        self.end_outside(true, LegEnd::ByeReceived);
        self.end_outside(false, LegEnd::Refused { status: 480 });
        for agent in [OWNER, COLLEAGUE, SUPERVISOR] {
            self.ask(agent, AgentAction::SignOut);
        }
        for agent in [OWNER, COLLEAGUE, SUPERVISOR] {
            self.end_phone(agent, true, LegEnd::ByeReceived);
            self.end_phone(agent, false, LegEnd::Refused { status: 480 });
        }
        self.pass(self.now + 4_000_000);
        assert!(self.core.is_idle(), "somebody or something is left");
        assert_eq!(self.core.next_deadline(), None, "a deadline is left");
        assert_eq!(self.records.len() as u64, self.opened, "one record for each call");
        assert!(self.talks.is_empty() && self.outside.is_empty(), "a talk or a leg is left: {:?} {:?}", self.talks, self.outside);
        assert!(self.recordings.is_empty(), "a recording is left open: {:?}", self.recordings);
        assert!(self.phones.is_empty(), "a phone is left off the hook: {:?}", self.phones);
        for record in &self.records {
            let parts: u64 = record.segments.iter().map(|part| part.talk_ms + part.hold_ms).sum();
            assert!(record.segments.len() > 1 || parts <= record.length_ms, "I-10: a segment is longer than the call");
            assert_eq!(record.recording.is_some(), record.answered_by_agent, "I-17: recorded without a talk, or the other way round");
        }
    }
}

impl Function {
    fn named(self) -> CallFunction {
        let colleague = || Target::Agent(COLLEAGUE);
        let outside = || Target::Number(number("13800000001").into());
        match self {
            Self::Hold => CallFunction::Hold,
            Self::Retrieve => CallFunction::Retrieve,
            Self::ConsultColleague => CallFunction::Consult { to: colleague() },
            Self::ConsultOutside => CallFunction::Consult { to: outside() },
            Self::ConsultQueue => CallFunction::Consult { to: Target::Queue(OTHER_QUEUE) },
            Self::InviteColleague => CallFunction::Invite { to: colleague() },
            Self::InviteOutside => CallFunction::Invite { to: outside() },
            Self::TransferColleague => CallFunction::Transfer { to: colleague() },
            Self::TransferOutside => CallFunction::Transfer { to: outside() },
            Self::TransferQueue => CallFunction::Transfer { to: Target::Queue(OTHER_QUEUE) },
            Self::TransferMenu => CallFunction::Transfer { to: Target::Node(MENU) },
            Self::TransferSurvey => CallFunction::Transfer { to: Target::Node(SURVEY) },
            Self::Swap => CallFunction::Swap,
            Self::Merge => CallFunction::Merge,
            Self::Complete => CallFunction::Complete,
            Self::Cancel => CallFunction::Cancel,
            Self::Leave => CallFunction::Leave,
            Self::Drop => CallFunction::DropParty { party: PartyId(1) },
            Self::Mute => CallFunction::MuteParty { party: PartyId(1), muted: true },
            Self::Press => CallFunction::PressKeys { keys: "1#".to_owned() },
            Self::Pause => CallFunction::PauseRecording,
            Self::Resume => CallFunction::ResumeRecording,
        }
    }
}

impl Act {
    fn named(self) -> SupervisorAct {
        match self {
            Self::Listen => SupervisorAct::Watch { agent: OWNER, mode: WatchMode::Listen },
            Self::Whisper => SupervisorAct::Watch { agent: OWNER, mode: WatchMode::Whisper },
            Self::Barge => SupervisorAct::Watch { agent: COLLEAGUE, mode: WatchMode::Barge },
            Self::Stop => SupervisorAct::Unwatch,
            Self::TakeOver => SupervisorAct::TakeOver { agent: OWNER },
            Self::Release => SupervisorAct::Release { agent: OWNER },
            Self::ForceOut => SupervisorAct::ForceSignOut { agent: OWNER },
            Self::PickUp => SupervisorAct::PickUp { interaction: InteractionId(1) },
        }
    }
}
