#!/usr/bin/env python3
"""Adapters (LoRA): every stage trains them alike on every layout, checkpoints hold them alone and continue bit by bit,
and their PEFT folder is the trained model.

lora_test.py PROGRAM [unittest arguments]
"""
import json

import layouts_test
import run_support as support

LORA = {"model.lora.r": 4, "model.lora.lora_alpha": 8.0, "optimizer.learning_rate": 0.01}
STEPS = layouts_test.STEPS
ADAPTERS = "model-adapters/adapter_model.safetensors"


class LoraRun(layouts_test.Layouts):
    rl = layouts_test.ReinforcementLearning.rl
    records = layouts_test.Supervised.records
    supervised = layouts_test.Supervised.supervised

    def adapters(self, name):
        return support.read_safetensors(self.folder / name / ADAPTERS)

    def assert_equal_runs(self, name, base, keys):
        """The adapters too: the merged weights are mostly the base."""
        super().assert_equal_runs(name, base, keys)
        found, expected = self.adapters(name), self.adapters(base)
        self.assertEqual(list(found), list(expected))
        second = [value for key, values in expected.items() if "lora_B" in key for value in values]
        self.assertGreater(max(map(abs, second)), 1e-3, "adapters that do not learn test nothing")
        self.assertLessEqual(support.relative_distance(found, expected), self.TOLERANCE, name)


class LoraLayouts(LoraRun):
    KEYS = ("gradient_norm", "loss")
    RL_KEYS = layouts_test.ReinforcementLearning.KEYS

    def test_sft(self):
        self.records()
        self.supervised("sft", "base", 1, **LORA)
        for name, ranks, settings in (
            ("two ranks", 2, {"trainer.bucket_mb": 0.01}),
            ("heads shared by ranks, gradients spread", 8, {"roles.policy.train.tp": 4, "trainer.zero_stage": 2}),
            ("tokens of the stream spread", 4, {"roles.policy.train.tp": 2, "trainer.sequence_parallel": True,
                                                "trainer.activation_checkpointing": "full"}),
            ("nothing spread", 2, {"trainer.zero_stage": 0, "trainer.micro_batch_tokens": 64}),
            ("feed-forward recomputed", 1, {"trainer.activation_checkpointing": "selective"}),
            ("tokens over two", 4, {"roles.policy.train.cp": 2, "trainer.activation_checkpointing": "selective",
                                    "trainer.zero_stage": 2}),
        ):
            with self.subTest(name):
                self.supervised("sft", name, ranks, **LORA, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def test_some_projections(self):
        self.records()
        some = {**LORA, "model.lora.target_modules": ["k_proj", "up_proj"], "model.lora.use_rslora": True}
        self.supervised("sft", "base", 1, **some)
        self.assertEqual({name.split(".")[-3] for name in self.adapters("base")}, {"k_proj", "up_proj"})
        self.supervised("sft", "split", 4, **some, **{"roles.policy.train.tp": 4})
        self.assert_equal_runs("split", "base", self.KEYS)

    def test_experts(self):
        shape = {**layouts_test.Experts.SHAPE, "trainer.expert_bias_rate": 0.0}
        options = {**LORA, **shape, "model.lora.target_modules": ["o_proj"]}
        self.records()
        self.supervised("sft", "base", 1, **options)
        for name, ranks, settings in (
            ("experts over replicas", 4, {"roles.policy.train.ep": 2, "trainer.zero_stage": 2}),
            ("split and spread", 4, {"roles.policy.train.tp": 2, "roles.policy.train.ep": 2}),
        ):
            with self.subTest(name):
                self.supervised("sft", name, ranks, **options, **settings)
                self.assert_equal_runs(name, "base", self.KEYS)

    def test_rl(self):
        """GRPO and PPO; the reference is the policy's base on its ranks, and a model of its own elsewhere."""
        shared = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
        ppo = {"advantage.kind": "gae", "kl.place": "reward", "kl.estimator": "k1", "rl.mini_batch": 8,
               "rl.update_epochs": 2}
        for algorithm, options in (("grpo", {"kl.coefficient": 0.1}), ("ppo", ppo), ("follow", {"rl.reference_update_every": 2})):
            base = f"{algorithm} base"
            self.rl(base, 1, **LORA, **options)
            for name, ranks, settings in (
                ("base shared", 2, {**shared, "roles.policy.train.tp": 2, "roles.reference.train.tp": 2}),
                ("reference apart", 3, {"roles.reference.ranks": 1, "roles.reward.share_with": "policy",
                                        "trainer.zero_stage": 2}),
                ("reference whole on ranks that share tokens", 2, {**shared, "roles.policy.train.cp": 2}),
                ("generation whole", 2, {**shared, "roles.policy.train.tp": 2, "roles.policy.generate.tp": 1}),
                ("generation apart", 4, {**shared, "roles.policy.ranks": 2, "roles.policy.train.tp": 2,
                                         "roles.policy.generate.tp": 1, "roles.generate_ranks": 2}),
            ):
                run = f"{algorithm} {name}"
                with self.subTest(run):
                    self.rl(run, ranks, **LORA, **options, **settings)
                    self.assert_equal_runs(run, base, self.RL_KEYS)

    def test_dpo(self):
        layouts_test.Supervised.pairs(self)
        options = {**LORA, "sft.objective": "dpo"}
        self.supervised("sft", "base", 1, **options)
        self.supervised("sft", "split", 4, **options, **{"roles.policy.train.tp": 2})
        self.assert_equal_runs("split", "base", (*self.KEYS, "reward_margin"))
        first = support.read_jsonl(self.folder / "base" / "metrics.jsonl")[0]
        self.assertEqual(first["reward_margin"], 0.0, "before the first step the policy is its reference")

    def test_distillation(self):
        self.records()
        teacher = {f"teacher.shape.{key}": value for key, value in {
            "vocab_size": 260, "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 4, "intermediate_size": 128, "max_position_embeddings": 1024}.items()}
        teacher |= {"teacher.init": "random", "teacher.tokenizer": "bytes", "teacher.dtype": "fp64",
                    "teacher.master_dtype": "fp64"}
        self.supervised("distill", "base", 1, **LORA, **teacher)
        self.supervised("distill", "apart", 3, **LORA, **teacher, **{"roles.policy.train.tp": 2, "roles.teacher.ranks": 1})
        self.assert_equal_runs("apart", "base", self.KEYS)


class LoraModels(LoraRun):
    """With a base that is in a folder."""

    def base(self, **settings):
        """The settings of a model that is in a folder."""
        self.records()
        self.supervised("sft", "start", 1, **settings)
        return {"model.path": str(self.folder / "start" / "model"), "model.init": "load"}

    def test_continues_bit_by_bit(self):
        self.records()
        for precision in (support.FP64, layouts_test.BF16):
            with self.subTest(precision["model.dtype"]):
                self.PRECISION = precision
                whole, cut = (f"{name} {precision['model.dtype']}" for name in ("whole", "cut"))
                self.supervised("sft", whole, 2, **LORA)
                for steps in (2, 0):
                    self.supervised("sft", cut, 2, run__max_steps=steps, **LORA)
                for file in (ADAPTERS, "model/model.safetensors"):
                    self.assertEqual((self.folder / whole / file).read_bytes(), (self.folder / cut / file).read_bytes(), file)

    def test_checkpoints_hold_adapters_alone(self):
        self.records()
        self.supervised("sft", "run", 1, **LORA)
        names = {name for _, name in support.dataset_hashes(support.last_checkpoint(self.folder / "run"))}
        weights = {name for name in names if "layers" in name or "embed" in name or "norm" in name}
        self.assertTrue(weights)
        self.assertFalse({name for name in weights if ".lora_" not in name}, names)

    def test_another_base_is_refused(self):
        base = self.base()
        self.supervised("sft", "run", 1, **LORA, **base, run__max_steps=2)
        path = self.folder / "start" / "model" / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 0x01  # the last number of a weight
        path.write_bytes(content)
        line = support.command(1, "sft", "--config", support.RANDOM, "--run-dir", self.folder / "run", settings={
            **self.PRECISION, **LORA, **base, "data.files": [str(self.folder / "records.jsonl")],
            "data.generate.names": [], "data.held_out": 0.1, "sft.steps": STEPS, "sft.epochs": 0, "sft.batch": 6,
            "sft.max_length": 256, "run.threads": 1, "metrics.samples_every": 1, "metrics.samples_per_step": 1000,
            "engine.balance_every": 3})
        self.assertIn("model.path: the checkpoint's adapters belong to a base with other weights", self.assert_ends(2, line))

    def test_folder_of_adapters_is_the_trained_model(self):
        base = self.base()
        self.supervised("sft", "run", 2, **LORA, **base)
        config = json.loads((self.folder / "run" / "model-adapters" / "adapter_config.json").read_text())
        self.assertEqual(config["base_model_name_or_path"], base["model.path"])
        expected = support.read_safetensors(self.folder / "run" / "model" / "model.safetensors")
        checkpoint = support.last_checkpoint(self.folder / "run")
        for name, source in (("adapters", self.folder / "run" / "model-adapters"), ("checkpoint", checkpoint)):
            with self.subTest(name):
                output = self.folder / f"converted {name}"
                self.assert_ends(0, [support.program, "convert", "--input", str(source), "--output", str(output)])
                self.assertTrue((output / "tokenizer.json").exists())
                found = support.read_safetensors(output / "model.safetensors")
                self.assertLess(support.relative_distance(found, expected), 1e-12)
        start = support.read_safetensors(self.folder / "start" / "model" / "model.safetensors")
        self.assertGreater(support.relative_distance(expected, start), 1e-3)

    def test_learns(self):
        """A model that knows one form of answers learns another one with adapters alone, in bf16."""
        self.PRECISION = layouts_test.BF16
        base = self.base(**{"sft.steps": 100, "optimizer.learning_rate": 3e-3})
        self.write_jsonl("records.jsonl", [
            {"instruction": f"What is {a} + {a}?", "input": "", "output": f"Sum: {2 * a}!"} for a in range(40)])
        self.supervised("sft", "run", 1, **{**LORA, **base, "sft.steps": 60})
        losses = [row["loss"] for row in support.read_jsonl(self.folder / "run" / "metrics.jsonl")]
        self.assertLess(losses[-1], 0.4 * losses[0])


class LoraErrors(support.RunTest):
    def refused(self, words, command="sft", **settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        line = support.command(1, command, "--config", support.RANDOM, "--run-dir", self.folder / "run", "--check",
                               settings=settings)
        output = self.assert_ends(2, line)
        for word in words:
            self.assertIn(word, output)

    def test_keys(self):
        self.refused(["model.lora.r", "expected 0 to"], model__lora__r=-1)
        self.refused(["model.lora.r", "hidden_size"], model__lora__r=4096)
        self.refused(["model.lora.lora_alpha", "expected > 0"], model__lora__lora_alpha=0.0)
        self.refused(["model.lora.target_modules", "\"qkv\""], model__lora__target_modules=["qkv"])
        self.refused(["model.lora.target_modules", "comes twice"], model__lora__target_modules=["q_proj", "q_proj"])
        self.refused(["model.lora.target_modules", "at least one"], model__lora__target_modules=[])
        self.refused(["model.lora.lora_dropout"], model__lora__lora_dropout=0.1)

    def test_combinations(self):
        lora = {"model.lora.r": 4}
        self.refused(["teacher.lora.r", "only [model] is trained"], teacher__lora__r=4)
        experts = layouts_test.Experts.SHAPE
        self.refused(["trainer.expert_bias_rate"], **{**lora, **experts, "model.lora.target_modules": ["o_proj"]})
        self.refused(["model.lora.target_modules", "deepseek_v3", "q_proj"],
                     **{**lora, **experts, "trainer.expert_bias_rate": 0.0})
        self.refused(["rl.reference_update_every", "[reference]"], "rl", **{
            **lora, "rl.reference_update_every": 2, "reference.path": str(self.folder)})

    def test_folders(self):
        folder = self.folder / "adapters"
        source = support.ROOT / "tests" / "data" / "models" / "peft" / "qwen3"
        config = json.loads((source / "adapter_config.json").read_text())
        base = str(source / config["base_model_name_or_path"])
        folder.mkdir()
        weights = (source / "adapter_model.safetensors").read_bytes()

        def refused(words, content=weights, **keys):
            (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": base, **keys}))
            (folder / "adapter_model.safetensors").write_bytes(content)
            output = self.assert_ends(2, [support.program, "convert", "--input", str(folder), "--output",
                                          str(self.folder / "out")])
            for word in (str(folder), *words):
                self.assertIn(word, output)

        refused(["adapter_config.json", "base_model_name_or_path", "nowhere"], base_model_name_or_path="nowhere")
        refused(["adapter_config.json", "base_model_name_or_path"], base_model_name_or_path=None)
        refused(["adapter_config.json", "use_dora"], use_dora=True)
        refused(["adapter_config.json", "rank_pattern"], rank_pattern={"q_proj": 2})
        refused(["adapter_config.json", "modules_to_save"], modules_to_save=["lm_head"])
        refused(["adapter_config.json", "init_lora_weights"], init_lora_weights="pissa")
        refused(["adapter_config.json", "key 'r'"], r=0)
        refused(["adapter_model.safetensors", "lora_A", "expected shape [4, 128], found [3, 128]"], r=4)
        refused(["adapter_model.safetensors", "expected an adapter of a weight"],
                weights.replace(b"layers.0.self_attn.q_proj", b"layers.9.self_attn.q_proj"))


if __name__ == "__main__":
    support.main()
