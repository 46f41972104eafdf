package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// The vectors are what all implementations of gw-ipc/1 agree on. They are
// generated here (go test ./protocol/wire -update) and read by the tests of
// both SDKs.
const vectorsFile = "../testdata/wire-vectors.json"

var update = flag.Bool("update", false, "write "+vectorsFile)

type vectors struct {
	Version int      `json:"version"`
	Frames  []vector `json:"frames"`
	Invalid []fault  `json:"invalid"`
}

type vector struct {
	Name     string `json:"name"`
	From     string `json:"from"`
	Hex      string `json:"hex"`
	Messages []any  `json:"messages"`
}

type fault struct {
	Name   string `json:"name"`
	From   string `json:"from"`
	Hex    string `json:"hex"`
	Reason string `json:"reason"`
}

// bin is how the JSON spells bytes: {"$bytes": "<hex>"}.
func bin(s string) map[string]any { return map[string]any{"$bytes": hex.EncodeToString([]byte(s))} }

func list(v ...any) []any { return v }

// gatewayVectors pairs what this package encodes with what it means.
func gatewayVectors() []vector {
	frame := func(name string, encoded [][]byte, messages ...any) vector {
		b := make([]byte, BatchHeaderLen)
		for _, m := range encoded {
			b = append(b, m...)
		}
		PutBatchHeader(b, len(encoded))
		return vector{Name: name, From: "gateway", Hex: hex.EncodeToString(b), Messages: messages}
	}
	one := func(name string, encoded []byte, message ...any) vector {
		return frame(name, [][]byte{encoded}, any(message))
	}
	hello := &Hello{Worker: 7, Slot: 2, Pool: "web", MaxFrame: FrameLimit, MaxMessage: 512 << 10, Debug: true, Sendfile: []string{"/srv/app"}, UID: 33,
		Listeners: []Listener{{ID: 1, Name: "front", Scheme: "http", Address: "127.0.0.1:8080"}}}
	helloMap := map[string]any{"worker": 7, "slot": 2, "pool": "web", "max_frame": FrameLimit, "max_message": 512 << 10,
		"stream_credit": StreamCredit, "debug": true, "uid": 33, "sendfile": list("/srv/app"), "listeners": list(list(1, "front", "http", "127.0.0.1:8080"))}
	request := &Request{ID: 1<<32 | 5, Flags: FlagTLS, Listener: 1, Peer: "127.0.0.1:51000", Method: []byte("POST"),
		Path: []byte("/a%20b"), Query: []byte("q=1&r=\xff"), Headers: []byte("host: x\naccept: */*\naccept: text/html\n"), Body: []byte("{\"a\":1}")}
	conn := &Connection{ID: 1 << 40, Listener: 3, Peer: "[::1]:9", Kind: "websocket", Path: []byte("/chat"), Query: []byte("room=1"), Headers: []byte("host: x\n"),
		Flags: FlagTLS, Session: []byte("\x81\xa4name\xa3Tom"), UID: "u1"}
	handshake := &Request{ID: 6, Flags: FlagWebSocket, Listener: 1, Peer: "unix:", Method: []byte("GET"), Path: []byte("/chat"), Headers: []byte("upgrade: websocket\nsec-websocket-protocol: a, b\n")}
	long := string(bytes.Repeat([]byte("0123456789abcdef"), 4200))
	return []vector{
		one("hello", AppendHello(nil, hello), 1, 1, 1, helloMap),
		one("ping", AppendPing(nil, 1<<53-1), 2, uint64(1<<53-1)),
		one("drain", AppendDrain(nil, 10000, "reload"), 3, 10000, "reload"),
		one("reply", AppendUint(AppendReply(nil, 4, true), 12), 4, 4, true, 12),
		one("reply with an error", AppendStr(AppendReply(nil, 5, false), "unknown call"), 4, 5, false, "unknown call"),
		one("request", AppendRequest(nil, request), 0x10, 1<<32|5, FlagTLS, 1, "127.0.0.1:51000", "POST", bin("/a%20b"), bin("q=1&r=\xff"),
			bin("host: x\naccept: */*\naccept: text/html\n"), bin("{\"a\":1}")),
		one("handshake", AppendRequest(nil, handshake), 0x10, 6, FlagWebSocket, 1, "unix:", "GET", bin("/chat"), bin(""),
			bin("upgrade: websocket\nsec-websocket-protocol: a, b\n"), bin("")),
		one("body", AppendBody(nil, 9, []byte("piece"), false), 0x11, 9, bin("piece"), 0),
		one("end of body", AppendBody(nil, 9, nil, true), 0x11, 9, bin(""), 1),
		one("credit", AppendCredit(nil, 9, 65536), 0x12, 9, 65536),
		one("abort", AppendAbort(nil, 9, AbortClientGone), 0x13, 9, 1),
		one("open", AppendOpen(nil, conn), 0x30, 1<<40, 3, "[::1]:9", "websocket", bin("/chat"), bin("room=1"), bin("host: x\n"),
			FlagTLS, bin("\x81\xa4name\xa3Tom"), "u1"),
		one("text message", AppendMessage(nil, 300, 0, []byte("Tom")), 0x31, 300, 0, bin("Tom")),
		one("binary message", AppendMessage(nil, 300, FlagBinary, []byte{0, 0xff, 0x0a}), 0x31, 300, 1, bin("\x00\xff\n")),
		one("empty message", AppendMessage(nil, 300, 0, nil), 0x31, 300, 0, bin("")),
		one("message of 67200 bytes", AppendMessage(nil, 300, 0, []byte(long)), 0x31, 300, 0, bin(long)),
		one("close", AppendClose(nil, 300, 1001, "bye"), 0x32, 300, 1001, "bye"),
		one("attach", AppendAttach(nil, conn), 0x33, 1<<40, 3, "[::1]:9", "websocket", bin("/chat"), bin("room=1"),
			bin("host: x\n"), bin("\x81\xa4name\xa3Tom"), "u1", FlagTLS),
		one("buffer full", AppendBuf(nil, 300, true), 0x34, 300, 1),
		one("buffer drained", AppendBuf(nil, 300, false), 0x34, 300, 0),
		one("detach", AppendDetach(nil, 300), 0x35, 300),
		one("datagram", AppendDatagram(nil, 3, []byte("[::1]:9"), []byte("\x00ping"), nil, 1<<20|5), 0x36, 3, "[::1]:9", bin("\x00ping"), "", 1<<20|5),
		one("datagram to one of several addresses", AppendDatagram(nil, 3, []byte("192.0.2.7:5000"), nil, []byte("192.0.2.1"), 1<<53-1), 0x36, 3, "192.0.2.7:5000", bin(""), "192.0.2.1", uint64(1<<53-1)),
		frame("batch of three", [][]byte{AppendMessage(nil, 1, 0, []byte("a")), AppendMessage(nil, 70000, 0, []byte("b")), AppendPing(nil, 1)},
			list(0x31, 1, 0, bin("a")), list(0x31, 70000, 0, bin("b")), list(2, 1)),
		frame("unknown op to be ignored, extra field to be ignored", [][]byte{
			AppendUint(append(AppendArray(nil, 2), 0xcc, 0x90), 1), AppendUint(append(AppendArray(nil, 3), byte(OpPing), 6), 99)},
			list(0x90, 1), list(2, 6, 99)),
	}
}

func workerVectors(t *testing.T) []vector {
	one := func(name string, message ...any) vector {
		return vector{Name: name, From: "worker", Hex: encodeGeneric(t, list(any(message))), Messages: list(any(message))}
	}
	return []vector{
		one("ready", 5, 1, map[string]any{"pid": 4711, "language": "php", "language_version": "8.2.36", "sdk": "0.1.0", "concurrency": 1, "events": list("request", "message")}),
		one("ready to stream bodies", 5, 1, map[string]any{"pid": 1, "language": "php", "language_version": "8.4.1", "sdk": "0.1.0", "concurrency": 1, "events": list("request"), "stream_body": true}),
		one("pong", 6, 7),
		one("bye", 7, "drain", 0),
		one("ack", 8, 64),
		one("done", 0x0b, 1<<40, 2),
		one("log", 9, "warning", "disk nearly full"),
		one("call", 0x0a, 1, "count", list("room")),
		one("response", 0x20, 1<<32|5, 200, map[string]any{"content-type": "text/plain", "set-cookie": list("a=1", "b=2")}, bin("Hello Client")),
		one("response with pairs", 0x20, 5, 200, list(list("x-a", "1"), list("x-a", "2")), bin("x")),
		one("response without headers", 0x20, 5, 204, list(), bin("")),
		one("file", 0x24, 5, 200, map[string]any{"content-type": "application/pdf"}, "/srv/app/report.pdf"),
		one("stream start", 0x21, 5, 200, map[string]any{"content-type": "text/event-stream"}, bin("")),
		one("stream chunk", 0x22, 5, bin("data: 1\n\n")),
		one("stream end", 0x23, 5, bin("")),
		one("stream cut off", 0x23, 5, nil),
		one("accept", 0x25, 6, "chat", map[string]any{"set-cookie": list("a=1", "b=2")}, bin("\x81\xa4name\xa3Tom"), "u1", list("room", "lobby")),
		one("accept with no more than that", 0x25, 6, nil, list()),
		one("event stream", 0x26, 1<<32|5, 200, map[string]any{"x-a": "1"}, bin("retry: 1000\n\n"), bin("\x81\xa4name\xa3Tom"), "u1", list("news")),
		one("event stream with no more than that", 0x26, 6, 200, list(), bin("")),
		one("body credit", 0x27, 1<<32|5, 262144),
		one("send text", 0x40, 300, 0, bin("Hello Tom")),
		one("send binary", 0x40, 300, 1, bin("\x00\xff")),
		one("send event", 0x40, 300, 2, bin("id: 7\ndata: x\n\n")),
		one("close", 0x41, 300, 1000, "done"),
		one("send many", 0x42, list(1, 300, 1<<40), 0, bin("x")),
		one("join", 0x43, 300, "room"),
		one("leave", 0x44, 300, "room"),
		one("publish", 0x45, "room", 0, bin("x"), list(300)),
		one("broadcast", 0x46, 0, 0, bin("x"), list()),
		one("session", 0x47, 300, bin("\x81\xa4name\xa3Tom")),
		one("datagram", 0x49, 3, "[::1]:9", bin("pong")),
		one("datagram from one of several addresses", 0x49, 3, "192.0.2.7:5000", bin("pong"), "192.0.2.1"),
		one("bind", 0x4a, 300, "u1"),
		one("send to uid", 0x4b, "u1", 0, bin("x")),
	}
}

func invalidVectors() []fault {
	return []fault{
		{"length zero", "gateway", "00000000", "frame length out of range"},
		{"text on the pipe", "gateway", hex.EncodeToString([]byte("Hello World\n")), "frame length out of range"},
		{"not an array", "gateway", "0000000181", "expected an array"},
		{"message is not an array", "gateway", "000000029101", "expected an array"},
		{"empty message", "gateway", "000000029190", "empty message"},
		{"unknown op", "gateway", "0000000491927f01", "unknown op"},
		{"bytes behind the batch", "gateway", "0000000590c0c0c0c0", "bytes behind the batch"},
		{"cut short inside", "gateway", "000000049194310a", "message cut short"},
		{"text on the pipe", "worker", hex.EncodeToString([]byte("Warning: Undefined variable\n")), "frame length out of range"},
		{"more elements than bytes", "worker", "00000005ddffffffff", "more elements than bytes"},
		{"bytes behind the batch", "worker", "0000000590c0c0c0c0", "bytes behind the batch"},
		{"unknown op", "worker", "0000000491927f01", "unknown op"},
		{"negative id", "worker", "000000079194" + "40ff00c400", "expected an integer"},
		{"id beyond 2^53", "worker", "0000000f9194" + "40cf0020000000000000" + "00c400", "integer out of range"},
		{"ext type", "worker", "00000008919305" + "01d40000" + "00", "type not allowed on the wire"},
	}
}

// encodeGeneric builds a frame with msgpack/v5, the independent codec.
func encodeGeneric(t *testing.T, messages []any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode(unspell(messages)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(append([]byte{0, byte(buf.Len() >> 16), byte(buf.Len() >> 8), byte(buf.Len())}, buf.Bytes()...))
}

// unspell turns {"$bytes": hex} into bytes.
func unspell(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = unspell(v[i])
		}
		return out
	case map[string]any:
		if h, ok := v["$bytes"]; ok {
			b, _ := hex.DecodeString(h.(string))
			return b
		}
		out := map[string]any{}
		for k := range v {
			out[k] = unspell(v[k])
		}
		return out
	}
	return v
}

// spell is the other way: what msgpack/v5 decoded, as the JSON has it.
func spell(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = spell(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = spell(v[k])
		}
		return v
	case []byte:
		return bin(string(v))
	}
	return v
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestVectorsFileIsCurrent(t *testing.T) {
	want := vectors{Version: Version, Frames: append(gatewayVectors(), workerVectors(t)...), Invalid: invalidVectors()}
	b, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b) {
		t.Fatal("the vectors differ from the code: run go test ./protocol/wire -update and look at the difference")
	}
}

// An independent codec reads what we write.
func TestFramesMeanWhatVectorsSay(t *testing.T) {
	for _, v := range gatewayVectors() {
		b, _ := hex.DecodeString(v.Hex)
		var got any
		if err := msgpack.Unmarshal(b[HeaderLen:], &got); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if have, want := asJSON(t, spell(got)), asJSON(t, v.Messages); !reflect.DeepEqual(have, want) {
			t.Errorf("%s:\n have %v\n want %v", v.Name, have, want)
		}
	}
}

func TestWorkerVectorsDecode(t *testing.T) {
	for _, v := range workerVectors(t) {
		b, _ := hex.DecodeString(v.Hex)
		n, ok, err := FrameLength(b, FrameLimit)
		if err != nil || !ok || n != len(b)-HeaderLen {
			t.Fatalf("%s: length %d %v %v", v.Name, n, ok, err)
		}
		m, err := decodeOne(b[HeaderLen:])
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		if op := v.Messages[0].([]any)[0].(int); Op(op) != m.Op {
			t.Errorf("%s: op %#x", v.Name, m.Op)
		}
	}
}

func TestInvalidVectorsAreRefused(t *testing.T) {
	for _, v := range invalidVectors() {
		if v.From != "worker" {
			continue
		}
		b, _ := hex.DecodeString(v.Hex)
		n, _, err := FrameLength(b, FrameLimit)
		if err == nil && n != len(b)-HeaderLen {
			t.Errorf("%s: the vector's own length is wrong: %d", v.Name, n)
		}
		if err == nil {
			_, err = decodeOne(b[HeaderLen:])
		}
		if e, ok := err.(*Error); !ok || e.Reason != v.Reason {
			t.Errorf("%s: got %v, want %s", v.Name, err, v.Reason)
		}
	}
}

// decodeOne drains a payload and returns its last message.
func decodeOne(payload []byte) (m Message, err error) {
	b, err := OpenBatch(payload)
	if err != nil {
		return m, err
	}
	for b.Next(&m) {
	}
	return m, b.Err()
}
