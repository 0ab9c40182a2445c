#!/usr/bin/env python3
"""What a run does besides its steps: models by run folder, exports, automatic checkpoints, changes from a step on,
dynamic sampling, and continuing on another number of ranks.

runs_test.py PROGRAM [unittest arguments]
"""
import json
import re
import shutil
import subprocess
import sys

import run_support as support

TOLERANCE = 1e-10  # relative, fp64 (design: numerics, "continued on another layout")
VARIED = support.CONFIGS / "varied_rewards.toml"
# Two policy ranks that do everything else too.
SHARED = {"roles.reward.share_with": "policy", "roles.reference.share_with": "policy"}
ALL_SAMPLES = {"run.threads": 1, "metrics.samples_every": 1, "metrics.samples_per_step": 1000}


class Runs(support.RunTest):
    def rl(self, name, ranks=1, config=VARIED, status=0, **settings):
        """What a run in folder `name` printed."""
        settings = {"run.threads": 1, **{key.replace("__", "."): value for key, value in settings.items()}}
        line = support.command(ranks, "rl", "--config", config, "--run-dir", self.folder / name, settings=settings)
        return self.assert_ends(status, line)

    def weights(self, name):
        return support.read_safetensors(self.folder / name / "model" / "model.safetensors")

    def rows(self, name):
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def samples(self, name):
        records = support.read_jsonl(self.folder / name / "samples.jsonl")
        return {(record.pop("step"), record.pop("sample")): record for record in records}


class ModelOfARun(Runs):
    def setUp(self):
        super().setUp()
        self.rl("first", rl__steps=6, checkpoint__interval_steps=2, rl__eval_every=2)
        self.run_folder = self.folder / "first"
        (self.folder / "text.jsonl").write_text('{"text": "1 + 1 = 2"}\n')

    def logprobs(self, model):
        out = self.folder / "scored.jsonl"
        self.assert_ends(0, support.command(1, "score", "--model", model, "--input", self.folder / "text.jsonl",
                                            "--output", out))
        (record,) = support.read_jsonl(out)
        out.unlink()
        return record["logprobs"]

    def test_tools_take_a_run_folder(self):
        steps = {step: self.logprobs(self.run_folder / "checkpoints" / f"step-{step:08}") for step in (2, 4, 6)}
        self.assertEqual(len(set(map(tuple, steps.values()))), 3)
        self.assertEqual(self.logprobs(f"{self.run_folder}/latest"), steps[6])
        self.assertEqual(self.logprobs(self.run_folder), steps[6])
        self.assertEqual(self.logprobs(f"{self.run_folder}/4"), steps[4])
        best = json.loads((self.run_folder / "checkpoints" / "best.json").read_text())
        self.assertEqual(self.logprobs(f"{self.run_folder}/best"), steps[best["step"]])
        # As a restart chooses: a damaged checkpoint is passed over.
        shard = self.run_folder / "checkpoints" / "step-00000006" / "shard-00000.h5"
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        self.assertEqual(self.logprobs(f"{self.run_folder}/latest"), steps[4])
        folder = self.folder / "converted"
        self.assert_ends(0, support.command(1, "convert", "--input", f"{self.run_folder}/4", "--output", folder))
        self.assertEqual(self.logprobs(folder), steps[4])

    def test_what_is_not_there_is_named(self):
        for which, words in (("5", ["step-00000005", "there are steps 2, 4, 6"]), ("newest", ["latest, best"]),
                             ("best", ["no checkpoint is marked best"])):
            if which == "best":
                (self.run_folder / "checkpoints" / "best.json").unlink()
            line = support.command(1, "score", "--model", f"{self.run_folder}/{which}", "--input",
                                   self.folder / "text.jsonl", "--output", self.folder / "out.jsonl")
            output = self.assert_ends(2, line)
            for word in words:
                self.assertIn(word, output)

    def test_stages_take_it_and_keep_it(self):
        """A stage goes on from the checkpoint it started from, also when the other run has gone on."""
        start = {**SHARED, "model__init": "load", "model__path": f"{self.run_folder}/latest", "model__tokenizer": ""}
        for name, more in (("whole", {}), ("cut", {"run__max_steps": 2})):
            self.rl(name, ranks=2, rl__steps=4, **start, **more)
        self.assertIn("step-00000006", (self.folder / "whole" / "resolved.toml").read_text())
        self.rl("first", rl__steps=8, checkpoint__interval_steps=2)
        self.rl("cut", ranks=2, rl__steps=4, **start)
        self.assertEqual(self.weights("cut"), self.weights("whole"))
        changes = [json.loads((self.folder / name / "summary.json").read_text())["weight_change"]
                   for name in ("cut", "whole")]
        self.assertEqual(*changes)
        for command, key in (("evaluate", "evaluate.models"), ("generate", None)):
            settings = {"model.init": "load", "model.path": str(self.run_folder), "model.tokenizer": "",
                        "generate.num_prompts": 4, "run.threads": 1}
            config = self.folder / "evaluate.toml"
            config.write_text(f'include = "{support.RANDOM}"\n[[evaluate.suites]]\nname = "add1"\ngenerator = "add1"\n'
                              f'num_questions = 4\nsamples_per_prompt = 1\n')
            self.assert_ends(0, support.command(2, command, "--config", config, "--run-dir", self.folder / command,
                                                settings=settings))


    def evaluate(self, name, *models):
        """Evaluation of (name, folder, prompt template); [model] names no files."""
        config = self.folder / f"{name}.toml"
        text = (f'include = "{support.RANDOM}"\n[model]\ninit = "load"\ntokenizer = ""\n[[evaluate.suites]]\n'
                'name = "add1"\ngenerator = "add1"\nnum_questions = 4\n[evaluate.sampling]\nmax_new_tokens = 8\n')
        for model, path, template in models:
            text += f'[[evaluate.models]]\nname = "{model}"\npath = "{path}"\nprompt_template = "{template}"\n'
        config.write_text(text)
        return support.command(2, "evaluate", "--config", config, "--run-dir", self.folder / name,
                               settings={"run.threads": 1})

    def test_evaluated_models_bring_their_tokenizer_and_template(self):
        model, bare = self.run_folder / "model", self.folder / "bare"
        self.assert_ends(0, self.evaluate("good", ("a", model, "plain"), ("b", model, "r1_zero"), ("c", model, "plain")))
        answers = {}
        for path in (self.folder / "good").glob("completions_*.jsonl"):
            for record in support.read_jsonl(path):
                answers.setdefault(record["model"], []).append(record["completion"])
        self.assertEqual(set(answers), {"a", "b"})  # c is asked as a is
        self.assertNotEqual(answers["a"], answers["b"])
        self.assertEqual(set(json.loads((self.folder / "good" / "evaluation_results.json").read_text())), {"a", "b", "c"})
        # A folder that lacks its tokenizer is found before the first model is asked.
        shutil.copytree(model, bare)
        (bare / "tokenizer.json").unlink()
        output = self.assert_ends(2, self.evaluate("bad", ("a", model, "plain"), ("b", bare, "plain")))
        self.assertIn(str(bare), output)
        self.assertFalse(list((self.folder / "bad").glob("completions_*.jsonl")))


class Checkpoints(Runs):
    def test_exports(self):
        self.rl("run", ranks=4, rl__steps=4, checkpoint__interval_steps=2, checkpoint__save_hf_every=2)
        folder = self.folder / "run" / "hf"
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["step-00000002", "step-00000004"])
        self.assertEqual(support.read_safetensors(folder / "step-00000004" / "model.safetensors"), self.weights("run"))
        early = support.read_safetensors(folder / "step-00000002" / "model.safetensors")
        self.assertNotEqual(early, self.weights("run"))
        self.assertTrue((folder / "step-00000002" / "tokenizer.json").exists())
        # The export is a model: the checkpoint of the same step holds the same weights.
        self.assert_ends(0, support.command(1, "convert", "--input", self.folder / "run" / "2", "--output",
                                            self.folder / "two"))
        self.assertEqual(support.read_safetensors(self.folder / "two" / "model.safetensors"), early)

    def test_automatic_interval(self):
        """The optimum of a short time between failures is every step, of a long one none before the end."""
        steps = {}
        for name, hours in (("often", 1e-9), ("seldom", 1e6)):
            output = self.rl(name, ranks=4, rl__steps=6, checkpoint__interval_steps=0, checkpoint__mtbf_hours=hours)
            steps[name] = [int(text) for text in re.findall(r"checkpoint of step (\d+) published", output)]
        self.assertEqual(steps["often"], [1, 2, 3, 4, 5, 6])
        self.assertEqual(steps["seldom"], [1, 6])
        self.assertEqual(self.weights("often"), self.weights("seldom"))


class Trace(Runs):
    def test_of_some_steps(self):
        """The trace ends with its last step, holds that step's operations, and tests/bench/profile_table.py sums it."""
        output = self.rl("traced", rl__steps=3, run__profile=[1, 1])
        trace = self.folder / "traced" / "profile_rank0.json"
        self.assertIn(f"wrote {trace}", output)
        names = [event["name"] for event in json.loads(trace.read_text())["traceEvents"] if "name" in event]
        self.assertIn("aten::mm", names)
        self.assertTrue(any("backward" in name.lower() for name in names))
        table = subprocess.run([sys.executable, support.ROOT / "tests/bench/profile_table.py", trace],
                               capture_output=True, text=True, check=True).stdout
        self.assertIn("aten::mm", table)

    def test_that_ends_before_it_begins_is_named(self):
        output = self.rl("refused", status=2, run__profile=[3, 1])
        self.assertIn("run.profile: expected [first step, last step]", output)


class ProgressLines(Runs):
    def test_every_few_steps(self):
        """Log lines come as often as was asked for; every step has its row."""
        output = self.rl("run", rl__steps=7, run__log_every=3)
        self.assertEqual([int(step) for step in re.findall(r"  step (\d+)/7  ", output)], [1, 3, 6, 7], output)
        self.assertEqual([row["step"] for row in self.rows("run")], list(range(7)))


class DistillationEpochs(Runs):
    """Two epochs of ten records, four in a step: they end with the third and the fifth step."""

    def distill(self, name, ranks=1, **settings):
        records = self.write_jsonl("records.jsonl", [
            {"instruction": f"What is {a} + {a}?", "input": "", "output": f"{2 * a}"} for a in range(10)])
        settings = {"run.threads": 1, "data.files": [str(records)], "data.generate.names": [], "data.held_out": 0.0,
                    "distill.mode": "text", "distillation_loss.soft_weight": 0.0, "distill.epochs": 2,
                    "distill.batch": 4, "distill.max_length": 256, "checkpoint.interval_steps": 1, **settings}
        return self.assert_ends(0, support.command(ranks, "distill", "--config", support.RANDOM, "--run-dir",
                                                   self.folder / name, settings=settings))

    def saved(self, name):
        return {path.name: support.read_safetensors(path / "model.safetensors")
                for path in (self.folder / name).glob("distilled_epoch_*")}

    def test_mean_losses_and_folders(self):
        output = self.distill("run", ranks=2)
        losses = [row["loss"] for row in self.rows("run")]
        self.assertEqual(len(losses), 5)
        self.assertEqual([row.get("epoch") for row in self.rows("run")], [None, None, 0, None, 1])
        for epoch, steps in enumerate((slice(0, 3), slice(3, 5))):
            mean = sum(losses[steps]) / len(losses[steps])
            self.assert_close(self.rows("run")[steps][-1]["epoch_loss"], mean, 1e-12, f"epoch {epoch}")
            self.assertIn(f"epoch {epoch} ended, mean loss {mean:.6g} of {len(losses[steps])} steps", output)
        saved = self.saved("run")
        self.assertEqual(sorted(saved), ["distilled_epoch_0", "distilled_epoch_1"])
        self.assertEqual(saved["distilled_epoch_1"], self.weights("run"))
        self.assertNotEqual(saved["distilled_epoch_0"], self.weights("run"))
        self.assertTrue((self.folder / "run" / "distilled_epoch_0" / "tokenizer.json").exists())

    def test_stopped_within_and_behind_an_epoch(self):
        self.distill("run")
        self.distill("cut", **{"run.max_steps": 2})
        self.distill("cut", **{"run.max_steps": 3})
        self.assertEqual(list(self.saved("cut")), ["distilled_epoch_0"])
        shutil.rmtree(self.folder / "cut" / "distilled_epoch_0")  # as a start leaves it that is killed while it saves
        self.distill("cut")
        self.assertEqual(self.saved("cut"), self.saved("run"))
        self.assertEqual(*([row.get("epoch_loss") for row in self.rows(name)] for name in ("cut", "run")))

    def test_not_asked_for(self):
        self.distill("run", **{"distill.save_each_epoch": False})
        self.assertEqual(self.saved("run"), {})
        self.assertIn("epoch_loss", self.rows("run")[-1])


class Changes(Runs):
    def test_length_from_a_step_on(self):
        config = self.folder / "changes.toml"
        config.write_text(f'include = "{VARIED}"\n[[rl.changes]]\nfrom_step = 2\nmax_new_tokens = 24\n'
                          "[[rl.changes]]\nfrom_step = 4\nmax_new_tokens = 8\n")
        self.rl("run", ranks=4, config=config, rl__steps=5)
        longest = [row["completion_length_max"] if "completion_length_max" in row else row["completion_length"]
                   for row in self.rows("run")]
        self.assertLessEqual(max(longest[:2]), 16)
        self.assertGreater(min(longest[2:4]), 16)
        self.assertLessEqual(longest[4], 8)
        # A restart behind a change knows it, and the file of the run says what was asked for.
        self.rl("cut", ranks=4, config=config, rl__steps=5, run__max_steps=3)
        self.rl("cut", ranks=4, config=config, rl__steps=5)
        self.assertEqual(self.weights("cut"), self.weights("run"))
        self.assertIn("max_new_tokens = 16", (self.folder / "run" / "resolved.toml").read_text())


    def test_held_out_score_has_its_own_steps_length(self):
        """With staleness the samples of the next step, which are longer, are drawn before a step's held-out score."""
        config = self.folder / "changes.toml"
        config.write_text(f'include = "{VARIED}"\n[[rl.changes]]\nfrom_step = 2\nmax_new_tokens = 24\n')
        for name, file in (("unchanged", VARIED), ("changed", config)):
            self.rl(name, config=file, rl__steps=4, rl__staleness=1, rl__eval_every=1, rl__eval_greedy=False,
                    rl__eval_samples=4)
        rewards = {name: [row["heldout_reward"] for row in self.rows(name)] for name in ("unchanged", "changed")}
        self.assertGreater(min(rewards["unchanged"]), 0.0)
        self.assertEqual(rewards["changed"][:2], rewards["unchanged"][:2])
        self.assertNotEqual(rewards["changed"][2:], rewards["unchanged"][2:])

    def test_held_out_accuracy_of_each_domain(self):
        """Two generators with as many held-out problems: the accuracy of all is the mean of their accuracies."""
        self.rl("run", ranks=2, config=VARIED, rl__steps=1, rl__eval_every=1, data__domain_field="generator",
                data__generate__names=["add1", "add2"], data__generate__held_out_count=8, roles__reward__share_with="policy",
                roles__reference__share_with="policy")
        row = self.rows("run")[0]
        parts = {key: value for key, value in row.items() if key.startswith("heldout_accuracy/")}
        self.assertEqual(sorted(parts), ["heldout_accuracy/add1", "heldout_accuracy/add2"])
        self.assertAlmostEqual(sum(parts.values()) / 2, row["heldout_accuracy"])
        summary = json.loads((self.folder / "run" / "summary.json").read_text(encoding="utf-8"))
        self.assertEqual(summary["held_out"]["after"]["accuracy_of"],
                         {key.partition("/")[2]: value for key, value in parts.items()})


class OverlongAnswers(Runs):
    def test_every_record_has_the_punished_reward(self):
        """Each truncated answer loses the penalty, once; the others lose nothing."""
        first = {}
        for overlong in ("keep", "penalty"):
            self.rl(overlong, **{"rl.overlong": overlong, "rl.overlong_penalty": 0.5, "rl.steps": 2, **ALL_SAMPLES})
            samples = self.samples(overlong)
            for row in self.rows(overlong):
                of_step = [record["reward"] for (step, _), record in samples.items() if step == row["step"]]
                self.assertEqual(len(of_step), 16)
                self.assert_close(row["reward_mean"], sum(of_step) / len(of_step), 1e-12, overlong)
            first[overlong] = [samples[0, sample] for sample in range(16)]
        reasons = [record["finish_reason"] for record in first["keep"]]
        self.assertEqual(set(reasons), {"length", "stop"})
        for kept, punished, reason in zip(first["keep"], first["penalty"], reasons):
            self.assertAlmostEqual(punished["reward"], kept["reward"] - (0.5 if reason == "length" else 0.0))


class DynamicSampling(Runs):
    """Rewards of two values, so that many groups are equal."""

    SETTINGS = {"rl.steps": 6, "rl.samples_per_prompt": 3, "rl.prompts_per_step": 4, "rl.resample_zero_advantage": True,
                "rl.max_resample_rounds": 2, "checkpoint.interval_steps": 2, **ALL_SAMPLES, **support.FP64}

    def dynamic(self, name, ranks=1, **settings):
        config = self.folder / "dynamic.toml"
        config.write_text(f'include = "{support.RANDOM}"\n[rewards]\nparts = [ {{ name = "response_quality", weight = 1.0 }} ]\n'
                          '[rewards.quality]\noperators = ["Q"]\noperators_between_operands = false\nconclusions = ["Z"]\n')
        return self.rl(name, ranks=ranks, config=config, **{**self.SETTINGS, **settings})

    def groups(self, name):
        """step -> rewards of each group, by number."""
        groups = {}
        for (step, sample), record in sorted(self.samples(name).items()):
            groups.setdefault(step, {}).setdefault(sample // 3, []).append(record["reward"])
        return groups

    def test_equal_groups_are_replaced(self):
        self.dynamic("plain", **{"rl.resample_zero_advantage": False})
        self.dynamic("run")
        equal = {name: sum(len(set(rewards)) == 1 for step in self.groups(name).values() for rewards in step.values())
                 for name in ("plain", "run")}
        self.assertGreater(equal["plain"], equal["run"] + 2)
        for row, step in zip(self.rows("run"), self.groups("run").values()):
            self.assertEqual(sorted(step), [0, 1, 2, 3])
            self.assertTrue(all(len(rewards) == 3 for rewards in step.values()))
            if any(len(set(rewards)) == 1 for rewards in step.values()):
                self.assertGreater(row["groups_replaced"], 0, "equal groups are left only when the rounds are over")
        self.assertGreater(sum(row["groups_replaced"] for row in self.rows("run")), 0)
        self.assertEqual(sum(row["groups_replaced"] for row in self.rows("plain")), 0)

    def test_layouts_and_restart(self):
        self.dynamic("run")
        for name, ranks, settings in (("two", 2, SHARED), ("five", 5, {"roles.policy.ranks": 2})):
            with self.subTest(name):
                self.dynamic(name, ranks, **settings)
                self.assertLessEqual(support.relative_distance(self.weights(name), self.weights("run")), TOLERANCE)
        self.dynamic("cut", **{"run.max_steps": 3})
        self.dynamic("cut")
        self.assertEqual(self.weights("cut"), self.weights("run"))
        self.assertEqual(self.samples("cut"), self.samples("run"))


class OtherLayouts(Runs):
    def test_continued_on_other_ranks(self):
        """Killed on 4 ranks, continued on 1, 2 and 5, on 2 that hold the model together, and from there on 1 again:
        the weights of the run that nothing disturbed."""
        settings = {"rl__steps": 6, "checkpoint__interval_steps": 2, **support.FP64, **ALL_SAMPLES}
        self.rl("undisturbed", ranks=4, **settings)
        line = support.command(4, "rl", "--config", VARIED, "--run-dir", self.folder / "killed", settings={
            key.replace("__", "."): value for key, value in settings.items()})
        with self.running(line, R1_TEST_KILL_AT="before-rename:4") as process:
            self.assertNotIn(process.wait(timeout=support.TIME_LIMIT), (0, 2, 75), self.output())
        self.assertEqual(support.last_checkpoint(self.folder / "killed").name, "step-00000002")
        split = {**SHARED, "roles.policy.train.tp": 2}
        self.rl("split", ranks=2, **{**settings, "run__max_steps": 4}, **split)
        for ranks, begin, more in ((1, "killed", {}), (2, "killed", SHARED), (5, "killed", {"roles.policy.ranks": 2}),
                                   (2, "killed", split), (1, "split", {})):
            with self.subTest(ranks=ranks, begin=begin, **more):
                name = f"{begin} {ranks} {len(more)}"
                shutil.copytree(self.folder / begin, self.folder / name)
                first = 4 if begin == "split" else 2
                self.assertIn(f"continues at step {first}", self.rl(name, ranks=ranks, **settings, **more))
                self.assertEqual([row["step"] for row in self.rows(name)], list(range(6)))
                self.assertLessEqual(
                    support.relative_distance(self.weights(name), self.weights("undisturbed")), TOLERANCE)
                tensors = [support.dataset_hashes(support.last_checkpoint(self.folder / run)).keys()
                           for run in (name, "undisturbed")]
                # A split tensor is in several boxes, named NAME@OFFSET.
                self.assertEqual(*({dataset.split("@")[0] for _, dataset in names} for names in tensors))


if __name__ == "__main__":
    support.main()
