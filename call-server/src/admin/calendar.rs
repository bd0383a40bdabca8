//! `calendar`: what a call would meet, and hours overridden by hand.

use super::calls::moment;
use super::changes::Change;
use super::cli::{AddOverride, Calendar, Override};
use super::people::{known_queue, make, text};
use super::{Failure, Outcome, callers, load, open_store};
use crate::config::{self, Site};
use crate::planning;
use crate::store::{NewOverride, OverrideEntry, Role};
use call_core::plan::{Because, Calendars, Day, Exit, Meeting, Mode, Plan, Scope, Verdict};
use serde_json::json;
use shared::model::UnixMillis;
use std::path::Path;

const HOUR_MS: i64 = 3_600_000;

pub(super) fn calendar(site: &Path, command: &Calendar) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Calendar::Test { number, time } => test(&site, number, time),
        Calendar::Override(Override::Add(wishes)) => add(&site, wishes),
        Calendar::Override(Override::List { all }) => list(&site, *all),
        Calendar::Override(Override::Remove { entry, by }) => remove(&site, *entry, by),
    }
}

fn test(site: &Site, number: &str, time: &str) -> Result<Outcome, Failure> {
    let dialled = callers::number(number)?;
    let plan = planning::plan(site, &open_store(site)?, now())?;
    let at = instant(&plan.calendars, time)?;
    let Some(meeting) = plan.meets(&dialled, at) else {
        let known: Vec<_> = plan.numbers.keys().map(|number| number.as_str()).collect();
        let remedy = format!("Numbers of this site: {}.", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
        return Err(Failure::new("unknown_number", format!("{} is not served here", dialled.as_str()), remedy));
    };
    Ok(Outcome::new(words(&plan, &meeting, at), json!({"at": at, "local": local(&plan.calendars, at), "meets": meeting})))
}

fn words(plan: &Plan, meeting: &Meeting, at: UnixMillis) -> String {
    let mut lines = vec![format!("At {} (local time) a call meets:", local(&plan.calendars, at))];
    lines.extend(meeting.steps.iter().map(|step| format!("  {}", verdict(plan, step))));
    lines.push(format!("It ends: {}.", exit(plan, &meeting.ends)));
    lines.join("\n")
}

fn verdict(plan: &Plan, verdict: &Verdict) -> String {
    let what = scope(plan, &verdict.scope);
    let state = match &verdict.closed {
        None => "open".to_owned(),
        Some(follows) => format!("closed, so {}", exit(plan, follows)),
    };
    let because = match &verdict.because {
        Because::NoCalendar => "it has no calendar".to_owned(),
        Because::Weekly { calendar } => format!("hours of {calendar}"),
        Because::Special { calendar, day } => format!("{day} in {calendar}"),
        Because::Override { author, reason } => format!("ordered by {author}: {reason}"),
    };
    let until = verdict.until.map_or(String::new(), |until| format!(", until {}", local(&plan.calendars, until)));
    format!("{what}: {state} ({because}{until})")
}

fn scope(plan: &Plan, scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Number(number) => format!("number {}", number.as_str()),
        Scope::Queue(queue) => {
            let name = plan.queues.get(queue).map_or("", |queue| queue.name.as_str());
            format!("queue {queue} {name}").trim_end().to_owned()
        }
    }
}

fn exit(plan: &Plan, exit: &Exit) -> String {
    match exit {
        Exit::Refuse => "it is refused".to_owned(),
        Exit::Queue(queue) => format!("it goes to {}", scope(plan, &Scope::Queue(*queue))),
        Exit::Announce(name) => format!("it hears {} and is hung up", name.0),
        Exit::CallBack => "it is called back later, if it can be, and else refused".to_owned(),
    }
}

fn add(site: &Site, wishes: &AddOverride) -> Result<Outcome, Failure> {
    let author = supervisor(site, &wishes.by)?;
    let mode = match &wishes.closed {
        None => Mode::Open,
        Some(follows) => Mode::Closed(follows_words(site, follows)?),
    };
    let scope = match (&wishes.number, wishes.queue) {
        (Some(number), _) => Scope::Number(callers::number(number)?),
        (None, Some(queue)) => Scope::Queue(known_queue(site, queue)?),
        (None, None) => Scope::Everything,
    };
    let expires = UnixMillis(now().0 + i64::from(wishes.hours) * HOUR_MS);
    let new = NewOverride { scope, mode, reason: text("reason", &wishes.reason)?, author, expires };
    let told = make(site, Change::AddOverride(new))?;
    Ok(Outcome::new(format!("Override {} is in force until {}.", told["entry"], moment(expires)), told))
}

fn follows_words(site: &Site, words: &str) -> Result<Exit, Failure> {
    let read = config::exit(words).ok_or_else(|| {
        let message = format!("{words:?} does not say what follows");
        Failure::new("bad_exit", message, "Write \"refuse\", \"queue 2\", \"announce closed\" or \"callback\".")
    })?;
    if let Exit::Queue(queue) = read {
        known_queue(site, queue.0)?;
    }
    Ok(read)
}

fn list(site: &Site, all: bool) -> Result<Outcome, Failure> {
    let entries = open_store(site)?.overrides((!all).then_some(now()))?;
    let rows: Vec<_> = entries.iter().map(|entry| row(site.bare_plan(), entry)).collect();
    let text = if rows.is_empty() { "No overrides.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"overrides": entries})))
}

fn row(plan: &Plan, entry: &OverrideEntry) -> String {
    let ordered = &entry.ordered;
    let mode = match &ordered.mode {
        Mode::Open => "open".to_owned(),
        Mode::Closed(follows) => format!("closed, so {}", exit(plan, follows)),
    };
    let removed = entry.removed_by.as_ref().map_or(String::new(), |by| format!(", lifted by {by}"));
    let (what, until) = (scope(plan, &ordered.scope), moment(ordered.expires));
    format!("{:<5} {what}: {mode} until {until}: {} (by {}){removed}", entry.entry, ordered.reason, ordered.author)
}

fn remove(site: &Site, entry: u32, by: &str) -> Result<Outcome, Failure> {
    let told = make(site, Change::RemoveOverride { entry, by: supervisor(site, by)? })?;
    Ok(Outcome::new(format!("Override {entry} is lifted; it stays on record."), told))
}

fn supervisor(site: &Site, number: &str) -> Result<String, Failure> {
    match open_store(site)?.credentials(number)?.filter(|found| !found.disabled) {
        Some(found) if found.role == Role::Supervisor => Ok(found.number),
        Some(_) => Err(Failure::new("not_allowed", format!("{number} is no supervisor"), "Only a supervisor 督办 overrides the hours.")),
        None => {
            let message = format!("nobody who may sign in has the staff number {number}");
            Err(Failure::new("no_such_agent", message, "`call-server agent list` shows everybody."))
        }
    }
}

/// `2026-10-01 09:30` in local time, or `now`.
fn instant(calendars: &Calendars, text: &str) -> Result<UnixMillis, Failure> {
    if text == "now" {
        return Ok(now());
    }
    let read = || {
        let (day, clock) = text.trim().split_once(' ')?;
        let (hour, minute) = clock.trim().split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        let day = Day::parse(day).ok()?;
        (hour < 24 && minute < 60).then(|| calendars.instant(day, hour * 60 + minute))
    };
    read().ok_or_else(|| Failure::new("bad_time", format!("{text:?} is no time"), "Write it as \"2026-10-01 09:30\", or now."))
}

fn local(calendars: &Calendars, at: UnixMillis) -> String {
    let local = calendars.local(at);
    format!("{} {:02}:{:02}", local.day, local.minute / 60, local.minute % 60)
}

fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}
