//! Generations on disk: `certificates/<certificate>/<generation>/` holds `privkey.pem`, `request.der` and, once the CA
//! has answered, `fullchain.pem`; `proved.json` says that it was in force. Which one is in force now stands in one place
//! only: nginx's own include, `<include>/certificate-<certificate>.conf`.

use std::path::PathBuf;

use crate::agent::certificates::in_force;
use crate::agent::keys::{self, Made, Wish};
use crate::agent::nginx::sibling;
use crate::agent::place::{Place, PlaceError};
use crate::base::encoding::base64;
use crate::base::ids::CertificateId;
use crate::base::secret::Secret;
use crate::tls::leaf;
use crate::wire::answer::{KeptCertificate, KeptGeneration};
use crate::wire::grant::Consumer;
use crate::wire::request::Generation;

/// The directory of all certificates, inside the place.
const ROOT: &str = "certificates";

/// How many of the newest generations are kept, besides the one in force and the one before it.
const KEPT: usize = 5;

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum StoreError {
    /// The disk refused.
    #[error("the agent's place cannot be used")]
    Place(#[from] PlaceError),
    /// An id that no certificate has.
    #[error("{0} is no certificate's number")]
    NoSuchId(CertificateId),
    /// No key was made for this generation.
    #[error("no key was made for generation {} of certificate {certificate}", generation.0)]
    NoKey {
        /// Which certificate.
        certificate: CertificateId,
        /// Which generation.
        generation: Generation,
    },
    /// A file of ours was changed by somebody else.
    #[error("{path} does not hold what the agent wrote there")]
    Spoiled {
        /// The file.
        path: PathBuf,
    },
}

/// The generations inside a place.
#[derive(Clone, Copy)]
pub(in crate::agent) struct Store<'a> {
    place: &'a Place,
    include: &'a str,
}

impl<'a> Store<'a> {
    /// The store inside `place`, whose nginx includes lie in the directory `include` of it.
    pub(in crate::agent) const fn new(place: &'a Place, include: &'a str) -> Self {
        Self { place, include }
    }

    /// Keeps a new key and its request under the next generation, and lets old ones go.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn begin(self, certificate: CertificateId, made: &Made) -> Result<Generation, StoreError> {
        let last = self.generations(certificate)?.last().map_or(0, |last| last.0);
        let generation = Generation(last.saturating_add(1));
        self.place.create_directory(&spot(certificate, generation, "")?)?;
        self.place.write(&spot(certificate, generation, "privkey.pem")?, made.key_pem.expose().as_bytes())?;
        self.place.write(&spot(certificate, generation, "request.der")?, &made.request_der)?;
        self.prune(certificate)?;
        Ok(generation)
    }

    /// What was asked of the CA for this generation.
    ///
    /// # Errors
    /// There is no such generation, or the disk refused.
    pub(in crate::agent) fn wish(
        self,
        certificate: CertificateId,
        generation: Generation,
    ) -> Result<Wish, StoreError> {
        let request = spot(certificate, generation, "request.der")?;
        let der = self.place.read(&request)?.ok_or(StoreError::NoKey { certificate, generation })?;
        keys::read_request(&der).ok_or_else(|| StoreError::Spoiled { path: self.place.absolute(&request) })
    }

    /// Keeps the chain (DER, leaf first) that the CA gave for this generation.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn complete(
        self,
        certificate: CertificateId,
        generation: Generation,
        chain: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let text: String = chain.iter().map(|der| pem(der)).collect();
        Ok(self.place.write(&spot(certificate, generation, "fullchain.pem")?, text.as_bytes())?)
    }

    /// The chain kept for this generation, DER, leaf first; `None` if there is none.
    ///
    /// # Errors
    /// The disk refused, or what lies there is no chain.
    pub(in crate::agent) fn chain(
        self,
        certificate: CertificateId,
        generation: Generation,
    ) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let file = spot(certificate, generation, "fullchain.pem")?;
        let Some(bytes) = self.place.read(&file)? else {
            return Ok(None);
        };
        let chain = leaf::chain_from_pem(&String::from_utf8_lossy(&bytes));
        chain.map(Some).map_err(|_| StoreError::Spoiled { path: self.place.absolute(&file) })
    }

    /// Key and chain in one text, PEM, as FreeSWITCH and others read them.
    ///
    /// # Errors
    /// There is no such key, or the disk refused.
    pub(in crate::agent) fn bundle(
        self,
        certificate: CertificateId,
        generation: Generation,
        chain: &[Vec<u8>],
    ) -> Result<Secret<Vec<u8>>, StoreError> {
        let key = self.place.read(&spot(certificate, generation, "privkey.pem")?)?;
        let key = Secret::new(key.ok_or(StoreError::NoKey { certificate, generation })?);
        let chain: String = chain.iter().map(|der| pem(der)).collect();
        let parts =
            [key.expose().as_slice(), if key.expose().ends_with(b"\n") { b"" } else { b"\n" }, chain.as_bytes()];
        Ok(Secret::new(parts.concat()))
    }

    /// Marks a generation as proved.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn mark_proved(
        self,
        certificate: CertificateId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        Ok(self.place.write(&spot(certificate, generation, "proved.json")?, b"{}\n")?)
    }

    /// Where the chain and the key of a generation lie on the host.
    ///
    /// # Errors
    /// The id is no certificate's.
    pub(in crate::agent) fn paths(
        self,
        certificate: CertificateId,
        generation: Generation,
    ) -> Result<(PathBuf, PathBuf), StoreError> {
        let path = |name| spot(certificate, generation, name).map(|spot| self.place.absolute(&spot));
        Ok((path("fullchain.pem")?, path("privkey.pem")?))
    }

    /// nginx's include of a certificate, inside the place.
    ///
    /// # Errors
    /// The id is no certificate's.
    pub(in crate::agent) fn include(self, certificate: CertificateId) -> Result<String, StoreError> {
        Ok(format!("{}/certificate-{}.conf", self.include, number(certificate)?))
    }

    /// The includes of all certificates, with their text.
    ///
    /// # Errors
    /// The disk refused.
    pub(in crate::agent) fn includes(self) -> Result<Vec<(CertificateId, String)>, StoreError> {
        let mut includes = Vec::new();
        for name in self.place.list(self.include)? {
            let id = name.strip_prefix("certificate-").and_then(|rest| rest.strip_suffix(".conf")?.parse().ok());
            if let (Some(id), Some(bytes)) = (id, self.place.read(&format!("{}/{name}", self.include))?) {
                includes.push((CertificateId(id), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(includes)
    }

    /// The generation that nginx is told to serve; `None` if none is.
    ///
    /// # Errors
    /// The disk refused, or the include is not what the agent wrote.
    pub(in crate::agent) fn current(self, certificate: CertificateId) -> Result<Option<Generation>, StoreError> {
        let include = self.include(certificate)?;
        let Some(bytes) = self.place.read(&include)? else {
            return Ok(None);
        };
        let spoiled = || StoreError::Spoiled { path: self.place.absolute(&include) };
        let text = String::from_utf8(bytes).map_err(|_| spoiled())?;
        let path = sibling::certificate_path(&text).ok().flatten().ok_or_else(spoiled)?;
        for generation in self.generations(certificate)? {
            if self.paths(certificate, generation)?.0.to_str() == Some(&path) {
                return Ok(Some(generation));
            }
        }
        Err(spoiled())
    }

    /// Everything that is kept.
    ///
    /// # Errors
    /// The disk refused, or something there is not what the agent wrote.
    pub(in crate::agent) fn kept(self) -> Result<Vec<KeptCertificate>, StoreError> {
        let names = self.place.list(ROOT)?;
        let mut ids: Vec<CertificateId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort();
        ids.into_iter().map(|certificate| self.kept_of(certificate)).collect()
    }

    fn kept_of(self, certificate: CertificateId) -> Result<KeptCertificate, StoreError> {
        let mut generations = Vec::new();
        for generation in self.generations(certificate)? {
            let Some(chain) = self.chain(certificate, generation)? else {
                continue;
            };
            let path = || self.place.absolute(&format!("{ROOT}/{certificate}/{}/fullchain.pem", generation.0));
            let leaf = chain.first().and_then(|der| leaf::read(der).ok());
            let leaf = leaf.ok_or_else(|| StoreError::Spoiled { path: path() })?;
            generations.push(KeptGeneration { generation, leaf });
        }
        let of_switch = in_force::read(self.place, Consumer::FreeSwitch)?
            .filter(|record| record.certificate == certificate)
            .map(|record| (record.generation, Consumer::FreeSwitch));
        let given = self.current(certificate)?.map(|current| (current, Consumer::Nginx)).or(of_switch);
        let (current, consumer) = given.unzip();
        Ok(KeptCertificate { certificate, current, consumer, generations })
    }

    /// All generations, whole or not, oldest first.
    fn generations(self, certificate: CertificateId) -> Result<Vec<Generation>, StoreError> {
        let names = self.place.list(&format!("{ROOT}/{}", number(certificate)?))?;
        let mut generations: Vec<Generation> =
            names.iter().filter_map(|name| name.parse().ok()).map(Generation).collect();
        generations.sort();
        Ok(generations)
    }

    /// Lets old generations go: never the one in force, never the one proved before it, never the newest five.
    ///
    /// # Errors
    /// The disk refused, or the include is not what the agent wrote.
    pub(in crate::agent) fn prune(self, certificate: CertificateId) -> Result<(), StoreError> {
        let generations = self.generations(certificate)?;
        let current = self.current(certificate)?;
        let mut former = None;
        for generation in generations.iter().copied().filter(|generation| Some(*generation) != current) {
            if self.place.read(&spot(certificate, generation, "proved.json")?)?.is_some() {
                former = Some(generation);
            }
        }
        let old = generations.len().saturating_sub(KEPT);
        for generation in generations.into_iter().take(old) {
            let is_held = in_force::is_held(self.place, (certificate, generation))?;
            if Some(generation) != current && Some(generation) != former && !is_held {
                self.place.remove_directory(&format!("{ROOT}/{certificate}/{}", generation.0))?;
            }
        }
        Ok(())
    }
}

/// Only numbers from 1 up become part of a path.
fn number(certificate: CertificateId) -> Result<i64, StoreError> {
    if certificate.0 > 0 { Ok(certificate.0) } else { Err(StoreError::NoSuchId(certificate)) }
}

fn spot(certificate: CertificateId, generation: Generation, name: &str) -> Result<String, StoreError> {
    let directory = format!("{ROOT}/{}/{}", number(certificate)?, generation.0);
    Ok(if name.is_empty() { directory } else { format!("{directory}/{name}") })
}

/// RFC 7468: 64 letters a line.
fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (place, letter) in base64(der).chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::place::tests::Scratch;
    use crate::base::names::CertificateName;
    use crate::wire::request::KeyKind;

    const ID: CertificateId = CertificateId(7);

    fn made() -> Made {
        keys::make(&[CertificateName::parse("a.example.com").unwrap()], KeyKind::EcdsaP256).unwrap()
    }

    #[test]
    fn a_chain_reads_back_as_it_was_kept() {
        let scratch = Scratch::new("store");
        let place = scratch.place();
        let store = Store::new(&place, "nginx");
        let chain = vec![
            rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap().cert.der().to_vec(),
            rcgen::generate_simple_self_signed(["b.example.com".to_owned()]).unwrap().cert.der().to_vec(),
        ];

        let generation = store.begin(ID, &made()).unwrap();
        store.complete(ID, generation, &chain).unwrap();

        assert_eq!(store.chain(ID, generation).unwrap(), Some(chain));
        assert_eq!(store.kept().unwrap()[0].generations[0].generation, Generation(1));
        assert_eq!(store.current(ID).unwrap(), None);
    }

    #[test]
    fn numbers_are_never_used_twice_and_the_one_in_force_and_its_former_stay() {
        let scratch = Scratch::new("store");
        let place = scratch.place();
        let store = Store::new(&place, "nginx");
        place.create_directory("nginx").unwrap();
        for _ in 0..2 {
            let generation = store.begin(ID, &made()).unwrap();
            store.mark_proved(ID, generation).unwrap();
        }
        let (chain, _) = store.paths(ID, Generation(2)).unwrap();
        let text = format!("server {{ ssl_certificate {}; }}", chain.display());
        place.write(&store.include(ID).unwrap(), text.as_bytes()).unwrap();

        for _ in 0..8 {
            store.begin(ID, &made()).unwrap();
        }

        let numbers: Vec<u32> = store.generations(ID).unwrap().into_iter().map(|generation| generation.0).collect();
        assert_eq!(numbers, [1, 2, 6, 7, 8, 9, 10]);
        assert_eq!(store.current(ID).unwrap(), Some(Generation(2)));
    }

    #[test]
    fn an_include_that_somebody_else_wrote_is_not_believed() {
        let scratch = Scratch::new("store");
        let place = scratch.place();
        let store = Store::new(&place, "nginx");
        place.create_directory("nginx").unwrap();

        place.write(&store.include(ID).unwrap(), b"server { ssl_certificate /etc/ssl/x.pem; }").unwrap();

        assert!(matches!(store.current(ID), Err(StoreError::Spoiled { .. })));
    }

    #[test]
    fn only_numbers_from_one_up_become_paths() {
        let scratch = Scratch::new("store");
        let place = scratch.place();
        let store = Store::new(&place, "nginx");

        assert!(matches!(store.begin(CertificateId(-1), &made()), Err(StoreError::NoSuchId(_))));
        assert!(matches!(store.wish(CertificateId(0), Generation(1)), Err(StoreError::NoSuchId(_))));
        assert!(matches!(store.wish(ID, Generation(1)), Err(StoreError::NoKey { .. })));
    }
}
