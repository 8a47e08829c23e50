//! One row as it comes from the wire, without a copy of the secret.

use std::borrow::Cow;

use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};
use uuid::Uuid;

/// The columns that every question about secrets asks for, in this order.
pub(super) struct SecretRow<'r> {
    /// The key of the row.
    pub(super) id: Option<Uuid>,
    /// The tenant.
    pub(super) domain: Option<Uuid>,
    /// Whether it is switched on.
    pub(super) is_enabled: bool,
    /// The secret: `None` where the database has NULL, `Err` where it is no UTF-8.
    pub(super) secret: Result<Option<&'r str>, NotText>,
    /// The extension, mailbox or room; a trunk has `register` here if it registers.
    pub(super) number: Cow<'r, str>,
    /// Another number or name; a phone's line has its server here.
    pub(super) other: Cow<'r, str>,
    /// A name that goes with it.
    pub(super) name: Cow<'r, str>,
    /// Where it is, if not at `number`.
    pub(super) place: Cow<'r, str>,
}

/// What the database holds is no UTF-8: it is one of the rare ones without an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotText;

impl<'r> SecretRow<'r> {
    /// # Errors
    /// A column is missing.
    pub(super) fn read(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: uuid(row, 0)?,
            domain: uuid(row, 1)?,
            is_enabled: flag(row, 2)?,
            secret: bytes(row, 3)?.map(|bytes| std::str::from_utf8(bytes).map_err(|_| NotText)).transpose(),
            number: text(row, 4)?,
            other: text(row, 5)?,
            name: text(row, 6)?,
            place: text(row, 7)?,
        })
    }

    /// Where it is.
    pub(super) fn place(&self) -> &str {
        if self.place.is_empty() { &self.number } else { &self.place }
    }
}

/// The bytes of a column; `None` for NULL.
fn bytes(row: &PgRow, index: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_bytes().map(Some).map_err(sqlx::Error::Decode)
}

/// A text; empty for NULL.
pub(super) fn text(row: &PgRow, index: usize) -> Result<Cow<'_, str>, sqlx::Error> {
    Ok(bytes(row, index)?.map_or(Cow::Borrowed(""), String::from_utf8_lossy))
}

/// A boolean, which comes as one byte; off for NULL.
pub(super) fn flag(row: &PgRow, index: usize) -> Result<bool, sqlx::Error> {
    Ok(bytes(row, index)?.is_some_and(|bytes| bytes == [1]))
}

/// A UUID, which comes as 16 bytes.
pub(super) fn uuid(row: &PgRow, index: usize) -> Result<Option<Uuid>, sqlx::Error> {
    Ok(bytes(row, index)?.and_then(|bytes| Uuid::from_slice(bytes).ok()))
}
