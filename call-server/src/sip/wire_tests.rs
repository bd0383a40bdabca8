//! The edge over TCP, TLS and IPv6, on real loopback sockets: the trunk is 127.0.0.1 and ::1, a stranger comes from 127.0.0.3.

use super::{
    CarrierSettings, ListenerSettings, Numbers, PhoneSettings, SipHandle, SipSettings, SkinLimits, Transport, TrunkSettings, start,
};
use crate::switchboard::{Inbox, Messages};
use call_core::Input;
use call_core::command::{SessionText, SipCommand};
use call_core::input::LegEnd;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use shared::model::{EndReason, LegId, TrunkId};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Limit of every wait; reached only by a failing test.
const LIMIT: Duration = Duration::from_secs(20);

struct Edge {
    handle: SipHandle,
    inputs: Messages,
    certificate: rustls::pki_types::CertificateDer<'static>,
    _runtime: tokio::runtime::Runtime,
}

impl Edge {
    /// UDP, TCP and TLS on 127.0.0.1, TCP on ::1.
    fn start(limits: SkinLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (inbox, inputs) = Inbox::new();
        let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let certificate = made.cert.der().clone();
        let tls = server_tls(certificate.clone(), &made.signing_key);
        let listener = |transport, ip: IpAddr, tls| ListenerSettings { transport, listen: SocketAddr::new(ip, 0), advertise: ip, tls };
        let more = vec![
            listener(Transport::Tcp, home, None),
            listener(Transport::Tls, home, Some(tls)),
            listener(Transport::Tcp, IpAddr::V6(Ipv6Addr::LOCALHOST), None),
        ];
        let sources = vec![home, IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let trunk = TrunkSettings { id: TrunkId(4), name: "test".to_owned(), sources, probe: false, carrier: CarrierSettings::default() };
        let settings = SipSettings {
            listen: SocketAddr::new(home, 0),
            advertise: home,
            more,
            trunks: vec![trunk],
            phones: PhoneSettings::default(),
            name_server: None,
            client: None,
            numbers: Numbers::Masked,
            home: None,
            limits,
        };
        let handle = runtime.block_on(start(settings, inbox, runtime.handle().clone())).expect("the edge starts");
        Self { handle, inputs, certificate, _runtime: runtime }
    }

    fn address(&self, transport: Transport, is_v6: bool) -> SocketAddr {
        let mut listening = self.handle.listening().iter();
        listening.find(|(kind, address)| *kind == transport && address.is_ipv6() == is_v6).expect("such a listener").1
    }

    fn input(&self) -> Input {
        self.inputs.recv_timeout(LIMIT).expect("an input arrives").into_input()
    }

    fn counts_reach(&self, wanted: impl Fn(super::SipCounts) -> bool) {
        let end = Instant::now() + LIMIT;
        while !wanted(self.handle.counters()) {
            assert!(Instant::now() < end, "counters stay at {:?}", self.handle.counters());
            std::thread::yield_now();
        }
    }
}

fn server_tls(certificate: rustls::pki_types::CertificateDer<'static>, key: &rcgen::KeyPair) -> Arc<rustls::ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate], key).expect("a certificate and its key"))
}

/// A phone on a stream.
struct Phone<S> {
    stream: S,
    via: &'static str,
    contact: String,
    heard: Vec<u8>,
}

impl<S: Read + Write> Phone<S> {
    fn new(stream: S, via: &'static str, contact: &str) -> Self {
        Self { stream, via, contact: contact.to_owned(), heard: Vec::new() }
    }

    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("an open connection");
        self.stream.flush().expect("an open connection");
    }

    fn request(&self, method: &str, cseq: u32, to: &str, body: &str) -> String {
        let branch = if matches!(method, "ACK" | "CANCEL") { "INVITE" } else { method };
        let (via, contact) = (self.via, &self.contact);
        format!(
            "{method} sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{via} {contact};branch=z9hG4bK-{branch}-{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:13912345678@h>;tag=far\r\nTo: <sip:12345@h>{to}\r\nCall-ID: call-{contact}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{contact};transport={}>\r\nContent-Length: {}\r\n\r\n{body}",
            via.to_ascii_lowercase(),
            body.len()
        )
    }

    /// The next message without a body, or none if the connection is closed.
    fn receive(&mut self) -> Option<String> {
        let mut buffer = [0; 4_096];
        loop {
            if let Some(end) = self.heard.windows(4).position(|part| part == b"\r\n\r\n") {
                let header = String::from_utf8_lossy(&self.heard[..end + 4]).into_owned();
                let length = header.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a stream needs it");
                let whole = end + 4 + length.parse::<usize>().expect("a length");
                if self.heard.len() >= whole {
                    self.heard.drain(..whole);
                    return Some(header);
                }
            }
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.heard.extend_from_slice(&buffer[..length]),
            }
        }
    }

    fn hears(&mut self, start: &str) -> String {
        let message = self.receive().expect("a message arrives");
        assert!(message.starts_with(start), "{message}");
        message
    }
}

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, LIMIT).expect("the listener accepts");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream
}

fn connected_from(source: &str, address: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::new(source.parse().expect("an address"), 0)).expect("a loopback address");
    connect(&socket, &address).expect("the listener accepts");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream
}

fn to_tag(message: &str) -> String {
    let to = message.lines().find(|line| line.starts_with("To:")).expect("a To");
    to.split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).expect("a To tag")
}

/// A whole call: INVITE, 100, 200, ACK, BYE of ours over the same connection with our transport in Via and Contact.
fn a_call_over<S: Read + Write>(edge: &Edge, phone: &mut Phone<S>) {
    phone.send(&phone.request("INVITE", 1, "", "v=0"));
    phone.hears("SIP/2.0 100 ");
    let Input::CallOffered(offered) = edge.input() else { panic!("expected a call") };
    let leg: LegId = offered.leg;
    edge.handle.send(SipCommand::Answer { leg, answer: SessionText("v=0\r\n".into()) });
    let ok = phone.hears("SIP/2.0 200 ");
    let transport = phone.via.to_ascii_lowercase();
    assert!(ok.lines().any(|line| line.starts_with("Contact:") && line.contains(&format!(";transport={transport}"))), "{ok}");
    phone.send(&phone.request("ACK", 1, &to_tag(&ok), ""));
    assert_eq!(edge.input(), Input::LegConfirmed { leg });
    edge.handle.send(SipCommand::HangUp { leg, reason: EndReason::AgentHungUp });
    let bye = phone.hears("BYE ");
    assert!(bye.contains(&format!("Via: SIP/2.0/{} ", phone.via)), "{bye}");
    assert_eq!(edge.input(), Input::LegEnded { leg, cause: LegEnd::AsCommanded });
    let ok: String = bye.lines().filter(|line| !line.starts_with("BYE")).map(|line| format!("{line}\r\n")).collect();
    phone.send(&format!("SIP/2.0 200 OK\r\n{ok}"));
}

#[test]
fn a_call_over_tcp_uses_the_one_connection_both_ways() {
    let edge = Edge::start(SkinLimits::default());
    let stream = connected(edge.address(Transport::Tcp, false));
    // The port where this phone says it takes requests is nobody's: the BYE can only come over the connection.
    let mut phone = Phone::new(stream, "TCP", "127.0.0.1:9");
    a_call_over(&edge, &mut phone);
    edge.counts_reach(|counts| (counts.connections, counts.open_connections, counts.unsent) == (1, 1, 0));
    drop(phone);
    edge.counts_reach(|counts| counts.open_connections == 0);
}

#[test]
fn a_call_over_ipv6_stands_like_one_over_ipv4() {
    let edge = Edge::start(SkinLimits::default());
    let stream = connected(edge.address(Transport::Tcp, true));
    let contact = stream.local_addr().expect("connected").to_string();
    a_call_over(&edge, &mut Phone::new(stream, "TCP", &contact));
}

#[test]
fn a_call_over_tls_is_encrypted_and_says_so() {
    let edge = Edge::start(SkinLimits::default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(edge.certificate.clone()).expect("a certificate");
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
    let client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = connected(edge.address(Transport::Tls, false));
    let contact = stream.local_addr().expect("connected").to_string();
    a_call_over(&edge, &mut Phone::new(rustls::StreamOwned::new(client, stream), "TLS", &contact));
}

#[test]
fn a_request_of_ours_opens_a_connection_and_the_next_one_uses_it() {
    let edge = Edge::start(SkinLimits::default());
    let home = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let contact = home.local_addr().expect("bound").to_string();
    let mut first = Phone::new(connected(edge.address(Transport::Tcp, false)), "TCP", &contact);
    // This Via hides where the phone takes requests, so that its Contact is the only way to it.
    let invite = first.request("INVITE", 1, "", "v=0").replacen(&contact, "phone.invalid", 1);
    first.send(&invite);
    first.hears("SIP/2.0 100 ");
    let Input::CallOffered(offered) = edge.input() else { panic!("expected a call") };
    edge.handle.send(SipCommand::Answer { leg: offered.leg, answer: SessionText("v=0\r\n".into()) });
    let tag = to_tag(&first.hears("SIP/2.0 200 "));
    let ack = first.request("ACK", 1, &tag, "").replacen(&contact, "phone.invalid", 1);
    first.send(&ack);
    assert_eq!(edge.input(), Input::LegConfirmed { leg: offered.leg });
    edge.handle.send(SipCommand::HangUp { leg: offered.leg, reason: EndReason::AgentHungUp });
    let (stream, _) = home.accept().expect("the edge connects");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    Phone::new(stream, "TCP", &contact).hears("BYE ");
    edge.counts_reach(|counts| counts.connections == 2);
}

#[test]
fn a_broken_length_is_answered_and_costs_this_connection_alone() {
    let edge = Edge::start(SkinLimits::default());
    let mut other = Phone::new(connected(edge.address(Transport::Tcp, false)), "TCP", "127.0.0.1:9");
    let mut phone = Phone::new(connected(edge.address(Transport::Tcp, false)), "TCP", "127.0.0.1:8");
    let endless = phone.request("INVITE", 1, "", "").replace("Content-Length: 0", "Content-Length: 18446744073709551615");
    phone.send(&endless);
    phone.hears("SIP/2.0 400 ");
    assert_eq!(phone.receive(), None, "closed");
    other.send(&other.request("OPTIONS", 1, "", ""));
    other.hears("SIP/2.0 200 ");
    edge.counts_reach(|counts| (counts.malformed, counts.calls) == (1, 0));
}

#[test]
fn a_stranger_gets_few_connections_and_few_answers_and_is_then_ignored() {
    let limits = SkinLimits {
        stranger_requests: 2,
        stranger_slow_requests: 1,
        refusal_delay_ms: 1,
        slow_refusal_delay_ms: 2,
        connections_per_stranger: 2,
        ..SkinLimits::default()
    };
    let edge = Edge::start(limits);
    let address = edge.address(Transport::Tcp, false);
    let stranger: IpAddr = "127.0.0.3".parse().expect("an address");
    let mut phone = Phone::new(connected_from("127.0.0.3", address), "TCP", "127.0.0.3:9");
    for cseq in 1..=3 {
        phone.send(&phone.request("REGISTER", cseq, "", ""));
        let refusal = phone.hears("SIP/2.0 403 ");
        assert!(refusal.len() <= phone.request("REGISTER", cseq, "", "").len(), "{refusal}");
    }
    phone.send(&phone.request("REGISTER", 4, "", ""));
    assert_eq!(phone.receive(), None, "closed without a word");
    let banned = edge.handle.banned().expect("the edge answers");
    assert_eq!(banned.iter().map(|one| one.source.as_str()).collect::<Vec<_>>(), ["127.0.0.3"]);
    let mut again = Phone::new(connected_from("127.0.0.3", address), "TCP", "127.0.0.3:9");
    assert_eq!(again.receive(), None, "not even let in");
    edge.counts_reach(|counts| counts.ignored_strangers == 1 && counts.open_stranger_connections == 0);
    // The trunk does not notice.
    let mut trunk = Phone::new(connected(address), "TCP", "127.0.0.1:9");
    trunk.send(&trunk.request("OPTIONS", 1, "", ""));
    trunk.hears("SIP/2.0 200 ");
    assert_eq!((edge.handle.forgive(stranger), edge.handle.forgive(stranger)), (Some(true), Some(false)));
    let mut forgiven = Phone::new(connected_from("127.0.0.3", address), "TCP", "127.0.0.3:9");
    forgiven.send(&forgiven.request("REGISTER", 5, "", ""));
    forgiven.hears("SIP/2.0 403 ");
}

#[test]
fn strangers_cannot_take_the_places_of_trunks() {
    let edge = Edge::start(SkinLimits { connections_per_stranger: 2, stranger_connections: 3, ..SkinLimits::default() });
    let address = edge.address(Transport::Tcp, false);
    let held: Vec<TcpStream> = ["127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.5", "127.0.0.6", "127.0.0.7"]
        .into_iter()
        .map(|source| connected_from(source, address))
        .collect();
    edge.counts_reach(|counts| (counts.open_stranger_connections, counts.refused_connections) == (3, 3));
    let mut trunk = Phone::new(connected(address), "TCP", "127.0.0.1:9");
    trunk.send(&trunk.request("OPTIONS", 1, "", ""));
    trunk.hears("SIP/2.0 200 ");
    drop(held);
    edge.counts_reach(|counts| counts.open_stranger_connections == 0);
}

#[test]
fn a_tls_handshake_that_does_not_begin_is_given_up() {
    let edge = Edge::start(SkinLimits { handshake_ms: 30, ..SkinLimits::default() });
    let mut silent = connected(edge.address(Transport::Tls, false));
    assert!(matches!(silent.read(&mut [0; 1]), Ok(0) | Err(_)), "closed");
    edge.counts_reach(|counts| (counts.failed_handshakes, counts.open_connections) == (1, 0));
}

#[test]
fn more_requests_of_one_trunk_address_than_allowed_are_dropped_but_never_those_of_a_call() {
    let edge = Edge::start(SkinLimits { trunk_requests_per_s: 1, trunk_burst: 1, ..SkinLimits::default() });
    let mut phone = Phone::new(connected(edge.address(Transport::Tcp, false)), "TCP", "127.0.0.1:9");
    phone.send(&phone.request("INVITE", 1, "", "v=0"));
    let trying = phone.hears("SIP/2.0 100 ");
    assert!(trying.contains("CSeq: 1 INVITE"));
    let Input::CallOffered(offered) = edge.input() else { panic!("expected a call") };
    phone.send(&phone.request("OPTIONS", 7, "", ""));
    edge.counts_reach(|counts| counts.too_many_requests == 1);
    phone.send(&phone.request("CANCEL", 1, "", ""));
    phone.hears("SIP/2.0 200 ");
    phone.hears("SIP/2.0 487 ");
    assert_eq!(edge.input(), Input::LegEnded { leg: offered.leg, cause: LegEnd::CancelReceived });
}
