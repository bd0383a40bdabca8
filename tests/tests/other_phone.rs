//! A telephone of another make calls: baresip, over UDP, over TLS with encrypted voice, over IPv6.

use e2e::baresip::{self, Baresip};
use e2e::site::prompt;
use e2e::sound::{assert_arrived, read_mono};
use e2e::{Headless, HeadlessPlan, SOON, Server, Site};
use std::net::{IpAddr, Ipv6Addr};
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

/// They talk, and what each says is what the other hears and what is recorded.
fn assert_a_talk(site: &Site, mut agent: Headless, mut phone: Baresip) {
    phone.event("CALL_ESTABLISHED");
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(6));
    phone.hang_up();
    agent.event("call_ended", SOON);
    assert_arrived("the agent's voice at baresip", &read_mono(&prompt("agent")), &phone.heard());
    assert_arrived("baresip's voice at the agent", &read_mono(&prompt("citizen")), &agent.heard());
    let call = site.settled(1, SOON).remove(0);
    assert_eq!(call.end(), ("caller_hung_up", "caller"));
    let [left, _] = site.export(&call);
    assert_arrived("baresip in the recording", &read_mono(&prompt("citizen")), &left);
}

#[test]
fn over_tls_the_voice_is_encrypted_and_a_plain_one_is_refused() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("baresip-tls");
    site.write_configuration(&(site.configuration() + "\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"127.0.0.1:0\"\n"));
    site.configure("trunks", "srtp", "\"required\"");
    let server = Server::start(&site);
    let tls = server.sip_over("tls").expect("a TLS listener");
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);

    let secured = (site.ca.as_path(), ";mediaenc=srtp-mand");
    let phone = Baresip::dial_over_tls(&site.folder().join("baresip"), tls, "12345", &prompt("citizen"), secured);
    assert_a_talk(&site, agent, phone);
    let trace = site.cli(&["call", "trace", "1", "--full"]).to_string();
    assert!(trace.contains("RTP/SAVP") && !trace.contains("inline:"), "encrypted, and the keys are nowhere to be read: {trace}");

    let plain = (site.ca.as_path(), "");
    let mut phone = Baresip::dial_over_tls(&site.folder().join("plain"), tls, "12345", &prompt("citizen"), plain);
    let closed = phone.event("CALL_CLOSED");
    assert!(closed.to_string().contains("488"), "{closed}");
    // Keys must not stand where others can read them, so that even a willing phone is refused without TLS.
    let mut phone = Baresip::dial(&site.folder().join("udp"), server.sip, "12345", &prompt("citizen"));
    assert!(phone.event("CALL_CLOSED").to_string().contains("488"));
    assert!(site.settled(3, SOON).iter().take(2).all(|call| call.end() == ("no_common_codec", "server")));
}

#[test]
fn over_ipv6_baresip_and_an_agent_hear_each_other() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("baresip-ipv6");
    let text = site.configuration();
    let both = text.replace("sources = [\"127.0.0.1\"]", "sources = [\"127.0.0.1\", \"::1\"]");
    assert_ne!(both, text, "the demo's trunk has another source");
    site.write_configuration(&(both + "\n[[sip_listen]]\ntransport = \"udp\"\nlisten = \"[::1]:0\"\n"));
    let server = Server::start(&site);
    let listener = server.sip_over_ipv6("udp").expect("a listener on IPv6");
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);

    let own = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let phone = Baresip::dial_from(&site.folder().join("baresip"), own, listener, "12345", &prompt("citizen"));
    assert_a_talk(&site, agent, phone);
    let trace = site.cli(&["call", "trace", "1", "--full"]).to_string();
    assert!(trace.matches("c=IN IP6 ::1").count() >= 2, "both sides' voice is over IPv6: {trace}");
}
