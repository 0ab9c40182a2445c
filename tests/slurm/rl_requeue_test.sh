#!/usr/bin/env bash
# One RL job of the toy model under a real Slurm: it gets the warning signal, saves, goes back into the queue, and
# finishes under the same job id with the numbers of a job that nobody disturbed.  rl_requeue_test.sh BUILD_DIR
set -euo pipefail
build=$(realpath "${1:?build folder}")
# shellcheck source=tests/slurm/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
export R1_PROGRAM=$build/r1mpi

# submit NAME: two virtual nodes with two ranks each; prints the job's id.
submit() {
  sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --output="$work/$1.out" \
    "$R1_ROOT/jobscripts/rl.sbatch" --config "$R1_ROOT/configs/tiny/random.toml" --run-dir "$work/$1" \
    --set rl.steps=8 --set rewards.delay_ms=400
}

has_checkpoint() { compgen -G "$work/$1/checkpoints/step-*" >/dev/null; }

# steps NAME: the numbers that must not depend on an interruption, one line per step.
steps() {
  python3 - "$work/$1/metrics.jsonl" <<'PY'
import json
import sys

for line in open(sys.argv[1], encoding="utf-8"):
    record = json.loads(line)
    if "reward_mean" in record:
        print([record.get(key) for key in ("step", "episode", "reward_mean", "policy_loss", "kl_token")])
PY
}

start_slurm
disturbed=$(submit disturbed)
wait_for 120 'checkpoint' has_checkpoint disturbed
scancel --signal=USR1 --batch "$disturbed"
wait_for 180 end ended "$disturbed"
expect "$disturbed" JobState COMPLETED
expect "$disturbed" ExitCode 0:0
expect "$disturbed" Restarts 1
expect_count "$work/disturbed.out" 'stopped early with a checkpoint' 1

undisturbed=$(submit undisturbed)
wait_for 180 end ended "$undisturbed"
expect "$undisturbed" JobState COMPLETED
expect "$undisturbed" Restarts 0
[ -n "$(steps undisturbed)" ] || fail "metrics.jsonl of the undisturbed run has no steps"
diff <(steps undisturbed) <(steps disturbed) || fail "the disturbed run's steps differ (< undisturbed, > disturbed)"
echo "passed: job $disturbed was stopped, requeued and finished; its steps equal those of job $undisturbed"
