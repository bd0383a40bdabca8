//! The keys of one session: the newest suite that the server knows, in both directions, for voice and reports.

use super::LineError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::wire::MediaAccess;
use voice::srtp::{MasterKey, SrtcpReceiver, SrtcpSender, SrtpError, SrtpReceiver, SrtpSender, Suite};

/// Both directions.
pub(super) struct Secrets {
    sender: SrtpSender,
    receiver: SrtpReceiver,
    control: Option<Control>,
}

struct Control {
    sender: SrtcpSender,
    receiver: SrtcpReceiver,
}

impl Secrets {
    /// AES-128-GCM where the server has it. An older server gets no reports.
    ///
    /// # Errors
    /// [`LineError::Keys`].
    pub(super) fn new(access: &MediaAccess) -> Result<Self, LineError> {
        let (suite, client, server) = match &access.options {
            Some(options) => (Suite::Aes128Gcm, &options.gcm_client_key, &options.gcm_server_key),
            None => (Suite::AesCm128HmacSha1, &access.client_key, &access.server_key),
        };
        let (client, server) = (master(suite, client)?, master(suite, server)?);
        let control = || Control { sender: SrtcpSender::new(suite, &client), receiver: SrtcpReceiver::new(suite, &server) };
        Ok(Self {
            sender: SrtpSender::with_suite(suite, &client),
            receiver: SrtpReceiver::with_suite(suite, &server),
            control: access.options.is_some().then(control),
        })
    }

    pub(super) fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.sender.protect(buffer, length)
    }

    pub(super) fn open(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.receiver.unprotect(packet)
    }

    /// The report in `buffer`, protected; `None` if the server wants none.
    pub(super) fn protect_report(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        self.control.as_mut()?.sender.protect(buffer, length).ok()
    }

    /// The length of an authentic report, opened in place.
    pub(super) fn open_report(&mut self, packet: &mut [u8]) -> Option<usize> {
        self.control.as_mut()?.receiver.unprotect(packet).ok()
    }
}

fn master(suite: Suite, key: &str) -> Result<MasterKey, LineError> {
    let bytes = STANDARD.decode(key).map_err(|_| LineError::Keys)?;
    MasterKey::read(suite, &bytes).ok_or(LineError::Keys)
}
