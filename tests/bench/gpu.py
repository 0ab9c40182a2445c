#!/usr/bin/env python3
"""One GPU: supervised steps, GRPO steps and distillation, beside a plain PyTorch loop and TRL where they are installed.

gpu.py PROGRAM [--decode BENCH_DECODE] [--rows NAME ...] [--list] [--plan] [--references] [--profile FOLDER] [--set KEY=VALUE ...]

PROGRAM is r1mpi, or the r1mpi.sh of an unpacked bundle. Random weights in the shapes of configs/models, bf16, fp32
master weights. A run is killed when it has --steps steps, so that no checkpoint of billions of weights is written;
figures are medians of its steps after the first two. Supervised: 8 sequences of 2,048 tokens a step, which do not see
each other. --references: transformers' model in a plain loop and TRL's trainers on the same sizes, in the Python that
runs this. --decode: bench_decode, or how it is started; its rows come first, with the floor that the memory's speed
sets (tests/bench/decode.cpp). --profile: each row once more with run.profile, its trace in FOLDER (tests/bench/profile_table.py).
"""
import argparse
import dataclasses
import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

import gpus
from gpus import LENGTH, ROOT, SEQUENCES

PROFILED = (3, 4)
NEW = 256  # tokens of a sample


@dataclasses.dataclass
class Row:
    """A line of the table. `settings`: of configs/tiny/random.toml with the model's shape."""
    name: str
    command: str
    model: str
    settings: dict
    reference: str = ""     # a function of gpu_reference.py
    teacher: str = ""
    arguments: dict = dataclasses.field(default_factory=dict)  # of the reference
    length: int = LENGTH    # tokens of a sequence


def supervised(recompute, model="qwen2.5-1.5b", name="1.5B", **more):
    return Row(f"supervised, {name}, recompute {recompute}", "sft", model,
               {"sft.batch": SEQUENCES, "trainer.activation_checkpointing": recompute, **more}, "supervised",
               arguments={"recompute": recompute == "full"})


def rl(prompts, model, name, reference, ppo=False):
    """GRPO, or PPO with its value head."""
    return Row(f"{'PPO' if ppo else 'GRPO'} {prompts} x 16 x 256, {name}" + (", reference" if reference else ""), "rl", model,
               {"rl.prompts_per_step": prompts, "rl.samples_per_prompt": 16, "engine.max_num_seqs": prompts * 16,
                "kl.place": "loss" if reference else "none", "kl.coefficient": 0.01 if reference else 0.0,
                "trainer.activation_checkpointing": "none", **({"advantage.kind": "gae"} if ppo else {})},
               "" if ppo else "grpo", arguments={"prompts": prompts, "beta": 0.01 if reference else 0.0})


def tail(name, **more):
    """64 samples a step, whose lengths are log-normal: with staleness 0 a step waits for the longest."""
    return Row(f"RL, log-normal lengths (median 256, sigma 1.1, limit 4,096), 1.5B, {name}", "rl", "qwen2.5-1.5b",
               {"rl.prompts_per_step": 16, "rl.samples_per_prompt": 4, "engine.max_num_seqs": 256, "kl.place": "none",
                "kl.coefficient": 0.0, "trainer.activation_checkpointing": "full", "sampling.min_new_tokens": 0,
                "sampling.ignore_eos": True, "sampling.max_new_tokens": 4096, "sampling.median_length": 256,
                "sampling.length_sigma": 1.1, **more})


REFERENCE_MODELS = {"135M": "smollm2-135m", "1.5B": "qwen2.5-1.5b"}  # of bench_decode's rows

ROWS = [
    supervised("none"),
    supervised("selective"),
    supervised("full"),
    supervised("selective", "qwen2.5-7b", "7B, optimizer on the host", **{"trainer.offload": "optimizer"}),
    supervised("none", "smollm2-135m", "135M"),
    Row("supervised, 7B, one sequence of 32,768 tokens", "sft", "qwen2.5-7b",
        {"sft.batch": 1, "trainer.activation_checkpointing": "selective", "trainer.offload": "optimizer",
         "trainer.micro_batch_tokens": 32768 + 64}, length=32768),
    rl(8, "qwen2.5-1.5b", "1.5B", True),
    rl(8, "qwen2.5-1.5b", "1.5B", True, ppo=True),
    # configs/examples/grpo_lora_7b.toml with equal lengths, for a GPU of 24 GiB.
    Row("GRPO with adapters of rank 16, 16 x 8 x 400, 7B, reference", "rl", "qwen2.5-7b",
        {"model.lora.r": 16, "model.lora.lora_alpha": 32, "rl.prompts_per_step": 16, "rl.samples_per_prompt": 8,
         "rl.mini_batch": 128, "sampling.max_new_tokens": 400, "sampling.min_new_tokens": 400, "kl.place": "loss",
         "kl.coefficient": 0.001, "trainer.micro_batch_tokens": 2048, "trainer.score_batch_tokens": 4096,
         "trainer.activation_checkpointing": "full", "engine.kv_cache_gb": 3.0, "engine.max_num_seqs": 64}),
    tail("staleness 0"),
    tail("partial rollouts, staleness 4", **{"rl.staleness": 4, "rl.partial_rollouts": True}),
    rl(16, "smollm2-135m", "135M", False),
    rl(16, "smollm2-135m", "135M", False, ppo=True),
    Row("distillation 7B -> 1.5B", "distill", "qwen2.5-1.5b",
        {"distill.batch": SEQUENCES, "trainer.activation_checkpointing": "full", "trainer.logprob_chunk_tokens": 1024},
        "distillation", "qwen2.5-7b",
        {"recompute": True}),
    Row("distillation 7B -> 1.5B, recompute none", "distill", "qwen2.5-1.5b",
        {"distill.batch": SEQUENCES, "trainer.activation_checkpointing": "none"}, "distillation", "qwen2.5-7b",
        {"recompute": False}),
]


def config_of(folder, row):
    """configs/tiny/random.toml with the row's shapes."""
    return gpus.config_of(folder, row.model, row.teacher)


def records(folder, length):
    draw = random.Random(1)
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(
        {"instruction": f"Go on from {i}.", "input": "",
         "output": "".join(draw.choice("abcdefgh ") for _ in range(length - 40))}) + "\n" for i in range(256)))
    return path


def common_settings(folder, row):
    command = row.command
    if command == "rl":
        return {"rl.steps": 1000, "rl.chunks": 1, "sampling.max_new_tokens": NEW, "sampling.min_new_tokens": NEW,
                "data.generate.count": 512, "data.generate.held_out_count": 0, "data.generate.names": ["add20"],
                "roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
    return {"data.files": [str(records(folder, row.length))], "data.generate.names": [], "data.held_out": 0.0,
            f"{command}.steps": 1000, f"{command}.max_length": row.length + 64, f"{command}.eval_every": 0}


def measure(options, row, steps, more):
    """Rows of metrics; the trace of a profiled run goes to options.profile."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings = gpus.settings_of(options, 1, "dp", common_settings(folder, row) | row.settings | more)
        line = gpus.launch(1, options.program, row.command, "--config", config_of(folder, row), "--run-dir",
                           folder / "run", *settings)
        rows = gpus.run_steps(line, folder, steps, options.seconds)
        for trace in (folder / "run").glob("profile_rank*.json"):
            label = "".join(letter if letter.isalnum() else "_" for letter in row.name)
            shutil.copy(trace, pathlib.Path(options.profile) / f"{label}.json")
        return rows


def planned(options, row):
    """The "step:" line of `plan` on an H200. Lengths that are drawn count with their mean, exp(sigma^2 / 2) medians."""
    new_tokens = row.length - 40
    if row.command == "rl":
        new_tokens = row.settings.get("sampling.max_new_tokens", NEW)
        sigma = row.settings.get("sampling.length_sigma")
        if sigma:
            new_tokens = round(row.settings["sampling.median_length"] * math.exp(sigma**2 / 2))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings = gpus.settings_of(options, 1, "dp", common_settings(folder, row) | row.settings)
        return gpus.plan(options.program, row.command, config_of(folder, row), 1, settings, new_tokens)["plan"]


def figures(rows):
    later = rows[2:] or rows
    def median(key):
        values = [row[key] for row in later if key in row]
        return statistics.median(values) if values else float("nan")
    result = {"seconds": median("step_seconds"), "tokens_per_second": median("tokens_per_second"),
              "peak_gib": rows[-1].get("device_memory_peak_gib", float("nan")) if rows else float("nan"), "steps": len(rows)}
    for key in ("generate_seconds", "reference_seconds", "update_seconds"):
        if rows and key in rows[-1]:
            result[key] = median(key)
    return result


def reference(row, kind):
    """A program of gpu_reference.py on the row's sizes; None where its packages are missing."""
    script = pathlib.Path(__file__).with_name("gpu_reference.py")
    task = {"kind": kind, "work": row.reference, "model": row.model, "teacher": row.teacher, "sequences": SEQUENCES,
            "length": LENGTH, **row.arguments}
    done = subprocess.run([sys.executable, script, json.dumps(task)], capture_output=True, text=True, check=False,
                          env={**os.environ, "TOKENIZERS_PARALLELISM": "false"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        if done.returncode != 77:
            print((done.stdout + done.stderr)[-1500:], file=sys.stderr)
        return None
    return json.loads(lines[-1])


def decode(options):
    """Rows of bench_decode, whose names are "decode MODELxSEQUENCES"."""
    done = subprocess.run([*options.decode.split(), "cuda"], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print((done.stdout + done.stderr)[-1500:], file=sys.stderr)
    print("| decode, 128 + 256 tokens | ms a step | floor | tok/s | transformers, ms |\n| --- | --- | --- | --- | --- |")
    for line in lines:
        theirs = None
        model, _, sequences = line["work"].removeprefix("decode ").partition("x")
        if options.references and model in REFERENCE_MODELS:
            row = Row(line["work"], "", REFERENCE_MODELS[model], {}, "decode",
                      arguments={"sequences": int(sequences), "prompt": 128, "new": 256})
            theirs = reference(row, "plain loop")
        print(f"| {line['work']} | {line['step_ms']:.2f} | {line['floor_ms']:.2f} | {line['tokens_per_second']:,.0f} | "
              + (f"{1e3 * theirs['seconds']:.1f} |" if theirs else "|"), flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--decode", help="bench_decode, or how it is started")
    parser.add_argument("--rows", nargs="+", help="only rows whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    parser.add_argument("--plan", action="store_true", help="what `plan` says of the rows; needs no GPU")
    parser.add_argument("--references", action="store_true")
    parser.add_argument("--profile", help="folder for traces")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=150.0, help="limit of a run")
    options = parser.parse_args()
    chosen = [row for row in ROWS if not options.rows or any(part in row.name for part in options.rows)]
    if options.list:
        print("\n".join(row.name for row in chosen))
        return
    if options.plan:
        for row in chosen:
            print(f"{row.name}: {planned(options, row)}")
        return
    if options.profile:
        pathlib.Path(options.profile).mkdir(parents=True, exist_ok=True)
    details = decode(options) if options.decode else []
    print("| work | program | s a step | tok/s | peak GiB |\n| --- | --- | --- | --- | --- |", flush=True)
    for row in chosen:
        found = [("r1mpi", figures(measure(options, row, options.steps, {})))]
        if options.references and row.reference:
            found += [(kind, result) for kind in ("plain loop", "TRL") if (result := reference(row, kind))]
        for program, result in found:
            print(f"| {row.name} | {program} | {result['seconds']:.3f} | {result['tokens_per_second']:,.0f} | "
                  f"{result['peak_gib']:.1f} |", flush=True)
            details.append({"work": row.name, "program": program, **result})
        if options.profile:
            measure(options, row, PROFILED[1] + 2, {"run.profile": list(PROFILED)})
    for detail in details:
        print(json.dumps(detail))


if __name__ == "__main__":
    main()
