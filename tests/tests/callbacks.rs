//! 排队回呼 with real sound: the citizen gives up the line by two keys, the phone rings when an agent takes the callback, and both hear each
//! other. The citizen's phone is baresip behind a trunk.

use citizen::{Act, CallPlan, Deed, EndedBy, Outcome};
use e2e::baresip::{self, Baresip};
use e2e::sound::{piece, place};
use e2e::tones::{AGENT, EXPERT, story, wav};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long the talk is kept.
const WHILE: Duration = Duration::from_millis(1_500);

/// The phone at which the citizen is called back; none if baresip is not installed.
fn phone(name: &str) -> Option<Baresip> {
    if !baresip::is_installed() {
        eprintln!("baresip is not installed: nothing was tested");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("hotline-callback-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the phone");
    let speech = wav(&folder, "citizen", EXPERT);
    Some(Baresip::wait(&folder, &speech, "PCMA"))
}

/// A site that calls back over a trunk at `carrier`.
fn site(name: &str, carrier: &str, keys: &[(&str, &str)]) -> Site {
    let site = Site::demo(name);
    let own = [("wrap_up_seconds", "0"), ("keys", "[\"9 callback\"]"), ("callback_hours", "\"00:00-24:00\"")];
    for (key, value) in own.iter().chain(keys) {
        site.configure("queues", key, value);
    }
    let trunk = format!(
        "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\ntargets = [\"sip:{carrier} 1\"]\noptions_seconds = 0\noutbound = [\"\"]\n\
         shown_number = \"12345\"\n"
    );
    site.write_configuration(&(site.configuration() + &trunk));
    site
}

/// Calls from the number of the phone, asks to be called back there and waits to be hung up.
fn ask(server: &Server) -> Vec<i16> {
    let press = |after_ms, key: &str| Act { after: Duration::from_millis(after_ms), deed: Deed::Press(key.into()) };
    let acts = vec![press(1_000, "9"), press(9_000, "1")];
    let plan = CallPlan { acts, from: Some(baresip::USER.to_owned()), ..CallPlan::new(server.sip, "12345") };
    let report = Caller::dial(plan).report(LATER);
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(EndedBy::FarEnd)), "{report:?}");
    report.heard
}

fn callbacks(site: &Site, which: &[&str]) -> Vec<Value> {
    let told = site.cli(&[&["callback", "list"], which].concat());
    told["callbacks"].as_array().unwrap_or_else(|| panic!("no callbacks: {told}")).clone()
}

/// Waits until the only callback of the site stands so.
fn only(site: &Site, state: &str) -> Value {
    let until = Instant::now() + SOON;
    loop {
        let all = callbacks(site, &["--all"]);
        if all.len() == 1 && all[0]["state"] == state {
            return all[0].clone();
        }
        assert!(Instant::now() < until, "the callback never was {state}: {all:?}");
    }
}

#[test]
fn a_citizen_who_gives_up_the_line_is_called_back_and_both_hear_each_other() {
    let Some(phone) = phone("sound") else { return };
    let site = site("callback", &phone.address().to_string(), &[]);
    let server = Server::start(&site);
    let heard = ask(&server);
    let question: Vec<i16> = ["callback_own", "yao", "n3", "n8", "n0", "n0"].iter().flat_map(|name| piece(&format!("zh.{name}"))).collect();
    let (asked, told) = (place(&question, &heard), place(&piece("zh.callback_promised"), &heard));
    println!("asked at {asked:?} ms, told at {told:?} ms");
    assert!(asked.is_some_and(|at| at < 3_000) && told.is_some_and(|at| at > 8_500), "asked at {asked:?}, told at {told:?}");
    // The callback has a record of its own that runs.
    let promised = site.calls().into_iter().find(|call| call.result.is_some()).expect("the call that asked is over");
    assert_eq!((promised.end(), promised.result().answered_by_agent), (("callback_promised", "server"), false), "{promised:?}");
    let open = only(&site, "open");
    assert_eq!((&open["callback"], &open["attempts"]), (&promised.interaction.into(), &0.into()), "{open}");
    assert_eq!(site.cli(&["queue", "list"])["queues"][0]["callbacks"], 1);

    let voice = wav(site.folder(), "agent", AGENT);
    let mut agent = Headless::start_speaking(&site, server.gateway, &site.agents[0], HeadlessPlan::WILLING, &voice, &[]);
    let _ = agent.event_where("call", SOON, |value| value["phase"] == "dialling" && value["talk"]["callback"]["attempt"] == 1);
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.talks_for(WHILE);
    agent.tell("hang_up");
    agent.state("ready", SOON);
    let reached = only(&site, "reached");
    let call = site.settled(2, LATER).into_iter().find(|call| Some(call.interaction) == reached["reached_in"].as_u64()).expect("on record");
    assert_eq!((call.end(), call.segments.len()), (("agent_hung_up", "agent"), 1), "{call:?}");
    assert_eq!(story(&agent.heard()), [vec![EXPERT]]);
    assert_eq!(story(&phone.heard()), [vec![AGENT]]);
    let [left, right] = site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![EXPERT]], vec![vec![AGENT]]), "recorded on both sides");
    let why = site.cli(&["explain", &call.interaction.to_string()]).to_string();
    assert!(why.contains(&format!("attempt 1 to call back, as promised in call {}", promised.interaction)), "{why}");
}

#[test]
fn a_callback_outlives_a_server_that_is_killed() {
    let Some(phone) = phone("crash") else { return };
    let site = site("callback_crash", &phone.address().to_string(), &[]);
    let server = Server::start(&site);
    let _ = ask(&server);
    let open = only(&site, "open");
    server.kill();
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    let reached = only(&site, "reached");
    assert_eq!((&reached["callback"], &reached["entered"]), (&open["callback"], &open["entered"]), "the same one, in the same place");
    agent.tell("hang_up");
    agent.state("ready", SOON);
}

#[test]
fn who_is_not_reached_is_left_to_people_and_what_is_taken_back_rings_nobody() {
    // Nobody answers there.
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let carrier = deaf.local_addr().expect("a bound socket").to_string();
    let keys = [("callback_attempts", "1"), ("callback_ring_seconds", "5")];
    let site = site("callback_missed", &carrier, &keys);
    let server = Server::start(&site);
    let _ = ask(&server);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    agent.go_ready();
    agent.state("outbound", SOON);
    agent.state("ready", LATER);
    let missed = only(&site, "missed");
    assert_eq!((&missed["attempts"], &missed["last_result"]), (&1.into(), &"no_answer".into()), "{missed}");
    let call = missed["callback"].to_string();
    assert_eq!(callbacks(&site, &["--missed"]).len(), 1);
    assert!(site.cli_fails(&["callback", "cancel", &call, "--by", "1001"]).contains("no_such_callback"), "it is open no more");
    let _ = site.cli(&["callback", "settle", &call, "--by", "1001"]);
    assert_eq!(callbacks(&site, &["--missed"]).len(), 0);

    agent.tell("not_ready break");
    agent.state("not_ready", SOON);
    let _ = ask(&server);
    let open = callbacks(&site, &[]);
    assert_eq!(open.len(), 1, "{open:?}");
    let _ = site.cli(&["callback", "cancel", &open[0]["callback"].to_string(), "--by", "1001"]);
    Server::wait_status(&site, "no callback", |status| status["queues"][0]["callbacks"] == 0);
    agent.go_ready();
    assert!(agent.event_within("ringing", WHILE).is_none(), "what was taken back rings nobody");
}
