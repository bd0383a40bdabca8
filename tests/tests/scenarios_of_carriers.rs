//! What carriers and phones do, played by sipp against one server: every scenario of `tests/sipp` that needs nothing else, over UDP, and a
//! part of them over TCP, TLS and IPv6. Each must go as it is written, and nothing may be left of it in the end.

use e2e::sipp::{Play, TlsRelay, free};
use e2e::{LATER, Server, Site};
use serde_json::Value;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Longer than the longest scenario by far: a session that is not refreshed, 90 s.
const LIMIT: Duration = Duration::from_secs(120);
/// Scenarios at once; most of them wait most of the time.
const AT_ONCE: usize = 12;

/// Calls of a carrier that go on for long: they begin first.
const LONG: [&str; 6] =
    ["timer_lost_by_server", "timer_lost", "timer_by_server", "timer_by_server_reinvite", "silent_caller", "timer_by_caller"];
/// Calls of a carrier.
const SHORT: [&str; 36] = [
    "accept_unknown",
    "answered",
    "bye_before_ack",
    "bye_of_nothing",
    "cancel_of_nothing",
    "cancel_race",
    "cancel_too_late",
    "codec_mu_law",
    "codec_none",
    "compact_names",
    "description_broken",
    "extension_unknown",
    "hold_inactive",
    "hold_old",
    "hold_sendonly",
    "late_offer",
    "length_wrong",
    "method_unknown",
    "number_old",
    "number_unknown",
    "number_withheld",
    "options_in_call",
    "options_outside",
    "record_route",
    "refer_refused",
    "reinvite_late",
    "reinvite_moved",
    "reinvite_no_codec",
    "reliable_ringing",
    "tel_uri",
    "timer_too_short",
    "update_hold",
    "update_refresh",
    "phone_calls",
    "phone_registers",
    "phone_wrong_secret",
];
/// A race is played often, for either side to win.
const RACE: &str = "cancel_race";
/// Those that are played over every other transport, too.
const EVERYWHERE: [&str; 8] =
    ["answered", "late_offer", "hold_sendonly", "update_hold", "record_route", "cancel_race", "method_unknown", "timer_too_short"];

/// Calls of ours over a trunk: the scenario of its target, and the answers that the test of the trunk tells of.
const TARGETS: [(&str, &str, &[u64]); 10] = [
    ("target_early_media", "udp", &[200]),
    ("target_reliable", "udp", &[200]),
    ("target_reliable", "tcp", &[200]),
    ("target_proxy_challenge", "udp", &[200]),
    ("target_proxy_challenge", "tcp", &[200]),
    ("target_forks", "udp", &[200]),
    ("target_rings_on", "udp", &[]),
    ("target_answers_cancel", "udp", &[]),
    ("target_busy", "udp", &[486]),
    ("target_redirects", "udp", &[302]),
];
/// Those that belong to other tests, because they need more than a server.
const ELSEWHERE: [&str; 5] = ["agent_phone_answers", "agent_phone_busy", "carrier", "challenging-target", "refusing-target"];

/// A target of a trunk of its own.
#[derive(Debug, Clone, Copy)]
struct Target {
    scenario: &'static str,
    transport: &'static str,
    statuses: &'static [u64],
    own: SocketAddr,
}

impl Target {
    fn trunk(&self) -> String {
        format!("{}_{}", self.scenario, self.transport)
    }
}

/// One thing to play.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// A call that comes in from here over this transport to there.
    In {
        scenario: &'static str,
        transport: &'static str,
        from: IpAddr,
        to: SocketAddr,
    },
    /// A call of ours.
    Out(Target),
    Registrar(SocketAddr),
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn targets() -> Vec<Target> {
    let own = |place: usize| free(ip(&format!("127.0.0.{}", 41 + place)));
    let target = |(place, (scenario, transport, statuses))| Target { scenario, transport, statuses, own: own(place) };
    TARGETS.into_iter().enumerate().map(target).collect()
}

fn site(targets: &[Target], registrar: SocketAddr) -> Site {
    let site = Site::demo("scenarios");
    site.configure("phones", "networks", "[\"127.0.0.30\"]");
    let secret = site.folder().join("keys/carrier.secret");
    std::fs::write(&secret, "kq3v-9d2m\n").expect("the site's folder can be written");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its own file");
    let listeners = [("tcp", "127.0.0.1:0"), ("tls", "127.0.0.1:0"), ("udp", "[::1]:0")];
    let listeners = listeners.map(|(transport, at)| format!("\n[[sip_listen]]\ntransport = \"{transport}\"\nlisten = \"{at}\"\n"));
    let known = "user = \"hotline\"\nsecret_file = \"keys/carrier.secret\"\noptions_seconds = 0\n";
    let trunk = |(place, target): (usize, &Target)| {
        let (name, Target { own, transport, .. }) = (target.trunk(), target);
        format!(
            "\n[[trunks]]\nid = {}\nname = \"{name}\"\nsources = []\n{known}targets = [\"sip:{own};transport={transport}\"]\n",
            100 + place
        )
    };
    let more = format!(
        "\n[[trunks]]\nid = 90\nname = \"six\"\nsources = [\"::1\"]\n\n[[trunks]]\nid = 91\nname = \"registrar\"\nsources = []\n{known}\
         registrar = \"sip:{registrar}\"\nregister_seconds = 60\n"
    );
    let trunks: String = targets.iter().enumerate().map(trunk).collect();
    site.write_configuration(&(site.configuration() + &listeners.concat() + &more + &trunks));
    site
}

fn parts(site: &Site, server: &Server, targets: &[Target], registrar: SocketAddr) -> VecDeque<Part> {
    let local = ip("127.0.0.1");
    let over = |transport: &str| server.sip_over(transport).unwrap_or_else(|| panic!("the server does not listen over {transport}"));
    let six = server.sip_over_ipv6("udp").expect("the server listens on IPv6");
    let tls = TlsRelay::start(site, over("tls")).address;
    let come = |scenario, transport, from, to| Part::In { scenario, transport, from, to };
    let mut parts: VecDeque<Part> = [Part::Registrar(registrar)].into();
    parts.extend(LONG.map(|scenario| come(scenario, "udp", local, server.sip)));
    parts.extend(targets.iter().filter(|target| target.statuses.is_empty()).map(|target| Part::Out(*target)));
    parts.extend(SHORT.map(|scenario| come(scenario, "udp", if is_of_phone(scenario) { ip("127.0.0.30") } else { local }, server.sip)));
    for scenario in EVERYWHERE {
        let ways = [("tcp", local, over("tcp")), ("tls", local, tls), ("udp", ip("::1"), six)];
        parts.extend(ways.map(|(transport, from, to)| come(scenario, transport, from, to)));
    }
    parts.extend(targets.iter().filter(|target| !target.statuses.is_empty()).map(|target| Part::Out(*target)));
    parts
}

fn is_of_phone(scenario: &str) -> bool {
    scenario.starts_with("phone_")
}

fn play(site: &Site, part: Part, phone: [&str; 2]) -> Result<(), String> {
    let (play, target) = match part {
        Part::In { scenario, transport, from, to } => {
            let name = format!("{scenario}_{transport}_{}", if from.is_ipv6() { "6" } else { "4" });
            let calls = if scenario == RACE { 20 } else { 1 };
            let login = is_of_phone(scenario).then_some(if scenario == "phone_wrong_secret" { [phone[0], "wrong"] } else { phone });
            (Play { scenario, name, own: free(from), transport, to: Some(to), calls, login, strict: scenario != RACE }, None)
        }
        Part::Out(target) => {
            let Target { scenario, transport, own, .. } = target;
            // The OPTIONS of the test is a call to sipp, and so is the INVITE.
            (Play { scenario, name: target.trunk(), own, transport, to: None, calls: 2, login: None, strict: true }, Some(target))
        }
        Part::Registrar(own) => {
            let name = "registrar".to_owned();
            (Play { scenario: "registrar", name, own, transport: "udp", to: None, calls: 1, login: None, strict: true }, None)
        }
    };
    let sipp = play.start(site);
    let told = target.map_or(Ok(()), |target| call_over(site, &target));
    let verdict = sipp.verdict(LIMIT);
    told.and(verdict).map_err(|why| format!("{}: {why}", play.name))
}

/// Lets the server call over the trunk of this target and compares what it tells with what the target does.
fn call_over(site: &Site, target: &Target) -> Result<(), String> {
    let words = site.cli_any(&["trunk", "test", &target.trunk(), "--dial", "13912345678"]);
    let attempts = words["call"]["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let statuses: Vec<u64> = attempts.iter().filter_map(|attempt| attempt["status"].as_u64()).collect();
    let is_answered = words["call"]["answered"] == true;
    let as_wanted = attempts.len() == 1 && statuses == target.statuses && is_answered == (statuses == [200]);
    if as_wanted { Ok(()) } else { Err(format!("the test of the trunk tells: {words:#}")) }
}

/// Waits until SIP and the hotline hold nothing any more.
fn assert_nothing_is_left(site: &Site) {
    let held = |status: &Value| {
        let sip = &status["sip"];
        [&sip["open_calls"], &sip["open_transactions"], &sip["lost_commands"], &sip["overloaded"]].map(|count| count.as_u64())
    };
    let status = Server::wait_status(site, "that SIP is empty again", |status| held(status) == [Some(0); 4]);
    assert_eq!(status["calls"].as_array().map(Vec::len), Some(0), "{status:#}");
    let count = site.calls().len();
    assert!(count > SHORT.len(), "{count} calls on record");
    let _ = site.settled(count, LATER);
}

#[test]
fn every_scenario_goes_as_written_and_leaves_nothing() {
    let (targets, registrar) = (targets(), free(ip("127.0.0.40")));
    let site = site(&targets, registrar);
    let phone = site.cli(&["phone", "add", "8001", "--name", "值班室", "--class", "internal"]);
    let phone = ["8001", phone["secret"].as_str().expect("a secret")];
    let server = Server::start(&site);
    let parts = Mutex::new(parts(&site, &server, &targets, registrar));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(part) = { parts.lock().expect("no panic").pop_front() } {
                    let begun = Instant::now();
                    if let Err(why) = play(&site, part, phone) {
                        failures.lock().expect("no panic").push(format!("after {:?}: {why}", begun.elapsed()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "{} scenarios did not go as written:\n{}", failures.len(), failures.join("\n\n"));
    assert_nothing_is_left(&site);
}

#[test]
fn no_scenario_lies_about_unplayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp");
    let played: Vec<&str> = LONG.into_iter().chain(SHORT).chain(TARGETS.map(|(name, _, _)| name)).chain(ELSEWHERE).collect();
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios") {
        let name = entry.expect("a file").file_name().to_string_lossy().trim_end_matches(".xml").to_owned();
        assert!(played.contains(&name.as_str()) || name == "registrar", "{name} is played by no test");
    }
}
