//! Example data for an operator's own account.

use rampart::web::pages::account::{AccountPage, DeviceView, PasswordForm, SessionView};

use super::Town;

pub(crate) fn page(town: Town) -> AccountPage {
    let session = |handle: &str, browser: &str, is_this| SessionView {
        handle: handle.into(),
        browser: town.text(browser),
        address: town.text("203.0.113.9"),
        since: "2026-11-22 18:31 UTC".into(),
        seen: "3 min ago".into(),
        is_this,
    };
    let device = |handle: &str, browser: &str, is_this| DeviceView {
        handle: handle.into(),
        browser: town.text(browser),
        made: "2026-10-02 08:12 UTC".into(),
        used: "2 days ago".into(),
        is_this,
    };
    AccountPage {
        frame: town.frame("Your account", "account"),
        password: PasswordForm {
            shortest: 15,
            present_fault: town.fault("this is not your present password"),
            password_fault: town.fault("a password needs at least 15 characters; a sentence is fine"),
            again_fault: town.fault("the two passwords are not the same"),
        },
        sessions: town.list(vec![
            session("07f2ee0c1a9b4410", "Firefox 128 on Linux", true),
            session("c1a9b44107f2ee00", "Safari 18 on iPhone", false),
        ]),
        has_others: town != Town::Empty,
        devices: town.list(vec![
            device("1a9b441007f2ee0c", "Firefox 128 on Linux", true),
            device("9b441007f2ee0c1a", "Chrome 131 on Windows", false),
        ]),
    }
}
