#!/usr/bin/env bash
# Runs the tests of several builds as one ctest run, so that its closing summary counts them all.
#   scripts/ctest.sh PRESET...   a name regex to narrow it down in TESTS: TESTS=kube scripts/ctest.sh asan
set -euo pipefail
cd "$(dirname "$0")/.."

# Found by every program that is built with the sanitizer, and ignored by the others.
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}"

all=build/tests
mkdir -p $all
for preset in "$@"; do
  [ -f "build/$preset/CTestTestfile.cmake" ] || { echo "build/$preset is not built: make build" >&2; exit 2; }
  echo "subdirs(\"$PWD/build/$preset\")"
done >$all/CTestTestfile.cmake
ctest --test-dir $all --output-on-failure --no-tests=error -j "$(nproc)" ${TESTS:+-R "$TESTS"}
