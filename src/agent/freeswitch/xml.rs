//! One of FreeSWITCH's XML files: what it sets.

use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroize;

use crate::base::secret::Secret;

/// The most elements, attributes and texts of one file.
const MAX_NODES: u32 = 100_000;

/// Why a file cannot be used. No variant holds anything of its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// It is no XML, or has a document type with entities of its own.
    #[error("it is not the plain XML that FreeSWITCH reads (line {line})")]
    Malformed {
        /// Counted from 1; 0 if unknown.
        line: u32,
    },
    /// It is another file.
    #[error("it holds no configuration called {name}")]
    Another {
        /// The name that was looked for.
        name: &'static str,
    },
}

/// The text of a file, which may hold secrets.
pub(super) struct Xml {
    text: Secret<String>,
}

impl Xml {
    /// Takes `bytes`, if they are XML without a document type.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn parse(bytes: &Secret<Vec<u8>>) -> Result<Self, XmlError> {
        let text = String::from_utf8(bytes.expose().clone()).map_err(|error| {
            let mut bytes = error.into_bytes();
            bytes.zeroize();
            XmlError::Malformed { line: 0 }
        })?;
        let xml = Self { text: Secret::new(text) };
        xml.document().map(drop)?;
        Ok(xml)
    }

    /// The whole file.
    pub(super) const fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// Whether FreeSWITCH's preprocessor has work in it. It looks at lines, so that it sees those in comments too.
    pub(super) fn is_preprocessed(&self) -> bool {
        self.text.expose().to_ascii_lowercase().contains("x-pre-process")
    }

    /// The value that holds for `name` among the settings of `configuration`: the last one, as FreeSWITCH takes them.
    ///
    /// # Errors
    /// There is no such configuration.
    pub(super) fn setting(
        &self,
        configuration: &'static str,
        name: &str,
    ) -> Result<Option<Secret<String>>, XmlError> {
        let document = self.document()?;
        let named = |node: &Node<'_, '_>| node.attribute("name").is_some_and(|own| own.eq_ignore_ascii_case(name));
        let last = params(&document, configuration)?.into_iter().rfind(named);
        Ok(last.and_then(|node| node.attribute("value")).map(|value| Secret::new(value.to_owned())))
    }

    /// The modules that `modules.conf` loads.
    ///
    /// # Errors
    /// There is no such configuration.
    pub(super) fn modules(&self) -> Result<Vec<String>, XmlError> {
        let document = self.document()?;
        let loads = loads(&document)?;
        Ok(loads.iter().filter_map(|load| load.attribute("module")).map(str::to_owned).collect())
    }

    /// `name=value` of each `X-PRE-PROCESS cmd="set"`.
    ///
    /// # Errors
    /// It is no XML.
    pub(super) fn variables(&self) -> Result<Vec<(String, Secret<String>)>, XmlError> {
        let document = self.document()?;
        let lines =
            document.descendants().filter(|node| node.tag_name().name().eq_ignore_ascii_case("x-pre-process"));
        let set = lines.filter(|node| node.attribute("cmd").is_some_and(|cmd| cmd.eq_ignore_ascii_case("set")));
        let pairs = set.filter_map(|node| node.attribute("data")?.split_once('='));
        Ok(pairs.map(|(name, value)| (name.trim().to_owned(), Secret::new(value.trim().to_owned()))).collect())
    }

    pub(super) fn document(&self) -> Result<Document<'_>, XmlError> {
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let parsed = Document::parse_with_options(self.text.expose(), options);
        parsed.map_err(|error| XmlError::Malformed { line: error.pos().row })
    }
}

fn configuration_of<'a, 'input>(
    document: &'a Document<'input>,
    name: &'static str,
) -> Result<Node<'a, 'input>, XmlError> {
    let mut all = document.descendants().filter(|node| node.has_tag_name("configuration"));
    all.find(|node| node.attribute("name") == Some(name)).ok_or(XmlError::Another { name })
}

/// The lines of `modules.conf`.
pub(super) fn loads<'a, 'input>(document: &'a Document<'input>) -> Result<Vec<Node<'a, 'input>>, XmlError> {
    let own = configuration_of(document, "modules.conf")?;
    let modules = own.children().filter(|node| node.has_tag_name("modules"));
    Ok(modules.flat_map(|modules| modules.children()).filter(|node| node.has_tag_name("load")).collect())
}

/// The parameters among the settings of a configuration.
pub(super) fn params<'a, 'input>(
    document: &'a Document<'input>,
    configuration: &'static str,
) -> Result<Vec<Node<'a, 'input>>, XmlError> {
    let own = configuration_of(document, configuration)?;
    let settings = own.children().filter(|node| node.has_tag_name("settings"));
    Ok(settings.flat_map(|settings| settings.children()).filter(|node| node.has_tag_name("param")).collect())
}

/// Whether FreeSWITCH puts something else in the place of `value`, or of a part of it.
pub(super) fn is_variable(value: &str) -> bool {
    value.contains("${")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "<configuration name=\"xml_rpc.conf\" description=\"XML RPC\">\r\n  <settings>\r\n    <!-- <param \
                        name=\"auth-pass\" value=\"old\"/> -->\r\n    <param name='http-port'  value = '8080' />\r\n\t<param \
                        name=\"auth-user\" value=\"free&amp;switch\"/>\r\n    <param name=\"auth-pass\" \
                        value=\"works\"/>\r\n  </settings>\r\n</configuration>\r\n";

    fn xml(text: &str) -> Result<Xml, XmlError> {
        Xml::parse(&Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn document_types_and_broken_files_are_refused() {
        let entity = format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/shadow\">]>{FILE}");

        for text in [entity.as_str(), "", "<a>", "<a b=\"1\" b=\"2\"/>", "\u{0}"] {
            assert!(matches!(xml(text).err(), Some(XmlError::Malformed { .. })), "{text}");
        }
        assert!(Xml::parse(&Secret::new(vec![0xff, 0xfe])).is_err());
        let other = xml("<configuration name=\"other.conf\"/>").unwrap().setting("xml_rpc.conf", "x").err();
        assert_eq!(other, Some(XmlError::Another { name: "xml_rpc.conf" }));
    }

    #[test]
    fn elements_in_elements_without_end_are_refused_or_read_and_fill_no_stack() {
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));

        // A thread's stack of 2 MiB, as the agent's have.
        let read = std::thread::spawn(move || (xml(&deep(40_000)).is_ok(), xml(&deep(140_000)).is_ok()));

        assert_eq!(read.join().unwrap(), (true, false));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(xml) = Xml::parse(&Secret::new(bytes)) {
                let _ = xml.setting("xml_rpc.conf", "auth-pass");
                let _ = xml.modules();
            }
        }
    }
}
