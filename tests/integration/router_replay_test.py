#!/usr/bin/env python3
"""Router replay: the update takes the experts that the sampler took, on every layout, from recorded rollouts, after a
restart; without it noise in the sampler's weights makes routers choose others.

router_replay_test.py PROGRAM [unittest arguments]
"""
import base64

import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics)
STEPS = 3
CONFIG = support.CONFIGS / "varied_rewards.toml"
EXPERTS, TOP_K, SPARSE_LAYERS = 8, 2, 2
MODEL = {f"model.shape.{key}": value for key, value in {
    "architecture": "deepseek_v3", "intermediate_size": 96, "num_hidden_layers": 3, "num_key_value_heads": 4,
    "latent_attention.q_lora_rank": 24, "latent_attention.kv_lora_rank": 16,
    "latent_attention.qk_nope_head_dim": 8, "latent_attention.qk_rope_head_dim": 8,
    "latent_attention.v_head_dim": 12, "experts.num_experts": EXPERTS, "experts.num_experts_per_token": TOP_K,
    "experts.moe_intermediate_size": 16, "experts.num_dense_layers": 1, "experts.num_groups": 4,
    "experts.num_groups_per_token": 2}.items()} | {"model.shape.tie_word_embeddings": False}
KEYS = ("gradient_norm", "entropy", "reward_mean", "completion_length", "router_drift")


class RouterReplay(support.RunTest):
    def train(self, name, ranks=1, precision=support.FP64, **settings):
        settings = {"run.threads": 1, "rl.steps": STEPS, "rl.router_replay": "on", "checkpoint.interval_steps": 100,
                    # Routing biases that move between updates make an update's routers choose otherwise.
                    "trainer.expert_bias_rate": 0.02, "rl.update_epochs": 2, "rl.mini_batch": 8,
                    **precision, **MODEL, **{key.replace("__", "."): value for key, value in settings.items()}}
        self.assert_ends(0, support.command(ranks, "rl", "--config", CONFIG, "--run-dir", self.folder / name,
                                            settings=settings))
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def records(self, name):
        return {(record["step"], record["sample"]): record
                for path in (self.folder / name / "rollouts").glob("replica-*.jsonl")
                for record in support.read_jsonl(path)}

    def assert_same(self, rows, wanted):
        self.assertEqual(len(rows), len(wanted))
        for row, base in zip(rows, wanted):
            self.assertEqual(row["router_flips"], 0.0)
            for key in KEYS:
                self.assert_close(row[key], base[key], TOLERANCE, f"step {row['step']}, {key}")

    def test_no_expert_flips_on_any_layout(self):
        base = self.train("base", rl__record_rollouts=True)
        for row in base:
            self.assertEqual(row["router_flips"], 0.0)
            self.assertGreater(row["router_drift"], 0.0)
        for record in self.records("base").values():
            experts = base64.b64decode(record["experts"])
            self.assertEqual(len(experts) % (SPARSE_LAYERS * TOP_K), 0)
            self.assertGreaterEqual(len(experts) // (SPARSE_LAYERS * TOP_K), len(record["token_ids"]) - 1)
            self.assertLess(max(experts), EXPERTS)
        apart = {"roles__generate_ranks": 1, "roles__reward__share_with": "policy",
                 "roles__reference__share_with": "policy"}
        for name, ranks, settings in (
            ("dp", 2, {}), ("tp", 2, {"roles__policy__train__tp": 2}), ("ep", 2, {"roles__policy__train__ep": 2}),
            ("recomputed", 1, {"trainer__activation_checkpointing": "full", "trainer__micro_batch_tokens": 64}),
            ("scarce", 1, {"engine__kv_cache_blocks": 24, "engine__block_size": 4}),
            ("apart", 3, {**apart, "roles__policy__ranks": 2, "roles__policy__train__tp": 2,
                          "roles__policy__generate__tp": 1}),
            ("replayed", 2, {"rl__replay": str(self.folder / "base"), "rl__record_rollouts": False}),
        ):
            with self.subTest(name):
                rows = self.train(name, ranks, **{"rl__record_rollouts": True, **settings})
                self.assert_same(rows, base)
                if name != "replayed":
                    self.assertEqual({key: (value["token_ids"], value["experts"])
                                      for key, value in self.records(name).items()},
                                     {key: (value["token_ids"], value["experts"])
                                      for key, value in self.records("base").items()})

    def test_off_and_count(self):
        counted = self.train("count", rl__router_replay="count")
        for row in counted:
            self.assertEqual(row["router_flips"], row["router_drift"])
            self.assertGreater(row["router_flips"], 0.0)
        for row in self.train("off", rl__router_replay="off"):
            self.assertNotIn("router_flips", row)
        output = self.assert_ends(2, support.command(
            1, "rl", "--config", CONFIG, "--run-dir", self.folder / "dense", settings={"rl.router_replay": "on"}))
        self.assertIn("rl.router_replay", output)

    def test_restart(self):
        whole = self.train("whole")
        self.train("cut", run__max_steps=1)
        again = self.train("cut")
        self.assertEqual([support.numbers(row) for row in again], [support.numbers(row) for row in whole])

    def test_bf16(self):
        """Rounding alone makes routers choose otherwise: the generator's log-probabilities are nearer with replay."""
        bf16 = {"model.dtype": "bf16", "model.master_dtype": "fp32"}
        settings = {"rl__mini_batch": 0, "rl__update_epochs": 1, "trainer__expert_bias_rate": 0.0,
                    "rl__samples_per_prompt": 16, "rl__steps": 1}
        counted = self.train("count16", precision=bf16, rl__router_replay="count", **settings)
        replayed = self.train("on16", precision=bf16, **settings)
        print(f"bf16: {counted[0]['router_flips']:.2e} of the choices flip; mean difference of log-probabilities "
              f"{counted[0]['generator_trainer_abs']:.2e}, replayed {replayed[0]['generator_trainer_abs']:.2e}")
        self.assertGreater(counted[0]["router_flips"], 0.0)
        self.assertEqual(replayed[0]["router_flips"], 0.0)
        self.assertLess(replayed[0]["generator_trainer_abs"], counted[0]["generator_trainer_abs"])


if __name__ == "__main__":
    support.main()
