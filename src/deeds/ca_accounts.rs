//! Accounts at CAs beside that of rampart.toml, and what becomes of an account: other addresses, another key, its end.

use crate::acme::account::{self, AccountError};
use crate::acme::ca::{CaAddressError, CertificateAuthority};
use crate::acme::jws::Binding;
use crate::base::chain::Chain;
use crate::base::ids::AccountId;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::StoreError;
use crate::store::accounts::AccountRow;
use crate::store::trail::{Act, Actor, Close};

/// An account that is wanted. The operator has agreed to the CA's terms.
#[derive(Clone, Debug, Default)]
pub struct NewCaAccount {
    /// The CA's directory.
    pub directory_url: String,
    /// The root of a private CA's API, PEM.
    pub root_pem: Option<String>,
    /// A mail address for the CA.
    pub contact: Option<String>,
    /// A binding to an account elsewhere, where the CA wants one.
    pub binding: Option<Binding>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum CaAccountError {
    /// The address is no CA's.
    #[error(transparent)]
    Address(#[from] CaAddressError),
    /// The root is no certificate.
    #[error("the root is no certificate in PEM form")]
    Root,
    /// There is one in use already.
    #[error("there is an account at this CA already")]
    Taken,
    /// There is no such account, or it was ended.
    #[error("there is no such account in use")]
    Unknown,
    /// The CA, or what was typed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Our own store failed.
    #[error("the account could not be kept")]
    Store(#[from] StoreError),
}

/// What is done to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Other mail addresses; `None`: none any more.
    Contact(Option<String>),
    /// Another key.
    NewKey,
    /// The end.
    End,
}

impl Deeds {
    /// Makes an account. Two calls at the same time make one: the key is kept before the CA hears of it, and a CA that knows
    /// a key answers with its account.
    ///
    /// # Errors
    /// See [`CaAccountError`].
    pub async fn add_ca_account(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        wanted: &NewCaAccount,
    ) -> Result<(), CaAccountError> {
        let root = wanted.root_pem.as_deref().map(str::trim).filter(|pem| !pem.is_empty());
        if root.is_some_and(|pem| crate::tls::leaf::chain_from_pem(pem).is_err()) {
            return Err(CaAccountError::Root);
        }
        let mut ca = CertificateAuthority::at(&wanted.directory_url, root.map(str::to_owned))?;
        if ca.directory_url() == issuing.ca.directory_url() {
            ca = issuing.ca.clone();
        }
        let directory = ca.directory_url().to_owned();
        if self.store.account_at(&directory).await?.is_some() {
            return Err(CaAccountError::Taken);
        }
        let act = Act {
            act: "certificate.account",
            subject: &directory,
            after: wanted.contact.as_deref(),
            ..Act::default()
        };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.make_account(issuing, &ca, wanted).await;
        let reason = outcome.as_ref().err().map(|error| Chain(error).to_string());
        let close = reason.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        outcome
    }

    async fn make_account(
        &self,
        issuing: &Issuing,
        ca: &CertificateAuthority,
        wanted: &NewCaAccount,
    ) -> Result<(), CaAccountError> {
        let directory = ca.directory_url();
        let contacts: Vec<String> = wanted.contact.iter().cloned().collect();
        let key = self.store.account_key(directory, &account::new_key()?, self.clock.now()).await?;
        let kid = wanted.binding.as_ref().map(|binding| binding.kid.as_str());
        self.store.account_from(directory, ca.root_pem(), kid).await?;
        let clock = self.clock.clone();
        let made = match &wanted.binding {
            Some(binding) => account::create_bound(ca, &key, &contacts, binding, (issuing.deadlines, clock)).await?,
            None => account::create(ca, &key, &contacts, issuing.deadlines, clock).await?,
        };
        let contact = wanted.contact.as_deref().unwrap_or_default();
        Ok(self.store.account_made(directory, &made.url, contact, &made.credentials).await?)
    }

    /// Changes an account in use, at the CA and then here.
    ///
    /// # Errors
    /// See [`CaAccountError`].
    pub async fn change_ca_account(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        id: AccountId,
        change: &AccountChange,
    ) -> Result<(), CaAccountError> {
        let all = self.store.accounts().await?;
        let account = all.into_iter().find(|account| account.id == id && account.ended.is_none());
        let account = account.ok_or(CaAccountError::Unknown)?;
        let (word, after) = match change {
            AccountChange::Contact(contact) => ("certificate.account-contact", contact.as_deref().unwrap_or("none")),
            AccountChange::NewKey => ("certificate.account-key", "another key"),
            AccountChange::End => ("certificate.account-end", "ended"),
        };
        let before = matches!(change, AccountChange::Contact(_)).then_some(account.contact.as_str());
        let act = Act { act: word, subject: &account.directory_url, before, after: Some(after), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.carry_out_change(issuing, &account, change).await;
        let reason = outcome.as_ref().err().map(|error| Chain(error).to_string());
        let close = reason.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        outcome
    }

    async fn carry_out_change(
        &self,
        issuing: &Issuing,
        account: &AccountRow,
        change: &AccountChange,
    ) -> Result<(), CaAccountError> {
        let ca = self.ca_of(issuing, account)?;
        match change {
            AccountChange::Contact(contact) => {
                let open = self.open_account(issuing, &ca, account).await?;
                open.change_contacts(&contact.iter().cloned().collect::<Vec<_>>()).await?;
                self.store.account_contact(account.id, contact.as_deref().unwrap_or_default()).await?;
            }
            AccountChange::NewKey => {
                let old = self.store.present_key(account.id).await?.ok_or(CaAccountError::Unknown)?;
                let new = self.store.next_key(account.id, &account::new_key()?).await?;
                let with = (issuing.deadlines, self.clock.clone());
                let credentials = account::change_key(&ca, &account.url, (&old, &new), with).await?;
                self.store.account_rekeyed(account.id, &new, &credentials).await?;
            }
            AccountChange::End => {
                self.open_account(issuing, &ca, account).await?.deactivate().await?;
                self.store.account_ended(account.id, self.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// The CA of an account.
    pub(super) fn ca_of(
        &self,
        issuing: &Issuing,
        account: &AccountRow,
    ) -> Result<CertificateAuthority, CaAddressError> {
        let _ = self;
        if account.directory_url == issuing.ca.directory_url() {
            return Ok(issuing.ca.clone());
        }
        CertificateAuthority::at(&account.directory_url, account.root_pem.clone())
    }
}
