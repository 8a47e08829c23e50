//! Proving a name to a CA by a file that nginx serves (HTTP-01, RFC 8555 section 8.3).

use serde::{Deserialize, Serialize};

use crate::base::names::Fqdn;

/// A challenge's token: base64url, 22 to 128 letters (RFC 8555 section 8.1), which is a plain file name too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpToken(String);

impl HttpToken {
    /// `None` if `text` is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (is_base64url(text) && (22..=128).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HttpToken {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("this is no token of a challenge")
    }
}

impl From<HttpToken> for String {
    fn from(token: HttpToken) -> Self {
        token.0
    }
}

/// What a CA looks for at `http://<name>/.well-known/acme-challenge/<token>`: the token, a dot, and a digest of the
/// account's key. Nothing else can be served there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HttpFileText")]
pub struct HttpFile {
    name: Fqdn,
    token: HttpToken,
    thumbprint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpFileText {
    name: Fqdn,
    token: HttpToken,
    thumbprint: String,
}

impl TryFrom<HttpFileText> for HttpFile {
    type Error = &'static str;

    fn try_from(text: HttpFileText) -> Result<Self, Self::Error> {
        Self::new(text.name, text.token, text.thumbprint).ok_or("this is no digest of a key")
    }
}

impl HttpFile {
    /// `None` if `thumbprint` is no SHA-256 in base64url.
    #[must_use]
    pub fn new(name: Fqdn, token: HttpToken, thumbprint: String) -> Option<Self> {
        (is_base64url(&thumbprint) && thumbprint.len() == 43).then_some(Self { name, token, thumbprint })
    }

    /// The name that is to be proved.
    #[must_use]
    pub const fn name(&self) -> &Fqdn {
        &self.name
    }

    /// The file's name.
    #[must_use]
    pub const fn token(&self) -> &HttpToken {
        &self.token
    }

    /// What stands in it.
    #[must_use]
    pub fn content(&self) -> String {
        format!("{}.{}", self.token.as_str(), self.thumbprint)
    }
}

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_and_a_digest_can_be_served() {
        let name = || Fqdn::parse("a.example.com").unwrap();
        let token = || HttpToken::parse(&"t".repeat(43)).unwrap();

        let file = HttpFile::new(name(), token(), "d".repeat(43)).unwrap();

        assert_eq!(file.content(), format!("{}.{}", "t".repeat(43), "d".repeat(43)));
        for wrong in
            ["", "../../etc/passwd", "short", &"a.".repeat(20), &"a".repeat(129), &format!("{}/", "a".repeat(30))]
        {
            assert_eq!(HttpToken::parse(wrong), None, "{wrong}");
        }
        assert_eq!(HttpFile::new(name(), token(), "<script>".to_owned()), None);
        let crossing = r#"{"name":"a.example.com","token":"../x","thumbprint":"d"}"#;
        assert!(serde_json::from_str::<HttpFile>(crossing).is_err());
        let same = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<HttpFile>(&same).unwrap(), file);
    }
}
