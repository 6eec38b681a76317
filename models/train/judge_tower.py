"""Fit a tower of the judge to hand labels: all theses of a study in one pass.

    python judge_tower.py --segments segments.jsonl --labels DIR... --corpus DIR... \
        --study pipelines/origins-of-stalinism --base DIR --judge OUT/checkpoint.pt --out DIR

The tower reads `[CLS] sentence [SEP] sentence [SEP] ...`, a window of whole paragraphs; the
mean of a sentence's pieces gives its four stances on every thesis. It stands on the judge's
lower layers, kept as they are and computed once. First it learns from the essays written
for this recipe, then from the labelled ones: without each fold in turn, and from all.

Every part is skipped when its file is there: OUT/written.pt, zero.npz (logits of all essays
before any of them was learned from), fold-K.npz (of the essays of fold K), tower.pt. At the
end --export DIR/model.onnx is written anew, with the tower. judge_head.py goes on from there.
"""

import argparse
import random
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import judge_data as data
from batches import batches
from export import largest_difference
from judge import FROZEN, Judge, Shipped, write_network
from judge_data import STANCES, load_tokenizer
from judge_head import CONTESTED, essay_arguments, load_folds, read_essays

SHARED = FROZEN + 1  # layers below the tower: the judge's trunk and one of its own
RATES = {"written": 1e-4, "labelled": 1e-4}
EPOCHS = {"written": 2, "labelled": 4}
BUDGET = 1024


class Tower(nn.Module):
    """states [b, l, d] of the shared layers, attention_mask [b, l], members [b, s, l]
    -> [b, s, t * 4], logits of the stances on each of t theses."""

    def __init__(self, layers, theses):
        super().__init__()
        self.layers = layers
        self.dropout = nn.Dropout(0.1)
        self.stances = nn.Linear(layers[0].attention.self.query.in_features, theses * len(STANCES))
        nn.init.normal_(self.stances.weight, std=0.02)
        with torch.no_grad():  # begin near the shares of the stances
            self.stances.bias.copy_(torch.tensor([3.0, 0.0, -1.0, -1.5]).repeat(theses))

    def forward(self, states, attention_mask, members):
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -1e9
        mask = mask.expand(-1, 1, states.shape[1], -1)
        for layer in self.layers:
            states = layer(states, mask)[0]
        return self.stances(self.dropout(members @ states))


def rows_of(tokenizer, sentences, paragraphs):
    """Windows of an essay as (ids, spans, (sentence, first piece, end) of each span)."""
    pieces = data.pieces(tokenizer, sentences)
    windows = data.windows_of([len(p) for p in pieces], paragraphs)
    return [(*data.row_of(tokenizer, None, [pieces[i][a:b] for i, a, b in w]), w) for w in windows]


class Material:
    """Windows with the shared layers' states, computed once, and what they should answer."""

    def __init__(self, judge, tokenizer, texts):
        """`texts`: (key, sentences, paragraph of each, gold by thesis of each)."""
        rows = [(key, row, golds) for key, sentences, paragraphs, golds in texts for row in rows_of(tokenizer, sentences, paragraphs)]
        rows.sort(key=lambda r: len(r[1][0]))
        self.windows = []
        for at in range(0, len(rows), 16):
            batch = rows[at:at + 16]
            ids, mask, _ = map(torch.from_numpy, data.arrays([(r[0], r[1]) for _, r, _ in batch]))
            with torch.no_grad():
                states = judge.bert.embeddings(ids)
                wide = ((1.0 - mask[:, None, None, :].float()) * -1e9).expand(-1, 1, ids.shape[1], -1)
                for layer in judge.bert.encoder.layer[:SHARED]:
                    states = layer(states, wide)[0]
            for (key, (row, spans, parts), golds), state in zip(batch, states):
                self.windows.append((key, state[:len(row)].half().clone(), spans, parts, [golds[i] for i, *_ in parts]))

    def tensors(self, windows):
        _, mask, members = map(torch.from_numpy, data.arrays([(state[:, 0], spans) for _, state, spans, *_ in windows]))
        states = nn.utils.rnn.pad_sequence([state for _, state, *_ in windows], batch_first=True).float()
        golds = [torch.tensor(g) for *_, g in windows]
        return states, mask, members, nn.utils.rnn.pad_sequence(golds, batch_first=True, padding_value=CONTESTED)


def train(tower, material, windows, epochs, rate, seed, checkpoint):
    """Cross-entropy over sentences and theses; resumes at the last whole epoch."""
    plans = [batches([len(w[1]) for w in windows], BUDGET, random.Random(f"{seed} {e}")) for e in range(epochs)]
    optimiser = torch.optim.AdamW(tower.parameters(), lr=rate, weight_decay=0.01, foreach=True)
    total, step, begin = sum(map(len, plans)), 0, 0
    torch.manual_seed(seed)
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        tower.load_state_dict(saved["tower"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        step, begin = saved["step"], saved["epoch"]
    for epoch in range(begin, epochs):
        tower.train()
        begun, mean = time.time(), 0.0
        for batch in plans[epoch]:
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1, (step + 1) / (0.06 * total)) * (1 - step / total)
            states, mask, members, gold = material.tensors([windows[i] for i in batch])
            logits = tower(states, mask, members)
            loss = F.cross_entropy(logits.reshape(-1, len(STANCES)), gold.reshape(-1), ignore_index=CONTESTED)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
            optimiser.step()
            step += 1
            mean += loss.item() / len(plans[epoch])
        print(f"  epoch {epoch + 1}/{epochs}: loss {mean:.3f}, {time.time() - begun:.0f} s", flush=True)
        part = checkpoint.with_suffix(".part")
        torch.save({"tower": tower.state_dict(), "optimiser": optimiser.state_dict(), "rng": torch.get_rng_state(),
                    "step": step, "epoch": epoch + 1}, part)
        part.rename(checkpoint)
    checkpoint.unlink(missing_ok=True)


def answers(tower, material, windows, lengths, width):
    """{key: logits [sentences, theses * 4]}; a sentence read in parts: the mean over its pieces."""
    tower.eval()
    found = {key: np.zeros((n, width), np.float32) for key, n in lengths.items()}
    share = {key: np.zeros((n, 1), np.float32) for key, n in lengths.items()}
    for at in range(0, len(windows), 16):
        batch = windows[at:at + 16]
        with torch.no_grad():
            logits = tower(*material.tensors(batch)[:3]).numpy()
        for (key, _, _, parts, _), of_window in zip(batch, logits):
            for k, (i, a, b) in enumerate(parts):
                found[key][i] += max(1, b - a) * of_window[k]
                share[key][i] += max(1, b - a)
    return {key: found[key] / share[key] for key in found}


def written(folder, theses):
    """The written essays as Material takes them."""
    codes = {code: theses.index(name) for code, name in data.CODES.items()}
    for path in sorted(folder.glob("*.txt")):
        sentences, paragraphs, golds = [], [], []
        for number, paragraph in enumerate(data.marked(path)[1]):
            for text, marks in paragraph:
                gold = [0] * len(theses)
                for code, stance in marks.items():
                    gold[codes[code]] = stance
                sentences.append(text)
                paragraphs.append(number)
                golds.append(gold)
        yield path.stem, sentences, paragraphs, golds


def load_judge(base, checkpoint, attention="sdpa"):
    judge = Judge(base, attention)
    judge.load_state_dict(torch.load(checkpoint, weights_only=False)["model"])
    return judge.eval()


def main():
    arg = essay_arguments(__doc__)
    for name in ("base", "judge", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    arg.add_argument("--export", type=Path, help="folder that judge.py has written")
    arg.add_argument("--written", type=Path, nargs="+", default=[Path(__file__).parent / "written" / "essays"])
    arg.add_argument("--only", choices=["written", "all", "0", "1", "2", "3", "4"], help="one part alone")
    arg.add_argument("--epochs", type=int, default=EPOCHS["labelled"])
    arg.add_argument("--rate", type=float, default=RATES["labelled"])
    arg.add_argument("--seed", type=int, default=17)
    args = arg.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    ids = [t["id"] for t in tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]]
    tokenizer = load_tokenizer(args.base)
    essays = read_essays(args, ids)
    folds = load_folds(args.folds, essays)

    def fresh():
        torch.manual_seed(args.seed)
        return Tower(load_judge(args.base, args.judge).bert.encoder.layer[SHARED:], len(ids))

    start = args.out / "written.pt"
    if not start.exists():
        texts = [text for folder in args.written for text in written(folder, ids)]
        material = Material(load_judge(args.base, args.judge), tokenizer, texts)
        print(f"written: {len(texts)} essays, {sum(len(w[1]) for w in material.windows)} pieces", flush=True)
        tower = fresh()
        train(tower, material, material.windows, EPOCHS["written"], RATES["written"], args.seed, args.out / "written.checkpoint")
        torch.save(tower.state_dict(), start)
    if args.only == "written":
        return
    texts = [(name, [s[2] for s in sentences], paragraphs, [s[3] for s in sentences]) for name, _, sentences, paragraphs in essays]
    lengths = {name: len(sentences) for name, sentences, *_ in texts}
    material = Material(load_judge(args.base, args.judge), tokenizer, texts)
    if not (args.out / "zero.npz").exists():
        tower = fresh()
        tower.load_state_dict(torch.load(start, weights_only=True))
        np.savez(args.out / "zero.npz", **answers(tower, material, material.windows, lengths, len(ids) * len(STANCES)))
    for part in [args.only] if args.only else ["0", "1", "2", "3", "4", "all"]:
        target = args.out / ("tower.pt" if part == "all" else f"fold-{part}.npz")
        if target.exists():
            continue
        held = [w for w in material.windows if str(folds[w[0]]) == part]
        rest = [w for w in material.windows if str(folds[w[0]]) != part]
        print(f"without fold {part}" if held else "all essays", flush=True)
        tower = fresh()
        tower.load_state_dict(torch.load(start, weights_only=True))
        train(tower, material, rest, args.epochs, args.rate, args.seed, args.out / f"{part}.checkpoint")
        if held:
            of_held = {name: n for name, n in lengths.items() if str(folds[name]) == part}
            np.savez(target, **answers(tower, material, held, of_held, len(ids) * len(STANCES)))
        else:
            torch.save(tower.state_dict(), target)
    if args.export:
        export_tower(args, tokenizer, fresh(), texts[0][1][:5])


def export_tower(args, tokenizer, tower, sentences):
    tower.load_state_dict(torch.load(args.out / "tower.pt", weights_only=True))
    judge, base = load_judge(args.base, args.judge, "eager"), Judge(args.base, "eager")
    plain = Shipped(judge, base, eager(args.base, tower)).eval()
    rows = [r[:2] for r in rows_of(tokenizer, sentences, [0] * len(sentences))]
    example = write_network(plain, rows, ["vectors", "stances", "fitted"], args.export)
    difference = largest_difference(plain, str(args.export / "model.onnx"), [example])
    print(f"largest difference of ONNX Runtime from PyTorch: {difference:.1e}")


def eager(base, tower):
    """The same tower in the plain form of attention, which can be exported."""
    layers = Judge(base, "eager").bert.encoder.layer[SHARED:]
    layers.load_state_dict(tower.layers.state_dict())
    tower.layers = layers
    return tower


if __name__ == "__main__":
    main()
