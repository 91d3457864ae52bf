//! What came of one comparison: each side's rounds, and the ratios that are held against a floor.

use serde::{Deserialize, Serialize};

use crate::measure::{Round, median};

/// One comparison under one load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The benchmark: `B1`.
    pub benchmark: String,
    /// The load: `32 clients`.
    pub load: String,
    /// What is counted: `orders`.
    pub unit: String,
    /// Who was measured, ours first; all have the same number of rounds, which were interleaved.
    pub sides: Vec<Side>,
    /// What is judged.
    pub ratios: Vec<Ratio>,
}

/// One side's rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Side {
    /// Who: `ours`, `insert_one`.
    pub name: String,
    /// In the order in which they were run.
    pub rounds: Vec<Round>,
}

/// Figures that are judged, one per round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ratio {
    /// What it says: `orders/s, ours / insert_one`.
    pub name: String,
    /// One per round.
    pub values: Vec<f64>,
    /// What its median must reach, if anything.
    pub floor: Option<Floor>,
}

/// What is demanded of a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Floor {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

impl Floor {
    /// Whether the value reaches it.
    #[must_use]
    pub fn is_reached_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(floor) => value >= floor,
            Self::AtMost(ceiling) => value <= ceiling,
        }
    }
}

impl Side {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rounds: Vec::new() }
    }

    /// Operations per second, in the middle.
    #[must_use]
    pub fn rate(&self) -> f64 {
        median(&self.rounds.iter().map(Round::rate).collect::<Vec<_>>())
    }
}

impl Case {
    /// A comparison without judgement.
    #[must_use]
    pub fn new(benchmark: &str, load: impl Into<String>, unit: &str, sides: Vec<Side>) -> Self {
        Self { benchmark: benchmark.to_owned(), load: load.into(), unit: unit.to_owned(), sides, ratios: Vec::new() }
    }

    /// The same, where the first side's throughput over that of side `other` is judged.
    #[must_use]
    pub fn throughput(self, other: usize, floor: Option<Floor>) -> Self {
        self.judged(other, "throughput", floor, Round::rate)
    }

    /// The same, where this figure of the first side over that of side `other` is judged.
    #[must_use]
    pub fn judged(mut self, other: usize, what: &str, floor: Option<Floor>, figure: impl Fn(&Round) -> f64) -> Self {
        if let (Some(ours), Some(theirs)) = (self.sides.first(), self.sides.get(other)) {
            let pairs = ours.rounds.iter().zip(&theirs.rounds);
            let values = pairs.map(|(ours, theirs)| figure(ours) / figure(theirs)).collect();
            let name = format!("{what}, {} / {}", ours.name, theirs.name);
            self.ratios.push(Ratio { name, values, floor });
        }
        self
    }

    /// The same with a figure that is no ratio of two sides.
    #[must_use]
    pub fn figure(mut self, name: &str, values: Vec<f64>, floor: Option<Floor>) -> Self {
        self.ratios.push(Ratio { name: name.to_owned(), values, floor });
        self
    }
}

impl Ratio {
    /// Whether the median reaches the floor; `None` when there is none.
    #[must_use]
    pub fn passes(&self) -> Option<bool> {
        self.floor.map(|floor| floor.is_reached_by(median(&self.values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, operations: &[u64]) -> Side {
        let round = |operations: &u64| Round { operations: *operations, seconds: 2.0, cpu: Vec::new(), times: None };
        Side { name: name.to_owned(), rounds: operations.iter().map(round).collect() }
    }

    #[test]
    fn a_ratio_compares_the_rounds_of_one_moment_and_its_median_is_judged() {
        let sides = vec![side("ours", &[20, 300, 40]), side("raw", &[10, 100, 10])];
        let case = Case::new("B0", "alone", "things", sides);
        let judged = case.throughput(1, Some(Floor::AtLeast(3.0))).throughput(1, Some(Floor::AtMost(2.9)));
        assert_eq!(judged.ratios[0].values, [2.0, 3.0, 4.0]);
        assert_eq!(judged.ratios.iter().map(Ratio::passes).collect::<Vec<_>>(), [Some(true), Some(false)]);
        assert_eq!(judged.sides[0].rate(), 20.0);
    }
}
