//! The certificate of the console's own listener: made by the console itself, self-signed, shared with nothing.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use time::OffsetDateTime;

use crate::base::clock::Timestamp;
use crate::tls::leaf;

/// A year; browsers take self-signed certificates for longer, but a shorter life is a smaller loss.
const LIFE: Duration = Duration::from_hours(24 * 365);

/// Made anew when less than this is left.
const ROOM: Duration = Duration::from_hours(24 * 30);

/// A certificate and its key, PEM.
pub struct ConsoleCertificate {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// The console's certificate in `directory`, made anew if it is missing, for other names, or nearly over.
///
/// # Errors
/// The files cannot be read or written.
pub fn keep(directory: &Path, names: &[String], now: Timestamp) -> Result<ConsoleCertificate> {
    let (certificate_file, key_file) = (directory.join("console.crt"), directory.join("console.key"));
    if let (Ok(certificate), Ok(key)) = (fs::read_to_string(&certificate_file), fs::read_to_string(&key_file))
        && is_good(&certificate, names, now)
    {
        return Ok(ConsoleCertificate { certificate, key });
    }
    let made = make(names, now)?;
    write(&key_file, &made.key)?;
    write(&certificate_file, &made.certificate)?;
    Ok(made)
}

fn is_good(certificate: &str, names: &[String], now: Timestamp) -> bool {
    let Ok(chain) = leaf::chain_from_pem(certificate) else { return false };
    let facts = chain.first().and_then(|der| leaf::read(der).ok());
    // Addresses stand beside the names in a certificate, and are not read here.
    let mut wanted = names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_err());
    facts.is_some_and(|facts| facts.not_after > now.plus(ROOM) && wanted.all(|name| facts.names.contains(name)))
}

fn make(names: &[String], now: Timestamp) -> Result<ConsoleCertificate> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("making the console's key")?;
    let mut params = CertificateParams::new(names.to_vec()).context("naming the console's certificate")?;
    params.distinguished_name.push(DnType::CommonName, "Rampart console (self-signed)");
    // A clock that is a little behind must not reject it.
    params.not_before = moment(now.minus(Duration::from_hours(1)))?;
    params.not_after = moment(now.plus(LIFE))?;
    let certificate = params.self_signed(&key).context("signing the console's certificate")?;
    Ok(ConsoleCertificate { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn moment(at: Timestamp) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.unix()).context("dating the console's certificate")
}

fn write(file: &Path, text: &str) -> Result<()> {
    let beside = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&beside, file).with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_until_its_names_or_its_time_are_over() {
        let directory = std::env::temp_dir().join(format!("rampart-console-tls-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (names, now) =
            (vec!["localhost".to_owned(), "127.0.0.1".to_owned()], Timestamp::from_unix(1_795_371_696));
        let others = vec!["localhost".to_owned(), "console.example".to_owned()];

        let first = keep(&directory, &names, now).unwrap();
        let again = keep(&directory, &names, now.plus(Duration::from_hours(24 * 300))).unwrap();
        let late = keep(&directory, &names, now.plus(Duration::from_hours(24 * 340))).unwrap();
        let renamed = keep(&directory, &others, now).unwrap();

        assert_eq!(first.certificate, again.certificate);
        assert_ne!(again.certificate, late.certificate);
        assert_ne!(late.certificate, renamed.certificate);
        fs::remove_dir_all(directory).unwrap();
    }
}
