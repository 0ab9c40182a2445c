# shellcheck shell=bash
# InfiniBand cluster with 4 or 8 A100 a node.
#   sbatch --partition=... --gpus-per-node=8 --ntasks-per-node=8 --cpus-per-task=16 ...
r1_modules "${R1_MODULES:-openmpi cuda}"
export R1_LAUNCHER=${R1_LAUNCHER:-srun}
export R1_LAUNCH_ARGS=${R1_LAUNCH_ARGS:---cpu-bind=cores}
# MPI over UCX on the InfiniBand cards; NCCL on the same cards, its start-up over IP on InfiniBand.
export OMPI_MCA_pml=${OMPI_MCA_pml:-ucx}
export UCX_TLS=${UCX_TLS:-rc,sm,self}
export UCX_NET_DEVICES=${UCX_NET_DEVICES:-all}
export NCCL_IB_HCA=${NCCL_IB_HCA:-mlx5}
export NCCL_NET_GDR_LEVEL=${NCCL_NET_GDR_LEVEL:-PHB}
export NCCL_SOCKET_IFNAME=${NCCL_SOCKET_IFNAME:-ib}
# Checkpoint shards are striped over this many Lustre servers.
export R1_STRIPES=${R1_STRIPES:-8}
