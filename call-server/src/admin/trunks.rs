//! `trunk` and `route`: how the lines to carriers are, and which way a call would take.

use super::cli_trunks::{Route, RouteTest, Trunk};
use super::control::{self, Request};
use super::sip_wishes::SipWish;
use super::{Failure, Outcome, load};
use crate::config::Site;
use crate::sip::{AttemptResult, CallResult, StepResult, TestReport, TestWish, TrunkState, TrunkStatus};
use call_core::plan::{Door, Path as CallPath, PathEnd, PermissionClass, RouteRefusal, Step};
use serde_json::{Value, json};
use shared::model::{Caller, PhoneNumber, TrunkId, UnixMillis};
use std::path::Path;

pub(super) fn trunk(site: &Path, command: &Trunk) -> Result<Outcome, Failure> {
    match command {
        Trunk::List => list(site),
        Trunk::Test { name, dial } => test(site, name, dial.clone()),
    }
}

/// Asks the running server.
pub(super) fn ask(site: &Path, wish: SipWish) -> Result<Value, Failure> {
    control::ask(site, &Request::Sip(wish))?.ok_or_else(|| {
        let message = format!("no server is running on the site {}", site.display());
        Failure::new("not_running", message, "Start it with `call-server run`, or name another site with --site DIR.")
    })
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new("no_answer", format!("the server answers in another form: {error}"), "Use the server's own call-server program.")
}

fn list(site: &Path) -> Result<Outcome, Failure> {
    let answer = ask(site, SipWish::Trunks)?;
    let trunks: Vec<TrunkStatus> = serde_json::from_value(answer["trunks"].clone()).map_err(|error| unreadable(&error))?;
    if trunks.is_empty() {
        return Ok(Outcome::new("No trunk leads to a carrier; see [[trunks]] in hotline.toml.", answer));
    }
    Ok(Outcome::new(trunks.iter().map(trunk_text).collect::<Vec<_>>().join("\n"), answer))
}

fn trunk_text(trunk: &TrunkStatus) -> String {
    let most = |most: Option<u32>| most.map_or(String::new(), |most| format!(" of {most}"));
    let (calls_in, calls_out) = (trunk.calls_in, trunk.calls_out);
    let mut lines = vec![format!(
        "{:<4} {:<16} {}, {calls_in}{} channels in use inward, {calls_out}{} outward",
        trunk.id,
        trunk.name,
        word(trunk.state),
        most(trunk.max_in),
        most(trunk.max_out),
    )];
    lines.extend(trunk.registration.as_ref().map(|registration| match (registration.expires_in_s, &registration.error) {
        (Some(left), _) => format!("     registered for {left} s more"),
        (None, Some(error)) => {
            let next = registration.next_try_in_s.map_or("now".to_owned(), |next| format!("in {next} s"));
            format!("     not registered: {error} ({} times), next try {next}", registration.failures)
        }
        (None, None) => "     not registered yet".to_owned(),
    }));
    for target in &trunk.targets {
        let address = target.address.as_deref().unwrap_or("not found");
        let latency = target.latency_ms.map_or(String::new(), |latency| format!(", last answer after {latency} ms"));
        let status = target.status.map_or(String::new(), |status| format!(" with {status}"));
        lines.push(format!("     {} ({address}): {}{latency}{status}", target.uri, word(target.state)));
    }
    lines.extend(trunk.last_error.as_ref().map(|error| format!("     last error {} s ago: {}", error.ago_s, error.what)));
    lines.join("\n")
}

fn word(state: TrunkState) -> &'static str {
    match state {
        TrunkState::Up => "up",
        TrunkState::Down => "DOWN",
        TrunkState::Unknown => "unknown",
    }
}

fn test(site: &Path, name: &str, dial: Option<String>) -> Result<Outcome, Failure> {
    dial.as_deref().map(plain).transpose()?;
    let answer = ask(site, SipWish::TestTrunk(TestWish { trunk: name.to_owned(), dial }))?;
    let report: TestReport = serde_json::from_value(answer.clone()).map_err(|error| unreadable(&error))?;
    let outcome = Outcome::new(test_text(name, &report), answer);
    Ok(Outcome { bad: !report.passed, ..outcome })
}

fn test_text(name: &str, report: &TestReport) -> String {
    let mut lines = vec![format!("Trunk {name}: {}.", if report.passed { "every test passed" } else { "NOT in order" })];
    lines.extend(report.targets.iter().map(|target| {
        let address = target.address.as_deref().unwrap_or("not found");
        format!("  OPTIONS to {} ({address}): {}", target.uri, step_text(&target.result))
    }));
    lines.extend(report.registration.as_ref().map(|result| format!("  registration: {}", step_text(result))));
    if let Some(call) = &report.call {
        lines.extend(call.attempts.iter().map(|attempt| format!("  call over {}", attempt_text(attempt))));
        lines.push(call_text(call).to_owned());
    }
    lines.join("\n")
}

fn call_text(call: &CallResult) -> &'static str {
    match (call.answered, call.attempts.as_slice()) {
        (true, _) => "  call: answered and hung up",
        (false, [_, ..]) => "  call: NOT answered",
        (false, []) => "  call: NOT placed: no target is found, or none is reached as the trunk's srtp wants it",
    }
}

fn step_text(result: &StepResult) -> String {
    let status = result.status.map_or(String::new(), |status| format!(" with {status}"));
    match &result.error {
        Some(error) => format!("failed after {} ms: {error}", result.took_ms),
        None => format!("answered{status} after {} ms", result.took_ms),
    }
}

fn attempt_text(attempt: &AttemptResult) -> String {
    let status = attempt.status.map_or("no response".to_owned(), |status| format!("status {status}"));
    let ringing = attempt.ringing_ms.map_or(String::new(), |ringing| format!(", rang after {ringing} ms"));
    let known = if attempt.authenticated { ", with credentials" } else { "" };
    let voice = if attempt.encrypted { ", encrypted voice" } else { "" };
    format!("{} ({}){voice}: {status} after {} ms{ringing}{known}", attempt.target, attempt.address, attempt.took_ms)
}

pub(super) fn route(site: &Path, command: &Route) -> Result<Outcome, Failure> {
    let Route::Test(wish) = command;
    let site = load(site)?;
    let caller = match wish.from.as_str() {
        "-" => Caller::default(),
        number => Caller { number: Some(plain(number)?.into()) },
    };
    let dialled = plain(&wish.to)?;
    let at = moment(&wish.time)?;
    let door = door(&site, wish, &dialled)?;
    let path = site.bare_plan().path(door, &caller, &dialled, at);
    Ok(Outcome::new(path_text(&site, door, wish, &path), json!({"door": door_json(&site, door), "path": path})))
}

pub(super) fn plain(text: &str) -> Result<PhoneNumber, Failure> {
    PhoneNumber::parse(text)
        .map_err(|error| Failure::new("bad_number", format!("{text} is no telephone number: {error}"), "Write it as 13912345678."))
}

fn moment(text: &str) -> Result<UnixMillis, Failure> {
    let at = if text == "now" { Ok(jiff::Timestamp::now()) } else { text.parse::<jiff::Timestamp>() };
    at.map(|at| UnixMillis(at.as_millisecond())).map_err(|error| {
        Failure::new("bad_time", format!("{text} is no moment: {error}"), "Write \"now\", or a moment such as 2026-11-24T09:00:00+08:00.")
    })
}

fn door(site: &Site, wish: &RouteTest, dialled: &PhoneNumber) -> Result<Door, Failure> {
    let trunks = &site.bare_plan().trunks;
    if let Some(name) = &wish.trunk {
        let found = trunks.iter().find(|(_, trunk)| trunk.name == *name).map(|(id, _)| Door::Trunk(*id));
        let known: Vec<_> = trunks.values().map(|trunk| trunk.name.as_str()).collect();
        let remedy = format!("Trunks of this site: {}.", known.join(", "));
        return found.ok_or_else(|| Failure::new("no_such_trunk", format!("no trunk is named {name}"), remedy));
    }
    if let Some(class) = wish.class {
        return Ok(Door::Extension(class.permission()));
    }
    let leads_in = |id: &&TrunkId| {
        let ours = trunks.get(id).map(|trunk| trunk.numbers.dialled_in.apply(dialled));
        ours.is_some_and(|number| site.bare_plan().numbers.contains_key(&number))
    };
    let first = trunks.keys().find(leads_in);
    Ok(first.map_or(Door::Extension(PermissionClass::International), |id| Door::Trunk(*id)))
}

fn door_json(site: &Site, door: Door) -> Value {
    match door {
        Door::Trunk(id) => json!({"trunk": id, "name": site.bare_plan().trunks.get(&id).map(|trunk| trunk.name.as_str())}),
        Door::Extension(class) => json!({"class": class}),
    }
}

fn path_text(site: &Site, door: Door, wish: &RouteTest, path: &CallPath) -> String {
    let from = if wish.from == "-" { "a withheld number" } else { &wish.from };
    let over = match door {
        Door::Trunk(id) => format!("in over trunk {}", site.bare_plan().trunks.get(&id).map_or("?", |trunk| trunk.name.as_str())),
        Door::Extension(class) => format!("from a phone of class {class}"),
    };
    let mut lines = vec![format!("{from} dials {} at {}, {over}:", wish.to, wish.time)];
    lines.extend(path.steps.iter().enumerate().map(|(place, step)| format!("  {}. {}", place + 1, step_of_path(step))));
    lines.push(format!("  => {}", end_text(&path.end)));
    lines.join("\n")
}

fn step_of_path(step: &Step) -> String {
    match step {
        Step::CallerRewritten { number } => format!("the calling number becomes {}", number.as_str()),
        Step::DialledRewritten { number } => format!("the dialled number becomes {}", number.as_str()),
        Step::Blocked { entry, level } => format!("the caller is blocked by entry {entry}: {level:?}"),
        Step::Points { points } => format!("the lists give the caller {points:+} points"),
        Step::Closed { to } => format!("closed by its calendar: on to queue {to}"),
        Step::Dialled { kind } => format!("the number is of kind {kind:?}"),
        Step::Permission { class, allowed } => {
            format!("class {class} {} dial it", if *allowed { "may" } else { "may NOT" })
        }
        Step::PassedOver { name, why, .. } => format!("trunk {name} is passed over: {why:?}"),
        Step::Tried { name, uri, priority, weight, dialled, caller, .. } => {
            let caller = caller.as_ref().map_or("the trunk's own number", |number| number.as_str());
            format!(
                "tried over trunk {name} at {uri}: dialled {}, calling {caller} (priority {} {}, weight {} {})",
                dialled.as_str(),
                priority.0,
                priority.1,
                weight.0,
                weight.1
            )
        }
    }
}

fn end_text(end: &PathEnd) -> String {
    match end {
        PathEnd::Queue { queue, name } => format!("queue {queue} {name}"),
        PathEnd::Extension => "a phone of the house".to_owned(),
        PathEnd::Outside => "outside, at the first of these places that answers".to_owned(),
        PathEnd::Announced { prompt, why } => format!("the text {prompt:?}, then refused: {}", refusal_text(*why)),
        PathEnd::Refused { why } => format!("refused: {}", refusal_text(*why)),
    }
}

fn refusal_text(why: RouteRefusal) -> &'static str {
    match why {
        RouteRefusal::UnknownNumber => "the number is not served here (404)",
        RouteRefusal::Blocked => "the caller is blocked (603)",
        RouteRefusal::Closed => "it is closed then (480)",
        RouteRefusal::NotAllowed => "the phone's class does not reach so far (403)",
        RouteRefusal::NoTrunk => "no trunk takes the number (480)",
    }
}
