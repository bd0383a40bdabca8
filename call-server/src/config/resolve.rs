//! From the file as written to the settings of every room; everything that does not fit is noted with line and remedy.
//!
//! A step that notes a fault returns `None`, so the following steps still look at the rest of the file.

use super::Site;
use super::fault::{Fault, Faults};
use super::queues::Skills;
use super::sounds;
use super::tls::{self, TlsFault};
use super::trunks::{self, Trunk};
use super::written::{At, Block, Written};
use crate::gateway::{GatewayLimits, GatewaySettings};
use crate::media::{Home, MediaSettings};
use crate::recording::RecordingSettings;
use crate::sip::{ListenerSettings, SipSettings};
use call_core::plan::{Calendars, HoursRule, Limits, Plan, QueuePlan};
use shared::model::{PhoneNumber, QueueId};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The music for sites that bring none.
const MUSIC: &[u8] = include_bytes!("../../../assets/sounds/music.alaw");
/// Largest music file: an hour.
const MUSIC_LIMIT_BYTES: u64 = 8_000 * 3_600;
/// Longest ringing, wrap-up and waiting that is not a slip of the pen, in ms.
pub(super) const HOUR_MS: u64 = 3_600_000;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;
/// A century, in days.
const LONGEST_KEPT_DAYS: u64 = 36_500;
/// Fewest ports that make sense: one call.
const PORTS_OF_A_CALL: u16 = 2;
/// More calls at a time no range of ports has room for.
const MOST_CALLS: u64 = 32_768;

/// Resolves the file of the site in `folder`.
pub(super) fn resolve(folder: &Path, written: &Written, faults: Vec<Fault>) -> Result<Site, Faults> {
    let mut resolver = Resolver { folder, written, faults };
    let name = written.text("site", "name").map(|name| name.value.to_owned());
    let trunks = resolver.trunks();
    let sip = resolver.sip(&trunks);
    let media = resolver.media(sip.as_ref());
    let gateway = resolver.gateway();
    let recording = resolver.recording();
    let database = written.text("store", "database").map(|path| resolver.path(path.value));
    let skills = resolver.skills();
    let lists = resolver.lists();
    let plan = resolver.plan(&skills, &trunks);
    if let Some(media) = &media {
        resolver.nodes_are_heard(&plan.nodes, &media.prompts);
    }
    let probe = resolver.probe(&plan);
    let (dispositions, canned_texts) = (resolver.dispositions(), resolver.canned_texts());
    let phone_agents = resolver.phone_agents(&plan.queues);
    let faults = resolver.faults;
    match (name, sip, media, gateway, recording, database, lists) {
        (Some(name), Some(sip), Some(media), Some(gateway), Some(recording), Some(database), Some(lists)) if faults.is_empty() => {
            Ok(Site {
                folder: folder.to_owned(),
                name,
                sip,
                media,
                gateway,
                recording,
                probe,
                database,
                skills,
                phone_agents,
                lists,
                dispositions,
                canned_texts,
                plan,
                prints: written.prints(),
            })
        }
        _ => Err(Faults::of(faults)),
    }
}

pub(super) struct Resolver<'w> {
    folder: &'w Path,
    pub(super) written: &'w Written,
    pub(super) faults: Vec<Fault>,
}

impl Resolver<'_> {
    pub(super) fn fault<T>(&mut self, line: Option<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Option<T> {
        self.faults.push(Fault { line, what: what.into(), remedy: remedy.into() });
        None
    }

    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    pub(super) fn address(&mut self, section: &'static str, key: &str) -> Option<At<SocketAddr>> {
        let At { line, value } = self.written.text(section, key)?;
        match value.parse() {
            Ok(address) => Some(At { line, value: address }),
            Err(_) => {
                let what = format!("{key} in [{section}] is no IP address and port: {value}");
                self.fault(line, what, "Write it as 192.0.2.1:5060 or [2001:db8::1]:5060.")
            }
        }
    }

    pub(super) fn ip(&mut self, line: Option<usize>, what: &str, text: &str) -> Option<IpAddr> {
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => self.fault(line, format!("{what} is no IP address: {text}"), "Write it as 192.0.2.1; names are not looked up."),
        }
    }

    /// An address that others can reach: given, or the fallback if that one is definite.
    pub(super) fn reachable(&mut self, section: &'static str, fallback: At<IpAddr>) -> Option<IpAddr> {
        let (line, address) = match self.written.text(section, "advertise") {
            Some(At { line, value }) => (line, self.ip(line, &format!("advertise in [{section}]"), value)?),
            None => (fallback.line, fallback.value),
        };
        if address.is_unspecified() {
            let what = format!("[{section}] does not say at which address others reach us: {address} is every address of this host");
            return self.fault(line, what, format!("Add to [{section}]: advertise = \"192.0.2.1\" (this host's address)."));
        }
        Some(address)
    }

    pub(super) fn id(&mut self, block: &Block, what: &str) -> Option<u32> {
        let At { line, value } = block.whole("id")?;
        match u32::try_from(value) {
            Ok(id) if id > 0 => Some(id),
            _ => self.fault(line, format!("{value} is no {what} id"), "Choose a number from 1 to 4294967295."),
        }
    }

    fn media(&mut self, sip: Option<&SipSettings>) -> Option<MediaSettings> {
        let ports = self.ports();
        let agents = self.address("media", "agents");
        let music = self.music();
        let prompts = self.prompts();
        let block = self.written.all("media").next();
        let threads = block.and_then(|block| block.whole("threads"));
        let threads = threads.and_then(|threads| usize::try_from(threads.value).ok());
        let bind = match self.written.text("media", "bind") {
            Some(At { line, value }) => self.ip(line, "bind in [media]", value),
            None => sip.map(|sip| sip.listen.ip()),
        };
        // Without a usable [sip] its fault says enough; a second one about the same address would not help.
        let advertise = match (sip, self.written.text("media", "advertise")) {
            (None, None) => None,
            (Some(sip), _) => self.reachable("media", At { line: None, value: sip.advertise }),
            (None, Some(At { line, value })) => self.ip(line, "advertise in [media]", value),
        };
        let (ports, agents) = (ports?, agents?);
        if ports.value.contains(&agents.value.port()) {
            let what = format!("agents in [media] uses port {}, which lies in ports", agents.value.port());
            return self.fault(agents.line, what, "Choose a port outside the range.");
        }
        if let Some(sip) = sip.filter(|sip| ports.value.contains(&sip.listen.port())) {
            let what = format!("ports in [media] holds port {}, where SIP listens", sip.listen.port());
            return self.fault(ports.line, what, "Choose a range without it.");
        }
        let first = Home { bind: bind?, advertise: advertise? };
        let call_limit = match block.filter(|block| block.whole("call_limit").is_some()) {
            Some(block) => Some(self.count(block, "call_limit", 1..=MOST_CALLS)? as u32),
            None => None,
        };
        let second = self.home_ipv6(sip)?.filter(|second| second.advertise.is_ipv6() != first.advertise.is_ipv6());
        Some(MediaSettings {
            homes: std::iter::once(first).chain(second).collect(),
            ports: ports.value,
            agent_listen: agents.value,
            music: music?,
            prompts: prompts?,
            threads,
            call_limit,
        })
    }

    /// Our side for callers over IPv6, if there is one; the outer `None` is a fault.
    fn home_ipv6(&mut self, sip: Option<&SipSettings>) -> Option<Option<Home>> {
        let listener = sip.and_then(|sip| sip.more.iter().find(|listener| listener.listen.is_ipv6()));
        let [bind, advertise] = ["bind_ipv6", "advertise_ipv6"].map(|key| self.written.text("media", key));
        let own = |key: Option<At<&str>>, of: fn(&ListenerSettings) -> IpAddr, resolver: &mut Self| match key {
            Some(At { line, value }) => match value.parse::<IpAddr>() {
                Ok(address) if address.is_ipv6() => Some(Some(address)),
                Ok(_) | Err(_) => resolver.fault(line, format!("{value} in [media] is no IPv6 address"), "Write it as \"2001:db8::1\"."),
            },
            None => Some(listener.map(of)),
        };
        let bind = own(bind, |listener| listener.listen.ip(), self);
        let advertise = own(advertise, |listener| listener.advertise, self);
        let (bind, advertise) = (bind?, advertise?);
        Some(advertise.map(|advertise| Home { bind: bind.unwrap_or(advertise), advertise }))
    }

    fn ports(&mut self) -> Option<At<RangeInclusive<u16>>> {
        let At { line, value } = self.written.text("media", "ports")?;
        let range = value.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse::<u16>().ok()?)));
        match range {
            Some((first, last)) if first > 0 && last.saturating_sub(first) >= PORTS_OF_A_CALL - 1 => Some(At { line, value: first..=last }),
            _ => self.fault(line, format!("ports in [media] is no range of at least two ports: {value}"), "Write it as \"20000-29999\"."),
        }
    }

    fn music(&mut self) -> Option<Vec<u8>> {
        let Some(At { line, value }) = self.written.text("media", "music") else { return Some(MUSIC.to_vec()) };
        let path = self.path(value);
        let size = std::fs::metadata(&path).map(|metadata| metadata.len());
        let read = size.and_then(|size| if size > MUSIC_LIMIT_BYTES { Ok(Vec::new()) } else { std::fs::read(&path) });
        match read {
            Ok(music) if !music.is_empty() => Some(music),
            Ok(_) => self.fault(
                line,
                format!("{} is empty or longer than an hour", path.display()),
                "Use A-law at 8 kHz, mono, without a header.",
            ),
            Err(error) => self.fault(
                line,
                format!("{} cannot be read: {error}", path.display()),
                "Correct the path, or remove the line for the built-in music.",
            ),
        }
    }

    fn prompts(&mut self) -> Option<Vec<(String, Vec<u8>)>> {
        let (line, own) = match self.written.text("media", "prompts") {
            Some(At { line, value }) => (line, sounds::read_folder(&self.path(value))),
            None => (None, Ok(Vec::new())),
        };
        match own.and_then(sounds::with_house_voice) {
            Ok(prompts) => Some(prompts),
            Err(fault) => self.fault(line, fault, "Use WAV files of 8 kHz, mono, 16 bits, or A-law without a header ending in .alaw."),
        }
    }

    fn recording(&mut self) -> Option<RecordingSettings> {
        let folder = self.written.text("recording", "folder")?;
        let key = self.written.text("recording", "key")?;
        let block = self.written.all("recording").next()?;
        let (alarm, expire) = (self.percent(block, "alarm_percent"), self.percent(block, "expire_percent"));
        let keep_days = match block.whole("keep_days") {
            Some(_) => Some(self.count(block, "keep_days", 1..=LONGEST_KEPT_DAYS)? as u32),
            None => None,
        };
        let compact_after_days = match block.whole("compact_after_days") {
            Some(_) => Some(self.count(block, "compact_after_days", 1..=LONGEST_KEPT_DAYS)? as u32),
            None => None,
        };
        let (folder, key) = (self.path(folder.value), self.path(key.value));
        Some(RecordingSettings { folder, key, alarm_percent: alarm?, expire_percent: expire?, keep_days, compact_after_days })
    }

    fn percent(&mut self, block: &Block, key: &str) -> Option<u8> {
        self.count(block, key, 1..=99).and_then(|percent| u8::try_from(percent).ok())
    }

    fn gateway(&mut self) -> Option<GatewaySettings> {
        let listen = self.address("gateway", "listen");
        let certificate = self.written.text("gateway", "certificate")?;
        let key = self.written.text("gateway", "key")?;
        let tls = match tls::load(&self.path(certificate.value), &self.path(key.value)) {
            Ok(tls) => Some(tls),
            Err(TlsFault::Certificate(what)) => self.fault(certificate.line, what, "Name a PEM file; `call-server init` makes one."),
            Err(TlsFault::Key(what)) => self.fault(key.line, what, "Name the PEM file of the key that belongs to the certificate."),
        };
        Some(GatewaySettings { listen: listen?.value, tls: tls?, limits: GatewayLimits::default() })
    }

    fn plan(&mut self, skills: &Skills, trunks: &[Trunk]) -> Plan {
        let calendars = self.calendars();
        let queues = self.queues(skills, &calendars);
        let hours = self.number_hours(&calendars);
        let numbers = self.numbers(&queues);
        let (trunks, dialling) = (trunks::plans(trunks), self.dialling());
        let (reasons, storm) = (self.reasons(), self.storm());
        let plan = Plan { numbers, queues, limits: self.limits(), calendars, hours, reasons, storm, trunks, dialling, ..Plan::default() };
        let nodes = self.nodes(&plan);
        Plan { nodes, ..plan }
    }

    pub(super) fn time(&mut self, block: &Block, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let At { line, value } = block.milliseconds(key)?;
        if range.contains(&value) {
            return Some(value);
        }
        let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
        let what = format!("{key} is {} seconds", seconds(value));
        self.fault(line, what, format!("Choose from {} to {}.", seconds(*range.start()), seconds(*range.end())))
    }

    pub(super) fn count(&mut self, block: &Block, key: &str, range: RangeInclusive<u64>) -> Option<usize> {
        let At { line, value } = block.whole(key)?;
        match usize::try_from(value) {
            Ok(count) if range.contains(&value) => Some(count),
            _ => self.fault(line, format!("{key} is {value}"), format!("Choose from {} to {}.", range.start(), range.end())),
        }
    }

    fn numbers(&mut self, queues: &BTreeMap<QueueId, QueuePlan>) -> BTreeMap<PhoneNumber, QueueId> {
        let written = self.written;
        let mut numbers = BTreeMap::new();
        for block in written.all("numbers") {
            let (number, queue) = (self.number(block), self.known_queue(block, queues));
            let (Some(number), Some(queue)) = (number, queue) else { continue };
            let text = number.as_str().to_owned();
            if numbers.insert(number, queue).is_some() {
                self.faults.push(twice(block.line, "number", &text));
            }
        }
        numbers
    }

    fn days_remembered(&mut self, block: &Block) -> Option<u32> {
        self.count(block, "remembered_days", 1..=3_650).and_then(|days| u32::try_from(days).ok())
    }

    fn number_hours(&mut self, calendars: &Calendars) -> BTreeMap<PhoneNumber, HoursRule> {
        let written = self.written;
        let mut hours = BTreeMap::new();
        for block in written.all("numbers") {
            let rule = self.hours(block, calendars).flatten();
            let number = block.text("number").and_then(|number| PhoneNumber::parse(number.value).ok());
            hours.extend(number.zip(rule));
        }
        hours
    }

    fn number(&mut self, block: &Block) -> Option<PhoneNumber> {
        let At { line, value } = block.text("number")?;
        match PhoneNumber::parse(value) {
            Ok(number) => Some(number),
            Err(error) => {
                self.fault(line, format!("{value:?} is no number: {error}"), "Write it as the carrier sends it, such as \"12345\".")
            }
        }
    }

    fn known_queue(&mut self, block: &Block, queues: &BTreeMap<QueueId, QueuePlan>) -> Option<QueueId> {
        let At { line, value } = block.whole("queue")?;
        let id = u32::try_from(value).ok().map(QueueId).filter(|id| queues.contains_key(id));
        if id.is_none() {
            let known: Vec<_> = queues.keys().map(ToString::to_string).collect();
            return self.fault(line, format!("there is no queue {value}"), format!("Known queues: {}.", known.join(", ")));
        }
        id
    }

    fn limits(&mut self) -> Limits {
        let mut limits = Limits::default();
        let Some(block) = self.written.all("limits").next() else { return limits };
        let times = [
            ("grace_seconds", &mut limits.grace_ms),
            ("lost_seconds", &mut limits.lost_ms),
            ("lost_call_seconds", &mut limits.lost_call_ms),
            ("media_open_seconds", &mut limits.media_open_ms),
            ("probe_seconds", &mut limits.probe_ms),
            ("exclude_seconds", &mut limits.exclude_ms),
        ];
        for (key, limit) in times {
            *limit = self.time(block, key, 1..=DAY_MS).unwrap_or(*limit);
        }
        limits.farewell_ms = self.time(block, "farewell_seconds", 1..=HOUR_MS).unwrap_or(limits.farewell_ms);
        limits.remembered_days = self.days_remembered(block).unwrap_or(limits.remembered_days);
        limits.functions = self.function_limits();
        limits.max_interactions = self.count(block, "max_interactions", 1..=100_000).unwrap_or(limits.max_interactions);
        limits
    }
}

pub(super) fn twice(line: Option<usize>, what: &str, value: &str) -> Fault {
    Fault { line, what: format!("{what} {value} is used twice"), remedy: "Choose another, or remove one of the two.".to_owned() }
}
