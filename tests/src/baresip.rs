//! A telephone of another make: baresip with files for sound, driven over its control port (netstrings with JSON, module `ctrl_tcp`).

use crate::process::Running;
use crate::{LATER, SOON, sound};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where Debian keeps baresip's modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// The number under which it calls and is called.
pub const USER: &str = "13800138000";

/// Opus as we have it ourselves on a lossy line.
const OPUS: &str = "opus_bitrate 40000\nopus_application voip\nopus_inbandfec yes\nopus_packet_loss 15\n";

/// A running baresip with one call.
#[derive(Debug)]
pub struct Baresip {
    folder: PathBuf,
    running: Running,
    control: TcpStream,
    unread: Vec<u8>,
    address: SocketAddr,
}

/// Whether a baresip that is called encrypts voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneSrtp {
    /// It cannot.
    Unknown,
    /// There is no call without.
    Required,
}

impl PhoneSrtp {
    fn of_account(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Required => ";mediaenc=srtp-mand",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Required => "module srtp.so\n",
        }
    }
}

/// Whether baresip is installed.
#[must_use]
pub fn is_installed() -> bool {
    Path::new(MODULES).join("ctrl_tcp.so").exists()
}

impl Baresip {
    /// Starts it and dials `number` at `server`, with `speech` at the microphone.
    #[must_use]
    pub fn dial(folder: &Path, server: SocketAddr, number: &str, speech: &Path) -> Self {
        Self::dial_with(folder, server, number, speech, "PCMA,PCMU")
    }

    /// The same with these codecs.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn dial_with(folder: &Path, server: SocketAddr, number: &str, speech: &Path, codecs: &str) -> Self {
        let mut phone = Self::wait(folder, speech, codecs);
        phone.call(&format!("sip:{number}@{server}"));
        phone
    }

    /// Starts it at `own`, an address of IPv4 or IPv6, and dials `number` at `server` from there.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn dial_from(folder: &Path, own: IpAddr, server: SocketAddr, number: &str, speech: &Path) -> Self {
        let host = SocketAddr::new(own, 0).to_string();
        let host = host.trim_end_matches(":0");
        let account = format!("<sip:{USER}@{host}>;regint=0;audio_codecs=PCMA,PCMU\n");
        let mut phone = Self::start(folder, own, &account, "", speech);
        phone.call(&format!("sip:{number}@{server}"));
        phone
    }

    /// Starts it and dials over TLS, trusting the authority in the file `ca` alone; `encryption` is what its account says of voice, such as
    /// `;mediaenc=srtp-mand`, or nothing for plain voice.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn dial_over_tls(folder: &Path, server: SocketAddr, number: &str, speech: &Path, (ca, encryption): (&Path, &str)) -> Self {
        let account = format!("<sip:{USER}@127.0.0.1;transport=tls>;regint=0;audio_codecs=PCMA,PCMU{encryption}\n");
        let more = format!("module srtp.so\nsip_cafile {}\nsip_verify_server yes\n", ca.display());
        let mut phone = Self::start(folder, IpAddr::V4(Ipv4Addr::LOCALHOST), &account, &more, speech);
        phone.call(&format!("sip:{number}@{server}"));
        phone
    }

    /// Starts it to answer whoever calls.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn wait(folder: &Path, speech: &Path, codecs: &str) -> Self {
        let account = format!("<sip:{USER}@127.0.0.1>;regint=0;answermode=auto;audio_codecs={codecs}\n");
        Self::start(folder, IpAddr::V4(Ipv4Addr::LOCALHOST), &account, "", speech)
    }

    /// Starts it to answer over TLS, with this encryption of voice and these codecs; `certificate` and its `key` are PEM files. Its TLS listens
    /// at the port behind [`Baresip::address`].
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn wait_over_tls(folder: &Path, speech: &Path, (codecs, srtp): (&str, PhoneSrtp), [certificate, key]: [&Path; 2]) -> Self {
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let both = folder.join("identity.pem");
        std::fs::write(&both, read(key) + &read(certificate)).expect("its folder can be written");
        let account = format!("<sip:{USER}@127.0.0.1;transport=tls>;regint=0;answermode=auto;audio_codecs={codecs}{}\n", srtp.of_account());
        let more = format!("{}sip_certificate {}\n", srtp.module(), both.display());
        Self::start(folder, IpAddr::V4(Ipv4Addr::LOCALHOST), &account, &more, speech)
    }

    /// Starts it to ring until [`Baresip::answer`].
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn lie_in_wait(folder: &Path, speech: &Path) -> Self {
        let account = format!("<sip:{USER}@127.0.0.1>;regint=0;audio_codecs=PCMA\n");
        Self::start(folder, IpAddr::V4(Ipv4Addr::LOCALHOST), &account, "", speech)
    }

    /// Where it is called.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it at `own` and lets it register at `server` with this number and secret; `REGISTER_OK` or `REGISTER_FAIL` follows.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn register(folder: &Path, own: IpAddr, server: SocketAddr, (number, secret): (&str, &str), speech: &Path) -> Self {
        let account = format!("<sip:{number}@{server}>;auth_user={number};auth_pass={secret};regint=60;audio_codecs=PCMA,PCMU\n");
        Self::start(folder, own, &account, "", speech)
    }

    fn start(folder: &Path, own: IpAddr, account: &str, more: &str, speech: &Path) -> Self {
        let control = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free loopback port");
        let address = free(own);
        let folder = folder.to_owned();
        configure(&folder, address, (account, more), control, speech).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut command = Command::new("baresip");
        command.arg(if own.is_ipv4() { "-4" } else { "-6" }).arg("-f").arg(&folder);
        let mut running = Running::start("baresip", &mut command, &folder.join("errors.log"));
        running.wait_for("word that it is ready", SOON, |line| line.contains("baresip is ready").then_some(()));
        let control = TcpStream::connect(control).expect("baresip listens for commands");
        Self { folder, running, control, unread: Vec::new(), address }
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
        self.event_within(kind, LATER).unwrap_or_else(|| panic!("baresip: no event {kind}.\n{}", self.running.story()))
    }

    /// Talks for so long.
    ///
    /// # Panics
    /// If the call ends meanwhile.
    pub fn talks_for(&mut self, length: Duration) {
        let ended = self.event_within("CALL_CLOSED", length);
        assert!(ended.is_none(), "baresip: the call is over: {ended:?}\n{}", self.running.story());
    }

    fn event_within(&mut self, kind: &str, limit: Duration) -> Option<Value> {
        let until = Instant::now() + limit;
        loop {
            if let Some(value) = self.take_message() {
                if value["type"] == kind {
                    return Some(value);
                }
                continue;
            }
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.control.set_read_timeout(Some(left)).expect("a limit above zero");
            let mut buffer = [0; 4096];
            match self.control.read(&mut buffer) {
                Ok(length @ 1..) => self.unread.extend(&buffer[..length]),
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// Lifts the receiver.
    pub fn answer(&mut self) {
        self.command("accept", "");
        self.event("CALL_ESTABLISHED");
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
        self.event("CALL_CLOSED");
    }

    /// Ends it and returns what it decoded, at 8 kHz.
    ///
    /// # Panics
    /// If it wrote no sound.
    #[must_use]
    pub fn heard(self) -> Vec<i16> {
        sound::read_phone(&self.dump())
    }

    /// Ends it and returns the file of what it decoded in its newest call.
    ///
    /// # Panics
    /// If it wrote no sound.
    #[must_use]
    pub fn dump(mut self) -> PathBuf {
        self.running.kill();
        let files = std::fs::read_dir(&self.folder).expect("its folder can be read");
        // Their names tell when each call began.
        let decoded = files.flatten().map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max();
        decoded.unwrap_or_else(|| panic!("baresip decoded nothing.\n{}", self.running.story()))
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

/// A port that is free, as the next one is, which TLS listens at.
fn free(own: IpAddr) -> SocketAddr {
    let ports = std::iter::repeat_with(|| UdpSocket::bind((own, 0)).and_then(|socket| socket.local_addr()).expect("a loopback port"));
    let is_free = |port: u16| TcpListener::bind((own, port)).is_ok();
    let fits = |address: &SocketAddr| is_free(address.port()) && address.port().checked_add(1).is_some_and(is_free);
    ports.take(100).find(fits).expect("two free ports")
}

fn configure(folder: &Path, address: SocketAddr, (account, more): (&str, &str), control: SocketAddr, speech: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let own = address.ip();
    let speech = speech.canonicalize()?;
    let config = format!(
        "poll_method epoll\nsip_listen {address}\nnet_interface {own}\naudio_source aufile,{}\naudio_player aubridge,sink\n\
         module_path {MODULES}\nmodule aubridge.so\nmodule g711.so\nmodule opus.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp uuid.so\n\
         module_tmp account.so\nmodule_app menu.so\n{OPUS}module_app ctrl_tcp.so\nctrl_tcp_listen {control}\nsnd_path {}\n{more}",
        speech.display(),
        folder.display(),
    );
    std::fs::write(folder.join("config"), config)?;
    std::fs::write(folder.join("contacts"), "")?;
    std::fs::write(folder.join("accounts"), account)
}
