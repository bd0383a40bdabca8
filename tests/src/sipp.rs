//! sipp as a carrier or as a target of a trunk: it plays a scenario of `tests/sipp` and says whether all went as written there.

use crate::process::Running;
use crate::{SOON, Site};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// How a scenario is played.
#[derive(Debug, Clone)]
pub struct Play<'a> {
    /// The file in `tests/sipp`, without its ending.
    pub scenario: &'a str,
    /// What its files in the site's folder are called.
    pub name: String,
    /// Own address.
    pub own: SocketAddr,
    /// `udp`, `tcp` or `tls`; sipp itself knows no TLS, so somebody between it and the server must speak it ([`TlsRelay`]).
    pub transport: &'a str,
    /// Where calls go; `None` waits for them.
    pub to: Option<SocketAddr>,
    /// How many calls, all at once.
    pub calls: usize,
    /// User and secret of `[authentication]`.
    pub login: Option<[&'a str; 2]>,
    /// Whether something that the scenario does not expect ends it.
    pub strict: bool,
}

/// The file of a scenario.
#[must_use]
pub fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(format!("{name}.xml"))
}

/// A port that is free on this address now.
///
/// # Panics
/// If the address is not ours.
#[must_use]
pub fn free(ip: IpAddr) -> SocketAddr {
    UdpSocket::bind((ip, 0)).and_then(|socket| socket.local_addr()).expect("a free loopback port")
}

/// A port that sipp may take for voice; it takes the second one behind it for pictures, and gives up without it.
fn media_port(ip: IpAddr) -> u16 {
    let is_free = |port: &u16| UdpSocket::bind((ip, *port)).is_ok();
    let ports = std::iter::repeat_with(|| free(ip).port()).filter(|port| port.checked_add(2).is_some_and(|next| is_free(&next)));
    ports.take(100).next().expect("two free ports")
}

/// A scenario that is played.
#[derive(Debug)]
pub struct Sipp {
    running: Running,
    messages: PathBuf,
}

impl Play<'_> {
    /// Starts sipp.
    ///
    /// # Panics
    /// If the site's folder cannot be written, or a target does not listen in time.
    #[must_use]
    pub fn start(&self, site: &Site) -> Sipp {
        let folder = site.folder();
        let mut command = Command::new("sipp");
        command.current_dir(folder).arg("-sf").arg(self.file(folder)).args(["-s", "12345", "-nostdin", "-timeout_error"]);
        let (ip, calls) = (self.own.ip().to_string(), self.calls.to_string());
        command.args(["-i", &ip, "-p", &self.own.port().to_string(), "-mi", &ip, "-mp", &media_port(self.own.ip()).to_string()]);
        command.args(["-t", if self.transport == "udp" { "u1" } else { "t1" }, "-m", &calls, "-l", &calls, "-r", &calls]);
        // What does not come within half a minute fails, unless the scenario says otherwise.
        command.args(["-recv_timeout", "30000", "-timeout", "110"]);
        let messages = folder.join(format!("{}.messages", self.name));
        command.args(["-trace_err", "-error_file", &format!("{}.errors", self.name), "-trace_msg", "-message_file"]).arg(&messages);
        if let Some([user, secret]) = self.login {
            command.args(["-au", user, "-ap", secret]);
            // Without this it proves itself for the host alone, whatever it asks for.
            if let Some(to) = self.to.filter(|_| self.scenario == "phone_calls") {
                command.args(["-auth_uri", &format!("12345@{to}")]);
            }
        }
        if self.scenario.contains("agent_phone") {
            // A phone says back what it hears.
            command.arg("-rtp_echo");
        }
        if !self.strict {
            command.args(["-default_behaviors", "all,-abortunexp"]);
        }
        command.args(self.to.map(|to| to.to_string()));
        let running = Running::start(&self.name, &mut command, &folder.join(format!("{}.log", self.name)));
        if self.to.is_none() && self.transport == "tcp" {
            wait_for_listener(self.own);
        }
        Sipp { running, messages }
    }

    /// Over TLS the messages must say so themselves.
    fn file(&self, folder: &Path) -> PathBuf {
        let file = scenario(self.scenario);
        if self.transport != "tls" {
            return file;
        }
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let copy = folder.join(format!("{}.xml", self.name));
        std::fs::write(&copy, text.replace("[transport]", "TLS")).expect("the site's folder can be written");
        copy
    }
}

impl Sipp {
    /// Waits for the end; `Err` tells what did not go as written.
    ///
    /// # Errors
    /// What sipp says, and the last messages.
    ///
    /// # Panics
    /// If sipp does not end in time.
    pub fn verdict(mut self, limit: Duration) -> Result<(), String> {
        let status = self.running.ended(limit);
        if status.success() {
            return Ok(());
        }
        let messages = std::fs::read(&self.messages).unwrap_or_default();
        let messages = String::from_utf8_lossy(&messages);
        let tail: Vec<&str> = messages.lines().rev().take(150).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        let errors = std::fs::read_to_string(self.messages.with_extension("errors")).unwrap_or_default();
        Err(format!("sipp: {status}\n{errors}\n{}", tail.join("\n")))
    }
}

/// UDP repeats itself until somebody listens; a TCP connection would be refused.
fn wait_for_listener(address: SocketAddr) {
    let IpAddr::V4(ip) = address.ip() else { return };
    // proc_net_tcp(5): the address as it lies in memory, and state 0A, listening.
    let listens = format!(" {:08X}:{:04X} 00000000:0000 0A ", u32::from_ne_bytes(ip.octets()), address.port());
    let until = Instant::now() + SOON;
    while !std::fs::read_to_string("/proc/net/tcp").is_ok_and(|table| table.contains(&listens)) {
        assert!(Instant::now() < until, "nobody listens at {address}");
        std::thread::yield_now();
    }
}

/// Takes TCP connections on loopback and carries each on over TLS.
#[derive(Debug)]
pub struct TlsRelay {
    /// Where it listens.
    pub address: SocketAddr,
}

impl TlsRelay {
    /// Starts it on a thread of its own, which lives as long as the test does.
    ///
    /// # Panics
    /// If the site has no certificate or there is no free port.
    #[must_use]
    pub fn start(site: &Site, to: SocketAddr) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&site.ca).expect("the site's certificate") {
            roots.add(certificate.expect("a whole certificate")).expect("an authority");
        }
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a small runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket");
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while let Ok((near, _)) = listener.accept().await {
                    tokio::spawn(carry(near, tls.clone(), to));
                }
            });
        });
        Self { address }
    }
}

async fn carry(mut near: TcpStream, tls: TlsConnector, to: SocketAddr) -> std::io::Result<()> {
    let mut far = tls.connect(ServerName::from(to.ip()), TcpStream::connect(to).await?).await?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
}
