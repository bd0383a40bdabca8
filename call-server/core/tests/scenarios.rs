//! Plays the stories in `tests/scenarios/`: who does what when, and what is expected. The edges are prompt and faultless here
//! unless a line says otherwise; delays and faults by chance are the business of `simulation`.
//!
//! `tests/scenarios/README.md` lists the sentences.

#[path = "story/record.rs"]
mod record;
#[path = "story/settings.rs"]
mod settings;
#[path = "story/words.rs"]
mod words;

use call_core::command::{
    AgentCommand, MediaAccess, MediaCommand, Part, PromptName, RecordingCommand, SessionText, SipCommand, Sound, StoreCommand,
};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, PastContact, RecordingOutcome};
use call_core::ledger::{CallbackRecord, CallbackState, Decision, FactKind, InteractionRecord, LastAgentOutcome};
use call_core::plan::{Mode, Override, Plan, Scope};
use call_core::{Command, Core, Input, Now, Time};
use record::{record_is, same};
use settings::{Settings, agent_id, length_ms, minute, not_ready, phone, way_out};
use shared::model::{
    AgentId, AgentState, CallFunction, CallView, Caller, CallerCard, CareClass, Desk, Floor, InteractionId, LegId, NextState, Notice,
    OfferId, Refusal, RequestId, SessionId, Track, TrunkId, UnixMillis, VoiceDevice,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use words::{call_news, on_thread, party_id, room_for_voices, supervisor_act, target, voice_device};

#[test]
fn every_scenario_ends_as_its_text_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut played = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the scenarios folder can be read") {
        let path = entry.expect("a folder entry can be read").path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = std::fs::read_to_string(&path).expect("a scenario can be read");
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            failures.extend(play(&text).err().map(|fault| format!("{name}: {fault}")));
            played += 1;
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(played >= 12, "only {played} scenarios were found");
}

#[test]
fn a_false_expectation_fails_and_names_its_line() {
    let fault = play("queue 12345\n00:00 caller 139 dials 12345\n00:01 expect caller 139 hears agent 1001").expect_err("nobody is there");
    assert!(fault.starts_with("line 3:"), "{fault}");
    let fault = play("queue 12345\n00:00 caller 139 sings").expect_err("no such sentence");
    assert!(fault.contains("is no sentence"), "{fault}");
}

fn play(text: &str) -> Result<(), String> {
    let mut stage = Stage::new(settings::read(text)?);
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        stage.line(line).map_err(|fault| format!("line {}: {line}\n    {fault}", number + 1))?;
    }
    Ok(())
}

/// The theatre: the core, prompt edges and what everybody hears and sees.
struct Stage {
    core: Core,
    plan: Plan,
    began: UnixMillis,
    floor: Floor,
    now: u64,
    next: u64,
    callers: BTreeMap<String, CallerSeen>,
    /// Whom the house has called.
    phones: BTreeMap<String, PhoneSeen>,
    /// By the leg that each is named by.
    talks: BTreeMap<LegId, BTreeMap<LegId, Part>>,
    pressed: Option<(LegId, String)>,
    /// Who hears the tone of a call that rings, and the text or tone that was played last.
    ringback: BTreeSet<LegId>,
    told: BTreeMap<LegId, String>,
    /// Agents' legs that hear music.
    music: BTreeSet<LegId>,
    /// The text that was said last into a talk.
    said: Option<String>,
    /// What is recorded: the track, and whether it is paused.
    tracks: BTreeMap<Track, bool>,
    /// Why recordings were held last.
    evidence: Option<&'static str>,
    /// Acts of supervisors.
    audit: Vec<String>,
    /// Who is to be called back, by number.
    callbacks: BTreeMap<String, CallbackRecord>,
    /// Records of calls that agents dialled, by number.
    outbound: BTreeMap<String, InteractionRecord>,
    desks: BTreeMap<AgentId, DeskSeen>,
    media_mute: bool,
    media_full: bool,
    recorder_mute: bool,
    /// All that the running core was fed.
    fed: Vec<(Now, Input)>,
    /// What it began with.
    first_plan: Plan,
    first: u64,
    /// Calls so far.
    opened: u64,
}

/// One citizen.
struct CallerSeen {
    leg: LegId,
    hears: Hears,
    interaction: Option<InteractionId>,
    record: Option<InteractionRecord>,
    last_agent: Option<LastAgentOutcome>,
    /// What came of the menus and surveys that it was in.
    visits: Vec<String>,
    /// Why this agent, or why nobody yet.
    decision: Option<Decision>,
}

/// Somebody whom the house has called.
struct PhoneSeen {
    leg: LegId,
    is_gone: bool,
}

/// What a citizen hears who is in no talk.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hears {
    Ringback,
    Music,
    Silence,
    Text(String),
    Gone,
}

/// One agent.
#[derive(Default)]
struct DeskSeen {
    session: Option<SessionId>,
    leg: Option<LegId>,
    desk: Option<Desk>,
    last_offer: Option<OfferId>,
    refused: Option<Refusal>,
    signed_out: Option<&'static str>,
}

impl Stage {
    fn new(settings: Settings) -> Self {
        let Settings { plan, began, past } = settings;
        let mut stage = Self {
            core: Core::new(plan.clone(), InteractionId(1)),
            plan: plan.clone(),
            began,
            floor: Floor::default(),
            now: 0,
            next: 1,
            callers: BTreeMap::new(),
            phones: BTreeMap::new(),
            talks: BTreeMap::new(),
            pressed: None,
            ringback: BTreeSet::new(),
            told: BTreeMap::new(),
            music: BTreeSet::new(),
            said: None,
            tracks: BTreeMap::new(),
            evidence: None,
            audit: Vec::new(),
            callbacks: BTreeMap::new(),
            outbound: BTreeMap::new(),
            desks: BTreeMap::new(),
            media_mute: false,
            media_full: false,
            recorder_mute: false,
            fed: Vec::new(),
            first_plan: plan.clone(),
            first: 1,
            opened: 0,
        };
        stage.feed(Input::ContactsKnown(past));
        stage
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (time, sentence) = line.split_once(' ').ok_or("a time and a sentence are needed")?;
        let (minutes, seconds) = time.split_once(':').ok_or("a time is mm:ss")?;
        let minutes: u64 = minutes.parse().map_err(|_| "minutes are a number")?;
        self.run_until(minutes * 60_000 + length_ms(&format!("{seconds}s"))?);
        let words: Vec<&str> = sentence.split_whitespace().collect();
        match words.as_slice() {
            ["expect", expected @ ..] => self.expect(expected),
            action => self.act(action),
        }
    }

    /// Lets the deadlines on the way fire, each in its time.
    fn run_until(&mut self, time: u64) {
        while let Some((Time(due), _)) = self.core.next_deadline().filter(|(due, _)| due.0 <= time) {
            self.now = due;
            self.feed(Input::Tick);
        }
        self.now = time;
    }

    fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = Now { time: Time(self.now), utc: self.wall_clock() };
            self.fed.push((now, input.clone()));
            self.core.handle(now, input);
            while let Some(command) = self.core.poll() {
                inputs.extend(self.obey(command));
            }
        }
    }

    fn wall_clock(&self) -> UnixMillis {
        UnixMillis(self.began.0 + i64::try_from(self.now).expect("a story is short"))
    }

    fn obey(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Sip(command) => self.obey_sip(command),
            Command::Media(command) => self.obey_media(command),
            Command::Recording(RecordingCommand::Finish { recording }) if !self.recorder_mute => {
                self.tracks.remove(&recording.track());
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                Some(Input::RecordingFinished { recording, outcome })
            }
            Command::Recording(command) => {
                match command {
                    RecordingCommand::Prepare { recording, .. } | RecordingCommand::Resume { recording } => {
                        self.tracks.insert(recording.track(), false);
                    }
                    RecordingCommand::Pause { recording } => _ = self.tracks.insert(recording.track(), true),
                    RecordingCommand::Write { .. } | RecordingCommand::Finish { .. } => {}
                }
                None
            }
            Command::Store(command) => self.obey_store(command),
            Command::Agent(command) => {
                self.obey_gateway(command);
                None
            }
        }
    }

    fn obey_sip(&mut self, command: SipCommand) -> Option<Input> {
        match command {
            SipCommand::Ring { leg } => self.hears(leg, Hears::Ringback),
            SipCommand::PressKeys { .. } | SipCommand::Offer { .. } | SipCommand::Sound { .. } => {}
            SipCommand::Answer { leg, .. } => {
                self.hears(leg, Hears::Silence);
                return Some(Input::LegConfirmed { leg });
            }
            SipCommand::Dial(dial) => {
                let seen = PhoneSeen { leg: dial.leg, is_gone: false };
                self.phones.insert(dial.to.number().as_str().to_owned(), seen);
            }
            SipCommand::Refuse { leg, .. } | SipCommand::HangUp { leg, .. } | SipCommand::NotReached { leg, .. } => {
                self.phones.values_mut().filter(|phone| phone.leg == leg).for_each(|phone| phone.is_gone = true);
                self.hears(leg, Hears::Gone);
                return Some(Input::LegEnded { leg, cause: LegEnd::AsCommanded });
            }
        }
        None
    }

    fn obey_media(&mut self, command: MediaCommand) -> Option<Input> {
        match command {
            MediaCommand::OpenTrunk { .. } if self.media_mute => None,
            MediaCommand::OpenTrunk { leg, .. } if self.media_full => Some(Input::MediaFailed { leg, reason: MediaFailure::NoPorts }),
            MediaCommand::OfferTrunk { .. } if self.media_mute => None,
            MediaCommand::OfferTrunk { leg, .. } if self.media_full => Some(Input::MediaFailed { leg, reason: MediaFailure::NoPorts }),
            MediaCommand::OfferTrunk { leg, .. } | MediaCommand::OpenTrunk { leg, .. } => {
                Some(Input::MediaOpened { leg, answer: SessionText("answer".into()) })
            }
            MediaCommand::OpenAgent { .. } if self.media_mute => None,
            MediaCommand::OpenAgent { agent, leg } => {
                self.desks.entry(agent).or_default().leg = Some(leg);
                Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) })
            }
            MediaCommand::Announce { leg, prompts, .. } => self.announce(leg, &prompts),
            MediaCommand::Play { leg, sound } => self.plays(leg, sound),
            MediaCommand::Connect { citizen, agent, .. } => self.join(citizen, agent),
            MediaCommand::Confer { first, second, .. } => self.join(first, second),
            MediaCommand::Attend { leg, citizen, part } => {
                self.hears(leg, Hears::Silence);
                self.talks.get_mut(&citizen).expect("attends a talk that is there").insert(leg, part);
                None
            }
            MediaCommand::Withdraw { leg } => self.withdraw(leg),
            MediaCommand::Hold { citizen, .. } => self.plays(citizen, Sound::Music),
            MediaCommand::Disconnect { citizen } => {
                self.talks.remove(&citizen).expect("only a talk that is there is parted");
                self.hears(citizen, Hears::Silence);
                None
            }
            MediaCommand::PressKeys { leg, keys } => {
                self.pressed = Some((leg, keys.to_string()));
                None
            }
            MediaCommand::Speak { talk, prompts } => self.speak(talk, &prompts),
            MediaCommand::Close { leg } => {
                assert!(!self.talks.contains_key(&leg), "closed in a talk");
                self.hears(leg, Hears::Gone);
                None
            }
            MediaCommand::Follow { .. }
            | MediaCommand::AgentVoice { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::MaskKeys { .. } => None,
        }
    }

    fn announce(&mut self, leg: LegId, prompts: &[PromptName]) -> Option<Input> {
        self.ringback.remove(&leg);
        let names = prompts.iter().map(|prompt| prompt.0.to_string()).collect::<Vec<_>>().join(" ");
        self.told.insert(leg, names.clone());
        self.hears(leg, Hears::Text(names));
        None
    }

    fn plays(&mut self, leg: LegId, sound: Sound) -> Option<Input> {
        match sound {
            Sound::Music => self.hears(leg, Hears::Music),
            Sound::Ringback => {
                self.hears(leg, Hears::Ringback);
                self.ringback.insert(leg);
            }
            Sound::Silence => {
                self.ringback.remove(&leg);
                self.told.remove(&leg);
                self.hears(leg, Hears::Silence);
            }
        }
        None
    }

    fn speak(&mut self, talk: LegId, prompts: &[PromptName]) -> Option<Input> {
        assert!(self.talks.contains_key(&talk), "a text for a talk that is not there");
        self.said = prompts.first().map(|prompt| prompt.0.to_string());
        None
    }

    fn withdraw(&mut self, leg: LegId) -> Option<Input> {
        let talk = self.talks.values_mut().find(|members| members.contains_key(&leg)).expect("leaves a talk");
        talk.remove(&leg);
        assert!(!talk.is_empty(), "the last one is not withdrawn");
        None
    }

    fn expect_tracks(&self, tracks: &str) -> Result<(), String> {
        let name = |(track, paused): (&Track, &bool)| format!("{}{}", track.code(), if *paused { "(paused)" } else { "" });
        let found: Vec<String> = self.tracks.iter().map(name).collect();
        same("tracks", &found.join(" ").as_str(), &tracks)
    }

    fn join(&mut self, first: LegId, second: LegId) -> Option<Input> {
        [first, second].iter().for_each(|leg| _ = self.ringback.remove(leg));
        self.hears(first, Hears::Silence);
        self.hears(second, Hears::Silence);
        let before = self.talks.insert(first, BTreeMap::from([(second, Part::Talk)]));
        assert!(before.is_none(), "I-1: joined twice");
        for leg in [first, second] {
            let talks = self.talks.iter().filter(|(name, members)| **name == leg || members.contains_key(&leg)).count();
            assert_eq!(talks, 1, "I-1: {leg} is in two talks");
        }
        None
    }

    /// Who is heard by a leg: names in order, `music`, `silence`.
    fn audible(&self, leg: LegId) -> Option<String> {
        if self.music.contains(&leg) {
            return Some("music".to_owned());
        }
        let (name, members) = self.talks.iter().find(|(name, members)| **name == leg || members.contains_key(&leg))?;
        let talk = members.iter().filter(|(_, part)| **part == Part::Talk).map(|(leg, _)| *leg);
        let whisper = members.iter().filter(|(_, part)| **part == Part::Whisper).map(|(leg, _)| *leg);
        let is_agent = self.desks.values().any(|desk| desk.leg == Some(leg));
        let heard = talk.chain([*name]).chain(whisper.filter(|_| is_agent)).filter(|other| *other != leg);
        let mut names: Vec<String> = heard.map(|leg| self.name_of(leg)).collect();
        names.sort();
        Some(names.join(" and "))
    }

    fn name_of(&self, leg: LegId) -> String {
        let agent = self.desks.iter().find(|(_, desk)| desk.leg == Some(leg)).map(|(agent, _)| format!("agent {}", agent.0));
        let phone = self.phones.iter().find(|(_, phone)| phone.leg == leg).map(|(number, _)| format!("phone {number}"));
        let caller = self.callers.iter().find(|(_, caller)| caller.leg == leg).map(|(number, _)| format!("caller {number}"));
        agent.or(phone).or(caller).unwrap_or_else(|| format!("leg {leg}"))
    }

    fn obey_store(&mut self, command: StoreCommand) -> Option<Input> {
        match command {
            StoreCommand::Open { interaction, .. } => {
                self.opened += 1;
                // Nobody is found for an agent's call.
                if let Some(caller) = self.callers.values_mut().find(|caller| caller.interaction.is_none()) {
                    caller.interaction = Some(interaction);
                }
                None
            }
            StoreCommand::FindCard { interaction, .. } => Some(Input::CardFound { interaction, card: Some(CallerCard::default()) }),
            StoreCommand::OpenRecording { recording, .. } => Some(Input::RecordingRowStored { recording }),
            StoreCommand::Save(record) => {
                let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(record.interaction));
                let Some(caller) = caller else {
                    let number = record.dialled.as_str().to_owned();
                    self.outbound.insert(number, *record);
                    return None;
                };
                assert!(caller.record.is_none(), "saved twice");
                caller.record = Some(*record);
                None
            }
            StoreCommand::Note(fact) => {
                if let FactKind::Decided(decision) = &fact.kind {
                    let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(fact.interaction));
                    if let Some(caller) = caller {
                        caller.decision = Some((**decision).clone());
                    }
                }
                if let FactKind::NodeLeft(visit) = &fact.kind {
                    let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(fact.interaction));
                    caller.expect("a fact of a caller").visits.push(words::visit(visit));
                }
                if let FactKind::LastAgent { outcome, .. } = fact.kind {
                    let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(fact.interaction));
                    caller.expect("a fact of a caller").last_agent = Some(outcome);
                }
                None
            }
            StoreCommand::Callback(record) => {
                self.callbacks.insert(record.number.reveal().as_str().to_owned(), *record);
                None
            }
            StoreCommand::Supervised(note) => {
                self.audit.push(format!("{} {}", note.supervisor.0, note.act.code()));
                None
            }
            StoreCommand::HoldRecordings { reason, .. } => {
                self.evidence = Some(reason);
                None
            }
            StoreCommand::CloseRecording { .. } | StoreCommand::AgentTime(_) | StoreCommand::TalkMeasured(_) => None,
        }
    }

    fn obey_gateway(&mut self, command: AgentCommand) {
        match command {
            AgentCommand::SignedIn { agent, session, .. } => {
                let desk = self.desks.entry(agent).or_default();
                (desk.session, desk.signed_out) = (Some(session), None);
            }
            AgentCommand::Show { agent, desk: shown, .. } => {
                let desk = self.desks.entry(agent).or_default();
                desk.last_offer = shown.offer.as_ref().map(|view| view.offer).or(desk.last_offer);
                desk.desk = Some(*shown);
            }
            AgentCommand::SignedOut { agent, session, why } => {
                let desk = self.desks.entry(agent).or_default();
                if desk.session == Some(session) {
                    (desk.desk, desk.signed_out) = (None, Some(why.code()));
                }
            }
            AgentCommand::SignInFailed { agent, .. } => self.desks.entry(agent).or_default().signed_out = Some("failed"),
            AgentCommand::Floor(change) => self.floor.apply(change).expect("changes come in order"),
            AgentCommand::Refuse { agent, reason, .. } => self.desks.entry(agent).or_default().refused = Some(reason),
            AgentCommand::Done { agent, .. } => self.desks.entry(agent).or_default().refused = None,
            AgentCommand::Voice { .. } | AgentCommand::TalkHealth { .. } => {}
        }
    }

    fn hears(&mut self, leg: LegId, hears: Hears) {
        if self.desks.values().any(|desk| desk.leg == Some(leg)) {
            if hears == Hears::Music {
                self.music.insert(leg)
            } else {
                self.music.remove(&leg)
            };
        }
        if let Some(caller) = self.callers.values_mut().find(|caller| caller.leg == leg) {
            caller.hears = hears;
        }
    }

    fn act(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["caller", number, "dials", dialled] => return self.dials(number, dialled, false),
            ["probe", number, "dials", dialled] => return self.dials(number, dialled, true),
            ["caller", number, "hangs", "up"] => return self.leaves(number, LegEnd::ByeReceived),
            ["caller", number, "cancels"] => return self.leaves(number, LegEnd::CancelReceived),
            ["caller", number, "falls", "silent"] => return self.leaves(number, LegEnd::Timeout),
            ["agent", agent, rest @ ..] => return self.agent_acts(agent_id(agent)?, rest),
            ["media", "does", "not", "answer"] => self.media_mute = true,
            ["media", "has", "no", "ports"] => self.media_full = true,
            ["media", "has", "no", "time", "for", "more", "voices", thread @ ..] => self.feed(room_for_voices(thread, false)?),
            ["media", "has", "time", "for", "more", "voices", thread @ ..] => self.feed(room_for_voices(thread, true)?),
            ["caller", number, "is", "on", "thread", thread] => self.feed(on_thread(self.caller(number)?.leg, thread)?),
            ["the", "recorder", "does", "not", "answer"] => self.recorder_mute = true,
            ["the", "server", "stops"] => self.feed(Input::Stop),
            ["the", "server", "begins", "anew", "from", "its", "journal"] => self.replay(),
            ["the", "server", "crashes"] => self.crash(),
            ["the", "clock", "is", "set", "back", length] => self.began.0 -= i64::try_from(length_ms(length)?).unwrap_or(0),
            ["the", "clock", "is", "set", "forward", length] => self.began.0 += i64::try_from(length_ms(length)?).unwrap_or(0),
            ["from", "now", "on", setting @ ..] => {
                settings::change(&mut self.plan, setting)?;
                self.feed(Input::PlanChanged(Box::new(self.plan.clone())));
            }
            ["caller", number, "presses", digit] => {
                let leg = self.caller(number)?.leg;
                self.feed(Input::Digit { leg, digit: digit.chars().next().ok_or("a key is missing")? });
            }
            ["the", "text", "for", number, "ends"] => {
                let leg = self.caller(number)?.leg;
                self.hears(leg, Hears::Music);
                self.feed(Input::AnnouncementEnded { leg, end: AnnouncementEnd::Finished });
            }
            ["the", "whisper", "for", agent, "ends"] => {
                self.feed(Input::AnnouncementEnded { leg: self.agents_leg(agent)?, end: AnnouncementEnd::Finished });
            }
            ["phone", number, "rings"] => self.phone_does(number, |leg| Input::LegRinging { leg, early: None })?,
            ["phone", number, "is", "heard"] => {
                self.phone_does(number, |leg| Input::LegRinging { leg, early: Some(SessionText("early".into())) })?;
            }
            ["phone", number, "fails", "over"] => self.phone_does(number, |leg| Input::LegWantsOffer { leg, terms: Default::default() })?,
            ["phone", number, "answers"] => {
                self.phone_does(number, |leg| Input::LegAnswered { leg, answer: Some(SessionText("answer".into())) })?;
            }
            ["phone", number, "hangs", "up"] => self.phone_ends(number, LegEnd::ByeReceived)?,
            ["phone", number, "refuses", status] => {
                let status = status.parse().map_err(|_| "a status is a number")?;
                self.phone_ends(number, LegEnd::Refused { status })?;
            }
            ["phone", number, "registers"] => self.feed(Input::PhoneRegistered { number: phone(number)?, registered: true }),
            ["phone", number, "is", "not", "registered"] => self.feed(Input::PhoneRegistered { number: phone(number)?, registered: false }),
            ["phone", number, "has", "no", "line"] => self.phone_ends(number, LegEnd::NoLine)?,
            ["callback", "of", number, "is", "taken", "back"] => {
                let callback = self.callback(number)?.callback;
                self.feed(Input::CancelCallback(callback));
            }
            ["override", scope, mode, "until", time, "by", author] => self.override_by_hand(scope, mode, time, author)?,
            other => return Err(format!("`{}` is no sentence", other.join(" "))),
        }
        Ok(())
    }

    /// A fresh core is fed the same again, and goes on in the place of the old one.
    fn replay(&mut self) {
        let mut fresh = Core::new(self.first_plan.clone(), InteractionId(self.first));
        for (now, input) in &self.fed {
            fresh.handle(*now, input.clone());
            while fresh.poll().is_some() {}
        }
        self.core = fresh;
    }

    /// Nothing is left but what the store knows: citizens are gone, and desks must sign in anew.
    fn crash(&mut self) {
        (self.first_plan, self.first) = (self.plan.clone(), self.opened + 1);
        (self.core, self.floor) = (Core::new(self.plan.clone(), InteractionId(self.first)), Floor::default());
        self.fed.clear();
        self.talks.clear();
        for caller in self.callers.values_mut() {
            caller.hears = Hears::Gone;
        }
        let records = self.callers.values().filter_map(|caller| caller.record.as_ref());
        let past = records.map(|record| PastContact {
            caller: record.caller.clone(),
            at: record.started,
            agent: record.segments.last().map(|segment| segment.agent),
            avoid: false,
        });
        let past = past.collect();
        self.feed(Input::ContactsKnown(past));
        let open = self.callbacks.values().filter(|callback| callback.state == CallbackState::Open).cloned().collect();
        self.feed(Input::CallbacksKnown(open));
    }

    fn callback(&self, number: &str) -> Result<&CallbackRecord, String> {
        self.callbacks.get(number).ok_or_else(|| format!("{number} was promised no callback"))
    }

    /// `open after 1 attempts`, `reached after 0 attempts`, `none`.
    fn expect_callback(&self, number: &str, expected: &str) -> Result<(), String> {
        let found = self
            .callbacks
            .get(number)
            .map_or_else(|| "none".to_owned(), |callback| format!("{} after {} attempts", callback.state.code(), callback.attempts));
        same("callback", &found.as_str(), &expected)
    }

    fn phone(&self, number: &str) -> Result<&PhoneSeen, String> {
        self.phones.get(number).ok_or_else(|| format!("{number} was never called"))
    }

    fn phone_does(&mut self, number: &str, input: impl FnOnce(LegId) -> Input) -> Result<(), String> {
        let leg = self.phone(number)?.leg;
        self.feed(input(leg));
        Ok(())
    }

    fn phone_ends(&mut self, number: &str, cause: LegEnd) -> Result<(), String> {
        let phone = self.phones.get_mut(number).ok_or_else(|| format!("{number} was never called"))?;
        phone.is_gone = true;
        let leg = phone.leg;
        self.feed(Input::LegEnded { leg, cause });
        Ok(())
    }

    /// Of everything, or of one number, until a time of the same day.
    fn override_by_hand(&mut self, scope: &str, mode: &str, time: &str, author: &str) -> Result<(), String> {
        let day = self.plan.calendars.local(self.wall_clock()).day;
        let expires = self.plan.calendars.instant(day, minute(time)?);
        let scope = if scope == "everything" { Scope::Everything } else { Scope::Number(phone(scope)?) };
        let mode = if mode == "open" { Mode::Open } else { Mode::Closed(way_out(mode)?) };
        let (author, reason) = (author.to_owned(), String::new());
        self.plan.calendars.overrides.push(Override { scope, mode, author, reason, expires });
        self.feed(Input::PlanChanged(Box::new(self.plan.clone())));
        Ok(())
    }

    fn dials(&mut self, number: &str, dialled: &str, probe: bool) -> Result<(), String> {
        let leg = LegId(self.take_number());
        self.callers.insert(
            number.to_owned(),
            CallerSeen {
                leg,
                hears: Hears::Silence,
                interaction: None,
                record: None,
                last_agent: None,
                visits: Vec::new(),
                decision: None,
            },
        );
        let caller = Caller { number: Some(phone(number)?.into()) };
        let offered =
            CallOffered { leg, trunk: TrunkId(0), caller, dialled: phone(dialled)?, offer: None, probe, origin: Default::default() };
        self.feed(Input::CallOffered(offered));
        Ok(())
    }

    fn leaves(&mut self, number: &str, cause: LegEnd) -> Result<(), String> {
        let leg = self.caller(number)?.leg;
        self.hears(leg, Hears::Gone);
        self.feed(Input::LegEnded { leg, cause });
        Ok(())
    }

    fn agent_acts(&mut self, agent: AgentId, words: &[&str]) -> Result<(), String> {
        let desk = self.desks.entry(agent).or_default();
        let call = desk.desk.as_ref().and_then(|desk| desk.call.as_ref()).map(|view| view.interaction);
        let offer = desk.last_offer;
        match words {
            ["signs", "in"] => self.signs_in(agent, None),
            ["signs", "in", "by", device] => self.signs_in(agent, Some(voice_device(device)?)),
            ["uses", "the", device] => self.ask(agent, AgentAction::UseVoice(voice_device(device)?)),
            ["loses", "connection"] => self.tell(agent, |agent, session| Input::AgentDisconnected { agent, session }),
            ["comes", "back"] => self.tell(agent, |agent, session| Input::AgentResumed { agent, session }),
            ["loses", "voice"] => self.voice(agent, false),
            ["has", "voice", "again"] => self.voice(agent, true),
            ["goes", "ready"] => self.ask(agent, AgentAction::GoReady),
            ["goes", "not", "ready", reason] => self.ask(agent, AgentAction::GoNotReady(not_ready(reason)?)),
            ["accepts"] => self.ask(agent, AgentAction::Accept(offer.ok_or("no offer was ever shown")?)),
            ["rejects"] => self.ask(agent, AgentAction::Reject(offer.ok_or("no offer was ever shown")?)),
            ["hangs", "up"] => self.ask(agent, AgentAction::HangUp(call.unwrap_or(InteractionId(0)))),
            ["ends", "wrap-up"] => self.ask(agent, AgentAction::EndWrapUp),
            ["locks"] => self.ask(agent, AgentAction::Lock),
            ["unlocks"] => self.ask(agent, AgentAction::Unlock),
            ["awaits", reason] => self.ask(agent, AgentAction::AwaitNotReady(not_ready(reason)?)),
            ["sits", "there"] => self.tell(agent, |agent, session| Input::AgentAttentive { agent, session, attentive: true }),
            ["leaves", "the", "chair"] => self.tell(agent, |agent, session| Input::AgentAttentive { agent, session, attentive: false }),
            ["extends", "wrap-up"] => self.ask(agent, AgentAction::ExtendWrapUp),
            ["signs", "out"] => self.ask(agent, AgentAction::SignOut),
            ["dials", number] => self.ask(agent, AgentAction::Dial(phone(number)?.into())),
            ["supervises", act @ ..] => {
                let call = self.calls_waiting(act)?;
                self.ask(agent, AgentAction::Supervise(supervisor_act(act, call)?, "quality".to_owned()))
            }
            ["supervises-without-reason", act @ ..] => self.ask(agent, AgentAction::Supervise(supervisor_act(act, None)?, " ".to_owned())),
            words => self.call_function(agent, call.unwrap_or(InteractionId(0)), words),
        }
    }

    /// The interaction of `… caller 139…`.
    fn calls_waiting(&self, words: &[&str]) -> Result<Option<InteractionId>, String> {
        match words {
            [_, "caller", number, ..] => Ok(self.caller(number)?.interaction),
            _ => Ok(None),
        }
    }

    fn call_function(&mut self, agent: AgentId, call: InteractionId, words: &[&str]) -> Result<(), String> {
        let function = match words {
            ["holds"] => CallFunction::Hold,
            ["retrieves"] => CallFunction::Retrieve,
            ["consults", to @ ..] => CallFunction::Consult { to: target(to)? },
            ["invites", to @ ..] => CallFunction::Invite { to: target(to)? },
            ["transfers", "to", to @ ..] => CallFunction::Transfer { to: target(to)? },
            ["swaps"] => CallFunction::Swap,
            ["merges"] => CallFunction::Merge,
            ["completes"] => CallFunction::Complete,
            ["cancels"] => CallFunction::Cancel,
            ["leaves", "the", "talk"] => CallFunction::Leave,
            ["drops", party] => CallFunction::DropParty { party: party_id(party)? },
            ["mutes", party] => CallFunction::MuteParty { party: party_id(party)?, muted: true },
            ["unmutes", party] => CallFunction::MuteParty { party: party_id(party)?, muted: false },
            ["pauses"] => CallFunction::PauseRecording,
            ["resumes"] => CallFunction::ResumeRecording,
            ["presses", keys] => CallFunction::PressKeys { keys: (*keys).to_owned() },
            other => return Err(format!("`agent … {}` is no sentence", other.join(" "))),
        };
        self.ask(agent, AgentAction::Call(call, function))
    }

    fn signs_in(&mut self, agent: AgentId, voice: Option<VoiceDevice>) -> Result<(), String> {
        let session = SessionId(self.take_number());
        self.feed(Input::AgentArrived { agent, session, voice });
        if self.media_mute { Ok(()) } else { self.voice(agent, true) }
    }

    fn voice(&mut self, agent: AgentId, reachable: bool) -> Result<(), String> {
        let leg = self.desks.get(&agent).and_then(|desk| desk.leg).ok_or("the agent never signed in")?;
        self.feed(Input::AgentMediaReachable { leg, reachable });
        Ok(())
    }

    fn tell(&mut self, agent: AgentId, input: impl FnOnce(AgentId, SessionId) -> Input) -> Result<(), String> {
        let session = self.desks.get(&agent).and_then(|desk| desk.session).ok_or("the agent never signed in")?;
        self.feed(input(agent, session));
        Ok(())
    }

    fn ask(&mut self, agent: AgentId, action: AgentAction) -> Result<(), String> {
        let request = RequestId(self.take_number());
        self.tell(agent, |agent, session| Input::AgentAsked { agent, session, request, action })
    }

    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn agents_leg(&self, agent: &str) -> Result<LegId, String> {
        Ok(self.desks.get(&agent_id(agent)?).and_then(|desk| desk.leg).ok_or("the agent never signed in")?)
    }

    fn expect_phone(&self, number: &str, words: &[&str]) -> Result<(), String> {
        match words {
            ["was", "never", "called"] => same("called", &self.phones.contains_key(number), &false),
            ["is", "called"] => same("gone", &self.phone(number)?.is_gone, &false),
            ["is", "gone"] => same("gone", &self.phone(number)?.is_gone, &true),
            ["hears", "ringback"] => same("ringback", &self.ringback.contains(&self.phone(number)?.leg), &true),
            ["hears", who @ ..] => {
                let heard = self.audible(self.phone(number)?.leg).unwrap_or_else(|| "nobody".to_owned());
                same("what is heard", &heard.as_str(), &who.join(" ").as_str())
            }
            other => Err(format!("`{}` is nothing that a phone does", other.join(" "))),
        }
    }

    fn expect(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["agent", agent, "hears", "ringback"] => same("ringback", &self.ringback.contains(&self.agents_leg(agent)?), &true),
            ["agent", agent, "heard", text @ ..] => {
                let told = self.told.get(&self.agents_leg(agent)?).map_or("nothing", String::as_str);
                same("what was heard", &told, &text.join(" ").as_str())
            }
            ["agent", agent, "hears", who @ ..] => {
                let leg = self.agents_leg(agent)?;
                same("what is heard", &self.audible(leg).unwrap_or_else(|| "nobody".to_owned()).as_str(), &who.join(" ").as_str())
            }
            ["phone", number, expected @ ..] => self.expect_phone(number, expected),
            ["agent", agent, "speaks", "by", device, line] => {
                let desk = self.desks.get(&agent_id(agent)?).and_then(|seen| seen.desk.as_ref()).ok_or("no desk was shown")?;
                same("voice", &format!("{} {:?}", desk.voice.device.code(), desk.voice.line).as_str(), &format!("{device} {line}").as_str())
            }
            ["said", text] => same("what is said", &self.said.as_deref(), &Some(*text)),
            ["evidence", reason] => same("evidence", &self.evidence, &Some(*reason)),
            ["tracks", tracks @ ..] => self.expect_tracks(&tracks.join(" ")),
            ["audit", row @ ..] => same("audit", &self.audit.last().map(String::as_str), &Some(row.join(" ").as_str())),
            ["keys", keys, "towards", who @ ..] => {
                let found = self.pressed.as_ref().map(|(leg, keys)| format!("{keys} towards {}", self.name_of(*leg)));
                same("keys", &found.as_deref(), &Some(format!("{keys} towards {}", who.join(" ")).as_str()))
            }
            ["caller", number, "hears", who @ ..] if matches!(who.first(), Some(&("agent" | "phone" | "caller"))) => {
                let leg = self.caller(number)?.leg;
                same("what is heard", &self.audible(leg).unwrap_or_else(|| "nobody".to_owned()).as_str(), &who.join(" ").as_str())
            }
            ["caller", number, "hears", "music"] => self.expect_hears(number, Hears::Music),
            ["caller", number, "hears", "ringback"] => self.expect_hears(number, Hears::Ringback),
            ["caller", number, "hears", "text", names @ ..] => self.expect_hears(number, Hears::Text(names.join(" "))),
            ["caller", number, "is", "gone"] => self.expect_hears(number, Hears::Gone),
            ["agent", agent, "is", "shown", "attempt", attempt] => {
                let shown = self.call_shown(agent_id(agent)?)?.talk.callback.map_or(0, |callback| callback.attempt);
                same("attempt", &shown.to_string().as_str(), attempt)
            }
            ["agent", agent, "is", state @ ..] => self.expect_state(agent_id(agent)?, &state.join(" ")),
            ["agent", agent, "was", "asked"] => {
                same("asked", &self.desks.get(&agent_id(agent)?).is_some_and(|desk| desk.last_offer.is_some()), &true)
            }
            ["agent", agent, "then", next @ ..] => self.expect_next(agent_id(agent)?, &next.join(" ")),
            ["agent", agent, "awaits", awaited @ ..] => self.expect_awaited(agent_id(agent)?, &awaited.join(" ")),
            ["agent", agent, "sees", "known", known @ ..] => self.expect_known(agent_id(agent)?, &known.join(" ")),
            ["floor", "shows", agent, row @ ..] => self.expect_row(agent_id(agent)?, &row.join(" ")),
            ["why", "of", number, why @ ..] => self.expect_why(number, &why.join(" ")),
            ["nodes", "of", number, visits @ ..] => same("nodes", &self.caller(number)?.visits.join(", "), &visits.join(" ")),
            ["last", "agent", "of", number, outcome] => self.expect_last_agent(number, outcome),
            ["agent", agent, "sees", "the", "card"] => self.expect_card(agent_id(agent)?),
            ["agent", agent, "sees", notice @ ..] => self.expect_notice(agent_id(agent)?, &notice.join(" ")),
            ["agent", agent, "was", "refused", reason @ ..] => self.expect_refused(agent_id(agent)?, &reason.join(" ")),
            ["no", "record", "of", number] => same("record", &self.caller(number)?.record.is_some(), &false),
            ["record", "of", "callback", number, facts @ ..] => {
                let record = self.outbound.get(*number).ok_or("no record yet")?;
                record_is(record, facts)
            }
            ["record", "of", number, facts @ ..] => self.expect_record(number, facts),
            ["callback", "of", number, "is", state @ ..] => self.expect_callback(number, &state.join(" ")),
            ["nothing", "left"] => same("idle and deadline", &(self.core.is_idle(), self.core.next_deadline()), &(true, None)),
            other => Err(format!("`expect {}` is no sentence", other.join(" "))),
        }
    }

    fn caller(&self, number: &str) -> Result<&CallerSeen, String> {
        self.callers.get(number).ok_or_else(|| format!("{number} never called"))
    }

    fn expect_hears(&self, number: &str, expected: Hears) -> Result<(), String> {
        let caller = self.caller(number)?;
        if let Some(heard) = self.audible(caller.leg) {
            return Err(format!("what is heard: expected {expected:?}, found {heard}"));
        }
        same("what is heard", &caller.hears, &expected)
    }

    fn desk(&self, agent: AgentId) -> Result<&Desk, String> {
        self.desks.get(&agent).and_then(|seen| seen.desk.as_ref()).ok_or_else(|| "no desk was shown".to_owned())
    }

    fn call_shown(&self, agent: AgentId) -> Result<&CallView, String> {
        let desk = self.desk(agent)?;
        desk.offer.as_ref().map(|view| &view.call).or(desk.call.as_ref()).ok_or_else(|| "no call is shown".to_owned())
    }

    fn expect_next(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let found = match self.desk(agent)?.next {
            None => "nothing".to_owned(),
            Some(NextState::SignOut) => "signs out".to_owned(),
            Some(NextState::NotReady(reason)) => format!("is not ready ({})", reason.code()),
        };
        same("what follows", &found.as_str(), &expected)
    }

    fn expect_awaited(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let awaits = self.desk(agent)?.awaits;
        let found = awaits.map_or_else(|| "nothing".to_owned(), |awaits| format!("{} behind {}", awaits.reason.code(), awaits.ahead));
        same("what is waited for", &found.as_str(), &expected)
    }

    /// `2 3 served`: contacts in a day and in a week, and what else is shown.
    fn expect_known(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let known = &self.call_shown(agent)?.known;
        let served = if known.served_by_you { " served" } else { "" };
        let care = match known.care.as_ref().map(|care| care.class) {
            Some(CareClass::Elderly) => " elderly",
            Some(_) => " care",
            None => "",
        };
        let found = format!("{} {}{served}{care}", known.contacts_in_a_day, known.contacts_in_a_week);
        same("what is known", &found.as_str(), &expected)
    }

    fn expect_row(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let found = self.floor.rows.get(&agent).map_or_else(
            || "nobody".to_owned(),
            |row| {
                let partner = row.partner.as_ref().and_then(|caller| caller.number.as_ref());
                let partner = partner.map_or_else(String::new, |number| format!(" with {}", number.reveal().as_str()));
                format!("{}{partner} after {} calls", row.state.code(), row.calls_today)
            },
        );
        same("row", &found.as_str(), &expected)
    }

    /// `asks 1002 among 1002 1003 not 1001 talks` or `waits not 1001 talks`.
    fn expect_why(&self, number: &str, expected: &str) -> Result<(), String> {
        let decision = self.caller(number)?.decision.as_ref().ok_or("nothing was decided")?;
        let mut words = decision.asked.map_or_else(|| "waits".to_owned(), |agent| format!("asks {}", agent.0));
        if let Some(agent) = decision.held_for {
            words += &format!(" for {}", agent.0);
        }
        let free: Vec<String> = decision.candidates.iter().map(|one| format!(" {}", one.agent.0)).collect();
        if !free.is_empty() {
            words += &format!(" among{}", free.concat());
        }
        for one in &decision.passed_over {
            let why = serde_json::to_value(one.why).map_err(|fault| fault.to_string())?;
            words += &format!(" not {} {}", one.agent.0, why.as_str().unwrap_or_default());
        }
        same("why", &words.as_str(), &expected)
    }

    fn expect_last_agent(&self, number: &str, expected: &str) -> Result<(), String> {
        let outcome = self.caller(number)?.last_agent;
        let found = serde_json::to_value(outcome).map_err(|fault| fault.to_string())?;
        same("last agent", &found.as_str().unwrap_or("none"), &expected)
    }

    fn expect_state(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let seen = self.desks.get(&agent).ok_or("the agent was never seen")?;
        let found = match (&seen.desk, seen.signed_out) {
            (Some(desk), None) => self.state_in_words(desk),
            (_, why) => format!("signed out ({})", why.unwrap_or("never in")),
        };
        same("state", &found.as_str(), &expected)
    }

    fn state_in_words(&self, desk: &Desk) -> String {
        let who = |interaction| {
            let caller = self.callers.iter().find(|(_, caller)| caller.interaction == Some(interaction));
            let view = desk.offer.as_ref().map(|offer| &offer.call).or(desk.call.as_ref());
            let number = view.and_then(|view| view.caller.number.as_ref()).map(|number| number.reveal().as_str());
            caller.map_or(number.unwrap_or("nobody"), |(number, _)| number.as_str())
        };
        match desk.state {
            AgentState::NotReady(reason) => format!("not ready ({})", reason.code()),
            AgentState::Ready => "ready".to_owned(),
            AgentState::Offered => format!("ringing for {}", desk.offer.as_ref().map_or("nobody", |view| who(view.call.interaction))),
            AgentState::Talking => format!("talking to {}", desk.call.as_ref().map_or("nobody", |view| who(view.interaction))),
            AgentState::Holding => format!("holding {}", desk.call.as_ref().map_or("nobody", |view| who(view.interaction))),
            AgentState::Consulting => format!("consulting for {}", desk.call.as_ref().map_or("nobody", |view| who(view.interaction))),
            AgentState::Outbound => "in an outbound call".to_owned(),
            AgentState::WrapUp => "wrapping up".to_owned(),
            AgentState::Lost => "lost".to_owned(),
        }
    }

    fn expect_notice(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let notice = self.desks.get(&agent).and_then(|desk| desk.desk.as_ref()).and_then(|desk| desk.notice);
        let found = match notice {
            None => "no notice",
            Some(Notice::OfferMissed) => "offer missed",
            Some(Notice::CallerLeft) => "caller left",
            Some(Notice::MediaLost) => "voice lost",
            Some(Notice::BreakOver) => "break over",
            Some(Notice::BreakBegun) => "break begun",
            Some(Notice::PhoneFailed(result)) => &format!("phone failed {}", result.code()),
            Some(Notice::Call(news)) => &call_news(news),
        };
        same("notice", &found, &expected)
    }

    fn expect_card(&self, agent: AgentId) -> Result<(), String> {
        let desk = self.desks.get(&agent).and_then(|seen| seen.desk.as_ref()).ok_or("no desk was shown")?;
        let call = desk.offer.as_ref().map(|view| &view.call).or(desk.call.as_ref()).ok_or("no call is shown")?;
        same("card", &call.card.is_some(), &true)
    }

    fn expect_refused(&self, agent: AgentId, expected: &str) -> Result<(), String> {
        let found = match self.desks.get(&agent).and_then(|desk| desk.refused) {
            None => "nothing",
            Some(Refusal::OfferGone) => "offer gone",
            Some(Refusal::NoSuchCall) => "no such call",
            Some(Refusal::WrongState) => "wrong state",
            Some(Refusal::NoMedia) => "no voice",
            Some(Refusal::LiftReceiver) => "lift the receiver",
            Some(Refusal::NoPhone) => "no phone",
            Some(Refusal::ReasonNotAllowed) => "reason not allowed",
            Some(Refusal::ReasonFull) => "reason full",
            Some(Refusal::Locked) => "locked",
            Some(Refusal::NotSaved) => "not saved",
            Some(Refusal::TooManyMessages | Refusal::MessageLength | Refusal::TooLate | Refusal::Incomplete) => "not the core's to say",
            Some(Refusal::PasswordFirst | Refusal::WrongPassword | Refusal::WeakPassword | Refusal::UsedPassword) => {
                "not the core's to say"
            }
            Some(Refusal::NotAvailable) => "not available",
            Some(Refusal::MayNotDial) => "may not dial",
            Some(Refusal::TooManyTransfers) => "too many transfers",
            Some(Refusal::TooManyParties) => "too many parties",
            Some(Refusal::NoCapacity) => "no capacity",
            Some(Refusal::NoSuchTarget) => "no such target",
            Some(Refusal::NotAllowed) => "not allowed",
        };
        same("refusal", &found, &expected)
    }

    /// `answered|unanswered reason … by … wait … talk … parts … recorded|unrecorded`, any of them.
    fn expect_record(&self, number: &str, facts: &[&str]) -> Result<(), String> {
        let record = match self.callers.get(number) {
            Some(caller) => caller.record.as_ref(),
            None => self.outbound.get(number),
        };
        record_is(record.ok_or("no record yet")?, facts)
    }
}
