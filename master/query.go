package master

import (
	"time"

	"gw/protocol/control"
)

const (
	// statusPatience is how long a status waits for the gateway's numbers.
	statusPatience = 300 * time.Millisecond
	// connectionsPatience is how long a list of connections may take.
	connectionsPatience = 2 * time.Second
	// maxQueries may be under way; further ones are answered without the gateway.
	maxQueries = 32
	// maxConnectionRows bounds the memory of one list; the rest is only counted.
	maxConnectionRows = 100_000
)

// query is a question to the gateway.
type query struct {
	seq         uint64
	topic       control.Topic
	deadline    time.Time
	answered    []func(ok bool)
	status      control.Status
	total       int
	connections []control.Connection
}

// ask sends a query. answered is called by the loop: with true when the answer
// is complete, with false when there is none in time.
func (s *supervisor) ask(q *query, filter string, answered func(ok bool)) {
	if !s.gateway.configured || s.gateway.link == nil || len(s.queries) >= maxQueries {
		answered(false)
		return
	}
	s.lastSeq++
	q.seq = s.lastSeq
	q.answered = append(q.answered, answered)
	s.queries[q.seq] = q
	s.tell(outgoing{message: &control.Message{Kind: control.Query, Seq: q.seq, Topic: q.topic, Filter: filter}})
}

// askStatus refreshes s.report. Whoever comes while a query is under way shares
// its answer.
func (s *supervisor) askStatus(answered func(ok bool)) {
	for _, q := range s.queries {
		if q.topic == control.TopicStatus {
			q.answered = append(q.answered, answered)
			return
		}
	}
	s.ask(&query{topic: control.TopicStatus, deadline: time.Now().Add(statusPatience)}, "", answered)
}

// reported handles one part of an answer.
func (s *supervisor) reported(m *control.Message) {
	q := s.queries[m.Seq]
	if q == nil {
		return // too late
	}
	if m.Status != nil {
		q.addStatus(m.Status)
	}
	q.total += len(m.Connections)
	room := maxConnectionRows - len(q.connections)
	q.connections = append(q.connections, m.Connections[:min(room, len(m.Connections))]...)
	if !m.More {
		s.finishQuery(q, true)
	}
}

// addStatus joins the parts of a status: numbers are in each, lists go on.
func (q *query) addStatus(part *control.Status) {
	whole := *part
	whole.Workers = append(q.status.Workers, part.Workers...)
	whole.Listeners = append(q.status.Listeners, part.Listeners...)
	whole.Pools = append(q.status.Pools, part.Pools...)
	q.status = whole
}

func (s *supervisor) finishQuery(q *query, ok bool) {
	delete(s.queries, q.seq)
	if q.topic == control.TopicStatus {
		s.gateway.silent = !ok
		if ok {
			s.report = q.status
			s.sampleRates(time.Now())
		}
	}
	for _, answered := range q.answered {
		answered(ok)
	}
}

// failQueries answers everybody who waits for a gateway that is gone.
func (s *supervisor) failQueries() {
	for _, q := range s.queries {
		s.finishQuery(q, false)
	}
	s.gateway.silent = false
	s.report = control.Status{}
}

func newConnectionsQuery() *query {
	return &query{topic: control.TopicConnections, deadline: time.Now().Add(connectionsPatience)}
}
