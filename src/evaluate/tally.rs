//! One essay as two readers have it, counted.

use std::collections::{BTreeMap, BTreeSet};

use super::opinion::{CellOpinion, MarkOpinion, Opinion};
use crate::labels::Voice;
use crate::layers::{SentenceStance, Speaker};
use crate::reading::CellStance;
use crate::statistics::{Counts, Unit};
use crate::text::Span;

/// How a second reader (the program, or another person) agrees with a first (the
/// labels) on one essay.
#[derive(Clone, Debug)]
pub struct Tally {
    pub doc: String,
    /// What each names as the main explanation; nothing where one says nothing of it.
    pub primary: Option<(Option<String>, Option<String>)>,
    pub cells: Vec<CellPair>,
    pub evidence: BTreeMap<String, EvidenceTally>,
    pub off_body: usize,
    pub bad_quotes: usize,
}

/// One cell as both have it.
#[derive(Clone, Debug)]
pub struct CellPair {
    pub thesis: String,
    pub first: CellStance,
    pub second: CellStance,
    /// All that the first reader would let pass.
    pub right: Vec<CellStance>,
    /// The first reader's; and the second's, if that is a person.
    pub weight: Option<u8>,
    pub second_weight: Option<u8>,
    /// The second reader's, if that is the program.
    pub confidence: Option<f64>,
}

impl CellPair {
    pub fn agrees(&self) -> bool {
        self.first == self.second
    }
}

/// The sentences of one thesis.
#[derive(Clone, Debug, Default)]
pub struct EvidenceTally {
    /// The sentence is evidence on the thesis, whatever its stance.
    pub thesis: Counts,
    /// The stance is the same as well.
    pub thesis_and_stance: Counts,
    /// And so are the first and the last character.
    pub exact: Counts,
    pub by_stance: BTreeMap<SentenceStance, Counts>,
    /// Thesis and stance, by whose words the sentence gives: as the first reader has it,
    /// and where the first does not mark it, as the second.
    pub by_voice: BTreeMap<&'static str, Counts>,
    /// Stances of both for each sentence that either marks; `None` where one does not.
    pub stances: Vec<(Option<SentenceStance>, Option<SentenceStance>)>,
    /// Voices of both for each sentence that both mark; and whether they name the
    /// same source where both say that it is cited.
    pub voices: Vec<(Speaker, Speaker)>,
    pub sources: Vec<bool>,
    /// The readers' units on the essay's continuum of code points.
    pub units: [Vec<Unit>; 2],
    pub length: usize,
    /// What the second reader missed, marked too much, or took for another stance.
    pub differences: Vec<Difference>,
}

/// A mark that one has and the other has not, or not so.
#[derive(Clone, Debug)]
pub struct Difference {
    pub first: Option<MarkOpinion>,
    pub second: Option<MarkOpinion>,
}

/// Compares what two readers say of one essay, whose text is `text`.
pub fn tally(doc: &str, first: &Opinion, second: &Opinion, text: &str) -> Tally {
    let mut cells = Vec::new();
    let mut evidence = BTreeMap::new();
    let (mut off_body, mut bad_quotes) = (0, 0);
    for thesis in theses(first, second) {
        if let (Some(wanted), Some(found)) = (first.cells.get(thesis), second.cells.get(thesis)) {
            cells.push(cell(thesis, wanted, found));
        }
        let found = sentences(thesis, first, second, text);
        off_body += found.1;
        evidence.insert(thesis.to_owned(), found.0);
        bad_quotes += (second.marks.iter())
            .filter(|m| m.thesis == thesis)
            .filter(|m| {
                m.quote.is_some() && text.get(m.span.start..m.span.end) != m.quote.as_deref()
            })
            .count();
    }
    let named = |opinion: &Opinion| opinion.primary.first().cloned().flatten();
    let both = (first.primary.iter()).find(|id| second.primary.contains(id));
    Tally {
        doc: doc.to_owned(),
        primary: match both {
            Some(id) => Some((id.clone(), id.clone())),
            None if first.primary.is_empty() || second.primary.is_empty() => None,
            None => Some((named(first), named(second))),
        },
        cells,
        evidence,
        off_body,
        bad_quotes,
    }
}

/// The theses that the first reader looked for: those with a cell or a mark; all that
/// the second knows where the first gives no cells, as when only sentences are marked.
fn theses<'o>(first: &'o Opinion, second: &'o Opinion) -> BTreeSet<&'o str> {
    fn of(opinion: &Opinion) -> BTreeSet<&str> {
        let marks = opinion.marks.iter().map(|m| m.thesis.as_str());
        let contested = opinion.contested.iter().map(|(_, thesis)| thesis.as_str());
        let cells = opinion.cells.keys().map(String::as_str);
        cells.chain(marks).chain(contested).collect()
    }
    let mut theses = of(first);
    if first.cells.is_empty() {
        theses.extend(of(second));
    }
    if !second.cells.is_empty() {
        theses.retain(|thesis| second.cells.contains_key(*thesis));
    }
    theses
}

fn cell(thesis: &str, wanted: &CellOpinion, found: &CellOpinion) -> CellPair {
    let either = |cell: &CellOpinion| cell.stances.first().copied().unwrap_or(CellStance::Absent);
    let both = wanted.stances.iter().find(|s| found.stances.contains(s));
    CellPair {
        thesis: thesis.to_owned(),
        first: both.copied().unwrap_or(either(wanted)),
        second: both.copied().unwrap_or(either(found)),
        right: wanted.stances.clone(),
        weight: wanted.weight,
        second_weight: found.weight,
        confidence: found.confidence,
    }
}

/// Matches the sentences that two readers mark for a thesis: two are the same when they
/// share more than half of the shorter, each counts once, and those on which readers
/// differ count neither way.
fn sentences(
    thesis: &str,
    first: &Opinion,
    second: &Opinion,
    text: &str,
) -> (EvidenceTally, usize) {
    let of = |opinion: &Opinion| -> Vec<MarkOpinion> {
        let marks = opinion.marks.iter().filter(|m| m.thesis == thesis);
        marks.cloned().collect()
    };
    let (wanted, found) = (of(first), of(second));
    let contested = |span: Span| {
        let mut all = first.contested.iter().chain(&second.contested);
        all.any(|(other, of)| of == thesis && span.matches(*other, text))
    };
    let mut used = vec![false; wanted.len()];
    let mut tally = EvidenceTally {
        length: text.chars().count(),
        ..EvidenceTally::default()
    };
    let mut off_body = 0;
    let mut counted: [Vec<&MarkOpinion>; 2] = [Vec::new(), Vec::new()];
    for mark in &found {
        let hit = (0..wanted.len()).find(|&i| !used[i] && mark.span.matches(wanted[i].span, text));
        if let Some(i) = hit {
            used[i] = true;
            tally.both(&wanted[i], mark);
            counted[0].push(&wanted[i]);
            counted[1].push(mark);
            continue;
        }
        let again = (0..wanted.len()).any(|i| used[i] && mark.span.matches(wanted[i].span, text));
        if !contested(mark.span) && !again {
            if let Some((body, skip)) = &first.body {
                off_body += usize::from(!inside_body(text, mark.span, *body, skip));
            }
            tally.false_alarm(mark);
            counted[1].push(mark);
        }
    }
    let left = wanted.iter().zip(used).filter(|(_, used)| !used);
    for (mark, _) in left.filter(|(mark, _)| !contested(mark.span)) {
        tally.miss(mark);
        counted[0].push(mark);
    }
    tally.units = counted.map(|marks| units(text, &marks));
    (tally, off_body)
}

impl EvidenceTally {
    fn both(&mut self, first: &MarkOpinion, second: &MarkOpinion) {
        self.thesis.hits += 1;
        self.stances.push((Some(first.stance), Some(second.stance)));
        let voices = speakers(first.voice, second.voice);
        self.voices.push(voices);
        if voices == (Speaker::Cited, Speaker::Cited) {
            self.sources
                .push(same_source(&first.source, &second.source));
        }
        let same = first.stance == second.stance;
        let exact = same && first.span == second.span;
        for (counts, same) in [
            (&mut self.thesis_and_stance, same),
            (&mut self.exact, exact),
        ] {
            if same {
                counts.hits += 1;
            } else {
                counts.false_alarms += 1;
                counts.misses += 1;
            }
        }
        let of_voice = self.by_voice.entry(voices.0.name()).or_default();
        if same {
            of_voice.hits += 1;
            self.by_stance.entry(first.stance).or_default().hits += 1;
        } else {
            of_voice.false_alarms += 1;
            of_voice.misses += 1;
            self.by_stance
                .entry(second.stance)
                .or_default()
                .false_alarms += 1;
            self.by_stance.entry(first.stance).or_default().misses += 1;
            self.differences.push(Difference {
                first: Some(first.clone()),
                second: Some(second.clone()),
            });
        }
    }

    fn false_alarm(&mut self, mark: &MarkOpinion) {
        for counts in [
            &mut self.thesis,
            &mut self.thesis_and_stance,
            &mut self.exact,
        ] {
            counts.false_alarms += 1;
        }
        self.by_stance.entry(mark.stance).or_default().false_alarms += 1;
        let (_, voice) = speakers(mark.voice, mark.voice);
        self.by_voice.entry(voice.name()).or_default().false_alarms += 1;
        self.stances.push((None, Some(mark.stance)));
        self.differences.push(Difference {
            first: None,
            second: Some(mark.clone()),
        });
    }

    fn miss(&mut self, mark: &MarkOpinion) {
        for counts in [
            &mut self.thesis,
            &mut self.thesis_and_stance,
            &mut self.exact,
        ] {
            counts.misses += 1;
        }
        self.by_stance.entry(mark.stance).or_default().misses += 1;
        let (voice, _) = speakers(mark.voice, mark.voice);
        self.by_voice.entry(voice.name()).or_default().misses += 1;
        self.stances.push((Some(mark.stance), None));
        self.differences.push(Difference {
            first: Some(mark.clone()),
            second: None,
        });
    }
}

/// Whose words two readers have; where one would let both pass, what the other says.
fn speakers(first: Voice, second: Voice) -> (Speaker, Speaker) {
    let speaker = |own: Voice, other: Voice| match (own, other) {
        (Voice::Cited, _) | (Voice::Either, Voice::Cited) => Speaker::Cited,
        _ => Speaker::Author,
    };
    (speaker(first, second), speaker(second, first))
}

/// One of the two names stands in the other: "Lenin", "V. I. Lenin".
fn same_source(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim().to_lowercase(), b.trim().to_lowercase());
    a == b || (!a.is_empty() && !b.is_empty() && (a.contains(&b) || b.contains(&a)))
}

/// Marks as units in code points, in order; what overlaps is one.
fn units(text: &str, marks: &[&MarkOpinion]) -> Vec<Unit> {
    let count = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
    let mut spans: Vec<Span> = marks.iter().map(|m| m.span).collect();
    spans.sort();
    let mut units: Vec<Unit> = Vec::new();
    for span in spans {
        let (start, end) = (count(span.start), count(span.end));
        match units.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => units.push(Unit { start, end }),
        }
    }
    units
}

/// Inside the body by the labels, with two characters' grace at its end, and
/// off every skipped region of more than forty characters.
fn inside_body(text: &str, span: Span, body: Span, skip: &[Span]) -> bool {
    let after = text.get(body.end..).unwrap_or("");
    let grace: usize = after.chars().take(2).map(char::len_utf8).sum();
    let long = |skip: &&Span| skip.of(text).chars().count() > 40;
    body.start <= span.start
        && span.end <= body.end + grace
        && !(skip.iter().filter(long)).any(|skip| skip.overlaps(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(marks: &[(usize, usize, SentenceStance)]) -> Opinion {
        let mark = |&(start, end, stance)| MarkOpinion {
            span: Span::new(start, end),
            thesis: "t".into(),
            stance,
            voice: Voice::Author,
            source: String::new(),
            score: None,
            mass: None,
            quote: None,
        };
        let cell = CellOpinion {
            stances: vec![CellStance::Endorses],
            weight: Some(1),
            confidence: None,
            mass: None,
        };
        Opinion {
            primary: vec![None],
            cells: [("t".to_owned(), cell)].into(),
            marks: marks.iter().map(mark).collect(),
            contested: Vec::new(),
            body: None,
        }
    }

    #[test]
    fn a_wrong_stance_is_a_false_alarm_of_one_and_a_miss_of_the_other() {
        use SentenceStance::{Asserts, Denies};
        let text = "It was hunger. It was not hunger.";
        let first = opinion(&[(0, 14, Asserts), (15, 33, Denies)]);
        let second = opinion(&[(15, 32, Asserts)]);
        let found = tally("a", &first, &second, text)
            .evidence
            .remove("t")
            .unwrap();
        let counts = |hits, false_alarms, misses| Counts {
            hits,
            false_alarms,
            misses,
        };
        assert_eq!(found.thesis, counts(1, 0, 1));
        assert_eq!(found.thesis_and_stance, counts(0, 1, 2));
        assert_eq!(found.by_stance[&Asserts], counts(0, 1, 1));
        assert_eq!(found.by_stance[&Denies], counts(0, 0, 1));
        assert_eq!(found.differences.len(), 2);
        let same = tally("a", &second, &second, text)
            .evidence
            .remove("t")
            .unwrap();
        assert_eq!(same.exact, counts(1, 0, 0));
    }

    #[test]
    fn what_readers_contest_counts_neither_way() {
        use SentenceStance::Asserts;
        let text = "It was hunger. It was not hunger.";
        let mut first = opinion(&[]);
        first.contested.push((Span::new(0, 14), "t".into()));
        let second = opinion(&[(0, 14, Asserts)]);
        for pair in [(&first, &second), (&second, &first)] {
            let found = tally("a", pair.0, pair.1, text)
                .evidence
                .remove("t")
                .unwrap();
            assert_eq!(found.thesis, Counts::default());
            assert!(found.units.iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn marks_alone_are_scored_and_no_more() {
        use SentenceStance::Asserts;
        let text = "It was hunger. It was not hunger.";
        let mut first = opinion(&[(0, 14, Asserts)]);
        first.cells.clear();
        first.primary.clear();
        let found = tally("a", &first, &opinion(&[(0, 14, Asserts)]), text);
        assert_eq!(found.evidence["t"].exact.hits, 1);
        assert!(found.cells.is_empty() && found.primary.is_none());
        first.marks.clear();
        let found = tally("a", &first, &opinion(&[(0, 14, Asserts)]), text);
        assert_eq!(found.evidence["t"].thesis.false_alarms, 1);
    }

    #[test]
    fn one_of_several_values_is_right() {
        let mut first = opinion(&[]);
        first.cells.get_mut("t").unwrap().stances = vec![CellStance::Absent, CellStance::Endorses];
        first.primary = vec![Some("t".into()), None];
        let found = tally("a", &first, &opinion(&[]), "");
        assert!(found.cells[0].agrees());
        assert_eq!(found.primary, Some((None, None)));
    }
}
