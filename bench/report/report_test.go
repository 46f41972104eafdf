package report

import (
	"strings"
	"testing"
	"time"

	"gw/bench/gauge"
)

func run(gateway, handler, noise float64) Run {
	return Run{Rate: 1e6 / (gateway + handler), P50: time.Millisecond, Noise: noise,
		CPU: map[gauge.Role]float64{gauge.Gateway: gateway, gauge.Handler: handler}}
}

func TestMedianLeavesNoisyRunsOut(t *testing.T) {
	row := Row{Runs: []Run{run(5, 1, 0), run(50, 10, 0.4), run(6, 2, 0.1), run(7, 3, 0.02)}}
	row.Settle()
	if got := row.Median.Total(); got != 8 || row.Median.Noisy() {
		t.Errorf("median %v µs, %+v", got, row.Median)
	}
}

func TestMedianOfOnlyNoisyRunsIsMarked(t *testing.T) {
	row := Row{Runs: []Run{run(5, 1, 0.3), run(6, 1, 0.5), run(7, 1, 0.4)}}
	row.Settle()
	if !row.Median.Noisy() || row.Median.Total() != 7 {
		t.Errorf("%+v", row.Median)
	}
}

func TestFailuresOfEveryRunCount(t *testing.T) {
	bad := run(5, 1, 0.9)
	bad.Failed, bad.FirstErr = 3, "wrong body"
	row := Row{Runs: []Run{run(5, 1, 0), bad}}
	row.Settle()
	r := Report{Rows: []Row{row}, Idle: []Idle{{Lost: 2}}}
	if r.Failed() != 5 || row.Median.FirstErr != "wrong body" {
		t.Errorf("%d failed, %q", r.Failed(), row.Median.FirstErr)
	}
}

func TestMarkdownShowsRatios(t *testing.T) {
	rows := []Row{
		{Scenario: "hello", Peer: "gw-php", Workers: 1, Connections: 64, Runs: []Run{run(4.5, 1.5, 0)}},
		{Scenario: "hello", Peer: "fasthttp", Beside: "gw-php", Workers: 1, Connections: 64, Runs: []Run{{Rate: 107331, CPU: map[gauge.Role]float64{gauge.Handler: 8}}}},
	}
	for i := range rows {
		rows[i].Settle()
	}
	r := Report{Command: "make bench", Rows: rows, Absent: map[string]string{"uvicorn": "not installed"}}
	var text strings.Builder
	r.WriteMarkdown(&text)
	for _, want := range []string{"make bench", "Not measured: uvicorn (not installed).", "| 107,331 |", "| 4.5 + 1.5 | 0.80 |  |", "| 8.0 |  |  | 1.33 |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
}

func TestBudgetOfJSONIsOnTopOfTheHandler(t *testing.T) {
	r := Report{Alone: map[string]float64{"php": 7, "python3": 20}}
	for peer, want := range map[string]float64{"gw-php": 17.5, "gw-python": 30, "gw-asgi": 38} {
		if us, stated := r.Budget(Row{Scenario: "json", Peer: peer, Workers: 1, Connections: 64}); !stated || us != want {
			t.Errorf("%s: %v, %v", peer, us, stated)
		}
	}
	for _, row := range []Row{
		{Scenario: "hello", Peer: "gw-php", Workers: 1, Connections: 1}, {Scenario: "hello", Peer: "gw-php", Workers: 2, Connections: 64},
		{Scenario: "hello", Peer: "gw-php", Workers: 1, Connections: 64, FixedRate: 1000},
	} {
		if _, stated := r.Budget(row); stated {
			t.Errorf("a budget for %+v", row)
		}
	}
}

func TestIdleGrowthPerConnection(t *testing.T) {
	i := Idle{Protocol: "http", Peer: "gw-php", Connections: 1024,
		Before: map[gauge.Role]gauge.Memory{gauge.Gateway: {RSS: 8 << 20}, gauge.Handler: {RSS: 20 << 20}},
		With:   map[gauge.Role]gauge.Memory{gauge.Gateway: {RSS: 9 << 20}, gauge.Handler: {RSS: 20 << 20}}}
	if rss, _ := i.PerConnection(); rss != 1 {
		t.Errorf("%v KiB", rss)
	}
	if kib, stated := i.Budget(); !stated || kib != 0.6 {
		t.Errorf("budget %v %v", kib, stated)
	}
}

func TestThousands(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.6: "1,234,568"} {
		if got := Thousands(x); got != want {
			t.Errorf("%v: %s", x, got)
		}
	}
}
