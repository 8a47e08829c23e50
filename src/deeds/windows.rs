//! Asking each CA when it would like the certificates in force to be renewed (RFC 9773). What it says moves a date of our
//! own and changes nothing else, so that it is told in the log and on the page and not in the trail.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tracing::{info, warn};

use crate::acme::ari::{self, AriError, CertId, Suggestion};
use crate::acme::ca::CertificateAuthority;
use crate::acme::directory::{Directory, Reader};
use crate::acme::error::CaError;
use crate::acme::http::HttpError;
use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::StoreError;
use crate::store::windows::{NewWindow, WindowDue};

/// Certificates in one round, so that a round ends; the next one begins a minute later.
const ROUND: u32 = 200;

/// Asked at the same time.
const AT_ONCE: usize = 8;

/// A CA that was reached in this round, or why not.
type Desk = Result<(Reader, Directory), String>;

impl Deeds {
    /// Asks for every window that is due. Answers how many were asked for.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn ask_for_windows(&self, issuing: &Issuing) -> Result<usize, StoreError> {
        let due = self.store.windows_due(self.clock.now(), ROUND).await?;
        let mut desks: HashMap<String, Arc<Desk>> = HashMap::new();
        for one in &due {
            if !desks.contains_key(&one.directory_url) {
                let desk = Arc::new(self.desk(issuing, &one.directory_url).await);
                desks.insert(one.directory_url.clone(), desk);
            }
        }
        let asked = due.len();
        let work = due.into_iter().map(|one| {
            let desk = desks.get(&one.directory_url).cloned();
            async move {
                let Some(desk) = desk else { return Ok(()) };
                let outcome = match desk.as_ref() {
                    Ok((reader, directory)) => match CertId::parse(&one.ari_id) {
                        Some(id) => ari::ask(reader, directory, &id).await,
                        None => Err(AriError::Lasting("the certificate's id is none".to_owned())),
                    },
                    Err(reason) => Err(AriError::Passing(HttpError::Directory(reason.clone()))),
                };
                self.keep_answer(&one, outcome).await
            }
        });
        let mut answers = futures_util::stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            answer?;
        }
        Ok(asked)
    }

    async fn desk(&self, issuing: &Issuing, directory_url: &str) -> Desk {
        let open = async || -> Result<(Reader, Directory), CaError> {
            let root = self.root_of(directory_url).await;
            let ca = if issuing.ca.directory_url() == directory_url {
                issuing.ca.clone()
            } else {
                CertificateAuthority::at(directory_url, root)
                    .map_err(|error| CaError::nonsense("reading its directory", &error.to_string()))?
            };
            let reader = Reader::new(&ca, issuing.deadlines, self.clock.clone())?;
            let directory = reader.directory().await?;
            Ok((reader, directory))
        };
        open().await.map_err(|error| Chain(&error).to_string())
    }

    /// The root that vouches for the API of a CA beside that of rampart.toml.
    async fn root_of(&self, directory_url: &str) -> Option<String> {
        self.store.account_at(directory_url).await.ok().flatten().and_then(|account| account.root_pem)
    }

    async fn keep_answer(&self, one: &WindowDue, outcome: Result<Suggestion, AriError>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let which = (one.certificate, one.ari_id.as_str());
        match outcome {
            Ok(said) => {
                let known = one
                    .known
                    .filter(|(opens, closes, _)| (*opens, *closes) == (said.window.opens, said.window.closes));
                let chosen = known.map_or_else(|| said.window.choose(self.random.as_ref()), |(.., chosen)| chosen);
                if one.known.is_some_and(|(opens, ..)| said.window.opens < opens) {
                    let why = said.explanation.as_deref().unwrap_or("it does not say why");
                    warn!(certificate = one.certificate.0, "A CA wants a certificate renewed earlier ({why})");
                }
                let window = NewWindow {
                    opens: said.window.opens,
                    closes: said.window.closes,
                    chosen,
                    explanation: said.explanation.as_deref(),
                };
                self.store.keep_window(which, window, now.plus(said.ask_again), now).await
            }
            Err(error) => {
                let failures = one.failures.saturating_add(1);
                let words = Chain(&error).to_string();
                info!(certificate = one.certificate.0, "No renewal window: {words}");
                self.store.window_failed(which, &words, now.plus(error.pause(failures))).await
            }
        }
    }
}
