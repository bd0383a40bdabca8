//! What an agent does with a call, with real sound: each leg says a tone of its own, and who heard which tone when is looked up in what
//! everybody heard. The expert outside is baresip behind a trunk.

use e2e::stage::{Stage, WHILE, expert};
use e2e::tones::{AGENT, CITIZEN, COLLEAGUE, EXPERT, heard, story};
use e2e::{LATER, SOON, Server, baresip};

#[test]
fn hold_consult_and_three_way_let_everybody_hear_exactly_whom_they_should() {
    let stage = Stage::new("functions", None);
    let mut agent = stage.agent(0, AGENT);
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    let mut colleague = stage.agent(1, COLLEAGUE);
    agent.talks_for(WHILE);
    agent.tell("hold");
    agent.state("holding", SOON);
    agent.talks_for(WHILE);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell(&format!("consult agent:{}", stage.id(1)));
    colleague.state("consulting", SOON);
    agent.talks_for(WHILE);
    agent.tell("merge");
    colleague.state("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell("leave");
    agent.state("ready", SOON);
    colleague.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    colleague.event("call_ended", SOON);
    let story_of_citizen = story(&report.heard);
    assert_eq!(story_of_citizen, [vec![AGENT], vec![AGENT, COLLEAGUE], vec![COLLEAGUE]], "{:?}", heard(&report.heard));
    assert_eq!(story(&agent.heard()), [vec![CITIZEN], vec![COLLEAGUE], vec![CITIZEN, COLLEAGUE]]);
    assert_eq!(story(&colleague.heard()), [vec![AGENT], vec![CITIZEN, AGENT], vec![CITIZEN]]);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    assert_eq!(call.segments.len(), 2, "{call:?}");
    let recorded = call.recording.as_ref().and_then(|recording| recording.length_ms).unwrap_or_default();
    let connected: u64 = report.talk_ms.unwrap_or_default();
    assert!(recorded + 1_500 > connected, "hold and consultation are recorded, too: {recorded} of {connected} ms");
    let [left, right] = stage.site.export(&call);
    assert_eq!(story(&left), [vec![CITIZEN]], "the citizen is on the left alone, also while held: {:?}", heard(&left));
    let rights = story(&right);
    assert_eq!(rights.first(), Some(&vec![AGENT]), "{rights:?}");
    assert_eq!(rights.last(), Some(&vec![COLLEAGUE]), "{rights:?}");
}

#[test]
fn an_agent_dials_out_over_a_trunk_and_both_hear_each_other() {
    let Some(expert) = expert("dial") else { return };
    let stage = Stage::new("outbound", Some(&expert));
    let mut agent = stage.agent(0, AGENT);
    agent.tell(&format!("dial {}", baresip::USER));
    agent.state("outbound", SOON);
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.talks_for(WHILE);
    agent.tell("hang_up");
    agent.state("ready", SOON);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"), "{call:?}");
    assert_eq!(call.segments.len(), 1, "{call:?}");
    assert_eq!(story(&agent.heard()), [vec![EXPERT]]);
    assert_eq!(story(&expert.heard()), [vec![AGENT]]);
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![EXPERT]], vec![vec![AGENT]]));
}

#[test]
fn a_citizen_is_handed_over_to_an_expert_outside_and_goes_on_without_the_agent() {
    let Some(expert) = expert("transfer") else { return };
    let stage = Stage::new("residual", Some(&expert));
    let mut agent = stage.agent(0, AGENT);
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    agent.talks_for(WHILE);
    agent.tell("complete");
    agent.state("ready", SOON);
    let status = Server::wait_status(&stage.site, "the talk without an agent", |status| status["calls"][0]["phase"] == "residual");
    assert_eq!(status["calls"][0]["agent"], serde_json::Value::Null);
    let _ = agent.event_within("never", WHILE);
    let report = citizen.hang_up(LATER);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    assert_eq!(story(&report.heard), [vec![AGENT], vec![EXPERT]], "{:?}", heard(&report.heard));
    assert_eq!(story(&agent.heard()), [vec![CITIZEN], vec![EXPERT]]);
    assert_eq!(story(&expert.heard()), [vec![AGENT], vec![CITIZEN]]);
}
