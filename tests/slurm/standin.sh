#!/usr/bin/env bash
# Stands in for r1mpi in the tests of the job scripts: one rank of a run that counts steps, saves every second one,
# continues, stops on USR1 with exit code 75, and misbehaves as its "configuration" says.
#
#   standin.sh COMMAND --config FILE --run-dir FOLDER     lines "#= ASSIGNMENT" of FILE, as
#                                                       #= steps=6 pause=0.3 fault=none
#
# fault: none | bad_input (exit 2) | crash (exit 3 before the first step) | crash_after_save (3 after each new save) |
#        bad_check (2 with --check)
# Every rank runs; rank 0 alone writes. A real barrier is not needed: ranks take equal steps.
set -euo pipefail
command=$1
shift
config="" run_dir="" check=""
while [ $# -gt 0 ]; do
  case $1 in
    --config) config=$2 ;;
    --run-dir) run_dir=$2 ;;
    --only) run_dir=$run_dir/stages/$2 ;;
    --check) check=1; shift; continue ;;
  esac
  shift 2
done
rank=${OMPI_COMM_WORLD_RANK:-${SLURM_PROCID:-0}}       # mpirun in a job: SLURM_PROCID is 0 on every rank
steps=6 pause=0.3 fault=none stop=""
eval "$(sed -n 's/^#= //p' "$config")"
trap 'stop=1' USR1
trap '' TERM                                           # the job scripts must ask with USR1; srun's TERM changes nothing
if [ -n "$check" ]; then
  [ "$fault" != bad_check ] || { echo "standin: bad configuration"; exit 2; }
  exit 0
fi
[ "$fault" != bad_input ] || exit 2
[ "$fault" != crash ] || exit 3

step=0
for saved in "$run_dir"/checkpoints/step-*; do
  if [ -e "$saved" ]; then step=$((10#${saved##*step-})); fi
done
say() { [ "$rank" -ne 0 ] || echo "$*"; }
save() { [ "$rank" -ne 0 ] || mkdir -p "$(printf '%s/checkpoints/step-%08d' "$run_dir" "$step")"; }
say "standin: $command of ${SLURM_NTASKS:-1} ranks begins after step $step, threads $OMP_NUM_THREADS"
while [ "$step" -lt "$steps" ]; do
  sleep "$pause" || true
  step=$((step + 1))
  say "standin: step $step"
  if [ -n "$stop" ]; then
    save
    sleep 0.5
    exit 75
  fi
  if [ $((step % 2)) -eq 0 ]; then
    save
    if [ "$fault" = crash_after_save ] && [ "$step" -lt "$steps" ]; then sleep 0.5; exit 3; fi
  fi
done
save
say "standin: finished"
