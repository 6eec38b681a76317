"""Train, test and export the judge: what each sentence of a window does to a thesis.

    python judge.py --data DIR --base DIR --out DIR --study pipelines/origins-of-stalinism

A BERT reads `[CLS] thesis [SEP] sentence [SEP] sentence [SEP] ...`; the mean of a
sentence's pieces gives its four stances. Two stages: pairs of a thesis and a sentence
together with the stance studies, then the studies again with texts written for this
recipe. The base's own upper layers are shipped beside the judge's: the head (judge_head.py)
stands on their sentence vectors. `--only SET` trains on one set alone: the baseline of the quality table.
Resumes from OUT/checkpoint.pt; writes OUT/export: model.onnx, tokenizer.json, config.json,
figures.json. judge_head.py goes on from there.
"""

import argparse
import json
import math
import random
import time
import tomllib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertModel

import judge_data as data
from batches import batches
from export import export, largest_difference
from judge_data import STANCES, encode, load_tokenizer
from steps import arguments, descend

FROZEN = 2  # lower layers kept as they are, with the embeddings: a quarter less to compute
RATE = 1e-4


class Judge(nn.Module):
    """input_ids, attention_mask [b, l]; members [b, s, l], the share of every piece in the
    mean of its sentence -> states [b, s, d], stances [b, s, 4] (logits)."""

    def __init__(self, base, attention="sdpa"):
        super().__init__()
        self.bert = BertModel.from_pretrained(base, add_pooling_layer=False, attn_implementation=attention)
        width = self.bert.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.stances = nn.Linear(width, len(STANCES))
        self.bert.embeddings.requires_grad_(False)
        for layer in self.bert.encoder.layer[:FROZEN]:
            layer.requires_grad_(False)

    def forward(self, input_ids, attention_mask, members):
        states = self.bert(input_ids, attention_mask).last_hidden_state
        states = members @ states
        return states, self.stances(self.dropout(states))


class Shipped(nn.Module):
    """Towers on a shared trunk (embeddings and the layers that training kept):
    `vectors` [b, s, d], means over the base's last layer, as its authors made it;
    `stances` [b, s, 4], the judge's; and, of a tower for one study (judge_tower.py), which
    stands on the judge's first layer, `states` [b, s, d + t * 4]."""

    def __init__(self, judge, base, study=None):
        super().__init__()
        self.embeddings = judge.bert.embeddings
        self.trunk = judge.bert.encoder.layer[:FROZEN]
        self.judge = judge.bert.encoder.layer[FROZEN:]
        self.base = base.bert.encoder.layer[FROZEN:]
        self.stances = judge.stances
        self.study = study

    def forward(self, input_ids, attention_mask, members):
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -1e9
        trunk = self.embeddings(input_ids)
        for layer in self.trunk:
            trunk = layer(trunk, mask)[0]
        vectors = states = trunk
        for layer in self.base:
            vectors = layer(vectors, mask)[0]
        states = shared = self.judge[0](states, mask)[0]
        for layer in self.judge[1:]:
            states = layer(states, mask)[0]
        outputs = members @ vectors, self.stances(members @ states)
        return outputs if self.study is None else (*outputs, self.study(shared, attention_mask, members))


def tensors(rows):
    return [torch.from_numpy(array) for array in data.arrays(rows)]


def loss_of(logits, windows):
    """Cross-entropy among the stances that the set chooses from, mean over sentences."""
    total, count = logits.sum() * 0, 0
    for choice in {w.choice for w in windows}:
        columns = sorted(choice)
        at, gold = [], []
        for i, window in enumerate(windows):
            if window.choice == choice:
                known = [(k, g) for k, g in enumerate(window.gold) if g is not None]
                at += [(i, k) for k, _ in known]
                gold += [columns.index(g) for _, g in known]
        if at:
            rows, cols = zip(*at)
            total = total + F.cross_entropy(logits[list(rows), list(cols)][:, columns], torch.tensor(gold), reduction="sum")
            count += len(at)
    return total / max(1, count)


def train(model, tokenizer, windows, epochs, rate, args, stage, budget=1024):
    """`windows(rng)` gives an epoch's material; an epoch depends on seed and number alone."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01, foreach=True)
    checkpoint, step = args.out / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        if saved["stage"] > stage or (saved["stage"] == stage and saved["done"]):
            model.load_state_dict(saved["model"])
            return
        if saved["stage"] == stage:
            model.load_state_dict(saved["model"])
            optimiser.load_state_dict(saved["optimiser"])
            torch.set_rng_state(saved["rng"])
            step = saved["step"]

    def save(done):
        part = checkpoint.with_suffix(".part")
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "rng": torch.get_rng_state(),
                    "step": step, "stage": stage, "done": done}, part)
        part.rename(checkpoint)

    model.train()
    total, begun, pieces, mean = None, time.time(), 0, 0.0
    for epoch in range(math.ceil(epochs)):
        rng = random.Random(f"{args.seed} {stage} {epoch}")
        rows = windows(rng)
        encoded = encode(tokenizer, rows)
        plan = batches([len(r[0]) for r in encoded], budget, rng)
        if total is None:
            per_epoch, total = len(plan), int(len(plan) * epochs)
            print(f"stage {stage}: {len(rows)} windows, {sum(len(r[0]) for r in encoded)} pieces, {per_epoch} batches", flush=True)
        for number, batch in enumerate(plan):
            if epoch * per_epoch + number < step or step >= total:
                continue
            _, logits = model(*tensors([encoded[i] for i in batch]))
            loss = loss_of(logits, [rows[i] for i in batch])
            descend(optimiser, trained, loss, rate, step, total)
            step += 1
            mean += loss.item()
            pieces += sum(len(encoded[i][0]) for i in batch)
            if step % 50 == 0:
                print(f"step {step}/{total} loss {mean / 50:.3f}  {pieces / (time.time() - begun):.0f} pieces/s", flush=True)
                mean = 0.0
            if step % 300 == 0:
                save(False)
    save(True)


def network(model):
    """The model as `data.predict` asks for it."""

    def run(*arrays):
        with torch.no_grad():
            return [output.numpy() for output in model.eval()(*map(torch.from_numpy, arrays))]

    return run


def measure(model, tokenizer, windows):
    return data.scores(*data.answers(windows, data.predict(network(model), tokenizer, windows)))


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "base", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    arg.add_argument("--study", type=Path, help="folder with the pipeline.toml that the written essays are about")
    arg.add_argument("--epochs", type=float, nargs=2, default=(2, 2), help="of the first and the second stage")
    arg.add_argument("--only", choices=[t for t, part in data.TESTS.items() if part[2]])
    args = arguments(arg)
    model, tokenizer = Judge(args.base), load_tokenizer(args.base)
    if args.only:
        source, _, part = data.TESTS[args.only]
        rows = list(source(args.data, part))
        some = lambda rng: rng.sample(rows, min(len(rows), 12000))  # as many of ArgKP as the judge itself sees
        train(model, tokenizer, some, args.epochs[0], RATE, args, 0)
        report = measure(model, tokenizer, list(source(args.data, data.TESTS[args.only][1])))
        (args.out / "figures.json").write_text(json.dumps(report))
        print(args.only, report)
        return
    studies = list(data.studies(args.data, "train"))
    train(model, tokenizer, lambda rng: data.general(args.data, rng) + studies, args.epochs[0], RATE, args, 1)
    codebook = tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]
    here = Path(__file__).parent / "written"
    written = list(data.written_essays(here / "essays", codebook, "[a-h]-*.txt"))
    written += data.written_studies(sorted((here / "studies").glob("[p-r]-*.txt")))
    # Two fifths of the windows that say nothing of their thesis, others every time.
    some = lambda rng: [w for w in written if any(w.gold) or rng.random() < 0.4]
    # What the first stage taught is kept up by some of its pairs.
    pairs = lambda rng: rng.sample(data.general(args.data, rng), 3000)
    train(model, tokenizer, lambda rng: studies + some(rng) + pairs(rng), args.epochs[1], RATE / 2, args, 2)
    write(model, tokenizer, args)


def write(model, tokenizer, args):
    """OUT/export: the network, the tokenizer, and its figures after rounding."""
    folder = args.out / "export"
    folder.mkdir(exist_ok=True)
    tests = {name: list(source(args.data, part)) for name, (source, part, _) in data.TESTS.items()}
    judge = Judge(args.base, "eager")
    judge.load_state_dict(model.state_dict())
    plain = Shipped(judge, Judge(args.base, "eager")).eval()
    example = write_network(plain, encode(tokenizer, tests["stance-studies, 12 held out"][:2]), ["vectors", "stances"], folder)
    figures = {"int8": {name: measure(plain, tokenizer, rows) for name, rows in tests.items()}}
    figures["largest difference of ONNX Runtime from PyTorch"] = largest_difference(plain, str(folder / "model.onnx"), [example])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"name": "judge", "stances": STANCES, "window": data.WINDOW}, indent=1) + "\n")
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def write_network(plain, rows, outputs, folder):
    """FOLDER/model.onnx; `plain` is rounded to int8 in place. Gives back its example."""
    example = dict(zip(("input_ids", "attention_mask", "members"), tensors(rows)))
    axes = {"input_ids": {0: "rows", 1: "pieces"}, "attention_mask": {0: "rows", 1: "pieces"},
            "members": {0: "rows", 1: "sentences", 2: "pieces"}} | {name: {0: "rows", 1: "sentences"} for name in outputs}
    export(plain, example, outputs, axes, str(folder / "model.onnx"))
    return example


if __name__ == "__main__":
    main()
