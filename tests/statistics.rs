//! The statistics against published worked examples and the outputs of other libraries:
//! `tests/statistics/reference.json`, written by `make.py` beside it.

use konspekt::statistics::{
    Confusion, Level, Reliability, Unit, Unitizing, Weights, alpha, bootstrap, corrected_share,
    kappa, percent, randomisation, risk_coverage, unitizing,
};
use konspekt::training::{Targets, fit_logistic};
use ndarray::Array2;
use serde_json::Value;

fn cases(section: &str) -> Vec<Value> {
    let source = std::fs::read("tests/statistics/reference.json").unwrap();
    let all: Value = serde_json::from_slice(&source).unwrap();
    all[section].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<usize> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_u64().unwrap() as usize).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

/// Equal to 1e-9; undefined where the reference is.
fn same(got: Option<f64>, wanted: &Value, case: &Value, what: &str) {
    let ok = match (got, wanted.as_f64()) {
        (Some(got), Some(wanted)) => (got - wanted).abs() < 1e-9,
        (None, None) => true,
        _ => false,
    };
    assert!(ok, "{}: {what}: {got:?}, not {wanted}", case["name"]);
}

#[test]
fn kappa_is_scikit_learns() {
    for case in cases("cohen") {
        let k = case["k"].as_u64().unwrap() as usize;
        let pairs: Vec<_> = numbers(&case["a"])
            .into_iter()
            .zip(numbers(&case["b"]))
            .collect();
        let wanted = &case["expected"];
        same(percent(&pairs), &wanted["agreement"], &case, "agreement");
        for (weights, name) in [
            (Weights::None, "kappa"),
            (Weights::Linear, "kappa_linear"),
            (Weights::Quadratic, "kappa_quadratic"),
        ] {
            same(kappa(&pairs, k, weights), &wanted[name], &case, name);
        }
    }
    assert_eq!(kappa(&[], 2, Weights::None), None);
}

/// Among them Krippendorff's example of 2011: nominal 0.743, ordinal 0.815.
#[test]
fn alpha_is_krippendorffs() {
    for case in cases("krippendorff") {
        let readers = case["ratings"].as_array().unwrap();
        let items: Vec<Vec<usize>> = (0..readers[0].as_array().unwrap().len())
            .map(|item| {
                let values = readers.iter().filter_map(|reader| reader[item].as_u64());
                values.map(|v| v as usize).collect()
            })
            .collect();
        let k = case["k"].as_u64().unwrap() as usize;
        for (level, name) in [(Level::Nominal, "nominal"), (Level::Ordinal, "ordinal")] {
            same(
                alpha(&items, k, level),
                &case["expected"][name],
                &case,
                name,
            );
        }
    }
    assert_eq!(alpha(&[], 2, Level::Nominal), None);
}

#[test]
fn precision_recall_and_f1_are_scikit_learns() {
    for case in cases("classes") {
        let k = case["k"].as_u64().unwrap() as usize;
        let pairs = numbers(&case["gold"])
            .into_iter()
            .zip(numbers(&case["predicted"]));
        let confusion = Confusion::new(vec![String::new(); k], pairs);
        let wanted = &case["expected"];
        for (row, counts) in confusion.counts.iter().enumerate() {
            assert_eq!(*counts, numbers(&wanted["confusion"][row]));
            let of = confusion.of(row);
            same(
                of.precision(),
                &wanted["precision"][row],
                &case,
                "precision",
            );
            same(of.recall(), &wanted["recall"][row], &case, "recall");
            same(of.f1(), &wanted["f1"][row], &case, "F1");
        }
        same(confusion.accuracy(), &wanted["accuracy"], &case, "accuracy");
        same(confusion.macro_f1(), &wanted["macro_f1"], &case, "macro F1");
    }
}

fn answers(case: &Value) -> Vec<(f64, bool)> {
    let right = numbers(&case["right"]).into_iter().map(|right| right == 1);
    floats(&case["confidence"]).into_iter().zip(right).collect()
}

#[test]
fn reliability_is_scikit_learns() {
    for case in cases("calibration") {
        let found = Reliability::new(&answers(&case));
        let wanted = &case["expected"];
        same(
            found.expected_calibration_error,
            &wanted["ece"],
            &case,
            "error",
        );
        same(found.brier, &wanted["brier"], &case, "Brier");
        let mut bins = found.bins.iter();
        for (i, count) in numbers(&wanted["count"]).into_iter().enumerate() {
            if count > 0 {
                let bin = bins.next().unwrap();
                assert_eq!(bin.count, count, "{}, bin {i}", case["name"]);
                same(
                    Some(bin.confidence),
                    &wanted["mean_confidence"][i],
                    &case,
                    "mean",
                );
                same(
                    Some(bin.accuracy),
                    &wanted["share_right"][i],
                    &case,
                    "right",
                );
            }
        }
        assert!(bins.next().is_none());
    }
}

#[test]
fn accuracy_against_coverage_is_scikit_learns() {
    for case in cases("risk_coverage") {
        let found = risk_coverage(&answers(&case));
        let wanted = case["expected"]["points"].as_array().unwrap();
        assert_eq!(found.len(), wanted.len(), "{}", case["name"]);
        for ((coverage, accuracy), point) in found.into_iter().zip(wanted) {
            same(Some(coverage), &point[0], &case, "coverage");
            same(Some(accuracy), &point[1], &case, "accuracy");
        }
    }
}

/// Micro F1 of essays' hits, predictions and gold marks.
fn f1<'e>(essays: impl Iterator<Item = &'e Vec<usize>>) -> Option<f64> {
    let sums = essays.fold([0; 3], |s, e| [s[0] + e[0], s[1] + e[1], s[2] + e[2]]);
    (sums[1] + sums[2] > 0).then(|| 2.0 * sums[0] as f64 / (sums[1] + sums[2]) as f64)
}

fn triples(value: &Value) -> Vec<Vec<usize>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

#[test]
fn randomisation_is_scipys() {
    for case in cases("permutation") {
        let (a, b) = (triples(&case["a"]), triples(&case["b"]));
        let difference = |swapped: &[bool]| {
            let run = |first: bool| {
                let of = |i: usize| if swapped[i] == first { &b[i] } else { &a[i] };
                f1((0..a.len()).map(of))
            };
            Some(run(true)? - run(false)?)
        };
        let unswapped = vec![false; a.len()];
        same(
            difference(&unswapped),
            &case["expected"]["difference"],
            &case,
            "difference",
        );
        let p = randomisation(a.len(), 0, 0, difference);
        same(p, &case["expected"]["p"], &case, "p");
    }
}

/// Drawn ways come near the exact value, and the same seed gives the same draws.
#[test]
fn drawn_randomisation_is_near_the_exact_one() {
    // 14 essays, all of which the first run wins: 2 of 2^14 ways are as extreme.
    let toss = |swapped: &[bool]| {
        let sum: f64 = swapped.iter().map(|&s| if s { -1.0 } else { 1.0 }).sum();
        Some(sum)
    };
    let p = randomisation(14, 9_999, 1, toss).unwrap();
    assert!(p < 0.001, "{p}");
    assert_eq!(randomisation(14, 9_999, 1, toss), Some(p));
    assert_eq!(randomisation(14, 99, 1, |_| Some(0.0)), Some(1.0));
    assert_eq!(randomisation(3, 99, 1, |_| None), None);
}

#[test]
fn bootstrap_is_the_enumerated_one_and_scipys() {
    for case in cases("bootstrap") {
        let essays = triples(&case["essays"]);
        let found = bootstrap(essays.len(), 40_000, 7, |sample| {
            f1(sample.iter().map(|&i| &essays[i]))
        })
        .unwrap();
        // A percentile of draws may be the neighbour of the enumerated one.
        let tolerance = case["tolerance"].as_f64().unwrap().max(0.005);
        for (got, name) in [(found.low, "low"), (found.high, "high")] {
            let wanted = case["expected"][name].as_f64().unwrap();
            let near = (got - wanted).abs() <= tolerance;
            assert!(near, "{}: {name}: {got}, not {wanted}", case["name"]);
        }
    }
    assert_eq!(bootstrap(1, 100, 0, |_| Some(1.0)), None);
    assert_eq!(bootstrap(9, 100, 0, |_| None), None);
}

#[test]
fn corrected_shares_are_ppi_pythons() {
    let bits =
        |value: &Value| -> Vec<bool> { numbers(value).into_iter().map(|b| b == 1).collect() };
    for case in cases("ppi") {
        let labelled: Vec<(bool, bool)> = bits(&case["gold"])
            .into_iter()
            .zip(bits(&case["predicted"]))
            .collect();
        let found = corrected_share(&labelled, &bits(&case["predicted_unlabelled"])).unwrap();
        let wanted = &case["expected"];
        for (got, name) in [
            (found.share, "tuned_point"),
            (found.low, "tuned_low"),
            (found.high, "tuned_high"),
        ] {
            let within = wanted[name].as_f64().unwrap().clamp(0.0, 1.0);
            same(Some(got), &within.into(), &case, name);
        }
    }
    assert_eq!(corrected_share(&[(true, true)], &[true, false]), None);
}

/// Among them the examples of Krippendorff 2004 (page 254: c 0.7286, k 1) and 1995.
#[test]
fn unitizing_alpha_is_krippendorffs() {
    for case in cases("unitizing") {
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let begin = number(&case["begin"]);
        let mut total = Unitizing::default();
        for category in case["categories"].as_array().unwrap() {
            let mut readers = vec![Vec::new(); number(&case["readers"])];
            for unit in case["units"].as_array().unwrap() {
                if unit["category"] == *category {
                    readers[number(&unit["reader"])].push(Unit {
                        start: number(&unit["begin"]) - begin,
                        end: number(&unit["end"]) - begin,
                    });
                }
            }
            readers
                .iter_mut()
                .for_each(|units| units.sort_by_key(|unit| unit.start));
            let found = unitizing(number(&case["length"]), &readers);
            let wanted = &case["expected"]["categories"][category.as_str().unwrap()];
            same(Some(found.observed), &wanted["observed"], &case, "observed");
            same(Some(found.expected), &wanted["expected"], &case, "expected");
            same(found.alpha(), &wanted["alpha"], &case, "alpha");
            total = [total, found].into_iter().sum();
        }
        same(
            total.alpha(),
            &case["expected"]["total"]["alpha"],
            &case,
            "total",
        );
    }
}

/// To 0.01: the search stops where the mean loss is flat to 1e-4.
#[test]
fn logistic_regression_is_scikit_learns() {
    for case in cases("logistic") {
        let matrix = |value: &Value| -> Array2<f32> {
            let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(floats).collect();
            Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, k)| rows[i][k] as f32)
        };
        let (classes, weights) = (numbers(&case["classes"]), floats(&case["weights"]));
        let shape = (classes.len(), 1);
        let targets = Targets {
            classes: Array2::from_shape_fn(shape, |(i, _)| classes[i]),
            weights: Array2::from_shape_fn(shape, |(i, _)| weights[i] as f32),
            count: 3,
        };
        let strength = case["strength"].as_f64().unwrap();
        let found = fit_logistic(&matrix(&case["x"]), &targets, strength).unwrap();
        let wanted = &case["expected"];
        let close = |a: f32, b: f32| (a - b).abs() < 0.01;
        let weights = matrix(&wanted["weights"]);
        assert!(
            found
                .weights
                .iter()
                .zip(&weights)
                .all(|(a, b)| close(*a, *b)),
            "{}: {} not {weights}",
            case["name"],
            found.weights
        );
        let bias = &found.bias - found.bias.mean().unwrap();
        let wanted = floats(&wanted["bias"]);
        assert!(bias.iter().zip(wanted).all(|(a, b)| close(*a, b as f32)));
    }
}
