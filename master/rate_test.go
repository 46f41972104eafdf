package master

import (
	"testing"
	"time"
)

func TestRequestsPerSecondAreCountedSinceTheLastSample(t *testing.T) {
	var r rate
	now := time.Now()
	r.start(now)
	r.sample(now.Add(10*time.Second), 500)
	if r.perSecond != 50 {
		t.Errorf("%v a second", r.perSecond)
	}
	r.sample(now.Add(10*time.Second+time.Millisecond), 501) // too soon to mean anything
	r.sample(now.Add(12*time.Second), 520)
	if r.perSecond != 10 {
		t.Errorf("%v a second", r.perSecond)
	}
}
