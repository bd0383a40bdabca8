//! The lines before a story: queues, agents, lists, calendars. `tests/scenarios/README.md` lists them.

use call_core::input::PastContact;
use call_core::plan::{
    AgentPhone, AgentPlan, Announcements, BlockEntry, BlockLevel, Calendar, CalendarId, CallbackRule, Callers, Day, DayKind, Exit,
    FavourEntry, Hours, HoursRule, KeyAction, LastAgentRule, Membership, NoAnswer, NodeExit, NodeKind, NodePlan, NumberPattern, PhonePlace,
    Plan, PromptName, QueuePlan, ReasonRule, Relaxation, SkillId, SkillNeed, SpecialDay, SpokenLanguage, Strategy, TrunkPlan, Unattended,
    Weekday, WrapUpRule,
};
use shared::model::{AgentId, Caller, CareClass, CareMark, NodeId, NotReadyReason, PhoneNumber, QueueId, TrunkId, UnixMillis, VoiceDevice};
use std::collections::BTreeMap;

/// What a story begins with.
pub(crate) struct Settings {
    pub(crate) plan: Plan,
    /// The wall clock at 00:00.
    pub(crate) began: UnixMillis,
    pub(crate) past: Vec<PastContact>,
}

/// `queue 12345 rings 15s …`, `agent 1001 serves 12345 …`, `limit exclude 60s`.
pub(crate) fn read(text: &str) -> Result<Settings, String> {
    let mut settings = Settings { plan: Plan::default(), began: UnixMillis(1_800_000_000_000), past: Vec::new() };
    for line in text.lines().filter(|line| !line.starts_with(|first: char| first.is_ascii_digit())) {
        let words: Vec<&str> = line.split_whitespace().collect();
        people(&mut settings.plan, &words)?;
        rules(&mut settings, &words)?;
    }
    Ok(settings)
}

/// A setting that changes in mid-story: any of the above, or `without queue 110`, `without agent 1001`.
pub(crate) fn change(plan: &mut Plan, words: &[&str]) -> Result<(), String> {
    match words {
        ["without", "queue", number] => {
            plan.numbers.remove(&phone(number)?);
            plan.queues.remove(&QueueId(whole(number)?));
        }
        ["without", "node", node] => _ = plan.nodes.remove(&NodeId(whole(node)?)),
        ["without", "agent", agent] => _ = plan.agents.remove(&agent_id(agent)?),
        other => {
            let mut settings = Settings { plan: std::mem::take(plan), began: UnixMillis(0), past: Vec::new() };
            let read = people(&mut settings.plan, other).and_then(|()| rules(&mut settings, other));
            *plan = settings.plan;
            return read;
        }
    }
    Ok(())
}

fn people(plan: &mut Plan, words: &[&str]) -> Result<(), String> {
    let known = |plan: &mut Plan, agent: &str, change: &mut dyn FnMut(&mut AgentPlan)| {
        change(plan.agents.get_mut(&agent_id(agent)?).ok_or("the agent is not known yet")?);
        Ok(())
    };
    match words {
        ["queue", number, rules @ ..] => {
            let queue = QueueId(whole(number)?);
            plan.numbers.insert(phone(number)?, queue);
            plan.queues.insert(queue, queue_plan(rules)?);
        }
        ["agent", agent, "serves", queues @ ..] => {
            let queues = queues.iter().filter_map(|number| number.parse().ok()).map(QueueId).collect();
            let (number, name) = ((*agent).to_owned(), (*agent).to_owned());
            plan.agents.insert(agent_id(agent)?, AgentPlan { number, name, queues, ..AgentPlan::default() });
        }
        ["agent", agent, "of", "tier", tier] => {
            let tier = whole(tier)?;
            let parts: BTreeMap<_, _> = plan.queues.keys().map(|queue| (*queue, Membership { tier, ..Membership::default() })).collect();
            return known(plan, agent, &mut |agent| agent.memberships.clone_from(&parts));
        }
        ["agent", agent, part @ ("place" | "weight"), number] => {
            let (number, queues) = (whole(number)?, plan.queues.keys().copied().collect::<Vec<_>>());
            return known(plan, agent, &mut |agent| {
                for queue in &queues {
                    let membership = agent.memberships.entry(*queue).or_default();
                    *(if *part == "place" { &mut membership.order } else { &mut membership.weight }) = number;
                }
            });
        }
        ["agent", agent, "knows", skill, level] => {
            let (skill, level) = (skill_id(skill)?, whole(level)?);
            return known(plan, agent, &mut |agent| _ = agent.skills.insert(skill, level));
        }
        ["agent", agent, "phone", number, how @ ..] => {
            let place = match how {
                ["fixed", ..] => PhonePlace::Fixed { number: phone(number)?, contact: format!("sip:{number}@192.0.2.9") },
                _ => PhonePlace::Registered(phone(number)?),
            };
            let first = if how.contains(&"first") { VoiceDevice::Phone } else { VoiceDevice::Headset };
            let rest = how.iter().position(|word| *word == "rests").and_then(|place| how.get(place + 1));
            let unattended = rest.map(|length| Ok::<_, String>(Unattended { rest_ms: length_ms(length)? })).transpose()?;
            let phone = AgentPhone { place, first, unattended };
            return known(plan, agent, &mut |agent| agent.phone = Some(phone.clone()));
        }
        ["agent", agent, "without", "phone"] => return known(plan, agent, &mut |agent| agent.phone = None),
        ["agent", agent, "supervises"] => return known(plan, agent, &mut |agent| agent.supervisor = true),
        ["agent", agent, "answers-by-itself", after] => {
            let after_ms = length_ms(after)?;
            return known(plan, agent, &mut |agent| agent.auto_answer_ms = Some(after_ms));
        }
        _ => {}
    }
    Ok(())
}

fn rules(settings: &mut Settings, words: &[&str]) -> Result<(), String> {
    let Settings { plan, began, past } = settings;
    match words {
        ["clock", day, time] => *began = plan.calendars.instant(day_of(day)?, minute(time)?),
        ["calendar", name, "holidays", spans @ ..] => {
            plan.calendars.calendars.entry(calendar_id(name)?).or_default().holidays = hours(spans)?
        }
        ["calendar", name, days, spans @ ..] => {
            let calendar: &mut Calendar = plan.calendars.calendars.entry(calendar_id(name)?).or_default();
            calendar.name = (*name).to_owned();
            calendar.week.extend(weekdays(days)?.into_iter().zip(std::iter::repeat(hours(spans)?)));
        }
        ["day", day, "holiday", name] => special(plan, day, name, DayKind::Holiday)?,
        ["day", day, "worked", "like", weekday, name] => special(plan, day, name, DayKind::WorkLike(weekdays(weekday)?[0]))?,
        ["number", number, "hours", calendar, "when-closed", exit] => {
            let rule = HoursRule { calendar: calendar_id(calendar)?, closed: way_out(exit)? };
            plan.hours.insert(phone(number)?, rule);
        }
        ["list", number, rule @ .., "until", time] => {
            let expires = plan.calendars.instant(plan.calendars.local(*began).day, minute(time)?);
            list(&mut plan.callers, number, rule)?;
            plan.callers.blocked.last_mut().ok_or("only blocks expire here")?.expires = Some(expires);
        }
        ["list", number, rule @ ..] => list(&mut plan.callers, number, rule)?,
        ["reason", reason, "at", "most", count, "for", length] => {
            let rule = ReasonRule { max_ms: length_ms(length)?, max_agents: whole(count)? };
            plan.reasons.insert(not_ready(reason)?, rule);
        }
        ["storm", "second", count] => plan.storm.per_second = whole(count)?,
        ["storm", "caller", count] => plan.storm.per_caller = whole(count)?,
        ["storm", "trunk", count] => _ = plan.storm.per_trunk.insert(TrunkId(0), whole(count)?),
        ["storm", "text", name, "at", "most", count] => {
            (plan.storm.text, plan.storm.most_texts) = (Some(PromptName::from(*name)), whole(count)?);
        }
        ["past", number, "served", "by", agent, days, "days", "ago", rest @ ..] => {
            let at = UnixMillis(began.0 - whole::<i64>(days)? * 86_400_000);
            let caller = Caller { number: Some(phone(number)?.into()) };
            past.push(PastContact { caller, at, agent: Some(agent_id(agent)?), avoid: rest == ["badly"] });
        }
        ["node", node, name, "says", text, rest @ ..] => {
            plan.nodes.insert(NodeId(whole(node)?), node_plan((name, text), rest)?);
        }
        ["limit", "exclude", length] => plan.limits.exclude_ms = length_ms(length)?,
        ["limit", "hold", length] => plan.limits.functions.held_most_ms = length_ms(length)?,
        ["limit", "pause", length] => plan.limits.functions.pause_ms = length_ms(length)?,
        ["limit", "residual", length, "warned", "after", warned] => {
            plan.limits.functions.residual_ms = length_ms(length)?;
            plan.limits.functions.residual_warning_ms = length_ms(warned)?;
        }
        ["limit", "text", length] => plan.limits.farewell_ms = length_ms(length)?,
        ["limit", "channels", count] => {
            let max_in = Some(whole(count)?);
            plan.trunks.insert(TrunkId(0), TrunkPlan { max_in, ..TrunkPlan::default() });
        }
        ["limit", "calls", count] => plan.limits.max_interactions = whole(count)?,
        _ => {}
    }
    Ok(())
}

fn queue_plan(rules: &[&str]) -> Result<QueuePlan, String> {
    let mut plan = QueuePlan { name: "政务咨询".to_owned(), wrap_up_ms: 10_000, ..QueuePlan::default() };
    for rule in rules.chunks(2) {
        let [key, value] = rule else { return Err(format!("{rule:?} is no rule of a queue")) };
        match *key {
            "weight" => plan.priority.weight = whole(value)?,
            "slope" => plan.priority.slope = whole(value)?,
            "guard" => plan.priority.guard_ms = length_ms(value)?,
            "tier-2-after" => _ = plan.tiers.insert(2, length_ms(value)?),
            "no-answer" if *value == "skips" => plan.no_answer = NoAnswer::SkipOnly,
            "no-answer" => plan.no_answer = NoAnswer::NotReadyAfter { misses: whole(value)? },
            "until-saved" => plan.wrap_up.until_saved = true,
            "extensions" => plan.wrap_up = WrapUpRule { extensions: whole(value)?, extension_ms: 10_000, ..plan.wrap_up },
            "when-full" => plan.overflow.full = way_out(value)?,
            "when-late" => plan.overflow.timeout = way_out(value)?,
            "when-nobody" => plan.overflow.nobody_signed_in = Some(way_out(value)?),
            "when-not-ready" => plan.overflow.all_not_ready = Some(way_out(value)?),
            "hours" => plan.hours = Some(HoursRule { calendar: calendar_id(value)?, closed: Exit::Refuse }),
            "when-closed" => plan.hours.as_mut().ok_or("hours come first")?.closed = way_out(value)?,
            "last-agent" => plan.last_agent = Some(LastAgentRule { within_days: 30, hold_ms: length_ms(value)? }),
            "whispers" => plan.whisper = value.split('/').map(PromptName::from).collect(),
            "told" => plan.announcements = announcements(value)?,
            "key-9" => {
                _ = plan.keys.insert('9', if *value == "callback" { KeyAction::CallBack } else { KeyAction::Leave(way_out(value)?) })
            }
            "calls-back" => plan.callback = callback_rule(value)?,
            "key-1" => _ = plan.keys.insert('1', KeyAction::Leave(way_out(value)?)),
            "needs" => plan.needs.push(skill_need(value)?),
            "strategy" => plan.strategy = strategy(value)?,
            "rings" => plan.ring_ms = length_ms(value)?,
            "wrap-up" => plan.wrap_up_ms = length_ms(value)?,
            "waits" => plan.max_wait_ms = length_ms(value)?,
            "holds" => plan.max_waiting = whole(value)?,
            other => return Err(format!("{other} is no rule of a queue")),
        }
    }
    Ok(plan)
}

/// `key-1 queue:110 key-2 node:2 key-3 13800000001 key-9 text:bye answer-1 good then hang-up tries 2 waits 5s wrong sorry otherwise queue:12345`
fn node_plan((name, text): (&str, &str), rules: &[&str]) -> Result<NodePlan, String> {
    let (mut keys, mut answers, mut then) = (BTreeMap::new(), BTreeMap::new(), NodeExit::HangUp(None));
    let kind = NodeKind::Menu { keys: BTreeMap::new() };
    let otherwise = NodeExit::HangUp(None);
    let mut plan = NodePlan {
        name: name.to_owned(),
        prompts: vec![PromptName::from(text)],
        wrong_key: None,
        kind,
        wait_ms: 5_000,
        tries: 2,
        otherwise,
    };
    for rule in rules.chunks(2) {
        let [key, value] = rule else { return Err(format!("{rule:?} is no rule of a node")) };
        match (*key, key.split_once('-').and_then(|(what, key)| Some((what, key.chars().next()?)))) {
            ("then", _) => then = node_exit(value)?,
            ("otherwise", _) => plan.otherwise = node_exit(value)?,
            ("tries", _) => plan.tries = whole(value)?,
            ("waits", _) => plan.wait_ms = length_ms(value)?,
            ("wrong", _) => plan.wrong_key = Some(PromptName::from(*value)),
            (_, Some(("key", key))) => _ = keys.insert(key, node_exit(value)?),
            (_, Some(("answer", key))) => _ = answers.insert(key, (*value).to_owned()),
            (other, _) => return Err(format!("{other} is no rule of a node")),
        }
    }
    plan.kind = if answers.is_empty() { NodeKind::Menu { keys } } else { NodeKind::Survey { answers, then } };
    Ok(plan)
}

fn node_exit(text: &str) -> Result<NodeExit, String> {
    Ok(match text.split_once(':') {
        Some(("queue", queue)) => NodeExit::Queue(QueueId(whole(queue)?)),
        Some(("node", node)) => NodeExit::Node(NodeId(whole(node)?)),
        Some(("text", name)) => NodeExit::HangUp(Some(PromptName::from(name))),
        None if text == "hang-up" => NodeExit::HangUp(None),
        Some(_) | None => NodeExit::Number(phone(text)?),
    })
}

/// `attempts:2/retry:60s/rings:20s/keeps:3600s/from:08-00/to:21-00/at-most:1/own-number/abandoned:30s`
fn callback_rule(text: &str) -> Result<CallbackRule, String> {
    let mut rule = CallbackRule { hours: Hours { from_minute: 0, to_minute: 24 * 60 }, ..CallbackRule::default() };
    for part in text.split('/') {
        match part.split_once(':') {
            Some(("attempts", count)) => rule.attempts = whole(count)?,
            Some(("retry", length)) => rule.retry_ms = length_ms(length)?,
            Some(("rings", length)) => rule.ring_ms = length_ms(length)?,
            Some(("keeps", length)) => rule.keep_ms = length_ms(length)?,
            Some(("from", time)) => rule.hours.from_minute = minute(&time.replace('-', ":"))?,
            Some(("to", time)) => rule.hours.to_minute = minute(&time.replace('-', ":"))?,
            Some(("at-most", count)) => rule.max_open = whole(count)?,
            Some(("abandoned", length)) => rule.abandoned_after_ms = length_ms(length)?,
            None if part == "own-number" => rule.any_number = false,
            None if part == "unoffered" => rule.offered = false,
            Some(_) | None => return Err(format!("{part} is no rule of callbacks")),
        }
    }
    Ok(rule)
}

/// `20s/30s/position/time/text:please_wait/in:en`: when first, how often, and what.
fn announcements(text: &str) -> Result<Announcements, String> {
    let mut parts = text.split('/');
    let mut time = || parts.next().map_or(Err("two lengths come first".to_owned()), length_ms);
    let mut told = Announcements { first_ms: time()?, every_ms: time()?, ..Announcements::default() };
    for part in parts {
        match part.split_once(':') {
            None if part == "position" => told.position = true,
            None if part == "time" => told.waiting_time = true,
            Some(("text", name)) => told.comfort.push(PromptName::from(name)),
            Some(("in", "en")) => told.language = SpokenLanguage::English,
            Some(_) | None => return Err(format!("{part} is nothing that can be told")),
        }
    }
    Ok(told)
}

/// `reject`, `announce`, `rate 2 in 60s`, `low 60`, `favour 30`, `care elderly` or `shared`.
fn list(lists: &mut Callers, number: &str, rule: &[&str]) -> Result<(), String> {
    let (callers, expires) = (NumberPattern { number: phone(number)?, prefix: false }, None);
    let level = match rule {
        ["reject"] => BlockLevel::Reject,
        ["announce", text] => {
            lists.block_text = Some(PromptName::from(*text));
            BlockLevel::Announce
        }
        ["rate", calls, "in", span] => BlockLevel::Rate { calls: whole(calls)?, within_ms: length_ms(span)? },
        ["low", less] => BlockLevel::LowPriority(whole(less)?),
        ["shared"] => {
            lists.shared.push(callers);
            return Ok(());
        }
        ["favour", more] => {
            lists.favoured.push(FavourEntry { entry: 1, callers, points: whole(more)?, mark: None, expires });
            return Ok(());
        }
        ["care", class] => {
            let mark = CareMark { class: care_class(class)?, reason: String::new() };
            lists.favoured.push(FavourEntry { entry: 2, callers, points: 0, mark: Some(mark), expires });
            return Ok(());
        }
        other => return Err(format!("{other:?} is no rule of a list")),
    };
    lists.blocked.push(BlockEntry { entry: 1, callers, level, expires });
    Ok(())
}

fn care_class(name: &str) -> Result<CareClass, String> {
    match name {
        "elderly" => Ok(CareClass::Elderly),
        "emergency" => Ok(CareClass::Emergency),
        other => Err(format!("{other} is no class of callers")),
    }
}

/// `refuse`, `text:closed`, `callback`, or the number of another queue.
pub(crate) fn way_out(text: &str) -> Result<Exit, String> {
    match (text, text.strip_prefix("text:")) {
        ("refuse", _) => Ok(Exit::Refuse),
        ("callback", _) => Ok(Exit::CallBack),
        (_, Some(name)) => Ok(Exit::Announce(PromptName::from(name))),
        (number, None) => Ok(Exit::Queue(QueueId(whole(number)?))),
    }
}

fn special(plan: &mut Plan, day: &str, name: &str, kind: DayKind) -> Result<(), String> {
    plan.calendars.days.insert(day_of(day)?, SpecialDay { name: name.to_owned(), kind });
    Ok(())
}

fn calendar_id(name: &str) -> Result<CalendarId, String> {
    match name {
        "work" => Ok(CalendarId(1)),
        "night" => Ok(CalendarId(2)),
        other => Err(format!("{other} is no calendar")),
    }
}

/// `monday` or `monday-friday`.
fn weekdays(text: &str) -> Result<Vec<Weekday>, String> {
    const WEEK: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let place = |name| WEEK.iter().position(|(known, _)| *known == name).ok_or_else(|| format!("{name} is no weekday"));
    Ok(WEEK[place(first)?..=place(last)?].iter().map(|(_, day)| *day).collect())
}

fn hours(spans: &[&str]) -> Result<Vec<Hours>, String> {
    let span = |text: &&str| {
        let (from, to) = text.split_once('-').ok_or_else(|| format!("{text} are no hours such as 09:00-12:00"))?;
        Ok(Hours { from_minute: minute(from)?, to_minute: minute(to)? })
    };
    spans.iter().map(span).collect()
}

fn day_of(text: &str) -> Result<Day, String> {
    Day::parse(text).map_err(|fault| format!("{text}: {fault}"))
}

/// `09:30`.
pub(crate) fn minute(text: &str) -> Result<u16, String> {
    let (hour, minute) = text.split_once(':').ok_or_else(|| format!("{text} is no time of day"))?;
    Ok(whole::<u16>(hour)? * 60 + whole::<u16>(minute)?)
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
        "weighted" => Strategy::WeightedRandom,
        "ring-all" => Strategy::RingAll,
        "progressive" => Strategy::Progressive { more: 1, every_ms: 5_000 },
        other => return Err(format!("{other} is no strategy")),
    })
}

/// Any number.
pub(crate) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// A telephone number.
pub(crate) fn phone(digits: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(digits).map_err(|fault| format!("{digits}: {fault}"))
}

/// A staff number, which is the id in these stories.
pub(crate) fn agent_id(number: &str) -> Result<AgentId, String> {
    number.parse().map(AgentId).map_err(|_| format!("{number} is no staff number"))
}

/// `3s`, `0.2s`.
pub(crate) fn length_ms(text: &str) -> Result<u64, String> {
    let fault = || format!("{text} is no length such as 3s or 0.25s");
    let seconds = text.strip_suffix('s').ok_or_else(fault)?;
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: u64 = whole.parse().map_err(|_| fault())?;
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| fault())?;
    Ok(whole * 1_000 + part)
}

/// The code of a reason of 示忙.
pub(crate) fn not_ready(reason: &str) -> Result<NotReadyReason, String> {
    let known = [NotReadyReason::System, NotReadyReason::NoAnswer, NotReadyReason::SignedIn, NotReadyReason::Locked];
    let found = NotReadyReason::CHOOSABLE.into_iter().chain(known).find(|known| known.code() == reason);
    found.ok_or_else(|| format!("{reason} is no reason"))
}
