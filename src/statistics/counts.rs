//! Precision, recall and F1, and confusion matrices.

use serde::{Serialize, Serializer};

use super::ratio;

/// True positives, false positives, false negatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub hits: usize,
    pub false_alarms: usize,
    pub misses: usize,
}

impl Counts {
    pub fn precision(self) -> Option<f64> {
        ratio(self.hits, self.hits + self.false_alarms)
    }
    pub fn recall(self) -> Option<f64> {
        ratio(self.hits, self.hits + self.misses)
    }
    /// Harmonic mean of precision and recall (van Rijsbergen 1979).
    pub fn f1(self) -> Option<f64> {
        ratio(
            2 * self.hits,
            2 * self.hits + self.false_alarms + self.misses,
        )
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Figures {
            precision: Option<f64>,
            recall: Option<f64>,
            f1: Option<f64>,
            hits: usize,
            false_alarms: usize,
            misses: usize,
        }
        Figures {
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f1(),
            hits: self.hits,
            false_alarms: self.false_alarms,
            misses: self.misses,
        }
        .serialize(to)
    }
}

/// How often each value of one reader met each value of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    pub values: Vec<String>,
    /// A row for each value of the first reader (the labels), a column for each of the
    /// second (the program).
    pub counts: Vec<Vec<usize>>,
    /// Whether the last value says that nothing was marked: what neither marks is not
    /// counted, so that it has no figures of its own.
    #[serde(skip)]
    pub last_is_unmarked: bool,
}

impl Confusion {
    pub fn new(values: Vec<String>, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![vec![0; values.len()]; values.len()];
        for (first, second) in pairs {
            counts[first][second] += 1;
        }
        Self {
            values,
            counts,
            last_is_unmarked: false,
        }
    }

    /// Says that the last value means that nothing was marked.
    pub fn unmarked_last(self) -> Self {
        Self {
            last_is_unmarked: true,
            ..self
        }
    }

    /// How many values have figures of their own.
    pub fn scored(&self) -> usize {
        self.values.len() - usize::from(self.last_is_unmarked)
    }

    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    pub fn accuracy(&self) -> Option<f64> {
        let right = (0..self.values.len()).map(|i| self.counts[i][i]).sum();
        ratio(right, self.total())
    }

    /// The counts of one value against all others.
    pub fn of(&self, value: usize) -> Counts {
        let hits = self.counts[value][value];
        let row: usize = self.counts[value].iter().sum();
        let column: usize = self.counts.iter().map(|row| row[value]).sum();
        Counts {
            hits,
            false_alarms: column - hits,
            misses: row - hits,
        }
    }

    /// The mean F1 over the values that occur on either side.
    pub fn macro_f1(&self) -> Option<f64> {
        let f1: Vec<f64> = (0..self.scored())
            .filter_map(|value| self.of(value).f1())
            .collect();
        super::mean(&f1)
    }
}
