//! What goes wrong at the site or comes in wrong: each is said clearly, and the site runs afterwards.

use citizen::{CallPlan, Ending, Outcome};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

/// The site answers a call.
fn assert_runs(site: &Site) {
    assert_answers(&Server::start(site));
}

fn assert_answers(server: &Server) {
    let ending = Ending::HangUpAfter(Duration::from_millis(200));
    let report = Caller::dial(CallPlan { ending, ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Answered, Some(200)));
}

#[test]
fn a_busy_sip_port_is_named() {
    let site = Site::demo("busy_sip");
    let busy = UdpSocket::bind("127.0.0.1:0").and_then(|socket| Ok((socket.local_addr()?, socket))).expect("a loopback port");
    site.configure("sip", "listen", &format!("{:?}", busy.0.to_string()));
    let words = Server::refuses(&site);
    assert!(words.contains(&busy.0.to_string()), "the address is not named: {words}");
    drop(busy);
    assert_runs(&site);
}

#[test]
fn a_busy_gateway_port_is_named() {
    let site = Site::demo("busy_gateway");
    let busy = TcpListener::bind("127.0.0.1:0").and_then(|socket| Ok((socket.local_addr()?, socket))).expect("a loopback port");
    site.configure("gateway", "listen", &format!("{:?}", busy.0.to_string()));
    let words = Server::refuses(&site);
    assert!(words.contains(&busy.0.to_string()), "the address is not named: {words}");
    drop(busy);
    assert_runs(&site);
}

#[test]
fn a_recordings_folder_that_cannot_be_written_is_named() {
    let site = Site::demo("no_folder");
    let folder = site.folder().join("recordings");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::write(&folder, "a file where the folder should be").expect("the site's folder can be written");
    let words = Server::refuses(&site);
    assert!(words.contains("recordings"), "the folder is not named: {words}");
    std::fs::remove_file(&folder).expect("it was just written");
    assert_runs(&site);
}

#[test]
fn a_broken_configuration_is_told_with_all_its_faults_and_their_lines() {
    let site = Site::demo("broken_config");
    let whole = site.configuration();
    let broken = format!("{whole}\n[[numbers]]\nnumber = \"12a\"\nqueue = 99\n\n[[queues]]\nid = 7\nname = \"x\"\nring_secs = 3\n");
    site.write_configuration(&broken);
    let words = Server::refuses(&site);
    for fault in ["12a", "99", "ring_secs"] {
        let line = broken.lines().count() - broken.lines().rev().position(|line| line.contains(fault)).expect("it was just written");
        assert!(words.contains(&format!(":{line}:")) && words.contains(fault), "fault {fault} in line {line} is not told: {words}");
    }
    site.write_configuration(&format!("{whole}\nthis is no TOML\n"));
    let line = whole.lines().count() + 2;
    let words = Server::refuses(&site);
    assert!(words.contains(&format!(":{line}:")), "line {line} is not told: {words}");
    site.write_configuration(&whole);
    assert_runs(&site);
}

#[test]
fn a_wrong_password_and_an_unknown_agent_are_refused_in_the_same_words() {
    let site = Site::demo("sign_in");
    let server = Server::start(&site);
    let known = &site.agents[0];
    let unknown = e2e::Agent { number: "987654".into(), ..known.clone() };
    let [mut wrong, mut nobody] =
        [known, &unknown].map(|agent| Headless::start(&site, server.gateway, agent, "wrong password", HeadlessPlan::default()));
    let (first, second) = (wrong.event("problem", SOON), nobody.event("problem", SOON));
    assert_eq!(first, second, "the answers tell which numbers exist");
    drop((wrong, nobody));
    let _agent = Headless::sign_in(&site, &server, known, HeadlessPlan::default());
    assert_answers(&server);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let site = Site::demo("second");
    let first = Server::start(&site);
    let words = Server::refuses(&site);
    assert!(words.contains("already") || words.contains("running"), "it is not said that another one runs: {words}");
    assert_answers(&first);
}

#[test]
fn a_source_that_is_no_trunk_is_refused_and_others_are_still_served() {
    let site = Site::demo("stranger");
    let server = Server::start(&site);
    let stranger = "127.0.0.9".parse().expect("an address");
    let report = Caller::dial(CallPlan { bind: stranger, ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(403)));
    assert_answers(&server);
}

#[test]
fn an_unknown_number_is_not_found() {
    let site = Site::demo("unknown_number");
    let server = Server::start(&site);
    let report = Caller::dial(CallPlan::new(server.sip, "99999")).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(404)));
    assert_answers(&server);
}

#[test]
fn malformed_packets_are_counted_and_do_no_harm() {
    let site = Site::demo("malformed");
    let server = Server::start(&site);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
    for packet in [&b"INVITE garbage"[..], b"\xff\x00\xfe", b"INVITE sip:1@x SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n"] {
        socket.send_to(packet, server.sip).expect("sent");
    }
    Server::wait_status(&site, "three malformed packets", |status| status["sip"]["malformed"] == 3);
    assert_answers(&server);
}
