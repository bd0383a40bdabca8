//! A telephone of another make calls: baresip.

use e2e::baresip::{self, Baresip};
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Headless, HeadlessPlan, SOON, Server, Site};
use std::time::Duration;

#[test]
fn baresip_and_an_agent_hear_each_other() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("baresip");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);

    let mut phone = Baresip::dial(&site.folder().join("baresip"), server.sip, "12345", &prompt("citizen"));
    phone.event("CALL_ESTABLISHED");
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(6));
    phone.hang_up();
    agent.event("call_ended", SOON);

    assert_arrived("the agent's voice at baresip", &read_mono(&prompt("agent")), &phone.heard());
    assert_arrived("baresip's voice at the agent", &read_mono(&prompt("citizen")), &agent.heard());
    let call = site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"));
    let [left, _] = site.export(&call);
    assert_arrived("baresip in the recording", &read_mono(&prompt("citizen")), &left);
}
