#!/usr/bin/env bash
# A private, real Slurm on one machine for the tests: virtual nodes n1, n2, ... with hostnames of their own.
#
#   minislurm.sh start | stop | kill-node NODE | revive-node NODE
#
# Works as root and as a plain user; no systemd, cgroup or database; nothing outside MS_DIR is written.
# Exit code 77 with a reason when Slurm is not installed or this machine does not let it start.
# MS_DIR   folder of its state (required); after `start`: . $MS_DIR/env.sh
# MS_NODES, MS_CPUS, MS_MEM   virtual nodes, and CPUs and MB that each pretends to have (4, 4, 4000)
# MS_PORT  first of 30 free TCP ports (26817)
set -euo pipefail
export PATH=$PATH:/usr/sbin
command=${1:?start, stop, kill-node or revive-node}
dir=$(realpath -m "${MS_DIR:?}")
nodes=${MS_NODES:-4} cpus=${MS_CPUS:-4} memory=${MS_MEM:-4000} port=${MS_PORT:-26817}
user=$(id -un) host=$(hostname -s)
namespace=(unshare --uts)
[ "$(id -u)" -eq 0 ] || namespace=(unshare --map-current-user --keep-caps --uts)

skip() { echo "skipped: $*"; exit 77; }

check_installed() {
  local program
  for program in slurmctld slurmd srun sbatch scontrol munged; do
    command -v "$program" >/dev/null || skip "$program is not installed (jobscripts/build.sh --deps-only --with-tests, as root)"
  done
  "${namespace[@]}" true 2>/dev/null || skip "this machine does not allow unshare --uts (virtual host names)"
}

write_configuration() {
  mkdir -p "$dir"/{state,log,run,munge}
  chmod 755 "$dir" "$dir/run"
  chmod 700 "$dir/munge"
  (umask 077; head -c 1024 /dev/urandom > "$dir/munge/key")
  # cred_expire also sets how long a requeued job waits: 6 s here, 2 minutes by default.
  cat > "$dir/slurm.conf" <<CONF
ClusterName=mini
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.sock,cred_expire=6
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
TmpFS=$dir/tmp.%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
MpiDefault=pmix
ReturnToService=2
SlurmdTimeout=10
KillWait=5
JobRequeue=1
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory
$(for i in $(seq 1 "$nodes"); do echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + i))"; done)
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  echo "export SLURM_CONF=$dir/slurm.conf PATH=\$PATH:/usr/sbin" > "$dir/env.sh"
}

# A virtual node is one slurmd in a UTS namespace of its own, so that host names, and MPI's shared memory, are per node.
start_node() {
  mkdir -p "$dir/spool.$1" "$dir/tmp.$1"
  chmod 1777 "$dir/tmp.$1"
  "${namespace[@]}" sh -c "hostname $1; exec slurmd -f '$dir/slurm.conf' -N $1"
}

wait_until_idle() {
  for _ in $(seq 1 200); do
    [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -lt "$nodes" ] || return 0
    sleep 0.1
  done
  return 1
}

start() {
  check_installed
  write_configuration
  export SLURM_CONF=$dir/slurm.conf
  munged --force --key-file="$dir/munge/key" --socket="$dir/run/munge.sock" --pid-file="$dir/run/munged.pid" \
    --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed" --num-threads=2 \
    || skip "munged does not start here: $(tail -n 1 "$dir/log/munged.log" 2>/dev/null)"
  slurmctld -f "$SLURM_CONF" -c || { stop; skip "slurmctld does not start here"; }
  for i in $(seq 1 "$nodes"); do start_node "n$i" || { stop; skip "slurmd does not start here"; }; done
  wait_until_idle || { tail -n 5 "$dir"/log/*.log; stop; skip "the virtual nodes did not come up in 20 s"; }
}

alive() { [ -r "/proc/$1/status" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }       # a zombie counts as gone

stop_daemon() {
  local pid
  [ -s "$1" ] || return 0
  pid=$(cat "$1")
  if kill "$pid" 2>/dev/null; then
    for _ in $(seq 1 100); do alive "$pid" || break; sleep 0.1; done
    ! alive "$pid" || kill -9 "$pid"
  fi
  rm -f "$1"
}

stop() {
  export SLURM_CONF=$dir/slurm.conf
  scancel -u "$user" 2>/dev/null || true
  for _ in $(seq 1 100); do [ -n "$(squeue -h -t R,CG 2>/dev/null)" ] || break; sleep 0.1; done
  local file
  for file in "$dir/run/slurmctld.pid" "$dir"/run/slurmd.*.pid "$dir/run/munged.pid"; do stop_daemon "$file"; done
}

# Every process of the node's UTS namespace (slurmd, slurmstepd, ranks) dies at once, as when a node loses power.
kill_node() {
  local namespace_of_node process
  namespace_of_node=$(readlink "/proc/$(cat "$dir/run/slurmd.$1.pid")/ns/uts")
  [ "$namespace_of_node" != "$(readlink /proc/self/ns/uts)" ] || { echo "node $1 shares this host's name" >&2; exit 1; }
  rm -f "$dir/run/slurmd.$1.pid"
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/uts" 2>/dev/null)" != "$namespace_of_node" ] || kill -9 "${process#/proc/}" || true
  done
}

case $command in
  start) start ;;
  stop) stop ;;
  kill-node) kill_node "${2:?node}" ;;
  revive-node) export SLURM_CONF=$dir/slurm.conf; start_node "${2:?node}" ;;
  *) echo "minislurm.sh: unknown command '$command'" >&2; exit 2 ;;
esac
