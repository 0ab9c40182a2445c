#!/usr/bin/env bash
# Submits a pipeline as a chain of jobs, one per stage, each starting when the one before has finished. All of them work
# in one run folder, as `r1mpi pipeline` in one allocation would, so either can continue what the other began.
#
#   jobscripts/chain.sh --config PIPELINE.toml --run-dir FOLDER [--dry-run] [STAGE...] [-- ARGUMENTS OF r1mpi]
#
# STAGE...             only these of the configuration's [[pipeline.stages]], in its order (default: all)
# R1_SBATCH_ARGS       options of sbatch for every job (--account=... --gpus-per-node=4 ...), split at blanks
# R1_SBATCH_ARGS_RL    more for the stages of one command (also _SFT, _GENERATE, _DISTILL, _EVALUATE, _PREPARE); they win
# The configuration of each stage is checked before anything is queued.
# A stage's job that fails for good takes the rest of the chain out of the queue; start the same command again when the
# cause is gone: finished stages end at once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() { echo "chain.sh: $*" >&2; exit 2; }

config="" run_dir="" dry_run="" wanted=()
while [ $# -gt 0 ]; do
  case $1 in
    --config) config=${2:?--config FILE}; shift ;;
    --run-dir) run_dir=${2:?--run-dir FOLDER}; shift ;;
    --dry-run) dry_run=1 ;;
    --) shift; break ;;
    -*) die "unknown option '$1'" ;;
    *) wanted+=("$1") ;;
  esac
  shift
done
[[ -n $config && -n $run_dir ]] || die "--config PIPELINE.toml and --run-dir FOLDER are needed"
[ -r "$config" ] || die "cannot read $config"
[ -n "$dry_run" ] || command -v sbatch >/dev/null || die "no sbatch here: chain.sh is for a cluster with Slurm"

# stages_of FILE: "name command" of each item of [[pipeline.stages]].
stages_of() {
  awk -F= '
    function flush() { if (name != "") print name, command; name = command = "" }
    function text(value) { sub(/^[ \t]*["\047]/, "", value); sub(/["\047].*$/, "", value); return value }
    /^[ \t]*\[\[/ { flush(); inside = ($0 ~ /\[\[[ \t]*pipeline\.stages[ \t]*\]\]/); next }
    /^[ \t]*\[/   { flush(); inside = 0 }
    inside && /^[ \t]*name[ \t]*=/    { name = text($2) }
    inside && /^[ \t]*command[ \t]*=/ { command = text($2) }
    END { flush() }' "$1"
}

# is_wanted NAME
is_wanted() {
  [ ${#wanted[@]} -gt 0 ] || return 0
  local name
  for name in "${wanted[@]}"; do [ "$name" != "$1" ] || return 0; done
  return 1
}

mapfile -t stages < <(stages_of "$config")
[ ${#stages[@]} -gt 0 ] || die "$config has no [[pipeline.stages]]"
for name in "${wanted[@]}"; do
  printf '%s\n' "${stages[@]}" | grep -q "^$name " || die "no stage '$name' in $config (it has: ${stages[*]%% *})"
done

# ranks_of SCRIPT OPTIONS...: how many ranks sbatch will start; later options win.
ranks_of() {
  local nodes=1 per_node=1 total="" words word
  read -ra words <<< "$(sed -n 's/^#SBATCH //p' "$1" | tr '\n' ' ')"
  words+=("${@:2}")
  set -- "${words[@]}"
  while [ $# -gt 0 ]; do
    word=$1
    shift
    case $word in
      --nodes | -N | --ntasks-per-node | --ntasks | -n) word=$word=${1:-} ;;
      -[Nn][0-9]*) word=${word:0:2}=${word:2} ;;
    esac
    case $word in
      --nodes=* | -N=*) nodes=${word#*=} nodes=${nodes%%-*} ;;
      --ntasks-per-node=*) per_node=${word#*=} ;;
      --ntasks=* | -n=*) total=${word#*=} ;;
    esac
  done
  echo "${total:-$((nodes * per_node))}"
}

# check_stage NAME RANKS ARGUMENTS...: nothing is queued that cannot start.
check_stage() {
  local name=$1 ranks=$2 code=0 line=${R1_PROGRAM:-$(dirname "$here")/build/r1mpi} program output
  shift 2
  if [ -x "$line" ]; then program=("$line"); else read -ra program <<< "$line"; fi
  output=$("${program[@]}" pipeline --config "$config" --only "$name" --check --world-size "$ranks" "$@" 2>&1) || code=$?
  [ "$code" -ne 0 ] || return 0
  echo "$output" >&2
  [ "$code" -ne 2 ] || die "stage $name cannot start on $ranks ranks: nothing was queued"
  echo "chain.sh: stage $name could not be checked here (exit code $code)" >&2
}

# options_of COMMAND: the options of sbatch, in the array `options`.
options_of() {
  local of_command=R1_SBATCH_ARGS_${1^^}
  read -ra options <<< "${R1_SBATCH_ARGS:-} ${!of_command:-}"
}

for stage in "${stages[@]}"; do
  read -r name command <<< "$stage"
  is_wanted "$name" || continue
  [ -r "$here/$command.sbatch" ] || die "stage $name: no batch script for command '$command'"
  [ -z "$dry_run" ] || continue
  options_of "$command"
  check_stage "$name" "$(ranks_of "$here/$command.sbatch" "${options[@]}")" "$@"
done

previous=""
for stage in "${stages[@]}"; do
  read -r name command <<< "$stage"
  is_wanted "$name" || continue
  options_of "$command"
  submit=(sbatch --parsable "--job-name=r1-$name" "--export=ALL,R1_COMMAND=pipeline,R1_ROOT=$(dirname "$here")")
  [ -z "$previous" ] || submit+=("--dependency=afterok:$previous" --kill-on-invalid-dep=yes)
  submit+=("${options[@]}" "$here/$command.sbatch" --config "$config" --run-dir "$run_dir" --only "$name" "$@")
  if [ -n "$dry_run" ]; then
    echo "${submit[*]}"
    previous="JOB-$name"
  else
    previous=$("${submit[@]}")
    previous=${previous%%;*}                     # JOB;CLUSTER on federated clusters
    echo "$name: job $previous"
  fi
done
