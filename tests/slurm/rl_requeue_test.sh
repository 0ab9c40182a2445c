#!/usr/bin/env bash
# RL jobs of the toy model under a real Slurm that are interrupted, go back into the queue, and finish under the same job
# id with the numbers of a job that nobody disturbed.  rl_requeue_test.sh BUILD_DIR [signal|time_limit|lost_node]
#
# signal      Slurm's warning signal
# time_limit  a time limit that the program foresees, several times if need be (F6); it leaves 30 s besides what a step
#             and a checkpoint take
# lost_node   slurmd and the ranks of one node are killed (F7)
set -euo pipefail
build=$(realpath "${1:?build folder}")
fault=${2:-signal}
# shellcheck source=tests/slurm/support.sh
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
export R1_PROGRAM=$build/r1mpi

# submit NAME DELAY OPTIONS...: two virtual nodes with two ranks each; prints the job's id.
submit() {
  local name=$1 delay=$2
  shift 2
  sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --output="$work/$name.out" \
    "$R1_ROOT/jobscripts/rl.sbatch" --config "$R1_ROOT/configs/tiny/random.toml" --run-dir "$work/$name" \
    --set "rl.steps=$steps" --set "rewards.delay_ms=$delay" "$@"
}

has_checkpoint() { compgen -G "$work/$1/checkpoints/step-*" >/dev/null; }

# numbers NAME: what must not depend on an interruption, one line per step.
numbers() {
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
steps=8
case $fault in
  signal)
    disturbed=$(submit disturbed 400)
    wait_for 120 'checkpoint' has_checkpoint disturbed
    scancel --signal=USR1 --batch "$disturbed"
    ;;
  time_limit)
    disturbed=$(submit disturbed 300 --time-limit 0:00:37)
    ;;
  lost_node)
    disturbed=$(submit disturbed 400)
    wait_for 120 'checkpoint' has_checkpoint disturbed
    node=$(scontrol show hostnames "$(field "$disturbed" NodeList)" | tail -n 1)
    "$here/minislurm.sh" kill-node "$node"
    ;;
  *) fail "unknown fault $fault" ;;
esac
wait_for 240 end ended "$disturbed"
expect "$disturbed" JobState COMPLETED
expect "$disturbed" ExitCode 0:0
restarts=$(field "$disturbed" Restarts)
[ "$restarts" -ge 1 ] || fail "the job was not requeued"
[ "$fault" = time_limit ] || expect "$disturbed" Restarts 1
if [ "$fault" = lost_node ]; then
  "$here/minislurm.sh" revive-node "$node"
else
  expect_count "$work/disturbed.out" 'stopped early with a checkpoint' "$restarts"
fi
[ "$fault" != time_limit ] || expect_count "$work/disturbed.out" 'stops before step [0-9]*: time limit' "$restarts"
expect_count "$work/disturbed.out" 'continues at step' "$restarts"

undisturbed=$(submit undisturbed 0)
wait_for 180 end ended "$undisturbed"
expect "$undisturbed" JobState COMPLETED
expect "$undisturbed" Restarts 0
[ "$(numbers undisturbed | wc -l)" -eq "$steps" ] || fail "metrics.jsonl of the undisturbed run has not $steps steps"
diff <(numbers undisturbed) <(numbers disturbed) || fail "the disturbed run's steps differ (< undisturbed, > disturbed)"
echo "passed ($fault): job $disturbed was requeued and finished; its steps equal those of job $undisturbed"
