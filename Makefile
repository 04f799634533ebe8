# The two commands are `make run` and `make test`. Both install what they need (packages.txt), build, and go.
.PHONY: run test build asan tsan fuzz bench lint format install deps-build deps-test deps-lint deps-bench clean
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
