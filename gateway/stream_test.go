package gateway

import (
	"strings"
	"testing"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// framings with a stream of two messages, and what an answer looks like.
var framings = map[string]struct {
	scheme   string
	spec     control.Framing
	stream   string
	messages []string
	answer   string // to each: "yes"
}{
	"lines":            {"text", control.Framing{}, "Tom\r\nJerry\n", []string{"Tom", "Jerry"}, "yes\n"},
	"delimiter":        {"text", control.Framing{Delimiter: "END"}, "TomENDJerryEND", []string{"Tom", "Jerry"}, "yesEND"},
	"Workerman":        {"frame", control.Framing{}, "\x00\x00\x00\x07Tom\x00\x00\x00\x09Jerry", []string{"Tom", "Jerry"}, "\x00\x00\x00\x07yes"},
	"two bytes little": {"frame", control.Framing{LengthBytes: 2, Little: true, Payload: true}, "\x03\x00Tom\x05\x00Jerry", []string{"Tom", "Jerry"}, "\x03\x00yes"},
	"type before":      {"frame", control.Framing{LengthBytes: 4, Payload: true, Offset: 1}, "Q\x00\x00\x00\x03TomX\x00\x00\x00\x05Jerry", []string{"QTom", "XJerry"}, "y\x00\x00\x00\x02es"},
}

func TestMessagesAreCutWhereverTheStreamIs(t *testing.T) {
	for name, test := range framings {
		t.Run(name, func(t *testing.T) {
			s := newStill(t)
			_, handler := s.hire(1, "message")
			for at := range len(test.stream) + 1 {
				s.speak(test.scheme, test.spec)
				c, client := s.meet(test.scheme)
				client.write([]byte(test.stream[:at]))
				s.settle()
				client.write([]byte(test.stream[at:]))
				var got []string
				for len(got) < len(test.messages) {
					s.settle()
					for _, m := range frames(t, handler.read()) {
						if m.op == wire.OpMsg {
							got = append(got, string(m.data))
							handler.write(frameOf(send(c.id, "yes"), ack(1)))
						}
					}
				}
				s.settle()
				if strings.Join(got, "|") != strings.Join(test.messages, "|") {
					t.Fatalf("cut at %d: %q", at, got)
				}
				if answer := string(client.read()); answer != test.answer+test.answer {
					t.Fatalf("cut at %d: answered %q", at, answer)
				}
			}
		})
	}
}

// frames are the messages in what a handler's pipe holds.
func frames(t *testing.T, b []byte) (messages []received) {
	for len(b) > 0 {
		n, _, err := wire.FrameLength(b, wire.FrameCap)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, decodeForHandler(t, b[wire.HeaderLen:wire.HeaderLen+n])...)
		b = b[wire.HeaderLen+n:]
	}
	return messages
}

func TestPublishedMessageStandsInEachFraming(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "message")
	clients := map[string]*peer{}
	for name, test := range framings {
		s.speak(test.scheme, test.spec)
		_, clients[name] = s.meet(test.scheme)
	}
	handler.write(frameOf(broadcast("yes")))
	s.settle()
	for name, test := range framings {
		if got := string(clients[name].read()); got != test.answer {
			t.Errorf("%s: %q, want %q", name, got, test.answer)
		}
	}
}

func broadcast(data string) []byte {
	m := append(wire.AppendArray(nil, 5), byte(wire.OpBroadcast), 0, 0)
	return wire.AppendArray(wire.AppendStr(m, data), 0)
}

func TestMessageBeyondItsLengthFieldClosesTheConnection(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "message", "close")
	s.speak("frame", control.Framing{LengthBytes: 1, Payload: true})
	sent, one := s.meet("frame")
	published, other := s.meet("frame")
	handler.write(frameOf(send(sent.id, strings.Repeat("x", 256))))
	s.settle()
	one.read()
	if sent.state < stateClosing || published.state != stateOpen {
		t.Fatalf("%s, %s", sent.state, published.state)
	}
	handler.write(frameOf(broadcast(strings.Repeat("x", 255))))
	s.settle()
	if got := other.read(); len(got) != 256 || published.state != stateOpen {
		t.Fatalf("%d bytes, %s", len(got), published.state)
	}
	handler.write(frameOf(broadcast(strings.Repeat("x", 256))))
	s.settle()
	if published.state < stateClosing || published.dialogue.closeCode != closeTooBig {
		t.Fatalf("%s, code %d", published.state, published.dialogue.closeCode)
	}
}

// What came before the reload is half a message of the old framing.
func TestConnectionKeepsItsFramingOverAReload(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "message")
	configure := func(delimiter string) {
		s.configureListener(s.ln, &control.Listener{Scheme: "text", Framing: control.Framing{Delimiter: delimiter},
			Limits: s.ln.limits, Routes: []control.Route{{Prefix: "/", Pool: "web"}}})
	}
	configure("|")
	old, client := s.meet("text")
	client.write([]byte("To"))
	s.settle()
	configure(";")
	configure("!")
	client.write([]byte("m;!|"))
	s.settle()
	young, second := s.meet("text")
	second.write([]byte("Jerry|!"))
	s.settle()
	got := map[uint64]string{}
	for len(got) < 2 {
		for _, m := range frames(t, handler.read()) {
			if m.op == wire.OpMsg {
				got[m.id] = string(m.data)
				handler.write(frameOf(send(m.id, "yes"), ack(1)))
			}
		}
		s.settle()
	}
	if got[old.id] != "Tom;!" || got[young.id] != "Jerry|" {
		t.Fatalf("%v", got)
	}
	if a, b := string(client.read()), string(second.read()); a != "yes|" || b != "yes!" {
		t.Fatalf("%q, %q", a, b)
	}
}

// The client has sent all it will; what a handler says later still reaches it.
func TestHalfClosedConnectionLivesWhereItIsAsked(t *testing.T) {
	for _, stays := range []bool{true, false} {
		s := newStill(t)
		_, handler := s.hire(1, "message")
		s.ln.halfClose = stays
		c, client := s.meet("text")
		client.write([]byte("Tom\n"))
		client.endSide()
		s.settle()
		if c.state != stateHalf {
			t.Fatalf("stays %t: %s while the message is at a worker", stays, c.state)
		}
		handler.write(frameOf(ack(1)))
		s.settle()
		if (c.state == stateHalf) != stays {
			t.Fatalf("stays %t: %s when it is done", stays, c.state)
		}
		if !stays {
			continue
		}
		handler.write(frameOf(send(c.id, "later")))
		s.settle()
		if got := string(client.read()); got != "later\n" {
			t.Fatalf("%q", got)
		}
		handler.write(frameOf(closeConn(c.id, 1000, "")))
		s.settle()
		if c.state != stateGone {
			t.Fatalf("%s after the handler closed it", c.state)
		}
	}
}
