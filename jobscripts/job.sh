# shellcheck shell=bash
# What all batch scripts share: start `r1mpi COMMAND` in the allocation, hand it Slurm's warning signal, and turn its
# exit code into "done", "wrong input, stop", or "back into the queue under the same job id". Sourced, not started.
#
# Every variable is explained in jobscripts/README.md.
R1_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

r1_say() { echo "$(date '+%F %T') job ${SLURM_JOB_ID:-none} restart ${SLURM_RESTART_COUNT:-0}: $*"; }

# r1_run_dir ARGS...: the value of --run-dir among the program's arguments.
r1_run_dir() {
  while [ $# -gt 0 ]; do
    case $1 in
      --run-dir) echo "${2:-}"; return ;;
      --run-dir=*) echo "${1#--run-dir=}"; return ;;
    esac
    shift
  done
}

# r1_newest_checkpoint RUN_DIR: publishing time and path of the newest checkpoint of the run or one of its stages.
r1_newest_checkpoint() {
  [ -d "$1" ] || return 0
  find "$1" -maxdepth 6 -type d -regex '.*/checkpoints/step-[0-9]+' -prune -printf '%T@ %p\n' 2>/dev/null \
    | sort -n | tail -n 1
}

# r1_count_failure RUN_DIR: prints how many jobs in a row have failed since the newest checkpoint, this one included.
# The count lives in the run folder, so that a job submitted by hand goes on counting; a new checkpoint starts it anew.
r1_count_failure() {
  local file=$1/job_failures newest count=0 at=""
  newest=$(r1_newest_checkpoint "$1")
  mkdir -p "$1"
  if [ -r "$file" ]; then { read -r count; IFS= read -r at || true; } < "$file"; fi
  [ "$at" = "$newest" ] || count=0
  [[ $count =~ ^[0-9]+$ ]] || count=0
  count=$((count + 1))
  printf '%s\n%s\n' "$count" "$newest" > "$file.new"
  mv "$file.new" "$file"
  echo "$count"
}

# r1_requeue EXIT_CODE: puts this job back into the queue and waits for Slurm to end this script. A job that was
# cancelled, or that Slurm itself already requeues because a node was lost, is left alone.
r1_requeue() {
  local state
  state=$(scontrol show job -o "$SLURM_JOB_ID" | sed -n 's/.* JobState=\([A-Z_]*\) .*/\1/p')
  if [ "$state" != RUNNING ]; then
    r1_say "job is $state, not requeued"
    exit "$1"
  fi
  scontrol requeue "$SLURM_JOB_ID"
  sleep 300
  exit "$1"
}

# r1_modules "NAME...": loads environment modules where there are any (site files). Lmod reads unset variables.
r1_modules() {
  command -v module >/dev/null || return 0
  local names
  read -ra names <<< "$1"
  set +u
  module load "${names[@]}"
  set -u
}

# r1_stripe RUN_DIR: on Lustre, a new run's checkpoints are striped over R1_STRIPES servers; set before the first file.
r1_stripe() {
  [ -n "${R1_STRIPES:-}" ] && [ ! -e "$1/checkpoints" ] && command -v lfs >/dev/null || return 0
  mkdir -p "$1/checkpoints"
  lfs setstripe -c "$R1_STRIPES" -S 16m "$1/checkpoints" || r1_say "no striping for $1/checkpoints"
}

# r1_launcher: the words that start the ranks, in the array `launcher`.
r1_launcher() {
  local more
  read -ra more <<< "${R1_LAUNCH_ARGS:-}"
  case ${R1_LAUNCHER:-srun} in
    srun) launcher=(srun --mpi="${R1_MPI:-pmix}" --kill-on-bad-exit=1 "${more[@]}") ;;
    mpirun) launcher=(mpirun --bind-to none "${more[@]}") ;;
    *) echo "job.sh: R1_LAUNCHER must be srun or mpirun, not '$R1_LAUNCHER'" >&2; exit 2 ;;
  esac
}

# r1_run ARGS...: starts the launcher, passes USR1 and TERM on as USR1 (mpirun kills the ranks 2 s after a TERM, and
# USR1 means the same to the program: checkpoint, then stop), and leaves the exit code in `code`. `wait` returns early
# whenever a signal arrives, so it is repeated as long as the launcher lives.
r1_run() {
  local app="" asked=""
  trap 'asked=1; [ -z "$app" ] || kill -USR1 "$app" 2>/dev/null || true' USR1 TERM
  if [ -z "$asked" ]; then "$@" < /dev/null & app=$!; fi
  if [ -n "$asked" ] && [ -n "$app" ]; then kill -USR1 "$app" 2>/dev/null || true; fi
  code=75
  while [ -n "$app" ]; do
    code=0
    wait "$app" || code=$?
    kill -0 "$app" 2>/dev/null || break
  done
  trap - USR1 TERM
}

# r1_job COMMAND ARGS...: what a batch script calls last. In a job array %a in the arguments is the task's number.
r1_job() {
  local command=$1 code failures launcher run_dir program
  shift
  [ -z "${SLURM_ARRAY_TASK_ID:-}" ] || set -- "${@//%a/$SLURM_ARRAY_TASK_ID}"
  run_dir=$(r1_run_dir "$@")
  if [ -z "$run_dir" ]; then
    echo "job.sh: no --run-dir: sbatch jobscripts/$command.sbatch --config FILE --run-dir FOLDER" >&2
    exit 2
  fi
  # shellcheck source=/dev/null
  source "${R1_SITE_DIR:-$R1_ROOT/jobscripts/site}/${R1_SITE:-generic}.sh"
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
  [ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK    # srun no longer inherits it
  if [ -z "${SLURM_JOB_END_TIME:-}" ]; then                                              # Slurm before 23.02
    SLURM_JOB_END_TIME=$(date -d "$(squeue -h -j "$SLURM_JOB_ID" -o %e)" +%s 2>/dev/null || echo 0)
    [ "$SLURM_JOB_END_TIME" = 0 ] || export SLURM_JOB_END_TIME
  fi
  r1_stripe "$run_dir"
  r1_launcher
  read -ra program <<< "${R1_PROGRAM:-$R1_ROOT/build/r1mpi}"
  r1_say "${SLURM_JOB_NUM_NODES:-1} nodes ($SLURM_JOB_NODELIST), ${SLURM_NTASKS:-1} ranks: $command $*"
  r1_run "${launcher[@]}" "${program[@]}" "$command" "$@"
  case $code in
    0) r1_say "done"; rm -f "$run_dir/job_failures"; exit 0 ;;
    2) r1_say "wrong configuration or input (exit code 2): correct it and submit again"; exit 2 ;;
    75) r1_say "stopped early with a checkpoint, back into the queue"; r1_requeue 75 ;;
  esac
  failures=$(r1_count_failure "$run_dir")
  if [ "$failures" -gt "${R1_MAX_FAILURES:-3}" ]; then
    r1_say "exit code $code, failure $failures without a new checkpoint: giving up (jobscripts/README.md)"
    exit "$code"
  fi
  r1_say "exit code $code, failure $failures of at most ${R1_MAX_FAILURES:-3} without a new checkpoint: requeued"
  r1_requeue "$code"
}
