#!/usr/bin/env python3
"""Rewards on worker processes: the same run as without, whatever happens to the workers.

workers_test.py PROGRAM [unittest arguments]
"""
import os
import pathlib
import signal
import time

import run_support as support

STEPS = 1000  # more than any test waits for
KILLS = 4


def worker_processes(word, session):
    """Process ids of r1mpi_worker whose first argument is `word`, below the session of a started run."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        mark = f"R1_TEST_RUN={session}".encode()
        if arguments[0] == b"r1mpi_worker" and arguments[1:2] == [word.encode()] and mark in variables:
            found.append(int(folder.name))
    return found


class Workers(support.RunTest):
    def line(self, name, ranks=1, command="rl", **settings):
        return support.command(ranks, command, "--config", support.RANDOM, "--run-dir", self.folder / name, settings={
            "rl.steps": STEPS, "run.threads": 1, "checkpoint.interval_steps": 100,
            **{key.replace("__", "."): value for key, value in settings.items()}})

    def rows(self, name):
        return [support.numbers(row) for row in support.read_jsonl(self.folder / name / "metrics.jsonl")]

    def lines(self, path):
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def kill_a_worker(self, mark, process):
        """Ends one worker, as soon as there is one, and returns its process id."""
        while process.poll() is None:
            for pid in worker_processes("worker", mark):
                try:
                    os.kill(pid, signal.SIGKILL)
                    return pid
                except ProcessLookupError:
                    pass  # gone since it was listed
            time.sleep(0.01)
        self.fail("the run ended: " + self.output())

    def test_same_run_with_workers_that_are_killed(self):
        """The run goes on until it has outlived so many kills, however fast it is: at least a step lies between two,
        so that no sample ends three workers."""
        mark = str(self.folder)
        metrics = self.folder / "workers" / "metrics.jsonl"
        with self.running(self.line("workers", rewards__workers=2), R1_TEST_RUN=mark) as process:
            killed = set()
            while len(killed) < KILLS:
                self.wait_for_lines(metrics, self.lines(metrics) + 1, process)
                killed.add(self.kill_a_worker(mark, process))
            self.wait_for_lines(metrics, self.lines(metrics) + 2, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(support.TIME_LIMIT), 75, self.output())
        rows = self.rows("workers")
        self.assert_ends(0, self.line("threads", run__max_steps=len(rows)))
        self.assertEqual(rows, self.rows("threads"))

    def test_workers_end_with_a_killed_run(self):
        mark = str(self.folder)
        with self.running(self.line("lost", rewards__workers=2), R1_TEST_RUN=mark) as process:
            self.wait_for_lines(self.folder / "lost" / "metrics.jsonl", 1, process)
            self.assertEqual(len(worker_processes("worker", mark)), 2)
            self.assertEqual(len(worker_processes("spawner", mark)), 1)
        for _ in range(200):
            left = worker_processes("worker", mark) + worker_processes("spawner", mark)
            if not left:
                break
            time.sleep(0.05)
        self.assertEqual(left, [])

    def test_what_cannot_start_ends_with_2(self):
        message = self.assert_ends(2, self.line("none", 3, rewards__workers=1), R1_WORKER="/nowhere/r1mpi_worker")
        self.assertIn("/nowhere/r1mpi_worker", message)
        part = self.folder / "code.toml"
        part.write_text(f'include = "{support.RANDOM}"\n[[rewards.parts]]\nname = "code"\n', encoding="utf-8")
        self.assertIn("rewards.workers", self.assert_ends(2, support.command(
            1, "rl", "--config", part, "--run-dir", self.folder / "no-workers")))
        self.assertIn("no-such-program", self.assert_ends(2, support.command(
            1, "rl", "--config", part, "--run-dir", self.folder / "no-tools", settings={
                "rewards.workers": 1, "rewards.code.python": "no-such-program",
                "rewards.code.compiler": "no-such-program"})))


if __name__ == "__main__":
    support.main()
