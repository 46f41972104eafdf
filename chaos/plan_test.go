package main

import (
	"reflect"
	"testing"
	"time"
)

func TestAPlanFollowsFromItsSeed(t *testing.T) {
	one, again, other := plan(7, time.Minute, 1), plan(7, time.Minute, 1), plan(8, time.Minute, 1)
	if !reflect.DeepEqual(one, again) || reflect.DeepEqual(one, other) {
		t.Error("the seed does not decide")
	}
}

func TestThePlanOfTheTestHasEveryKind(t *testing.T) {
	seen := map[kind]int{}
	var before time.Duration
	for _, s := range plan(6, 45*time.Second, 1) {
		seen[s.kind]++
		if s.at < before || s.at > 45*time.Second {
			t.Errorf("%v at %v", s.kind, s.at)
		}
		before = s.at
	}
	for k := range kinds {
		if seen[k] == 0 {
			t.Errorf("no %v", k)
		}
	}
	if seen[gatewayKill] != 1 {
		t.Errorf("%d gateway kills", seen[gatewayKill])
	}
}
