"""Train, test and export the reader: names, claims, causes, voices and commitment of one sentence.

    python reader.py --data DIR --shared DIR --base DIR --out DIR [--epochs 2] [--start CHECKPOINT]

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
from torch import nn
from transformers import BertModel

import reader_data as data
from batches import batches
from export import export, largest_difference, round_weights
from reader_data import ENTITY_LABELS, MAX_LENGTH, SHAPES, VOICE_LABELS, encode, load_tokenizer, pieces_under
from reader_tests import figures, reference, tables

INPUTS = ("input_ids", "attention_mask", "shape_ids")
OUTPUTS = ["entities", "claims", "voice", "causes", "commitment"]
ENDS = [f"{part} {end}" for part in data.CAUSES for end in ("first", "last")]
RATES = (1e-4, 4e-4)  # of the encoder and of the heads


class Reader(nn.Module):
    """A BERT encoder with a table of case shapes added to its word vectors, and
    one linear layer per task."""

    def __init__(self, base, attention="sdpa"):
        super().__init__()
        self.bert = BertModel.from_pretrained(base, add_pooling_layer=False, attn_implementation=attention)
        width = self.bert.config.hidden_size
        self.shapes = nn.Embedding(SHAPES, width)
        nn.init.zeros_(self.shapes.weight)
        self.entities = nn.Linear(width, len(ENTITY_LABELS))
        self.claims = nn.Linear(width, len(data.CLAIMS))
        self.voice = nn.Linear(width, len(VOICE_LABELS))
        # where cause, effect and signal begin and end, as in extractive question
        # answering (Devlin et al. 2019); the signal is missing where [CLS] wins
        self.causes = nn.Linear(width, len(ENDS))
        self.commitment = nn.Linear(width, 1)
        self.dropout = nn.Dropout(0.1)
        # 43,000 sentences teach nothing about 30,000 words: keep the word vectors
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(self, input_ids, attention_mask, shape_ids):
        words = self.bert.embeddings.word_embeddings(input_ids) + self.shapes(shape_ids)
        states = self.bert(inputs_embeds=words, attention_mask=attention_mask).last_hidden_state
        states = self.dropout(states)
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(1) / weight.sum(1)
        return (self.entities(states), self.claims(mean), self.voice(states), self.causes(states),
                self.commitment(states).squeeze(-1))


# --- sentences to tensors -------------------------------------------------------

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
                     [math.nan if c is None else c for c in sentence.claims],
                     [r for r in (ends(relation, offsets) for relation in sentence.causes) if r],
                     [(under, value) for spans, value in sentence.commitment if (under := pieces_under(spans, offsets))]))
    return rows


def ends(relation, offsets):
    """First and last piece of cause, effect and signal, in the order of ENDS; the
    signal's are 0, [CLS], where there is none. None where a part was cut off."""
    out = []
    for part in data.CAUSES:
        under = pieces_under([relation[part]], offsets) if part in relation else [0]
        if not under:
            return None
        out += [under[0], under[-1]]
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


def cause_loss(logits, mask, rows):
    """Cross-entropy of the six ends; of several relations the one that the network
    is nearest to."""
    total, count = logits.sum() * 0, 0
    logs = logits.masked_fill(mask.unsqueeze(-1) == 0, -1e9).log_softmax(1)
    for i, row in enumerate(rows):
        if row[5]:
            each = torch.stack([-sum(logs[i, at, k] for k, at in enumerate(r)) for r in row[5]])
            total, count = total + each.min() / len(ENDS), count + 1
    return total / max(count, 4)


def commitment_loss(values, rows):
    said, gold = [], []
    for i, row in enumerate(rows):
        for under, value in row[6]:
            said.append(values[i, under].mean())
            gold.append(value)
    if not said:
        return values.sum() * 0
    return F.smooth_l1_loss(torch.stack(said), torch.tensor(gold), reduction="sum") / max(len(said), 8)


def loss_of(model, rows):
    ids, mask, shapes = inputs(rows)
    entities, claims, voice, causes, commitment = model(ids, mask, shapes)
    target = torch.tensor([r[4] for r in rows])
    known = ~target.isnan()
    claim_loss = F.binary_cross_entropy_with_logits(claims[known], target[known]) if known.any() else claims.sum() * 0
    return (open_loss(entities, [r[2] for r in rows]), claim_loss, open_loss(voice, [r[3] for r in rows]),
            cause_loss(causes, mask, rows), commitment_loss(commitment, rows))


def train(model, tokenizer, args):
    rng = random.Random(args.seed)
    sentences = data.training(args.data, Path(__file__).parent, rng)
    heads = [p for n, p in model.named_parameters() if not n.startswith("bert.")]
    encoder = [p for n, p in model.named_parameters() if n.startswith("bert.") and p.requires_grad]
    optimiser = torch.optim.AdamW([{"params": encoder, "lr": RATES[0]}, {"params": heads, "lr": RATES[1]}], weight_decay=0.01)
    checkpoint = args.out / "checkpoint.pt"
    step = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        step = saved["step"]
        print(f"resuming at step {step}")
    elif args.start:
        model.load_state_dict(torch.load(args.start, weights_only=False)["model"], strict=False)

    def save():
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
                    "rng": torch.get_rng_state()}, checkpoint)

    model.train()
    per_epoch = total = None
    begun, pieces, means = time.time(), 0, np.zeros(len(OUTPUTS))
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
            for group, base in zip(optimiser.param_groups, RATES):
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
                losses = " ".join(f"{name} {mean / 50:.3f}" for name, mean in zip(OUTPUTS, means))
                print(f"step {step}/{total} loss {losses}  {pieces / (time.time() - begun):.0f} pieces/s", flush=True)
                means[:] = 0
            if step % 300 == 0:
                save()
    save()


# --- using it -------------------------------------------------------------------

@torch.no_grad()
def predict(model, tokenizer, texts):
    """For every text its offsets and the outputs of the heads, as in OUTPUTS."""
    model.eval()
    rows = [encode(tokenizer, text) for text in texts]
    out = [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: len(rows[i][0]))
    for k in range(0, len(order), 32):
        batch = order[k:k + 32]
        entities, claims, voice, causes, commitment = (o.numpy() for o in model(*inputs([rows[i] for i in batch])))
        for j, i in enumerate(batch):
            n = len(rows[i][0])
            out[i] = rows[i][2], entities[j, :n], claims[j], voice[j, :n], causes[j, :n], commitment[j, :n]
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--shared", type=Path, help="folder with corpus/ and labels/, to test on labelled essays")
    parser.add_argument("--base", type=Path, required=True, help="all-MiniLM-L6-v2: model.safetensors, tokenizer.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--start", type=Path, help="weights of an earlier run to go on from, as a new schedule")
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
    trained, model = model, Reader(args.base, "eager")
    model.load_state_dict(trained.state_dict())
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
    axes = {name: tokens for name in (*INPUTS, *OUTPUTS)} | {"claims": {0: "batch"}}
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
        "decode": "the best labels of the words' first pieces in which B begins a span, I goes on with it, and no hyphenated word is divided",
    }, indent=1)
    write("reference.json", cases)
    write("figures.json", report, indent=1)
    if "int8" in report:
        card = Path(__file__).with_name("reader_card.md").read_text().replace("{epochs}", str(args.epochs))
        (folder / "MODEL_CARD.md").write_text(card.replace("{figures}", tables(report["int8"], report["float"])))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
