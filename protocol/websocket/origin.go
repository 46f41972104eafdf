package websocket

import (
	"errors"
	"strconv"
	"strings"
)

// Origins are the pages that may connect: a browser says in Origin where the script comes from that does (RFC 6455 10.2).
// None: all may.
type Origins []originPattern

// originPattern is one of them.
type originPattern struct {
	any        bool // *
	self       bool // self: the host that the request is for
	scheme     string
	host       string // without the "*." of subdomains
	port       string // "*": any
	subdomains bool
}

var (
	errOriginForm = errors.New("is not an origin")
	errOriginPath = errors.New("has something behind the host")
	errOriginStar = errors.New("has a * where none may stand")
	errOriginPort = errors.New("has a port that is none")
)

// ParseOrigins reads patterns: an origin such as https://example.com or http://localhost:8080; https://*.example.com for
// all of its subdomains, but not for itself; http://localhost:* for any port; null for pages without one; self for the host
// the request is for, whatever it is; * for all.
func ParseOrigins(texts []string) (Origins, error) {
	var list Origins
	for _, text := range texts {
		p, err := parseOrigin(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parseOrigin(text string) (p originPattern, err error) {
	switch text {
	case "*":
		return originPattern{any: true}, nil
	case "self":
		return originPattern{self: true}, nil
	case "null":
		return originPattern{scheme: "null"}, nil
	}
	p.scheme, p.host, p.port = splitOrigin(text)
	p.host, p.subdomains = strings.CutPrefix(p.host, "*.")
	switch {
	case p.host == "" || p.scheme == "" || strings.ContainsAny(text, " \t,@"):
		return p, errOriginForm
	case strings.ContainsAny(p.host, "/?#") || strings.ContainsAny(p.port, "/?#"):
		return p, errOriginPath
	case strings.Contains(p.host, "*") || strings.Contains(p.scheme, "*"):
		return p, errOriginStar
	case p.port != "*" && p.port != "" && !validPort(p.port):
		return p, errOriginPort
	}
	return p, nil
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// splitOrigin takes an origin apart, in lower case and with its scheme's port where none is named. Text that is no origin,
// such as "null", is all scheme.
func splitOrigin(text string) (scheme, host, port string) {
	scheme, host, _ = strings.Cut(strings.ToLower(text), "://")
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
	}
	if port == "" {
		port = defaultPorts[scheme]
	}
	return scheme, host, port
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// Allow judges a request by its Origin and Host. nil for origin: it does not come from a page, but from a program, which may
// write there what it likes.
func (o Origins) Allow(origin, host []byte) bool {
	if len(o) == 0 || origin == nil {
		return true
	}
	scheme, name, port := splitOrigin(string(origin))
	for i := range o {
		if o[i].matches(scheme, name, port, host) {
			return true
		}
	}
	return false
}

func (p *originPattern) matches(scheme, name, port string, host []byte) bool {
	switch {
	case p.any:
		return true
	case p.self:
		// Whether a client came by http or https is not always known here: a proxy in front may hide it.
		_, own, ownPort := splitOrigin(scheme + "://" + string(host))
		return name != "" && name == own && port == ownPort
	case p.scheme != scheme || p.port != "*" && p.port != port:
		return false
	case p.subdomains:
		return len(name) > len(p.host)+1 && strings.HasSuffix(name, "."+p.host)
	}
	return name == p.host
}
