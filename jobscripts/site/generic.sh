# shellcheck shell=bash
# Any Slurm cluster: srun with PMIx, no modules, checkpoints straight to the run folder. Copy this file to
# jobscripts/site/NAME.sh, edit, and start with R1_SITE=NAME.
export R1_LAUNCHER=${R1_LAUNCHER:-srun}      # srun --mpi=list must name pmix; otherwise mpirun
