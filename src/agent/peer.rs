//! Who may ask. The kernel says who holds the other end of the socket; nothing the other end says counts.

/// The accounts that may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The console's user id.
    pub(super) peer: u32,
    /// Whether root may ask too.
    pub(super) root: bool,
}

impl Admission {
    /// Whether the user `uid` may ask.
    pub(super) const fn admits(self, uid: u32) -> bool {
        uid == self.peer || (uid == 0 && self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_and_root_may_ask_and_nobody_else() {
        let admission = Admission { peer: 990, root: true };

        assert!(admission.admits(990));
        assert!(admission.admits(0));
        assert!(!admission.admits(33));
        assert!(!admission.admits(65_534));
        assert!(!Admission { peer: 990, root: false }.admits(0));
    }
}
