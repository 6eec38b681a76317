//! `konspekt evaluate`: the last run against hand labels, and readers against each
//! other.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, ensure};

use super::hand_labels::HandLabels;
use super::run::{Session, finish};
use super::{EvaluateArgs, Outcome, corpus};
use crate::drawing;
use crate::evaluate::{self, Draws, Evaluation, Opinion, Reader, Table};
use crate::labels::Label;
use crate::store::Staged;

/// What is written beside the run's own files.
pub const FILES: [&str; 8] = [
    "scores.json",
    "scores.md",
    "scores.tex",
    "scores.html",
    "figures/confusion.svg",
    "figures/confusion.png",
    "figures/reliability.svg",
    "figures/reliability.png",
];

pub fn run(args: &EvaluateArgs) -> Result<Outcome> {
    let other = args.against.as_deref().map(Table::read).transpose()?;
    let session = Session::open(&args.run)?;
    let texts = corpus::texts(session.essays());
    let HandLabels {
        agreed,
        readers,
        unknown,
    } = HandLabels::read(&args.labels, session.pipeline.study(), &texts)?;
    let partial = |lacks: fn(&Label) -> bool| agreed.iter().filter(|l| lacks(l)).count();
    for (count, what) in [
        (
            partial(|label| label.cells.is_empty()),
            "summary, so that their cells",
        ),
        (
            partial(|label| label.primary.is_empty()),
            "primary, so that their main explanations",
        ),
    ] {
        if count > 0 {
            eprintln!("konspekt: {count} of the labels have no {what} are not scored");
        }
    }
    let learned_from: Vec<String> = (session.essays().iter())
        .filter(|essay| session.pipeline.learned_from(&essay.sha256))
        .map(|essay| essay.file_name().to_owned())
        .filter(|doc| agreed.iter().any(|label| label.doc == *doc))
        .collect();
    if !learned_from.is_empty() {
        eprintln!(
            "konspekt: {} of the {} labelled essays taught the judge, so that these figures say how \
             well it remembers; models/judge/MODEL_CARD.md has those for essays it had not seen",
            learned_from.len(),
            agreed.len()
        );
    }
    if let (Some(other), Some(folder)) = (&other, &args.against) {
        comparable(other, folder, &session, &texts)?;
    }

    // The last run is good when it was made of the same things.
    let last = fs::read(session.out.join("run.json")).is_ok_and(|run| run == session.record());
    if !last {
        let essays = session.annotate()?;
        session.write(&session.compare(&essays))?;
    }

    let name = if readers.is_empty() {
        "labels"
    } else {
        "adjudicated"
    };
    let readers: Vec<Reader> = readers.iter().map(|(name, of)| reader(name, of)).collect();
    let against = args.against.as_ref().map(|dir| dir.display().to_string());
    let evaluation = Evaluation {
        study: &session.pipeline.study().name,
        run: &Table::read(&session.out)?,
        labels: &reader(name, &agreed),
        readers: &readers,
        against: against.as_deref().zip(other.as_ref()),
        learned_from,
        labels_without_essay: unknown.into_iter().collect(),
        draws: Draws {
            draws: args.draws,
            seed: args.seed,
        },
    };
    let scores = session
        .workers
        .run(|| evaluate::score(evaluation, |doc| texts[doc]));
    let mut staged = Staged::new(&session.out)?;
    let confusion = evaluate::confusion_svg(&scores);
    let reliability = evaluate::reliability_svg(&scores);
    for (file, bytes) in FILES.into_iter().zip([
        evaluate::json(&scores),
        evaluate::markdown(&scores),
        evaluate::latex(&scores),
        evaluate::html(&scores),
        confusion.clone().into_bytes(),
        drawing::png(confusion.as_bytes()),
        reliability.clone().into_bytes(),
        drawing::png(reliability.as_bytes()),
    ]) {
        staged.add(file, &bytes)?;
    }
    staged.commit()?;
    finish(std::io::stdout().write_all(evaluate::terminal(&scores).as_bytes()))?;
    session.say(&format!(
        "\nWritten to {}: scores.html, .md, .tex and .json, and figures.",
        session.out.display()
    ));
    Ok(session.outcome())
}

/// Checks that another run is of the same theses, and of the same texts.
fn comparable(
    other: &Table,
    folder: &Path,
    session: &Session,
    texts: &HashMap<&str, &str>,
) -> Result<()> {
    let theses: BTreeSet<&str> = (session.pipeline.study().theses.iter())
        .map(|t| t.id.as_str())
        .collect();
    for essay in &other.essays {
        let theirs: BTreeSet<&str> = essay.theses.keys().map(String::as_str).collect();
        ensure!(
            theirs == theses,
            "{}: its theses are not those of this run, so that the two cannot be compared",
            folder.display()
        );
        let Some(text) = texts.get(essay.file_name()) else {
            continue;
        };
        let evidence = essay.theses.values().flat_map(|cell| &cell.evidence);
        let moved = evidence.filter(|e| text.get(e.start..e.end) != Some(e.quote.as_str()));
        ensure!(
            moved.count() == 0,
            "{}: its quotes do not stand in {} as this run reads it, so that the two cannot be \
             compared",
            folder.display(),
            essay.file
        );
    }
    Ok(())
}

fn reader(name: &str, labels: &[Label]) -> Reader {
    let opinion = |label: &Label| (label.doc.clone(), Opinion::of_label(label));
    Reader {
        name: name.to_owned(),
        opinions: labels.iter().map(opinion).collect(),
    }
}
