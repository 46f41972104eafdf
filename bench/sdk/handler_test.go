package sdk

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"gw/protocol/wire"
)

// TestMain lets this program be the handler, too.
func TestMain(m *testing.M) {
	if role := os.Getenv("SDK_TEST_HANDLER"); role != "" {
		handle(role)
		return
	}
	os.Exit(m.Run())
}

// handle answers every request with one byte; role "wrong": with two, "ends":
// not at all.
func handle(role string) {
	in, out := bufio.NewReader(os.NewFile(3, "in")), os.NewFile(4, "out")
	reply(out, wire.AppendMap([]byte{0x93, byte(wire.OpReady), 1}, 0))
	for {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(in, payload); err != nil || role == "ends" {
			return
		}
		r := wire.NewReader(payload)
		for range r.Array() {
			n := r.Array()
			if op, id := r.Uint(), r.Uint(); op == uint64(wire.OpReq) {
				answer := wire.AppendUint([]byte{0x95, byte(wire.OpRes)}, id)
				answer = wire.AppendArray(wire.AppendUint(answer, 200), 0)
				reply(out, wire.AppendStr(answer, map[string]string{"right": "x", "wrong": "xx"}[role]))
			}
			for range n - 2 {
				r.Raw()
			}
		}
	}
}

func reply(out io.Writer, message []byte) {
	frame := append(make([]byte, wire.BatchHeaderLen), message...)
	wire.PutBatchHeader(frame, 1)
	out.Write(frame)
}

// start starts this program as a handler of the smallest work.
func start(t *testing.T, role string) (*Handler, error) {
	t.Helper()
	s := Subject{
		argv:        func(string, string) []string { return []string{os.Args[0]} },
		environment: func(string) []string { return []string{"SDK_TEST_HANDLER=" + role} },
	}
	h, err := Start(s, &Work{Name: "test", method: "GET", path: "/", size: 1, blocks: [][]byte{nil}}, false, t.TempDir(), "")
	if err == nil {
		t.Cleanup(func() { h.Close() })
		err = h.Connect(64)
	}
	return h, err
}

func TestEveryConnectionIsKeptBusyAndFreeAtTheEnd(t *testing.T) {
	h, err := start(t, "right")
	if err != nil {
		t.Fatal(err)
	}
	run, err := h.Measure(0, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if h.done < 64 || len(h.free) != 64 || run.CPU <= 0 || run.Rate <= 0 {
		t.Errorf("%d answers, %d connections free, %+v", h.done, len(h.free), run)
	}
}

func TestAWrongAnswerFails(t *testing.T) {
	h, err := start(t, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Measure(0, 20*time.Millisecond); err == nil || !strings.Contains(err.Error(), "200 and 2 bytes instead of 200 and 1") {
		t.Error(err)
	}
}

func TestAHandlerThatEndsFails(t *testing.T) {
	h, err := start(t, "ends")
	if err == nil {
		_, err = h.Measure(0, 20*time.Millisecond)
	}
	if err == nil {
		t.Error("nobody noticed")
	}
}

func TestFramesStayWithinTheLimitsOfABatch(t *testing.T) {
	exchange := Works()[1]
	h := Handler{work: &exchange, next: generation}
	for slot := range uint64(64) {
		h.free = append(h.free, slot)
	}
	h.send()
	h.closeBatch()
	frames := 0
	for rest := h.out; len(rest) > 0; frames++ {
		n, ok, err := wire.FrameLength(rest, wire.BatchBytes+4096)
		if err != nil || !ok {
			t.Fatal(n, ok, err)
		}
		rest = rest[wire.HeaderLen+n:]
	}
	if frames < 3 || len(exchange.body) != exchange.size {
		t.Errorf("%d bytes in %d frames", len(h.out), frames)
	}
}

func TestEveryWorkOfASubjectHasAProgram(t *testing.T) {
	for _, s := range Subjects() {
		for _, w := range Works() {
			if s.Does(w.Name) && s.programs[w.Name] == "" {
				t.Errorf("%s has none for %s", s.Name, w.Name)
			}
		}
	}
}
