//! What may be asked of a CA without eating up its limits. Pure: what was done so far and the present moment in, a yes or a
//! moment to wait for out. The limits are Let's Encrypt's where it is Let's Encrypt; a loop is stopped at every CA.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;

/// A number of events in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many.
    pub most: u32,
    /// Within this time.
    pub within: Duration,
}

const fn limit(most: u32, within: Duration) -> Limit {
    Limit { most, within }
}

const WEEK: Duration = Duration::from_hours(7 * 24);

/// What one CA allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// New orders of one account.
    pub orders: Limit,
    /// New certificates for names below one registered domain.
    pub domain: Limit,
    /// Certificates for exactly the same names, made without a person asking.
    pub same_names: Limit,
    /// The same, when somebody asks or the old one is nearly spent.
    pub same_names_at_most: Limit,
    /// Refused proofs of one name.
    pub refused: Limit,
}

impl Limits {
    /// What the CA at `directory_url` allows (<https://letsencrypt.org/docs/rate-limits/>, 2026-08-05). For the number of
    /// refused proofs we stay below it: five in an hour close the door for the rest of that hour.
    #[must_use]
    pub fn of(directory_url: &str) -> Self {
        let host = directory_url.split('/').nth(2).unwrap_or_default();
        let guard = Self {
            orders: limit(300, Duration::from_hours(3)),
            domain: limit(u32::MAX, WEEK),
            same_names: limit(3, WEEK),
            same_names_at_most: limit(30, WEEK),
            refused: limit(3, Duration::from_hours(1)),
        };
        match host {
            "acme-v02.api.letsencrypt.org" => {
                Self { domain: limit(50, WEEK), same_names_at_most: limit(5, WEEK), ..guard }
            }
            "acme-staging-v02.api.letsencrypt.org" => Self {
                orders: limit(1_500, Duration::from_hours(3)),
                refused: limit(100, Duration::from_hours(1)),
                ..guard
            },
            _ => guard,
        }
    }
}

/// What was done at one CA so far: the moments, in any order, of what concerns one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// New orders of the account that counted against its limits.
    pub orders: Vec<Timestamp>,
    /// Certificates for each registered domain of the order that counted.
    pub domains: Vec<(String, Vec<Timestamp>)>,
    /// Certificates for exactly these names, whether they counted or not.
    pub same_names: Vec<Timestamp>,
    /// Refused proofs for each of the names.
    pub refused: Vec<(String, Vec<Timestamp>)>,
}

/// What the order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// It names the certificate that it replaces, which Let's Encrypt counts against nothing.
    pub is_exempt: bool,
    /// Somebody asked for it, or the old certificate is nearly spent.
    pub is_pressing: bool,
}

/// A pause of our own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdrawn {
    /// Until when.
    pub until: Timestamp,
    /// Which limit, in words.
    pub words: String,
}

/// Whether the order may go out now.
///
/// # Errors
/// The limit that holds it back the longest.
pub fn may_order(limits: &Limits, spent: &Spent, ask: Ask, now: Timestamp) -> Result<(), Overdrawn> {
    let mut held = Vec::new();
    if !ask.is_exempt {
        held.extend(hold(limits.orders, &spent.orders, now, || "new orders of this account".to_owned()));
        for (domain, moments) in &spent.domains {
            held.extend(hold(limits.domain, moments, now, || format!("certificates under {domain}")));
        }
    }
    let same = if ask.is_pressing { limits.same_names_at_most } else { limits.same_names };
    held.extend(hold(same, &spent.same_names, now, || "certificates for exactly these names".to_owned()));
    for (name, moments) in &spent.refused {
        held.extend(hold(limits.refused, moments, now, || format!("refused proofs of {name}")));
    }
    held.into_iter().max_by_key(|overdrawn| overdrawn.until).map_or(Ok(()), Err)
}

/// The end of the pause that `limit` asks for; `None` if there is room.
fn hold(limit: Limit, moments: &[Timestamp], now: Timestamp, what: impl Fn() -> String) -> Option<Overdrawn> {
    // What lies ahead was counted under a clock that was set back since.
    let mut within: Vec<Timestamp> =
        moments.iter().map(|at| (*at).min(now)).filter(|at| at.plus(limit.within) > now).collect();
    let over = within.len().checked_sub(usize::try_from(limit.most).unwrap_or(usize::MAX))?;
    within.sort_unstable();
    let until = within.get(over)?.plus(limit.within);
    let words = format!(
        "{} {} in {} are the most that Rampart asks of this CA; it goes on by itself at {}",
        limit.most,
        what(),
        crate::base::clock::spoken(limit.within),
        until.minutes(),
    );
    Some(Overdrawn { until, words })
}

/// The domain under which a CA counts `name`: the last two labels, or three where the last two look like a registry's own
/// (`co.uk`, `com.au`). The Public Suffix List knows better; this only ever counts too many names together or, for
/// registries of another shape, as many as there are.
#[must_use]
pub fn registered_domain(name: &CertificateName) -> String {
    let labels: Vec<&str> = name.base().as_str().split('.').collect();
    let is_registry = matches!(labels.as_slice(), [.., second, top] if top.len() == 2
        && ["co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "go"].contains(second));
    let from = labels.len().saturating_sub(if is_registry { 3 } else { 2 });
    labels.get(from..).unwrap_or_default().join(".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);
    const AUTOMATIC: Ask = Ask { is_exempt: false, is_pressing: false };

    fn production() -> Limits {
        Limits::of("https://acme-v02.api.letsencrypt.org/directory")
    }

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_loop_is_stopped_after_three_certificates_for_the_same_names_in_a_week() {
        let spent = Spent { same_names: vec![ago(3_000), ago(2_000), ago(1_000)], ..Spent::default() };

        let held = may_order(&production(), &spent, AUTOMATIC, NOW).unwrap_err();

        assert_eq!(held.until, ago(3_000).plus(WEEK));
        assert!(held.words.contains("3 certificates for exactly these names in 7 days"), "{}", held.words);
        assert!(may_order(&production(), &spent, Ask { is_exempt: true, is_pressing: false }, NOW).is_err());
    }

    #[test]
    fn who_asks_for_it_may_go_on_to_the_limit_of_the_ca() {
        let mut spent =
            Spent { same_names: vec![ago(4_000), ago(3_000), ago(2_000), ago(1_000)], ..Spent::default() };
        let pressing = Ask { is_exempt: false, is_pressing: true };

        assert_eq!(may_order(&production(), &spent, pressing, NOW), Ok(()));
        spent.same_names.push(ago(500));
        assert!(may_order(&production(), &spent, pressing, NOW).is_err());
    }

    #[test]
    fn a_renewal_that_names_what_it_replaces_does_not_count_against_orders_and_domains() {
        let spent = Spent {
            orders: vec![ago(60); 300],
            domains: vec![("example.com".to_owned(), vec![ago(60); 50])],
            ..Spent::default()
        };

        let held = may_order(&production(), &spent, AUTOMATIC, NOW).unwrap_err();

        assert!(held.words.contains("certificates under example.com"), "{}", held.words);
        assert_eq!(may_order(&production(), &spent, Ask { is_exempt: true, is_pressing: false }, NOW), Ok(()));
    }

    #[test]
    fn three_refused_proofs_of_a_name_in_an_hour_are_enough() {
        let spent =
            Spent { refused: vec![("a.example".to_owned(), vec![ago(10), ago(20), ago(3_599)])], ..Spent::default() };

        let held = may_order(&production(), &spent, Ask { is_exempt: true, is_pressing: true }, NOW).unwrap_err();

        assert_eq!(held.until.since(NOW), Duration::from_secs(1));
        assert_eq!(may_order(&production(), &spent, AUTOMATIC, NOW.plus(Duration::from_secs(1))), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_for_longer_than_the_span() {
        let spent = Spent { same_names: vec![NOW.plus(Duration::from_hours(90_000)); 3], ..Spent::default() };

        let held = may_order(&production(), &spent, AUTOMATIC, NOW).unwrap_err();

        assert_eq!(held.until, NOW.plus(WEEK));
    }

    #[test]
    fn a_name_is_counted_under_what_was_registered() {
        let under = |text: &str| registered_domain(&CertificateName::parse(text).unwrap());

        assert_eq!(under("*.a.b.example.com"), "example.com");
        assert_eq!(under("example.com"), "example.com");
        assert_eq!(under("pbx.north.co.uk"), "north.co.uk");
    }

    proptest! {
        #[test]
        fn waiting_as_told_always_helps(moments in prop::collection::vec(0_u64..2_000_000, 0..20)) {
            let spent = Spent { same_names: moments.iter().map(|at| ago(*at)).collect(), ..Spent::default() };
            if let Err(held) = may_order(&production(), &spent, AUTOMATIC, NOW) {
                prop_assert!(held.until > NOW);
                prop_assert_eq!(may_order(&production(), &spent, AUTOMATIC, held.until), Ok(()));
            }
        }
    }
}
