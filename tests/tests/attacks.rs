//! Hostile and broken SIP peers: each costs itself, and the next citizen is served. What they cost in time and memory is measured by
//! `load attack`.

use citizen::{CallPlan, Ending, Outcome};
use e2e::{Caller, LATER, Server, Site};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// The trunk of the demo's site, and addresses that are no trunk.
const TRUNK: &str = "127.0.0.1";
const STRANGERS: [&str; 3] = ["127.0.0.9", "127.0.0.10", "127.0.0.11"];

/// A demo site that listens over TCP and TLS, too.
fn site(name: &str) -> Site {
    let site = Site::demo(name);
    let more = ["tcp", "tls"].map(|transport| format!("\n[[sip_listen]]\ntransport = \"{transport}\"\nlisten = \"127.0.0.1:0\"\n"));
    site.write_configuration(&(site.configuration() + &more.concat()));
    site
}

fn over(server: &Server, transport: &str) -> SocketAddr {
    server.sip_over(transport).unwrap_or_else(|| panic!("the server does not listen over {transport}"))
}

/// A citizen calls and is answered.
fn assert_answers(server: &Server) {
    let ending = Ending::HangUpAfter(Duration::from_millis(200));
    let report = Caller::dial(CallPlan { ending, ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Answered, Some(200)));
}

fn connection(from: &str, to: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let from: IpAddr = from.parse().expect("an address");
    bind(&socket, &SocketAddr::new(from, 0)).expect("a loopback address");
    connect(&socket, &to).expect("the kernel accepts");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LATER)).expect("a timeout");
    stream
}

/// A whole request; `id` stands in its branch and Call-ID, `who` in front of its From tag.
fn request(method: &str, from: SocketAddr, transport: &str, id: &str, who: &str, more: &str, body: &str) -> String {
    format!(
        "{method} sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
         From: {who};tag={id}\r\nTo: <sip:12345@127.0.0.1>\r\nCall-ID: {id}@{from}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:x@{from}>\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const SOMEBODY: &str = "<sip:13912345678@127.0.0.1>";

fn offer(rtp: SocketAddr) -> String {
    let (ip, port) = (rtp.ip(), rtp.port());
    format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
}

#[test]
fn scanners_are_refused_then_ignored_listed_and_forgiven_on_command() {
    let site = site("scanners");
    let server = Server::start(&site);
    for (place, source) in STRANGERS.into_iter().enumerate() {
        let socket = UdpSocket::bind((source, 0)).expect("a loopback address");
        let from = socket.local_addr().expect("bound");
        // The first says what it is; the others only go on asking.
        let agent = if place == 0 { "User-Agent: friendly-scanner\r\n" } else { "User-Agent: phone\r\n" };
        for number in 0..100 {
            let text = request("REGISTER", from, "UDP", &format!("scan{number}"), SOMEBODY, agent, "");
            socket.send_to(text.as_bytes(), server.sip).expect("sent");
        }
        socket.set_read_timeout(Some(LATER)).expect("a timeout");
        if place > 0 {
            let mut answer = [0; 2_048];
            let length = socket.recv(&mut answer).expect("the first requests are refused");
            let sent = request("REGISTER", from, "UDP", "scan0", SOMEBODY, agent, "").len();
            assert!(answer.starts_with(b"SIP/2.0 403 ") && length <= sent, "{length} bytes for {sent}");
        }
    }
    Server::wait_status(&site, "three hundred requests", |status| status["sip"]["received"].as_u64() >= Some(300));
    let banned = site.cli(&["sip", "banned"]);
    let listed = banned["banned"].as_array().expect("a list").iter().map(|one| (one["source"].clone(), one["offence"].clone()));
    assert_eq!(
        listed.collect::<Vec<_>>(),
        [("127.0.0.9".into(), "scanner".into()), ("127.0.0.10".into(), "insistence".into()), ("127.0.0.11".into(), "insistence".into())]
    );
    assert_answers(&server);
    assert_eq!(site.cli(&["sip", "unban", STRANGERS[0]])["unbanned"], true);
    assert!(site.cli_fails(&["sip", "unban", STRANGERS[0]]).contains("not ignored"));
    let report =
        Caller::dial(CallPlan { bind: STRANGERS[0].parse().expect("an address"), ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(403)), "forgiven, it is a stranger as any other");
}

#[test]
fn a_tcp_peer_that_never_reads_costs_only_its_own_connection() {
    let site = site("never_reads");
    let server = Server::start(&site);
    let mut deaf = connection(TRUNK, over(&server, "tcp"));
    deaf.set_nonblocking(true).expect("a mode");
    let from = deaf.local_addr().expect("connected");
    // What From holds comes back in each answer.
    let who = format!("\"{}\" {SOMEBODY}", "y".repeat(50_000));
    let mut number = 0;
    loop {
        number += 1;
        let text = request("OPTIONS", from, "TCP", &format!("deaf{number}"), &who, "", "");
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match deaf.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => break,
            }
        }
        if number % 20 == 0 && site.cli(&["status"])["sip"]["slow_peers"].as_u64() > Some(0) {
            break;
        }
        assert!(number < 5_000, "the server holds more and more: {}", site.cli(&["status"])["sip"]);
    }
    assert_answers(&server);
}

#[test]
fn a_tcp_peer_that_sends_a_byte_now_and_then_is_let_go() {
    let site = site("slow_bytes");
    let server = Server::start(&site);
    let mut slow = connection(STRANGERS[0], over(&server, "tcp"));
    let mut half = connection(TRUNK, over(&server, "tcp"));
    slow.write_all(b"INVITE sip:").expect("an open connection");
    half.write_all(b"INVITE sip:").expect("an open connection");
    assert_answers(&server);
    for stream in [&mut slow, &mut half] {
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "it is closed without an answer");
    }
    Server::wait_status(&site, "two slow connections", |status| status["sip"]["slow_connections"] == 2);
}

#[test]
fn thousands_of_half_open_connections_leave_room_for_trunks() {
    let site = site("half_open");
    let server = Server::start(&site);
    let places: [SocketAddr; 2] = [over(&server, "tcp"), over(&server, "tls")];
    // Fewer file descriptors than a test may use: whoever is let go makes room for the next.
    let mut held = std::collections::VecDeque::new();
    for number in 0..2_000_u32 {
        let from = format!("127.1.{}.{}", number / 8 / 250, 1 + number / 8 % 250);
        held.push_back(connection(&from, places[(number % 2) as usize]));
        if held.len() > 400 {
            held.pop_front();
        }
    }
    let status = Server::wait_status(&site, "connections", |status| status["sip"]["connections"].as_u64() > Some(200));
    assert!(status["sip"]["open_stranger_connections"].as_u64() <= Some(256), "{}", status["sip"]);
    let mut trunk = connection(TRUNK, places[0]);
    let from = trunk.local_addr().expect("connected");
    trunk.write_all(request("OPTIONS", from, "TCP", "alive", SOMEBODY, "", "").as_bytes()).expect("an open connection");
    let mut answer = [0; 12];
    trunk.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"SIP/2.0 200 ");
    assert_answers(&server);
}

#[test]
fn calls_that_are_never_acknowledged_end_by_themselves() {
    let site = site("never_acknowledged");
    let server = Server::start(&site);
    let socket = UdpSocket::bind((TRUNK, 0)).expect("a loopback port");
    let from = socket.local_addr().expect("bound");
    for number in 0..5 {
        let text = request("INVITE", from, "UDP", &format!("rude{number}"), SOMEBODY, "Content-Type: application/sdp\r\n", &offer(from));
        socket.send_to(text.as_bytes(), server.sip).expect("sent");
    }
    assert_answers(&server);
    let calls = site.settled(6, LATER);
    let timed_out = calls.iter().filter(|call| call.result().reason == "signalling_timeout").count();
    assert_eq!(timed_out, 5, "{calls:?}");
}

#[test]
fn an_endless_content_length_is_refused_over_udp_and_tcp() {
    let site = site("endless_length");
    let server = Server::start(&site);
    let endless = |text: String| text.replace("Content-Length: 0", "Content-Length: 18446744073709551615");
    let socket = UdpSocket::bind((TRUNK, 0)).expect("a loopback port");
    socket.set_read_timeout(Some(LATER)).expect("a timeout");
    let from = socket.local_addr().expect("bound");
    socket.send_to(endless(request("INVITE", from, "UDP", "long", SOMEBODY, "", "")).as_bytes(), server.sip).expect("sent");
    let mut answer = [0; 2_048];
    socket.recv(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"SIP/2.0 400 "));
    let mut stream = connection(TRUNK, over(&server, "tcp"));
    let from = stream.local_addr().expect("connected");
    stream.write_all(endless(request("INVITE", from, "TCP", "long", SOMEBODY, "", "")).as_bytes()).expect("an open connection");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an answer, then the end");
    assert!(all.starts_with(b"SIP/2.0 400 "), "{}", String::from_utf8_lossy(&all));
    assert_answers(&server);
}

#[test]
fn a_quoted_uri_in_front_of_the_address_is_not_the_caller() {
    let site = site("quoted_uri");
    let server = Server::start(&site);
    let socket = UdpSocket::bind((TRUNK, 0)).expect("a loopback port");
    let from = socket.local_addr().expect("bound");
    let who = "\"A <sip:110@evil>\" <sip:13912345678@127.0.0.1>;x=\"a;tag=evil;b\"";
    let invite = request("INVITE", from, "UDP", "quoted", who, "Content-Type: application/sdp\r\n", &offer(from));
    socket.send_to(invite.as_bytes(), server.sip).expect("sent");
    let status = Server::wait_status(&site, "the call", |status| status["sip"]["calls"] == 1);
    drop(status);
    let until = std::time::Instant::now() + LATER;
    let number = loop {
        let calls = site.cli(&["call", "list"]);
        if let Some(call) = calls["calls"].get(0) {
            break call["caller"]["number"].clone();
        }
        assert!(std::time::Instant::now() < until, "the call is not on record");
    };
    assert_eq!(number, "13912345678");
}

#[test]
fn neither_numbers_nor_secrets_stand_in_the_log_even_of_raw_messages() {
    let site = site("leaks");
    let server = Server::start_logging(&site, "info,call_server=trace");
    let socket = UdpSocket::bind((TRUNK, 0)).expect("a loopback port");
    let from = socket.local_addr().expect("bound");
    let who = "\"Wang Xiuying\" <sip:13912345678@127.0.0.1>";
    let secret = "Authorization: Digest username=\"u\", response=\"deadbeefdeadbeefdeadbeefdeadbeef\"\r\n\
         Proxy-Authorization: Digest\r\n response=\"cafebabecafebabecafebabecafebabe\"\r\nP-Asserted-Identity: <tel:+8613912345678>\r\n\
         Content-Type: application/sdp\r\n";
    let keys = offer(from) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2Vj\r\n";
    let invite = request("INVITE", from, "UDP", "leak", who, secret, &keys);
    socket.send_to(invite.as_bytes(), server.sip).expect("sent");
    // The same from a stranger, and broken.
    let stranger = UdpSocket::bind((STRANGERS[0], 0)).expect("a loopback address");
    stranger.send_to(invite.as_bytes(), server.sip).expect("sent");
    socket.send_to(invite.replacen("INVITE sip", "INVITE : sip", 1).as_bytes(), server.sip).expect("sent");
    assert_answers(&server);
    Server::wait_status(&site, "all of them", |status| status["sip"]["received"].as_u64() >= Some(6));
    drop(server);
    let log = std::fs::read_to_string(site.folder().join("server.log")).expect("the server's log");
    assert!(log.contains("SIP message") && log.contains("m=audio"), "raw messages are not in the log: nothing was tested");
    for leak in ["13912345678", "Xiuying", "deadbeef", "cafebabe", "c2VjcmV0"] {
        assert!(!log.contains(leak), "{leak} is in the log: {:?}", log.lines().find(|line| line.contains(leak)));
    }
}
