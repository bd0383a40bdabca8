//! Trunks from outside: sipp as a carrier whose first target has no room, whose second is silent, and whose third wants credentials;
//! a trunk that takes over from another, each with terms of its own; channel limits; the path of a call without calling.

use citizen::{Act, CallPlan, Deed, Ending, Outcome};
use e2e::baresip::{self, Baresip, PhoneSrtp};
use e2e::process::Running;
use e2e::site::prompt;
use e2e::sound::{assert_arrived, assert_mostly_arrived, read_mono, write_fine};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn free(ip: &str) -> SocketAddr {
    UdpSocket::bind((ip, 0)).and_then(|socket| socket.local_addr()).expect("a free loopback port")
}

/// A target of the trunk, played by sipp.
fn target(site: &Site, name: &str, address: SocketAddr) -> Running {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(format!("{name}.xml"));
    let mut command = Command::new("sipp");
    command.current_dir(site.folder()).arg("-sf").arg(scenario).args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
    command.args(["-nostdin", "-trace_err", "-trace_msg", "-message_file", &format!("{name}.messages")]);
    Running::start(name, &mut command, &site.folder().join(format!("{name}.log")))
}

#[test]
fn a_call_over_a_trunk_goes_on_after_503_and_silence_and_answers_a_challenge() {
    let site = Site::demo("trunks");
    let [refusing, silent, challenging] = ["127.0.0.21", "127.0.0.22", "127.0.0.23"].map(free);
    let secret = site.folder().join("keys/carrier.secret");
    std::fs::write(&secret, "kq3v-9d2m\n").expect("the site's folder can be written");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its own file");
    let trunk = format!(
        "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\nuser = \"hotline\"\nsecret_file = \"keys/carrier.secret\"\n\
         targets = [\"sip:{refusing} 1\", \"sip:{silent} 2\", \"sip:{challenging} 3\"]\noptions_seconds = 0\noutbound = [\"\"]\n\
         dialled_out = [\"1/11 -> +861\"]\nshown_number = \"051912345\"\n"
    );
    site.write_configuration(&(site.configuration() + &trunk));
    let _refusing = target(&site, "refusing-target", refusing);
    let _challenging = target(&site, "challenging-target", challenging);
    let _server = Server::start(&site);

    let words = site.cli_fails_with_json(&["trunk", "test", "carrier", "--dial", "13912345678"]);
    assert_eq!(words["passed"], false, "the silent target fails its part of the test: {words:#}");
    let answers: Vec<&Value> = words["targets"].as_array().expect("a list").iter().map(|target| &target["status"]).collect();
    assert_eq!(answers, [&Value::from(200), &Value::Null, &Value::from(200)], "{words:#}");
    let call = &words["call"];
    assert_eq!(call["answered"], true, "{words:#}");
    let tried: Vec<(&Value, &Value)> =
        call["attempts"].as_array().expect("a list").iter().map(|attempt| (&attempt["status"], &attempt["authenticated"])).collect();
    let (no, yes) = (Value::Bool(false), Value::Bool(true));
    assert_eq!(tried, [(&Value::from(503), &no), (&Value::Null, &no), (&Value::from(200), &yes)], "{words:#}");
}

/// Two trunks that agree in nothing: the first has no room, the second wants its own codecs, encryption, and keys by INFO.
#[test]
fn a_call_that_fails_over_is_offered_as_the_second_trunk_wants_it() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("failover");
    let refusing = free("127.0.0.24");
    let identity = ["tls/server.pem", "tls/server.key"].map(|file| site.folder().join(file));
    let speech = site.folder().join("citizen-fine.wav");
    write_fine(&speech, &read_mono(&prompt("citizen"))).expect("the site's folder can be written");
    let mut phone = Baresip::wait_over_tls(
        &site.folder().join("baresip"),
        &speech,
        ("opus/48000/2", PhoneSrtp::Required),
        [&identity[0], &identity[1]],
    );
    let secured = phone.address().port() + 1;
    site.configure("sip", "authorities", "\"tls/ca.pem\"");
    let trunks = format!(
        "\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"127.0.0.1:0\"\n\
         \n[[trunks]]\nid = 7\nname = \"full\"\nsources = []\ntargets = [\"sip:{refusing}\"]\noptions_seconds = 0\noutbound = [\"\"]\n\
         priority = 1\ncodecs = [\"PCMU\"]\nshown_number = \"051912345\"\n\
         \n[[trunks]]\nid = 8\nname = \"secured\"\nsources = []\ntargets = [\"sip:127.0.0.1:{secured};transport=tls\"]\noptions_seconds = 0\n\
         outbound = [\"\"]\npriority = 2\ncodecs = [\"Opus\", \"PCMA\"]\nkeys = \"info\"\nsrtp = \"required\"\nshown_number = \"051954321\"\n"
    );
    site.write_configuration(&(site.configuration() + &trunks));
    let _refusing = target(&site, "refusing-target", refusing);
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);

    agent.tell(&format!("dial {}", baresip::USER));
    phone.event("CALL_ESTABLISHED");
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.tell("press 5#");
    agent.talks_for(Duration::from_secs(6));
    agent.tell("hang_up");
    phone.event("CALL_CLOSED");

    let call = site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"));
    let first = std::fs::read_to_string(site.folder().join("refusing-target.messages")).expect("sipp's messages");
    assert!(first.contains("From: <sip:051912345@") && first.contains(" RTP/AVP 0 101") && !first.contains("opus"), "{first}");
    let trace = site.cli(&["call", "trace", &call.interaction.to_string(), "--full"]);
    let of_second = |message: &&Value| message["peer"].as_str().is_some_and(|peer| peer.starts_with("tls:"));
    let second: String = trace["messages"].as_array().expect("messages").iter().filter(of_second).map(Value::to_string).collect();
    assert!(second.contains("From: <sip:051954321@") && second.contains("RTP/SAVP") && second.contains("opus/48000"), "{second}");
    assert!(second.contains("INFO sip:") && !second.contains("telephone-event") && !second.contains("inline:"), "{second}");
    assert_mostly_arrived("the agent's voice at baresip", &read_mono(&prompt("agent")), &phone.heard());
    assert_mostly_arrived("baresip's voice at the agent", &read_mono(&prompt("citizen")), &agent.heard());
    let [left, _] = site.export(&call);
    assert_mostly_arrived("baresip in the recording", &read_mono(&prompt("citizen")), &left);
}

/// Encryption that is optional is offered, and done without where it is refused: two carriers, one of which cannot and one of which must.
#[test]
fn optional_encryption_is_offered_first_and_what_refuses_it_is_called_plainly() {
    assert!(baresip::is_installed(), "baresip is missing: apt-get install baresip-core");
    let site = Site::demo("optional-srtp");
    let identity = ["tls/server.pem", "tls/server.key"].map(|file| site.folder().join(file));
    let wait = |name: &str, srtp| {
        Baresip::wait_over_tls(&site.folder().join(name), &prompt("citizen"), ("PCMA", srtp), [&identity[0], &identity[1]])
    };
    let (mut plain, must) = (wait("plain", PhoneSrtp::Unknown), wait("must", PhoneSrtp::Required));
    site.configure("sip", "authorities", "\"tls/ca.pem\"");
    let trunk = |id: u32, name: &str, phone: &Baresip| {
        let port = phone.address().port() + 1;
        format!(
            "\n[[trunks]]\nid = {id}\nname = \"{name}\"\nsources = []\ntargets = [\"sip:127.0.0.1:{port};transport=tls\"]\npriority = {id}\n\
             options_seconds = 0\noutbound = [\"\"]\ncodecs = [\"PCMA\"]\nsrtp = \"optional\"\nshown_number = \"051912345\"\n"
        )
    };
    let listen = "\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"127.0.0.1:0\"\n";
    site.write_configuration(&(site.configuration() + listen + &trunk(7, "plain", &plain) + &trunk(8, "must", &must)));
    let server = Server::start(&site);
    let attempts = |trunk: &str| -> Vec<(Value, Value)> {
        let told = site.cli(&["trunk", "test", trunk, "--dial", baresip::USER]);
        let attempts = told["call"]["attempts"].as_array().expect("a list");
        attempts.iter().map(|attempt| (attempt["status"].clone(), attempt["encrypted"].clone())).collect()
    };
    assert_eq!(attempts("must"), [(200.into(), true.into())]);
    assert_eq!(attempts("plain"), [(488.into(), true.into()), (200.into(), false.into())]);
    plain.event("CALL_CLOSED");

    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    agent.state("ready", SOON);
    agent.tell(&format!("dial {}", baresip::USER));
    plain.event("CALL_ESTABLISHED");
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.talks_for(Duration::from_secs(6));
    agent.tell("hang_up");
    plain.event("CALL_CLOSED");
    let call = site.only_call();
    let trace = site.cli(&["call", "trace", &call.interaction.to_string(), "--full"]).to_string();
    assert!(trace.contains(" RTP/SAVP ") && trace.contains("SIP/2.0 488") && trace.contains(" RTP/AVP "), "{trace}");
    assert_arrived("the agent's voice at baresip", &read_mono(&prompt("agent")), &plain.heard());
    assert_arrived("baresip's voice at the agent", &read_mono(&prompt("citizen")), &agent.heard());
}

#[test]
fn a_trunk_takes_as_many_calls_as_it_has_channels_and_the_next_one_hears_busy_and_leaves_a_record() {
    let site = Site::demo("channels");
    site.configure("trunks", "max_in", "1");
    let server = Server::start(&site);
    let first = Caller::dial(CallPlan { ending: Ending::FarEnd, ..CallPlan::new(server.sip, "12345") });
    Server::wait_status(&site, "the first call", |status| status["calls"].as_array().is_some_and(|calls| calls.len() == 1));
    let second = Caller::dial(CallPlan { ending: Ending::HangUpAfter(Duration::from_secs(1)), ..CallPlan::new(server.sip, "12345") });
    let refused = second.report(SOON);
    assert_eq!((refused.outcome, refused.status), (Outcome::Refused, Some(486)), "{refused:?}");
    let list = site.cli(&["trunk", "list"]);
    assert_eq!((&list["trunks"][0]["calls_in"], &list["trunks"][0]["max_in"]), (&Value::from(1), &Value::from(1)), "{list:#}");
    let _ = first.hang_up(SOON);
    let calls = site.settled(2, LATER);
    assert_eq!(calls[0].end(), ("channel_limit", "server"), "{calls:#?}");
    let third = Caller::dial(CallPlan { ending: Ending::HangUpAfter(Duration::from_secs(1)), ..CallPlan::new(server.sip, "12345") });
    assert_eq!(third.report(SOON).outcome, Outcome::Answered, "the channel is free again");
}

#[test]
fn the_path_of_a_call_is_printed_from_the_configuration_alone() {
    let site = Site::demo("route");
    site.write_configuration(&(site.configuration()
        + "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = [\"192.0.2.7\"]\ncaller_in = [\"+86 -> 0\"]\ndialled_in = [\"051912345 -> 12345\"]\n\
           targets = [\"sip:192.0.2.7 1 1\"]\noutbound = [\"1/11\"]\ndialled_out = [\"1/11 -> +861\"]\n"));
    let inward = site.cli(&["route", "test", "+8651987210088", "051912345", "2026-11-24T09:00:00+08:00", "--trunk", "carrier"]);
    assert_eq!((&inward["path"]["end"], &inward["path"]["queue"]), (&Value::from("queue"), &Value::from(1)), "{inward:#}");
    assert_eq!(inward["path"]["steps"][0]["number"], "051987210088", "{inward:#}");
    let outward = site.cli(&["route", "test", "-", "13912345678", "now", "--class", "national"]);
    let last = outward["path"]["steps"].as_array().and_then(|steps| steps.last()).cloned().unwrap_or_default();
    assert_eq!((&last["uri"], &last["dialled"]), (&Value::from("sip:192.0.2.7"), &Value::from("+8613912345678")), "{outward:#}");
    let refused = site.cli(&["route", "test", "8001", "13912345678", "now", "--class", "internal"]);
    assert_eq!((&refused["path"]["end"], &refused["path"]["why"]), (&Value::from("refused"), &Value::from("not_allowed")), "{refused:#}");
    assert!(site.cli_fails(&["route", "test", "1", "2", "yesterday"]).contains("is no moment"));
}

#[test]
fn keys_by_info_do_what_keys_do_where_the_trunk_tells_them_so() {
    let site = Site::demo("keys-by-info");
    site.configure("trunks", "keys", "\"info\"");
    site.configure("queues", "keys", "[\"9 refuse\"]");
    let server = Server::start(&site);
    let acts = vec![Act { after: Duration::from_millis(300), deed: Deed::PressByInfo("59".to_owned()) }];
    let plan = CallPlan { acts, ending: Ending::FarEnd, ..CallPlan::new(server.sip, "12345") };
    let report = Caller::dial(plan).report(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    assert_eq!(site.only_call().end(), ("abandoned", "server"), "the key ends the wait");
}

#[test]
fn the_numbers_that_a_call_was_diverted_from_stand_in_its_record() {
    let site = Site::demo("diverted");
    let server = Server::start(&site);
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
    phone.set_read_timeout(Some(SOON)).expect("a limit");
    let own = phone.local_addr().expect("bound");
    let request = |method: &str, more: &str| {
        format!(
            "{method} sip:99999@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKd1;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:13912345678@127.0.0.1>;tag=1\r\nTo: <sip:99999@127.0.0.1>{more}Call-ID: diverted\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:{own}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let history = "\r\nHistory-Info: <sip:051912345@h?Reason=SIP%3Bcause%3D486>;index=1, <sip:99999@h;cause=486>;index=1.1\r\n";
    phone.send_to(request("INVITE", history).as_bytes(), server.sip).expect("loopback takes a packet");
    let mut buffer = [0; 4_096];
    let tag = loop {
        let length = phone.recv(&mut buffer).expect("a response in time");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with("SIP/2.0 404 ") {
            break text
                .lines()
                .find_map(|line| line.strip_prefix("To:")?.split_once(";tag="))
                .map(|(_, tag)| tag.to_owned())
                .expect("a tag");
        }
    };
    phone.send_to(request("ACK", &format!(";tag={tag}\r\n")).as_bytes(), server.sip).expect("loopback takes a packet");
    assert_eq!(site.only_call().end(), ("unknown_number", "server"));
    let shown = site.cli(&["call", "show", "1"]);
    assert_eq!(shown["diversions"], serde_json::json!([{"number": "051912345", "reason": "busy"}]), "{shown:#}");
}
