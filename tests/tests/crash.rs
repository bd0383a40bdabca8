//! The server dies in mid-call: what was recorded until then is not lost.

use citizen::{CallPlan, Speech};
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, SOON, Server, Site};
use std::time::{Duration, Instant};

#[test]
fn a_call_that_was_cut_by_a_crash_keeps_its_record_and_its_recording() {
    let site = Site::demo("crash");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);
    let said = read_mono(&prompt("citizen"));
    let caller = Caller::dial(CallPlan { speech: Speech::Once(said.clone().into()), ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    let talking = Instant::now();
    agent.talks_for(Duration::from_secs(5));
    server.kill();
    let talked = talking.elapsed();
    drop((agent, caller));

    let _server = Server::start(&site);
    let call = site.only_call();
    assert_eq!(call.end(), ("server_crashed", "server"), "{call:?}");
    assert_eq!(call.recording.as_ref().map(|recording| recording.state.as_str()), Some("cut"), "{call:?}");
    let [left, _] = site.export(&call);
    let kept = Duration::from_millis(left.len() as u64 / 8);
    assert!(kept.abs_diff(talked) <= Duration::from_secs(1), "recorded {kept:?} of a talk that was killed after {talked:?}");
    assert_arrived("the citizen until the crash", &said, &left);
}
