#!/usr/bin/env bash
# The batch scripts' rules under a real Slurm, with a stand-in for the program: exit codes 0, 2, 75 and failures, the
# warning signal, a lost node, a cancelled job, a chain. One case per name: job_scripts_test.sh [CASE...]
set -euo pipefail
# shellcheck source=tests/slurm/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
export R1_PROGRAM=$here/standin.sh R1_RETRY_SECONDS=1

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
  wait_for 120 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" ExitCode 0:0
  expect "$job" Restarts 0
  expect_count "$work/finishes.out" 'of 4 ranks begins after step 0, threads 1' 1
  expect_count "$work/finishes.out" 'is not longer than' 0
}

case_wrong_input_stops() {
  local job
  job=$(submit wrong_input 'fault=bad_input')
  wait_for 120 end ended "$job"
  expect "$job" JobState FAILED
  expect "$job" ExitCode 2:0
  expect "$job" Restarts 0
}

case_warning_signal_requeues() {
  local job
  job=$(submit warning 'steps=12')
  wait_for 120 'third step' logged "$work/warning.out" 'standin: step 3'
  scancel --signal=USR1 --batch "$job"
  wait_for 60 end ended "$job"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 1
  expect_count "$work/warning.out" 'stopped early with a checkpoint' 1
  expect_count "$work/warning.out" 'back into the queue' 1
  expect_count "$work/warning.out" 'standin: step 3$' 1
}

# Without R1_ROOT, as users submit; the last task of an array bears the array's id, which Slurm answers with every task.
case_a_task_of_an_array_is_itself() {
  local array name
  echo '#= steps=12' > "$work/task.conf"
  array=$(env -u R1_ROOT sbatch --parsable --array=1-2 --nodes=1 --ntasks-per-node=1 --cpus-per-task=1 \
    --output="$work/task-%a.out" "$R1_ROOT/jobscripts/rl.sbatch" --config "$work/task.conf" --run-dir "$work/task-%a")
  for name in 1 2; do wait_for 120 'third step' logged "$work/task-$name.out" 'standin: step 3'; done
  scancel --signal=USR1 --batch "${array}_2"
  wait_for 60 'end of the first task' logged "$work/task-1.out" ': done'
  wait_for 60 'end of the second task' logged "$work/task-2.out" 'restart 1: done'
  expect_count "$work/task-1.out" 'restart 0: done' 1
  expect_count "$work/task-1.out" 'stopped early' 0
  expect_count "$work/task-2.out" 'stopped early with a checkpoint' 1
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

# refused CASE TEXT SUBMISSION...: the job ends with exit code 2 and one line that holds the text.
refused() {
  local name=$1 text=$2 job
  shift 2
  job=$("$@")
  wait_for 120 end ended "$job"
  expect "$job" ExitCode 2:0
  expect_count "$work/$name.out" "$text" 1
  [ "$(wc -l < "$work/$name.out")" -eq 1 ] || fail "$work/$name.out: more than one line"
}

case_an_unknown_site_lists_the_sites() {
  export R1_SITE=nowhere
  refused site 'sites: cray-a100 generic infiniband-a100' submit site 'steps=2'
}

case_ranks_without_mpi_are_refused() {
  export R1_MPI=none
  refused none 'R1_MPI=none' submit none 'steps=2'
}

case_runs_from_any_folder() {
  local job root="$work/a clone with blanks" runs="$work/runs of mine"
  mkdir -p "$root" "$runs"
  cp -r "$R1_ROOT/jobscripts" "$root/"
  mkdir -p "$root/build"
  cp "$here/standin.sh" "$root/build/r1mpi"
  echo '#= steps=2' > "$runs/a run.conf"
  cd "$runs" || fail "no folder"
  job=$(env -u R1_ROOT -u R1_PROGRAM sbatch --parsable --nodes=1 --ntasks-per-node=2 --cpus-per-task=1 --output="$work/blanks.out" \
    "$root/jobscripts/rl.sbatch" --config "a run.conf" --run-dir "the run")
  wait_for 120 end ended "$job"
  expect "$job" JobState COMPLETED
  [ -d "$runs/the run/checkpoints/step-00000002" ] || fail "no checkpoint in a folder with blanks"
}

case_an_array_has_a_folder_per_task() {
  local job task
  echo '#= steps=2' > "$work/array.conf"
  # shellcheck disable=SC2016,SC2088
  job=$(HOME=$work sbatch --parsable --array=1-2 --nodes=1 --ntasks-per-node=1 --cpus-per-task=1 --output="$work/array-%a.out" \
    "$R1_ROOT/jobscripts/evaluate.sbatch" --config "$work/array.conf" --run-dir '~/array-%a' --set 'run.seed=$SLURM_ARRAY_TASK_ID')
  for task in 1 2; do
    wait_for 60 end ended "${job}_$task"
    expect "${job}_$task" JobState COMPLETED
    [ -d "$work/array-$task/checkpoints/step-00000002" ] || fail "task $task has no folder of its own"
    expect_count "$work/array-$task.out" "run.seed=$task" 1
  done
}

case_tasks_do_not_share_a_folder() {
  local job
  job=$(submit shared 'steps=2' --array=1-2 --nodes=1)
  wait_for 120 end ended "${job}_1"
  wait_for 120 end ended "${job}_2"
  expect "${job}_1" ExitCode 2:0
  expect_count "$work/shared.out" 'put %a into its name' 2
  job=$(submit 'alone-%a' 'steps=2' --output="$work/alone.out")
  wait_for 120 end ended "$job"
  expect "$job" ExitCode 2:0
  expect_count "$work/alone.out" 'numbers of a job array' 1
}

case_the_job_names_its_folder() {
  local job
  job=$(submit 'numbered-%j' 'steps=2' --output="$work/numbered.out")
  wait_for 120 end ended "$job"
  expect "$job" JobState COMPLETED
  [ -d "$work/numbered-$job/checkpoints/step-00000002" ] || fail "no folder with the number of the job"
}

case_a_signal_at_the_start_is_warned_about() {
  local job
  job=$(submit short 'steps=2' --time=2)
  wait_for 120 end ended "$job"
  expect_count "$work/short.out" 'is not longer than the 300 s' 1
}

case_a_bad_configuration_is_not_queued() {
  printf '%s\n' '#= fault=bad_check' '[[pipeline.stages]]' 'name = "first"' 'command = "sft"' > "$work/unchecked.toml"
  ! "$R1_ROOT/jobscripts/chain.sh" --config "$work/unchecked.toml" --run-dir "$work/unchecked" > "$work/unchecked.txt" 2>&1 \
    || fail "a bad configuration was queued"
  expect_count "$work/unchecked.txt" 'nothing was queued' 1
  expect_count "$work/unchecked.txt" 'job ' 0
}

case_lost_node_requeues() {
  local job node
  job=$(submit lost 'steps=40')
  wait_for 120 'third step' logged "$work/lost.out" 'standin: step 3'
  node=$(scontrol show hostnames "$(field "$job" NodeList)" | tail -n 1)
  "$here/minislurm.sh" kill-node "$node"
  wait_for 90 end ended "$job"
  "$here/minislurm.sh" revive-node "$node"
  expect "$job" JobState COMPLETED
  expect "$job" Restarts 1
}

case_lost_launcher_requeues() {
  local job node
  job=$(submit launcher 'steps=40')
  wait_for 120 'third step' logged "$work/launcher.out" 'standin: step 3'
  node=$(scontrol show hostnames "$(field "$job" NodeList)" | head -n 1)
  "$here/minislurm.sh" kill-node "$node"
  wait_for 120 end ended "$job"
  "$here/minislurm.sh" revive-node "$node"
  expect "$job" JobState COMPLETED
  [ ! -e "$work/launcher/job_failures" ] || fail "a lost node counts as a failure"
}

case_cancelled_stays_cancelled() {
  local job
  job=$(submit cancelled 'steps=40')
  wait_for 120 'third step' logged "$work/cancelled.out" 'standin: step 3'
  scancel "$job"
  wait_for 120 end ended "$job"
  sleep 3
  expect "$job" JobState CANCELLED
  expect "$job" Restarts 0
  expect_count "$work/cancelled.out" 'back into the queue' 0
  [ ! -e "$work/cancelled/job_failures" ] || fail "scancel counts as a failure"
}

case_mpirun_launches_too() {
  local job
  command -v mpirun >/dev/null || return 0
  job=$(R1_LAUNCHER=mpirun R1_LAUNCH_ARGS="$([ "$(id -u)" -ne 0 ] || echo --allow-run-as-root)" \
    submit mpirun 'steps=12' --nodes=1)
  wait_for 120 'third step' logged "$work/mpirun.out" 'standin: step 3'
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
  mapfile -t cases < <(declare -F | sed -n 's/^declare -f case_//p' | grep -v '^lost_')
  run_cases "${cases[@]}"
  run_cases lost_node_requeues                   # alone: each takes a node from under the others
  run_cases lost_launcher_requeues
fi
