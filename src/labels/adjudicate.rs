//! Several readers' labels of one essay as one: what they agree on, and what is
//! contested.

use super::{Contested, Label, LabelCell, Mark};

/// Merges the labels that readers gave one essay, whose text is `text`.
///
/// A sentence that all mark for a thesis with the same stance is a mark, as the first
/// reader has it; one that some mark, or mark differently, is contested. Where cells or
/// the main explanation differ, each reader's value is right. Body, skipped parts and
/// other fields are the first reader's.
///
/// # Panics
/// Without readers.
pub fn adjudicate(readers: &[&Label], text: &str) -> Label {
    let first = readers[0];
    let mut merged = Label {
        marks: Vec::new(),
        contested: Vec::new(),
        ..first.clone()
    };
    let mut used: Vec<Vec<bool>> = readers.iter().map(|r| vec![false; r.marks.len()]).collect();
    for (own, reader) in readers.iter().enumerate() {
        for (i, mark) in reader.marks.iter().enumerate() {
            if used[own][i] {
                continue;
            }
            // Each reader's mark of this sentence for this thesis, if any.
            let found: Vec<Option<usize>> = readers
                .iter()
                .zip(&used)
                .map(|(other, used)| {
                    (0..other.marks.len()).find(|&j| {
                        let theirs = &other.marks[j];
                        !used[j]
                            && theirs.thesis == mark.thesis
                            && theirs.span.matches(mark.span, text)
                    })
                })
                .collect();
            let stances: Vec<_> = found
                .iter()
                .enumerate()
                .map(|(r, at)| at.map(|j| readers[r].marks[j].stance))
                .collect();
            for (r, at) in found.iter().enumerate() {
                if let Some(j) = *at {
                    used[r][j] = true;
                }
            }
            match stances.iter().all(|stance| *stance == Some(mark.stance)) {
                true => merged.marks.push(mark.clone()),
                false => merged.contested.push(Contested {
                    span: mark.span,
                    thesis: mark.thesis.clone(),
                    stances,
                }),
            }
        }
    }
    // What a reader's labels already call contested stays so, whoever marks it.
    for open in readers.iter().flat_map(|reader| &reader.contested) {
        let same = |thesis: &str, span: crate::text::Span| {
            thesis == open.thesis && span.matches(open.span, text)
        };
        merged.marks.retain(|mark| !same(&mark.thesis, mark.span));
        if !(merged.contested.iter()).any(|other| same(&other.thesis, other.span)) {
            merged.contested.push(open.clone());
        }
    }
    merged.marks.sort_by(|a, b| key(a).cmp(&key(b)));
    merged
        .contested
        .sort_by(|a, b| (a.span, &a.thesis).cmp(&(b.span, &b.thesis)));
    for reader in &readers[1..] {
        add_new(&mut merged.primary, &reader.primary);
        for (thesis, cell) in &reader.cells {
            let of = merged
                .cells
                .entry(thesis.clone())
                .or_insert_with(|| LabelCell {
                    stances: Vec::new(),
                    weights: Vec::new(),
                });
            add_new(&mut of.stances, &cell.stances);
            add_new(&mut of.weights, &cell.weights);
        }
    }
    merged
}

fn key(mark: &Mark) -> (crate::text::Span, &str) {
    (mark.span, &mark.thesis)
}

fn add_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for value in more {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::guide;

    const TEXT: &str = "War did it. Not the party. Nobody knows.";

    fn label(primary: &str, stance: &str, marks: &[(usize, usize, &str)]) -> Label {
        let marks: Vec<String> = (marks.iter())
            .map(|(a, b, s)| {
                format!(r#"{{"start": {a}, "end": {b}, "thesis": "t", "stance": "{s}"}}"#)
            })
            .collect();
        let source = format!(
            r#"{{"doc": "a.txt", "body": [0, 40], "primary": "{primary}",
                "summary": {{"t": {{"stance": "{stance}", "weight": 1}}}}, "marks": [{}]}}"#,
            marks.join(", ")
        );
        let draft = guide::read(source.as_bytes()).unwrap();
        draft.place(TEXT).unwrap().label
    }

    #[test]
    fn what_all_say_is_agreed_and_the_rest_contested() {
        let one = label("t", "endorses", &[(0, 11, "asserts"), (12, 26, "denies")]);
        let two = label(
            "none",
            "endorses",
            &[(0, 10, "asserts"), (12, 26, "reports"), (27, 40, "denies")],
        );
        let merged = adjudicate(&[&one, &two], TEXT);
        assert_eq!(merged.marks, one.marks[..1]);
        let stances: Vec<_> = merged.contested.iter().map(|c| c.stances.clone()).collect();
        use crate::layers::SentenceStance::{Denies, Reports};
        assert_eq!(
            stances,
            [vec![Some(Denies), Some(Reports)], vec![None, Some(Denies)]]
        );
        assert_eq!(merged.primary, [Some("t".to_owned()), None]);
        assert_eq!(merged.cells["t"].stances.len(), 1);
    }

    #[test]
    fn what_one_calls_contested_stays_so_in_any_order() {
        let one = label("t", "endorses", &[(0, 11, "asserts")]);
        let mut two = one.clone();
        let mark = two.marks.remove(0);
        two.contested.push(Contested {
            span: mark.span,
            thesis: mark.thesis,
            stances: Vec::new(),
        });
        for pair in [[&one, &two], [&two, &one]] {
            let merged = adjudicate(&pair, TEXT);
            assert!(merged.marks.is_empty());
            assert_eq!(merged.contested.len(), 1);
        }
    }

    #[test]
    fn one_reader_alone_is_right() {
        let one = label("t", "endorses", &[(0, 11, "asserts")]);
        assert_eq!(adjudicate(&[&one], TEXT), one);
    }
}
