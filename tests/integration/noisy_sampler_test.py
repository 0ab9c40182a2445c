#!/usr/bin/env python3
"""A generator whose log-probabilities are noisy: uncorrected runs drift, corrected ones do not.

noisy_sampler_test.py PROGRAM [unittest arguments]

A run records its rollouts. The log-probabilities of some recorded tokens are then lowered by a lot, as a generator with
a rare numerical fault reports them, and the rollouts are replayed. The samples are those of older weights (rl.staleness
= 1), so that without a correction the ratio of the loss is that to the generator: where it is large, a token of a bad
answer has a gradient as large, which no clipping bounds. Each run is compared with the run of the same options on the
rollouts without noise.
"""
import json
import random
import shutil

import run_support as support

STEPS = 6
NOISY_SHARE, NOISE = 0.04, 4.0  # of the tokens; nats
CORRECTION = "policy_loss.rollout_correction."
ICEPOP = {CORRECTION + "rollout_is": "token", CORRECTION + "rollout_is_threshold": 2.0,
          CORRECTION + "rollout_rs": "token", CORRECTION + "rollout_rs_threshold": 2.0}
TIS = {CORRECTION + "rollout_is": "token", CORRECTION + "rollout_is_threshold": 1.2}


class NoisySampler(support.RunTest):
    def train(self, name, **settings):
        self.assert_ends(0, support.command(
            2, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir", self.folder / name, settings={
                **support.FP64, "run.threads": 1, "rl.steps": STEPS, "rl.staleness": 1, "kl.place": "none",
                "optimizer.learning_rate": 1e-3, "optimizer.max_grad_norm": 1e9, "checkpoint.interval_steps": 100,
                "policy_loss.aggregation": "token_mean", "metrics.tensorboard": False, **settings}))
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def replay(self, name, source, **settings):
        return self.train(name, **settings, **{"rl.replay": str(self.folder / source)})

    def weights(self, name):
        return support.read_safetensors(self.folder / name / "model" / "model.safetensors")

    def add_noise(self):
        draw = random.Random(17)
        shutil.copytree(self.folder / "recorded" / "rollouts", self.folder / "noisy" / "rollouts")
        for path in sorted((self.folder / "noisy" / "rollouts").glob("*.jsonl")):
            records = support.read_jsonl(path)
            for record in records:
                record["logprobs"] = [value - NOISE if draw.random() < NOISY_SHARE else value
                                      for value in record["logprobs"]]
            path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")

    def largest_norm(self, rows):
        return max(row["gradient_norm"] for row in rows)

    def test_corrected_runs_do_not_drift(self):
        self.train("recorded", **{"rl.record_rollouts": True})
        self.add_noise()
        norms, drifts = {}, {}
        for name, options in (("uncorrected", {}), ("masked", ICEPOP), ("truncated", TIS)):
            clean = self.replay(f"{name} clean", "recorded", **options)
            noisy = self.replay(f"{name} noisy", "noisy", **options)
            norms[name] = self.largest_norm(noisy) / self.largest_norm(clean)
            drifts[name] = support.relative_distance(self.weights(f"{name} noisy"), self.weights(f"{name} clean"))
            if options:
                self.assertLess(noisy[-1]["effective_sample_share"], 0.5, "the noise is seen in the metrics")
                self.assertGreater(noisy[-1]["generator_trainer_kl_k3"], clean[-1]["generator_trainer_kl_k3"])
        print("\ngradient norms over those without noise:", norms, "\ndistance of the weights:", drifts)
        self.assertGreater(norms["uncorrected"], 3.0)
        for name in ("masked", "truncated"):
            self.assertLess(norms[name], 1.5, name)
            self.assertLess(drifts[name], 0.5 * drifts["uncorrected"], name)


if __name__ == "__main__":
    support.main()
