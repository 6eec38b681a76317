"""Train, test and export the reader: names, claims and voices of one sentence.

    python reader.py --data DIR --shared DIR --base DIR --out DIR [--epochs 2.5]

One run trains (resuming from OUT/checkpoint.pt where there is one), tests, and
writes OUT/export: model.onnx, tokenizer.json, config.json, reference.json,
figures.json and MODEL_CARD.md. `--steps N` stops early; `--test-only` skips the training.
"""

import argparse
import json
import math
import random
import re
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

import reader_data as data
from export import export, largest_difference, round_weights
from reader_data import ENTITY_LABELS, VOICE_LABELS
from reader_tests import figures, reference, tables

MAX_LENGTH = 192
SHAPES = 6
INPUTS = ("input_ids", "attention_mask", "shape_ids")
OUTPUTS = ["entities", "claims", "voice"]


def shape(piece: str) -> int:
    """The case of a word piece as written: what an uncased encoder cannot see."""
    letters = [c for c in piece if c.isalpha()]
    if not letters:
        return 5 if any(c.isnumeric() for c in piece) else 0
    upper = [c.isupper() for c in letters]
    if not any(upper):
        return 1
    if all(upper) and len(letters) > 1:
        return 3
    return 2 if upper[0] and not any(upper[1:]) else 4


class Reader(nn.Module):
    """A BERT encoder with a table of case shapes added to its word vectors, and
    one linear layer per task."""

    def __init__(self, base):
        super().__init__()
        self.bert = BertModel.from_pretrained(base, add_pooling_layer=False, attn_implementation="eager")
        width = self.bert.config.hidden_size
        self.shapes = nn.Embedding(SHAPES, width)
        nn.init.zeros_(self.shapes.weight)
        self.entities = nn.Linear(width, len(ENTITY_LABELS))
        self.claims = nn.Linear(width, len(data.CLAIMS))
        self.voice = nn.Linear(width, len(VOICE_LABELS))
        self.dropout = nn.Dropout(0.1)
        # 43,000 sentences teach nothing about 30,000 words: keep the word vectors
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(self, input_ids, attention_mask, shape_ids):
        words = self.bert.embeddings.word_embeddings(input_ids) + self.shapes(shape_ids)
        states = self.bert(inputs_embeds=words, attention_mask=attention_mask).last_hidden_state
        states = self.dropout(states)
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(1) / weight.sum(1)
        return self.entities(states), self.claims(mean), self.voice(states)


# --- sentences to tensors -------------------------------------------------------

def load_tokenizer(base):
    tokenizer = Tokenizer.from_file(str(Path(base) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer


def encode(tokenizer, text):
    """Ids, shapes and character offsets of the pieces, [CLS] and [SEP] included."""
    encoding = tokenizer.encode(text)
    return encoding.ids, [shape(text[a:b]) for a, b in encoding.offsets], encoding.offsets


def open_labels(layer, offsets, labels):
    """For every piece the labels that the annotation leaves open, [L, labels] of
    bool; all of them where nothing is known."""
    allowed = np.ones((len(offsets), len(labels)), bool)
    if layer is None:
        return allowed
    spans, rest = layer
    starts = [i for i, (a, b) in enumerate(offsets) if b > a]
    rest_row = [label == "O" and "O" in rest or label[2:] in rest for label in labels]
    allowed[starts] = rest_row
    for start, end, kinds in spans:
        first = True
        for i in starts:
            if start <= offsets[i][0] < end:
                prefix = "BI" if "O" in kinds else "B" if first else "I"
                allowed[i] = [l == "O" and "O" in kinds or l[2:] in kinds and l[0] in prefix for l in labels]
                first = False
    return allowed


def vary(sentence, rng):
    """Typography that the sets lack: curly quotation marks, openings in capitals."""
    text = sentence.text
    if rng.random() < 0.5:
        text = re.sub(r'(^|[\s(\[])"', "\\1“", text).replace('"', "”").replace("'", "’")
    if rng.random() < 0.06:
        cut = re.match(r"(\S+\s+){1,4}\S+", text)
        if cut and len(cut.group().upper()) == cut.end():
            text = cut.group().upper() + text[cut.end():]
    return text


def prepare(sentences, tokenizer, rng):
    rows = []
    for sentence in sentences:
        ids, shapes, offsets = encode(tokenizer, vary(sentence, rng))
        rows.append((ids, shapes, open_labels(sentence.entities, offsets, ENTITY_LABELS),
                     open_labels(sentence.voice, offsets, VOICE_LABELS),
                     [math.nan if c is None else c for c in sentence.claims]))
    return rows


def batches(lengths, budget, rng):
    """Indices in batches of like length, at most `budget` pieces with padding."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + rng.random() * 8)
    out, batch = [], []
    for i in order:
        longest = max([lengths[i]] + [lengths[j] for j in batch])
        if batch and longest * (len(batch) + 1) > budget:
            out.append(batch)
            batch = []
        batch.append(i)
    out.append(batch)
    rng.shuffle(out)
    return out


def inputs(rows):
    """Padded tensors of (ids, shapes, ...) rows, in the order of INPUTS."""
    length = max(len(r[0]) for r in rows)
    pad = lambda values: torch.tensor([list(v) + [0] * (length - len(v)) for v in values])
    return pad([r[0] for r in rows]), pad([[1] * len(r[0]) for r in rows]), pad([r[1] for r in rows])


# --- training -------------------------------------------------------------------

def open_loss(logits, rows):
    """Mean of -log P(open labels) over the pieces on which something is known."""
    length = logits.shape[1]
    allowed = torch.ones(logits.shape, dtype=torch.bool)
    for i, row in enumerate(rows):
        allowed[i, :min(len(row), length)] = torch.from_numpy(row)
    known = ~allowed.all(-1)
    if not known.any():
        return logits.sum() * 0
    logits, allowed = logits[known], allowed[known]
    return (logits.logsumexp(-1) - logits.masked_fill(~allowed, -1e9).logsumexp(-1)).mean()


def loss_of(model, rows):
    entities, claims, voice = model(*inputs(rows))
    target = torch.tensor([r[4] for r in rows])
    known = ~target.isnan()
    claim_loss = F.binary_cross_entropy_with_logits(claims[known], target[known]) if known.any() else claims.sum() * 0
    return open_loss(entities, [r[2] for r in rows]), claim_loss, open_loss(voice, [r[3] for r in rows])


def train(model, tokenizer, args):
    rng = random.Random(args.seed)
    sentences = data.training(args.data, Path(__file__).with_name("own_examples.txt"), rng)
    heads = [p for n, p in model.named_parameters() if not n.startswith("bert.")]
    encoder = [p for n, p in model.named_parameters() if n.startswith("bert.") and p.requires_grad]
    optimiser = torch.optim.AdamW([{"params": encoder, "lr": 1e-4}, {"params": heads, "lr": 4e-4}], weight_decay=0.01)
    checkpoint = args.out / "checkpoint.pt"
    step = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        step = saved["step"]
        print(f"resuming at step {step}")

    def save():
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
                    "rng": torch.get_rng_state()}, checkpoint)

    model.train()
    per_epoch = total = None
    begun, pieces, means = time.time(), 0, np.zeros(3)
    for epoch in range(math.ceil(args.epochs)):
        # an epoch depends on seed and number alone, so that a resumed run sees the same
        rng = random.Random(f"{args.seed} {epoch}")
        rows = prepare(sentences, tokenizer, rng)
        plan = batches([len(r[0]) for r in rows], args.batch, rng)
        if per_epoch is None:
            per_epoch, total = len(plan), int(len(plan) * args.epochs)
            print(f"{len(rows)} sentences, {sum(len(r[0]) for r in rows)} pieces, {per_epoch} batches an epoch", flush=True)
        for number, batch in enumerate(plan):
            if epoch * per_epoch + number < step:
                continue
            if step >= min(total, args.steps or total):
                break
            warm = min(1.0, (step + 1) / (0.06 * total))
            rate = warm * (1 - step / total)
            for group, base in zip(optimiser.param_groups, (1e-4, 4e-4)):
                group["lr"] = base * rate
            losses = loss_of(model, [rows[i] for i in batch])
            optimiser.zero_grad()
            sum(losses).backward()
            nn.utils.clip_grad_norm_(encoder + heads, 1.0)
            optimiser.step()
            step += 1
            pieces += sum(len(rows[i][0]) for i in batch)
            means += [float(l) for l in losses]
            if step % 50 == 0:
                print(f"step {step}/{total} loss entities {means[0] / 50:.3f} claims {means[1] / 50:.3f} "
                      f"voice {means[2] / 50:.3f}  {pieces / (time.time() - begun):.0f} pieces/s", flush=True)
                means[:] = 0
            if step % 300 == 0:
                save()
    save()


# --- using it -------------------------------------------------------------------

@torch.no_grad()
def predict(model, tokenizer, texts):
    """For every text (offsets, entity logits, claim logits, voice logits)."""
    model.eval()
    rows = [encode(tokenizer, text) for text in texts]
    out = [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: len(rows[i][0]))
    for k in range(0, len(order), 32):
        batch = order[k:k + 32]
        entities, claims, voice = model(*inputs([rows[i] for i in batch]))
        for j, i in enumerate(batch):
            n = len(rows[i][0])
            out[i] = rows[i][2], entities[j, :n].numpy(), claims[j].numpy(), voice[j, :n].numpy()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--shared", type=Path, help="folder with corpus/ and labels/, to test on labelled essays")
    parser.add_argument("--base", type=Path, required=True, help="all-MiniLM-L6-v2: model.safetensors, tokenizer.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=2.5)
    parser.add_argument("--steps", type=int, help="stop after so many steps of the schedule")
    parser.add_argument("--batch", type=int, default=1024, help="pieces a batch, with padding")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--test-only", action="store_true")
    parser.add_argument("--no-tests", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    folder = args.out / "export"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, model = load_tokenizer(args.base), Reader(args.base)
    if args.test_only:
        model.load_state_dict(torch.load(args.out / "checkpoint.pt", weights_only=False)["model"])
    else:
        train(model, tokenizer, args)
    model.eval()

    run = lambda texts: predict(model, tokenizer, texts)
    report, thresholds = {}, [0.5] * len(data.CLAIMS)
    if not args.no_tests:
        report["float"], thresholds = figures(run, args.data, args.shared, args.seed)
        round_weights(model)
        report["int8"], _ = figures(run, args.data, args.shared, args.seed, thresholds)
    ids, shapes, _ = encode(tokenizer, "Rosa Luxemburg wrote it in Breslau.")
    example = dict(zip(INPUTS, inputs([(ids, shapes), (ids[:-3], shapes[:-3])])))
    tokens = {0: "batch", 1: "length"}
    axes = {name: tokens for name in (*INPUTS, "entities", "voice")} | {"claims": {0: "batch"}}
    export(model, example, OUTPUTS, axes, str(folder / "model.onnx"))
    cases = reference(run, lambda text: encode(tokenizer, text))
    tensors = [dict(zip(INPUTS, inputs([encode(tokenizer, c["text"])]))) for c in cases]
    report["largest difference of ONNX Runtime from PyTorch"] = largest_difference(model, str(folder / "model.onnx"), tensors)
    tokenizer.no_truncation()  # the program cuts long sentences into windows itself
    tokenizer.save(str(folder / "tokenizer.json"))

    def write(name, value, **how):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, **how) + "\n")

    write("config.json", {
        "name": "reader", "max_length": MAX_LENGTH, "overlap": 32, "inputs": list(INPUTS), "outputs": OUTPUTS,
        "labels": {"entities": ENTITY_LABELS, "claims": list(data.CLAIMS), "voice": VOICE_LABELS},
        "thresholds": dict(zip(data.CLAIMS, [round(float(t), 3) for t in thresholds])),
        "decode": "a piece that begins with ## takes the label of its word's first piece",
    }, indent=1)
    write("reference.json", cases)
    write("figures.json", report, indent=1)
    if "int8" in report:
        card = Path(__file__).with_name("reader_card.md").read_text().replace("{epochs}", str(args.epochs))
        (folder / "MODEL_CARD.md").write_text(card.replace("{figures}", tables(report["int8"], report["float"])))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
