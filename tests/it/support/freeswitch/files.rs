//! The files of a FreeSWITCH as FusionPBX installs it, and how the fake one reads them: by its own few lines, so that a
//! fault of our parser cannot hide in it.

use std::path::Path;

/// Writes the files into `conf`, `fusionpbx` and `cache` below `directory`.
pub(super) fn write(directory: &Path, event_socket: u16, xml_rpc: u16) {
    let autoload = directory.join("conf/autoload_configs");
    for made in [autoload.clone(), directory.join("fusionpbx"), directory.join("cache")] {
        std::fs::create_dir_all(made).unwrap();
    }
    let xml_rpc = format!(
        "<configuration name=\"xml_rpc.conf\" description=\"XML RPC\">\n  <settings>\n    <!-- The port where you want to run \
         the http service -->\n    <param name=\"http-port\" value=\"{xml_rpc}\"/>\n    <!-- if all 3 of the following params \
         exist all http traffic will require auth -->\n    <param name=\"auth-realm\" value=\"freeswitch\"/>\n    <param \
         name='auth-user'   value='freeswitch' />\n\t<param name=\"auth-pass\" value=\"works\"/>\n\n  \
         </settings>\n</configuration>\n"
    );
    let event_socket = format!(
        "<configuration name=\"event_socket.conf\" description=\"Socket Client\">\r\n  <settings>\r\n    <param \
         name=\"nat-map\" value=\"false\"/>\r\n    <param name=\"listen-ip\" value=\"127.0.0.1\"/>\r\n    <param \
         name=\"listen-port\" value=\"{event_socket}\"/>\r\n    <param name=\"password\" value=\"ClueCon\"/>\r\n    <!--<param \
         name=\"apply-inbound-acl\" value=\"lan\"/>-->\r\n  </settings>\r\n</configuration>\r\n"
    );
    let modules = "<configuration name=\"modules.conf\" description=\"Modules\">\n\t<modules>\n\n\t\t<!-- Languages -->\n\t\t<load \
                   module=\"mod_lua\"/>\n\n\t\t<!-- XML Interfaces -->\n\t\t<load module=\"mod_xml_rpc\"/>\n\t</modules>\n\
                   </configuration>";
    let vars = "<include>\n  <X-PRE-PROCESS cmd=\"set\" data=\"default_password=1234\"/>\n  <X-PRE-PROCESS cmd=\"set\" \
                data=\"hold_music=local_stream://default\"/>\n</include>\n";
    let config =
        "# FusionPBX\ndatabase.0.type = pgsql\ndatabase.0.name = fusionpbx\ndatabase.0.password = db-secret\n";
    std::fs::write(autoload.join("xml_rpc.conf.xml"), xml_rpc).unwrap();
    std::fs::write(autoload.join("event_socket.conf.xml"), event_socket).unwrap();
    std::fs::write(autoload.join("modules.conf.xml"), modules).unwrap();
    std::fs::write(directory.join("conf/vars.xml"), vars).unwrap();
    std::fs::write(directory.join("fusionpbx/config.conf"), config).unwrap();
}

/// The value of a parameter in an XML file of that simple kind.
pub(crate) fn param(file: &Path, name: &str) -> Option<String> {
    let mut text = std::fs::read_to_string(file).unwrap();
    while let Some(begin) = text.find("<!--") {
        let end = text[begin..].find("-->").map_or(text.len(), |end| begin + end + 3);
        text.replace_range(begin..end, "");
    }
    let own =
        text.split("<param").skip(1).filter(|piece| attribute(piece, "name").as_deref() == Some(name)).last()?;
    attribute(own, "value")
}

fn attribute(piece: &str, name: &str) -> Option<String> {
    let rest = &piece[piece.find(&format!(" {name}"))? + name.len() + 1..];
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next()?;
    let value = rest[1..].split(quote).next()?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, letter)| text.replace(entity, letter)))
}
