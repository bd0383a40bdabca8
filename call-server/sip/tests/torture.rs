//! The torture messages of RFC 4475 and RFC 5118, each with the verdict that the RFC asks for. The files hold the messages as the RFCs
//! describe them; repetitions are shorter in `longreq`, and the S/MIME part of `mpart01` is a few bytes that stand for it.

mod support;

use sip_core::message::{Head, Message, Name, NameAddr, Outline, ParseError, Request, Response, StartLine, Uri, Via, parse};
use sip_core::sdp::Offer;
use std::collections::BTreeSet;
use std::path::PathBuf;
use support::Stage;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// A sound request; what an endpoint of ours that takes calls answers first.
    Answered(u16),
    /// A sound response.
    Response(u16),
    /// A broken request that gets this status.
    Refused(u16),
    /// A broken response: nothing is sent.
    Discarded,
}

use Verdict::{Answered, Discarded, Refused, Response as Received};

/// Name and section, verdict, why if the RFC leaves a choice. REGISTER and MESSAGE are sound here and get 405: this endpoint offers neither.
const RFC_4475: [(&str, Verdict, &str); 49] = [
    ("wsinv", Answered(481), "3.1.1.1: sound; the tag in its To names no dialog of ours"),
    ("intmeth", Answered(405), "3.1.1.2"),
    ("esc01", Answered(100), "3.1.1.3"),
    ("escnull", Answered(405), "3.1.1.4"),
    ("esc02", Answered(405), "3.1.1.5: escapes in a method or a header name are not resolved"),
    ("lwsdisp", Answered(200), "3.1.1.6"),
    ("longreq", Answered(100), "3.1.1.7"),
    ("dblreq", Answered(405), "3.1.1.8: what follows the first message is not looked at"),
    ("semiuri", Answered(200), "3.1.1.9"),
    ("transports", Answered(200), "3.1.1.10"),
    ("mpart01", Answered(405), "3.1.1.11"),
    ("unreason", Received(200), "3.1.1.12"),
    ("noreason", Received(100), "3.1.1.13"),
    ("badinv01", Refused(400), "3.1.2.1"),
    ("clerr", Refused(400), "3.1.2.2"),
    ("ncl", Refused(400), "3.1.2.3"),
    ("scalar02", Refused(400), "3.1.2.4"),
    ("scalarlg", Discarded, "3.1.2.5"),
    ("quotbal", Refused(400), "3.1.2.6"),
    ("ltgtruri", Refused(400), "3.1.2.7"),
    ("lwsruri", Refused(400), "3.1.2.8"),
    ("lwsstart", Refused(400), "3.1.2.9"),
    ("trws", Refused(400), "3.1.2.10"),
    ("escruri", Refused(400), "3.1.2.11"),
    ("baddate", Answered(100), "3.1.2.12: the choice to ignore a Date that nobody here reads"),
    ("regbadct", Refused(400), "3.1.2.13"),
    ("badaspec", Answered(200), "3.1.2.14: the choice to be liberal; brackets leave no doubt"),
    ("baddn", Answered(200), "3.1.2.15: the choice to be liberal; neither field takes a list"),
    ("badvers", Refused(505), "3.1.2.16"),
    ("mismatch01", Refused(400), "3.1.2.17"),
    ("mismatch02", Refused(400), "3.1.2.18: 501 would be right too"),
    ("bigcode", Discarded, "3.1.2.19"),
    ("badbranch", Answered(200), "3.2.1: a branch of the cookie alone names nothing; matched by the rules of RFC 2543"),
    ("insuf", Refused(400), "3.3.1"),
    ("unkscm", Answered(416), "3.3.2"),
    ("novelsc", Answered(416), "3.3.3"),
    ("unksm2", Answered(405), "3.3.4"),
    ("bext01", Answered(420), "3.3.5"),
    ("invut", Answered(415), "3.3.6"),
    ("regaut01", Answered(405), "3.3.7: as if there were no credentials"),
    ("multi01", Refused(400), "3.3.8"),
    ("mcl01", Refused(400), "3.3.9"),
    ("bcast", Received(200), "3.3.10: sound, and no transaction of ours"),
    ("zeromf", Answered(200), "3.3.11: zero stops a proxy, not the addressee"),
    ("cparam01", Answered(405), "3.3.12"),
    ("cparam02", Answered(405), "3.3.13"),
    ("regescrt", Answered(405), "3.3.14"),
    ("sdp01", Answered(406), "3.3.15"),
    ("inv2543", Answered(100), "3.4.1: without Contact, tag and cookie, and served as its time would have it"),
];

const RFC_5118: [(&str, Verdict, &str); 11] = [
    ("ipv6-good", Answered(405), "4.1"),
    ("ipv6-bad", Refused(400), "4.2"),
    ("port-ambiguous", Answered(405), "4.3"),
    ("port-unambiguous", Answered(405), "4.4"),
    ("via-received-param-with-delim", Answered(481), "4.5"),
    ("via-received-param-no-delim", Answered(481), "4.5"),
    ("ipv6-in-sdp", Answered(100), "4.6"),
    ("mult-ip-in-header", Answered(481), "4.7"),
    ("mult-ip-in-sdp", Answered(100), "4.8"),
    ("ipv4-mapped-ipv6", Answered(100), "4.9"),
    ("ipv6-bug-abnf-3-colons", Refused(400), "4.10: no address by RFC 4291; being liberal would only move the error to the resolver"),
];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}

fn packet(name: &str) -> Vec<u8> {
    let path = directory().join(name).with_extension("sip");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn request(name: &str) -> Request {
    match parse(packet(name).into()) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{name} is a request: {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match parse(packet(name).into()) {
        Ok(Message::Response(response)) => *response,
        other => panic!("{name} is a response: {other:?}"),
    }
}

fn verdict(name: &str) -> Verdict {
    let packet = packet(name);
    match parse(packet.clone().into()) {
        Ok(Message::Response(response)) => Received(response.status()),
        Err(ParseError::Unusable(_)) => Discarded,
        Err(ParseError::KeepAlive) => panic!("{name} is not empty"),
        Err(ParseError::Answerable(rejected)) => Refused(rejected.status()),
        Ok(Message::Request(_)) => {
            let mut stage = Stage::default();
            stage.endpoint.receive(stage.now, stage.far, packet.into());
            Answered(support::status(&stage.one()))
        }
    }
}

fn address(head: &Head, name: Name) -> NameAddr<'_> {
    head.first(name).and_then(NameAddr::parse).expect("an address")
}

#[test]
fn each_torture_message_gets_the_verdict_of_its_rfc() {
    let wrong: Vec<String> = RFC_4475
        .iter()
        .chain(&RFC_5118)
        .map(|(name, expected, why)| (name, verdict(name), expected, why))
        .filter(|(_, found, expected, _)| found != *expected)
        .map(|(name, found, expected, why)| format!("{name}: {found:?}, not {expected:?}; {why}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_file_has_a_verdict_and_each_verdict_a_file() {
    let files: BTreeSet<String> = std::fs::read_dir(directory())
        .expect("the directory of the messages")
        .filter_map(|entry| entry.expect("an entry").file_name().to_str()?.strip_suffix(".sip").map(str::to_owned))
        .collect();
    let table: BTreeSet<String> = RFC_4475.iter().chain(&RFC_5118).map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!((files, table.len()), (table.clone(), 60));
}

#[test]
fn the_borrowed_and_the_kept_form_agree() {
    for (name, _, _) in RFC_4475.iter().chain(&RFC_5118) {
        let bytes = packet(name);
        match (Outline::read(&bytes), parse(bytes.clone().into())) {
            (Ok(outline), Ok(message)) => {
                let (identity, body) = match &message {
                    Message::Request(request) => (request.identity(), request.body()),
                    Message::Response(response) => (response.identity(), response.body()),
                };
                assert_eq!(
                    (outline.call_id(), outline.cseq()),
                    (&identity.call_id[..], (identity.cseq, identity.method.as_bytes())),
                    "{name}"
                );
                assert_eq!((outline.via().branch(), outline.body()), (&identity.branch[..], &body[..]), "{name}");
                assert_eq!(outline.from().tag().unwrap_or_default(), &identity.from_tag[..], "{name}");
            }
            (Err(fault), Err(ParseError::Unusable(other))) => assert_eq!(fault, other, "{name}"),
            (Err(fault), Err(ParseError::Answerable(rejected))) => assert_eq!(fault, rejected.fault, "{name}"),
            (outline, message) => panic!("{name}: {outline:?}, {message:?}"),
        }
    }
}

#[test]
fn a_tortuous_invite_is_understood_in_every_field() {
    let request = request("wsinv");
    let (head, identity) = (request.head(), request.identity());
    assert_eq!(request.uri(), b"sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!((&identity.to_tag[..], &identity.from_tag[..], identity.cseq), (&b"1918181833n"[..], &b"98asjd8"[..], 9));
    assert_eq!(address(head, Name::From).display, br#""J Rosenberg \\\"""#);
    let vias: Vec<Via<'_>> = head.values(Name::Via).filter_map(Via::parse).collect();
    assert_eq!(
        vias.iter().map(|via| (via.transport, via.host)).collect::<Vec<_>>(),
        [(&b"UDP"[..], &b"192.0.2.2"[..]), (b"TCP", b"spindle.example.com"), (b"UDP", b"192.168.255.111")]
    );
    assert_eq!(vias.iter().map(Via::branch).collect::<Vec<_>>(), [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]);
    assert_eq!(address(head, Name::Contact).uri.raw, b"sip:jdrosen@example.com");
    assert_eq!(Offer::parse(std::str::from_utf8(request.body()).expect("text")).expect("a description").port, 49_217);
}

#[test]
fn strange_but_legal_characters_stay_what_they_are() {
    let strange = request("intmeth");
    assert_eq!(strange.method().as_bytes(), b"!interesting-Method0123456789_*+`.%indeed'~");
    let uri = Uri::parse(strange.uri()).expect("a URI");
    assert_eq!((uri.host, uri.user), (&b"example.com"[..], Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..])));
    assert_eq!(&strange.identity().from_tag[..], b"_token~1'+`*%!-.");
    assert_eq!(&strange.identity().call_id[..], br#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#);
    let escaped = request("esc01");
    assert_eq!(Uri::parse(escaped.uri()).expect("a URI").user_text().as_deref(), Some("sips:user@example.com"));
    assert_eq!(address(escaped.head(), Name::To).uri.user_text().as_deref(), Some("user"));
    let null = request("escnull");
    assert_eq!(address(null.head(), Name::To).uri.user_text().as_deref(), Some("null-\0-null"));
    let names = request("esc02");
    assert_eq!(names.method().as_bytes(), b"RE%47IST%45R");
    assert_eq!(names.head().fields(Name::Contact).count(), 2, "C%6Fntact is another header");
}

#[test]
fn long_doubled_and_binary_messages_keep_their_measure() {
    let long = request("longreq");
    assert_eq!(long.head().values(Name::Via).filter_map(Via::parse).count(), 34);
    assert!(long.identity().from_tag.len() > 100 && !long.body().is_empty());
    let first = request("dblreq");
    assert_eq!((first.method().as_bytes(), first.body().len()), (&b"REGISTER"[..], 0));
    let binary = request("mpart01");
    assert!(binary.body().starts_with(b"--7a9cbec02ceef655") && binary.body().contains(&0xff));
    assert_eq!(Uri::parse(request("semiuri").uri()).expect("a URI").user, Some(&b"user;par=u%40example.net"[..]));
    let transports: Vec<Vec<u8>> =
        request("transports").head().values(Name::Via).filter_map(Via::parse).map(|via| via.transport.to_vec()).collect();
    assert_eq!(transports, [&b"UDP"[..], b"SCTP", b"TLS", b"UNKNOWN", b"TCP"]);
}

#[test]
fn responses_with_strange_reasons_are_read() {
    let unusual = response("unreason");
    assert_eq!((unusual.status(), unusual.identity().cseq, &unusual.identity().to_tag[..]), (200, 35, &b"2229"[..]));
    assert_eq!(response("noreason").status(), 100);
    assert_eq!(response("bcast").head().values(Name::Via).count(), 2);
}

#[test]
fn a_parameter_belongs_to_the_address_or_to_the_field_as_the_brackets_say() {
    let (outside, inside, header) = (request("cparam01"), request("cparam02"), request("regescrt"));
    assert_eq!(address(outside.head(), Name::Contact).uri.raw, b"sip:+19725552222@gw1.example.net");
    assert_eq!(address(inside.head(), Name::Contact).uri.parameter("unknownparam"), Some(None));
    assert!(address(header.head(), Name::Contact).uri.has_headers());
}

#[test]
fn old_and_odd_requests_are_still_named() {
    let old = request("inv2543");
    assert_eq!((old.identity().branch.len(), old.identity().from_tag.len()), (0, 0));
    assert!(!old.body().is_empty(), "without Content-Length the datagram's end ends it");
    assert_eq!(&request("badbranch").identity().branch[..], b"z9hG4bK");
    assert_eq!(address(request("badaspec").head(), Name::To).uri.raw, b"sip:t.watson@example.org");
    assert_eq!(address(request("baddn").head(), Name::From).display, b"Bell, Alexander");
    let unknown = request("unksm2");
    assert_eq!(address(unknown.head(), Name::To).uri.raw, b"isbn:2983792873");
}

#[test]
fn an_invite_without_the_necessary_fields_gets_a_400_that_invents_none() {
    let mut stage = Stage::default();
    stage.endpoint.receive(stage.now, stage.far, packet("insuf").into());
    let answer = stage.one();
    assert!(answer.starts_with("SIP/2.0 400 ") && answer.contains("\r\nCSeq: 193942 INVITE\r\n"), "{answer}");
    assert!(!answer.contains("From:") && !answer.contains("To:") && !answer.contains("Call-ID:"), "{answer}");
}

#[test]
fn addresses_of_version_6_are_read_in_every_place() {
    let port = |name: &str| {
        let bytes = packet(name);
        let outline = Outline::read(&bytes).expect("sound");
        let StartLine::Request { uri, .. } = outline.start_line() else { panic!("{name} is a request") };
        Uri::parse(uri).expect("a URI").socket_address().expect("an address").to_string()
    };
    assert_eq!(port("ipv6-good"), "[2001:db8::10]:5060");
    assert_eq!(port("port-ambiguous"), "[2001:db8::10:5070]:5060");
    assert_eq!(port("port-unambiguous"), "[2001:db8::10]:5070");
    let via = request("mult-ip-in-header");
    let hosts: Vec<Vec<u8>> = via.head().values(Name::Via).filter_map(Via::parse).map(|via| via.host.to_vec()).collect();
    assert_eq!(hosts, [&b"[2001:db8::9:1]"[..], b"192.0.2.1", b"[2001:db8::9:255]"]);
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let request = request(name);
        let via = request.head().first(Name::Via).and_then(Via::parse).expect("a Via");
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().expect("an address")), "{name}");
    }
}

#[test]
fn descriptions_with_addresses_of_version_6_are_read() {
    let offer = |name: &str| Offer::parse(std::str::from_utf8(request(name).body()).expect("text"));
    assert_eq!(offer("ipv6-in-sdp").expect("a description").address.to_string(), "2001:db8::20");
    assert_eq!(offer("mult-ip-in-sdp").expect("a description").address.to_string(), "192.0.2.1");
    assert_eq!(offer("ipv4-mapped-ipv6").expect("a description").address.to_string(), "::ffff:192.0.2.2");
}
