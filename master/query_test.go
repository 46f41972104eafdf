package master

import (
	"testing"
	"testing/synctest"
	"time"

	"gw/protocol/control"
)

func TestStatusInPartsIsJoined(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Second)
		w.change(func() { w.mute = true })
		answers := make(chan bool, 2)
		var seq uint64
		w.s.post(func() {
			w.s.askStatus(func(ok bool) { answers <- ok })
			w.s.askStatus(func(ok bool) { answers <- ok }) // shares the query
			seq = w.s.lastSeq
			if len(w.s.queries) != 1 {
				t.Errorf("%d queries", len(w.s.queries))
			}
		})
		synctest.Wait()
		w.gateway.say(&control.Message{Kind: control.Report, Seq: seq, More: true, Status: &control.Status{Connections: 5, Workers: []control.WorkerStatus{{ID: 1, InFlight: 2}}}})
		w.gateway.say(&control.Message{Kind: control.Report, Seq: seq, Status: &control.Status{Connections: 5, Workers: []control.WorkerStatus{{ID: 2}}}})
		for range 2 {
			if !<-answers {
				t.Error("no answer")
			}
		}
		done := make(chan struct{})
		w.s.post(func() {
			if len(w.s.report.Workers) != 2 || w.s.report.Connections != 5 || w.s.status().Totals.InFlight != 2 {
				t.Errorf("report %+v", w.s.report)
			}
			close(done)
		})
		<-done
	})
}

func TestConnectionsComeInParts(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Second)
		w.change(func() { w.mute = true })
		q := newConnectionsQuery()
		done := make(chan bool, 1)
		w.s.post(func() {
			w.s.ask(q, "text", func(ok bool) { done <- ok })
		})
		synctest.Wait()
		for i := range 3 {
			w.gateway.say(&control.Message{Kind: control.Report, Seq: q.seq, More: i < 2, Connections: []control.Connection{{ID: uint64(i), Worker: 1}}})
		}
		if !<-done || q.total != 3 || len(q.connections) != 3 {
			t.Errorf("%d of %d connections", len(q.connections), q.total)
		}
	})
}

func TestQueriesEndWithTheGateway(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Second)
		w.change(func() { w.mute = true })
		done := make(chan bool, 1)
		w.s.post(func() {
			w.s.ask(newConnectionsQuery(), "", func(ok bool) { done <- ok })
		})
		synctest.Wait()
		began := time.Now()
		w.exit("gateway", "killed by SIGKILL")
		if <-done || time.Since(began) != 0 {
			t.Error("somebody waits for a dead gateway")
		}
	})
}
