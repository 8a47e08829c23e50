//! The lifetimes of certificates as a drawing: one bar each, a line for today. Every bar is a link with words of its own, so
//! that it is reached by keyboard and read aloud; the table below it says the same.

use std::time::Duration;

use crate::base::clock::{Timestamp, spoken};
use crate::web::parts::Mark;

/// The width that bars share.
const WIDTH: f64 = 960.0;

/// One row.
const ROW: u32 = 22;

/// Above the first row: dates.
const HEAD: u32 = 26;

/// The most rows: what ends first stands first.
const MOST: usize = 60;

/// How far the drawing reaches.
const BEFORE: Duration = Duration::from_hours(60 * 24);
const AFTER: Duration = Duration::from_hours(120 * 24);

/// One certificate's life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its names.
    pub names: String,
    /// Where its row in the table is.
    pub href: String,
    /// The start.
    pub from: Timestamp,
    /// The end.
    pub until: Timestamp,
    /// How it stands.
    pub mark: Mark,
}

/// The drawing.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Its height.
    pub height: u32,
    /// In words, as a whole.
    pub spoken: String,
    /// Where today is.
    pub today: String,
    /// Dates along the top: where, and which.
    pub dates: Vec<(String, String)>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// How many are not drawn.
    pub more: usize,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Where it leads.
    pub href: String,
    /// Its left end.
    pub x: String,
    /// Its upper end.
    pub y: u32,
    /// Where its words stand.
    pub words_y: u32,
    /// Its length.
    pub width: String,
    /// How it stands.
    pub mark: Mark,
    /// Its names.
    pub names: String,
    /// All of it in words.
    pub spoken: String,
}

impl Timeline {
    /// Draws `lives` around `now`: what ends first stands first.
    #[must_use]
    pub fn draw(mut lives: Vec<Life>, now: Timestamp) -> Self {
        lives.sort_by(|one, other| one.until.cmp(&other.until).then_with(|| one.names.cmp(&other.names)));
        let more = lives.len().saturating_sub(MOST);
        let all = lives.len();
        lives.truncate(MOST);
        let bars: Vec<Bar> = (0_u32..).zip(&lives).map(|(row, life)| bar(row, life, now)).collect();
        let month = Duration::from_hours(30 * 24);
        let dates = (0..=6_u32).map(|nth| {
            let at = now.minus(BEFORE).plus(month * nth);
            (number(place(at, now)), at.minutes().chars().take(10).collect())
        });
        Self {
            height: HEAD + ROW * u32::try_from(bars.len()).unwrap_or_default() + 6,
            spoken: format!(
                "Lifetimes of {all} certificates from 60 days ago to 120 days ahead; what ends first stands first"
            ),
            today: number(place(now, now)),
            dates: dates.collect(),
            bars,
            more,
        }
    }
}

fn bar(row: u32, life: &Life, now: Timestamp) -> Bar {
    let (from, until) = (place(life.from, now), place(life.until, now));
    let end = if life.until <= now {
        format!("ended {} ago", spoken(now.since(life.until)))
    } else {
        format!("{} left", spoken(life.until.since(now)))
    };
    let y = HEAD + ROW * row;
    Bar {
        href: life.href.clone(),
        x: number(from),
        y,
        words_y: y + 13,
        width: number((until - from).max(3.0)),
        mark: life.mark,
        names: life.names.chars().take(60).collect(),
        spoken: format!("{}: {} to {}, {end}", life.names, life.from.minutes(), life.until.minutes()),
    }
}

/// Where a moment stands; what lies outside stands at the edge.
fn place(at: Timestamp, now: Timestamp) -> f64 {
    let start = now.minus(BEFORE);
    let whole = (BEFORE + AFTER).as_secs_f64();
    (at.since(start).as_secs_f64() / whole * WIDTH).clamp(0.0, WIDTH)
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);
    const DAY: Duration = Duration::from_hours(24);

    fn life(names: &str, from: Timestamp, until: Timestamp) -> Life {
        Life { names: names.to_owned(), href: "#a".to_owned(), from, until, mark: Mark::Pass }
    }

    #[test]
    fn what_ends_first_stands_first_and_every_bar_has_its_words() {
        let long = life("b.example.com", NOW.minus(DAY * 400), NOW.plus(DAY * 4000));
        let short = life("a.example.com", NOW.minus(DAY * 80), NOW.plus(DAY * 10));
        let over = life("c.example.com", NOW.minus(DAY * 100), NOW.minus(DAY * 3));

        let drawn = Timeline::draw(vec![long, short, over], NOW);

        let names: Vec<&str> = drawn.bars.iter().map(|bar| bar.names.as_str()).collect();
        assert_eq!(names, ["c.example.com", "a.example.com", "b.example.com"]);
        assert_eq!((drawn.bars[2].x.as_str(), drawn.bars[2].width.as_str()), ("0.0", "960.0"));
        assert!(drawn.bars[1].spoken.ends_with("10 days left"), "{}", drawn.bars[1].spoken);
        assert!(drawn.bars[0].spoken.contains("ended 3 days ago"), "{}", drawn.bars[0].spoken);
        assert_eq!(drawn.today, "320.0");
    }

    #[test]
    fn a_drawing_has_an_end_and_says_what_it_leaves_out() {
        let lives = (0..100).map(|_| life("a.example.com", NOW, NOW.plus(DAY))).collect();

        let drawn = Timeline::draw(lives, NOW);

        assert_eq!((drawn.bars.len(), drawn.more), (60, 40));
    }
}
