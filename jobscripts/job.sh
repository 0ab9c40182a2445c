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

# r1_arguments ARGS...: the program's arguments in the array `arguments`. %a, %A and %j are the numbers of the array's
# task, the array and the job, as in sbatch's --output; so is a $SLURM_ARRAY_TASK_ID that no shell has replaced. ~ is the
# home folder.
r1_arguments() {
  local word
  arguments=()
  for word in "$@"; do
    word=${word//%j/${SLURM_JOB_ID:-%j}}
    word=${word//%A/${SLURM_ARRAY_JOB_ID:-%A}}
    word=${word//%a/${SLURM_ARRAY_TASK_ID:-%a}}
    # shellcheck disable=SC2016
    if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
      word=${word//'$SLURM_ARRAY_TASK_ID'/$SLURM_ARRAY_TASK_ID}
      word=${word//'${SLURM_ARRAY_TASK_ID}'/$SLURM_ARRAY_TASK_ID}
    fi
    # shellcheck disable=SC2088
    case $word in
      '~/'*) word=$HOME/${word#'~/'} ;;
      --*='~/'*) word=${word%%=*}=$HOME/${word#*='~/'} ;;
    esac
    arguments+=("$word")
  done
}

# r1_check_run_dir RUN_DIR AS_WRITTEN...: the tasks of an array need run folders of their own.
r1_check_run_dir() {
  local run_dir=$1 written
  shift
  written=$(r1_run_dir "$@")
  if [[ $run_dir == *%[aA]* ]]; then
    echo "job.sh: --run-dir $run_dir: %a and %A are numbers of a job array: submit with sbatch --array=..." >&2
    exit 2
  fi
  if [ "${SLURM_ARRAY_TASK_COUNT:-1}" -gt 1 ] && [[ $written != *%[aj]* && $written != *SLURM_ARRAY_TASK_ID* ]]; then
    echo "job.sh: --run-dir $run_dir: each task of a job array needs a run folder of its own: put %a into its name" >&2
    exit 2
  fi
}

# r1_warn_about_signal COMMAND: the warning signal must come well after the start of the job.
r1_warn_about_signal() {
  local lead begin=${SLURM_JOB_START_TIME:-$(date +%s)}
  lead=$(sed -n 's/^#SBATCH .*--signal=B:USR1@\([0-9]*\).*/\1/p' "$R1_ROOT/jobscripts/$1.sbatch" 2>/dev/null || true)
  if [ -n "$lead" ] && [ "${SLURM_JOB_END_TIME:-0}" -gt 0 ] && [ $((SLURM_JOB_END_TIME - begin)) -le "$lead" ]; then
    r1_say "warning: the time limit ($((SLURM_JOB_END_TIME - begin)) s) is not longer than the $lead s before it at which" \
      "$1.sbatch asks for the warning signal: the run stops at once, unless sbatch got another --signal=B:USR1@SECONDS"
  fi
}

# r1_warn_about_gpus: a rank uses one GPU.
r1_warn_about_gpus() {
  if [[ ${SLURM_GPUS_ON_NODE:-} =~ ^[0-9]+$ && ${SLURM_NTASKS_PER_NODE:-} =~ ^[0-9]+$ ]] &&
    [ "$SLURM_GPUS_ON_NODE" -ne "$SLURM_NTASKS_PER_NODE" ]; then
    r1_say "warning: $SLURM_NTASKS_PER_NODE ranks and $SLURM_GPUS_ON_NODE GPUs on a node: a rank uses one GPU" \
      "(sbatch --gpus-per-node=N --ntasks-per-node=N)"
  fi
}

# r1_job_id: this job alone. One task of a job array has the array's id as SLURM_JOB_ID, and that id means every task:
# scontrol and squeue would list all of them, and a requeue would start them all again.
r1_job_id() { echo "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}"; }

r1_state() { scontrol show job -o "$(r1_job_id)" | sed -n 's/.* JobState=\([A-Z_]*\) .*/\1/p'; }

# r1_requeue EXIT_CODE: puts this job back into the queue and waits for Slurm to end this script. A job that was
# cancelled, or that Slurm itself already requeues because a node was lost, is left alone. Nodes that are down or do not
# answer are excluded from the next start.
r1_requeue() {
  local state lost
  state=$(r1_state)
  if [ "$state" != RUNNING ]; then
    r1_say "job is $state, not requeued"
    exit "$1"
  fi
  lost=$(sinfo -h -N -n "${SLURM_JOB_NODELIST:-}" -t down,drain,fail,no_respond -o %N 2>/dev/null | sort -u | paste -sd, - || true)
  r1_say "back into the queue"
  scontrol requeue "$(r1_job_id)"
  if [ -n "$lost" ]; then
    r1_say "not on $lost again"
    scontrol update JobId="$(r1_job_id)" ExcNodeList="$lost" || true
  fi
  sleep 300
  exit "$1"
}

# r1_wait_before_retry FAILURES SECONDS_OF_THE_START: what fails at once fails again at once, until Slurm knows that a
# node is lost, say. The longer it goes on, the longer the wait; a signal ends it.
r1_wait_before_retry() {
  local seconds=$((${R1_RETRY_SECONDS:-60} * $1 - $2)) sleeping
  [ "$seconds" -gt 0 ] || return 0
  r1_say "failed after $2 s: waits $seconds s before the next start"
  trap 'kill "$sleeping" 2>/dev/null || true' USR1 TERM
  sleep "$seconds" & sleeping=$!
  wait "$sleeping" || true
  trap - USR1 TERM
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
    srun)
      if [ "${R1_MPI:-pmix}" = none ]; then
        echo "job.sh: R1_MPI=none starts ranks that do not know of each other; srun --mpi=list lists what can be used instead" >&2
        exit 2
      fi
      launcher=(srun --mpi="${R1_MPI:-pmix}" --kill-on-bad-exit=1 "${more[@]}")
      ;;
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

# r1_site: loads the site file.
r1_site() {
  local folder=${R1_SITE_DIR:-$R1_ROOT/jobscripts/site} site=${R1_SITE:-generic} known
  if [ ! -r "$folder/$site.sh" ]; then
    known=$(find "$folder" -maxdepth 1 -name '*.sh' -printf '%f\n' 2>/dev/null | sed 's/\.sh$//' | sort | paste -sd ' ' -)
    echo "job.sh: R1_SITE=$site: no file $folder/$site.sh; sites: ${known:-none}" >&2
    exit 2
  fi
  # shellcheck source=/dev/null
  source "$folder/$site.sh"
}

# r1_program: the words that start the program, in the array `program`. A path may hold blanks.
r1_program() {
  local words=${R1_PROGRAM:-$R1_ROOT/build/r1mpi}
  if [ -x "$words" ]; then program=("$words"); else read -ra program <<< "$words"; fi
}

# r1_job COMMAND ARGS...: what a batch script calls last. In a job array %a in the arguments is the task's number.
r1_job() {
  local command=$1 code failures launcher run_dir program arguments begin
  shift
  r1_arguments "$@"
  run_dir=$(r1_run_dir "${arguments[@]}")
  if [ -z "$run_dir" ]; then
    echo "job.sh: no --run-dir: sbatch jobscripts/$command.sbatch --config FILE --run-dir FOLDER" >&2
    exit 2
  fi
  r1_check_run_dir "$run_dir" "$@"
  r1_site
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
  [ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK    # srun no longer inherits it
  if [ -z "${SLURM_JOB_END_TIME:-}" ]; then                                              # Slurm before 23.02
    SLURM_JOB_END_TIME=$(date -d "$(squeue -h -j "$(r1_job_id)" -o %e)" +%s 2>/dev/null || echo 0)
    [ "$SLURM_JOB_END_TIME" = 0 ] || export SLURM_JOB_END_TIME
  fi
  r1_stripe "$run_dir"
  r1_launcher
  r1_program
  r1_warn_about_signal "$command"
  r1_warn_about_gpus
  r1_say "${SLURM_JOB_NUM_NODES:-1} nodes ($SLURM_JOB_NODELIST), ${SLURM_NTASKS:-1} ranks: $command ${arguments[*]}"
  begin=$SECONDS
  r1_run "${launcher[@]}" "${program[@]}" "$command" "${arguments[@]}"
  case $code in
    0) r1_say "done"; rm -f "$run_dir/job_failures"; exit 0 ;;
    2) r1_say "the run cannot go on as it was asked for (exit code 2): the lines of the program above say why"; exit 2 ;;
    75) r1_say "stopped early with a checkpoint"; r1_requeue 75 ;;
  esac
  if [ "$(r1_state)" != RUNNING ]; then
    r1_say "job is $(r1_state): exit code $code is no failure"
    exit "$code"
  fi
  failures=$(r1_count_failure "$run_dir")
  if [ "$failures" -gt "${R1_MAX_FAILURES:-3}" ]; then
    r1_say "exit code $code, failure $failures without a new checkpoint: giving up (jobscripts/README.md)"
    exit "$code"
  fi
  r1_say "exit code $code, failure $failures of at most ${R1_MAX_FAILURES:-3} without a new checkpoint: requeued"
  r1_wait_before_retry "$failures" $((SECONDS - begin))
  r1_requeue "$code"
}
