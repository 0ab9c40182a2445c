#!/usr/bin/env bash
# From a fresh clone to a trained small model on a laptop: builds, fetches SmolLM2-135M-Instruct, runs the pipeline of
# configs/tiny/quickstart.toml on 4 ranks (about half an hour on 2 cores) and shows what was learned.
#
#   jobscripts/quickstart.sh [ARGUMENTS OF r1mpi pipeline]
#
# Started again it continues where it stopped. Ctrl-C (or USR1) stops with a checkpoint.
# R1_RUN_DIR   run folder (default: runs/quickstart)
# R1_RANKS     ranks (default: 4). On one GPU, in about a minute: R1_RANKS=1 quickstart.sh --set 'run.device="cuda"'
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run_dir=${R1_RUN_DIR:-runs/quickstart}
model=.venv/smollm2/SmolLM2-135M-Instruct            # Hugging Face folder; configs/tiny/quickstart.toml names it

jobscripts/build.sh
gguf=$(jobscripts/smollm2.sh)
if [ ! -e "$model" ]; then
  echo "quickstart.sh: converting $(basename "$gguf")"
  rm -rf "$model.new"
  build/r1mpi convert --input "$gguf" --output "$model.new"
  mv "$model.new" "$model"
fi

# The launcher gets a process group of its own, so that Ctrl-C reaches only this script and the ranks can finish their
# step and save. A second Ctrl-C ends them at once.
launcher="" asked=""
stop() {
  [ -n "$launcher" ] || exit 130
  if [ -z "$asked" ]; then
    asked=1
    echo "quickstart.sh: stopping with a checkpoint (once more: at once)" >&2
    kill -USR1 "$launcher" 2>/dev/null || true
  else
    kill -TERM "$launcher" 2>/dev/null || true
  fi
}
trap stop INT TERM USR1
set -m
jobscripts/launch.sh -n "${R1_RANKS:-4}" build/r1mpi pipeline --config configs/tiny/quickstart.toml --run-dir "$run_dir" "$@" &
launcher=$!
set +m
code=0
while :; do
  code=0
  wait "$launcher" || code=$?
  kill -0 "$launcher" 2>/dev/null || break
done
trap - INT TERM USR1

case $code in
  0) ;;
  75) echo "quickstart.sh: stopped with a checkpoint; start it again to continue"; exit 75 ;;
  *) echo "quickstart.sh: r1mpi ended with exit code $code; its messages are above and in $run_dir" >&2; exit "$code" ;;
esac

build/r1mpi report --run-dir "$run_dir"             # writes report.html, prints the table
report=$PWD/$run_dir/report.html
[ "${run_dir#/}" = "$run_dir" ] || report=$run_dir/report.html
echo "curves, transcripts, timeline: $report"
if [ -z "${CI:-}" ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
  xdg-open "$report" >/dev/null 2>&1 || true
fi
