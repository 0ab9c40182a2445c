#!/usr/bin/env bash
# Builds unit tests under a sanitizer and runs them.
#
#   tests/sanitizers/run.sh address|thread [TARGET...]
#
# address  addresses, leaks and undefined behaviour. TARGET: default the modules without ATen, whose build takes minutes;
#          the other unit tests by name (unit_checkpoint, unit_training, ...), whose build takes long.
# thread   data races. TARGET: default the modules with threads: watchdog, reward workers, the background writer and the
#          heartbeat of checkpoints.
#
# LibTorch, its OpenMP and MPI are not instrumented: suppressions.txt and thread_suppressions.txt name what they report.
# Left out: unit_rewards' tests that run programs in the sandbox, whose limit of memory is below what a sanitizer reserves.
# The build folder is build/sanitize-KIND; LibTorch is that of build/. R1_SANITIZE_JOBS: compilers at a time, default 2. A
# finding ends with exit code 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=$PWD/tests/sanitizers
kind=${1:-}
case $kind in
  address) sanitize=address,undefined targets=(unit_base unit_jinja unit_tokenizer unit_formats unit_data unit_metrics) ;;
  thread) sanitize=thread targets=(unit_watchdog unit_rewards unit_checkpoint) ;;
  *) echo "usage: tests/sanitizers/run.sh address|thread [TARGET...]" >&2; exit 2 ;;
esac
shift
[ $# -eq 0 ] || targets=("$@")

build_dir=build/sanitize-$kind
if ! [ -e "$build_dir/build.ninja" ]; then
  torch=$(sed -n 's/^R1_TORCH_DIR:[A-Z]*=//p' build/CMakeCache.txt 2>/dev/null || true)
  cmake -S . -B "$build_dir" -G Ninja -DR1_SANITIZE="$sanitize" ${torch:+"-DR1_TORCH_DIR=$torch"}
fi
ninja -C "$build_dir" -j "${R1_SANITIZE_JOBS:-2}" "${targets[@]}"

export ASAN_OPTIONS=detect_odr_violation=0:detect_leaks=1 LSAN_OPTIONS=suppressions=$here/suppressions.txt:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=suppressions=$here/thread_suppressions.txt:halt_on_error=1:second_deadlock_stack=1
# OpenMP's own threads meet by futexes that ThreadSanitizer does not see: a copy in such threads looks like a race.
[ "$kind" = address ] || export OMP_NUM_THREADS=1
sandboxed='SandboxTest.*:CodeTest*.*:PuzzleProgram.*:PythonTool.*:CommandTool.*:ExternalTest.*:WorkerProcesses.ASampleThatEndsItsWorkersHasTheReasonLimit'
# The sanitizers call dlopen for the program, whose run path does not count then.
export LD_LIBRARY_PATH=$PWD/$build_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
failed=0
for target in "${targets[@]}"; do
  echo "=== $target ($sanitize)"
  filter=${R1_SANITIZE_FILTER:-*}
  [ "$target" != unit_rewards ] || [ -n "${R1_SANITIZE_FILTER:-}" ] || filter=-$sandboxed
  "$build_dir/$target" --gtest_brief=1 "--gtest_filter=$filter" || failed=1
done
exit $failed
