package control

import "slices"

// Add counts what another part of the gateway counts, for the same thing.

func (s *Status) Add(o *Status) {
	s.Connections += o.Connections
	s.Requests += o.Requests
	s.Messages += o.Messages
	s.Workers = append(s.Workers, o.Workers...)
	s.Listeners = merge(s.Listeners, o.Listeners, (*ListenerStatus).Add, func(l *ListenerStatus) int { return l.ID })
	s.Pools = merge(s.Pools, o.Pools, (*PoolStatus).Add, func(p *PoolStatus) string { return p.Name })
	s.AccessLogs = merge(s.AccessLogs, o.AccessLogs, (*AccessLogStatus).Add, func(a *AccessLogStatus) string { return a.Path })
}

// merge adds rows to those with the same key, and appends the others.
func merge[T any, K comparable](sum, rows []T, add func(*T, *T), key func(*T) K) []T {
	for i := range rows {
		row := &rows[i]
		at := slices.IndexFunc(sum, func(t T) bool { return key(&t) == key(row) })
		if at < 0 {
			sum = append(sum, *row)
		} else {
			add(&sum[at], row)
		}
	}
	return sum
}

func (s *AccessLogStatus) Add(o *AccessLogStatus) {
	s.Lines += o.Lines
	s.Dropped += o.Dropped
}

func (s *PoolStatus) Add(o *PoolStatus) {
	s.Queued += o.Queued
	s.Retried += o.Retried
	s.Redelivered += o.Redelivered
	s.Dropped += o.Dropped
	s.TimedOut += o.TimedOut
	s.SetAside += o.SetAside
}

func (s *ListenerStatus) Add(o *ListenerStatus) {
	s.Connections += o.Connections
	s.Accepted += o.Accepted
	s.Refused += o.Refused
	s.SlowClosed += o.SlowClosed
	s.Calmed += o.Calmed
	s.ProxyRefused += o.ProxyRefused
	s.ForwardedFaults += o.ForwardedFaults
	s.AddressRefused += o.AddressRefused
	s.RateRefused += o.RateRefused
	s.BadHandshakes += o.BadHandshakes
	if s.Datagrams != nil && o.Datagrams != nil {
		s.Datagrams.Add(o.Datagrams)
	}
}

func (s *DatagramStatus) Add(o *DatagramStatus) {
	s.Received += o.Received
	s.Sent += o.Sent
	s.Queued += o.Queued
	s.Dropped += o.Dropped
	s.Truncated += o.Truncated
	s.SendDrops += o.SendDrops
}
