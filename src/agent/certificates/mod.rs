//! Certificates: keys and requests made here, chains kept as generations on disk, deployed to nginx and proved.

pub(super) mod install;
pub(super) mod make;
mod proof;
pub(super) mod store;
