"""Weight-only int8 export shared by the training recipes.

Every large weight matrix is rounded to int8, symmetric, with one scale per
output channel (linear layers) or per row (embedding tables). In the ONNX file
it stands as an int8 initializer followed by DequantizeLinear; activations,
biases and layer norms stay float32. Because `round_weights` rounds the PyTorch
model in the same way first, PyTorch and the exported file compute the same
function up to float rounding.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from network import WORDS, session

OPSET = 17
SMALLEST = 1 << 14  # matrices with fewer elements (heads, shape table) stay float


def _round(weight: np.ndarray, axis: int):
    """int8 values and float32 scales of `weight`, one scale per index of `axis`."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.abs(weight).max(axis=others).astype(np.float32) / np.float32(127)
    scale[scale == 0] = 1
    shape = [1] * weight.ndim
    shape[axis] = -1
    values = np.clip(np.rint(weight / scale.reshape(shape)), -127, 127)
    return values.astype(np.int8), scale


@torch.no_grad()
def round_weights(model: nn.Module) -> nn.Module:
    """Replace, in place, every large weight by its int8 rounding. Rows of both
    `nn.Linear.weight` and `nn.Embedding.weight` are the channels."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)) and module.weight.numel() >= SMALLEST:
            values, scale = _round(module.weight.cpu().numpy(), axis=0)
            module.weight.copy_(torch.from_numpy(values.astype(np.float32) * scale[:, None]))
    return model


def export(model: nn.Module, inputs: dict, outputs: list, dynamic_axes: dict, path: str):
    """Round `model`'s weights and write it to `path` with int8 initializers.

    `inputs`: example tensors by input name, in the order of `model.forward`;
    `outputs`: names of what it returns; `dynamic_axes`: as torch.onnx.export.
    """
    round_weights(model.eval())
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "float.onnx")
        torch.onnx.export(model, tuple(inputs.values()), plain, input_names=list(inputs), output_names=outputs,
                          dynamic_axes=dynamic_axes, opset_version=OPSET, do_constant_folding=True)
        graph_model = onnx.load(plain)
    graph = graph_model.graph
    # The axis of the channel depends on how the weight is used.
    axes = {}
    for node in graph.node:
        if node.op_type == "MatMul":
            axes[node.input[1]] = 1
        elif node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axes[node.input[1]] = 0 if transposed else 1
        elif node.op_type == "Gather":
            axes.setdefault(node.input[0], 0)
    dequantise = []
    for tensor in list(graph.initializer):
        size = int(np.prod(tensor.dims))
        if tensor.name not in axes or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or size < SMALLEST:
            continue
        axis = axes[tensor.name]
        values, scale = _round(numpy_helper.to_array(tensor), axis)
        graph.initializer.remove(tensor)
        names = [tensor.name + suffix for suffix in ("_int8", "_scale", "_zero")]
        for name, array in zip(names, (values, scale, np.zeros(len(scale), np.int8))):
            graph.initializer.append(numpy_helper.from_array(array, name))
        dequantise.append(helper.make_node("DequantizeLinear", names, [tensor.name], tensor.name + "_dequantise", axis=axis))
    for node in reversed(dequantise):  # nodes must stand before their users
        graph.node.insert(0, node)
    onnx.checker.check_model(graph_model)
    share_words(graph_model, Path(path))
    onnx.save(graph_model, path)


def share_words(model, path):
    """Takes the word vectors, which no recipe changes, out of the network and into the folder
    above its own, where the others have theirs (ONNX external data)."""
    table = max((t for t in model.graph.initializer if t.data_type == TensorProto.INT8), key=lambda t: t.dims[0])
    shared = path.parent.parent / WORDS
    values = numpy_helper.to_array(table).tobytes()
    if shared.exists() and shared.read_bytes() != values:
        raise SystemExit(f"{shared}: other word vectors; networks that are shipped together need one base")
    shared.write_bytes(values)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == table.name:
                node.input[i] = WORDS
    table.name = WORDS
    table.ClearField("raw_data")
    table.data_location = TensorProto.EXTERNAL
    for key, value in (("location", WORDS), ("offset", "0"), ("length", str(len(values)))):
        table.external_data.add(key=key, value=value)


def largest_difference(model: nn.Module, path: str, cases: list) -> float:
    """Largest absolute difference between the outputs of `model` (rounded by
    `export`) and the ONNX file at `path`, over `cases` (dicts of tensors)."""
    opened = session(path)
    worst = 0.0
    for case in cases:
        with torch.no_grad():
            expected = model.eval()(*case.values())
        expected = expected if isinstance(expected, (tuple, list)) else (expected,)
        found = opened.run(None, {name: tensor.numpy() for name, tensor in case.items()})
        for left, right in zip(expected, found):
            worst = max(worst, float(np.abs(left.numpy() - right).max()))
    return worst
