#!/usr/bin/env bash
# The batch scripts' rules under a real Slurm, with a stand-in for the program: exit codes 0, 2, 75 and failures, the
# warning signal, a lost node, a cancelled job, a chain. One case per name: job_scripts_test.sh [CASE...]
set -euo pipefail
# shellcheck source=tests/slurm/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
export R1_PROGRAM=$here/standin.sh

# submit CASE CONFIGURATION [SBATCH OPTIONS...]: a job of two virtual nodes with two ranks each; prints its id.
submit() {
  local name=$1
  echo "#= $2" > "$work/$name.conf"
  shift 2
  sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --output="$work/$name.out" "$@" \
    "$R1_ROOT/jobscripts/rl.sbatch" --config "$work/$name.conf" --run-dir "$work/$name"
}

case_finishes() {
  local job
  job=$(submit finishes 'steps=2')
  wait_for 30 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" ExitCode 0:0
  expect "$job" Restarts 0
  expect_count "$work/finishes.out" 'of 4 ranks begins after step 0, threads 1' 1
}

case_wrong_input_stops() {
  local job
  job=$(submit wrong_input 'fault=bad_input')
  wait_for 30 end ended "$job"
  expect "$job" JobState FAILED
  expect "$job" ExitCode 2:0
  expect "$job" Restarts 0
}

case_warning_signal_requeues() {
  local job
  job=$(submit warning 'steps=12')
  wait_for 30 'third step' logged "$work/warning.out" 'standin: step 3'
  scancel --signal=USR1 --batch "$job"
  wait_for 60 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 1
  expect_count "$work/warning.out" 'stopped early with a checkpoint' 1
  expect_count "$work/warning.out" 'standin: step 3$' 1
}

case_failures_are_bounded() {
  local job
  job=$(R1_MAX_FAILURES=1 submit bounded 'fault=crash')
  wait_for 60 end ended "$job"
  expect "$job" JobState FAILED
  expect "$job" ExitCode 3:0
  expect "$job" Restarts 1
}

case_a_new_checkpoint_forgives() {
  local job
  job=$(R1_MAX_FAILURES=1 submit forgives 'steps=6 fault=crash_after_save')
  wait_for 90 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 2
}

case_lost_node_requeues() {
  local job node
  job=$(submit lost 'steps=40')
  wait_for 30 'third step' logged "$work/lost.out" 'standin: step 3'
  node=$(scontrol show hostnames "$(field "$job" NodeList)" | tail -n 1)
  "$here/minislurm.sh" kill-node "$node"
  wait_for 90 end ended "$job"
  "$here/minislurm.sh" revive-node "$node"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 1
}

case_cancelled_stays_cancelled() {
  local job
  job=$(submit cancelled 'steps=40')
  wait_for 30 'third step' logged "$work/cancelled.out" 'standin: step 3'
  scancel "$job"
  wait_for 30 end ended "$job"
  sleep 3
  expect "$job" JobState CANCELLED
  expect "$job" Restarts 0
}

case_mpirun_launches_too() {
  local job
  command -v mpirun >/dev/null || return 0
  job=$(R1_LAUNCHER=mpirun R1_LAUNCH_ARGS="$([ "$(id -u)" -ne 0 ] || echo --allow-run-as-root)" \
    submit mpirun 'steps=12' --nodes=1)
  wait_for 30 'third step' logged "$work/mpirun.out" 'standin: step 3'
  scancel --signal=USR1 --batch "$job"
  wait_for 60 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 1
  expect_count "$work/mpirun.out" 'stopped early with a checkpoint' 1
}

# chain CASE FAULT: submits a chain of two stages; prints the ids of both jobs.
chain() {
  printf '%s\n' "#= steps=4 fault=$2" '[[pipeline.stages]]' 'name = "first"' 'command = "sft"' '[pipeline.stages.sft]' \
    'name = "no stage"' '[[pipeline.stages]]' 'command = "rl"' 'name = "second"' > "$work/$1.toml"
  R1_SBATCH_ARGS="--nodes=1 --ntasks-per-node=2 --cpus-per-task=1 --output=$work/$1-%x.out" \
    "$R1_ROOT/jobscripts/chain.sh" --config "$work/$1.toml" --run-dir "$work/$1" | sed 's/.*: job //'
}

case_chain_runs_in_order() {
  local jobs
  mapfile -t jobs < <(chain ordered none)
  expect "${jobs[1]}" JobState PENDING
  wait_for 60 end ended "${jobs[1]}"
  expect "${jobs[0]}" JobState COMPLETED
  expect "${jobs[1]}" JobState COMPLETED
  expect_count "$work/ordered-r1-first.out" 'standin: pipeline of 2 ranks begins' 1
  [ -d "$work/ordered/stages/second/checkpoints/step-00000004" ] || fail "the second stage left no checkpoint"
}

case_chain_stops_at_a_failure() {
  local jobs
  mapfile -t jobs < <(chain stopped bad_input)
  wait_for 60 end ended "${jobs[1]}"
  expect "${jobs[0]}" ExitCode 2:0
  expect "${jobs[1]}" JobState CANCELLED
  [ ! -e "$work/stopped-r1-second.out" ] || fail "the second stage was started"
}

# run_cases NAME...: all at once, each in a subshell; fails when one fails.
run_cases() {
  local name pids=() failed=0
  for name in "$@"; do
    ("case_$name"; echo "passed: $name") &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}

start_slurm
if [ $# -gt 0 ]; then
  run_cases "$@"
else
  mapfile -t cases < <(declare -F | sed -n 's/^declare -f case_//p' | grep -v '^lost_node')
  run_cases "${cases[@]}"
  run_cases lost_node_requeues                   # alone: it takes a node from under the others
fi
