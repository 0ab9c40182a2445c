#!/usr/bin/env python3
"""A run that was killed or stopped anywhere and started again ends as the run that was never disturbed.

restart_test.py PROGRAM [unittest arguments]
"""
import json
import os
import random
import signal
import subprocess
import time

import run_support as support

RANKS = 4
STEPS = 12
END_LIMIT = 120.0  # seconds from the death of a rank to the end of the job, on a machine that does other work
SLOW = {"rewards.delay_ms": 150}  # leaves time to kill before the end
SETTINGS = {"rl.steps": STEPS, "checkpoint.interval_steps": 3, "run.threads": 2, "metrics.samples_every": 1,
            "metrics.samples_per_step": 1000, "metrics.tensorboard": False, "trainer.zero_stage": 2}


def children(process):
    """Process ids of the ranks of a launched job, in order of their start."""
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True,
                             check=False)
    return sorted(map(int, listing.stdout.split()))


class Restart(support.RunTest):
    def assert_ends_soon(self, process, beginning):
        status = process.wait(timeout=support.TIME_LIMIT)
        self.assertLess(time.monotonic() - beginning, END_LIMIT)
        self.assertNotIn(status, (0, 2, 75), self.output())

    def kill_a_rank(self, line, path, lines, rank):
        """Kills one rank with signal 9 when the file has so many lines; the job must end soon."""
        with self.running(line) as process:
            self.wait_for_lines(path, 1, process)
            ranks = children(process)  # not at the moment itself, which may be short
            self.assertEqual(len(ranks), RANKS, self.output())
            self.wait_for_lines(path, lines, process)
            os.kill(ranks[rank], signal.SIGKILL)
            self.assert_ends_soon(process, time.monotonic())

    def assert_equal_files(self, left, right):
        self.assertEqual(left.read_bytes(), right.read_bytes(), f"{left} and {right} differ")


class ReinforcementLearning(Restart):
    @classmethod
    def setUpClass(cls):
        """The run that nothing disturbs: one for all tests of the class."""
        cls.undisturbed = None

    def line(self, name, **settings):
        return support.command(RANKS, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir",
                               self.folder / name, settings={**SETTINGS, **settings})

    def reference_run(self):
        """(datasets of the last checkpoint, metrics, samples) of a run that nothing disturbs."""
        cls = type(self)
        if cls.undisturbed is None:
            self.assert_ends(0, self.line("undisturbed"))
            cls.undisturbed = self.results("undisturbed")
        return cls.undisturbed

    def results(self, name):
        folder = self.folder / name
        checkpoint = support.last_checkpoint(folder)
        self.assertEqual(checkpoint.name, f"step-{STEPS:08}")
        metrics = [support.numbers(row) for row in support.read_jsonl(folder / "metrics.jsonl")]
        samples = support.read_jsonl(folder / "samples.jsonl")
        self.assertEqual([row["step"] for row in metrics], list(range(STEPS)))
        return support.dataset_hashes(checkpoint), metrics, samples

    def assert_undisturbed(self, name):
        """The finished run equals the undisturbed one byte for byte."""
        for found, wanted in zip(self.results(name), self.reference_run()):
            self.assertGreater(len(wanted), 0)
            self.assertEqual(found, wanted)

    def test_killed_in_a_step(self):
        draw = random.Random(11)
        for moment in ("generation", "update"):
            with self.subTest(moment):
                # A slow reward keeps a step long enough to die in: while the policy waits for it, or just after.
                line = self.line(moment, **{"rewards.delay_ms": 100 if moment == "generation" else 30})
                # After a checkpoint, not on one, so that something is computed again; well before the end.
                lines, rank = draw.choice((4, 5)), draw.randrange(RANKS)
                self.kill_a_rank(line, self.folder / moment / "metrics.jsonl", lines, rank)
                self.assertIn("continues at step", self.assert_ends(0, line))
                self.assert_undisturbed(moment)

    def test_killed_in_a_save(self):
        for point in ("half-shard:6", "before-manifest:9", "before-rename:3"):
            with self.subTest(point):
                name = point.replace(":", "-")
                with self.running(self.line(name), R1_TEST_KILL_AT=point) as process:
                    self.assert_ends_soon(process, time.monotonic())
                self.assert_ends(0, self.line(name))
                self.assert_undisturbed(name)

    def test_stopped_by_a_signal(self):
        line = self.line("signal", **{"rewards.delay_ms": 150})
        with self.running(line) as process:
            self.wait_for_lines(self.folder / "signal" / "metrics.jsonl", 4, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.assertIn("signal 10", self.output())
        self.assertIn("continues at step", self.assert_ends(0, line))
        self.assert_undisturbed("signal")

    def test_one_rank_gets_the_signal(self):
        line = self.line("one rank", **{"rewards.delay_ms": 150})
        with self.running(line) as process:
            self.wait_for_lines(self.folder / "one rank" / "metrics.jsonl", 1, process)
            ranks = children(process)
            self.wait_for_lines(self.folder / "one rank" / "metrics.jsonl", 4, process)
            os.kill(ranks[2], signal.SIGTERM)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.assert_ends(0, line)
        self.assert_undisturbed("one rank")


class Generate(Restart):
    def line(self, name, **settings):
        return support.command(RANKS, "generate", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir",
                               self.folder / name, settings={
            "run.threads": 1, "generate.output": str(self.folder / f"{name}.jsonl"),
            "generate.num_prompts": 64, "generate.samples_per_prompt": 2, "generate.prompts_per_chunk": 4,
            "generate.keep.finished": False, "generate.record": "full", **settings})

    def test_no_sample_is_lost_or_doubled(self):
        self.assert_ends(0, self.line("undisturbed"))
        wanted = self.folder / "undisturbed.jsonl"
        self.assertGreater(len(support.read_jsonl(wanted)), 100)
        for name, lines, rank in (("killed", 30, 1), ("writer killed", 55, 0)):
            with self.subTest(name):
                self.kill_a_rank(self.line(name, **SLOW), self.folder / f"{name}.jsonl", lines, rank)
                self.assertLess(len((self.folder / f"{name}.jsonl").read_bytes()), len(wanted.read_bytes()))
                self.assert_ends(0, self.line(name, **SLOW))
                self.assert_equal_files(self.folder / f"{name}.jsonl", wanted)

    def test_filters_and_accounts_survive_a_kill(self):
        """Rejection sampling with k = 4: the same records and the same statistics by domain."""
        rules = {"generate.samples_per_prompt": 4, "generate.keep.max_per_prompt": 1,
                 "generate.keep.max_repetition": 0.9, "generate.num_prompts": 48}
        self.assert_ends(0, self.line("undisturbed", **rules))
        wanted = self.folder / "undisturbed.jsonl"
        report = json.loads((self.folder / "undisturbed.jsonl.report.json").read_text())
        self.assertEqual(report["seen"], 4 * 48)
        self.assertEqual(report["kept"], len(support.read_jsonl(wanted)))
        self.assertEqual(report["seen"], report["kept"] + sum(report["refused"].values()))
        self.assertEqual(sum(domain["seen"] for domain in report["domains"].values()), report["seen"])
        self.kill_a_rank(self.line("killed", **rules, **SLOW), self.folder / "killed.jsonl", 16, 1)
        self.assert_ends(0, self.line("killed", **rules, **SLOW))
        self.assert_equal_files(self.folder / "killed.jsonl", wanted)
        self.assertEqual(json.loads((self.folder / "killed.jsonl.report.json").read_text()), report)

    def test_stopped_by_a_signal(self):
        self.assert_ends(0, self.line("undisturbed"))
        with self.running(self.line("stopped", **SLOW)) as process:
            self.wait_for_lines(self.folder / "stopped.jsonl", 20, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.assert_ends(0, self.line("stopped", **SLOW))
        self.assert_equal_files(self.folder / "stopped.jsonl", self.folder / "undisturbed.jsonl")


if __name__ == "__main__":
    support.main()
