package config

import (
	"path/filepath"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

func (s system) defaults(file string) *Config {
	state := s.stateDir(file)
	disk := s.diskPaths(file)
	return &Config{
		File:        file,
		Dir:         filepath.Dir(file),
		LogLevel:    "info",
		StdoutFile:  "/dev/null",
		StateDir:    state,
		PIDFile:     filepath.Join(state, "gw.pid"),
		Control:     filepath.Join(state, "control.sock"),
		TempDir:     disk.temp,
		SetAsideDir: disk.setAside,
		Limits:      defaultLimits(),
	}
}

func defaultPool() Pool {
	return Pool{
		Workers:        1,
		RequestTimeout: 30 * time.Second,
		StreamTimeout:  5 * time.Minute,
		QueueTimeout:   10 * time.Second,
		QueueLimit:     10000,
		StartTimeout:   10 * time.Second,
		StopTimeout:    10 * time.Second,
		OnCrash:        "redeliver",
		Reload:         true,
		ReloadParallel: 1,
	}
}

func defaultListener(limits Limits) Listener {
	return Listener{
		Socket: defaultSocket(),
		Queue:  defaultQueue,
		HTTP2:  true,
		Limits: limits,

		WebSocket: defaultWebSocket(),
	}
}

// defaultQueue drops what has waited longest: its sender has given up first.
var defaultQueue = Queue{Limit: 1024, Drop: "oldest"}

func defaultLimits() Limits {
	return Limits{
		HeaderTimeout:   10 * time.Second,
		BodyTimeout:     30 * time.Second,
		IdleTimeout:     75 * time.Second,
		WriteTimeout:    time.Minute,
		MaxHeaderBytes:  32 * kib,
		MaxBodyBytes:    64 * mib,
		MaxMessageBytes: 512 * kib,
		SendBufferBytes: mib,
		MaxStreams:      128,
	}
}

// defaultWebSocket compresses each message by itself, which costs a connection
// no memory, and from a size on that fills a packet anyway.
func defaultWebSocket() WebSocket {
	return WebSocket{Compression: "message", CompressFromBytes: kib, WindowBytes: 4 * kib}
}

// defaultBacklog is cut to net.core.somaxconn by the kernel.
const defaultBacklog = 4096
