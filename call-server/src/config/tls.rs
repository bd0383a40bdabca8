//! Certificate and key from PEM files (RFC 7468) to what rustls wants.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// What is wrong, and with which of the two files.
#[derive(Debug)]
pub(super) enum TlsFault {
    Certificate(String),
    Key(String),
}

/// Reads both files and checks that they belong together.
pub(super) fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFault> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsFault::Certificate(unreadable(certificate, "certificate", &error)))?;
    if chain.is_empty() {
        return Err(TlsFault::Certificate(format!("{} holds no certificate", certificate.display())));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsFault::Key(unreadable(key, "private key", &error)))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsFault::Certificate(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map(Arc::new)
        .map_err(|error| TlsFault::Key(format!("certificate and key do not fit together: {error}")))
}

/// How connections of ours judge certificates: by the authorities in this file. One that cannot be used is left out, as systems' lists
/// hold some that no program takes.
pub(super) fn client(authorities: &Path) -> Result<Arc<ClientConfig>, String> {
    let certificates = CertificateDer::pem_file_iter(authorities)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(authorities, "certificate", &error))?;
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(format!("{} holds no certificate that can be used", authorities.display()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn unreadable(path: &Path, what: &str, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("{} cannot be read: {error}", path.display()),
        pem::Error::NoItemsFound => format!("{} holds no {what}", path.display()),
        // The error's own text would repeat a line of the file, which may be a line of a key.
        _ => format!("{} is not a PEM file", path.display()),
    }
}
