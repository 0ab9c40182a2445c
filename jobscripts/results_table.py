#!/usr/bin/env python3
"""Prints evaluation_results.json (model -> benchmark -> score) as a table: results_table.py FILE."""
import json
import sys


def table(results):
    """Rows of equal width: a head line, then one line per model in the file's order."""
    benchmarks = list(dict.fromkeys(name for scores in results.values() for name in scores))
    rows = [["model", *benchmarks]]
    for model, scores in results.items():
        rows.append([model, *(f"{scores[name]:.3f}" if name in scores else "-" for name in benchmarks)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        for row in rows
    ]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: results_table.py evaluation_results.json")
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            results = json.load(file)
        print("\n".join(table(results)))
    except (OSError, ValueError) as error:
        sys.exit(f"results_table.py: {sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
