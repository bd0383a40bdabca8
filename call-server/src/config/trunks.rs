//! `[[trunks]]` and `[dialling]`: from the file as written to what the edge and the plan need to know of carriers and their numbers.

use super::fault::Fault;
use super::resolve::{Resolver, twice};
use super::written::{At, Block};
use crate::probing::ProbeSettings;
use crate::sip::{CarrierSettings, Network, PhoneSettings, RegistrationSettings, TrunkSettings};
use call_core::plan::{
    Dialling, KeyMode, NumberRule, NumberRules, NumberShape, Plan, Srtp, TargetPlan, TrunkCodec, TrunkNumbers, TrunkPlan, TrunkVoice,
};
use shared::model::{PhoneNumber, TrunkId};
use sip_core::digest::{Account, HashFunction};
use sip_core::message::{Scheme, Uri};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Most targets of one trunk.
const MAX_TARGETS: usize = 16;
/// Longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 256;
/// Shortest and longest registration that is asked for, in ms.
const REGISTRATION_MS: std::ops::RangeInclusive<u64> = 60_000..=86_400_000;
/// Most often and most rarely that a target is asked whether it is there, in ms.
const OPTIONS_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;
/// Shortest and longest registration of a phone, in ms.
const PHONE_MS: std::ops::RangeInclusive<u64> = 30_000..=86_400_000;
/// Most often and most rarely that a test call is made, in ms.
const PROBE_MS: std::ops::RangeInclusive<u64> = 1_000..=86_400_000;
/// More channels than any carrier sells.
const MAX_CHANNELS: u64 = 100_000;

/// A trunk as the edge sees it and as the plan sees it.
pub(super) struct Trunk {
    pub(super) settings: TrunkSettings,
    pub(super) plan: TrunkPlan,
}

impl Resolver<'_> {
    pub(super) fn trunks(&mut self) -> Vec<Trunk> {
        let written = self.written;
        let mut trunks: Vec<Trunk> = Vec::new();
        for block in written.all("trunks") {
            let Some(trunk) = self.trunk(block) else { continue };
            for other in &trunks {
                self.compare_trunks(block.line, &other.settings, &trunk.settings);
            }
            trunks.push(trunk);
        }
        trunks
    }

    fn compare_trunks(&mut self, line: Option<usize>, other: &TrunkSettings, trunk: &TrunkSettings) {
        if other.id == trunk.id {
            self.faults.push(twice(line, "trunk id", &trunk.id.to_string()));
        }
        if other.name == trunk.name {
            self.faults.push(twice(line, "trunk name", &trunk.name));
        }
        for source in trunk.sources.iter().filter(|source| other.sources.contains(source)) {
            let what = format!("{source} is a source of both trunk {} and trunk {}", other.name, trunk.name);
            self.faults.push(Fault { line, what, remedy: "Name each source in one trunk only.".to_owned() });
        }
    }

    fn trunk(&mut self, block: &Block) -> Option<Trunk> {
        let id = self.id(block, "trunk");
        let kind = block.text("kind").and_then(|kind| match kind.value {
            "carrier" => Some(false),
            "probe" => Some(true),
            other => self.fault(kind.line, format!("unknown kind of trunk: {other}"), "Write \"carrier\" or \"probe\"."),
        });
        let targets = self.targets(block);
        let plan = self.trunk_plan(block, targets);
        let carrier = self.carrier(block, plan.clone().unwrap_or_default());
        let sources = block.texts("sources").and_then(|At { line, value }| {
            if value.is_empty()
                && block.text("registrar").is_none()
                && block.texts("targets").is_none_or(|targets| targets.value.is_empty())
            {
                return self.fault(line, "the trunk has no sources, so no call could come in over it", "Name its IP addresses.");
            }
            value.iter().map(|text| self.ip(line, "a source of the trunk", text)).collect::<Option<Vec<_>>>()
        });
        let name = block.text("name")?.value.to_owned();
        let settings = TrunkSettings { id: TrunkId(id?), name, sources: sources?, probe: kind?, carrier: carrier? };
        Some(Trunk { settings, plan: plan? })
    }

    fn trunk_plan(&mut self, block: &Block, targets: Option<Vec<TargetPlan>>) -> Option<TrunkPlan> {
        let [caller_in, dialled_in, caller_out, dialled_out] =
            ["caller_in", "dialled_in", "caller_out", "dialled_out"].map(|key| self.rules(block, key));
        let (max_in, max_out) = (self.channels(block, "max_in"), self.channels(block, "max_out"));
        let (priority, weight) = (self.rank(block, "priority"), self.rank(block, "weight"));
        let outbound = self.shapes(block, "outbound");
        let voice = self.trunk_voice(block);
        if let (Some(targets), Some(TrunkVoice { srtp: Srtp::Required, .. })) = (&targets, &voice) {
            self.only_secured(block, targets)?;
        }
        let shown_number = match block.text("shown_number") {
            Some(At { line, value }) => self.plain_number(line, value).map(Some),
            None => Some(None),
        };
        Some(TrunkPlan {
            name: block.text("name")?.value.to_owned(),
            max_in: max_in?,
            max_out: max_out?,
            outbound: outbound?,
            priority: priority?,
            weight: weight?,
            numbers: TrunkNumbers { caller_in: caller_in?, dialled_in: dialled_in?, caller_out: caller_out?, dialled_out: dialled_out? },
            shown_number: shown_number?,
            hides_number: block.flag("hide_number")?.value,
            voice: voice?,
            targets: targets?,
        })
    }

    fn trunk_voice(&mut self, block: &Block) -> Option<TrunkVoice> {
        let codecs = self.codecs(block);
        let keys = block.text("keys").and_then(|At { line, value }| match value {
            "rfc4733" => Some(KeyMode::Rfc4733),
            "info" => Some(KeyMode::Info),
            "in_band" => Some(KeyMode::InBand),
            other => self.fault(line, format!("unknown way to tell keys: {other}"), "Write \"rfc4733\", \"info\" or \"in_band\"."),
        });
        let srtp = block.text("srtp").and_then(|At { line, value }| match value {
            "off" => Some(Srtp::Off),
            "optional" => self.only_over_tls(line, Srtp::Optional),
            "required" => self.only_over_tls(line, Srtp::Required),
            other => self.fault(line, format!("unknown srtp: {other}"), "Write \"off\", \"optional\" or \"required\"."),
        });
        Some(TrunkVoice { codecs: codecs?, keys: keys?, srtp: srtp?, nat: block.flag("nat")?.value })
    }

    /// The keys stand in the signalling: without TLS everybody on the way could read them.
    fn only_over_tls(&mut self, line: Option<usize>, srtp: Srtp) -> Option<Srtp> {
        let is_tls = |block: &Block| block.text("transport").is_some_and(|transport| transport.value.eq_ignore_ascii_case("tls"));
        if self.written.all("sip_listen").any(is_tls) {
            return Some(srtp);
        }
        self.fault(line, "srtp needs SIP over TLS, and nothing listens for that", "Add a [[sip_listen]] with transport \"tls\".")
    }

    fn codecs(&mut self, block: &Block) -> Option<Vec<TrunkCodec>> {
        let At { line, value } = block.texts("codecs")?;
        let mut codecs = Vec::new();
        for text in value {
            let codec = match text.to_ascii_uppercase().as_str() {
                "PCMA" => TrunkCodec::Pcma,
                "PCMU" => TrunkCodec::Pcmu,
                "OPUS" => TrunkCodec::Opus,
                _ => return self.fault(line, format!("unknown codec: {text}"), "Name PCMA, PCMU or Opus."),
            };
            if codecs.contains(&codec) {
                return self.fault(line, format!("the codec {text} is named twice"), "Remove one of the two.");
            }
            codecs.push(codec);
        }
        if codecs.iter().all(|codec| *codec == TrunkCodec::Opus) {
            return self.fault(line, "codecs names neither PCMA nor PCMU, which every carrier has", "Add one of them, such as at the end.");
        }
        Some(codecs)
    }

    /// Where encryption is required no call goes to a place that TLS does not lead to.
    fn only_secured(&mut self, block: &Block, targets: &[TargetPlan]) -> Option<()> {
        let proxy = block.text("proxy");
        let line = proxy.as_ref().map_or_else(|| block.texts("targets").and_then(|targets| targets.line), |proxy| proxy.line);
        let uris = proxy.map_or_else(|| targets.iter().map(|target| target.uri.as_str()).collect(), |proxy| vec![proxy.value]);
        match uris.into_iter().find(|uri| is_plain(uri)) {
            Some(plain) => {
                let what = format!("srtp is required, and {plain} is reached without TLS: no call would go there");
                self.fault(line, what, "Write it as \"sip:sbc.carrier.example;transport=tls\", if the carrier has TLS.")
            }
            None => Some(()),
        }
    }

    fn targets(&mut self, block: &Block) -> Option<Vec<TargetPlan>> {
        let At { line, value } = block.texts("targets")?;
        if value.len() > MAX_TARGETS {
            return self.fault(line, format!("the trunk has {} targets", value.len()), format!("Name at most {MAX_TARGETS}."));
        }
        value.iter().map(|text| self.target(line, text)).collect()
    }

    /// `"sip:sbc.carrier.example"`, with priority and weight behind it if they are not 1.
    fn target(&mut self, line: Option<usize>, text: &str) -> Option<TargetPlan> {
        let mut words = text.split_whitespace();
        let uri = self.sip_uri(line, "a target of the trunk", words.next().unwrap_or_default())?;
        let numbers: Vec<_> = words.map(str::parse::<u16>).collect();
        match *numbers.as_slice() {
            [] => Some(TargetPlan { uri, priority: 1, weight: 1 }),
            [Ok(priority)] => Some(TargetPlan { uri, priority, weight: 1 }),
            [Ok(priority), Ok(weight)] => Some(TargetPlan { uri, priority, weight }),
            _ => {
                let what = format!("behind the URI of a target stand at most its priority and its weight: {text}");
                self.fault(line, what, "Write it as \"sip:sbc.carrier.example 1 100\".")
            }
        }
    }

    fn sip_uri(&mut self, line: Option<usize>, what: &str, text: &str) -> Option<String> {
        let uri = Uri::parse(text.as_bytes());
        let is_sip = uri.is_some_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && uri.user.is_none() && !uri.has_headers());
        if is_sip {
            return Some(text.to_owned());
        }
        self.fault(
            line,
            format!("{what} is no SIP URI without a user: {text}"),
            "Write it as \"sip:sbc.carrier.example\" or \"sip:192.0.2.10:5060\".",
        )
    }

    fn carrier(&mut self, block: &Block, plan: TrunkPlan) -> Option<CarrierSettings> {
        let registrar = self.optional_uri(block, "registrar", "the registrar");
        let proxy = self.optional_uri(block, "proxy", "the outbound proxy");
        let account = self.account(block);
        let wanted = self.time(block, "register_seconds", REGISTRATION_MS);
        let options_ms = match block.milliseconds("options_seconds") {
            Some(At { value: 0, .. }) => Some(None),
            Some(_) => self.time(block, "options_seconds", OPTIONS_MS).map(Some),
            None => None,
        };
        let (account, registrar, proxy) = (account?, registrar?, proxy?);
        if registrar.is_some() && account.is_none() {
            return self.fault(block.line, "a trunk with a registrar needs user and secret_file", "Add what the carrier gave you.");
        }
        let wanted_s = u32::try_from(wanted? / 1000).unwrap_or(u32::MAX);
        Some(CarrierSettings {
            plan,
            proxy,
            account,
            registration: registrar.map(|registrar| RegistrationSettings { registrar, wanted_s }),
            nat: block.flag("nat")?.value,
            options_ms: options_ms?,
        })
    }

    /// `Some(None)` if it is not there.
    fn optional_uri(&mut self, block: &Block, key: &str, what: &str) -> Option<Option<String>> {
        match block.text(key) {
            Some(At { line, value }) => self.sip_uri(line, what, value).map(Some),
            None => Some(None),
        }
    }

    /// `Some(None)` if the trunk has no account.
    fn account(&mut self, block: &Block) -> Option<Option<Account>> {
        match (block.text("user"), block.text("secret_file")) {
            (None, None) => Some(None),
            (Some(user), Some(file)) => {
                let secret = self.secret(&file)?;
                Some(Some(Account { user: user.value.to_owned(), secret }))
            }
            (Some(one), None) | (None, Some(one)) => {
                self.fault(one.line, "user and secret_file belong together, and one of them is missing", "Add the other one.")
            }
        }
    }

    fn secret(&mut self, file: &At<&str>) -> Option<String> {
        let path = self.path(file.value);
        let read = std::fs::metadata(&path).and_then(|metadata| Ok((metadata.permissions().mode(), std::fs::read_to_string(&path)?)));
        let (mode, text) = match read {
            Ok(found) => found,
            Err(error) => {
                return self.fault(
                    file.line,
                    format!("{} cannot be read: {error}", path.display()),
                    "Put the carrier's secret there, alone on its line.",
                );
            }
        };
        if mode & 0o077 != 0 {
            return self.fault(file.line, format!("{} can be read by others", path.display()), format!("chmod 600 {}", path.display()));
        }
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() || secret.len() > MAX_SECRET_BYTES || secret.contains(char::is_control) {
            return self.fault(
                file.line,
                format!("{} holds no secret", path.display()),
                "Put the carrier's secret there, alone on its line.",
            );
        }
        Some(secret.to_owned())
    }

    /// 0 is without limit.
    fn channels(&mut self, block: &Block, key: &str) -> Option<Option<u32>> {
        let count = self.count(block, key, 0..=MAX_CHANNELS)?;
        Some(u32::try_from(count).ok().filter(|count| *count > 0))
    }

    fn rank(&mut self, block: &Block, key: &str) -> Option<u16> {
        let rank = self.count(block, key, 0..=u64::from(u16::MAX))?;
        u16::try_from(rank).ok()
    }

    fn rules(&mut self, block: &Block, key: &str) -> Option<NumberRules> {
        let At { line, value } = block.texts(key)?;
        let rules = value.iter().map(|text| match text.parse::<NumberRule>() {
            Ok(rule) => Some(rule),
            Err(error) => self.fault(line, format!("{key} has a rule that is none: {text}"), format!("Such as \"+86 -> 0\": {error}.")),
        });
        rules.collect::<Option<_>>().map(NumberRules)
    }

    fn shapes(&mut self, block: &Block, key: &str) -> Option<Vec<NumberShape>> {
        let At { line, value } = block.texts(key)?;
        let shapes = value.iter().map(|text| match text.parse::<NumberShape>() {
            Ok(shape) => Some(shape),
            Err(error) => {
                self.fault(line, format!("{key} has no beginning of numbers: {text}"), format!("Such as \"0\" or \"1/11\": {error}."))
            }
        });
        shapes.collect()
    }

    fn plain_number(&mut self, line: Option<usize>, text: &str) -> Option<PhoneNumber> {
        match PhoneNumber::parse(text) {
            Ok(number) => Some(number),
            Err(error) => self.fault(line, format!("{text:?} is no number: {error}"), "Write it as \"051912345\"."),
        }
    }

    /// `[probe]`
    pub(super) fn probe(&mut self, plan: &Plan) -> Option<ProbeSettings> {
        let block = self.written.all("probe").next()?;
        let every = self.time(block, "every_seconds", PROBE_MS);
        let At { line, value } = block.text("number")?;
        let number = self.plain_number(line, value)?;
        if !plan.numbers.contains_key(&number) {
            return self.fault(line, format!("{value} in [probe] is none of [[numbers]]"), "Name a number that leads to a queue.");
        }
        Some(ProbeSettings { number: number.as_str().to_owned(), every: Duration::from_millis(every?) })
    }

    /// `[phones]`
    pub(super) fn phones(&mut self) -> Option<PhoneSettings> {
        let block = self.written.all("phones").next()?;
        let At { line, value } = block.texts("networks")?;
        let networks = value.iter().map(|text| match Network::parse(text) {
            Some(network) => Some(network),
            None => self.fault(line, format!("{text} in [phones] is no network"), "Write it as 10.1.0.0/16, or as a single address."),
        });
        let networks: Option<Vec<Network>> = networks.collect();
        let max_bindings = self.count(block, "max_bindings", 1..=20);
        let (shortest, longest) = (self.time(block, "shortest_seconds", PHONE_MS), self.time(block, "longest_seconds", PHONE_MS));
        let algorithms = block.text("digest").and_then(|At { line, value }| match value {
            "md5" => Some(vec![HashFunction::Md5]),
            "sha-256" => Some(vec![HashFunction::Sha256]),
            "both" => Some(vec![HashFunction::Sha256, HashFunction::Md5]),
            other => self.fault(line, format!("unknown digest: {other}"), "Write \"md5\", \"sha-256\" or \"both\"."),
        });
        let seconds = |time_ms: u64| u32::try_from(time_ms / 1_000).unwrap_or(u32::MAX);
        let (shortest, longest) = (shortest?, longest?);
        if shortest > longest {
            return self.fault(line, "shortest_seconds in [phones] is more than longest_seconds", "Choose a shorter one.");
        }
        let lifetime_s = (seconds(shortest), seconds(longest));
        Some(PhoneSettings { networks: networks?, max_bindings: max_bindings?, lifetime_s, algorithms: algorithms? })
    }

    pub(super) fn dialling(&mut self) -> Dialling {
        let Some(block) = self.written.all("dialling").next() else { return Dialling::default() };
        let [emergency, local, national, international] =
            ["emergency", "local", "national", "international"].map(|key| self.shapes(block, key).unwrap_or_default());
        Dialling { emergency, local, national, international }
    }
}

/// The plan's part of them.
pub(super) fn plans(trunks: &[Trunk]) -> BTreeMap<TrunkId, TrunkPlan> {
    trunks.iter().map(|trunk| (trunk.settings.id, trunk.plan.clone())).collect()
}

/// Whether a URI is never reached over TLS. Of a name without a port the name service says how it is reached (RFC 3263 section 4.1).
fn is_plain(uri: &str) -> bool {
    let Some(uri) = Uri::parse(uri.as_bytes()).filter(|uri| uri.scheme == Scheme::Sip) else { return false };
    match uri.parameter("transport").flatten() {
        Some(transport) => !transport.eq_ignore_ascii_case(b"tls"),
        None => uri.port.is_some() || uri.address().is_some(),
    }
}
