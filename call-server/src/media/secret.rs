//! One agent's keys for both suites in both directions, and the contexts of the one that the client has chosen by its first authentic
//! packet.

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
    /// By suite, the client's and the server's.
    keys: [[MasterKey; 2]; 2],
    /// Of the suite that is chosen, or probably will be.
    contexts: Contexts,
    is_chosen: bool,
}

/// All contexts of one suite.
#[derive(Debug)]
struct Contexts {
    suite: usize,
    receiver: SrtpReceiver,
    sender: SrtpSender,
    control_receiver: SrtcpReceiver,
    control_sender: SrtcpSender,
}

const SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1, Suite::Aes128Gcm];

impl Contexts {
    fn new(place: usize, [client, server]: &[MasterKey; 2]) -> Self {
        let suite = SUITES[place];
        Self {
            suite: place,
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
        let contexts = Contexts::new(1, &keys[1]);
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
        Ok((Self { client_ssrc, server_ssrc, keys, contexts, is_chosen: false }, AccessText(text.into())))
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
        let opened = self.contexts.receiver.unprotect(datagram);
        if opened.is_err() && !self.is_chosen {
            return self.open_otherwise(datagram);
        }
        self.is_chosen |= opened.is_ok();
        opened
    }

    /// The same in the other suite, which is the chosen one if that succeeds.
    fn open_otherwise(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        let other = 1 - self.contexts.suite;
        let mut receiver = SrtpReceiver::with_suite(SUITES[other], &self.keys[other][0]);
        let length = receiver.unprotect(datagram)?;
        self.contexts = Contexts { receiver, ..Contexts::new(other, &self.keys[other]) };
        self.is_chosen = true;
        Ok(length)
    }

    /// Opens a control packet in place. Before the suite is chosen none is authentic.
    ///
    /// # Errors
    /// See [`SrtcpReceiver::unprotect`].
    pub(super) fn open_control(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        if !self.is_chosen {
            return Err(SrtpError::NotAuthentic);
        }
        self.contexts.control_receiver.unprotect(datagram)
    }

    /// Protects a packet in place; gives its length.
    ///
    /// # Errors
    /// See [`SrtpSender::protect`].
    pub(super) fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.contexts.sender.protect(buffer, length)
    }

    /// Protects a control packet in place; gives its length.
    ///
    /// # Errors
    /// See [`SrtcpSender::protect`].
    pub(super) fn protect_control(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.contexts.control_sender.protect(buffer, length)
    }
}
