//! Questions to a CA that the library cannot ask: an account with a key that was kept before, bound to an account elsewhere
//! (RFC 8555 section 7.3.4), and a new key for an account (section 7.3.5). Signed with ES256 (RFC 7515, RFC 7518).

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::acme::account::AccountError;
use crate::acme::ca::CertificateAuthority;
use crate::acme::directory::{Directory, Reader};
use crate::acme::error::CaError;
use crate::acme::http::{Heard, HttpDeadlines};
use crate::base::clock::Clock;
use crate::base::encoding::{base64url, from_base64, from_base64url};
use crate::base::secret::Secret;

/// How often a question is asked anew when the CA refuses good nonces.
const NONCE_ROUNDS: u32 = 12;

/// A binding to an account that the CA keeps elsewhere.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The key's name.
    pub kid: String,
    /// The key, as CAs hand it out: base64url.
    pub key: Secret<String>,
}

/// An account key that signs.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
}

impl Signer {
    /// # Errors
    /// `key` is no ECDSA P-256 key in PKCS #8, base64.
    pub(crate) fn of(key: &Secret<String>) -> Result<Self, AccountError> {
        let bytes = from_base64(key.expose()).ok_or(AccountError::Damaged)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes);
        Ok(Self { pair: pair.map_err(|_| AccountError::Damaged)? })
    }

    /// The public key (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let half = |from: usize| base64url(point.get(from..from + 32).unwrap_or_default());
        json!({"crv": "P-256", "kty": "EC", "x": half(1), "y": half(33)})
    }

    /// `payload` under `protected`, signed.
    pub(crate) fn sign(&self, protected: &Value, payload: &str) -> Result<Value, AccountError> {
        let (protected, payload) = (base64url(protected.to_string().as_bytes()), base64url(payload.as_bytes()));
        let text = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).map_err(|_| AccountError::Damaged)?;
        Ok(json!({"protected": protected, "payload": payload, "signature": base64url(signature.as_ref())}))
    }
}

/// The proof that the account belongs to one elsewhere.
fn bind(binding: &Binding, jwk: &Value, url: &str) -> Result<Value, AccountError> {
    let key = from_base64url(binding.key.expose().trim().trim_end_matches('=')).ok_or(AccountError::Binding)?;
    let protected = json!({"alg": "HS256", "kid": binding.kid, "url": url});
    let (protected, payload) = (base64url(protected.to_string().as_bytes()), base64url(jwk.to_string().as_bytes()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{protected}.{payload}").as_bytes());
    Ok(json!({"protected": protected, "payload": payload, "signature": base64url(tag.as_ref())}))
}

/// A conversation in our own words.
pub(crate) struct Desk {
    reader: Reader,
    directory: Directory,
}

impl Desk {
    /// Reads the CA's directory.
    pub(crate) async fn open(
        ca: &CertificateAuthority,
        deadlines: HttpDeadlines,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccountError> {
        let reader = Reader::new(ca, deadlines, clock)?;
        let directory = reader.directory().await?;
        Ok(Self { reader, directory })
    }

    /// Makes the account of `key`, or finds it where it was made before: its address.
    pub(crate) async fn new_account(
        &self,
        key: &Secret<String>,
        contacts: &[String],
        binding: Option<&Binding>,
    ) -> Result<String, AccountError> {
        const DOING: &str = "making an account";
        let signer = Signer::of(key)?;
        let url = self.place(self.directory.new_account.as_deref(), DOING)?;
        let mut payload = json!({"termsOfServiceAgreed": true});
        if let Some(fields) = payload.as_object_mut() {
            if !contacts.is_empty() {
                fields.insert("contact".to_owned(), json!(contacts));
            }
            if let Some(binding) = binding {
                fields.insert("externalAccountBinding".to_owned(), bind(binding, &signer.jwk(), url)?);
            }
        }
        let heard = self.ask(DOING, url, &payload.to_string(), (&signer, &json!({"jwk": signer.jwk()}))).await?;
        Ok(heard.location.ok_or_else(|| CaError::nonsense(DOING, "the account has no address"))?)
    }

    /// The address of the account of `key`; `None` if the CA knows no such key.
    pub(crate) async fn account_of(&self, key: &Secret<String>) -> Result<Option<String>, AccountError> {
        const DOING: &str = "looking for an account";
        let signer = Signer::of(key)?;
        let url = self.place(self.directory.new_account.as_deref(), DOING)?;
        let payload = json!({"onlyReturnExisting": true}).to_string();
        match self.ask(DOING, url, &payload, (&signer, &json!({"jwk": signer.jwk()}))).await {
            Ok(heard) => Ok(heard.location),
            Err(AccountError::Ca(CaError::Refused { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the account at `account` the key `new` in place of `old`.
    pub(crate) async fn change_key(
        &self,
        account: &str,
        old: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<(), AccountError> {
        const DOING: &str = "the account's new key";
        let (old, new) = (Signer::of(old)?, Signer::of(new)?);
        let url = self.place(self.directory.key_change.as_deref(), DOING)?;
        let inner = json!({"account": account, "oldKey": old.jwk()}).to_string();
        let inner = new.sign(&json!({"alg": "ES256", "jwk": new.jwk(), "url": url}), &inner)?;
        self.ask(DOING, url, &inner.to_string(), (&old, &json!({"kid": account}))).await.map(drop)
    }

    fn place<'a>(&self, url: Option<&'a str>, doing: &'static str) -> Result<&'a str, CaError> {
        let _ = self;
        url.ok_or_else(|| CaError::nonsense(doing, "its directory has no place for that"))
    }

    /// Asks, again with the nonce of the answer where a good one was refused (RFC 8555 section 6.5).
    async fn ask(
        &self,
        doing: &'static str,
        url: &str,
        payload: &str,
        (signer, who): (&Signer, &Value),
    ) -> Result<Heard, AccountError> {
        let mut nonce = None;
        let mut round = 0;
        loop {
            round += 1;
            let fresh = match nonce.take() {
                Some(nonce) => nonce,
                None => self.nonce(doing).await?,
            };
            let mut protected = json!({"alg": "ES256", "nonce": fresh, "url": url});
            if let (Some(fields), Some(who)) = (protected.as_object_mut(), who.as_object()) {
                fields.extend(who.clone());
            }
            let letter = signer.sign(&protected, payload)?.to_string();
            let answer = self.reader.http().post(url, letter).await;
            let (heard, next, body) = answer.map_err(|error| CaError::from_http(doing, error))?;
            if heard.status.is_some_and(|status| (200..300).contains(&status)) {
                return Ok(heard);
            }
            let problem: instant_acme::Problem = serde_json::from_slice(&body)
                .map_err(|_| CaError::sort(doing, instant_acme::Error::Str("it is no problem document"), &heard))?;
            let is_nonce = problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce");
            if is_nonce && round < NONCE_ROUNDS {
                nonce = next;
                continue;
            }
            return Err(CaError::sort(doing, instant_acme::Error::Api(problem), &heard).into());
        }
    }

    async fn nonce(&self, doing: &'static str) -> Result<String, CaError> {
        let url = self.directory.new_nonce.as_deref();
        let url = url.ok_or_else(|| CaError::nonsense(doing, "its directory has no nonces"))?;
        let nonce = self.reader.http().nonce(url).await.map_err(|error| CaError::from_http(doing, error))?;
        nonce.ok_or_else(|| CaError::nonsense(doing, "it gives no nonce"))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;
    use crate::acme::account;

    #[test]
    fn what_is_signed_can_be_checked_with_the_public_key() {
        let signer = Signer::of(&account::new_key().unwrap()).unwrap();

        let letter = signer.sign(&json!({"alg": "ES256"}), "hello").unwrap();

        let text = format!("{}.{}", letter["protected"].as_str().unwrap(), letter["payload"].as_str().unwrap());
        let signature = from_base64url(letter["signature"].as_str().unwrap()).unwrap();
        let jwk = signer.jwk();
        let mut point = vec![4];
        for half in ["x", "y"] {
            point.extend(from_base64url(jwk[half].as_str().unwrap()).unwrap());
        }
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        assert!(public.verify(text.as_bytes(), &signature).is_ok());
        assert!(!format!("{letter}").contains("hello"));
    }

    #[test]
    fn a_binding_key_that_is_no_base64url_is_refused_without_being_shown() {
        let binding = Binding { kid: "kid".to_owned(), key: Secret::new("not/a+key!".to_owned()) };

        let error = bind(&binding, &json!({}), "https://ca.test").unwrap_err();

        assert!(matches!(error, AccountError::Binding));
        assert!(!format!("{error} {error:?} {binding:?}").contains("not/a"));
    }
}
