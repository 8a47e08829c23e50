//! The account at a CA: made once, then opened from its credentials.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use instant_acme::{Account, AccountCredentials, Key, RevocationReason, RevocationRequest};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::acme::ca::CertificateAuthority;
use crate::acme::challenge::caa::Asker;
use crate::acme::error::CaError;
use crate::acme::http::{Ear, Http, HttpDeadlines};
use crate::acme::jws::{Binding, Desk};
use crate::base::clock::Clock;
use crate::base::encoding::{base64, base64url, from_base64};
use crate::base::secret::Secret;

/// How often a call is begun anew when the CA keeps refusing good nonces. The library itself tries three times in each.
const NONCE_ROUNDS: u32 = 8;

/// Makes one call, again where the CA refuses a good nonce (RFC 8555 section 6.5), and sorts the error. A macro, because
/// the compiler cannot yet see that a function over async closures may be sent between threads.
macro_rules! ask {
    ($account:expr, $doing:expr, $call:expr) => {{
        let mut round = 0_u32;
        loop {
            round += 1;
            match $call.await {
                Err(error) if $crate::acme::account::may_ask_again(&error, round) => {}
                outcome => {
                    break outcome
                        .map_err(|error| $crate::acme::error::CaError::sort($doing, error, &$account.ear.last()));
                }
            }
        }
    }};
}
pub(crate) use ask;

/// Whether the call of this `round` (from 1) failed for its nonce only.
pub(crate) fn may_ask_again(error: &instant_acme::Error, round: u32) -> bool {
    let bad_nonce = matches!(error, instant_acme::Error::Api(problem)
        if problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce"));
    bad_nonce && round < NONCE_ROUNDS
}

/// What comes of `asking`, also where the library breaks over an answer: it panics at an address that is none.
pub(crate) async fn unbroken<T>(asking: impl Future<Output = T>) -> Result<T, CaError> {
    let outcome = AssertUnwindSafe(asking).catch_unwind().await;
    outcome.map_err(|_| CaError::nonsense("our questions", "an address in it is none"))
}

/// An account that was just made.
#[derive(Debug)]
pub struct NewAccount {
    /// The account's own address at the CA: its identity, no secret.
    pub url: String,
    /// The private key with all that [`open`] needs, as JSON.
    pub credentials: Secret<String>,
}

/// Why stored credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The conversation with the CA failed.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// They are damaged. The cause is left out: it could quote the key.
    #[error("the stored ACME account cannot be read")]
    Damaged,
    /// They belong to another CA than the one that was asked for.
    #[error("the stored ACME account belongs to another CA")]
    OtherCa,
    /// The key of an external account binding is no base64url. The cause is left out: it could quote the key.
    #[error("the key of the external account binding is no base64url")]
    Binding,
    /// Not a mail address.
    #[error("{0:?} is no mail address")]
    Contact(String),
}

/// A new private key for an account (ECDSA P-256, PKCS #8 in base64). Keep it before [`create`] is called: two calls with
/// one key give one account, so that nobody who is killed in between makes a second one (RFC 8555 section 7.3.1).
///
/// # Errors
/// The crypto library failed.
pub fn new_key() -> Result<Secret<String>, AccountError> {
    let (_, key) = Key::generate_pkcs8().map_err(|_| AccountError::Damaged)?;
    Ok(Secret::new(base64(key.secret_pkcs8_der())))
}

/// Makes the account of `key`, or finds it where it was made before. `contacts` are mail addresses, and may be none. The
/// caller has shown the operator the CA's terms of service and got a yes.
///
/// # Errors
/// The CA refused or could not be reached, the key is none, or a contact is no mail address.
pub async fn create(
    ca: &CertificateAuthority,
    key: &Secret<String>,
    contacts: &[String],
    deadlines: HttpDeadlines,
    clock: Arc<dyn Clock>,
) -> Result<NewAccount, AccountError> {
    const DOING: &str = "making an account";
    let contacts = contacts.iter().map(|text| mail_url(text)).collect::<Result<Vec<_>, _>>()?;
    let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
    let mut round = 0;
    let (account, credentials, ear) = loop {
        round += 1;
        let (http, ear) =
            Http::new(ca, deadlines, Arc::clone(&clock)).map_err(|error| CaError::from_http(DOING, error))?;
        let builder = Account::builder_with_http(Box::new(http));
        let made = unbroken(builder.create_from_key(parse_key(key)?, ca.directory_url().to_owned())).await?;
        match made {
            Ok((account, credentials)) => break (account, credentials, ear),
            Err(error) if may_ask_again(&error, round) => {}
            Err(error) => return Err(CaError::sort(DOING, error, &ear.last()).into()),
        }
    };
    let open = OpenAccount { account, ear };
    if !contacts.is_empty() {
        ask!(open, "the account's mail addresses", open.account.update_contacts(&contacts))?;
    }
    let credentials = serde_json::to_string(&credentials).map_err(|_| AccountError::Damaged)?;
    Ok(NewAccount { url: open.url().to_owned(), credentials: Secret::new(credentials) })
}

/// The same for a CA that wants the account bound to one that it keeps elsewhere (RFC 8555 section 7.3.4).
///
/// # Errors
/// As [`create`]; or the binding's key is none.
pub async fn create_bound(
    ca: &CertificateAuthority,
    key: &Secret<String>,
    contacts: &[String],
    binding: &Binding,
    (deadlines, clock): (HttpDeadlines, Arc<dyn Clock>),
) -> Result<NewAccount, AccountError> {
    let contacts = contacts.iter().map(|text| mail_url(text)).collect::<Result<Vec<_>, _>>()?;
    let url = Desk::open(ca, deadlines, clock).await?.new_account(key, &contacts, Some(binding)).await?;
    let credentials = credentials_of(ca, &url, key)?;
    Ok(NewAccount { url, credentials })
}

/// Gives the account at `url` the key `new`, which the caller has kept already, in place of `old`. Asked again after it was
/// cut off, it finds out which of the two the CA knows.
///
/// # Errors
/// The CA refused or could not be reached. The account then still has the old key, unless the answer was lost.
pub async fn change_key(
    ca: &CertificateAuthority,
    url: &str,
    (old, new): (&Secret<String>, &Secret<String>),
    (deadlines, clock): (HttpDeadlines, Arc<dyn Clock>),
) -> Result<Secret<String>, AccountError> {
    let desk = Desk::open(ca, deadlines, clock).await?;
    if desk.account_of(new).await?.as_deref() != Some(url) {
        desk.change_key(url, old, new).await?;
    }
    credentials_of(ca, url, new)
}

/// Credentials as the library reads them.
fn credentials_of(
    ca: &CertificateAuthority,
    url: &str,
    key: &Secret<String>,
) -> Result<Secret<String>, AccountError> {
    let bytes = from_base64(key.expose()).ok_or(AccountError::Damaged)?;
    let parts = serde_json::json!({"id": url, "key_pkcs8": base64url(&bytes), "directory": ca.directory_url()});
    Ok(Secret::new(parts.to_string()))
}

fn parse_key(text: &Secret<String>) -> Result<(Key, PrivateKeyDer<'static>), AccountError> {
    let bytes = from_base64(text.expose()).ok_or(AccountError::Damaged)?;
    let der = PrivatePkcs8KeyDer::from(bytes);
    let key = Key::from_pkcs8_der(der.clone_key()).map_err(|_| AccountError::Damaged)?;
    Ok((key, PrivateKeyDer::Pkcs8(der)))
}

/// An account in use, for any number of orders at a time.
pub struct OpenAccount {
    pub(crate) account: Account,
    pub(crate) ear: Ear,
}

impl std::fmt::Debug for OpenAccount {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("OpenAccount").field("url", &self.account.id()).finish_non_exhaustive()
    }
}

/// Opens the account behind `credentials` at `ca`; asks the CA for its directory, and nothing else.
///
/// # Errors
/// The credentials are damaged or belong to another CA, or the CA could not be reached.
pub async fn open(
    ca: &CertificateAuthority,
    credentials: &Secret<String>,
    deadlines: HttpDeadlines,
    clock: Arc<dyn Clock>,
) -> Result<OpenAccount, AccountError> {
    const DOING: &str = "reading its directory";
    let parsed: serde_json::Value = serde_json::from_str(credentials.expose()).map_err(|_| AccountError::Damaged)?;
    if parsed.get("directory").and_then(serde_json::Value::as_str) != Some(ca.directory_url()) {
        return Err(AccountError::OtherCa);
    }
    let credentials: AccountCredentials =
        serde_json::from_str(credentials.expose()).map_err(|_| AccountError::Damaged)?;
    let (http, ear) = Http::new(ca, deadlines, clock).map_err(|error| CaError::from_http(DOING, error))?;
    let account = Account::builder_with_http(Box::new(http))
        .from_credentials(credentials)
        .await
        .map_err(|error| CaError::sort(DOING, error, &ear.last()))?;
    Ok(OpenAccount { account, ear })
}

impl OpenAccount {
    /// The account's own address at the CA.
    #[must_use]
    pub fn url(&self) -> &str {
        self.account.id()
    }

    /// Who asks, as CAA records and records that stay name it.
    #[must_use]
    pub fn asker(&self) -> Asker {
        Asker { identities: self.ear.identities(), account: self.url().to_owned() }
    }

    /// Gives the CA other mail addresses, or none.
    ///
    /// # Errors
    /// The CA refused, or one is no mail address.
    pub async fn change_contacts(&self, contacts: &[String]) -> Result<(), AccountError> {
        let contacts = contacts.iter().map(|text| mail_url(text)).collect::<Result<Vec<_>, _>>()?;
        let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
        let change = async { ask!(self, "the account's mail addresses", self.account.update_contacts(&contacts)) };
        Ok(Ear::default().alone(change).await?)
    }

    /// Ends the account at the CA, for good: it signs nothing for it any more. What it signed stays valid.
    ///
    /// # Errors
    /// The CA refused.
    pub async fn deactivate(&self) -> Result<(), AccountError> {
        const DOING: &str = "ending the account";
        let end = async {
            ask!(self, DOING, self.account.clone().deactivate())?;
            // The library takes every answer for a yes.
            match self.ear.last() {
                heard if heard.status == Some(200) => Ok(()),
                heard => Err(CaError::sort(DOING, instant_acme::Error::Str("the CA did not end it"), &heard)),
            }
        };
        Ok(Ear::default().alone(end).await?)
    }

    /// Revokes a certificate that this account was given.
    ///
    /// # Errors
    /// The CA refused. One that was revoked before is no error.
    pub async fn revoke(&self, leaf_der: &[u8], reason: Reason) -> Result<(), AccountError> {
        let certificate = CertificateDer::from(leaf_der);
        let reason = match reason {
            Reason::Unspecified => RevocationReason::Unspecified,
            Reason::KeyCompromise => RevocationReason::KeyCompromise,
            Reason::Superseded => RevocationReason::Superseded,
            Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
        };
        let request = RevocationRequest { certificate: &certificate, reason: Some(reason) };
        let ask = async { ask!(self, "the revocation", self.account.revoke(&request)) };
        match Ear::default().alone(ask).await {
            Err(CaError::Refused { refusal, .. }) if refusal.kind == "alreadyRevoked" => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    /// The profiles that the CA offers; none where it knows no profiles.
    #[must_use]
    pub fn profiles(&self) -> Vec<String> {
        self.account.profiles().map(|profile| profile.name.to_owned()).collect()
    }
}

/// Why a certificate is revoked (RFC 5280 section 5.3.1), as far as a subscriber may say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No reason is given.
    Unspecified,
    /// Somebody else may have its key.
    KeyCompromise,
    /// Another one takes its place.
    Superseded,
    /// The name is not used any more.
    CessationOfOperation,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Unspecified, Self::KeyCompromise, Self::Superseded, Self::CessationOfOperation];

    /// The word that the store and the command line use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
        }
    }

    /// The reason behind a [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// RFC 6068, for one plain address.
fn mail_url(text: &str) -> Result<String, AccountError> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=^_`{|}~@".contains(&byte));
    match text.split_once('@') {
        Some((user, host)) if plain && !user.is_empty() && host.contains('.') && !host.contains('@') => {
            Ok(format!("mailto:{}", text.replace('%', "%25")))
        }
        _ => Err(AccountError::Contact(text.chars().take(100).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_one_plain_mail_address() {
        assert_eq!(mail_url(" ops@example.com ").unwrap(), "mailto:ops@example.com");
        for text in ["", "ops", "ops@localhost", "a@b@c.example", "ops@example.com?subject=x", "a b@example.com"] {
            assert!(mail_url(text).is_err(), "{text:?}");
        }
    }
}
