package gateway

import (
	"gw/protocol/websocket"
)

// deflate is what a WebSocket has that negotiated permessage-deflate: its
// parameters and, only where context is taken over, what was compressed last
// in each direction. The compressors themselves belong to the loop.
type deflate struct {
	websocket.Deflate
	sent, received websocket.Window
}

// expand makes a message of what the client compressed.
func (l *loop) expand(c *conn, ev *websocket.Event) (data []byte, err error) {
	d := c.dialogue.own.deflate
	data, err = l.inflater.Message(ev.Data, d.received.Bytes(), c.listener.limits.MaxMessageBytes)
	if err != nil {
		return nil, err
	}
	if d.ClientTakeover {
		d.received.Write(data, d.ClientBits)
	}
	if ev.Op == websocket.OpText && !websocket.ValidUTF8(data) {
		return nil, websocket.ErrText
	}
	return data, nil
}

// compressionWindow is how far back a compressed message to c of n bytes may
// refer, as a power of two. 0: it is not compressed.
func (c *conn) compressionWindow(n int) uint8 {
	if c.kind != kindWebSocket || c.dialogue.own.deflate == nil || n < c.listener.webSocket.compressFrom {
		return 0
	}
	return c.dialogue.own.deflate.ServerBits
}

// appendWebSocket appends a message to c as a frame.
func (l *loop) appendWebSocket(c *conn, out []byte, op websocket.Opcode, data []byte) []byte {
	window := c.compressionWindow(len(data))
	if window == 0 {
		return websocket.AppendFrame(out, op, data)
	}
	d := c.dialogue.own.deflate
	out, compressed := l.deflater.AppendDeflated(out, op, data, window, d.sent.Bytes())
	if compressed {
		d.remember(data)
	}
	return out
}

// compressForm makes a form for all WebSockets with one size of window.
func (l *loop) compressForm(one *form, f *fanout) {
	data, ok := messageOf(f.flags, f.data)
	one.fits = true
	if !ok {
		return
	}
	var compressed bool
	one.bytes, compressed = l.deflater.AppendDeflated(nil, opcode(f.flags), data, one.like.window, nil)
	if compressed {
		one.compressed = data
	}
}

// remember takes a message that went out compressed into the client's view of
// what came before.
func (d *deflate) remember(data []byte) {
	if d.ServerTakeover {
		d.sent.Write(data, d.ServerBits)
	}
}
