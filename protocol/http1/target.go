package http1

import "bytes"

// parseTarget takes the target apart by its form (RFC 9112 3.2).
func (r *Request) parseTarget(h *head) error {
	target := r.Target
	switch {
	case string(r.Method) == "CONNECT":
		return ErrConnect
	case target[0] == '/':
	case len(target) == 1 && target[0] == '*' && string(r.Method) == "OPTIONS":
		r.Path = target
		return nil
	default:
		rest, ok := cutScheme(target)
		if !ok {
			return ErrTarget
		}
		end := bytes.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		r.Host, target = rest[:end:end], rest[end:]
		h.absolute = true
		if len(r.Host) == 0 || r.Host[0] == ':' || !validHost(r.Host) { // an empty host is invalid in http (RFC 9110 4.2.1)
			return ErrTarget
		}
	}
	if bytes.IndexByte(target, '#') >= 0 {
		return ErrTarget // a fragment is never sent (RFC 9110 7.1); some servers cut it off, others do not
	}
	r.Path = target
	if q := bytes.IndexByte(target, '?'); q >= 0 {
		r.Path, r.Query = target[:q:q], target[q+1:]
	}
	if len(r.Path) == 0 { // only in absolute form
		r.Path = []byte("/")
		if r.Query == nil && string(r.Method) == "OPTIONS" {
			r.Path = []byte("*") // RFC 9112 3.2.4
		}
	}
	return nil
}

func cutScheme(target []byte) (rest []byte, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) >= len(scheme) && equalFold(target[:len(scheme)], scheme) {
			return target[len(scheme):], true
		}
	}
	return nil, false
}
