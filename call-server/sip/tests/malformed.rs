//! What the network may bring: messages after RFC 4475, field observations, and a hundred thousand mutations of good ones.

mod support;

use sip_core::message::{Fault, Message, Name, NameAddr, ParseError, ResponseWriter, Via, parse};
use sip_core::{Endpoint, Limits, Receipt, Seed};
use support::{OFFER, Stage, request, status, with_fields};

/// A packet is good, or broken with a fault and perhaps to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Dropped(Fault),
    Answered(Fault, u16),
}

fn verdict(packet: impl Into<Vec<u8>>) -> Verdict {
    match parse(packet.into().into()) {
        Ok(_) => Verdict::Good,
        Err(ParseError::Unusable(fault)) => Verdict::Dropped(fault),
        Err(ParseError::Answerable(rejected)) => Verdict::Answered(rejected.fault, rejected.status()),
        Err(ParseError::KeepAlive) => panic!("no packet at all"),
    }
}

fn invite() -> String {
    request("INVITE", "a", 1, "", OFFER)
}

/// RFC 4475 section 3.1.1.1, shortened: everything a tortuous but valid message may hold.
const TORTUOUS: &str = "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
    TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
    from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
    MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 4\r\ncseq: 0009\r\n  INVITE\r\n\
    Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;rport;branch=390skdjuw\r\ns :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
    UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: application/sdp\r\nRoute:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
    v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
    m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\nv=0\r\ntrailing";

#[test]
fn a_tortuous_but_valid_message_is_understood() {
    let Ok(Message::Request(request)) = parse(TORTUOUS.into()) else { panic!("it is valid") };
    let identity = request.identity();
    assert_eq!((&identity.to_tag[..], &identity.from_tag[..], identity.cseq), (&b"1918181833n"[..], &b"98asjd8"[..], 9));
    assert_eq!(&identity.branch[..], b"390skdjuw");
    assert_eq!(&request.body()[..], b"v=0\r", "Content-Length cuts");
    let hosts: Vec<&[u8]> = request.head().values(Name::Via).map(|value| Via::parse(value).expect("a Via").host).collect();
    assert_eq!(hosts, [&b"192.0.2.2"[..], b"spindle.example.com", b"192.168.255.111"]);
    let contact = request.head().first(Name::Contact).and_then(NameAddr::parse).expect("a Contact");
    assert_eq!(contact.uri.raw, b"sip:jdrosen@example.com");
}

#[test]
fn unusual_but_sound_messages_are_accepted() {
    let compact = invite().replace("Via:", "v:").replace("From:", "f:").replace("To:", "t:").replace("Call-ID:", "i:");
    let latin_1 = invite().into_bytes().into_iter().map(|byte| if byte == b'W' { 0xfc } else { byte }).collect::<Vec<u8>>();
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("compact names", compact.replace("Contact:", "m:").replace("Content-Length:", "l:").into()),
        ("LF alone ends lines", request("BYE", "a", 2, ";tag=x", "").replace("\r\n", "\n").into()),
        ("Latin-1 in a display name", latin_1),
        ("empty lines before the start line", format!("\r\n\r\n{}", invite()).into()),
        ("3.1.1.2: every character of a token as method", invite().replace("INVITE", "!interesting-Method0123456789_*+`.%indeed'~").into()),
        ("3.1.1.3: escaped characters in the user part", invite().replace("sip:12345@", "sip:sips%3Auser%40example.com@").into()),
        ("3.1.1.4: an escaped null in the user part", invite().replace("From: \"Wang\" <sip:13900000000@", "From: \"Wang\" <sip:null-%00-null@").into()),
        ("3.1.1.9: a semicolon in the user part", invite().replace("sip:12345@", "sip:user;par=u%40example.net@").into()),
        ("3.1.1.6: no space before the address", invite().replace("\"Wang\" <", "caller<").into()),
        ("3.1.1.10: unknown transports", invite().replace("SIP/2.0/UDP", "SIP/2.0/UNKNOWN").into()),
        ("tel URIs", invite().replace("sip:12345@192.0.2.9", "tel:12345").into()),
        ("3.3.2: an unknown scheme", invite().replace("INVITE sip:12345@192.0.2.9", "INVITE nobodyKnows:totally").into()),
        ("IPv6 in URI and Via", invite().replace("192.0.2.1:5060", "[2001:db8::1]:5060").into()),
        ("a header line without a colon", with_fields("INVITE", "a", 1, "", "garbage\r\n", OFFER).into()),
        ("an unknown header that is not UTF-8", [b"INVITE sip:a@b SIP/2.0\r\nX: \xff\xfe\r\n".to_vec(), invite().split_once("\r\n").expect("lines").1.into()].concat()),
        ("no Content-Length over UDP", invite().replace(&format!("Content-Length: {}\r\n", OFFER.len()), "").into()),
        ("3.1.1.13: a status line without a reason", "SIP/2.0 100 \r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n".into()),
    ];
    for (what, packet) in table {
        assert_eq!(verdict(packet), Verdict::Good, "{what}");
    }
}

#[test]
fn broken_messages_are_refused_with_their_fault() {
    let many = with_fields("INVITE", "a", 1, "", &"X: y\r\n".repeat(64), OFFER);
    let twice = |field: &str| Verdict::Answered(Fault::RepeatedField, 400).pair(with_fields("INVITE", "a", 1, "", field, OFFER));
    let bad = |fault: Fault, from: &str, to: &str| Verdict::Answered(fault, 400).pair(invite().replacen(from, to, 1));
    let dropped = |fault: Fault, from: &str, to: &str| Verdict::Dropped(fault).pair(invite().replacen(from, to, 1));
    let table = [
        Verdict::Dropped(Fault::BadStartLine).pair("hello".to_owned()),
        Verdict::Dropped(Fault::BadStartLine).pair("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        Verdict::Dropped(Fault::BadVersion).pair("SIP/3.0 200 OK\r\n\r\n".to_owned()),
        Verdict::Dropped(Fault::BadStartLine).pair("SIP/2.0 4294967301 better not break\r\n\r\n".to_owned()),
        Verdict::Dropped(Fault::BadStartLine).pair("SIP/2.0 099 x\r\n\r\n".to_owned()),
        Verdict::Dropped(Fault::TooLarge).pair("x".repeat(65_537)),
        Verdict::Answered(Fault::BadVersion, 505).pair(invite().replacen("SIP/2.0", "SIP/7.0", 1)),
        bad(Fault::BadRequestUri, "sip:12345@192.0.2.9", "<sip:12345@192.0.2.9>"),
        bad(Fault::BadRequestUri, "sip:12345@192.0.2.9", "sip:12345@192.0.2.9; lr"),
        bad(Fault::BadRequestUri, "INVITE sip", "INVITE  sip"),
        bad(Fault::BadRequestUri, "sip:12345@", "sip:12345@evil@"),
        bad(Fault::BadCSeq, "CSeq: 1 ", "CSeq: 36893488147419103232 "),
        bad(Fault::BadCSeq, "CSeq: 1 ", "CSeq: 2147483648 "),
        bad(Fault::BadCSeq, "CSeq: 1 ", "CSeq: -1 "),
        bad(Fault::BadCSeq, "CSeq: 1 INVITE", "CSeq: 1"),
        bad(Fault::MethodMismatch, "CSeq: 1 INVITE", "CSeq: 1 OPTIONS"),
        bad(Fault::BadFrom, "\"Wang\" <", "\"Wang <"),
        bad(Fault::BadFrom, "tag=far", "tag=far;tag=near"),
        bad(Fault::BadTo, "To: <sip:12345@192.0.2.9>", "To: <>"),
        bad(Fault::BadTo, "To: <sip:12345@192.0.2.9>", "To: \"Watson, Thomas\" < sip:t.watson@example.org"),
        bad(Fault::BadCallId, "Call-ID: a", "Call-ID: a b"),
        bad(Fault::BadContentLength, "Content-Length: ", "Content-Length: -"),
        bad(Fault::BadContentLength, "Content-Length: ", "Content-Length: 99"),
        bad(Fault::BadContentLength, "Content-Length: ", "Content-Length: 18446744073709551615"),
        bad(Fault::BadContentLength, "Content-Length: ", "Content-Length: 0x"),
        Verdict::Answered(Fault::TooManyFields, 400).pair(many),
        Verdict::Answered(Fault::NoEndOfHeader, 400).pair(invite().split("\r\n\r\n").next().unwrap_or_default().to_owned() + "\r\n"),
        twice("From: <sip:x@y>;tag=2\r\n"),
        twice("t: <sip:x@y>\r\n"),
        twice("i: other\r\n"),
        twice("CSeq: 8 INVITE\r\n"),
        twice("l: 0\r\n"),
        dropped(Fault::BadVia, "Via: ", "X-Via: "),
        dropped(Fault::BadVia, "SIP/2.0/UDP 192", "SIP/7.0/UDP 192"),
        dropped(Fault::BadVia, "SIP/2.0/UDP 192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1:506000"),
        bad(Fault::BadFrom, "From: ", "X-From: "),
        bad(Fault::BadTo, "\r\nTo: ", "\r\nX-To: "),
        bad(Fault::BadCallId, "Call-ID: ", "X: "),
        dropped(Fault::BadCSeq, "CSeq: ", "X: "),
        Verdict::Dropped(Fault::MethodMismatch).pair(invite().replacen("INVITE", "ACK", 1)),
    ];
    for (expected, packet) in table {
        assert_eq!(verdict(packet.clone()), expected, "{}", packet.chars().take(1_500).collect::<String>());
    }
}

trait Pair: Sized {
    fn pair(self, packet: String) -> (Self, String) {
        (self, packet)
    }
}

impl Pair for Verdict {}

#[test]
fn what_we_answer_to_the_longest_request_can_be_read() {
    let vias = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKmore\r\n";
    let read = |count: usize| {
        let text = invite().replace(&format!("Content-Length: {}\r\n", OFFER.len()), "");
        let fields = text.split("\r\n\r\n").next().unwrap_or_default().lines().count() - 1;
        parse(text.replacen("From: ", &format!("{}From: ", vias.repeat(count - fields)), 1).into())
    };
    let Ok(Message::Request(request)) = read(64) else { panic!("64 fields") };
    let answer = ResponseWriter::new(request.head(), ([192, 0, 2, 1], 5060).into()).begin(486, Some("ours")).finish();
    assert!(matches!(parse(answer), Ok(Message::Response(_))));
    assert!(matches!(read(65), Err(ParseError::Answerable(rejected)) if rejected.fault == Fault::TooManyFields));
}

#[test]
fn a_broken_request_is_answered_with_400_and_leaves_nothing_behind() {
    let mut stage = Stage::default();
    let receipt = stage.send(&invite().replacen("CSeq: 1 INVITE", "CSeq: 1 OPTIONS", 1));
    assert_eq!(receipt, Receipt::Malformed(Fault::MethodMismatch));
    assert_eq!(status(&stage.one()), 400);
    stage.assert_empties();
}

#[test]
fn empty_lines_keep_a_path_open_and_are_no_fault() {
    assert_eq!(Stage::default().send("\r\n\r\n"), Receipt::KeepAlive);
    assert_eq!(Stage::default().send(""), Receipt::KeepAlive);
}

#[test]
fn a_folded_value_cannot_smuggle_a_header_into_our_answers() {
    let mut stage = Stage::default();
    stage.send(&request("OPTIONS", "a", 1, "", "").replace("\"Wang\"", "\"Wang\r\n X-Evil: 1\""));
    let ok = stage.one();
    assert!(!ok.lines().any(|line| line.trim_start().starts_with("X-Evil")), "{ok}");
}

#[test]
fn no_mutation_of_a_message_brings_the_endpoint_down() {
    const WORDS: [&[u8]; 14] = [
        b"\r\n",
        b"\r\n\r\n",
        b"\"",
        b"<",
        b">",
        b";",
        b",",
        b":",
        b"Via: ",
        b"Content-Length: 18446744073709551615\r\n",
        b"[",
        b"%",
        b"\0",
        b" ",
    ];
    let seeds: Vec<Vec<u8>> = vec![
        invite().into(),
        TORTUOUS.into(),
        request("BYE", "a", 2, ";tag=x", "").into(),
        request("CANCEL", "a", 1, "", "").into(),
        with_fields("INVITE", "b", 1, "", "Record-Route: <sip:192.0.2.50;lr>\r\nRequire: timer\r\n", OFFER).into(),
    ];
    let mut random = fastrand::Rng::with_seed(0x4475);
    let far = "192.0.2.1:5060".parse().expect("an address");
    let limits = Limits { calls: 50, transactions: 200 };
    let mut endpoint = Endpoint::new("192.0.2.9:5060".parse().expect("an address"), limits, Seed([1, 2]));
    let mut good = 0;
    for round in 0..100_000_u64 {
        let mut packet = seeds[random.usize(..seeds.len())].clone();
        for _ in 0..random.usize(1..5) {
            let place = random.usize(..packet.len());
            match random.u8(..4) {
                0 => packet[place] = random.u8(..),
                1 => drop(packet.splice(place..place, WORDS[random.usize(..WORDS.len())].iter().copied())),
                2 => drop(packet.drain(place..packet.len().min(place + random.usize(1..20)))),
                _ => packet.truncate(place.max(1)),
            }
            if packet.is_empty() {
                packet.push(b'x');
            }
        }
        let _ = endpoint.refusal_for_stranger(far, packet.clone().into());
        good += usize::from(endpoint.receive(round, far, packet.into()) == Receipt::Message);
        endpoint.handle_timeout(round);
        while let Some(event) = endpoint.poll_event() {
            if let sip_core::Event::Offered { call, .. } = event {
                match random.u8(..3) {
                    0 => endpoint.answer(round, call, OFFER),
                    1 => endpoint.hang_up(round, call, &support::BUSY),
                    _ => endpoint.ring(round, call),
                }
            }
        }
        while endpoint.poll_transmit().is_some() {}
    }
    assert!(good > 1_000, "only {good} mutations were still messages: the loop tests nothing");
    while let Some(deadline) = endpoint.next_deadline() {
        endpoint.handle_timeout(deadline);
        while endpoint.poll_transmit().is_some() {}
    }
    assert_eq!(endpoint.sizes(), sip_core::Sizes::default());
}
