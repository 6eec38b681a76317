"""Write the judge's model card: judge_card.md with the figures that the recipe's steps left.

    python judge_card.py --judge OUT/export --data DIR --alone DIR

`--alone`: a folder a set with the figures.json of `judge.py --only SET`.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import judge_data as data


def both(figures):
    return f"{figures['accuracy']} / {figures['macro-F1']}"


def general(figures, alone, folder):
    """The general skill, a row a set."""
    lines = ["| set | judge | base tuned on the set alone | majority | sentences |", "| --- | --- | --- | --- | --- |"]
    for name, (source, part, _) in data.TESTS.items():
        gold = [g for window in source(folder, part) for g in window.gold]
        majority = data.scores(gold, [Counter(gold).most_common(1)[0][0]] * len(gold))
        own = alone / data.folder_name(name) / "figures.json"
        tuned = both(json.loads(own.read_text())) if own.exists() else "– / –"
        lines.append(f"| {name} | {both(figures['int8'][name])} | {tuned} | {both(majority)} | {len(gold)} |")
    return "\n".join(lines)


def written():
    """How much was written for the recipe."""
    folder = Path(__file__).parent / "written"
    essays = [data.marked(path)[1] for path in sorted((folder / "essays").glob("*.txt"))]
    sentences = [marks for essay in essays for paragraph in essay for _, marks in paragraph]
    return {"studies": len(list((folder / "studies").glob("*.txt"))), "essays": len(essays), "sentences": len(sentences), "marks": sum(map(len, sentences))}


def evidence(figures):
    lines = ["| | precision | recall | F1 |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |" for name, row in figures.items()]
    return "\n".join(lines + ["| ceiling: two careful readers | | | 0.86 |"])


def reading(figures):
    lines = ["| | thresholds of the other folds | always the commonest value |", "| --- | --- | --- |"]
    for name, (found, majority) in figures.items():
        lines.append(f"| {name} | {found:.3f} | {'' if majority is None else format(majority, '.3f')} |")
    return "\n".join(lines)


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("judge", "data", "alone"):
        arg.add_argument("--" + name, type=Path, required=True)
    args = arg.parse_args()
    load = lambda name: json.loads((args.judge / name).read_text("utf-8"))
    card = Path(__file__).with_suffix(".md").read_text("utf-8")
    parts = {"general": general(load("figures.json"), args.alone, args.data),
             "evidence": evidence(load("head_figures.json")), "reading": reading(load("reading_figures.json"))} | {name: f"{n:,}" for name, n in written().items()}
    for name, text in parts.items():
        assert "{" + name + "}" in card, name
        card = card.replace("{" + name + "}", text)
    (args.judge / "MODEL_CARD.md").write_text(card, "utf-8")


if __name__ == "__main__":
    main()
