//! The first call: a citizen over SIP, an agent at a desktop, both heard, all recorded.

use citizen::{CallPlan, EndedBy, Ending, Outcome, Speech};
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::time::Duration;

/// Records are made on another clock and thread than the citizen's report.
const TOLERANCE_MS: u64 = 400;

#[test]
fn a_citizen_and_an_agent_hear_each_other_and_the_call_is_recorded_as_it_was() {
    let site = Site::demo("first_call");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);

    let (citizen_says, agent_says) = (read_mono(&prompt("citizen")), read_mono(&prompt("agent")));
    let speech = Speech::Once(citizen_says.clone().into());
    let ending = Ending::HangUpAfter(Duration::from_secs(7));
    let caller = Caller::dial(CallPlan { speech, ending, ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    let report = caller.report(LATER);
    agent.event("call_ended", SOON);

    assert_eq!((report.outcome, report.status, report.ended_by), (Outcome::Answered, Some(200), Some(EndedBy::Citizen)));
    let down = assert_arrived("the agent's voice at the citizen", &agent_says, &report.heard);
    let up = assert_arrived("the citizen's voice at the agent", &citizen_says, &agent.heard());
    println!("agent to citizen: {down}\ncitizen to agent: {up}");

    let call = site.only_call();
    let result = call.result();
    assert_eq!((call.end(), result.answered_by_agent, call.segments.len()), (("caller_hung_up", "caller"), true, 1), "{call:?}");
    assert_eq!(call.segments[0].agent_number.as_ref(), Some(&site.agents[0].number), "{call:?}");
    let told = result.wait_ms.expect("it was queued") + result.talk_ms;
    let seen = report.talk_ms.expect("it was answered");
    assert!(told.abs_diff(seen) < TOLERANCE_MS, "wait and talk are {told} ms in the record, {seen} ms at the citizen: {call:?}");
    assert!(result.length_ms >= told, "{call:?}");

    let [left, right] = site.export(&call);
    println!("recorded citizen: {}", assert_arrived("the citizen on the left", &citizen_says, &left));
    println!("recorded agent: {}", assert_arrived("the agent on the right", &agent_says, &right));
}
