"""python -m unittest test_reader: the parts of the recipe that labels pass through."""

import random
import unittest
from pathlib import Path

import numpy as np
import torch

import reader
import reader_data as data
import reader_tests as tests
from export import round_weights


class Shapes(unittest.TestCase):
    def test_every_class(self):
        cases = {"": 0, "—": 0, "the": 1, "20s": 1, "中": 1, "Rosa": 2, "I": 2, "USSR": 3, "iPhone": 4, "McKay": 4, "1917": 5, "½": 5}
        self.assertEqual({piece: data.shape(piece) for piece in cases}, cases)


class Labels(unittest.TestCase):
    offsets = [(0, 0), (0, 4), (5, 10), (10, 14), (15, 19), (0, 0)]  # [CLS] Rosa Luxem ##burg sang [SEP]
    text = "Rosa Luxemburg sang"

    def open(self, layer):
        rows = reader.open_labels(layer, self.offsets, reader.ENTITY_LABELS)
        return [{l for l, ok in zip(reader.ENTITY_LABELS, row) if ok} for row in rows]

    def test_a_span_opens_one_label_a_piece(self):
        rows = self.open(([(0, 14, data.types("PER"))], data.O))
        self.assertEqual(rows[1:5], [{"B-PER"}, {"I-PER"}, {"I-PER"}, {"O"}])
        self.assertEqual(rows[0], set(reader.ENTITY_LABELS))

    def test_an_unannotated_type_stays_open(self):
        self.assertEqual(self.open(([], data.UNSAID))[4], {"O", "B-EVENT", "I-EVENT", "B-WORK", "I-WORK"})

    def test_an_unannotated_layer_costs_nothing(self):
        row = reader.open_labels(None, self.offsets, reader.ENTITY_LABELS)
        self.assertEqual(float(reader.open_loss(torch.randn(1, 6, 11), [row])), 0)

    def test_the_loss_sums_what_is_open(self):
        logits = torch.zeros(1, 1, 11)
        row = np.zeros((1, 11), bool)
        row[0, :2] = True
        self.assertAlmostEqual(float(reader.open_loss(logits, [row])), -np.log(2 / 11), places=5)

    def test_decoding_follows_the_first_piece_of_a_word(self):
        logits = np.zeros((6, 11))
        for piece, label in enumerate(["O", "B-PER", "I-PER", "O", "O", "O"]):
            logits[piece, reader.ENTITY_LABELS.index(label)] = 1
        self.assertEqual(tests.decode(self.text, self.offsets, logits, reader.ENTITY_LABELS), [(0, 14, "PER")])


class Text(unittest.TestCase):
    def test_detokenising_keeps_the_tokens_spans(self):
        words = "`` We do n't , '' she said ( twice ) .".split()
        text, spans = data.detokenise(words)
        self.assertEqual(text, '"We don\'t," she said (twice).')
        self.assertEqual([text[a:b] for a, b in spans], [w if w not in ("``", "''") else '"' for w in words])

    def test_varied_typography_keeps_every_offset(self):
        sentence = data.Sentence('She said: "It\'s the straße of old."', "test")
        for seed in range(50):
            self.assertEqual(len(reader.vary(sentence, random.Random(seed))), len(sentence.text))

    def test_own_examples_are_well_formed(self):
        for sentence in data.own(Path(__file__).with_name("own_examples.txt")):
            self.assertNotRegex(sentence.text, r"[{}]")
            for spans, _ in (sentence.entities, sentence.voice):
                self.assertTrue(all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), sentence.text)


class Scores(unittest.TestCase):
    def test_average_precision(self):
        self.assertAlmostEqual(tests.average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])), (1 + 2 / 3) / 2)
        self.assertAlmostEqual(tests.average_precision(np.array([1, 0, 0, 0]), np.ones(4)), 1 / 4)

    def test_a_wrong_border_is_a_miss(self):
        sentence = data.Sentence("Rosa Luxemburg sang", "test", entities=([(0, 14, data.types("PER"))], data.O))
        self.assertEqual(tests.names([sentence], [[(0, 4, "PER")]], ["PER"])["f1"], 0)
        self.assertEqual(tests.names([sentence], [[(0, 14, "PER")]], ["PER"])["f1"], 100)


class Rounding(unittest.TestCase):
    def test_rounding_is_small_and_stable(self):
        layer = torch.nn.Linear(256, 128)
        before = layer.weight.detach().clone()
        once = round_weights(layer).weight.detach().clone()
        step = before.abs().amax(1, keepdim=True) / 127
        self.assertTrue(((once - before).abs() <= step / 2 + 1e-7).all())
        self.assertTrue(torch.allclose(round_weights(layer).weight, once, atol=1e-7))


if __name__ == "__main__":
    unittest.main()
