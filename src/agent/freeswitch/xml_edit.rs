//! The same XML file with other values: every byte outside them is kept.

use std::ops::Range;

use roxmltree::{Attribute, Node};

use crate::agent::freeswitch::xml::{Xml, XmlError, is_variable, loads, params};
use crate::base::secret::Secret;

/// Why a file is not changed. No variant holds anything of its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EditError {
    /// It is not what it should be.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is changed by FreeSWITCH's preprocessor before it is read.
    #[error("it has X-PRE-PROCESS lines, so what it says cannot be changed safely; change it by hand")]
    Preprocessed,
    /// A value names a variable.
    #[error(
        "{name} is set from a variable; change it where the variable is set, or write the value into the file first"
    )]
    Variable {
        /// The parameter.
        name: &'static str,
    },
    /// Nothing to put the parameter beside.
    #[error("it has no parameters, so there is no place for a new one")]
    NoPlace,
}

/// A parameter as it stands.
struct Spot {
    name: String,
    value: Option<Secret<String>>,
    /// Where the value stands, without its quotes; right behind the name if there is none.
    at: Range<usize>,
    whole: Range<usize>,
}

impl Xml {
    /// The same file with other values: each parameter of that name gets it, and one that is missing is added after the
    /// last one, indented as that is.
    ///
    /// # Errors
    /// The preprocessor or a variable decides about the value, or there is no place for a new parameter.
    pub(super) fn with(
        &self,
        configuration: &'static str,
        changes: &[(&'static str, Secret<String>)],
    ) -> Result<Secret<Vec<u8>>, EditError> {
        if self.is_preprocessed() {
            return Err(EditError::Preprocessed);
        }
        let document = self.document()?;
        let params: Vec<Spot> = params(&document, configuration)?.iter().filter_map(spot).collect();
        let mut edits: Vec<(Range<usize>, Secret<String>)> = Vec::new();
        let mut added = String::new();
        for (name, value) in changes {
            let same: Vec<_> = params.iter().filter(|param| param.name.eq_ignore_ascii_case(name)).collect();
            for param in &same {
                if param.value.as_ref().is_some_and(|value| is_variable(value.expose())) {
                    return Err(EditError::Variable { name });
                }
                let value = escaped(value.expose());
                let text = if param.value.is_some() { value } else { format!(" value=\"{value}\"") };
                edits.push((param.at.clone(), Secret::new(text)));
            }
            if same.is_empty() {
                let last = params.last().ok_or(EditError::NoPlace)?;
                added.push_str(self.gap(&last.whole));
                let value = escaped(value.expose());
                added.extend(["<param name=\"", name, "\" value=\"", value.as_str(), "\"/>"]);
            }
        }
        if let (false, Some(last)) = (added.is_empty(), params.last()) {
            edits.push((last.whole.end..last.whole.end, Secret::new(added)));
        }
        Ok(self.spliced(edits))
    }

    /// The same file, with `module` loaded at the start or not. Taken out, its line stays as a comment.
    ///
    /// # Errors
    /// The preprocessor works on it, or there is no place for a new line.
    pub(super) fn with_module(&self, module: &str, is_loaded: bool) -> Result<Secret<Vec<u8>>, EditError> {
        if self.is_preprocessed() {
            return Err(EditError::Preprocessed);
        }
        let document = self.document()?;
        let loads = loads(&document)?;
        let own: Vec<_> = loads.iter().filter(|load| load.attribute("module") == Some(module)).collect();
        let text = self.text().expose();
        let mut edits = Vec::new();
        match (is_loaded, own.is_empty()) {
            (true, true) => {
                let last = loads.last().ok_or(EditError::NoPlace)?.range();
                let line = format!("{}<load module=\"{module}\"/>", self.gap(&last));
                edits.push((last.end..last.end, Secret::new(line)));
            }
            (false, false) => {
                for load in own {
                    let old = text.get(load.range()).unwrap_or_default();
                    // Two hyphens in a row would end a comment.
                    let line = if old.contains("--") { String::new() } else { format!("<!-- {old} -->") };
                    edits.push((load.range(), Secret::new(line)));
                }
            }
            (true, false) | (false, true) => {}
        }
        Ok(self.spliced(edits))
    }

    /// The white space between what stands before an element and the element: what a new one beside it gets too.
    fn gap(&self, element: &Range<usize>) -> &str {
        let before = self.text().expose().get(..element.start).unwrap_or_default();
        let indented = before.trim_end_matches([' ', '\t']);
        let line = indented.strip_suffix('\n').map_or(indented, |line| line.strip_suffix('\r').unwrap_or(line));
        before.get(line.len()..).unwrap_or_default()
    }

    fn spliced(&self, mut edits: Vec<(Range<usize>, Secret<String>)>) -> Secret<Vec<u8>> {
        edits.sort_by_key(|(spot, _)| spot.start);
        let text = self.text().expose();
        let mut new = Vec::with_capacity(text.len() + 1024);
        let mut at = 0;
        for (spot, value) in &edits {
            new.extend_from_slice(text.get(at..spot.start).unwrap_or_default().as_bytes());
            new.extend_from_slice(value.expose().as_bytes());
            at = spot.end;
        }
        new.extend_from_slice(text.get(at..).unwrap_or_default().as_bytes());
        Secret::new(new)
    }
}

fn spot(node: &Node<'_, '_>) -> Option<Spot> {
    let find = |name: &str| node.attributes().find(|attribute| attribute.name() == name);
    let name: Attribute<'_, '_> = find("name")?;
    let value: Option<Attribute<'_, '_>> = find("value");
    Some(Spot {
        name: name.value().to_owned(),
        at: value.as_ref().map_or(name.range().end..name.range().end, Attribute::range_value),
        value: value.map(|value| Secret::new(value.value().to_owned())),
        whole: node.range(),
    })
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            other => text.push(other),
        }
    }
    text
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

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn text(bytes: &Secret<Vec<u8>>) -> String {
        String::from_utf8(bytes.expose().clone()).unwrap()
    }

    #[test]
    fn a_changed_value_changes_no_other_byte() {
        let file = xml(FILE).unwrap();

        let changed =
            file.with("xml_rpc.conf", &[("auth-pass", secret("a\"b'c&<d>")), ("http-port", secret("9000"))]).unwrap();

        let wanted = FILE
            .replace("value=\"works\"", "value=\"a&quot;b&apos;c&amp;&lt;d&gt;\"")
            .replace("value = '8080'", "value = '9000'");
        assert_eq!(text(&changed), wanted);
        let again = Xml::parse(&changed).unwrap();
        let value = again.setting("xml_rpc.conf", "AUTH-pass").unwrap().unwrap();
        assert_eq!(value.expose(), "a\"b'c&<d>");
    }

    #[test]
    fn a_missing_parameter_is_added_as_its_neighbour_stands() {
        let changed = xml(FILE).unwrap().with("xml_rpc.conf", &[("auth-realm", secret("pbx"))]).unwrap();

        let wanted =
            FILE.replace("value=\"works\"/>", "value=\"works\"/>\r\n    <param name=\"auth-realm\" value=\"pbx\"/>");
        assert_eq!(text(&changed), wanted);
    }

    #[test]
    fn what_the_preprocessor_or_a_variable_decides_is_not_changed() {
        let variable = FILE.replace("works", "$${secret}");
        let run = FILE.replace("<settings>", "<settings><X-PRE-PROCESS cmd=\"exec\" data=\"id\"/>");
        let change = |text: &str| xml(text).unwrap().with("xml_rpc.conf", &[("auth-pass", secret("x"))]).err();

        assert_eq!(change(&variable), Some(EditError::Variable { name: "auth-pass" }));
        assert_eq!(change(&run), Some(EditError::Preprocessed));
        assert!(xml(&FILE.replace("<!-- <param", "<!-- <X-PRE-PROCESS")).unwrap().is_preprocessed());
    }

    #[test]
    fn a_module_is_commented_out_and_put_back() {
        let file = "<configuration name=\"modules.conf\">\n\t<modules>\n\t\t<load module=\"mod_xml_rpc\"/>\n\t\t<load \
                    module=\"mod_sofia\"/>\n\t</modules>\n</configuration>\n";

        let off = xml(file).unwrap().with_module("mod_xml_rpc", false).unwrap();
        let on = Xml::parse(&off).unwrap().with_module("mod_xml_rpc", true).unwrap();

        let commented = file.replace("<load module=\"mod_xml_rpc\"/>", "<!-- <load module=\"mod_xml_rpc\"/> -->");
        assert_eq!(text(&off), commented);
        assert_eq!(Xml::parse(&off).unwrap().modules().unwrap(), ["mod_sofia"]);
        assert_eq!(Xml::parse(&on).unwrap().modules().unwrap(), ["mod_sofia", "mod_xml_rpc"]);
        assert!(text(&on).contains("mod_sofia\"/>\n\t\t<load module=\"mod_xml_rpc\"/>\n\t</modules>"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back(value in "[ -~]{1,64}", before in "[ \t\r\n]{0,5}") {
            let file = FILE.replace("<settings>", &format!("<settings>{before}"));
            let changed = xml(&file).unwrap().with("xml_rpc.conf", &[("auth-pass", secret(&value))]).unwrap();
            let read = Xml::parse(&changed).unwrap().setting("xml_rpc.conf", "auth-pass").unwrap().unwrap();
            prop_assert_eq!(read.expose(), &value);
        }
    }
}
