#!/usr/bin/env bash
# Runs scenarios of mpi_scenarios (all, or those named) and checks how each ends: exit code, and how
# often a message appears. Usage: run.sh BINARY [NAME...] (launcher: jobscripts/launch.sh, or the
# command in R1_LAUNCH).
set -uo pipefail
binary=$1
wanted=" ${*:2} "
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
read -r -a launch <<<"${R1_LAUNCH:-$root/jobscripts/launch.sh}"
failures=0 checked=0

# check NAME RANKS EXIT_CODE TIMES PATTERN
check() {
  local name=$1 ranks=$2 expected=$3 times=$4 pattern=$5 output code count
  [[ $wanted == "  " || $wanted == *" $name "* ]] || return 0
  checked=$((checked + 1))
  output=$(timeout -k 5 50 "${launch[@]}" -n "$ranks" "$binary" "$name" 2>&1)
  code=$?
  count=$(grep -cE "$pattern" <<<"$output")
  if [[ $code -ne $expected || $count -ne $times ]]; then
    echo "FAILED $name: exit code $code (expected $expected), '$pattern' $count times (expected $times)"
    echo "$output"
    failures=$((failures + 1))
  else
    echo "ok $name"
  fi
}

check fine 3 0 0 'rank'
check coordinated 3 2 1 'rank 1 \(.*\): train.jsonl:7: bad record'
check alone 3 3 1 'rank 1 \(.*\): loss is nan'
check everybody 3 2 1 'rl.batch: expected 8, found 7'
check everybody 1 2 1 'rl.batch: expected 8, found 7'
check unwinding 3 3 1 'in the middle of a reduction'
check skipped_collective 3 3 1 "hang: rank 0 .* in MPI_Iallreduce 'gradients' \(communicator world, call 2\); not arrived: rank 1 \(at call 1, computes\)"
check different_collectives 3 3 1 "hang: rank 0 .*made another call: rank 1 \(MPI_Ibarrier 'end of step'\)"
check stopped_rank 3 3 1 "hang: rank 0 .*no answer from: rank 1"
check lost_message 2 3 1 "hang: rank 0 .*receive 'rewards, tag 4' \(communicator exchange, from or to rank 1\); rank 1 computes"
if [[ $(nvidia-smi -L 2>/dev/null | wc -l) -ge 2 ]]; then
  check nccl_skipped_collective 2 3 1 "hang: rank 0 .* in ncclAllReduce 'gradients' \(communicator policy.tp\[0\] over NCCL, call 3\); not arrived: rank 1 \(at call 2, computes\)"
else
  echo "skipped nccl_skipped_collective: needs 2 GPUs"
fi
check role_slow 3 0 0 'hang'
check role_stopped 3 3 1 "hang: rank 0 \(host .*receive 'rewards, tag 4' \(communicator exchange, from or to rank 1\); no answer from: rank 1"
check role_skipped 3 3 1 "hang: rank 0 \(host .*'gradients' \(communicator world, call 2\); not arrived: rank 1 \(at call 1, waits in receive 'rollouts, tag 4'"
check role_different 3 3 1 "hang: rank 0 \(host .*made another call: rank 1 \(MPI_Ibarrier 'end of step'\)"

exit $((failures > 0 || checked == 0))
