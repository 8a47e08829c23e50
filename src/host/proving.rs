//! Files for HTTP-01, put and taken away by the agent.

use crate::host::{Agent, AgentError, kind};
use crate::wire::answer::Answer;
use crate::wire::proving::{HttpFile, HttpToken};
use crate::wire::request::Request;

impl Agent {
    /// Has `file` put where nginx serves it.
    ///
    /// # Errors
    /// As [`AgentError`]; a name outside the agent's zones is refused.
    pub async fn put_http_file(&self, file: &HttpFile) -> Result<(), AgentError> {
        done(&self.ask(&Request::PutHttpFile { file: file.clone() }).await?)
    }

    /// Has the file called `token` taken away; one that is not there is no error.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn remove_http_file(&self, token: &HttpToken) -> Result<(), AgentError> {
        done(&self.ask(&Request::RemoveHttpFile { token: token.clone() }).await?)
    }
}

fn done(answer: &Answer) -> Result<(), AgentError> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(AgentError::Confused { reason: format!("it answered something else: {}", kind(other)) }),
    }
}
