#!/usr/bin/env bash
# Everything a change must pass: installs what is missing, builds program and tests, fetches the small real model, runs
# ctest (unit, multi-rank, integration, style, Slurm) and ends with ctest's summary.
#
#   tests/run.sh [--werror] [--build-dir DIR] [-- ARGUMENTS OF ctest]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

options=() build_dir=build
while [ $# -gt 0 ]; do
  case $1 in
    --werror) options+=("$1") ;;
    --build-dir) build_dir=${2:?--build-dir DIR}; options+=("$1" "$2"); shift ;;
    --) shift; break ;;
    *) echo "tests/run.sh: unknown option '$1'" >&2; exit 2 ;;
  esac
  shift
done

times=""
# timed NAME COMMAND...: runs a part and notes how long it took.
timed() {
  local name=$1 begin=$SECONDS
  shift
  echo "=== $name"
  "$@"
  times+="$name $((SECONDS - begin)) s; "
}

timed install jobscripts/build.sh --deps-only --with-tests
timed build jobscripts/build.sh --with-tests "${options[@]}"
timed model jobscripts/smollm2.sh
echo "=== ctest (before it: ${times%; })"
# Two slots a core: tests/CMakeLists.txt.
slots=$((2 * $(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)))
exec ctest --test-dir "$build_dir" --parallel "$slots" --output-on-failure --no-tests=error "$@" < /dev/null
