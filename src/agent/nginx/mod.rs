//! nginx: its configuration language, a certificate's own server block, and the program itself.

pub(super) mod control;
pub(super) mod sibling;
pub(super) mod syntax;
