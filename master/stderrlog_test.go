package master

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestStandardErrorOfHandlersIsLoggedUpToALimit(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1, 0)
	l := &stderrLog{logger: slog.New(slog.NewTextHandler(&out, nil)), pid: 7, now: func() time.Time { return now }}
	for i := range stderrPerSecond + 10 {
		l.print(fmt.Appendf(nil, "line %d\n", i))
	}
	l.print([]byte("\n"))
	if n := strings.Count(out.String(), "text="); n != stderrPerSecond {
		t.Fatalf("%d lines", n)
	}
	now = now.Add(time.Second)
	l.print([]byte("next\n"))
	if s := out.String(); !strings.Contains(s, "dropped_lines=10") || !strings.Contains(s, "text=next") {
		t.Fatal(s)
	}
}
