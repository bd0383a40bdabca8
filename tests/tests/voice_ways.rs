//! The agent's voice when the network is bad: without UDP it goes through the WebSocket, with loss it becomes Opus, by itself.

use citizen::{CallPlan, Ending, Speech};
use e2e::cut::Cable;
use e2e::link::{Impairment, Link};
use e2e::network::Network;
use e2e::site::prompt;
use e2e::sound::{RATE, assert_arrived, assert_mostly_arrived, assert_stretch_of, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How soon UDP is tried again, with room for a busy machine.
const BACK: Duration = Duration::from_secs(60);

fn looped(server: &Server) -> CallPlan {
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    CallPlan { speech, played: true, ..CallPlan::new(server.sip, "12345") }
}

fn way(agent: &mut Headless, way: &str, limit: Duration) -> Value {
    agent.event_where("voice_way", limit, |event| event["way"] == way)
}

/// What is kept of how the only call sounded.
fn sound_of_the_agents_leg(site: &Site) -> Value {
    let call = site.only_call().interaction.to_string();
    let shown = site.cli(&["call", "show", &call]);
    let legs = shown["sound"].as_array().cloned().unwrap_or_default();
    legs.into_iter().find(|leg| leg["leg"] == "agent").unwrap_or_else(|| panic!("nothing is kept of how it sounded: {shown:#}"))
}

#[test]
fn without_udp_an_agent_signs_in_answers_and_is_heard_through_the_websocket() {
    let Some(network) = Network::enter("without_udp_an_agent_signs_in_answers_and_is_heard_through_the_websocket") else { return };
    let site = Site::demo("no-udp");
    let server = Server::start(&site);
    network.block_udp(server.agent_media);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);
    agent.event_ever("voice_way", SOON, |event| event["way"] == "websocket");
    let said = read_mono(&prompt("citizen"));
    let (speech, ending) = (Speech::Once(said.clone().into()), Ending::HangUpAfter(Duration::from_secs(8)));
    let caller = Caller::dial(CallPlan { speech, ending, ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    let report = caller.report(LATER);
    agent.event("call_ended", SOON);
    assert_arrived("the agent's voice through the WebSocket", &read_mono(&prompt("agent")), &report.heard);
    assert_arrived("the citizen's voice through the WebSocket", &said, &agent.heard());
    let [left, right] = site.export(&site.only_call());
    assert_arrived("the recorded citizen", &said, &left);
    assert_arrived("the recorded agent", &read_mono(&prompt("agent")), &right);
}

#[test]
fn a_talk_whose_udp_is_blocked_goes_on_through_the_websocket_and_returns_to_udp() {
    let Some(network) = Network::enter("a_talk_whose_udp_is_blocked_goes_on_through_the_websocket_and_returns_to_udp") else { return };
    let site = Site::demo("udp-goes");
    let server = Server::start(&site);
    let voice = prompt("agent");
    let mut agent = Headless::start_speaking(&site, server.gateway, &site.agents[0], HeadlessPlan::WILLING, &voice, &["--mic-loop"]);
    agent.state("ready", SOON);
    let caller = Caller::dial(looped(&server));
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(2));
    network.block_udp(server.agent_media);
    way(&mut agent, "websocket", SOON);
    agent.talks_for(Duration::from_secs(8));
    // What has been heard by now ends with several seconds that came through the WebSocket alone.
    let heard = read_mono(agent.speaker());
    assert_stretch_of("the citizen's voice without UDP", &heard[heard.len() - 5 * RATE..], &read_mono(&prompt("citizen")));
    network.unblock();
    way(&mut agent, "udp", BACK);
    agent.talks_for(Duration::from_secs(6));
    let report = caller.hang_up(LATER);
    agent.event("call_ended", SOON);
    let (to_agent, to_citizen) = (agent.heard(), report.heard);
    assert_stretch_of("the citizen's voice by UDP again", &to_agent[to_agent.len() - 5 * RATE..], &read_mono(&prompt("citizen")));
    assert_stretch_of("the agent's voice by UDP again", &to_citizen[to_citizen.len() - 5 * RATE..], &read_mono(&voice));
}

#[test]
fn a_link_that_loses_packets_makes_the_voice_opus_in_mid_call_and_both_sides_are_heard() {
    let near = IpAddr::V4(Ipv4Addr::new(127, 0, 3, 1));
    let site = Site::demo_with("lossy", 400, &["--host", "127.0.3.1"]);
    let server = Server::start(&site);
    let lossy = Impairment { loss_percent: 6.0, jitter_ms: 10, delay_ms: 5, seed: 3 };
    let media = SocketAddr::new(server.gateway.ip(), server.agent_media);
    let _link = Link::open(SocketAddr::new(near, server.agent_media), media, lossy).expect("ports");
    let cable = Cable::at(near, server.gateway);
    let voice = prompt("agent");
    let mut agent = Headless::start_speaking(&site, cable.address(), &site.agents[0], HeadlessPlan::WILLING, &voice, &["--mic-loop"]);
    agent.state("ready", LATER);
    let caller = Caller::dial(looped(&server));
    agent.event("talking", SOON);
    agent.event_where("voice_codec", LATER, |event| event["sends"] == "opus" && event["hears"] == "opus");
    agent.event_ever("talk_health", SOON, |event| event["agent"]["round_trip_ms"].as_u64().is_some());
    agent.talks_for(Duration::from_secs(10));
    let report = caller.hang_up(LATER);
    agent.event("call_ended", SOON);
    let sound = sound_of_the_agents_leg(&site);
    assert!(sound["mean"]["lost_permille"].as_u64() > Some(20) && sound["mean"]["lost_there_permille"].as_u64() > Some(20), "{sound}");
    let (to_agent, to_citizen) = (agent.heard(), report.heard);
    let last = |heard: &[i16]| heard[heard.len() - 8 * RATE..].to_vec();
    assert_mostly_arrived("the agent's voice in Opus", &last(&to_citizen), &read_mono(&voice).repeat(2));
    assert_mostly_arrived("the citizen's voice in Opus", &last(&to_agent), &read_mono(&prompt("citizen")).repeat(2));
}

#[test]
fn a_dead_microphone_is_told_to_its_agent() {
    let site = Site::demo("dead-microphone");
    let server = Server::start(&site);
    let silence = site.folder().join("silence.wav");
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(&silence, spec).expect("the site's folder can be written");
    (0..RATE).try_for_each(|_| file.write_sample(0_i16)).and_then(|()| file.finalize()).expect("and the file");
    let mut agent = Headless::start_speaking(&site, server.gateway, &site.agents[0], HeadlessPlan::WILLING, &silence, &[]);
    agent.state("ready", SOON);
    let caller = Caller::dial(looped(&server));
    agent.event("talking", SOON);
    let told = agent.event_where("talk_health", SOON, |event| {
        event["troubles"].as_array().is_some_and(|troubles| troubles.contains(&Value::from("agent_microphone_dead")))
    });
    assert_eq!(told["light"], "poor", "{told}");
    let _ = caller.hang_up(LATER);
    agent.event("call_ended", SOON);
    let sound = sound_of_the_agents_leg(&site);
    assert!(sound["troubles"].to_string().contains("agent_microphone_dead"), "it is kept with the call: {sound}");
}
