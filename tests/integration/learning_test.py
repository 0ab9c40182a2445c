#!/usr/bin/env python3
"""Both algorithms must learn a toy task, must not learn from shuffled rewards, and PPO's values must predict.

learning_test.py PROGRAM [unittest arguments]

The task: "copy 42:" wants 42; "guess 42:" wants a number that nobody can know. A model with random weights is first
trained by `r1mpi sft` on answers with wrong digits, so that it starts at a mean reward of about 0.4; reinforcement
learning from the reward `correctness` can raise it to the share of the copy problems, 0.8. The values can tell the
two kinds of problems apart.
"""
import concurrent.futures
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

CONFIGS = pathlib.Path(__file__).resolve().parent.parent / "data" / "configs"
PROGRAM = ""
SEEDS = (1, 2, 3)
RUNS_AT_ONCE = 2

NUM_COPY, NUM_GUESS = 48, 12
RIGHT_DIGIT = 0.65  # share of digits copied in pre-training; another tenth of the rest is right by chance
NUM_PRETRAINING = 8000

STALENESS = 2  # steps, of partial rollouts
MIN_GAIN = 0.3
MAX_SHUFFLED_GAIN = 0.05
MIN_EXPLAINED_VARIANCE = 0.3
LAST_STEPS = 5  # steps that are averaged at the end of a run


def two_digits(draw):
    return f"{draw.randrange(100):02d}"


def pretraining_records(draw):
    for _ in range(NUM_PRETRAINING):
        shown = two_digits(draw)
        if draw.random() < NUM_GUESS / (NUM_COPY + NUM_GUESS):
            yield {"problem": f"guess {shown}:", "solution": two_digits(draw)}
        else:
            digits = (digit if draw.random() < RIGHT_DIGIT else str(draw.randrange(10)) for digit in shown)
            yield {"problem": f"copy {shown}:", "solution": "".join(digits)}


def problem_records(draw):
    for number in draw.sample(range(100), NUM_COPY):
        yield {"problem": f"copy {number:02d}:", "answer": f"{number:02d}"}
    for number in draw.sample(range(100), NUM_GUESS):
        yield {"problem": f"guess {number:02d}:", "answer": two_digits(draw)}


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Outcome:
    """What metrics.jsonl says of one run."""

    def __init__(self, rows):
        last = rows[-LAST_STEPS:]
        self.start = rows[0]["reward_mean"]
        self.end = mean(row["reward_mean"] for row in last)
        self.gain = self.end - self.start
        values = [row["explained_variance"] for row in last if "explained_variance" in row]
        self.explained_variance = mean(values) if values else math.nan  # GRPO has no values
        self.stale_token_share = mean(row["stale_token_share"] for row in rows)
        self.token_staleness_max = max(row["token_staleness_max"] for row in rows)
        self.seconds = sum(row["step_seconds"] for row in rows)


class Learning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        draw = random.Random(1)
        write_jsonl(cls.folder / "pretraining.jsonl", pretraining_records(draw))
        write_jsonl(cls.folder / "problems.jsonl", problem_records(draw))
        cls.for_each_seed(lambda seed: cls.run_program("sft", "learning_sft.toml", f"base{seed}", seed))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def run_program(cls, command, config, run_dir, seed, *assignments):
        """The rows of metrics.jsonl of a finished run."""
        arguments = [PROGRAM, command, "--config", CONFIGS / config, "--run-dir", run_dir]
        for assignment in (f"run.seed={seed}", *assignments):
            arguments += ["--set", assignment]
        command_line = [str(argument) for argument in arguments]
        quiet = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command_line, timeout=900, cwd=cls.folder, **quiet)
        if done.returncode != 0:
            raise AssertionError(f"{command} {config} ended with {done.returncode}: {done.stdout}{done.stderr}")
        lines = (cls.folder / run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @staticmethod
    def for_each_seed(function):
        with concurrent.futures.ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
            return list(pool.map(function, SEEDS))

    def outcomes(self, algorithm, *assignments, variant=""):
        """One outcome per seed, printed as a table."""
        kind = "-".join(filter(None, (algorithm, variant)))

        def train(seed):
            model = f"model.path=base{seed}/model"
            config = f"learning_{algorithm}.toml"
            return Outcome(self.run_program("rl", config, f"{kind}{seed}", seed, model, *assignments))

        outcomes = self.for_each_seed(train)
        print(f"\n{'run':14} seed  start    end   gain  explained variance  seconds")
        for seed, o in zip(SEEDS, outcomes):
            rewards = f"{o.start:6.3f} {o.end:6.3f} {o.gain:6.3f}"
            print(f"{kind:14} {seed:4} {rewards} {o.explained_variance:19.3f} {o.seconds:8.1f}")
        print(f"{kind:14} mean               {mean(o.gain for o in outcomes):6.3f}", flush=True)
        return outcomes

    def check_shuffled(self, algorithm):
        outcomes = self.outcomes(algorithm, "rewards.shuffle=true", variant="shuffled")
        self.assertLess(mean(o.gain for o in outcomes), MAX_SHUFFLED_GAIN)

    def test_grpo_learns(self):
        outcomes = self.outcomes("grpo")
        self.assertGreaterEqual(mean(o.gain for o in outcomes), MIN_GAIN)

    def test_grpo_learns_from_samples_of_several_weights(self):
        """Partial rollouts: a step takes the groups that are finished first, and continues the others."""
        outcomes = self.outcomes("grpo", "rl.partial_rollouts=true", f"rl.staleness={STALENESS}",
                                 "engine.balance_every=1", variant="partial")
        self.assertGreaterEqual(mean(o.gain for o in outcomes), MIN_GAIN)
        for outcome in outcomes:
            self.assertGreater(outcome.stale_token_share, 0.1)
            self.assertLessEqual(outcome.token_staleness_max, STALENESS)

    def test_ppo_learns_and_its_values_explain_the_returns(self):
        outcomes = self.outcomes("ppo")
        self.assertGreaterEqual(mean(o.gain for o in outcomes), MIN_GAIN)
        for outcome in outcomes:
            self.assertGreater(outcome.explained_variance, MIN_EXPLAINED_VARIANCE)

    def test_grpo_learns_nothing_from_shuffled_rewards(self):
        self.check_shuffled("grpo")

    def test_ppo_learns_nothing_from_shuffled_rewards(self):
        self.check_shuffled("ppo")


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
