//! Valid messages by seed, plain or with legal oddities, and what is written in them: the base of the comparison of parsers.

use fastrand::Rng;
use sip_core::message::{Message, Name, NameAddr, Via, parse};
use std::collections::BTreeSet;

/// A legal way of writing that is read differently by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Oddity {
    /// `v: f: t: i: l:` (RFC 3261 section 7.3.3).
    CompactNames,
    /// Names in other cases than usual (section 7.3.1).
    OddCase,
    /// White space in front of the colon (section 7.3.1).
    SpaceBeforeColon,
    /// Fields that go on in the next line (section 7.3.1).
    Folding,
    /// Bytes behind the end that Content-Length names (section 18.3).
    TrailingBytes,
    /// No Content-Length over UDP: the body is the rest (section 18.3).
    NoContentLength,
    /// Two Vias in one field (section 7.3.1).
    ViasInOneField,
    /// White space around the slashes of a Via (section 25.1, SLASH).
    SpacedVia,
    /// Spaces around `;` and `=` (section 25.1, SEMI and EQUAL).
    SpacedParameters,
    /// A `branch` within the quoted value of another parameter of the Via.
    BranchInQuotes,
    /// A `tag` within the quoted value of another parameter of From.
    TagInQuotes,
    /// `<` within a quoted display name (section 20.10).
    BracketInQuotes,
    /// An escaped quote within a quoted display name (section 25.1, quoted-pair).
    EscapedQuote,
    /// A Latin-1 letter within quotes, which is no UTF-8: real phones send it.
    Latin1,
    /// No angle brackets around the address of From: what follows is the field's (section 20.10).
    NoBrackets,
    /// `sip:user;phone-context=x@host`: the semicolon belongs to the user (section 19.1.1).
    UserParameter,
    /// An escaped letter in the user part; the raw form is what is echoed and compared (section 19.1.2).
    EscapedUser,
    /// `tel:` (RFC 3966).
    TelUri,
    /// An IPv6 reference in the Via (section 25.1, IPv6reference).
    IpV6Reference,
    /// A host name with an underscore, which is none, and is sent.
    UnderscoreHost,
    /// A method that is in no list: it gets 405, not silence (section 8.2.1).
    UnknownMethod,
    /// All that a Call-ID may hold (section 25.1, word).
    WildCallId,
    /// A line of a field nobody knows, with all kinds of bytes in it.
    UnknownField,
}

use Oddity::{
    BracketInQuotes, BranchInQuotes, CompactNames, EscapedQuote, EscapedUser, Folding, IpV6Reference, Latin1, NoBrackets, NoContentLength,
    OddCase, SpaceBeforeColon, SpacedParameters, SpacedVia, TagInQuotes, TelUri, TrailingBytes, UnderscoreHost, UnknownField,
    UnknownMethod, UserParameter, ViasInOneField, WildCallId,
};

/// What every parser must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Of a response.
    pub(crate) status: Option<u16>,
    pub(crate) method: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) branch: String,
    pub(crate) via_host: String,
    pub(crate) from_user: String,
    pub(crate) from_tag: String,
    pub(crate) to_tag: String,
    pub(crate) body: Vec<u8>,
}

/// For comparison and for people.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What our parser finds.
pub(crate) fn ours(packet: &[u8]) -> Reading {
    let (head, identity, body, status) = match parse(packet.to_vec().into()) {
        Ok(Message::Request(request)) => (request.head().clone(), request.identity().clone(), request.body().clone(), None),
        Ok(Message::Response(response)) => {
            (response.head().clone(), response.identity().clone(), response.body().clone(), Some(response.status()))
        }
        Err(error) => panic!("valid, and refused by us ({error:?}): {}", text(packet)),
    };
    let via = head.values(Name::Via).next().and_then(Via::parse).expect("a Via");
    let from = head.first(Name::From).and_then(NameAddr::parse).expect("a From");
    Reading {
        status,
        method: text(identity.method.as_bytes()),
        call_id: text(&identity.call_id),
        cseq: identity.cseq,
        branch: text(&identity.branch),
        via_host: text(via.host),
        from_user: text(from.uri.user.unwrap_or_default()),
        from_tag: text(&identity.from_tag),
        to_tag: text(&identity.to_tag),
        body: body.to_vec(),
    }
}

fn word(random: &mut Rng) -> String {
    (0..random.usize(1..12)).map(|_| random.alphanumeric()).collect()
}

/// A valid message with these oddities, and what is in it.
pub(crate) fn message(random: &mut Rng, odd: &BTreeSet<Oddity>) -> (Vec<u8>, Reading) {
    let has = |oddity| odd.contains(&oddity);
    let known = *random.choice(&["INVITE", "BYE", "OPTIONS", "CANCEL", "REGISTER", "INFO", "UPDATE"]).expect("not empty");
    let body: String = (0..random.usize(..4)).map(|_| format!("a={}\r\n", word(random))).collect();
    let from_user = match word(random) {
        _ if has(TelUri) => "+86512".to_owned(),
        // A letter in front: digits alone would be a port to whoever takes the user for a host.
        user if has(UserParameter) => format!("u{user};phone-context=x"),
        user if has(EscapedUser) => format!("u%41{user}"),
        user => user,
    };
    let written = Reading {
        status: random.bool().then(|| random.u16(100..700)),
        method: if has(UnknownMethod) { "PING" } else { known }.to_owned(),
        call_id: if has(WildCallId) { format!("{}-.!%*_+`'~()<>:\\\"/[]?{{}}@{}", word(random), word(random)) } else { word(random) },
        cseq: random.u32(..1 << 31),
        branch: format!("z9hG4bK{}", word(random)),
        via_host: via_host(random, odd),
        from_user,
        from_tag: word(random),
        to_tag: word(random),
        body: body.into_bytes(),
    };
    let mut packet = header(random, odd, &written).into_bytes();
    packet.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = 0xfc);
    packet.extend_from_slice(&written.body);
    packet.extend_from_slice(if has(TrailingBytes) { b"garbage" } else { b"" });
    (packet, written)
}

fn via_host(random: &mut Rng, odd: &BTreeSet<Oddity>) -> String {
    match random.u8(..2) {
        _ if odd.contains(&IpV6Reference) => format!("[2001:db8::{:x}]", random.u16(1..)),
        // A letter in front: names do not end in digits alone (section 25.1, toplabel).
        _ if odd.contains(&UnderscoreHost) => format!("x_{}.example", word(random)),
        0 => format!("192.0.2.{}", random.u8(1..)),
        _ => format!("x{}.example", word(random)),
    }
}

/// The From value.
fn from(random: &mut Rng, odd: &BTreeSet<Oddity>, written: &Reading) -> String {
    let has = |oddity| odd.contains(&oddity);
    let (user, tag) = (&written.from_user, &written.from_tag);
    let display = match random.u8(..3) {
        _ if has(BracketInQuotes) => "\"A <sip:911@evil.example>\" ".to_owned(),
        _ if has(EscapedQuote) => "\"A \\\" B\" ".to_owned(),
        _ if has(Latin1) => "\"J\u{1}rgen\" ".to_owned(),
        0 => format!("\"{} {}\" ", word(random), word(random)),
        1 => format!("{} ", word(random)),
        _ => String::new(),
    };
    let uri = if has(TelUri) { format!("tel:{user}") } else { format!("sip:{user}@carrier.example") };
    let fold = if has(Folding) { "\r\n  " } else { "" };
    let other = if has(TagInQuotes) { ";x=\"a;tag=evil;b\"" } else { "" };
    let equals = if has(SpacedParameters) { " ; tag = " } else { ";tag=" };
    if has(NoBrackets) { format!("{uri}{fold}{other}{equals}{tag}") } else { format!("{display}<{uri}>{fold}{other}{equals}{tag}") }
}

fn header(random: &mut Rng, odd: &BTreeSet<Oddity>, written: &Reading) -> String {
    let has = |oddity| odd.contains(&oddity);
    let name = |long: &str, compact: &str| {
        let name = if has(CompactNames) { compact } else { long };
        let name = if has(OddCase) { swapped(name) } else { name.to_owned() };
        if has(SpaceBeforeColon) { name + " " } else { name }
    };
    let first = match written.status {
        Some(status) => format!("SIP/2.0 {status} Whatever"),
        None => format!("{} sip:12345@hotline.example SIP/2.0", written.method),
    };
    let fold = if has(Folding) { "\r\n  " } else { "" };
    let slash = if has(SpacedVia) { " / " } else { "/" };
    let other = if has(BranchInQuotes) { ";x=\"a;branch=z9hG4bKevil\"" } else { "" };
    let second = if has(ViasInOneField) { ", SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKsecond" } else { "" };
    let via = format!("SIP{slash}2.0{slash}UDP {};{fold}branch={}", written.via_host, written.branch);
    let via = via.replacen(';', &format!("{other};"), 1) + second;
    let unknown = if has(UnknownField) { "X-Odd: a=b;c=<d>, \"e:f\" @[]{}?\\ \u{e9}\r\n" } else { "" };
    let from = from(random, odd, written);
    let mut fields = format!(
        "{first}\r\n{}: {via}\r\nMax-Forwards: 70\r\n{unknown}{}: {from}\r\n{}: <sip:12345@hotline.example>;tag={}\r\n{}: {}\r\n{}: {} {}\r\n",
        name("Via", "v"),
        name("From", "f"),
        name("To", "t"),
        written.to_tag,
        name("Call-ID", "i"),
        written.call_id,
        name("CSeq", "CSeq"),
        written.cseq,
        written.method,
    );
    if !has(NoContentLength) {
        fields.push_str(&format!("{}: {}\r\n", name("Content-Length", "l"), written.body.len()));
    }
    fields + "\r\n"
}

fn swapped(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }).collect()
}
