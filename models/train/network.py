"""A shipped network through ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime

WORDS = "word_vectors.data"  # one table for all networks, in the folder above theirs


def session(path):
    """The file at `path`, with the word vectors that it has in common with the others."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Later releases would multiply in int8; the weights were made for float32.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    path = Path(path)
    if WORDS.encode() in path.read_bytes():
        words = np.fromfile(path.parent.parent / WORDS, np.int8).reshape(-1, 384)
        options.add_external_initializers([WORDS], [onnxruntime.OrtValue.ortvalue_from_numpy(words)])
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
