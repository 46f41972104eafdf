package master

import (
	"testing"

	"gw/master/api"
)

func TestReadersOfAProgressGoAtTheirOwnPace(t *testing.T) {
	p := newProgress()
	_, changed := p.from(0)
	p.add(api.ReloadEvent{Slot: 1})
	<-changed
	p.add(api.ReloadEvent{Slot: 2})
	if events, _ := p.from(0); len(events) != 2 {
		t.Errorf("%d events from the beginning", len(events))
	}
	events, changed := p.from(1)
	if len(events) != 1 || events[0].Slot != 2 {
		t.Errorf("got %+v", events)
	}
	select {
	case <-changed:
		t.Error("told of a change that was none")
	default:
	}
}
