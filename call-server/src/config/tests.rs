//! The configuration read as an operator writes it.

use super::*;
use crate::scratch::Scratch;
use call_core::plan::{
    Callers, Exit, KeyAction, KeyMode, LastAgentRule, Membership, NoAnswer, ReasonRule, Srtp, Strategy, TrunkCodec, TrunkVoice,
};
use shared::model::{AgentId, NotReadyReason, QueueId, TrunkId};
use std::os::unix::fs::PermissionsExt;

/// A site's folder with a certificate.
struct Folder(Scratch);

impl Folder {
    fn with_certificate() -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path("tls")).expect("a folder is made");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate is made");
        std::fs::write(scratch.path("tls/server.pem"), made.cert.pem()).expect("written");
        std::fs::write(scratch.path("tls/server.key"), made.signing_key.serialize_pem()).expect("written");
        Self(scratch)
    }

    fn secret(&self, name: &str, mode: u32) {
        let path = self.0.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        std::fs::write(&path, "kq3v-9d2m\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its own file");
    }
}

#[test]
fn the_example_is_complete_and_without_fault() {
    let folder = Folder::with_certificate();
    let site = parse(folder.0.folder(), &example()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.sip.listen.to_string(), "0.0.0.0:5060");
    assert_eq!(site.media.homes[0].advertise.to_string(), "192.0.2.1", "media follows sip");
    assert_eq!(site.media.ports, 20000..=29999);
    assert_eq!(site.media.music.len(), 76_800, "built-in music");
    assert_eq!(site.database, folder.0.path("hotline.db"));
    let queue = &site.bare_plan().queues[&QueueId(1)];
    assert_eq!((queue.ring_ms, queue.wrap_up_ms, queue.max_wait_ms, queue.max_waiting), (15_000, 30_000, 0, 500));
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_core() {
    let folder = Folder::with_certificate();
    let site = parse(folder.0.folder(), &example()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.bare_plan().limits, call_core::plan::Limits::default());
}

#[test]
fn a_key_that_is_uncommented_in_the_example_is_still_without_fault() {
    let folder = Folder::with_certificate();
    std::fs::write(folder.0.path("music.alaw"), [0xD5; 160]).expect("written");
    std::fs::create_dir(folder.0.path("prompts")).expect("written");
    std::fs::write(folder.0.path("prompts/please-wait.alaw"), [0x55; 80]).expect("written");
    folder.secret("keys/carrier.secret", 0o600);
    for (from, to) in [("server.pem", "carrier-ca.pem"), ("server.pem", "sip.pem"), ("server.key", "sip.key")] {
        let path = |name: &str| folder.0.path("tls").join(name);
        std::fs::copy(path(from), path(to)).expect("copied");
    }
    let all: String = example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let site = parse(folder.0.folder(), &all).unwrap_or_else(|faults| panic!("{faults}\n{all}"));
    assert_eq!(site.media.music, [0xD5; 160]);
    assert!(site.media.prompts.contains(&("please-wait".to_owned(), vec![0x55; 80])));
}

#[test]
fn several_listeners_each_have_a_transport_an_address_and_what_it_needs() {
    let folder = Folder::with_certificate();
    let listener =
        |transport: &str, listen: &str, more: &str| format!("[[sip_listen]]\ntransport = \"{transport}\"\nlisten = \"{listen}\"\n{more}");
    let head = "[sip]\nlisten = \"0.0.0.0:5060\"\nadvertise = \"192.0.2.1\"\n";
    let text = [
        head.to_owned(),
        listener("tcp", "0.0.0.0:5060", ""),
        listener("TLS", "192.0.2.7:5061", ""),
        listener("udp", "[::]:5060", "advertise = \"2001:db8::1\"\n"),
    ];
    let site = parse(folder.0.folder(), &text.concat()).unwrap_or_else(|faults| panic!("{faults}"));
    let told: Vec<String> = site
        .sip
        .listeners()
        .iter()
        .map(|one| format!("{} {} as {} {}", one.transport, one.listen, one.advertise, one.tls.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            "udp 0.0.0.0:5060 as 192.0.2.1 false",
            "tcp 0.0.0.0:5060 as 192.0.2.1 false",
            "tls 192.0.2.7:5061 as 192.0.2.7 true",
            "udp [::]:5060 as 2001:db8::1 false",
        ]
    );
    for (bad, why) in [
        (listener("sctp", "0.0.0.0:5062", ""), "udp, tcp or tls"),
        (listener("tcp", "localhost:5062", ""), "no IP address and port"),
        (listener("udp", "0.0.0.0:5060", ""), "listened to twice"),
        (listener("udp", "[::]:5062", ""), "not how others reach"),
        (listener("tls", "0.0.0.0:5061", "certificate = \"absent.pem\"\n"), "absent.pem"),
        ("[site]\nname = \"x\"\n".to_owned() + &listener("tcp", "[::1]:5062", "advertise = \"192.0.2.1\"\n"), "not how others reach"),
    ] {
        let faults = parse(folder.0.folder(), &(head.to_owned() + &bad)).err().unwrap_or_else(|| panic!("{bad} is taken"));
        assert!(faults.to_string().contains(why) && faults.0.len() == 1, "{bad}: {faults}");
    }
}

/// A file with a fault of every kind.
const FAULTY: &str = r#"[sip]
listen = "localhost:5060"
listn = "0.0.0.0:5060"
[media]
ports = "9-1"
agents = 5
music = "none.alaw"
[gateway]
certificate = "tls/absent.pem"
[[trunks]]
id = 1
name = "a"
sources = ["127.0.0.1", "trunk.example"]
[[trunks]]
id = 0
name = "b"
sources = []
kind = "carier"
[[queues]]
id = 1
name = "政务咨询"
ring_seconds = -1.5
[[queues]]
id = 1
name = "again"
max_waiting = 0
[[numbers]]
number = "12345"
queue = 9
[[numbers]]
number = "12345 x"
[limits]
grace_seconds = "30"
[colour]
"#;

/// What is told about it.
const TOLD: &str = r#"hotline.toml:2: listen in [sip] is no IP address and port: localhost:5060
    Write it as 192.0.2.1:5060 or [2001:db8::1]:5060.
hotline.toml:3: unknown key listn in [sip]
    Known keys: listen, advertise, name_server, authorities, trunk_requests_per_second, trace_numbers.
hotline.toml:5: ports in [media] is no range of at least two ports: 9-1
    Write it as "20000-29999".
hotline.toml:6: agents in [media] is a text, not 5
    Write it as: agents = "0.0.0.0:30000"
hotline.toml:7: SITE/none.alaw cannot be read: No such file or directory (os error 2)
    Correct the path, or remove the line for the built-in music.
hotline.toml:9: SITE/tls/absent.pem cannot be read: No such file or directory (os error 2)
    Name a PEM file; `call-server init` makes one.
hotline.toml:13: a source of the trunk is no IP address: trunk.example
    Write it as 192.0.2.1; names are not looked up.
hotline.toml:15: 0 is no trunk id
    Choose a number from 1 to 4294967295.
hotline.toml:17: the trunk has no sources, so no call could come in over it
    Name its IP addresses.
hotline.toml:18: unknown kind of trunk: carier
    Write "carrier" or "probe".
hotline.toml:22: ring_seconds in [queues] is a number of seconds from 0, not -1.5
    Write it as: ring_seconds = 15
hotline.toml:23: queue id 1 is used twice
    Choose another, or remove one of the two.
hotline.toml:26: max_waiting is 0
    Choose from 1 to 100000.
hotline.toml:29: there is no queue 9
    Known queues: 1.
hotline.toml:30: queue is missing in [[numbers]]
    Add it, such as: queue = 1
hotline.toml:31: "12345 x" is no number: a number has only digits, * and #, and may begin with +
    Write it as the carrier sends it, such as "12345".
hotline.toml:33: grace_seconds in [limits] is a number of seconds from 0, not of type string
    Write it as: grace_seconds = 30
hotline.toml:34: unknown section [colour]
    Known sections: site, sip, sip_listen, media, gateway, recording, store, trunks, skills, queues, lists, calendars, days, reasons, storm, dispositions, canned_texts, numbers, nodes, phones, phone_agents, probe, dialling, calls, limits."#;

#[test]
fn all_faults_are_told_at_once_with_line_and_remedy() {
    let folder = Folder::with_certificate();
    let faults = parse(folder.0.folder(), FAULTY).err().expect("nothing of this is right");
    let told = faults.to_string().replace(&folder.0.folder().display().to_string(), "SITE");
    assert_eq!(told, TOLD);
}

/// A trunk with a fault in each of its keys.
const FAULTY_TRUNK: &str = r#"[sip]
listen = "127.0.0.1:5060"
[[trunks]]
id = 1
name = "carrier"
sources = []
targets = ["sip:a.example 1 2 3", "tel:12345"]
registrar = "carrier.example"
proxy = "sip:user@proxy.example"
user = "hotline"
max_in = 200000
caller_in = ["+86 > 0"]
dialled_out = ["1/11 -> +86 1"]
outbound = ["0/99"]
shown_number = "x"
nat = "yes"
codecs = ["G729"]
keys = "morse"
srtp = "required"
options_seconds = 0.5
register_seconds = 5
[[trunks]]
id = 2
name = "carrier"
sources = ["127.0.0.1"]
user = "hotline"
secret_file = "open.secret"
weight = 70000
[dialling]
local = ["local"]
"#;

const TOLD_OF_TRUNKS: &str = r#"hotline.toml:7: behind the URI of a target stand at most its priority and its weight: sip:a.example 1 2 3
    Write it as "sip:sbc.carrier.example 1 100".
hotline.toml:8: the registrar is no SIP URI without a user: carrier.example
    Write it as "sip:sbc.carrier.example" or "sip:192.0.2.10:5060".
hotline.toml:9: the outbound proxy is no SIP URI without a user: sip:user@proxy.example
    Write it as "sip:sbc.carrier.example" or "sip:192.0.2.10:5060".
hotline.toml:10: user and secret_file belong together, and one of them is missing
    Add the other one.
hotline.toml:11: max_in is 200000
    Choose from 0 to 100000.
hotline.toml:12: caller_in has a rule that is none: +86 > 0
    Such as "+86 -> 0": a rule has an arrow, such as "+86 -> 0".
hotline.toml:13: dialled_out has a rule that is none: 1/11 -> +86 1
    Such as "+86 -> 0": a number has only digits, * and #, may begin with +, and has at most 32 of them.
hotline.toml:14: outbound has no beginning of numbers: 0/99
    Such as "0" or "1/11": behind the slash stands how many digits the whole number has, 1 to 32.
hotline.toml:15: "x" is no number: a number has only digits, * and #, and may begin with +
    Write it as "051912345".
hotline.toml:16: nat in [trunks] is true or false, not of type string
    Write it as: nat = false
hotline.toml:17: unknown codec: G729
    Name PCMA, PCMU or Opus.
hotline.toml:18: unknown way to tell keys: morse
    Write "rfc4733", "info" or "in_band".
hotline.toml:19: srtp needs SIP over TLS, and nothing listens for that
    Add a [[sip_listen]] with transport "tls".
hotline.toml:20: options_seconds is 0.5 seconds
    Choose from 1 to 3600.
hotline.toml:21: register_seconds is 5 seconds
    Choose from 60 to 86400.
hotline.toml:27: SITE/open.secret can be read by others
    chmod 600 SITE/open.secret
hotline.toml:28: weight is 70000
    Choose from 0 to 65535.
hotline.toml:30: local has no beginning of numbers: local
    Such as "0" or "1/11": a number has only digits, * and #, may begin with +, and has at most 32 of them."#;

#[test]
fn every_fault_of_a_trunk_is_told_with_its_line() {
    let folder = Folder::with_certificate();
    folder.secret("open.secret", 0o644);
    let faults = parse(folder.0.folder(), FAULTY_TRUNK).err().expect("nothing of this is right");
    let told = faults.to_string().replace(&folder.0.folder().display().to_string(), "SITE");
    assert_eq!(told, TOLD_OF_TRUNKS);
}

#[test]
fn a_trunk_is_known_by_its_registrar_its_targets_or_its_sources() {
    let folder = Folder::with_certificate();
    folder.secret("carrier.secret", 0o600);
    let text = "[sip]\nlisten = \"127.0.0.1:5060\"\n[[trunks]]\nid = 3\nname = \"c\"\nsources = []\nregistrar = \"sip:c.example\"\n\
        user = \"u\"\nsecret_file = \"carrier.secret\"\nregister_seconds = 600\ntargets = [\"sip:a.example 2 9\", \"sip:b.example\"]\n\
        max_in = 30\noutbound = [\"\"]\ncaller_in = [\"+86 -> 0\"]\noptions_seconds = 0\n";
    let site = parse(folder.0.folder(), text).unwrap_or_else(|faults| panic!("{faults}"));
    let carrier = &site.sip.trunks[0].carrier;
    let registration = carrier.registration.as_ref().expect("it registers");
    assert_eq!((registration.registrar.as_str(), registration.wanted_s), ("sip:c.example", 600));
    assert_eq!(carrier.account.as_ref().map(|account| account.secret.as_str()), Some("kq3v-9d2m"), "without the end of its line");
    assert_eq!((carrier.options_ms, carrier.nat), (None, false));
    let plan = &site.bare_plan().trunks[&shared::model::TrunkId(3)];
    let targets: Vec<_> = plan.targets.iter().map(|target| (target.uri.as_str(), target.priority, target.weight)).collect();
    assert_eq!(targets, [("sip:a.example", 2, 9), ("sip:b.example", 1, 1)]);
    assert_eq!((plan.max_in, plan.max_out, plan.numbers.caller_in.0.len()), (Some(30), None, 1));
}

#[test]
fn a_trunk_that_requires_encryption_has_no_target_without_tls() {
    let folder = Folder::with_certificate();
    let told = |srtp: &str, more: &str| {
        let text = format!(
            "[sip]\nlisten = \"127.0.0.1:5060\"\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"127.0.0.1:5061\"\n\
             certificate = \"tls/server.pem\"\nkey = \"tls/server.key\"\n[[trunks]]\nid = 3\nname = \"c\"\nsources = []\nsrtp = \"{srtp}\"\n{more}\n"
        );
        parse(folder.0.folder(), &text).err().map(|faults| faults.to_string()).unwrap_or_default()
    };
    for plain in ["sip:192.0.2.1", "sip:a.example:5060", "sip:a.example;transport=tcp"] {
        let targets = format!("targets = [\"sips:a.example\", \"{plain} 2\"]");
        assert!(told("required", &targets).contains(&format!("{plain} is reached without TLS")), "{plain}");
        assert_eq!(told("optional", &targets), "", "{plain}");
    }
    for secured in ["sips:192.0.2.1", "sip:192.0.2.1:5061;transport=TLS", "sip:a.example"] {
        assert_eq!(told("required", &format!("targets = [\"{secured}\"]")), "", "{secured}");
    }
    let proxy = |uri: &str| told("required", &format!("targets = [\"sip:192.0.2.1\"]\nproxy = \"{uri}\""));
    assert!(proxy("sip:192.0.2.2").contains("sip:192.0.2.2 is reached without TLS"));
    assert_eq!(proxy("sips:p.example"), "", "a proxy over TLS leads everywhere");
}

#[test]
fn a_trunks_voice_is_as_written_and_voice_over_ipv6_follows_the_listener() {
    let folder = Folder::with_certificate();
    let text = "[sip]\nlisten = \"127.0.0.1:5060\"\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"[::1]:5061\"\n\
        certificate = \"tls/server.pem\"\nkey = \"tls/server.key\"\n[[trunks]]\nid = 3\nname = \"c\"\nsources = [\"127.0.0.1\"]\n\
        codecs = [\"opus\", \"PCMU\"]\nkeys = \"info\"\nsrtp = \"optional\"\nhide_number = true\n";
    let site = parse(folder.0.folder(), text).unwrap_or_else(|faults| panic!("{faults}"));
    let plan = &site.bare_plan().trunks[&TrunkId(3)];
    let voice = TrunkVoice { codecs: vec![TrunkCodec::Opus, TrunkCodec::Pcmu], keys: KeyMode::Info, srtp: Srtp::Optional, nat: false };
    assert_eq!((&plan.voice, plan.hides_number), (&voice, true));
    let homes: Vec<_> = site.media.homes.iter().map(|home| (home.bind.to_string(), home.advertise.to_string())).collect();
    assert_eq!(homes, [("127.0.0.1".to_owned(), "127.0.0.1".to_owned()), ("::1".to_owned(), "::1".to_owned())]);
    let own = parse(folder.0.folder(), &text.replace("[[trunks]]", "[media]\nadvertise_ipv6 = \"2001:db8::9\"\n[[trunks]]"));
    let own = own.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(
        (own.media.homes[1].bind.to_string(), own.media.homes[1].advertise.to_string()),
        ("::1".to_owned(), "2001:db8::9".to_owned())
    );
    let wrong = text.replace("[[trunks]]", "[media]\nbind_ipv6 = \"192.0.2.1\"\n[[trunks]]").replace("[\"opus\", \"PCMU\"]", "[\"Opus\"]");
    let told = parse(folder.0.folder(), &wrong).err().expect("two faults").to_string();
    assert!(told.contains("192.0.2.1 in [media] is no IPv6 address") && told.contains("codecs names neither PCMA nor PCMU"), "{told}");
    let bare =
        parse(folder.0.folder(), "[sip]\nlisten = \"127.0.0.1:5060\"\n[[trunks]]\nid = 3\nname = \"c\"\nsources = [\"127.0.0.1\"]\n");
    assert_eq!(bare.unwrap_or_else(|faults| panic!("{faults}")).bare_plan().trunks[&TrunkId(3)].voice, TrunkVoice::default());
}

#[test]
fn the_dialling_defaults_of_the_schema_are_those_of_the_core() {
    let folder = Folder::with_certificate();
    let site = parse(folder.0.folder(), &example()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.bare_plan().dialling, call_core::plan::Dialling::default());
}

#[test]
fn broken_toml_is_told_alone_with_its_line() {
    let faults = parse(Path::new("."), "[sip]\nlisten = \"0.0.0.0:5060\nnonsense").err().expect("not TOML");
    assert_eq!(faults.0.len(), 1);
    assert_eq!(faults.0[0].line, Some(2), "{faults}");
    assert!(faults.0[0].what.starts_with("not TOML: "), "{faults}");
}

#[test]
fn an_address_that_is_every_address_needs_one_to_advertise() {
    let folder = Folder::with_certificate();
    let faults = parse(folder.0.folder(), "[sip]\nlisten = \"0.0.0.0:5060\"\n").err().expect("nobody can answer to 0.0.0.0");
    assert_eq!(faults.0.len(), 1, "{faults}");
    assert_eq!(faults.0[0].line, Some(2));
    assert!(parse(folder.0.folder(), "[sip]\nlisten = \"127.0.0.1:5060\"\n").is_ok());
}

#[test]
fn voice_ports_do_not_overlap_with_other_listeners() {
    let folder = Folder::with_certificate();
    let text = "[sip]\nlisten = \"127.0.0.1:20002\"\n[media]\nports = \"20000-20099\"\nagents = \"127.0.0.1:30000\"\n";
    let faults = parse(folder.0.folder(), text).err().expect("SIP listens within the range");
    assert_eq!(faults.to_string().lines().next(), Some("hotline.toml:4: ports in [media] holds port 20002, where SIP listens"));
}

#[test]
fn a_site_may_limit_its_calls_and_not_to_none() {
    let folder = Folder::with_certificate();
    let text = |limit: &str| format!("[sip]\nlisten = \"127.0.0.1:5060\"\n[media]\n{limit}");
    let limit = |told: &str| parse(folder.0.folder(), &text(told)).map(|site| site.media.call_limit).map_err(|faults| faults.to_string());
    assert_eq!((limit(""), limit("call_limit = 400")), (Ok(None), Ok(Some(400))));
    let faults = limit("call_limit = 0").expect_err("a hotline that takes no call");
    assert_eq!(faults, "hotline.toml:4: call_limit is 0\n    Choose from 1 to 32768.");
}

#[test]
fn fractions_of_a_second_are_kept() {
    let folder = Folder::with_certificate();
    let text = "[sip]\nlisten = \"127.0.0.1:5060\"\n[[queues]]\nid = 3\nname = \"q\"\nring_seconds = 0.25\nwrap_up_seconds = 0\n";
    let site = parse(folder.0.folder(), text).unwrap_or_else(|faults| panic!("{faults}"));
    let queue = &site.bare_plan().queues[&QueueId(3)];
    assert_eq!((queue.ring_ms, queue.wrap_up_ms), (250, 0));
}

#[test]
fn the_plan_leaves_out_disabled_people_and_queues_that_are_gone() {
    let folder = Folder::with_certificate();
    let site = parse(folder.0.folder(), &example()).unwrap_or_else(|faults| panic!("{faults}"));
    let person = |agent, disabled| AgentEntry {
        agent: AgentId(agent),
        number: format!("100{agent}"),
        name: "陈静".to_owned(),
        role: crate::store::Role::Agent,
        disabled,
        queues: vec![QueueId(1), QueueId(8)],
        memberships: [(QueueId(1), Membership { tier: 2, ..Membership::default() }), (QueueId(8), Membership::default())].into(),
        skills: [(SkillId(1), 7)].into(),
        auto_answer_ms: None,
        class: call_core::plan::PermissionClass::Local,
        phone: Some("8001".to_owned()),
        voice: shared::model::VoiceDevice::Phone,
    };
    let plan = site.plan(&[person(1, false), person(2, true)], Callers::default());
    assert_eq!(plan.agents.len(), 1);
    let agent = &plan.agents[&AgentId(1)];
    assert_eq!((agent.queues.as_slice(), agent.memberships.len(), agent.memberships[&QueueId(1)].tier), ([QueueId(1)].as_slice(), 1, 2));
    assert_eq!(agent.skills, [(SkillId(1), 7)].into());
    let place = PhonePlace::Registered(PhoneNumber::parse("8001").expect("a number"));
    assert_eq!(agent.phone, Some(AgentPhone { place, first: shared::model::VoiceDevice::Phone, unattended: None }));
}

#[test]
fn a_folder_without_a_site_is_told_with_what_to_do() {
    let faults = load(Path::new("/nonexistent")).err().expect("no such site");
    assert!(faults.to_string().contains("call-server init"), "{faults}");
}

#[test]
fn phones_without_a_desktop_are_counted_out_and_checked() {
    let folder = Folder::with_certificate();
    let with = |block: &str| parse(folder.0.folder(), &format!("{}\n[[phone_agents]]\n{block}\n", example()));
    let site = with("number = \"0098\"\ncount = 3\nqueues = [\"1\"]\ncontact = \"sip:{number}@127.0.0.1:5070\"");
    let site = site.unwrap_or_else(|faults| panic!("{faults}"));
    let phones: Vec<_> = site
        .phone_agents
        .iter()
        .filter(|agent| agent.number != "7001")
        .map(|agent| (agent.number.as_str(), agent.queues.as_slice()))
        .collect();
    assert_eq!(phones, [("0098", [QueueId(1)].as_slice()), ("0099", &[QueueId(1)]), ("0100", &[QueueId(1)])]);
    let last = site.phone_agents.last().expect("three of them").phone.clone().expect("it is a phone");
    assert!(matches!(&last.place, PhonePlace::Fixed { contact, .. } if contact == "sip:0100@127.0.0.1:5070"), "{last:?}");
    for (block, part) in [
        ("number = \"7001\"\nqueues = [\"99\"]", "no such queue"),
        ("number = \"hello\"\nqueues = [\"1\"]", "numbers from there on"),
        ("number = \"7001\"\nqueues = [\"1\"]\ncontact = \"sip:7001@phone.example\"", "address and no name"),
        ("number = \"7001\"\nqueues = [\"1\"]\ncontact = \"sips:7001@127.0.0.1\"", "over UDP"),
        ("number = \"7001\"\nqueues = [\"1\"]\n[[phone_agents]]\nnumber = \"7001\"\nqueues = [\"1\"]", "used twice"),
    ] {
        let faults = with(block).err().unwrap_or_else(|| panic!("{block} is faulty")).to_string();
        assert!(faults.contains(part), "{faults}");
    }
}

/// A line with everything that distribution knows.
const DISTRIBUTED: &str = r#"[sip]
listen = "127.0.0.1:5060"
[[skills]]
id = 4
name = "方言"
[[queues]]
id = 1
name = "政务咨询"
strategy = "progressive"
progressive_more = 2
progressive_seconds = 4
skills = ["方言 from 5"]
relax = ["方言 from 3 after 20", "方言 preferred after 40"]
tiers = ["2 after 30"]
weight = -5
slope = 2
returned_bonus = 60
guard_seconds = 300
no_answer = "not_ready after 3"
wrap_up_until_saved = "yes"
mask_keys = "yes"
wrap_up_extensions = 2
wrap_up_extension_seconds = 20
when_full = "queue 2"
when_nobody = "refuse"
when_all_not_ready = "queue 2"
calendar = 9
when_closed = "announce night"
last_agent_days = 14
announce_first_seconds = 20
announce_every_seconds = 45
announce_position = "yes"
announce_texts = ["please_wait"]
keys = ["1 callback", "9 queue 2"]
[[queues]]
id = 2
name = "夜间"
[lists]
block_by = ["agent", "supervisor"]
shared_numbers = ["0519872100*"]
[[calendars]]
id = 9
name = "工作日"
hours = ["mon-fri 09:00-12:00 13:00-18:00", "sat 09:00-12:00"]
[[days]]
day = "2026-10-10"
name = "国庆调休"
kind = "like fri"
[[reasons]]
reason = "meal"
max_seconds = 2700
max_agents = 3
[storm]
per_second = 50
per_trunk = ["1 120"]
"#;

#[test]
fn every_rule_of_distribution_can_be_written() {
    let folder = Folder::with_certificate();
    let site = parse(folder.0.folder(), DISTRIBUTED).unwrap_or_else(|faults| panic!("{faults}"));
    let queue = &site.bare_plan().queues[&QueueId(1)];
    assert_eq!(queue.strategy, Strategy::Progressive { more: 2, every_ms: 4_000 });
    let need = &queue.needs[0];
    assert_eq!((need.skill, need.minimum), (SkillId(4), 5));
    assert_eq!([0, 20_000, 40_000].map(|waited| need.minimum_after(waited)), [5, 3, 0]);
    assert_eq!(queue.tiers, [(2, 30_000)].into());
    assert_eq!((queue.priority.weight, queue.priority.slope, queue.priority.returned, queue.priority.guard_ms), (-5, 2, 60, 300_000));
    assert_eq!(queue.no_answer, NoAnswer::NotReadyAfter { misses: 3 });
    assert!(queue.mask_keys);
    assert_eq!((queue.wrap_up.until_saved, queue.wrap_up.extensions, queue.wrap_up.extension_ms), (true, 2, 20_000));
    let overflow = queue.overflow.clone();
    assert_eq!((overflow.full, overflow.timeout), (Exit::Queue(QueueId(2)), Exit::Refuse));
    assert_eq!((overflow.nobody_signed_in, overflow.all_not_ready), (Some(Exit::Refuse), Some(Exit::Queue(QueueId(2)))));
    assert_eq!(
        (site.lists.block.as_slice(), site.lists.favour.as_slice()),
        ([Role::Agent, Role::Supervisor].as_slice(), [Role::Supervisor].as_slice())
    );
    assert_eq!(site.bare_plan().queues[&QueueId(2)].overflow, call_core::plan::Overflow::default(), "absent keys change nothing");
    assert_eq!(queue.hours.as_ref().map(|rule| (rule.calendar.0, rule.closed.clone())), Some((9, Exit::Announce("night".into()))));
    assert_eq!(queue.last_agent, Some(LastAgentRule { within_days: 14, hold_ms: 20_000 }));
    let told = &queue.announcements;
    assert_eq!((told.first_ms, told.every_ms, told.position, told.waiting_time, told.comfort.len()), (20_000, 45_000, true, false, 1));
    assert_eq!((queue.keys.len(), queue.keys.get(&'1')), (2, Some(&KeyAction::CallBack)));
    let plan = site.plan(&[], Callers::default());
    assert_eq!((plan.callers.shared.len(), plan.calendars.calendars.len(), plan.calendars.days.len()), (1, 1, 1));
    assert_eq!(plan.reasons[&NotReadyReason::Meal], ReasonRule { max_ms: 2_700_000, max_agents: 3 });
    assert_eq!((plan.storm.per_second, plan.storm.per_trunk.get(&TrunkId(1))), (50, Some(&120)));
}

/// Lines that are put in the place of `ring_seconds = 15` of a sound queue, and what is told about each.
const WRONG_RULES: [(&str, &str); 16] = [
    ("calendar = 3", "there is no calendar 3"),
    ("when_closed = \"announce\"", "when_closed cannot be \"announce\""),
    ("keys = [\"1 dance\"]", "keys cannot hold \"1 dance\""),
    ("announce_position = \"maybe\"", "announce_position cannot be \"maybe\""),
    ("strategy = \"fewest\"", "strategy cannot be \"fewest\""),
    ("progressive_more = 0", "progressive_more is 0"),
    ("skills = [\"法律 from 3\"]", "there is no skill 法律"),
    ("skills = [\"方言 from 12\"]", "skills cannot hold \"方言 from 12\""),
    ("relax = [\"方言 from 2 after 20\"]", "relax names 方言, for which skills does not ask"),
    ("tiers = [\"2 after 20\", \"2 after 30\"]", "tier 2 is used twice"),
    ("weight = \"high\"", "weight in [queues] is a whole number, not of type string"),
    ("weight = -9000000", "weight is -9000000"),
    ("no_answer = \"not_ready after 0\"", "no_answer cannot be \"not_ready after 0\""),
    ("when_full = \"queue 9\"", "when_full leads to queue 9, which does not exist"),
    ("when_timeout = \"queue 1\"", "when_timeout leads back into the same queue"),
    ("when_full = \"wait\"", "when_full cannot be \"wait\""),
];

#[test]
fn every_wrong_rule_is_told_with_its_line() {
    let folder = Folder::with_certificate();
    for (line, told) in WRONG_RULES {
        let text =
            format!("[sip]\nlisten = \"127.0.0.1:5060\"\n[[skills]]\nid = 1\nname = \"方言\"\n[[queues]]\nid = 1\nname = \"q\"\n{line}\n");
        let faults = parse(folder.0.folder(), &text).err().unwrap_or_else(|| panic!("{line} should be a fault"));
        assert_eq!(faults.to_string().lines().next(), Some(format!("hotline.toml:9: {told}").as_str()), "{faults}");
        assert_eq!(faults.0.len(), 1, "{faults}");
    }
}

#[test]
fn a_reload_names_the_sections_that_need_a_restart() {
    let folder = Folder::with_certificate();
    let site = |text: &str| parse(folder.0.folder(), text).unwrap_or_else(|faults| panic!("{faults}"));
    let old = site(DISTRIBUTED);
    assert_eq!(site(DISTRIBUTED).needs_restart(&old), Vec::<&str>::new());
    let text = DISTRIBUTED.replace("strategy = \"progressive\"", "strategy = \"linear\"");
    assert_eq!(site(&text).needs_restart(&old), Vec::<&str>::new(), "a queue is live");
    let text = DISTRIBUTED.replace("127.0.0.1:5060", "127.0.0.1:5070") + "[site]\nname = \"12315\"\n";
    assert_eq!(site(&text).needs_restart(&old), ["sip", "site"]);
}

#[test]
fn limits_of_calls_are_read_and_a_warning_comes_before_its_end() {
    let folder = Folder::with_certificate();
    let with = |lines: &str| parse(folder.0.folder(), &format!("{}\n", example().replace("[calls]", &format!("[calls]\n{lines}"))));
    let site = with("hold_most_seconds = 240\ntransfers_most = 2\nresidual_warning_seconds = 60\nresidual_most_seconds = 90");
    let limits = site.unwrap_or_else(|faults| panic!("{faults}")).bare_plan().limits.functions;
    assert_eq!((limits.held_most_ms, limits.max_transfers, limits.residual_warning_ms, limits.residual_ms), (240_000, 2, 60_000, 90_000));
    let faults = with("hold_reminder_seconds = 900\nresidual_warning_seconds = 7200").err().expect("both are too long").to_string();
    assert!(faults.contains("hold_reminder_seconds in [calls] is not shorter than hold_most_seconds"), "{faults}");
    assert!(faults.contains("residual_warning_seconds in [calls] is not shorter than residual_most_seconds"), "{faults}");
}
