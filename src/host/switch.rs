//! FreeSWITCH, as the agent reads and tells it.

use crate::host::{Agent, AgentError, kind};
use crate::wire::answer::Answer;
use crate::wire::jails::{LetPass, Passing};
use crate::wire::request::Request;
use crate::wire::switch::{
    DatabaseSide, DirectoryUser, Flushed, Registrations, Resynced, SwitchChange, SwitchChanged, SwitchFacts,
};

impl Agent {
    /// What FreeSWITCH's files and the running program say; `database` is compared with them.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn switch(&self, database: Option<DatabaseSide>) -> Result<SwitchFacts, AgentError> {
        expect_answer!(self.ask(&Request::ReadSwitch { database }).await?, Switch).map(|facts| *facts)
    }

    /// Has XML RPC or the event socket changed; see [`with_grant`](Self::with_grant). It is proved, or refused as
    /// [`Refusal::RolledBack`](crate::wire::answer::Refusal::RolledBack).
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn change_switch(&self, change: SwitchChange) -> Result<SwitchChanged, AgentError> {
        expect_answer!(self.ask(&Request::ChangeSwitch { change }).await?, SwitchChanged).map(|changed| *changed)
    }

    /// How many devices are registered with the accounts `of`, and from where; at most
    /// [`MOST_USERS`](crate::wire::switch::MOST_USERS) at a time.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn switch_registrations(&self, of: Vec<DirectoryUser>) -> Result<Registrations, AgentError> {
        expect_answer!(self.ask(&Request::SwitchRegistrations { of }).await?, Registrations)
    }

    /// Has fail2ban's SIP jails let addresses pass for a while, from each of which a device must be registered.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn let_pass(&self, wanted: LetPass) -> Result<Passing, AgentError> {
        expect_answer!(self.ask(&Request::LetPass { wanted }).await?, Passing)
    }

    /// Has the cached directory entries of `users` dropped; at most
    /// [`MOST_USERS`](crate::wire::switch::MOST_USERS) at a time. What could not be dropped stands in the answer.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn flush_directory(&self, users: Vec<DirectoryUser>) -> Result<Flushed, AgentError> {
        expect_answer!(self.ask(&Request::FlushDirectory { users }).await?, Flushed)
    }

    /// Has the phones of `users` told to fetch their settings again; at most
    /// [`MOST_USERS`](crate::wire::switch::MOST_USERS) at a time.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn resync(&self, users: Vec<DirectoryUser>) -> Result<Resynced, AgentError> {
        expect_answer!(self.ask(&Request::Resync { users }).await?, Resynced)
    }
}
