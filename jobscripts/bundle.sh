#!/usr/bin/env bash
# Packs a build for a machine that has no compiler and cannot install anything, but torch 2.11 (pip) and Open MPI 4.1:
# the stripped program, the Debian libraries it needs, the configurations and the launchers.
#
#   jobscripts/bundle.sh [--build-dir DIR] [--output FILE.tar.xz] [--with PROGRAM]...
#                                                                      (default: BUILD/r1mpi-bundle.tar.xz)
#   --with PROGRAM   a program of the build besides, a test say: r1mpi.sh --program NAME starts it there
#
# On the target:  tar xf r1mpi-bundle.tar.xz; r1mpi-bundle/r1mpi.sh [-n RANKS] COMMAND --config ... --run-dir ...
# The target is Linux of the same age or newer; r1mpi.sh says what is missing there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build_dir=build output="" more=()
while [ $# -gt 0 ]; do
  case $1 in
    --build-dir) build_dir=${2:?--build-dir DIR}; shift ;;
    --output) output=${2:?--output FILE}; shift ;;
    --with) more+=("${2:?--with PROGRAM}"); shift ;;
    *) echo "bundle.sh: unknown option '$1'" >&2; exit 2 ;;
  esac
  shift
done
program=$build_dir/r1mpi
worker=$build_dir/r1mpi_worker                    # lies beside it, there as here
programs=("$program" "$worker" "${more[@]/#/$build_dir/}")
output=${output:-$build_dir/r1mpi-bundle.tar.xz}
for file in "${programs[@]}"; do
  [ -x "$file" ] || { echo "bundle.sh: no $file: run jobscripts/build.sh first" >&2; exit 2; }
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
bundle=$stage/r1mpi-bundle
mkdir -p "$bundle"/{bin,lib,jobscripts}

# stays_behind NAME: the target has it itself: the C and C++ runtime, MPI, torch and CUDA. What only these need is not
# packed either, so that the target's own copies go together.
stays_behind() {
  case $1 in
    ld-linux* | linux-vdso* | libc.so* | libm.so* | libpthread.so* | libdl.so* | librt.so* | libresolv.so*) ;;
    libstdc++.so* | libgcc_s.so* | libmpi.so* | libopen-rte.so* | libopen-pal.so*) ;;
    libtorch*.so* | libc10*.so* | libcu*.so* | libnccl.so* | libnv*.so*) ;;
    *) return 1 ;;
  esac
}

declare -A path_of seen
loaded=("${programs[@]}")
if [ -e "$build_dir/libr1mpi_arrow.so" ]; then loaded+=("$build_dir/libr1mpi_arrow.so"); fi
while read -r name _ path _; do
  [ "${path:0:1}" != / ] || path_of[$name]=$path
done < <(ldd "${loaded[@]}")

# collect FILE: copies the libraries that FILE needs directly, and theirs.
collect() {
  local name
  while read -r name; do
    if stays_behind "$name" || [ -n "${seen[$name]:-}" ]; then continue; fi
    seen[$name]=1
    [ -n "${path_of[$name]:-}" ] || { echo "bundle.sh: $name, needed by $1, is not found" >&2; exit 2; }
    cp -L "${path_of[$name]}" "$bundle/lib/$name"
    collect "${path_of[$name]}"
  done < <(objdump -p "$1" | sed -n 's/^ *NEEDED *//p')
}
for file in "${programs[@]}"; do
  collect "$file"
  cp "$file" "$bundle/bin/"
done
# The CUDA kernels, which the program loads from beside it when it opens a GPU.
if [ -e "$build_dir/libr1mpi_cuda.so" ]; then cp "$build_dir/libr1mpi_cuda.so" "$bundle/bin/"; fi
# What reads Parquet, loaded when a run names such a file; the libraries that it needs lie in lib/ with the others.
if [ -e "$build_dir/libr1mpi_arrow.so" ]; then
  cp "$build_dir/libr1mpi_arrow.so" "$bundle/bin/"
  collect "$build_dir/libr1mpi_arrow.so"
fi
strip --strip-unneeded "$bundle"/bin/*
find "$bundle/lib" -name '*.so*' -exec strip --strip-unneeded {} +

# newest PREFIX: the newest symbol version of that family which the bundle's files ask for.
newest() {
  find "$bundle/bin" "$bundle/lib" -type f -exec objdump -T {} + 2>/dev/null \
    | grep -o "$1_[0-9.]*[0-9]" | sed "s/^$1_//" | sort -uV | tail -n 1
}

cp -r configs LICENSE "$bundle/"
cp jobscripts/{launch.sh,job.sh,README.md} jobscripts/*.sbatch "$bundle/jobscripts/"
cp -r jobscripts/site "$bundle/jobscripts/"
sed -e "s/@GLIBC@/$(newest GLIBC)/" -e "s/@GLIBCXX@/$(newest GLIBCXX)/" jobscripts/bundle_start.sh > "$bundle/r1mpi.sh"
chmod +x "$bundle/r1mpi.sh"
tar -C "$stage" -c r1mpi-bundle | xz -T0 -6 > "$output"
echo "$output: $(du -h "$output" | cut -f1), ${#seen[@]} libraries, needs GLIBC $(newest GLIBC) and GLIBCXX $(newest GLIBCXX)"
