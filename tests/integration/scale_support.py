"""A toy RL run whose roles and work grow with the world, and what its ranks say to each other."""
import json
import pathlib

import run_support as support

CHUNKS = 2
GROUPS_PER_RANK = 2  # of a policy rank and step: one a chunk
STEPS = 3
COLUMNS = ("messages_per_step", "messages_per_step_max", "bytes_per_step", "bytes_per_step_max")


def roles(world):
    """Ranks of each role: the servers grow with the policy, so that each serves as many replicas in every world."""
    return {"policy": world // 2, "reward": world // 4, "reference": world // 4}


def command(world, folder, settings=None):
    """An RL run of equal work per rank: groups and held-out problems grow with the policy."""
    ranks = roles(world)
    return support.command(world, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir", folder, settings={
        **{f"roles.{role}.ranks": count for role, count in ranks.items()},
        "rl.steps": STEPS, "rl.chunks": CHUNKS, "rl.prompts_per_step": GROUPS_PER_RANK * ranks["policy"], "rl.eval_every": 1,
        "data.generate.count": 1000, "data.generate.held_out_count": ranks["policy"], "sampling.ignore_eos": True,
        "run.threads": 1, "checkpoint.interval_steps": 2, "metrics.tensorboard": False,
        **(settings or {})})


def traffic(folder):
    """COLUMNS of a run: the largest of its steps."""
    rows = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {column: max(row[column] for row in rows) for column in COLUMNS}
