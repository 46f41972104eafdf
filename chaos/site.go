package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed handlers
var handlers embed.FS

// poolNames are the pools in the order of gw.yaml. The first one also serves
// the paths that name none.
var poolNames = []string{"php", "python", "async"}

// programs are the files that the pools run.
var programs = map[string]string{"php": "echo.php", "python": "echo.py", "async": "echo_async.py"}

// site is the folder that gw runs in: configuration, handlers, state.
type site struct {
	dir       string
	binary    string
	loops     int
	addresses map[string]string // by listener
}

func newSite(binary string, loops int) (*site, error) {
	dir, err := os.MkdirTemp("", "gw-chaos-") // short: it holds a unix socket
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, binary: binary, loops: loops, addresses: map[string]string{}}
	if err := s.fill(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *site) fill() error {
	err := errors.Join(os.Mkdir(s.state(), 0o711), os.Mkdir(s.temp(), 0o755), s.build())
	for _, program := range programs {
		err = errors.Join(err, s.install(program))
	}
	for _, listener := range []string{"http", "text", "frame", "lines"} {
		address, failed := freeAddress()
		err = errors.Join(err, failed)
		s.addresses[listener] = address
	}
	return errors.Join(err, s.write("version", "1"), s.configure(map[string]int{"php": 4, "python": 3, "async": 2}))
}

func (s *site) state() string { return filepath.Join(s.dir, "state") }
func (s *site) temp() string  { return filepath.Join(s.dir, "tmp") }
func (s *site) log() string   { return filepath.Join(s.dir, "gw.log") }
func (s *site) remove()       { os.RemoveAll(s.dir) }

// build makes the gw of the module that we are part of.
func (s *site) build() error {
	if s.binary != "" {
		return nil
	}
	s.binary = filepath.Join(s.dir, "gw")
	output, err := exec.Command("go", "build", "-buildvcs=false", "-o", s.binary, "gw").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build gw: %w\n%s", err, output)
	}
	return nil
}

// install puts a handler's whole program in place.
func (s *site) install(program string) error {
	text, err := fs.ReadFile(handlers, "handlers/"+program)
	if err != nil {
		return err
	}
	return s.write(program, string(text))
}

// spoil puts something in its place that no interpreter takes.
func (s *site) spoil(program string) error {
	return s.write(program, "<?php this is ( no program")
}

// write replaces a file at once, as a deploy would.
func (s *site) write(name, text string) error {
	path := filepath.Join(s.dir, name)
	return errors.Join(os.WriteFile(path+".new", []byte(text), 0o644), os.Rename(path+".new", path))
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

const configuration = `temp_dir: {tmp}
loops: {loops}
pools:
  php: {command: [php, echo.php], workers: {php}, {all}, max_requests: 6000}
  python: {command: [python3, echo.py], workers: {python}, {all}}
  async: {command: [python3, echo_async.py], workers: {async}, {all}}
listeners:
  - listen: http://{http}
    pool: php
    routes:
      - {path: /python, pool: python}
      - {path: /async, pool: async}
  - {listen: "text://{text}", pool: php}
  - {listen: "frame://{frame}", pool: python}
  - {listen: "text://{lines}", pool: async}
`

// everyPool: request_timeout is short, so that a hang is over soon; stop_timeout
// is longer than any answer that a slow client takes.
const everyPool = "request_timeout: 3s, queue_timeout: 20s, start_timeout: 20s, stop_timeout: 10s"

// requestTimeout is the one of everyPool.
const requestTimeout = 3 * time.Second

// configure writes gw.yaml with so many workers per pool.
func (s *site) configure(workers map[string]int) error {
	text := strings.NewReplacer("{tmp}", s.temp(), "{loops}", strconv.Itoa(s.loops), "{all}", everyPool).Replace(configuration)
	for pool, n := range workers {
		text = strings.ReplaceAll(text, "{"+pool+"}", strconv.Itoa(n))
	}
	for listener, address := range s.addresses {
		text = strings.ReplaceAll(text, "{"+listener+"}", address)
	}
	return s.write("gw.yaml", text)
}
