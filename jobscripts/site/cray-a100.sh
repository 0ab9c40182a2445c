# shellcheck shell=bash
# Cray EX with 4 A100 a node, Slingshot network and Lustre (Perlmutter-like).
#   sbatch --account=... --constraint=gpu --qos=regular --gpus-per-node=4 --ntasks-per-node=4 --cpus-per-task=32 ...
r1_modules "${R1_MODULES:-openmpi cudatoolkit nccl}"
export R1_LAUNCHER=${R1_LAUNCHER:-srun}
export R1_LAUNCH_ARGS=${R1_LAUNCH_ARGS:---cpu-bind=cores}
# NCCL over Slingshot through libfabric (the nccl module brings the plug-in).
export NCCL_NET=${NCCL_NET:-"AWS Libfabric"}
export NCCL_NET_GDR_LEVEL=${NCCL_NET_GDR_LEVEL:-PHB}
export NCCL_CROSS_NIC=${NCCL_CROSS_NIC:-1}
export NCCL_SOCKET_IFNAME=${NCCL_SOCKET_IFNAME:-hsn}
export FI_CXI_DISABLE_HOST_REGISTER=1
export FI_MR_CACHE_MONITOR=userfaultfd
export FI_CXI_DEFAULT_CQ_SIZE=131072
# Checkpoint shards are striped over this many Lustre servers.
export R1_STRIPES=${R1_STRIPES:-8}
