#!/usr/bin/env python3
"""Messages and bytes of a rank in one RL step, in worlds of 4 to 64 processes on this machine (weak scaling).

scale.py PROGRAM [--worlds 4 8 16 32 64] [--set KEY=VALUE ...]

A toy model; half of the ranks are policy, a quarter reward, a quarter reference; every policy rank has two groups of
four samples a step. Prints a table; needs about 130 MB of memory a rank. A rank's share must not grow with the world
(tests/integration/scale_test.py); "run" is everything from the program's start, checkpoints and all.
"""
import argparse
import json
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import run_support as support  # noqa: E402
import scale_support  # noqa: E402

TOTAL = re.compile(r"rl: (\d+) messages and (\S+) MB a rank, (\d+) and (\S+) MB on the busiest")


def measure(world, folder, settings):
    """The table's row of a world."""
    begin = time.monotonic()
    done = support.run(scale_support.command(world, folder, settings), OMP_NUM_THREADS="1")
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        sys.exit(f"{world} ranks ended with {done.returncode}:\n{done.stdout}")
    mean, most, mean_bytes, most_bytes = (scale_support.traffic(folder)[name] for name in scale_support.COLUMNS)
    total = TOTAL.search(done.stdout)
    ranks = scale_support.roles(world)
    return (f"| {world} | {ranks['policy']} + {ranks['reward']} + {ranks['reference']} | {mean:.1f} | {most:.0f} "
            f"| {mean_bytes / 1e3:.1f} | {most_bytes / 1e3:.1f} | {total[1]} | {total[3]} | {total[2]} | {total[4]} "
            f"| {seconds:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--worlds", type=int, nargs="+", default=[4, 8, 16, 32, 64])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    support.program = str(pathlib.Path(options.program).resolve())
    settings = {key: json.loads(value) for key, value in (text.split("=", 1) for text in options.settings)}
    print("| world | policy + reward + reference | messages a step, mean | busiest | kB a step, mean | busiest "
          "| messages of the run, mean | busiest | MB of the run, mean | busiest | seconds |")
    print("| --- " * 11 + "|")
    for world in options.worlds:
        with tempfile.TemporaryDirectory(prefix="r1-scale-") as folder:
            print(measure(world, pathlib.Path(folder) / "run", settings), flush=True)


if __name__ == "__main__":
    main()
