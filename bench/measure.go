package main

import (
	"context"
	"os"
	"runtime"
	"time"

	"gw/bench/gauge"
	"gw/bench/load"
	"gw/bench/report"
)

// snapshot is what is read at both ends of a run.
type snapshot struct {
	at     time.Time
	busy   time.Duration // the whole machine
	own    time.Duration // this process and the one that keeps the cores awake
	server gauge.Tree
	done   uint64
}

// measure makes one run. Its error means that measuring itself is over; what
// fails in the run is in the Run.
func (b *bench) measure(ctx context.Context, e *entrant, protocol load.Protocol, awake *awake) (report.Run, error) {
	l, err := load.Open(load.Options{
		Target: e.server.Target, Protocol: protocol, Connections: e.row.Connections, Depth: e.row.Depth, Rate: e.row.FixedRate,
	})
	if err != nil {
		return report.Run{Failed: 1, FirstErr: err.Error()}, ctx.Err()
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()

	warm := warmUp
	if len(e.row.Runs) > 0 {
		warm = warmAgain
	}
	pause(ctx, ended, warm)
	before := take(l, e, awake)
	l.Measure()
	pause(ctx, ended, b.options.time)
	after := take(l, e, awake)
	l.Stop()
	<-ended

	run := evaluate(before, after, e)
	run.Done = l.Done()
	run.P50, run.P99 = l.Latencies().Quantile(0.5), l.Latencies().Quantile(0.99)
	failed, fault := l.Failed()
	if run.Failed = failed; fault != nil {
		run.FirstErr = fault.Error()
	}
	if failed == 0 && after.done == before.done {
		run.Failed, run.FirstErr = 1, "no request was answered"
	}
	return run, ctx.Err()
}

// take reads the server last and the count right behind it: between those two
// every microsecond would count.
func take(l *load.Load, e *entrant, awake *awake) snapshot {
	s := snapshot{own: awake.used(), busy: gauge.Busy()}
	if self, err := gauge.ReadProcess(os.Getpid()); err == nil {
		s.own += self.CPU
	}
	s.server = gauge.ReadTree(e.server.Root)
	s.at, s.done = time.Now(), l.Done()
	return s
}

func evaluate(before, after snapshot, e *entrant) report.Run {
	elapsed, requests := after.at.Sub(before.at), float64(max(after.done-before.done, 1))
	used := gauge.Used(before.server, after.server, e.server.Role)
	run := report.Run{Rate: requests / elapsed.Seconds(), CPU: map[gauge.Role]float64{}}
	perRequest := func(d time.Duration) float64 { return d.Seconds() * 1e6 / requests }
	for role, d := range used {
		run.CPU[role] = perRequest(d)
	}
	own := after.own - before.own
	run.LoadCPU = perRequest(own)
	others := after.busy - before.busy - own - gauge.Sum(used)
	run.Noise = max(0, others.Seconds()/(elapsed.Seconds()*float64(runtime.NumCPU())))
	return run
}

// pause waits, unless the load ends or the user does.
func pause(ctx context.Context, ended <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ended:
	case <-timer.C:
	}
}
