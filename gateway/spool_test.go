package gateway

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"gw/protocol/wire"
)

// holdDisk lets every job wait until the returned function is called.
func (h *harness) holdDisk() (release func()) {
	held := make(chan struct{})
	for range diskThreads {
		h.loop.disk.run(func() func() {
			<-held
			return func() {}
		})
	}
	return func() { close(held) }
}

func TestSlowDiskHoldsUpOnlyItsUpload(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	release := h.holdDisk()
	sent := pattern(4 << 20)
	c := h.dial("http")
	c.upload(len(sent), "")
	written := make(chan error, 1)
	go func() { _, err := c.Conn.Write(sent); written <- err }()
	other := h.dial("http")
	for range 3 {
		other.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
		w.say(res(w.expect(wire.OpReq).id, 200, "fine"), ack(1))
		if _, body, _ := other.answer(); body != "fine" {
			t.Fatal(body)
		}
		h.do(func() {
			for _, c := range h.loop.conns.conns {
				if c != nil && c.exchange != nil && c.exchange.spool != nil && len(c.in)+len(c.exchange.spool.block) > 256<<10 {
					t.Errorf("%d and %d bytes wait for the disk", len(c.in), len(c.exchange.spool.block))
				}
			}
		})
	}
	release()
	req := w.expect(wire.OpReq)
	if got, err := os.ReadFile(string(req.data)); req.n != wire.FlagBodyFile || !bytes.Equal(got, sent) || err != nil {
		t.Fatalf("flags %d, %d bytes, %v", req.n, len(got), err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	w.say(res(req.id, 200, "taken"), ack(1))
	if _, body, _ := c.answer(); body != "taken" {
		t.Fatal(body)
	}
	h.waitNoFiles()
}

func TestFileOfAClientThatLeftIsRemoved(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("disk held up: %v", held), func(t *testing.T) {
			h := startLoop(t, nil)
			h.worker(1)
			release := func() {}
			if held {
				release = h.holdDisk()
			}
			c := h.dial("http")
			c.upload(1<<20, "")
			c.write(string(pattern(200_000)))
			c.Conn.Close()
			release() // a client that is not read on is noticed when it is
			for gone := false; !gone; {
				h.do(func() { gone = h.loop.conns.live == 0 && h.loop.requests > 0 })
			}
			h.waitNoFiles()
		})
	}
}

// waitNoFiles waits until the disk has removed every body's file.
func (h *harness) waitNoFiles() {
	h.t.Helper()
	var left []os.DirEntry
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		done := make(chan struct{})
		h.loop.disk.run(func() func() { return func() { close(done) } })
		<-done
		if left, _ = os.ReadDir(h.loop.tempDir); len(left) == 0 {
			return
		}
	}
	h.t.Fatal("left over: ", left)
}
