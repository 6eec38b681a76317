"""Train the judge's upper layers on many studies: other questions, each with a codebook of its own.

    python judge_studies.py --data DIR --base DIR --study pipelines/origins-of-stalinism \
        --judge OUT/checkpoint.pt --out OUT

The third stage of the judge, after judge.py, and once more on its own weights (--judge OUT/studies.pt): the
three lower layers are kept as they are and computed once, so that the study's tower, which stands on them
(judge_tower.py), stays as it was trained. It reads no labelled essay. Every twentieth of the studies written for
the recipe is kept out, and looked at after every epoch.

Resumes from OUT/studies.checkpoint at the last whole epoch; writes OUT/studies.pt, and OUT/export
(model.onnx, tokenizer.json, config.json, figures.json) as judge.py does.
"""

import argparse
import random
import time
import tomllib
from pathlib import Path

import torch

import judge_data as data
from batches import batches
from judge import loss_of, measure, write
from judge_data import encode, load_tokenizer
from judge_tower import SHARED, load_judge, padded, shared_states, through
from steps import arguments, descend

RATE, EPOCHS, BUDGET = 1e-4, 2, 1024
PAIRS = 3000  # so many pairs of the first stage an epoch keep up what it taught
SILENT = 0.4  # the share of the windows that say nothing of their thesis, others every epoch
ESSAYS = 0.1  # the share of the windows of the written essays, others every epoch
KEPT_OUT = 20  # every so many-th of the written studies


def lower(judge, tokenizer, windows):
    """Windows as (states of the lower layers, spans, window)."""
    rows = sorted(zip(encode(tokenizer, windows), windows), key=lambda r: len(r[0][0]))
    states = shared_states(judge, [row for (row, _), _ in rows])
    return [(state, spans, window) for ((_, spans), window), state in zip(rows, states)]


def answer(judge, batch):
    """Logits [b, s, 4] of windows whose lower states are known."""
    states, mask, members = padded(batch)
    return judge.stances(judge.dropout(members @ through(judge.bert.encoder.layer[SHARED:], states, mask)))


def train(judge, epoch_of, seed, checkpoint, report):
    """`epoch_of(rng)` gives an epoch's windows; `report()` says how it went."""
    judge.requires_grad_(False)
    for part in (judge.bert.encoder.layer[SHARED:], judge.stances):
        part.requires_grad_(True)
    trained = [p for p in judge.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01, foreach=True)
    begin, step, total = 0, 0, None
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        judge.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        begin, step, total = saved["epoch"], saved["step"], saved["total"]
    for epoch in range(begin, EPOCHS):
        rng = random.Random(f"{seed} {epoch}")
        windows = epoch_of(rng)
        plan = batches([len(w[0]) for w in windows], BUDGET, rng)
        total = total or len(plan) * EPOCHS
        judge.train()
        begun, mean = time.time(), 0.0
        for number, batch in enumerate(plan):
            batch = [windows[i] for i in batch]
            loss = loss_of(answer(judge, batch), [window for *_, window in batch])
            descend(optimiser, trained, loss, RATE, step, total)
            step += 1
            mean += loss.item() / len(plan)
            if number % 200 == 0:
                print(f"{number}/{len(plan)}, {time.time() - begun:.0f} s", flush=True)
        print(f"epoch {epoch + 1}/{EPOCHS}: {len(windows)} windows, loss {mean:.3f}, {time.time() - begun:.0f} s; {report()}", flush=True)
        part = checkpoint.with_suffix(".part")
        torch.save({"model": judge.state_dict(), "optimiser": optimiser.state_dict(), "rng": torch.get_rng_state(),
                    "epoch": epoch + 1, "step": step, "total": total}, part)
        part.rename(checkpoint)


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "base", "study", "judge", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    args = arguments(arg)
    tokenizer = load_tokenizer(args.base)
    judge = load_judge(args.base, args.judge, "eager")

    here = Path(__file__).parent / "written"
    paths = sorted((here / "studies").glob("*.txt"))
    kept_out = list(data.written_studies(paths[::KEPT_OUT]))
    written = list(data.written_studies(path for i, path in enumerate(paths) if i % KEPT_OUT))
    codebook = tomllib.loads((args.study / "pipeline.toml").read_text("utf-8"))["thesis"]
    essays = list(data.written_essays(here / "essays", codebook))
    studies = lower(judge, tokenizer, list(data.studies(args.data, "train")) + written)
    print(f"{len(paths)} written studies, {len(studies)} windows, {sum(len(s) for s, *_ in studies)} pieces", flush=True)

    def epoch_of(rng):
        others = rng.sample(data.general(args.data, rng), PAIRS) + rng.sample(essays, int(ESSAYS * len(essays)))
        return [w for w in studies if any(w[2].gold) or rng.random() < SILENT] + lower(judge, tokenizer, others)

    report = lambda: f"studies kept out {measure(judge, tokenizer, kept_out)}"
    print(report(), flush=True)
    train(judge, epoch_of, args.seed, args.out / "studies.checkpoint", report)
    torch.save({"model": judge.state_dict()}, args.out / "studies.pt")
    write(judge, tokenizer, args)


if __name__ == "__main__":
    main()
