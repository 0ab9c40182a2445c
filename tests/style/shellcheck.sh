#!/usr/bin/env bash
# Runs shellcheck over every shell script of the tree; skipped (77) where it is not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v shellcheck >/dev/null || { echo "skipped: shellcheck is not installed"; exit 77; }
mapfile -t scripts < <(find jobscripts tests \( -name '*.sh' -o -name '*.sbatch' \); echo .ci/run)
shellcheck "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} scripts are clean"
