#!/usr/bin/env python3
"""Samples from ranks of their own, and from the weights before the last update: the same wherever they are drawn, beside
the training where the ranks allow it, and after a restart.

staleness_test.py PROGRAM [unittest arguments]
"""
import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics)
STEPS = 4
APART = {"roles.generate_ranks": 1, "roles.policy.ranks": 1, "roles.reward.share_with": "policy",
         "roles.reference.share_with": "policy"}
KEYS = ("gradient_norm", "reward_mean", "completion_length", "entropy", "kl_token", "kl_old_new", "ratio_mean",
        "heldout_reward", "policy_version")


class Staleness(support.RunTest):
    def train(self, name, ranks, staleness, **settings):
        """Rows of metrics of a run in folder `name`."""
        settings = {
            **support.FP64, "run.threads": 1, "rl.steps": STEPS, "rl.staleness": staleness, "rl.eval_every": 2,
            "rl.reference_update_every": 2, "optimizer.learning_rate": 1e-3, "rl.record_rollouts": True,
            "checkpoint.interval_steps": 100, "engine.balance_every": 3, **settings}
        self.assert_ends(0, support.command(ranks, "rl", "--config", support.CONFIGS / "varied_rewards.toml",
                                            "--run-dir", self.folder / name, settings=settings))
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def samples(self, name):
        """(step, sample) -> token ids."""
        return {(record["step"], record["sample"]): record["token_ids"]
                for path in (self.folder / name / "rollouts").glob("replica-*.jsonl")
                for record in support.read_jsonl(path)}

    def assert_same(self, name, rows, base, base_rows):
        self.assertEqual(self.samples(name), self.samples(base))
        self.assertEqual(len(rows), STEPS)
        for row, wanted in zip(rows, base_rows):
            self.assertEqual(row["rollout_staleness"], wanted["rollout_staleness"])
            for key in KEYS:
                self.assertEqual(key in row, key in wanted, key)
                if key in wanted:  # KL terms may be zero but for rounding
                    self.assertLessEqual(abs(row[key] - wanted[key]), TOLERANCE * max(1.0, abs(wanted[key])),
                                         f"{name}, step {row['step']}, {key}")
        weights, expected = (support.read_safetensors(self.folder / run / "model" / "model.safetensors")
                             for run in (name, base))
        self.assertLessEqual(support.relative_distance(weights, expected), TOLERANCE, name)

    def assert_overlap(self, name):
        """The next step's samples were drawn while the update ran."""
        spans = {}
        for path in (self.folder / name).glob("timeline*.jsonl"):
            for row in support.read_jsonl(path):
                begin, end = spans.get((row["name"], row["step"]), (row["begin"], row["end"]))
                spans[row["name"], row["step"]] = min(begin, row["begin"]), max(end, row["end"])
        for step in range(STEPS - 1):
            update, generate = spans["update", step], spans["generate", step + 1]
            self.assertGreater(min(update[1], generate[1]), max(update[0], generate[0]), f"step {step}")

    def test_layouts(self):
        bases = {staleness: self.train(f"base {staleness}", 1, staleness) for staleness in (0, 1)}
        self.assertEqual([row["rollout_staleness"] for row in bases[0]], [0] * STEPS)
        self.assertEqual([row["rollout_staleness"] for row in bases[1]], [0] + [1] * (STEPS - 1))
        self.assertNotEqual(self.samples("base 0"), self.samples("base 1"))
        # The ratio is that to the weights that drew the samples: 1 where those are the trained ones.
        self.assert_close(bases[1][0]["ratio_mean"], 1.0, TOLERANCE, "ratio of the first step")
        for row in bases[1][1:]:
            self.assertGreater(abs(row["kl_old_new"]), 1e-6)
        own = {"roles.reward.share_with": "", "roles.reference.share_with": ""}
        for name, ranks, staleness, settings in (
            ("fresh, apart", 2, 0, APART),
            ("older, apart", 2, 1, APART),
            ("older, all roles apart", 5, 1, {**APART, **own, "roles.generate_ranks": 2}),
            ("older, split", 6, 1, {**APART, "roles.policy.ranks": 4, "roles.generate_ranks": 2,
                                    "roles.policy.train.tp": 2, "roles.policy.generate.tp": 1}),
        ):
            with self.subTest(name):
                rows = self.train(name, ranks, staleness, **settings)
                self.assert_same(name, rows, f"base {staleness}", bases[staleness])
        self.assert_overlap("older, apart")

    def test_restart(self):
        """A held-out measure takes the newest weights right before the checkpoint that needs the older ones."""
        rows = self.train("whole", 2, 1, **APART)
        self.train("cut", 2, 1, **APART, **{"run.max_steps": 2})
        again = self.train("cut", 2, 1, **APART)
        self.assertEqual([support.numbers(row) for row in again], [support.numbers(row) for row in rows])
        weights = [(self.folder / name / "model" / "model.safetensors").read_bytes() for name in ("cut", "whole")]
        self.assertEqual(*weights)
        found, wanted = (support.dataset_hashes(support.last_checkpoint(self.folder / name))
                         for name in ("cut", "whole"))
        self.assertTrue(any("generation/" in name for _, name in wanted))
        self.assertEqual(found, wanted)


if __name__ == "__main__":
    support.main()
