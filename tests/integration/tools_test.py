#!/usr/bin/env python3
"""Runs the tools of r1mpi on the fixtures and compares what they write with what must be there.

tools_test.py PROGRAM [unittest arguments]
"""
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
LLAMA = DATA / "models" / "llama"
REWARD = DATA / "models" / "qwen2_reward"
BERT = DATA / "models" / "bert_toxic"
DECODERS = [DATA / "models" / name for name in ("llama", "qwen2", "qwen3", "deepseek_v3", "deepseek_v3_noqlora")]
REWARD = DATA / "models" / "qwen2_reward"
PROGRAM = ""
LOGPROB_TOLERANCE = 1e-4  # fp32, as the fixtures' README allows
SCORE_TOLERANCE = 5e-5


def run(*arguments):
    """The finished process of `r1mpi arguments`."""
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_safetensors(path):
    """All fp32 tensors of a file as flat lists."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        count = (end - begin) // 4
        tensors[name] = struct.unpack(f"<{count}f", content[8 + length + begin : 8 + length + end])
    return tensors


def fixture_sequences(model=LLAMA):
    """Ids, positions and greedy continuation (a classifier: None) of each sequence of the fixture."""
    inputs = json.loads((model / "inputs.json").read_text())
    sequences = []
    continuations = inputs.get("greedy", {}).get("token_ids", [None] * 3)
    for sequence, greedy in zip(inputs["sequences"], continuations):
        length = sequence["length"]
        sequences.append((sequence["input_ids"][:length], sequence["position_ids"][:length], greedy))
    return sequences


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, records):
        path = self.folder / name
        path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
        return path

    def records_of(self, command, records, *arguments):
        """The output records of a tool; also that fields keep their order in front of the new ones."""
        source, target = self.write("in.jsonl", records), self.folder / "out.jsonl"
        done = run(command, "--input", source, "--output", target, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = read_jsonl(target)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [])
        return found

    def assert_refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Score(ToolTest):
    def check(self, model, fixture):
        expected = read_safetensors(fixture / "expected.safetensors")
        records = [
            {"z": number, "ids": ids, "position_ids": positions, "a": {"deep": [1, None]}}
            for number, (ids, positions, _) in enumerate(fixture_sequences(fixture))
        ]
        for arguments in ([], ["--batch-tokens", "1"]):
            found = self.records_of("score", records, "--model", model, *arguments)
            self.assertEqual(len(found), len(records))
            for number, (record, scored) in enumerate(zip(records, found)):
                self.assertEqual(list(scored), ["z", "ids", "position_ids", "a", "logprobs"])
                self.assertEqual({key: scored[key] for key in record}, record)
                wanted = expected[f"seq{number}.logprobs"]
                self.assertEqual(len(scored["logprobs"]), len(record["ids"]) - 1)
                worst = max(abs(a - b) for a, b in zip(scored["logprobs"], wanted))
                self.assertLess(worst, LOGPROB_TOLERANCE)

    def test_logprobs_equal_the_fixture(self):
        for fixture in DECODERS:
            with self.subTest(fixture.name):
                self.check(fixture, fixture)

    def test_converted_models_score_alike(self):
        for fixture in DECODERS:
            with self.subTest(fixture.name):
                checkpoint, folder = self.folder / f"{fixture.name}.checkpoint", self.folder / f"{fixture.name}.hf"
                for source, target, kind in ((fixture, checkpoint, "checkpoint"), (checkpoint, folder, "hf")):
                    done = run("convert", "--input", source, "--output", target, "--to", kind)
                    self.assertEqual(done.returncode, 0, done.stderr)
                self.check(folder, fixture)
                config, original = (json.loads((path / "config.json").read_text()) for path in (folder, fixture))
                for key in ("eos_token_id", "bos_token_id", "pad_token_id", "architectures", "model_type"):
                    self.assertEqual(config[key], original[key])

    def test_sampling_defaults_survive_conversion(self):
        source, checkpoint, folder = (self.folder / name for name in ("source", "checkpoint", "again"))
        shutil.copytree(LLAMA, source)
        generation = {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "eos_token_id": [2, 5], "bos_token_id": 1}
        (source / "generation_config.json").write_text(json.dumps(generation))
        for origin, target, kind in ((source, checkpoint, "checkpoint"), (checkpoint, folder, "hf")):
            done = run("convert", "--input", origin, "--output", target, "--to", kind)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads((folder / "generation_config.json").read_text()), generation)

    def test_a_classifier_gives_scores(self):
        expected = read_safetensors(REWARD / "expected.safetensors")["scores"]
        records = [{"ids": ids, "position_ids": positions} for ids, positions, _ in fixture_sequences(REWARD)]
        for arguments in ([], ["--batch-tokens", "1"]):
            found = self.records_of("score", records, "--model", REWARD, *arguments)
            for scored, wanted in zip(found, expected):
                self.assertEqual(list(scored), ["ids", "position_ids", "score", "scores"])
                self.assertLess(abs(scored["score"] - wanted), SCORE_TOLERANCE)
                self.assertEqual(scored["scores"], [scored["score"]])
        source, output = self.write("in.jsonl", [{"ids": [1]}, {"ids": []}]), self.folder / "bad.jsonl"
        done = run("score", "--model", REWARD, "--input", source, "--output", output)
        self.assert_refused(done, "in.jsonl:2", "found 0")

    def test_bert_reads_token_types_and_text(self):
        bert, safety = DATA / "models" / "bert_toxic", DATA / "models" / "tiny_safety"
        inputs = json.loads((bert / "inputs.json").read_text())["sequences"]
        records = [{key: sequence[name][:sequence["length"]] for key, name in
                    (("ids", "input_ids"), ("position_ids", "position_ids"), ("token_type_ids", "token_type_ids"))}
                   for sequence in inputs]
        expected = read_safetensors(bert / "expected.safetensors")
        for number, scored in enumerate(self.records_of("score", records, "--model", bert)):
            wanted = expected[f"seq{number}.logits"]
            self.assertLess(max(abs(a - b) for a, b in zip(scored["scores"], wanted)), SCORE_TOLERANCE)
        (text,) = self.records_of("score", [{"text": "you are nice"}], "--model", safety)
        (ids,) = self.records_of("score", [{"ids": text["ids"]}], "--model", safety)
        self.assertEqual(text["scores"], ids["scores"])
        (tokens,) = self.records_of("tokenize", [{"text": "you are nice"}], "--tokenizer", safety)
        self.assertEqual(tokens["ids"], text["ids"])

    def test_converted_classifiers_give_the_same_scores(self):
        for fixture in (REWARD, DATA / "models" / "bert_toxic"):
            with self.subTest(fixture.name):
                folder, again = self.folder / fixture.name, self.folder / f"{fixture.name}.again"
                for source, target in ((fixture, folder), (folder, again)):
                    done = run("convert", "--input", source, "--output", target)
                    self.assertEqual(done.returncode, 0, done.stderr)
                records = [{"ids": [3, 17, 60, 5]}, {"ids": [90, 2]}]
                original, found = (self.records_of("score", records, "--model", path) for path in (fixture, again))
                self.assertEqual(found, original)
                config, wanted = (json.loads((path / "config.json").read_text()) for path in (again, fixture))
                self.assertEqual(config, wanted)
                self.assertEqual(read_safetensors(again / "model.safetensors"),
                                 read_safetensors(fixture / "model.safetensors"))
        done = run("convert", "--input", REWARD, "--output", self.folder / "no", "--to", "checkpoint")
        self.assert_refused(done, "classifier")

    def test_gguf_files_without_a_tokenizer(self):
        gguf = DATA / "models" / "gguf"
        expected = read_safetensors(gguf / "expected.safetensors")
        ids = json.loads((gguf / "inputs.json").read_text())["ids"]
        for name in ("llama", "qwen2", "qwen3", "deepseek2", "deepseek2_whole"):
            with self.subTest(name):
                logits, folder = expected[f"{name}.logits"], self.folder / name
                size = len(logits) // len(ids)
                rows = [logits[i * size:(i + 1) * size] for i in range(len(ids))]
                wanted = [row[token] - math.log(sum(map(math.exp, row))) for row, token in zip(rows, ids[1:])]
                done = run("convert", "--input", gguf / f"{name}.gguf", "--output", folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                for model in (gguf / f"{name}.gguf", folder):
                    (found,) = self.records_of("score", [{"ids": ids}], "--model", model)
                    worst = max(abs(a - b) for a, b in zip(found["logprobs"], wanted))
                    self.assertLess(worst, LOGPROB_TOLERANCE)

    def test_short_records(self):
        found = self.records_of("score", [{"ids": []}, {"ids": [5]}, {"ids": [5, 6]}], "--model", LLAMA)
        self.assertEqual([len(record["logprobs"]) for record in found], [0, 0, 1])

    def test_text_with_a_byte_tokenizer(self):
        found = self.records_of("score", [{"text": "Ab"}], "--model", LLAMA, "--tokenizer", "bytes")
        self.assertEqual(found[0]["ids"], [65, 98])

    def test_wrong_input(self):
        output = self.folder / "out.jsonl"
        for record, words in (
            ({"ids": [1, 320]}, ("in.jsonl:1", "320")),
            ({"ids": [1, "x"]}, ("in.jsonl:1", "ids")),
            ({"ids": [1, 2], "position_ids": [0]}, ("in.jsonl:1", "position_ids")),
            ({"other": 1}, ("in.jsonl:1", "ids")),
            ({"text": "no tokenizer here"}, ("tokenizer",)),
        ):
            source = self.write("in.jsonl", [record])
            self.assert_refused(run("score", "--model", LLAMA, "--input", source, "--output", output), *words)
            self.assertFalse(output.exists())
        source = self.write("in.jsonl", [{"ids": [1, 2]}])
        missing = self.folder / "nowhere"
        self.assert_refused(run("score", "--model", missing, "--input", source, "--output", output), str(missing))


class Generate(ToolTest):
    def test_greedy_equals_the_fixture(self):
        chosen = [(ids, greedy) for ids, positions, greedy in fixture_sequences() if positions[0] == 0]
        arguments = ["--model", LLAMA, "--greedy", "--ignore-eos", "--max-new", 16]
        found = self.records_of("generate", [{"ids": ids, "k": 1} for ids, _ in chosen], *arguments)
        for record, (ids, greedy) in zip(found, chosen):
            self.assertEqual(record["ids"], ids)
            self.assertEqual(record["completion_ids"], greedy)
            self.assertEqual(record["finish_reason"], "length")
            self.assertEqual(len(record["logprobs"]), 16)

    def test_draws_depend_on_the_seed_alone(self):
        records = [{"ids": list(range(3, 3 + length))} for length in (4, 9, 2)]
        common = ["--model", LLAMA, "--dtype", "fp64", "--max-new", 8, "--samples", 3]
        first = self.records_of("generate", records, *common, "--seed", 5)
        again = self.records_of("generate", records, *common, "--seed", 5, "--batch-size", 2)
        other = self.records_of("generate", records, *common, "--seed", 6)
        ids = [[record["completion_ids"] for record in found] for found in (first, again, other)]
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], ids[2])
        self.assertEqual([record["sample"] for record in first], [0, 1, 2] * 3)


class Tokenize(ToolTest):
    TEXTS = ["", "Hello, world", "제곱의 합 √2 ≈ 1.41", "a\tb\n🙂<|im_end|>"]

    def test_round_trip(self):
        encoded = self.records_of("tokenize", [{"text": text} for text in self.TEXTS], "--tokenizer", "bytes")
        self.assertEqual(encoded[1]["ids"], list(b"Hello, world"))
        self.assertEqual(encoded[3]["ids"][-1], 257)
        ids_only = [{"n": number, "ids": record["ids"]} for number, record in enumerate(encoded)]
        decoded = self.records_of("tokenize", ids_only, "--tokenizer", "bytes", "--decode")
        self.assertEqual([record["text"] for record in decoded], self.TEXTS)
        self.assertEqual(list(decoded[0]), ["n", "ids", "text"])

    def test_wordpiece(self):
        for name in ("cased", "uncased"):
            folder = DATA / "tokenizer" / "wordpiece" / name
            golden = read_jsonl(folder / "golden.jsonl")
            found = self.records_of("tokenize", [{"text": record["text"]} for record in golden], "--tokenizer", folder)
            self.assertEqual([record["ids"] for record in found], [record["ids"] for record in golden])
        source, output = self.write("in.jsonl", [{"ids": [1]}]), self.folder / "out.jsonl"
        done = run("tokenize", "--tokenizer", folder, "--decode", "--input", source, "--output", output)
        self.assert_refused(done, "WordPiece")

    def test_unknown_id(self):
        source = self.write("in.jsonl", [{"ids": [1]}, {"ids": [1, 9999]}])
        output = self.folder / "out.jsonl"
        done = run("tokenize", "--tokenizer", "bytes", "--decode", "--input", source, "--output", output)
        self.assert_refused(done, "in.jsonl:2", "9999")


class Verify(ToolTest):
    def test_verdicts(self):
        pairs = [
            {"gold": "1/2", "pred": "so it is \\boxed{0.5}"},
            {"gold": "3", "pred": "\\boxed{4}"},
            {"gold": 12, "pred": "The answer is #### 12", "id": "x"},
        ]
        found = self.records_of("verify", pairs)
        self.assertEqual([record["verdict"] for record in found], ["equal", "different", "equal"])
        self.assertEqual([record["score"] for record in found], [1, 0, 1])
        self.assertEqual(found[0]["reason"], "ok")
        self.assertEqual(list(found[2])[:3], ["gold", "pred", "id"])
        self.assertTrue(all(record["rule"] for record in found))


class WrongInput(ToolTest):
    def test_bad_lines_name_file_and_line(self):
        output = self.folder / "out.jsonl"
        for content, reason in (
            (b'{"gold": "1", "pred": "1"}\nnot json\n', "in.jsonl:2"),
            (b'{"gold": "1", "pred": "1"}\n\n[1]\n', "in.jsonl:3"),
            (b'{"gold": "\xff", "pred": "1"}\n', "UTF-8"),
            (b'{"gold": "1"}\n', '"pred"'),
            (b'{"a": ' * 100 + b"1" + b"}" * 100 + b"\n", "nested"),
        ):
            source = self.folder / "in.jsonl"
            source.write_bytes(content)
            self.assert_refused(run("verify", "--input", source, "--output", output), "in.jsonl:", reason)
            self.assertFalse(output.exists())

    def test_missing_files_are_named(self):
        missing = self.folder / "missing.jsonl"
        output = self.folder / "out.jsonl"
        self.assert_refused(run("verify", "--input", missing, "--output", output), str(missing))
        self.assert_refused(run("convert", "--input", missing, "--output", output), str(missing))
        self.assert_refused(run("report", "--run-dir", missing), str(missing))
        self.assert_refused(run("plan", "--config", missing), str(missing))
        source = self.write("in.jsonl", [])
        unwritable = self.folder / "nowhere" / "out.jsonl"
        self.assert_refused(run("verify", "--input", source, "--output", unwritable), str(unwritable))

    def test_command_line(self):
        self.assert_refused(run("scoer"), "did you mean score")
        self.assert_refused(run("verify", "--inptu", "a"), "did you mean --input")
        self.assert_refused(run(), "--help")
        self.assert_refused(run("score", "--model", LLAMA), "--input")

    def test_existing_output_is_kept(self):
        (self.folder / "model").mkdir()
        (self.folder / "model" / "mine").write_text("x")
        self.assert_refused(run("convert", "--input", LLAMA, "--output", self.folder / "model"), "exists")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["model"])


class Plan(ToolTest):
    CONFIGS = DATA.parent.parent / "configs"

    def test_check_and_plan(self):
        config = self.CONFIGS / "tiny" / "random.toml"
        done = run("rl", "--config", config, "--check", "--world-size", 4)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("policy", done.stdout)
        self.assertEqual(run("plan", "--config", config, "--world-size", 4).returncode, 0)

    def test_one_stage_of_a_file_that_has_a_pipeline(self):
        """`plan` takes the pipeline's stages, each under its name; --stage, and a stage's own --check, take the file."""
        config = self.CONFIGS / "tiny" / "random.toml"
        self.assertEqual(run("plan", "--config", config).stdout.count("== "), 6)
        for line in (("plan", "--stage", "sft"), ("sft", "--check")):
            done = run(*line, "--config", config)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.startswith("sft on 1 x"), done.stdout)
            self.assertNotIn("== ", done.stdout)

    def test_misfit_is_an_error_of_plan_alone(self):
        config = self.CONFIGS / "tiny" / "random.toml"
        small = ["--set", "plan.memory_gb=0.000001"]
        self.assert_refused(run("plan", "--config", config, *small), "does not fit")
        done = run("rl", "--check", "--config", config, *small)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("does not fit", done.stderr)

    def test_the_guides_hardware_is_refused_with_numbers(self):
        config = self.CONFIGS / "guide" / "rl1.toml"
        for ranks, there in ((8, "0.64 TB"), (16, "1.28 TB")):
            done = run("plan", "--config", config, "--world-size", ranks, "--set", "plan.machine=A100-80")
            self.assert_refused(done, "does not fit")
            for words in ("weights alone are 1.34 TB in bf16", f"the {ranks} ranks have {there}", "smallest layout that fits"):
                self.assertIn(words, done.stdout)

    def test_shape_comes_from_the_models_files(self):
        config = self.folder / "config.toml"
        config.write_text(f"[model]\npath = '{LLAMA}'\n")
        done = run("plan", "--config", config, "--stage", "sft")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("parameters", done.stdout)
        self.assertNotIn("is neither in its files", done.stdout)

    def test_scoring_models_count(self):
        """[reward_model] and [[rewards.models]]: a decoder's shape comes from its files, BERT's memory is a note."""
        config = self.folder / "config.toml"
        part = '[[rewards.parts]]\nname = "{0}"\n'
        config.write_text(f'include = "{self.CONFIGS / "tiny" / "random.toml"}"\n[reward_model]\npath = "{REWARD}"\n'
                          + part.format("reward_model") + part.format("second")
                          + f'[[rewards.models]]\nname = "second"\npath = "{REWARD}"\n[pipeline]\nstages = []\n')
        planned = {}
        for name, path in (("decoder", REWARD), ("bert", BERT)):
            done = run("plan", "--config", config, "--stage", "rl", "--world-size", 4, "--set", f"reward_model.path={path}")
            self.assertEqual(done.returncode, 0, done.stderr)
            reward = done.stdout.split("\nreward ")[1].split("\nreference ")[0]
            planned[name] = (reward.count("weights"), "no classifier on top of a decoder" in done.stdout)
        self.assertEqual(planned, {"decoder": (2, False), "bert": (1, True)})

    def test_sweep(self):
        config = self.CONFIGS / "tiny" / "random.toml"
        done = run("plan", "--config", config, "--sweep", "1..4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()[2:5]], ["1", "2", "4"])
        self.assert_refused(run("plan", "--config", config, "--sweep", "4..1"), "FIRST..LAST")

    def test_unknown_key(self):
        done = run("rl", "--check", "--config", self.CONFIGS / "tiny" / "random.toml", "--set", "rl.stepz=3")
        self.assert_refused(done, "rl.stepz", "steps")


class Texts(ToolTest):
    def test_help_version_options(self):
        for arguments, word in ((["--help"], "distill"), (["--version"], "r1mpi "), (["options"], "learning_rate")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(word, done.stdout)

    def test_report(self):
        (self.folder / "metrics.jsonl").write_text('{"step": 1, "reward_mean": 0.5}\n')
        (self.folder / "evaluation_results.json").write_text('{"model": {"maths": 0.25}}')
        done = run("report", "--run-dir", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("maths", done.stdout)
        self.assertIn("<html", (self.folder / "report.html").read_text())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
