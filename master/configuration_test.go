package master

import (
	"fmt"
	"os"
	"testing"

	"gw/master/config"
	"gw/protocol/control"
)

func TestLargeConfigurationTravelsInParts(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var listeners []*listener
	for i := range 900 {
		listeners = append(listeners, &listener{
			id: i + 1, address: fmt.Sprintf("127.0.0.1:%d", 10_000+i), file: null, given: i % 2,
			config: config.Listener{Scheme: "http", Name: "listener with a name of some length", Routes: []config.Route{{Prefix: "/", Pool: "web"}}},
		})
	}
	c := &config.Config{}
	parts := configureMessages(gatewayConfiguration("test", c, []*config.Pool{{Name: "web"}}, listeners, nil, 1), 7, listeners)
	if len(parts) < 2 {
		t.Fatalf("%d parts", len(parts))
	}
	next := 1
	for i, part := range parts {
		if _, err := control.Encode(part.message); err != nil {
			t.Errorf("part %d: %v", i, err)
		}
		if part.message.More != (i < len(parts)-1) || part.message.Seq != 7 {
			t.Errorf("part %d: more %v, seq %d", i, part.message.More, part.message.Seq)
		}
		if (len(part.message.Configuration.Pools) > 0) != (i == 0) {
			t.Errorf("part %d has %d pools", i, len(part.message.Configuration.Pools))
		}
		fresh := 0
		for _, l := range part.message.Configuration.Listeners {
			if l.ID != next {
				t.Fatalf("listener %d where %d belongs", l.ID, next)
			}
			next++
			if l.Fresh {
				fresh++
			}
		}
		if fresh != len(part.files) {
			t.Errorf("part %d: %d fresh listeners, %d descriptors", i, fresh, len(part.files))
		}
	}
	if next != 901 {
		t.Errorf("%d listeners told", next-1)
	}
}
