"""Writes reference.json: reference values for agreement and evaluation statistics.

Versions are pinned in requirements.txt. Run: venv/bin/python make.py
Every section is a list of {"name", inputs..., "expected": {...}}; null means undefined.
"""
import itertools
import json
import logging
import math
import os
import warnings
from fractions import Fraction

os.environ.update(OMP_NUM_THREADS="1")
import krippendorff
import numpy as np
import scipy.stats
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from sklearn import metrics
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
logging.disable()
rng = np.random.default_rng(20240601)


def clean(x):
    """Numpy and Fraction to plain Python; nan to None."""
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [clean(v) for v in x]
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, np.integer):
        return int(x)
    if isinstance(x, (float, np.floating, Fraction)):
        x = float(x)
        assert not math.isinf(x)
        return None if math.isnan(x) else x
    return x


def near(x, y, tol=1e-12):
    x, y = np.asarray(x, float), np.asarray(y, float)
    assert np.allclose(x, y, rtol=tol, atol=tol, equal_nan=True), (x, y)


# 1. Cohen's kappa: sklearn, labels 0..k-1; undefined where expected disagreement is 0.
def cohen():
    def noisy(k, n, keep):
        a = rng.integers(0, k, n)
        return a, np.where(rng.random(n) < keep, a, rng.integers(0, k, n))

    a3 = rng.integers(0, 3, 20)
    cases = [
        ("k2_n60", 2, *noisy(2, 60, 0.7)),
        ("k3_n40", 3, *noisy(3, 40, 0.5)),
        ("k4_n60", 4, *noisy(4, 60, 0.6)),
        ("k4_n12_unused_class", 4, *noisy(3, 12, 0.5)),
        ("k3_n20_perfect", 3, a3, a3),
        ("k2_n10_one_reader_constant", 2, np.zeros(10, int), np.array([0, 1] * 5)),
        ("k3_n5_both_constant_same", 3, np.ones(5, int), np.ones(5, int)),
        ("k2_n1_differ", 2, np.array([0]), np.array([1])),
    ]
    out = []
    for name, k, a, b in cases:
        kappa = lambda w: metrics.cohen_kappa_score(a, b, labels=list(range(k)), weights=w)
        out.append({"name": name, "k": k, "a": a, "b": b, "expected": {
            "agreement": np.mean(a == b), "kappa": kappa(None),
            "kappa_linear": kappa("linear"), "kappa_quadratic": kappa("quadratic")}})
    return out


# 2. Krippendorff's alpha for coding: matrix readers x units, null where not rated.
def alpha_coding():
    N = None
    canonical = [[1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
                 [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
                 [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
                 [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N]]
    canonical = [[v and v - 1 for v in row] for row in canonical]

    def random(m, n, k, keep, missing):
        true = rng.integers(0, k, n)
        rows = [np.where(rng.random(n) < keep, true, rng.integers(0, k, n)) for _ in range(m)]
        return [[N if rng.random() < missing else int(v) for v in row] for row in rows]

    once = random(3, 15, 3, 0.7, 0.0)
    for u in (1, 4, 9):
        once[0][u] = once[2][u] = N
    cases = [
        ("krippendorff_2011", 5, canonical),
        ("two_readers_complete", 3, random(2, 30, 3, 0.6, 0)),
        ("two_readers_binary", 2, random(2, 20, 2, 0.7, 0)),
        ("three_readers_missing", 4, random(3, 25, 4, 0.6, 0.25)),
        ("units_rated_once", 3, once),
        ("unused_middle_value", 4, [[0, 3, 1, 1, 3, 0, 0, 3], [0, 3, 1, 0, 3, 1, 0, 1]]),
        ("one_value_only", 2, [[1, 1, 1], [1, 1, N]]),
        ("no_pairable_unit", 2, [[1, N, 0], [N, 1, N]]),
    ]
    out = []
    for name, k, rows in cases:
        data = np.array(rows, dtype=float)

        def alpha(level):
            try:
                return krippendorff.alpha(data, value_domain=list(range(k)), level_of_measurement=level)
            except ValueError:  # no unit with two ratings
                return math.nan

        if name == "krippendorff_2011":
            near([alpha("nominal"), alpha("ordinal"), alpha("interval")], [0.743, 0.815, 0.849], 5e-4)
        out.append({"name": name, "k": k, "ratings": rows, "expected": {
            "nominal": alpha("nominal"), "ordinal": alpha("ordinal")}})
    return out


# 3. Classification: undefined (null) only where a denominator is 0; f1 = 2tp/(2tp+fp+fn).
# Macro f1 is the mean of f1 over classes that occur in gold or predicted (there f1 is defined).
def classes():
    gold4 = rng.integers(0, 4, 40)
    cases = [
        ("k2_n30", 2, (g := rng.integers(0, 2, 30)), np.where(rng.random(30) < 0.7, g, 1 - g)),
        ("k4_n40", 4, gold4, np.where(rng.random(40) < 0.6, gold4, rng.integers(0, 4, 40))),
        ("class_never_predicted", 3, np.array([0, 1, 2, 2, 1, 0, 0]), np.array([0, 1, 1, 0, 1, 0, 1])),
        ("class_never_gold", 3, np.array([0, 1, 1, 0, 0]), np.array([0, 2, 1, 0, 1])),
        ("class_in_neither", 4, np.array([0, 1, 3, 0]), np.array([0, 3, 3, 1])),
        ("all_wrong", 2, np.array([0, 1, 1]), np.array([1, 0, 0])),
        ("all_right", 3, np.array([0, 1, 2, 1]), np.array([0, 1, 2, 1])),
        ("n1", 2, np.array([1]), np.array([1])),
    ]
    out = []
    for name, k, g, p in cases:
        labels = list(range(k))
        pr, re, f1, _ = metrics.precision_recall_fscore_support(g, p, labels=labels, zero_division=np.nan)
        seen = sorted(set(g) | set(p))
        macro = metrics.f1_score(g, p, labels=seen, average="macro")
        near(macro, np.nanmean(f1))
        out.append({"name": name, "k": k, "gold": g, "predicted": p, "expected": {
            "confusion": metrics.confusion_matrix(g, p, labels=labels), "precision": pr, "recall": re,
            "f1": f1, "accuracy": metrics.accuracy_score(g, p), "macro_f1": macro}})
    return out


# 4. Calibration: sklearn's bins, edges linspace(0, 1, bins + 1), bin b = (e_b, e_b+1], 0 in the first.
def calibration():
    def draw(n, sharp):
        c = rng.random(n) ** (1 / sharp)
        return c, (rng.random(n) < c ** 1.5).astype(int)

    edges = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 0.95, 0.35])
    cases = [
        ("n100", *draw(100, 1)),
        ("n200_sharp", *draw(200, 4)),
        ("on_the_edges", edges, np.array([0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0])),
        ("two_decimals", np.round(rng.random(50), 2), rng.integers(0, 2, 50)),
        ("all_right", np.array([0.9, 0.8, 1.0]), np.ones(3, int)),
        ("all_wrong", np.array([0.9, 0.2, 0.0]), np.zeros(3, int)),
        ("n1", np.array([0.5]), np.array([1])),
    ]
    out = []
    for name, c, y in cases:
        bins = 10
        at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], c, side="left")
        count = np.bincount(at, minlength=bins)
        with np.errstate(invalid="ignore"):
            conf = np.bincount(at, c, bins) / count
            right = np.bincount(at, y, bins) / count
        full = count > 0
        true, pred = calibration_curve(y, c, n_bins=bins)
        near(true, right[full])
        near(pred, conf[full])
        ece = (count[full] / len(c) * np.abs(right[full] - conf[full])).sum()
        brier = metrics.brier_score_loss(y, c, pos_label=1)
        near(brier, np.mean((c - y) ** 2))
        out.append({"name": name, "bins": bins, "confidence": c, "right": y, "expected": {
            "count": count, "mean_confidence": conf, "share_right": right, "ece": ece, "brier": brier}})
    return out


# 5. Risk-coverage: one point per distinct confidence, most confident first (ties enter together);
# aurc = mean over k=1..n of (wrong among the first k)/k, stable order of equal confidences.
def risk_coverage():
    c50 = rng.permutation(np.linspace(0.3, 0.999, 50))
    cases = [
        ("n50_no_ties", c50, (rng.random(50) < c50).astype(int)),
        ("n8_no_ties", np.array([0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4]), np.array([1, 0, 1, 0, 0, 1, 1, 1])),
        ("n1_wrong", np.array([0.7]), np.array([0])),
        ("n4_all_right", np.array([0.7, 0.6, 0.9, 0.8]), np.ones(4, int)),
        ("n10_ties", np.array([0.9, 0.9, 0.8, 0.8, 0.8, 0.5, 0.5, 0.4, 0.9, 0.1]),
         np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 0])),
        ("n3_one_confidence", np.full(3, 0.5), np.array([0, 1, 1])),
    ]
    out = []
    for name, c, y in cases:
        n, order = len(c), np.argsort(-c, kind="stable")
        hits, k = np.cumsum(y[order]), np.arange(1, n + 1)
        last = np.append(c[order][:-1] != c[order][1:], True)
        points = [(k[i] / n, hits[i] / k[i]) for i in np.flatnonzero(last)]
        precision, _, cuts = metrics.precision_recall_curve(y, c, pos_label=1)  # share right at conf >= cut
        near([a for _, a in points][::-1], precision[:-1])
        out.append({"name": name, "confidence": c, "right": y, "ties": len(set(c)) < n, "expected": {
            "points": points, "aurc": np.mean(1 - hits / k)}})
    return out


def f1(t):
    """Micro F1 of essays' (hits, predicted, gold) rows."""
    h, p, g = np.sum(t, axis=0)
    return 2 * h / (p + g)


def essays(n, quality, gold=None):
    gold = rng.integers(2, 9, n) if gold is None else gold
    predicted = np.maximum(1, gold + rng.integers(-2, 3, n))
    hits = rng.binomial(np.minimum(gold, predicted), quality)
    return np.stack([hits, predicted, gold], axis=1)


# 6. Paired approximate randomisation, all 2^n swaps, two-sided, no +1 correction.
def permutation():
    def p_value(a, b):
        n, seen = len(a), f1(a) - f1(b)
        swaps = [np.array(s)[:, None] for s in itertools.product([False, True], repeat=n)]
        d = np.array([f1(np.where(s, b, a)) - f1(np.where(s, a, b)) for s in swaps])
        return seen, np.mean(np.abs(d) >= abs(seen) - 1e-12)

    out = []
    for name, n, qa, qb in [("n1", 1, 0.8, 0.4), ("n3", 3, 0.9, 0.3), ("n6", 6, 0.7, 0.6),
                            ("n10", 10, 0.9, 0.5), ("n12", 12, 0.7, 0.65)]:
        a = essays(n, qa)
        b = essays(n, qb, a[:, 2])
        seen, p = p_value(a, b)
        if n > 1:  # scipy on row numbers, the same statistic
            rows = np.concatenate([a, b])
            exact = scipy.stats.permutation_test(
                (np.arange(n), np.arange(n) + n), lambda x, y: f1(rows[x]) - f1(rows[y]),
                permutation_type="samples", vectorized=False, n_resamples=np.inf)
            near(exact.pvalue, p)
        out.append({"name": name, "a": a, "b": b, "expected": {"difference": seen, "p": p}})
    return out


# 7. Percentile bootstrap over essays. Exact: smallest v with P(F1 <= v) >= q over all n^n resamples.
def bootstrap():
    out = []
    for n in (2, 3, 4, 5):
        t = essays(n, 0.6)
        values = sorted(Fraction(2 * int(t[list(r), 0].sum()), int(t[list(r), 1:].sum()))
                        for r in itertools.product(range(n), repeat=n))
        quantile = lambda q: values[math.ceil(q * len(values)) - 1]
        out.append({"name": f"n{n}_exact", "essays": t, "tolerance": 0, "expected": {
            "f1": f1(t), "low": quantile(Fraction(1, 40)), "high": quantile(Fraction(39, 40))}})
    t = essays(30, 0.6)
    res = scipy.stats.bootstrap(
        tuple(t.T), lambda h, p, g, axis: 2 * h.sum(axis) / (p.sum(axis) + g.sum(axis)), paired=True,
        vectorized=True, n_resamples=100_000, batch=5000, method="percentile",
        rng=np.random.default_rng(7)).confidence_interval
    out.append({"name": "n30_scipy_100k", "essays": t, "tolerance": 0.002, "expected": {
        "f1": f1(t), "low": round(res.low, 3), "high": round(res.high, 3)}})
    return out


# 8. Prediction-powered share: ppi_py, lam = 1 and power-tuned lam. Where no prediction varies lam is 0/0 (null)
# and the tuned values do not depend on it: those of lam = 0.
def ppi():
    def draw(n, N, share, hit, false):
        y = (rng.random(n + N) < share).astype(int)
        f = (rng.random(n + N) < np.where(y == 1, hit, false)).astype(int)
        return y[:n], f[:n], f[n:]

    cases = [
        ("good_predictor", *draw(50, 500, 0.3, 0.9, 0.05)),
        ("biased_predictor", *draw(40, 200, 0.4, 0.95, 0.4)),
        ("opposed_predictor_lam_0", *draw(30, 100, 0.5, 0.2, 0.8)),
        ("perfect_predictor", *draw(20, 80, 0.4, 1.0, 0.0)),
        ("lam_clipped_to_1", np.array([0, 1, 0, 1, 1, 0]), np.array([0, 1, 0, 1, 1, 0]),
         np.array([1] * 4 + [0] * 196)),
        ("constant_predictions", np.array([0, 1, 1, 0, 1]), np.ones(5, int), np.ones(20, int)),
    ]
    out = []
    for name, y, f, fu in cases:
        n, N = len(y), len(fu)
        Y, F, U = (x.astype(float) for x in (y, f, fu))
        with np.errstate(invalid="ignore"):
            lam = np.clip(((Y - Y.mean()) * (F - F.mean())).mean()
                          / ((1 + n / N) * np.var(np.concatenate([F, U]), ddof=1)), 0, 1)

        def formula(lam):
            point = lam * U.mean() + (Y - lam * F).mean()
            se = math.sqrt((lam * U).var() / N + (Y - lam * F).var() / n)
            z = scipy.stats.norm.ppf(0.975)
            return point, point - z * se, point + z * se, se

        def library(lam):
            point = ppi_mean_pointestimate(Y, F, U, lam=lam)
            return [float(np.squeeze(v)) for v in (point, *ppi_mean_ci(Y, F, U, alpha=0.05, lam=lam))]

        plain, tuned = library(1), library(None)
        near(plain, formula(1)[:3])
        use = np.nan_to_num(lam)
        near(tuned, formula(use)[:3])
        out.append({"name": name, "gold": y, "predicted": f, "predicted_unlabelled": fu, "expected": {
            "point": plain[0], "low": plain[1], "high": plain[2], "se": formula(1)[3],
            "lam": lam, "tuned_point": tuned[0], "tuned_low": tuned[1], "tuned_high": tuned[2],
            "tuned_se": formula(use)[3]}})
    return out


# 9. Krippendorff's unitizing alpha (1995; 2004, pp. 251-256). A unit is (reader, begin, end, category),
# end exclusive; a reader's units of one category do not overlap. Exact rational arithmetic.
def sections(case, reader, category):
    """(begin, length, is a unit) covering the continuum, gaps between units being sections too."""
    at, stop, out = case["begin"], case["begin"] + case["length"], []
    for b, e in sorted((u["begin"], u["end"]) for u in case["units"]
                       if u["reader"] == reader and u["category"] == category):
        assert at <= b < e <= stop
        if at < b:
            out.append((at, b - at, False))
        out.append((b, e - b, True))
        at = e
    return out + [(at, stop - at, False)] * (at < stop)


def delta2(g, h):
    (b, l, unit), (b2, l2, unit2) = g, h
    if unit and unit2 and -l < b - b2 < l2:
        return (b - b2) ** 2 + (b + l - b2 - l2) ** 2
    if unit and not unit2 and b2 <= b and b + l <= b2 + l2:
        return l * l
    if unit2 and not unit and b <= b2 and b2 + l2 <= b + l:
        return l2 * l2
    return 0


def u_disagreement(case, category):
    m, L = case["readers"], case["length"]
    rows = [sections(case, r, category) for r in range(m)]
    seen = sum(delta2(g, h) for i, j in itertools.permutations(range(m), 2) for g in rows[i] for h in rows[j])
    units = [l for row in rows for _, l, unit in row if unit]
    gaps = [l for row in rows for _, l, unit in row if not unit]
    total = sum(Fraction(len(units) - 1, 3) * (2 * l**3 - 3 * l**2 + l)
                + l**2 * sum(gap - l + 1 for gap in gaps if gap >= l) for l in units)
    pairs = m * L * (m * L - 1) - sum(l * (l - 1) for l in units)
    expected = Fraction(2, L) * total / pairs
    if L <= 60:  # the same by laying every section beside every other in every overlapping position
        brute = 2 * sum(l**2 * max(0, gap - l + 1) for l in units for gap in gaps)
        brute += sum(delta2((0, x, True), (d, y, True)) for (i, x), (j, y)
                     in itertools.permutations(enumerate(units), 2) for d in range(1 - y, x))
        assert expected == Fraction(brute, L * pairs)
    return Fraction(seen, m * (m - 1) * L * L), expected


def u_result(seen, expected):
    return {"observed": seen, "expected": expected, "alpha": 1 - seen / expected if expected else math.nan}


def unit(reader, begin, length, category):
    return {"reader": reader, "begin": begin, "end": begin + length, "category": category}


def unitizing_inputs():
    book = [(0, 225, 70, "c"), (0, 370, 30, "c"), (1, 220, 80, "c"), (1, 355, 20, "c"), (1, 400, 20, "c"),
            (0, 180, 60, "k"), (0, 300, 50, "k"), (1, 180, 60, "k"), (1, 300, 50, "k")]
    fig = {"A": ([(2, 8), (14, 6)], [(4, 4), (15, 2)]),
           "B": ([(0, 18)], [(0, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 3), (9, 1)]),
           "C": ([(2, 6), (10, 2), (14, 4), (20, 2)], [(0, 2), (4, 4), (10, 4), (16, 2), (20, 2)]),
           "D": ([(0, 2), (2, 8), (10, 4), (14, 6), (20, 4)], [(0, 4), (4, 4), (8, 7), (15, 2), (17, 7)])}
    paper = [(r, b, l, c) for c, rows in fig.items() for r, row in enumerate(rows) for b, l in row]
    half = [(r, b // 2, l // 2, c) for r, b, l, c in paper if c == "C"]

    def random(m, L, cats, number, shared):
        """Readers shift the boundaries of common units; a reader's units never overlap at all."""
        cut = np.sort(rng.choice(np.arange(1, L), 2 * number, replace=False))
        out = []
        for r in range(m):
            at = 0
            for b, e in cut.reshape(-1, 2):
                b, e = (int(np.clip(x + rng.integers(-2, 3), 0, L)) for x in (b, e))
                b = max(b, at)
                if e <= b or rng.random() > shared:
                    continue
                out.append((r, b, e - b, cats[rng.integers(0, len(cats))] if rng.random() < 0.3
                            else cats[int(b * len(cats) / L)]))
                at = e
        return out

    cases = [
        ("krippendorff_2004_p254", 2, 150, 300, ["c", "k"], book),
        ("krippendorff_1995_p57", 2, 0, 24, list("ABCD"), paper),
        ("krippendorff_1995_C_length12", 2, 0, 12, ["C"], half),
        ("two_readers_L20", 2, 0, 20, ["x"], [(0, 2, 5, "x"), (0, 12, 1, "x"), (1, 4, 4, "x"), (1, 11, 3, "x")]),
        ("three_readers_L60", 3, 0, 60, ["x", "y"], random(3, 60, "xy", 5, 0.9)),
        ("three_readers_L200", 3, 0, 200, ["x", "y", "z"], random(3, 200, "xyz", 9, 0.85)),
        ("two_readers_L100_begin_7", 2, 7, 100, ["x", "y"],
         [(r, b + 7, l, c) for r, b, l, c in random(2, 100, "xy", 6, 0.9)]),
        ("silent_reader_and_unused_category", 3, 0, 30, ["x", "y"],
         [(0, 3, 10, "x"), (0, 13, 4, "x"), (1, 5, 8, "x")]),
        ("perfect_adjacent_overlapping_categories", 2, 0, 40, ["x", "y"],
         [(r, *u) for r in (0, 1) for u in [(0, 10, "x"), (10, 15, "x"), (30, 10, "x"), (5, 12, "y")]]),
    ]
    return [{"name": name, "readers": m, "begin": begin, "length": L, "categories": cats,
             "units": [unit(*u) for u in units]} for name, m, begin, L, cats, units in cases]


def unitizing():
    out = []
    for case in unitizing_inputs():
        by = {c: u_disagreement(case, c) for c in case["categories"]}
        per = {c: u_result(*by[c]) for c in by}
        total = u_result(sum(s for s, _ in by.values()), sum(e for _, e in by.values()))
        show = lambda c: [float(per[c][k]) for k in ("observed", "expected", "alpha")]
        if case["name"] == "krippendorff_2004_p254":
            near(show("c"), [0.0144, 0.0532, 0.7286], 1e-4)
            near(show("k"), [0.0, 0.0490, 1.0], 1e-4)
            near(float(total["alpha"]), 0.8591, 5e-4)
        if case["name"] == "krippendorff_1995_p57":
            near([show(c)[0] for c in "ABCD"], [0.03125, 2.26736, 0.02777, 0.38715], 1e-5)
            fine = {**case, "length": 24 * 50_000, "units": [
                {**u, "begin": u["begin"] * 50_000, "end": u["end"] * 50_000} for u in case["units"]]}
            limit = [float(u_disagreement(fine, c)[1]) for c in "AD"]  # the paper's B, C differ (slips there)
            near(limit, [0.06990, 0.41445], 1e-5)
        if case["name"] == "krippendorff_1995_C_length12":
            near(show("C"), [0.02777, 0.05494, 0.494], 6e-4)
        out.append({**case, "expected": {"categories": per, "total": total}})
    return out


# 10. Multinomial logistic regression with an L2 penalty: scikit-learn, to its last digit.
def logistic():
    from sklearn.linear_model import LogisticRegression

    out = []
    for name, strength in [("weak penalty", 10.0), ("strong penalty", 0.3)]:
        x = rng.normal(size=(40, 3)).round(3)
        classes = (x @ rng.normal(size=(3, 3)) + rng.normal(size=(40, 3))).argmax(1)
        weights = rng.integers(0, 4, size=40)
        model = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(x, classes, sample_weight=weights)
        bias = model.intercept_ - model.intercept_.mean()  # free up to a constant
        out.append({"name": name, "strength": strength, "x": x, "classes": classes, "weights": weights,
                    "expected": {"weights": model.coef_.T, "bias": bias}})
    return out


def section(f):
    """Runs f with its own seed (unitizing inputs must come out the same each time)."""
    global rng
    rng = np.random.default_rng(20240601)
    return clean(f())


if __name__ == "__main__":
    made = {"cohen": cohen, "krippendorff": alpha_coding, "classes": classes, "calibration": calibration,
            "risk_coverage": risk_coverage, "permutation": permutation, "bootstrap": bootstrap, "ppi": ppi,
            "unitizing": unitizing, "logistic": logistic}
    made = {name: section(f) for name, f in made.items()}
    lines = ",\n".join(json.dumps(k) + ": [\n" + ",\n".join(json.dumps(c, allow_nan=False) for c in v) + "\n]"
                       for k, v in made.items())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as out:
        out.write("{\n" + lines + "\n}\n")
