//! `init`: makes a new site. It touches no folder that holds one, and leaves nothing behind when it fails.

use super::certificates::{self, Certificates};
use super::changes::Change;
use super::cli::Init;
use super::{Failure, Outcome};
use crate::accounts;
use crate::config::{self, Filled};
use crate::recording;
use crate::store::{NewCaller, NewUnit, Role, Store};
use call_core::command::ZIP_TONE;
use serde_json::{Value, json};
use shared::model::{PhoneNumber, QueueId, UnitPhone, UnixMillis};
use shared::pii::Pii;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const DATABASE: &str = "hotline.db";
/// The default of `[recording] key`.
const RECORDING_KEY: &str = "keys/recording.key";
/// Files that show that a folder is a site already.
const MARKS: [&str; 4] = [config::FILE_NAME, DATABASE, "tls", "keys"];

const DEMO_AGENTS: [&str; 12] = ["陈静", "李敏", "王丽", "张婷", "刘洋", "赵雪", "孙燕", "周莉", "吴倩", "郑爽", "冯雨", "蒋薇"];
const DEMO_SUPERVISOR: &str = "沈国强";
const DEMO_CALLERS: [(&str, &str, &str); 5] = [
    ("13912345678", "王秀英", "溧阳市昆仑街道燕山南路 88 号 2 幢"),
    ("13861234567", "李建国", "溧阳市溧城街道平陵中路 201 号"),
    ("13776543210", "张桂兰", "溧阳市天目湖镇滨湖路 16 号"),
    ("051987210088", "周志明", "溧阳市古县街道码头西街 35 号"),
    ("15961000123", "史玉梅", "溧阳市戴埠镇横涧村 12 号"),
];

/// The demo's tree: code, path, and which fields must be filled in.
const DEMO_DISPOSITIONS: [(&str, &str, &str); 6] = [
    ("water.pressure", "城市管理 / 供水 / 水压不足", "[]"),
    ("water.quality", "城市管理 / 供水 / 水质", "[]"),
    ("noise.night", "环境保护 / 噪声 / 夜间施工", "[\"place\"]"),
    ("medical.remote", "社会保障 / 医保 / 异地备案", "[]"),
    ("traffic.light", "交通出行 / 设施 / 信号灯", "[\"place\"]"),
    ("other", "其他", "[]"),
];
/// The demo's canned texts.
const DEMO_TEXTS: [(&str, &str); 2] = [("sy", "市民 {name}（{number}）反映："), ("hf", "已告知市民将在 5 个工作日内答复。")];
/// The demo's units; their numbers lead nowhere.
const DEMO_UNITS: [(&str, &str); 3] = [("市水务公司", "051900000001"), ("市城市管理局", "051900000002"), ("市生态环境局", "051900000003")];

/// A person made for the demo, with the password that is shown once.
struct DemoPerson {
    number: String,
    name: &'static str,
    password: Pii<String>,
}

/// Makes the site.
///
/// # Errors
/// `site_exists`: there is one. `not_writable` and others: nothing was left behind.
pub(super) fn init(folder: &Path, wishes: &Init) -> Result<Outcome, Failure> {
    let mut made = Made::default();
    made.folder(folder)?;
    if let Some(mark) = MARKS.iter().find(|mark| folder.join(mark).exists()) {
        let message = format!("{} already holds a site ({mark} is there)", folder.display());
        return Err(Failure::new("site_exists", message, "Name another folder; an existing site is never overwritten."));
    }
    let folder = folder.canonicalize().map_err(|error| not_writable(folder, &error))?;
    let certificates = certificates::make(&names(wishes)).map_err(|error| {
        let message = format!("no certificate can be made for these names: {error}");
        Failure::new("bad_host", message, "Write each --host as a plain name such as hotline.example or an IP address.")
    })?;
    write_certificates(&mut made, &folder, &certificates)?;
    made.folder(&folder.join("recordings"))?;
    made.folder(&folder.join("keys"))?;
    let key = recording::file_with_new_key("").map_err(|error| not_writable(&folder.join(RECORDING_KEY), &error))?;
    made.file(&folder.join(RECORDING_KEY), &key, 0o600)?;
    made.file(&folder.join(config::FILE_NAME), &config::render(&filled(wishes)), 0o640)?;
    // Everything the wishes could have spoilt shows here, before the database is made.
    config::load(&folder)?;
    let store = made.database(&folder.join(DATABASE))?;
    let demo = if wishes.demo { Some(fill_demo(&store)?) } else { None };
    made.keep();
    Ok(outcome(&folder, &certificates.fingerprint, demo.as_deref()))
}

/// What this run has made. Unless kept, it is removed again, newest first.
#[derive(Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

impl Made {
    /// The folder, for its owner alone; one that is there already is taken as it is.
    fn folder(&mut self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            return Ok(());
        }
        let missing: Vec<_> = path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
        for part in missing.into_iter().rev() {
            DirBuilder::new().mode(0o700).create(part).map_err(|error| not_writable(part, &error))?;
            self.paths.push(part.to_owned());
        }
        if path.is_dir() { Ok(()) } else { Err(not_writable(path, &std::io::ErrorKind::NotADirectory.into())) }
    }

    fn file(&mut self, path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
        let failed = |error: std::io::Error| not_writable(path, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        self.paths.push(path.to_owned());
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// The database, for its owner alone: it holds citizens' numbers. SQLite gives its side files the same mode.
    fn database(&mut self, path: &Path) -> Result<Store, Failure> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| not_writable(path, &error))?;
        drop(file);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            self.paths.push(name.into());
        }
        Ok(Store::open(path)?)
    }

    fn keep(mut self) {
        self.paths.clear();
    }
}

fn not_writable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}", path.display());
    Failure::new("not_writable", message, "Choose a folder that you may write, or correct its permissions.")
}

/// Every name by which this host may be reached.
fn names(wishes: &Init) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    names.push(hostname.trim().to_owned());
    names.extend(wishes.host.iter().cloned());
    if !wishes.demo {
        names.push(own_address(wishes).to_string());
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// The address told to the carrier: the first given, or the one this host would send from. Connecting a UDP socket sends nothing.
fn own_address(wishes: &Init) -> IpAddr {
    let given = wishes.host.iter().find_map(|host| host.parse().ok());
    let found = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    given.or_else(found).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn write_certificates(made: &mut Made, folder: &Path, certificates: &Certificates) -> Result<(), Failure> {
    let tls = folder.join("tls");
    made.folder(&tls)?;
    made.file(&tls.join("ca.pem"), &certificates.authority, 0o644)?;
    made.file(&tls.join("ca.key"), &certificates.authority_key, 0o600)?;
    made.file(&tls.join("server.pem"), &certificates.server, 0o644)?;
    made.file(&tls.join("server.key"), &certificates.server_key, 0o600)
}

/// The configuration's values for these wishes; what is not wished keeps its default.
fn filled(wishes: &Init) -> Vec<Filled> {
    let here: IpAddr = if wishes.demo { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED }.into();
    let listen = |wish: Option<SocketAddr>, port: u16| wish.unwrap_or(SocketAddr::new(here, port));
    let sip = listen(wishes.sip_listen, 5060);
    let mut sip_values = vec![("listen", quoted(&sip.to_string()))];
    if sip.ip().is_unspecified() {
        sip_values.push(("advertise", quoted(&own_address(wishes).to_string())));
    }
    let ports = wishes.media_ports.as_deref().unwrap_or("20000-29999");
    let media = vec![("ports", quoted(ports)), ("agents", quoted(&listen(wishes.agent_media_listen, 30_000).to_string()))];
    let gateway = vec![("listen", quoted(&listen(wishes.gateway_listen, 8443).to_string()))];
    let mut filled = vec![
        Filled { section: "sip", values: sip_values },
        Filled { section: "media", values: media },
        Filled { section: "gateway", values: gateway },
    ];
    if wishes.demo {
        filled.extend(demo_sections());
    }
    filled
}

fn demo_sections() -> Vec<Filled> {
    let trunk = |id: &str, name: &str, source: &str, kind: &str| Filled {
        section: "trunks",
        values: vec![("id", id.to_owned()), ("name", quoted(name)), ("sources", format!("[{}]", quoted(source))), ("kind", quoted(kind))],
    };
    let lines = [
        trunk("1", "loopback", "127.0.0.1", "carrier"),
        trunk("2", "probe", "127.0.0.2", "probe"),
        Filled { section: "queues", values: demo_queue() },
        Filled { section: "numbers", values: vec![("number", quoted("12345")), ("queue", "1".to_owned())] },
    ];
    let tree = DEMO_DISPOSITIONS.map(|(code, path, needs)| Filled {
        section: "dispositions",
        values: vec![("code", quoted(code)), ("path", quoted(path)), ("needs", needs.to_owned())],
    });
    let texts =
        DEMO_TEXTS.map(|(code, text)| Filled { section: "canned_texts", values: vec![("code", quoted(code)), ("text", quoted(text))] });
    lines.into_iter().chain(tree).chain(texts).collect()
}

/// The demo's citizens hear what waiting citizens can be told.
fn demo_queue() -> Vec<(&'static str, String)> {
    let told = [("announce_first_seconds", "20"), ("announce_every_seconds", "45")].map(|(key, value)| (key, value.to_owned()));
    let wanted = [("announce_position", quoted("yes")), ("announce_waiting_time", quoted("yes"))];
    let texts = ("announce_texts", format!("[{}]", quoted("zh.please_wait")));
    let named = [("id", "1".to_owned()), ("name", quoted("政务咨询"))];
    let whisper = ("auto_answer_whisper", format!("[{}, {}]", quoted(ZIP_TONE), quoted("zh.queue_advice")));
    named.into_iter().chain(told).chain(wanted).chain([texts, whisper]).collect()
}

/// A TOML basic string: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Puts the demo's units, people and callers into the store; the supervisor comes last.
fn fill_demo(store: &Store) -> Result<Vec<DemoPerson>, Failure> {
    let phone = |number: &str| UnitPhone { number: number.to_owned(), note: "值班".to_owned(), from_minute: 0, to_minute: 0 };
    let units = DEMO_UNITS.map(|(name, number)| NewUnit { name: name.to_owned(), phones: vec![phone(number)] });
    store.import_units(&units, false)?;
    let now = UnixMillis(jiff::Timestamp::now().as_millisecond());
    let agents = (1001..).zip(DEMO_AGENTS).map(|(number, name)| (number, name, Role::Agent));
    let mut people = Vec::new();
    for (number, name, role) in agents.chain([(2001, DEMO_SUPERVISOR, Role::Supervisor)]) {
        let (number, password) = (number.to_string(), accounts::random_password()?);
        let password_hash = accounts::hash_new(password.reveal())?;
        let queues = if role == Role::Agent { vec![QueueId(1)] } else { Vec::new() };
        Change::AddAgent { number: number.clone(), name: name.to_owned(), role, password_hash, password_is_initial: false, queues }
            .apply(store, now)?;
        people.push(DemoPerson { number, name, password });
    }
    for (number, name, address) in DEMO_CALLERS {
        let number = PhoneNumber::parse(number).expect("the demo's numbers are numbers");
        let (name, address) = (name.to_owned().into(), address.to_owned().into());
        let author = "console".to_owned();
        Change::AddCaller(NewCaller { number: number.into(), name, address, tags: Vec::new(), author }).apply(store, now)?;
    }
    Ok(people)
}

fn outcome(folder: &Path, fingerprint: &str, demo: Option<&[DemoPerson]>) -> Outcome {
    let (config, authority) = (folder.join(config::FILE_NAME), folder.join("tls/ca.pem"));
    let mut json = json!({"site": folder, "config": config, "ca": authority, "fingerprint": fingerprint});
    let mut text = format!(
        "A new site is in {}.\n  configuration       {}\n  CA for desktops     {}\n  server's SHA-256    {fingerprint}\n  recordings' key     {} (keep a copy of it elsewhere)\n",
        folder.display(),
        config.display(),
        authority.display(),
        folder.join(RECORDING_KEY).display(),
    );
    match demo {
        Some([agents @ .., supervisor]) => {
            json["agents"] = agents.iter().map(person_json).collect();
            json["supervisor"] = person_json(supervisor);
            json["callers"] =
                DEMO_CALLERS.iter().map(|(number, name, address)| json!({"number": number, "name": name, "address": address})).collect();
            text.push_str("\nDial 12345. Passwords, shown this once:\n");
            for person in agents.iter().chain([supervisor]) {
                text.push_str(&format!("  {}  {}  {}\n", person.number, person.password.reveal(), person.name));
            }
            text.push_str("\nCallers whose name and address pop up:\n");
            for (number, name, address) in DEMO_CALLERS {
                text.push_str(&format!("  {number:<12}  {name}  {address}\n"));
            }
            text.push_str(&format!("\nNext: call-server --site {} run\n", folder.display()));
        }
        Some([]) | None => {
            let site = folder.display();
            text.push_str(&format!(
                "\nNext: add trunks, queues and numbers to the configuration, check it with `call-server --site {site} config check`,\n\
                 add people with `call-server --site {site} agent add`, then `call-server --site {site} run`.\n"
            ));
        }
    }
    Outcome::new(text, json)
}

fn person_json(person: &DemoPerson) -> Value {
    json!({"number": person.number, "name": person.name, "password": person.password})
}
