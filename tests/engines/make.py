#!/usr/bin/env python3
"""Makes the checkpoints of tests/engines.rs: tiny networks with random weights, as Hugging Face's
transformers saves them, and what transformers itself says with them.

    pip install torch==2.4.1 transformers==4.44.2 onnx==1.16.2
    python make.py

For each of bert, roberta, distilbert, deberta, deberta-v2 and each of tokens, text a folder with
config.json, tokenizer.json, model.safetensors and reference.json (for every text the ids of its
pieces with special tokens and the logits); four of them have model.onnx too, the same weights.
The texts and all weights are this script's own; nothing is fetched.
"""

import json
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig, BertForSequenceClassification, BertForTokenClassification,
    DebertaConfig, DebertaForSequenceClassification, DebertaForTokenClassification,
    DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2ForTokenClassification,
    DistilBertConfig, DistilBertForSequenceClassification, DistilBertForTokenClassification,
    RobertaConfig, RobertaForSequenceClassification, RobertaForTokenClassification,
)

HERE = Path(__file__).resolve().parent
LONGEST = 48  # pieces that a network takes, special tokens included
PIECES = 300

TEXTS = [
    "The soviets lost their power to the committees.",
    "Scarcity, above all, made the bureaucracy.",
    "Café, naïve, Łódź, Zürich and Тверь were far apart.",
    "“Lenin paved the way,” they wrote; it wasn’t so – or was it?",
    "A flag 🚩 and a family 👩‍👩‍👧 stood there.",
    "Éluard",
    "",
    "In 1921 the party banned factions and in 1924 it opened its doors.",
]
MORE = [
    "The war brought hunger, and hunger brought requisitioning.",
    "Workers left the towns; the factories stood still.",
    "What the revolution promised, the state took back.",
    "They report that the opposition denied every charge.",
    "Isolation in a backward country explains the outcome, some say.",
    "Others say that the doctrine itself led to the camps.",
]
TOKENS = {0: "O", 1: "B-CAUSE", 2: "I-CAUSE"}
ONNX = ["bert-tokens", "bert-text", "roberta-tokens", "distilbert-text"]
STANCES = {0: "none", 1: "asserts", 2: "denies", 3: "reports"}


def word_pieces():
    """As BERT's uncased tokenizer."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS + MORE, trainer)
    tokenizer.decoder = decoders.WordPiece()
    return around(tokenizer, "[CLS]", "[SEP]")


def bytes_paired(special, first, last, prefix_space):
    """As RoBERTa's and DeBERTa's tokenizers."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    trainer = trainers.BpeTrainer(vocab_size=PIECES + 40, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXTS + MORE, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return around(tokenizer, first, last)


def sentence_pieces():
    """As DeBERTa's v2 and v3 tokenizers."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="[UNK]", show_progress=False)
    tokenizer.train_from_iterator(TEXTS + MORE, trainer)
    tokenizer.decoder = decoders.Metaspace()
    return around(tokenizer, "[CLS]", "[SEP]")


def around(tokenizer, first, last):
    pair = [(t, tokenizer.token_to_id(t)) for t in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}",
                                                             special_tokens=pair)
    return tokenizer


SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
         "max_position_embeddings": LONGEST}
# As microsoft/deberta-base and microsoft/deberta-v3-base.
RELATIVE = {**SIZES, "relative_attention": True, "max_relative_positions": -1, "position_biased_input": False,
            "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0, "pooler_hidden_size": 16}
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
DEBERTA = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
FAMILIES = {
    "bert": (word_pieces, BertConfig, SIZES, BertForTokenClassification, BertForSequenceClassification),
    "roberta": (lambda: bytes_paired(ROBERTA, "<s>", "</s>", False), RobertaConfig,
                {**SIZES, "max_position_embeddings": LONGEST + 2, "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5},
                RobertaForTokenClassification, RobertaForSequenceClassification),
    "distilbert": (word_pieces, DistilBertConfig,
                   {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": LONGEST},
                   DistilBertForTokenClassification, DistilBertForSequenceClassification),
    "deberta": (lambda: bytes_paired(DEBERTA, "[CLS]", "[SEP]", False), DebertaConfig, {**RELATIVE, "pad_token_id": 1},
                DebertaForTokenClassification, DebertaForSequenceClassification),
    "deberta-v2": (sentence_pieces, DebertaV2Config,
                   {**RELATIVE, "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True},
                   DebertaV2ForTokenClassification, DebertaV2ForSequenceClassification),
}


def checkpoint(name, task, seed):
    make_tokenizer, config_class, sizes, tokens_class, text_class = FAMILIES[name]
    labels, network_class = (TOKENS, tokens_class) if task == "tokens" else (STANCES, text_class)
    folder = HERE / f"{name}-{task}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tokenizer = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = config_class(**sizes, vocab_size=tokenizer.get_vocab_size(), id2label=labels,
                          label2id={label: i for i, label in labels.items()}, initializer_range=0.3)
    torch.manual_seed(seed)
    network = network_class(config).eval()
    with torch.no_grad():  # new networks have no biases and plain norms: let them have some
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    network.save_pretrained(folder, safe_serialization=True)

    def logits(ids):
        with torch.no_grad():
            return network(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).logits[0]

    reference = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        if len(ids) <= LONGEST:
            found = logits(ids).tolist()
            if task == "text":
                found = [found]
            reference.append({"text": text, "ids": ids, "logits": [[round(x, 5) for x in row] for row in found]})
    (folder / "reference.json").write_text(json.dumps(reference, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(folder.name, len(reference), "texts;", sum(f.stat().st_size for f in folder.iterdir()) // 1000, "kB;",
          "largest logit", max(abs(x) for r in reference for row in r["logits"] for x in row))
    (folder / "model.safetensors").chmod(0o644)
    if folder.name not in ONNX:
        return

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, input_ids, attention_mask, token_type_ids=None):
            kinds = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.network(input_ids=input_ids, attention_mask=attention_mask, **kinds).logits

    example = torch.tensor([tokenizer.encode(TEXTS[0]).ids] * 2)
    inputs = {"input_ids": example, "attention_mask": torch.ones_like(example)}
    if folder.name == "bert-text":  # as many exports have it
        inputs["token_type_ids"] = torch.zeros_like(example)
    axes = {0: "texts", 1: "pieces"}
    torch.onnx.export(Logits(), tuple(inputs.values()), str(folder / "model.onnx"), opset_version=17,
                      input_names=list(inputs), output_names=["logits"],
                      dynamic_axes={name: axes for name in inputs} | {"logits": axes if task == "tokens" else {0: "texts"}})


def main():
    for number, name in enumerate(FAMILIES):
        for task in ("tokens", "text"):
            checkpoint(name, task, 1917 + number)


if __name__ == "__main__":
    main()
