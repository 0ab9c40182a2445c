#!/usr/bin/env python3
"""A run gives the same samples, gradients and weights however it is spread over ranks and cut into micro-batches.

layouts_test.py PROGRAM [unittest arguments]

In fp64 to rounding, and in bf16 (the classes ...InBf16) on the rollouts of the first layout, as closely as bf16 allows.
"""
import random

import run_support as support

STEPS = 4
BF16 = {"model.dtype": "bf16", "model.master_dtype": "fp32", "optimizer.learning_rate": 1e-4}


class Layouts(support.RunTest):
    PRECISION = support.FP64
    TOLERANCE = 1e-10  # relative (design: numerics)
    EXACT = 1e-10  # of what rounding must not change: rewards, lengths, the load of experts
    ROUNDED = ("gradient_norm", "entropy", "loss", "lm_loss", "safety_term")

    def train(self, command, name, ranks, config, **settings):
        """The rank map as the log prints it, after a run in folder `name`."""
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        settings = {**self.PRECISION, "run.threads": 1, "metrics.samples_every": 1,
                    "metrics.samples_per_step": 1000, "engine.balance_every": 3, **settings}
        line = support.command(ranks, command, "--config", config, "--run-dir", self.folder / name, settings=settings)
        output = self.assert_ends(0, line)
        maps = [text for text in output.splitlines() if f"{command}: rank " in text]
        self.assertEqual(len(maps), 1, output)
        return maps[0]

    def assert_equal_rows(self, name, base, keys):
        rows, wanted = (support.read_jsonl(self.folder / run / "metrics.jsonl") for run in (name, base))
        self.assertEqual(len(rows), len(wanted))
        self.assertTrue(all(row["gradient_norm"] > 0 for row in wanted), "a step without a gradient tests nothing")
        for row, other in zip(rows, wanted):
            for key in keys:
                tolerance = self.TOLERANCE if key in self.ROUNDED else self.EXACT
                self.assert_close(row[key], other[key], tolerance, f"{name}, step {row['step']}, {key}")

    def assert_equal_runs(self, name, base, keys):
        """Numbers of all steps and final weights."""
        self.assert_equal_rows(name, base, keys)
        files = [self.folder / run / "model" / "model.safetensors" for run in (name, base)]
        weights, expected = map(support.read_safetensors, files)
        self.assertEqual(list(weights), list(expected))
        self.assertLessEqual(support.relative_distance(weights, expected), self.TOLERANCE, name)


class InBf16:
    """Rounding differs between layouts, so all of them train on the rollouts of the base."""
    PRECISION = BF16
    TOLERANCE = 2e-2  # relative (design: numerics)

    def train(self, command, name, ranks, config, **settings):
        if command == "rl":
            if name.endswith("base"):
                self.recorded = self.folder / name
                settings["rl.record_rollouts"] = True
            else:
                settings["rl.replay"] = str(self.recorded)
        return super().train(command, name, ranks, config, **settings)


class ReinforcementLearning(Layouts):
    KEYS = ("gradient_norm", "reward_mean", "reward_std", "completion_length", "entropy", "accuracy")
    PARTS = ("reward/response_quality", "reward/correctness")

    def rl(self, name, ranks, **settings):
        return self.train("rl", name, ranks, support.CONFIGS / "varied_rewards.toml", rl__steps=STEPS, **settings)

    def samples(self, name):
        """(step, sample) -> everything that was written of it."""
        records = support.read_jsonl(self.folder / name / "samples.jsonl")
        return {(record.pop("step"), record.pop("sample")): record for record in records}

    def assert_same(self, name, all_samples=True):
        found, base = self.samples(name), self.samples("base")
        self.assertEqual(len(base), STEPS * 16)
        for step in range(STEPS):
            self.assertGreater(len({record["reward"] for (s, _), record in base.items() if s == step}), 1)
        # The first policy rank writes the samples that it drew.
        self.assertEqual(len(found) == len(base), all_samples)
        self.assertEqual({step for step, _ in found}, set(range(STEPS)))
        for place, record in found.items():
            self.assertEqual(record, base[place], f"{name}, step and sample {place}")
        self.assert_equal_runs(name, "base", self.KEYS)

    def test_ranks(self):
        self.rl("base", 1)
        own = {"roles.policy.ranks": 1, "roles.reward.ranks": 1, "roles.reference.ranks": 1}
        for name, ranks, settings, wanted in (
            ("each role apart", 3, own, ("0 policy (dp 1)", "1 reward (dp 1)", "2 reference (dp 1)")),
            ("four", 4, {"roles.reward.ranks": 1, "roles.reference.ranks": 1}, ("0..1 policy (dp 2)", "2 reward (dp 1)", "3 reference (dp 1)")),
            ("five", 5, {**own, "roles.policy.ranks": 2, "roles.reference.ranks": 2},
             ("0..1 policy (dp 2)", "2 reward (dp 1)", "3..4 reference (dp 2)")),
            ("uneven", 3, {"roles.reference.share_with": "policy", "roles.reward.share_with": "policy"},
             ("0..2 policy (dp 3)", "0..2 reward (dp 3)", "0..2 reference (dp 3)")),
        ):
            with self.subTest(name):
                ranks_of_roles = self.rl(name, ranks, **settings)
                for part in wanted:
                    self.assertIn(part, ranks_of_roles)
                self.assert_same(name, all_samples=name == "each role apart")
            with self.subTest(name, what="parts of the reward"):
                self.assert_equal_rows(name, "base", self.PARTS)

    def test_cuts(self):
        self.rl("base", 1, trainer__micro_batch_tokens=4096)
        for name, settings in (
            ("small micro-batches", {"trainer.micro_batch_tokens": 64, "trainer.score_batch_tokens": 64}),
            ("prompts repeated in training", {"trainer.share_prefix": False}),
            ("few sequences at once", {"engine.max_num_seqs": 3}),
            ("small buckets", {"trainer.bucket_mb": 0.01}),
            ("one chunk", {"rl.chunks": 1}),
        ):
            with self.subTest(name):
                self.rl(name, 1, **settings)
                self.assert_same(name)

    def test_zero(self):
        """Master weights, moments and gradients shared out among replicas, PPO's value head among them."""
        ppo = {"advantage.kind": "gae", "kl.place": "reward", "kl.estimator": "k1",
               "rl.mini_batch": 8, "rl.update_epochs": 2}
        shared = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
        self.rl("base", 1, **ppo)
        for stage, ranks, settings in (
            (0, 2, {}),
            (1, 4, {"trainer.bucket_mb": 0.01}),
            (2, 2, {"trainer.micro_batch_tokens": 64}),
            (2, 4, {"trainer.bucket_mb": 0.01, "roles.policy.train.tp": 2}),
            (3, 2, {"trainer.micro_batch_tokens": 64, "trainer.score_batch_tokens": 64}),
            (3, 4, {"roles.policy.train.tp": 2, "trainer.activation_checkpointing": "selective"}),
        ):
            name = f"stage {stage} on {ranks}"
            with self.subTest(name):
                self.rl(name, ranks, trainer__zero_stage=stage, **ppo, **shared, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def test_weights_shared_out(self):
        """Layers that gather their weights, in training, in the reference and for sampling, on equal and on other ranks."""
        follow, stage = {"rl.reference_update_every": 2}, {"trainer.zero_stage": 3}
        shared = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
        self.rl("base", 1, **follow)
        for name, ranks, settings in (
            ("three", 3, {**shared, "rl.chunks": 2}),
            ("reference with another split", 4, {**shared, "roles.reference.train.tp": 2}),
            ("reference apart", 5, {"roles.policy.ranks": 2, "roles.reference.ranks": 2, "roles.reward.ranks": 1}),
            ("generation split", 4, {**shared, "roles.policy.train.tp": 1, "roles.policy.generate.tp": 2}),
            ("generation apart", 4, {**shared, "roles.policy.ranks": 2, "roles.generate_ranks": 2,
                                     "trainer.activation_checkpointing": "full"}),
            ("tokens split", 4, {**shared, "roles.policy.train.cp": 2, "roles.reference.train.cp": 2}),
        ):
            with self.subTest(name):
                self.rl(name, ranks, **follow, **stage, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def test_tensor_parallel(self):
        """Heads, widths and vocabulary split over ranks: the toy model has 4 heads, 2 of keys and values, 260 ids."""
        self.rl("base", 1)
        split, shared = {"roles.policy.train.tp": 2}, {"roles.reward.share_with": "policy"}
        for name, ranks, settings, wanted in (
            ("two", 2, {**split, **shared, "roles.reference.share_with": "policy", "roles.reference.train.tp": 2},
             ("0..1 policy (dp 1 x tp 2)", "0..1 reference (dp 1 x tp 2)")),
            ("heads shared", 5, {"roles.policy.train.tp": 4, **shared, "roles.reference.ranks": 1},
             ("0..3 policy (dp 1 x tp 4)", "4 reference (dp 1)")),
            ("two replicas", 7, {**split, "roles.policy.ranks": 4, "roles.reference.ranks": 2,
                                 "roles.reference.train.tp": 2, "roles.reward.ranks": 1},
             ("0..3 policy (dp 2 x tp 2)", "4 reward (dp 1)", "5..6 reference (dp 1 x tp 2)")),
            ("generation whole", 2, {**split, **shared, "roles.reference.share_with": "policy",
                                     "roles.policy.generate.tp": 1},
             ("0..1 policy (dp 1 x tp 2)", "0..1 policy.generate (dp 2)")),
            ("generation split", 5, {**shared, "roles.policy.train.tp": 1, "roles.policy.generate.tp": 2,
                                     "roles.reference.ranks": 1},
             ("0..3 policy (dp 4)", "0..3 policy.generate (dp 2 x tp 2)", "4 reference (dp 1)")),
            ("generation less split", 8, {**shared, "roles.policy.train.tp": 4, "roles.policy.generate.tp": 2,
                                          "roles.reference.share_with": "policy"},
             ("0..7 policy (dp 2 x tp 4)", "0..7 policy.generate (dp 4 x tp 2)")),
            ("reference whole on split ranks", 2, {**split, **shared, "roles.reference.share_with": "policy"},
             ("0..1 policy (dp 1 x tp 2)", "0..1 reference (dp 2)")),
        ):
            with self.subTest(name):
                ranks_of_roles = self.rl(name, ranks, **settings)
                for part in wanted:
                    self.assertIn(part, ranks_of_roles)
                self.assert_same(name, all_samples="dp 1 x tp" in wanted[0])

    def test_context_parallel(self):
        """The tokens of a batch split over ranks, in training and in the reference; sampling has no such axis."""
        shared = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
        self.rl("base", 1)
        for name, ranks, settings, wanted in (
            ("two", 2, {"roles.policy.train.cp": 2, "roles.reference.train.cp": 2},
             ("0..1 policy (dp 1 x cp 2)", "0..1 reference (dp 1 x cp 2)", "0..1 policy.generate (dp 2)")),
            ("with every other split", 8, {"roles.policy.train.cp": 2, "roles.policy.train.tp": 2, "trainer.zero_stage": 2,
                                           "trainer.micro_batch_tokens": 64},
             ("0..7 policy (dp 2 x cp 2 x tp 2)", "0..7 policy.generate (dp 4 x tp 2)", "0..7 reference (dp 8)")),
        ):
            with self.subTest(name):
                ranks_of_roles = self.rl(name, ranks, **shared, **settings)
                for part in wanted:
                    self.assertIn(part, ranks_of_roles)
                self.assert_same(name, all_samples="dp 1 x" in wanted[0])
        ppo = {"advantage.kind": "gae", "kl.place": "reward", "kl.estimator": "k1", "rl.mini_batch": 8,
               "rl.update_epochs": 2}
        self.rl("ppo base", 1, **ppo)
        self.rl("ppo", 3, **ppo, **shared, **{"roles.policy.train.cp": 3, "trainer.activation_checkpointing": "full"})
        self.assert_equal_runs("ppo", "ppo base", self.KEYS)

    def test_tensor_parallel_options(self):
        """PPO's value head, norms of every head's q and k, a reference that follows the policy."""
        follow = {"rl.reference_update_every": 2}
        for name, options in (
            ("ppo", {"advantage.kind": "gae", "kl.place": "reward", "kl.estimator": "k1",
                     "rl.mini_batch": 8, "rl.update_epochs": 2}),
            ("qwen3", {"model.shape.architecture": "qwen3", "model.shape.tie_word_embeddings": False, **follow}),
            ("qwen2", {"model.shape.architecture": "qwen2", "trainer.activation_checkpointing": "full", **follow}),
        ):
            with self.subTest(name):
                self.rl(name + " base", 1, **options)
                for ranks, settings in ((2, {"roles.policy.train.tp": 2, "roles.reference.share_with": "policy",
                                             "roles.reference.train.tp": 2, "roles.reward.share_with": "policy"}),
                                        (4, {"roles.policy.train.tp": 2, "roles.reward.share_with": "policy",
                                             "roles.reference.ranks": 2})):
                    run = f"{name} on {ranks}"
                    self.rl(run, ranks, **options, **settings)
                    self.assert_equal_runs(run, name + " base", self.KEYS)


    STATISTICS = ("ratio_mean", "ratio_max", "entropy_first_token", "entropy_last_token", "completion_length_max")

    def test_options_of_the_loss(self):
        """GSPO, CISPO, REINFORCE++, and importance weights on samples of older weights."""
        correction = {f"policy_loss.rollout_correction.{key}": value for key, value in {
            "rollout_is": "token", "rollout_is_threshold": 1.01, "rollout_rs": "sequence", "rollout_rs_threshold": 1.2}.items()}
        shared = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
        for name, options, keys in (
            ("gspo", {"policy_loss.importance_sampling_level": "sequence", "policy_loss.clip_low": 0.003,
                      "policy_loss.clip_high": 0.004, "rl.mini_batch": 8, "rl.update_epochs": 2, "rl.staleness": 1,
                      **correction}, ("rollout_is_mean", "rollout_is_truncated_share", "rollout_rs_masked_share",
                                      "effective_sample_share")),
            ("cispo", {"policy_loss.loss_mode": "cispo", "policy_loss.clip_low": 1.0, "rl.mini_batch": 8,
                       "advantage.kind": "reinforce_plus_plus", "kl.place": "reward", "kl.estimator": "k1"}, ()),
        ):
            with self.subTest(name):
                self.rl(name + " base", 1, **options)
                for ranks, settings in ((3, {"roles.reward.ranks": 1, "roles.reference.share_with": "policy"}),
                                        (4, {**shared, "roles.policy.train.tp": 2})):
                    run = f"{name} on {ranks}"
                    self.rl(run, ranks, **options, **settings)
                    self.assert_equal_runs(run, name + " base", (*self.KEYS, *self.STATISTICS, *keys))


class ReinforcementLearningInBf16(InBf16, ReinforcementLearning):
    test_options_of_the_loss = None  # bounds on ratios are exceeded or not by rounding


class Supervised(Layouts):
    KEYS = ("gradient_norm", "loss")

    def records(self, count=40):
        """Records of different lengths with different questions."""
        draw = random.Random(5)
        return self.write_jsonl("records.jsonl", [
            {"instruction": f"What is {a} + {a}?", "input": "", "output": f"{a} and {a} make {2 * a}. " * draw.randint(1, 4)}
            for a in range(count)])

    def supervised(self, command, name, ranks, **settings):
        loops = {f"{command}.steps": STEPS, f"{command}.epochs": 0, f"{command}.batch": 6,
                 f"{command}.max_length": 256}
        return self.train(command, name, ranks, support.RANDOM, **{
            "data.files": [str(self.folder / "records.jsonl")], "data.generate.names": [], "data.held_out": 0.1,
            **loops, **{key.replace("__", "."): value for key, value in settings.items()}})

    def test_sft(self):
        self.records()
        self.supervised("sft", "base", 1)
        for name, ranks, settings in (
            ("two ranks", 2, {}),
            ("small micro-batches", 1, {"trainer.micro_batch_tokens": 64}),
            ("two times two ranks", 4, {"roles.policy.train.tp": 2}),
            ("heads shared by ranks, gradients spread", 8, {"roles.policy.train.tp": 4, "trainer.zero_stage": 2}),
            ("nothing spread", 2, {"trainer.zero_stage": 0}),
            ("gradients spread", 4, {"trainer.zero_stage": 2, "trainer.micro_batch_tokens": 64}),
            ("feed-forward recomputed", 1, {"trainer.activation_checkpointing": "selective"}),
            ("tokens over two", 2, {"roles.policy.train.cp": 2, "trainer.activation_checkpointing": "selective"}),
            ("tokens over four, everything spread", 8, {"roles.policy.train.cp": 4, "trainer.zero_stage": 2}),
            ("weights shared out", 2, {"trainer.zero_stage": 3}),
            ("weights shared out, layers recomputed", 3, {"trainer.zero_stage": 3, "trainer.micro_batch_tokens": 64,
                                                          "trainer.activation_checkpointing": "full"}),
        ):
            with self.subTest(name):
                self.supervised("sft", name, ranks, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def test_continues_with_another_zero_stage(self):
        self.records()
        self.supervised("sft", "base", 1, sft__steps=7)
        for steps, ranks, settings in (
            (1, 4, {"trainer.zero_stage": 2}),
            (2, 2, {"trainer.zero_stage": 0}),
            (3, 4, {"trainer.zero_stage": 3, "roles.policy.train.tp": 2}),
            (4, 3, {"trainer.zero_stage": 3}),
            (5, 4, {"trainer.zero_stage": 1, "roles.policy.train.tp": 2}),
            (0, 4, {"trainer.zero_stage": 2, "trainer.bucket_mb": 0.01, "roles.policy.train.cp": 2}),
        ):
            self.supervised("sft", "moved", ranks, run__max_steps=steps, sft__steps=7, **settings)
        self.assert_equal_runs("moved", "base", self.KEYS)

    SAFETY = {"sft.safety.weight": 0.5, "sft.safety.samples_per_prompt": 2, "sft.safety.max_new_tokens": 12,
              "classifier.path": str(support.ROOT / "tests" / "data" / "models" / "tiny_safety"),
              "classifier.dtype": "fp64", "classifier.master_dtype": "fp64"}

    def test_safety_term(self):
        """Answers that the model samples are the same on any layout, and so is the gradient of their safety."""
        self.records()
        self.supervised("sft", "base", 1, **self.SAFETY)
        rows = support.read_jsonl(self.folder / "base" / "metrics.jsonl")
        self.assertTrue(all(0 < row["safety_mean"] < 1 and row["safety_term"] > 0 for row in rows), rows)
        self.supervised("sft", "without", 1)
        weights = [support.read_safetensors(self.folder / name / "model" / "model.safetensors")
                   for name in ("base", "without")]
        self.assertGreater(support.relative_distance(*weights), 1e-4, "the term changes nothing")
        for name, ranks, settings, wanted in (
            ("four", 4, {}, ("0..2 policy (dp 3)", "3 reward (dp 1)")),
            ("two rewards", 4, {"roles.policy.ranks": 2, "roles.reward.ranks": 2, "trainer.zero_stage": 2},
             ("0..1 policy (dp 2)", "2..3 reward (dp 2)")),
            ("weights shared out", 3, {"roles.policy.ranks": 2, "roles.reward.ranks": 1, "trainer.zero_stage": 3}, ()),
            ("small micro-batches", 1, {"trainer.micro_batch_tokens": 64, "rl.reward_batch": 1}, ()),
        ):
            with self.subTest(name):
                ranks_of_roles = self.supervised("sft", name, ranks, **self.SAFETY, **settings)
                for part in wanted:
                    self.assertIn(part, ranks_of_roles)
                self.assert_equal_runs(name, "base", (*self.KEYS, "lm_loss", "safety_mean", "safety_term"))

    def test_questions_that_repeat_in_a_step(self):
        """Few records: a batch meets its records twice, one of them not behind the other."""
        self.records(count=4)
        self.supervised("sft", "base", 1, data__held_out=0.0)
        for name, settings in (
            ("each prompt for itself", {"trainer.share_prefix": False}),
            ("tiny micro-batches", {"trainer.micro_batch_tokens": 64}),
        ):
            with self.subTest(name):
                self.supervised("sft", name, 1, data__held_out=0.0, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def distillation(self, base, settings, layouts, more=()):
        """A teacher of another width, with the student's vocabulary."""
        self.records()
        teacher = {f"teacher.shape.{key}": value for key, value in {
            "vocab_size": 260, "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 4, "intermediate_size": 128, "max_position_embeddings": 1024}.items()}
        teacher |= {"teacher.init": "random", "teacher.tokenizer": "bytes", "teacher.dtype": "fp64",
                    "teacher.master_dtype": "fp64", **settings}
        self.supervised("distill", base, 1, **teacher)
        for name, ranks, layout, wanted in layouts:
            with self.subTest(name):
                ranks_of_roles = self.supervised("distill", name, ranks, **teacher, **layout)
                for part in wanted:
                    self.assertIn(part, ranks_of_roles)
                self.assert_equal_runs(name, base, (*self.KEYS, *more))

    SPLIT_STUDENT = (3, {"roles.policy.train.tp": 2, "roles.teacher.ranks": 1},
                     ("0..1 policy (dp 1 x tp 2)", "2 teacher (dp 1)"))
    SPLIT_TEACHER = (4, {"roles.policy.ranks": 2, "roles.teacher.ranks": 2, "roles.teacher.train.tp": 2},
                     ("0..1 policy (dp 2)", "2..3 teacher (dp 1 x tp 2)"))
    SPLIT_BOTH = (2, {"roles.policy.train.tp": 2, "roles.teacher.share_with": "policy", "roles.teacher.train.tp": 2},
                  ("0..1 policy (dp 1 x tp 2)", "0..1 teacher (dp 1 x tp 2)"))

    def test_distillation(self):
        self.distillation("base", {}, (
            ("teacher apart", 2, {"roles.teacher.ranks": 1}, ("0 policy (dp 1)", "1 teacher (dp 1)")),
            ("two students", 3, {"roles.policy.ranks": 2, "roles.teacher.ranks": 1}, ("0..1 policy (dp 2)", "2 teacher (dp 1)")),
            ("two teachers", 3, {"roles.policy.ranks": 1, "roles.teacher.ranks": 2},
             ("0 policy (dp 1)", "1..2 teacher (dp 2)")),
            ("split student", *self.SPLIT_STUDENT),
            ("split teacher", *self.SPLIT_TEACHER),
            ("both split, same ranks", *self.SPLIT_BOTH),
            ("tokens split", 4, {"roles.policy.ranks": 2, "roles.policy.train.cp": 2, "roles.teacher.ranks": 2,
                                 "roles.teacher.train.cp": 2},
             ("0..1 policy (dp 1 x cp 2)", "2..3 teacher (dp 1 x cp 2)")),
        ))

    def test_distillation_from_the_likeliest_ids(self):
        self.distillation("base", {"distillation_loss.top_k": 7}, (
            ("split student", *self.SPLIT_STUDENT),
            ("split teacher", *self.SPLIT_TEACHER),
            ("both split, same ranks", *self.SPLIT_BOTH),
            ("student's tokens split", 3, {"roles.policy.train.cp": 2, "roles.teacher.ranks": 1},
             ("0..1 policy (dp 1 x cp 2)", "2 teacher (dp 1)")),
        ))
        self.distillation("exact", {}, ())
        self.distillation("all ids", {"distillation_loss.top_k": 260}, ())
        self.assert_equal_runs("all ids", "exact", self.KEYS)
        weights = [support.read_safetensors(self.folder / name / "model" / "model.safetensors")
                   for name in ("base", "exact")]
        self.assertGreater(support.relative_distance(*weights), 1e-6, "seven ids teach what all do")


    def pairs(self):
        draw = random.Random(6)
        return self.write_jsonl("records.jsonl", [
            {"prompt": f"What is {a} + {a}?", "chosen": f"{2 * a}. " * draw.randint(1, 4),
             "rejected": f"{2 * a + 1} or so. " * draw.randint(1, 3)} for a in range(40)])

    def test_preferences(self):
        self.pairs()
        for objective in ("dpo", "reward_model"):
            base = f"{objective} base"
            options = {"sft.objective": objective, "sft.eval_every": 2}
            self.supervised("sft", base, 1, **options)
            for name, ranks, settings in (
                ("two ranks", 2, {"trainer.zero_stage": 2}),
                ("small micro-batches", 1, {"trainer.micro_batch_tokens": 64, "trainer.share_prefix": False}),
                ("three ranks", 3, {"trainer.bucket_mb": 0.01}),
                ("weights shared out", 3, {"trainer.zero_stage": 3}),
                ("two times two ranks", 4, {"roles.policy.train.tp": 2}),
            ):
                with self.subTest(objective + ", " + name):
                    run = f"{objective} {name}"
                    self.supervised("sft", run, ranks, **options, **settings)
                    self.assert_equal_runs(run, base, (*self.KEYS, "preference_accuracy", "reward_margin"))
                    found, wanted = ([row["heldout_loss"] for row in support.read_jsonl(self.folder / one / "metrics.jsonl")
                                      if "heldout_loss" in row] for one in (run, base))
                    self.assertEqual(len(wanted), STEPS // 2)
                    for value, other in zip(found, wanted, strict=True):
                        self.assert_close(value, other, self.TOLERANCE, f"{run}, held-out loss")

    def test_on_policy_distillation(self):
        """The student's samples are the same on any layout, and reach a teacher on other ranks."""
        self.distillation("base", {
            "distill.on_policy": True, "distill.samples_per_prompt": 2, "distillation_loss.divergence": "reverse",
            "distillation_loss.temperature": 1.0, "distillation_loss.soft_weight": 1.0,
            "distillation_loss.hard_weight": 0.0}, (
                ("two students", 3, {"roles.policy.ranks": 2, "roles.teacher.ranks": 1}, ("0..1 policy (dp 2)", "2 teacher (dp 1)")),
                ("weights shared out", 4, {"roles.policy.ranks": 2, "roles.teacher.ranks": 2, "trainer.zero_stage": 3},
                 ("0..1 policy (dp 2)", "2..3 teacher (dp 2)")),
                ("weights shared out, same ranks", 2, {"roles.teacher.share_with": "policy", "trainer.zero_stage": 3},
                 ("0..1 policy (dp 2)", "0..1 teacher (dp 2)")),
                ("split student", *self.SPLIT_STUDENT),
                ("split teacher", *self.SPLIT_TEACHER),
                ("both split, same ranks", *self.SPLIT_BOTH),
            ), more=("completion_length", "completion_length_max", "truncated_share"))


class SupervisedInBf16(InBf16, Supervised):
    test_safety_term = None  # samples answers, which differ when weights are rounded otherwise
    test_on_policy_distillation = None  # the same
    test_preferences = None  # margins of a few hundredths, which rounding moves


class Experts(Layouts):
    """A tiny DeepSeek-V3: latent attention, and experts whose routing biases follow their load over all ranks."""

    KEYS = ("gradient_norm", "expert_load_max", "expert_idle_share")
    RATE = 1e-3
    SHAPE = {f"model.shape.{key}": value for key, value in {
        "architecture": "deepseek_v3", "intermediate_size": 96, "num_key_value_heads": 4,
        "latent_attention.q_lora_rank": 24, "latent_attention.kv_lora_rank": 16,
        "latent_attention.qk_nope_head_dim": 8, "latent_attention.qk_rope_head_dim": 8,
        "latent_attention.v_head_dim": 12, "experts.num_experts": 8, "experts.num_experts_per_token": 2,
        "experts.moe_intermediate_size": 16, "experts.num_dense_layers": 1, "experts.num_groups": 4,
        "experts.num_groups_per_token": 2}.items()} | {"trainer.expert_bias_rate": RATE}

    BIAS = "model.layers.1.mlp.gate.e_score_correction_bias"
    FIRST_BIASES = (0.0,) * 8

    def model(self):
        """Settings of the model that every layout starts with."""
        return self.SHAPE

    def biases(self, name):
        return support.read_safetensors(self.folder / name / "model" / "model.safetensors")[self.BIAS]

    def compare(self, train, layouts, *more_keys):
        """The first layout is the base of the others. Returns the settings of the model."""
        model = self.model()
        names = [name for name, *_ in layouts]
        for name, ranks, settings in layouts:
            train(name, ranks, {**model, **settings})
        moves = [abs(a - b) for a, b in zip(self.biases(names[0]), self.FIRST_BIASES)]
        self.assertGreaterEqual(max(moves), 2 * self.RATE - 1e-4)  # fp32
        for name in names[1:]:
            with self.subTest(name):
                self.assert_equal_runs(name, names[0], (*self.KEYS, *more_keys))
                self.assertEqual(self.biases(name), self.biases(names[0]))
        return model

    def test_rl(self):
        def train(name, ranks, settings):
            self.train("rl", name, ranks, support.CONFIGS / "varied_rewards.toml",
                       **{"rl.steps": STEPS, "rl.reference_update_every": 2, **settings})

        self.compare(train, (
            ("base", 1, {}),
            ("two ranks", 2, {"roles.reference.share_with": "policy", "roles.reward.share_with": "policy"}),
            ("small micro-batches", 1, {"trainer.micro_batch_tokens": 64, "trainer.activation_checkpointing": "full"}),
            ("prompts repeated", 1, {"trainer.share_prefix": False}),
            ("reference apart", 2, {"roles.reward.share_with": "policy", "roles.reference.ranks": 1}),
            ("split over two", 3, {"roles.policy.train.tp": 2, "roles.reward.share_with": "policy",
                                   "roles.reference.ranks": 1}),
            ("generation apart", 4, {"roles.policy.ranks": 2, "roles.policy.train.tp": 2, "roles.policy.generate.tp": 1,
                                     "roles.generate_ranks": 2, "roles.reference.share_with": "policy",
                                     "roles.reward.share_with": "policy"}),
            ("split over four", 4, {"roles.policy.train.tp": 4, "roles.reference.share_with": "policy",
                                    "roles.reference.train.tp": 4, "roles.reward.share_with": "policy"}),
            ("experts over replicas", 5, {"roles.policy.ranks": 2, "roles.policy.train.ep": 2, "roles.reward.ranks": 1,
                                          "roles.reference.ranks": 2, "roles.reference.train.ep": 2}),
            ("tokens and experts", 5, {"roles.policy.ranks": 4, "roles.policy.train.ep": 2, "roles.policy.train.cp": 2,
                                       "roles.reward.ranks": 1, "roles.reference.share_with": "policy",
                                       "roles.reference.train.cp": 4}),
            ("experts over three", 4, {"roles.policy.train.ep": 3, "roles.reference.share_with": "policy",
                                       "roles.reward.ranks": 1}),
            ("all axes", 9, {"roles.policy.train.tp": 2, "roles.policy.train.ep": 2, "roles.policy.train.dp": 2,
                             "roles.reference.share_with": "policy", "roles.reward.ranks": 1,
                             "roles.reference.train.tp": 2, "trainer.activation_checkpointing": "full"}),
            ("weights shared out", 5, {"roles.policy.ranks": 4, "roles.policy.train.ep": 2, "roles.reward.ranks": 1,
                                       "roles.reference.share_with": "policy", "roles.reference.train.ep": 4,
                                       "trainer.zero_stage": 3}),
        ), "entropy", "reward_mean")

    def test_sft(self):
        records = self.write_jsonl("records.jsonl", [
            {"instruction": f"What is {a} + {a}?", "input": "", "output": f"{a} and {a} make {2 * a}. " * (1 + a % 3)}
            for a in range(24)])

        def train(name, ranks, settings):
            self.train("sft", name, ranks, support.RANDOM, **{
                "data.files": [str(records)], "data.generate.names": [], "sft.steps": STEPS, "sft.epochs": 0,
                "sft.batch": 6, "sft.max_length": 256, **settings})

        model = self.compare(train, (
            ("base", 1, {}),
            ("two ranks", 2, {}),
            ("small micro-batches", 1, {"trainer.micro_batch_tokens": 64, "trainer.share_prefix": False}),
            ("two times two ranks", 4, {"roles.policy.train.tp": 2, "trainer.sequence_parallel": True}),
            ("experts over replicas", 4, {"roles.policy.train.ep": 2}),
            ("experts over five", 5, {"roles.policy.train.ep": 5, "trainer.micro_batch_tokens": 64}),
            ("tokens over three", 3, {"roles.policy.train.cp": 3, "trainer.micro_batch_tokens": 64}),
            ("split, nothing spread", 4, {"roles.policy.train.tp": 2, "trainer.zero_stage": 0}),
            ("split, gradients spread", 4, {"roles.policy.train.tp": 2, "trainer.sequence_parallel": True,
                                            "trainer.zero_stage": 2}),
            ("experts over replicas, nothing spread", 4, {"roles.policy.train.ep": 2, "trainer.zero_stage": 0}),
            ("experts over replicas, gradients spread", 4, {"roles.policy.train.ep": 2, "trainer.zero_stage": 2,
                                                            "trainer.micro_batch_tokens": 64}),
            ("weights shared out", 3, {"trainer.zero_stage": 3, "trainer.micro_batch_tokens": 64}),
            ("experts over replicas, weights shared out", 4, {"roles.policy.train.ep": 2, "trainer.zero_stage": 3,
                                                              "trainer.activation_checkpointing": "selective"}),
            ("all axes, weights shared out", 8, {"roles.policy.train.ep": 2, "roles.policy.train.tp": 2, "trainer.zero_stage": 3,
                                                 "trainer.sequence_parallel": True}),
        ), "loss")
        for settings in ({"run.max_steps": 2}, {}):  # a run that was cut and goes on
            train("cut", 1, {**model, **settings})
        whole, cut = ((self.folder / name / "model" / "model.safetensors").read_bytes() for name in ("base", "cut"))
        self.assertEqual(whole, cut)


class ExpertsInBf16(InBf16, Experts):
    """The router's biases are fp32 in a bf16 model. They decide which experts a token visits: rounding of hidden states
    changes no choice, rounding of the biases to bf16 would."""
    FIRST_BIASES = (200.0, 201.75, 200.25, 202.25, 201.5, 200.5, 202.0, 200.75)  # bf16 has integers alone here

    def model(self):
        """A random model whose biases are FIRST_BIASES."""
        self.write_jsonl("one.jsonl", [{"instruction": "1 + 1", "output": "2"}] * 4)
        self.train("sft", "first", 1, support.RANDOM, **self.SHAPE, **{
            "data.files": [str(self.folder / "one.jsonl")], "data.generate.names": [], "data.held_out": 0.0,
            "sft.steps": 1})
        support.replace_tensor(self.folder / "first" / "model" / "model.safetensors", self.BIAS, self.FIRST_BIASES)
        return {**self.SHAPE, "model.init": "load", "model.path": str(self.folder / "first" / "model"),
                "model.tokenizer": ""}


if __name__ == "__main__":
    support.main()
