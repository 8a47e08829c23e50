//! Random rule sets in a network namespace, and real packets through them. What the engine is sure of must be so.
//!
//! Needs root, `ip`, and one of `iptables-legacy`, `iptables-nft` and `nft`. `RAMPART_FIREWALL_SETS` says how many rule sets
//! of each backend are tried, `RAMPART_FIREWALL_SEED` where to begin.

mod rules;
mod world;

use rampart::firewall::probes::answer;
use rampart::firewall::reach::Verdict;

use rules::{Backend, Dice};
use world::World;

/// How many rule sets of each backend.
fn rounds(few: u64) -> u64 {
    std::env::var("RAMPART_FIREWALL_SETS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// Loads a rule set, asks the engine, sends the packets.
fn compare(world: &World, backend: Backend, seed: u64) -> (usize, usize) {
    let rules = rules::make(backend, &mut Dice::new(seed));
    world.clear();
    world.load(backend, &rules);
    let snapshot = world.snapshot();
    let (firewall, host) = (snapshot.firewall(), snapshot.host());
    assert!(firewall.doubts.is_empty(), "seed {seed}: {:?}", firewall.doubts);
    let probes = World::probes();
    let answers = answer(&firewall, &host, &probes);
    let mut unsure = 0;
    let mut wrong = Vec::new();
    let mut heard = world.send(&probes, 250);
    for (place, (probe, answer)) in probes.iter().zip(&answers).enumerate() {
        // A busy machine is slow, and no answer in time is not yet a drop.
        if answer.verdict == Verdict::Reachable && !heard[place] {
            heard[place] = world.send(std::slice::from_ref(probe), 3000)[0];
        }
        match (answer.verdict, heard[place]) {
            (Verdict::Depends, _) => unsure += 1,
            (Verdict::Reachable, true) | (Verdict::Unreachable, false) => {}
            (verdict, answered) => wrong.push(format!(
                "{probe:?}: {verdict:?} ({}), and it {}",
                answer.reason,
                if answered { "answered" } else { "did not" }
            )),
        }
    }
    assert!(wrong.is_empty(), "seed {seed}, {backend:?}:\n{rules}\n{}", wrong.join("\n"));
    (probes.len(), unsure)
}

fn campaign(backend: Backend, few: u64) {
    let Some(world) = World::new(backend) else { return };
    let first = std::env::var("RAMPART_FIREWALL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (mut asked, mut unsure) = (0, 0);
    for seed in first..first + rounds(few) {
        let (probes, depends) = compare(&world, backend, seed);
        (asked, unsure) = (asked + probes, unsure + depends);
    }
    // Rules of these kinds leave nothing open but what a sender's choice of port decides.
    assert!(unsure * 20 <= asked, "{unsure} of {asked} depend");
}

#[test]
fn packets_through_random_rules_of_iptables_legacy_fare_as_was_said() {
    campaign(Backend::Legacy, 6);
}

#[test]
fn packets_through_random_rules_of_iptables_over_nftables_fare_as_was_said() {
    campaign(Backend::IptablesNft, 6);
}

#[test]
fn packets_through_random_rules_of_nftables_fare_as_was_said() {
    campaign(Backend::Nft, 6);
}

#[test]
#[ignore = "takes long"]
fn packets_through_many_random_rules_of_every_backend_fare_as_was_said() {
    for backend in [Backend::Legacy, Backend::IptablesNft, Backend::Nft] {
        campaign(backend, 150);
    }
}
