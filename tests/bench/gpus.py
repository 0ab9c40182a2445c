#!/usr/bin/env python3
"""Weak scaling over the GPUs of one node: training, RL steps and collectives, beside NCCL's own bandwidth and `plan`.

gpus.py PROGRAM [--collectives BENCH_COLLECTIVES] [--gpus 1 2] [--models qwen2.5-1.5b] [--layouts dp tp] [--seconds 90]

PROGRAM is r1mpi, or the r1mpi.sh of an unpacked bundle. Random weights of the model's shape, bf16. Every GPU adds the
same work: 8 sequences of 2,048 tokens to a supervised step, 8 prompts x 16 samples x 256 tokens to an RL step (with
tp, cp and apart the GPUs share what a data parallel one would do alone, times their number). A run is killed when it has --steps
steps, so that no checkpoint of billions of weights is written. Efficiency is the rate per GPU over that of one GPU.

Share of communication hidden (data parallel training) = 1 - (step on n GPUs - step on one) / time of the same
reductions alone at the measured bandwidth.
"""
import argparse
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEQUENCES, LENGTH = 8, 2048          # of a supervised step, for each GPU
PROMPTS, SAMPLES, NEW = 8, 16, 256   # of an RL step, for each GPU

SIZES = (1, 16, 64, 256, 1024)       # MiB of a collective
LARGEST = SIZES[-1]

# What the ranks of a row share: nothing (dp), layers (tp), the tokens of a batch (cp), or the work: half of them train,
# half of them sample (apart: weights travel at every step).
SPLITS = {
    "dp": lambda ranks: {"roles.policy.ranks": ranks},
    "tp": lambda ranks: {"roles.policy.ranks": ranks, "roles.policy.train.tp": ranks},
    "cp": lambda ranks: {"roles.policy.ranks": ranks, "roles.policy.train.cp": ranks},
    "apart": lambda ranks: {"roles.policy.ranks": ranks // 2, "roles.generate_ranks": ranks - ranks // 2},
}

TORCH_COLLECTIVES = """
import os, time, torch, torch.distributed as dist
dist.init_process_group("nccl")
rank, n = dist.get_rank(), dist.get_world_size()
torch.cuda.set_device(rank)
for mib in (1, 16, 64, 256, 1024):
    whole = torch.zeros(mib << 19, dtype=torch.bfloat16, device="cuda")
    part = torch.zeros((mib << 19) // n, dtype=torch.bfloat16, device="cuda")
    calls = {"all_reduce": (2, lambda: dist.all_reduce(whole)),
             "reduce_scatter": (1, lambda: dist.reduce_scatter_tensor(part, whole)),
             "all_gather": (1, lambda: dist.all_gather_into_tensor(whole, part)),
             "all_to_all": (1, lambda: dist.all_to_all_single(torch.empty_like(whole), whole))}
    for name, (factor, call) in calls.items():
        for _ in range(5): call()
        torch.cuda.synchronize(); dist.barrier(); torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(20): call()
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - begin) / 20
        if rank == 0:
            print(f'{{"call": "{name}", "mib": {mib}, "bus_gb_per_s": {factor * (mib << 20) * (n - 1) / n / seconds / 1e9:.2f}}}', flush=True)
dist.destroy_process_group()
"""


def launch(ranks, program, *arguments):
    return [str(ROOT / "jobscripts/launch.sh"), "-n", str(ranks), str(program), *map(str, arguments)]


def rows_of(folder):
    path = folder / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def run_steps(line, folder, steps, limit):
    """Rows of metrics of a run that is killed after `steps` steps, or after `limit` seconds."""
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(line, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, "NCCL_NVLS_ENABLE": "0"})
        begin = time.monotonic()
        while process.poll() is None and len(rows_of(folder / "run")) < steps and time.monotonic() - begin < limit:
            time.sleep(0.2)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # mpirun's ranks have process groups of their own: a rank that is left holds its GPU's memory.
    subprocess.run(["pkill", "-KILL", "-f", str(folder)], check=False)
    rows = rows_of(folder / "run")
    if len(rows) < 2:
        print((folder / "output").read_text(errors="replace")[-3000:], file=sys.stderr)
    return rows


def settings_of(options, ranks, layout, more):
    base = {"run.device": "cuda", "model.dtype": "bf16", "model.master_dtype": "fp32", "run.threads": 0,
            "metrics.samples_every": 0, "checkpoint.interval_steps": 1000000, "trainer.bucket_mb": 256,
            "trainer.micro_batch_tokens": 16384, "trainer.score_batch_tokens": 32768, "trainer.logprob_chunk_tokens": 2048,
            **SPLITS[layout](ranks), "trainer.activation_checkpointing": "full"}
    line = []
    for key, value in {**base, **more}.items():
        line += ["--set", f"{key}={json.dumps(value)}"]
    for pair in options.settings:
        line += ["--set", pair]
    return line


def config_of(folder, model, teacher=""):
    """configs/tiny/random.toml with the shapes of configs/models for its model, and for its teacher if one is named."""
    path = folder / "config.toml"
    text = (ROOT / "configs/tiny/random.toml").read_text(encoding="utf-8")
    for table, name, following in (("model", model, "[data]"), ("teacher", teacher, "[distill]")):
        if name:
            begin, end = text.index(f"[{table}.shape]"), text.index(following)
            text = text[:begin].replace(f"[{table}]", f'[{table}]\ninclude = "{ROOT}/configs/models/{name}.toml"') + text[end:]
    path.write_text(text.replace('dtype = "fp32"', 'dtype = "bf16"'), encoding="utf-8")
    return path


def plan(program, command, config, ranks, settings, new_tokens):
    """What `plan` predicts for the same configuration: its "step:" line."""
    done = subprocess.run([program, "plan", "--stage", command, "--config", config, "--world-size", str(ranks), *settings,
                           "--set", 'plan.machine="H200"', "--set", "plan.mean_prompt_tokens=16",
                           "--set", f"plan.mean_completion_tokens={new_tokens}"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("step:")]
    return {"plan": lines[0] if lines else (done.stdout + done.stderr)[-500:], "plan_text": done.stdout}


def supervised(options, model, ranks, layout):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        draw = random.Random(1)
        records = folder / "records.jsonl"
        records.write_text("".join(json.dumps(
            {"instruction": f"Go on from {i}.", "input": "",
             "output": "".join(draw.choice("abcdefgh ") for _ in range(LENGTH - 40))}) + "\n" for i in range(256)))
        settings = settings_of(options, ranks, layout, {
            "data.files": [str(records)], "data.generate.names": [], "data.held_out": 0.0, "sft.steps": 1000,
            "sft.batch": SEQUENCES * ranks, "sft.max_length": LENGTH + 64, "sft.eval_every": 0})
        config = config_of(folder, model)
        rows = run_steps(launch(ranks, options.program, "sft", "--config", config, "--run-dir", folder / "run", *settings),
                         folder, options.steps, options.seconds)
        seconds = statistics.median([row["step_seconds"] for row in rows[2:]] or [float("nan")])
        rate = statistics.median([row["tokens_per_second"] for row in rows[2:]] or [float("nan")])
        return {"work": "sft", "model": model, "gpus": ranks, "layout": layout, "step_seconds": seconds,
                "tokens_per_second": rate, "steps": len(rows), **memory_of(rows),
                **plan(options.program, "sft", config, ranks, settings, LENGTH - 40)}


def reinforced(options, model, ranks, layout):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings = settings_of(options, ranks, layout, {
            "rl.prompts_per_step": PROMPTS * ranks, "rl.samples_per_prompt": SAMPLES, "rl.steps": 1000, "rl.chunks": 1,
            "sampling.max_new_tokens": NEW, "sampling.min_new_tokens": NEW, "kl.place": "none", "kl.coefficient": 0.0,
            "data.generate.count": 512, "data.generate.held_out_count": 0, "data.generate.names": ["add20"],
            "engine.max_num_seqs": PROMPTS * SAMPLES * ranks, "roles.reward.share_with": "policy"})
        config = config_of(folder, model)
        rows = run_steps(launch(ranks, options.program, "rl", "--config", config, "--run-dir", folder / "run", *settings),
                         folder, options.steps, options.seconds)
        middle = {key: statistics.median([row[key] for row in rows[1:]] or [float("nan")])
                  for key in ("step_seconds", "generate_seconds", "update_seconds", "tokens_per_second")}
        middle |= {key: statistics.median(row[key] for row in rows[1:])
                   for key in ("weight_sync_seconds", "weight_sync_gib") if rows[1:] and all(key in row for row in rows[1:])}
        return {"work": "rl", "model": model, "gpus": ranks, "layout": layout, **middle, "steps": len(rows),
                **memory_of(rows), **plan(options.program, "rl", config, ranks, settings, NEW)}


def memory_of(rows):
    return {key: rows[-1][key] for key in (rows[-1] if rows else {}) if "memory" in key}


def collectives(options, ranks):
    """(ours, NCCL's own through torch.distributed): (call, MiB) -> GB/s on the bus."""
    def table(line, **variables):
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False,
                              env={**os.environ, "NCCL_NVLS_ENABLE": "0", **variables})
        rows = [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]
        if not rows:
            print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
        return {(row["call"], row["mib"]): row["bus_gb_per_s"] for row in rows}

    ours = table(launch(ranks, *options.collectives.split(), "cuda", *SIZES))
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(TORCH_COLLECTIVES)
        script.flush()
        theirs = table([sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", script.name])
    return ours, theirs


def hidden_share(row, alone, bus):
    """Of a data parallel step: gradients are reduced in fp32, a part to each rank, which gathers the bf16 weights."""
    parameters = re.search(r"([0-9.]+) billion parameters", row["plan_text"])
    if not parameters or not bus:
        return None
    piece = 1e9 * float(parameters[1]) * (row["gpus"] - 1) / row["gpus"] / 1e9
    seconds = 4 * piece / bus["reduce_scatter", LARGEST] + 2 * piece / bus["all_gather", LARGEST]
    return {"communication_seconds": seconds, "hidden_share": 1 - (row["step_seconds"] - alone["step_seconds"]) / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--collectives", help="bench_collectives, or how it is started")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--models", nargs="+", default=["qwen2.5-1.5b"])
    parser.add_argument("--layouts", nargs="+", default=["dp", "tp"], choices=SPLITS)
    parser.add_argument("--works", nargs="+", default=["sft", "rl"])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=90.0, help="limit of a run")
    options = parser.parse_args()
    bus = {}
    for ranks in [ranks for ranks in options.gpus if ranks > 1 and options.collectives]:
        bus[ranks], theirs = collectives(options, ranks)
        print(f"| bus GB/s, {ranks} GPUs | MiB | r1mpi | NCCL (torch.distributed) |\n| --- | --- | --- | --- |")
        for call, mib in sorted(bus[ranks]):
            print(f"| {call} | {mib} | {bus[ranks][call, mib]:.1f} | {theirs.get((call, mib), float('nan')):.1f} |", flush=True)
    single = {}
    for model in options.models:
        for work, measure in (("sft", supervised), ("rl", reinforced)):
            for ranks in options.gpus if work in options.works else []:
                for layout in options.layouts if ranks > 1 else ["dp"]:
                    if layout == "apart" and work == "sft":
                        continue
                    row = measure(options, model, ranks, layout)
                    alone = single.setdefault((model, work), row) if ranks == 1 else single.get((model, work))
                    if alone:
                        row["efficiency"] = row["tokens_per_second"] / ranks / alone["tokens_per_second"]
                    if alone and ranks > 1 and layout == "dp" and work == "sft":
                        row |= hidden_share(row, alone, bus.get(ranks)) or {}
                    print(json.dumps({key: value for key, value in row.items() if key != "plan_text"}), flush=True)


if __name__ == "__main__":
    main()
