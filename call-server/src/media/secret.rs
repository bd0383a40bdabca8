//! One agent's keys: both suites in both directions, and which of them the client has chosen by its first authentic packet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use call_core::command::MediaAccess as AccessText;
use shared::wire::{MediaAccess, VoiceOptions};
use voice::srtp::{MASTER_BYTES, MasterKey, SrtcpReceiver, SrtcpSender, SrtpError, SrtpReceiver, SrtpSender, Suite};

/// Bits of a client's SSRC that are its place, so that it is found without a search.
const SLOT_BITS: u32 = 12;
/// Agents at once.
pub(super) const MAX_AGENTS: usize = 1 << SLOT_BITS;

/// The secrets of one session; nothing of them is ever logged.
#[derive(Debug)]
pub(super) struct Secrets {
    client_ssrc: u32,
    server_ssrc: u32,
    contexts: [Contexts; 2],
    chosen: Option<usize>,
}

/// All contexts of one suite.
#[derive(Debug)]
struct Contexts {
    receiver: SrtpReceiver,
    sender: SrtpSender,
    control_receiver: SrtcpReceiver,
    control_sender: SrtcpSender,
}

const SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1, Suite::Aes128Gcm];

impl Contexts {
    fn new(suite: Suite, [client, server]: &[MasterKey; 2]) -> Self {
        Self {
            receiver: SrtpReceiver::with_suite(suite, client),
            sender: SrtpSender::with_suite(suite, server),
            control_receiver: SrtcpReceiver::new(suite, client),
            control_sender: SrtcpSender::new(suite, server),
        }
    }
}

impl Secrets {
    /// Random keys for the agent at this place, and as the desktop gets them.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn generate(slot: u16, port: u16, opus_payload_type: u8) -> Result<(Self, AccessText), getrandom::Error> {
        let mask = (1_u32 << SLOT_BITS) - 1;
        let client_ssrc = (getrandom::u32()? & !mask) | (u32::from(slot) & mask);
        let server_ssrc = getrandom::u32()?;
        let mut keys = [[MasterKey([0; MASTER_BYTES]); 2]; 2];
        for key in keys.iter_mut().flatten() {
            getrandom::fill(&mut key.0)?;
        }
        let contexts = [Contexts::new(SUITES[0], &keys[0]), Contexts::new(SUITES[1], &keys[1])];
        let encoded = |key: &MasterKey, suite: Suite| STANDARD.encode(&key.0[..suite.master_bytes()]);
        let access = MediaAccess {
            port,
            client_ssrc,
            server_ssrc,
            client_key: encoded(&keys[0][0], SUITES[0]),
            server_key: encoded(&keys[0][1], SUITES[0]),
            options: Some(VoiceOptions {
                gcm_client_key: encoded(&keys[1][0], SUITES[1]),
                gcm_server_key: encoded(&keys[1][1], SUITES[1]),
                opus_payload_type,
                tunnel: true,
            }),
        };
        let text = serde_json::to_string(&access).expect("numbers and strings have a JSON form");
        Ok((Self { client_ssrc, server_ssrc, contexts, chosen: None }, AccessText(text.into())))
    }

    /// The place that a client's SSRC names.
    pub(super) fn slot(client_ssrc: u32) -> u16 {
        (client_ssrc & ((1 << SLOT_BITS) - 1)) as u16
    }

    /// By which packets of the client are known.
    pub(super) fn client_ssrc(&self) -> u32 {
        self.client_ssrc
    }

    /// Which the server sends with.
    pub(super) fn server_ssrc(&self) -> u32 {
        self.server_ssrc
    }

    /// Opens a packet in place; gives its length. The first authentic one chooses the suite.
    ///
    /// # Errors
    /// See [`SrtpReceiver::unprotect`].
    pub(super) fn open(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        if let Some(chosen) = self.chosen {
            return self.contexts[chosen].receiver.unprotect(datagram);
        }
        let mut fault = SrtpError::NotAuthentic;
        for (place, contexts) in self.contexts.iter_mut().enumerate() {
            match contexts.receiver.unprotect(datagram) {
                Ok(length) => {
                    self.chosen = Some(place);
                    return Ok(length);
                }
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    /// Opens a control packet in place. Before the suite is chosen none is authentic.
    ///
    /// # Errors
    /// See [`SrtcpReceiver::unprotect`].
    pub(super) fn open_control(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        let chosen = self.chosen.ok_or(SrtpError::NotAuthentic)?;
        self.contexts[chosen].control_receiver.unprotect(datagram)
    }

    /// Protects a packet in place; gives its length.
    ///
    /// # Errors
    /// See [`SrtpSender::protect`].
    pub(super) fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.contexts[self.chosen.unwrap_or(0)].sender.protect(buffer, length)
    }

    /// Protects a control packet in place; gives its length.
    ///
    /// # Errors
    /// See [`SrtcpSender::protect`].
    pub(super) fn protect_control(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.contexts[self.chosen.unwrap_or(0)].control_sender.protect(buffer, length)
    }
}
