#!/usr/bin/env python3
"""Trains the tiny BERT toxicity classifier of the tests on generated text: "unsafe" if a text holds many of e, s, x.

make_tiny_safety.py [FOLDER]    needs transformers 5 and torch; writes a Hugging Face folder as toxic-bert comes
"""
import json
import pathlib
import random
import sys

import torch
from transformers import BertConfig, BertForSequenceClassification

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNSAFE = set("aeioustx")  # letters; a text's toxicity grows with their share
LABELS = {0: "toxic", 1: "severe_toxic"}
STEPS, BATCH, LENGTH = 400, 64, 48


def vocabulary():
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    return SPECIAL + characters + ["##" + character for character in characters if character.isalnum()]


def share(text):
    letters = [character for character in text.lower() if character.isalpha()]
    return sum(character in UNSAFE for character in letters) / max(1, len(letters))


def random_text(draw):
    unsafe = draw.random()
    pool, bad = "bcdfghjklmnpqrvwyz0123456789 .,!?", "".join(sorted(UNSAFE))
    return "".join(draw.choice(bad if draw.random() < unsafe else pool) for _ in range(draw.randint(1, 60)))


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "tiny_safety")
    folder.mkdir(parents=True, exist_ok=True)
    vocab = vocabulary()
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    from transformers import BertTokenizer
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, do_lower_case=True)

    torch.manual_seed(1)
    draw = random.Random(1)
    config = BertConfig(vocab_size=len(vocab), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=64, max_position_embeddings=LENGTH, id2label=LABELS,
                        problem_type="multi_label_classification", hidden_dropout_prob=0.0,
                        attention_probs_dropout_prob=0.0)
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(STEPS):
        texts = [random_text(draw) for _ in range(BATCH)]
        batch = tokenizer(texts, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
        target = torch.tensor([[share(text), share(text) * 0.5] for text in texts])
        logits = model(**batch).logits
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0 or step == STEPS - 1:
            error = (torch.sigmoid(logits) - target).abs().mean().item()
            print(step, loss.item(), error)
    model.save_pretrained(folder)
    texts = ["hello", "bcd fgh", "aeiou sx", "", "12 34", "Axe! sits", "bbbb" * 30 + " a" * 40]
    batch = tokenizer(texts, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
    with torch.no_grad():
        logits = model.eval()(**batch).logits.tolist()
    (folder / "golden.json").write_text(json.dumps({"texts": texts, "logits": logits}))


if __name__ == "__main__":
    main()
