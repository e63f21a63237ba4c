#!/usr/bin/env bash
# Runs fuzzers for so many seconds each; exits 1 if one found something.
#   scripts/fuzz.sh BUILD SECONDS [NAME...]     no name: all
# What was learned stays in BUILD/corpus; what is found lies in BUILD/found, and belongs into
# tests/fuzz/seeds/NAME once it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 seconds=$2
shift 2
[ $# -gt 0 ] || set -- $(sed -n 's/^stoker_fuzzer(\([a-z_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
seeds_of() {  # folders with inputs that are good to begin with
  case $1 in
    manifest) echo tests/corpus/good tests/corpus/bad ;;
  esac
  [ ! -d "tests/fuzz/seeds/$1" ] || echo "tests/fuzz/seeds/$1"
}
status=0
for name in "$@"; do
  corpus=$build/corpus/$name
  mkdir -p "$corpus" "$build/found"
  echo "fuzz: $name, $seconds s"
  log=$build/found/$name.log
  # shellcheck disable=SC2046
  if ! "$build/bin/${name}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$build/found/$name-" -print_final_stats=1 "$corpus" $(seeds_of "$name") >"$log" 2>&1; then
    status=1
    grep -E 'does not hold|ERROR|SUMMARY|Test unit written' "$log" || tail -n 20 "$log"
  fi
  sed -n 's/^stat::number_of_executed_units: */fuzz:   inputs tried: /p' "$log"
done
exit $status
