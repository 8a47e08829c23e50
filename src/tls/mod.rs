//! Floor 1: look at a certificate, stored or served: names, dates, key, chain.
//!
//! `leaf` reads one, `probe` fetches what a listener serves, `check` judges what a CA has just issued, `pair` whether a
//! key belongs to a certificate, `phones` what desk phones accept. Whether a stranger would trust a certificate is not asked here.

pub mod check;
pub mod leaf;
pub mod pair;
pub mod phones;
pub mod probe;
