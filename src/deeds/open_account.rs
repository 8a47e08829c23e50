//! Accounts at CAs that are open already: opening one asks the CA for its directory, and orders beside each other share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::acme::account::{self, AccountError, OpenAccount};
use crate::acme::ca::CertificateAuthority;
use crate::base::encoding::sha256_hex;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::accounts::AccountRow;

/// A directory is believed for so long.
const KEPT: Duration = Duration::from_hours(1);

/// Open accounts, by a digest of CA and credentials: other credentials are another account.
pub(super) type OpenAccounts = Arc<Mutex<HashMap<String, (Duration, Arc<OpenAccount>)>>>;

impl Deeds {
    /// The open account of `stored` at `ca`.
    ///
    /// # Errors
    /// As [`account::open`].
    pub(super) async fn open_account(
        &self,
        issuing: &Issuing,
        ca: &CertificateAuthority,
        stored: &AccountRow,
    ) -> Result<Arc<OpenAccount>, AccountError> {
        let key = sha256_hex(format!("{ca:?} {}", stored.credentials.expose()).as_bytes());
        let now = self.clock.running();
        {
            let mut open = self.open_accounts.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|_, (since, _)| now.saturating_sub(*since) < KEPT);
            if let Some((_, account)) = open.get(&key) {
                return Ok(Arc::clone(account));
            }
        }
        let opened = account::open(ca, &stored.credentials, issuing.deadlines, self.clock.clone()).await?;
        let opened = Arc::new(opened);
        let mut open = self.open_accounts.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(key, (now, Arc::clone(&opened)));
        Ok(opened)
    }
}
