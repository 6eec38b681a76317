"""Train konspekt's judge: where every sentence of an essay stands on every thesis.

    konspekt annotate --study models/train/segments ESSAYS... > segments.jsonl
    python judge.py --segments segments.jsonl --labels DIR... --corpus DIR... \
        --study pipelines/origins-of-stalinism --base DIR --out DIR

The encoder (all-MiniLM-L6-v2, as its authors made it) turns a sentence into a vector;
the head is multinomial logistic regression on the vectors of the sentence, its two
neighbours and the passage around it, one for each thesis. It is fitted to the labelled
essays and to the codebook's own examples. The head is convex: no seed, no schedule, the
same weights every time, and cross-validation costs minutes.

In the file the head reads theses, too: an unknown thesis is taken as the mixture of
known ones that lies nearest to it (least squares on their vectors). For the theses it was
fitted to that is the identity.

Writes encoder.onnx, head.onnx, config.json, tokenizer.json, figures.json, oof.jsonl (what
judges say that have not seen the essay's author) and reference.json.
"""

import argparse
import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

from export import export, largest_difference

STANCES = ["none", "asserts", "denies", "reports"]
CONTESTED = -1
MAX_LENGTH = 192  # word pieces of one input, special tokens included
CONTEXT, PASSAGE = 0.5, 4  # weight of the context; sentences on each side of a passage
STRENGTH = 1.0  # inverse of the L2 penalty, chosen among 1, 3 and 10 by cross-validation
EXAMPLE = 3.0  # a codebook's example counts as so many labelled sentences
GRID = [x / 100 for x in range(4, 90, 2)]


class Encoder(nn.Module):
    """Mean of the last layer over all pieces, as in sentence-transformers."""

    def __init__(self, base):
        super().__init__()
        self.bert = BertModel.from_pretrained(base, add_pooling_layer=False, attn_implementation="eager")

    def forward(self, input_ids, attention_mask):
        h = self.bert(input_ids, attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).float()
        return (h * mask).sum(1) / mask.sum(1)


class Head(nn.Module):
    """sentences [n, 4d] and theses [t, d] -> logits [n, t, 4]."""

    def __init__(self, weights, bias, theses):
        super().__init__()
        self.known = len(theses)
        self.layer = nn.Linear(weights.shape[1], weights.shape[0])
        self.mixture = nn.Linear(theses.shape[1], len(theses), bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor(weights))
            self.layer.bias.copy_(torch.tensor(bias))
            self.mixture.weight.copy_(torch.tensor(np.linalg.pinv(theses.T)))

    def forward(self, sentences, theses):
        known = self.layer(sentences).view(-1, len(STANCES), self.known)
        return (known @ self.mixture(theses).T).transpose(1, 2)


class Embedder:
    def __init__(self, base):
        self.tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.encoder = Encoder(base).eval()
        self.cls, self.sep = (self.tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))

    def chunks(self, text):
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        size = MAX_LENGTH - 2
        return [[self.cls, *ids[i : i + size], self.sep] for i in range(0, max(1, len(ids)), size)]

    @torch.no_grad()
    def __call__(self, texts):
        """Unit vectors; a text too long for one input is the mean of its parts."""
        parts = sorted(((i, ids) for i, text in enumerate(texts) for ids in self.chunks(text)), key=lambda p: len(p[1]))
        vectors = np.zeros((len(texts), self.encoder.bert.config.hidden_size), np.float32)
        for at in range(0, len(parts), 32):
            batch = parts[at : at + 32]
            ids = nn.utils.rnn.pad_sequence([torch.tensor(p[1]) for p in batch], batch_first=True)
            mask = (torch.arange(ids.shape[1]) < torch.tensor([len(p[1]) for p in batch])[:, None]).long()
            for (i, part), mean in zip(batch, self.encoder(ids, mask).numpy()):
                vectors[i] += len(part) * mean
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


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
    """(name, author, sentences); a sentence is (start, end, surface, gold by thesis)."""
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
        essays.append((row["file"], author, sentences))
    return essays


def make_folds(essays, k=5):
    """Fold of every essay: an author's essays together, folds even in marks."""
    groups = {}
    for name, author, sentences in essays:
        anonymous = re.search("anarchist faq|anarwiki", author, re.I)
        groups.setdefault("An Anarchist FAQ" if anonymous else author, []).append((name, sum(g > 0 for s in sentences for g in s[3])))
    size, folds = [0] * k, {}
    for group in sorted(groups.values(), key=lambda g: (-sum(n for _, n in g), g[0][0])):
        fold = size.index(min(size))
        size[fold] += sum(n for _, n in group)
        folds.update({name: fold for name, _ in group})
    return folds


# ---------------------------------------------------------------- the figures


def codebook_examples(codebook, embed):
    """For every thesis, (x, y) of the codebook's hypotheses and examples: its own are
    asserted, another thesis's and the look-alikes say nothing of it."""
    parts = []
    for t, thesis in enumerate(codebook):
        for field in ("hypotheses", "positive", "negative"):
            x = np.vstack([in_context(embed([text])) for text in thesis[field]])
            parts.append((t, field, x))
    sets = []
    for own in range(len(codebook)):
        used = [(t == own and field != "negative", x) for t, field, x in parts if t == own or field != "negative"]
        sets.append((np.vstack([x for _, x in used]), np.concatenate([np.full(len(x), int(holds)) for holds, x in used])))
    return sets


def fit(x, y, examples):
    """Weights and biases of the four stances; a stance that never occurs is never said."""
    weight = np.concatenate([np.ones(len(y)), np.full(len(examples[1]), EXAMPLE)])
    x, y = np.vstack([x, examples[0]]), np.concatenate([y, examples[1]])
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(x, y, sample_weight=weight)
    weights, bias = np.zeros((4, x.shape[1])), np.full(4, -20.0)
    for row, stance in enumerate(model.classes_):
        weights[stance], bias[stance] = model.coef_[row], model.intercept_[row]
    return weights, bias


def probabilities(x, heads):
    logits = np.stack([x @ w.T + b for w, b in heads], 1)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


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
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("segments", "study", "base", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    for name in ("labels", "corpus"):
        arg.add_argument("--" + name, type=Path, nargs="+", required=True)
    arg.add_argument("--folds", type=Path, default=Path(__file__).with_name("folds.json"))
    args = arg.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    codebook = tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]
    ids, statements = [t["id"] for t in codebook], [f"{t['label']}: {t['definition']}" for t in codebook]

    embed = Embedder(args.base)
    example = {"input_ids": torch.tensor([[101, 7, 102], [101, 102, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}
    axes = {"input_ids": {0: "texts", 1: "pieces"}, "attention_mask": {0: "texts", 1: "pieces"}, "mean": {0: "texts"}}
    # Rounds the encoder's weights in place: the head is fitted to what is shipped.
    export(embed.encoder, example, ["mean"], axes, str(args.out / "encoder.onnx"))
    difference = largest_difference(embed.encoder, str(args.out / "encoder.onnx"), [example])

    essays = read_essays(args, ids)
    if not args.folds.exists():
        args.folds.write_text(json.dumps(make_folds(essays), indent=1) + "\n")
    folds = json.loads(args.folds.read_text())
    x = np.vstack([in_context(embed([s[2] for s in sentences])) for *_, sentences in essays])
    gold = np.array([s[3] for *_, sentences in essays for s in sentences])
    fold = np.array([folds[name] for name, _, sentences in essays for _ in sentences])
    print(f"{len(essays)} essays, {len(x)} sentences, {(gold > 0).sum()} marks; ONNX differs by {difference:.1e}", flush=True)

    examples = codebook_examples(codebook, embed)
    p = np.zeros((*gold.shape, 4))
    for k in range(max(fold) + 1):
        heads = [fit(*(a[(fold != k) & (gold[:, t] != CONTESTED)] for a in (x, gold[:, t])), examples[t]) for t in range(len(ids))]
        p[fold == k] = probabilities(x[fold == k], heads)
    every = np.tile([0.0, 1.0, 0.0, 0.0], (*gold.shape, 1))
    surfaces = [s[2] for *_, sentences in essays for s in sentences]
    figures = {"evidence, thesis and stance (out of fold)": show("judge, out of fold", cross_validated(p, gold, fold))}
    for t, name in enumerate(ids):
        figures[name] = show("  " + name, cross_validated(p[:, [t]], gold[:, [t]], fold))
    figures["every sentence asserts every thesis"] = show("every sentence asserts", counts(every, gold, 0.5))
    figures["keyword match"] = show("keyword match", cross_validated(keyword_match(surfaces, statements), gold, fold))
    with (args.out / "oof.jsonl").open("w", encoding="utf-8") as file:
        rows = zip(((name, s) for name, _, sentences in essays for s in sentences), p, gold)
        for (name, (start, end, *_)), probs, golds in rows:
            said = {t: STANCES[g] if g != CONTESTED else None for t, g in zip(ids, golds)}
            probs = {t: [round(float(v), 5) for v in row] for t, row in zip(ids, probs)}
            file.write(json.dumps({"file": name, "start": start, "end": end, "probs": probs, "gold": said}) + "\n")

    heads = [fit(*(a[gold[:, t] != CONTESTED] for a in (x, gold[:, t])), examples[t]) for t in range(len(ids))]
    vectors = embed(statements)
    stacked = np.stack([w for w, _ in heads], 1).reshape(-1, x.shape[1])  # rows: stance, then thesis
    head = Head(stacked, np.stack([b for _, b in heads], 1).reshape(-1), vectors).eval()
    inputs = {"sentences": torch.tensor(x[:3], dtype=torch.float32), "theses": torch.tensor(vectors)}
    axes = {"sentences": {0: "n"}, "theses": {0: "t"}, "stances": {0: "n", 1: "t"}}
    torch.onnx.export(head, tuple(inputs.values()), str(args.out / "head.onnx"), input_names=list(inputs),
                      output_names=["stances"], dynamic_axes=axes, opset_version=17)
    difference = largest_difference(head, str(args.out / "head.onnx"), [inputs])
    direct = np.abs(np.log(probabilities(x[:50], heads)) - head(torch.tensor(x[:50], dtype=torch.float32), inputs["theses"]).log_softmax(-1).detach().numpy())
    print(f"head: ONNX differs by {difference:.1e}, theses as text by {direct.max():.1e}")

    cases = json.loads(Path(__file__).with_name("judge_reference.json").read_text("utf-8"))
    reference = []
    for case in cases:
        theses = case.get("theses") or statements
        sentences = torch.tensor(in_context(embed(case["sentences"])), dtype=torch.float32)
        with torch.no_grad():
            logits = head(sentences, torch.tensor(embed(theses)))
        reference.append({"sentences": case["sentences"], "theses": theses, "stances": np.round(logits.numpy().astype(float), 5).tolist()})
    write = lambda name, value: (args.out / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
    write("reference.json", reference)
    write("figures.json", figures)
    write("config.json", {"name": "judge", "max_length": MAX_LENGTH, "stances": STANCES, "theses": statements})
    shutil.copy(args.base / "tokenizer.json", args.out / "tokenizer.json")


if __name__ == "__main__":
    main()
