#!/usr/bin/env bash
# Packs Stoker's programs, stripped, with the libraries they link, into one image for `docker load`,
# `podman load` or `ctr images import`. The same programs give the same digest.
#   packaging/image.sh BUILD OUT.tar [NAME:TAG]
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=$1 out=$2 name=${3:-localhost/stoker:dev}

staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
files=()
for program in stoker stoker-controller stoker-worker; do
  [ -x "$build/bin/$program" ] || { echo "$build/bin/$program is not built: make build" >&2; exit 2; }
  llvm-strip-19 -o "$staged/$program" "$build/bin/$program"
  files+=("$staged/$program=/usr/bin/$program")
done
"$top/scripts/image.py" "$name" "$out" --system --user 65532:65532 --entrypoint /usr/bin/stoker-controller \
  --label org.opencontainers.image.title=stoker --label org.opencontainers.image.licenses=Apache-2.0 \
  "${files[@]}" "$top/LICENSE=/usr/share/doc/stoker/LICENSE"
