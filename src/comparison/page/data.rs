//! The data of `table.html`: what its script shows when it is asked to.
//!
//! A JSON array with one entry a line, so that the script reads only the entry it needs:
//! first the rows, then every essay with its text, its layers and its cells. Spans count
//! UTF-16 units, as JavaScript does; `at` is the byte where a sentence starts, as in
//! `table.json`.

use serde::Serialize;

use super::super::{Comparison, Row};
use crate::layers::{Annotated, Claim, Entity, EntityKind, Voice};
use crate::reading::{Cell, CellStance, Evidence, Without};
use crate::text::{Reason, Role, Span};

#[derive(Serialize)]
struct Overview<'a> {
    theses: Vec<Thesis<'a>>,
    rows: Vec<RowData<'a>>,
    /// Whether it was ever counted how often such cells are right.
    calibrated: bool,
}

#[derive(Serialize)]
struct Thesis<'a> {
    id: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct RowData<'a> {
    id: &'a str,
    file: &'a str,
    title: &'a Option<String>,
    author: &'a Option<String>,
    year: Option<i32>,
    heading: String,
    primary: Option<usize>,
    cells: Vec<(CellStance, f64)>,
}

#[derive(Serialize)]
struct EssayData<'a> {
    text: &'a str,
    /// Start, end, role, and why it was left out.
    blocks: Vec<(u32, u32, &'static str, Option<Reason>)>,
    /// Start, end, `at`.
    sentences: Vec<(u32, u32, usize)>,
    layers: Layers,
    cells: Vec<CellData<'a>>,
}

/// Start, end, and the words that stand beside it.
type Mark = (u32, u32, String);

#[derive(Serialize)]
struct Layers {
    entities: Vec<Mark>,
    voices: Vec<Mark>,
    claims: Vec<Mark>,
    markup: Vec<Mark>,
}

#[derive(Serialize)]
struct CellData<'a> {
    stance: CellStance,
    weight: f64,
    confidence: f64,
    /// Asserts, denies, reports.
    masses: [f64; 3],
    without: Option<Without>,
    evidence: Vec<EvidenceData<'a>>,
    nearest: Option<EvidenceData<'a>>,
}

#[derive(Serialize)]
struct EvidenceData<'a> {
    at: usize,
    /// The byte after its last.
    to: usize,
    start: u32,
    end: u32,
    stance: &'static str,
    voice: crate::layers::Speaker,
    source: &'a Option<String>,
    score: f64,
}

/// The data as JSON that an HTML parser finds no tag, entity or comment in.
pub fn json(comparison: &Comparison) -> String {
    let mut out = String::from("[");
    push(&mut out, &overview(comparison));
    for row in &comparison.rows {
        out.push_str(",\n");
        push(&mut out, &essay(row));
    }
    out.push(']');
    out
}

fn push(out: &mut String, entry: &impl Serialize) {
    let json = serde_json::to_string(entry).expect("the data has only string keys");
    // All of these stand in strings only, where JSON takes them by number too.
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                *out += &format!("\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
}

fn overview<'a>(comparison: &'a Comparison) -> Overview<'a> {
    let study = comparison.study;
    let thesis = |t: &'a crate::study::Thesis| Thesis {
        id: &t.id,
        label: &t.label,
    };
    let row = |row: &'a Row| {
        let essay = &row.essay.essay;
        RowData {
            id: &essay.id,
            file: &essay.file,
            title: &essay.document.title,
            author: &essay.document.author,
            year: essay.document.year,
            heading: row.heading(),
            primary: row.reading.primary,
            cells: row
                .reading
                .cells
                .iter()
                .map(|c| (c.stance, c.weight))
                .collect(),
        }
    };
    Overview {
        theses: study.theses.iter().map(thesis).collect(),
        rows: comparison.rows.iter().map(row).collect(),
        calibrated: study.confidence.is_known(),
    }
}

fn essay<'a>(row: &'a Row) -> EssayData<'a> {
    let essay = row.essay;
    let document = &essay.essay.document;
    let units = Units::of(&document.text);
    EssayData {
        text: &document.text,
        blocks: document
            .blocks
            .iter()
            .map(|block| {
                let (start, end) = units.span(block.span);
                let (role, reason) = role(block.role);
                (start, end, role, reason)
            })
            .collect(),
        sentences: essay
            .sentences
            .iter()
            .map(|sentence| {
                let (start, end) = units.span(sentence.span);
                (start, end, sentence.span.start)
            })
            .collect(),
        layers: layers(essay, &units),
        cells: row.reading.cells.iter().map(|c| cell(c, &units)).collect(),
    }
}

fn role(role: Role) -> (&'static str, Option<Reason>) {
    match role {
        Role::Paragraph => ("paragraph", None),
        Role::Heading => ("heading", None),
        Role::Item => ("item", None),
        Role::Quotation => ("quotation", None),
        Role::Note => ("note", None),
        Role::Outside(reason) => ("outside", Some(reason)),
    }
}

fn layers(of: &Annotated, units: &Units) -> Layers {
    let mark = |span: Span, label: String| {
        let (start, end) = units.span(span);
        (start, end, label)
    };
    let document = &of.essay.document;
    let entity = |e: &Entity| mark(e.span, name(e, of.essay.quote(e.span)));
    let voice = |v: &Voice| mark(v.span, attribution(v));
    let claim = |c: &Claim| {
        let mut marks = vec![mark(c.span, format!("{} {:.2}", kind(c), c.score))];
        if let Some(causation) = &c.causation {
            marks.push(mark(causation.cause, "cause".to_owned()));
            marks.push(mark(causation.effect, "effect".to_owned()));
        }
        marks
    };
    Layers {
        entities: of.entities.iter().map(entity).collect(),
        voices: of.voices.iter().map(voice).collect(),
        claims: of.claims.iter().flat_map(claim).collect(),
        markup: document
            .markup
            .iter()
            .map(|s| mark(*s, String::new()))
            .collect(),
    }
}

fn name(entity: &Entity, spelt: &str) -> String {
    let kind = match entity.kind {
        EntityKind::Per => "person",
        EntityKind::Org => "body",
        EntityKind::Loc => "place",
        EntityKind::Event => "event",
        EntityKind::Work => "work",
    };
    match entity.canonical == spelt {
        true => kind.to_owned(),
        false => format!("{kind}: {}", entity.canonical),
    }
}

fn attribution(voice: &Voice) -> String {
    let source = voice.source.as_deref().unwrap_or("another");
    // A true minus, and no sign on a nought.
    let commitment = match (voice.commitment * 10.0).round() / 10.0 {
        c if c > 0.0 => format!("+{c:.1}"),
        c if c < 0.0 => format!("−{:.1}", -c),
        _ => "0".to_owned(),
    };
    format!("{source}; author {commitment}")
}

fn kind(claim: &Claim) -> &'static str {
    match claim.kind {
        crate::layers::ClaimKind::Claim => "claim",
        crate::layers::ClaimKind::Premise => "premise",
        crate::layers::ClaimKind::Causal => "causal",
    }
}

fn cell<'a>(cell: &'a Cell, units: &Units) -> CellData<'a> {
    let why = &cell.explanation;
    let evidence = |e: &'a Evidence| {
        let (start, end) = units.span(e.span);
        EvidenceData {
            at: e.span.start,
            to: e.span.end,
            start,
            end,
            stance: e.stance.name(),
            voice: e.voice,
            source: &e.source,
            score: e.score,
        }
    };
    CellData {
        stance: cell.stance,
        weight: cell.weight,
        confidence: cell.confidence,
        masses: [why.mass.asserts, why.mass.denies, why.mass.reports],
        without: why.without,
        evidence: cell.evidence.iter().map(evidence).collect(),
        nearest: why.nearest.as_ref().map(evidence),
    }
}

/// For every byte of a text the number of UTF-16 units before it.
struct Units(Vec<u32>);

impl Units {
    fn of(text: &str) -> Self {
        let mut before = Vec::with_capacity(text.len() + 1);
        let mut units = 0;
        for c in text.chars() {
            before.extend(std::iter::repeat_n(units, c.len_utf8()));
            units += c.len_utf16() as u32;
        }
        before.push(units);
        Self(before)
    }

    fn span(&self, span: Span) -> (u32, u32) {
        (self.0[span.start], self.0[span.end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_a_javascript_string() {
        let text = "\u{feff}é🥖 Троцкий e\u{301}";
        let units = Units::of(text);
        let utf16: Vec<u16> = text.encode_utf16().collect();
        for word in ["🥖", "Троцкий", "e\u{301}", text] {
            let at = text.find(word).unwrap();
            let (start, end) = units.span(Span::new(at, at + word.len()));
            let cut = &utf16[start as usize..end as usize];
            assert_eq!(String::from_utf16(cut).unwrap(), word);
        }
    }

    #[test]
    fn an_entry_ends_no_script_and_reads_back() {
        let text = "</script><!-- <script> &amp; ]]> \u{2028}\u{2029}\n\"\\";
        let mut out = String::new();
        push(&mut out, &text);
        assert!(!out.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\n']));
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
