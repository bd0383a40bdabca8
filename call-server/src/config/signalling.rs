//! `[sip]` and `[[sip_listen]]`: where SIP is listened to, under which names, with which certificates.

use super::resolve::Resolver;
use super::tls::{self, TlsFault};
use super::trunks::Trunk;
use super::written::{At, Block};
use crate::sip::{ListenerSettings, Numbers, SipSettings, SkinLimits, Transport};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Most listeners: each has an endpoint of its own.
const MOST_LISTENERS: usize = 16;
/// Where systems keep the authorities that they trust, the first that exists counts: Debian and Alpine, Fedora, openSUSE.
const SYSTEM_ROOTS: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

impl Resolver<'_> {
    pub(super) fn sip(&mut self, trunks: &[Trunk]) -> Option<SipSettings> {
        let trunks = trunks.iter().map(|trunk| trunk.settings.clone()).collect();
        let name_server = self.written.text("sip", "name_server").map(|_| self.address("sip", "name_server"));
        let numbers = self.shown_numbers();
        let client = self.sip_client();
        let listen = self.address("sip", "listen")?;
        let advertise = self.reachable("sip", At { line: listen.line, value: listen.value.ip() })?;
        let more = self.sip_listeners(listen.value, advertise);
        let name_server = match name_server {
            Some(address) => Some(address?.value),
            None => None,
        };
        Some(SipSettings {
            listen: listen.value,
            advertise,
            more: more?,
            trunks,
            phones: self.phones().unwrap_or_default(),
            name_server,
            client: client?,
            numbers: numbers?,
            limits: SkinLimits::default(),
        })
    }

    fn shown_numbers(&mut self) -> Option<Numbers> {
        let At { line, value } = self.written.text("sip", "trace_numbers")?;
        match value {
            "masked" => Some(Numbers::Masked),
            "shown" => Some(Numbers::Shown),
            other => self.fault(line, format!("trace_numbers in [sip] is {other:?}"), "Write \"masked\" or \"shown\"."),
        }
    }

    /// `Some(None)`: this host has no list of authorities.
    fn sip_client(&mut self) -> Option<Option<Arc<rustls::ClientConfig>>> {
        if let Some(At { line, value }) = self.written.text("sip", "authorities") {
            return match tls::client(&self.path(value)) {
                Ok(client) => Some(Some(client)),
                Err(what) => self.fault(line, what, "Name a PEM file with the certificates of the authorities that carriers use."),
            };
        }
        let found = SYSTEM_ROOTS.iter().map(std::path::Path::new).find(|path| path.exists());
        Some(found.and_then(|path| tls::client(path).ok()))
    }

    fn sip_listeners(&mut self, first: SocketAddr, advertise: IpAddr) -> Option<Vec<ListenerSettings>> {
        let written = self.written;
        let mut listeners: Vec<ListenerSettings> = Vec::new();
        let mut is_sound = true;
        for block in written.all("sip_listen") {
            let Some(listener) = self.sip_listener(block, advertise) else {
                is_sound = false;
                continue;
            };
            let is_same = |address: SocketAddr, transport: Transport| {
                address == listener.listen && address.port() != 0 && (transport == Transport::Udp) == (listener.transport == Transport::Udp)
            };
            let others = listeners.iter().map(|other| (other.listen, other.transport));
            if others.chain([(first, Transport::Udp)]).any(|(address, transport)| is_same(address, transport)) {
                let what = format!("{} is listened to twice", listener.listen);
                self.fault::<()>(block.line, what, "Choose another port, or remove one of the two.");
                is_sound = false;
            }
            listeners.push(listener);
        }
        if listeners.len() >= MOST_LISTENERS {
            return self.fault(None, format!("there are {} listeners for SIP", listeners.len() + 1), "Sixteen are the most.");
        }
        is_sound.then_some(listeners)
    }

    fn sip_listener(&mut self, block: &Block, usual: IpAddr) -> Option<ListenerSettings> {
        let At { line, value } = block.text("transport")?;
        let transport: Option<Transport> = match value.parse() {
            Ok(transport) => Some(transport),
            Err(error) => {
                self.fault(line, format!("transport in [[sip_listen]] is {value:?}: {error}"), "Write \"udp\", \"tcp\" or \"tls\".")
            }
        };
        let At { line, value } = block.text("listen")?;
        let Ok(listen) = value.parse::<SocketAddr>() else {
            let what = format!("listen in [[sip_listen]] is no IP address and port: {value}");
            return self.fault(line, what, "Write it as 192.0.2.1:5060 or [2001:db8::1]:5060.");
        };
        let advertise = self.advertised(block, listen, usual);
        let transport = transport?;
        let tls = if transport == Transport::Tls { Some(self.sip_certificate(block)?) } else { None };
        Some(ListenerSettings { transport, listen, advertise: advertise?, tls })
    }

    /// The address in our Via: as written; else the one listened on; else that of `[sip]`, if it is of the same kind.
    fn advertised(&mut self, block: &Block, listen: SocketAddr, usual: IpAddr) -> Option<IpAddr> {
        let (line, address) = match block.text("advertise") {
            Some(At { line, value }) => (line, self.ip(line, "advertise in [[sip_listen]]", value)?),
            None if !listen.ip().is_unspecified() => (block.line, listen.ip()),
            None => (block.line, usual),
        };
        if address.is_unspecified() || address.is_ipv6() != listen.is_ipv6() {
            let what = format!("{address} is not how others reach {listen}");
            return self.fault(line, what, "Add advertise to this [[sip_listen]]: an address of the same kind, IPv4 or IPv6.");
        }
        Some(address)
    }

    fn sip_certificate(&mut self, block: &Block) -> Option<Arc<rustls::ServerConfig>> {
        let named = |key: &'static str| block.text(key).or_else(|| self.written.text("gateway", key));
        let (certificate, key) = (named("certificate")?, named("key")?);
        match tls::load(&self.path(certificate.value), &self.path(key.value)) {
            Ok(tls) => Some(tls),
            Err(TlsFault::Certificate(what)) => self.fault(certificate.line, what, "Name a PEM file; `call-server init` makes one."),
            Err(TlsFault::Key(what)) => self.fault(key.line, what, "Name the PEM file of the key that belongs to the certificate."),
        }
    }
}
