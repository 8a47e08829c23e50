//! Sets of packets: one row for each class of clients, one bit in it for each pair of a port and a client port.
//! Large rule sets speak of many senders and few ports, so that most rules touch few rows.

use std::sync::Arc;

/// Which rows and which bits a condition holds for.
#[derive(Clone, Debug, Default)]
pub(super) struct Area {
    /// Classes of clients in order. None: all.
    pub(super) clients: Option<Arc<Vec<usize>>>,
    /// The words of a row that are not empty, in order. None: all.
    pub(super) cells: Option<Arc<Vec<(usize, u64)>>>,
}

/// A set of packets. A row without a bit is not kept; equal rows may share their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    rows: Vec<Option<Arc<[u64]>>>,
}

impl Region {
    /// Nothing.
    pub(super) fn empty(clients: usize) -> Self {
        Self { rows: vec![None; clients] }
    }

    /// Everything.
    pub(super) fn full(clients: usize, cells: usize) -> Self {
        let mut row = vec![u64::MAX; cells.div_ceil(64)];
        if let (Some(last), false) = (row.last_mut(), cells.is_multiple_of(64)) {
            *last = (1 << (cells % 64)) - 1;
        }
        Self { rows: vec![(cells > 0).then(|| row.into()); clients] }
    }

    /// Nothing, of the same size.
    pub(super) fn emptied(&self) -> Self {
        Self::empty(self.rows.len())
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.iter().all(Option::is_none)
    }

    /// Whether one packet is in it.
    pub(super) fn has(&self, client: usize, cell: usize) -> bool {
        let row = self.rows.get(client).and_then(Option::as_ref);
        row.is_some_and(|row| row.get(cell / 64).is_some_and(|word| word >> (cell % 64) & 1 == 1))
    }

    /// Takes the packets of `area` out and puts them into `into`. Says whether there were any.
    pub(super) fn pour(&mut self, area: &Area, into: &mut Self) -> bool {
        let (mut any, mut last) = (false, None::<Last>);
        for_rows(area, self.rows.len(), |at| {
            let Some(row) = &self.rows[at] else { return };
            let Some(cells) = &area.cells else {
                any = true;
                return merge(&mut into.rows[at], self.rows[at].take());
            };
            if !cells.iter().any(|(word, bits)| row[*word] & bits != 0) {
                return;
            }
            any = true;
            // Rows that share their memory have met the same rules so far, and come out of this one alike too.
            let shared = (Arc::strong_count(row) > 1).then(|| Arc::as_ptr(row).addr()).map(|row| {
                let into = into.rows[at].as_ref().map_or(0, |row| Arc::as_ptr(row).addr());
                (row, into)
            });
            if let Some(last) = last.as_ref().filter(|last| shared.as_ref() == Some(&last.met)) {
                self.rows[at].clone_from(&last.kept);
                into.rows[at].clone_from(&last.taken);
                return;
            }
            move_bits(&mut self.rows[at], &mut into.rows[at], cells);
            if let Some(met) = shared {
                last = Some(Last { met, kept: self.rows[at].clone(), taken: into.rows[at].clone() });
            }
        });
        any
    }

    /// The packets of `area`, left where they are.
    pub(super) fn copied(&self, area: &Area) -> Self {
        let mut copy = self.emptied();
        for_rows(area, self.rows.len(), |at| {
            let Some(row) = &self.rows[at] else { return };
            let Some(cells) = &area.cells else {
                copy.rows[at] = Some(row.clone());
                return;
            };
            let mut cut = vec![0; row.len()];
            for (word, bits) in cells.iter() {
                cut[*word] = row[*word] & bits;
            }
            copy.rows[at] = cut.iter().any(|word| *word != 0).then(|| cut.into());
        });
        copy
    }

    /// Adds all of `other`.
    pub(super) fn add(&mut self, other: Self) {
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            merge(mine, theirs);
        }
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine & theirs)
    }

    /// What is here and not there.
    pub(super) fn minus(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine & !theirs)
    }

    fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        let rows = self.rows.iter().zip(&other.rows).map(|(mine, theirs)| {
            let mine = mine.as_ref()?;
            let Some(theirs) = theirs else { return (with(1, 0) == 1).then(|| mine.clone()) };
            let row: Vec<u64> = mine.iter().zip(theirs.iter()).map(|(mine, theirs)| with(*mine, *theirs)).collect();
            row.iter().any(|word| *word != 0).then(|| row.into())
        });
        Self { rows: rows.collect() }
    }
}

/// What came of the row before: where it and its target lay, and what both are now.
struct Last {
    met: (usize, usize),
    kept: Option<Arc<[u64]>>,
    taken: Option<Arc<[u64]>>,
}

fn move_bits(from: &mut Option<Arc<[u64]>>, into: &mut Option<Arc<[u64]>>, cells: &[(usize, u64)]) {
    let Some(row) = from else { return };
    let mine = Arc::make_mut(row);
    let theirs = Arc::make_mut(into.get_or_insert_with(|| vec![0; mine.len()].into()));
    for (word, bits) in cells {
        theirs[*word] |= mine[*word] & bits;
        mine[*word] &= !bits;
    }
    if cells.iter().all(|(word, _)| mine[*word] == 0) && mine.iter().all(|word| *word == 0) {
        *from = None;
    }
}

fn for_rows(area: &Area, rows: usize, mut each: impl FnMut(usize)) {
    match &area.clients {
        Some(listed) => listed.iter().for_each(|at| each(*at)),
        None => (0..rows).for_each(each),
    }
}

fn merge(mine: &mut Option<Arc<[u64]>>, theirs: Option<Arc<[u64]>>) {
    let Some(theirs) = theirs else { return };
    match mine {
        Some(mine) if Arc::ptr_eq(mine, &theirs) => {}
        Some(mine) => Arc::make_mut(mine).iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine |= theirs),
        None => *mine = Some(theirs),
    }
}

impl Area {
    /// Whether no packet can be in it.
    pub(super) fn is_nothing(&self) -> bool {
        self.clients.as_ref().is_some_and(|clients| clients.is_empty())
            || self.cells.as_ref().is_some_and(|cells| cells.is_empty())
    }

    /// Both at once.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            clients: both(self.clients, other.clients, |mine, theirs| rows(mine, theirs)),
            cells: both(self.cells, other.cells, |mine, theirs| words(mine, theirs)),
        }
    }
}

fn both<T>(mine: Option<Arc<T>>, theirs: Option<Arc<T>>, with: impl FnOnce(&T, &T) -> T) -> Option<Arc<T>> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(Arc::new(with(&mine, &theirs))),
        (one, None) | (None, one) => one,
    }
}

fn rows(mine: &[usize], theirs: &[usize]) -> Vec<usize> {
    mine.iter().copied().filter(|row| theirs.binary_search(row).is_ok()).collect()
}

fn words(mine: &[(usize, u64)], theirs: &[(usize, u64)]) -> Vec<(usize, u64)> {
    let cut = mine.iter().filter_map(|(word, bits)| {
        let at = theirs.binary_search_by_key(word, |(word, _)| *word).ok()?;
        Some((*word, bits & theirs[at].1))
    });
    cut.filter(|(_, bits)| *bits != 0).collect()
}
