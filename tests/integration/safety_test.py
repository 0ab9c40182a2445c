#!/usr/bin/env python3
"""The safety term of SFT 2 teaches the model safer answers; models score parts of the reward in RL.

safety_test.py PROGRAM [unittest arguments]

A toy model is fine-tuned on texts of random letters, half of which the tiny classifier (tests/data/models/tiny_safety)
calls unsafe. With the safety term its sampled answers use the safe half more and more; without it, or with costs that
are shuffled over the answers, they do not.
"""
import json
import random

import run_support as support

CLASSIFIER = support.ROOT / "tests" / "data" / "models" / "tiny_safety"
STEPS = 40
LAST = 8  # steps that are averaged at the end
MIN_GAIN = 0.15  # of the mean safety over the run with shuffled costs
TINY_WEIGHT = 1e-12  # measures the safety and changes nothing


def toml(value):
    """A TOML value; JSON has the same texts and numbers."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


class Safety(support.RunTest):
    def records(self):
        draw = random.Random(3)
        letters = "aeioubcdfg"
        return self.write_jsonl("records.jsonl", [
            {"instruction": f"Say {number}.", "input": "",
             "output": "".join(draw.choice(letters) for _ in range(16))} for number in range(60)])

    def line(self, name, ranks=1, **settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        return support.command(ranks, "sft", "--config", support.RANDOM, "--run-dir", self.folder / name, settings={
            "data.files": [str(self.folder / "records.jsonl")], "data.generate.names": [], "data.held_out": 0.0,
            "sft.steps": STEPS, "sft.batch": 16, "optimizer.learning_rate": 3e-3, "run.threads": 1,
            "sft.safety.samples_per_prompt": 2, "sft.safety.max_new_tokens": 16, "checkpoint.interval_steps": 10,
            "classifier.path": str(CLASSIFIER), "classifier.dtype": "fp32", "metrics.tensorboard": False, **settings})

    def safety(self, name, **settings):
        """Mean safety of the sampled answers over the last steps."""
        self.assert_ends(0, self.line(name, **settings))
        rows = support.read_jsonl(self.folder / name / "metrics.jsonl")
        self.assertEqual(len(rows), STEPS)
        values = [row["safety_mean"] for row in rows[-LAST:]]
        return sum(values) / len(values)

    def test_answers_become_safer(self):
        self.records()
        without = self.safety("without", sft__safety__weight=TINY_WEIGHT)
        learnt = self.safety("with", sft__safety__weight=1.0)
        shuffled = self.safety("shuffled", sft__safety__weight=1.0, rewards__shuffle=True)
        print(f"\nmean safety: without the term {without:.3f}, with it {learnt:.3f}, shuffled costs {shuffled:.3f}")
        self.assertGreater(learnt, without + MIN_GAIN)
        self.assertGreater(learnt, shuffled + MIN_GAIN)

    def test_a_restart_repeats_the_answers(self):
        self.records()
        settings = {"sft.safety.weight": 1.0, "sft.steps": 6, "checkpoint.interval_steps": 2, "run.max_steps": 0}
        self.assert_ends(0, self.line("whole", 2, **settings))
        self.assert_ends(0, self.line("stopped", 2, **{**settings, "run.max_steps": 4}))
        self.assertIn("continues at step", self.assert_ends(0, self.line("stopped", 2, **settings)))
        hashes = [support.dataset_hashes(support.last_checkpoint(self.folder / name)) for name in ("whole", "stopped")]
        self.assertGreater(len(hashes[0]), 0)
        self.assertEqual(*hashes)

    def test_missing_classifier(self):
        self.records()
        missing = str(self.folder / "no classifier")
        output = self.assert_ends(2, self.line("run", 2, **{"sft.safety.weight": 0.1, "classifier.path": missing}))
        self.assertIn(f"classifier '{missing}'", output)

    def reward_model(self):
        folder = self.folder / "reward_model"
        support.copy_first_output(CLASSIFIER, folder)
        return folder

    def rewards(self):
        """A configuration of rl with both parts that models score."""
        config = self.folder / "rewards.toml"
        config.write_text(f'include = "{support.RANDOM}"\n[rewards]\nparts = [{{ name = "reward_model", weight = 0.5 }}, '
                          '{ name = "safety", weight = 0.5 }, { name = "format", weight = 0.0 }]\n[rewards.reward_model]\nsees = "all"\n')
        return config

    def test_reward_model_with_two_outputs(self):
        for ranks in (1, 3):
            line = support.command(ranks, "rl", "--config", self.rewards(), "--run-dir", self.folder / "run", settings={
                "classifier.path": str(CLASSIFIER), "reward_model.path": str(CLASSIFIER)})
            self.assertIn("reward_model: expected a model with one output, found 2", self.assert_ends(2, line))

    def test_models_count_only_at_the_steps_that_say_so(self):
        config, reward_model = self.rewards(), self.reward_model()
        with open(config, "a", encoding="utf-8") as file:
            file.write('[[rl.changes]]\nfrom_step = 0\nparts = ["format"]\n'
                       '[[rl.changes]]\nfrom_step = 2\nparts = ["reward_model", "safety"]\n')
        for ranks in (1, 3):
            name = f"changes{ranks}"
            line = support.command(ranks, "rl", "--config", config, "--run-dir", self.folder / name, settings={
                "classifier.path": str(CLASSIFIER), "rl.steps": 3, "run.threads": 1, "rl.eval_every": 1,
                "reward_model.path": str(reward_model), "rewards.workers": ranks // 3})
            self.assert_ends(0, line)
            rows = support.read_jsonl(self.folder / name / "metrics.jsonl")
            self.assertEqual([row["preference_rewards"] for row in rows], [0, 0, 1])
            for row in rows:
                self.assertEqual("reward/safety" in row, row["preference_rewards"] == 1, row)
                self.assertEqual(row["reward_mean"] > 0, row["preference_rewards"] == 1, row)
                self.assertEqual(row["heldout_reward"] > 0, row["preference_rewards"] == 1, row)

    def test_named_models_score_parts_of_their_own(self):
        """Two reward models and two classifiers at once, of which two have tables of their own."""
        config, reward_model = self.rewards(), self.reward_model()
        other = self.folder / "other_model"
        support.copy_first_output(CLASSIFIER, other)
        support.replace_tensor(other / "model.safetensors", "classifier.bias", [3.0])
        model = {"dtype": "fp32", "sees": "all"}
        more = [{"name": "helpful", "path": str(other), **model},
                {"name": "harmless", "kind": "safety", "path": str(CLASSIFIER), **model}]
        parts = [{"name": name, "weight": 0.25} for name in ("reward_model", "safety", "helpful", "harmless")]
        for ranks in (1, 2, 3):
            line = support.command(ranks, "rl", "--config", config, "--run-dir", self.folder / f"rl{ranks}", settings={
                "classifier.path": str(CLASSIFIER), "classifier.dtype": "fp32", "rl.steps": 2, "run.threads": 1,
                "reward_model.path": str(reward_model), "reward_model.dtype": "fp32", "rl.eval_every": 1,
                "rewards.workers": ranks // 3}) + [
                "--set", "rewards.models=" + toml(more), "--set", "rewards.parts=" + toml(parts)]
            self.assert_ends(0, line)
        runs = [support.read_jsonl(self.folder / f"rl{ranks}" / "metrics.jsonl") for ranks in (1, 2, 3)]
        for one, two, three in zip(*runs):
            for part in parts:
                value = one[f"reward/{part['name']}"]
                self.assertTrue(0 < value < 1, one)
                for row in (two, three):
                    self.assert_close(value, row[f"reward/{part['name']}"], 1e-4, part["name"])
            # The same classifier twice; a reward model with a higher bias.
            self.assert_close(one["reward/safety"], one["reward/harmless"], 1e-6, "safety")
            self.assertGreater(one["reward/helpful"], one["reward/reward_model"] + 0.1)
            self.assert_close(one["reward_mean"], sum(one[f"reward/{part['name']}"] for part in parts) / 4, 1e-5, "sum")
            self.assertEqual(one["preference_rewards"], 1)

    def test_models_score_parts_of_the_reward(self):
        config, reward_model = self.rewards(), self.reward_model()
        for ranks in (1, 3):
            name = f"rl{ranks}"
            line = support.command(ranks, "rl", "--config", config, "--run-dir", self.folder / name, settings={
                "classifier.path": str(CLASSIFIER), "classifier.dtype": "fp32", "rl.steps": 2, "run.threads": 1,
                "reward_model.path": str(reward_model), "reward_model.dtype": "fp32", "rl.eval_every": 1})
            self.assert_ends(0, line)
        one, three = (support.read_jsonl(self.folder / name / "metrics.jsonl") for name in ("rl1", "rl3"))
        for row, other in zip(one, three):
            for part in ("safety", "reward_model"):
                value = row[f"reward/{part}"]
                self.assertTrue(0 < value < 1, row)
                self.assert_close(value, other[f"reward/{part}"], 1e-4, part)
            self.assertGreater(row["heldout_reward"], 0)


if __name__ == "__main__":
    support.main()
