//! The journal: lines of JSON in the agent's own place, where the console cannot write. Each is chained to the one before
//! it, also where the file was set aside and where the agent was started anew.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{error, warn};

use crate::agent::place::{Place, PlaceError};
use crate::base::chain::{Chain, printable};
use crate::base::clock::Clock;
use crate::base::hash_chain::Tip;
use crate::base::ids::TrailId;
use crate::wire::journal::{JournalLine, JournalPage, JournalRecord, Stage};

/// Its name in the place.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// The older journal beside it.
const ASIDE: &str = "journal.jsonl.1";

/// When it is set aside and begun anew: 8 MiB. One older journal is kept.
const LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// At most so much text goes into one answer: with its quotes escaped it still fits a frame.
const PAGE_BYTES: usize = 400 * 1024;

/// What happened. Values are names, numbers and the agent's own words: never a key, a chain, a code or a setting's value.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Who asked; `None` for the agent itself.
    pub(super) uid: Option<u32>,
    /// With which process, if the kernel says.
    pub(super) pid: Option<i32>,
    /// What was asked.
    pub(super) verb: String,
    /// What it was about, if anything.
    pub(super) about: Option<String>,
    /// The entry of the console's trail that it belongs to.
    pub(super) on_behalf_of: Option<TrailId>,
    /// The line that was written before the act.
    pub(super) of: Option<i64>,
    /// The end of the console's trail, if that is what it told.
    pub(super) trail: Option<Tip>,
    /// `done`, or how it failed.
    pub(super) outcome: String,
    /// Why it failed.
    pub(super) reason: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Entry {
    fn record(&self, time: String) -> JournalRecord {
        JournalRecord {
            time,
            uid: self.uid,
            pid: self.pid,
            stage: self.of.map(|_| Stage::Close),
            of: self.of,
            entry: self.on_behalf_of.map(|entry| entry.0),
            verb: self.verb.clone(),
            about: self.about.clone(),
            outcome: Some(self.outcome.clone()),
            reason: self.reason.as_deref().map(|reason| printable(&reason.chars().take(1000).collect::<String>())),
            trail: self.trail,
            ms: Some(u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// Writes the journal.
pub(super) struct Journal {
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
    end: Mutex<End>,
    /// The last line that is on the disk for certain. Whoever holds it flushes for all who wait.
    flushed: tokio::sync::Mutex<i64>,
}

/// Where the journal ends.
struct End {
    tip: Tip,
    /// How many bytes of the file are whole lines.
    length: u64,
    /// Whether something may lie behind them.
    is_torn: bool,
}

impl Journal {
    /// The journal of `place`, gone on with where it ended. A line that was torn by a kill is taken out, and a new line
    /// keeps what was left of it; an act that was under way is closed as abandoned.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn open(place: Arc<Place>, clock: Arc<dyn Clock>) -> Result<Self, PlaceError> {
        let aside = whole(&place, ASIDE)?;
        let now = whole(&place, JOURNAL)?;
        let good = now.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let torn = now.get(good..).unwrap_or_default();
        let (mut tip, mut open) = (Tip::BEGINNING, BTreeMap::new());
        for line in lines(&aside).chain(lines(now.get(..good).unwrap_or_default())) {
            let Some(line) = JournalLine::parse(&line) else { continue };
            tip = line.tip();
            match line.record.stage {
                Some(Stage::Open) => drop(open.insert(line.link.number, line.record)),
                Some(Stage::Close) => drop(line.record.of.and_then(|of| open.remove(&of))),
                None => {}
            }
        }
        let end = End { tip, length: good as u64, is_torn: !torn.is_empty() };
        let journal = Self { place, clock, end: Mutex::new(end), flushed: tokio::sync::Mutex::new(tip.number) };
        if !torn.is_empty() {
            warn!("The journal's last line was torn: {} bytes", torn.len());
            journal.write(&Entry {
                verb: "heal".to_owned(),
                about: Some(format!("the journal: {} bytes of a line that was not finished", torn.len())),
                outcome: "torn".to_owned(),
                reason: Some(String::from_utf8_lossy(torn).into_owned()),
                ..Entry::default()
            });
        }
        for (number, record) in open {
            journal.write(&Entry {
                verb: record.verb,
                about: record.about,
                on_behalf_of: record.entry.map(TrailId),
                of: Some(number),
                outcome: "abandoned".to_owned(),
                reason: Some("the agent stopped before the end".to_owned()),
                ..Entry::default()
            });
        }
        Ok(journal)
    }

    /// Writes one line and has it on the disk. A line that cannot be written goes to the log as an error.
    pub(super) fn write(&self, entry: &Entry) -> Option<Tip> {
        let record = entry.record(self.clock.now().rfc3339());
        let written = self.add(record.clone()).and_then(|tip| self.place.sync(JOURNAL).map(|()| tip));
        or_log(&record, written)
    }

    /// The same, with one flush for all who write at that moment.
    pub(super) async fn write_with_others(&self, entry: &Entry) -> Option<Tip> {
        let record = entry.record(self.clock.now().rfc3339());
        let written = match self.add(record.clone()) {
            Ok(tip) => self.flush(tip.number).await.map(|()| tip),
            Err(error) => Err(error),
        };
        or_log(&record, written)
    }

    /// Writes the line that stands before an act, and has it on the disk. Answers its number.
    ///
    /// # Errors
    /// The disk refused: then the act must not be tried.
    pub(super) async fn write_before(&self, entry: &Entry) -> Result<i64, PlaceError> {
        let record = entry.record(self.clock.now().rfc3339());
        let record = JournalRecord { stage: Some(Stage::Open), outcome: None, reason: None, ms: None, ..record };
        let number = self.add(record)?.number;
        self.flush(number).await?;
        Ok(number)
    }

    /// Has everything up to line `number` on the disk. Whoever comes first flushes what all have written until then.
    async fn flush(&self, number: i64) -> Result<(), PlaceError> {
        let mut flushed = self.flushed.lock().await;
        if *flushed >= number {
            return Ok(());
        }
        let end = self.end().tip.number;
        let place = Arc::clone(&self.place);
        let synced = tokio::task::spawn_blocking(move || place.sync(JOURNAL)).await;
        synced.map_err(|error| self.place.failed(JOURNAL, "flushed", std::io::Error::other(error)))??;
        *flushed = end;
        Ok(())
    }

    /// At most `limit` lines after line `after`, as many as fit an answer, and where the journal ends.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn read(&self, after: i64, limit: u32) -> Result<JournalPage, PlaceError> {
        // Opened under the lock, so that the file is not set aside in between; read without it.
        let (end, files) = {
            let end = self.end();
            (end.tip, [self.place.open_log(ASIDE)?, self.place.open_log(JOURNAL)?])
        };
        let mut page = JournalPage { end, lines: Vec::new() };
        let mut bytes = 0;
        for file in files.into_iter().flatten() {
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(|source| self.place.failed(JOURNAL, "read", source))?;
                let line = String::from_utf8_lossy(&line).into_owned();
                let number = number_of(&line);
                if number.is_some_and(|number| number <= after) {
                    // What came before it was seen too.
                    page.lines.clear();
                    bytes = 0;
                    continue;
                }
                if number.is_some_and(|number| number > end.number) {
                    return Ok(page);
                }
                bytes += line.len();
                if !page.lines.is_empty() && (bytes > PAGE_BYTES || page.lines.len() >= limit as usize) {
                    return Ok(page);
                }
                page.lines.push(line);
            }
        }
        Ok(page)
    }

    fn add(&self, record: JournalRecord) -> Result<Tip, PlaceError> {
        let mut end = self.end();
        if end.is_torn {
            self.place.cut(JOURNAL, end.length)?;
            end.is_torn = false;
        }
        if end.length > LIMIT_BYTES {
            self.place.sync(JOURNAL)?;
            self.place.set_aside(JOURNAL, ASIDE)?;
            end.length = 0;
        }
        let line = JournalLine::after(end.tip, record);
        let text = line.as_ref().map_err(|_| ()).and_then(|line| line.text().map_err(|_| ()));
        let (Ok(line), Ok(text)) = (line, text) else {
            return Err(self.place.failed(JOURNAL, "written", std::io::Error::other("the line is no JSON")));
        };
        if let Err(error) = self.place.append(JOURNAL, &text) {
            // Whatever of it is there must not stand before the next line.
            end.is_torn = self.place.cut(JOURNAL, end.length).is_err();
            return Err(error);
        }
        end.length += text.len() as u64 + 1;
        end.tip = line.tip();
        Ok(end.tip)
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn or_log(record: &JournalRecord, written: Result<Tip, PlaceError>) -> Option<Tip> {
    let error = match written {
        Ok(tip) => return Some(tip),
        Err(error) => error,
    };
    let text = serde_json::to_string(record).unwrap_or_default();
    error!("The journal could not be written, so this line is only here: {text} ({})", Chain(&error));
    None
}

/// The number of a line, without reading it as a whole: `"seq":` cannot stand inside a JSON string.
fn number_of(line: &str) -> Option<i64> {
    let (_, rest) = line.split_once("\"seq\":")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned())
}

fn whole(place: &Place, spot: &str) -> Result<Vec<u8>, PlaceError> {
    let mut bytes = Vec::new();
    if let Some(file) = place.open_log(spot)? {
        file.take(4 * LIMIT_BYTES).read_to_end(&mut bytes).map_err(|source| place.failed(spot, "read", source))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::place::tests::Scratch;
    use crate::base::clock::{ManualClock, Timestamp};
    use crate::base::hash_chain::{Broken, Check, Fault};

    fn journal(place: &Arc<Place>) -> Journal {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(1_795_371_696)));
        Journal::open(Arc::clone(place), clock).unwrap()
    }

    fn entry(verb: &str) -> Entry {
        Entry { uid: Some(990), verb: verb.to_owned(), outcome: "done".to_owned(), ..Entry::default() }
    }

    fn all(journal: &Journal) -> Vec<JournalLine> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = journal.read(after, 1000).unwrap();
            let lines: Vec<_> = page.lines.iter().map(|line| JournalLine::parse(line).expect(line)).collect();
            let Some(last) = lines.last() else { return all };
            after = last.link.number;
            all.extend(lines);
        }
    }

    fn judge(journal: &Journal) -> Result<Tip, Broken> {
        let lines = all(journal);
        let first = lines.first().unwrap();
        let mut check = Check::new(Tip { number: first.link.number - 1, hash: first.prev }, None);
        for line in &lines {
            check.take(&line.link);
        }
        check.finish()
    }

    #[test]
    fn a_request_is_one_line_whatever_is_in_it() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let entry = Entry {
            uid: Some(990),
            verb: "install".to_owned(),
            outcome: "refused".to_owned(),
            reason: Some("a\nb\u{202e}\"c".to_owned()),
            took: Duration::from_millis(12),
            ..Entry::default()
        };

        let tip = journal(&place).write(&entry).unwrap();

        let text = String::from_utf8(place.read(JOURNAL).unwrap().unwrap()).unwrap();
        let zeros = "00".repeat(32);
        assert_eq!(
            text,
            format!(
                "{{\"hash\":\"{}\",\"ms\":12,\"outcome\":\"refused\",\"prev\":\"{zeros}\",\"reason\":\
                 \"a\\\\u{{a}}b\\\\u{{202e}}\\\"c\",\"seq\":1,\"time\":\"2026-11-22T18:21:36Z\",\"uid\":990,\
                 \"verb\":\"install\"}}\n",
                tip.hash
            )
        );
    }

    #[test]
    fn the_chain_goes_on_over_a_restart_and_where_the_file_was_set_aside() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        journal(&place).write(&entry("one"));
        let second = journal(&place);
        second.write(&entry("two"));
        second.place.set_aside(JOURNAL, ASIDE).unwrap();

        // Killed right there: the file is not there yet.
        let third = journal(&place);
        third.write(&entry("three"));

        let verbs: Vec<_> = all(&third).into_iter().map(|line| line.record.verb).collect();
        assert_eq!(verbs, ["one", "two", "three"]);
        assert_eq!(judge(&third).unwrap().number, 3);
    }

    #[test]
    fn a_torn_line_is_taken_out_and_what_was_left_of_it_is_kept() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        journal(&place).write(&entry("one"));
        let whole = place.read(JOURNAL).unwrap().unwrap();
        place.write(JOURNAL, &[&whole[..], b"{\"hash\":\"12"].concat()).unwrap();

        let healed = journal(&place);

        let lines = all(&healed);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].record.outcome.as_deref(), Some("torn"));
        assert_eq!(lines[1].record.reason.as_deref(), Some("{\"hash\":\"12"));
        assert_eq!(judge(&healed).unwrap().number, 2);
    }

    #[tokio::test]
    async fn an_act_that_a_kill_cut_off_is_closed_as_abandoned() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let killed = journal(&place);
        let install = Entry { on_behalf_of: Some(TrailId(7)), ..entry("install") };
        assert_eq!(killed.write_before(&install).await.unwrap(), 1);
        drop(killed);

        let again = journal(&place);
        let lines = all(&again);
        let once_more = all(&journal(&place)).len();

        assert_eq!((lines[0].record.stage, lines[0].record.outcome.clone()), (Some(Stage::Open), None));
        assert_eq!((lines[1].record.of, lines[1].record.entry), (Some(1), Some(7)));
        assert_eq!(lines[1].record.outcome.as_deref(), Some("abandoned"));
        assert_eq!(once_more, 2);
    }

    #[test]
    fn a_line_that_was_edited_removed_or_moved_is_found() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let written = journal(&place);
        for verb in ["one", "two", "three", "four"] {
            written.write(&entry(verb));
        }
        let text = String::from_utf8(place.read(JOURNAL).unwrap().unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let judged = |text: String| {
            place.write(JOURNAL, text.as_bytes()).unwrap();
            judge(&written).map_err(|broken| (broken.number, broken.fault))
        };

        let edited = judged(text.replace("three", "seven"));
        let removed = judged([lines[0], lines[2], lines[3], ""].join("\n"));
        let moved = judged([lines[0], lines[2], lines[1], lines[3], ""].join("\n"));

        assert_eq!(edited, Err((3, Fault::Changed)));
        assert_eq!(removed, Err((2, Fault::Missing)));
        assert_eq!(moved, Err((2, Fault::OutOfOrder)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_who_write_at_once_make_one_chain_and_every_line_is_there() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let journal = Arc::new(journal(&place));

        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let journal = Arc::clone(&journal);
            writers.spawn(async move {
                journal.write_before(&entry("install")).await.unwrap();
                journal.write_with_others(&entry("install")).await.unwrap();
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }

        assert_eq!(judge(&journal).unwrap().number, 200);
        assert_eq!(*journal.flushed.lock().await, 200);
    }

    #[test]
    fn it_comes_in_pages_that_fit_an_answer() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let journal = journal(&place);
        let large = Entry { about: Some("\"".repeat(60_000)), ..entry("install") };
        for _ in 0..12 {
            journal.write(&large);
        }

        let first = journal.read(0, 1000).unwrap();
        let few = journal.read(3, 2).unwrap();

        assert!((1..12).contains(&first.lines.len()));
        assert!(serde_json::to_vec(&first).unwrap().len() < 1024 * 1024);
        assert_eq!(first.end.number, 12);
        assert_eq!(few.lines.iter().map(|line| number_of(line)).collect::<Vec<_>>(), [Some(4), Some(5)]);
        assert_eq!(all(&journal).len(), 12);
    }
}
