//! Every certificate of this host, found and not configured. `places` knows where servers and tools keep them, `files` reads
//! one, `listeners` shakes hands with whoever listens. Nothing is changed, and no key leaves.

mod files;
mod listeners;
mod places;
pub(super) mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::agent::config::AgentConfig;
use crate::agent::inventory::files::Pair;
use crate::agent::nginx::control;
use crate::agent::place::Place;
use crate::wire::inventory::{Inventory, MOST_FILES};

/// Looks at everything.
pub(super) async fn read(config: &AgentConfig, place: &Place) -> Inventory {
    let (listeners, plain) = listeners::read().await;
    let nginx = match &config.nginx {
        Some(nginx) => Some(control::dump(nginx).await),
        None => None,
    };
    let mut pairs: BTreeMap<PathBuf, Pair> = BTreeMap::new();
    let mut add = |found: Vec<Pair>| {
        for pair in found {
            match pairs.get_mut(&pair.chain) {
                Some(known) => known.add(pair),
                None => drop(pairs.insert(pair.chain.clone(), pair)),
            }
        }
    };
    if let (Some(Ok(dump)), Some(nginx)) = (&nginx, &config.nginx) {
        add(places::of_nginx(dump, &nginx.config));
    }
    add(places::of_rampart(place));
    add(places::of_freeswitch(&config.freeswitch.conf));
    add(places::of_others(&config.inventory.root));
    let tools = tools::find(&config.inventory.root);
    add(tools.iter().flat_map(|(found, pairs)| pairs.iter().map(|pair| pair.used_by(found.tool.word()))).collect());
    let cut = pairs.len() > MOST_FILES;
    Inventory {
        files: pairs.into_values().take(MOST_FILES).map(|pair| files::read(&pair)).collect(),
        listeners,
        plain,
        tools: tools.into_iter().map(|(found, _)| found).collect(),
        nginx_protocols: nginx.map(|dump| dump.map(|dump| places::protocols(&dump))),
        cut,
    }
}
