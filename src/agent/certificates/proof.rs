//! The proof that a certificate is in force: a handshake with each listener for each name returned it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::chain::Chain;
use crate::base::names::{CertificateName, Fqdn};
use crate::tls::probe::{self, Served};
use crate::wire::answer::Proof;

/// How long nginx may take until it serves what it was told to: it starts new workers first.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long one handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How long a reload is given to settle between the first proof and the last.
const SETTLING: Duration = Duration::from_millis(150);

/// How many handshakes must show the new leaf one after the other before it counts as served.
const IN_A_ROW: u32 = 3;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until every listener serves the leaf `der` for every name.
///
/// # Errors
/// Says which listener still served what, or did not answer, when the time was up.
pub(in crate::agent) async fn prove(
    listeners: &[SocketAddr],
    names: &[CertificateName],
    der: &[u8],
) -> Result<Vec<Proof>, String> {
    let end = Instant::now() + DEADLINE;
    prove_each(listeners, names, der, (1, end)).await?;
    // For a moment after a reload nginx's old workers still take connections beside the new ones.
    tokio::time::sleep(SETTLING).await;
    prove_each(listeners, names, der, (IN_A_ROW, end)).await
}

async fn prove_each(
    listeners: &[SocketAddr],
    names: &[CertificateName],
    der: &[u8],
    (in_a_row, end): (u32, Instant),
) -> Result<Vec<Proof>, String> {
    let mut proofs = Vec::new();
    for listener in listeners {
        for name in names {
            proofs.push(prove_one(*listener, &asked_for(name)?, der, (in_a_row, end)).await?);
        }
    }
    Ok(proofs)
}

/// Whether some listener still serves the leaf `der` for some name, after the pause that a reload needs.
pub(super) async fn still_served(listeners: &[SocketAddr], names: &[CertificateName], der: &[u8]) -> bool {
    let end = Instant::now() + DEADLINE / 2;
    loop {
        let mut seen = false;
        for listener in listeners {
            for name in names {
                let Ok(name) = asked_for(name) else { continue };
                let served = probe::handshake(*listener, &name, HANDSHAKE).await;
                seen |= served.is_ok_and(|served| is_leaf(&served, der));
            }
        }
        if !seen || Instant::now() >= end {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn prove_one(
    listener: SocketAddr,
    name: &Fqdn,
    der: &[u8],
    (in_a_row, end): (u32, Instant),
) -> Result<Proof, String> {
    let mut good = 0;
    loop {
        let outcome = probe::handshake(listener, name, HANDSHAKE).await;
        let seen = match outcome {
            Ok(served) if is_leaf(&served, der) => {
                good += 1;
                if good < in_a_row {
                    continue;
                }
                let serial = served.leaf.serial;
                return Ok(Proof { listener: listener.to_string(), name: name.to_string(), serial });
            }
            Ok(served) => format!("{listener} still served serial {} for {name}", served.leaf.serial),
            Err(error) => Chain(&error).to_string(),
        };
        good = 0;
        if Instant::now() >= end {
            return Err(format!("no proof within {} s: {seen}", DEADLINE.as_secs()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_leaf(served: &Served, der: &[u8]) -> bool {
    served.chain.first().is_some_and(|first| first == der)
}

/// What a client asks for to get this certificate: the name itself, or one that its wildcard covers.
fn asked_for(name: &CertificateName) -> Result<Fqdn, String> {
    if !name.is_wildcard() {
        return Ok(name.base().clone());
    }
    Fqdn::parse(&format!("rampart-proof.{}", name.base())).map_err(|_| format!("{name} is too long to be proved"))
}
