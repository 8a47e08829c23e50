//! Certificates: keys and requests made here, chains kept as generations on disk, deployed to nginx and proved. FreeSWITCH's
//! own way stands in `agent/freeswitch/tls`.

pub(super) mod in_force;
pub(super) mod install;
pub(super) mod make;
pub(super) mod proof;
pub(super) mod store;
