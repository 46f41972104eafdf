package gateway

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whatever a client sends, in two pieces and behind a PROXY header or without,
// every request gets one line, each line is JSON, and nothing is left.
func FuzzVisits(f *testing.F) {
	for _, text := range []string{
		get, get + get, headerLine + get, headerBinary + get, headerTLS + get, headerLocal + get, headerUnknown, "PROXY TCP4 1.2.3.4", "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n" + get,
		"GET /\x22\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: \"\\\xff\r\nForwarded: for=\"[::1]\";proto=https\r\n\r\n", "GARBAGE\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + get,
		"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + frame(0x81, "hi") + frame(0x88, "\x03\xe8bye"),
	} {
		for _, half := range []bool{false, true} {
			f.Add(uint16(len(text)/2), half, true, []byte(text))
			f.Add(uint16(1), half, false, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, cut uint16, half, proxy bool, b []byte) {
		if len(b) > 60<<10 {
			return
		}
		s := newStill(t)
		s.loop.tempDir = t.TempDir()
		path := filepath.Join(t.TempDir(), "access.log")
		log := newAccessLog(1, path, appendFile(t, path), slog.New(slog.DiscardHandler))
		s.accessLogs = append(s.accessLogs, log)
		s.ln.accessLog, s.ln.logJSON, s.ln.proxyProtocol = log, true, proxy
		s.ln.proxies = s.addresses(s.ln, []string{"unix", "10.0.0.0/8"})
		s.ln.limits.RequestEvery, s.ln.limits.BurstPerAddress, s.ln.limits.MaxConnectionsPerAddress = time.Hour, 3, 1
		_, handler := s.hire(1, "request", "message")
		_, client := s.meet("http")
		at := min(int(cut), len(b))
		client.write(b[:at])
		s.settle()
		client.write(b[at:])
		s.settle()
		if half {
			client.endSide()
		}
		s.settle()
		s.oblige(handler)
		s.later(time.Second)
		s.oblige(handler)
		s.finish(handler)
		s.closeLogs()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		if n := uint64(len(lines) - 1); n != s.requests || n != log.total || log.dropped > 0 {
			t.Fatalf("%d lines for %d requests: %q", n, s.requests, text)
		}
		for _, line := range lines[:len(lines)-1] {
			if !json.Valid(line) {
				t.Fatalf("%q", line)
			}
		}
		if busy := len(s.ln.share.callers.byAddress) - s.ln.share.callers.idle; busy != 0 {
			t.Fatalf("%d addresses are still connected", busy)
		}
	})
}
