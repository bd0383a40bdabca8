//! One agent's voice path: SRTP over the one agents' socket. The session is found by the client's SSRC; only authentic packets tell where
//! the agent is, and they may tell anew at any time (a laptop changes its network).

use super::counters::Counters;
use super::net::VoiceSocket;
use super::relay::Bridge;
use super::stream::OutgoingStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use call_core::command::MediaAccess as AccessText;
use shared::model::AgentId;
use shared::wire::MediaAccess;
use std::net::SocketAddr;
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::{MASTER_BYTES, MasterKey, SrtpError, SrtpReceiver, SrtpSender};

/// Payload type of every agent's voice: PCMA (RFC 3551).
pub(super) const AGENT_PAYLOAD_TYPE: u8 = 8;

/// One agent's voice path.
#[derive(Debug)]
pub(super) struct AgentLeg {
    /// Whose.
    pub(super) agent: AgentId,
    /// By which packets of the client are known.
    pub(super) client_ssrc: u32,
    /// With whom the agent talks.
    pub(super) bridge: Option<Bridge>,
    /// What is sent to the agent.
    pub(super) out: OutgoingStream,
    receiver: SrtpReceiver,
    sender: SrtpSender,
    path: Path,
    sent_us: u64,
}

/// Where the agent is.
#[derive(Debug, Clone, Copy)]
enum Path {
    /// Nothing authentic was heard yet.
    Unheard,
    /// Packets came from there, the last one then.
    Heard { address: SocketAddr, at_us: u64 },
    /// They came from there, but have stopped for longer than the limit.
    Lost,
}

/// The secrets of one session; nothing of them is ever logged.
pub(super) struct Keys {
    client_ssrc: u32,
    server_ssrc: u32,
    client: MasterKey,
    server: MasterKey,
}

impl Keys {
    /// Random keys and sources; `is_taken` says which client SSRC are in use.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn generate(is_taken: impl Fn(u32) -> bool) -> Result<Self, getrandom::Error> {
        let mut client_ssrc = getrandom::u32()?;
        while is_taken(client_ssrc) {
            client_ssrc = getrandom::u32()?;
        }
        let (mut client, mut server) = ([0; MASTER_BYTES], [0; MASTER_BYTES]);
        getrandom::fill(&mut client)?;
        getrandom::fill(&mut server)?;
        Ok(Self { client_ssrc, server_ssrc: getrandom::u32()?, client: MasterKey(client), server: MasterKey(server) })
    }

    /// As the desktop gets them.
    pub(super) fn access(&self, port: u16) -> AccessText {
        let access = MediaAccess {
            port,
            client_ssrc: self.client_ssrc,
            server_ssrc: self.server_ssrc,
            client_key: STANDARD.encode(self.client.0),
            server_key: STANDARD.encode(self.server.0),
            options: None,
        };
        let text = serde_json::to_string(&access).expect("numbers and strings have a JSON form");
        AccessText(text.into())
    }
}

impl AgentLeg {
    /// A path of which nothing was heard yet. `start` is random.
    pub(super) fn new(agent: AgentId, keys: &Keys, start: u64) -> Self {
        Self {
            agent,
            client_ssrc: keys.client_ssrc,
            bridge: None,
            out: OutgoingStream::new(keys.server_ssrc, AGENT_PAYLOAD_TYPE, start),
            receiver: SrtpReceiver::new(&keys.client),
            sender: SrtpSender::new(&keys.server),
            path: Path::Unheard,
            sent_us: 0,
        }
    }

    /// Opens a datagram in place.
    ///
    /// # Errors
    /// It is not from this agent, or came before.
    pub(super) fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Packet<'a>, SrtpError> {
        let length = self.receiver.unprotect(datagram)?;
        Ok(Packet::read(&datagram[..length])?)
    }

    /// Notes that an authentic packet came from there. Whether the agent is reachable now and was not before.
    pub(super) fn note_heard(&mut self, now_us: u64, address: SocketAddr) -> bool {
        let became_reachable = !self.is_reachable();
        self.path = Path::Heard { address, at_us: now_us };
        became_reachable
    }

    /// Whether the agent was reachable, but was not heard for longer than the limit; told once.
    pub(super) fn became_unreachable(&mut self, now_us: u64, limit_us: u64) -> bool {
        match self.path {
            Path::Heard { at_us, .. } if now_us.saturating_sub(at_us) > limit_us => {
                self.path = Path::Lost;
                true
            }
            Path::Heard { .. } | Path::Unheard | Path::Lost => false,
        }
    }

    /// Whether a silent packet is due, so that the client knows that the path works and the network keeps it open.
    pub(super) fn wants_keep_alive(&self, now_us: u64, every_us: u64) -> bool {
        self.is_reachable() && now_us.saturating_sub(self.sent_us) >= every_us
    }

    /// Sends the samples that stand behind the header's place in `buffer`. Whether they were sent.
    pub(super) fn send(
        &mut self,
        now_us: u64,
        header: &Header,
        buffer: &mut [u8],
        samples: usize,
        (socket, counters): (&VoiceSocket, &Counters),
    ) -> bool {
        let Path::Heard { address, .. } = self.path else { return false };
        let protected = header.write(buffer).map_err(SrtpError::from).and_then(|()| self.sender.protect(buffer, HEADER_BYTES + samples));
        let sent = protected.is_ok_and(|length| socket.send_to(&buffer[..length], address));
        if !sent {
            counters.send_failures.bump();
        }
        self.sent_us = now_us;
        sent
    }

    fn is_reachable(&self) -> bool {
        matches!(self.path, Path::Heard { .. })
    }
}
