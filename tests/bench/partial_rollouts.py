#!/usr/bin/env python3
"""What long tails cost a step: RL with a log-normal distribution of lengths, with and without partial rollouts.

    tests/bench/partial_rollouts.py [--program build/r1mpi] [--ranks 4] [--steps 24] [--pairs 2] [--staleness 4]

Every completion ends at a length that its seed draws from a log-normal distribution (sampling.median_length,
sampling.length_sigma), cut off at sampling.max_new_tokens. With staleness 0 a step waits for its longest sample; with
rl.partial_rollouts it waits for as many finished groups as it trains on. Alternated pairs of runs of the toy model; the
first steps, in which the open groups fill up, are left out. Prints steps and trained tokens an hour, and their ratios.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARM_UP = 4  # steps


def rows(arguments, staleness):
    settings = {"rl.steps": arguments.steps, "rl.prompts_per_step": 16, "rl.samples_per_prompt": 4, "rl.chunks": 1,
                "rl.staleness": staleness, "rl.partial_rollouts": "true" if staleness > 0 else "false",
                "sampling.max_new_tokens": 896, "sampling.median_length": arguments.median,
                "sampling.length_sigma": arguments.sigma, "sampling.ignore_eos": "true", "engine.balance_every": 16,
                "engine.max_num_seqs": 256, "trainer.micro_batch_tokens": 4096, "trainer.score_batch_tokens": 4096,
                "data.generate.count": 1024, "checkpoint.interval_steps": 100000, "run.threads": 1,
                "roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
    with tempfile.TemporaryDirectory() as folder:
        line = [ROOT / "jobscripts/launch.sh", "-n", str(arguments.ranks), arguments.program, "rl", "--config",
                ROOT / "configs/tiny/random.toml", "--run-dir", folder]
        for key, value in settings.items():
            line += ["--set", f"{key}={value}"]
        subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        # In the last steps no further groups are opened.
        return [json.loads(row) for row in open(pathlib.Path(folder) / "metrics.jsonl")][WARM_UP:arguments.steps - staleness]


def summary(name, steps):
    seconds = statistics.mean(row["step_seconds"] for row in steps)
    print(f"{name:20} {3600 / seconds:8.0f} steps/h  {seconds:.3f} s a step, mean length "
          f"{statistics.mean(row['completion_length'] for row in steps):.1f}, longest "
          f"{max(row['completion_length_max'] for row in steps):.0f}, decode steps "
          f"{statistics.mean(row['decode_steps'] for row in steps):.0f}, stale tokens "
          f"{statistics.mean(row['stale_token_share'] for row in steps):.2f}, staleness mean "
          f"{statistics.mean(row['token_staleness'] for row in steps):.2f}, largest "
          f"{max(row['token_staleness_max'] for row in steps):.0f}")
    return 1 / seconds, statistics.mean(row["completion_length"] for row in steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/r1mpi")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--staleness", type=int, default=4)
    parser.add_argument("--median", type=float, default=40.0)
    parser.add_argument("--sigma", type=float, default=1.1)
    arguments = parser.parse_args()
    plain, partial = [], []
    for _ in range(arguments.pairs):
        plain += rows(arguments, 0)
        partial += rows(arguments, arguments.staleness)
    base, base_length = summary("staleness 0", plain)
    speed, length = summary(f"partial, staleness {arguments.staleness}", partial)
    print(f"{speed / base:.2f} times the steps an hour, {speed * length / (base * base_length):.2f} times the tokens")


if __name__ == "__main__":
    main()
