package config

import (
	"math/bits"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gw/protocol/websocket"
)

// subprotocolName is a token (RFC 6455 section 4.1).
var subprotocolName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

var webSocketKeys = []key[WebSocket]{
	{name: "origins", kind: kindOrigins, doc: "Pages that may connect, such as https://example.com or https://*.example.com; self: those of the same host. Default: all.",
		read: readOrigins, show: func(w *WebSocket) any { return shownList(w.Origins) }},
	{name: "subprotocols", kind: kindNames, doc: "Subprotocols in order of preference, where no handler chooses. Default: the client's first.",
		read: readSubprotocols, show: func(w *WebSocket) any { return shownList(w.Subprotocols) }},
	choiceKey("compression", "permessage-deflate: off, each message by itself, or with a window of memory for each connection.", func(w *WebSocket) *string { return &w.Compression }, "off", "message", "connection"),
	sizeKey("compress_from", "Shortest message that is compressed.", 0, maxMessage, func(w *WebSocket) *int { return &w.CompressFromBytes }),
	windowKey(),
}

func readWebSocket(r *reader, n *yaml.Node, l *Listener) {
	n = resolve(n)
	switch {
	case n.Kind != yaml.MappingNode:
		r.misfit(n, "websocket", "a mapping", "write websocket: {origins: [https://example.com]}")
		return
	case l.Scheme != "" && l.Scheme != "http" && l.Scheme != "websocket":
		r.fault(n, "delete it", "websocket %s means nothing for %s", r.where, l.Scheme)
	}
	mapping(r.in(strings.Replace(r.where, "in ", "in websocket of ", 1)), n, webSocketKeys, &l.WebSocket)
}

// showWebSocket leaves the block out where there are none.
func showWebSocket(l *Listener) any {
	if l.Scheme != "http" && l.Scheme != "websocket" {
		return nil
	}
	return shown(webSocketKeys, &l.WebSocket)
}

func shownList(list []string) any {
	if list == nil {
		return nil
	}
	return list
}

func readOrigins(r *reader, n *yaml.Node, w *WebSocket) {
	w.Origins = r.distinct(n, "origins", "https://example.com", func(item *yaml.Node, text string) bool {
		_, err := websocket.ParseOrigins([]string{text})
		if err != nil {
			r.fault(item, originHint(text), "origins %s: %q %s", r.where, text, err)
		}
		return err == nil
	})
	if v := resolve(n); v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
		r.fault(n, "name one, or delete the key to allow all", "origins %s is empty", r.where)
	}
}

// distinct reads a list of texts, none of them twice.
func (r *reader) distinct(n *yaml.Node, name, example string, valid func(n *yaml.Node, text string) bool) (list []string) {
	r.each(n, name, "a list", "write "+name+": ["+example+"]", func(item *yaml.Node, text string) {
		switch {
		case !valid(item, text):
		case slices.Contains(list, text):
			r.fault(item, "delete one of them", "%s %s has %s twice", name, r.where, text)
		default:
			list = append(list, text)
		}
	})
	return list
}

func originHint(text string) string {
	if host, _, _ := strings.Cut(text, "/"); host != "" && !strings.Contains(text, "://") && !strings.ContainsAny(host, " *") {
		return "write https://" + host
	}
	return "write https://example.com, https://*.example.com, http://localhost:*, self or *"
}

func readSubprotocols(r *reader, n *yaml.Node, w *WebSocket) {
	w.Subprotocols = r.distinct(n, "subprotocols", "chat.v1", func(item *yaml.Node, text string) bool {
		ok := subprotocolName.MatchString(text)
		if !ok {
			r.fault(item, "use letters, digits, dots and dashes", "subprotocols %s: %q cannot name one", r.where, text)
		}
		return ok
	})
}

// windowKey is a power of two (RFC 7692 section 7.1.2).
func windowKey() key[WebSocket] {
	k := sizeKey("compression_window", "With compression: connection, how much of earlier messages is kept, for each direction.", 256, 32*kib, func(w *WebSocket) *int { return &w.WindowBytes })
	read := k.read
	k.read = func(r *reader, n *yaml.Node, w *WebSocket) {
		read(r, n, w)
		if size := uint(w.WindowBytes); bits.OnesCount(size) != 1 {
			below := int64(1) << (bits.Len(size) - 1)
			r.fault(n, "write "+showSize(below)+" or "+showSize(2*below), "%s %s must be a power of two", k.name, r.where)
		}
	}
	return k
}
