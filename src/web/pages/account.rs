//! The operator's own account.

use askama::Template;

use crate::web::frame::Frame;

/// The page at `/account`.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// The frame.
    pub frame: Frame,
    /// The form that changes the password.
    pub password: PasswordForm,
    /// The operator's sessions, the last used first.
    pub sessions: Vec<SessionView>,
    /// Whether there are sessions besides this one.
    pub has_others: bool,
    /// The operator's known devices, the last used first.
    pub devices: Vec<DeviceView>,
}

/// The form that changes the password: fields `present`, `password`, `again`. Nothing typed comes back.
#[derive(Clone, Debug, Default)]
pub struct PasswordForm {
    /// The shortest password that is taken, in characters.
    pub shortest: usize,
    /// What is wrong with the present one.
    pub present_fault: Option<String>,
    /// What is wrong with the new one.
    pub password_fault: Option<String>,
    /// What is wrong with its repetition.
    pub again_fault: Option<String>,
}

/// One session.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// What names it in the form, field `session`.
    pub handle: String,
    /// The browser in a few words.
    pub browser: String,
    /// From where; empty if that is not known.
    pub address: String,
    /// When it was signed in to.
    pub since: String,
    /// When it was last used: `3 min ago`.
    pub seen: String,
    /// Whether it is the one that looks at the page.
    pub is_this: bool,
}

/// One known device.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// What names it in the form, field `device`.
    pub handle: String,
    /// The browser in a few words.
    pub browser: String,
    /// When it became known.
    pub made: String,
    /// When it last signed in: `3 days ago`.
    pub used: String,
    /// Whether it is the one that looks at the page.
    pub is_this: bool,
}
