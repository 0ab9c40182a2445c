#!/usr/bin/env python3
"""Faults of files and disks (F2, F3, F4, F12) in real runs: what is damaged is named, what is hostile is refused, what is
full is waited for.

fault_files_test.py PROGRAM [unittest arguments]
"""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time

import run_support as support

STEPS = 8
SETTINGS = {"sft.steps": STEPS, "run.threads": 1, "metrics.tensorboard": False, "checkpoint.keep_last": 3}
END_LIMIT = 120.0  # seconds, on a machine that does other work


class FaultTest(support.RunTest):
    def setUp(self):
        super().setUp()
        self.records = self.write_jsonl("records.jsonl", [{"instruction": f"{a} + 1", "output": str(a + 1)} for a in range(32)])

    def of_command(self, command):
        """The settings of supervised stages, which need records."""
        return {"data.files": [str(self.records)], "data.generate.names": []} if command == "sft" else {}

    def line(self, name="run", command="sft", ranks=1, more=(), **settings):
        return support.command(ranks, command, "--config", support.RANDOM, "--run-dir", self.folder / name, *more,
                               settings={**SETTINGS, **self.of_command(command), **{key.replace("__", "."): value for key, value in settings.items()}})

    def steps(self, name="run"):
        return sorted(int(path.name[5:]) for path in (self.folder / name / "checkpoints").glob("step-*"))

    def tool(self, status, *arguments):
        """A command of one process, without a launcher; it must end within a second's order of time by itself."""
        done = subprocess.run([support.program, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=END_LIMIT, check=False)
        self.assertEqual(done.returncode, status, " ".join(map(str, arguments)) + "\n" + done.stdout + done.stderr)
        return done.stdout + done.stderr

    def wait_for_text(self, text, process):
        for _ in range(6000):
            if text in self.output():
                return
            self.assertIsNone(process.poll(), self.output())
            time.sleep(0.02)
        self.fail(f"'{text}' is not logged:\n" + self.output())


class Files(FaultTest):
    def test_F2_killed_at_each_point_of_a_save(self):
        """One run folder, killed again and again: each start goes on from the newest checkpoint that is whole."""
        self.assert_ends(0, self.line("undisturbed"))
        newest = 0
        for point, step in (("before-data", 1), ("half-shard", 2), ("before-manifest", 3), ("before-rename", 4),
                            ("while-pruning", 2)):
            with self.running(self.line(), R1_TEST_KILL_AT=f"{point}:{step}") as process:
                self.assertNotIn(process.wait(timeout=END_LIMIT), (0, 2, 75), self.output())
            steps = self.steps()
            self.assertTrue(all(step >= newest for step in steps[-1:]), f"{point}: {steps}")
            newest = steps[-1] if steps else 0
            self.tool(0 if steps else 2, "checkpoint", "verify", self.folder / "run")
        self.assertIn(f"continues at step {newest} of {STEPS}", self.assert_ends(0, self.line()))
        left, right = (support.dataset_hashes(support.last_checkpoint(self.folder / name)) for name in ("run", "undisturbed"))
        self.assertGreater(len(left), 0)
        self.assertEqual(left, right)
        self.assertEqual([path.name for path in (self.folder / "run" / "checkpoints").glob(".step-*")], [])

    def test_F3_damaged_checkpoints(self):
        """Each damage is named with its reason, by the tool and by a run, which goes on from the checkpoint before."""
        self.assert_ends(0, self.line(run__max_steps=3))
        reference = self.folder / "run" / "checkpoints"

        def flip(path):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)

        def other_version(path):
            path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 99'))

        newest = f"step-{3:08}"
        damages = {
            "truncated": (lambda c: os.truncate(c / newest / "shard-00000.h5", 1000), "1000 bytes, expected"),
            "flipped": (lambda c: flip(c / newest / "shard-00000.h5"), "damaged: CRC32C"),
            "missing": (lambda c: (c / newest / "shard-00000.h5").unlink(), "shard-00000.h5: missing"),
            "empty index": (lambda c: os.truncate(c / newest / "index.h5", 0), "0 bytes, expected"),
            "version": (lambda c: other_version(c / newest / "MANIFEST.json"), "format version 99, expected 1"),
            "foreign": (lambda c: shutil.copy(c / f"step-{2:08}" / "shard-00000.h5", c / newest / "shard-00000.h5"),
                        "damaged: CRC32C"),
            "renamed": (lambda c: (c / newest).rename(c / f"step-{7:08}"), "is the checkpoint of step 3"),
            "copied": (lambda c: (shutil.rmtree(c / newest), shutil.copytree(c / f"step-{1:08}", c / newest)),
                       "is the checkpoint of step 1"),
        }
        for name, (damage, reason) in damages.items():
            with self.subTest(name):
                copy = self.folder / name / "checkpoints"
                shutil.copytree(reference, copy)
                damage(copy)
                self.assertIn(reason, self.tool(2, "checkpoint", "verify", copy))
        shutil.rmtree(reference)
        shutil.copytree(self.folder / "renamed" / "checkpoints", reference)
        output = self.assert_ends(0, self.line(run__max_steps=4))
        self.assertIn("is the checkpoint of step 3", output)
        self.assertIn("continues at step 2 of", output)
        for manifest in reference.glob("step-*/MANIFEST.json"):
            manifest.unlink()
        self.assertIn("is valid; move the folder away", self.assert_ends(2, self.line(run__max_steps=4)))

    def test_F2_pruned_by_hand(self):
        """The command deletes what the rules do not keep, and never the last one that is whole."""
        self.assert_ends(0, self.line(checkpoint__keep_last=STEPS))
        run = self.folder / "run"
        checkpoints = run / "checkpoints"
        self.assertEqual(self.steps(), list(range(1, STEPS + 1)))
        (checkpoints / "best.json").write_text('{"step": 2, "value": 0.5}\n')
        os.truncate(checkpoints / f"step-{STEPS:08}" / "shard-00000.h5", 100)
        os.truncate(checkpoints / f"step-{STEPS - 1:08}" / "shard-00000.h5", 100)
        output = self.tool(0, "checkpoint", "prune", run, "--keep-last", 3, "--keep-every", 4)
        # The last three, of which one is whole; every fourth; the best one.
        self.assertEqual(self.steps(), [2, 4, 6, 7, 8])
        self.assertEqual([line.split() for line in output.splitlines() if line.endswith("deleted")],
                         [["1", "deleted"], ["3", "deleted"], ["5", "deleted"]])
        os.truncate(checkpoints / f"step-{6:08}" / "shard-00000.h5", 100)
        (checkpoints / "best.json").unlink()
        (checkpoints / "good.json").unlink()
        self.tool(0, "checkpoint", "prune", run, "--keep-last", 3)
        self.assertEqual(self.steps(), [4, 6, 7, 8], "4 is the newest that is whole")
        self.assertIn("nothing to delete", self.tool(0, "checkpoint", "prune", run, "--keep-last", 3))
        self.assertIn("continues at step 4 of", self.assert_ends(0, self.line()))

    def small_disk(self, path, megabytes):
        path.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], check=False,
                                 capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("mounting a tmpfs is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False, capture_output=True)

    def test_F4_full_disk(self):
        """The target is full: the run goes on, tells it, and saves as soon as there is room; a read-only one is the same,
        and at the end it is a failure (3), never wrong input."""
        target = self.folder / "run" / "checkpoints"
        self.small_disk(target, 32)
        filler = target / "filler"
        settings = {"command": "rl", "rl__steps": 1000, "rewards__delay_ms": 20, "checkpoint__max_refusals": 100000}
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 2, process)
            with open(filler, "wb") as file:
                try:
                    while True:
                        file.write(b"x" * 65536)
                        file.flush()
                except OSError:
                    pass
            self.wait_for_text("No space left on device", process)
            refused = self.steps()
            filler.unlink()
            for _ in range(3000):
                if self.steps()[-1:] > refused[-1:]:
                    break
                self.assertIsNone(process.poll(), self.output())
                time.sleep(0.02)
            self.assertGreater(self.steps()[-1:], refused[-1:], self.output())
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.tool(0, "checkpoint", "verify", self.folder / "run")
        subprocess.run(["mount", "-o", "remount,ro", target], check=True)
        step = self.steps()[-1]
        output = self.assert_ends(3, self.line(**{**settings, "checkpoint__max_refusals": 5}, run__max_steps=step + 2))
        self.assertIn("Read-only file system", output)
        self.assertIn(f"{step + 2} steps are done, the newest checkpoint is that of step {step}", output)

    def test_F4_staging_folder_that_is_gone(self):
        output = self.assert_ends(0, self.line(run__max_steps=2, checkpoint__staging_dir=str(self.folder / "nowhere")))
        self.assertIn("staging of the checkpoint", output)
        self.assertEqual(self.steps(), [1, 2])

    def test_F4_shortened_samples_are_sampled_again(self):
        """An output that lost its end after a crash of the machine is not taken for whole."""
        output = self.folder / "samples.jsonl"
        settings = {"command": "generate", "generate__output": str(output), "generate__num_prompts": 8,
                    "generate__prompts_per_chunk": 2, "generate__keep__finished": False, "generate__keep__correct": False}
        self.assert_ends(0, self.line(**settings))
        wanted = output.read_bytes()
        self.assertGreater(wanted.count(b"\n"), 4)
        os.truncate(output, len(wanted) // 2)
        self.assertIn("all of it is sampled again", self.assert_ends(0, self.line(**settings)))
        self.assertEqual(output.read_bytes(), wanted)
        output.write_bytes(wanted.replace(b"e", b"f", 1))
        self.assertIn("not those that were written", self.assert_ends(0, self.line(**settings)))
        self.assertEqual(output.read_bytes(), wanted)

    def test_F12_hostile_files(self):
        """Each file is refused by name with exit code 2, whatever it would do to a reader."""
        model = self.folder / "model"
        shutil.copytree(support.ROOT / "tests" / "data" / "models" / "llama", model)
        config = json.loads((model / "config.json").read_text())

        def header(text, data=b""):
            return struct.pack("<Q", len(text)) + text.encode() + data

        def hostile(name, content):
            path = self.folder / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return path

        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        bare = {"model.safetensors": (model / "model.safetensors").read_bytes(),
                "config.json": json.dumps(config).encode()}
        weights = {
            "lying header": ("model.safetensors", struct.pack("<Q", 1 << 60) + b"{}"),
            "data beyond the end": ("model.safetensors", header(
                '{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1000000]}}')),
            "1e9 layers": ("config.json", json.dumps({**config, "num_hidden_layers": 10**9})),
            "9000 layers": ("config.json", json.dumps({**config, "num_hidden_layers": 9000})),
            "a vocabulary of 8 million": ("config.json", json.dumps({**config, "vocab_size": 1 << 23})),
            "deep config": ("config.json", "[" * 100000),
        }
        texts = hostile("texts.jsonl", '{"ids": [1, 2, 3]}\n')
        for name, (file, content) in weights.items():
            with self.subTest(name):
                (model / file).write_bytes(content if isinstance(content, bytes) else content.encode())
                self.assertIn(str(model), self.tool(2, "score", "--model", model, "--input", texts, "--output",
                                                    self.folder / "out.jsonl"))
                (model / file).write_bytes(bare[file])
        gguf = hostile("huge.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 1 << 62))
        self.assertIn(str(gguf), self.tool(2, "score", "--model", gguf, "--input", texts, "--output", self.folder / "out"))
        for name, content in {"bad utf-8": b'{"text": "\xff"}\n', "nul": b'{"text": "\0"}\n', "100 MB line": b"x" * 100_000_000,
                              "deep": b'{"text": ' + b"[" * 100000}.items():
            with self.subTest(name):
                path = hostile("hostile.jsonl", content)
                self.assertIn(f"{path}:1", self.tool(2, "tokenize", "--tokenizer", "bytes", "--input", path, "--output",
                                                     self.folder / "out.jsonl"))
        for path in ("/dev/zero", pipe, self.folder):
            with self.subTest(path=path):
                word = f"{path}: expected a file, found a "
                self.assertIn(word, self.tool(2, "tokenize", "--tokenizer", "bytes", "--input", path, "--output",
                                              self.folder / "out.jsonl"))
                self.assertIn(word, self.tool(2, "rl", "--config", path, "--check"))
                self.assertIn(word, self.tool(2, "verify", "--input", path, "--output", self.folder / "out.jsonl"))
        (self.folder / "tokenizer").mkdir()
        tokenizer = self.folder / "tokenizer"
        hostile("tokenizer/tokenizer.json", '{"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}}')
        self.assertIn("comes twice", self.tool(2, "tokenize", "--tokenizer", tokenizer, "--input", texts, "--output",
                                               self.folder / "out.jsonl"))
        for index in range(8):
            hostile(f"{index}.toml", "include = [" + ", ".join(f'"{i}.toml"' for i in range(8)) + "]")
        for path, word in ((hostile("deep.toml", "[" + ".".join("a" * 50000) + "]\n"), "nested at most 24 deep"),
                           (self.folder / "0.toml", "expected at most 200 included files"),
                           (hostile("numbers.toml", f'include = "{support.RANDOM}"\n[rl]\nprompts_per_step = {10**12}\n'),
                            "rl.prompts_per_step: expected at most 1000000")):
            with self.subTest(path=path):
                self.assertIn(word, self.tool(2, "rl", "--config", path, "--check"))
        junk = self.folder / "run" / "checkpoints" / f"step-{1:08}"
        junk.mkdir(parents=True)
        for name in ("index.h5", "shard-00000.h5", "MANIFEST.json"):
            (junk / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8)
        self.assertIn(str(junk), self.tool(2, "checkpoint", "verify", self.folder / "run"))


if __name__ == "__main__":
    support.main()
