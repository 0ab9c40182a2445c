#!/usr/bin/env python3
"""Generation with SmolLM2 on CPU cores: r1mpi beside transformers on the same work, in one run.

    tests/bench/generation.py [--program build/r1mpi] [--pairs 5] [--python PYTHON_WITH_TRANSFORMERS]

The work: 64 distinct sums behind two earlier chat turns (about 110 tokens each, no prefix shared), exactly 128 new
tokens, end token ignored, T = 1, prefill included, 2 threads, bf16; transformers also in fp32, its faster one counts.
Alternated pairs; prints the median seconds of each, tokens/s and the ratio. Without transformers only r1mpi is measured.
"""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".venv/smollm2/SmolLM2-135M-Instruct"
TURNS = [("What is 3 + 4?", "<think>3 + 4 = 7</think> <answer>7</answer>"),
         ("What is 9 + 6?", "<think>9 + 6 = 15</think> <answer>15</answer>")]
BATCH, NEW = 64, 128


def prompts():
    pairs = random.Random(1).sample([(a, b) for a in range(1, 21) for b in range(1, 21)], BATCH)
    turns = "".join(f"<|im_start|>user\n{q}<|im_end|>\n<|im_start|>assistant\n{a}<|im_end|>\n" for q, a in TURNS)
    system = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    return [f"{system}{turns}<|im_start|>user\nWhat is {a} + {b}?<|im_end|>\n<|im_start|>assistant\n" for a, b in pairs]


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "2"}


def time_r1mpi(program):
    with tempfile.TemporaryDirectory() as folder:
        records = pathlib.Path(folder) / "in.jsonl"
        records.write_text("".join(json.dumps({"text": text}) + "\n" for text in prompts()))
        done = subprocess.run([program, "generate", "--model", MODEL, "--input", records, "--output", f"{folder}/out.jsonl",
                               "--max-new", str(NEW), "--ignore-eos", "--dtype", "bf16", "--batch-size", str(BATCH)],
                              env=environment(), check=True, capture_output=True, text=True)
    found = re.search(r"(\d+) new tokens, (\d+) tokens/s", done.stdout + done.stderr)
    assert int(found[1]) == BATCH * NEW, found[0]
    return BATCH * NEW / int(found[2])


def time_transformers(dtype):
    """In a Python that has transformers: prints the seconds of one generation."""
    import time

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(MODEL, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=getattr(torch, dtype)).eval()
    batch = tokenizer(prompts(), return_tensors="pt", padding=True, add_special_tokens=False)
    settings = dict(do_sample=True, temperature=1.0, top_p=1.0, top_k=0, pad_token_id=tokenizer.pad_token_id)
    model.generate(**{k: v[:2] for k, v in batch.items()}, max_new_tokens=2, min_new_tokens=2, **settings)  # warms up
    start = time.perf_counter()
    out = model.generate(**batch, max_new_tokens=NEW, min_new_tokens=NEW, **settings)
    seconds = time.perf_counter() - start
    assert out.shape[1] == batch["input_ids"].shape[1] + NEW
    print(f"SECONDS {seconds}")


def reference(python, dtype):
    done = subprocess.run([python, __file__, "--transformers", dtype], env=environment(), capture_output=True, text=True)
    found = re.search(r"SECONDS ([\d.]+)", done.stdout)
    return float(found[1]) if found else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=ROOT / "build/r1mpi")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--transformers", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.transformers:
        return time_transformers(args.transformers)
    both = {dtype: reference(args.python, dtype) for dtype in ("bfloat16", "float32")}
    known = {dtype: seconds for dtype, seconds in both.items() if seconds}
    faster = min(known, key=known.get) if known else None
    ours, theirs = [], []
    for _ in range(args.pairs):
        ours.append(time_r1mpi(args.program))
        if faster:
            theirs.append(reference(args.python, faster))
    print(f"r1mpi         {statistics.median(ours):6.2f} s  {BATCH * NEW / statistics.median(ours):6.0f} tokens/s")
    if not faster:
        return print("transformers  not measured: not installed in " + args.python)
    print(f"transformers  {statistics.median(theirs):6.2f} s  {BATCH * NEW / statistics.median(theirs):6.0f} tokens/s"
          f"  ({', '.join(f'{dtype} {seconds:.1f} s' for dtype, seconds in known.items())})")
    print(f"ratio         {statistics.median(t / o for t, o in zip(theirs, ours)):6.2f}")


if __name__ == "__main__":
    main()
