//! The certificate that FreeSWITCH serves: one file, `all.pem`, in a directory that the web server's user owns.
//!
//! `ground` puts files and links there, `way_back` keeps what was there before, `profiles` asks FreeSWITCH who serves what,
//! `deploy` puts a generation in force and proves it, `restart` restarts profiles where nothing else helps, `read` tells.

pub(in crate::agent) mod deploy;
mod ground;
mod profiles;
mod read;
mod restart;
mod served;
mod way_back;

pub(super) use read::read;
pub(super) use restart::restart;
