package control

// Add counts what another part of the gateway counts, for the same thing.

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
