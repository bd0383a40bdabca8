//! Our parser, rsip, rsipstack and ezk read the same generated, valid messages. Every difference is explained in the table, each with the
//! place in the other's source or the section of the standard that decides; a difference that is not there fails, and so does one that is
//! there and is none.
#![cfg(test)]

mod ezk;
mod rsip_reading;
mod rsipstack_reading;
#[path = "../../call-server/sip/tests/differential/written.rs"]
mod written;

use fastrand::Rng;
use std::collections::BTreeSet;
use written::Oddity::{
    BracketInQuotes, BranchInQuotes, CompactNames, EscapedQuote, EscapedUser, Folding, IpV6Reference, Latin1, NoBrackets, NoContentLength,
    OddCase, SpaceBeforeColon, SpacedParameters, SpacedVia, TagInQuotes, TelUri, TrailingBytes, UnderscoreHost, UnknownField,
    UnknownMethod, UserParameter, ViasInOneField, WildCallId,
};
use written::{Oddity, Reading, message, ours, text};

/// The others, in the order of the table.
const OTHERS: [(&str, fn(&[u8]) -> Result<Reading, String>); 3] =
    [("rsip 0.4.0", rsip_reading::read), ("rsipstack 0.7.14", rsipstack_reading::read), ("ezk-sip-types 0.6.5", ezk::read)];

/// Why one of the others finds something else; `SAME` if it does not.
type Why = Option<&'static str>;
const SAME: Why = None;

/// Each oddity, and why rsip, rsipstack and ezk read it differently.
const TABLE: [(Oddity, [Why; 3]); 23] = [
    (CompactNames, [Some("it does not know `v: f: t: i: l:` and misses those fields (headers/header.rs:135)"), SAME, SAME]),
    (OddCase, [SAME, SAME, SAME]),
    (SpaceBeforeColon, [Some("it takes the space for a part of the name, and the message for broken"), SAME, SAME]),
    (Folding, [Some("it ends a field at its first line break (headers/header.rs:287)"), SAME, SAME]),
    (TrailingBytes, [Some("it does not cut the body at Content-Length (message/request.rs:206)"), SAME, SAME]),
    (NoContentLength, [SAME, Some("it takes a missing Content-Length for 0: the body is lost (sip/parser.rs:46)"), SAME]),
    (ViasInOneField, [SAME, SAME, SAME]),
    (SpacedVia, [Some("it wants the slashes without spaces"), SAME, SAME]),
    (SpacedParameters, [Some("it keeps the spaces and finds no tag"), Some("it keeps the spaces and finds no tag"), SAME]),
    (
        BranchInQuotes,
        [
            Some("it knows no quoted values and finds no branch"),
            Some("it parts parameters within quotes: another branch (sip/uri.rs:606)"),
            SAME,
        ],
    ),
    (
        TagInQuotes,
        [
            Some("it knows no quoted values and refuses the field"),
            Some("it parts parameters within quotes: another tag (sip/uri.rs:606)"),
            SAME,
        ],
    ),
    (
        BracketInQuotes,
        [
            Some("it takes `<` in a quoted display name for the address"),
            Some("it takes the first `<`, even within quotes: another caller (headers/typed/parse_helpers.rs:58)"),
            SAME,
        ],
    ),
    (EscapedQuote, [SAME, SAME, Some("its quoted string ends at an escaped quote (parse.rs: `is_not`)")]),
    (
        Latin1,
        [
            Some("one byte that is not UTF-8 costs the whole message"),
            Some("a line that is not UTF-8 ends the header: what follows is lost (sip/parser.rs:184)"),
            Some("it wants every line to be UTF-8"),
        ],
    ),
    (NoBrackets, [SAME, SAME, SAME]),
    (UserParameter, [SAME, Some("it cuts the parameters off before it looks for `@`: no user"), SAME]),
    (EscapedUser, [SAME, SAME, Some("it decodes the user part, and could not echo it as it came")]),
    (TelUri, [Some("it knows no `tel:`"), Some("it finds no user in a `tel:`"), Some("it refuses every scheme but sip and sips")]),
    (IpV6Reference, [Some("it cuts a host at its first colon (host_with_port/mod.rs:214)"), SAME, SAME]),
    (UnderscoreHost, [SAME, SAME, Some("it ends the host at the underscore and loses what follows, the branch too (host.rs: `label`)")]),
    (
        UnknownMethod,
        [Some("it knows only the methods of its list (common/method.rs:46)"), Some("it knows only the methods of its list"), SAME],
    ),
    (WildCallId, [SAME, SAME, SAME]),
    (UnknownField, [SAME, SAME, SAME]),
];

#[test]
fn without_oddities_all_parsers_find_the_same() {
    let mut random = Rng::with_seed(0x3261);
    for _ in 0..3_000 {
        let (packet, written) = message(&mut random, &BTreeSet::new());
        assert_eq!(ours(&packet), written, "{}", text(&packet));
        for (name, read) in OTHERS {
            let theirs = read(&packet).unwrap_or_else(|error| panic!("{name}: {error}: {}", text(&packet)));
            assert_eq!(theirs, written, "{name}: {}", text(&packet));
        }
    }
}

#[test]
fn each_difference_is_explained() {
    let mut random = Rng::with_seed(0x4475);
    let mut wrong = Vec::new();
    for (oddity, reasons) in TABLE {
        let mut different: [Option<String>; 3] = Default::default();
        for _ in 0..300 {
            let (packet, written) = message(&mut random, &[oddity].into());
            assert_eq!(ours(&packet), written, "{oddity:?}: {}", text(&packet));
            for ((_, read), different) in OTHERS.into_iter().zip(&mut different) {
                let theirs = read(&packet);
                if different.is_none() && theirs.as_ref() != Ok(&written) {
                    *different = Some(format!("{theirs:?}\n  for {written:?}\n  in {:?}", text(&packet)));
                }
            }
        }
        for (((name, _), why), different) in OTHERS.into_iter().zip(reasons).zip(different) {
            match (why, different) {
                (None, None) | (Some(_), Some(_)) => {}
                (Some(why), None) => wrong.push(format!("{oddity:?}, {name}: no difference any more, though \"{why}\"")),
                (None, Some(told)) => wrong.push(format!("{oddity:?}, {name}: not explained:\n  {told}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
