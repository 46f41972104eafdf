# make demo   everything to see gw at work: installs PHP and Python, builds, starts the examples
# make test   everything that is tested, with what the tests need
#
# Both work on a fresh Debian 12 with nothing but Go and make, and are quick the second time.

GO      ?= go
PREFIX  ?= /usr/local
# Empty without a tag: then the binary says the version that main.go names.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)
FUZZTIME ?= 30s

# Of make chaos. Without a seed it takes a random one, and prints it.
TIME ?= 3m
SEED ?=
STATICCHECK := v0.8.2

# Debian's own interpreter: it is the one that Debian's python3-msgpack belongs to.
PYTHON ?= /usr/bin/python3

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Go fetches modules over https, which needs ca-certificates.
COMMON_PACKAGES := ca-certificates php-cli php-msgpack python3 python3-msgpack
DEMO_PACKAGES   := $(COMMON_PACKAGES) curl telnet
# The race detector needs a C compiler.
TEST_PACKAGES   := $(COMMON_PACKAGES) chromium gcc libc6-dev openssl

PEER_PACKAGES   := $(COMMON_PACKAGES) python3-venv nginx-light php-fpm
PEER_SERVERS    := uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0 websockets==17.4 granian==2.8.7 hypercorn==0.18.0 gunicorn==27.0.1

# Further options of make bench-peers, such as BENCH='-runs 5 -nice -15'.
BENCH ?=

EXAMPLES := php python chat

# $(call need,PACKAGES) installs those that are missing. Without apt-get it trusts that they are there.
define need
@missing=''; \
if command -v apt-get >/dev/null; then \
	for package in $(1); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q '^install ok installed' || missing="$$missing $$package"; \
	done; \
fi; \
if [ -n "$$missing" ]; then \
	echo "Installing$$missing"; \
	$(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef

.PHONY: help build demo demo-needs demo-stop test test-needs lint test-go test-php test-python test-end-to-end test-chaos soak conformance guard bench bench-peers chaos fuzz install clean

help:
	@echo 'make demo        install what the examples need, build gw, start them, say what to try'
	@echo 'make demo-stop   stop them'
	@echo 'make test        install what the tests need and run all of them'
	@echo 'make build       build ./gw, one static file'
	@echo 'make install     put it into $(PREFIX)/bin (PREFIX=...)'
	@echo 'make bench       measure it'
	@echo 'make bench-peers measure it beside every other server that can be had'
	@echo 'make guard       count the instructions of the SDKs, beside those that were counted before (UPDATE=1)'
	@echo 'make soak        the end-to-end tests with the sizes of the promises: 19,000 connections, bodies of 1 GiB'
	@echo 'make conformance run the suites (HTTP/1.1 vectors, h2spec, Autobahn) and print their scores (ONLY=..., CASES=...)'
	@echo 'make chaos       kill, freeze, reload and scale it under load for $(TIME) (TIME=..., SEED=...)'
	@echo 'make fuzz        run every fuzz target for $(FUZZTIME) (FUZZTIME=...)'

build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w $(if $(VERSION),-X main.version=$(VERSION))' -o gw .

install: build
	install -D -m 0755 gw $(DESTDIR)$(PREFIX)/bin/gw

demo-needs:
	$(call need,$(DEMO_PACKAGES))

demo: demo-needs build
	@for example in $(EXAMPLES); do \
		if ./gw status examples/$$example/gw.yaml >/dev/null 2>&1; then \
			./gw reload examples/$$example/gw.yaml || exit 1; \
		else \
			./gw start -d examples/$$example/gw.yaml || exit 1; \
		fi; \
	done
	@echo
	@echo 'The examples run. Try:'
	@echo
	@echo '                      PHP                           Python'
	@echo '  HTTP                curl http://localhost:8081    curl http://localhost:8091'
	@echo '  WebSocket, browser  http://localhost:8082         http://localhost:8092'
	@echo '  text, type Tom      telnet localhost 8084         telnet localhost 8094'
	@echo '  chat room, browser  http://localhost:8083, in two windows: one enters through PHP, one through Python'
	@echo
	@echo '  ./gw status examples/chat/gw.yaml     what runs'
	@echo '  ./gw reload examples/chat/gw.yaml     new code, and nobody in the chat room notices'
	@echo '  make demo-stop                        stop it all'

demo-stop:
	@[ -x gw ] || exit 0; for example in $(EXAMPLES); do ./gw stop examples/$$example/gw.yaml || [ $$? -eq 3 ]; done

test-needs:
	$(call need,$(TEST_PACKAGES))

test: test-needs lint test-go test-php test-python test-end-to-end test-chaos

lint:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./...

# The end-to-end tests and chaos come by themselves: they measure times, and unit tests beside them would take the processors.
test-go:
	$(GO) test -race -timeout 10m $$($(GO) list ./... | grep -vE '/(tests|chaos)$$')

test-php:
	php sdk-php/tests/run.php
	php -n sdk-php/tests/run.php

test-python:
	$(PYTHON) -m unittest discover -s sdk-python/tests

# Once more with several loops: what crosses from one to the other.
SEVERAL_LOOPS := Publish|UserIds|Session|Groups|Reload|Datagram|WrongRequest|EventStream|Slow|Killed|OnCrash|TLS|HTTP2

test-end-to-end:
	$(GO) test -race -timeout 15m ./tests
	GW_TEST_LOOPS=3 $(GO) test -timeout 5m -run '$(SEVERAL_LOOPS)' ./tests

test-chaos:
	$(GO) test -v -timeout 5m ./chaos

# Suites that others wrote, against gw and what is beside it (WORKERMAN_SRC, PEERS_PYTHON, PYTHON2): some ten minutes, never part of make test.
conformance:
	$(GO) run ./conformance $(if $(ONLY),-only $(ONLY)) $(if $(CASES),-cases '$(CASES)')

# The end-to-end tests with 20 reloads of slow handlers, 19,000 connections and bodies of 1 GiB: some ten minutes.
soak:
	$(GO) test -v -timeout 40m ./tests -long

# Counts instructions, so other work on the machine does not matter. UPDATE=1 takes the figures over.
guard:
	$(call need,$(COMMON_PACKAGES) valgrind)
	PATH="/usr/bin:$$PATH" $(GO) run ./bench -guard $(if $(UPDATE),-update)

bench:
	$(GO) run ./bench

# Some ten minutes. The figures go into docs/performance.md, docs/peers.md and docs/peers.svg.
# Python's servers go into a folder of their own, for Debian's Python, which runs gw's handlers too.
bench-peers:
	$(call need,$(PEER_PACKAGES))
	test -x build/bench-python/bin/python || $(PYTHON) -m venv build/bench-python
	build/bench-python/bin/pip install -q $(PEER_SERVERS)
	PATH="/usr/bin:$$PATH" PEERS_PYTHON=build/bench-python/bin/python $(GO) run ./bench -workers 1,2 -idle 0 -time 500ms -svg docs/peers.svg -markdown docs/peers.md -page docs/performance.md $(BENCH)

chaos:
	$(GO) run ./chaos -time $(TIME) $(if $(SEED),-seed $(SEED))

fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

clean:
	rm -f gw
