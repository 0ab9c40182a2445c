#!/usr/bin/env python3
"""What a slow reward role costs a step: SmolLM2's RL with and without a delay of 200 ms a chunk.

    tests/bench/overlap.py [--program build/r1mpi] [--steps 4] [--delay-ms 200] [--chunks 4]

Scoring overlaps with the generation of the next chunk, so the delays of all chunks but the last must not be seen. One
policy rank and one reward rank: with two of the policy the reward rank would sleep for each one's part of a chunk.
Alternated pairs of runs, which do the same work step by step; prints the median seconds of a step and the median
difference of equal steps.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RANKS = 2


def step_seconds(arguments, delay_ms):
    settings = {"rl.steps": arguments.steps + 1, "rl.chunks": arguments.chunks, "rewards.delay_ms": delay_ms,
                "roles.policy.ranks": 1, "roles.reward.ranks": 1, "sampling.min_new_tokens": 32,
                "rl.samples_per_prompt": 2, "run.threads": 1}
    with tempfile.TemporaryDirectory() as folder:
        line = [ROOT / "jobscripts/launch.sh", "-n", str(RANKS), arguments.program, "rl", "--config",
                ROOT / "tests/bench/grpo_step.toml", "--run-dir", folder]
        for key, value in settings.items():
            line += ["--set", f"{key}={value}"]
        subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = [json.loads(row) for row in open(pathlib.Path(folder) / "metrics.jsonl")]
    return [row["step_seconds"] for row in rows[1:]]  # the first step also warms up


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/r1mpi")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--delay-ms", type=int, default=200)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    plain, delayed = [], []
    for _ in range(arguments.pairs):
        plain += step_seconds(arguments, 0)
        delayed += step_seconds(arguments, arguments.delay_ms)
    more = statistics.median(b - a for a, b in zip(plain, delayed))
    print(f"a step of {statistics.median(plain):.2f} s takes {1000 * more:.0f} ms more with {arguments.delay_ms} ms for each "
          f"of {arguments.chunks} chunks")


if __name__ == "__main__":
    main()
