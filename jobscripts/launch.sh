#!/usr/bin/env bash
# Starts a program on several MPI ranks of this machine: laptop, tests, quick start. Clusters use srun (README.md).
#
#   jobscripts/launch.sh -n RANKS [--threads N] PROGRAM [ARGS...]
#
# The exit code is the program's. USR1 sent to this process reaches every rank (checkpoint and stop); TERM and INT
# end the ranks at once. Nothing is read from standard input. No ssh, no network and no free cores are needed.
#
# --threads N    threads of each rank (OMP_NUM_THREADS and R1_THREADS). Without it R1_THREADS or OMP_NUM_THREADS of
#                the environment count, else cores / RANKS; a run with roles shares out its threads itself.
# R1_MPIRUN      another mpirun (Open MPI 4.1)
# R1_MPIRUN_ARGS more arguments of mpirun, split at blanks
set -euo pipefail

usage() {
  echo "usage: launch.sh -n RANKS [--threads N] PROGRAM [ARGS...]" >&2
  exit 2
}

ranks="" threads=""
while [ $# -gt 0 ]; do
  case $1 in
    -n) ranks=${2:-}; shift 2 || usage ;;
    --threads) threads=${2:-}; shift 2 || usage ;;
    -*) usage ;;
    *) break ;;
  esac
done
[[ $ranks =~ ^[1-9][0-9]*$ && ( -z $threads || $threads =~ ^[1-9][0-9]*$ ) && $# -gt 0 ]] || usage

if [ "${SLURM_NNODES:-1}" -gt 1 ]; then
  echo "launch.sh: this allocation has $SLURM_NNODES nodes; start with srun --mpi=pmix (jobscripts/README.md)" >&2
  exit 2
fi
mpirun=${R1_MPIRUN:-mpirun}
if ! command -v "$mpirun" >/dev/null; then
  echo "launch.sh: '$mpirun' not found: run jobscripts/build.sh, or load your machine's Open MPI module" >&2
  exit 2
fi

cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
per_rank=$((cores / ranks > 0 ? cores / ranks : 1))
if [ -n "$threads" ]; then
  export OMP_NUM_THREADS=$threads R1_THREADS=$threads
else
  export OMP_NUM_THREADS=${R1_THREADS:-${OMP_NUM_THREADS:-$per_rank}}
fi

# One machine: start ranks by fork (plm isolated: no ssh is looked for), talk through shared memory (no network card
# is probed), let ranks use all cores (mpirun pins 1 or 2 ranks to one core each), yield the core while waiting.
# Threads of ranks that share cores must sleep, not spin, while another rank computes (measured: 8 times faster).
[ "$ranks" = 1 ] || export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
options=(--oversubscribe --bind-to none --mca plm isolated --mca pml ob1 --mca btl "self,vader"
         --mca mpi_yield_when_idle 1)
[ "$(id -u)" -ne 0 ] || options+=(--allow-run-as-root)
read -ra more <<< "${R1_MPIRUN_ARGS:-}"
exec "$mpirun" "${options[@]}" "${more[@]}" -n "$ranks" "$@" < /dev/null
