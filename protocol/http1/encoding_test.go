package http1

import (
	"bytes"
	"strings"
	"testing"
)

func chosen(accept string, offered ...Encoding) Encoding {
	var p Preferences
	for _, line := range strings.Split(accept, "\n") {
		p.Note([]byte(line))
	}
	return p.Choose(offered)
}

func TestChooseEncoding(t *testing.T) {
	all := []Encoding{Zstd, Brotli, Gzip}
	for accept, want := range map[string]Encoding{
		"":                                  Identity,
		"gzip":                              Gzip,
		"GZIP":                              Gzip,
		"x-gzip":                            Gzip,
		"gzip, deflate, br, zstd":           Zstd,
		"gzip, deflate, br":                 Brotli,
		"gzip;q=1.0, br;q=0.9":              Gzip,
		"br;q=0.001":                        Brotli,
		"br ; Q=0.5 , gzip;q=0.4":           Brotli,
		"br;q=0, gzip":                      Gzip,
		"br;q=0.000, gzip;q=0":              Identity,
		"*":                                 Zstd,
		"*;q=0":                             Identity,
		"*, zstd;q=0":                       Brotli,
		"zstd;q=0.1, *;q=0.5":               Brotli,
		"gzip, *;q=0":                       Gzip,
		"identity":                          Identity,
		"identity;q=0":                      Identity,
		"identity;q=0, gzip":                Gzip,
		"identity, gzip;q=0.5":              Identity,
		"identity;q=0.5, gzip;q=0.5":        Gzip,
		"identity;q=0.5, gzip;q=0.5, br":    Brotli,
		"deflate":                           Identity,
		"gzipped, brotli":                   Identity,
		",, gzip ,,":                        Gzip,
		"gzip\nbr":                          Brotli,
		"gzip;q=2":                          Identity,
		"gzip;q=1.001":                      Identity,
		"gzip;q=0.1234":                     Identity,
		"gzip;q=-1":                         Identity,
		"gzip;q=.5":                         Identity,
		"gzip;q=1.":                         Gzip,
		"gzip;q=":                           Identity,
		"gzip;q=a":                          Identity,
		"gzip;level=9":                      Identity,
		"gzip;q=1;x=1":                      Identity,
		"gzip;":                             Identity,
		"gzip br":                           Identity,
		";q=1":                              Identity,
		"gzip;q=0.9, gzip;q=0":              Identity,
		"br;q=0.899, gzip;q=0.9, zstd;q=.9": Gzip,
	} {
		if got := chosen(accept, all...); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
	if got := chosen("gzip, br", Gzip, Brotli); got != Gzip {
		t.Errorf("equal weights: %v, want the server's first", got)
	}
	if got := chosen("zstd, br", Gzip); got != Identity {
		t.Errorf("nothing in common: %v", got)
	}
}

func TestEncodingsHaveTheirRegisteredNames(t *testing.T) {
	for e := Identity; e < encodings; e++ {
		if got, ok := ParseEncoding(e.String()); !ok || got != e {
			t.Errorf("%v: %v, %v", e, got, ok)
		}
	}
	if _, ok := ParseEncoding("deflate"); ok {
		t.Error("deflate is known: half of the clients read it as zlib, half as raw")
	}
}

func TestPreferencesAllocateNothing(t *testing.T) {
	accept, offered := []byte("gzip, deflate, br;q=0.9, zstd, *;q=0.1"), []Encoding{Zstd, Brotli, Gzip}
	if n := testing.AllocsPerRun(100, func() {
		var p Preferences
		p.Note(accept)
		p.Choose(offered)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPreferences: no list makes a choice that was not offered or that the client excluded by name, and where a list is cut into
// lines means nothing.
func FuzzPreferences(f *testing.F) {
	f.Add([]byte("gzip, br;q=0.5"), uint8(5))
	f.Add([]byte("*;q=0, identity;q=1.000"), uint8(7))
	f.Fuzz(func(t *testing.T, list []byte, at uint8) {
		offered := []Encoding{Brotli, Gzip}
		var whole, lines Preferences
		whole.Note(list)
		got := whole.Choose(offered)
		if got != Identity && got != Brotli && got != Gzip {
			t.Fatalf("%q: %v was not offered", list, got)
		}
		if got != Identity && whole.weight(got) == 0 {
			t.Fatalf("%q: %v was excluded", list, got)
		}
		if got != Identity && !bytes.ContainsAny(list, "gGbB*") {
			t.Fatalf("%q: nobody asked for %v", list, got)
		}
		cut := bytes.IndexByte(list[min(int(at), len(list)):], ',')
		if cut < 0 {
			return
		}
		cut += min(int(at), len(list))
		lines.Note(list[:cut])
		lines.Note(list[cut+1:])
		if lines != whole {
			t.Fatalf("%q: cut at %d it means something else", list, cut)
		}
	})
}
