#!/bin/sh
# Exit codes and output of the program itself.
# usage: command_test.sh TRIPOD VERSION
tripod=$(realpath "$1")
version=$2
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# expect CODE TEXT COMMAND...: the exit code, and a part of what is written anywhere
expect() {
	code=$1
	text=$2
	shift 2
	output=$("$tripod" "$@" 2>&1 </dev/null)
	got=$?
	if [ "$got" != "$code" ]; then
		echo "tripod $*: exit code $got, expected $code: $output"
		failed=1
	fi
	case $output in
	*"$text"*) ;;
	*)
		echo "tripod $*: expected \"$text\" in: $output"
		failed=1
		;;
	esac
}

printf 'storage:\n  data_dir: /a\n' >good.yaml
printf 'storage:\n  data_dri: /a\n' >bad.yaml
printf 'exporters:\n  debug:\n' >part.yaml
printf 'auth:\n  anonymous: {role: read, from: [0.0.0.0/0]}\n' >doubtful.yaml

expect 2 'usage: tripod COMMAND'
expect 0 'usage: tripod COMMAND' --help
expect 0 'usage: tripod COMMAND' help
expect 0 'usage: tripod check' help check
expect 0 'usage: tripod check' check --help
expect 2 'did you mean check?' chekc
expect 2 'expected a command before --config' --config good.yaml
expect 0 "tripod $version" version
expect 0 "tripod $version" --version
expect 2 'one argument too many' version now
expect 2 'expected FILE...' check
expect 2 'did you mean --config?' config --cnfig good.yaml
expect 2 '--config needs a value: --config FILE' config --config
expect 2 '--markdown takes no value' components --markdown=1
expect 2 '--data is given twice' config --data a --data b
expect 0 'good.yaml: ok, 3 pipelines' check good.yaml
expect 1 'bad.yaml:2:3: storage.data_dri: no such option; did you mean data_dir?' check bad.yaml
expect 1 'bad.yaml: 1 error' check good.yaml bad.yaml
expect 1 'missing.yaml: No such file or directory' check missing.yaml
expect 0 'standard input: ok' check -
expect 0 '1 warning' check doubtful.yaml
expect 1 '1 warning' check --strict doubtful.yaml
expect 0 'data_dir: /a' config --config good.yaml
expect 0 'data_dir: /b' config --config=good.yaml --data /b
expect 0 'data_dir: /c' config --config good.yaml --set storage.data_dir=/c
expect 1 'expected KEY=VALUE' config --set nonsense
expect 1 'service is required' config --config part.yaml
expect 0 'receivers:' config --built-in
expect 0 'memory_limiter' components
expect 0 'send_batch_size' components batch
expect 0 'retention.logs' components storage
expect 1 'did you mean batch?' components bacth
expect 1 'known, but not built yet' components hostmetrics
expect 0 '# Components and options' components --markdown

if [ -w /dev/full ] && "$tripod" config >/dev/full 2>/dev/null; then
	echo "tripod config >/dev/full: expected a failure"
	failed=1
fi
exit $failed
