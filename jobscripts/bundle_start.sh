#!/usr/bin/env bash
# Starts r1mpi out of an unpacked bundle with the libraries of this machine's torch and Open MPI.
#
#   r1mpi.sh [--program NAME] [-n RANKS [--threads N]] COMMAND ARGS...
#                    -n: through mpirun on this machine; without it as it is, also below srun --mpi=pmix (R1_PROGRAM of
#                    the job scripts). --program: another one of bin/ than r1mpi (bundle.sh --with)
# R1_TORCH_DIR   LibTorch 2.11 (default: the torch of python3)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() { echo "r1mpi.sh: $*" >&2; exit 2; }

# at_least FOUND WANTED
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

program=$here/bin/r1mpi
if [ "${1:-}" = --program ]; then
  program=$here/bin/${2:?--program NAME}
  [ -x "$program" ] || die "no program $2 in $here/bin"
  shift 2
fi

glibc=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
at_least "$glibc" @GLIBC@ || die "this system has GLIBC $glibc, the bundle needs @GLIBC@: use jobscripts/r1mpi.def instead"

torch=${R1_TORCH_DIR:-}
if [ -z "$torch" ]; then
  torch=$(python3 -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null) \
    || die "python3 has no torch: load or install torch 2.11, or name its folder with R1_TORCH_DIR"
fi
[ -e "$torch/lib/libtorch_cpu.so" ] || die "no lib/libtorch_cpu.so in $torch"
version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$torch/version.py" 2>/dev/null || true)
case $version in
  2.11.* | "") ;;
  *) die "torch is $version in $torch, the bundle was built for 2.11" ;;
esac

libraries=$here/lib:$torch/lib
for name in cu13 nccl cudnn cusparselt nvshmem; do
  [ ! -d "$torch/../nvidia/$name/lib" ] || libraries+=:$(realpath "$torch/../nvidia/$name/lib")
done
if mpirun=$(command -v "${R1_MPIRUN:-mpirun}"); then
  prefix=$(dirname "$(dirname "$(realpath "$mpirun")")")
  # Not a system folder: it would come before what the program was linked with.
  if [ "$prefix" != /usr ] && [ -e "$prefix/lib/libmpi.so.40" ]; then libraries+=:$prefix/lib; fi
fi
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
missing=$(ldd "$program" 2>&1 | sed -n "s/^[ \t]*\(.* => not found\)/\1/p; s/.*\(version .* not found\).*/\1/p" | sort -u)
[ -z "$missing" ] || die "libraries are missing here (libmpi.so.40 comes with Open MPI 4.1, GLIBCXX_@GLIBCXX@ with GCC 12's libstdc++):
$missing"

if [ "${1:-}" != -n ]; then exec "$program" "$@"; fi
launch=(-n "${2:-}")
shift 2
if [ "${1:-}" = --threads ]; then launch+=(--threads "${2:-}"); shift 2; fi
exec "$here/jobscripts/launch.sh" "${launch[@]}" "$program" "$@"
