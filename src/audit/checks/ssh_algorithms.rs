//! SSH algorithms known to be weak, each with its reason. Dated 2026-11-22; what is not listed is not judged weak.

use crate::audit::finding::Severity;

/// Why an algorithm should not be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weakness {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The reason, for the evidence.
    pub(crate) reason: &'static str,
}

/// What the remedy writes. A leading `-` takes away from the defaults, whatever a later release adds to them.
pub(crate) const TAKEN_AWAY: [&str; 4] = [
    "KexAlgorithms -diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1",
    "HostKeyAlgorithms -ssh-dss*,ssh-rsa,ssh-rsa-cert-v01@openssh.com",
    "Ciphers -3des-cbc,aes*-cbc,rijndael-cbc@lysator.liu.se",
    "MACs -hmac-md5*,hmac-sha1*,umac-64*",
];

/// A name, or the beginning of one where it ends in `*`; why it is weak.
const WEAK: [(&str, Severity, &str); 17] = [
    ("diffie-hellman-group1-sha1", Severity::Medium, "a 1024-bit group (Logjam) and SHA-1; RFC 9142: should not"),
    ("diffie-hellman-group14-sha1", Severity::Medium, "SHA-1; RFC 9142: no longer needed"),
    ("diffie-hellman-group-exchange-sha1", Severity::Medium, "SHA-1; RFC 9142: should not"),
    ("rsa1024-sha1", Severity::Medium, "a 1024-bit key and SHA-1; RFC 9142: must not"),
    ("gss-group1-sha1-*", Severity::Medium, "a 1024-bit group (Logjam) and SHA-1; RFC 9142: should not"),
    ("gss-gex-sha1-*", Severity::Medium, "SHA-1; RFC 9142: should not"),
    ("gss-group14-sha1-*", Severity::Medium, "SHA-1; RFC 9142: should not"),
    ("ssh-dss*", Severity::Medium, "DSA keys have 1024 bits; removed in OpenSSH 10.0"),
    ("ssh-rsa", Severity::Medium, "signs with SHA-1; off by default since OpenSSH 8.8"),
    ("ssh-rsa-cert-*", Severity::Medium, "signs with SHA-1; off by default since OpenSSH 8.8"),
    ("3des-cbc", Severity::Medium, "64-bit blocks (Sweet32), CBC"),
    ("arcfour*", Severity::Medium, "RC4's key stream is biased; RFC 8758: must not"),
    ("none", Severity::Medium, "no encryption, no integrity"),
    ("hmac-md5*", Severity::Medium, "MD5"),
    ("hmac-ripemd160*", Severity::Medium, "RIPEMD-160; removed in OpenSSH 7.6"),
    ("hmac-sha1*", Severity::Low, "SHA-1: no attack on HMAC is known, but NIST withdraws it by the end of 2030"),
    ("umac-64*", Severity::Low, "tags of 64 bits are short"),
];

/// Why `algorithm` is weak; `None` if nothing is known against it.
pub(crate) fn weakness(algorithm: &str) -> Option<Weakness> {
    let name = algorithm.trim();
    if name.ends_with("-cbc") && name != "3des-cbc" || name == "rijndael-cbc@lysator.liu.se" {
        let reason = "CBC in SSH leaks plain text (CVE-2008-5161)";
        return Some(Weakness { severity: Severity::Medium, reason });
    }
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(front) => name.starts_with(front),
        None => name == pattern,
    };
    WEAK.iter()
        .find(|(pattern, ..)| matches(pattern))
        .map(|(_, severity, reason)| Weakness { severity: *severity, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_the_list_is_known() {
        let weak = [
            "diffie-hellman-group1-sha1",
            "diffie-hellman-group14-sha1",
            "ssh-dss",
            "ssh-rsa",
            "3des-cbc",
            "aes128-cbc",
            "arcfour256",
            "hmac-md5-96-etm@openssh.com",
            "hmac-sha1",
            "umac-64@openssh.com",
            "none",
        ];
        for name in weak {
            assert!(weakness(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_good_is_left_alone() {
        let good = [
            "curve25519-sha256",
            "sntrup761x25519-sha512@openssh.com",
            "mlkem768x25519-sha256",
            "diffie-hellman-group14-sha256",
            "rsa-sha2-512",
            "ssh-ed25519",
            "aes128-gcm@openssh.com",
            "aes256-ctr",
            "chacha20-poly1305@openssh.com",
            "hmac-sha2-256-etm@openssh.com",
            "umac-128@openssh.com",
        ];
        for name in good {
            assert_eq!(weakness(name), None, "{name}");
        }
    }
}
