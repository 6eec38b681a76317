"""The shipped judge's weights, back in PyTorch: where its training can go on.

    python shipped.py --model models/judge/model.onnx --base DIR --out OUT

Writes OUT/checkpoint.pt, as judge.py does, and OUT/tower.pt, as judge_tower.py does. They are rounded to
int8 as they were shipped: rounded once more, they stay the same.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from judge import Judge, Shipped
from judge_data import STANCES
from judge_tower import SHARED, Tower
from network import WORDS


def weights_of(path):
    """Tensors by the names of `judge.Shipped`, from what export.py wrote: int8 multiplied out."""
    graph = onnx.load(path, load_external_data=False).graph
    tensors = {t.name: t for t in graph.initializer}
    rows = np.fromfile(Path(path).parent.parent / WORDS, np.int8).reshape(tuple(tensors[WORDS].dims))

    def plain(name, whole=None):
        if name in tensors:
            return numpy_helper.to_array(tensors[name])
        scale = numpy_helper.to_array(tensors[name + "_scale"])
        if whole is None:
            whole = numpy_helper.to_array(tensors[name + "_int8"])
        return whole.astype(np.float32) * (scale[:, None] if "embeddings" in name else scale)

    words, places = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    found = {words: plain(words, rows), places: plain(places)}
    found |= {name: plain(name) for name, t in tensors.items() if t.data_type == 1 and "::" not in name and not name.endswith("_scale")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::"):  # the node is named after the layer
            name = node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".") + ".weight"
            found[name] = plain(node.input[1]).T
    return {name: torch.from_numpy(np.array(x, np.float32)) for name, x in found.items()}


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "base", "out"):
        arg.add_argument("--" + name, type=Path, required=True)
    args = arg.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    weights = weights_of(args.model)
    judge = Judge(args.base, "eager")
    theses = len(weights["study.stances.bias"]) // len(STANCES)
    tower = Tower(Judge(args.base, "eager").bert.encoder.layer[SHARED:], theses)
    Shipped(judge, Judge(args.base, "eager"), tower).load_state_dict(weights)
    torch.save({"model": judge.state_dict()}, args.out / "checkpoint.pt")
    torch.save(tower.state_dict(), args.out / "tower.pt")


if __name__ == "__main__":
    main()
