package load

import (
	"fmt"
	"strings"
)

// PublishedBytes is one published message as a WebSocket receives it: 64 bytes
// behind their head.
const PublishedBytes = 2 + 64

// NewJoin is for WebSockets that each join some groups, as bench's handler
// groups.php understands them: connection i joins count of them, from the
// i-th modulo groups on.
func NewJoin(groups, count int) *WebSocket {
	w := &WebSocket{}
	for i := range groups {
		m := fmt.Appendf(nil, "%d %d", i, count)
		w.messages = append(w.messages, m)
		w.frames = append(w.frames, appendMasked(nil, opText, m))
	}
	return w
}

// NewPublish asks for one message to one group after the other.
func NewPublish(groups int) *HTTP {
	h := &HTTP{}
	for i := range groups {
		// All of one length, however many groups there are.
		h.requests = append(h.requests, fmt.Appendf(nil, "GET /publish?n=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fill: %s\r\n\r\n", i, strings.Repeat("f", 8-len(fmt.Sprint(i)))))
		h.bodies = append(h.bodies, []byte("Hello, World!"))
	}
	return h
}
