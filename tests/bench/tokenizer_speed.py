#!/usr/bin/env python3
"""Compares the speed of encode with PyPI's `tokenizers`, one thread, the same text, in one run.

tokenizer_speed.py PROGRAM FOLDER [--megabytes N]

PROGRAM is the build's bench_tokenizer, FOLDER holds a tokenizer.json. Text: English prose, Korean, code, numbers and
mathematics, made from a seed in documents of 2 kB. Loading is not timed; best of three passes each (theirs: the faster of encode and
encode_batch_fast), ids compared.
Needs the package `tokenizers`.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

PASSES = 3
DOCUMENT = 2000  # characters
CONSONANTS, VOWELS = "b c d f g h l m n p r s t st th tr ch pl".split(), "a e i o u ea ou ai".split()
ENDINGS = ["", "n", "r", "s", "t", "ing", "ed", "ly", "tion", "ment"]
COMMON = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they
which one you were all her she there would their we him been has when who will no more if out so up said what its about
than into them can only other time new some could these two may first then do any like my now over such our man me even
most made after also did many off before must well back through years where much your way down should because long each
just state those people too mr how little good world make very year still see work life day same between""".split()
CODE = """def {a}(self, {b}=None):\n    if {b} is None:\n        return [{a} for {a} in range({n})]\n    self.{b} = {b} * {n}
for (std::size_t i = 0; i < {a}.size(); ++i) {{\n  {b}[i] += {a}[i] * {n}.5f;\n}}\n
#include <{a}.h>\nint {b}(const char* {a}) {{ return {n}; }}\n
SELECT {a}, COUNT(*) FROM {b} WHERE id >= {n} GROUP BY {a};\n"""


def word(rng):
    syllables = rng.choice([1, 2, 2, 3, 3])
    return "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(syllables)) + rng.choice(ENDINGS)


def english(rng, words):
    text = [rng.choice(COMMON) if rng.random() < 0.55 else rng.choice(words) for _ in range(rng.randint(5, 25))]
    text[0] = text[0].capitalize()
    return " ".join(w + "," if rng.random() < 0.08 else w for w in text) + rng.choice([". ", ". ", "? ", ".\n\n", "! "])


def korean(rng, words):
    return " ".join(rng.choice(words) for _ in range(rng.randint(4, 15))) + rng.choice([". ", ".\n", "? "])


def numbers(rng, _):
    a, b = rng.randint(0, 99999), rng.randint(1, 999)
    return rng.choice([f"{a} + {b} = {a + b}\n", f"$\\frac{{{a}}}{{{b}}} \\approx {a / b:.3f}$. ", f"x^{b} - {a}x = 0\n"])


def code(rng, words):
    line = rng.choice(CODE.split("\n\n"))
    return line.replace("{{", "{").replace("}}", "}").replace("{a}", rng.choice(words)).replace(
        "{b}", rng.choice(words)).replace("{n}", str(rng.randint(0, 999))) + "\n"


def documents(megabytes, seed=3):
    """Texts of the four kinds in turn, a kind for each document."""
    rng = random.Random(seed)
    words = [word(rng) for _ in range(20000)]
    hangul = ["".join(chr(rng.randint(0xAC00, 0xD7A3) if rng.random() < 0.1 else rng.choice(COMMON_HANGUL))
                      for _ in range(rng.randint(1, 4))) + rng.choice(["", "은", "는", "이", "가", "을", "에서", "합니다"])
              for _ in range(8000)]
    kinds = [(english, words), (korean, hangul), (code, words), (numbers, words)]
    texts, size = [], 0
    while size < megabytes * 1e6:
        make, choice = kinds[len(texts) % len(kinds)]
        parts, length = [], 0
        while length < DOCUMENT:
            parts.append(make(rng, choice))
            length += len(parts[-1])
        texts.append("".join(parts))
        size += len(texts[-1].encode())
    return texts


COMMON_HANGUL = [ord(c) for c in "가나다라마바사아자차카타파하고노도로모보소오조초코토포호기니디리미비시이지치수학문제정답결과의을를은는한국어계산방정식해설명"]


def ours(program, folder, texts):
    """Seconds of the best pass, and the ids."""
    with tempfile.TemporaryDirectory() as temporary:
        source, target = pathlib.Path(temporary, "texts.jsonl"), pathlib.Path(temporary, "ids.jsonl")
        source.write_text("".join(json.dumps(text) + "\n" for text in texts))
        out = subprocess.run([program, folder, source, target], check=True, capture_output=True, text=True).stdout
        return min(float(x) for x in out.split()[:-1]), [json.loads(line) for line in target.open()]


def theirs(folder, texts):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(pathlib.Path(folder, "tokenizer.json")))
    ways = [lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts],
            lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)]  # without offsets
    seconds = []
    for encode in ways * PASSES:
        begin = time.perf_counter()
        encodings = encode()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), [encoding.ids for encoding in encodings]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--megabytes", type=float, default=4)
    options = parser.parse_args()
    texts = documents(options.megabytes)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    reference, expected = theirs(options.folder, texts)
    seconds, found = ours(options.program, options.folder, texts)
    different = sum(a != b for a, b in zip(expected, found))
    print(f"{options.folder}: {megabytes:.1f} MB, r1mpi {megabytes / seconds:.1f} MB/s, "
          f"tokenizers {megabytes / reference:.1f} MB/s, ratio {reference / seconds:.2f}, {different} texts differ")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
