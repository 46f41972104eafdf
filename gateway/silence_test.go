package gateway

import (
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
)

// quiet is a client of a listener with a message_timeout of a minute.
func quiet(t *testing.T, scheme string, ping time.Duration) (*still, *answerer, *conn, *peer) {
	s := newStill(t)
	s.ln.limits.MessageTimeout, s.ln.limits.PingInterval = time.Minute, ping
	a := s.answering("")
	if scheme != "websocket" {
		c, p := s.meet(scheme)
		return s, a, c, p
	}
	p := s.meetWebSocket()
	for _, c := range s.conns.conns {
		if c != nil && c.kind == kindWebSocket {
			return s, a, c, p
		}
	}
	t.Fatal("no WebSocket")
	return nil, nil, nil, nil
}

var spoken = map[string]string{"websocket": frame(0x81, "a"), "text": "a\n", "frame": "\x00\x00\x00\x05a", "tcp": "a"}

func TestWhoSaysNothingIsClosed(t *testing.T) {
	for scheme, message := range spoken {
		t.Run(scheme, func(t *testing.T) {
			s, a, c, client := quiet(t, scheme, 0)
			s.later(50 * time.Second)
			client.write([]byte(message))
			s.until(a, 1)
			s.later(50 * time.Second)
			if c.state != stateOpen {
				t.Fatal("closed too early")
			}
			client.read()
			s.later(11 * time.Second)
			if c.state < stateClosing {
				t.Fatal("still open")
			}
			if c.dialogue.closeCode != closeGoing || c.dialogue.own.closeReason != silence {
				t.Fatalf("%d %q", c.dialogue.closeCode, c.dialogue.own.closeReason)
			}
			want := ""
			if scheme == "websocket" {
				want = "\x88" + string(rune(2+len(silence))) + "\x03\xe9" + silence
			}
			if got := string(client.read()); got != want {
				t.Fatalf("%q", got)
			}
		})
	}
}

func TestPingsAndPongsSayNothing(t *testing.T) {
	for name, ping := range map[string]time.Duration{"pings of the client": 0, "pings of the gateway": 20 * time.Second, "rare pings of the gateway": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			s, _, c, client := quiet(t, "websocket", ping)
			for range 5 {
				s.later(11 * time.Second)
				client.write([]byte(frame(0x89, "") + frame(0x8a, "")))
				s.settle()
			}
			if c.state != stateOpen {
				t.Fatal("closed too early")
			}
			s.later(25 * time.Second)
			if c.state < stateClosing || !strings.HasSuffix(string(client.read()), silence) {
				t.Fatal("still open")
			}
		})
	}
}

func TestPartOfAMessageSaysSomething(t *testing.T) {
	for scheme, parts := range map[string][]string{
		"websocket": {frame(0x01, "a"), "\x00\xe4\x00\x00\x00\x00" + strings.Repeat("b", 10), strings.Repeat("b", 90), frame(0x80, "c")},
		"text":      {"a", "b", "c", "\n"},
	} {
		t.Run(scheme, func(t *testing.T) {
			s, a, c, client := quiet(t, scheme, 0)
			for _, part := range parts {
				s.later(40 * time.Second)
				client.write([]byte(part))
				s.settle()
			}
			s.until(a, 1)
			s.later(40 * time.Second)
			if c.state != stateOpen {
				t.Fatal("closed in the middle of a message")
			}
		})
	}
}

func TestWhoWaitsForAnAnswerMayBeSilent(t *testing.T) {
	for scheme, message := range spoken {
		for _, ping := range []time.Duration{0, 20 * time.Second} {
			s, a, c, client := quiet(t, scheme, ping)
			client.write([]byte(message))
			for range 20 {
				s.later(10 * time.Second)
				if scheme == "websocket" && ping > 0 {
					client.write([]byte(frame(0x8a, "")))
					s.settle()
				}
			}
			if c.state != stateOpen {
				t.Fatalf("%s: closed while the handler worked", scheme)
			}
			s.until(a, 1)
			s.later(30 * time.Second)
			if c.state != stateOpen {
				t.Fatalf("%s: closed right behind the answer", scheme)
			}
		}
	}
}

func TestClientThatEndedItsSideMayBeSilent(t *testing.T) {
	s, _, c, client := quiet(t, "tcp", 0)
	s.ln.halfClose = true
	s.later(50 * time.Second)
	client.endSide()
	s.settle()
	s.later(2 * time.Minute)
	if c.state != stateHalf {
		t.Fatal(c.state)
	}
}

func TestReloadLimitsSilenceOfThoseWhoAreThere(t *testing.T) {
	s := newStill(t)
	s.answering("")
	c, _ := s.meet("text")
	s.later(time.Hour)
	m := control.Listener{Name: "still", Scheme: "text", Limits: s.ln.limits, Routes: []control.Route{{Prefix: "/", Pool: "web"}}}
	m.Limits.MessageTimeout = time.Minute
	s.configureListener(s.ln, &m)
	s.later(50 * time.Second)
	if c.state != stateOpen {
		t.Fatal("closed too early")
	}
	s.later(11 * time.Second)
	if c.state < stateClosing {
		t.Fatal("still open")
	}
}
