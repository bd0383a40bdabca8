//! Commands as an operator gives them, on real folders.

use super::changes::Change;
use super::control::{Control, Request};
use super::*;
use crate::scratch::Scratch;
use clap::CommandFactory;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

fn command(site: &Path, words: &[&str]) -> Result<Outcome, Failure> {
    let site = site.display().to_string();
    let cli = Cli::try_parse_from(["call-server", "--site", &site].iter().chain(words)).expect("the words are known");
    carry_out(&cli.site, &cli.command)
}

fn done(site: &Path, words: &[&str]) -> Value {
    command(site, words).unwrap_or_else(|failure| panic!("{words:?}: {failure}")).json.expect("each command tells programs too")
}

fn refused(site: &Path, words: &[&str]) -> Failure {
    match command(site, words) {
        Ok(outcome) => panic!("{words:?} should fail, but: {}", outcome.text),
        Err(failure) => failure,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn every_command_has_consistent_words_and_help() {
    Cli::command().debug_assert();
}

#[test]
fn a_demo_site_is_made_once_and_its_configuration_is_sound() {
    let scratch = Scratch::new();
    let site = scratch.path("a/site");
    let told = done(&site, &["init", "--demo"]);
    assert_eq!(told["agents"].as_array().map(Vec::len), Some(12));
    assert_eq!(told["agents"][0]["number"], "1001");
    assert_eq!(told["supervisor"]["number"], "2001");
    assert_eq!(told["callers"][0]["name"], "王秀英");
    assert_eq!(told["fingerprint"].as_str().map(str::len), Some(32 * 3 - 1));
    for secret in ["tls/server.key", "tls/ca.key", "hotline.db", "keys/recording.key"] {
        assert_eq!(mode(&site.join(secret)), 0o600, "{secret}");
    }
    assert_eq!(mode(&site), 0o700);

    let before = std::fs::read(site.join("hotline.toml")).expect("there");
    assert_eq!(refused(&site, &["init", "--demo"]).code, "site_exists");
    assert_eq!(std::fs::read(site.join("hotline.toml")).expect("still there"), before);

    assert_eq!(done(&site, &["config", "check"])["trunks"], 2);
    let people = done(&site, &["agent", "list"]);
    assert_eq!(people["agents"].as_array().map(Vec::len), Some(13));
    assert_eq!(people["agents"][0]["queues"], serde_json::json!([1]));
    assert_eq!(done(&site, &["call", "list"])["calls"], serde_json::json!([]));
    assert_eq!(done(&site, &["recording", "list"])["recordings"], serde_json::json!([]));
}

#[test]
fn the_passwords_shown_by_init_let_their_owners_in() {
    let scratch = Scratch::new();
    let told = done(scratch.folder(), &["init", "--demo"]);
    let store = Store::open(&scratch.path("hotline.db")).expect("the database opens");
    let accounts = crate::accounts::Accounts::new(Arc::new(store)).expect("accounts");
    let password = told["agents"][11]["password"].as_str().expect("a password");
    let person = accounts.check("1012", password).expect("let in");
    assert_eq!(person.name, "蒋薇");
}

#[test]
fn desktops_can_verify_the_server_by_the_authority_that_init_made() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let scratch = Scratch::new();
    done(scratch.folder(), &["init", "--demo", "--host", "hotline.example", "--host", "10.1.2.3"]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(scratch.path("tls/ca.pem")).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
    let server = CertificateDer::from_pem_file(scratch.path("tls/server.pem")).expect("a certificate");
    let verify = |name: &str| {
        let name = name.to_owned().try_into().expect("a name");
        let now = rustls::pki_types::UnixTime::now();
        rustls::client::danger::ServerCertVerifier::verify_server_cert(&*verifier, &server, &[], &name, &[], now)
    };
    for name in ["localhost", "127.0.0.1", "::1", "hotline.example", "10.1.2.3"] {
        assert!(verify(name).is_ok(), "{name}: {:?}", verify(name).err());
    }
    assert!(verify("other.example").is_err());
}

#[test]
fn a_site_for_a_carrier_is_made_with_the_wished_addresses() {
    let scratch = Scratch::new();
    let words = ["init", "--sip-listen", "0.0.0.0:5070", "--media-ports", "40000-40099", "--host", "10.1.2.3"];
    done(scratch.folder(), &words);
    let site = config::load(scratch.folder()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(site.sip.listen.port(), 5070);
    assert_eq!(site.sip.advertise.to_string(), "10.1.2.3");
    assert_eq!(site.media.ports, 40_000..=40_099);
    assert!(site.sip.trunks.is_empty());
}

#[test]
fn an_init_that_fails_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let site = scratch.path("new/site");
    assert_eq!(refused(&site, &["init", "--demo", "--media-ports", "9-1"]).code, "config_faults");
    assert!(!scratch.path("new").exists(), "the folder should be gone again");
    assert_eq!(refused(&site, &["init", "--host", "姓名"]).code, "bad_host");
    assert!(!scratch.path("new").exists(), "the folder should be gone again");
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("file"), "").expect("written");
    let failure = refused(&scratch.path("file/site"), &["init"]);
    assert_eq!(failure.code, "not_writable");
    assert!(failure.message.contains("file"), "{failure}");
}

#[test]
fn people_are_added_listed_and_refused_without_a_running_server() {
    let scratch = Scratch::new();
    let site = scratch.folder();
    done(site, &["init", "--demo"]);
    let added = done(site, &["agent", "add", "1013", "--name", "何晓", "--queue", "1"]);
    assert_eq!(added["number"], "1013");
    assert!(added["password"].as_str().is_some_and(|password| password.len() == 10));
    assert_eq!(refused(site, &["agent", "add", "1013", "--name", "何晓"]).code, "number_taken");
    assert_eq!(refused(site, &["agent", "add", "1014", "--name", "何晓", "--queue", "9"]).code, "no_such_queue");
    assert_eq!(refused(site, &["agent", "add", "10 14", "--name", "何晓"]).code, "bad_number");
    assert_eq!(refused(site, &["agent", "passwd", "4711"]).code, "no_such_agent");
    assert!(done(site, &["agent", "passwd", "1013"])["password"].is_string());
    assert_eq!(done(site, &["caller", "add", "139 0000 0000", "--name", "何晓", "--address", "溧阳"])["number"], "13900000000");
    assert_eq!(refused(site, &["caller", "add", "x", "--name", "何晓", "--address", "溧阳"]).code, "bad_number");
    assert_eq!(refused(site, &["call", "show", "7"]).code, "no_such_call");
}

#[test]
fn a_change_is_refused_while_somebody_else_holds_the_data() {
    let scratch = Scratch::new();
    done(scratch.folder(), &["init", "--demo"]);
    let _lock = DataLock::take(scratch.folder()).expect("free");
    assert_eq!(refused(scratch.folder(), &["agent", "add", "1013", "--name", "何晓"]).code, "locked");
    assert_eq!(done(scratch.folder(), &["agent", "list"])["agents"].as_array().map(Vec::len), Some(13), "reading goes on");
}

#[test]
fn commands_on_a_folder_without_a_site_say_what_to_do() {
    let scratch = Scratch::new();
    for words in [&["agent", "list"][..], &["call", "list"], &["probe", "12345"], &["config", "check"]] {
        let failure = refused(scratch.folder(), words);
        assert!(failure.to_string().contains("call-server init"), "{words:?}: {failure}");
    }
    assert_eq!(refused(scratch.folder(), &["status"]).code, "not_running");
    assert_eq!(std::fs::read_dir(scratch.folder()).expect("there").count(), 0, "nothing may be made by looking");
}

/// A running server's answers, and the changes it was asked for.
struct Server {
    store: Store,
    changes: Mutex<Vec<Change>>,
}

impl Control for Server {
    fn status(&self) -> Value {
        serde_json::json!({"version": "test", "agents": {"ready": 2}})
    }

    fn banned(&self) -> Result<Value, Failure> {
        Ok(serde_json::json!({"banned": [{"source": "198.51.100.7", "offence": "scanner", "remaining_s": 9, "ignored": 3, "before": 0}]}))
    }

    fn unban(&self, address: std::net::IpAddr) -> Result<Value, Failure> {
        Ok(serde_json::json!({"unbanned": address.to_string() == "198.51.100.7"}))
    }

    fn sip(&self, wish: &crate::admin::sip_wishes::SipWish) -> Result<Value, Failure> {
        Ok(json!(wish))
    }

    fn change(&self, change: &Change) -> Result<Value, Failure> {
        self.changes.lock().expect("no panic").push(change.clone());
        change.apply(&self.store, shared::model::UnixMillis(0))
    }

    fn queues(&self) -> Result<Value, Failure> {
        Ok(serde_json::json!({"queues": [{"queue": 1, "waiting": 3}]}))
    }

    fn reload(&self) -> Result<Value, Failure> {
        Ok(serde_json::json!({"queues": 1, "numbers": 1, "needs_restart": ["sip"]}))
    }

    fn unlock(&self, number: &str) -> usize {
        usize::from(number == "1001")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_answers_and_makes_the_changes_itself() {
    let scratch = Scratch::new();
    // Deeper than a socket address is long.
    let site = scratch.path(&"deep/".repeat(40));
    done(&site, &["init", "--demo"]);
    let _lock = DataLock::take(&site).expect("free");
    let server = Arc::new(Server { store: Store::open(&site.join("hotline.db")).expect("opens"), changes: Mutex::default() });
    let socket = control::serve(&site, Arc::clone(&server) as Arc<dyn Control>).expect("the socket opens");
    assert_eq!(mode(&site.join("control.sock")), 0o600);

    tokio::task::block_in_place(|| {
        assert_eq!(done(&site, &["status"])["agents"]["ready"], 2);
        assert_eq!(done(&site, &["agent", "add", "1013", "--name", "何晓"])["number"], "1013");
        assert_eq!(refused(&site, &["agent", "add", "1013", "--name", "何晓"]).code, "number_taken");
        assert_eq!(done(&site, &["queue", "list"])["queues"][0]["waiting"], 3);
        assert_eq!(done(&site, &["reload"])["needs_restart"][0], "sip");
        assert_eq!(done(&site, &["agent", "unlock", "1001"])["unlocked"], 1);
        assert_eq!(done(&site, &["sip", "banned"])["banned"][0]["source"], "198.51.100.7");
        assert_eq!(done(&site, &["sip", "unban", "198.51.100.7"])["unbanned"], true);
        assert_eq!(refused(&site, &["sip", "unban", "198.51.100.8"]).code, "not_banned");
    });
    let changes = server.changes.lock().expect("no panic").clone();
    assert!(matches!(&changes[0], Change::AddAgent { name, .. } if name == "何晓"));
    assert!(changes[0].touches_plan());

    drop(socket);
    assert!(!site.join("control.sock").exists());
    tokio::task::block_in_place(|| assert_eq!(refused(&site, &["status"]).code, "not_running"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_known_is_refused_and_the_socket_lives_on() {
    use std::io::{Read, Write};
    let scratch = Scratch::new();
    let server = Server { store: Store::open(&scratch.path("hotline.db")).expect("opens"), changes: Mutex::default() };
    let _socket = control::serve(scratch.folder(), Arc::new(server)).expect("the socket opens");
    tokio::task::block_in_place(|| {
        let mut stream = std::os::unix::net::UnixStream::connect(scratch.path("control.sock")).expect("it is open");
        stream.write_all(b"{\"request\":\"dance\"}\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.contains("not_understood"), "{answer}");
        assert!(control::ask(scratch.folder(), &Request::Status).expect("answered").is_some());
    });
}

#[test]
fn an_error_is_one_json_object_with_code_message_and_remedy() {
    let failure = refused(Path::new("/nonexistent"), &["config", "check"]).to_json();
    for key in ["code", "message", "remedy"] {
        assert!(failure["error"][key].is_string(), "{failure}");
    }
    assert!(failure["error"]["faults"][0]["remedy"].is_string(), "{failure}");
}

#[test]
fn a_site_without_a_recording_key_is_refused_with_a_remedy_and_gets_one_only_when_asked() {
    let scratch = Scratch::new();
    done(scratch.folder(), &["init", "--demo"]);
    let key = scratch.path("keys/recording.key");
    std::fs::remove_file(&key).expect("init made it");
    let site = load(scratch.folder()).expect("the configuration is sound");
    let refused = crate::recording::KeyRing::load(&site.recording.key).map_err(Failure::from).expect_err("there is none");
    assert_eq!(refused.code, "no_recording_key");
    assert!(refused.remedy.contains("recording new-key"), "{refused}");
    assert!(!key.exists(), "it is not made by itself");
    assert_eq!(done(scratch.folder(), &["recording", "new-key"])["wrapped"], 0);
    assert_eq!(mode(&key), 0o600);
    let running = DataLock::take(scratch.folder()).unwrap_or_else(|failure| panic!("{failure}"));
    let before = std::fs::read(&key).expect("readable");
    self::refused(scratch.folder(), &["recording", "new-key"]);
    assert_eq!(std::fs::read(&key).expect("readable"), before, "a running server keeps its key");
    drop(running);
}

#[test]
fn recordings_are_verified_and_rescued_by_command() {
    use call_core::command::StoreCommand;
    use shared::model::{Caller, Direction, InteractionId, PhoneNumber, RecordingId, UnixMillis};
    let scratch = Scratch::new();
    done(scratch.folder(), &["init", "--demo"]);
    let site = load(scratch.folder()).expect("the configuration is sound");
    assert_eq!(done(scratch.folder(), &["recording", "verify", "--all"])["faults"], serde_json::json!([]));
    assert_eq!(refused(scratch.folder(), &["recording", "verify", "9"]).code, "no_such_recording");
    assert_eq!(refused(scratch.folder(), &["recording", "verify", "--day", "2026-01-01"]).code, "no_such_day");

    let keys = crate::recording::KeyRing::load(&site.recording.key).expect("init made it");
    let file = site.recording.folder.join("0/1.rec");
    crate::recording::write_for_test(&file, RecordingId(1), Some(&keys), 5, true);
    let store = Store::open(&site.database).expect("init made it");
    let (inbox, _messages) = crate::switchboard::Inbox::new();
    let handle = crate::store::start(&store, inbox).expect("the store starts");
    let (interaction, started) = (InteractionId(1), UnixMillis(1));
    let dialled = PhoneNumber::parse("12345").expect("valid");
    handle.send(StoreCommand::Open {
        interaction,
        started,
        caller: Caller::default(),
        dialled,
        probe: false,
        direction: Direction::Inbound,
        diversions: Vec::new(),
    });
    handle.send(StoreCommand::OpenRecording { recording: RecordingId(1), interaction, path: "0/1.rec".into(), started });
    handle.stop();
    assert!(!command(scratch.folder(), &["recording", "verify", "1"]).expect("verified").bad);
    let mut bytes = std::fs::read(&file).expect("readable");
    bytes[600] ^= 1;
    std::fs::write(&file, bytes).expect("scratch is writable");
    let bad = command(scratch.folder(), &["recording", "verify", "1"]).expect("verified");
    assert!(bad.bad && bad.text.contains("FAULT recording 1, 0/1.rec, after byte 456, 10 ms"), "{}", bad.text);

    let (from, to) = (file.display().to_string(), scratch.path("out.wav").display().to_string());
    let rescued = done(scratch.folder(), &["recording", "salvage", &from, &to]);
    assert_eq!(rescued["salvaged"]["lost"], serde_json::json!([{"from_ms": 10, "to_ms": 20}]));
    assert_eq!(refused(scratch.folder(), &["recording", "salvage", &from, &to]).code, "file_exists");
    let part = scratch.path("part.wav").display().to_string();
    let exported = done(scratch.folder(), &["recording", "export", "1", &part, "--from-ms", "5", "--length-ms", "20"]);
    assert_eq!((&exported["length_ms"], &exported["unreadable_ms"]), (&20.into(), &10.into()));
}

#[test]
fn who_may_block_a_number_is_a_matter_of_roles_and_nothing_is_forgotten() {
    let scratch = Scratch::new();
    let site = scratch.folder();
    done(site, &["init", "--demo"]);
    let add = |by| ["block", "add", "+86 139-1234-5678", "--reason", "辱骂", "--evidence", "12", "--by", by];
    assert_eq!(refused(site, &add("1001")).code, "not_allowed", "[lists] block_by names supervisors only");
    assert_eq!(refused(site, &add("7777")).code, "no_such_agent");
    let entry = done(site, &add("2001"))["entry"].as_u64().expect("a number").to_string();
    let listed = done(site, &["block", "list"]);
    let shown = &listed["entries"][0];
    assert_eq!(
        (shown["number"].as_str(), shown["author"].as_str(), shown["effect"].as_str()),
        (Some("13912345678"), Some("2001"), Some("reject"))
    );
    assert_eq!(done(site, &["block", "list", "--expiring", "30"])["entries"].as_array().map(Vec::len), Some(0), "it has 90 days");
    assert_eq!(done(site, &["vip", "list"])["entries"].as_array().map(Vec::len), Some(0));

    assert_eq!(refused(site, &["vip", "remove", &entry, "--reason", "x", "--by", "2001"]).code, "no_such_entry", "each list has its own");
    done(site, &["block", "remove", &entry, "--reason", "误加", "--by", "2001"]);
    assert_eq!(refused(site, &["block", "remove", &entry, "--reason", "误加", "--by", "2001"]).code, "no_such_entry");
    assert_eq!(done(site, &["block", "list"])["entries"].as_array().map(Vec::len), Some(0));
    assert_eq!(done(site, &["block", "list", "--all"])["entries"][0]["removed_reason"], "误加");

    let short = refused(site, &["block", "add", "13", "--prefix", "--reason", "x", "--by", "2001"]);
    assert_eq!(short.code, "prefix_too_short");
    let config = site.join("hotline.toml");
    let text = std::fs::read_to_string(&config).expect("there").replace("# block_by = [\"supervisor\"]", "block_by = [\"agent\"]");
    std::fs::write(&config, text).expect("written");
    done(site, &add("1001"));
    assert_eq!(refused(site, &add("2001")).code, "not_allowed");
}

#[test]
fn people_get_queues_and_skills_and_are_kept_out_by_words() {
    let scratch = Scratch::new();
    let site = scratch.folder();
    done(site, &["init", "--demo"]);
    let config = site.join("hotline.toml");
    let more = "\n[[skills]]\nid = 4\nname = \"方言\"\n[[queues]]\nid = 2\nname = \"夜间\"\n";
    let text = std::fs::read_to_string(&config).expect("there") + more;
    std::fs::write(&config, text).expect("written");

    let told =
        done(site, &["agent", "edit", "1001", "--serve", "2,tier=3,place=7", "--leave", "1", "--skill", "方言=6", "--name", "陈晓静"]);
    let agent = &told["agent"];
    assert_eq!((agent["name"].as_str(), &agent["queues"], &agent["skills"]["4"]), (Some("陈晓静"), &json!([2]), &json!(6)));
    assert_eq!((&agent["memberships"]["2"]["tier"], &agent["memberships"]["2"]["order"]), (&json!(3), &json!(7)));
    for (words, code) in [
        (["agent", "edit", "1001", "--serve", "9"], "no_such_queue"),
        (["agent", "edit", "1001", "--serve", "2,tier=300"], "bad_part"),
        (["agent", "edit", "1001", "--skill", "方言=10"], "bad_skill"),
        (["agent", "edit", "1001", "--skill", "法律=1"], "no_such_skill"),
        (["agent", "edit", "7777", "--skill", "方言=1"], "no_such_agent"),
    ] {
        assert_eq!(refused(site, &words).code, code, "{words:?}");
    }
    assert_eq!(refused(site, &["agent", "edit", "1001"]).code, "nothing_to_do");
    assert_eq!(done(site, &["agent", "disable", "1001"])["agent"]["disabled"], true);
    assert_eq!(done(site, &["agent", "enable", "1001"])["agent"]["disabled"], false);
    assert_eq!(refused(site, &["agent", "unlock", "1001"]).code, "not_running");
    assert_eq!(refused(site, &["queue", "list"]).code, "not_running");
    assert_eq!(refused(site, &["reload"]).code, "not_running");
    assert_eq!(refused(site, &["explain", "1"]).code, "no_such_call");
    assert_eq!(done(site, &["agent", "sign-ins"])["sign_ins"], json!([]));
}

#[test]
fn a_card_is_corrected_and_shows_what_stood_there() {
    let scratch = Scratch::new();
    let site = scratch.folder();
    done(site, &["init", "--demo"]);
    let added = done(site, &["caller", "add", "139 1234 5678", "--name", "王建", "--address", "同上", "--tag", "方言", "--by", "1001"]);
    let person = added["person"].as_u64().expect("an id").to_string();
    let card = done(site, &["caller", "show", "+8613912345678"]);
    assert_eq!((&card["persons"][0]["name"], &card["persons"][1]["name"]), (&json!("王建"), &json!("王秀英")));
    done(site, &["caller", "edit", &person, "--name", "王健", "--no-tags", "--by", "1002"]);
    let history = done(site, &["caller", "history", "13912345678"]);
    let last = history["changes"].as_array().and_then(|changes| changes.last()).expect("changes");
    assert_eq!((&last["field"], &last["before"], &last["author"]), (&json!("tags"), &json!("方言"), &json!("1002")));
    assert_eq!(refused(site, &["caller", "edit", "999", "--name", "x"]).code, "no_such_person");
    assert_eq!(refused(site, &["caller", "edit", &person, "--name", "x", "--by", "7"]).code, "no_such_agent");
    assert_eq!(refused(site, &["caller", "edit", &person]).code, "nothing_to_do");
}

#[test]
fn a_calendar_tells_what_a_call_would_meet_and_an_override_goes_before_it() {
    let scratch = Scratch::new();
    let site = scratch.folder();
    done(site, &["init", "--demo"]);
    let config = site.join("hotline.toml");
    let hours =
        "[[calendars]]\nid = 1\nname = \"工作日\"\nhours = [\"mon-fri 09:00-18:00\"]\n[[days]]\nday = \"2026-10-01\"\nname = \"国庆节\"\n";
    let text =
        std::fs::read_to_string(&config).expect("there").replace("queue = 1", "queue = 1\ncalendar = 1\nwhen_closed = \"announce night\"");
    std::fs::write(&config, format!("{text}\n{hours}")).expect("written");
    let ends = |time| done(site, &["calendar", "test", "12345", time])["meets"]["ends"].clone();
    assert_eq!(ends("2026-11-23 09:00"), json!({"queue": 1}), "a Monday");
    assert_eq!(ends("2026-11-23 18:00"), json!({"announce": "night"}));
    assert_eq!(ends("2026-10-01 10:00"), json!({"announce": "night"}), "a holiday");
    assert_eq!(refused(site, &["calendar", "test", "12345", "tomorrow"]).code, "bad_time");
    assert_eq!(refused(site, &["calendar", "test", "99", "now"]).code, "unknown_number");

    let add = |by| ["calendar", "override", "add", "--closed", "refuse", "--hours", "2", "--reason", "台风", "--by", by];
    assert_eq!(refused(site, &add("1001")).code, "not_allowed");
    let entry = done(site, &add("2001"))["entry"].as_u64().expect("a number").to_string();
    assert_eq!(ends("now"), json!("refuse"));
    assert_eq!(done(site, &["calendar", "override", "list"])["overrides"][0]["author"], "2001");
    done(site, &["calendar", "override", "remove", &entry, "--by", "2001"]);
    assert_eq!(done(site, &["calendar", "override", "list"])["overrides"], json!([]));
    let wrong = ["calendar", "override", "add", "--closed", "queue 9", "--hours", "2", "--reason", "x", "--by", "2001"];
    assert_eq!(refused(site, &wrong).code, "no_such_queue");
}
