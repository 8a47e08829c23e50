//! One file per page: the view struct, and beside it the handlers that fill it. The template has the same name.

pub mod account;
pub mod certificates;
pub mod credentials;
pub mod fault;
pub mod invitation;
pub mod operators;
pub mod order;
pub mod own_certificates;
pub mod own_domain;
pub mod own_passwords;
pub mod passwords;
pub mod passwords_conflict;
pub mod preset;
pub mod preview;
pub mod rotate;
pub mod rotation;
pub mod second_factor;
pub mod setup;
pub mod sign_in;
pub mod sign_in_code;
pub mod ssh;
pub mod step_up;
pub mod trail;
pub mod unbuilt;
pub mod upgrades;
pub mod walls;
