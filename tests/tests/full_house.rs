//! A site at its limit: who calls now hears busy, nobody is added to a talk, an emergency is, and whoever talks notices nothing of all that.

use citizen::{CallPlan, Outcome, Speech};
use e2e::sound::{assert_arrived, speech, write};
use e2e::stage::{Stage, WHILE, expert};
use e2e::tones::{CITIZEN, COLLEAGUE, EXPERT, heard, story};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, baresip};
use serde_json::Value;

/// As many calls as the site takes.
const LIMIT: usize = 4;
/// Longer than the longest call.
const SPOKEN_SECONDS: usize = 45;

fn live(stage: &Stage, count: usize) {
    let calls = |status: &Value| status["calls"].as_array().map_or(0, Vec::len);
    let _ = Server::wait_status(&stage.site, "so many calls", |status| calls(status) == count);
}

/// A call that is refused, as a carrier hears it: busy, because a 503 would make it take us out of service for everybody.
fn hears_busy(stage: &Stage) {
    let report = Caller::dial(CallPlan::new(stage.server.sip, "12345")).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(486)), "{report:?}");
}

fn listens(supervisor: &mut Headless, agent: &str) {
    supervisor.tell(&format!(r#"supervise {{"act":"watch","agent":{agent},"mode":"listen","reason":"test"}}"#));
}

#[test]
fn at_its_limit_a_site_is_busy_for_others_adds_nobody_but_an_emergency_and_whoever_talks_goes_on() {
    let Some(outside) = expert("full-house") else { return };
    let stage = Stage::configured("full-house", Some(&outside), |site| {
        site.configure("media", "call_limit", &LIMIT.to_string());
        let rule = format!("outbound = [\"\"]\ndialled_out = [\"119/3 -> {}\"]", baresip::USER);
        site.write_configuration(&site.configuration().replace("outbound = [\"\"]", &rule));
    });
    let (citizen_says, agent_says) = (speech("zh", SPOKEN_SECONDS), speech("en", SPOKEN_SECONDS));
    let voice = stage.site.folder().join("long.wav");
    write(&voice, &agent_says);
    let (site, server) = (&stage.site, &stage.server);
    let mut agent = Headless::start_speaking(site, server.gateway, &site.agents[0], HeadlessPlan::ANSWERS, &voice, &[]);
    agent.go_ready();
    let speech = Speech::Once(citizen_says.clone().into());
    let citizen = Caller::dial(CallPlan { speech, ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    let mut colleague = stage.desktop(1, COLLEAGUE, HeadlessPlan::ANSWERS);
    colleague.go_ready();
    let second = stage.citizen();
    colleague.event("talking", SOON);
    let mut supervisor = stage.supervisor();
    let [third, fourth] = [stage.citizen(), stage.citizen()];
    live(&stage, LIMIT);

    hears_busy(&stage);
    agent.tell(&format!("invite {}", baresip::USER));
    agent.event_where("refused", SOON, |value| value["reason"] == "no_capacity");
    listens(&mut supervisor, &stage.id(0));
    supervisor.event_where("refused", SOON, |value| value["reason"] == "no_capacity");
    colleague.tell("invite 119");
    colleague.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| !others.is_empty()));
    colleague.talks_for(WHILE);
    hears_busy(&stage);

    let with_expert = second.hang_up(LATER);
    live(&stage, LIMIT - 1);
    let next = stage.citizen();
    live(&stage, LIMIT);
    hears_busy(&stage);

    for caller in [third, fourth, next] {
        let _ = caller.hang_up(LATER);
    }
    let _ = Server::wait_status(site, "room for voices", |status| status["crowded_threads"].as_array().is_some_and(Vec::is_empty));
    listens(&mut supervisor, &stage.id(0));
    supervisor.event_where("watches", SOON, |value| value["watches"]["connected"] == true);
    agent.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    agent.event("call_ended", SOON);

    println!("agent to citizen: {}", assert_arrived("the agent's voice at the citizen", &agent_says, &report.heard));
    println!("citizen to agent: {}", assert_arrived("the citizen's voice at the agent", &citizen_says, &agent.heard()));
    assert_eq!(story(&with_expert.heard), [vec![COLLEAGUE], vec![COLLEAGUE, EXPERT]], "{:?}", heard(&with_expert.heard));
    assert_eq!(story(&outside.heard()), [vec![CITIZEN, COLLEAGUE]]);
    let calls = site.settled(LIMIT + 1 + 3, LATER);
    let busy: Vec<_> = calls.iter().filter(|call| call.end() == ("no_resources", "server")).collect();
    assert_eq!(busy.len(), 3, "{calls:#?}");
    assert_eq!(site.cli(&["status"])["media"]["refused_calls"], 3);
}
