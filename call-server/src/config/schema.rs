//! The one definition of `hotline.toml`: sections, keys, kinds, defaults and their explanations.
//!
//! The reader checks against it and the commented example is printed from it, so the two cannot disagree.

/// One section.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// Written `[[name]]`, any number of times.
    pub(super) repeated: bool,
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

/// One key of a section.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) worth: Worth,
    pub(super) about: &'static str,
}

/// What may stand behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Whole,
    /// `true` or `false`.
    Flag,
    /// Seconds, also with a fraction; read as milliseconds.
    Seconds,
    /// A whole number that may be negative.
    Points,
}

/// What holds if the key is absent. The texts are TOML.
pub(super) enum Worth {
    Needed { example: &'static str },
    Default(&'static str),
    Optional { example: &'static str },
}

impl Worth {
    pub(super) fn example(&self) -> &'static str {
        match self {
            Self::Needed { example } | Self::Optional { example } | Self::Default(example) => example,
        }
    }
}

pub(super) const fn key(name: &'static str, kind: Kind, worth: Worth, about: &'static str) -> Key {
    Key { name, kind, worth, about }
}

use super::schema_trunks::{DIALLING, PHONES, PROBE, TRUNKS};
use super::{calendars, functions, nodes, papers, phone_agents, queues, service};
use Kind::{Seconds, Text, Whole};
use Worth::{Default, Needed, Optional};

/// The whole file, in the order in which it is best read.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "site",
        repeated: false,
        about: "The hotline itself.",
        keys: &[
            key("name", Text, Default("\"12345\""), "Shown to operators and in reports."),
            key("area_code", Text, Optional { example: "\"0519\"" }, "区号 of the city: completes a caller's fixed number without one."),
        ],
    },
    Section {
        name: "sip",
        repeated: false,
        about: "Where the carrier's calls come in.",
        keys: &[
            key("listen", Text, Default("\"0.0.0.0:5060\""), "UDP address and port to listen on."),
            key(
                "advertise",
                Text,
                Optional { example: "\"192.0.2.1\"" },
                "Our IP address as the carrier sees it; needed if listen is 0.0.0.0.",
            ),
            key(
                "name_server",
                Text,
                Optional { example: "\"192.0.2.53:53\"" },
                "DNS server that knows where others are; those of the system (/etc/resolv.conf) if absent.",
            ),
            key(
                "authorities",
                Text,
                Optional { example: "\"tls/carrier-ca.pem\"" },
                "Who signs the carriers' certificates (PEM), for calls of ours over TLS; the system's list if absent.",
            ),
            key(
                "trunk_requests_per_second",
                Whole,
                Default("500"),
                "New calls and other new requests that one address of a trunk may bring; more are dropped.",
            ),
            key(
                "trace_numbers",
                Text,
                Default("\"masked\""),
                "\"masked\", or \"shown\": telephone numbers in the log of raw messages (--log trace). Secrets never stand there.",
            ),
        ],
    },
    Section {
        name: "sip_listen",
        repeated: true,
        about: "A further place where SIP is listened to, beside [sip] listen.",
        keys: &[
            key("transport", Text, Needed { example: "\"tls\"" }, "\"udp\", \"tcp\" or \"tls\"."),
            key(
                "listen",
                Text,
                Needed { example: "\"0.0.0.0:5061\"" },
                "Address and port; [::] is every IPv6 address and no IPv4 address.",
            ),
            key(
                "advertise",
                Text,
                Optional { example: "\"192.0.2.1\"" },
                "Our IP address as others see it here; if absent the one listened on, or that of [sip].",
            ),
            key(
                "certificate",
                Text,
                Optional { example: "\"tls/sip.pem\"" },
                "Certificate chain (PEM) for TLS; that of [gateway] if absent.",
            ),
            key("key", Text, Optional { example: "\"tls/sip.key\"" }, "Its private key (PEM); that of [gateway] if absent."),
        ],
    },
    Section {
        name: "media",
        repeated: false,
        about: "Where the voices travel.",
        keys: &[
            key(
                "bind",
                Text,
                Optional { example: "\"0.0.0.0\"" },
                "IP address to bind the carrier's voice ports on; as [sip] listen if absent.",
            ),
            key(
                "advertise",
                Text,
                Optional { example: "\"192.0.2.1\"" },
                "IP address that the carrier sends voice to; as [sip] advertise if absent.",
            ),
            key(
                "bind_ipv6",
                Text,
                Optional { example: "\"2001:db8::1\"" },
                "The same over IPv6; that of the first [[sip_listen]] on an IPv6 address if absent.",
            ),
            key(
                "advertise_ipv6",
                Text,
                Optional { example: "\"2001:db8::1\"" },
                "IPv6 address that the carrier sends voice to; that of the first [[sip_listen]] on one if absent.",
            ),
            key("ports", Text, Default("\"20000-29999\""), "UDP ports for calls of the carrier: two for each call."),
            key("agents", Text, Default("\"0.0.0.0:30000\""), "The one UDP address for all desktops' encrypted voice."),
            key(
                "music",
                Text,
                Optional { example: "\"music.alaw\"" },
                "Music while waiting: A-law, 8 kHz, mono, without a header; built-in music if absent.",
            ),
            key(
                "prompts",
                Text,
                Optional { example: "\"prompts\"" },
                "Folder of spoken prompts beside the built-in ones: WAV (8 kHz, mono, 16 bits) or .alaw, named by the file without the ending.",
            ),
            key("threads", Whole, Optional { example: "1" }, "Threads that carry voices; one less than the machine has cores if absent."),
            key(
                "call_limit",
                Whole,
                Optional { example: "400" },
                "Calls that are taken at a time; later ones hear busy. By the time that a plain call takes: one of three or listened to counts for four, one with Opus for eight. For a machine that has other work; if absent, as many as its threads can carry.",
            ),
        ],
    },
    Section {
        name: "gateway",
        repeated: false,
        about: "Where desktops sign in: one TCP port, always TLS.",
        keys: &[
            key("listen", Text, Default("\"0.0.0.0:8443\""), "TCP address and port to listen on."),
            key("certificate", Text, Default("\"tls/server.pem\""), "Certificate chain (PEM); paths are relative to this file."),
            key("key", Text, Default("\"tls/server.key\""), "Private key (PEM)."),
        ],
    },
    Section {
        name: "recording",
        repeated: false,
        about: "All calls are recorded.",
        keys: &[
            key("folder", Text, Default("\"recordings\""), "Folder of the recordings."),
            key(
                "key",
                Text,
                Default("\"keys/recording.key\""),
                "File of the master keys that seal the recordings; keep a copy apart from their backups.",
            ),
            key("alarm_percent", Whole, Default("85"), "From how full a disk an alarm is raised. Recording never stops by itself."),
            key("expire_percent", Whole, Default("95"), "From how full a disk recordings older than keep_days are deleted, oldest first."),
            key("keep_days", Whole, Optional { example: "180" }, "Days that every recording is kept; if absent nothing is ever deleted."),
            key(
                "compact_after_days",
                Whole,
                Optional { example: "30" },
                "Days after which a recording is made small (Opus, a fifth of the size) between 1 and 5 at night; if absent never.",
            ),
        ],
    },
    Section {
        name: "store",
        repeated: false,
        about: "Calls, agents and callers.",
        keys: &[key("database", Text, Default("\"hotline.db\""), "SQLite file.")],
    },
    TRUNKS,
    queues::SKILLS,
    queues::QUEUES,
    queues::LISTS,
    calendars::CALENDARS,
    calendars::DAYS,
    service::REASONS,
    service::STORM,
    papers::DISPOSITIONS,
    papers::CANNED_TEXTS,
    Section {
        name: "numbers",
        repeated: true,
        about: "A dialled number and the queue it leads to.",
        keys: &[
            key("number", Text, Needed { example: "\"12345\"" }, "As the carrier sends it."),
            key("queue", Whole, Needed { example: "1" }, "The id of a queue."),
            key(
                "calendar",
                Whole,
                Optional { example: "1" },
                "Id of [[calendars]]: outside its hours when_closed holds; always open if absent.",
            ),
            key("when_closed", Text, Default("\"refuse\""), "\"refuse\", \"queue ID\" or \"announce NAME\"."),
        ],
    },
    nodes::NODES,
    PHONES,
    phone_agents::PHONE_AGENTS,
    PROBE,
    DIALLING,
    functions::CALLS,
    Section {
        name: "limits",
        repeated: false,
        about: "Limits that are the same everywhere.",
        keys: &[
            key("grace_seconds", Seconds, Default("30"), "A desktop that is gone may come back within this without being lost."),
            key("lost_seconds", Seconds, Default("300"), "A lost agent is signed out after this."),
            key("lost_call_seconds", Seconds, Default("60"), "A citizen whose agent is gone goes back to the head of the line after this."),
            key("media_open_seconds", Seconds, Default("5"), "A call whose voice path is not open by then has failed."),
            key("probe_seconds", Seconds, Default("60"), "A probe call is ended after this."),
            key(
                "exclude_seconds",
                Seconds,
                Default("60"),
                "An agent who missed a call is not offered it again for this long, unless alone.",
            ),
            key("farewell_seconds", Seconds, Default("30"), "A text at the door or on the way out is cut after this."),
            key("remembered_days", Whole, Default("30"), "How long a number's contacts are remembered for 首问负责 and 重复来电."),
            key("max_interactions", Whole, Default("2000"), "Calls at once."),
        ],
    },
];

/// Finds a section by its name.
pub(super) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// One section to be written with real values; keys that are not named stay commented out.
pub(crate) struct Filled {
    /// Its name.
    pub(crate) section: &'static str,
    /// Key and value, the value as TOML.
    pub(crate) values: Vec<(&'static str, String)>,
}

/// The commented example: every section and key, needed ones with an example value, the others commented out with their defaults.
pub(crate) fn example() -> String {
    let needed = |section: &'static Section| Filled {
        section: section.name,
        values: section
            .keys
            .iter()
            .filter(|key| matches!(key.worth, Needed { .. }) || key.name == "advertise" && section.name == "sip")
            .map(|key| (key.name, key.worth.example().to_owned()))
            .collect(),
    };
    render(&SECTIONS.iter().map(needed).collect::<Vec<_>>())
}

/// The commented file with these values. A repeated section without values is shown as a comment.
pub(crate) fn render(filled: &[Filled]) -> String {
    let mut text = String::from("# Configuration of a call server site. `call-server config check` lists every fault of this file.\n");
    for section in SECTIONS {
        text.push_str(&format!("\n# {}\n", section.about));
        let mut given = filled.iter().filter(|filled| filled.section == section.name).peekable();
        if given.peek().is_none() {
            render_section(&mut text, section, &[], section.repeated);
        }
        for (place, one) in given.enumerate() {
            if place > 0 {
                text.push('\n');
            }
            render_section(&mut text, section, &one.values, false);
        }
    }
    text
}

fn render_section(text: &mut String, section: &Section, values: &[(&'static str, String)], as_comment: bool) {
    let comment = if as_comment { "# " } else { "" };
    let head = if section.repeated { format!("[[{}]]", section.name) } else { format!("[{}]", section.name) };
    text.push_str(&format!("{comment}{head}\n"));
    for key in section.keys {
        let given = values.iter().find(|(name, _)| *name == key.name);
        let line = match given {
            Some((name, value)) => format!("{name} = {value}"),
            None => format!("# {} = {}", key.name, key.worth.example()),
        };
        text.push_str(&format!("{line:<40}  # {}\n", key.about));
    }
}
