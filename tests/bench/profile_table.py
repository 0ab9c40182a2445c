#!/usr/bin/env python3
"""Sums a trace of run.profile by kernel: where the time of a step goes.

profile_table.py TRACE.json [--steps N] [--rows 40] [--by kernel|operation|both]

TRACE.json is profile_rankN.json of a run folder. Times are milliseconds of a step (--steps: how many the trace holds);
"share" is of the trace's length. Kernels run on the GPU. Operations are ATen's and autograd's on the host, without
what they call; on the CPU they are the work itself.
"""
import argparse
import collections
import json
import re

GPU = {"kernel", "gpu_memcpy", "gpu_memset"}
HOST = {"cpu_op"}


def short(name):
    """A kernel's name without template arguments, parameters and namespaces."""
    name = re.sub(r"^void ", "", name)
    functor = re.search(r"(\w+(?:Functor|Ops?|_kernel_cuda))\b", name)
    depth, kept = 0, []
    for letter in name:
        depth += letter in "<("
        if depth == 0:
            kept.append(letter)
        depth -= letter in ">)"
    base = "".join(kept).strip().split("::")[-1] or name
    return f"{base} [{functor.group(1)}]" if functor and functor.group(1) not in base else base


def sums_by_name(events, length):
    """name -> [time, count]; `length` gives an event's own time."""
    sums = collections.defaultdict(lambda: [0.0, 0])
    for event in events:
        entry = sums[event["short"]]
        entry[0] += length(event)
        entry[1] += 1
    return sums


def set_own_times(events):
    """"own": an operation's time without that of the operations it calls, by thread."""
    threads = collections.defaultdict(list)
    for event in events:
        event["own"] = event["dur"]
        threads[event["pid"], event["tid"]].append(event)
    for thread in threads.values():
        open_events = []
        for event in sorted(thread, key=lambda event: (event["ts"], -event["dur"])):
            while open_events and open_events[-1]["ts"] + open_events[-1]["dur"] <= event["ts"]:
                open_events.pop()
            if open_events:
                open_events[-1]["own"] -= event["dur"]
            open_events.append(event)


def covered(events):
    """Microseconds in which at least one of the events was under way."""
    total, end = 0.0, float("-inf")
    for event in sorted(events, key=lambda event: event["ts"]):
        begin, stop = max(event["ts"], end), event["ts"] + event["dur"]
        if stop > begin:
            total += stop - begin
            end = stop
    return total


def print_table(title, sums, span, steps, rows):
    print(f"\n{title}\n{'ms a step':>10} {'share':>6} {'calls':>8}  name")
    ranked = sorted(sums.items(), key=lambda item: -item[1][0])
    for name, (time, count) in ranked[:rows]:
        print(f"{time / 1000 / steps:10.3f} {time / span:6.1%} {count / steps:8.1f}  {name[:100]}")
    rest = ranked[rows:]
    if rest:
        time, count = sum(entry[1][0] for entry in rest), sum(entry[1][1] for entry in rest)
        print(f"{time / 1000 / steps:10.3f} {time / span:6.1%} {count / steps:8.1f}  {len(rest)} others")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--by", choices=["kernel", "operation", "both"], default="both")
    options = parser.parse_args()
    with open(options.trace, encoding="utf-8") as file:
        events = [event for event in json.load(file)["traceEvents"] if event.get("ph") == "X"]
    on_gpu = [event for event in events if event.get("cat") in GPU]
    on_host = [event for event in events if event.get("cat") in HOST]
    for event in on_gpu + on_host:
        event["short"] = short(event["name"]) if event.get("cat") == "kernel" else event["name"]
    if not on_gpu and not on_host:
        raise SystemExit(f"{options.trace}: no operation and no kernel in it")
    begin = min(event["ts"] for event in on_gpu + on_host)
    span = max(event["ts"] + event["dur"] for event in on_gpu + on_host) - begin
    line = f"{span / 1000 / options.steps:.2f} ms a step"
    if on_gpu:
        busy = covered(on_gpu)
        line += (f", the GPU at work in {busy / 1000 / options.steps:.2f} ms ({busy / span:.1%}), "
                 f"{len(on_gpu) / options.steps:.0f} kernels and copies")
    print(line)
    if on_gpu and options.by != "operation":
        print_table("GPU, by kernel", sums_by_name(on_gpu, lambda event: event["dur"]), span, options.steps, options.rows)
    if on_host and options.by != "kernel":
        set_own_times(on_host)
        print_table("host, by operation", sums_by_name(on_host, lambda event: event["own"]), span, options.steps,
                    options.rows)


if __name__ == "__main__":
    main()
