//! The desktop's connection is cut in mid-call: the talk goes on, and the desktop takes its session up again.

use citizen::{CallPlan, Ending, Speech};
use e2e::cut::Cable;
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::time::Duration;

#[test]
fn a_talk_survives_a_cut_of_the_desktops_connection() {
    let site = Site::demo("cable");
    let server = Server::start(&site);
    let cable = Cable::to(server.gateway);
    let mut agent = Headless::sign_in_over(&site, cable.address(), &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);
    let said = read_mono(&prompt("citizen"));
    let (speech, ending) = (Speech::Once(said.clone().into()), Ending::HangUpAfter(Duration::from_secs(8)));
    let caller = Caller::dial(CallPlan { speech, ending, ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(1));

    cable.cut();
    agent.link(false, SOON);
    agent.talks_for(Duration::from_secs(2));
    cable.mend();
    agent.link(true, Duration::from_secs(5));

    let report = caller.report(LATER);
    agent.event("call_ended", SOON);
    assert_arrived("the agent's voice through the cut", &read_mono(&prompt("agent")), &report.heard);
    assert_arrived("the citizen's voice through the cut", &said, &agent.heard());
    let call = site.only_call();
    assert_eq!((call.end(), call.segments.len()), (("caller_hung_up", "caller"), 1), "{call:?}");
    let [left, right] = site.export(&call);
    assert_arrived("the recorded citizen", &said, &left);
    assert_arrived("the recorded agent", &read_mono(&prompt("agent")), &right);
}
