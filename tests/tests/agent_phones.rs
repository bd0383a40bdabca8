//! Agents who speak by a phone 座席电话, with real sound: baresip as a registered phone, sipp as a duty phone at a fixed place. Each leg says a
//! tone of its own.

use citizen::{CallPlan, Speech};
use e2e::baresip::{self, Baresip};
use e2e::sipp::{self, Play};
use e2e::tones::{AGENT, CITIZEN, COLLEAGUE, EXPERT, heard, story, tone, wav};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

/// Where the phones of the house are: baresip sends voice from there, wherever it is told to be.
const HOUSE: &str = "127.0.0.1";
/// How long each state of a call is kept.
const WHILE: Duration = Duration::from_millis(1_500);

struct Stage {
    site: Site,
    server: Server,
    phone: Baresip,
}

impl Stage {
    /// The first agent has the phone 8001, which is registered and says its own tone.
    fn new(name: &str, expert: Option<&Baresip>) -> Self {
        assert!(baresip::is_installed(), "baresip is missing; `cargo xtask test` installs it");
        let site = Site::demo(name);
        site.configure("queues", "wrap_up_seconds", "0");
        site.configure("phones", "networks", &format!("[\"{HOUSE}\"]"));
        if let Some(expert) = expert {
            let trunk = format!(
                "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\ntargets = [\"sip:{} 1\"]\noptions_seconds = 0\noutbound = [\"\"]\n",
                expert.address()
            );
            site.write_configuration(&(site.configuration() + &trunk));
        }
        let told = site.cli(&["phone", "add", "8001", "--name", "座席", "--class", "internal"]);
        let secret = told["secret"].as_str().expect("a secret is told").to_owned();
        let _ = site.cli(&["agent", "edit", &site.agents[0].number, "--phone", "8001"]);
        let server = Server::start(&site);
        let voice = wav(site.folder(), "phone", AGENT);
        let own: IpAddr = HOUSE.parse().expect("an address");
        let phone = Baresip::register(&site.folder().join("baresip"), own, server.sip, ("8001", &secret), &voice);
        site.wait_for_phone("8001");
        Self { site, server, phone }
    }

    fn agent(&self, more: &[&str]) -> Headless {
        let voice = wav(self.site.folder(), "headset", COLLEAGUE);
        let (gateway, who) = (self.server.gateway, &self.site.agents[0]);
        let mut agent = Headless::start_speaking(&self.site, gateway, who, HeadlessPlan::READY, &voice, more);
        agent.state("ready", SOON);
        agent
    }

    fn citizen(&self) -> Caller {
        Caller::dial(CallPlan { speech: Speech::Looped(tone(CITIZEN).into()), ..CallPlan::new(self.server.sip, "12345") })
    }
}

/// Waits until the agent's phone does this, as the desk shows it.
fn line(agent: &mut Headless, line: &str) {
    agent.event_where("device", SOON, |value| value["line"] == line);
}

#[test]
fn an_agent_answers_on_a_registered_phone_and_holds_by_the_desktop() {
    let mut stage = Stage::new("agent-phone", None);
    let mut agent = stage.agent(&["--voice", "phone"]);
    let citizen = stage.citizen();
    stage.phone.event("CALL_INCOMING");
    line(&mut agent, "ringing");
    stage.phone.answer();
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell("hold");
    agent.state("holding", SOON);
    agent.talks_for(WHILE);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    agent.talks_for(WHILE);
    stage.phone.hang_up();
    let report = citizen.report(LATER);
    agent.state("ready", SOON);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"), "{call:?}");
    assert_eq!(story(&report.heard), [vec![AGENT]], "{:?}", heard(&report.heard));
    assert_eq!(story(&stage.phone.heard()), [vec![CITIZEN]]);
    assert!(story(&agent.heard()).is_empty(), "the headset hears nothing");
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![CITIZEN]], vec![vec![AGENT]]));
    let recorded = call.recording.as_ref().and_then(|recording| recording.length_ms).unwrap_or_default();
    assert!(recorded + 1_500 > report.talk_ms.unwrap_or_default(), "recorded from the answer to the end: {call:?}");
}

#[test]
fn the_phone_takes_over_in_mid_call_and_the_citizen_stays() {
    let mut stage = Stage::new("agent-phone-fallback", None);
    let mut agent = stage.agent(&[]);
    let citizen = stage.citizen();
    agent.event("ringing", SOON);
    agent.tell("answer");
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell("voice phone");
    stage.phone.event("CALL_INCOMING");
    agent.talks_for(WHILE);
    stage.phone.answer();
    line(&mut agent, "off_hook");
    agent.talks_for(WHILE);
    agent.tell("voice headset");
    line(&mut agent, "on_hook");
    agent.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    agent.event("call_ended", SOON);
    let call = stage.site.only_call();
    assert_eq!((call.end(), call.segments.len()), (("caller_hung_up", "caller"), 1), "{call:?}");
    assert_eq!(story(&report.heard), [vec![COLLEAGUE], vec![AGENT], vec![COLLEAGUE]], "{:?}", heard(&report.heard));
    assert_eq!(story(&stage.phone.heard()), [vec![CITIZEN]]);
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![CITIZEN]], vec![vec![COLLEAGUE], vec![AGENT], vec![COLLEAGUE]]));
}

#[test]
fn an_agent_dials_and_the_own_phone_rings_first() {
    assert!(baresip::is_installed(), "baresip is missing; `cargo xtask test` installs it");
    let folder = std::env::temp_dir().join(format!("hotline-phone-expert-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the expert");
    let expert = Baresip::wait(&folder, &wav(&folder, "expert", EXPERT), "PCMA");
    let mut stage = Stage::new("agent-phone-dial", Some(&expert));
    let mut agent = stage.agent(&["--voice", "phone"]);
    agent.tell(&format!("dial {}", baresip::USER));
    agent.state("outbound", SOON);
    stage.phone.event("CALL_INCOMING");
    assert_eq!(stage.site.calls().len(), 1);
    stage.phone.answer();
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.talks_for(WHILE);
    agent.tell("hang_up");
    stage.phone.event("CALL_CLOSED");
    agent.state("ready", SOON);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"), "{call:?}");
    assert_eq!(story(&stage.phone.heard()), [vec![EXPERT]]);
    assert_eq!(story(&expert.heard()), [vec![AGENT]]);
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![EXPERT]], vec![vec![AGENT]]));
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_phone_that_refuses_leaves_the_citizen_in_the_line_and_the_agent_told() {
    let mut stage = Stage::new("agent-phone-refuses", None);
    let mut agent = stage.agent(&["--voice", "phone"]);
    let citizen = stage.citizen();
    stage.phone.event("CALL_INCOMING");
    stage.phone.hang_up();
    agent.state_because("not_ready", "no_answer", SOON);
    agent.tell("voice headset");
    agent.go_ready();
    agent.tell("answer");
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    assert_eq!(story(&report.heard), [vec![COLLEAGUE]], "{:?}", heard(&report.heard));
    assert_eq!(stage.site.only_call().end(), ("caller_hung_up", "caller"));
}

/// A site with a duty phone, played by sipp at a fixed place.
fn duty(name: &str, rest_seconds: &str) -> (Site, std::net::SocketAddr) {
    let site = Site::demo(name);
    let own = sipp::free("127.0.0.31".parse().expect("an address"));
    let block = format!(
        "\n[[phone_agents]]\nnumber = \"7001\"\ncontact = \"sip:{{number}}@{own}\"\nqueues = [\"1\"]\nrest_seconds = {rest_seconds}\n"
    );
    site.write_configuration(&(site.configuration() + &block));
    (site, own)
}

fn play(scenario: &str, own: std::net::SocketAddr) -> Play<'_> {
    Play { scenario, name: scenario.to_owned(), own, transport: "udp", to: None, calls: 1, login: None, strict: true }
}

#[test]
fn a_duty_phone_without_a_desktop_serves_the_night() {
    let (site, own) = duty("duty-phone", "30");
    let phone = play("agent_phone_answers", own).start(&site);
    let server = Server::start(&site);
    let speech = Speech::Looped(tone(CITIZEN).into());
    let citizen = Caller::dial(CallPlan { speech, ..CallPlan::new(server.sip, "12345") });
    phone.verdict(LATER).unwrap_or_else(|fault| panic!("{fault}"));
    let report = citizen.report(LATER);
    assert_eq!(story(&report.heard), [vec![CITIZEN]], "the phone says back what it hears: {:?}", heard(&report.heard));
    let call = site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"), "{call:?}");
    assert_eq!(call.segments[0].agent_number.as_deref(), Some("7001"), "{call:?}");
    let [left, right] = site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![CITIZEN]], vec![vec![CITIZEN]]));
    let listed = site.cli(&["agent", "list"]).to_string();
    assert!(!listed.contains("7001"), "a phone is nobody of the staff: {listed}");
}

#[test]
fn a_busy_duty_phone_rests_and_is_tried_again() {
    let (site, own) = duty("duty-phone-busy", "0.2");
    let phone = Play { calls: 2, ..play("agent_phone_busy", own) }.start(&site);
    let server = Server::start(&site);
    let citizen = Caller::dial(CallPlan::new(server.sip, "12345"));
    phone.verdict(LATER).unwrap_or_else(|fault| panic!("{fault}"));
    let status = Server::wait_status(&site, "the citizen in the line", |status| status["calls"][0]["phase"] == "waiting");
    assert_ne!(status["agents"][0]["number"], Value::Null, "{status:#}");
    let _ = citizen.hang_up(LATER);
    assert_eq!(site.only_call().end(), ("abandoned", "caller"));
}
