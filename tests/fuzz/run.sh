#!/usr/bin/env bash
# Builds the fuzz targets with clang (address and undefined-behaviour checks) and runs each for a while.
#
#   tests/fuzz/run.sh [SECONDS_EACH] [BUILD_DIR] [TARGET...]
#
# SECONDS_EACH: default R1_FUZZ_SECONDS, else 60. BUILD_DIR: default build/fuzz. R1_FUZZ_JOBS: compilers at a time, default 2.
# TARGET: default those whose libraries build in minutes (manifest takes longest); config_json and toml need most of the
# program, and index meets overruns of libhdf5 1.10 in virtual layouts that a manifest vouches for. A finding is kept in
# BUILD_DIR and ends with exit code 1; without clang and its fuzzing library: exit code 77 (skipped).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${R1_FUZZ_SECONDS:-${1:-60}}
build_dir=${2:-build/fuzz}
targets=("${@:3}")
[ ${#targets[@]} -gt 0 ] || targets=(safetensors gguf tokenizer_json jinja jsonl manifest)

probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' > "$probe/probe.cpp"
if ! clang++ -fsanitize=fuzzer,address "$probe/probe.cpp" -o "$probe/probe" 2>/dev/null; then
  echo "skipped: clang++ with libFuzzer is missing (Debian: clang libclang-rt-14-dev)"
  exit 77
fi

if ! [ -e "$build_dir/build.ninja" ]; then
  torch=$(sed -n 's/^R1_TORCH_DIR:[A-Z]*=//p' "$(dirname "$build_dir")/CMakeCache.txt" 2>/dev/null || true)
  cmake -S . -B "$build_dir" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DR1_FUZZ=ON -DR1_PCH=OFF \
    -DR1_TESTS=OFF ${torch:+"-DR1_TORCH_DIR=$torch"} > "$probe/configure.log" 2>&1 || { cat "$probe/configure.log"; exit 1; }
fi
ninja -C "$build_dir" -j "${R1_FUZZ_JOBS:-2}" "${targets[@]/#/fuzz_}" > "$probe/build.log" 2>&1 || { cat "$probe/build.log"; exit 1; }

export LSAN_OPTIONS=suppressions=$PWD/tests/sanitizers/suppressions.txt:print_suppressions=0
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm  # targets write files
python3 tests/fuzz/make_seeds.py "$probe/seeds"
failed=0
for target in "${targets[@]}"; do
  mkdir -p "$probe/corpus/$target"
  if "$build_dir/fuzz_$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build_dir/finding_${target}_" "$probe/corpus/$target" "$probe/seeds/$target" > "$probe/$target.log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$probe/$target.log") inputs in $seconds s, no finding"
  else
    echo "$target: FINDING"
    tail -n 40 "$probe/$target.log"
    failed=1
  fi
done
exit $failed
