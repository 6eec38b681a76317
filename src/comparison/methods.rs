//! A methods paragraph with the study's figures, and the references it needs.

use serde_json::Value;

use crate::words::counted;

/// What a methods section has to say of a run, in Markdown, and its BibTeX entries;
/// `record`, `table` and `scores` are a run's `run.json`, `table.json` and, where it was
/// evaluated, `scores.json`; `id` is its short name.
pub fn methods(record: &Value, table: &Value, scores: Option<&Value>, id: &str) -> String {
    let version = record["version"].as_str().unwrap_or("");
    let list = |value: &Value| value.as_array().map_or(0, Vec::len);
    let theses: Vec<&str> = table["theses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| t["label"].as_str())
        .collect();
    let essays = list(&table["essays"]);
    let evidence: usize = (table["essays"].as_array().into_iter().flatten())
        .flat_map(|essay| essay["theses"].as_object().into_iter().flatten())
        .map(|(_, cell)| list(&cell["evidence"]))
        .sum();
    let zero_shot = list(&record["zero_shot"]);
    let weights = || record["weights"].as_array().into_iter().flatten();
    let named = |w: &Value, part: &str| w["file"].as_str().is_some_and(|f| f.contains(part));
    let own = weights().any(|w| named(w, "trained/"));
    let taught = match zero_shot {
        0 if own => "by what hand labels of this study taught it of each thesis".to_owned(),
        0 => {
            "by what hand labels of other essays, and essays written for the purpose, taught it of \
              each thesis"
                .to_owned()
        }
        n if n == theses.len() => {
            "by the theses' definitions alone, without hand labels".to_owned()
        }
        n => format!(
            "by the definitions alone for {n} of the theses, by hand labels {} for the rest",
            if own {
                "of this study"
            } else {
                "of other essays"
            }
        ),
    };
    let weights: Vec<String> = weights()
        .filter(|w| named(w, ".onnx") || named(w, ".safetensors"))
        .filter_map(|w| {
            let sha: String = w["sha256"].as_str()?.chars().take(12).collect();
            Some(format!("{} (SHA-256 {sha}…)", w["file"].as_str()?))
        })
        .collect();
    let mut text = format!(
        "We compared {} on the question “{}” with konspekt {} [@konspekt] (run {id}). \
         Each sentence of the essays proper was judged on {} theses ({}): whether the author asserts, \
         denies or reports the thesis in it, {taught}. A sentence counted as evidence from a probability \
         of {} on, a thesis as spoken of from {} such sentences on, and as a candidate for the main \
         explanation from {} asserting ones on (sums of probabilities). An essay endorses or rejects a \
         thesis, whichever its sentences do more, and merely reports it where reports are more than \
         twice either; its main explanation is the one it asserts most of those it endorses. The evidence is \
         {}, each traceable to its bytes in the essay. The networks were {}; the codebook has \
         the SHA-256 {}…\n",
        counted(essays, "essay"),
        table["question"].as_str().unwrap_or(""),
        version,
        theses.len(),
        theses.join("; "),
        record["thresholds"]["evidence"],
        record["thresholds"]["cell"],
        record["thresholds"]["primary"],
        counted(evidence, "sentence"),
        weights.join(" and "),
        record["codebook"]
            .as_str()
            .map_or(String::new(), |c| c.chars().take(12).collect()),
    );
    match scores {
        Some(scores) => text += &reliability(scores),
        None => {
            text +=
                "\nAgreement with hand labels was not measured (`konspekt evaluate` does it).\n";
        }
    }
    text + "\n```bibtex\n" + &BIBTEX.trim_start().replace("VERSION", version) + "```\n"
}

fn reliability(scores: &Value) -> String {
    let figure = |figures: &Value, id: &str| {
        let figure = &figures[id];
        let number = |value: &Value| {
            value
                .as_f64()
                .map_or("n/a".to_owned(), |f| format!("{f:.2}"))
        };
        let interval = &figure["interval"];
        match interval.is_object() {
            true => format!(
                "{} (95 % interval {} to {})",
                number(&figure["value"]),
                number(&interval["low"]),
                number(&interval["high"])
            ),
            false => number(&figure["value"]),
        }
    };
    let figures = &scores["figures"];
    let mut text = format!(
        "\nOn {} with hand labels, the program's cells were the labels' with a share of {}, \
         Cohen's kappa {} [@cohen1960] and Krippendorff's alpha {} [@krippendorff2004]; the main \
         explanation was the same for a share of {}; evidence sentences were found, with thesis and \
         stance right, with F1 {}. Intervals are by bootstrap over essays [@efron1993], {} draws, seed \
         {}.",
        counted(scores["essays"].as_u64().unwrap_or(0) as usize, "essay"),
        figure(figures, "cells"),
        figure(figures, "cells_kappa"),
        figure(figures, "cells_alpha"),
        figure(figures, "primary"),
        figure(figures, "evidence_f1"),
        scores["resampling"]["draws"],
        scores["resampling"]["seed"],
    );
    let taught = scores["learned_from"].as_array().map_or(0, Vec::len);
    if taught > 0 {
        text += &format!(
            " {taught} of these essays were among those that the judge was fitted to, so that the \
             figures do not tell how it reads others."
        );
    }
    let people = (scores["agreement"].as_array().into_iter().flatten()).filter(|pair| {
        pair["second"] != crate::evaluate::PROGRAM && pair["first"] != "adjudicated"
    });
    for pair in people {
        let figures = &pair["figures"];
        text += &format!(
            " The readers {} and {} agreed on cells with kappa {} and on evidence with F1 {}, unitizing \
             alpha {} [@krippendorff1995].",
            pair["first"].as_str().unwrap_or(""),
            pair["second"].as_str().unwrap_or(""),
            figure(figures, "cells_kappa"),
            figure(figures, "evidence_f1"),
            figure(figures, "evidence_alpha_unitizing"),
        );
    }
    text + "\n"
}

const BIBTEX: &str = r"
@software{konspekt,
  author  = {{The konspekt authors}},
  title   = {konspekt: causal theses of essays, side by side},
  version = {VERSION},
  year    = {2026}
}
@article{cohen1960,
  author  = {Cohen, Jacob},
  title   = {A Coefficient of Agreement for Nominal Scales},
  journal = {Educational and Psychological Measurement},
  volume  = {20}, number = {1}, pages = {37--46}, year = {1960}
}
@book{krippendorff2004,
  author    = {Krippendorff, Klaus},
  title     = {Content Analysis: An Introduction to Its Methodology},
  edition   = {2}, publisher = {Sage}, year = {2004}
}
@article{krippendorff1995,
  author  = {Krippendorff, Klaus},
  title   = {On the Reliability of Unitizing Continuous Data},
  journal = {Sociological Methodology},
  volume  = {25}, pages = {47--76}, year = {1995}
}
@book{efron1993,
  author    = {Efron, Bradley and Tibshirani, Robert J.},
  title     = {An Introduction to the Bootstrap},
  publisher = {Chapman and Hall}, year = {1993}
}
";
