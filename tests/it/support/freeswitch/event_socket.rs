//! The fake's event socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::{Fault, Shared, State};

const GOODBYE: &str = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";

/// Takes connections until the fake is down.
pub(super) fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.state().is_down {
            return;
        }
        let own = Arc::clone(shared);
        std::thread::spawn(move || drop(converse(stream, &own)));
    }
}

fn notice(words: &str) -> String {
    format!("Content-Type: text/disconnect-notice\nContent-Length: {}\n\n{words}", words.len())
}

fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let faults = {
        let mut state = shared.state();
        state.connections.push(stream.try_clone()?);
        state.faults.clone()
    };
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    if faults.contains(&Fault::Silent) {
        // Until the other side gives up.
        while lines.next().is_some() {}
        return Ok(());
    }
    if faults.contains(&Fault::Babble) {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    if faults.contains(&Fault::Rude) {
        let words = "Access Denied, go away.\n";
        let rude = format!("Content-Type: text/rude-rejection\nContent-Length: {}\n\n{words}", words.len());
        return stream.write_all(format!("{rude}{}", notice(GOODBYE)).as_bytes());
    }
    stream.write_all(b"Content-Type: auth/request\n\n")?;
    let mut is_known = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb {
            "auth" if shared.state().password == rest && !rest.is_empty() => {
                is_known = true;
                stream.write_all(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")?;
            }
            "auth" => {
                let refused = format!("Content-Type: command/reply\nReply-Text: -ERR invalid\n\n{}", notice(GOODBYE));
                stream.write_all(refused.as_bytes())?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            "api" if is_known && !rest.is_empty() => {
                if !answer(&mut stream, shared, rest)? {
                    return stream.shutdown(std::net::Shutdown::Both);
                }
            }
            _ => stream.write_all(b"Content-Type: command/reply\nReply-Text: -ERR command not found\n\n")?,
        }
    }
    Ok(())
}

/// Answers one command; false if the connection ends with it.
fn answer(stream: &mut TcpStream, shared: &Shared, command: &str) -> std::io::Result<bool> {
    let mut state = shared.state();
    state.asked.push(command.to_owned());
    if command.starts_with("reload ") && state.faults.contains(&Fault::HoldsReload) {
        return Ok(false);
    }
    let (is_cut, is_reload) = (command.starts_with("reload "), command == "reload mod_event_socket");
    if is_reload {
        let job = "+OK Job-UUID: 13030fa1-d2e3-4044-a030-68216e4cfdf4\n";
        let reply = format!("Content-Type: api/response\nContent-Length: {}\n\n{job}", job.len());
        stream.write_all(reply.as_bytes())?;
        shared.reload(&mut state, "mod_event_socket");
        if state.faults.contains(&Fault::ReloadIsIdle) || state.faults.contains(&Fault::ReloadFails) {
            return Ok(true);
        }
        stream.write_all(notice("The system is being shut down.\n").as_bytes())?;
        return Ok(false);
    }
    let body = body(shared, &mut state, command);
    if state.is_down || (is_cut && state.faults.remove(&Fault::CutAtReload)) {
        return Ok(false);
    }
    stream.write_all(format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len()).as_bytes())?;
    Ok(true)
}

fn body(shared: &Shared, state: &mut State, command: &str) -> String {
    let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
    let reloading = "+OK Reloading XML\n";
    match (verb, rest) {
        ("version", "short") => "1.11.2-release\n".to_owned(),
        ("module_exists", module) => state.loaded.contains(module).to_string(),
        ("load", module) => format!("{reloading}{}", shared.load(state, module)),
        ("reload", module) => format!("{reloading}{}", shared.reload(state, module)),
        ("unload", module) => state.unload(module),
        ("show", "registrations as json") => state.registrations.clone(),
        ("sofia", "xmlstatus") => {
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<profiles>\n<alias>\n<name>127.0.0.1\
                                   </name>\n</alias>\n<profile>\n<name>internal</name>\n<state>RUNNING (0)</state>\n\
                                   </profile>\n<profile>\n<name>internal</name>\n<state>RUNNING (0) (TLS)</state>\n\
                                   </profile>\n</profiles>\n"
                .to_owned()
        }
        ("show", "channels as json") => {
            let rows: Vec<String> = (0..state.channels)
                .map(|leg| format!("{{\"name\":\"sofia/internal/{leg}@a.example.com\"}}"))
                .collect();
            if rows.is_empty() {
                "{\"row_count\":0}".to_owned()
            } else {
                format!("{{\"row_count\":{},\"rows\":[{}]}}", rows.len(), rows.join(","))
            }
        }
        ("reloadcert", "") if !state.faults.contains(&Fault::NoReloadCert) => {
            if !state.faults.contains(&Fault::ReloadCertIsIdle) {
                state.take_certificate(false);
            }
            "+OK cert reload event sent\n".to_owned()
        }
        ("sofia", "status profile internal") => {
            let url = |key: &str, port: u16, way: &str| {
                format!("{key:<17}\tsips:mod_sofia@198.51.100.9:{port};maddr=127.0.0.1;transport={way}\n")
            };
            let tls = state
                .tls
                .as_ref()
                .map(|own| format!("{}{}", url("TLS-BIND-URL", own.sip, "tls"), url("WSS-BIND-URL", own.wss, "wss")));
            format!(
                "=====\nName             \tinternal\nURL              \tsip:mod_sofia@198.51.100.9:5060\n{}CALLS-IN         \t0\n",
                tls.unwrap_or_default()
            )
        }
        ("sofia", "profile internal restart") => {
            if state.faults.remove(&Fault::TooYoung) {
                return "Profile internal must be up for at least 10 seconds to stop/restart.\nPlease wait 0 seconds\n"
                    .to_owned();
            }
            state.channels = 0;
            state.take_certificate(true);
            "Reload XML [Success]\nrestarting: internal\n".to_owned()
        }
        ("sofia", _) if rest.starts_with("profile internal check_sync ") => "+OK\n".to_owned(),
        ("xml_flush_cache", _) => "+OK cleared 1 entry\n".to_owned(),
        ("memcache", _) if state.loaded.contains("mod_memcache") => "+OK\n".to_owned(),
        _ => format!("-ERR {verb} Command not found!\n"),
    }
}
