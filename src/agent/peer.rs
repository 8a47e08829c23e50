//! Who may ask. The kernel says who holds the other end of the socket; nothing the other end says counts.

/// The accounts that may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The console's user id.
    pub(super) peer: u32,
    /// Whether root may ask too.
    pub(super) root: bool,
}

/// In what capacity somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The console: what changes anything needs a grant or a standing order.
    Console,
    /// Root on this host, who could do it all by hand.
    Root,
}

impl Admission {
    /// In what capacity the user `uid` asks; `None` if that user may not ask. A console that runs as root is a console.
    pub(super) const fn standing(self, uid: u32) -> Option<Standing> {
        if uid == self.peer {
            Some(Standing::Console)
        } else if uid == 0 && self.root {
            Some(Standing::Root)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_and_root_may_ask_and_nobody_else() {
        let admission = Admission { peer: 990, root: true };

        assert_eq!(admission.standing(990), Some(Standing::Console));
        assert_eq!(admission.standing(0), Some(Standing::Root));
        assert_eq!(admission.standing(33), None);
        assert_eq!(admission.standing(65_534), None);
        assert_eq!(Admission { peer: 990, root: false }.standing(0), None);
        assert_eq!(Admission { peer: 0, root: true }.standing(0), Some(Standing::Console));
    }
}
