//! Our parser and rsip 0.4 read the same generated, valid messages. Where they differ, one of the oddities of the message must explain it,
//! and each oddity in the table must have made a difference: the table can neither hide an error of ours nor grow stale.

use fastrand::Rng;
use rsip::headers::ToTypedHeader;
use rsip::headers::UntypedHeader;
use rsip::message::HeadersExt;
use sip_core::message::{Message, Name, NameAddr, Via, parse};
use std::collections::BTreeSet;

/// A legal way of writing that rsip 0.4 reads differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Oddity {
    /// It does not know `v: f: t: i: l:` and misses those fields.
    CompactNames,
    /// It ends a field at its first line break, so what is folded is lost (RFC 3261 section 7.3.1).
    Folding,
    /// It does not cut the body at Content-Length (section 18.3).
    TrailingBytes,
    /// It cuts a host at its first colon (section 25.1, IPv6reference).
    IpV6Reference,
    /// It knows only the methods of its list (section 8.2.1: such a request gets 405, not silence).
    UnknownMethod,
    /// It takes `<` in a quoted display name for the address (section 20.10).
    BracketInQuotes,
    /// It knows no `tel:` (RFC 3966).
    TelUri,
    /// It keeps the spaces, which are legal around `;` and `=` (section 25.1, SEMI and EQUAL).
    SpacedParameters,
    /// One byte that is not UTF-8 costs the whole message (section 25.1 allows it in quotes by way of real phones).
    Latin1,
}

use Oddity::{BracketInQuotes, CompactNames, Folding, IpV6Reference, Latin1, SpacedParameters, TelUri, TrailingBytes, UnknownMethod};

const ODDITIES: [Oddity; 9] =
    [CompactNames, Folding, TrailingBytes, IpV6Reference, UnknownMethod, BracketInQuotes, TelUri, SpacedParameters, Latin1];

/// What both must find.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    method: String,
    call_id: String,
    cseq: u32,
    branch: String,
    via_host: String,
    from_user: String,
    from_tag: String,
    to_tag: String,
    body: Vec<u8>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ours(packet: &[u8]) -> Reading {
    let Ok(Message::Request(request)) = parse(packet.to_vec().into()) else { panic!("valid, and refused by us: {}", text(packet)) };
    let (head, identity) = (request.head(), request.identity());
    let via = head.values(Name::Via).next().and_then(Via::parse).expect("a Via");
    let from = head.first(Name::From).and_then(NameAddr::parse).expect("a From");
    Reading {
        method: text(request.method().as_bytes()),
        call_id: text(&identity.call_id),
        cseq: identity.cseq,
        branch: text(&identity.branch),
        via_host: text(via.host),
        from_user: text(from.uri.user.unwrap_or_default()),
        from_tag: text(&identity.from_tag),
        to_tag: text(&identity.to_tag),
        body: request.body().to_vec(),
    }
}

fn theirs(packet: &[u8]) -> Result<Reading, rsip::Error> {
    let rsip::SipMessage::Request(request) = rsip::SipMessage::try_from(packet)? else {
        return Err(rsip::Error::Unexpected("a response".into()));
    };
    let via = request.via_header()?.typed()?;
    let from = request.from_header()?.typed()?;
    let to = request.to_header()?.typed()?;
    let cseq = request.cseq_header()?.typed()?;
    Ok(Reading {
        method: cseq.method.to_string(),
        call_id: request.call_id_header()?.value().to_owned(),
        cseq: cseq.seq,
        branch: via.branch().map(|branch| branch.value().to_owned()).unwrap_or_default(),
        via_host: via.uri.host_with_port.host.to_string(),
        from_user: from.uri.auth.as_ref().map(|auth| auth.user.clone()).unwrap_or_default(),
        from_tag: from.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        to_tag: to.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        body: request.body().clone(),
    })
}

fn word(random: &mut Rng) -> String {
    (0..random.usize(1..12)).map(|_| random.alphanumeric()).collect()
}

/// A valid request with these oddities, and what is in it.
fn message(random: &mut Rng, odd: &BTreeSet<Oddity>) -> (Vec<u8>, Reading) {
    let has = |oddity| odd.contains(&oddity);
    let known = *random.choice(&["INVITE", "BYE", "OPTIONS", "CANCEL", "REGISTER", "INFO", "UPDATE"]).expect("not empty");
    let method = if has(UnknownMethod) { "PING" } else { known }.to_owned();
    let (call_id, branch, from_tag, to_tag, user) =
        (word(random), format!("z9hG4bK{}", word(random)), word(random), word(random), word(random));
    let via_host = match random.u8(..2) {
        _ if has(IpV6Reference) => format!("[2001:db8::{:x}]", random.u16(1..)),
        0 => format!("192.0.2.{}", random.u8(1..)),
        _ => format!("{}.example", word(random)),
    };
    let display = match random.u8(..3) {
        _ if has(BracketInQuotes) => "\"A <sip:911@evil.example>\" ".to_owned(),
        _ if has(Latin1) => "\"J\u{1}rgen\" ".to_owned(),
        0 => format!("\"{} {}\" ", word(random), word(random)),
        1 => format!("{} ", word(random)),
        _ => String::new(),
    };
    let uri = if has(TelUri) { "tel:+86512".to_owned() } else { format!("sip:{user}@carrier.example") };
    let equals = if has(SpacedParameters) { " ; tag = " } else { ";tag=" };
    let fold = if has(Folding) { "\r\n  " } else { "" };
    let name = |long: &'static str, compact: &'static str| if has(CompactNames) { compact } else { long };
    let (via, from, to) = (name("Via", "v"), name("From", "f"), name("To", "t"));
    let (id, length) = (name("Call-ID", "i"), name("Content-Length", "l"));
    let body: String = (0..random.usize(..4)).map(|_| format!("a={}\r\n", word(random))).collect();
    let cseq = random.u32(..1 << 31);
    let header = format!(
        "{method} sip:12345@hotline.example SIP/2.0\r\n{via}: SIP/2.0/UDP {via_host};{fold}branch={branch}\r\nMax-Forwards: 70\r\n\
         {from}: {display}<{uri}>{fold}{equals}{from_tag}\r\n{to}: <sip:12345@hotline.example>;tag={to_tag}\r\n{id}: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n{length}: {}\r\n\r\n{body}",
        body.len()
    );
    let mut packet: Vec<u8> = header.into_bytes().into_iter().map(|byte| if byte == 1 { 0xfc } else { byte }).collect();
    packet.extend_from_slice(if has(TrailingBytes) { b"garbage" } else { b"" });
    let from_user = if has(TelUri) { "+86512".to_owned() } else { user };
    (packet, Reading { method, call_id, cseq, branch, via_host, from_user, from_tag, to_tag, body: body.into_bytes() })
}

#[test]
fn without_oddities_both_parsers_find_the_same() {
    let mut random = Rng::with_seed(0x3261);
    for _ in 0..3_000 {
        let (packet, written) = message(&mut random, &BTreeSet::new());
        assert_eq!(ours(&packet), written, "{}", text(&packet));
        let other = theirs(&packet).unwrap_or_else(|error| panic!("{error}: {}", text(&packet)));
        assert_eq!(other, written, "{}", text(&packet));
    }
}

#[test]
fn each_oddity_is_understood_by_us_and_explains_a_difference() {
    let mut random = Rng::with_seed(0x4475);
    for oddity in ODDITIES {
        let mut differences = 0;
        for _ in 0..200 {
            let (packet, written) = message(&mut random, &[oddity].into());
            assert_eq!(ours(&packet), written, "{oddity:?}: {}", text(&packet));
            differences += usize::from(theirs(&packet).ok() != Some(written));
        }
        assert!(differences > 0, "{oddity:?} makes no difference any more: take it out of the table");
    }
}

#[test]
fn oddities_together_are_understood_by_us() {
    let mut random = Rng::with_seed(0x5118);
    for _ in 0..3_000 {
        let odd: BTreeSet<Oddity> = ODDITIES.into_iter().filter(|_| random.bool()).collect();
        let (packet, written) = message(&mut random, &odd);
        assert_eq!(ours(&packet), written, "{odd:?}: {}", text(&packet));
    }
}
