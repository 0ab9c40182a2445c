"""A user's own data and model: Parquet as verl writes it, fields of other names, init, --check, GGUF out."""
import importlib.util
import json
import pathlib
import re
import shlex
import shutil
import subprocess

import run_support
from run_support import RANDOM, ROOT, RunTest, command, read_jsonl, read_safetensors, run

MODELS = ROOT / "tests" / "data" / "models"
VERL = ROOT / "tests" / "data" / "records" / "verl_gsm8k.parquet"
NO_GENERATOR = {"data.generate.names": []}
# A question of verl's file has 170 bytes, which are tokens here.
ONE_STEP = {**NO_GENERATOR, "data.held_out": 0.0, "rl.steps": 1, "rl.prompts_per_step": 4, "rl.chunks": 1,
            "rl.samples_per_prompt": 2, "sampling.max_new_tokens": 8}


def write_byte_level_tokenizer(folder):
    """A tokenizer.json of 256 bytes, one merge and one end token, cut as Qwen2's."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    vocabulary = {letter: i for i, letter in enumerate(letters)} | {"he": 256}
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    end = {"id": 257, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
           "special": True}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [end], "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]}, "post_processor": None,
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
                  "merges": ["h e"]}}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}), encoding="utf-8")


def chat(question, answer, *, system=None, gold=None):
    turns = [{"role": "system", "content": system}] if system else []
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **({"answer": gold} if gold else {})}


class UserData(RunTest):
    def rl(self, name, ranks=1, config=RANDOM, **settings):
        return run(command(ranks, "rl", "--config", config, "--run-dir", self.folder / name,
                           settings={**ONE_STEP, **settings}))

    def make_model(self):
        """A toy model as a Hugging Face folder."""
        data = self.write_jsonl("made.jsonl", [{"problem": f"{i} + 1?", "answer": str(i + 1)} for i in range(8)])
        done = run(command(1, "sft", "--config", RANDOM, "--run-dir", self.folder / "made",
                           settings={**NO_GENERATOR, "data.files": [str(data)], "data.held_out": 0.0, "sft.steps": 1}))
        self.assertEqual(done.returncode, 0, done.stdout)
        return self.folder / "made" / "model"

    def tool(self, *arguments):
        return subprocess.run([run_support.program, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              check=False, timeout=run_support.TIME_LIMIT)

    def test_an_rl_step_of_verls_parquet_on_one_and_two_ranks(self):
        if not (pathlib.Path(run_support.program).parent / "libr1mpi_arrow.so").exists():
            self.skipTest("built without Arrow")
        for ranks in (1, 2):  # by default: the roles share the ranks
            name = f"verl{ranks}"
            done = self.rl(name, ranks, **{"data.files": [str(VERL)]})
            self.assertEqual(done.returncode, 0, done.stdout)
            row = read_jsonl(self.folder / name / "metrics.jsonl")[0]
            self.assertEqual(row["dropped_share"], 0.0)
            sample = read_jsonl(self.folder / name / "samples.jsonl")[0]
            self.assertIn("apples", json.dumps(sample))

    def test_nothing_to_score_is_said_at_the_start(self):
        data = self.write_jsonl("gold.jsonl", [{"question": f"{i} + 1?", "meta": {"gold": str(i + 1)}} for i in range(8)])
        done = self.rl("none", **{"data.files": [str(data)]})
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn('the first, ' + str(data) + ':1, has the fields meta.gold, question: set data.answer_fields = ["meta.gold"]',
                      done.stdout)
        done = self.rl("mapped", **{"data.files": [str(data)], "data.answer_fields": ["meta.gold"]})
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(read_jsonl(self.folder / "mapped" / "metrics.jsonl")[0]["dropped_share"], 0.0)

    def test_gold_that_cannot_be_read_is_said_at_the_start(self):
        data = self.write_jsonl("gold.jsonl", [{"problem": f"{i} + 1?", "answer": {"value": i + 1}} for i in range(4)])
        done = self.rl("none", **{"data.files": [str(data)]})
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("4 of the first 4 gold answers cannot be read by the reward correctness", done.stdout)
        self.assertIn(f'the first, {data}:1: "{{"value":1}}"; the record has the fields answer.value, problem', done.stdout)

    def test_sft_honours_held_out_files(self):
        train = self.write_jsonl("train.jsonl", [chat(f"{i} + 1?", str(i + 1)) for i in range(10)])
        held_out = self.write_jsonl("held_out.jsonl", [chat(f"{i} + 1?", str(i + 1), system="Be brief.") for i in (3, 4, 99)])
        done = run(command(1, "sft", "--config", RANDOM, "--run-dir", self.folder / "sft",
                           settings={**NO_GENERATOR, "data.files": [str(train)], "data.held_out_files": [str(held_out)],
                                     "data.prompt_template": "chat", "sft.steps": 1, "sft.loss_on": "assistant"}))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("2 training records dropped: their questions are held out", done.stdout)

    def test_generated_records_keep_the_turns_before(self):
        turns = chat("1 + 1?", "2", system="Be brief.")["messages"] + [{"role": "user", "content": "and one more?"}]
        data = self.write_jsonl("talk.jsonl", [{"prompt": turns}, {"problem": "2 + 2?"}])
        done = run(command(1, "generate", "--config", RANDOM, "--run-dir", self.folder / "generate",
                           settings={**NO_GENERATOR, "data.files": [str(data)], "data.held_out": 0.0,
                                     "data.prompt_template": "chat", "sampling.max_new_tokens": 4, "rewards.parts": [],
                                     "generate.keep.finished": False}))
        self.assertEqual(done.returncode, 0, done.stdout)
        kept = read_jsonl(self.folder / "generate" / "samples_kept.jsonl")
        talk = next(record for record in kept if "messages" in record)
        self.assertEqual(talk["messages"][:-1], turns)
        self.assertEqual(talk["messages"][-1]["role"], "assistant")
        self.assertEqual(next(record for record in kept if "messages" not in record)["instruction"], "2 + 2?")

    def test_check_reports_every_problem_at_once(self):
        data = self.write_jsonl("query.jsonl", [{"query": "1 + 1?", "gold": "2"}])
        broken = self.folder / "broken.json"
        broken.write_text("[{\"problem\": \"p\",\n", encoding="utf-8")
        done = self.tool("rl", "--config", RANDOM, "--check", "--set", "data.generate.names=[]",
                         "--set", f"data.files={json.dumps([str(data), str(broken)])}",
                         "--set", "data.prompt_template=chat", "--set", "model.chat_template=auto")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn('set data.problem_fields = ["query"]', done.stderr)
        self.assertIn("broken.json: line 2: not JSON: the file ends inside element 0", done.stderr)

    def test_init_writes_what_check_and_plan_accept(self):
        model = self.make_model()
        gold = self.write_jsonl("gold.jsonl", [{"query": f"{i} + 1?", "gold": str(i + 1)} for i in range(20)])
        talk = self.write_jsonl("talk.jsonl", [chat(f"Say {i}", f"{i}, as asked. " * 10) for i in range(20)])
        for stage, data, gpus in (("rl", gold, 4), ("sft", talk, 1), ("rl", gold, 0)):
            config = self.folder / f"{stage}{gpus}.toml"
            done = self.tool("init", "--model", model, "--data", data, "--gpus", gpus, "--output", config)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = config.read_text(encoding="utf-8")
            self.assertLess(len(text.splitlines()), 70)
            for arguments in ((stage, "--check", "--world-size", max(1, gpus)), ("plan",)):
                done = self.tool(arguments[0], "--config", config, *arguments[1:])
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('answer_fields = ["gold"]', (self.folder / "rl4.toml").read_text(encoding="utf-8"))
        done = run(command(2, "rl", "--config", self.folder / "rl0.toml", "--run-dir", self.folder / "first",
                           settings={"rl.steps": 1, "rl.prompts_per_step": 2, "rl.samples_per_prompt": 2,
                                     "sampling.max_new_tokens": 8, "rl.eval_every": 0}))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_inits_commands_can_be_pasted_where_a_path_has_a_blank(self):
        config = self.folder / "my first.toml"
        gold = self.write_jsonl("gold.jsonl", [{"query": f"{i} + 1?", "gold": str(i + 1)} for i in range(20)])
        done = self.tool("init", "--model", self.make_model(), "--data", gold, "--gpus", 0, "--output", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"build/r1mpi rl --config '{config}' --check", config.read_text(encoding="utf-8"))

    def test_check_fails_where_a_run_would_not_find_its_files(self):
        missing = {"data.files": '["nowhere.jsonl"]', "reference.path": "no/reference", "teacher.path": "not/read/by/rl"}
        settings = [word for key, value in missing.items() for word in ("--set", f"{key}={value}")]
        done = self.tool("rl", "--config", RANDOM, "--check", "--set", "data.generate.names=[]",
                         "--set", "kl.coefficient=0.1", *settings)
        self.assertEqual(done.returncode, 2, done.stdout)
        for words in ("rl: data.files: nowhere.jsonl does not exist", "rl: reference.path: no/reference does not exist"):
            self.assertIn(words, done.stderr)
        self.assertNotIn("not/read/by/rl", done.stderr)
        self.assertNotIn("is valid", done.stdout)

    def test_check_reads_the_gold_answer_of_a_suite(self):
        suites = self.folder / "suites.toml"
        data = self.write_jsonl("questions.jsonl", [{"problem": "1 + 1?", "right": "2"}])
        suites.write_text(f'include = "{RANDOM}"\n[[evaluate.suites]]\nname = "own"\npath = "{data}"\nscorer = "maths"\n',
                          encoding="utf-8")
        done = self.tool("evaluate", "--config", suites, "--check")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("evaluate.suites.own: 1 of 1 problems have no gold answer", done.stderr)

    def test_plans_own_suggestion_is_accepted_when_pasted(self):
        config = ROOT / "configs" / "examples" / "grpo_qwen2.5_7b.toml"
        tight = ["--set", "plan.memory_gb=40", "--set", "roles.policy.train.tp=1", "--set", "roles.reference.train.tp=1"]
        done = self.tool("plan", "--config", config, *tight)
        self.assertEqual(done.returncode, 2, done.stdout)
        lines = re.findall(r"(?:smallest layout that fits|fits on these ranks).*\n\s+(--world-size .*)", done.stdout)
        self.assertEqual(len(lines), 2, done.stdout)
        for line in lines:
            pasted = self.tool("plan", "--config", config, *tight, *shlex.split(line))
            self.assertEqual(pasted.returncode, 0, pasted.stdout + pasted.stderr)
        slow = ["--set", "rl.chunks=4", "--set", "trainer.activation_checkpointing=full"]
        done = self.tool("plan", "--config", config, *slow)
        faster = re.search(r"\nfaster: .*, ([0-9.]+) s a step\n\s+(--world-size .*)", done.stdout)
        self.assertIsNotNone(faster, done.stdout)
        pasted = self.tool("plan", "--config", config, *slow, *shlex.split(faster.group(2)))
        self.assertIn(f"step: {faster.group(1)} s", pasted.stdout)

    def test_gguf_files_hold_weights_and_tokenizer(self):
        for family in ("llama", "qwen2", "qwen3"):
            model = self.folder / family
            shutil.copytree(MODELS / family, model)
            if family == "llama":  # 320 rows of embedding, enough for a token a byte
                write_byte_level_tokenizer(model)
            weights = read_safetensors(model / "model.safetensors")
            for dtype, tolerance in (("fp32", 0.0), ("fp16", 1e-3), ("bf16", 1e-2), ("q8_0", 1e-2)):
                if family != "qwen3" and dtype == "q8_0":
                    continue  # their rows are no multiple of 32
                file, back = self.folder / f"{family}-{dtype}.gguf", self.folder / f"{family}-{dtype}"
                done = self.tool("convert", "--to", "gguf", "--dtype", dtype, "--input", model, "--output", file)
                self.assertEqual(done.returncode, 0, done.stderr)
                done = self.tool("convert", "--input", file, "--output", back, "--dtype", "fp32")
                self.assertEqual(done.returncode, 0, done.stderr)
                read = read_safetensors(back / "model.safetensors")
                self.assertEqual(read.keys(), weights.keys())
                self.assertLessEqual(run_support.relative_distance(read, weights), tolerance, file.name)
        texts = self.write_jsonl("texts.jsonl", [{"text": text} for text in ("hello, 12 worlds<|end|>", "안녕")])
        ids = []
        for tokenizer in (self.folder / "llama", self.folder / "llama-fp32.gguf"):
            output = self.folder / "ids.jsonl"
            done = self.tool("tokenize", "--tokenizer", tokenizer, "--input", texts, "--output", output)
            self.assertEqual(done.returncode, 0, done.stderr)
            ids.append([row["ids"] for row in read_jsonl(output)])
        self.assertEqual(ids[0], ids[1])
        self.assertEqual(ids[0][0][-1], 257)
        self.assertEqual(len(ids[0][0]), 16)  # "he" is merged

    def test_gguf_files_are_read_by_gguf_of_pypi(self):
        if importlib.util.find_spec("gguf") is None:
            self.skipTest("PyPI's gguf is not installed")
        import gguf  # pylint: disable=import-error
        file = self.folder / "model.gguf"
        done = self.tool("convert", "--to", "gguf", "--dtype", "q8_0", "--input", MODELS / "qwen3", "--output", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
        weights = read_safetensors(MODELS / "qwen3" / "model.safetensors")
        for ours, theirs in (("token_embd.weight", "model.embed_tokens.weight"),
                             ("blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight")):
            self.assertEqual(tensors[ours].tensor_type, gguf.GGMLQuantizationType.Q8_0)
            values = gguf.quants.dequantize(tensors[ours].data, tensors[ours].tensor_type).ravel()
            self.assertEqual(len(values), len(weights[theirs]))
            self.assertLess(max(abs(a - b) for a, b in zip(values, weights[theirs])),
                            5e-3 * max(map(abs, weights[theirs])))


if __name__ == "__main__":
    run_support.main()
