//! The running call server.

use crate::process::{Running, program};
use crate::site::Site;
use crate::{LATER, SOON};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

/// A server that has said that it is ready. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    running: Running,
    /// SIP over UDP.
    pub sip: SocketAddr,
    /// Desktops, WebSocket over TLS.
    pub gateway: SocketAddr,
    /// UDP port of the agents' voice.
    pub agent_media: u16,
    sip_listeners: Vec<(String, SocketAddr)>,
}

impl Server {
    /// Starts `call-server run` and waits for its ready line.
    ///
    /// # Panics
    /// If it does not become ready.
    #[must_use]
    pub fn start(site: &Site) -> Self {
        Self::start_command(site, &mut Self::command(site))
    }

    /// The same with this filter of what goes into `server.log` in the site's folder.
    ///
    /// # Panics
    /// If it does not become ready.
    #[must_use]
    pub fn start_logging(site: &Site, filter: &str) -> Self {
        Self::start_command(site, Self::command(site).args(["--log", filter]))
    }

    /// The same as a child of another program that does something to it, such as a tracer.
    ///
    /// # Panics
    /// If it does not become ready.
    #[must_use]
    pub fn start_under(site: &Site, program: &[&str]) -> Self {
        let own = Self::command(site);
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(own.get_program()).args(own.get_args());
        Self::start_command(site, &mut command)
    }

    fn start_command(site: &Site, command: &mut Command) -> Self {
        let mut running = Running::start("call-server", command, &site.folder().join("server.log"));
        let ready = running.event("ready", LATER);
        let address = |name: &str| {
            let text = ready[name].as_str().unwrap_or_else(|| panic!("the ready line has no {name}: {ready}"));
            text.parse().unwrap_or_else(|error| panic!("{name} {text}: {error}"))
        };
        let agent_media = ready["agent_media"].as_u64().and_then(|port| u16::try_from(port).ok());
        let agent_media = agent_media.unwrap_or_else(|| panic!("the ready line has no agent_media: {ready}"));
        let listeners = ready["sip_listeners"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sip_listeners =
            listeners.iter().filter_map(|one| Some((one["transport"].as_str()?.to_owned(), one["address"].as_str()?.parse().ok()?)));
        Self { sip: address("sip"), gateway: address("gateway"), agent_media, sip_listeners: sip_listeners.collect(), running }
    }

    /// Where it takes SIP over this transport: `udp`, `tcp` or `tls`; the first such listener.
    #[must_use]
    pub fn sip_over(&self, transport: &str) -> Option<SocketAddr> {
        self.sip_listeners.iter().find(|(kind, _)| kind == transport).map(|(_, address)| *address)
    }

    /// The same over IPv6.
    #[must_use]
    pub fn sip_over_ipv6(&self, transport: &str) -> Option<SocketAddr> {
        self.sip_listeners.iter().find(|(kind, address)| kind == transport && address.is_ipv6()).map(|(_, address)| *address)
    }

    /// Starts it where it must refuse to start, and returns its words.
    ///
    /// # Panics
    /// If it runs, or ends without a clear word.
    #[must_use]
    pub fn refuses(site: &Site) -> String {
        let log = site.folder().with_extension("refusal.log");
        let _ = std::fs::remove_file(&log);
        let mut running = Running::start("call-server", &mut Self::command(site), &log);
        let status = running.ended(SOON);
        let words = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(!status.success(), "it ended as if all were well: {words}");
        assert!(!words.trim().is_empty() && !words.contains("panicked"), "no clear word: {words:?}");
        words
    }

    fn command(site: &Site) -> Command {
        let mut command = Command::new(program("call-server"));
        command.arg("--site").arg(site.folder()).arg("run");
        command
    }

    /// SIGKILL in mid-work.
    pub fn kill(mut self) {
        self.running.kill();
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Waits until one figure of the status satisfies `holds`.
    ///
    /// # Panics
    /// If it does not within a minute.
    pub fn wait_status(site: &Site, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = std::time::Instant::now() + LATER;
        loop {
            let status = site.cli(&["status"]);
            if holds(&status) {
                return status;
            }
            assert!(std::time::Instant::now() < until, "the status never showed {what}: {status:#}");
        }
    }
}
