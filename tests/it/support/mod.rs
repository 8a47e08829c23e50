//! What the tests share: the real servers, the app on a free port, an operator with a session.

pub(crate) mod app;
pub(crate) mod authenticator;
pub(crate) mod browser;
pub(crate) mod ca_proxy;
pub(crate) mod cutting;
pub(crate) mod fail2ban;
pub(crate) mod freeswitch;
pub(crate) mod front;
pub(crate) mod fusionpbx;
pub(crate) mod leaks;
pub(crate) mod listener;
pub(crate) mod replies;
pub(crate) mod requests;
pub(crate) mod routes;
pub(crate) mod views;
