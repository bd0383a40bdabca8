//! The keys of `[[trunks]]` and `[dialling]`; a part of the schema.

use super::schema::Kind::{Flag, Seconds, Text, Texts, Whole};
use super::schema::Worth::{Default, Needed, Optional};
use super::schema::{Key, Section, key};

/// `[[trunks]]`
pub(super) const TRUNKS: Section = Section {
    name: "trunks",
    repeated: true,
    about: "A line to a carrier. Calls from any other address are refused. Number rules: \"BEGINNING[/DIGITS] -> REPLACEMENT\".",
    keys: TRUNK_KEYS,
};

const TRUNK_KEYS: &[Key] = &[
    key("id", Whole, Needed { example: "1" }, "Never reused: records name the trunk by it."),
    key("name", Text, Needed { example: "\"carrier\"" }, "For logs and commands."),
    key(
        "sources",
        Texts,
        Needed { example: "[\"192.0.2.10\", \"192.0.2.11\"]" },
        "IP addresses that the trunk sends from; [] if it is known by registrar or targets alone.",
    ),
    key("kind", Text, Default("\"carrier\""), "\"carrier\", or \"probe\" for test calls that count nowhere and ring nobody."),
    key("max_in", Whole, Default("0"), "Calls from it at once; the next one hears busy. 0 is without limit."),
    key("max_out", Whole, Default("0"), "Calls to it at once. 0 is without limit."),
    key("caller_in", Texts, Default("[]"), "Rules for the caller's number of its calls, such as [\"+86 -> 0\"]."),
    key("dialled_in", Texts, Default("[]"), "Rules for the dialled number of its calls."),
    key(
        "targets",
        Texts,
        Default("[]"),
        "Where calls to it go: \"URI [priority [weight]]\", smaller priorities first. \"sip:sbc.carrier.example;transport=tls\" is over TLS.",
    ),
    key("outbound", Texts, Default("[]"), "Beginnings of the numbers that it takes, such as [\"0\", \"1/11\"]; \"\" is every number."),
    key("priority", Whole, Default("1"), "Among trunks that take a number the smallest is tried first."),
    key("weight", Whole, Default("1"), "Share of the calls among trunks of equal priority."),
    key("caller_out", Texts, Default("[]"), "Rules for the calling number of calls to it, such as [\"0 -> +86\"]."),
    key("dialled_out", Texts, Default("[]"), "Rules for the dialled number of calls to it, such as [\"1/11 -> +861\"]."),
    key("shown_number", Text, Optional { example: "\"051912345\"" }, "Calling number of calls to it; the caller's own if absent."),
    key(
        "registrar",
        Text,
        Optional { example: "\"sip:carrier.example\"" },
        "Where we register, if the carrier wants that; needs user and secret_file.",
    ),
    key("register_seconds", Seconds, Default("3600"), "How long a registration shall last; the registrar may grant less."),
    key("user", Text, Optional { example: "\"hotline\"" }, "Our user name with the carrier, for registration and for challenges."),
    key("secret_file", Text, Optional { example: "\"keys/carrier.secret\"" }, "File with our secret, readable by nobody else."),
    key(
        "proxy",
        Text,
        Optional { example: "\"sip:proxy.carrier.example\"" },
        "Outbound proxy: every request to the carrier is sent there.",
    ),
    key(
        "nat",
        Flag,
        Default("false"),
        "true if there is address translation on the way: answers go where the request came from, and voice may come from elsewhere than it was announced.",
    ),
    key(
        "codecs",
        Texts,
        Default("[\"PCMA\", \"PCMU\"]"),
        "What may be spoken over it, the liked one first: PCMA, PCMU, Opus. At least one of the first two.",
    ),
    key(
        "keys",
        Text,
        Default("\"rfc4733\""),
        "How keys are told, both ways: \"rfc4733\" (events beside the voice), \"info\" (SIP INFO) or \"in_band\" (tones in the voice).",
    ),
    key(
        "srtp",
        Text,
        Default("\"off\""),
        "Whether voice is encrypted, where the trunk speaks SIP over TLS: \"off\", \"optional\" (if its calls bring keys; ours offer keys, and go plainly where that is refused) or \"required\".",
    ),
    key("hide_number", Flag, Default("false"), "true: calls to it ask that the called person is not shown our number (Privacy: id)."),
    key("options_seconds", Seconds, Default("30"), "How often each target is asked whether it is there; 0 is never."),
];

/// `[phones]`
pub(super) const PHONES: Section = Section {
    name: "phones",
    repeated: false,
    about: "Phones of the house that register here with a secret of their own; see `call-server phone add`.",
    keys: &[
        key("networks", Texts, Default("[]"), "Where they are, such as [\"10.1.0.0/16\"]; from anywhere else nobody can even try."),
        key("max_bindings", Whole, Default("3"), "At how many places one number may be registered; one more replaces the oldest."),
        key("shortest_seconds", Seconds, Default("60"), "Shortest registration that is accepted."),
        key("longest_seconds", Seconds, Default("3600"), "Longest registration that is granted."),
        key("digest", Text, Default("\"md5\""), "\"md5\", which every phone knows, \"sha-256\" or \"both\"."),
    ],
};

/// `[probe]`
pub(super) const PROBE: Section = Section {
    name: "probe",
    repeated: false,
    about: "Test calls by the clock; a failure is a warning in the log and stands in `call-server status`.",
    keys: &[
        key(
            "number",
            Text,
            Optional { example: "\"12345\"" },
            "The number that is called; no test calls if absent. Needs a trunk of kind \"probe\".",
        ),
        key("every_seconds", Seconds, Default("300"), "How often it is called."),
    ],
};

/// `[dialling]`
pub(super) const DIALLING: Section = Section {
    name: "dialling",
    repeated: false,
    about: "What a number is that a phone of the house dials, for its permission class: \"BEGINNING[/DIGITS]\", the most exact one counts.",
    keys: &[
        key("emergency", Texts, Default("[\"110/3\", \"119/3\", \"120/3\", \"122/3\"]"), "Everybody may call them."),
        key("local", Texts, Default("[\"/7\", \"/8\"]"), "市话"),
        key("national", Texts, Default("[\"0\", \"1/11\", \"95/5\", \"+86\"]"), "国内长途"),
        key("international", Texts, Default("[\"00\", \"+\"]"), "国际"),
    ],
};
