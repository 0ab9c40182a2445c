#!/usr/bin/env python3
"""Partial rollouts: unfinished samples go on in later steps, no older than rl.staleness allows, the same after a restart
and when they are replayed.

partial_rollouts_test.py PROGRAM [unittest arguments]
"""
import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics)
STEPS = 6
STALENESS = 2  # a group is trained on up to one step after the one whose prompt it has
LATE = 1
PROMPTS, SAMPLES = 4, 4  # of a step, of a prompt
APART = {"roles.generate_ranks": 1, "roles.policy.ranks": 1, "roles.reward.share_with": "policy",
         "roles.reference.share_with": "policy"}
CONFIG = support.CONFIGS / "varied_rewards.toml"
KEYS = ("gradient_norm", "reward_mean", "completion_length", "entropy", "kl_old_new", "ratio_mean", "policy_version")


class PartialRollouts(support.RunTest):
    def settings(self, **settings):
        # Samples of ranks of their own are drawn a step ahead.
        staleness = STALENESS + (1 if "roles.generate_ranks" in settings else 0)
        return {**support.FP64, "run.threads": 1, "rl.steps": STEPS, "rl.staleness": staleness, "rl.chunks": 1,
                "rl.partial_rollouts": True, "engine.balance_every": 4, "sampling.max_new_tokens": 64,
                "sampling.median_length": 6.0, "sampling.length_sigma": 1.0, "sampling.ignore_eos": True,
                "optimizer.learning_rate": 1e-3, "rl.record_rollouts": True, "checkpoint.interval_steps": 100,
                **{key.replace("__", "."): value for key, value in settings.items()}}

    def train(self, name, ranks, **settings):
        self.assert_ends(0, support.command(ranks, "rl", "--config", CONFIG, "--run-dir", self.folder / name,
                                            settings=self.settings(**settings)))
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def records(self, name):
        return {(record["step"], record["sample"]): record
                for path in (self.folder / name / "rollouts").glob("replica-*.jsonl")
                for record in support.read_jsonl(path)}

    def assert_bound(self, name, rows, staleness=STALENESS):
        """Every group is trained on once, none too late, by weights that are not too old."""
        records = self.records(name)
        self.assertEqual(len(records), STEPS * PROMPTS * SAMPLES)
        self.assertEqual(sorted(record["group"] for record in records.values()),
                         sorted(list(range(STEPS * PROMPTS)) * SAMPLES))
        for (step, sample), record in records.items():
            self.assertGreaterEqual(record["group"] // PROMPTS + LATE, step, "trained on later than it was due")
            self.assertEqual(len(record["logprobs"]), len(record["token_ids"]))
            versions = record["versions"]
            self.assertEqual(versions[0][0], 0)
            self.assertEqual(versions, sorted(versions))
            self.assertGreaterEqual(versions[0][1], step - staleness)  # one optimizer step in a step
            self.assertLessEqual(versions[-1][1], step)
        self.assertTrue(any(len(record["versions"]) > 1 for record in records.values()), "nothing was continued")
        self.assertTrue(any(record["group"] // PROMPTS > step for (step, _), record in records.items()))
        self.assertTrue(any(record["group"] // PROMPTS < step for (step, _), record in records.items()))
        self.assertTrue(any(row["unfinished_samples"] > 0 for row in rows))
        self.assertEqual(rows[-1]["unfinished_samples"], 0)
        self.assertGreater(max(row["stale_token_share"] for row in rows), 0.0)
        self.assertLessEqual(max(row["token_staleness_max"] for row in rows), staleness)
        self.assertGreater(max(row["token_staleness_max"] for row in rows), 0)

    def assert_same_rows(self, rows, wanted):
        self.assertEqual(len(rows), len(wanted))
        for row, base in zip(rows, wanted):
            for key in KEYS:
                self.assert_close(row[key], base[key], TOLERANCE, f"step {row['step']}, {key}")

    def test_samples_go_on_within_the_bound(self):
        for name, ranks, settings in (("one", 1, {}), ("two", 2, {}), ("apart", 2, APART),
                                      ("tp", 2, {"roles.policy.train.tp": 2}),
                                      ("sampled otherwise", 2, {"roles.policy.train.tp": 2,
                                                                "roles.policy.generate.tp": 1}),
                                      ("all apart", 5, {**APART, "roles.generate_ranks": 2,
                                                        "roles.reward.share_with": "",
                                                        "roles.reference.share_with": ""})):
            with self.subTest(name):
                self.assert_bound(name, self.train(name, ranks, **settings),
                                  STALENESS + (1 if "roles.generate_ranks" in settings else 0))

    def test_restart(self):
        for name, ranks, settings in (("shared", 2, {}), ("apart", 2, APART)):
            with self.subTest(name):
                rows = self.train(f"{name} whole", ranks, **settings)
                self.train(f"{name} cut", ranks, run__max_steps=3, **settings)
                again = self.train(f"{name} cut", ranks, **settings)
                self.assertEqual([support.numbers(row) for row in again], [support.numbers(row) for row in rows])
                self.assertEqual(self.records(f"{name} cut"), self.records(f"{name} whole"))
                found, wanted = (support.dataset_hashes(support.last_checkpoint(self.folder / f"{name} {kind}"))
                                 for kind in ("cut", "whole"))
                self.assertTrue(any("unfinished/" in dataset for _, dataset in wanted))
                self.assertEqual(found, wanted)

    def test_continued_on_other_ranks(self):
        """What is open moves to the ranks that sample its places now."""
        self.train("moved", 2, run__max_steps=3)
        rows = self.train("moved", 1)
        self.assert_bound("moved", rows)

    def test_replay(self):
        rows = self.train("base", 2)
        for name, ranks, settings in (("alone", 1, {}), ("spread", 4, {}), ("apart", 2, APART)):
            with self.subTest(name):
                # From the likelier half other samples would come: nothing must be sampled.
                again = self.train(name, ranks, **{"rl.replay": str(self.folder / "base"), "sampling.top_p": 0.5,
                                                   "rl.record_rollouts": False, **settings})
                self.assert_same_rows(again, rows)

    def test_what_does_not_fit_is_named(self):
        for key, settings in (("rl.staleness", {"rl.staleness": 0}), ("rl.staleness", {"rl.staleness": 65}),
                              ("rl.staleness", {"rl.staleness": 2, "rl.partial_rollouts": False}),
                              ("rl.staleness", {**APART, "rl.staleness": 1}), ("rl.chunks", {"rl.chunks": 2}),
                              ("engine.balance_every", {"engine.balance_every": 0}),
                              ("rl.partial_rollouts", {f"rollout.tools.{key}": text for key, text in (
                                  ("kind", "python"), ("call_begin", "["), ("call_end", "]"), ("answer_begin", "{"),
                                  ("answer_end", "}"))})):
            with self.subTest(f"{key}: {settings}"):
                output = self.assert_ends(2, support.command(
                    1, "rl", "--check", "--config", CONFIG, settings=self.settings(**settings)))
                self.assertIn(key, output)


if __name__ == "__main__":
    support.main()
