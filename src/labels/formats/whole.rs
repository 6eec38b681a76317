//! What a label says of the whole essay, in a tool's own fields: `primary`, and
//! `summary` and `weight` of each thesis.
//!
//! Such a field holds one value, so a label that names several says it in JSON alone
//! ([`super::rest_of`]). What stands in a field is what a person saw and could change:
//! it goes before the JSON.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::labels::draft::{Draft, Unit};
use crate::labels::{Label, LabelCell, Voice};
use crate::reading::CellStance;

/// What a mark's voice may be.
pub fn voices() -> [&'static str; 3] {
    [Voice::Author, Voice::Cited, Voice::Either].map(Voice::name)
}

/// The fields that a label fills, with their values; `between` stands before a thesis.
pub fn fields(label: &Label, between: char) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let [primary] = label.primary.as_slice() {
        let name = primary.as_deref().unwrap_or("none");
        fields.push(("primary".to_owned(), name.to_owned()));
    }
    for (thesis, cell) in &label.cells {
        if let [stance] = cell.stances.as_slice() {
            fields.push((
                format!("summary{between}{thesis}"),
                stance.name().to_owned(),
            ));
        }
        if let [weight] = cell.weights.as_slice() {
            fields.push((format!("weight{between}{thesis}"), weight.to_string()));
        }
    }
    fields
}

/// The fields of one essay as they are read.
#[derive(Default)]
pub struct Fields {
    primary: Vec<Option<String>>,
    stances: BTreeMap<String, CellStance>,
    weights: BTreeMap<String, u8>,
}

impl Fields {
    /// Takes up a field; one of another name is passed over.
    pub fn take(&mut self, name: &str, between: char, value: &str) -> Result<()> {
        let value = value.trim();
        if name == "primary" {
            self.primary
                .push((value != "none").then(|| value.to_owned()));
            return Ok(());
        }
        let (thesis, twice) = match name.split_once(between) {
            Some(("summary", thesis)) => {
                let stance = CellStance::ALL.into_iter().find(|s| s.name() == value);
                let stance = stance.with_context(|| {
                    format!(
                        "{name}: {value:?} is none of endorses, rejects, reports and absent; write one"
                    )
                })?;
                (
                    thesis,
                    self.stances.insert(thesis.to_owned(), stance).is_some(),
                )
            }
            Some(("weight", thesis)) => {
                let weight = value.parse().ok().filter(|weight| *weight <= 3);
                let weight = weight.with_context(|| {
                    format!("{name}: {value:?} is no weight; write 0, 1, 2 or 3")
                })?;
                (
                    thesis,
                    self.weights.insert(thesis.to_owned(), weight).is_some(),
                )
            }
            _ => return Ok(()),
        };
        if twice {
            bail!("{name} of {thesis} has two values; keep one");
        }
        Ok(())
    }

    /// Lays the fields over what the draft says.
    ///
    /// # Errors
    /// When a thesis that the draft does not know has a stance and no weight, or the
    /// other way round.
    pub fn lay_over(self, draft: &mut Draft) -> Result<()> {
        if !self.primary.is_empty() {
            draft.primary = self.primary;
        }
        let empty = || LabelCell {
            stances: Vec::new(),
            weights: Vec::new(),
        };
        for (thesis, stance) in self.stances {
            draft.cells.entry(thesis).or_insert_with(empty).stances = vec![stance];
        }
        for (thesis, weight) in self.weights {
            draft.cells.entry(thesis).or_insert_with(empty).weights = vec![weight];
        }
        for (thesis, cell) in &draft.cells {
            if cell.stances.is_empty() || cell.weights.is_empty() {
                bail!("{thesis} has a summary or a weight alone; give both");
            }
        }
        Ok(())
    }
}

/// The codebook's theses, and after them those that only the labels name.
pub fn theses<'a>(labels: &[(&'a Label, &str)], theses: &[&'a str]) -> Vec<&'a str> {
    let named = labels.iter().flat_map(|(label, _)| {
        (label.marks.iter().map(|mark| mark.thesis.as_str()))
            .chain(label.contested.iter().map(|mark| mark.thesis.as_str()))
            .chain(label.cells.keys().map(String::as_str))
            .chain(label.primary.iter().flatten().map(String::as_str))
    });
    let mut all = theses.to_vec();
    for thesis in named {
        if !all.contains(&thesis) {
            all.push(thesis);
        }
    }
    all
}

/// What a text's places count, from whether the words kept with each fit it there in
/// code points and in UTF-16: code points, unless words fit in UTF-16 alone.
pub fn unit(fits: impl Iterator<Item = (bool, bool)>) -> Unit {
    let mut unit = Unit::CodePoints;
    for fit in fits {
        match fit {
            (true, false) => return Unit::CodePoints,
            (false, true) => unit = Unit::Utf16,
            _ => {}
        }
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_before_what_the_draft_says() {
        let mut draft = Draft::new("a.txt", Unit::CodePoints);
        draft.primary = vec![Some("t".to_owned()), None];
        let mut fields = Fields::default();
        fields.take("primary", ':', "none").unwrap();
        fields.take("summary:t", ':', "rejects").unwrap();
        fields.take("weight:t", ':', "2").unwrap();
        fields.take("length", ':', "9").unwrap();
        fields.lay_over(&mut draft).unwrap();
        assert_eq!(draft.primary, [None]);
        assert_eq!(draft.cells["t"].stances, [CellStance::Rejects]);
        assert_eq!(draft.cells["t"].weights, [2]);
    }

    #[test]
    fn a_field_with_no_such_value_is_named() {
        let mut fields = Fields::default();
        let error = fields.take("weight-t", '-', "4").unwrap_err();
        assert_eq!(
            error.to_string(),
            "weight-t: \"4\" is no weight; write 0, 1, 2 or 3"
        );
        let error = fields.take("summary-t", '-', "asserts").unwrap_err();
        assert!(error.to_string().contains("is none of endorses"), "{error}");
        fields.take("weight-t", '-', "1").unwrap();
        assert!(fields.take("weight-t", '-', "1").is_err());
        let mut draft = Draft::new("a.txt", Unit::CodePoints);
        let error = fields.lay_over(&mut draft).unwrap_err();
        assert_eq!(
            error.to_string(),
            "t has a summary or a weight alone; give both"
        );
    }

    #[test]
    fn words_that_fit_in_utf16_alone_say_the_unit() {
        assert_eq!(unit([(true, true), (false, true)].into_iter()), Unit::Utf16);
        assert_eq!(
            unit([(false, true), (true, false)].into_iter()),
            Unit::CodePoints
        );
        assert_eq!(unit([(false, false)].into_iter()), Unit::CodePoints);
    }
}
