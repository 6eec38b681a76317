"""python -m unittest test_judge: the parts of the recipe that labels pass through."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import torch

import judge_data as data
import judge_head as head


class Windows(unittest.TestCase):
    def test_whole_paragraphs_while_they_fit(self):
        windows = data.windows_of([100, 100, 50, 10], [0, 0, 1, 1])
        self.assertEqual([[i for i, *_ in w] for w in windows], [[0, 1], [2, 3]])
        self.assertEqual([[i for i, *_ in w] for w in data.windows_of([50] * 4, [0, 1, 2, 3])], [[0, 1, 2, 3]])

    def test_a_long_paragraph_by_sentences_and_a_long_sentence_in_parts(self):
        windows = data.windows_of([150, 150, 500, 0], [0, 0, 0, 0])
        self.assertEqual(windows, [[(0, 0, 150)], [(1, 0, 150)], [(2, 0, 223)], [(2, 223, 446)], [(2, 446, 500), (3, 0, 0)]])

    def test_every_piece_once_and_no_window_too_long(self):
        lengths = [(i * 37) % 300 for i in range(120)]
        windows = data.windows_of(lengths, [i // 7 for i in range(120)])
        seen = [(i, p) for w in windows for i, a, b in w for p in range(a, b)]
        self.assertEqual(seen, [(i, p) for i, n in enumerate(lengths) for p in range(n)])
        self.assertTrue(all(sum(b - a + 1 for _, a, b in w) <= data.WINDOW for w in windows))


class Studies(unittest.TestCase):
    def test_a_long_passage_is_cut_between_sentences(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.txt"
            path.write_text("# A: War | It says war.\n# B: Peace | It says peace.\n\nA+ | one two three\n| four five six\nB- A~ | seven\n\n| eight\n")
            windows = list(data.written_studies([path], words=6))
        self.assertEqual([(w.thesis, w.sentences, w.gold) for w in windows], [
            ("War: It says war.", ["one two three", "four five six"], [data.ASSERTS, data.NONE]),
            ("Peace: It says peace.", ["one two three", "four five six"], [data.NONE, data.NONE]),
            ("War: It says war.", ["seven"], [data.REPORTS]),
            ("Peace: It says peace.", ["seven"], [data.DENIES]),
            ("War: It says war.", ["eight"], [data.NONE]),
            ("Peace: It says peace.", ["eight"], [data.NONE]),
        ])


class Figures(unittest.TestCase):
    def test_scores(self):
        self.assertEqual(data.scores([1, 1, 2, 0], [1, 2, 2, 1]), {"accuracy": 50.0, "macro-F1": round(100 * (0.5 + 2 / 3 + 0) / 3, 1)})


class Heads(unittest.TestCase):
    def test_neighbours_are_of_the_same_essay(self):
        counted = sparse.csr_matrix(np.eye(3, 4))
        lexical = head.Lexical.__new__(head.Lexical)
        lexical.words, lexical.idf = np.arange(4), np.ones(4)
        near = lexical.scaled(counted, np.array([0, 0, 1])).toarray()[:, 4:]
        self.assertEqual(near.tolist(), [[0, 0.5, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0]])

    def test_regressions_learn_and_leave_out_what_is_contested(self):
        x = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 2]]
        gold = np.array([[1], [1], [0], [0], [head.CONTESTED]])
        for rows in (x, sparse.csr_matrix(x)):
            weights, bias = head.fit([(rows, gold, 1.0)], 10.0, 60)
            said = head.answers(x @ weights + bias)[:, 0].argmax(-1)
            self.assertEqual(said[[0, 2]].tolist(), [1, 0])
            self.assertEqual(np.abs(weights[2]).max(), 0)  # of this row nobody said anything


if __name__ == "__main__":
    unittest.main()
