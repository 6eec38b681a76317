"""Fit the judge's head to hand labels, and cross-validate it.

    konspekt annotate --study models/train/segments ESSAYS... > segments.jsonl
    python judge_head.py --segments segments.jsonl --labels DIR... --corpus DIR... \
        --study pipelines/origins-of-stalinism --judge OUT/export

For every thesis that the essays are labelled for, two logistic regressions: one on what the
network makes of a sentence (the base's vectors of it, of its neighbours and of the passage, and
the study tower's state and logits), one on its word pieces (tf-idf, with the neighbours'). Their
answers are pooled; which stance a sentence takes, if any, they say together with the tower, which has
read far more denials and reports than the labelled essays have. Both also learn the codebook's own examples, and the
essays written for the tower. They are convex: no seed, the same weights every time; so many steps of L-BFGS (STEPS)
do, and cross-validation takes minutes. Beside them, with `--bare`, the judge's tower that knows the theses by their
definitions alone.

Writes into OUT/export: head.safetensors, head_figures.json, oof.jsonl (what heads say that have not seen
the essay's author), reference.json, and the theses and the essays' SHA-256 into config.json.
"""

import argparse
import bisect
import hashlib
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

import judge_data as data
from judge_data import STANCES
from judge_tower import written
from quality import Network

CONTESTED = -1
CONTEXT, PASSAGE = 0.5, 4  # weight of the context; sentences on each side of a passage
STRENGTH = 1.0  # inverse of the L2 penalty, chosen among 1, 3 and 10 by cross-validation
EXAMPLE = 3.0  # a codebook's example counts as so many labelled sentences
HELD_OUT = "**essays that it has not seen**"
GRID = [x / 100 for x in range(4, 90, 2)]
WIDTH = 384  # of a vector and of a state
LEXICAL = 10.0  # STRENGTH of the regression on word pieces
RAREST = 2  # a piece that fewer labelled sentences have is not counted
WRITTEN, WRITTEN_WORDS = 1.0, 0.1  # what a sentence of a written essay counts, in the one regression and the other
STEPS = 60  # of L-BFGS; word pieces take a third more
LOGITS = 0.1  # scale of the tower's logits among unit vectors


def in_context(e):
    """A sentence; and, at half weight, its neighbours and the mean of its passage."""
    zero = np.zeros_like(e[:1])
    passage = [e[max(0, i - PASSAGE) : i + PASSAGE + 1].mean(0) for i in range(len(e))]
    return np.hstack([e, CONTEXT * np.vstack([zero, e[:-1]]), CONTEXT * np.vstack([e[1:], zero]), CONTEXT * np.array(passage)])


def features(vectors, states):
    """Vectors in their context, the tower's states, and its logits in their context."""
    return np.hstack([in_context(vectors), states[:, :WIDTH], in_context(states[:, WIDTH:])])


class Dense:
    """The regressions on `features`."""

    def __init__(self, x, gold, examples, others):
        self.mean = x[:, 4 * WIDTH:5 * WIDTH].mean(0)
        parts = [(self.scaled(x), gold, 1.0), *examples.parts([self.scaled(e) for e in examples.features]),
                 (self.scaled(others.features), others.gold, WRITTEN)]
        self.weights, self.bias = fit(parts, STRENGTH, STEPS)

    def scaled(self, x):
        around, state, logits = x[:, :4 * WIDTH], x[:, 4 * WIDTH:5 * WIDTH] - self.mean, x[:, 5 * WIDTH:]
        return np.hstack([around, state / np.linalg.norm(state, axis=1, keepdims=True), LOGITS * logits])

    def probabilities(self, x):
        return answers(self.scaled(x) @ self.weights + self.bias)


class Lexical:
    """The regressions on word pieces: 1 + ln(count), times 1 + ln((1 + n) / (1 + n with the
    piece)), to length 1; and the sum of the neighbours', at CONTEXT."""

    def __init__(self, counts, essay, gold, examples, others):
        having = np.bincount(counts.indices, minlength=counts.shape[1])
        self.words = np.flatnonzero(having >= RAREST)
        self.idf = np.log((1 + counts.shape[0]) / (1 + having[self.words])) + 1
        alone = [self.scaled(e, np.arange(e.shape[0])) for e in examples.counts]
        parts = [(self.scaled(counts, essay), gold, 1.0), *examples.parts(alone),
                 (self.scaled(others.counts, others.essay), others.gold, WRITTEN_WORDS)]
        self.weights, self.bias = fit(parts, LEXICAL, STEPS * 4 // 3)

    def scaled(self, counts, essay):
        x = counts[:, self.words].astype(float)
        x.data = 1 + np.log(x.data)
        x = x @ sparse.diags(self.idf)
        length = np.sqrt(x.multiply(x).sum(1)).A1
        x = sparse.diags(1 / np.maximum(length, 1e-9)) @ x
        near = np.ones(len(essay) - 1) * (essay[1:] == essay[:-1])
        return sparse.hstack([x, CONTEXT * (sparse.diags([near, near], [-1, 1]) @ x)]).tocsr()

    def probabilities(self, counts, essay):
        return answers(self.scaled(counts, essay) @ self.weights + self.bias)


def piece_counts(tokenizer, texts):
    """Sparse [texts, pieces of the vocabulary]."""
    of = data.pieces(tokenizer, texts)
    rows = np.repeat(np.arange(len(of)), [len(ids) for ids in of])
    columns = np.array([i for ids in of for i in ids], int)
    found = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (len(of), tokenizer.get_vocab_size()))
    return found.tocsr()  # adds up what stands there twice


def head_file(dense, lexical):
    """The head's tensors, by the names that the program reads."""
    tensors = {
        "mean": dense.mean,
        "dense.weights": dense.weights,
        "dense.bias": dense.bias,
        "words.idf": lexical.idf,
        "lexical.weights": lexical.weights,
        "lexical.bias": lexical.bias,
    }
    tensors = {name: np.ascontiguousarray(x, np.float32) for name, x in tensors.items()}
    return tensors | {"words.pieces": lexical.words.astype(np.int32)}


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


def digests(args, names):
    """SHA-256 of essays' files, by which the program knows them again."""
    paths = [next(d / name for d in args.corpus if (d / name).exists()) for name in names]
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


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


class Examples:
    """The codebook's hypotheses and examples, each standing alone: a thesis's own are
    asserted, another thesis's and the look-alikes say nothing of it."""

    def __init__(self, codebook, see):
        rows = [(t, field, text) for t, thesis in enumerate(codebook) for field in ("hypotheses", "positive", "negative") for text in thesis[field]]
        seen = [see([text], [0]) for *_, text in rows]
        used = [[i for i, (t, field, _) in enumerate(rows) if t == own or field != "negative"] for own in range(len(codebook))]
        self.features = [np.vstack([seen[i][0] for i in of]) for of in used]
        self.counts = [sparse.vstack([seen[i][1] for i in of]).tocsr() for of in used]
        self.gold = [np.array([int(rows[i][0] == own and rows[i][1] != "negative") for i in of]) for own, of in enumerate(used)]

    def parts(self, scaled):
        """(x, gold by thesis, what each counts) of every thesis's examples; of other theses they say nothing."""
        for t, (x, own) in enumerate(zip(scaled, self.gold)):
            gold = np.full((len(own), len(self.gold)), CONTESTED)
            gold[:, t] = own
            yield x, gold, EXAMPLE


class Written:
    """The essays written for the tower, as the regressions see them."""

    def __init__(self, theses, see):
        essays = list(written(Path(__file__).parent / "written" / "essays", theses))
        seen = [see(sentences, paragraphs) for sentences, paragraphs, _ in essays]
        self.features = np.vstack([x for x, _ in seen])
        self.counts = sparse.vstack([c for _, c in seen]).tocsr()
        self.gold = np.array([gold for *_, golds in essays for gold in golds])
        self.essay = np.array([i for i, (sentences, *_) in enumerate(essays) for _ in sentences])


def fit(parts, strength, steps):
    """Weights [d, t * 4] and biases [t * 4] of multinomial regressions on parts of (x, gold, what each counts)."""
    if sparse.issparse(parts[0][0]):
        m = sparse.vstack([x for x, *_ in parts]).tocsr().astype(np.float32)
        places = (torch.from_numpy(a.astype(np.int64)) for a in (m.indptr, m.indices))
        rows = torch.sparse_csr_tensor(*places, torch.from_numpy(m.data), m.shape)
    else:
        rows = torch.from_numpy(np.vstack([x for x, *_ in parts]).astype(np.float32))
    gold = torch.from_numpy(np.vstack([gold for _, gold, _ in parts]))
    counts = torch.cat([torch.full((len(gold),), count) for _, gold, count in parts])
    outputs = gold.shape[1] * len(STANCES)
    weights, bias = torch.zeros(rows.shape[1], outputs, requires_grad=True), torch.zeros(outputs, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        logits = (rows @ weights + bias).reshape(-1, len(STANCES))
        each = F.cross_entropy(logits, gold.reshape(-1), ignore_index=CONTESTED, reduction="none")
        total = (each.reshape(gold.shape) * counts[:, None]).sum() + (weights**2).sum() / (2 * strength)
        total.backward()
        return total

    optimiser.step(loss)
    return weights.detach().numpy(), bias.detach().numpy()


def answers(logits):
    """Probabilities [n, t, 4]."""
    return softmax(logits.astype(float).reshape(len(logits), -1, len(STANCES)))


def softmax(logits):
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def pool(*probabilities):
    """The logarithmic opinion pool (Genest and Zidek 1986)."""
    return softmax(sum(np.log(np.maximum(p, 1e-12)) for p in probabilities) / len(probabilities))


def together(pooled, tower):
    """Whether a sentence is evidence, by the regressions; its stance, if it is, by them and
    by the tower, pooled."""
    given = lambda p: p[..., 1:] / p[..., 1:].sum(-1, keepdims=True)
    stance = pool(given(pooled), given(tower))
    return np.concatenate([pooled[..., :1], (1 - pooled[..., :1]) * stance], -1)


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
    arg.add_argument("--bare", action="store_true", help="measure the judge by definition alone as well (ten minutes)")
    args = arg.parse_args()
    torch.set_num_threads(1)
    codebook = tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]
    ids, statements = [t["id"] for t in codebook], [data.statement(t) for t in codebook]
    tokenizer = data.load_tokenizer(args.judge)
    base, judge, tower = (Network(args.judge / "model.onnx", [output]) for output in ("vectors", "stances", "states"))

    def see(sentences, paragraphs):
        states = data.read_essay(tower, tokenizer, sentences, paragraphs, [None])[:, 0]
        return features(data.vectors(base, tokenizer, sentences), states), piece_counts(tokenizer, sentences)

    essays = read_essays(args, ids)
    folds = load_folds(args.folds, essays)
    seen = [see([s[2] for s in sentences], paragraphs) for *_, sentences, paragraphs in essays]
    x, counted = np.vstack([f for f, _ in seen]), sparse.vstack([c for _, c in seen]).tocsr()
    gold = np.array([s[3] for *_, sentences, _ in essays for s in sentences])
    essay = np.array([i for i, (*_, sentences, _) in enumerate(essays) for _ in sentences])
    fold = np.array([folds[name] for name, _, sentences, _ in essays for _ in sentences])
    print(f"{len(essays)} essays, {len(gold)} sentences, {(gold > 0).sum()} marks", flush=True)

    examples, others = Examples(codebook, see), Written(ids, see)
    print(f"{others.essay[-1] + 1} written essays, {len(others.gold)} sentences", flush=True)
    dense, lexical = np.zeros((*gold.shape, 4)), np.zeros((*gold.shape, 4))
    for k in range(max(fold) + 1):
        rest, own = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        dense[own] = Dense(x[rest], gold[rest], examples, others).probabilities(x[own])
        lexical[own] = Lexical(counted[rest], essay[rest], gold[rest], examples, others).probabilities(counted[own], essay[own])
    own_logits = x[:, 5 * WIDTH:5 * WIDTH + 4 * len(ids)].reshape(*gold.shape, 4)
    of_tower = softmax(own_logits.astype(float))
    p = together(pool(dense, lexical), of_tower)
    figures = {}

    def measure(title, c):
        figures[title] = show(title, c)

    measure(HELD_OUT, cross_validated(p, gold, fold))
    for t, name in enumerate(ids):
        measure("– " + name, cross_validated(p[:, [t]], gold[:, [t]], fold))
    measure("the network's half alone", cross_validated(dense, gold, fold))
    measure("the word pieces' half alone", cross_validated(lexical, gold, fold))
    measure("both, without the tower's say on the stance", cross_validated(pool(dense, lexical), gold, fold))
    measure("the study's tower, no hand label seen", cross_validated(of_tower, gold, fold))
    if args.bare:
        read = lambda sentences, paragraphs: data.read_essay(judge, tokenizer, sentences, paragraphs, statements)
        bare = softmax(np.concatenate([read([s[2] for s in sentences], paragraphs) for *_, sentences, paragraphs in essays]))
        measure("the judge's tower, definitions alone (`--zero-shot`)", cross_validated(bare, gold, fold))
    every = np.tile([0.0, 1.0, 0.0, 0.0], (*gold.shape, 1))
    surfaces = [s[2] for *_, sentences, _ in essays for s in sentences]
    measure("baseline: every sentence asserts every thesis", counts(every, gold, 0.5))
    measure("baseline: words shared with the thesis", cross_validated(keyword_match(surfaces, statements), gold, fold))
    (args.judge / "head_figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    with (args.judge / "oof.jsonl").open("w", encoding="utf-8") as file:
        rows = zip(((name, s) for name, _, sentences, _ in essays for s in sentences), p, gold)
        for (name, (start, end, *_)), probs, golds in rows:
            said = {t: STANCES[g] if g != CONTESTED else None for t, g in zip(ids, golds)}
            probs = {t: [round(float(v), 5) for v in row] for t, row in zip(ids, probs)}
            file.write(json.dumps({"file": name, "start": start, "end": end, "probs": probs, "gold": said}) + "\n")

    dense, lexical = Dense(x, gold, examples, others), Lexical(counted, essay, gold, examples, others)
    save_file(head_file(dense, lexical), args.judge / "head.safetensors")

    cases = json.loads(Path(__file__).with_name("judge_reference.json").read_text("utf-8"))
    reference = []
    for case in cases:
        theses = case.get("theses") or statements
        paragraphs = case.get("paragraphs") or [0] * len(case["sentences"])
        stances = data.read_essay(judge, tokenizer, case["sentences"], paragraphs, theses)
        if case["sentences"]:
            f, c = see(case["sentences"], paragraphs)
            alone = pool(dense.probabilities(f), lexical.probabilities(c, np.zeros(len(f))))
            own = softmax(f[:, 5 * WIDTH:5 * WIDTH + 4 * len(ids)].reshape(len(f), len(ids), 4).astype(float))
            fitted = np.log(together(alone, own)).reshape(len(f), -1)
            for t, thesis in enumerate(theses):
                if thesis in statements:
                    known = 4 * statements.index(thesis)
                    stances[:, t] = fitted[:, known:known + 4]
        reference.append({"sentences": case["sentences"], "paragraphs": paragraphs, "theses": theses,
                          "stances": np.round(stances.astype(float), 5).tolist()})
    (args.judge / "reference.json").write_text(json.dumps(reference, ensure_ascii=False) + "\n")
    config = json.loads((args.judge / "config.json").read_text())
    config |= {"theses": statements, "essays": digests(args, [name for name, *_ in essays])}
    (args.judge / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
