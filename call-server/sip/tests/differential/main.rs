//! Our parser and rsip 0.4 read the same generated, valid messages. Where they differ, one of the oddities of the message must explain it,
//! and the table says which: it can neither hide an error of ours nor grow stale. `cargo xtask differential` asks rsipstack and ezk, too.

mod written;

use fastrand::Rng;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::HeadersExt;
use std::collections::BTreeSet;
use written::Oddity::{
    BracketInQuotes, BranchInQuotes, CompactNames, EscapedQuote, EscapedUser, Folding, IpV6Reference, Latin1, NoBrackets, NoContentLength,
    OddCase, SpaceBeforeColon, SpacedParameters, SpacedVia, TagInQuotes, TelUri, TrailingBytes, UnderscoreHost, UnknownField,
    UnknownMethod, UserParameter, ViasInOneField, WildCallId,
};
use written::{Oddity, Reading, message, ours, text};

/// Each oddity, and why rsip reads it differently; `None` if it does not.
const TABLE: [(Oddity, Option<&str>); 23] = [
    (CompactNames, Some("it does not know `v: f: t: i: l:` and misses those fields")),
    (OddCase, None),
    (SpaceBeforeColon, Some("it takes the space for a part of the name, and the message for broken")),
    (Folding, Some("it ends a field at its first line break, so what is folded is lost")),
    (TrailingBytes, Some("it does not cut the body at Content-Length")),
    (NoContentLength, None),
    (ViasInOneField, None),
    (SpacedVia, Some("it wants the slashes without spaces")),
    (SpacedParameters, Some("it keeps the spaces")),
    (BranchInQuotes, Some("it knows no quoted values and finds no branch")),
    (TagInQuotes, Some("it knows no quoted values and refuses the field")),
    (BracketInQuotes, Some("it takes `<` in a quoted display name for the address")),
    (EscapedQuote, None),
    (Latin1, Some("one byte that is not UTF-8 costs the whole message")),
    (NoBrackets, None),
    (UserParameter, None),
    (EscapedUser, None),
    (TelUri, Some("it knows no `tel:`")),
    (IpV6Reference, Some("it cuts a host at its first colon")),
    (UnderscoreHost, None),
    (UnknownMethod, Some("it knows only the methods of its list")),
    (WildCallId, None),
    (UnknownField, None),
];

fn theirs(packet: &[u8]) -> Result<Reading, rsip::Error> {
    let message = rsip::SipMessage::try_from(packet)?;
    let (via, from, to) = (message.via_header()?.typed()?, message.from_header()?.typed()?, message.to_header()?.typed()?);
    let cseq = message.cseq_header()?.typed()?;
    let (status, body) = match &message {
        rsip::SipMessage::Request(request) => (None, request.body().clone()),
        rsip::SipMessage::Response(response) => (Some(response.status_code().code()), response.body().clone()),
    };
    Ok(Reading {
        status,
        method: cseq.method.to_string(),
        call_id: message.call_id_header()?.value().to_owned(),
        cseq: cseq.seq,
        branch: via.branch().map(|branch| branch.value().to_owned()).unwrap_or_default(),
        via_host: via.uri.host_with_port.host.to_string(),
        from_user: from.uri.auth.as_ref().map(|auth| auth.user.clone()).unwrap_or_default(),
        from_tag: from.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        to_tag: to.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        body,
    })
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
fn each_oddity_is_understood_by_us_and_explains_the_differences() {
    let mut random = Rng::with_seed(0x4475);
    let mut wrong = Vec::new();
    for (oddity, why) in TABLE {
        let mut different = None;
        for _ in 0..200 {
            let (packet, written) = message(&mut random, &[oddity].into());
            assert_eq!(ours(&packet), written, "{oddity:?}: {}", text(&packet));
            different = different.or_else(|| (theirs(&packet).ok() != Some(written)).then(|| text(&packet)));
        }
        match (why, different) {
            (None, None) | (Some(_), Some(_)) => {}
            (Some(_), None) => wrong.push(format!("{oddity:?} makes no difference any more: correct the table")),
            (None, Some(packet)) => wrong.push(format!("{oddity:?} makes a difference that the table does not explain: {packet}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn oddities_together_are_understood_by_us() {
    let mut random = Rng::with_seed(0x5118);
    for _ in 0..3_000 {
        let mut odd: BTreeSet<Oddity> = TABLE.into_iter().map(|(oddity, _)| oddity).filter(|_| random.bool()).collect();
        // Without an end nobody could tell what does not belong, and a semicolon needs brackets (section 20.10).
        for (one, other) in [(TrailingBytes, NoContentLength), (UserParameter, NoBrackets)] {
            if odd.contains(&one) {
                odd.remove(&other);
            }
        }
        let (packet, written) = message(&mut random, &odd);
        assert_eq!(ours(&packet), written, "{odd:?}: {}", text(&packet));
    }
}
