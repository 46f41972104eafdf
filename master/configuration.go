package master

import (
	"cmp"
	"math/bits"
	"os"
	"runtime"

	"gw/master/config"
	"gw/protocol/control"
)

// gatewayConfiguration is what the gateway must know of c. Listeners are in the
// order of c and bound already.
func gatewayConfiguration(version string, c *config.Config, pools []*config.Pool, listeners []*listener, logs []*accessLog, generation int) *control.Configuration {
	g := &control.Configuration{Version: version, Debug: c.Debug, Loops: loopsOf(c), TempDir: c.TempDir, SetAside: c.SetAsideDir}
	for _, p := range pools {
		g.Pools = append(g.Pools, control.Pool{
			Name: p.Name, Workers: p.Workers, RequestTimeout: p.RequestTimeout, StreamTimeout: p.StreamTimeout, QueueTimeout: p.QueueTimeout,
			QueueLimit: p.QueueLimit, OnCrash: control.OnCrash(p.OnCrash),
			Sendfile: sendfileFolders(p), SendfileHeader: p.Sendfile != nil,
		})
	}
	for _, l := range listeners {
		g.Listeners = append(g.Listeners, l.message(generation, logs))
	}
	return g
}

// loopsOf leaves most processors to the handlers: one loop does more than a
// hundred thousand requests a second.
func loopsOf(c *config.Config) int {
	return cmp.Or(c.Loops, max(1, runtime.GOMAXPROCS(0)/4))
}

func (l *listener) message(generation int, logs []*accessLog) control.Listener {
	m := control.Listener{
		ID: l.id, Name: l.config.Name, Scheme: l.config.Scheme, Address: l.address,
		Fresh: l.given != generation, HTTP2: l.config.HTTP2, Limits: control.Limits(l.config.Limits),
		TrustedProxies: l.config.TrustedProxies, ProxyProtocol: l.config.ProxyProtocol,
		Framing: framing(&l.config), HalfClose: l.config.HalfClose, Queue: queue(&l.config),
	}
	m.Answers = control.Answers{Compression: compression(&l.config.Compression), Headers: headers(&l.config.Headers), CORS: cors(&l.config.CORS)}
	w := &l.config.WebSocket
	m.WebSocket = control.WebSocket{
		Origins: w.Origins, Subprotocols: w.Subprotocols,
		Compress: w.Compression != "off", Takeover: w.Compression == "connection",
		WindowBits: uint8(bits.Len(uint(w.WindowBytes)) - 1), CompressFromBytes: w.CompressFromBytes,
	}
	if a := findAccessLog(logs, l.config.AccessLog.File); a != nil {
		m.AccessLog, m.LogJSON, m.LogExclude = a.id, l.config.AccessLog.Format == "json", l.config.AccessLog.Exclude
	}
	for _, r := range l.config.Routes {
		m.Routes = append(m.Routes, control.Route{Host: r.Host, Prefix: r.Prefix, Pool: r.Pool, CORS: cors(&r.CORS)})
	}
	for _, s := range l.config.Static {
		m.Static = append(m.Static, control.Static(s))
	}
	return m
}

func compression(c *config.Compression) *control.Compression {
	if !c.On {
		return nil
	}
	return &control.Compression{Encodings: c.Encodings, Types: c.Types, MinBytes: c.MinSizeBytes, Level: c.Level, Private: c.Private}
}

func cors(c *config.CORS) *control.CORS {
	switch {
	case c.Off:
		return &control.CORS{Off: true}
	case c.Origins == nil:
		return nil
	}
	return &control.CORS{Origins: c.Origins, Methods: c.Methods, Headers: c.Headers, Expose: c.Expose, Credentials: c.Credentials, MaxAge: c.MaxAge}
}

func headers(c *config.Headers) *control.Headers {
	h := &control.Headers{Remove: c.Remove}
	for _, f := range c.Set {
		h.Set = append(h.Set, control.Field(f))
	}
	for _, f := range c.Default {
		h.Default = append(h.Default, control.Field(f))
	}
	if len(h.Set)+len(h.Default)+len(h.Remove) == 0 {
		return nil
	}
	return h
}

func framing(c *config.Listener) control.Framing {
	f := c.Framing
	return control.Framing{Delimiter: f.Delimiter, LengthBytes: f.LengthBytes, Little: f.Endian == "little", Payload: f.Counts == "payload", Offset: f.Offset}
}

func queue(c *config.Listener) control.Queue {
	return control.Queue{Limit: c.Queue.Limit, DropNewest: c.Queue.Drop == "newest"}
}

// sendfileFolders: a handler's own folder, unless the pool names others.
func sendfileFolders(p *config.Pool) []string {
	if p.Sendfile != nil {
		return p.Sendfile
	}
	return []string{p.Dir}
}

// configureMessages packs g into as many messages as its size asks for, each
// with the descriptors of its own fresh listeners.
func configureMessages(g *control.Configuration, seq uint64, listeners []*listener) []outgoing {
	m := &control.Message{Kind: control.Configure, Seq: seq, Configuration: g}
	if _, err := control.Encode(m); err != nil && len(g.Listeners) > 1 {
		return splitConfigure(g, seq, listeners)
	}
	return []outgoing{{message: m, files: freshFiles(g, listeners)}}
}

func splitConfigure(g *control.Configuration, seq uint64, listeners []*listener) []outgoing {
	half := len(g.Listeners) / 2
	first, second := *g, *g
	first.Listeners, second.Listeners = g.Listeners[:half], g.Listeners[half:]
	second.Pools, second.AccessLogs = nil, nil // they came with the first
	messages := configureMessages(&first, seq, listeners[:half])
	messages[len(messages)-1].message.More = true
	return append(messages, configureMessages(&second, seq, listeners[half:])...)
}

func freshFiles(g *control.Configuration, listeners []*listener) []*os.File {
	var files []*os.File
	for i, l := range g.Listeners {
		if l.Fresh {
			files = append(files, listeners[i].file)
		}
	}
	return files
}
