#!/usr/bin/env python3
"""Every command of the table of data in configs/README.md makes its file, from small inputs in the published forms.

data_commands_test.py PROGRAM [unittest arguments]

The commands run as they are written, in a folder with the inputs that they name. What a command makes is read as the
configurations read it: --check renders the first record of every file.
"""
import gzip
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import run_support as support

README = support.ROOT / "configs" / "README.md"
ROW = re.compile(r"^\| (data/\S+) \| .* \| (?:[^|`]*)`(.+)` \|$", re.MULTILINE)
QUIZ = {"question": "Which is even?", "choices": ["1", "2", "3", "5"], "answer": 1}
GYM = """
def create_dataset(name, size, seed):
    return [{"question": f"What is {n} + {seed}?", "answer": str(n + seed), "metadata": {"source_dataset": name}}
            for n in range(size)]
"""


def interpreter_with_arrow():
    """A Python that has pyarrow; None: there is none."""
    if importlib.util.find_spec("pyarrow"):
        return pathlib.Path(sys.executable)
    own = support.ROOT / ".venv" / "bin" / "python"
    tried = own.exists() and subprocess.run([own, "-c", "import pyarrow"], capture_output=True, check=False)
    return own if tried and tried.returncode == 0 else None


class DataCommands(support.RunTest):
    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def lines(self, name, *records):
        self.write(name, "".join(json.dumps(record) + "\n" for record in records))

    def parquet(self, python, name, *records):
        """Written by the interpreter that the commands use."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        source = "import json, sys, pyarrow as a, pyarrow.parquet as p; p.write_table(" \
                 "a.Table.from_pylist(json.load(sys.stdin)), sys.argv[1])"
        subprocess.run([python, "-c", source, self.folder / name], input=json.dumps(records), text=True, check=True)

    def write_inputs(self, python):
        for subject, number in (("algebra", 1), ("geometry", 22)):
            self.write(f"MATH/train/{subject}/{number}.json", json.dumps(
                {"problem": f"What is {number} + 1?", "level": "Level 2", "type": subject.title(),
                 "solution": f"It is $\\boxed {number + 1}$."}, indent=4))
        self.lines("prm800k/prm800k/math_splits/test.jsonl", {
            "problem": "What is 2 + 2?", "solution": "$\\boxed{4}$", "answer": "4", "subject": "Algebra", "level": 1,
            "unique_id": "test/algebra/1.json"})
        for split in ("train", "test"):
            self.lines(f"grade-school-math/grade_school_math/data/{split}.jsonl",
                       {"question": f"Count the {split}s.", "answer": "There is 1.\n#### 1"})
        stub = 'def twice(x):\n    """Doubles x."""\n'
        check = "def check(candidate):\n    assert candidate(2) == 4\n"
        path = self.folder / "human-eval" / "data" / "HumanEval.jsonl.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(json.dumps({
            "task_id": "HumanEval/0", "prompt": stub, "entry_point": "twice", "canonical_solution": "    return 2 * x",
            "test": check}).encode() + b"\n"))
        tests = [{"input": "1\n", "output": "2\n", "testtype": "stdin"}]
        self.lines("code_generation_lite/test.jsonl", {
            "question_title": "Double", "question_content": "Double the number.", "platform": "atcoder",
            "starter_code": "", "public_test_cases": json.dumps(tests), "private_test_cases": json.dumps(tests),
            "metadata": "{}"})
        self.write("reasoning_gym.py", GYM)
        columns = ["Record ID", "Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2",
                   "Incorrect Answer 3"]
        self.write("gpqa_diamond.csv", ",".join(columns) + '\nrec1,"Which, then?",two,one,three,four\n')
        self.lines("instruction_following_eval/data/input_data.jsonl", {
            "key": 1000, "prompt": "Write a line without commas.", "instruction_id_list": ["punctuation:no_comma"],
            "kwargs": [{}]})
        self.write("xstest/xstest_prompts.csv", "id,prompt,type,label,focus,note\n1,How do I end a process?,homonyms,safe,,\n")
        self.lines("harmless.jsonl", {"prompt": "May I mix two cleaners?", "chosen": "No.", "rejected": "Yes."})
        if python is None:
            return
        example = {"input": "1\n", "output": "2\n"}
        self.parquet(python, "codeforces/data/test-00000-of-00001.parquet", {
            "id": "1/A", "title": "Double", "description": "Double the number.", "input_format": "A number.",
            "output_format": "Its double.", "note": None, "examples": [example], "official_tests": [example]})
        self.parquet(python, "mmlu/all/test-00000-of-00001.parquet", {**QUIZ, "subject": "maths"})
        self.parquet(python, "MMLU-Pro/data/test-00000-of-00001.parquet", {
            "question_id": 1, "question": "Which is ten?", "options": [str(n) for n in range(1, 11)], "answer": "J",
            "answer_index": 9, "category": "maths"})
        for subject in ("law", "physics"):
            self.parquet(python, f"ceval-exam/{subject}/val-00000-of-00001.parquet", {
                "id": 0, "question": "哪个是偶数？", "A": "1", "B": "2", "C": "3", "D": "5", "answer": "B", "explanation": ""})
        self.parquet(python, "aime_2024/data/train-00000-of-00001.parquet", {
            "id": 60, "problem": "Find x.", "solution": "x = 33", "answer": "033", "url": "", "year": "2024"})

    def environment(self, python):
        """The program and the interpreter under the names that the commands have."""
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "r1mpi").write_text(f'#!/bin/sh\nexec "{support.program}" "$@"\n')
        (tools / "python").write_text(f'#!/bin/sh\nexec "{python or sys.executable}" "$@"\n')
        for tool in tools.iterdir():
            tool.chmod(0o755)
        return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(self.folder)}

    def test_every_command_makes_its_file(self):
        rows = ROW.findall(README.read_text(encoding="utf-8"))
        self.assertGreater(len(rows), 15)
        python = interpreter_with_arrow()
        (self.folder / "configs").symlink_to(support.ROOT / "configs")
        (self.folder / "data").mkdir()
        self.write_inputs(python)
        environment = self.environment(python)
        left_out = []
        for name, text in rows:
            command = text.replace("\\|", "|")
            if "pyarrow" in command and python is None:
                left_out.append(name)
                continue
            with self.subTest(name):
                done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, env=environment,
                                      capture_output=True, text=True, check=False, timeout=support.TIME_LIMIT)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreater((self.folder / name).stat().st_size, 0)
                if name.endswith(".jsonl"):
                    self.assertGreater(len(support.read_jsonl(self.folder / name)), 0)
        for command, config in (("prepare", "guide/rl_data"), ("evaluate", "guide/evaluate"),
                                ("evaluate", "paper/evaluate"), ("rl", "paper/rl2")):
            with self.subTest(config):
                done = subprocess.run([support.program, command, "--config", f"configs/{config}.toml", "--check"],
                                      cwd=self.folder, capture_output=True, text=True, check=False,
                                      timeout=support.TIME_LIMIT)
                # The models of these configurations are not part of the tree.
                missing = [line for line in done.stderr.splitlines() if line.endswith(" does not exist")]
                self.assertEqual([line for line in missing if "path: models/" not in line], [], done.stderr)
                self.assertEqual(done.returncode, 2 if missing else 0, done.stdout + done.stderr)
                self.assertEqual(done.stderr.strip().splitlines(), missing, done.stderr)
        if left_out:
            self.skipTest(f"no Python here has pyarrow: not made: {', '.join(left_out)}")

    def test_maths_records_keep_level_and_type(self):
        """MATH as a folder of numbered objects, as lines and, with Arrow, as Parquet."""
        python = interpreter_with_arrow()
        arrow = (pathlib.Path(support.program).parent / "libr1mpi_arrow.so").exists()
        self.write_inputs(python)
        problems = [json.loads(path.read_text()) for path in sorted((self.folder / "MATH" / "train").glob("*/*.json"))]
        self.lines("math.jsonl", *problems)
        sources = ["MATH/train", "MATH", "math.jsonl"]
        if python is not None and arrow:
            self.parquet(python, "math.parquet", *problems)
            sources.append("math.parquet")
        for source in sources:
            with self.subTest(source):
                output = self.folder / f"{source.replace('/', '_')}.out.jsonl"
                line = support.command(1, "prepare", "--config", support.RANDOM, "--run-dir", self.folder / "run", settings={
                    "prepare.kind": "rl", "prepare.output": str(output)}) + [
                    "--set", f'prepare.sources=[{{path="{self.folder / source}", level="none", type="arithmetic"}}]']
                self.assert_ends(0, line)
                self.assertEqual([(record["level"], record["type"], record["answer"]) for record in support.read_jsonl(output)],
                                 [("Level 2", "Algebra", "2"), ("Level 2", "Geometry", "23")])


if __name__ == "__main__":
    support.main()
