"""Cross-validate the reading over the labelled essays and set the figures beside their bars.

    python bars.py --segments segments.jsonl --labels DIR... --corpus DIR... --study DIR \
        --folds folds.json --base DIR --out OUT

Runs judge_tower.py, judge_head.py and reading.py in OUT, where judge.py and judge_studies.py have been. Half an hour on
one processor core the first time; stopped, it goes on where it was. The tower is trained
once: it reads written essays alone, so that no fold has seen its labelled essays.
"""

import json
import subprocess
import sys
from pathlib import Path

from judge_head import HELD_OUT, essay_arguments

BARS = [  # figure, file, row, first bar, aim
    ("evidence, thesis and stance, micro F1", "head_figures.json", HELD_OUT, 0.50, 0.80),
    ("cells right (stance, four values)", "reading_figures.json", "cells right (four stances)", 0.75, 0.92),
    ("cells with weight 2 or more right", "reading_figures.json", "cells of weight 2 and 3 right", 0.85, 0.97),
    ("primary right", "reading_figures.json", "primary thesis right", 0.85, 0.97),
    ("controls with a primary, share", "reading_figures.json", "essays that explain nothing, with a primary", 0.0, 0.0),
    ("calibration error of confidence", "reading_figures.json", "expected calibration error of `confidence`", 0.08, 0.08),
    ("unseen studies, zero-shot: macro-F1", "figures.json", "stance-studies, 12 held out", 0.60, 0.80),
]


def value(found):
    if isinstance(found, dict):
        return found["f1"] if "f1" in found else found["macro-F1"] / 100
    return found[0]


def main():
    arg = essay_arguments(__doc__)
    for name in ("base", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    args = arg.parse_args()
    here = Path(__file__).parent
    essays = ["--segments", args.segments, "--study", args.study, "--folds", args.folds, "--labels", *args.labels, "--corpus", *args.corpus]
    judge = args.out / "export"
    steps = [["judge_tower.py", "--study", args.study, "--base", args.base, "--judge", args.out / "studies.pt", "--out", args.out, "--export", judge],
             ["judge_head.py", *essays, "--judge", judge],
             ["reading.py", "--oof", judge / "oof.jsonl", "--labels", *args.labels, "--folds", args.folds]]
    for script, *options in steps:
        subprocess.run([sys.executable, here / script, *map(str, options)], check=True)
    print("\n| figure | found | first bar | aim |\n| --- | --- | --- | --- |")
    for title, file, row, bar, aim in BARS:
        figures = json.loads((judge / file).read_text("utf-8"))
        print(f"| {title} | {value(figures.get('int8', figures)[row]):.3f} | {bar:.2f} | {aim:.2f} |")


if __name__ == "__main__":
    main()
