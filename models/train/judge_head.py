"""Fit the judge's head to hand labels, and measure what head and tower say together.

    konspekt annotate --study models/train/segments ESSAYS... > segments.jsonl
    python judge_head.py --segments segments.jsonl --labels DIR... --corpus DIR... \
        --study pipelines/origins-of-stalinism --judge OUT/export --tower DIR

For every thesis that the essays are labelled for, the head takes the vectors of a sentence, its
neighbours and the passage around it, as the untuned base makes them, and the codebook's own
examples. It is convex: no seed, no schedule, the same weights every time, and cross-validation
costs minutes. Its answer is pooled with that of the tower (judge_tower.py, whose folder `--tower`
is): the mean of the logarithms of their probabilities.

Writes into OUT/export: head.onnx, head_figures.json, oof.jsonl (what head and tower say that have
not seen the essay's author), reference.json, and the theses into config.json.
"""

import argparse
import bisect
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import judge_data as data
from export import largest_difference
from judge_data import STANCES
from quality import Network

CONTESTED = -1
CONTEXT, PASSAGE = 0.5, 4  # weight of the context; sentences on each side of a passage
STRENGTH = 1.0  # inverse of the L2 penalty, chosen among 1, 3 and 10 by cross-validation
EXAMPLE = 3.0  # a codebook's example counts as so many labelled sentences
GRID = [x / 100 for x in range(4, 90, 2)]


class Head(nn.Module):
    """features [n, f], thesis [1], an index -> stances [n, 4], logits."""

    def __init__(self, heads):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(np.stack([w.T for w, _ in heads]), dtype=torch.float32))
        self.bias = nn.Parameter(torch.tensor(np.stack([b for _, b in heads]), dtype=torch.float32))

    def forward(self, features, thesis):
        return features @ self.weights[thesis][0] + self.bias[thesis]


def in_context(e):
    """A sentence; and, at half weight, its neighbours and the mean of its passage."""
    zero = np.zeros_like(e[:1])
    passage = [e[max(0, i - PASSAGE) : i + PASSAGE + 1].mean(0) for i in range(len(e))]
    return np.hstack([e, CONTEXT * np.vstack([zero, e[:-1]]), CONTEXT * np.vstack([e[1:], zero]), CONTEXT * np.array(passage)])


# ------------------------------------------------------------------- the data


def surface(raw, start, end, markup):
    """What a reader sees: markup cut out, white space folded; as the program does it."""
    kept, at = [], start
    for a, b in [m for m in markup if m[0] < end and m[1] > start] + [(end, end)]:
        kept.append(raw[at : max(at, a)])
        at = max(at, min(b, end))
    return " ".join(b"".join(kept).decode("utf-8").split())


def read_essays(args, theses):
    """(name, author, sentences, paragraph of each); a sentence is (start, end, surface,
    gold by thesis)."""
    essays = []
    labels = {json.loads(p.read_text("utf-8"))["doc"]: p for d in args.labels for p in sorted(d.glob("*.json"))}
    for line in args.segments.open(encoding="utf-8"):
        row = json.loads(line)
        if row["file"] not in labels:
            continue
        label = json.loads(labels[row["file"]].read_text("utf-8"))
        path = next(d / row["file"] for d in args.corpus if (d / row["file"]).exists())
        raw = path.read_bytes()
        byte = np.cumsum([0] + [len(c.encode()) for c in raw.decode("utf-8")])
        sentences = [(a, b, surface(raw, a, b, row["markup"]), [0] * len(theses)) for a, b in row["sentences"]]
        marks = [(m, STANCES.index(m["stance"])) for m in label["marks"]] + [(m, CONTESTED) for m in label["contested"]]
        for mark, gold in marks:
            x, y = byte[mark["start"]], byte[mark["end"]]
            for a, b, _, golds in sentences:
                t = theses.index(mark["thesis"])
                if 2 * (min(b, y) - max(a, x)) > min(b - a, y - x) and golds[t] == 0:
                    golds[t] = gold
        meta = path.with_suffix(".json")
        author = json.loads(meta.read_text("utf-8"))["author"] if meta.exists() else row["file"]
        begins = [a for a, _ in row["paragraphs"]]
        essays.append((row["file"], author, sentences, [bisect.bisect(begins, a) for a, *_ in sentences]))
    return essays


def make_folds(essays, k=5):
    """Fold of every essay: an author's essays together, folds even in marks."""
    groups = {}
    for name, author, sentences, _ in essays:
        anonymous = re.search("anarchist faq|anarwiki", author, re.I)
        groups.setdefault("An Anarchist FAQ" if anonymous else author, []).append((name, sum(g > 0 for s in sentences for g in s[3])))
    size, folds = [0] * k, {}
    for group in sorted(groups.values(), key=lambda g: (-sum(n for _, n in g), g[0][0])):
        fold = size.index(min(size))
        size[fold] += sum(n for _, n in group)
        folds.update({name: fold for name, _ in group})
    return folds


def load_folds(path, essays):
    if not path.exists():
        path.write_text(json.dumps(make_folds(essays), indent=1) + "\n")
    return json.loads(path.read_text())


def essay_arguments(doc):
    """What every recipe needs that reads the labelled essays."""
    arg = argparse.ArgumentParser(description=doc.splitlines()[0])
    for name in ("segments", "study"):
        arg.add_argument("--" + name, type=Path, required=True)
    for name in ("labels", "corpus"):
        arg.add_argument("--" + name, type=Path, nargs="+", required=True)
    arg.add_argument("--folds", type=Path, default=Path(__file__).with_name("folds.json"))
    return arg


# ---------------------------------------------------------------- the figures


def codebook_examples(codebook, embed):
    """For every thesis, (x, y) of the codebook's hypotheses and examples: its own are
    asserted, another thesis's and the look-alikes say nothing of it. Each stands alone."""
    texts = [(t, field, text) for t, thesis in enumerate(codebook) for field in ("hypotheses", "positive", "negative") for text in thesis[field]]
    alone = [in_context(embed([text])) for *_, text in texts]
    sets = []
    for own in range(len(codebook)):
        used = [(t == own and field != "negative", x) for (t, field, _), x in zip(texts, alone) if t == own or field != "negative"]
        sets.append((np.vstack([x for _, x in used]), np.array([int(holds) for holds, _ in used])))
    return sets


def fit(x, y, examples):
    """Weights and biases of the four stances; a stance that never occurs is never said."""
    weight = np.concatenate([np.ones(len(y)), np.full(len(examples[1]), EXAMPLE)])
    x, y = np.vstack([x, examples[0]]), np.concatenate([y, examples[1]])
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(x, y, sample_weight=weight)
    weights, bias = np.zeros((4, x.shape[1])), np.full(4, -20.0)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = np.vstack([-coefficients, coefficients]) / 2, np.hstack([-intercepts, intercepts]) / 2
    weights[model.classes_], bias[model.classes_] = coefficients, intercepts
    return weights, bias


def softmax(logits):
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def probabilities(x, heads):
    return softmax(np.stack([x @ w.T + b for w, b in heads], 1))


def pool(*probabilities):
    """The logarithmic opinion pool (Genest and Zidek 1986)."""
    return softmax(sum(np.log(np.maximum(p, 1e-12)) for p in probabilities) / len(probabilities))


def counts(p, gold, threshold):
    """Hits, evidence found and marks; a hit is right in sentence, thesis and stance."""
    found = (1 - p[..., 0] >= threshold) & (gold != CONTESTED)
    return np.array([(found & (p[..., 1:].argmax(-1) + 1 == gold)).sum(), found.sum(), (gold > 0).sum()])


def f1(c):
    return 2 * c[0] / max(1, c[1] + c[2])


def cross_validated(p, gold, fold):
    """Counts with each fold's threshold chosen on the other folds."""
    total = np.zeros(3)
    for k in np.unique(fold):
        rest = fold != k
        threshold = max(GRID, key=lambda t: f1(counts(p[rest], gold[rest], t)))
        total += counts(p[~rest], gold[~rest], threshold)
    return total


def keyword_match(sentences, statements):
    """Baseline: the share of a thesis's content words that a sentence has, as p(asserts)."""
    common = set("says that the and its was were not from with for had this which who into about own out".split())
    words = lambda text: {w[:6] for w in re.findall("[a-z]{3,}", text.lower())} - common
    share = [[len(words(s) & words(t)) / len(words(t)) for t in statements] for s in sentences]
    x = np.array(share)
    return np.stack([1 - x, x, 0 * x, 0 * x], -1)


def show(title, c):
    line = {"precision": round(c[0] / max(1, c[1]), 3), "recall": round(c[0] / c[2], 3), "f1": round(f1(c), 3)}
    print(f"{title:34}", line, flush=True)
    return line


def main():
    arg = essay_arguments(__doc__)
    arg.add_argument("--judge", type=Path, required=True)
    arg.add_argument("--tower", type=Path, required=True)
    arg.add_argument("--bare", action="store_true", help="measure the judge's tower on the essays as well (ten minutes)")
    args = arg.parse_args()
    codebook = tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]
    ids, statements = [t["id"] for t in codebook], [data.statement(t) for t in codebook]
    tokenizer = data.load_tokenizer(args.judge)
    base, judge, together = (Network(args.judge / "model.onnx", [output]) for output in ("vectors", "stances", "fitted"))
    embed = lambda texts: data.vectors(base, tokenizer, texts)
    read = lambda sentences, paragraphs, theses: data.read_essay(judge, tokenizer, sentences, paragraphs, theses)

    essays = read_essays(args, ids)
    folds = load_folds(args.folds, essays)
    x = np.vstack([in_context(embed([s[2] for s in sentences])) for *_, sentences, _ in essays])
    gold = np.array([s[3] for *_, sentences, _ in essays for s in sentences])
    fold = np.array([folds[name] for name, _, sentences, _ in essays for _ in sentences])
    print(f"{len(essays)} essays, {len(gold)} sentences, {(gold > 0).sum()} marks", flush=True)

    examples = codebook_examples(codebook, embed)

    def fitted(rows):
        known = [rows & (gold[:, t] != CONTESTED) for t in range(len(ids))]
        return [fit(x[known[t]], gold[known[t], t], examples[t]) for t in range(len(ids))]

    p = np.zeros((*gold.shape, 4))
    for k in range(max(fold) + 1):
        p[fold == k] = probabilities(x[fold == k], fitted(fold != k))
    head_alone = p
    of_tower = lambda names: stack([np.load(args.tower / f"{name}.npz") for name in names])
    stack = lambda files: softmax(np.concatenate([next(f[name] for f in files if name in f) for name, *_ in essays]).reshape(*gold.shape, 4).astype(float))
    tower_alone, zero = of_tower([f"fold-{k}" for k in range(max(fold) + 1)]), of_tower(["zero"])
    p = pool(head_alone, tower_alone)
    if args.bare:
        bare = softmax(np.concatenate([read([s[2] for s in sentences], paragraphs, statements) for *_, sentences, paragraphs in essays]))
    every = np.tile([0.0, 1.0, 0.0, 0.0], (*gold.shape, 1))
    surfaces = [s[2] for *_, sentences, _ in essays for s in sentences]
    figures = {}

    def measure(title, c):
        figures[title] = show(title, c)

    measure("**head and tower, essays that they have not seen**", cross_validated(p, gold, fold))
    for t, name in enumerate(ids):
        measure("– " + name, cross_validated(p[:, [t]], gold[:, [t]], fold))
    measure("head alone", cross_validated(head_alone, gold, fold))
    measure("tower alone", cross_validated(tower_alone, gold, fold))
    measure("tower after the written essays alone", cross_validated(zero, gold, fold))
    if args.bare:
        measure("the judge on the definition alone (`zero-shot`)", cross_validated(bare, gold, fold))
    measure("baseline: every sentence asserts every thesis", counts(every, gold, 0.5))
    measure("baseline: words shared with the thesis", cross_validated(keyword_match(surfaces, statements), gold, fold))
    with (args.judge / "oof.jsonl").open("w", encoding="utf-8") as file:
        rows = zip(((name, s) for name, _, sentences, _ in essays for s in sentences), p, gold)
        for (name, (start, end, *_)), probs, golds in rows:
            said = {t: STANCES[g] if g != CONTESTED else None for t, g in zip(ids, golds)}
            probs = {t: [round(float(v), 5) for v in row] for t, row in zip(ids, probs)}
            file.write(json.dumps({"file": name, "start": start, "end": end, "probs": probs, "gold": said}) + "\n")

    head = Head(fitted(np.ones(len(gold), bool))).eval()
    inputs = {"features": torch.tensor(x[:3], dtype=torch.float32), "thesis": torch.tensor([1])}
    torch.onnx.export(head, tuple(inputs.values()), str(args.judge / "head.onnx"), input_names=list(inputs),
                      output_names=["stances"], dynamic_axes={"features": {0: "n"}, "stances": {0: "n"}}, opset_version=17)
    difference = largest_difference(head, str(args.judge / "head.onnx"), [inputs])
    print(f"head: ONNX differs by {difference:.1e}")

    cases = json.loads(Path(__file__).with_name("judge_reference.json").read_text("utf-8"))
    reference = []
    for case in cases:
        theses = case.get("theses") or statements
        paragraphs = case.get("paragraphs") or [0] * len(case["sentences"])
        stances = read(case["sentences"], paragraphs, theses)
        features = torch.tensor(in_context(embed(case["sentences"])), dtype=torch.float32)
        fitted = data.read_essay(together, tokenizer, case["sentences"], paragraphs, [None])
        for t, thesis in enumerate(theses):
            if thesis in statements and case["sentences"]:
                known = statements.index(thesis)
                with torch.no_grad():
                    of_head = softmax(head(features, torch.tensor([known])).double().numpy())
                of_tower = softmax(fitted[:, 0, 4 * known:4 * known + 4].astype(float))
                stances[:, t] = (np.log(of_head) + np.log(of_tower)) / 2
        reference.append({"sentences": case["sentences"], "paragraphs": paragraphs, "theses": theses,
                          "stances": np.round(stances.astype(float), 5).tolist()})
    (args.judge / "reference.json").write_text(json.dumps(reference, ensure_ascii=False) + "\n")
    (args.judge / "head_figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    config = json.loads((args.judge / "config.json").read_text())
    (args.judge / "config.json").write_text(json.dumps(config | {"theses": statements}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
