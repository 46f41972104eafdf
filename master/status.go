package master

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"time"

	"gw/master/api"
	"gw/protocol/control"
)

// status describes the present state with the gateway's last numbers. It asks
// nobody; memory is filled in by measure, outside the loop.
func (s *supervisor) status() api.Status {
	now := time.Now()
	status := api.Status{
		Version: s.options.Version, PID: os.Getpid(), Mode: s.mode(), ConfigFile: s.config.File,
		StartedAt: s.startedAt, Uptime: now.Sub(s.startedAt).Seconds(),
		State: s.stateText(), Reload: s.lastReload,
		Gateway: api.Gateway{
			PID: s.gateway.pid(), State: s.gateway.state(),
			Restarts: s.gateway.restarts, LastExit: s.gateway.lastExit,
		},
		Listeners: s.listenerRows(), Pools: s.poolRows(), Workers: s.workerRows(now),
	}
	status.AccessLogs = s.accessLogRows()
	status.Totals = s.totals(&status)
	return status
}

func (s *supervisor) mode() string {
	if s.options.Daemon {
		return "daemon"
	}
	return "foreground"
}

func (s *supervisor) stateText() string {
	if s.reload != nil {
		return "reloading"
	}
	return string(s.phase)
}

func (s *supervisor) listenerRows() []api.Listener {
	reported := map[int]control.ListenerStatus{}
	for _, r := range s.report.Listeners {
		reported[r.ID] = r
	}
	rows := []api.Listener{}
	for _, l := range s.listeners {
		r := reported[l.id]
		rows = append(rows, api.Listener{
			ID: l.id, Name: l.config.Name, Listen: l.text(), Pools: l.poolNames(),
			Connections: r.Connections, Accepted: r.Accepted, Refused: r.Refused, SlowClosed: r.SlowClosed, Calmed: r.Calmed,
			ProxyRefused: r.ProxyRefused, ForwardedFaults: r.ForwardedFaults, AddressRefused: r.AddressRefused, RateRefused: r.RateRefused,
			TLS: l.config.TLS != nil, BadHandshakes: r.BadHandshakes,
			Passed: l.passed, Datagrams: (*api.Datagrams)(r.Datagrams),
		})
	}
	return rows
}

// poolNames are the pools behind a listener.
func (l *listener) poolNames() []string {
	names := []string{}
	for _, r := range l.config.Routes {
		if !slices.Contains(names, r.Pool) {
			names = append(names, r.Pool)
		}
	}
	return names
}

func (s *supervisor) poolRows() []api.Pool {
	reported := map[string]control.PoolStatus{}
	for _, r := range s.report.Pools {
		reported[r.Name] = r
	}
	rows := []api.Pool{}
	for _, p := range s.pools {
		r := reported[p.name]
		rows = append(rows, api.Pool{
			Name: p.name, Command: p.config.Command, User: p.config.User,
			Workers: p.config.Workers, Ready: p.ready(),
			Queued: r.Queued, Retried: r.Retried, Redelivered: r.Redelivered, Dropped: r.Dropped, TimedOut: r.TimedOut,
			SetAside: r.SetAside, SetAsideDir: s.config.SetAsideDir,
		})
	}
	return rows
}

// workerRows lists every process and every empty slot, by pool, then slot.
func (s *supervisor) workerRows(now time.Time) []api.Worker {
	reported := map[uint64]control.WorkerStatus{}
	for _, r := range s.report.Workers {
		reported[r.ID] = r
	}
	order := map[string]int{}
	rows := []api.Worker{}
	for i, p := range s.pools {
		order[p.name] = i
		listen := s.listenText(p.name)
		for _, sl := range p.slots {
			if s.phase != phaseStopping || sl.current != nil {
				rows = append(rows, sl.row(listen))
			}
		}
	}
	for _, w := range s.workers {
		s.addWorkerRow(&rows, w, reported[w.id], now)
	}
	slices.SortStableFunc(rows, func(a, b api.Worker) int {
		return cmp.Or(cmp.Compare(order[a.Pool], order[b.Pool]), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.ID, b.ID))
	})
	return rows
}

// row is the slot's line before its worker is filled in.
func (sl *slot) row(listen string) api.Worker {
	return api.Worker{
		Pool: sl.pool.name, Slot: sl.number, State: sl.waiting(), Listen: listen,
		Restarts: sl.restarts, LastExit: sl.lastExit,
	}
}

// addWorkerRow fills the line of the slot with its worker; any further worker
// of the slot (starting or draining beside it) has a line of its own.
func (s *supervisor) addWorkerRow(rows *[]api.Worker, w *worker, r control.WorkerStatus, now time.Time) {
	sl := w.slot
	at := -1
	if sl.current == w || (sl.current == nil && sl.next == w) {
		at = slices.IndexFunc(*rows, func(row api.Worker) bool {
			return row.ID == 0 && row.Pool == sl.pool.name && row.Slot == sl.number
		})
	}
	if at < 0 {
		*rows = append(*rows, api.Worker{Pool: sl.pool.name, Slot: sl.number, Listen: s.listenText(sl.pool.name)})
		at = len(*rows) - 1
	}
	row := &(*rows)[at]
	row.ID, row.PID, row.State, row.SDK = w.id, w.pid(), string(w.state), w.sdk
	row.Uptime = now.Sub(w.startedAt).Seconds()
	row.Connections, row.InFlight, row.Requests = r.Connections, r.InFlight, r.Requests
	row.QPS = w.rate.perSecond
}

// listenText are the listeners that lead to a pool.
func (s *supervisor) listenText(pool string) string {
	var texts []string
	for _, l := range s.listeners {
		if slices.Contains(l.poolNames(), pool) {
			texts = append(texts, l.text())
		}
	}
	return strings.Join(texts, " ")
}

func (s *supervisor) totals(status *api.Status) api.Totals {
	t := api.Totals{
		Connections: s.report.Connections, Requests: s.report.Requests, Messages: s.report.Messages,
	}
	for _, p := range status.Pools {
		t.Workers += p.Workers
		t.Ready += p.Ready
	}
	for _, w := range status.Workers {
		t.InFlight += w.InFlight
		t.QPS += w.QPS
		t.Restarts += w.Restarts
	}
	return t
}

// measure adds what the kernel knows. It reads files of /proc, so it is not for
// the loop; safe for concurrent use.
func (s *supervisor) measure(status *api.Status) {
	status.Load = s.system.load()
	if pid := status.Gateway.PID; pid > 0 {
		status.Gateway.MemoryBytes = s.system.memory(pid)
	}
	status.Totals.MemoryBytes = status.Gateway.MemoryBytes
	for i := range status.Workers {
		w := &status.Workers[i]
		if w.PID > 0 {
			w.MemoryBytes = s.system.memory(w.PID)
			status.Totals.MemoryBytes += w.MemoryBytes
		}
	}
}

// connectionRows turns the gateway's rows into those of the control socket.
func (s *supervisor) connectionRows(list []control.Connection) []api.Connection {
	names := map[uint64]string{}
	for _, w := range s.workers {
		names[w.id] = w.name()
	}
	rows := make([]api.Connection, len(list))
	for i, c := range list {
		rows[i] = api.Connection{
			ID: c.ID, Protocol: c.Protocol, State: c.State, Listener: c.Listener, Local: c.Local, Peer: c.Peer, Proxy: c.Proxy,
			Age: c.Age.Seconds(), Idle: c.Idle.Seconds(), BytesIn: c.BytesIn, BytesOut: c.BytesOut,
			TLS: c.TLS, QueueIn: c.QueueIn, QueueOut: c.QueueOut, Worker: names[c.Worker], Groups: c.Groups, UID: c.UID,
		}
	}
	return rows
}
