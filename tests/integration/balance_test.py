#!/usr/bin/env python3
"""Samples move to replicas that hold fewer: long answers leave none of them idle, and every sample stays what it is.

balance_test.py PROGRAM [unittest arguments]
"""
import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics)
STEPS = 2
SAMPLES = 16  # a step
SHARED = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
# Answers end at a digit, after 1 to 96 tokens.
LENGTHS = {"sampling.stop": list("0123456789"), "sampling.max_new_tokens": 96}


class Balance(support.RunTest):
    def train(self, name, ranks, every, **settings):
        """(rows of metrics, recorded completions by (step, sample)) of a run with one slot a replica."""
        self.assert_ends(0, support.command(
            ranks, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir", self.folder / name, settings={
                **support.FP64, **LENGTHS, **SHARED, "run.threads": 1, "rl.steps": STEPS, "rl.chunks": 1,
                "rl.record_rollouts": True, "engine.balance_every": every, "engine.max_num_seqs": 1, **settings}))
        samples = {}
        for path in (self.folder / name / "rollouts").glob("replica-*.jsonl"):
            for record in support.read_jsonl(path):
                samples[record["step"], record["sample"]] = record
        self.assertEqual(len(samples), STEPS * SAMPLES)
        return support.read_jsonl(self.folder / name / "metrics.jsonl"), samples

    def assert_same_samples(self, found, expected):
        for place, record in expected.items():
            self.assertEqual(found[place]["token_ids"], record["token_ids"], place)
            self.assertEqual(found[place]["finish"], record["finish"], place)
            for logprob, other in zip(found[place]["logprobs"], record["logprobs"]):
                self.assert_close(logprob, other, TOLERANCE, f"log-prob of {place}")

    def test_long_answers(self):
        alone, samples = self.train("alone", 1, 4)
        for row in alone:
            self.assertEqual((row["samples_moved"], row["generation_idle_share"]), (0, 0))
        self.assertGreater(len({len(record["token_ids"]) for record in samples.values()}), SAMPLES / 2)
        fixed, fixed_samples = self.train("fixed", 4, 0)
        self.assert_same_samples(fixed_samples, samples)
        for name, settings in (
            ("four", {}),
            ("two times two", {"roles.policy.train.tp": 2}),
            ("generation whole", {"roles.policy.train.tp": 2, "roles.policy.generate.tp": 1}),
        ):
            with self.subTest(name):
                moving, moved_samples = self.train(name, 4, 4, **settings)
                self.assert_same_samples(moved_samples, samples)
                for row, still, whole in zip(moving, fixed, alone):
                    self.assertEqual(still["samples_moved"], 0)
                    self.assertGreater(row["samples_moved"], 0)
                    if not settings:  # of the same layout
                        self.assertLess(row["decode_steps"], still["decode_steps"])
                        self.assertLess(row["generation_idle_share"], still["generation_idle_share"])
                    self.assert_close(row["gradient_norm"], whole["gradient_norm"], TOLERANCE, "gradient norm")

    def test_running_samples(self):
        """All samples run from the beginning: what moves has begun. And it moves alike whenever a run is repeated."""
        slots = {"engine.max_num_seqs": SAMPLES}
        fixed, fixed_samples = self.train("fixed", 2, 0, **slots)
        runs = [self.train(name, 2, 4, **slots) for name in ("moving", "again")]
        for moving, moved_samples in runs:
            self.assert_same_samples(moved_samples, fixed_samples)
            self.assertGreater(sum(row["samples_moved"] for row in moving), 0)
            idle, still = (sum(row["generation_idle_share"] for row in rows) for rows in (moving, fixed))
            self.assertLess(idle, still)
        self.assertEqual(*([support.numbers(row) for row in rows] for rows, _ in runs))


if __name__ == "__main__":
    support.main()
