//! The edge against real loopback sockets: a phone at 127.0.0.1 is the trunk, one at 127.0.0.3 a stranger.

use super::{
    CarrierSettings, ListenerSettings, Numbers, PhoneSettings, RegistrationSettings, SipCounts, SipHandle, SipSettings, SkinLimits,
    Transport, TrunkSettings, start,
};
use crate::switchboard::{Inbox, Messages};
use call_core::Input;
use call_core::command::{CallTo, Dial, SessionText, SipCommand, VoiceTerms};
use call_core::input::{CallOffered, LegEnd};
use call_core::origin::{Diversion, DiversionReason};
use call_core::plan::{KeyMode, TargetPlan, TrunkCodec, TrunkPlan, TrunkVoice};
use shared::model::{Caller, EndReason, LegId, PhoneNumber, TrunkId};
use sip_core::digest::Account;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Limit of every wait; reached only by a failing test.
const LIMIT: Duration = Duration::from_secs(5);
/// How long nothing must arrive to count as nothing.
const SILENCE: Duration = Duration::from_millis(60);

struct Edge {
    handle: SipHandle,
    inputs: Messages,
    _runtime: tokio::runtime::Runtime,
}

impl Edge {
    fn start() -> Self {
        Self::with_carrier(CarrierSettings::default())
    }

    fn with_carrier(carrier: CarrierSettings) -> Self {
        Self::with(carrier, SkinLimits::default())
    }

    fn with(carrier: CarrierSettings, limits: SkinLimits) -> Self {
        Self::over(vec![carrier], limits)
    }

    fn over(carriers: Vec<CarrierSettings>, limits: SkinLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (inbox, inputs) = Inbox::new();
        let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let trunk = |(id, carrier)| TrunkSettings { id: TrunkId(id), name: "test".to_owned(), sources: vec![home], probe: false, carrier };
        let trunks = (4..).zip(carriers).map(trunk).collect();
        let tcp = ListenerSettings { transport: Transport::Tcp, listen: SocketAddr::new(home, 0), advertise: home, tls: None };
        let settings = SipSettings {
            listen: SocketAddr::new(home, 0),
            advertise: home,
            more: vec![tcp],
            trunks,
            phones: PhoneSettings::default(),
            name_server: None,
            client: None,
            numbers: Numbers::Masked,
            home: None,
            limits,
        };
        let handle = runtime.block_on(start(settings, inbox, runtime.handle().clone())).expect("the edge starts");
        Self { handle, inputs, _runtime: runtime }
    }

    fn input(&self) -> Input {
        self.inputs.recv_timeout(LIMIT).expect("an input arrives").into_input()
    }

    fn offered(&self) -> CallOffered {
        match self.input() {
            Input::CallOffered(offered) => offered,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    fn hears_nothing(&self) -> bool {
        self.inputs.recv_timeout(SILENCE).is_none()
    }

    fn answer(&self, leg: LegId) {
        self.handle.send(SipCommand::Answer { leg, answer: SessionText("v=0\r\n".into()) });
    }

    fn counts_reach(&self, wanted: impl Fn(SipCounts) -> bool) {
        let end = Instant::now() + LIMIT;
        while !wanted(self.handle.counters()) {
            assert!(Instant::now() < end, "counters stay at {:?}", self.handle.counters());
            std::thread::yield_now();
        }
    }
}

struct Phone {
    socket: UdpSocket,
    edge: SocketAddr,
}

impl Phone {
    fn new(address: &str, edge: &Edge) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a loopback address");
        Self { socket, edge: edge.handle.local_address() }
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.edge).expect("loopback takes a packet");
    }

    fn receive_within(&self, limit: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(limit)).expect("a timeout");
        let mut buffer = [0; 4096];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    fn receive(&self) -> String {
        self.receive_within(LIMIT).expect("a packet arrives")
    }

    /// A request of a call; `to` is the To value behind the address, `more` further header lines and, after an empty line, the body.
    fn request(&self, method: &str, cseq: u32, to: &str, more: &str) -> String {
        let address = self.socket.local_addr().expect("a bound socket");
        let cseq_method = method;
        // ACK of a refusal and CANCEL carry the branch of their INVITE.
        let branch = if matches!(method, "ACK" | "CANCEL") { "INVITE" } else { method };
        format!(
            "{method} sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK-{branch}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:13912345678@127.0.0.1>;tag=far\r\nTo: <sip:12345@127.0.0.1>{to}\r\n\
             Call-ID: call-{address}\r\nCSeq: {cseq} {cseq_method}\r\nContact: <sip:{address}>\r\n{more}\r\n"
        )
    }

    fn invite(&self) {
        self.send(&self.request("INVITE", 1, "", "Content-Type: application/sdp\r\n\r\nv=0"));
    }

    /// Calls and is answered; gives the To parameter of the dialog.
    fn call(&self, edge: &Edge) -> (LegId, String) {
        self.invite();
        assert!(self.receive().starts_with("SIP/2.0 100 "));
        let leg = edge.offered().leg;
        edge.answer(leg);
        let ok = self.receive();
        assert!(ok.starts_with("SIP/2.0 200 "), "{ok}");
        let tag = to_tag(&ok);
        self.send(&self.request("ACK", 1, &tag, ""));
        assert_eq!(edge.input(), Input::LegConfirmed { leg });
        (leg, tag)
    }
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find(|line| line.starts_with(name)).expect("the header is there")
}

fn to_tag(message: &str) -> String {
    line(message, "To:").split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).expect("a To tag")
}

#[test]
fn a_call_rings_is_answered_and_ends_by_the_callers_bye() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.invite();
    assert!(phone.receive().starts_with("SIP/2.0 100 Trying"));
    let offered = edge.offered();
    assert_eq!((offered.trunk, offered.dialled.as_str(), offered.probe), (TrunkId(4), "12345", false));
    assert_eq!(offered.caller.number.expect("a number").reveal().as_str(), "13912345678");
    assert_eq!(offered.offer, Some(SessionText("v=0\r\n".into())));
    edge.handle.send(SipCommand::Ring { leg: offered.leg });
    let ringing = phone.receive();
    assert!(ringing.starts_with("SIP/2.0 180 Ringing"), "{ringing}");
    edge.answer(offered.leg);
    let ok = phone.receive();
    assert!(ok.starts_with("SIP/2.0 200 OK") && ok.ends_with("\r\n\r\nv=0\r\n"), "{ok}");
    assert_eq!(to_tag(&ok), to_tag(&ringing));
    phone.send(&phone.request("ACK", 1, &to_tag(&ok), ""));
    assert_eq!(edge.input(), Input::LegConfirmed { leg: offered.leg });
    phone.send(&phone.request("BYE", 2, &to_tag(&ok), ""));
    assert!(phone.receive().starts_with("SIP/2.0 200 OK"));
    assert_eq!(edge.input(), Input::LegEnded { leg: offered.leg, cause: LegEnd::ByeReceived });
    assert!(edge.hears_nothing());
    assert_eq!(edge.handle.counters().calls, 1);
}

#[test]
fn hanging_up_sends_bye_with_the_reason() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    let (leg, _) = phone.call(&edge);
    edge.handle.send(SipCommand::HangUp { leg, reason: EndReason::AgentHungUp });
    let bye = phone.receive();
    assert!(bye.starts_with("BYE sip:127.0.0.1:"), "{bye}");
    assert_eq!(line(&bye, "Reason:"), "Reason: Q.850;cause=16;text=\"Normal call clearing\"");
    assert_eq!(edge.input(), Input::LegEnded { leg, cause: LegEnd::AsCommanded });
    let ok: String = bye.lines().filter(|line| !line.starts_with("BYE")).map(|line| format!("{line}\r\n")).collect();
    phone.send(&format!("SIP/2.0 200 OK\r\n{ok}"));
    assert!(phone.receive_within(Duration::from_millis(700)).is_none(), "an answered BYE is not repeated");
    assert!(edge.hears_nothing());
}

#[test]
fn a_cancelled_call_gets_200_and_487_and_ends_once() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.invite();
    assert!(phone.receive().starts_with("SIP/2.0 100 "));
    let leg = edge.offered().leg;
    phone.send(&phone.request("CANCEL", 1, "", ""));
    assert!(phone.receive().starts_with("SIP/2.0 200 "));
    let terminated = phone.receive();
    assert!(terminated.starts_with("SIP/2.0 487 "), "{terminated}");
    phone.send(&phone.request("ACK", 1, &to_tag(&terminated), ""));
    assert_eq!(edge.input(), Input::LegEnded { leg, cause: LegEnd::CancelReceived });
    edge.handle.send(SipCommand::HangUp { leg, reason: EndReason::CancelledBeforeAnswer });
    assert!(edge.hears_nothing());
}

#[test]
fn a_repeated_invite_gets_the_same_response_and_is_no_second_call() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.invite();
    let first = phone.receive();
    let leg = edge.offered().leg;
    phone.invite();
    assert_eq!(phone.receive(), first);
    edge.handle.send(SipCommand::Ring { leg });
    let ringing = phone.receive();
    phone.invite();
    assert_eq!(phone.receive(), ringing);
    assert!(edge.hears_nothing());
}

#[test]
fn a_refused_call_hears_the_status_of_the_reason() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.invite();
    assert!(phone.receive().starts_with("SIP/2.0 100 "));
    let leg = edge.offered().leg;
    edge.handle.send(SipCommand::Refuse { leg, reason: EndReason::NoResources });
    assert!(phone.receive().starts_with("SIP/2.0 486 Busy Here"));
    assert_eq!(edge.input(), Input::LegEnded { leg, cause: LegEnd::AsCommanded });
}

#[test]
fn a_stranger_is_refused_late_shortly_and_without_a_trace() {
    let edge = Edge::start();
    let stranger = Phone::new("127.0.0.3", &edge);
    for method in ["INVITE", "OPTIONS", "REGISTER"] {
        let request = stranger.request(method, 1, "", "");
        let asked = Instant::now();
        stranger.send(&request);
        let refusal = stranger.receive();
        // The edge's clock counts whole milliseconds, so that its 200 ms may be a fraction shorter than ours.
        assert!(asked.elapsed() >= Duration::from_millis(SkinLimits::default().refusal_delay_ms - 1), "{:?}", asked.elapsed());
        assert!(refusal.starts_with("SIP/2.0 403 Forbidden"), "{refusal}");
        assert!(refusal.len() <= request.len() && !refusal.contains("Allow"), "{refusal}");
    }
    stranger.send(&stranger.request("ACK", 1, ";tag=x", ""));
    stranger.send("INVITE nonsense\r\n\r\n");
    edge.counts_reach(|counts| counts == SipCounts { received: 5, refused_strangers: 3, dropped_strangers: 1, malformed: 1, ..counts });
    assert!(edge.hears_nothing());
    assert_eq!(edge.handle.counters().calls, 0);
}

#[test]
fn malformed_packets_of_a_trunk_are_counted_and_answered_only_where_possible() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send("hello");
    phone.send("\r\n\r\n");
    phone.send(&phone.request("INVITE", 1, "", "Content-Length: -1\r\n"));
    assert!(phone.receive().starts_with("SIP/2.0 400 Bad Request"));
    edge.counts_reach(|counts| (counts.received, counts.malformed) == (3, 2));
    assert!(edge.hears_nothing());
}

#[test]
fn options_of_a_trunk_are_answered_with_what_is_allowed() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send(&phone.request("OPTIONS", 1, "", ""));
    let ok = phone.receive();
    assert!(ok.starts_with("SIP/2.0 200 OK"), "{ok}");
    assert_eq!(line(&ok, "Allow:"), format!("Allow: {}", sip_core::ALLOW));
}

#[test]
fn who_does_not_acknowledge_hears_busy_until_the_ack_comes() {
    let limits = SkinLimits { unacknowledged_per_address: 1, ..SkinLimits::default() };
    let edge = Edge::with(CarrierSettings::default(), limits);
    let [first, second, third] = [(); 3].map(|()| Phone::new("127.0.0.1", &edge));
    first.invite();
    assert!(first.receive().starts_with("SIP/2.0 100 "));
    let leg = edge.offered().leg;
    edge.answer(leg);
    let ok = first.receive();
    second.invite();
    let busy = second.receive();
    assert!(busy.starts_with("SIP/2.0 486 ") && busy.contains("Q.850;cause=42;"), "{busy}");
    edge.counts_reach(|counts| counts.refused_unacknowledged == 1);
    first.send(&first.request("ACK", 1, &to_tag(&ok), ""));
    assert_eq!(edge.input(), Input::LegConfirmed { leg }, "the second call never reached the core");
    third.invite();
    assert!(edge.offered().leg != leg);
}

#[test]
fn a_withheld_caller_has_no_number() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send(&phone.request("INVITE", 1, "", "P-Asserted-Identity: <tel:+8613912345678>\r\nPrivacy: id\r\n"));
    let offered = edge.offered();
    assert_eq!((offered.caller.number, offered.offer), (None, None));
}

#[test]
fn an_undiallable_number_is_not_found_and_never_becomes_a_call() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send(&phone.request("INVITE", 1, "", "").replacen("sip:12345@", "sip:alice@", 1));
    assert!(phone.receive().starts_with("SIP/2.0 404 "));
    assert!(edge.hears_nothing());
}

const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

fn with_description(direction: &str) -> String {
    format!("Content-Type: application/sdp\r\n\r\n{DESCRIPTION}a={direction}\r\n")
}

#[test]
fn a_late_answer_and_a_hold_of_the_carrier_are_told_with_their_descriptions() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send(&phone.request("INVITE", 1, "", ""));
    assert!(phone.receive().starts_with("SIP/2.0 100 "));
    let leg = edge.offered().leg;
    edge.handle.send(SipCommand::Answer { leg, answer: SessionText(DESCRIPTION.into()) });
    let tag = to_tag(&phone.receive());
    phone.send(&phone.request("ACK", 1, &tag, &with_description("sendrecv")));
    let told =
        |direction: &str| Input::FarDescribed { leg, description: SessionText(format!("{DESCRIPTION}a={direction}\r\n\r\n").into()) };
    assert_eq!((edge.input(), edge.input()), (told("sendrecv"), Input::LegConfirmed { leg }));
    phone.send(&phone.request("INVITE", 2, &tag, &with_description("sendonly")));
    let ok = phone.receive();
    assert!(ok.starts_with("SIP/2.0 200 ") && ok.contains("a=recvonly\r\n"), "{ok}");
    assert_eq!(edge.input(), told("sendonly"));
}

fn with_keys(keys: KeyMode) -> CarrierSettings {
    let voice = TrunkVoice { keys, ..TrunkVoice::default() };
    CarrierSettings { plan: TrunkPlan { voice, ..TrunkPlan::default() }, ..CarrierSettings::default() }
}

fn told(signal: &str) -> String {
    format!("Content-Type: application/dtmf-relay\r\n\r\nSignal={signal}\r\nDuration=160")
}

#[test]
fn keys_by_info_count_where_the_trunk_tells_them_so_and_only_there() {
    for (mode, counts) in [(KeyMode::Info, true), (KeyMode::Rfc4733, false)] {
        let edge = Edge::with_carrier(with_keys(mode));
        let phone = Phone::new("127.0.0.1", &edge);
        let (leg, tag) = phone.call(&edge);
        phone.send(&phone.request("INFO", 2, &tag, &told("5")));
        assert!(phone.receive().starts_with("SIP/2.0 200 "));
        if counts {
            assert_eq!(edge.input(), Input::Digit { leg, digit: '5' });
        }
        phone.send(&phone.request("INFO", 3, &tag, "Content-Type: text/plain\r\n\r\nhello"));
        let unknown = phone.receive();
        assert!(unknown.starts_with("SIP/2.0 415 "), "{unknown}");
        assert_eq!(line(&unknown, "Accept:"), "Accept: application/dtmf-relay, application/dtmf");
        assert!(edge.hears_nothing());
    }
}

#[test]
fn keys_that_we_press_by_info_go_out_one_behind_the_other() {
    let edge = Edge::with_carrier(with_keys(KeyMode::Info));
    let phone = Phone::new("127.0.0.1", &edge);
    let (leg, _) = phone.call(&edge);
    edge.handle.send(SipCommand::PressKeys { leg, keys: "4x#".into() });
    for (signal, status) in [("4", "200 OK"), ("#", "415 Unsupported Media Type")] {
        let info = phone.receive();
        assert!(info.starts_with("INFO ") && info.contains(&format!("\r\n\r\nSignal={signal}\r\n")), "{info}");
        assert_eq!(line(&info, "Content-Type:"), "Content-Type: application/dtmf-relay");
        assert!(phone.receive_within(SILENCE).is_none(), "the next one waits for the answer");
        let fields = info.split("\r\n\r\n").next().expect("a head").lines();
        let echoed: String = fields
            .filter(|line| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
            .map(|line| format!("{line}\r\n"))
            .collect();
        phone.send(&format!("SIP/2.0 {status}\r\n{echoed}Content-Length: 0\r\n\r\n"));
    }
    assert!(phone.receive_within(SILENCE).is_none() && edge.hears_nothing());
}

#[test]
fn diversions_of_a_call_are_told() {
    let edge = Edge::start();
    let phone = Phone::new("127.0.0.1", &edge);
    phone.send(&phone.request("INVITE", 1, "", "Diversion: <sip:051912345@h>;reason=user-busy, <sip:alice@h>;reason=follow-me\r\n"));
    let number = PhoneNumber::parse("051912345").expect("a number");
    let busy = Diversion { number: Some(number.into()), reason: DiversionReason::Busy };
    let offered = edge.offered();
    assert_eq!(offered.origin.diversions, [Diversion { number: None, reason: DiversionReason::Other }, busy]);
    assert!(!offered.origin.encrypted && !offered.origin.ipv6);
}

#[test]
fn a_trunk_with_other_terms_than_the_one_that_failed_gets_an_offer_of_its_own() {
    let targets = ["127.0.0.31", "127.0.0.32", "127.0.0.33"].map(|ip| UdpSocket::bind((ip, 0)).expect("a loopback address"));
    let other = TrunkVoice { codecs: vec![TrunkCodec::Pcmu], keys: KeyMode::Info, ..TrunkVoice::default() };
    let voices = [TrunkVoice::default(), TrunkVoice::default(), other.clone()];
    let carriers = (1..).zip(&targets).zip(voices).map(|((priority, target), voice)| {
        let uri = format!("sip:{}", target.local_addr().expect("bound"));
        let targets = vec![TargetPlan { uri, priority: 1, weight: 1 }];
        let outbound = vec!["".parse().expect("every number")];
        let plan = TrunkPlan { voice, targets, outbound, priority, ..TrunkPlan::default() };
        CarrierSettings { plan, ..CarrierSettings::default() }
    });
    let edge = Edge::over(carriers.collect(), SkinLimits::default());
    let end = Instant::now() + LIMIT;
    while edge.handle.trunks().expect("the edge answers").iter().any(|trunk| trunk.targets[0].address.is_none()) {
        assert!(Instant::now() < end, "the targets are not found");
    }
    let (leg, to) = (LegId(1 << 61), CallTo::Number(PhoneNumber::parse("13912345678").expect("a number")));
    let (offer, terms) = (SessionText("v=first".into()), VoiceTerms::default());
    edge.handle.send(SipCommand::Dial(Box::new(Dial { leg, to, shown: Caller::default(), offer, terms })));
    refuse(&targets[0], "v=first");
    refuse(&targets[1], "v=first");
    assert_eq!(edge.input(), Input::LegWantsOffer { leg, terms: VoiceTerms { voice: other, ..VoiceTerms::default() } });
    targets[2].set_read_timeout(Some(SILENCE)).expect("a limit");
    assert!(targets[2].recv(&mut [0; 4_096]).is_err(), "it is called before there is an offer for it");
    edge.handle.send(SipCommand::Offer { leg, offer: SessionText("v=second".into()) });
    refuse(&targets[2], "v=second");
    assert_eq!(edge.input(), Input::LegEnded { leg, cause: LegEnd::Refused { status: 503 } });
}

/// A target takes an INVITE with this offer, and has no room.
fn refuse(target: &UdpSocket, offer: &str) {
    target.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut buffer = [0; 4_096];
    let (length, edge) = target.recv_from(&mut buffer).expect("an INVITE in time");
    let invite = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(invite.starts_with("INVITE sip:13912345678@") && invite.ends_with(&format!("\r\n\r\n{offer}")), "{invite}");
    let fields = invite.lines().filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)));
    let echoed: String = fields.map(|line| format!("{line}\r\n")).collect();
    let to = line(&invite, "To:");
    let refusal = format!("SIP/2.0 503 Service Unavailable\r\n{echoed}{to};tag=r\r\nContent-Length: 0\r\n\r\n");
    target.send_to(refusal.as_bytes(), edge).expect("loopback takes a packet");
}

/// The next request of a connection, which has no body.
fn read_request(reader: &mut BufReader<TcpStream>) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut text).expect("a line in time"), 0, "the connection ended: {text}");
        text = text.trim_start_matches("\r\n").to_owned();
    }
    text
}

#[test]
fn a_registration_is_made_anew_when_its_connection_breaks() {
    let registrar = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = registrar.local_addr().expect("bound");
    let carrier = CarrierSettings {
        account: Some(Account { user: "hotline".to_owned(), secret: "kq3v-9d2m".to_owned() }),
        registration: Some(RegistrationSettings { registrar: format!("sip:{address};transport=tcp"), wanted_s: 3_600 }),
        ..CarrierSettings::default()
    };
    let _edge = Edge::with_carrier(carrier);
    for _ in 0..2 {
        let (stream, _) = registrar.accept().expect("the edge connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        let mut reader = BufReader::new(stream);
        let register = read_request(&mut reader);
        assert!(register.starts_with("REGISTER sip:127.0.0.1"), "{register}");
        let echoed: String = register
            .lines()
            .filter(|line| ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"].iter().any(|name| line.starts_with(name)))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let ok = format!("SIP/2.0 200 OK\r\n{echoed}Expires: 3600\r\nContent-Length: 0\r\n\r\n");
        reader.get_mut().write_all(ok.as_bytes()).expect("an open connection");
        // It is gone when it is dropped: an hour before the registration's end the next one comes over a new connection.
    }
}
