//! Calls that do not go straight through: left, rejected, missed, hung up by the agent, and nobody there.

use citizen::{CallPlan, EndedBy, Ending, Outcome, Speech};
use e2e::site::prompt;
use e2e::sound::{compare, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::path::Path;
use std::time::Duration;

fn start(name: &str, plan: HeadlessPlan) -> (Site, Server, Headless) {
    let site = Site::demo(name);
    site.configure("queues", "ring_seconds", "2");
    site.configure("queues", "wrap_up_seconds", "0");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], plan);
    if plan.auto_ready {
        agent.state("ready", SOON);
    }
    (site, server, agent)
}

fn dial(server: &Server) -> Caller {
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    Caller::dial(CallPlan { speech, ..CallPlan::new(server.sip, "12345") })
}

#[test]
fn a_citizen_who_leaves_while_it_rings_has_abandoned() {
    let (site, server, mut agent) = start("leaves", HeadlessPlan::READY);
    // Counted from the answer: before it, a call is cancelled and not hung up.
    let ending = Ending::HangUpAfter(Duration::from_millis(500));
    let caller = Caller::dial(CallPlan { ending, ..CallPlan::new(server.sip, "12345") });
    agent.event("ringing", SOON);
    let report = caller.report(LATER);
    agent.state("ready", SOON);
    assert_eq!(report.ended_by, Some(EndedBy::Citizen), "{report:?}");
    let call = site.only_call();
    assert_eq!((call.end(), call.result().answered_by_agent), (("abandoned", "caller"), false));
    assert!(call.segments.is_empty() && call.result().wait_ms.is_some(), "{call:?}");
}

#[test]
fn a_rejected_call_rings_again_and_is_answered() {
    let (site, server, mut agent) = start("rejects", HeadlessPlan::READY);
    let caller = dial(&server);
    agent.event("ringing", SOON);
    agent.tell("reject");
    agent.event("ringing_ended", SOON);
    agent.event("ringing", SOON);
    agent.tell("answer");
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(1));
    let report = caller.hang_up(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    let call = site.only_call();
    assert_eq!((call.end(), call.result().answered_by_agent, call.segments.len()), (("caller_hung_up", "caller"), true, 1), "{call:?}");
}

#[test]
fn an_agent_who_does_not_answer_becomes_not_ready_and_the_citizen_stays() {
    let (site, server, mut agent) = start("no_answer", HeadlessPlan::default());
    agent.go_ready();
    let mut second = Headless::sign_in(&site, &server, &site.agents[1], HeadlessPlan::ANSWERS);
    let caller = dial(&server);
    agent.event("ringing", SOON);
    agent.state_because("not_ready", "no_answer", SOON);
    second.go_ready();
    second.event("talking", SOON);
    second.tell("hang_up");
    let report = caller.report(LATER);
    assert_eq!(report.ended_by, Some(EndedBy::FarEnd), "{report:?}");
    let call = site.only_call();
    assert_eq!((call.result().answered_by_agent, call.segments.len()), (true, 1), "{call:?}");
    assert!(call.result().wait_ms >= Some(2_000), "the first ringing belongs to the wait: {call:?}");
}

#[test]
fn an_agent_who_hangs_up_ends_the_call() {
    let (site, server, mut agent) = start("agent_ends", HeadlessPlan::WILLING);
    let caller = dial(&server);
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(1));
    agent.tell("hang_up");
    let report = caller.report(LATER);
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(EndedBy::FarEnd)));
    let call = site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"));
    assert!(call.result().talk_ms >= 1_000, "{call:?}");
}

#[test]
fn a_citizen_whom_nobody_answers_hears_music_and_has_abandoned() {
    let (site, server, agent) = start("music", HeadlessPlan::default());
    let ending = Ending::HangUpAfter(Duration::from_secs(4));
    let report = Caller::dial(CallPlan { ending, ..CallPlan::new(server.sip, "12345") }).report(LATER);
    let level = report.heard_dbfs.unwrap_or_else(|| panic!("silence instead of music: {} packets", report.packets_received));
    assert!((-45.0..-5.0).contains(&level), "the music has {level} dBFS");
    let found = compare(&report.heard, &music()).expect("music has sound");
    assert!(found.is_same(), "not the music of the house: {found}, {level} dBFS");
    let call = site.only_call();
    assert_eq!((call.end(), call.result().answered_by_agent), (("abandoned", "caller"), false));
    let wait = call.result().wait_ms.expect("it was queued");
    assert!((3_500..5_000).contains(&wait), "{call:?}");
    drop(agent);
}

/// The built-in music, twice, because it goes round.
fn music() -> Vec<i16> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/sounds/music.alaw");
    let once = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    once.iter().chain(&once).map(|&byte| voice::g711::alaw_to_linear(byte)).collect()
}
