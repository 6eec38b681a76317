"""What the judge learns from, brought to one form: a thesis and sentences in a row.

Every sentence carries the set of stances that its annotation leaves open and the set
that it chooses among: a set of supporting and opposing arguments never says "none",
so its loss is taken between asserts and denies alone.
"""

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

STANCES = ["none", "asserts", "denies", "reports"]
NONE, ASSERTS, DENIES, REPORTS = range(4)
ALL = frozenset(range(4))
TWO = frozenset({ASSERTS, DENIES})
THREE = frozenset({NONE, ASSERTS, DENIES})
MATCH = frozenset({NONE, ASSERTS})
NLI = {"entailment": ASSERTS, "neutral": NONE, "contradiction": DENIES, "e": ASSERTS, "n": NONE, "c": DENIES}

HELD_STUDIES = 5  # every fifth study is held out whole
HELD_TOPICS = 4  # so many topics of ArgKP are held out, as in the shared task's dev part


@dataclass
class Window:
    """One thesis and the sentences read beside it; `gold[i]` is None where nobody said."""

    thesis: str
    sentences: list
    gold: list
    source: str
    choice: frozenset = field(default=ALL)


def text_of(path):
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode("utf-8-sig")


def pair(thesis, sentence, gold, source, choice):
    return Window(" ".join(thesis.split()), [" ".join(sentence.split())], [gold], source, choice)


def perspectrum(data, part):
    folder = data / "perspectrum"
    split = json.loads(text_of(folder / "dataset_split_v1.0.json"))
    pool = {p["pId"]: p["text"] for p in json.loads(text_of(folder / "perspective_pool_v1.0.json.gz"))}
    for claim in json.loads(text_of(folder / "perspectrum_with_answers_v1.0.json")):
        if split[str(claim["cId"])] != part:
            continue
        for cluster in claim["perspectives"]:
            gold = {"SUPPORT": ASSERTS, "UNDERMINE": DENIES}.get(cluster["stance_label_3"])
            if gold is None:
                continue
            for pid in cluster["pids"]:
                yield pair(claim["text"], pool[pid], gold, "perspectrum", TWO)


def explagraphs(data, part):
    for line in text_of(data / "explagraphs" / f"{part}.tsv").splitlines():
        belief, argument, stance, *_ = line.split("\t")
        yield pair(belief, argument, ASSERTS if stance == "support" else DENIES, "explagraphs", TWO)


def claim_stance(data, part):
    for row in csv.DictReader(io.StringIO(text_of(data / "ibm-claim-stance" / "claim_stance_dataset_v1.csv"))):
        if row["split"] == part:
            gold = ASSERTS if row["claims.stance"] == "PRO" else DENIES
            yield pair(row["topicText"], row["claims.claimCorrectedText"], gold, "claim-stance", TWO)


def argkp(data, part):
    """Does the argument state this key point? Topics in alphabetical order; the last
    HELD_TOPICS are the test."""
    rows = list(csv.DictReader(io.StringIO(text_of(data / "ibm-argkp-2021" / "ArgKP-2021_dataset.csv.gz"))))
    held = sorted({r["topic"] for r in rows})[-HELD_TOPICS:]
    for row in rows:
        if (row["topic"] in held) == (part == "test"):
            yield pair(row["key_point"], row["argument"], ASSERTS if row["label"] == "1" else NONE, "argkp", MATCH)


def arguments(data, part):
    for row in csv.DictReader(io.StringIO(text_of(data / "ibm-argq-rank-30k" / "arg_quality_rank_30k.csv.gz"))):
        if row["set"] == part and float(row["stance_WA_conf"]) > 0.9:
            yield pair(row["topic"], row["argument"], ASSERTS if row["stance_WA"] == "1" else DENIES, "argq", TWO)


def unseen(source, *others):
    """The test part without what the training parts of the same collection hold: texts
    (with their thesis, where a set has one sentence under several)."""

    def test(data, part):
        rows = list(source(data, part))
        if part not in ("train", "dev"):
            seen = {(w.thesis, w.sentences[0]) for w in source(data, "train")}
            texts = {w.sentences[0] for other in others for w in other(data, "train")}
            rows = [w for w in rows if (w.thesis, w.sentences[0]) not in seen and w.sentences[0] not in texts]
        return rows

    return test


def nli_wiki(data, part):
    for name in ("base_wiki", "sim_wiki", "translate_wiki"):
        path = data / "nli-nyu-semiauto-wiki" / name / f"{part}.jsonl"
        path = path if path.exists() else path.with_suffix(".jsonl.gz")
        for line in text_of(path).splitlines():
            row = json.loads(line)
            if row["label"] in NLI:
                yield pair(row["hypothesis"], row["premise"], NLI[row["label"]], "nli-wiki", THREE)


def table(path):
    return csv.DictReader(io.StringIO(text_of(path)), delimiter="\t", quoting=csv.QUOTE_NONE)


def nli_cad(data, part):
    for row in table(data / "nli-cad" / f"{part}.tsv"):
        yield pair(row["sentence2"], row["sentence1"], NLI[row["gold_label"]], "nli-cad", THREE)


def nli_negation(data, part):
    """MNLI and SNLI with "not" put in (three stances)."""
    for name in ("MNLI", "SNLI"):
        for row in table(data / "nli-negation" / f"{name}.txt"):
            yield pair(row["Hypothesis"], row["Text"], NLI[row["gold_label"]], "nli-negation", THREE)


def statement(thesis):
    return f"{thesis['label']}: {thesis['definition']}"


def studies(data, part):
    """Paragraphs of the stance studies, once for each thesis of their codebook."""
    rows = [json.loads(line) for n in range(1, 6) for line in text_of(data / "stance-studies" / f"part{n}.jsonl").splitlines()]
    names = sorted({r["study"] for r in rows})
    held = set(names[::HELD_STUDIES])
    for row in rows:
        if (row["study"] in held) != (part == "test"):
            continue
        for thesis in row["theses"]:
            gold = [NONE] * len(row["sentences"])
            for i, sentence in enumerate(row["sentences"]):
                for mark in sentence["marks"]:
                    if mark["thesis"] == thesis["id"]:
                        gold[i] = STANCES.index(mark["stance"])
            yield Window(statement(thesis), [s["text"] for s in row["sentences"]], gold, "studies")


CODES = {"O": "objective-conditions", "F": "party-state-fusion", "C": "continuity"}
SIGNS = {"+": ASSERTS, "-": DENIES, "~": REPORTS}


def marked(path):
    """A text written for the recipe: one sentence a line, `A+ B~ | sentence`, a blank line
    between paragraphs. Its head, and paragraphs of (sentence, {code: stance})."""
    head, paragraphs = {}, [[]]
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("## "):
            paragraphs.append([])
        elif line.startswith("# "):
            key, _, value = line[2:].partition(":")
            head[key] = value.strip()
        else:
            marks, _, text = line.partition("|")
            paragraphs[-1].append((text.strip(), {m[0]: SIGNS[m[1]] for m in marks.split()}))
    return head, [p for p in paragraphs if p]


def beside(theses, sentences, source):
    """A window for each thesis; `theses`: {code: statement}."""
    for code, thesis in theses.items():
        yield Window(thesis, [t for t, _ in sentences], [m.get(code, NONE) for _, m in sentences], source)


def runs(parts, words):
    """Lists of sentences joined, as many as have at most `words` words together; at least one."""
    run = []
    for part in parts:
        if run and sum(len(t.split()) for t, _ in run + part) > words:
            yield run
            run = []
        run = run + part
    if run:
        yield run


def written_essays(folder, codebook, series="*.txt", words=130):
    """Essays on the study's own question, in runs of whole paragraphs of some `words` words."""
    by_id = {t["id"]: statement(t) for t in codebook}
    theses = {code: by_id[name] for code, name in CODES.items()}
    for path in sorted(folder.glob(series)):
        for run in runs(marked(path)[1], words):
            yield from beside(theses, run, "written")


def written_studies(paths, words=130):
    """Passages on other questions, each file with a codebook of its own; a long passage in runs of some `words` words."""
    for path in paths:
        head, paragraphs = marked(path)
        theses = {code: head[code].replace(" | ", ": ", 1) for code in "ABCD" if code in head}
        for paragraph in paragraphs:
            for run in runs(([sentence] for sentence in paragraph), words):
                yield from beside(theses, run, "studies")


# --- word pieces ----------------------------------------------------------------

MAX_LENGTH = 320  # pieces of a training input: thesis, sentences, special tokens
MAX_THESIS = 96
CHUNK = 190  # pieces of a sentence that is made a vector of
WINDOW = 224  # pieces of the sentences that are read at once, a separator each


def load_tokenizer(base):
    tokenizer = Tokenizer.from_file(str(Path(base) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def pieces(tokenizer, texts):
    return [e.ids for e in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def row_of(tokenizer, thesis, sentences):
    """`[CLS] thesis [SEP] sentence [SEP] ...` (without a thesis `[CLS] sentence [SEP] ...`)
    and where the sentences stand in it; an empty sentence stands on its separator."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    row, spans = [cls] if thesis is None else [cls, *thesis, sep], []
    for sentence in sentences:
        spans.append((len(row), len(row) + max(1, len(sentence))))
        row += [*sentence, sep]
    return row, spans


def encode(tokenizer, windows):
    """Training inputs; what does not fit is cut from the ends of the longest sentences."""
    theses = pieces(tokenizer, [w.thesis for w in windows])
    left = iter(pieces(tokenizer, [s for w in windows for s in w.sentences]))
    rows = []
    for window, thesis in zip(windows, theses):
        thesis, sentences = thesis[:MAX_THESIS], [next(left) for _ in window.sentences]
        room = MAX_LENGTH - len(thesis) - 2 - len(sentences)
        longest = max(map(len, sentences))
        while sum(min(len(s), longest) for s in sentences) > room:
            longest -= 1
        rows.append(row_of(tokenizer, thesis, [s[:longest] for s in sentences]))
    return rows


def windows_of(lengths, paragraphs):
    """An essay's sentences in windows: whole paragraphs while they fit, a longer paragraph
    by sentences, a longer sentence in parts. [(sentence, first piece, end), ...] each."""
    out, window, used = [], [], 0

    def close():
        nonlocal window, used
        if window:
            out.append(window)
        window, used = [], 0

    at = 0
    while at < len(lengths):
        end = at
        while end < len(lengths) and paragraphs[end] == paragraphs[at]:
            end += 1
        if used + sum(lengths[at:end]) + end - at > WINDOW:
            close()
        for i in range(at, end):
            if used + lengths[i] + 1 > WINDOW:
                close()
            for start in range(0, max(1, lengths[i]), WINDOW - 1):
                if start:
                    close()
                stop = min(lengths[i], start + WINDOW - 1)
                window.append((i, start, stop))
                used += stop - start + 1
        at = end
    close()
    return out


def arrays(rows):
    """input_ids, attention_mask [b, l] and members [b, s, l] of padded rows."""
    length, count = max(len(r[0]) for r in rows), max(len(r[1]) for r in rows)
    ids, mask = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.int64)
    members = np.zeros((len(rows), count, length), np.float32)
    for i, (row, spans) in enumerate(rows):
        ids[i, :len(row)], mask[i, :len(row)] = row, 1
        for k, (start, end) in enumerate(spans):
            members[i, k, start:end] = 1 / (end - start)
    return ids, mask, members


def outputs(network, rows, size=16):
    """The network's outputs for the sentences of every row; it takes and gives arrays."""
    out = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    for at in range(0, len(order), size):
        batch = order[at:at + size]
        found = network(*arrays([rows[i] for i in batch]))
        for j, i in enumerate(batch):
            out[i] = [output[j, :len(rows[i][1])] for output in found]
    return out


def predict(network, tokenizer, windows):
    return outputs(network, encode(tokenizer, windows))


def read_essay(network, tokenizer, sentences, paragraphs, theses):
    """Stance logits [n, t, 4] of an essay; those of a sentence read in parts are means over
    its pieces. Theses may be [None]: the window is read alone."""
    of_sentence = pieces(tokenizer, sentences)
    of_thesis = theses if theses == [None] else pieces(tokenizer, theses)
    windows = windows_of([len(p) for p in of_sentence], paragraphs)
    rows = [row_of(tokenizer, thesis, [of_sentence[i][a:b] for i, a, b in w]) for w in windows for thesis in of_thesis]
    found = iter(outputs(network, rows))
    logits = None
    for window in windows:
        for t in range(len(theses)):
            of_window = next(found)[-1]
            if logits is None:
                logits = np.zeros((len(sentences), len(theses), of_window.shape[-1]), np.float32)
            for k, (i, a, b) in enumerate(window):
                logits[i, t] += (b - a) / len(of_sentence[i]) * of_window[k] if of_sentence[i] else of_window[k]
    return np.zeros((0, len(theses), len(STANCES)), np.float32) if logits is None else logits


def vectors(network, tokenizer, texts):
    """Unit vectors [n, d] of sentences, each by itself: the mean over all pieces; a sentence
    too long for one input is the mean of its parts."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    parts = [(i, [cls, *ids[a:a + CHUNK], sep]) for i, ids in enumerate(pieces(tokenizer, texts)) for a in range(0, max(1, len(ids)), CHUNK)]
    found = outputs(network, [(row, [(0, len(row))]) for _, row in parts], 32)
    out = np.zeros((len(texts), found[0][0].shape[1]), np.float32)
    for (i, row), (vector, *_) in zip(parts, found):
        out[i] += len(row) * vector[0]
    return out / np.linalg.norm(out, axis=1, keepdims=True)


# --- figures ----------------------------------------------------------------------

def answers(windows, outputs):
    """Gold and answer of every sentence; the answer is among its set's choice."""
    gold, said = [], []
    for window, (*_, logits) in zip(windows, outputs):
        columns = sorted(window.choice)
        gold += window.gold
        said += [columns[k] for k in logits[:, columns].argmax(1)]
    return gold, said


def scores(gold, said):
    """Accuracy and macro-F1 over the stances that occur, in percent."""
    gold, said = np.array(gold), np.array(said)
    f1 = []
    for kind in np.unique(gold):
        hit = ((gold == kind) & (said == kind)).sum()
        f1.append(2 * hit / max(1, (gold == kind).sum() + (said == kind).sum()))
    return {"accuracy": round(100 * float((gold == said).mean()), 1), "macro-F1": round(100 * float(np.mean(f1)), 1)}


def folder_name(test):
    return test.split(" ")[0].strip(",")


# Every test, and the training part of the same set; nli-negation has none of its own.
TESTS = {
    "perspectrum test": (unseen(perspectrum), "test", "train"),
    "explagraphs dev": (explagraphs, "dev", "train"),
    "ibm-claim-stance test": (claim_stance, "test", "train"),
    # ArgKP's arguments are some of ArgQ's
    "ibm-argkp-2021, 4 topics held out": (unseen(argkp, arguments), "test", "train"),
    "nli-nyu wiki test": (nli_wiki, "test", "train"),
    "nli-negation (MNLI, SNLI)": (nli_negation, "test", None),
    "stance-studies, 12 held out": (studies, "test", "train"),
}


def general(data, rng):
    """The pair sets and the studies that are trained on, of the long sets a part."""
    some = lambda rows, n: rng.sample(rows, min(n, len(rows)))
    points = list(argkp(data, "train"))
    # ArgKP's arguments are some of ArgQ's: those of its held-out topics are left out
    tested = {w.sentences[0] for w in argkp(data, "test")}
    matching = [p for p in points if p.gold == [ASSERTS]]
    return (
        list(perspectrum(data, "train")) + list(explagraphs(data, "train")) * 2 + list(claim_stance(data, "train")) * 2
        + matching + some([p for p in points if p.gold == [NONE]], 6000)
        + some([w for w in arguments(data, "train") if w.sentences[0] not in tested], 7000)
        + list(nli_wiki(data, "train")) + list(nli_cad(data, "train"))
    )
