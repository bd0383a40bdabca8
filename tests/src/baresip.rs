//! A telephone of another make: baresip with files for sound, driven over its control port (netstrings with JSON, module `ctrl_tcp`).

use crate::process::Running;
use crate::{LATER, SOON, sound};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where Debian keeps baresip's modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// A phone that is registered nowhere.
const ACCOUNT: &str = "<sip:13800138000@127.0.0.1>;regint=0;audio_codecs=PCMA,PCMU\n";

/// A running baresip with one call.
#[derive(Debug)]
pub struct Baresip {
    folder: PathBuf,
    running: Running,
    control: TcpStream,
    unread: Vec<u8>,
}

/// Whether baresip is installed.
#[must_use]
pub fn is_installed() -> bool {
    Path::new(MODULES).join("ctrl_tcp.so").exists()
}

impl Baresip {
    /// Starts it and dials `number` at `server`, with `speech` at the microphone.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn dial(folder: &Path, server: SocketAddr, number: &str, speech: &Path) -> Self {
        let mut phone = Self::start(folder, IpAddr::V4(Ipv4Addr::LOCALHOST), ACCOUNT, speech);
        phone.call(&format!("sip:{number}@{server}"));
        phone
    }

    /// Starts it at `own` and lets it register at `server` with this number and secret; `REGISTER_OK` or `REGISTER_FAIL` follows.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn register(folder: &Path, own: IpAddr, server: SocketAddr, (number, secret): (&str, &str), speech: &Path) -> Self {
        let account = format!("<sip:{number}@{server}>;auth_user={number};auth_pass={secret};regint=60;audio_codecs=PCMA,PCMU\n");
        Self::start(folder, own, &account, speech)
    }

    fn start(folder: &Path, own: IpAddr, account: &str, speech: &Path) -> Self {
        let control = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free loopback port");
        let folder = folder.to_owned();
        configure(&folder, own, account, control, speech).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut command = Command::new("baresip");
        command.arg("-4").arg("-f").arg(&folder);
        let mut running = Running::start("baresip", &mut command, &folder.join("errors.log"));
        running.wait_for("word that it is ready", SOON, |line| line.contains("baresip is ready").then_some(()));
        let control = TcpStream::connect(control).expect("baresip listens for commands");
        Self { folder, running, control, unread: Vec::new() }
    }

    /// Dials this URI.
    pub fn call(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Waits for an event such as `CALL_ESTABLISHED` or `CALL_CLOSED`.
    ///
    /// # Panics
    /// If it does not come within a minute.
    pub fn event(&mut self, kind: &str) -> Value {
        let until = Instant::now() + LATER;
        loop {
            if let Some(value) = self.take_message() {
                if value["type"] == kind {
                    return value;
                }
                continue;
            }
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.control.set_read_timeout(Some(left)).expect("a limit above zero");
            let mut buffer = [0; 4096];
            match self.control.read(&mut buffer) {
                Ok(length @ 1..) => self.unread.extend(&buffer[..length]),
                Ok(0) | Err(_) => panic!("baresip: no event {kind}.\n{}", self.running.story()),
            }
        }
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
        self.event("CALL_CLOSED");
    }

    /// Ends it and returns what it decoded.
    ///
    /// # Panics
    /// If it wrote no sound.
    #[must_use]
    pub fn heard(mut self) -> Vec<i16> {
        self.running.kill();
        let files = std::fs::read_dir(&self.folder).expect("its folder can be read");
        let decoded = files.flatten().map(|file| file.path()).find(|path| path.to_string_lossy().ends_with("-dec.wav"));
        sound::read_mono(&decoded.unwrap_or_else(|| panic!("baresip decoded nothing.\n{}", self.running.story())))
    }

    fn command(&mut self, command: &str, parameters: &str) {
        let text = serde_json::json!({ "command": command, "params": parameters }).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip takes commands");
    }

    /// One netstring, if a whole one is there.
    fn take_message(&mut self) -> Option<Value> {
        let colon = self.unread.iter().position(|&byte| byte == b':')?;
        let length: usize = std::str::from_utf8(&self.unread[..colon]).ok()?.parse().ok()?;
        let end = colon + 1 + length;
        let message = serde_json::from_slice(self.unread.get(colon + 1..end)?).ok();
        self.unread.drain(..=end.min(self.unread.len() - 1));
        Some(message.unwrap_or(Value::Null))
    }
}

fn configure(folder: &Path, own: IpAddr, account: &str, control: SocketAddr, speech: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let speech = speech.canonicalize()?;
    let config = format!(
        "poll_method epoll\nsip_listen {own}:0\nnet_interface {own}\naudio_source aufile,{}\naudio_player aubridge,sink\n\
         module_path {MODULES}\nmodule aubridge.so\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp uuid.so\n\
         module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen {control}\nsnd_path {}\n",
        speech.display(),
        folder.display(),
    );
    std::fs::write(folder.join("config"), config)?;
    std::fs::write(folder.join("contacts"), "")?;
    std::fs::write(folder.join("accounts"), account)
}
