//! What must be true before the console may change anything as root: a second factor that the agent itself checks, a
//! grant made from a fresh code for exactly one request, or a standing order for unattended work.
//!
//! `code` is the arithmetic, `factor` one operator's verifier, `invitation` the codes that root prints, `grants` and
//! `standing` what allows a request, `keeper` the one that holds them all. Everything lies in the agent's own place, where
//! the console cannot write.

pub(super) mod code;
pub(super) mod factor;
pub(super) mod grants;
pub mod invitation;
pub(super) mod keeper;
pub(super) mod standing;
