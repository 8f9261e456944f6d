#!/bin/sh
# Every ```yaml block of the given pages is a configuration that `check` accepts.
# usage: examples_test.sh TRIPOD PAGE...
tripod=$(realpath "$1")
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
awk -v dir="$dir" '
	/^```yaml$/ { file = dir "/example" ++count ".yaml"; next }
	/^```/ { file = "" }
	file { print > file }' "$@"
set -- "$dir"/*.yaml
[ -e "$1" ] || { echo "no examples found" >&2; exit 1; }
token=0123456789abcdef
env APPS_TOKEN=$token-1 PEOPLE_TOKEN=$token-2 OPS_TOKEN=$token-3 BACKUP_TOKEN=$token-4 \
	"$tripod" check --strict "$@"
