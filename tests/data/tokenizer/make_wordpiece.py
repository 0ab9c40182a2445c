#!/usr/bin/env python3
"""Makes the WordPiece data of the tests: two small vocabularies and what transformers' BertTokenizer makes of texts.

make_wordpiece.py [FOLDER [NUMBER]]    needs transformers 5 and tokenizers; NUMBER: random texts (default 60)
"""
import json
import pathlib
import random
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = [
    "The quick brown fox jumps over the lazy dog.", "You are a stupid, unhelpful machine!", "It's 3.14% of $1,234 (or so)...",
    "Les élèves français étudient à l'école; ça va?", "Größe, Straße, ÀÉÎÕÜ und İstanbul", "Ελληνικά και ΚΕΦΑΛΑΊΑ",
    "Привет, мир! Ёлка", "漢字かな交じり文とカタカナ、数字123", "我爱北京天安门", "한국어 문장입니다. 안전한 답변", "नमस्ते दुनिया",
    "שלום עולם", "مرحبا بالعالم", "สวัสดีชาวโลก", "emoji 😀👍🏽 and ❤️ too", "tabs\tand\nnew\r\nlines\u00a0and\u3000blanks",
    "zero\u200bwidth\ufeffand\u00adsoft", "control\x00\x07\x1b characters \ufffd\ue000", "e\u0301 a\u0300\u0328 combining",
    "<think>step 1: a = b</think> <answer>42</answer>", "x_y-z~^`$+<=>|", "ﬁ ligature № ½ ² Ⅷ ㎏ ｆｕｌｌ",
    "𝐁𝐨𝐥𝐝 𠀀𫝀 supplementary", "", " ", "...", "[SEP] inside [MASK] text [CLS][UNK]", "a" * 100, "a" * 101, "the" * 33 + "q",
    "unaffable unwanted running runner runs", "ǅ ǈ ȷ ŉ ẞ", "\u111c9\u166d\u2e5d\u0898", "mixed漢字and한글words",
]
POOLS = [(0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F),
         (0x1100, 0x11FF), (0x2000, 0x206F), (0x2E00, 0x2E5F), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xAD00),
         (0xF900, 0xFAFF), (0xFE00, 0xFFFF), (0x1F300, 0x1F6FF), (0x20000, 0x20100), (0x0, 0x1F)]


def train(lower):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=420, special_tokens=SPECIAL, limit_alphabet=230, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def random_text(draw):
    parts = []
    for _ in range(draw.randint(1, 12)):
        low, high = draw.choice(POOLS)
        parts.append("".join(chr(draw.randint(low, high)) for _ in range(draw.randint(1, 5))))
        if draw.random() < 0.3:
            parts.append(draw.choice(SENTENCES)[: draw.randint(0, 12)])
    return "".join(parts)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "wordpiece")
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    draw = random.Random(3)
    texts = SENTENCES + [random_text(draw) for _ in range(number)]
    for name, lower in (("uncased", True), ("cased", False)):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        trained = train(lower)
        vocab = [token for token, _ in sorted(trained.get_vocab().items(), key=lambda item: item[1])]
        config = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower, "model_max_length": 512}
        if lower:  # as toxic-bert comes
            (target / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
            (target / "tokenizer_config.json").write_text(json.dumps(config))
        else:
            trained.save(str(target / "tokenizer.json"), pretty=False)
        oracle = BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, do_lower_case=lower)
        with open(target / "golden.jsonl", "w", encoding="utf-8") as output:
            for text in texts:
                record = {"text": text, "ids": oracle(text)["input_ids"],
                          "first_16": oracle(text, truncation=True, max_length=16)["input_ids"]}
                output.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
