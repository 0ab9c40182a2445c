#!/usr/bin/env python3
"""Compares `r1mpi verify` with math-verify (PyPI, test-time only) on the same cases in one run.

maths_verify.py R1MPI CASES.jsonl [...]  cases: {"gold", "pred", "expected": 0 or 1 or "verdict": "equal"|...}
Prints median and total time of both, the ratio, the accuracy of both, and the cases where they differ.
`r1mpi verify --timing` measures each case inside the program; math-verify is timed around parse and verify.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def read_cases(paths):
    cases = []
    for path in paths:
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record.get("contested"):
                continue
            right = record["verdict"] == "equal" if "verdict" in record else str(record["expected"]) == "1"
            cases.append({"gold": record["gold"], "pred": record["pred"], "right": right})
    return cases


def run_r1mpi(program, cases):
    """Verdicts and microseconds of each case, from one process."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in.jsonl"), pathlib.Path(folder, "out.jsonl")
        source.write_text("".join(json.dumps(c) + "\n" for c in cases), encoding="utf-8")
        subprocess.run([program, "verify", "--input", str(source), "--output", str(target),
                        "--timing"], check=True, capture_output=True)
        records = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    return [r["score"] > 0.5 for r in records], [r["microseconds"] for r in records]


def run_math_verify(cases, limit):
    import logging

    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    verdicts, times = [], []
    for case in cases:
        start = time.perf_counter()
        try:
            gold = parse(case["gold"], parsing_timeout=limit) or parse(f"${case['gold']}$", parsing_timeout=limit)
            verdicts.append(bool(verify(gold, parse(case["pred"], parsing_timeout=limit), timeout_seconds=limit)))
        except Exception:  # a crash or time-out of the other system is a wrong answer of its
            verdicts.append(False)
        times.append(1e6 * (time.perf_counter() - start))
    return verdicts, times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--limit", type=int, default=5, help="math-verify's time-out in seconds")
    parser.add_argument("--show", type=int, default=40, help="differences to print")
    args = parser.parse_args()
    cases = read_cases(args.cases)
    ours, our_times = run_r1mpi(args.program, cases)
    theirs, their_times = run_math_verify(cases, args.limit)
    for name, verdicts, times in (("r1mpi", ours, our_times), ("math-verify", theirs, their_times)):
        agree = sum(v == c["right"] for v, c in zip(verdicts, cases))
        false_positives = sum(v and not c["right"] for v, c in zip(verdicts, cases))
        print(f"{name:12} median {statistics.median(times):9.1f} us  total {sum(times) / 1e6:8.3f} s  "
              f"right {agree}/{len(cases)} ({100 * agree / len(cases):.1f} %)  false positives {false_positives}")
    print(f"ratio        median {statistics.median(their_times) / statistics.median(our_times):.0f}x  "
          f"total {sum(their_times) / sum(our_times):.0f}x")
    different = [i for i, c in enumerate(cases) if ours[i] != theirs[i]]
    print(f"they differ in {len(different)} cases")
    for i in different[:args.show]:
        winner = "r1mpi" if ours[i] == cases[i]["right"] else "math-verify"
        print(f"  {winner:11} is right: gold {cases[i]['gold'][:60]!r}  pred {cases[i]['pred'][-60:]!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
