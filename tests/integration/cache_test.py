#!/usr/bin/env python3
"""A cache too small for the samples that run sets some of them back: every sample stays what it is.

cache_test.py PROGRAM [unittest arguments]
"""
import re

import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics)
STEPS = 2
SAMPLES = 16  # a step
SHARED = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
# Answers end at a digit, after 1 to 96 tokens.
LENGTHS = {"sampling.stop": list("0123456789"), "sampling.max_new_tokens": 96}


class SmallCache(support.RunTest):
    def train(self, name, ranks, **settings):
        """(rows of metrics, recorded completions by (step, sample), what the run printed)."""
        text = self.assert_ends(0, support.command(
            ranks, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir", self.folder / name, settings={
                **support.FP64, **LENGTHS, **SHARED, "run.threads": 1, "rl.steps": STEPS, "rl.chunks": 1,
                "rl.record_rollouts": True, "engine.block_size": 4, **settings}))
        samples = {}
        for path in (self.folder / name / "rollouts").glob("replica-*.jsonl"):
            for record in support.read_jsonl(path):
                samples[record["step"], record["sample"]] = record
        self.assertEqual(len(samples), STEPS * SAMPLES)
        return support.read_jsonl(self.folder / name / "metrics.jsonl"), samples, text

    def test_same_samples(self):
        large, samples, text = self.train("large", 1)
        self.assertEqual([row["sequences_preempted"] for row in large], [0] * STEPS)
        line = re.findall(r"KV cache: (\d+) blocks of 4 tokens hold (\d+) sequences of the full length of (\d+)", text)[-1]
        blocks, held, length = map(int, line)
        self.assertEqual(held, blocks // -(-length // 4))
        self.assertGreaterEqual(held, SAMPLES)
        scarce = {"engine.kv_cache_blocks": -(-length // 4) + 4, "engine.max_num_batched_tokens": SAMPLES,
                  "engine.max_num_seqs": SAMPLES}
        for name, ranks, settings in (
            ("one", 1, {}),
            ("two", 2, {"engine.balance_every": 0}),
            ("moving", 2, {"engine.balance_every": 4}),
            ("two ranks of one replica", 2, {"roles.policy.train.tp": 2, "engine.enable_prefix_caching": False}),
            ("generation apart", 2, {"roles.generate_ranks": 1, "rl.staleness": 1, "rl.steps": STEPS}),
        ):
            with self.subTest(name):
                rows, found, text = self.train(name.replace(" ", "-"), ranks, **scarce, **settings)
                self.assertEqual(len(re.findall(r"KV cache: \d+ blocks", text)), 1)
                counts = {key: [row[key] for row in rows if key in row] for key in (
                    "sequences_preempted", "sequences_running", "sequences_waiting", "kv_cache_share")}
                self.assertGreater(sum(counts["sequences_preempted"]), 0)
                self.assertGreater(min(counts["sequences_running"]), 0)
                self.assertGreater(sum(counts["sequences_waiting"]), 0)
                self.assertGreater(max(counts["kv_cache_share"]), 0.9)
                if name == "generation apart":  # older weights sample the second step
                    found = {place: record for place, record in found.items() if place[0] == 0}
                for place, record in found.items():
                    self.assertEqual(record["token_ids"], samples[place]["token_ids"], place)
                    self.assertEqual(record["finish"], samples[place]["finish"], place)
                    for logprob, other in zip(record["logprobs"], samples[place]["logprobs"]):
                        self.assert_close(logprob, other, TOLERANCE, f"log-prob of {place}")


if __name__ == "__main__":
    support.main()
