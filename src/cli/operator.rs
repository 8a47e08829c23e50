//! `rampart operator add|reset|disable|enable`: says from the host's own terminal who may sign in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{NewPassword, PasswordFault};
use crate::policy::own_password::ContextWords;
use crate::store::trail::Actor;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Let a new operator in.
    Add,
    /// Give an operator a new password.
    Reset,
    /// Keep an operator out, from this moment on.
    Disable,
    /// Let a disabled operator in again.
    Enable,
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
}

/// Does it; where a password is needed, reads it (twice from a terminal, once as a line from anything else). `words` say
/// nothing in a password on this server.
///
/// # Errors
/// See [`OperatorCommandError`].
pub async fn run(
    deeds: &Deeds,
    command: OperatorCommand,
    name: &str,
    words: &ContextWords,
) -> Result<(), OperatorCommandError> {
    let name = OperatorName::parse(name).map_err(OperatorError::from)?;
    let password =
        || NewPassword::parse(read_password()?, &words.with(name.as_str())).map_err(OperatorCommandError::from);
    let actor = Actor { name: "command line".to_owned(), address: None };
    let done = match command {
        OperatorCommand::Add => {
            deeds.add_operator(&actor, &name, password()?).await?;
            "can sign in now"
        }
        OperatorCommand::Reset => {
            deeds.reset_operator(&actor, &name, password()?).await?;
            "has a new password; every session of theirs is over"
        }
        OperatorCommand::Disable => {
            deeds.disable_operator(&actor, &name).await?;
            "cannot sign in any more; every session of theirs is over"
        }
        OperatorCommand::Enable => {
            deeds.enable_operator(&actor, &name).await?;
            "can sign in again"
        }
    };
    writeln!(io::stdout(), "{} {done}.", name.as_str())?;
    Ok(())
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
