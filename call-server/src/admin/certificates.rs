//! An internal certificate authority and the server's certificate, so that a site needs no public one (S-3, 5-1).

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use sha2::{Digest, Sha256};

/// How long both certificates are valid, in years. No outside party depends on them, and a hotline must not stop over a date.
const VALID_YEARS: i32 = 10;

/// Everything made, as PEM, and the fingerprint that a desktop shows.
pub(super) struct Certificates {
    pub(super) authority: String,
    pub(super) authority_key: String,
    pub(super) server: String,
    pub(super) server_key: String,
    /// SHA-256 of the server's certificate, `AB:CD:…`: what a desktop without the CA file shows at its first connection.
    pub(super) fingerprint: String,
}

/// Makes an authority and a certificate for these names and addresses.
///
/// # Errors
/// A name that cannot stand in a certificate.
pub(super) fn make(names: &[String]) -> Result<Certificates, rcgen::Error> {
    let authority_key = KeyPair::generate()?;
    let mut params = valid(CertificateParams::default());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "Hotline internal CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = params.self_signed(&authority_key)?;
    let authority_key_pem = authority_key.serialize_pem();
    let issuer = Issuer::new(params, authority_key);

    let server_key = KeyPair::generate()?;
    let mut params = valid(CertificateParams::new(names.to_vec())?);
    params.distinguished_name.push(DnType::CommonName, "Hotline call server");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server = params.signed_by(&server_key, &issuer)?;
    Ok(Certificates {
        fingerprint: fingerprint(server.der()),
        authority: authority.pem(),
        authority_key: authority_key_pem,
        server: server.pem(),
        server_key: server_key.serialize_pem(),
    })
}

/// From yesterday, so that a desktop whose clock is a little behind accepts it at once.
fn valid(mut params: CertificateParams) -> CertificateParams {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let from = today.yesterday().unwrap_or(today);
    let ymd = |date: jiff::civil::Date, years: i32| {
        // 29 February has no counterpart in most years.
        date_time_ymd(i32::from(date.year()) + years, date.month().unsigned_abs(), date.day().unsigned_abs().min(28))
    };
    params.not_before = ymd(from, 0);
    params.not_after = ymd(from, VALID_YEARS);
    params
}

fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
