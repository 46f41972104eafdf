package tests

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func TestTextLines(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"text", "text+unix"}})
		for _, listener := range []string{"text", "text+unix"} {
			w := newWire(g, listener)
			w.send("Tom\nJerry\r\n\nGrüße\n")
			for _, want := range []string{"Tom", "Jerry", "", "Grüße"} {
				if got := w.line(); got != want {
					t.Errorf("%s: line %q, want %q", listener, got, want)
				}
			}
		}
	})
}

func TestTextLinesInSingleBytes(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"text"}})
		w := newWire(g, "text")
		w.sendApart("Hello\nsplit\nlines\n")
		for _, want := range []string{"Hello", "split", "lines"} {
			if got := w.line(); got != want {
				t.Errorf("line %q, want %q", got, want)
			}
		}
	})
}

func TestFrames(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"frame", "frame+unix"}})
		for _, listener := range []string{"frame", "frame+unix"} {
			w := newWire(g, listener)
			messages := []string{"Tom", "", "a\nb\x00c\xff", strings.Repeat("x", 100_000)}
			for _, message := range messages {
				w.send(frame(message))
			}
			for _, want := range messages {
				if got := w.frame(); got != want {
					t.Errorf("%s: frame of %d bytes, want %d", listener, len(got), len(want))
				}
			}
		}
	})
}

func TestFramesInSingleBytes(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"frame"}})
		w := newWire(g, "frame")
		w.sendApart(frame("Hello") + frame("") + frame("split"))
		for _, want := range []string{"Hello", "", "split"} {
			if got := w.frame(); got != want {
				t.Errorf("frame %q, want %q", got, want)
			}
		}
	})
}

// frame is a message as the frame protocol has it: the length counts itself.
func frame(message string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(message)+4))) + message
}

func (w *wire) frame() string {
	w.t.Helper()
	return w.read(int(binary.BigEndian.Uint32([]byte(w.read(4)))) - 4)
}

func TestRawTCP(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"tcp", "tcp+unix"}})
		for _, listener := range []string{"tcp", "tcp+unix"} {
			w := newWire(g, listener)
			for _, text := range []string{"\x00\xff raw \n bytes", strings.Repeat("0123456789", 50_000)} {
				go w.conn.Write([]byte(text))
				if got := w.read(len(text)); got != text {
					t.Errorf("%s: the bytes differ", listener)
				}
			}
		}
		w := newWire(g, "tcp")
		w.sendApart("byte by byte")
		if got := w.read(12); got != "byte by byte" {
			t.Errorf("read %q", got)
		}
	})
}

func TestTextLineOverTheLimitClosesTheConnection(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"text"}, listener: "limits: {max_message: 1KiB}"})
		other := newWire(g, "text")
		w := newWire(g, "text")
		w.send(strings.Repeat("x", 2000))
		w.wantClosed()
		other.send("still here\n")
		if got := other.line(); got != "still here" {
			t.Errorf("line %q", got)
		}
	})
}

func TestStreamEvents(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "events", listen: []string{"text"}})
		watcher := newWire(g, "text")
		if got := watcher.line(); got != "welcome to text " {
			t.Fatalf("greeting %q", got)
		}
		watcher.send("watch\n")
		watcher.line()

		w := newWire(g, "text")
		w.line()
		w.send("something\n")
		w.line()
		w.conn.Close()
		if got := watcher.line(); !strings.HasPrefix(got, "closed 1") || !strings.HasSuffix(got, "after something") {
			t.Errorf("event %q", got)
		}
	})
}

func TestPipelinedLinesKeepTheirOrder(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", workers: 4, listen: []string{"text"}})
		w := newWire(g, "text")
		const lines = 20_000
		go func() {
			for n := range lines {
				if _, err := fmt.Fprintf(w.conn, "%d\n", n); err != nil {
					return
				}
			}
		}()
		for n := range lines {
			if got := w.line(); got != fmt.Sprint(n) {
				t.Fatalf("line %d is %q", n, got)
			}
		}
	})
}
