//! Whether a private key belongs to a certificate. The key is only looked at; nothing of it is told.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::tls::leaf;

/// Whether the first private key in `pem` is the one of `leaf_der`. No, if there is none, or it is of a kind or a length that
/// a server of today cannot use (RSA below 2048 bits).
#[must_use]
pub fn matches(pem: &[u8], leaf_der: &[u8]) -> bool {
    let Ok(key) = PrivateKeyDer::from_pem_slice(pem) else { return false };
    let public = any_supported_type(&key).ok().and_then(|key| key.public_key().map(|own| own.to_vec()));
    public.is_some_and(|public| leaf::key_matches(leaf_der, &public))
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn a_key_belongs_to_its_own_certificate_only_wherever_it_stands_in_the_file() {
        let own = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
        let other = KeyPair::generate().unwrap();
        let bundle = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());

        assert!(matches(bundle.as_bytes(), own.cert.der()));
        assert!(matches(own.signing_key.serialize_pem().as_bytes(), own.cert.der()));
        assert!(!matches(other.serialize_pem().as_bytes(), own.cert.der()));
        assert!(!matches(own.cert.pem().as_bytes(), own.cert.der()));
        assert!(!matches(b"", own.cert.der()));
        assert!(!matches(bundle.as_bytes(), b"nonsense"));
    }
}
