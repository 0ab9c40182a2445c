#!/usr/bin/env python3
"""Encodes random texts of many scripts with our tokenizer and with PyPI's `tokenizers`: every difference is an error.

tokenizer_oracle.py PROGRAM FOLDER [--texts N] [--seed N]

PROGRAM is the build's bench_tokenizer, FOLDER holds a tokenizer.json. Exit code 77 (skipped) without the package
`tokenizers` or the folder.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"

SKIPPED = 77
SHOWN = 10  # differences printed
RANGES = [(0x20, 0x7E), (0x20, 0x7E), (0x00, 0x1F), (0x7F, 0xFF), (0x100, 0x24F), (0x250, 0x36F), (0x370, 0x52F),
          (0x530, 0x7FF), (0x800, 0xDFF), (0xE00, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x1CFF), (0x1D00, 0x1FFF),
          (0x2000, 0x206F), (0x2070, 0x2BFF), (0x2C00, 0x2FFF), (0x3000, 0x30FF), (0x3100, 0x33FF), (0x4E00, 0x9FFF),
          (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FF), (0xE000, 0xF8FF), (0xF900, 0xFAFF), (0xFB00, 0xFFFF),
          (0x10000, 0x10FFF), (0x11000, 0x16FFF), (0x17000, 0x1CFFF), (0x1D000, 0x1D7FF), (0x1D800, 0x1FFFF),
          (0x20000, 0x2FA1F), (0x2FA20, 0xE01EF), (0xF0000, 0x10FFFF)]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\n \n", " \n", "\u00a0", "\u3000", "\u2009", "\u200b",
          "\u0085", "\u2028", "\u180e", "\ufeff", "\x0b", "\x0c", "\x1c", "\u202f", " " * 20, "\t\t\t", "\n" * 5]
WORDS = """the I'm don't DON'T we'LL 'S 'sS it's they've you'd 'ſ O'Neil x²+y³ ½ 12345 1,234,567.89 0x1F Ⅷ ٣٤٥ 一二三 中文字符 日本語の文
カタカナ 한국어 문장입니다 각 각 é é ñ Å Å ﬁ ǅ İstanbul straße ΑΒΓ кириллица עברית العربية हिन्दी ไทย ภาษา
👍🏽 👨‍👩‍👧‍👦 🇰🇷 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 #include <vector> a_b_c __init__ $\\frac{1}{2}$ http://x.org/?a=1&b=2 e-mail@host.tld \\n ```python
..... !!!??? --- === *** ([{<>}]) “quoted” ‘single’ «x» … — – ° € £ ¥ ₩ ± ≤ ∑ √ ∞ ̈ ̈a ́́́ a̐éö̲ z̷̡͓ ộ ộ
Ạ̈ ķ̇ 가각 ᄀ ᄀᄀ각""".split()

MARKS = [chr(p) for p in range(0x110000) if unicodedata.combining(chr(p))]
JAMO = [chr(p) for p in range(0x1100, 0x1200)] + [chr(p) for p in range(0xAC00, 0xAC40)]


def noise(rng):
    if rng.random() < 0.1:  # what NFC composes and reorders
        return "".join(rng.choice([rng.choice("aeiouAO"), rng.choice(MARKS), rng.choice(JAMO)]) for _ in range(8))
    low, high = rng.choice(RANGES)
    points = [rng.randint(low, high) for _ in range(rng.randint(1, 12))]
    return "".join(chr(p) for p in points if not 0xD800 <= p <= 0xDFFF)


def make_text(rng, added):
    kind = rng.random()
    if kind < 0.02:  # a very long word, so heaps and caches are used at size
        return rng.choice(["a", "ab", "é", "한", "𝒳", " ", "\n", "1", "=", "中", "'s"]) * rng.randint(100, 3000)
    if kind < 0.04:
        return "".join(noise(rng) for _ in range(200)).replace(" ", "")
    parts = []
    for _ in range(rng.randint(1, 30)):
        choice = rng.random()
        if choice < 0.35:
            parts.append(rng.choice(WORDS))
        elif choice < 0.6:
            parts.append(rng.choice(SPACES))
        elif choice < 0.9:
            parts.append(noise(rng))
        elif choice < 0.95:
            parts.append(rng.choice(added))
        else:  # part of an added token, or two that touch
            token = rng.choice(added)
            cut = rng.randint(0, len(token))
            parts.append(rng.choice([token[:cut], token[cut:], token + rng.choice(added)]))
    return "".join(parts)


def encode(program, folder, texts):
    with tempfile.TemporaryDirectory() as temporary:
        source, target = pathlib.Path(temporary, "texts.jsonl"), pathlib.Path(temporary, "ids.jsonl")
        source.write_text("".join(json.dumps(text) + "\n" for text in texts))
        subprocess.run([program, folder, source, target], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in target.open()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    file = options.folder / "tokenizer.json"
    if not file.exists():
        print(f"skipped: {file} does not exist")
        return SKIPPED
    try:
        from tokenizers import Tokenizer
    except ImportError:
        print("skipped: needs the Python package tokenizers")
        return SKIPPED
    oracle = Tokenizer.from_file(str(file))
    added = [token.content for token in oracle.get_added_tokens_decoder().values()]
    rng = random.Random(options.seed)
    texts = [make_text(rng, added or ["<s>"]) for _ in range(options.texts)]
    expected = [oracle.encode(text, add_special_tokens=False).ids for text in texts]
    found = encode(options.program, options.folder, texts)
    different = [i for i in range(len(texts)) if expected[i] != found[i]]
    for i in different[:SHOWN]:
        print(f"text {texts[i]!r}\n  expected {expected[i]}\n  found    {found[i]}")
    print(f"{options.folder}: {len(different)} of {len(texts)} texts differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
