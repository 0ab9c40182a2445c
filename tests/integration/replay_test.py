#!/usr/bin/env python3
"""Runs are compared on the same recorded samples: in fp32 the layouts agree to rounding, step by step.

replay_test.py PROGRAM [unittest arguments]
"""
import run_support as support

GRADIENTS = 1e-5  # relative, fp32 (design: numerics)
LOGPROBS = 1e-4
STEPS = 4
CONFIG = support.CONFIGS / "varied_rewards.toml"
FP32 = {"model.dtype": "fp32", "model.master_dtype": "fp32", "rl.steps": STEPS, "run.threads": 1}


class Replay(support.RunTest):
    def line(self, name, ranks, **settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        return support.command(ranks, "rl", "--config", CONFIG, "--run-dir", self.folder / name,
                               settings={**FP32, **settings})

    def rows(self, name):
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def test_layouts_agree_on_recorded_samples(self):
        self.assert_ends(0, self.line("base", 1, rl__record_rollouts=True))
        base = self.rows("base")
        self.assertEqual(len(base), STEPS)
        for name, ranks in (("alone", 1), ("spread", 5)):
            # Sampling from the likelier half would give other samples: nothing must be sampled.
            self.assert_ends(0, self.line(name, ranks, rl__replay=str(self.folder / "base"), sampling__top_p=0.5))
            for row, wanted in zip(self.rows(name), base, strict=True):
                where = f"{name}, step {row['step']}"
                self.assertGreater(wanted["gradient_norm"], 0.0)
                self.assert_close(row["gradient_norm"], wanted["gradient_norm"], GRADIENTS, where)
                for key in ("entropy", "kl_token", "reward_mean", "completion_length"):
                    self.assert_close(row[key], wanted[key], LOGPROBS, f"{where}, {key}")

    def test_what_cannot_be_replayed_is_named(self):
        self.assert_ends(0, self.line("plain", 1))
        output = self.assert_ends(2, self.line("empty", 1, rl__replay=str(self.folder / "plain")))
        self.assertIn("rl.record_rollouts", output)
        self.assert_ends(0, self.line("base", 1, rl__record_rollouts=True))
        output = self.assert_ends(2, self.line("other", 4, rl__replay=str(self.folder / "base"), run__seed=99))
        self.assertIn("made of another prompt", output)


if __name__ == "__main__":
    support.main()
