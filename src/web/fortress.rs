//! The drawing of the start page: the walls as rings around a keep, seen from above.
//!
//! A wall that holds is whole masonry; a failing one has a breach for each failing finding; one that was not tested is
//! only a dashed outline, as a surveyor draws what he has not seen; an accepted one stands in scaffolding. Gates are
//! staggered from ring to ring, as builders of real fortresses did.

use crate::web::parts::Mark;

const CENTRE: f64 = 320.0;
const OUTERMOST: f64 = 290.0;
const STEP: f64 = 34.0;
const BREACH_WIDTH: f64 = 24.0;
const MOST_BREACHES: u32 = 6;
const BASTIONS: u32 = 12;

/// What is known of one wall before it is drawn.
#[derive(Clone, Debug)]
pub struct RingSource {
    /// Its name.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Its verdict.
    pub mark: Mark,
    /// `2 fail, 1 not tested`.
    pub words: String,
    /// How many findings fail: a breach each, six at most.
    pub failing: u32,
}

/// The drawing, in the units of its own view box (640 by 640).
#[derive(Clone, Debug)]
pub struct Fortress {
    /// The rings, outermost first.
    pub rings: Vec<Ring>,
    /// The bastions on the outermost ring.
    pub bastions: Vec<Place>,
    /// The score in the keep.
    pub score: String,
    /// The words below it, at most 16 letters.
    pub score_words: String,
    /// The whole drawing in a sentence.
    pub spoken: String,
}

/// One wall.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Its name.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Its verdict.
    pub mark: Mark,
    /// Name, verdict and counts: the link's accessible name.
    pub spoken: String,
    /// The id of the path that the name is written along.
    pub name_id: String,
    /// That path.
    pub name_path: String,
    /// The stretches of wall between the breaches.
    pub stretches: Vec<String>,
    /// The radius of its outer face.
    pub outer: String,
    /// The radius of its inner face.
    pub inner: String,
    /// Stones that lie in the breaches.
    pub rubble: Vec<Place>,
    /// Where the gate with the sign stands.
    pub gate: Place,
}

/// A place on a ring.
#[derive(Clone, Debug)]
pub struct Place {
    /// From the left.
    pub x: String,
    /// From the top.
    pub y: String,
    /// Degrees that a thing standing there is turned by, to face outwards.
    pub turn: String,
}

impl Fortress {
    /// Draws `walls`, outermost first (seven fit), around a keep with `score`.
    #[must_use]
    pub fn draw(walls: &[RingSource], score: &str, score_words: &str) -> Self {
        let rings = walls.iter().zip(0_u32..).map(|(wall, index)| ring(wall, index)).collect::<Vec<_>>();
        let bastions = (0..BASTIONS).map(|nth| place(OUTERMOST, 15.0 + 30.0 * f64::from(nth))).collect();
        let told = rings.iter().map(|ring| ring.spoken.as_str()).collect::<Vec<_>>().join("; ");
        Self {
            rings,
            bastions,
            score: score.to_owned(),
            score_words: score_words.to_owned(),
            spoken: format!("Plan of the fortress, from the outermost wall inwards: {told}."),
        }
    }
}

fn ring(wall: &RingSource, index: u32) -> Ring {
    let radius = OUTERMOST - STEP * f64::from(index);
    let gate = if index.is_multiple_of(2) { -120.0 } else { -68.0 };
    let name_radius = radius - 20.5;
    let name_from = gate + (17.0 / name_radius).to_degrees();
    let breaches = breaches(wall, index);
    let rubble = breaches.iter().flat_map(|at| [place(radius - 3.0, at - 1.0), place(radius + 5.0, at + 1.5)]);
    Ring {
        title: wall.title.clone(),
        href: wall.href.clone(),
        mark: wall.mark,
        spoken: format!("{}: {}", wall.title, wall.words),
        name_id: format!("ring-{index}"),
        name_path: arc(name_radius, name_from, name_from + 150.0),
        stretches: stretches(radius, gate, &breaches),
        outer: number(radius + 7.0),
        inner: number(radius - 7.0),
        rubble: rubble.collect(),
        gate: place(radius, gate),
    }
}

/// The angles of a wall's breaches: spread over the lower half, and turned from ring to ring so that no two line up.
fn breaches(wall: &RingSource, index: u32) -> Vec<f64> {
    if wall.mark != Mark::Fail {
        return Vec::new();
    }
    let count = wall.failing.clamp(1, MOST_BREACHES);
    let turned = [0.0, 50.0, -35.0, 25.0, -60.0, 40.0, -20.0];
    let turn = turned.get(index as usize).copied().unwrap_or(0.0);
    let spread = 200.0 / f64::from(count);
    let angles = (0..count).map(|nth| 90.0 + turn * 0.5 + spread * (f64::from(nth) - f64::from(count - 1) / 2.0));
    // On the outermost wall the breaches lie between the bastions.
    if index == 0 { angles.map(|at| (at / 30.0).round() * 30.0).collect() } else { angles.collect() }
}

fn stretches(radius: f64, gate: f64, breaches: &[f64]) -> Vec<String> {
    let half = (BREACH_WIDTH / 2.0 / radius).to_degrees();
    match breaches {
        // Its ends meet under the gate.
        [] => vec![arc(radius, gate, gate + 360.0)],
        [first, ..] => {
            let starts = breaches.iter().copied();
            let ends = breaches.iter().copied().skip(1).chain([first + 360.0]);
            starts.zip(ends).map(|(from, to)| arc(radius, from + half, to - half)).collect()
        }
    }
}

/// An arc as SVG path data, clockwise; zero degrees is east. It goes in steps of at most 120 degrees: the centre of a
/// longer one would wander with the rounding of its ends.
fn arc(radius: f64, from: f64, to: f64) -> String {
    let (start, r) = (place(radius, from), number(radius));
    let legs = (1_u32..).take_while(|leg| f64::from(leg - 1) * 120.0 < to - from);
    let ends = legs.map(|leg| place(radius, to.min(from + f64::from(leg) * 120.0)));
    let legs: Vec<String> = ends.map(|end| format!("A{r} {r} 0 0 1 {} {}", end.x, end.y)).collect();
    format!("M{} {}{}", start.x, start.y, legs.concat())
}

fn place(radius: f64, degrees: f64) -> Place {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    Place { x: number(CENTRE + radius * cosine), y: number(CENTRE + radius * sine), turn: number(degrees) }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(mark: Mark, failing: u32) -> RingSource {
        RingSource { title: "SSH".into(), href: "/ssh".into(), mark, words: "said".into(), failing }
    }

    #[test]
    fn a_failing_wall_has_a_breach_for_each_failing_finding_and_six_at_most() {
        let drawn = Fortress::draw(&[wall(Mark::Fail, 3), wall(Mark::Fail, 40)], "61", "of 100");

        let stretches: Vec<usize> = drawn.rings.iter().map(|ring| ring.stretches.len()).collect();
        assert_eq!(stretches, [3, 6]);
        assert_eq!(drawn.rings.iter().map(|ring| ring.rubble.len()).collect::<Vec<_>>(), [6, 12]);
    }

    #[test]
    fn a_wall_that_holds_is_whole_even_if_a_count_says_otherwise() {
        let drawn = Fortress::draw(&[wall(Mark::Pass, 2), wall(Mark::NotTested, 0)], "61", "of 100");

        assert!(drawn.rings.iter().all(|ring| ring.rubble.is_empty() && ring.stretches.len() == 1));
    }

    #[test]
    fn the_drawing_says_in_words_what_it_shows() {
        let drawn = Fortress::draw(&[wall(Mark::Fail, 1)], "61", "of 100");

        assert_eq!(drawn.spoken, "Plan of the fortress, from the outermost wall inwards: SSH: said.");
    }
}
