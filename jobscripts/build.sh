#!/usr/bin/env bash
# Installs what is missing and builds build/r1mpi. Safe to start again: what is there is left alone.
#
#   jobscripts/build.sh [--deps-only] [--with-tests] [--werror] [--build-dir DIR] [--jobs N]
#
#   --deps-only    install, do not build
#   --with-tests   also install what only the tests need (Slurm, shellcheck, clang) and build the tests
#   --werror       warnings are errors
#   --build-dir    build folder (default: build)
#   --jobs         compilers at once (default: all cores, at least 2 GiB of free memory each)
# As root on Debian the packages come from apt-get. Anyone else gets a list of what is missing and exit code 2.
# R1_TORCH_DIR   an existing LibTorch 2.11 (folder with include/ and lib/) instead of PyPI's in .venv
# R1_ARROW_DIR   an existing Arrow (folder of pyarrow, or a prefix) instead of PyPI's in .venv
# R1_PYTHON      the python3 (3.10 or newer, with venv) that makes .venv
# R1_CMAKE_ARGS  more arguments of cmake, split at blanks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
torch_version=2.11.0
arrow_version=26.0.1

die() { echo "build.sh: $*" >&2; exit 2; }

# What the build needs: Debian package | how to see it elsewhere (command, or header <...>) | conda-forge name | need.
# need: build = required, tool = faster or nicer with it, later = a part of the program is left out without it,
# test = only with --with-tests.
requirements() {
  cat <<'TABLE'
g++                   | c++                        | cxx-compiler  | build
cmake                 | cmake                      | cmake         | build
ninja-build           | ninja                      | ninja         | build
pkg-config            | pkg-config                 | pkg-config    | build
git                   | git                        | git           | build
ca-certificates       | -                          | ca-certificates | build
python3               | python3                    | python        | build
python3-venv          | -                          | python        | build
python3-pip           | -                          | pip           | build
libopenmpi-dev        | mpicc                      | openmpi       | build
openmpi-bin           | mpirun                     | openmpi       | build
libhdf5-dev           | h5cc                       | hdf5          | build
libboost-serialization-dev | <boost/archive/binary_oarchive.hpp> | libboost-devel | build
libutf8proc-dev       | <utf8proc.h>               | utf8proc      | build
libpcre2-dev          | #define PCRE2_CODE_UNIT_WIDTH 8 <pcre2.h> | pcre2 | build
nlohmann-json3-dev    | <nlohmann/json.hpp>        | nlohmann_json | build
libtomlplusplus-dev   | <toml++/toml.h>            | tomlplusplus  | build
libcli11-dev          | <CLI/CLI.hpp>              | cli11         | build
libspdlog-dev         | <spdlog/spdlog.h>          | spdlog        | build
libfmt-dev            | <fmt/format.h>             | fmt           | build
libgtest-dev          | <gtest/gtest.h>            | gtest         | build
libgmock-dev          | <gmock/gmock.h>            | gmock         | build
libbenchmark-dev      | <benchmark/benchmark.h>    | benchmark     | later
libflint-dev          | <flint/fmpz.h>             | libflint      | build
libflint-arb-dev      | -                          | libflint      | build
libantic-dev          | -                          | libflint      | build
libcalcium-dev        | -                          | libflint      | build
libseccomp-dev        | <seccomp.h>                | libseccomp    | later
zlib1g-dev            | <zlib.h>                   | zlib          | build
libzstd-dev           | <zstd.h>                   | zstd          | build
ccache                | ccache                     | ccache        | tool
clang-format          | clang-format               | clang-format  | tool
hdf5-tools            | h5dump                     | hdf5          | test
procps                | ps                         | procps-ng     | test
shellcheck            | shellcheck                 | shellcheck    | test
slurmctld             | slurmctld                  | -             | test
slurmd                | slurmd                     | -             | test
slurm-client          | srun                       | -             | test
slurm-wlm-basic-plugins | -                        | -             | test
munge                 | munged                     | -             | test
clang                 | clang++                    | -             | test
libclang-rt-14-dev    | -                          | -             | test
TABLE
}

# wanted: the rows that count, blanks squeezed out of the columns.
wanted() {
  requirements | sed 's/ *| */|/g' | while IFS='|' read -r package probe conda need; do
    [ "$need" = test ] && [ -z "$with_tests" ] || echo "$package|$probe|$conda|$need"
  done
}

# absent_packages: rows whose Debian package is not installed (all rows where there is no dpkg). One dpkg-query.
absent_packages() {
  local installed=""
  if command -v dpkg-query >/dev/null; then
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p')
  fi
  wanted | while IFS='|' read -r package rest; do
    grep -qxF -- "$package" <<< "$installed" || echo "$package|$rest"
  done
}

# found_elsewhere PROBE: a module, conda or the system has it although no Debian package does.
found_elsewhere() {
  case $1 in
    -) return 0 ;;
    *'<'*) printf '%s\n#include <%s\n' "${1%%<*}" "${1##*<}" | c++ -std=c++20 -E -x c++ - >/dev/null 2>&1 ;;
    *) PATH=$PATH:/usr/sbin command -v "$1" >/dev/null ;;
  esac
}

install_with_apt() {
  echo "build.sh: installing $*"
  local log options=(-qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  apt-get "${options[@]}" update < /dev/null > "$log" 2>&1 || echo "build.sh: apt-get update failed, going on with the old lists" >&2
  if ! apt-get "${options[@]}" install -y --no-install-recommends "$@" < /dev/null >> "$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get could not install these packages (named as in Debian 12; elsewhere: jobscripts/conda.txt)"
  fi
  rm -f "$log"
}

system_packages() {
  local absent=() required=() optional=() row
  mapfile -t absent < <(absent_packages)
  [ ${#absent[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    install_with_apt "${absent[@]%%|*}"
    return
  fi
  for row in "${absent[@]}"; do
    IFS='|' read -r package probe conda need <<< "$row"
    found_elsewhere "$probe" && continue
    if [ "$need" = build ]; then required+=("$package|$conda"); else optional+=("$package|$conda"); fi
  done
  [ ${#optional[@]} -eq 0 ] || echo "build.sh: going on without: ${optional[*]%%|*}"
  [ ${#required[@]} -gt 0 ] || return 0
  {
    echo "build.sh: missing, and only root may install packages here:"
    printf '  %s\n' "${required[@]}" | sed 's/|/   (conda-forge: /; s/$/)/'
    echo "Ways on:"
    echo "  an administrator:  apt-get install ${required[*]%%|*}"
    echo "  modules:           load a C++20 compiler (GCC 12+), CMake 3.25+, Open MPI 4.1+, HDF5, Boost; start again"
    echo "  conda-forge:       conda create -n r1mpi -c conda-forge --file jobscripts/conda.txt; conda activate r1mpi"
    echo "  a container:       apptainer build r1mpi.sif jobscripts/r1mpi.def"
  } >&2
  exit 2
}

find_python() {
  local candidate
  for candidate in ${R1_PYTHON:+"$R1_PYTHON"} /usr/bin/python3 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  die "no python3 (3.10 or newer) with venv and ensurepip; name one with R1_PYTHON"
}

virtual_environment() {
  if ! .venv/bin/python -c '' 2>/dev/null || ! [ -x .venv/bin/pip ]; then
    local python
    python=$(find_python)
    echo "build.sh: making .venv with $python"
    "$python" -m venv --clear .venv
  fi
  local stamp=.venv/.torch-$torch_version
  [ -z "${R1_TORCH_DIR:-}" ] && ! [ -e "$stamp" ] || return 0
  if ! .venv/bin/python -c "import torch; assert torch.__version__.startswith('$torch_version')" 2>/dev/null; then
    local free_gib=$(($(df -Pk .venv | awk 'NR == 2 {print $4}') / 1048576))
    [ "$free_gib" -ge 9 ] || die "torch needs 9 GiB here while it is installed, $free_gib GiB are free in $root"
    echo "build.sh: installing torch $torch_version into .venv (4.7 GB)"
    .venv/bin/python -m pip install --quiet --no-input --retries 5 "torch==$torch_version" < /dev/null \
      || die "pip could not install torch $torch_version; an existing LibTorch can be named with R1_TORCH_DIR"
  fi
  : > "$stamp"
}

# Arrow's C++ library, which reads Parquet; without it the program says so when a run names such a file.
arrow_library() {
  local stamp=.venv/.pyarrow-$arrow_version
  [ -z "${R1_ARROW_DIR:-}" ] && ! [ -e "$stamp" ] || return 0
  if ! .venv/bin/python -c "import pyarrow; assert pyarrow.__version__ == '$arrow_version'" 2>/dev/null; then
    echo "build.sh: installing pyarrow $arrow_version into .venv (170 MB)"
    if ! .venv/bin/python -m pip install --quiet --no-input --retries 5 "pyarrow==$arrow_version" < /dev/null; then
      echo "build.sh: pip could not install pyarrow $arrow_version: going on without Parquet (R1_ARROW_DIR names an Arrow)" >&2
      return 0
    fi
  fi
  : > "$stamp"
}

torch_folder() {
  if [ -n "${R1_TORCH_DIR:-}" ]; then
    realpath -m "$R1_TORCH_DIR"
  else
    echo "$root"/.venv/lib/python3*/site-packages/torch
  fi
}

# Empty: there is none.
arrow_folder() {
  local folder
  for folder in ${R1_ARROW_DIR:+"$(realpath -m "$R1_ARROW_DIR")"} "$root"/.venv/lib/python3*/site-packages/pyarrow; do
    if [ -d "$folder" ]; then
      echo "$folder"
      return
    fi
  done
}

# One compiler needs up to 2 GiB with ATen's headers: as many as cores and memory allow.
parallel_jobs() {
  local cores memory
  cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo 2>/dev/null || true)
  memory=${memory:-$cores}
  [ "$memory" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# cached KEY: a value of the build folder's CMake cache, empty when there is none.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build_dir/CMakeCache.txt" 2>/dev/null || true; }

configure() {
  local torch=$1 options
  read -ra options <<< "${R1_CMAKE_ARGS:-}"
  options+=("-DR1_TORCH_DIR=$torch")
  local arrow
  arrow=$(arrow_folder)
  options+=("-DR1_ARROW_DIR=$arrow")
  if [ -n "$werror" ]; then options+=(-DR1_WERROR=ON); fi
  if [ -e "$build_dir/build.ninja" ] && [ "$(cached CMAKE_HOME_DIRECTORY)" = "$root" ] \
    && [ "$(cached R1_TORCH_DIR)" = "$torch" ] && [ "$(cached R1_ARROW_DIR)" = "$arrow" ] && [ -z "${R1_CMAKE_ARGS:-}" ] \
    && { [ -z "$werror" ] || [ "$(cached R1_WERROR)" = ON ]; }; then
    return 0                                      # ninja itself sees changed CMake files
  fi
  [ "$(cached CMAKE_HOME_DIRECTORY)" = "$root" ] || options+=(--fresh)      # a copied or moved build folder
  cmake -S "$root" -B "$build_dir" -G Ninja "${options[@]}" || die "cmake could not configure $build_dir"
}

deps_only="" with_tests="" werror="" build_dir=build jobs=""
while [ $# -gt 0 ]; do
  case $1 in
    --deps-only) deps_only=1 ;;
    --with-tests) with_tests=1 ;;
    --werror) werror=1 ;;
    --build-dir) build_dir=${2:?--build-dir DIR}; shift ;;
    --jobs) jobs=${2:?--jobs N}; shift ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown option '$1' (--help lists them)" ;;
  esac
  shift
done

system_packages
virtual_environment
arrow_library
[ -z "$deps_only" ] || exit 0
torch=$(torch_folder)
[ -e "$torch/include/ATen/ATen.h" ] || die "no LibTorch in '$torch' (R1_TORCH_DIR names the folder with include/ and lib/)"
configure "$torch"
targets=(r1mpi)
[ -z "$with_tests" ] || targets=(all)
ninja -C "$build_dir" -j "${jobs:-$(parallel_jobs)}" "${targets[@]}"
echo "build.sh: $build_dir/r1mpi is up to date"
