#!/usr/bin/env python3
"""A run that is disturbed again and again ends as one that nobody disturbed.

    soak.py PROGRAM [--steps 300] [--ranks 4] [--every 10 20] [--delay-ms 250] [--seed 1] [--folder DIR]
    soak.py PROGRAM --short          about a minute, as a test
    soak.py PROGRAM --pipeline --every 5 12     a pipeline of all stages, without the full disk

RL steps of a random model, or the stages of a pipeline. Seconds after each start (--every: between which two) one fault is drawn by the seed: a rank
is killed, a rank or all get a signal, a rank or the launcher is stopped, the disk of the checkpoints is full for a while
(a tmpfs, where mounting is allowed), or a file of the newest checkpoint is damaged and a rank killed. What ends is
started again by the same command. At the end weights, optimizer, metrics and samples are compared with those of an
undisturbed run; of a pipeline the models, the metrics, the data and the results of all stages are. Prints what was done and exits with 1 at the first thing that should not be.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import run_support as support

WATCHDOG = 3  # seconds
END_LIMIT = 120.0  # seconds, on a machine that does other work
STOPS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


class Wrong(Exception):
    """Something happened that should not."""


class Soak:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.draw = random.Random(arguments.seed)
        self.run = folder / "run"
        self.checkpoints = self.run / "checkpoints"
        self.output = folder / "output"
        self.faults, self.ends = collections.Counter(), collections.Counter()
        self.starts = self.lost_steps = self.bytes_checked = 0
        self.has_small_disk = self.mount_small_disk()

    def mount_small_disk(self):
        self.checkpoints.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.checkpoints], check=False,
                              capture_output=True)
        return done.returncode == 0

    def line(self, name):
        arguments = self.arguments
        return support.command(arguments.ranks, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir",
                               self.folder / name, settings={
            "rl.steps": arguments.steps, "checkpoint.interval_steps": 5, "checkpoint.max_refusals": 100000, "run.threads": 1,
            "communication.watchdog_seconds": WATCHDOG, "metrics.tensorboard": False, "metrics.samples_every": 1,
            "metrics.samples_per_step": 1000, "rewards.delay_ms": arguments.delay_ms if name == "run" else 0,
            "data.generate.held_out_count": 0})

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def rows(self):
        """Lines of metrics by stage."""
        path = self.run / "metrics.jsonl"
        return {"rl": path.read_bytes().count(b"\n") if path.exists() else 0}

    def wait(self, process, seconds):
        """The exit status, or None after so long."""
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None

    def ranks(self, process):
        """Process ids by rank: the launcher starts them in order."""
        listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
        return sorted(map(int, listing.stdout.split()))

    def newest(self):
        return sorted(self.checkpoints.glob("step-*"))[-1:]

    # Faults. Each returns the statuses with which the job may end then; none: it goes on.

    def kill(self, process, ranks):
        os.kill(self.draw.choice(ranks), signal.SIGKILL)
        return lambda status: status not in (0, 2, 75)

    def stop_signal(self, process, ranks):
        number = self.draw.choice(STOPS)
        if number != signal.SIGTERM and self.draw.random() < 0.5:
            process.send_signal(number)  # the launcher passes it on to all
        else:
            os.kill(self.draw.choice(ranks), number)
        return lambda status: status == 75

    def stop_rank(self, process, ranks):
        os.kill(self.draw.choice(ranks), signal.SIGSTOP)
        return lambda status: status == 3

    def stop_launcher(self, process, ranks):
        before = self.rows()
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.draw.uniform(0.5, 2.0) * WATCHDOG)
        process.send_signal(signal.SIGCONT)
        self.check_progress(before)
        return None

    def check_progress(self, before):
        if self.rows() == before and self.arguments.delay_ms < 1000:
            raise Wrong("the ranks stand still while the launcher is stopped")

    def full_disk(self, process, ranks):
        filler = self.checkpoints / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
        time.sleep(self.draw.uniform(1.0, 3.0))
        filler.unlink()
        return None

    def damage(self, process, ranks):
        """Of the newest checkpoint; the ones before it are whole."""
        for checkpoint in self.newest():
            path = self.draw.choice(sorted(checkpoint.iterdir()))
            kind = self.draw.choice(("shorten", "flip", "remove"))
            try:
                if kind == "shorten":
                    os.truncate(path, path.stat().st_size // 2)
                elif kind == "remove":
                    path.unlink()
                else:
                    with open(path, "r+b") as file:
                        file.seek(self.draw.randrange(path.stat().st_size))
                        byte = file.read(1)
                        file.seek(-1, os.SEEK_CUR)
                        file.write(bytes([byte[0] ^ 0xFF]))
            except FileNotFoundError:
                pass  # pruned just now
        return self.kill(process, ranks)

    def kinds(self):
        kinds = [self.kill, self.stop_signal, self.stop_rank, self.stop_launcher, self.damage]
        return kinds + [self.full_disk] if self.has_small_disk else kinds

    def check_end(self, fault, status, expected):
        if status is None:
            raise Wrong(f"after {fault}: the job did not end within {END_LIMIT:.0f} s")
        # What is drawn shortly before the last step may come too late.
        if not expected(status) and status != 0:
            raise Wrong(f"after {fault}: the job ended with {status}")

    def wait_for_work(self, process, known):
        """Until there is something to lose."""
        while process.poll() is None and not re.search("continues at step|published|: stage ", self.text()[known:]):
            time.sleep(0.1)

    def disturb(self, process, known):
        """Until the job ends; returns its status. `known`: length of the output before it."""
        self.wait_for_work(process, known)
        while True:
            status = self.wait(process, self.draw.uniform(*self.arguments.every))
            if status is not None:
                return status
            ranks = self.ranks(process)
            if len(ranks) != self.arguments.ranks:
                continue  # it is just starting or ending
            fault = self.draw.choice(self.kinds())
            expected = fault(process, ranks)
            self.faults[fault.__name__] += 1
            if expected is not None:
                status = self.wait(process, END_LIMIT)
                self.check_end(fault.__name__, status, expected)
                return status

    def start(self):
        """One start of the job, to its end."""
        before, known = self.rows(), len(self.text()) if self.output.exists() else 0
        process = support.start(self.line("run"), self.output)
        self.starts += 1
        try:
            status = self.disturb(process, known)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        found = re.search(r"(\S+): continues at step (\d+) of", self.text()[known:])
        if found:
            stage = found.group(1).partition(":")[0]  # of a student: the stage
            self.lost_steps += before[stage] - int(found.group(2))
        self.ends[status] += 1
        return status

    def verify(self):
        done = support.run([support.program, "checkpoint", "verify", str(self.run)])
        if done.returncode != 0 and not self.faults["damage"]:
            raise Wrong(done.stdout)
        self.bytes_checked += sum(path.stat().st_size for path in self.checkpoints.rglob("*") if path.is_file())

    def results(self, name):
        folder = self.folder / name
        checkpoint = support.last_checkpoint(folder)
        self.bytes_checked += sum(path.stat().st_size for path in checkpoint.iterdir())
        return {"name of the last checkpoint": checkpoint.name, "weights and optimizer": support.dataset_hashes(checkpoint),
                "metrics": [support.numbers(row) for row in support.read_jsonl(folder / "metrics.jsonl")],
                "samples": support.read_jsonl(folder / "samples.jsonl")}

    def title(self):
        return f"{self.arguments.steps} steps"

    def compare(self):
        done = support.run(self.line("undisturbed"))
        if done.returncode != 0:
            raise Wrong(done.stdout)
        found, wanted = self.results("run"), self.results("undisturbed")
        if not wanted or found.keys() != wanted.keys():
            raise Wrong(f"results {sorted(found)}, expected {sorted(wanted)}")
        for what in wanted:
            if not wanted[what] or found[what] != wanted[what]:
                raise Wrong(f"{what}: those of the disturbed run are not those of the undisturbed one")

    def soak(self):
        begin = time.monotonic()
        while self.start() != 0:
            self.verify()
        self.compare()
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        ends = ", ".join(f"{status}: {count}" for status, count in sorted(self.ends.items()))
        print(f"{self.title()} on {self.arguments.ranks} ranks, {time.monotonic() - begin:.0f} s: "
              f"{sum(self.faults.values())} faults ({faults}); {self.starts} starts (status {ends}); "
              f"{self.lost_steps} steps computed again; {self.bytes_checked / 1e6:.1f} MB checked; all results are equal")
        if sum(self.faults.values()) < self.arguments.least_faults:
            raise Wrong("too few faults for a soak")

    def clean(self):
        if self.has_small_disk:
            subprocess.run(["umount", "-l", self.checkpoints], check=False, capture_output=True)


class PipelineSoak(Soak):
    """All stages of the pipeline of pipeline_test.py, of which those that train take longer."""

    def mount_small_disk(self):
        return False

    def title(self):
        return f"{len(list(self.run.glob('stages/*')))} stages of a pipeline"

    def line(self, name):
        arguments = self.arguments
        steps = {f"{stage}.steps": arguments.steps for stage in ("rl", "sft", "distill")}
        return support.command(arguments.ranks, "pipeline", "--config", support.CONFIGS / "pipeline.toml", "--run-dir",
                               self.folder / name, settings={
            **steps, "sft.epochs": 0, "distill.epochs": 0, "checkpoint.interval_steps": 5, "run.threads": 1,
            "communication.watchdog_seconds": WATCHDOG, "metrics.tensorboard": False, "metrics.samples_every": 1,
            "rewards.delay_ms": arguments.delay_ms if name == "run" else 0})

    def rows(self):
        return collections.Counter({path.parent.name.partition("-")[2]: path.read_bytes().count(b"\n")
                                    for path in self.run.glob("stages/*/metrics.jsonl")})

    def newest(self):
        """Of a stage that has another one, or the stage could not go on."""
        found = {}
        for step in sorted(self.run.rglob("checkpoints/step-*")):
            found.setdefault(step.parent, []).append(step)
        return [steps[-1] for steps in found.values() if len(steps) > 1][-1:]

    def check_progress(self, before):
        """A stage may have no steps."""

    def verify(self):
        for folder in {step.parent for step in self.run.glob("stages/*/checkpoints/step-*")}:  # not of a stage that is done
            done = support.run([support.program, "checkpoint", "verify", str(folder.parent)])
            if done.returncode != 0 and not self.faults["damage"]:
                raise Wrong(done.stdout)
            self.bytes_checked += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def results(self, name):
        folder = self.folder / name
        results = {"evaluation": json.loads((folder / "evaluation_results.json").read_text())}
        for path in sorted([*folder.glob("stages/*/metrics.jsonl"), *folder.glob("stages/*/samples.jsonl")]):
            if path.stat().st_size > 0:  # a supervised stage samples nothing
                results[str(path.relative_to(folder))] = [support.numbers(row) for row in support.read_jsonl(path)]
        for path in sorted([*folder.glob("models/**/model.safetensors"), *folder.glob("data/*.jsonl")]):
            results[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
            self.bytes_checked += path.stat().st_size
        return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--pipeline", action="store_true")
    parser.add_argument("--steps", type=int, default=None, help="300; with --pipeline those of each stage, 60")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--every", type=float, nargs=2, default=(10.0, 20.0))
    parser.add_argument("--delay-ms", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    arguments.least_faults = 4
    arguments.steps = arguments.steps or (60 if arguments.pipeline else 300)
    if arguments.short:
        arguments.steps, arguments.every, arguments.delay_ms = 40, (3.0, 6.0), 200
    support.program = str(pathlib.Path(arguments.program).resolve())
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="r1-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    soak = (PipelineSoak if arguments.pipeline else Soak)(arguments, folder)
    try:
        soak.soak()
    except Wrong as error:
        print(f"seed {arguments.seed}: {error}\n--- the last of the output:\n" + soak.text()[-6000:])
        sys.exit(1)
    finally:
        soak.clean()
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
