//! A telephone of another make calls: baresip, over UDP, over TLS with encrypted voice, over IPv6, in Opus, with keys as tones.

use e2e::baresip::{self, Baresip};
use e2e::site::prompt;
use e2e::sound::{Match, assert_arrived, assert_mostly_arrived, read_mono, write_fine};
use e2e::tones::{keys_heard, keys_wav};
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
fn assert_a_talk(site: &Site, mut agent: Headless, mut phone: Baresip, arrived: fn(&str, &[i16], &[i16]) -> Match) {
    phone.event("CALL_ESTABLISHED");
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(6));
    phone.hang_up();
    agent.event("call_ended", SOON);
    arrived("the agent's voice at baresip", &read_mono(&prompt("agent")), &phone.heard());
    arrived("baresip's voice at the agent", &read_mono(&prompt("citizen")), &agent.heard());
    let call = site.settled(1, SOON).remove(0);
    assert_eq!(call.end(), ("caller_hung_up", "caller"));
    let [left, _] = site.export(&call);
    arrived("baresip in the recording", &read_mono(&prompt("citizen")), &left);
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
    assert_a_talk(&site, agent, phone, assert_arrived);
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
fn opus_is_spoken_where_the_trunk_likes_it_best() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("baresip-opus");
    site.configure("trunks", "codecs", "[\"Opus\", \"PCMA\"]");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);
    let speech = site.folder().join("citizen-fine.wav");
    write_fine(&speech, &read_mono(&prompt("citizen"))).expect("the site's folder can be written");
    let phone = Baresip::dial_with(&site.folder().join("baresip"), server.sip, "12345", &speech, "opus/48000/2,PCMA");
    assert_a_talk(&site, agent, phone, assert_mostly_arrived);
    let trace = site.cli(&["call", "trace", "1", "--full"]);
    let answer = trace["messages"].as_array().expect("messages").iter().find(|message| message["line"] == "SIP/2.0 200 OK");
    let text = answer.and_then(|message| message["text"].as_str()).expect("our answer");
    let formats = text.lines().find_map(|line| line.strip_prefix("m=audio ")?.split_once(" RTP/AVP ")).map(|(_, formats)| formats.trim());
    let first = formats.and_then(|formats| formats.split(' ').next()).expect("a format");
    assert!(text.contains(&format!("a=rtpmap:{first} opus/48000/2")), "{text}");
}

/// Keys are tones in the voice, both ways: the citizen's are understood, and the agent's are heard by the citizen.
#[test]
fn keys_are_tones_where_the_trunk_has_no_other_ones() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("baresip-tones");
    site.configure("trunks", "keys", "\"in_band\"");
    site.configure("queues", "keys", "[\"9 refuse\"]");
    let server = Server::start(&site);
    let refuses = keys_wav(site.folder(), "refuses", "59");
    let mut phone = Baresip::dial(&site.folder().join("caller"), server.sip, "12345", &refuses);
    phone.event("CALL_CLOSED");
    assert_eq!(site.only_call().end(), ("abandoned", "server"), "the key ends the wait");

    let silence = keys_wav(site.folder(), "silence", "");
    let mut agent = Headless::start_speaking(&site, server.gateway, &site.agents[0], HeadlessPlan::WILLING, &silence, &[]);
    agent.state("ready", SOON);
    let mut phone = Baresip::dial(&site.folder().join("listener"), server.sip, "12345", &prompt("citizen"));
    phone.event("CALL_ESTABLISHED");
    agent.event("talking", SOON);
    agent.tell("press 4#");
    agent.talks_for(Duration::from_secs(3));
    phone.hang_up();
    agent.event("call_ended", SOON);
    let offered = site.cli(&["call", "trace", "2", "--full"]);
    let messages = offered["messages"].as_array().expect("messages");
    let ours = messages.iter().filter(|message| message["inward"] == false);
    assert!(ours.clone().count() > 0 && ours.clone().all(|message| !message.to_string().contains("telephone-event")), "{offered:#}");
    assert_eq!(keys_heard(&phone.heard()), "4#");
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
    assert_a_talk(&site, agent, phone, assert_arrived);
    let trace = site.cli(&["call", "trace", "1", "--full"]).to_string();
    assert!(trace.matches("c=IN IP6 ::1").count() >= 2, "both sides' voice is over IPv6: {trace}");
}
