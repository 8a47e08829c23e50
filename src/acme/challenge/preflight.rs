//! What a CA would stumble over, seen before it is asked: signatures that do not hold (DNSSEC), and CAs that the name's
//! owner does not allow (CAA). A failed order counts against the CA's limits; this one costs nothing.

use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tracing::warn;

use crate::acme::challenge::DnsError;
use crate::acme::challenge::authority::Authority;
use crate::acme::challenge::caa::{self, Asker, Property};
use crate::acme::challenge::lookup::{self, Asking, LookupError};
use crate::base::chain::Chain;
use crate::base::names::CertificateName;

/// Whether the CA would issue for `name`, proved by `method`, as far as DNS has a say. What cannot be found out is left to
/// the CA.
///
/// # Errors
/// DNS forbids it, or is broken so that no CA believes it.
pub async fn look(
    authority: &Authority,
    name: &CertificateName,
    asker: &Asker,
    method: &str,
) -> Result<(), DnsError> {
    let Ok(mut at) = lookup::parse(name.base().as_str()) else { return Ok(()) };
    while at.num_labels() > 0 {
        match properties(authority, &at).await {
            Ok(set) if set.is_empty() => at = at.base_name(),
            Ok(set) if asker.identities.is_empty() => {
                warn!("{name} has {} CAA properties, and the CA does not say by which name it goes", set.len());
                return Ok(());
            }
            Ok(set) => {
                let holder = at.to_ascii().trim_end_matches('.').to_owned();
                return caa::judge(&set, name, asker, method).map_err(|words| DnsError::Caa {
                    name: name.to_string(),
                    holder,
                    words,
                });
            }
            Err(error) => return broken(authority, &at, name, &error).await,
        }
    }
    Ok(())
}

/// Why the resolver has no answer: it judged a signature, or it could not ask.
async fn broken(
    authority: &Authority,
    at: &Name,
    name: &CertificateName,
    error: &LookupError,
) -> Result<(), DnsError> {
    let is_judged = matches!(error, LookupError::Refused(_))
        && authority.resolve(at, RecordType::CAA, Asking::Unchecked).await.is_ok();
    if is_judged {
        let at = at.to_ascii().trim_end_matches('.').to_owned();
        return Err(DnsError::Signatures { name: name.to_string(), at });
    }
    warn!("The CAA records of {name} could not be looked up: {}", Chain(error));
    Ok(())
}

async fn properties(authority: &Authority, at: &Name) -> Result<Vec<Property>, LookupError> {
    let answer = authority.resolve(at, RecordType::CAA, Asking::Resolver).await?;
    let properties = answer.answers.iter().filter_map(|record| match &record.data {
        RData::CAA(caa) => Some(Property {
            is_critical: caa.issuer_critical,
            tag: caa.tag.clone(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        }),
        _ => None,
    });
    Ok(properties.collect())
}
