package gateway

import (
	"reflect"
	"testing"
	"unsafe"

	"gw/protocol/wire"
)

// A silent connection of text has a conn, a dialogue, its peer's name and a slot: below 0.6 KiB together.
func TestSilentConnectionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(dialogue{}); size > 128 {
		t.Errorf("a dialogue has %d bytes: what few connections have belongs into belongings", size)
	}
	s := newStill(t)
	c, _ := s.meet("text")
	s.announce(c)
	if c.dialogue.own != &nothing {
		t.Error("a connection that did nothing has belongings")
	}
}

func TestBelongingsAreOnesOwn(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "message")
	one, _ := s.meet("text")
	other, _ := s.meet("text")
	handler.write(frameOf(withText(wire.OpJoin, one.id, "room"), withText(wire.OpBind, one.id, "u1"), withText(wire.OpSession, one.id, "session")))
	s.settle()
	if own := one.dialogue.own; own.uid != "u1" || len(own.groups) != 1 || string(own.session) != "session" {
		t.Fatalf("%+v", own)
	}
	if other.dialogue.own != &nothing || !reflect.DeepEqual(nothing, belongings{}) {
		t.Fatal("others have them too")
	}
}
