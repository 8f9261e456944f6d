# A thin front over meson and ninja: each target says what it does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build run demo test soak bench check format clean

DATA ?= ./data

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

build: ## build/tripod, installing what is missing (root or sudo)
	@scripts/install-deps build
	@[ -f build/build.ninja ] || { echo 'make: meson setup build'; meson setup build >build-setup.log || { cat build-setup.log; exit 1; }; }
	@echo 'make: ninja -C build tripod'
	@ninja -C build --quiet tripod

run: build ## build, then start the server on ./data (or DATA=DIR); Ctrl-C stops it
	@exec build/tripod server --data $(DATA)

demo: build ## build, then start the server and send it a small shop of nine services to look at
	@exec scripts/demo $(DATA)

test: ## every test; the last line is "N passed, N failed"
	@scripts/install-deps test
	@exec scripts/test

soak: ## the tests in their long forms: 50 rounds of each fault test, minutes of each fuzzer
	@scripts/install-deps test
	@FAULT_ROUNDS=50 FUZZ_SECONDS=300 exec scripts/test

bench: build ## measure the real binary under load; bench/README.md says what (ONLY=logs,latency ROWS=...)
	@scripts/install-deps test
	@exec bench/run

check: ## format, layers, words, static analysis; part of make test
	@scripts/install-deps test
	@exec scripts/check

format: ## rewrite the C sources in the project's format
	@scripts/install-deps test
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean: ## remove what was built (not the data, not node_modules)
	rm -rf build build-asan build-tsan build-fuzz build-peers build-setup.log
