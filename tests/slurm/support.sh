# shellcheck shell=bash
# For the Slurm tests: a private Slurm for the length of the test, waiting and checking. Sourced, not started.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
R1_ROOT=$(cd "$here/../.." && pwd)
export R1_ROOT
work=$(mktemp -d "${TMPDIR:-/tmp}/r1-slurm.XXXXXX")

finish() {
  local code=$?
  trap - EXIT
  if [ -e "$work/slurm/env.sh" ]; then MS_DIR=$work/slurm "$here/minislurm.sh" stop || true; fi
  if [ "$code" -ne 0 ] && [ "$code" -ne 77 ]; then
    for log in "$work"/*.out; do [ ! -e "$log" ] || { echo "--- $(basename "$log")"; tail -n 40 "$log"; }; done
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 143' TERM INT

start_slurm() {
  export MS_DIR=$work/slurm MS_PORT=$((20000 + $$ % 400 * 30))
  "$here/minislurm.sh" start || exit
  # shellcheck source=/dev/null
  source "$MS_DIR/env.sh"
  cd "$work" || exit
}

fail() { echo "FAILED: $*"; exit 1; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq 1 $((seconds * 5))); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  fail "no $what after $seconds s"
}

# field JOB NAME: one field of scontrol's description of a job.
field() { scontrol show job -o "$1" | sed -n "s/.* $2=\([^ ]*\) .*/\1/p"; }
ended() { case $(field "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac; }
logged() { grep -q -- "$2" "$1" 2>/dev/null; }
# expect JOB NAME VALUE
expect() {
  local found
  found=$(field "$1" "$2")
  [ "$found" = "$3" ] || fail "job $1: $2 is '$found', expected '$3'"
}
expect_count() {
  local found
  found=$(grep -c -- "$2" "$1" || true)
  [ "$found" -eq "$3" ] || fail "$1: '$2' $found times, expected $3"
}
