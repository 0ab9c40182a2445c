#!/usr/bin/env python3
"""What `plan` says of a rank's memory, beside what a run of the same configuration holds.

    tests/bench/plan_memory.py [--program build/r1mpi] [--device cpu|cuda] [--ranks 1] [--steps 3]
                               [--model FOLDER | --shape NAME] [--machine NAME] [--set KEY=VALUE]...

Runs an RL and an SFT stage for a few steps with a checkpoint after each, reads the peaks from metrics.jsonl
(memory_peak_gib; on a GPU device_memory_peak_gib and device_memory_reserved_gib, of the fullest rank), runs `plan` on the
same settings and prints the parts, the totals and their ratio. The goal is 10 %.

--model   SmolLM2's folder by default (jobscripts/quickstart.sh makes it)
--shape   random weights of configs/models/NAME.toml instead: any size, no file
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GIB = 2**30
# Enough work for a full micro-batch on each device.
SIZES = {
    "cpu": {"trainer.micro_batch_tokens": 1280, "sft.batch": 16, "rl.prompts_per_step": 8, "engine.max_num_seqs": 64},
    "cuda": {"trainer.micro_batch_tokens": 16384, "sft.batch": 128, "rl.prompts_per_step": 32,
             "engine.max_num_seqs": 256, "trainer.logprob_chunk_tokens": 1024},
}


def write_records(path):
    """Supervised records of over 200 tokens with the prompt, so that packed micro-batches are full."""
    draw = random.Random(1)
    with open(path, "w") as out:
        for i in range(1024):  # equal prompts would be computed once
            numbers = [draw.randint(10, 99) for _ in range(30)]
            text = ", ".join(f"{n} + 1 = {n + 1}" for n in numbers)
            out.write(json.dumps({"instruction": f"Count on from {i}.", "input": "", "output": text[:100]}) + "\n")


def settings(arguments, command, folder):
    sizes = dict(SIZES[arguments.device])
    sizes.update({"run.device": arguments.device, "run.max_steps": arguments.steps, "checkpoint.interval_steps": 1,
                  "rl.steps": 100, "rl.eval_every": 0, "metrics.tensorboard": "false", "plan.machine": arguments.machine})
    if command == "sft":
        sizes.update({"data.files": f"['{folder}/records.jsonl']", "data.generate.names": "[]", "data.held_out": 0.0,
                      "sft.max_length": 256 if arguments.model else 512, "sft.steps": 100, "plan.mean_prompt_tokens": 20})
    elif arguments.shape:
        sizes["plan.mean_prompt_tokens"] = 173  # bytes of the prompts
    if arguments.model:
        sizes["model.path"] = arguments.model
    pairs = [f"{key}={value}" for key, value in sizes.items()] + arguments.set
    return [word for pair in pairs for word in ("--set", pair)]


def config_file(arguments, folder):
    base = ROOT / "tests/bench/grpo_step.toml"
    if not arguments.shape:
        return base
    text = (f"include = '{base}'\n[model]\npath = ''\ninit = 'random'\ntokenizer = 'bytes'\nchat_template = 'chatml'\n"
            f"include = '{ROOT}/configs/models/{arguments.shape}.toml'\n")
    path = pathlib.Path(folder) / "shape.toml"
    path.write_text(text)
    return path


def measured(arguments, command, config, sets, folder):
    run = pathlib.Path(folder) / command
    launcher = [ROOT / "jobscripts/launch.sh", "-n", str(arguments.ranks)] if arguments.ranks > 1 else []
    done = subprocess.run(launcher + [arguments.program, command, "--config", config, "--run-dir", run] + sets, cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in open(run / "metrics.jsonl")][-1]


def planned(arguments, command, config, sets):
    """Printed parts as (name, GiB, rest of the line), and the totals of device and host in GiB."""
    text = subprocess.run([arguments.program, "plan", "--stage", command, "--world-size", str(arguments.ranks), "--config",
                           config] + sets, cwd=ROOT, capture_output=True, text=True).stdout
    parts = [(name.strip(), float(gb) * 1e9 / GIB, rest)
             for name, gb, rest in re.findall(r"^    (\D+?) +([\d.]+) GB(.*)$", text, re.M)]
    total = re.search(r"fullest rank: ([\d.]+) GB of \d+(?:, host memory ([\d.]+) GB)?", text)
    if not total:
        raise SystemExit("plan printed no total:\n" + text)
    return parts, [float(value) * 1e9 / GIB for value in total.groups() if value]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/r1mpi")
    parser.add_argument("--device", choices=SIZES, default="cpu")
    parser.add_argument("--machine", default="auto")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--model", default="")
    parser.add_argument("--shape", default="")
    parser.add_argument("--stages", nargs="+", choices=("rl", "sft"), default=("rl", "sft"))
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_records(pathlib.Path(folder) / "records.jsonl")
        config = config_file(arguments, folder)
        for command in arguments.stages:
            sets = settings(arguments, command, folder)
            row = measured(arguments, command, config, sets, folder)
            parts, totals = planned(arguments, command, config, sets)
            print(f"{command} on {arguments.device}, {arguments.ranks} rank(s): planned GiB")
            for name, gib, rest in parts:
                print(f"  {name:<18}{gib:8.3f}{rest}")
            # The allocator does not see the context and libraries that `program` stands for.
            program = sum(gib for name, gib, rest in parts if name == "program" and "host" not in rest)
            pairs = [("host memory" if arguments.device == "cuda" else "memory", totals[-1], row["memory_peak_gib"])]
            if arguments.device == "cuda":
                pairs += [("tensors on the GPU", totals[0] - program, row["device_memory_peak_gib"]),
                          ("held on the GPU", totals[0] - program, row["device_memory_reserved_gib"])]
            for name, plan, run in pairs:
                print(f"  {name:<18} planned {plan:7.3f}  measured {run:7.3f}  ratio {plan / run:5.2f}")


if __name__ == "__main__":
    main()
