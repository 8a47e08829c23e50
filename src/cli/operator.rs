//! `rampart operator add|reset|role|disable|enable|list`: who may sign in, from the host's own terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use crate::base::chain::{Chain, printable};
use crate::base::clock::Timestamp;
use crate::base::ids::OperatorId;
use crate::base::names::OperatorName;
use crate::base::role::{Post, Role};
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{NewPassword, PasswordFault};
use crate::deeds::roster::RosterError;
use crate::fusionpbx::{FusionPbx, FusionPbxError};
use crate::host::Agent;
use crate::policy::own_password::ContextWords;
use crate::store::StoreError;
use crate::store::roster::Account;
use crate::store::trail::Actor;

/// What is to be done.
pub enum OperatorCommand<'a> {
    /// Add an account.
    Add(Wanted<'a>),
    /// Give an account a new password.
    Reset {
        /// The name to sign in with.
        name: &'a str,
        /// What root has done of it already; `None` for anybody else, who cannot reach the second factor.
        prepared: Option<Prepared>,
    },
    /// Give an account another role.
    Role(Wanted<'a>),
    /// Keep an account out, from this moment on.
    Disable {
        /// The name to sign in with.
        name: &'a str,
    },
    /// Let a disabled account in again.
    Enable {
        /// The name to sign in with.
        name: &'a str,
    },
    /// List the accounts.
    List {
        /// As JSON rather than text.
        as_json: bool,
    },
}

/// What root does of a reset before it becomes Rampart's user.
pub struct Prepared {
    /// The new password.
    pub password: NewPassword,
    /// Whether the agent has forgotten the second factor, or why not.
    pub factor: Result<(), String>,
}

/// Whose role, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The name to sign in with.
    pub name: &'a str,
    /// The role.
    pub role: Role,
    /// The domain of a tenant, by name.
    pub domain: Option<&'a str>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorCommandError {
    /// The terminal, or standard input.
    #[error("the password could not be read")]
    Read(#[from] io::Error),
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The act was refused.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The role was not given.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// Our own store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tenant has no domain.
    #[error("the role tenant needs --domain NAME")]
    NoDomain,
    /// Another role has one.
    #[error("only the role tenant has a domain")]
    NotATenant,
    /// There is no FusionPBX to look the domain up in.
    #[error("FusionPBX cannot be asked for the domain: {0}")]
    NoFusionPbx(String),
    /// FusionPBX's database failed.
    #[error("FusionPBX's database cannot be asked for the domain")]
    FusionPbx(#[from] FusionPbxError),
    /// No tenant, or several.
    #[error("FusionPBX has {} of that name", if *.0 == 0 { "no enabled tenant" } else { "several tenants" })]
    NotOneTenant(usize),
}

/// Does it. A password is read twice from a terminal, once as a line from anything else; `words` say nothing in a password
/// on this server. FusionPBX is only asked where a tenant is named.
///
/// # Errors
/// See [`OperatorCommandError`].
pub async fn run(
    deeds: &Deeds,
    fusionpbx: Result<FusionPbx, String>,
    command: OperatorCommand<'_>,
    words: &ContextWords,
) -> Result<(), OperatorCommandError> {
    let actor = Actor { name: "command line".to_owned(), address: None };
    let parsed = |name: &str| OperatorName::parse(name).map_err(OperatorError::from);
    let said = match command {
        OperatorCommand::Add(wanted) => {
            let name = parsed(wanted.name)?;
            let post = post(fusionpbx, wanted).await?;
            let password = new_password(wanted.name, words)?;
            deeds.add_account(&actor, &name, &post, password).await?;
            format!("{name} can sign in now, as {post}.")
        }
        OperatorCommand::Reset { name, prepared } => {
            let name = parsed(name)?;
            let (password, factor) = match prepared {
                Some(Prepared { password, factor }) => (password, factor),
                None => (new_password(name.as_str(), words)?, Err("only root can have it forgotten".to_owned())),
            };
            deeds.reset_operator(&actor, &name, password, factor.is_ok()).await?;
            let factor = match factor {
                Ok(()) => format!(
                    "There is no second factor any more; `rampart-agent enrol {name}` prints a code to set up another."
                ),
                Err(reason) => format!("A second factor stays as it is: {}.", printable(&reason)),
            };
            format!("{name} has a new password; every session of theirs is over. {factor}")
        }
        OperatorCommand::Role(wanted) => {
            let name = parsed(wanted.name)?;
            let post = post(fusionpbx, wanted).await?;
            deeds.change_post(&actor, account(deeds, &name).await?, &post).await?;
            format!("{name} is {post} now, with the next request.")
        }
        OperatorCommand::Disable { name } => {
            let name = parsed(name)?;
            deeds.disable_account(&actor, account(deeds, &name).await?).await?;
            format!("{name} cannot sign in any more; every session of theirs is over.")
        }
        OperatorCommand::Enable { name } => {
            let name = parsed(name)?;
            deeds.enable_account(&actor, account(deeds, &name).await?).await?;
            format!("{name} can sign in again.")
        }
        OperatorCommand::List { as_json } => list(&deeds.store.roster().await?, as_json),
    };
    writeln!(io::stdout(), "{said}")?;
    Ok(())
}

/// Asks for a new password of `name`.
///
/// # Errors
/// It cannot be read, or breaks a rule.
pub fn new_password(name: &str, words: &ContextWords) -> Result<NewPassword, OperatorCommandError> {
    Ok(NewPassword::parse(read_password()?, &words.with(name))?)
}

/// Has the agent forget the second factor of `name`. Only root is heard without a code.
///
/// # Errors
/// In words why it was not forgotten.
pub async fn forget_factor(agent: &Agent, name: &str) -> Result<(), String> {
    let name = OperatorName::parse(name).map_err(|error| error.to_string())?;
    agent.forget_factor(&name).await.map_err(|error| Chain(&error).to_string())
}

async fn account(deeds: &Deeds, name: &OperatorName) -> Result<OperatorId, OperatorCommandError> {
    Ok(deeds.store.account_named(name.as_str()).await?.ok_or(OperatorError::Unknown)?)
}

/// The role that was asked for, with FusionPBX's tenant of that name.
async fn post(fusionpbx: Result<FusionPbx, String>, wanted: Wanted<'_>) -> Result<Post, OperatorCommandError> {
    let domain = match (wanted.role, wanted.domain) {
        (Role::Tenant, None) => return Err(OperatorCommandError::NoDomain),
        (Role::Tenant, Some(name)) => {
            let fusionpbx = fusionpbx.map_err(OperatorCommandError::NoFusionPbx)?;
            let found = fusionpbx.tenants_called(name).await?;
            let [tenant] = found.as_slice() else { return Err(OperatorCommandError::NotOneTenant(found.len())) };
            Some((tenant.id, tenant.name.clone()))
        }
        (Role::Viewer | Role::Support | Role::Operator, Some(_)) => return Err(OperatorCommandError::NotATenant),
        (Role::Viewer | Role::Support | Role::Operator, None) => None,
    };
    Post::of(wanted.role, domain).ok_or(OperatorCommandError::NoDomain)
}

fn list(accounts: &[Account], as_json: bool) -> String {
    let state = |account: &Account| match (account.disabled, account.invited) {
        (Some(_), _) => "disabled",
        (None, true) => "invited",
        (None, false) => "enabled",
    };
    if as_json {
        let rows = accounts.iter().map(|account| {
            serde_json::json!({
                "name": account.name, "role": account.post.role().word(),
                "domain_uuid": account.post.domain().map(|(id, _)| id),
                "domain": account.post.domain().map(|(_, name)| name),
                "state": state(account), "since": account.created.rfc3339(),
                "last_sign_in": account.last_sign_in.map(Timestamp::rfc3339), "sessions": account.sessions,
            })
        });
        return serde_json::Value::Array(rows.collect()).to_string();
    }
    let rows = accounts.iter().map(|account| {
        let last = account.last_sign_in.map_or_else(|| "never".to_owned(), Timestamp::minutes);
        format!("{}  {}  {}  last sign-in {last}", printable(&account.name), account.post, state(account))
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn read_password() -> Result<Secret<String>, OperatorCommandError> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Ok(line(&input)?);
    }
    let first = ask("New password (15 characters or more; a sentence is fine): ")?;
    let again = ask("The same again: ")?;
    if first.expose() == again.expose() { Ok(first) } else { Err(PasswordFault::Differ.into()) }
}

/// Asks without showing what is typed.
fn ask(question: &str) -> io::Result<Secret<String>> {
    let input = io::stdin();
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let shown = tcgetattr(&input)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&input, SetArg::TCSADRAIN, &hidden)?;
    let answer = line(&input);
    tcsetattr(&input, SetArg::TCSADRAIN, &shown)?;
    writeln!(out)?;
    answer
}

fn line(input: &io::Stdin) -> io::Result<Secret<String>> {
    let mut text = String::new();
    input.lock().read_line(&mut text)?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(Secret::new(text))
}
