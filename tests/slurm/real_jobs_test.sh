#!/usr/bin/env bash
# Jobs of the toy model under a real Slurm: the pipeline as a chain of jobs, a cancelled job that is submitted again, an
# array of evaluations.  real_jobs_test.sh BUILD_DIR [CASE...]
set -euo pipefail
build=$(realpath "${1:?build folder}")
shift
# shellcheck source=tests/slurm/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
export R1_PROGRAM=$build/r1mpi
config=$R1_ROOT/configs/tiny/random.toml
size=(--nodes=1 --ntasks-per-node=2 --cpus-per-task=1)

has_checkpoint() { compgen -G "$1/checkpoints/step-*" >/dev/null; }
# alone ARGS...: the same work on this machine, without Slurm; nothing of the job's environment is there.
alone() { "$R1_ROOT/jobscripts/launch.sh" -n 2 "$build/r1mpi" "$@" > "$work/alone.out" 2>&1 || fail "$* (see alone.out)"; }
left_the_queue() { [ -z "$(squeue -h -j "$1" 2>/dev/null)" ]; }
# expect_equal_files LEFT RIGHT
expect_equal_files() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

case_chain() {
  local jobs name
  # The second stage goes back into the queue once. Rewards of the random model are all 0: entropy alone has a gradient.
  mapfile -t jobs < <(R1_SBATCH_ARGS="${size[*]} --output=$work/chain-%x.out" "$R1_ROOT/jobscripts/chain.sh" \
    --config "$config" --run-dir "$work/chain" -- --set rl.steps=8 --set policy_loss.entropy_coef=0.01 --set rewards.delay_ms=300 | sed 's/.*: job //')
  [ "${#jobs[@]}" -eq 6 ] || fail "a chain of ${#jobs[@]} jobs, expected 6"
  wait_for 240 'checkpoint of the stage rl' has_checkpoint "$work/chain/stages/02-rl"
  scancel --signal=USR1 --batch "${jobs[1]}"
  wait_for 400 'end of the chain' ended "${jobs[5]}"
  for name in "${jobs[@]}"; do expect "$name" JobState COMPLETED; done
  expect "${jobs[1]}" Restarts 1
  alone pipeline --config "$config" --run-dir "$work/whole" --set rl.steps=8 --set policy_loss.entropy_coef=0.01
  for name in rl sft; do
    expect_equal_files "$work/chain/models/$name/model.safetensors" "$work/whole/models/$name/model.safetensors"
  done
  expect_equal_files "$work/chain/stages/06-evaluate/evaluation_results.json" "$work/whole/stages/06-evaluate/evaluation_results.json"
}

case_cancelled_job_continues() {
  local job submit
  submit=(sbatch --parsable "${size[@]}" "--output=$work/cancelled-%j.out" "$R1_ROOT/jobscripts/rl.sbatch" --config "$config"
          --run-dir "$work/cancelled" --set rl.steps=8 --set rewards.delay_ms=400)
  job=$("${submit[@]}")
  wait_for 240 'checkpoint' has_checkpoint "$work/cancelled"
  scancel "$job"
  wait_for 60 end ended "$job"
  expect "$job" JobState CANCELLED
  expect "$job" Restarts 0
  [ ! -e "$work/cancelled/model" ] || fail "the cancelled job ended before it was cancelled"
  job=$("${submit[@]}")
  wait_for 240 end ended "$job"
  expect "$job" JobState COMPLETED
  expect_count "$work/cancelled-$job.out" 'continues at step' 1
  alone rl --config "$config" --run-dir "$work/undisturbed" --set rl.steps=8
  expect_equal_files "$work/cancelled/model/model.safetensors" "$work/undisturbed/model/model.safetensors"
}

case_array_of_evaluations() {
  local job task
  job=$(sbatch --parsable --array=1-3 --nodes=1 --ntasks-per-node=1 --cpus-per-task=1 --output="$work/array-%a.out" \
    "$R1_ROOT/jobscripts/evaluate.sbatch" --config "$config" --run-dir "$work/array-%a" --set run.seed=%a)
  wait_for 240 'end of the array' left_the_queue "$job"
  for task in 1 2 3; do
    expect_count "$work/array-$task.out" 'job [0-9]* restart 0: done' 1
    "$R1_ROOT/jobscripts/launch.sh" -n 1 "$build/r1mpi" evaluate --config "$config" --run-dir "$work/single-$task" \
      --set run.seed="$task" > "$work/single.out" 2>&1 || fail "evaluate with seed $task (see single.out)"
    expect_equal_files "$work/array-$task/samples.jsonl" "$work/single-$task/samples.jsonl"
  done
  ! cmp -s "$work/array-1/samples.jsonl" "$work/array-2/samples.jsonl" || fail "two tasks of the array did the same"
}

start_slurm
if [ $# -eq 0 ]; then mapfile -t cases < <(declare -F | sed -n 's/^declare -f case_//p'); else cases=("$@"); fi
for name in "${cases[@]}"; do
  "case_$name"
  echo "passed: $name"
done
