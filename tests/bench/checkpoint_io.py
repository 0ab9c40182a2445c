#!/usr/bin/env python3
"""What a checkpoint costs, beside the disk that it is written to.

    tests/bench/checkpoint_io.py [--program build/bench_checkpoint] [--folder DIR] [--mib 2048] [--saves 4]

The state of one rank is saved several times in the background (what the caller waits for is the stall) and as often
while the caller waits; `dd` copies the shard, whose bytes are in the page cache, to the same disk with a flush at its end;
the newest checkpoint is loaded, and `cat` reads its files, each with the files' pages dropped from the cache before. The
first save, which also gets its memory from the system, is shown by itself; the other figures are medians. Goals: a stall
of at most a tenth of a synchronous save, writing at 70 % of dd, loading at 70 % of cat.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def measured(arguments, what, folder, *more):
    line = [arguments.program, what, str(folder), str(arguments.mib), *map(str, more)]
    output = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(row) for row in output.splitlines() if row.startswith("{")]


def seconds_of(*line):
    begin = time.monotonic()
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def drop_from_cache(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build" / "bench_checkpoint"))
    parser.add_argument("--folder", default=None, help="a folder of the disk that is measured")
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--saves", type=int, default=4)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="r1-checkpoint-io-", dir=arguments.folder))
    try:
        background = measured(arguments, "background", folder / "background", arguments.saves + 1)
        shutil.rmtree(folder / "background")
        synchronous, copies = [], []
        for index in range(arguments.saves):  # in turn, as the disk is not always equally fast
            synchronous.append(measured(arguments, "save", folder / f"run{index}", 2)[1])
            shard = next((folder / f"run{index}").glob("step-*2/shard-*.h5"))
            copies.append(seconds_of("dd", f"if={shard}", f"of={folder}/copy", "bs=64M", "conv=fsync"))
            (folder / "copy").unlink()
            if index + 1 < arguments.saves:
                shutil.rmtree(folder / f"run{index}")
        newest = folder / f"run{arguments.saves - 1}"
        shutil.rmtree(newest / "step-00000001")
        loads, reads = [], []
        for _ in range(arguments.saves):
            drop_from_cache(newest)
            loads.append(measured(arguments, "load", newest)[0]["total"])
            drop_from_cache(newest)
            reads.append(seconds_of("cat", *map(str, newest.glob("step-*/*"))))
        gib = synchronous[0]["bytes"] / 2**30
        stall = statistics.median(row["stall"] for row in background[1:])
        whole = statistics.median(row["total"] for row in synchronous)
        copy, load, read = map(statistics.median, (copies, loads, reads))
        print(f"{gib:.2f} GiB in one shard; medians of {arguments.saves}\n")
        print("| what | seconds | GiB/s | relative |")
        print("| --- | --- | --- | --- |")
        print(f"| first save in the background: stall | {background[0]['stall']:.3f} | {gib / background[0]['stall']:.2f} | |")
        print(f"| later saves in the background: stall | {stall:.3f} | {gib / stall:.2f} | {stall / whole:.2f} of a synchronous save |")
        print(f"| synchronous save | {whole:.3f} | {gib / whole:.2f} | {copy / whole:.2f} of dd |")
        print(f"| dd with a flush | {copy:.3f} | {gib / copy:.2f} | 1 |")
        print(f"| load, verified | {load:.3f} | {gib / load:.2f} | {read / load:.2f} of cat |")
        print(f"| cat | {read:.3f} | {gib / read:.2f} | 1 |")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
