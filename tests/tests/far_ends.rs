//! Each function that calls somebody beside the citizen (1-3, 1-5), and a far end that refuses, does not answer or leaves: the citizen is with
//! the agent again, who is told why, and is heard and hears. Real sound on every leg; one server, and one call for nearly all of it.

use e2e::baresip::{self, Baresip};
use e2e::stage::{Script, Stage};
use e2e::tones::{self, AGENT as A, CITIZEN as C, COLLEAGUE as L, EXPERT as E, SUPERVISOR as S, wav};
use e2e::{Headless, HeadlessPlan, LATER, SOON};
use std::time::Duration;

/// Both hear each other.
const TOGETHER: [(&str, &[f64]); 2] = [("citizen", &[A]), ("agent", &[C])];

fn told(agent: &mut Headless, news: &str) {
    agent.event_where("notice", LATER, |value| value.to_string().contains(news));
}

/// How a call beside the citizen fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fails {
    /// Busy, or rejected.
    Refused,
    /// It rings until its time is over.
    Unanswered,
}

/// Somebody is called: an invitation rings while the talk goes on, otherwise the citizen hears music and the agent a ringing tone, of which
/// the second second is silent.
fn calls(script: &mut Script, agent: &mut Headless, call: &str, name: &'static str) {
    if call.starts_with("invite") {
        script.then(name, agent, &TOGETHER);
    } else {
        script.then(name, agent, &[("citizen", &[]), ("agent", &[])]);
    }
    let _ = agent.event_within("never", Duration::from_millis(1_200));
}

/// Somebody outside who rings until told what to do.
fn expert() -> Option<Baresip> {
    if !baresip::is_installed() {
        eprintln!("baresip is not installed: nothing was tested");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("hotline-far-ends-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the expert");
    Some(Baresip::lie_in_wait(&folder, &wav(&folder, "expert", E)))
}

/// The expert is called by one function, and it fails.
fn outside(script: &mut Script, agent: &mut Headless, expert: &mut Baresip, (function, how, names): (&str, Fails, [&'static str; 2])) {
    agent.tell(&format!("{function} {}", baresip::USER));
    expert.event("CALL_INCOMING");
    calls(script, agent, function, names[0]);
    let news = match how {
        Fails::Refused => {
            expert.hang_up();
            "busy"
        }
        Fails::Unanswered => {
            expert.event("CALL_CLOSED");
            "no_answer"
        }
    };
    told(agent, news);
    script.then(names[1], agent, &TOGETHER);
}

/// The same with a colleague at a desk.
fn inside(script: &mut Script, agent: &mut Headless, colleague: &mut Headless, (call, how, names): (&str, Fails, [&'static str; 2])) {
    agent.tell(call);
    colleague.event("ringing", SOON);
    calls(script, agent, call, names[0]);
    let news = match how {
        Fails::Refused => {
            colleague.tell("reject");
            "rejected"
        }
        Fails::Unanswered => "no_answer",
    };
    told(agent, news);
    script.then(names[1], agent, &TOGETHER);
    colleague.tell("ready");
    colleague.state("ready", SOON);
}

fn leaves(script: &mut Script, agent: &mut Headless, colleague: &mut Headless, colleagues: &str) {
    agent.tell(&format!("consult {colleagues}"));
    colleague.event("ringing", SOON);
    colleague.tell("answer");
    colleague.state("consulting", SOON);
    script.then("a colleague is consulted", agent, &[("citizen", &[]), ("agent", &[L]), ("colleague", &[A])]);
    colleague.tell("hang_up");
    told(agent, "aside_left");
    script.then("and hangs up", agent, &TOGETHER);
    colleague.state("ready", SOON);
    agent.tell(&format!("invite {colleagues}"));
    colleague.event("ringing", SOON);
    colleague.tell("answer");
    colleague.state("talking", SOON);
    script.then("a colleague takes part", agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);
    colleague.tell("hang_up");
    told(agent, "party_left");
    script.then("and hangs up too", agent, &TOGETHER);
    colleague.state("ready", SOON);
}

#[test]
fn whoever_refuses_does_not_answer_or_leaves_brings_the_citizen_back() {
    let Some(mut expert) = expert() else { return };
    let stage = Stage::new("far-ends", Some(&expert));
    stage.site.configure("calls", "ask_seconds", "6");
    let _ = stage.site.cli(&["reload"]);
    let mut script = Script::default();
    let mut agent = stage.desktop(0, A, HeadlessPlan::ANSWERS);
    agent.go_ready();
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    let mut colleague = stage.desktop(1, L, HeadlessPlan::default());
    colleague.go_ready();
    let colleagues = format!("agent:{}", stage.id(1));
    script.then("accept", &mut agent, &TOGETHER);

    let consult = format!("consult {colleagues}");
    let (invite, transfer) = (format!("invite {colleagues}"), format!("transfer {colleagues}"));
    for case in [
        ("consult", Fails::Refused, ["an expert is called", "and refuses"]),
        ("consult", Fails::Unanswered, ["an expert is called again", "and does not answer"]),
        ("invite", Fails::Refused, ["an expert is invited", "and refuses too"]),
        ("transfer", Fails::Unanswered, ["an expert is to take over", "and does not answer either"]),
    ] {
        outside(&mut script, &mut agent, &mut expert, case);
    }
    for case in [
        (consult.as_str(), Fails::Refused, ["a colleague is called", "and rejects"]),
        (transfer.as_str(), Fails::Unanswered, ["a colleague is to take over", "and lets it ring"]),
        (invite.as_str(), Fails::Refused, ["a colleague is invited", "and rejects too"]),
    ] {
        inside(&mut script, &mut agent, &mut colleague, case);
    }
    leaves(&mut script, &mut agent, &mut colleague, &colleagues);

    agent.tell(&format!("consult {}", baresip::USER));
    expert.event("CALL_INCOMING");
    expert.answer();
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    script.then("an expert is consulted", &mut agent, &[("citizen", &[]), ("agent", &[E])]);
    expert.hang_up();
    told(&mut agent, "aside_left");
    script.then("and the expert hangs up", &mut agent, &TOGETHER);
    agent.tell(&format!("invite {}", baresip::USER));
    expert.event("CALL_INCOMING");
    expert.answer();
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| !others.is_empty()));
    script.then("an expert takes part", &mut agent, &[("citizen", &[A, E]), ("agent", &[C, E])]);
    agent.tell("leave");
    agent.state("ready", SOON);
    agent.tell("not_ready break");
    script.then("the agent leaves", &mut agent, &[("citizen", &[E])]);
    expert.hang_up();
    let report = citizen.report(LATER);
    script.check("citizen", &report.heard);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("party_hung_up", "agent"), "the expert was the last one: {call:?}");

    let mut supervisor = stage.supervisor();
    who_leaves_while_held(&stage, &mut script, [&mut agent, &mut colleague, &mut supervisor]);
    script.check("agent", &agent.heard());
    script.check("colleague", &colleague.heard());
    script.check("supervisor", &supervisor.heard());
}

/// The citizen hangs up while held, while a colleague is consulted, and while a supervisor listens.
fn who_leaves_while_held(stage: &Stage, script: &mut Script, [agent, colleague, supervisor]: [&mut Headless; 3]) {
    let colleagues = format!("agent:{}", stage.id(1));
    let next = |agent: &mut Headless, script: &mut Script, name: &'static str| {
        agent.tell("ready");
        let citizen = stage.citizen();
        agent.event("talking", SOON);
        script.then(name, agent, &[("agent", &[C])]);
        citizen
    };
    colleague.tell("not_ready break");
    colleague.state("not_ready", SOON);
    let held = next(agent, script, "a second citizen");
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("is held", agent, &[("agent", &[])]);
    let report = held.hang_up(LATER);
    agent.state("ready", SOON);
    told(agent, "left_on_hold");
    assert_eq!(tones::story(&report.heard), [vec![A]], "music is no tone");

    agent.tell("not_ready break");
    agent.state("not_ready", SOON);
    let third = next(agent, script, "a third citizen");
    colleague.tell("ready");
    colleague.state("ready", SOON);
    agent.tell(&format!("consult {colleagues}"));
    colleague.event("ringing", SOON);
    colleague.tell("answer");
    colleague.state("consulting", SOON);
    script.then("waits while a colleague is consulted", agent, &[("agent", &[L]), ("colleague", &[A])]);
    let report = third.hang_up(LATER);
    colleague.state("ready", SOON);
    agent.state("ready", SOON);
    assert_eq!(tones::story(&report.heard), [vec![A]]);
    script.then("and hangs up meanwhile", agent, &[]);

    colleague.tell("not_ready break");
    colleague.state("not_ready", SOON);
    let fourth = next(agent, script, "a fourth citizen");
    let own = stage.id(0);
    supervisor.tell(&format!(r#"supervise {{"act":"watch","agent":{own},"mode":"barge","reason":"test"}}"#));
    supervisor.event_where("watches", SOON, |value| value["watches"]["connected"] == true);
    script.then("and a supervisor", agent, &[("agent", &[C, S]), ("supervisor", &[C, A])]);
    let report = fourth.hang_up(LATER);
    supervisor.event_where("watches", SOON, |value| value["watches"]["connected"] == false);
    assert_eq!(tones::story(&report.heard), [vec![A], vec![A, S]]);
    let calls = stage.site.settled(4, LATER);
    assert!(calls.iter().all(|call| call.recording.as_ref().is_some_and(|recording| recording.state == "complete")), "{calls:#?}");
}
