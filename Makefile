# The two commands are `make run` and `make test`. Both install what they need (packages.txt), build, and go.
.PHONY: run test build asan tsan fuzz bench e2e-llama lint format install deps-build deps-test deps-lint deps-bench clean
CTEST = ctest --output-on-failure --no-tests=error
JOBS ?= $(shell nproc)

run: build
	@scripts/run

test: deps-test
	@scripts/build release
	@cd build && $(CTEST) -j$(JOBS)

build: deps-build
	@scripts/build release

asan: deps-test deps-lint
	@scripts/build asan
	@cd build-asan && $(CTEST) -j$(JOBS)

tsan: deps-test deps-lint
	@scripts/build tsan
	@cd build-tsan && $(CTEST) -j$(JOBS)

fuzz: deps-test deps-lint
	@scripts/build fuzz
	@scripts/fuzz

bench: deps-test deps-bench
	@scripts/build release
	@bench/run

# A real llama.cpp server; built from source when there is none, which takes a while.
e2e-llama: deps-test
	@scripts/build release
	@LLAMA_SERVER=$$(scripts/llama-server) && FOREWARM_BUILD=$(CURDIR)/build LLAMA_SERVER=$$LLAMA_SERVER python3 test/e2e/llama.py

lint: deps-test deps-lint
	@scripts/lint

format: deps-lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build
	@cmake --install build

deps-build:
	@scripts/packages build
deps-test:
	@scripts/packages build test
deps-lint:
	@scripts/packages lint
deps-bench:
	@scripts/packages bench

clean:
	rm -rf build build-*
