package wire

import (
	"testing"
)

func TestDecodeFields(t *testing.T) {
	payload := AppendArray(nil, 1)
	payload = append(AppendArray(payload, 5), byte(OpPublish))
	payload = AppendBin(AppendUint(AppendStr(payload, "room"), FlagBinary), "data")
	payload = AppendUint(AppendUint(AppendArray(payload, 2), 5), 1<<40)
	m, err := decodeOne(payload)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Text) != "room" || m.Flags != FlagBinary || string(m.Data) != "data" {
		t.Fatalf("%+v", m)
	}
	if !m.IDs.Has(5) || !m.IDs.Has(1<<40) || m.IDs.Has(6) {
		t.Fatal("exceptions")
	}
}

func TestResponseHeadersComeInEveryForm(t *testing.T) {
	type field struct{ name, value string }
	for name, c := range map[string]struct {
		headers []byte
		want    []field
	}{
		"empty array": {AppendArray(nil, 0), nil},
		"empty map":   {AppendMap(nil, 0), nil},
		"map":         {AppendStr(AppendStr(AppendMap(nil, 1), "a"), "1"), []field{{"a", "1"}}},
		"map with a list": {AppendStr(AppendStr(AppendArray(AppendStr(AppendMap(nil, 1), "a"), 2), "1"), "2"),
			[]field{{"a", "1"}, {"a", "2"}}},
		"map with an empty list": {AppendStr(AppendStr(AppendArray(AppendStr(AppendMap(nil, 2), "a"), 0), "b"), "2"), []field{{"b", "2"}}},
		"number as a value":      {AppendUint(AppendStr(AppendMap(nil, 1), "x-count"), 300), []field{{"x-count", "300"}}},
		"number as a name":       {AppendStr(AppendUint(AppendMap(nil, 1), 7), "v"), []field{{"7", "v"}}},
		"pairs":                  {AppendBin(AppendBin(AppendArray(AppendArray(nil, 1), 2), "a"), "1"), []field{{"a", "1"}}},
	} {
		w := Headers(c.headers).Walk()
		var got []field
		for {
			name, value, ok := w.Next()
			if !ok {
				break
			}
			got = append(got, field{string(name), string(value)})
		}
		if w.Err() != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v %v", name, got, w.Err())
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestReadyOfPHPAndPython(t *testing.T) {
	value := AppendMap(nil, 4)
	value = AppendStr(AppendStr(value, "language"), "php")
	value = AppendUint(AppendStr(value, "concurrency"), 0)
	value = AppendArray(AppendStr(value, "events"), 2)
	value = AppendStr(AppendStr(value, "request"), "some later event")
	value = AppendNil(AppendStr(value, "some later key"))
	ready, err := DecodeReady(value)
	if err != nil || ready.Language != "php" || ready.Concurrency != 1 || !ready.Events.Request || ready.Events.Message {
		t.Fatalf("%+v %v", ready, err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	req := &Request{ID: 1 << 40, Peer: "127.0.0.1:1", Method: []byte("GET"), Path: []byte("/"), Headers: []byte("host: x\n")}
	payload := append(AppendArray(nil, 1), AppendArray(nil, 5)...)
	payload = AppendUint(AppendUint(append(payload, byte(OpRes)), 1<<40), 200)
	payload = AppendBin(AppendStr(AppendStr(AppendMap(payload, 1), "content-type"), "text/plain"), "Hello")
	var m Message
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendRequest(buf[:0], req)
		b, _ := OpenBatch(payload)
		for b.Next(&m) {
			for w := m.Headers.Walk(); ; {
				if _, _, ok := w.Next(); !ok {
					break
				}
			}
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x91, 0x92, 0x08, 0x01})
	f.Add(AppendStr(AppendUint(append(AppendArray([]byte{0x91}, 3), byte(OpJoin)), 5), "room"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := OpenBatch(payload)
		var m Message
		for err == nil && b.Next(&m) {
			for w := m.Headers.Walk(); ; {
				if _, _, ok := w.Next(); !ok {
					break
				}
			}
			for w := m.IDs.Walk(); ; {
				if _, ok := w.Next(); !ok {
					break
				}
			}
			if m.Op == OpReady {
				_, _ = DecodeReady(m.Value)
			}
		}
	})
}

func BenchmarkAppendRequest(b *testing.B) {
	buf := make([]byte, 0, 4096)
	req := &Request{ID: 1 << 40, Peer: "127.0.0.1:1", Method: []byte("GET"), Path: []byte("/"), Headers: make([]byte, 500)}
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRequest(buf[:0], req)
	}
}

func TestReadySaysWhetherBodiesMayStream(t *testing.T) {
	ready := func(value bool) (Ready, error) {
		return DecodeReady(AppendBool(AppendStr(AppendMap(nil, 1), "stream_body"), value))
	}
	if r, err := ready(true); err != nil || !r.StreamBody {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := ready(false); err != nil || r.StreamBody {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := DecodeReady(AppendUint(AppendStr(AppendMap(nil, 1), "stream_body"), 1)); err == nil {
		t.Error("a number passed for a truth value")
	}
}
