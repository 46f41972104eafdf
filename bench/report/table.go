package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"gw/bench/gauge"
)

// headings of the load table; the cells of [Report.cells] follow them.
var headings = []string{"workers", "conns", "peer", "requests/s", "p50 µs", "p99 µs", "CPU µs", "gateway + handlers", "÷ budget", "÷ gw", "noise"}

// idleHeadings of the memory table.
var idleHeadings = []string{"protocol", "peer", "connections", "RSS KiB each", "PSS KiB each", "of it gateway", "÷ budget", "kernel, both ends", "RSS before MiB", "with", "after"}

// WriteTable prints rows of one scenario for a terminal.
func (r *Report) WriteTable(w io.Writer, rows []Row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\t\n", strings.Join(headings, "\t"))
	for _, row := range rows {
		fmt.Fprintf(t, "%s\t\n", strings.Join(r.cells(row), "\t"))
	}
	t.Flush()
}

// WriteIdleTable prints the memory of idle connections for a terminal.
func (r *Report) WriteIdleTable(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\t\n", strings.Join(idleHeadings, "\t"))
	for _, idle := range r.Idle {
		fmt.Fprintf(t, "%s\t\n", strings.Join(idle.cells(), "\t"))
	}
	t.Flush()
}

func (r *Report) cells(row Row) []string {
	m, mark := row.Median, ""
	if m.Noisy() {
		mark = "~"
	}
	budget, ratio := "", ""
	if us, stated := r.Budget(row); stated {
		budget = fmt.Sprintf("%.2f", m.Total()/us)
	}
	if x, known := r.Ratio(row); known {
		ratio = fmt.Sprintf("%.2f", x)
	}
	return []string{
		fmt.Sprint(row.Workers), fmt.Sprint(row.Connections), row.Peer, mark + Thousands(m.Rate), mark + micros(m.P50), mark + micros(m.P99),
		fmt.Sprintf("%s%.1f", mark, m.Total()), split(m), budget, ratio, fmt.Sprintf("%.0f %%", 100*m.Noise),
	}
}

func (i Idle) cells() []string {
	if i.Connections == 0 {
		return []string{i.Protocol, i.Peer, "failed", "", "", "", "", "", "", "", ""}
	}
	rss, pss := i.PerConnection()
	budget, gateway := "", ""
	if kib, stated := i.Budget(); stated {
		budget = fmt.Sprintf("%.2f", rss/kib)
	}
	if _, has := i.With[gauge.Gateway]; has {
		gateway = fmt.Sprintf("%.2f", float64(i.Growth(gauge.Gateway).RSS)/1024/float64(max(i.Connections, 1)))
	}
	total := func(by map[gauge.Role]gauge.Memory) string {
		var sum int64
		for _, m := range by {
			sum += m.RSS
		}
		return fmt.Sprintf("%.1f", float64(sum)/(1<<20))
	}
	return []string{
		i.Protocol, i.Peer, Thousands(float64(i.Connections)), fmt.Sprintf("%.2f", rss), fmt.Sprintf("%.2f", pss), gateway, budget,
		fmt.Sprintf("%.1f", float64(i.Kernel)/1024/float64(max(i.Connections, 1))), total(i.Before), total(i.With), total(i.After),
	}
}

// split shows how gateway and handlers share the time; nothing for a server
// without a gateway. The master's part is shown only when there is any.
func split(m Run) string {
	gateway, has := m.CPU[gauge.Gateway]
	if !has {
		return ""
	}
	text := fmt.Sprintf("%.1f + %.1f", gateway, m.CPU[gauge.Handler])
	if master := m.CPU[gauge.Master]; master >= 0.05 {
		text += fmt.Sprintf(" (master %.1f)", master)
	}
	return text
}

// Thousands groups digits: 107,331.
func Thousands(x float64) string {
	digits := fmt.Sprint(int64(math.Round(x)))
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func micros(d time.Duration) string { return Thousands(float64(d) / float64(time.Microsecond)) }
