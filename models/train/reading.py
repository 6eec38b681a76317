#!/usr/bin/env python3
"""Choose a study's thresholds and calibrate its confidence, from out-of-fold probabilities.

    python reading.py --oof oof.jsonl --labels DIR... --folds folds.json

`oof.jsonl` is written by judge_head.py: for every sentence the probabilities that a judge gave
which had not seen the essay. The rules are those of src/reading.md. Figures are printed
for thresholds chosen on the other folds (what to expect of new essays), and for the
thresholds chosen on all folds (what goes into pipeline.toml); they are kept beside
oof.jsonl, in reading_figures.json. Confidence is logistic
regression of "the cell is right" on the share of its own stance and the logarithm of its
mass; for absent cells, how often they are.
"""

import argparse
import json
from collections import Counter, defaultdict
from itertools import product
from math import exp, log
from pathlib import Path

from sklearn.linear_model import LogisticRegression

STANCES = ["none", "asserts", "denies", "reports"]
EVIDENCE = [x / 100 for x in range(6, 60, 2)]
CELL = [0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5]
PRIMARY = [0.2, 0.5, 1.0, 1.5, 2.5]


def many(value):
    return value if isinstance(value, list) else [value]


def read(paths, labels):
    """Essays: labels, and sentences as (probabilities by thesis, gold by thesis)."""
    essays = defaultdict(list)
    for line in open(paths, encoding="utf-8"):
        row = json.loads(line)
        essays[row["file"]].append((row["probs"], row["gold"]))
    gold = {}
    for folder in labels:
        for path in sorted(Path(folder).glob("*.json")):
            label = json.loads(path.read_text(encoding="utf-8"))
            gold[label["doc"]] = label
    return {name: (gold[name], rows) for name, rows in essays.items() if name in gold}


def masses(rows, thesis, evidence):
    """Sums of the probabilities of asserts, denies and reports over the evidence."""
    found = [probs[thesis][1:] for probs, _ in rows if 1 - probs[thesis][0] >= evidence]
    return [sum(column) for column in zip(*found)] or [0.0] * 3


def stance(mass, cell):
    asserts, denies, reports = mass
    if sum(mass) < cell:
        return "absent"
    if max(asserts, denies) < reports / 2:
        return "reports"
    return "endorses" if asserts >= denies else "rejects"


def reading(rows, theses, evidence, cell, primary):
    """Stance by thesis and the primary thesis, by the rules of src/reading.md."""
    cells, main = {}, (0.0, "none")
    for t in theses:
        mass = masses(rows, t, evidence)
        cells[t] = stance(mass, cell)
        if cells[t] == "endorses" and mass[0] >= primary and mass[0] > main[0]:
            main = (mass[0], t)
    return cells, main[1]


def confidence_data(essays, theses, evidence, cell):
    """For every cell: features (None where absent), and whether it is right."""
    out = []
    for label, rows in essays:
        for t in theses:
            mass = masses(rows, t, evidence)
            said = stance(mass, cell)
            right = said in many(label["summary"][t]["stance"])
            own = {"endorses": 0, "rejects": 1, "reports": 2}.get(said)
            out.append((None if own is None else (mass[own] / sum(mass), log(sum(mass))), right))
    return out


def calibrate(data):
    """absent, intercept, share, mass: the four numbers of [confidence] in pipeline.toml."""
    absent = [right for x, right in data if x is None]
    taken = [(x, right) for x, right in data if x is not None]
    model = LogisticRegression().fit([x for x, _ in taken], [right for _, right in taken])
    return ((sum(absent) + 1) / (len(absent) + 2), float(model.intercept_[0]), *map(float, model.coef_[0]))


def confidence(x, fitted):
    absent, intercept, share, mass = fitted
    return absent if x is None else 1 / (1 + exp(-(intercept + share * x[0] + mass * x[1])))


def calibration_error(pairs, bins=5):
    """Expected calibration error (Naeini et al. 2015), in bins of equal size."""
    pairs = sorted(pairs, key=lambda pair: pair[0])
    error = 0.0
    for i in range(bins):
        part = pairs[i * len(pairs) // bins : (i + 1) * len(pairs) // bins]
        error += abs(sum(p for p, _ in part) - sum(r for _, r in part))
    return error / len(pairs)


class Figures:
    def __init__(self):
        self.hit = self.found = self.gold = 0
        self.cells = self.cells_right = self.main = self.main_right = self.essays = self.primary = 0
        self.controls = self.forced = 0

    def add(self, label, rows, theses, setting):
        cells, primary = reading(rows, theses, *setting)
        for probs, gold in rows:
            for t in theses:
                if gold[t] is None:  # contested
                    continue
                found = 1 - probs[t][0] >= setting[0]
                stance = max(STANCES[1:], key=lambda s: probs[t][STANCES.index(s)])
                self.found += found
                self.gold += gold[t] != "none"
                self.hit += found and stance == gold[t]
        for t in theses:
            right = cells[t] in many(label["summary"][t]["stance"])
            self.cells += 1
            self.cells_right += right
            if max(many(label["summary"][t]["weight"])) >= 2:
                self.main += 1
                self.main_right += right
        self.essays += 1
        self.primary += primary in many(label["primary"])
        if many(label["primary"]) == ["none"]:
            self.controls += 1
            self.forced += primary != "none"

    def f1(self):
        return 2 * self.hit / max(1, self.found + self.gold)

    def score(self):
        """What thresholds are chosen by: cells, main cells and primary thesis alike; where
        these are equal, fewer essays that explain nothing and are given a primary thesis."""
        right = self.cells_right / self.cells + self.main_right / max(1, self.main) + self.primary / self.essays
        return right, -self.forced

    def __str__(self):
        return (
            f"evidence F1 {self.f1():.3f} (P {self.hit / max(1, self.found):.3f} R {self.hit / self.gold:.3f})  "
            f"cells {self.cells_right / self.cells:.3f}  weight 2+ {self.main_right / max(1, self.main):.3f}  "
            f"primary {self.primary / self.essays:.3f}  controls with a primary {self.forced} of {self.controls}  "
            f"({self.essays} essays)"
        )


def figures(essays, theses, setting, into=None):
    into = into or Figures()
    for label, rows in essays:
        into.add(label, rows, theses, setting)
    return into


def choose(essays, theses):
    """The evidence threshold by evidence F1; the other two by cells and primaries."""
    evidence = max(EVIDENCE, key=lambda e: figures(essays, theses, (e, 1.0, 1.0)).f1())
    rest = max(product(CELL, PRIMARY), key=lambda r: figures(essays, theses, (evidence, *r)).score())
    return (evidence, *rest)


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("--oof", required=True)
    arg.add_argument("--labels", nargs="+", required=True)
    arg.add_argument("--folds", required=True)
    args = arg.parse_args()
    essays = read(args.oof, args.labels)
    folds = json.loads(Path(args.folds).read_text())
    theses = list(next(iter(essays.values()))[1][0][0])

    held_out, sure = Figures(), []
    for fold in sorted(set(folds.values())):
        rest = [e for name, e in essays.items() if folds[name] != fold]
        setting = choose(rest, theses)
        own = [e for name, e in essays.items() if folds[name] == fold]
        figures(own, theses, setting, held_out)
        fitted = calibrate(confidence_data(rest, theses, *setting[:2]))
        sure += [(confidence(x, fitted), right) for x, right in confidence_data(own, theses, *setting[:2])]
        print(f"fold {fold}: evidence {setting[0]}, cell {setting[1]}, primary {setting[2]}")
    print("thresholds of the other folds:", held_out)
    error = calibration_error(sure)
    print(f"expected calibration error of confidence: {error:.3f}")
    setting = choose(list(essays.values()), theses)
    print(f"all folds: evidence = {setting[0]}, cell = {setting[1]}, primary = {setting[2]}:", figures(essays.values(), theses, setting))
    fitted = calibrate(confidence_data(essays.values(), theses, *setting[:2]))
    print("confidence:", ", ".join(f"{name} = {value:.2f}" for name, value in zip(("absent", "intercept", "share", "mass"), fitted)))
    labels = [label for label, _ in essays.values()]
    cells = Counter(many(l["summary"][t]["stance"])[0] for l in labels for t in theses)
    main_cells = Counter(many(l["summary"][t]["stance"])[0] for l in labels for t in theses if max(many(l["summary"][t]["weight"])) >= 2)
    primary = Counter(many(l["primary"])[0] for l in labels)
    share = lambda c: max(c.values()) / sum(c.values())
    print(f"majority: cells {share(cells):.3f}  weight 2+ {share(main_cells):.3f}  primary {share(primary):.3f}")
    kept = {
        "cells right (four stances)": (held_out.cells_right / held_out.cells, share(cells)),
        "cells of weight 2 and 3 right": (held_out.main_right / held_out.main, share(main_cells)),
        "primary thesis right": (held_out.primary / held_out.essays, share(primary)),
        "essays that explain nothing, with a primary": (held_out.forced / max(1, held_out.controls), None),
        "expected calibration error of `confidence`": (error, None),
    }
    Path(args.oof).with_name("reading_figures.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
