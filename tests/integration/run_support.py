"""What the integration tests share: starting r1mpi on several ranks, reading what a run folder holds."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIGS = ROOT / "tests" / "data" / "configs"
LAUNCH = ROOT / "jobscripts" / "launch.sh"
RANDOM = ROOT / "configs" / "tiny" / "random.toml"
TIME_LIMIT = 600  # seconds: a run that is still there is one that hangs
FP64 = {"model.dtype": "fp64", "model.master_dtype": "fp64", "trainer.gradient_dtype": "fp64"}
MEASURED = re.compile(r"seconds|per_second|time|wait_share|memory_peak|memory_reserved")

# KEY=VALUE ..., set in every run: R1_TEST_SETTINGS='run.device="cuda"' takes the tests to GPUs.
SETTINGS = dict(text.split("=", 1) for text in os.environ.get("R1_TEST_SETTINGS", "").split())

# Layouts of more ranks are skipped: on GPUs every rank needs one of its own.
MOST_RANKS = int(os.environ.get("R1_TEST_MOST_RANKS", "1000000"))

program = ""


def main():
    """Runs the tests of the calling script: SCRIPT PROGRAM [unittest arguments]."""
    global program
    program = str(pathlib.Path(sys.argv.pop(1)).resolve())
    sys.modules["run_support"].program = program
    unittest.main(verbosity=2)


def command(ranks, *arguments, settings=None):
    """The argument list that starts r1mpi; settings are --set KEY=VALUE (text is quoted as TOML text)."""
    if ranks > MOST_RANKS:
        raise unittest.SkipTest(f"{ranks} ranks, R1_TEST_MOST_RANKS={MOST_RANKS}")
    line = [str(LAUNCH), "-n", str(ranks), program, *map(str, arguments)]
    for key, value in SETTINGS.items():
        line += ["--set", f"{key}={value}"]
    for key, value in (settings or {}).items():
        line += ["--set", f"{key}={json.dumps(value)}"]
    return line


def environment(**variables):
    """Tests share cores: also in a run of one rank a thread of OpenMP that waits sleeps instead of spinning."""
    return {"OMP_WAIT_POLICY": "passive", **os.environ, **variables}


def start(line, output, **variables):
    """A process in its own process group whose output goes to a file."""
    with open(output, "ab") as target:
        return subprocess.Popen(line, cwd=ROOT, env=environment(**variables), stdin=subprocess.DEVNULL,
                                stdout=target, stderr=subprocess.STDOUT, start_new_session=True)


def run(line, folder=ROOT, **variables):
    """The finished process, started in `folder`; its standard error is behind its standard output."""
    return subprocess.run(line, cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=TIME_LIMIT, check=False)


def read_jsonl(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]


def read_safetensors(path):
    """All F64 and F32 tensors of a file: name -> flat tuple of numbers."""
    content = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        code, size = {"F64": ("d", 8), "F32": ("f", 4)}[entry["dtype"]]
        tensors[name] = struct.unpack(f"<{(end - begin) // size}{code}", content[8 + length + begin : 8 + length + end])
    return tensors


def replace_tensor(path, name, values):
    """Puts other numbers into an F32 tensor of a safetensors file."""
    content = bytearray(pathlib.Path(path).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    entry = json.loads(content[8 : 8 + length])[name]
    assert entry["dtype"] == "F32" and entry["shape"] == [len(values)], entry
    struct.pack_into(f"<{len(values)}f", content, 8 + length + entry["data_offsets"][0], *values)
    pathlib.Path(path).write_bytes(content)


def copy_first_output(source, folder):
    """A copy of a classifier's folder that has the first of its outputs alone, as a reward model has."""
    shutil.copytree(source, folder)
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"0": "score"}}))
    content = (source / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, data, body = json.loads(content[8 : 8 + length]), content[8 + length :], b""
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if name.startswith("classifier."):
            end = begin + (end - begin) // entry["shape"][0]
            entry["shape"][0] = 1
        entry["data_offsets"] = [len(body), len(body) + end - begin]
        body += data[begin:end]
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def relative_distance(left, right):
    """L2 distance of two sets of tensors over the norm of the second."""
    difference = sum((a - b) ** 2 for name in right for a, b in zip(left[name], right[name]))
    return (difference / sum(b * b for name in right for b in right[name])) ** 0.5


def numbers(row):
    """A row of metrics without what differs between equal runs: times and memory."""
    return {key: value for key, value in row.items() if not MEASURED.search(key)}


def last_checkpoint(folder):
    return sorted((pathlib.Path(folder) / "checkpoints").glob("step-*"))[-1]


def dataset_hashes(checkpoint):
    """(shard, dataset) -> hash of its contents; attributes, such as dates, are left out."""
    hashes = {}
    for shard in sorted(checkpoint.glob("shard-*.h5")):
        listing = subprocess.run(["h5ls", "-r", shard], capture_output=True, text=True, check=True).stdout
        # h5ls puts a backslash before blanks in names.
        names = [line.split(" Dataset ")[0].strip().replace("\\ ", " ") for line in listing.splitlines()
                 if " Dataset " in line]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                raw = pathlib.Path(folder) / "raw"
                subprocess.run(["h5dump", "-d", name, "-b", "LE", "-o", raw, shard], capture_output=True, check=True)
                hashes[shard.name, name] = hashlib.sha256(raw.read_bytes()).hexdigest()
    return hashes


class RunTest(unittest.TestCase):
    """A test with a folder of its own, which is kept where R1_KEEP names one."""

    def setUp(self):
        kept = os.environ.get("R1_KEEP")
        self.folder = pathlib.Path(kept) / self.id() if kept else pathlib.Path(tempfile.mkdtemp(prefix="r1-test-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        if not kept:
            self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write_jsonl(self, name, records):
        path = self.folder / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    def assert_ends(self, status, line, folder=ROOT, **variables):
        """Runs the command in `folder`; the test fails when its status is another. Returns what it printed."""
        done = run(line, folder, **variables)
        self.assertEqual(done.returncode, status, " ".join(line) + "\n" + done.stdout)
        return done.stdout

    def assert_close(self, found, expected, tolerance, what):
        scale = max(abs(found), abs(expected), 1e-300)
        self.assertLessEqual(abs(found - expected) / scale, tolerance, f"{what}: {found!r} and {expected!r}")

    @contextlib.contextmanager
    def running(self, line, name="output", **variables):
        """A started command, killed with all its ranks when the block ends early."""
        process = start(line, self.folder / name, **variables)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()

    def output(self, name="output"):
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def wait_for_lines(self, path, count, process):
        """Until a JSONL file has `count` lines."""
        for _ in range(6000):
            if path.exists() and path.read_bytes().count(b"\n") >= count:
                return
            self.assertIsNone(process.poll(), f"ended before line {count} of {path}:\n" + self.output())
            time.sleep(0.02)
        self.fail(f"{path} does not grow:\n" + self.output())
