//! Plays the stories in `tests/scenarios/`: who does what when, and what is expected. The edges are prompt and faultless here
//! unless a line says otherwise; delays and faults by chance are the business of `simulation`.
//!
//! `tests/scenarios/README.md` lists the sentences.

use call_core::command::{AgentCommand, MediaAccess, MediaCommand, RecordingCommand, SessionText, SipCommand, Sound, StoreCommand};
use call_core::input::{AgentAction, AnnouncementEnd, CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::ledger::InteractionRecord;
use call_core::plan::{
    AgentPlan, BlockEntry, BlockLevel, Callers, Exit, FavourEntry, Membership, NoAnswer, NumberPattern, Plan, QueuePlan, Relaxation,
    SkillId, SkillNeed, Strategy, WrapUpRule,
};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{
    AgentId, AgentState, Caller, CallerCard, Desk, InteractionId, LegId, NotReadyReason, Notice, OfferId, PhoneNumber, QueueId, Refusal,
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
    let mut stage = Stage::new(settings(text)?);
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        stage.line(line).map_err(|fault| format!("line {}: {line}\n    {fault}", number + 1))?;
    }
    Ok(())
}

/// Lines before the story: `queue 12345 rings 15s …`, `agent 1001 serves 12345 …`, `limit exclude 60s`.
fn settings(text: &str) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["queue", number, rules @ ..] => {
                let queue = QueueId(number.parse().map_err(|_| format!("{number} is no number"))?);
                plan.numbers.insert(phone(number)?, queue);
                plan.queues.insert(queue, queue_plan(rules)?);
            }
            ["agent", agent, "serves", queues @ ..] => {
                let queues = queues.iter().filter_map(|number| number.parse().ok()).map(QueueId).collect();
                let (number, name) = ((*agent).to_owned(), (*agent).to_owned());
                plan.agents.insert(agent_id(agent)?, AgentPlan { number, name, queues, ..AgentPlan::default() });
            }
            ["agent", agent, "of", "tier", tier] => {
                let plan = plan.agents.get_mut(&agent_id(agent)?).ok_or("the agent is not known yet")?;
                let tier = tier.parse().map_err(|_| format!("{tier} is no tier"))?;
                plan.memberships = plan.queues.iter().map(|queue| (*queue, Membership { tier, ..Membership::default() })).collect();
            }
            ["agent", agent, "knows", skill, level] => {
                let plan = plan.agents.get_mut(&agent_id(agent)?).ok_or("the agent is not known yet")?;
                plan.skills.insert(skill_id(skill)?, level.parse().map_err(|_| format!("{level} is no level"))?);
            }
            ["list", number, rule @ ..] => list(&mut plan.callers, number, rule)?,
            ["limit", "exclude", length] => plan.limits.exclude_ms = length_ms(length)?,
            ["limit", "calls", count] => plan.limits.max_interactions = count.parse().map_err(|_| format!("{count} is no number"))?,
            _ => {}
        }
    }
    Ok(plan)
}

fn queue_plan(rules: &[&str]) -> Result<QueuePlan, String> {
    let mut plan = QueuePlan { name: "政务咨询".to_owned(), wrap_up_ms: 10_000, ..QueuePlan::default() };
    for rule in rules.chunks(2) {
        match rule {
            ["weight", points] => plan.priority.weight = points.parse().map_err(|_| format!("{points} are no points"))?,
            ["guard", length] => plan.priority.guard_ms = length_ms(length)?,
            ["tier-2-after", length] => _ = plan.tiers.insert(2, length_ms(length)?),
            ["no-answer", "skips"] => plan.no_answer = NoAnswer::SkipOnly,
            ["no-answer", misses] => plan.no_answer = NoAnswer::NotReadyAfter { misses: misses.parse().map_err(|_| "a number of misses")? },
            ["until-saved", "yes"] => plan.wrap_up.until_saved = true,
            ["extensions", count] => {
                let extensions = count.parse().map_err(|_| format!("{count} is no number"))?;
                plan.wrap_up = WrapUpRule { extensions, extension_ms: 10_000, ..plan.wrap_up };
            }
            ["when-full", exit] => plan.overflow.full = way_out(exit)?,
            ["when-late", exit] => plan.overflow.timeout = way_out(exit)?,
            ["when-nobody", exit] => plan.overflow.nobody_signed_in = Some(way_out(exit)?),
            ["when-not-ready", exit] => plan.overflow.all_not_ready = Some(way_out(exit)?),
            ["needs", need] => plan.needs.push(skill_need(need)?),
            ["strategy", name] => plan.strategy = strategy(name)?,
            ["rings", length] => plan.ring_ms = length_ms(length)?,
            ["wrap-up", length] => plan.wrap_up_ms = length_ms(length)?,
            ["waits", length] => plan.max_wait_ms = length_ms(length)?,
            ["holds", count] => plan.max_waiting = count.parse().map_err(|_| format!("{count} is no number"))?,
            other => return Err(format!("{other:?} is no rule of a queue")),
        }
    }
    Ok(plan)
}

/// `reject`, `low 60` or `favour 30`.
fn list(lists: &mut Callers, number: &str, rule: &[&str]) -> Result<(), String> {
    let points = |text: &str| text.parse().map_err(|_| format!("{text} are no points"));
    let (callers, expires) = (NumberPattern { number: phone(number)?, prefix: false }, None);
    let level = match rule {
        ["reject"] => BlockLevel::Reject,
        ["low", less] => BlockLevel::LowPriority(points(less)?),
        ["favour", more] => {
            lists.favoured.push(FavourEntry { callers, points: points(more)?, expires });
            return Ok(());
        }
        other => return Err(format!("{other:?} is no rule of a list")),
    };
    lists.blocked.push(BlockEntry { entry: 1, callers, level, expires });
    Ok(())
}

/// `refuse`, or the number of another queue.
fn way_out(text: &str) -> Result<Exit, String> {
    match text {
        "refuse" => Ok(Exit::Refuse),
        number => number.parse().map(|queue| Exit::Queue(QueueId(queue))).map_err(|_| format!("{text} is no way out")),
    }
}

fn skill_id(name: &str) -> Result<SkillId, String> {
    match name {
        "dialect" => Ok(SkillId(1)),
        "tax" => Ok(SkillId(2)),
        other => Err(format!("{other} is no skill")),
    }
}

/// `dialect>=6` or `dialect>=6,>=3@20s,>=0@40s`.
fn skill_need(text: &str) -> Result<SkillNeed, String> {
    let fault = || format!("{text} is no need such as dialect>=6,>=3@20s");
    let (skill, levels) = text.split_once(">=").ok_or_else(fault)?;
    let mut steps = levels.split(",>=");
    let minimum = steps.next().and_then(|level| level.parse().ok()).ok_or_else(fault)?;
    let step = |step: &str| {
        let (level, after) = step.split_once('@').ok_or_else(fault)?;
        Ok(Relaxation { after_ms: length_ms(after)?, minimum: level.parse().map_err(|_| fault())? })
    };
    Ok(SkillNeed { skill: skill_id(skill)?, minimum, relaxed: steps.map(step).collect::<Result<_, String>>()? })
}

/// `progressive` means one more every 5 s.
fn strategy(name: &str) -> Result<Strategy, String> {
    Ok(match name {
        "longest-idle" => Strategy::LongestIdle,
        "least-occupied" => Strategy::LeastOccupied,
        "round-robin" => Strategy::RoundRobin,
        "linear" => Strategy::Linear,
        "random" => Strategy::Random,
        "ring-all" => Strategy::RingAll,
        "progressive" => Strategy::Progressive { more: 1, every_ms: 5_000 },
        other => return Err(format!("{other} is no strategy")),
    })
}

/// The theatre: the core, prompt edges and what everybody hears and sees.
struct Stage {
    core: Core,
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
}

/// What a citizen hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hears {
    Ringback,
    Music,
    Silence,
    Agent(AgentId),
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
    fn new(plan: Plan) -> Self {
        Self {
            core: Core::new(plan, InteractionId(1)),
            now: 0,
            next: 1,
            callers: BTreeMap::new(),
            desks: BTreeMap::new(),
            media_mute: false,
            media_full: false,
            recorder_mute: false,
        }
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
            let utc = UnixMillis(1_800_000_000_000 + i64::try_from(self.now).expect("a story is short"));
            self.core.handle(Now { time: Time(self.now), utc }, input);
            while let Some(command) = self.core.poll() {
                inputs.extend(self.obey(command));
            }
        }
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
            MediaCommand::Connect { citizen, agent, .. } => {
                let who = self.desks.iter().find(|(_, desk)| desk.leg == Some(agent)).map(|(who, _)| *who);
                self.hears(citizen, Hears::Agent(who.expect("the leg of an agent")));
                None
            }
            MediaCommand::Play { leg, sound: Sound::Silence } | MediaCommand::Disconnect { citizen: leg } => {
                self.hears(leg, Hears::Silence);
                None
            }
            MediaCommand::Close { leg } => {
                self.hears(leg, Hears::Gone);
                None
            }
            MediaCommand::Announce { leg, .. } => Some(Input::AnnouncementEnded { leg, end: AnnouncementEnd::Finished }),
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
            StoreCommand::CloseRecording { .. } | StoreCommand::Note(_) | StoreCommand::AgentTime(_) | StoreCommand::TalkMeasured(_) => {
                None
            }
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
            other => return Err(format!("`{}` is no sentence", other.join(" "))),
        }
        Ok(())
    }

    fn dials(&mut self, number: &str, dialled: &str, probe: bool) -> Result<(), String> {
        let leg = LegId(self.take_number());
        self.callers.insert(number.to_owned(), CallerSeen { leg, hears: Hears::Silence, interaction: None, record: None });
        let caller = Caller { number: Some(phone(number)?.into()) };
        let offered = CallOffered { leg, trunk: TrunkId(0), caller, dialled: phone(dialled)?, offer: None, probe };
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
            ["caller", number, "is", "gone"] => self.expect_hears(number, Hears::Gone),
            ["agent", agent, "is", state @ ..] => self.expect_state(agent_id(agent)?, &state.join(" ")),
            ["agent", agent, "was", "asked"] => {
                same("asked", &self.desks.get(&agent_id(agent)?).is_some_and(|desk| desk.last_offer.is_some()), &true)
            }
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

fn phone(digits: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(digits).map_err(|fault| format!("{digits}: {fault}"))
}

fn agent_id(number: &str) -> Result<AgentId, String> {
    number.parse().map(AgentId).map_err(|_| format!("{number} is no staff number"))
}

/// `3s`, `0.2s`.
fn length_ms(text: &str) -> Result<u64, String> {
    let fault = || format!("{text} is no length such as 3s or 0.25s");
    let seconds = text.strip_suffix('s').ok_or_else(fault)?;
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: u64 = whole.parse().map_err(|_| fault())?;
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| fault())?;
    Ok(whole * 1_000 + part)
}

fn not_ready(reason: &str) -> Result<NotReadyReason, String> {
    let known = [NotReadyReason::System, NotReadyReason::NoAnswer, NotReadyReason::SignedIn];
    let found = NotReadyReason::CHOOSABLE.into_iter().chain(known).find(|known| known.code() == reason);
    found.ok_or_else(|| format!("{reason} is no reason"))
}
