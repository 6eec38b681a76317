//! Agreement of readers who mark stretches of a text.

/// A stretch of a continuum, in the units it is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub start: usize,
    pub end: usize,
}

/// Observed and expected disagreement, and what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unitizing {
    pub observed: f64,
    pub expected: f64,
}

impl Unitizing {
    /// Krippendorff's alpha for unitizing; of several categories, of their sums. Not
    /// defined where nobody marked anything or everybody everything.
    pub fn alpha(self) -> Option<f64> {
        (self.expected > 0.0).then(|| 1.0 - self.observed / self.expected)
    }
}

impl std::iter::Sum for Unitizing {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            observed: sum.observed + one.observed,
            expected: sum.expected + one.expected,
        })
    }
}

/// A reader's stretch: a unit, or the gap between two.
#[derive(Clone, Copy)]
struct Stretch {
    start: f64,
    length: f64,
    marked: bool,
}

/// Disagreement on one category (Krippendorff, "On the reliability of unitizing
/// continuous data", *Sociological Methodology* 25, 1995; as in *Content Analysis*, 2004,
/// section 11.6). `readers` hold each reader's units on a continuum of `length`, in
/// order, without overlap. Meant for two readers: with more the measure behaves oddly
/// (Krippendorff, Mathet, Bouvry and Widlöcher 2016).
///
/// Squares of the distances between the ends of units that meet, and of the lengths
/// of units that fall wholly into another's gap; expected, if the same units lay
/// anywhere.
pub fn unitizing(length: usize, readers: &[Vec<Unit>]) -> Unitizing {
    let stretches: Vec<Vec<Stretch>> = readers
        .iter()
        .map(|units| stretches(length, units))
        .collect();
    let (m, length) = (readers.len() as f64, length as f64);
    let mut observed = 0.0;
    for (i, own) in stretches.iter().enumerate() {
        for (j, others) in stretches.iter().enumerate() {
            if i != j {
                observed += apart(own, others);
            }
        }
    }
    let mut gaps: Vec<f64> = (stretches.iter().flatten())
        .filter(|s| !s.marked)
        .map(|s| s.length)
        .collect();
    gaps.sort_by(f64::total_cmp);
    // Lengths are whole numbers, so that these sums are exact.
    let mut longer = vec![0.0; gaps.len() + 1];
    for i in (0..gaps.len()).rev() {
        longer[i] = longer[i + 1] + gaps[i];
    }
    let units = || stretches.iter().flatten().filter(|s| s.marked);
    let others = units().count() as f64 - 1.0;
    let (mut sum, mut inside) = (0.0, 0.0);
    for unit in units() {
        let l = unit.length;
        let from = gaps.partition_point(|&gap| gap < l);
        let room = longer[from] - (gaps.len() - from) as f64 * (l - 1.0);
        sum += others * (l - 1.0) / 3.0 * (2.0 * l * l - l) + l * l * room;
        inside += l * (l - 1.0);
    }
    let ways = m * length * (m * length - 1.0) - inside;
    Unitizing {
        observed: if m > 1.0 {
            observed / (m * (m - 1.0) * length * length)
        } else {
            0.0
        },
        expected: if ways > 0.0 {
            2.0 / length * sum / ways
        } else {
            0.0
        },
    }
}

fn stretches(length: usize, units: &[Unit]) -> Vec<Stretch> {
    let mut all = Vec::new();
    let mut add = |start: usize, end: usize, marked| {
        if start < end {
            all.push(Stretch {
                start: start as f64,
                length: (end - start) as f64,
                marked,
            });
        }
    };
    let mut at = 0;
    for unit in units {
        add(at, unit.start, false);
        add(unit.start, unit.end, true);
        at = unit.end;
    }
    add(at, length, false);
    all
}

/// The sum over pairs of stretches of two readers that meet.
fn apart(own: &[Stretch], others: &[Stretch]) -> f64 {
    let mut sum = 0.0;
    let mut from = 0;
    for a in own {
        // Stretches lie in order: what ends before this one begins meets none after it.
        while others
            .get(from)
            .is_some_and(|b| b.start + b.length <= a.start)
        {
            from += 1;
        }
        let meeting = others[from..]
            .iter()
            .take_while(|b| b.start < a.start + a.length);
        for b in meeting {
            let (before, after) = (a.start - b.start, a.start + a.length - b.start - b.length);
            sum += match (a.marked, b.marked) {
                (true, true) => before * before + after * after,
                (true, false) if before >= 0.0 && after <= 0.0 => a.length * a.length,
                (false, true) if before <= 0.0 && after >= 0.0 => b.length * b.length,
                _ => 0.0,
            };
        }
    }
    sum
}
