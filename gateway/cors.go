package gateway

import (
	"strconv"
	"strings"
	"time"

	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/websocket"
)

// cors says which scripts of other origins may read the answers of a listener
// or route (https://fetch.spec.whatwg.org/#http-cors-protocol). Where it is
// configured handlers have no say in it.
type cors struct {
	origins         websocket.Origins
	any             bool // "*": what everybody may read
	credentials     bool
	methods, maxAge string // as the fields have them; empty: no field
	headers, expose string
}

// configureCORS reads what the master has checked; nil: handlers judge origins.
func (l *loop) configureCORS(m *control.CORS) *cors {
	if m == nil || m.Off {
		return nil
	}
	o := &cors{credentials: m.Credentials, methods: strings.Join(m.Methods, ", "), headers: strings.Join(m.Headers, ", "), expose: strings.Join(m.Expose, ", ")}
	if m.MaxAge > 0 {
		o.maxAge = strconv.FormatInt(int64(m.MaxAge/time.Second), 10)
	}
	o.any = len(m.Origins) == 1 && m.Origins[0] == "*"
	var err error
	if o.origins, err = websocket.ParseOrigins(m.Origins); err != nil {
		l.log.Error("The master sent origins that cannot be read", "origins", m.Origins, "err", err)
		return nil
	}
	return o
}

// corsFor finds what holds for a request.
func (ln *listener) corsFor(host, path []byte) *cors {
	if ln.routedCORS {
		for i := range ln.routes {
			if r := &ln.routes[i]; r.takes(host, path) {
				return r.cors
			}
		}
	}
	return ln.cors
}

// judgeOrigin is the stage that answers preflights, and remembers for every
// other answer who may read it.
func (l *loop) judgeOrigin(c *conn, r *http1.Request) bool {
	e, o := c.exchange, c.listener.corsFor(r.Host, r.Path)
	if o == nil {
		return false
	}
	e.cors = o
	origin := r.Header("origin")
	if origin == nil {
		return false
	}
	if o.any {
		e.origin = "*"
	} else if o.origins.Allow(origin, r.Host) {
		e.origin = string(origin)
	}
	if string(r.Method) != "OPTIONS" || r.Header("access-control-request-method") == nil {
		return false
	}
	e.unread(r)
	l.answerPreflight(c, o)
	return true
}

func (l *loop) answerPreflight(c *conn, o *cors) {
	if c.exchange.origin == "" {
		l.answer(c, 403, "scripts of this origin may not ask here")
		return
	}
	r := l.newReply(204)
	r.addUnlessEmpty("access-control-allow-methods", o.methods)
	r.addUnlessEmpty("access-control-allow-headers", o.headers)
	r.addUnlessEmpty("access-control-max-age", o.maxAge)
	l.replyWhole(c, r, nil)
}

// apply lets a script of origin read r, if that is one. Without the wildcard
// other origins would get another answer, and caches must know.
func (o *cors) apply(r *reply, origin string) {
	r.remove("access-control-allow-origin")
	r.remove("access-control-allow-credentials")
	r.remove("access-control-expose-headers")
	if !o.any {
		r.vary("origin")
	}
	if origin == "" {
		return
	}
	r.add("access-control-allow-origin", origin)
	if o.credentials {
		r.add("access-control-allow-credentials", "true")
	}
	r.addUnlessEmpty("access-control-expose-headers", o.expose)
}

func (r *reply) addUnlessEmpty(name, value string) {
	if value != "" {
		r.add(name, value)
	}
}
