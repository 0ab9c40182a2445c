#!/usr/bin/env python3
"""What a user can get wrong ends with exit code 2 and a message that names the file or key, on 1 rank and on 4.

errors_test.py PROGRAM [unittest arguments]
"""
import hashlib
import re
import shutil

import run_support as support

TRACE = re.compile(r"0x[0-9a-f]{6,}|Aborted|terminate called|Segmentation|core dumped|R1_CHECK|\.cpp:\d|frame #\d")


def contents(folder):
    """Path -> hash of every file of a folder; the log alone may grow."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "log"}


class Errors(support.RunTest):
    RANKS = (1, 4)

    def refuse(self, words, command="rl", run_dir="run", ranks=RANKS, config=support.RANDOM, **settings):
        """The command is refused for these words on 1 and 4 ranks and leaves the run folder as it was."""
        folder = self.folder / run_dir
        before = contents(folder)
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        for number in ranks:
            with self.subTest(ranks=number, what=words[0]):
                line = support.command(number, command, "--config", config, "--run-dir", folder, settings=settings)
                output = self.assert_ends(2, line)
                for word in words:
                    self.assertIn(word, output)
                messages = [text for text in output.splitlines() if re.match(r"\S+ E ", text)]
                self.assertEqual(len(messages), len(set(messages)), "one message, not one a rank:\n" + output)
                self.assertEqual(len(messages), 1, output)
                self.assertNotRegex("\n".join(messages), TRACE)
                self.assertNotIn("terminate called", output)
                self.assertEqual(contents(folder), before)

    def test_missing_data_file(self):
        missing = str(self.folder / "nowhere.jsonl")
        self.refuse([missing], data__files=[missing])
        self.refuse([missing], "sft", data__files=[missing], data__generate__names=[])

    def test_bad_lines(self):
        bad = self.folder / "bad.jsonl"
        good = '{"instruction": "a", "input": "", "output": "b"}\n'
        bad.write_text(good * 3 + '{"instruction": "a", \n' + good + "[1]\n" + good)
        settings = {"data__files": [str(bad)], "data__generate__names": []}
        self.refuse([f"{bad}:4"], "sft", **settings, data__max_bad_lines=1)
        record = self.write_jsonl("record.jsonl", [{"instruction": "a", "output": "b"}, {"instruction": "a"}])
        self.refuse([f"{record}:2", "output"], "sft", data__files=[str(record)], data__generate__names=[], data__max_bad_lines=0)

    def test_prompts_longer_than_the_context(self):
        good, long = {"problem": "1 + 1", "answer": "2"}, {"problem": "1 + " * 2000 + "1", "answer": "2001"}
        path = self.write_jsonl("long.jsonl", [long, long])
        self.refuse([f"{path}:1", "no training problem is left"], data__files=[str(path)], data__generate__names=[])
        path = self.write_jsonl("mixed.jsonl", [good, good, long, good])
        line = support.command(1, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run", settings={
            "data.files": [str(path)], "data.generate.names": [], "rl.steps": 1})
        self.assertIn("problems dropped: 1, whose prompts leave no room for an answer in a context of 1024 tokens; "
                      f"the first: {path}:3 (", self.assert_ends(0, line))

    def test_unknown_key(self):
        self.refuse(["--set rl.step=3", "rl.step", '"steps"'], rl__step=3)
        config = self.folder / "typo.toml"
        config.write_text(f'include = "{support.RANDOM}"\n[optimizer]\nlearning_rat = 1e-3\n')
        self.refuse([f"{config}:3", "learning_rat", "learning_rate"], config=config)

    def test_missing_configuration(self):
        self.refuse(["nowhere.toml"], config=self.folder / "nowhere.toml")

    def test_world_that_does_not_fit(self):
        self.refuse(["roles", "8"], roles__policy__ranks=8, roles__reward__ranks=1)
        self.refuse(["reward", "policy"], roles__reward__ranks=3, roles__policy__ranks=3)

    def test_world_that_does_not_fit_a_restart(self):
        self.refuse(["roles", "8"], **self.trained(), roles__policy__ranks=8, roles__reward__ranks=1)

    def test_a_failing_start_leaves_the_configuration(self):
        """Free keys, as paths and layouts, may change between starts; a start that fails records none of it."""
        missing = str(self.folder / "nowhere.jsonl")
        self.refuse([missing], **self.trained(), data__files=[missing])

    def test_steps_that_a_run_has_not(self):
        self.trained()
        self.refuse(["run/7", "there are steps"], run_dir="other", model__init="load",
                    model__path=str(self.folder / "run" / "7"))

    def test_tasks_that_do_not_find_each_other(self):
        """srun without PMIx: each task would be a run of its own. Small tools may run in a batch script."""
        line = support.command(1, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run")
        self.assertIn("start with srun --mpi=pmix or mpirun", self.assert_ends(2, line, SLURM_NTASKS="4"))
        self.assertFalse((self.folder / "run").exists())
        for tool in (["plan", "--config", support.RANDOM, "--stage", "rl"],
                     ["rl", "--config", support.RANDOM, "--check"]):
            self.assert_ends(0, support.command(1, *tool), SLURM_NTASKS="4")

    def test_no_gpu(self):
        self.refuse(["cuda"], run__device="cuda")
        self.refuse(["cuda"], run__device="cuda", communication__backend="nccl")
        self.refuse(["communication.backend", "cuda"], communication__backend="nccl")

    def test_tokenizer_of_another_model(self):
        self.refuse(["tokenizer 'bytes'", "256"], model__shape__vocab_size=256)

    def test_missing_model(self):
        missing = str(self.folder / "nowhere")
        self.refuse([missing], model__init="load", model__path=missing)

    def trained(self):
        line = support.command(1, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run",
                               settings={"rl.steps": 4, "run.max_steps": 2, "run.threads": 1})
        self.assert_ends(0, line)
        return {"rl__steps": 4, "run__threads": 1}

    def test_edited_configuration(self):
        same = self.trained()
        self.refuse(["optimizer.learning_rate", "--allow-config-change"], **same, optimizer__learning_rate=0.5)
        self.refuse(["run.seed"], **same, run__seed=8)
        self.refuse(["rl.resample_zero_advantage", "another run"], **same, rl__resample_zero_advantage=True)
        self.refuse(["holds a run of another model (model.shape.hidden_size: 64 -> 128)"], **same,
                    model__shape__hidden_size=128)
        allowed = {**{key.replace("__", "."): value for key, value in same.items()}, "optimizer.learning_rate": 0.002}
        line = support.command(1, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run",
                               "--allow-config-change", settings=allowed)
        self.assertIn("optimizer.learning_rate", self.assert_ends(0, line))

    def damaged(self, name):
        """A copy of the trained run folder, a byte of its newest checkpoint changed."""
        shutil.copytree(self.folder / "run", self.folder / name)
        shard = support.last_checkpoint(self.folder / name) / "shard-00000.h5"
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 0xFF
        shard.write_bytes(content)
        return shard

    def test_damaged_checkpoints(self):
        """The newest valid one is used; without any the run says so and does not begin anew."""
        same = self.trained()
        newest = self.damaged("newest")
        line = support.command(4, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "newest",
                               settings={key.replace("__", "."): value for key, value in same.items()})
        output = self.assert_ends(0, line)
        self.assertIn(f"{newest}: damaged", output)
        self.assertIn("continues at step 1 of 4", output)

        self.damaged("none")
        for manifest in (self.folder / "none").glob("checkpoints/step-*/MANIFEST.json"):
            manifest.unlink()
        self.refuse(["none/checkpoints", "2 checkpoints", "step 0"], run_dir="none", **same)
        self.refuse(["none/latest", "no valid checkpoint"], run_dir="other", model__init="load",
                    model__path=str(self.folder / "none" / "latest"))

    def test_truncated_model(self):
        for size in (-100, 5):
            model = self.folder / f"model{size}"
            shutil.copytree(support.ROOT / "tests" / "data" / "models" / "llama", model)
            weights = model / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:size])
            self.refuse([str(weights), "expected", "found"], model__init="load", model__path=str(model))

    def test_model_without_tokenizer(self):
        model = support.ROOT / "tests" / "data" / "models" / "llama"
        self.refuse([f"{model}/tokenizer.json"], model__init="load", model__path=str(model), model__tokenizer="")

    def test_folder_that_cannot_be_written(self):
        (self.folder / "file").write_text("not a folder")
        self.refuse(["--run-dir", "file/run: cannot make the folder"], run_dir="file/run")

    def test_a_folder_where_a_file_belongs(self):
        self.refuse([str(self.folder), "no record file in this folder"], data__files=[str(self.folder)])

    def test_suites_that_cannot_be_read(self):
        suites = self.folder / "suites.toml"
        for path, content, words in (("nowhere.jsonl", None, ["cannot open"]),
                                     ("strange.jsonl", '{"foo": 1}\n', ["evaluate.suites.x", "question 1", "problem"])):
            path = self.folder / path
            if content:
                path.write_text(content)
            suites.write_text(f'include = "{support.RANDOM}"\n[[evaluate.suites]]\nname = "x"\npath = "{path}"\n')
            self.refuse([str(path), *words], "evaluate", config=suites)

    def test_a_reward_command_that_never_answers(self):
        """The first step says why and is the last one."""
        config = self.folder / "external.toml"
        script = str(self.folder / "nowhere.py")
        config.write_text(f'include = "{support.CONFIGS / "varied_rewards.toml"}"\n[rewards]\nworkers = 1\n'
                          f'parts = [{{ name = "external" }}]\n[rewards.external]\ncommand = ["python3", "{script}"]\n')
        line = support.command(1, "rl", "--config", config, "--run-dir", self.folder / "run", settings={"rl.steps": 50})
        output = self.assert_ends(2, line)
        self.assertIn("step 1: rewards.external.command answered 0 % of the samples", output)
        warnings = [text for text in output.splitlines() if "ended instead of answering" in text]
        self.assertEqual(len(warnings), 1, output)
        self.assertIn("nowhere.py", warnings[0])

    def test_another_model_path_does_not_replace_the_checkpoints_weights(self):
        same = {key.replace("__", "."): value for key, value in self.trained().items()}
        line = support.command(1, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run",
                               settings={**same, "model.path": str(self.folder)})
        self.assertIn("goes on with the weights of its checkpoint, not with model.path", self.assert_ends(0, line))

    def test_pipeline_asks_for_every_stages_inputs_before_the_first(self):
        """What an earlier stage writes, in the run folder or elsewhere, does not have to be there."""
        config, made = self.folder / "pipeline.toml", self.folder / "made.jsonl"
        text = f"""include = "{support.RANDOM}"
[[pipeline.stages]]
name = "data"
command = "prepare"
[pipeline.stages.prepare]
output = "{made}"
[[pipeline.stages.prepare.sources]]
generator = "add1"
count = 8
[[pipeline.stages]]
name = "last"
command = "evaluate"
[[pipeline.stages.evaluate.suites]]
name = "sums"
path = "{made}"
num_questions = 4
"""
        config.write_text(text + '[[pipeline.stages.evaluate.models]]\nname = "other"\npath = "no/model"\n')
        line = support.command(2, "pipeline", "--config", config, "--run-dir", self.folder / "run")
        output = self.assert_ends(2, line)
        self.assertIn("last: evaluate.models.other.path: no/model does not exist", output)
        self.assertNotIn("made.jsonl", output)
        self.assertFalse(made.exists())
        config.write_text(text)
        self.assert_ends(0, [*line, "--check"])
        self.assert_ends(0, line)

    def test_checkpoint_of_another_model(self):
        """The run folder's memory of its configuration is gone; the checkpoint itself does not fit."""
        same = self.trained()
        (self.folder / "run" / "resolved.json").unlink()
        line = support.command(4, "rl", "--config", support.RANDOM, "--run-dir", self.folder / "run", settings={
            **{key.replace("__", "."): value for key, value in same.items()}, "model.shape.hidden_size": 128})
        output = self.assert_ends(2, line)
        self.assertIn("checkpoints/step-00000002", output)
        self.assertIn("model.embed_tokens.weight", output)


if __name__ == "__main__":
    support.main()
