"""Train a tower of the judge on essays written about one study's theses.

    python judge_tower.py --study pipelines/origins-of-stalinism --base DIR \
        --judge OUT/studies.pt --out OUT --export OUT/export

The tower reads `[CLS] sentence [SEP] sentence [SEP] ...`, a window of whole paragraphs; the
mean of a sentence's pieces is its state, and a linear layer on it gives the stances on all
theses at once. It stands on the judge's lower layers, kept as they are and computed once.
It has read no labelled essay: judge_head.py fits a head to those on top of its states.

Keeps OUT/tower.pt, which is used as it is when it is there (remove it after a change of the judge or
of the essays; a training cut short resumes from OUT/tower.checkpoint), and writes EXPORT/model.onnx anew,
with the tower.
"""

import argparse
import random
import time
import tomllib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import judge_data as data
from batches import batches
from export import largest_difference
from judge import FROZEN, Judge, Shipped, write_network
from judge_data import STANCES, load_tokenizer
from steps import arguments, descend

SHARED = FROZEN + 1  # layers below the tower: the judge's trunk and one of its own
RATE, EPOCHS, BUDGET = 1e-4, 2, 1024


class Tower(nn.Module):
    """states [b, l, d] of the shared layers, attention_mask [b, l], members [b, s, l]
    -> [b, s, d + t * 4]: a sentence's state, and logits of its stances on each of t theses."""

    def __init__(self, layers, theses):
        super().__init__()
        self.layers = layers
        self.dropout = nn.Dropout(0.1)
        self.stances = nn.Linear(layers[0].attention.self.query.in_features, theses * len(STANCES))
        nn.init.normal_(self.stances.weight, std=0.02)
        with torch.no_grad():  # begin near the shares of the stances
            self.stances.bias.copy_(torch.tensor([3.0, 0.0, -1.0, -1.5]).repeat(theses))

    def forward(self, states, attention_mask, members):
        states = members @ through(self.layers, states, attention_mask)
        return torch.cat([states, self.stances(self.dropout(states))], -1)


def rows_of(tokenizer, sentences, paragraphs):
    """Windows of an essay as (ids, spans, sentence of each span)."""
    pieces = data.pieces(tokenizer, sentences)
    windows = data.windows_of([len(p) for p in pieces], paragraphs)
    return [(*data.row_of(tokenizer, None, [pieces[i][a:b] for i, a, b in w]), [i for i, *_ in w]) for w in windows]


def written(folder, theses):
    """(sentences, paragraph of each, stances by thesis of each) of the written essays."""
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
        yield sentences, paragraphs, golds


def material(judge, tokenizer, essays):
    """Windows as (states of the shared layers, spans, stances of each span)."""
    rows = [(row, golds) for sentences, paragraphs, golds in essays for row in rows_of(tokenizer, sentences, paragraphs)]
    rows.sort(key=lambda r: len(r[0][0]))
    windows = []
    for ((_, spans, of), golds), state in zip(rows, shared_states(judge, [row for (row, *_), _ in rows])):
        windows.append((state, spans, [golds[i] for i in of]))
    return windows


def shared_states(judge, rows):
    """What the shared layers make of rows of pieces, rows of like length beside each other: [l, d] of each."""
    for at in range(0, len(rows), 16):
        batch = rows[at:at + 16]
        ids, mask, _ = map(torch.from_numpy, data.arrays([(row, []) for row in batch]))
        with torch.no_grad():
            states = through(judge.bert.encoder.layer[:SHARED], judge.bert.embeddings(ids), mask)
        for row, state in zip(batch, states):
            yield state[:len(row)].half().clone()


def through(layers, states, attention_mask):
    """States [b, l, d] after layers of the encoder."""
    mask = ((1.0 - attention_mask[:, None, None, :].float()) * -1e9).expand(-1, 1, states.shape[1], -1)
    for layer in layers:
        states = layer(states, mask)[0]
    return states


def padded(windows):
    """states [b, l, d], attention_mask and members of windows (states, spans, ...)."""
    _, mask, members = map(torch.from_numpy, data.arrays([(state[:, 0], spans) for state, spans, *_ in windows]))
    states = nn.utils.rnn.pad_sequence([state for state, *_ in windows], batch_first=True).float()
    return states, mask, members


def tensors(windows):
    golds = [torch.tensor(g) for *_, g in windows]
    return *padded(windows), nn.utils.rnn.pad_sequence(golds, batch_first=True, padding_value=-1)


def train(tower, windows, seed, checkpoint):
    """Cross-entropy over sentences and theses; resumes at the last whole epoch."""
    plans = [batches([len(w[0]) for w in windows], BUDGET, random.Random(f"{seed} {e}")) for e in range(EPOCHS)]
    optimiser = torch.optim.AdamW(tower.parameters(), lr=RATE, weight_decay=0.01, foreach=True)
    total, step, begin = sum(map(len, plans)), 0, 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        tower.load_state_dict(saved["tower"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        step, begin = saved["step"], saved["epoch"]
    for epoch in range(begin, EPOCHS):
        tower.train()
        begun, mean = time.time(), 0.0
        for batch in plans[epoch]:
            states, mask, members, gold = tensors([windows[i] for i in batch])
            logits = tower(states, mask, members)[..., states.shape[-1]:]
            loss = F.cross_entropy(logits.reshape(-1, len(STANCES)), gold.reshape(-1), ignore_index=-1)
            descend(optimiser, tower.parameters(), loss, RATE, step, total)
            step += 1
            mean += loss.item() / len(plans[epoch])
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {mean:.3f}, {time.time() - begun:.0f} s", flush=True)
        part = checkpoint.with_suffix(".part")
        torch.save({"tower": tower.state_dict(), "optimiser": optimiser.state_dict(), "rng": torch.get_rng_state(),
                    "step": step, "epoch": epoch + 1}, part)
        part.rename(checkpoint)


def load_judge(base, checkpoint, attention="sdpa"):
    judge = Judge(base, attention)
    judge.load_state_dict(torch.load(checkpoint, weights_only=False)["model"])
    return judge.eval()


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("study", "base", "judge", "out", "export"):
        arg.add_argument("--" + name, type=Path, required=True)
    args = arguments(arg)
    ids = [t["id"] for t in tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]]
    tokenizer = load_tokenizer(args.base)
    tower = Tower(load_judge(args.base, args.judge, "eager").bert.encoder.layer[SHARED:], len(ids))
    kept = args.out / "tower.pt"
    essays = list(written(Path(__file__).parent / "written" / "essays", ids))
    if not kept.exists():
        windows = material(load_judge(args.base, args.judge), tokenizer, essays)
        print(f"{len(essays)} essays, {sum(len(w[0]) for w in windows)} pieces", flush=True)
        train(tower, windows, args.seed, args.out / "tower.checkpoint")
        torch.save(tower.state_dict(), kept)
    tower.load_state_dict(torch.load(kept, weights_only=True))

    plain = Shipped(load_judge(args.base, args.judge, "eager"), Judge(args.base, "eager"), tower).eval()
    rows = [row[:2] for row in rows_of(tokenizer, *essays[0][:2])]
    example = write_network(plain, rows[:2], ["vectors", "stances", "states"], args.export)
    difference = largest_difference(plain, str(args.export / "model.onnx"), [example])
    print(f"largest difference of ONNX Runtime from PyTorch: {difference:.1e}")


if __name__ == "__main__":
    main()
