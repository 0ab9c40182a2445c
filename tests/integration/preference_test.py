#!/usr/bin/env python3
"""Pairs of answers teach a policy (DPO) and a reward model, over ranks and restarts; RL learns from the reward model.

preference_test.py PROGRAM [unittest arguments]

The toy preference: of two answers of the same length, the one of vowels is chosen. A model with random weights learns it
from records and is measured on held-out ones.
"""
import json
import random

import run_support as support

VOWELS, CONSONANTS = "aeiou", "bcdfg"
STEPS = 30
ACCURACY = 0.9  # on held-out pairs


def answer(draw, letters):
    return "".join(draw.choice(letters) for _ in range(8))


class Preferences(support.RunTest):
    def records(self, count=120):
        draw = random.Random(11)
        return self.write_jsonl("pairs.jsonl", [
            {"prompt": f"Say {number}.", "chosen": answer(draw, VOWELS), "rejected": answer(draw, CONSONANTS)}
            for number in range(count)])

    def line(self, name, objective, ranks=1, **settings):
        return support.command(ranks, "sft", "--config", support.RANDOM, "--run-dir", self.folder / name, settings={
            "sft.objective": objective, "data.files": [str(self.folder / "pairs.jsonl")], "data.generate.names": [],
            "data.held_out": 0.2, "data.prompt_template": "chat", "sft.steps": STEPS, "sft.batch": 8, "sft.eval_every": 10,
            "optimizer.learning_rate": 3e-3, "run.threads": 1, "checkpoint.interval_steps": 10,
            "metrics.tensorboard": False, **settings})

    def rows(self, name):
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def summary(self, name):
        return json.loads((self.folder / name / "summary.json").read_text())["held_out"]

    def test_both_learn_the_preference(self):
        self.records()
        for objective, settings in (("dpo", {"preference_loss.beta": 0.5}), ("reward_model", {})):
            with self.subTest(objective):
                self.assert_ends(0, self.line(objective, objective, 2, **settings))
                rows, held_out = self.rows(objective), self.summary(objective)
                self.assert_close(rows[0]["loss"], 0.693147, 1e-3, "loss of rewards that are all 0")
                self.assertLess(rows[-1]["loss"], 0.4)
                self.assertGreater(rows[-1]["reward_margin"], 0.5)
                self.assertLess(held_out["before"]["preference_accuracy"], ACCURACY)
                self.assertGreater(held_out["after"]["preference_accuracy"], ACCURACY, held_out)
                self.assertGreater(held_out["records"], 5)

    def test_a_restart_ends_as_the_undisturbed_run(self):
        self.records()
        for objective in ("dpo", "reward_model"):
            with self.subTest(objective):
                settings = {"sft.steps": 8, "checkpoint.interval_steps": 4}
                self.assert_ends(0, self.line(f"{objective} whole", objective, 2, **settings))
                self.assert_ends(0, self.line(f"{objective} cut", objective, 2, **settings, **{"run.max_steps": 5}))
                self.assertIn("continues at step", self.assert_ends(0, self.line(f"{objective} cut", objective, 2, **settings)))
                whole, cut = (self.folder / f"{objective} {name}" for name in ("whole", "cut"))
                self.assertEqual(*(support.dataset_hashes(support.last_checkpoint(run)) for run in (whole, cut)))
                self.assertEqual(*((run / "model" / "model.safetensors").read_bytes() for run in (whole, cut)))

    def test_rl_is_rewarded_by_the_trained_model(self):
        """A policy answers in vowels or in consonants; the reward model prefers what it was trained to prefer."""
        self.records()
        self.assert_ends(0, self.line("reward model", "reward_model"))
        folder = self.folder / "reward model" / "model"
        config = json.loads((folder / "config.json").read_text())
        self.assertEqual(config["architectures"], ["LlamaForSequenceClassification"])
        draw = random.Random(5)
        answers = self.write_jsonl("answers.jsonl", [
            {"instruction": f"{n} + 1 =", "input": "", "output": answer(draw, draw.choice((VOWELS, CONSONANTS)))}
            for n in range(60)])
        self.assert_ends(0, self.line("policy", "next_token", **{
            "data.files": [str(answers)], "data.held_out": 0.0, "data.prompt_template": "plain", "sft.steps": 40,
            "sft.batch": 16, "sft.eval_every": 0}))
        rl = self.folder / "rl.toml"
        rl.write_text(f'include = "{support.RANDOM}"\n[rewards]\nparts = [{{ name = "reward_model", weight = 1.0 }}]\n'
                      '[rewards.reward_model]\nsees = "all"\n')
        self.assert_ends(0, support.command(2, "rl", "--config", rl, "--run-dir", self.folder / "rl", settings={
            "model.init": "load", "model.path": str(self.folder / "policy" / "model"), "model.tokenizer": "",
            "reward_model.path": str(folder), "reward_model.dtype": "fp32", "rl.steps": 1, "rl.prompts_per_step": 16,
            "run.threads": 1, "metrics.samples_every": 1, "metrics.samples_per_step": 64, "roles.policy.ranks": 1,
            "roles.reward.ranks": 1, "kl.place": "none"}))
        rewards = {True: [], False: []}
        for record in support.read_jsonl(self.folder / "rl" / "samples.jsonl"):
            vowels, consonants = (sum(text in letters for text in record["completion"]) for letters in (VOWELS, CONSONANTS))
            if abs(vowels - consonants) > 3:
                rewards[vowels > consonants].append(record["reward"])
        means = {side: sum(values) / len(values) for side, values in rewards.items()}
        self.assertGreater(means[True], means[False] + 0.3, rewards)


    def test_transcripts_of_whole_conversations(self):
        """The form of Anthropic's HH: both texts hold the conversation."""
        draw = random.Random(3)
        start = "\n\nHuman: Say {}.\n\nAssistant: What?\n\nHuman: That.\n\nAssistant: "
        self.write_jsonl("pairs.jsonl", [
            {"chosen": start.format(n) + answer(draw, VOWELS), "rejected": start.format(n) + answer(draw, CONSONANTS)}
            for n in range(40)])
        for objective in ("dpo", "reward_model"):
            self.assert_ends(0, self.line(objective, objective, **{"sft.steps": 12}))
            rows = self.rows(objective)
            self.assertLess(rows[-1]["loss"], rows[0]["loss"])

    def test_bad_input_is_named(self):
        self.write_jsonl("pairs.jsonl", [{"prompt": "a", "chosen": "b"}] * 3)
        for objective in ("dpo", "reward_model"):
            output = self.assert_ends(2, self.line("bad", objective))
            self.assertIn("pairs.jsonl", output)
            self.assertIn("field 'rejected'", output)
            output = self.assert_ends(2, [*self.line("bad", objective), "--check"])
            self.assertIn("field 'rejected'", output)
        self.records()
        output = self.assert_ends(2, self.line("bad", "dpo", **{"sft.loss_on": "all", "sft.safety.weight": 0.1}))
        self.assertIn("sft.loss_on", output)
        self.assertIn("sft.safety.weight", output)
        output = self.assert_ends(2, self.line("bad", "dpo", **{"data.files": [], "data.generate.names": ["add1"]}))
        self.assertIn("chosen and rejected", output)

    def test_check_and_plan(self):
        self.records()
        self.assertIn("policy", self.assert_ends(0, [*self.line("checked", "dpo"), "--check"]))
        plans = {}
        for objective in ("next_token", "dpo", "reward_model"):
            config = self.folder / f"{objective}.toml"
            config.write_text(f'[run]\ndevice = "cpu"\n[model]\npath = "m"\n'
                              f'include = "{support.ROOT}/configs/models/qwen2.5-0.5b.toml"\n[data]\nfiles = ["pairs.jsonl"]\n'
                              f'[sft]\nobjective = "{objective}"\nsteps = 9\n[plan]\nmemory_gb = 500.0\n')
            plans[objective] = self.assert_ends(0, support.command(1, "plan", "--config", config))
        self.assertIn("reference", plans["dpo"])
        self.assertNotIn("reference", plans["next_token"])
        self.assertNotIn("reference", plans["reward_model"])


class OnPolicyDistillation(support.RunTest):
    """A student samples answers and learns the teacher's distribution on them."""

    def line(self, name, ranks, **settings):
        return support.command(ranks, "distill", "--config", support.RANDOM, "--run-dir", self.folder / name, settings={
            "distill.on_policy": True, "distill.steps": STEPS, "distill.epochs": 0, "distill.batch": 8,
            "distill.samples_per_prompt": 2, "distill.save_each_epoch": False, "distillation_loss.temperature": 1.0,
            "distillation_loss.soft_weight": 1.0, "distillation_loss.hard_weight": 0.0,
            "distillation_loss.divergence": "reverse", "teacher.init": "load", "teacher.tokenizer": "",
            "teacher.path": str(self.folder / "teacher" / "model"), "teacher.dtype": "fp32",
            "optimizer.learning_rate": 3e-3, "run.threads": 1, "checkpoint.interval_steps": 10,
            "metrics.samples_every": STEPS - 1, "metrics.samples_per_step": 16, "metrics.tensorboard": False, **settings})

    def teacher(self):
        """Fine-tuned to answer with vowels."""
        draw = random.Random(5)
        self.write_jsonl("records.jsonl", [{"instruction": f"{n} + 1 =", "input": "", "output": answer(draw, VOWELS)}
                                           for n in range(60)])
        self.assert_ends(0, support.command(1, "sft", "--config", support.RANDOM, "--run-dir", self.folder / "teacher", settings={
            "data.files": [str(self.folder / "records.jsonl")], "data.generate.names": [], "data.held_out": 0.0,
            "sft.steps": 60, "sft.batch": 16, "optimizer.learning_rate": 3e-3, "run.threads": 1,
            "checkpoint.interval_steps": 60}))

    def vowels(self, name):
        texts = "".join(record["completion"] for record in support.read_jsonl(self.folder / name / "samples.jsonl")
                        if record["step"] == STEPS - 1)
        self.assertGreater(len(texts), 20)
        return sum(text in VOWELS for text in texts) / len(texts)

    def test_the_student_becomes_like_the_teacher(self):
        self.teacher()
        self.assert_ends(0, self.line("run", 3, **{"roles.policy.ranks": 2, "roles.teacher.ranks": 1}))
        rows = support.read_jsonl(self.folder / "run" / "metrics.jsonl")
        self.assertEqual(len(rows), STEPS)
        self.assertLess(rows[-1]["loss"], 0.3 * rows[0]["loss"])
        self.assertGreater(self.vowels("run"), 0.7)
        self.assertTrue(all(0 < row["completion_length"] <= 16 for row in rows))

    def test_a_restart_repeats_the_samples(self):
        self.teacher()
        settings = {"distill.steps": 6, "checkpoint.interval_steps": 2}
        self.assert_ends(0, self.line("whole", 2, **settings))
        self.assert_ends(0, self.line("cut", 2, **settings, **{"run.max_steps": 3}))
        self.assert_ends(0, self.line("cut", 2, **settings))
        self.assertEqual(*(support.dataset_hashes(support.last_checkpoint(self.folder / name))
                           for name in ("whole", "cut")))

    def test_impossible_combinations_are_named(self):
        output = self.assert_ends(2, self.line("bad", 1, **{"distillation_loss.hard_weight": 0.5, "distill.eval_every": 3}))
        self.assertIn("distillation_loss.hard_weight", output)
        self.assertIn("distill.eval_every", output)
        output = self.assert_ends(2, self.line("bad", 1, **{"distill.on_policy": False}))
        self.assertIn("distill.samples_per_prompt", output)


if __name__ == "__main__":
    support.main()
