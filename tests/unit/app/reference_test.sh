#!/bin/sh
# docs/components.md is what the program prints.
# usage: reference_test.sh TRIPOD docs/components.md
"$1" components --markdown | diff -u "$2" - && exit 0
echo "docs/components.md is out of date: tripod components --markdown > docs/components.md" >&2
exit 1
