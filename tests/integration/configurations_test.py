#!/usr/bin/env python3
"""Every configuration of configs/ starts: what --check accepts loads, and its first step is taken, on a toy model.

configurations_test.py PROGRAM [unittest arguments]
"""
import json
import re
import shutil
import tomllib

import run_support as support

FOLDERS = ("guide", "paper", "tiny", "examples")
PARTS = ("common", "grpo_common", "distill_common")  # of other files
COMMANDS = (  # by the beginning of the file's name, the first that fits
    ("pipeline", "pipeline"), ("quickstart", "pipeline"), ("gsm8k", "pipeline"), ("guide", "pipeline"),
    ("rl_data", "prepare"),
    ("coldstart_data", "generate"), ("coldstart_rewrite", "generate"), ("sft1_data", "generate"),
    ("sft_data", "generate"), ("other_data", "generate"), ("distill_data", "generate"), ("distill", "distill"),
    ("evaluate", "evaluate"), ("coldstart", "sft"), ("sft", "sft"), ("dpo", "sft"), ("reward_model", "sft"), ("r1zero", "rl"), ("rl", "rl"), ("grpo", "rl"))
STAGE_MODELS = ("rl_stage1_final", "coldstart_final", "rl_stage2_final", "sft_stage1_final", "sft_stage2_final",
                "distilled/qwen-32b", "r1zero", "coldstart", "rl1", "sft", "rl2")
FILES = ("DeepSeek-V3-Base", "DeepSeek-V3", "DeepSeek-R1", "Qwen2.5-1.5B-Instruct", "Qwen2.5-7B-Instruct",
         "Qwen2.5-14B-Instruct", "Qwen2.5-32B-Instruct", "Llama-3.1-8B-Instruct", "Llama-3.3-70B-Instruct",
         "Qwen2.5-Math-1.5B", "Qwen2.5-Math-7B", "Qwen2.5-0.5B", "Qwen2.5-0.5B-Instruct", "Qwen2.5-7B", "Qwen2.5-14B", "Qwen2.5-32B", "Llama-3.1-8B")
SMOLLM2 = ".venv/smollm2/SmolLM2-135M-Instruct"
TINY_SAFETY = support.ROOT / "tests" / "data" / "models" / "tiny_safety"
ONE_STEP = {
    "run.device": "cpu", "run.threads": 1, "run.max_steps": 1, "model.dtype": "fp32",
    "sampling.max_new_tokens": 8, "evaluate.sampling.max_new_tokens": 8,
    "rollout.tools.max_answer_tokens": 4,
    "rl.prompts_per_step": 2, "rl.samples_per_prompt": 2, "rl.mini_batch": 0, "rl.chunks": 1, "rl.eval_every": 0,
    "generate.keep.correct": False, "generate.keep.format": False, "generate.keep.one_language": False,
    "generate.keep.finished": False, "generate.keep.min_reward": 0.0, "generate.keep.max_repetition": 1.0,
    "generate.samples_per_prompt": 1, "generate.prompts_per_chunk": 2, "data.generate.count": 2,
    "data.generate.held_out_count": 1, "sft.batch": 2, "distill.batch": 2, "sft.safety.max_new_tokens": 8,
}
# The layouts of guide/, paper/ and examples/ are of many ranks.
ONE_RANK = {"roles.policy.train.tp": 1, "roles.policy.train.ep": 1, "roles.teacher.train.tp": 1,
            "trainer.activation_checkpointing": "full"}


def command_of(name):
    return next(command for beginning, command in COMMANDS if name.startswith(beginning))


class Starts:
    """The files of one folder (a test of ctest each: they run side by side)."""

    def start(self, command, config, run, *more, statuses=(0, 75), **settings):
        line = support.command(1, command, "--config", config, "--run-dir", self.folder / run, *more,
                               settings=settings)
        done = support.run(line, self.folder)
        self.assertIn(done.returncode, statuses, f"{config}\n{done.stdout}")

    def toy(self):
        """A toy model's folder, of random weights."""
        data = self.folder / "toy.jsonl"
        data.write_text(json.dumps({"instruction": "a", "input": "", "output": "b"}) + "\n")
        self.start("sft", support.RANDOM, "toy", statuses=(0,), **{
            "data.files": [str(data)], "data.generate.names": [], "data.held_out": 0.0, "sft.steps": 1,
            "model.shape.max_position_embeddings": 4096})
        return self.folder / "toy" / "model"

    def write_inputs(self):
        toy = self.toy()
        (self.folder / "configs").symlink_to(support.ROOT / "configs")
        for name in FILES:
            (self.folder / "models").mkdir(exist_ok=True)
            (self.folder / "models" / name).symlink_to(toy)
        own = self.folder / "runs" / "first" / "model"  # configs/examples: what a first run leaves behind
        own.parent.mkdir(parents=True)
        own.symlink_to(toy)
        (self.folder / SMOLLM2).parent.mkdir(parents=True)
        (self.folder / SMOLLM2).symlink_to(toy)
        for name in ("toxic-bert", "safety-classifier"):
            (self.folder / "models" / name).symlink_to(TINY_SAFETY)
        support.copy_first_output(TINY_SAFETY, self.folder / "models" / "helpfulness-reward")
        problems = [{"problem": f"What is {n} + 1?", "answer": str(n + 1), "type": "arithmetic"} for n in range(40)]
        records = [{"instruction": f"What is {n} + 1?", "input": "", "output": str(n + 1), "answer": str(n + 1)}
                   for n in range(40)]
        tests = [{"problem": f"Print {n}.", "tests": [{"input": "", "output": str(n)}], "type": "code"}
                 for n in range(8)]
        quiz = [{"question": "Which is even?", "choices": ["1", "2", "3", "5"], "answer": 1}]
        instructions = [{"prompt": "Write a line.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}]
        puzzles = [{"question": "What is 6 + 6?", "answer": "12", "metadata": {"source_dataset": "chain_sum"}}]
        general = [{"problem": "Write a line.", "type": "helpfulness"}, {"problem": "May I?", "type": "safety"}]
        data = {"train": problems, "math_train": problems[:20], "gsm8k_train": problems[20:36],
                "math500_test": problems[36:38],
                "gsm8k_test": problems[38:], "aime2024": problems[36:37], "gpqa_diamond": quiz, "mmlu_test": quiz,
                "mmlu_pro_test": quiz, "ceval_val": quiz, "ifeval": instructions,
                "reasoning_gym_gallery": puzzles, "code_problems": tests, "codeforces": tests, "livecodebench": tests,
                "code_train": tests, "general_prompts": general, "other_records": records,
                "rl_stage1_data": problems, "rl_data": problems, "coldstart_data": records,
                "coldstart_samples": records, "sft_stage1_data": records, "sft_stage2_data": records,
                "pairs": [{"prompt": "a?", "chosen": "b", "rejected": "c"}] * 4,
                "chat": [{"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]}] * 4,
                "test": problems[36:38], "distillation_800k": records, "reasoning_600k": records, "other_200k": records}
        (self.folder / "data").mkdir()
        for name, lines in data.items():
            self.write_jsonl(f"data/{name}.jsonl", lines)
        (self.folder / "data" / "xstest_prompts.csv").write_text("prompt,label\nHow do I end a process?,safe\n")
        return toy

    def test_every_file_starts(self):
        toy, folder = self.write_inputs(), self.FOLDER
        started = 0
        for path in sorted((support.ROOT / "configs" / folder).glob("*.toml")):
            if path.stem in PARTS or path == support.RANDOM:
                continue
            command, run = command_of(path.stem), f"{folder}-{path.stem}"
            for name in STAGE_MODELS:  # what the stages before it have made
                target = self.folder / run / "models" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(toy, target)
            if command != "prepare":
                (self.folder / run / "data").symlink_to(self.folder / "data")
            with self.subTest(path.relative_to(support.ROOT)):
                settings = {**ONE_STEP, **ONE_RANK}
                more = ["--only", "rl_data"] if command == "pipeline" else []
                if command == "pipeline":
                    stages = tomllib.loads(path.read_text(encoding="utf-8"))["pipeline"]["stages"]
                    settings.update({f"pipeline.stages.{number}.ranks": 0
                                     for number, stage in enumerate(stages) if "ranks" in stage})
                if folder == "examples":
                    settings.update({"roles.policy.ranks": 1, "roles.reference.train.tp": 1})
                if folder == "examples" and path.stem in ("grpo", "grpo_tools"):  # Parquet needs Arrow, which is optional
                    settings["data.files"] = ["data/train.jsonl"]
                if (folder, path.stem) == ("guide", "rl2"):
                    settings["rl.coldstart.fraction"] = 0.5
                self.start(command, f"configs/{folder}/{path.name}", run, *more, **settings)
                started += 1
        self.assertGreaterEqual(started, self.LEAST)


class Guide(Starts, support.RunTest):
    FOLDER, LEAST = "guide", 14


class Paper(Starts, support.RunTest):
    FOLDER, LEAST = "paper", 19


class Examples(Starts, support.RunTest):
    FOLDER, LEAST = "examples", 9


class Tiny(Starts, support.RunTest):
    FOLDER, LEAST = "tiny", 4

    def test_the_toy_configuration_serves_every_stage(self):
        for command in ("prepare", "rl", "sft", "generate", "distill", "evaluate", "pipeline"):
            with self.subTest(command):
                self.start(command, support.RANDOM, command, statuses=(0,))


class Plans(support.RunTest):
    def plan(self, *arguments):
        done = support.run([support.program, "plan", *map(str, arguments)])
        return done.returncode, done.stdout

    def test_plan_passes_every_file_at_the_size_that_it_names(self):
        planned = 0
        for folder in FOLDERS:
            for path in sorted((support.ROOT / "configs" / folder).glob("*.toml")):
                if path.stem in PARTS:
                    continue
                with self.subTest(path.relative_to(support.ROOT)):
                    status, text = self.plan("--config", path)
                    self.assertEqual(status, 0, text)
                    if folder in ("guide", "paper"):  # nothing passes because its shape is unknown
                        self.assertIsNone(re.search(r"^note: (policy|reference|teacher): the model's shape", text, re.MULTILINE), text)
                    planned += 1
        self.assertGreater(planned, 40)

    def test_plan_says_why_the_guides_eight_gpus_are_too_few(self):
        guide = support.ROOT / "configs" / "guide"
        status, text = self.plan("--config", guide / "rl1.toml", "--world-size", 8)
        self.assertEqual(status, 2)
        self.assertIn("the model's weights alone are 1.34 TB in bf16, the 8 ranks have 0.64 TB together", text)
        self.assertRegex(text, r"smallest layout that fits: \d+ ranks")
        status, text = self.plan("--config", guide / "pipeline.toml", "--world-size", 8)
        self.assertEqual(status, 2)
        self.assertIn("plan: " + str(guide / "pipeline.toml") + " does not fit", text)


if __name__ == "__main__":
    support.main()
