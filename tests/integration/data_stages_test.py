#!/usr/bin/env python3
"""The stages that make and use data: evaluate on every kind of suite, generate over the five domains, prepare.

data_stages_test.py PROGRAM [unittest arguments]
"""
import json
import tomllib

import run_support as support

SUITES = support.ROOT / "configs" / "tiny" / "evaluate.toml"
SFT1 = support.ROOT / "configs" / "guide" / "sft1_data.toml"
RAW = support.ROOT / "tests" / "data" / "formats" / "raw_records.h5"
DOMAINS = {"mathematics", "physics", "chemistry", "logic", "code"}


def toml(value):
    """A TOML value; JSON has the same texts, numbers and lists."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


class DataStages(support.RunTest):
    def config(self, name, **sections):
        """A configuration on top of the toy model's."""
        text = f'include = "{support.RANDOM}"\n'
        for section, keys in sections.items():
            text += f"[{section}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in keys.items())
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def line(self, command, config, ranks=1, **settings):
        return support.command(ranks, command, "--config", config, "--run-dir", self.folder / config.stem,
                               settings={"run.threads": 1, **settings})

    def model(self, seed):
        """The folder of a toy model after one step of fine-tuning."""
        self.write_jsonl("sums.jsonl", [{"instruction": f"{a} + 1", "output": str(a + 1)} for a in range(20)])
        config = self.config(f"model{seed}", data={
            "files": [str(self.folder / "sums.jsonl")], "held_out": 0.0, "generate": {"names": []}})
        self.assert_ends(0, self.line("sft", config, **{"run.seed": seed, "sft.steps": 1}))
        return str(self.folder / config.stem / "model")

    def test_evaluate_has_every_kind_of_suite(self):
        suites = tomllib.loads(SUITES.read_text(encoding="utf-8"))["evaluate"]["suites"]
        models = [{"name": "teacher", "path": self.model(1)},
                  {"name": "student", "path": self.model(2), "teacher": "teacher"}]
        config = self.config("evaluate", rewards={"workers": 2, "code": {"test_seconds": 2.0}}, evaluate={
            "sampling": {"max_new_tokens": 16}, "models": models, "suites": suites})
        output = self.assert_ends(0, self.line("evaluate", config, 2))
        # Suites of a benchmark by another name have rows of their own.
        self.assertRegex(output, r"student +reasoning +word_sorting +\d+\.\d %")
        for words in ("code runs under", "student / teacher", "refused", "reasoning"):
            self.assertIn(words, output)
        results, details = (json.loads((self.folder / "evaluate" / f"evaluation_{name}.json").read_text())
                            for name in ("results", "details"))
        # The bytes of a toy model answer no question and refuse none.
        scores = {"maths": 0.0, "reasoning": 0.0, "code": 0.0, "safety": 0.0, "choice": 0.0}
        completions = {}
        for path in (self.folder / "evaluate").glob("completions_*.jsonl"):
            for record in support.read_jsonl(path):
                completions.setdefault((record["model"], record["suite"]), []).append(record["score"])
        for model in ("teacher", "student"):
            self.assertEqual(results[model], scores)
            entries = details[model]
            self.assertEqual(set(entries), set(scores) | {"unit_conversion", "word_sorting"})
            for suite in suites:
                entry = entries[suite["name"]]
                verdicts = completions[model, suite["name"]]
                self.assertEqual(len(verdicts), entry["num_samples"])
                self.assertEqual(entry["score"], sum(score == 1 for score in verdicts) / len(verdicts))
                self.assertEqual(entry["num_dropped"], 0, entry)
                self.assertEqual(entry["num_samples"], entry["num_problems"] * suite.get("samples_per_prompt", 1))
            self.assertEqual(set(entries["maths"]["pass_at"]), {"1", "2", "4"})
            self.assertEqual(entries["reasoning"]["num_problems"], 16)
            counts = entries["safety"]["behaviour"]
            self.assertEqual({kind: sum(row.values()) for kind, row in counts.items()}, {"safe": 4, "unsafe": 4})
            self.assertEqual({kind: row.get("neither") for kind, row in counts.items()}, {"safe": 4, "unsafe": 4})
        self.assertEqual(details["student"]["maths"]["teacher"], "teacher")

    def test_evaluate_reads_benchmarks_as_they_are_published(self):
        tests = json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])
        call = json.dumps([{"input": "[1]", "output": "2", "testtype": "functional"}])
        example = {"input": "1\n", "output": "2\n"}
        columns = "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
        files = {  # name -> (text or records, scorer)
            "mmlu.csv": ("Which is even?,1,2,3,5,B\n\"Which, then?\",1,3,2,5,C\n", "choice"),
            "mmlu.jsonl": ([{"question": "Which is even?", "subject": "x", "choices": ["1", "2", "3", "5"], "answer": 1}] * 2,
                           "choice"),
            "mmlu_pro.jsonl": ([{"question_id": n, "question": f"Which is {n}?", "options": [str(k) for k in range(1, 11)],
                                 "answer": "ABCDEFGHIJ"[n - 1], "answer_index": n - 1, "category": "x"} for n in (1, 10)],
                               "choice"),
            "gpqa.csv": (columns + 'rec1,"Which, then?",two,one,three,four\nrec2,Who?,he,she,it,they\n', "choice"),
            "ceval.csv": ("id,question,A,B,C,D,answer,explanation\n0,哪个是偶数？,1,2,3,5,B,\n1,哪个？,1,3,2,5,C,因为\n", "choice"),
            "aime_hf.jsonl": ([{"id": 60, "problem": "Find x.", "solution": "33", "answer": "033", "year": "2024"}] * 2, "maths"),
            "aime_2024.jsonl": ([{"ID": "2024-I-1", "Problem": "Find x.", "Solution": "So 33.", "Answer": 33}] * 2, "maths"),
            "aime.csv": ("ID,Year,Problem Number,Question,Answer,Part\n1983-1,1983,1,Find x.,60,\n1983-2,1983,2,Find y.,15,\n",
                         "maths"),
            "aime_boxed.jsonl": ([{"id": n, "problem": "Find x.", "solution": "\\boxed{204}", "url": ""} for n in (1, 2)], "maths"),
            "livecodebench.jsonl": ([{"question_content": "Double.", "starter_code": code, "public_test_cases": cases,
                                      "private_test_cases": "[]", "metadata": json.dumps({"func_name": "twice"})}
                                     for code, cases in (("", tests), ("class Solution:", call))], "code"),
            "codeforces.jsonl": ([{"title": "Double", "description": "Double.", "input_format": "A number.",
                                   "output_format": "A number.", "note": None, "examples": [example],
                                   "official_tests": [example]}] * 2, "code"),
            "ifeval.jsonl": ([{"key": n, "prompt": "Write.", "instruction_id_list": ["punctuation:no_comma", "startend:quotation"],
                               "kwargs": [{"num_words": None}, {}]} for n in (1, 2)], "instructions")}
        suites = []
        for name, (content, scorer) in files.items():
            if isinstance(content, str):
                (self.folder / name).write_text(content, encoding="utf-8")
            else:
                self.write_jsonl(name, content)
            suites.append({"name": name.replace(".", "_"), "path": str(self.folder / name), "scorer": scorer})
        config = self.config("published", rewards={"workers": 1, "code": {"test_seconds": 2.0}}, evaluate={
            "sampling": {"max_new_tokens": 12}, "suites": suites})
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                line = support.command(ranks, "evaluate", "--config", config, "--run-dir", self.folder / f"run{ranks}",
                                       settings={"run.threads": 1, "data.max_bad_lines": 0})
                printed = self.assert_ends(0, line)
                details = json.loads((self.folder / f"run{ranks}" / "evaluation_details.json").read_text())
                (entries,) = details.values()
                self.assertEqual(set(entries), {suite["name"] for suite in suites})
                for name, entry in entries.items():
                    self.assertEqual((entry["num_problems"], entry["num_dropped"]), (2, 0), name)
                shares = entries["ifeval_jsonl"]["instructions"]
                self.assertEqual(shares["prompt_strict"], entries["ifeval_jsonl"]["score"])
                self.assertLessEqual(shares["instruction_strict"], shares["instruction_loose"])
                self.assertIn("prompt strict", printed)

    def test_generate_covers_the_five_domains(self):
        guide = tomllib.loads(SFT1.read_text(encoding="utf-8"))
        names = guide["data"]["generate"]["names"]
        self.assertIn("code_problem", names)
        rewards = {**guide["rewards"], "workers": 2}
        config = self.config("generate", data={"generate": {"names": names, "count": 2, "held_out_count": 0}},
                             rewards=rewards, generate={
            "output": str(self.folder / "sft1.jsonl"), "samples_per_prompt": 2, "num_prompts": 0, "record": "full",
            "keep": {"min_reward": 0.0, "score": "total", "correct": False, "format": False, "finished": False,
                     "one_language": False, "max_repetition": 1.0}})
        self.assertIn("code runs under", self.assert_ends(0, self.line("generate", config)))
        report = json.loads((self.folder / "sft1.jsonl.report.json").read_text())
        self.assertEqual(set(report["domains"]), DOMAINS)
        self.assertEqual(report["seen"], 4 * len(names))
        self.assertEqual(report["seen"], sum(counts["seen"] for counts in report["domains"].values()))
        kept = support.read_jsonl(self.folder / "sft1.jsonl")
        self.assertEqual(len(kept), report["kept"])
        # No record was without a scorer; letters of a toy model hold no program.
        self.assertNotIn("unparsable_gold", {record["reason"] for record in kept})
        self.assertEqual({record["parts"]["puzzle"] for record in kept if record["type"] == "code"}, {0.0})

    def test_prepare_reads_hdf5_and_names_bad_rows(self):
        output = self.folder / "rl.jsonl"
        config = self.config("prepare", prepare={
            "kind": "rl", "output": str(output), "sources": [{"path": str(RAW), "type": "maths"}]})
        printed = self.assert_ends(0, self.line("prepare", config, **{"data.max_bad_lines": 1}))
        self.assertIn("raw_records.h5:8", printed)
        records = support.read_jsonl(output)
        self.assertEqual([record["answer"] for record in records], ["1", "3", "5", "7", "9", "11", "7"])
        self.assertEqual(records[6]["problem"], "넷에 셋을 더하면?")
        report = json.loads((self.folder / "rl.jsonl.report.json").read_text())
        self.assertEqual(report["kept"], 7)
        self.assertEqual(sum(report["dropped"].values()), 2, report)
        (bad,) = report["bad_lines"]
        self.assertEqual((bad["line"], "UTF-8" in bad["reason"]), (8, True), bad)
        self.assertIn("raw_records.h5", self.assert_ends(2, self.line("prepare", config, **{"data.max_bad_lines": 0})))


if __name__ == "__main__":
    support.main()
