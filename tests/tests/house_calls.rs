//! Phones of the house that call outside and each other, with real sound both ways: baresip registers and dials, baresip and sipp answer. Each
//! leg says a tone of its own.

use e2e::baresip::{self, Baresip};
use e2e::sipp::{self, Play, Sipp, free};
use e2e::tones::{AGENT, CITIZEN, story, wav};
use e2e::{LATER, SOON, Server, Site};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Where the phones are: baresip sends voice from there, wherever it is told to be.
const HOUSE: &str = "127.0.0.1";
/// Where the carrier is.
const CARRIER: &str = "127.0.0.31";
/// How long a talk is kept.
const WHILE: Duration = Duration::from_millis(1_500);

/// A site with the phones 8001, which may call in the country, and 8002, which may not; calls outside go to these places, in this order.
fn site(name: &str, targets: &[SocketAddr]) -> (Site, [String; 2]) {
    assert!(baresip::is_installed(), "baresip is missing; `cargo xtask test` installs it");
    let site = Site::demo(name);
    site.configure("phones", "networks", &format!("[\"{HOUSE}\"]"));
    let targets: Vec<String> = (1..).zip(targets).map(|(priority, target)| format!("\"sip:{target} {priority}\"")).collect();
    let trunk = format!(
        "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\ntargets = [{}]\noptions_seconds = 0\noutbound = [\"\"]\n\
         caller_out = [\"8/4 -> 051987208\"]\n",
        targets.join(", ")
    );
    // No trunk is where the phones are.
    site.write_configuration(&(site.configuration().replace("sources = [\"127.0.0.1\"]", "sources = [\"127.0.0.40\"]") + &trunk));
    let secrets = [("8001", "national"), ("8002", "internal")].map(|(number, class)| {
        let told = site.cli(&["phone", "add", number, "--name", "值班室", "--class", class]);
        told["secret"].as_str().expect("a secret is told").to_owned()
    });
    (site, secrets)
}

fn register(site: &Site, server: &Server, (number, secret): (&str, &str), hertz: f64) -> Baresip {
    let voice = wav(site.folder(), number, hertz);
    let own: IpAddr = HOUSE.parse().expect("an address");
    let phone = Baresip::register(&site.folder().join(format!("phone-{number}")), own, server.sip, (number, secret), &voice);
    site.wait_for_phone(number);
    phone
}

/// Somebody outside, played by sipp: after a second in which what it hears is said back already it answers, and hangs up after three more.
fn outside(site: &Site, number: &str, own: SocketAddr) -> Sipp {
    let text = std::fs::read_to_string(sipp::scenario("agent_phone_answers")).expect("a scenario");
    let (head, rest) = text.split_once("  <pause milliseconds=\"1000\"/>").expect("a pause before the answer");
    let (_, description) = rest.split_once("Content-Type:").expect("a description");
    let (description, _) = description.split_once("]]>").expect("its end");
    let head = head.replace("180 Ringing", "183 Session Progress").replace("Content-Length: 0", &format!("Content-Type:{description}"));
    let scenario = site.folder().join("agent_phone_outside");
    let text = format!("{head}  <pause milliseconds=\"1000\"/>{rest}").replace("7001", number);
    std::fs::write(scenario.with_extension("xml"), text).expect("the site's folder can be written");
    play(&scenario, "outside", own).start(site)
}

fn play<'a>(scenario: &'a Path, name: &str, own: SocketAddr) -> Play<'a> {
    let scenario = scenario.to_str().expect("a plain path");
    Play { scenario, name: name.to_owned(), own, transport: "udp", to: None, calls: 1, login: None, strict: true }
}

/// Why a call that the phone dialled is over, as the phone was told.
fn refused(phone: &mut Baresip, uri: &str) -> String {
    phone.call(uri);
    phone.event("CALL_CLOSED")["param"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_phone_calls_outside_over_the_second_target_and_what_sounds_there_is_heard_recorded_and_written_down() {
    let [failing, answering] = [(); 2].map(|()| free(CARRIER.parse().expect("an address")));
    let (site, [secret, _]) = site("house-outside", &[failing, answering]);
    let busy = std::fs::read_to_string(sipp::scenario("target_busy")).expect("a scenario");
    let scenario = site.folder().join("out-of-service");
    std::fs::write(scenario.with_extension("xml"), busy.replace("486 Busy Here", "503 Service Unavailable")).expect("a folder");
    let first = play(&scenario, "out-of-service", failing).start(&site);
    let far = outside(&site, "13800138000", answering);
    let server = Server::start(&site);
    let mut phone = register(&site, &server, ("8001", &secret), AGENT);
    phone.call(&format!("sip:13800138000@{}", server.sip));
    phone.event("CALL_PROGRESS");
    first.verdict(LATER).unwrap_or_else(|fault| panic!("{fault}"));
    let status = Server::wait_status(&site, "the call of the phone", |status| status["phone_calls"] == 1);
    assert!(status["calls"].as_array().is_some_and(Vec::is_empty), "{status:#}");
    phone.event("CALL_ESTABLISHED");
    phone.event("CALL_CLOSED");
    far.verdict(LATER).unwrap_or_else(|fault| panic!("{fault}"));
    let said = std::fs::read_to_string(site.folder().join("outside.messages")).expect("sipp's messages");
    assert!(said.contains("From: <sip:051987208001@"), "the trunk writes the phone's number: {said}");
    let call = site.only_call();
    assert_eq!(call.end(), ("party_hung_up", "agent"), "{call:?}");
    assert!(!call.result().answered_by_agent && call.segments.is_empty(), "{call:?}");
    let dialled = |fact: &Value| fact["kind"]["kind"] == "phone_dialled" && fact["kind"]["inside"] == false;
    assert!(call.facts.iter().any(dialled), "{:?}", call.facts);
    assert_eq!(story(&phone.heard()), [vec![AGENT]], "the far side says back what it hears");
    let [left, right] = site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![AGENT]], vec![vec![AGENT]]));
    let trace = site.cli(&["call", "trace", &call.interaction.to_string()]).to_string();
    for line in ["SIP/2.0 401 ", "SIP/2.0 503 ", "SIP/2.0 183 ", "SIP/2.0 200 "] {
        assert!(trace.contains(line), "{line}: {trace}");
    }
}

#[test]
fn phones_of_the_house_call_each_other() {
    let (site, [first, second]) = site("house-inside", &[free(CARRIER.parse().expect("an address"))]);
    let server = Server::start(&site);
    let mut caller = register(&site, &server, ("8002", &second), CITIZEN);
    assert_eq!(&refused(&mut caller, &format!("sip:8001@{}", server.sip))[..3], "480", "8001 is registered nowhere");
    let mut called = register(&site, &server, ("8001", &first), AGENT);
    caller.call(&format!("sip:8001@{}", server.sip));
    let incoming = called.event("CALL_INCOMING");
    assert!(incoming.to_string().contains("sip:8002@"), "who calls is seen: {incoming}");
    called.answer();
    caller.event("CALL_ESTABLISHED");
    called.talks_for(WHILE);
    called.hang_up();
    caller.event("CALL_CLOSED");
    let call = site.settled(2, SOON).remove(0);
    assert_eq!(call.end(), ("party_hung_up", "agent"), "{call:?}");
    assert_eq!((story(&caller.heard()), story(&called.heard())), (vec![vec![AGENT]], vec![vec![CITIZEN]]));
    let [left, right] = site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![CITIZEN]], vec![vec![AGENT]]));
}

#[test]
fn what_a_call_comes_to_is_told_to_the_phone_and_a_class_is_kept_to() {
    let target = free(CARRIER.parse().expect("an address"));
    let (site, [secret, internal]) = site("house-results", &[target]);
    let server = Server::start(&site);
    let uri = format!("sip:13800138000@{}", server.sip);
    let mut phone = register(&site, &server, ("8001", &secret), AGENT);
    let busy = std::fs::read_to_string(sipp::scenario("target_busy")).expect("a scenario");
    let cases = [
        ("486 Busy Here", "busy", "486"),
        ("603 Decline", "rejected", "603"),
        ("404 Not Found", "invalid", "404"),
        ("480 Temporarily Unavailable", "no_answer", "480"),
        ("503 Service Unavailable", "no_line", "480"),
    ];
    for (place, (status, result, told)) in cases.into_iter().enumerate() {
        let scenario = site.folder().join(result);
        std::fs::write(scenario.with_extension("xml"), busy.replace("486 Busy Here", status)).expect("the site's folder can be written");
        let carrier = play(&scenario, result, target).start(&site);
        assert_eq!(&refused(&mut phone, &uri)[..3], told, "{status}");
        carrier.verdict(LATER).unwrap_or_else(|fault| panic!("{status}: {fault}"));
        let call = site.settled(place + 1, SOON).remove(0);
        assert_eq!(call.end(), ("not_reached", "server"), "{status}: {call:?}");
        let listed = site.cli(&["call", "list", "--limit", "1"]);
        assert!(listed.to_string().contains(&format!("\"{result}\"")) && listed.to_string().contains("outbound"), "{status}: {listed}");
    }
    let mut other = register(&site, &server, ("8002", &internal), CITIZEN);
    assert_eq!(&refused(&mut other, &uri)[..3], "403", "its class is internal");
    assert_eq!(&refused(&mut other, &format!("sip:8009@{}", server.sip))[..3], "404");
    let reasons: Vec<String> = site.settled(cases.len() + 2, SOON).into_iter().take(2).map(|call| call.result().reason.clone()).collect();
    assert_eq!(reasons, ["unknown_number", "not_permitted"]);
    let status = Server::wait_status(&site, "nothing left", |status| status["phone_calls"] == 0);
    assert_eq!(status["counters"]["outbound"], Value::from(cases.len() + 2), "{status:#}");
}
