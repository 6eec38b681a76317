"""Whose view a marked sentence gives, against the hand labels.

    konspekt annotate ESSAYS... > annotations.jsonl
    python voices.py --annotations annotations.jsonl --labels DIR... --corpus DIR...

Over all marked sentences: precision and recall of `cited`, by the program's rule (voices cover
more than half of the sentence) and by quotation marks alone; and how many of the sources are right,
of the sentences that both call cited: a word of four letters in common, or none named by either.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np


def words(source):
    return set(re.findall("[a-z]{4,}", (source or "").lower()))


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("--annotations", type=Path, required=True)
    for name in ("labels", "corpus"):
        arg.add_argument("--" + name, type=Path, nargs="+", required=True)
    args = arg.parse_args()
    rows = {(row := json.loads(line))["file"]: row for line in args.annotations.open(encoding="utf-8")}
    gold, program, marks, named = [], [], [], []
    for path in sorted(p for folder in args.labels for p in folder.glob("*.json")):
        label = json.loads(path.read_text("utf-8"))
        if label["doc"] not in rows:
            continue
        text = next(d / label["doc"] for d in args.corpus if (d / label["doc"]).exists()).read_bytes().decode("utf-8")
        byte = np.cumsum([0] + [len(c.encode()) for c in text])
        for mark in label["marks"]:
            if mark["voice"] not in ("author", "cited"):
                continue
            start, end = byte[mark["start"]], byte[mark["end"]]
            inside = [(min(end, v["end"]) - max(start, v["start"]), v["source"]) for v in rows[label["doc"]]["voices"]]
            inside = [(length, source) for length, source in inside if length > 0]
            source = next((source for _, source in inside if source), None)
            quoted = sum(len(q) for q in re.findall("[“\"«].*?[”\"»]", text[mark["start"]:mark["end"]], re.S))
            gold.append(mark["voice"] == "cited")
            program.append(2 * sum(length for length, _ in inside) > end - start)
            marks.append(2 * quoted > mark["end"] - mark["start"])
            if gold[-1] and program[-1]:
                mine, theirs = words(source), words(mark.get("source"))
                named.append(bool(mine & theirs) or not (mine or theirs))
    gold = np.array(gold)
    print(f"{len(gold)} marks, {gold.sum()} cited")
    for name, said in (("program", np.array(program)), ("quotation marks", np.array(marks))):
        hit = (gold & said).sum()
        precision, recall = hit / said.sum(), hit / gold.sum()
        print(f"{name}: precision {precision:.3f} recall {recall:.3f} F1 {2 * precision * recall / (precision + recall):.3f}")
    print(f"sources right: {sum(named)} of {len(named)}")


if __name__ == "__main__":
    main()
