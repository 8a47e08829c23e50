//! Files for HTTP-01: the agent puts them, nginx serves them, and both are seen before a CA looks.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::warn;

use crate::acme::challenge::DnsError;
use crate::base::chain::{Chain, printable};
use crate::host::Agent;
use crate::wire::proving::HttpFile;

/// How long nginx on this host may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The most that is read of its answer.
const MOST_BYTES: usize = 1024;

/// Who puts files, and who serves them.
#[derive(Clone, Debug)]
pub struct HttpFront {
    /// Puts files.
    pub agent: Agent,
    /// Where nginx listens for plain HTTP on this host.
    pub at: SocketAddr,
}

impl HttpFront {
    /// Puts `file`.
    ///
    /// # Errors
    /// The agent refused.
    pub async fn put(&self, file: &HttpFile) -> Result<(), DnsError> {
        let put = self.agent.put_http_file(file).await;
        put.map_err(|source| DnsError::File { name: file.name().to_string(), source })
    }

    /// Takes `file` away.
    ///
    /// # Errors
    /// The agent refused.
    pub async fn remove(&self, file: &HttpFile) -> Result<(), DnsError> {
        let removed = self.agent.remove_http_file(file.token()).await;
        removed.map_err(|source| DnsError::File { name: file.name().to_string(), source })
    }

    /// Whether nginx serves `file`, asked as a CA would ask. Where nobody listens here, the CA is left to find out.
    ///
    /// # Errors
    /// It answers something else.
    pub async fn is_served(&self, file: &HttpFile) -> Result<(), DnsError> {
        let path = format!("/.well-known/acme-challenge/{}", file.token().as_str());
        let found = match self.ask(&path, file.name().as_str()).await {
            Ok((200, body)) if body.trim_end() == file.content() => return Ok(()),
            Ok((200, _)) => "another text".to_owned(),
            Ok((status, _)) => format!("status {status}"),
            Err(error) if error.is_connect() || error.is_timeout() => {
                warn!("Nobody answers at {} for plain HTTP: {}", self.at, Chain(&error));
                return Ok(());
            }
            Err(error) => printable(&Chain(&error).to_string()),
        };
        Err(DnsError::NotServed { at: self.at, url: format!("http://{}{path}", file.name()), found })
    }

    async fn ask(&self, path: &str, host: &str) -> reqwest::Result<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        let request = client.get(format!("http://{}{path}", self.at)).header(http::header::HOST, host);
        let mut answer = request.send().await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            body.extend_from_slice(&piece);
            if body.len() > MOST_BYTES {
                break;
            }
        }
        Ok((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }
}
