//! 外拨 over a trunk whose target sipp and baresip play: each result is told to the agent and on record, the caller's number is the trunk's, a
//! class is kept to, and what rings or refuses without a sound of its own is heard by tones of ours.

use e2e::baresip::{self, Baresip};
use e2e::sipp::{self, Play, free};
use e2e::tones::{AGENT, CITIZEN, EXPERT, heard, story, wav};
use e2e::{Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// 450 Hz is found where 440 Hz is looked for, and no citizen speaks here.
const TONE: f64 = CITIZEN;

fn site(name: &str, target: SocketAddr) -> Site {
    let site = Site::demo(name);
    site.configure("queues", "wrap_up_seconds", "0");
    let trunk = format!(
        "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\ntargets = [\"sip:{target} 1\"]\noptions_seconds = 0\noutbound = [\"\"]\n\
         shown_number = \"12345\"\n"
    );
    site.write_configuration(&(site.configuration() + &trunk));
    site
}

fn agent(site: &Site, server: &Server) -> Headless {
    let voice = wav(site.folder(), "agent", AGENT);
    let mut agent = Headless::start_speaking(site, server.gateway, &site.agents[0], HeadlessPlan::READY, &voice, &[]);
    agent.state("ready", SOON);
    agent
}

#[test]
fn each_result_of_a_call_out_is_told_and_on_record() {
    let target = free(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let site = site("outbound-results", target);
    let server = Server::start(&site);
    let mut agent = agent(&site, &server);
    let busy = std::fs::read_to_string(sipp::scenario("target_busy")).expect("a scenario");
    let cases = [
        ("486 Busy Here", "busy"),
        ("603 Decline", "rejected"),
        ("404 Not Found", "invalid"),
        ("480 Temporarily Unavailable", "no_answer"),
        ("503 Service Unavailable", "no_line"),
    ];
    for (place, (status, result)) in cases.into_iter().enumerate() {
        let file = site.folder().join(result);
        std::fs::write(file.with_extension("xml"), busy.replace("486 Busy Here", status)).expect("the site's folder can be written");
        let (scenario, name) = (file.display().to_string(), result.to_owned());
        let play = Play { scenario: &scenario, name, own: target, transport: "udp", to: None, calls: 1, login: None, strict: true };
        let carrier = play.start(&site);
        agent.tell("dial 13800138000");
        agent.event_where("notice", LATER, |value| value["notice"]["call"]["result"] == result);
        carrier.verdict(LATER).unwrap_or_else(|fault| panic!("{status}: {fault}"));
        let call = site.settled(place + 1, SOON).remove(0);
        assert_eq!((call.end(), call.segments.len()), (("not_reached", "caller"), 0), "{status}: {call:?}");
        let listed = site.cli(&["call", "list", "--limit", "1"]).to_string();
        assert!(listed.contains(&format!("\"{result}\"")), "{status}: {listed}");
        let said = std::fs::read_to_string(site.folder().join(format!("{result}.messages"))).expect("sipp's messages");
        assert!(said.contains("From: <sip:12345@"), "the trunk shows its own number: {said}");
    }
    let _ = agent.event_within("never", Duration::from_secs(1));
    let told = story(&agent.heard());
    assert_eq!(told, [vec![TONE]], "the busy tone and nothing else");
}

#[test]
fn what_a_class_does_not_allow_is_refused_before_anything_is_sent() {
    let site = site("outbound-class", free(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let _ = site.cli(&["agent", "edit", &site.agents[0].number, "--dials", "local"]);
    let server = Server::start(&site);
    let mut agent = agent(&site, &server);
    agent.tell("dial 13800138000");
    agent.event_where("refused", SOON, |value| value["reason"] == "may_not_dial");
    assert!(site.calls().is_empty());
}

#[test]
fn a_call_out_that_rings_silently_is_heard_ringing_until_it_is_answered() {
    assert!(baresip::is_installed(), "baresip is missing; `cargo xtask test` installs it");
    let folder = std::env::temp_dir().join(format!("hotline-ringing-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the phone");
    let mut phone = Baresip::lie_in_wait(&folder, &wav(&folder, "expert", EXPERT));
    let site = site("outbound-ringback", phone.address());
    let server = Server::start(&site);
    let mut agent = agent(&site, &server);
    agent.tell(&format!("dial {}", baresip::USER));
    phone.event("CALL_INCOMING");
    // A tone of a second, four seconds of silence, and the tone again.
    let _ = agent.event_within("never", Duration::from_secs(6));
    phone.answer();
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    let _ = agent.event_within("never", Duration::from_millis(1_500));
    agent.tell("hang_up");
    agent.state("ready", SOON);
    let samples = agent.heard();
    assert_eq!(story(&samples), [vec![TONE], vec![EXPERT]], "{:?}", heard(&samples));
    let beats: Vec<u64> = heard(&samples).iter().filter(|(tones, _)| *tones == [TONE]).map(|(_, length)| *length).collect();
    assert!(beats.len() >= 2 && (900..=1_100).contains(&beats[0]), "beats of a second: {:?}", heard(&samples));
    assert_eq!(story(&phone.heard()), [vec![AGENT]]);
    assert_eq!(site.only_call().end(), ("agent_hung_up", "agent"));
    let _ = std::fs::remove_dir_all(folder);
}
