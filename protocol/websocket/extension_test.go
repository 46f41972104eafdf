package websocket

import (
	"strings"
	"testing"
)

func TestNegotiateDeflate(t *testing.T) {
	plain, takeover := DeflatePolicy{WindowBits: 15}, DeflatePolicy{Takeover: true, WindowBits: 12}
	both := "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, test := range []struct {
		name   string
		offers string
		policy DeflatePolicy
		answer string // empty: none
	}{
		{"nothing offered", "", plain, ""},
		{"bare", "permessage-deflate", plain, both},
		{"a browser", "permessage-deflate; client_max_window_bits", plain, both},
		{"in any case", "PerMessage-Deflate; Client_Max_Window_Bits", plain, both},
		{"behind another extension", "x-webkit-deflate-frame; max=3, permessage-deflate", plain, both},
		{"quoted value", `permessage-deflate; server_max_window_bits="10"`, plain, both + "; server_max_window_bits=10"},
		{"server's window", "permessage-deflate; server_max_window_bits=9", plain, both + "; server_max_window_bits=9"},
		{"server's window of 256 bytes", "permessage-deflate; server_max_window_bits=8", plain, both + "; server_max_window_bits=8"},
		{"server's largest window", "permessage-deflate; server_max_window_bits=15", plain, both + "; server_max_window_bits=15"},
		{"first that fits", "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=11", plain, both + "; server_max_window_bits=11"},
		{"unknown parameter", "permessage-deflate; level=9", plain, ""},
		{"unknown parameter, then a plain offer", "permessage-deflate; level=9, permessage-deflate", plain, both},
		{"repeated parameter", "permessage-deflate; client_max_window_bits; client_max_window_bits", plain, ""},
		{"window too large", "permessage-deflate; server_max_window_bits=16", plain, ""},
		{"window with a leading zero", "permessage-deflate; server_max_window_bits=09", plain, ""},
		{"window without a value", "permessage-deflate; server_max_window_bits", plain, ""},
		{"client's window too small", "permessage-deflate; client_max_window_bits=7", plain, ""},
		{"value where none belongs", "permessage-deflate; server_no_context_takeover=1", plain, ""},
		{"not a list", "permessage-deflate client_max_window_bits", plain, ""},
		{"no name", "; client_max_window_bits", plain, ""},
		{"takeover, window may be told", "permessage-deflate; client_max_window_bits", takeover, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
		{"takeover, client's window is smaller", "permessage-deflate; client_max_window_bits=10", takeover, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=10"},
		{"takeover, window may not be told", "permessage-deflate", takeover, "permessage-deflate; client_no_context_takeover; server_max_window_bits=12"},
		{"takeover not wanted by the client", "permessage-deflate; client_no_context_takeover; server_no_context_takeover", takeover, both},
	} {
		d, ok := NegotiateDeflate([]byte(test.offers), test.policy)
		got := ""
		if ok {
			got = string(AppendDeflate(nil, d))
		}
		if got != test.answer || ok != d.Negotiated() {
			t.Errorf("%s: %q, want %q", test.name, got, test.answer)
		}
	}
}

// TestWindowsStayWithinThePolicy: what a client offers never makes us keep more than the policy grants.
func TestWindowsStayWithinThePolicy(t *testing.T) {
	for _, offer := range []string{"", "; client_max_window_bits", "; client_max_window_bits=15", "; server_max_window_bits=15", "; server_max_window_bits=9; client_max_window_bits=9"} {
		for bits := uint8(8); bits <= 15; bits++ {
			d, ok := NegotiateDeflate([]byte("permessage-deflate"+offer), DeflatePolicy{Takeover: true, WindowBits: bits})
			if !ok || d.ServerTakeover && d.ServerBits > bits || d.ClientTakeover && d.ClientBits > bits {
				t.Errorf("%q with %d bits: %+v", offer, bits, d)
			}
		}
	}
}

func TestChooseProtocol(t *testing.T) {
	for _, test := range []struct {
		offered string
		ours    string
		want    string
	}{
		{"", "", ""},
		{"chat, superchat", "", "chat"},
		{" chat , superchat", "", "chat"},
		{"chat, superchat", "superchat chat", "superchat"},
		{"Chat", "chat", ""},
		{"chat2", "chat", ""},
		{"a,,b", "b", "b"},
		{"a b, c", "c", ""}, // not a list of tokens
	} {
		if got := ChooseProtocol([]byte(test.offered), strings.Fields(test.ours)); got != test.want {
			t.Errorf("%q of %q: %q, want %q", test.ours, test.offered, got, test.want)
		}
	}
}

func FuzzNegotiateDeflate(f *testing.F) {
	for _, offer := range []string{"permessage-deflate; client_max_window_bits", `permessage-deflate; server_max_window_bits="9", x`, ",;=\"", "a;b=c;d"} {
		f.Add([]byte(offer), uint8(12))
	}
	f.Fuzz(func(t *testing.T, offers []byte, bits uint8) {
		policy := DeflatePolicy{Takeover: bits&1 == 0, WindowBits: 8 + bits>>1%8}
		d, ok := NegotiateDeflate(offers, policy)
		if !ok {
			return
		}
		if d.ServerBits < 8 || d.ServerBits > 15 || d.ClientBits < 8 || d.ClientBits > 15 {
			t.Fatalf("%q: %+v", offers, d)
		}
		// An answer is an offer that is accepted as it stands, but for what only an offer may ask.
		if again, ok := NegotiateDeflate(AppendDeflate(nil, d), policy); !ok || again.ServerBits != d.ServerBits {
			t.Fatalf("%q: %+v, then %+v", offers, d, again)
		}
		ChooseProtocol(offers, []string{"x"})
	})
}
