//! Whom the desktop trusts: a CA file, and fingerprints that a person has accepted once (threat T3: a false server gets no password).
//!
//! A certificate is good if it is in the CA file, is signed for this host by a CA of it, or is the one remembered for this server. The
//! proof that the server owns its key (the handshake signature, RFC 8446 §4.4.3) is checked in each of the three cases.

use desktop_core::LinkFailure;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Servers whose fingerprint may be remembered.
const MAX_REMEMBERED: usize = 1_000;

/// Why the trusted certificates could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The person named a file that is none.
    #[error("the CA file {path} cannot be used: {reason}")]
    CaFile {
        /// As it was given.
        path: PathBuf,
        /// In the reader's words.
        reason: String,
    },
    /// The remembered fingerprints.
    #[error("the remembered fingerprints in {path} cannot be used: {reason}")]
    Remembered {
        /// Where they are.
        path: PathBuf,
        /// In the reader's words.
        reason: String,
    },
}

/// The trusted certificates. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    /// As they stand in the CA file: a server that signed its own certificate is its own CA.
    given: Arc<Vec<CertificateDer<'static>>>,
    authority: Option<Arc<WebPkiServerVerifier>>,
    remembered: Arc<Mutex<BTreeMap<String, String>>>,
    file: Option<PathBuf>,
}

impl Trust {
    /// Reads the CA file and the file of remembered fingerprints, if they are given. A missing fingerprint file is an empty one.
    ///
    /// # Errors
    /// [`TrustError`] if a file that exists cannot be used.
    pub(crate) fn load(ca_file: Option<&Path>, file: Option<PathBuf>) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let given = ca_file.map(read_ca).transpose()?.unwrap_or_default();
        let authority = authority(&given, &provider);
        let remembered = file.as_deref().map(read_remembered).transpose()?.unwrap_or_default();
        Ok(Self { provider, given: Arc::new(given), authority, remembered: Arc::new(Mutex::new(remembered)), file })
    }

    /// Remembers an accepted fingerprint for `host:port`, in memory at once and in the file.
    ///
    /// # Errors
    /// [`TrustError::Remembered`] if the file could not be written; it still holds for this run of the program.
    pub(crate) fn remember(&self, server: &str, fingerprint: &str) -> Result<(), TrustError> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = &self.file else {
            remembered.insert(server.to_owned(), fingerprint.to_owned());
            return Ok(());
        };
        // Another window may have written since: what it remembered stays.
        if let Ok(newer) = read_remembered(path) {
            remembered.extend(newer);
        }
        remembered.insert(server.to_owned(), fingerprint.to_owned());
        if remembered.len() > MAX_REMEMBERED {
            return Err(TrustError::Remembered { path: path.clone(), reason: format!("more than {MAX_REMEMBERED} servers") });
        }
        write_remembered(path, &remembered)
    }

    /// The judge of one connection to `host:port`.
    pub(crate) fn verifier(&self, server: &str) -> Arc<Verifier> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned();
        Arc::new(Verifier { trust: self.clone(), remembered, failure: Mutex::new(None) })
    }
}

fn read_ca(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let fault = |reason: String| TrustError::CaFile { path: path.to_owned(), reason };
    let entries = CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))?;
    let certificates: Vec<_> = entries.collect::<Result<_, _>>().map_err(|error| fault(error.to_string()))?;
    if certificates.is_empty() { Err(fault("it holds no certificate".to_owned())) } else { Ok(certificates) }
}

/// A verifier over those certificates that can be a CA; the others are only compared.
fn authority(given: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(given.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()
}

fn read_remembered(path: &Path) -> Result<BTreeMap<String, String>, TrustError> {
    let fault = |reason: String| TrustError::Remembered { path: path.to_owned(), reason };
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| fault(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(fault(error.to_string())),
    }
}

/// Writes beside the file and renames, so that a cut of power leaves the old list and not half of the new one.
fn write_remembered(path: &Path, remembered: &BTreeMap<String, String>) -> Result<(), TrustError> {
    let fault = |error: std::io::Error| TrustError::Remembered { path: path.to_owned(), reason: error.to_string() };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    let text = serde_json::to_string_pretty(remembered).expect("a map of strings always encodes");
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).map_err(fault)?;
    std::fs::rename(&beside, path).map_err(fault)
}

/// SHA-256 of a certificate as people compare it: `AB:CD:…`.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate.as_ref());
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Judges the certificate of one connection, and keeps the reason of a no.
#[derive(Debug)]
pub(crate) struct Verifier {
    trust: Trust,
    remembered: Option<String>,
    failure: Mutex<Option<LinkFailure>>,
}

impl Verifier {
    /// A TLS configuration with this judge and no client certificate.
    pub(crate) fn client_config(self: &Arc<Self>) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.trust.provider))
            .with_safe_default_protocol_versions()
            .expect("the ring provider has ciphers for TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        Arc::new(config)
    }

    /// Why the certificate was refused, if it was.
    pub(crate) fn failure(&self) -> Option<LinkFailure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, failure: LinkFailure) -> Error {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed = |authority: &Arc<WebPkiServerVerifier>| {
            authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).is_ok()
        };
        if self.trust.given.iter().any(|given| given == end_entity) || self.trust.authority.as_ref().is_some_and(signed) {
            return Ok(ServerCertVerified::assertion());
        }
        let fingerprint = fingerprint(end_entity);
        match &self.remembered {
            Some(remembered) if *remembered == fingerprint => Ok(ServerCertVerified::assertion()),
            Some(_) => Err(self.refuse(LinkFailure::ChangedCertificate { fingerprint })),
            None => Err(self.refuse(LinkFailure::UnknownCertificate { fingerprint })),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.trust.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.trust.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}
