#!/usr/bin/env python3
"""Tools and environments: a task that needs a tool is learnt, a stopped run ends as an undisturbed one, every layout
draws the same samples, and what is wrong in [rollout.tools] is named.

turns_test.py PROGRAM [unittest arguments]

The task: "314+2718:" wants 3032, which the toy model cannot add up. A model with random weights is first trained by
`r1mpi sft` to write "[314+2718]", to read "{3032}" and to write "=3032", with wrong digits now and then, so that
reinforcement learning has something to improve.
"""
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile

import run_support as support

TOLERANCE = 1e-10  # relative, fp64
RIGHT_DIGIT = 0.93  # share of digits copied in pre-training
NUM_PRETRAINING = 12000
MIN_GAIN = 0.2
MAX_WITHOUT_TOOL = 0.15
LAST_STEPS = 5

CALCULATOR = """
import json, re, sys
for line in sys.stdin:
    asked = json.loads(line)
    numbers = re.fullmatch(r"(\\d+)\\+(\\d+)", asked["call"] or "")
    text = str(int(numbers[1]) + int(numbers[2])) if numbers else "?"
    print(json.dumps({"text": text, "error": not numbers}), flush=True)
"""
TOOL = {"rollout.tools.kind": "command", "rollout.tools.command": [sys.executable, "-c", CALCULATOR],
        "rollout.tools.wait_steps": 2}


def problem(draw):
    left, right = draw.randrange(100, 1000), draw.randrange(100, 1000)
    return f"{left}+{right}:", left + right


def pretraining_records(draw):
    def copied(text):
        return "".join(str(draw.randrange(10)) if c.isdigit() and draw.random() > RIGHT_DIGIT else c for c in text)

    for _ in range(NUM_PRETRAINING):
        question, total = problem(draw)
        yield {"problem": question, "solution": f"[{copied(question[:-1])}]{{{total}}}={copied(str(total))}"}


def problem_records(draw, count=60):
    for _ in range(count):
        question, total = problem(draw)
        yield {"problem": question, "answer": str(total)}


class Turns(support.RunTest):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="r1-test-")
        cls.shared = pathlib.Path(cls.temporary.name)
        draw = random.Random(2)
        for name, records in (("pretraining", pretraining_records(draw)), ("problems", problem_records(draw))):
            lines = "".join(json.dumps(record) + "\n" for record in records)
            (cls.shared / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        line = support.command(1, "sft", "--config", support.CONFIGS / "turns_sft.toml", "--run-dir", "base")
        done = support.run(line, cls.shared)
        if done.returncode != 0:
            raise AssertionError(done.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def line(self, name, ranks=1, settings=None, more=()):
        shared = {"model.path": str(self.shared / "base" / "model"),
                  "data.files": [str(self.shared / "problems.jsonl")]}
        return support.command(ranks, "rl", "--config", support.CONFIGS / "turns_rl.toml", "--run-dir",
                               self.folder / name, *more, settings={**shared, **TOOL, **(settings or {})})

    def train(self, name, ranks=1, **settings):
        """Rows of metrics of a run in folder `name`."""
        self.assert_ends(0, self.line(name, ranks, settings))
        return support.read_jsonl(self.folder / name / "metrics.jsonl")

    def rollouts(self, name):
        """(step, sample) -> what the run recorded."""
        return {(record["step"], record["sample"]): record
                for path in (self.folder / name / "rollouts").glob("replica-*.jsonl")
                for record in support.read_jsonl(path)}

    def test_a_task_that_needs_the_tool_is_learnt(self):
        rows = self.train("with")
        start = rows[0]["reward_mean"]
        end = sum(row["reward_mean"] for row in rows[-LAST_STEPS:]) / LAST_STEPS
        without = self.train("without", **{"rollout.tools.kind": "none", "rollout.tools.command": [], "rl.steps": 1})
        print(f"\nreward: {start:.3f} at the start, {end:.3f} at the end, {without[0]['reward_mean']:.3f} without tool")
        self.assertGreaterEqual(end - start, MIN_GAIN)
        self.assertLessEqual(without[0]["reward_mean"], MAX_WITHOUT_TOOL)
        self.assertNotIn("turns", without[0])
        last = rows[-1]
        self.assertGreater(last["turns"], 1.9)
        self.assertGreater(last["tool_tokens"], 4.0)
        self.assertLess(last["tool_failure_share"], rows[0]["tool_failure_share"] + 0.05)
        self.assertAlmostEqual(last["turns"] * last["turn_tokens"], last["completion_length"], places=9)

    def test_the_python_sandbox_answers(self):
        settings = {"rl.steps": 2, "rl.prompts_per_step": 4, "rl.samples_per_prompt": 4, "rl.record_rollouts": True,
                    "rollout.tools.kind": "python", "rollout.tools.command": [], "metrics.samples_per_step": 16}
        rows = self.train("python", **settings)
        self.assertGreater(rows[0]["turns"], 1.5)
        samples = support.read_jsonl(self.folder / "python" / "samples.jsonl")
        turns = [(sample, turn) for sample in samples for turn in sample.get("turns", [])]
        self.assertGreater(len(turns), 16)
        for sample, turn in turns:
            self.assertIn(f"[{turn['call']}]", sample["completion"])
            self.assertNotIn("{", sample["completion"].replace(turn["call"], ""))
            if turn["status"] == "ok" and turn["call"].replace("+", "").isdigit():
                self.assertEqual(turn["answer"], str(sum(int(n) for n in turn["call"].split("+"))))
        answered = 0
        for record in self.rollouts("python").values():
            given = sum(answer["end"] - answer["begin"] for answer in record.get("answers", []))
            self.assertEqual(len(record["logprobs"]), len(record["token_ids"]) - given)
            for answer in record.get("answers", []):
                ids = record["token_ids"][answer["begin"]:answer["end"]]
                self.assertEqual(bytes(ids).decode(), "{" + answer["text"] + "}")
                answered += 1
        self.assertGreater(answered, 16)

    def test_layouts(self):
        settings = {**support.FP64, "rl.steps": 2, "rl.prompts_per_step": 6, "rl.samples_per_prompt": 4,
                    "rl.record_rollouts": True, "engine.balance_every": 3}
        base = self.train("one rank", **settings)
        layouts = {"two replicas": (2, {}), "tensor parallel": (2, {"roles.policy.train.tp": 2}),
                   "two turns ahead": (1, {"rollout.tools.wait_steps": 0, "engine.max_num_seqs": 5})}
        for name, (ranks, more) in layouts.items():
            with self.subTest(name):
                rows = self.train(name, ranks, **settings, **more)
                expected = self.rollouts("one rank")
                found = self.rollouts(name)
                self.assertEqual(found.keys(), expected.keys())
                for key, record in found.items():
                    self.assertEqual(record["token_ids"], expected[key]["token_ids"], key)
                for row, wanted in zip(rows, base):
                    for key in ("gradient_norm", "reward_mean", "turns", "tool_tokens", "kl_token"):
                        self.assertLessEqual(abs(row[key] - wanted[key]), TOLERANCE * max(1.0, abs(wanted[key])), key)

    def test_a_replayed_run_trains_the_same(self):
        settings = {**support.FP64, "rl.steps": 2, "rl.prompts_per_step": 4, "rl.samples_per_prompt": 4}
        rows = self.train("recorded", **settings, **{"rl.record_rollouts": True})
        replayed = self.train("replayed", **settings, **{"rl.replay": str(self.folder / "recorded")})
        for row, wanted in zip(replayed, rows):
            for key in ("gradient_norm", "reward_mean", "turns", "completion_length"):
                self.assertEqual(row[key], wanted[key], key)

    def test_a_stopped_run_ends_as_an_undisturbed_one(self):
        settings = {"rl.steps": 8, "rl.prompts_per_step": 6, "rl.samples_per_prompt": 4, "metrics.samples_every": 1,
                    "metrics.samples_per_step": 100, "checkpoint.interval_steps": 3, "engine.balance_every": 3}

        def results(name):
            folder = self.folder / name
            metrics = [support.numbers(row) for row in support.read_jsonl(folder / "metrics.jsonl")]
            self.assertEqual([row["step"] for row in metrics], list(range(8)))
            return (support.dataset_hashes(support.last_checkpoint(folder)), metrics,
                    support.read_jsonl(folder / "samples.jsonl"))

        self.assert_ends(0, self.line("undisturbed", 2, settings))
        line = self.line("stopped", 2, {**settings, "rewards.delay_ms": 150})
        with self.running(line) as process:
            self.wait_for_lines(self.folder / "stopped" / "metrics.jsonl", 4, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=support.TIME_LIMIT), 75, self.output())
        self.assertIn("continues at step", self.assert_ends(0, line))
        for found, wanted in zip(results("stopped"), results("undisturbed")):
            self.assertGreater(len(wanted), 0)
            self.assertEqual(found, wanted)

    def test_what_is_wrong_is_named(self):
        cases = (
            ({"rollout.tools.command": []}, "rollout.tools.command"),
            ({"rollout.tools.command": ["no-such-program-anywhere"]}, "no-such-program-anywhere"),
            ({"rollout.tools.call_end": "<|im_end|>"}, "rollout.tools.call_end"),
            ({"rollout.tools.call_end": ""}, "rollout.tools.call_end"),
            ({"rollout.tools.max_answer_tokens": 4096}, "rollout.tools.max_answer_tokens"),
            ({"rollout.tools.max_turns": 1}, "rollout.tools.max_turns"),
            ({"rollout.tools.kind": "python"}, "rollout.tools.command"),
        )
        for settings, message in cases:
            with self.subTest(message):
                checked = support.run(self.line("wrong", 1, settings, ["--check"]))
                self.assertIn(message, checked.stdout)
                self.assertIn(message, self.assert_ends(2, self.line("wrong", 1, settings)))
                shutil.rmtree(self.folder / "wrong", ignore_errors=True)


if __name__ == "__main__":
    support.main()
