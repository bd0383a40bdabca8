//! Plays the stories in `tests/scenarios/`: who does what when, and what is expected. The edges are prompt and faultless here
//! unless a line says otherwise; delays and faults by chance are the business of `simulation`.
//!
//! `tests/scenarios/README.md` lists the sentences.

#[path = "story/settings.rs"]
mod settings;

use call_core::command::{AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionText, SipCommand, Sound, StoreCommand};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::ledger::InteractionRecord;
use call_core::ledger::{FactKind, LastAgentOutcome};
use call_core::plan::{Mode, Override, Plan, Scope};
use call_core::{Command, Core, Input, Now, Time};
use settings::{Settings, agent_id, length_ms, minute, not_ready, phone, way_out};
use shared::model::{
    AgentId, AgentState, CallView, Caller, CallerCard, CareClass, Desk, Floor, InteractionId, LegId, NextState, Notice, OfferId, Refusal,
    RequestId, SessionId, TrunkId, UnixMillis,
};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

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
    desks: BTreeMap<AgentId, DeskSeen>,
    media_mute: bool,
    media_full: bool,
    recorder_mute: bool,
}

/// One citizen.
struct CallerSeen {
    leg: LegId,
    hears: Hears,
    interaction: Option<InteractionId>,
    record: Option<InteractionRecord>,
    last_agent: Option<LastAgentOutcome>,
}

/// What a citizen hears.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hears {
    Ringback,
    Music,
    Silence,
    Agent(AgentId),
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
            plan,
            began,
            floor: Floor::default(),
            now: 0,
            next: 1,
            callers: BTreeMap::new(),
            desks: BTreeMap::new(),
            media_mute: false,
            media_full: false,
            recorder_mute: false,
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
                let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: "00".into() };
                Some(Input::RecordingFinished { recording, outcome })
            }
            Command::Recording(_) => None,
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
            SipCommand::PressKeys { .. } => {}
            SipCommand::Answer { leg, .. } => {
                self.hears(leg, Hears::Silence);
                return Some(Input::LegConfirmed { leg });
            }
            SipCommand::Refuse { leg, .. } | SipCommand::HangUp { leg, .. } => {
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
            MediaCommand::OpenTrunk { leg, .. } => Some(Input::MediaOpened { leg, answer: SessionText("answer".into()) }),
            MediaCommand::OpenAgent { .. } if self.media_mute => None,
            MediaCommand::OpenAgent { agent, leg } => {
                self.desks.entry(agent).or_default().leg = Some(leg);
                Some(Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) })
            }
            MediaCommand::Play { leg, sound: Sound::Music } => {
                self.hears(leg, Hears::Music);
                None
            }
            MediaCommand::Announce { leg, prompts, .. } => {
                let names: Vec<String> = prompts.iter().map(|prompt| prompt.0.to_string()).collect();
                self.hears(leg, Hears::Text(names.join(" ")));
                None
            }
            MediaCommand::Connect { citizen, agent, .. } => {
                let who = self.desks.iter().find(|(_, desk)| desk.leg == Some(agent)).map(|(who, _)| *who);
                self.hears(citizen, Hears::Agent(who.expect("the leg of an agent")));
                None
            }
            MediaCommand::Play { leg, sound: Sound::Silence } | MediaCommand::Disconnect { citizen: leg } => {
                self.hears(leg, Hears::Silence);
                None
            }
            MediaCommand::Follow { .. } => None,
            MediaCommand::Close { leg } => {
                self.hears(leg, Hears::Gone);
                None
            }
            MediaCommand::AgentVoice { .. }
            | MediaCommand::Attend { .. }
            | MediaCommand::Withdraw { .. }
            | MediaCommand::PressKeys { .. }
            | MediaCommand::HearTones { .. }
            | MediaCommand::MaskKeys { .. } => None,
        }
    }

    fn obey_store(&mut self, command: StoreCommand) -> Option<Input> {
        match command {
            StoreCommand::Open { interaction, .. } => {
                let caller = self.callers.values_mut().find(|caller| caller.interaction.is_none());
                caller.expect("somebody dialled").interaction = Some(interaction);
                None
            }
            StoreCommand::FindCard { interaction, .. } => Some(Input::CardFound { interaction, card: Some(CallerCard::default()) }),
            StoreCommand::OpenRecording { recording, .. } => Some(Input::RecordingRowStored { recording }),
            StoreCommand::Save(record) => {
                let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(record.interaction));
                let slot = &mut caller.expect("a record of a caller").record;
                assert!(slot.is_none(), "saved twice");
                *slot = Some(*record);
                None
            }
            StoreCommand::Note(fact) => {
                if let FactKind::LastAgent { outcome, .. } = fact.kind {
                    let caller = self.callers.values_mut().find(|caller| caller.interaction == Some(fact.interaction));
                    caller.expect("a fact of a caller").last_agent = Some(outcome);
                }
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
            ["the", "recorder", "does", "not", "answer"] => self.recorder_mute = true,
            ["the", "server", "stops"] => self.feed(Input::Stop),
            ["caller", number, "presses", digit] => {
                let leg = self.caller(number)?.leg;
                self.feed(Input::Digit { leg, digit: digit.chars().next().ok_or("a key is missing")? });
            }
            ["the", "text", "for", number, "ends"] => {
                let leg = self.caller(number)?.leg;
                self.hears(leg, Hears::Music);
                self.feed(Input::AnnouncementEnded { leg, end: AnnouncementEnd::Finished });
            }
            ["override", scope, mode, "until", time, "by", author] => self.override_by_hand(scope, mode, time, author)?,
            other => return Err(format!("`{}` is no sentence", other.join(" "))),
        }
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
        self.callers
            .insert(number.to_owned(), CallerSeen { leg, hears: Hears::Silence, interaction: None, record: None, last_agent: None });
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
            ["signs", "in"] => self.signs_in(agent),
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
            other => Err(format!("`agent … {}` is no sentence", other.join(" "))),
        }
    }

    fn signs_in(&mut self, agent: AgentId) -> Result<(), String> {
        let session = SessionId(self.take_number());
        self.feed(Input::AgentArrived { agent, session });
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

    fn expect(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["caller", number, "hears", "agent", agent] => self.expect_hears(number, Hears::Agent(agent_id(agent)?)),
            ["caller", number, "hears", "music"] => self.expect_hears(number, Hears::Music),
            ["caller", number, "hears", "ringback"] => self.expect_hears(number, Hears::Ringback),
            ["caller", number, "hears", "text", names @ ..] => self.expect_hears(number, Hears::Text(names.join(" "))),
            ["caller", number, "is", "gone"] => self.expect_hears(number, Hears::Gone),
            ["agent", agent, "is", state @ ..] => self.expect_state(agent_id(agent)?, &state.join(" ")),
            ["agent", agent, "was", "asked"] => {
                same("asked", &self.desks.get(&agent_id(agent)?).is_some_and(|desk| desk.last_offer.is_some()), &true)
            }
            ["agent", agent, "then", next @ ..] => self.expect_next(agent_id(agent)?, &next.join(" ")),
            ["agent", agent, "awaits", awaited @ ..] => self.expect_awaited(agent_id(agent)?, &awaited.join(" ")),
            ["agent", agent, "sees", "known", known @ ..] => self.expect_known(agent_id(agent)?, &known.join(" ")),
            ["floor", "shows", agent, row @ ..] => self.expect_row(agent_id(agent)?, &row.join(" ")),
            ["last", "agent", "of", number, outcome] => self.expect_last_agent(number, outcome),
            ["agent", agent, "sees", "the", "card"] => self.expect_card(agent_id(agent)?),
            ["agent", agent, "sees", notice @ ..] => self.expect_notice(agent_id(agent)?, &notice.join(" ")),
            ["agent", agent, "was", "refused", reason @ ..] => self.expect_refused(agent_id(agent)?, &reason.join(" ")),
            ["no", "record", "of", number] => same("record", &self.caller(number)?.record.is_some(), &false),
            ["record", "of", number, facts @ ..] => self.expect_record(number, facts),
            ["nothing", "left"] => same("idle and deadline", &(self.core.is_idle(), self.core.next_deadline()), &(true, None)),
            other => Err(format!("`expect {}` is no sentence", other.join(" "))),
        }
    }

    fn caller(&self, number: &str) -> Result<&CallerSeen, String> {
        self.callers.get(number).ok_or_else(|| format!("{number} never called"))
    }

    fn expect_hears(&self, number: &str, expected: Hears) -> Result<(), String> {
        same("what is heard", &self.caller(number)?.hears, &expected)
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
            caller.map_or("nobody", |(number, _)| number.as_str())
        };
        match desk.state {
            AgentState::NotReady(reason) => format!("not ready ({})", reason.code()),
            AgentState::Ready => "ready".to_owned(),
            AgentState::Offered => format!("ringing for {}", desk.offer.as_ref().map_or("nobody", |view| who(view.call.interaction))),
            AgentState::Talking => format!("talking to {}", desk.call.as_ref().map_or("nobody", |view| who(view.interaction))),
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
            Some(Refusal::ReasonNotAllowed) => "reason not allowed",
            Some(Refusal::ReasonFull) => "reason full",
            Some(Refusal::Locked) => "locked",
            Some(Refusal::NotSaved) => "not saved",
        };
        same("refusal", &found, &expected)
    }

    /// `answered|unanswered reason … by … wait … talk … parts … recorded|unrecorded`, any of them.
    fn expect_record(&self, number: &str, facts: &[&str]) -> Result<(), String> {
        let record = self.caller(number)?.record.as_ref().ok_or("no record yet")?;
        let mut facts = facts.iter();
        while let Some(fact) = facts.next() {
            match *fact {
                "answered" => same("answered", &record.answered_by_agent, &true)?,
                "unanswered" => same("answered", &record.answered_by_agent, &false)?,
                "recorded" => same("recorded", &record.recording.is_some(), &true)?,
                "unrecorded" => same("recorded", &record.recording.is_some(), &false)?,
                "unqueued" => same("wait", &record.wait_ms, &None)?,
                with_value => {
                    let value = facts.next().ok_or("a value is missing")?;
                    match with_value {
                        "reason" => same("reason", &record.reason.code(), value)?,
                        "by" => same("side", &record.ended_by.code(), value)?,
                        "wait" => same("wait", &record.wait_ms, &Some(length_ms(value)?))?,
                        "talk" => same("talk", &record.talk_ms(), &length_ms(value)?)?,
                        "parts" => same("parts", &record.segments.len().to_string().as_str(), value)?,
                        other => return Err(format!("`{other}` is no fact of a record")),
                    }
                }
            }
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}
