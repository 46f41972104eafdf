package http1

// What a request head is made of when it did not come as the text of HTTP/1: HTTP/2 brings method, target and authority
// apart from the fields (RFC 9113 8.3.1). The rules are those of Parse.

// SetTarget takes over method, target and authority. The target is in origin form, or "*". An error is an *Error.
func (r *Request) SetTarget(method, target, authority []byte, maxTarget int) error {
	switch {
	case !ValidName(method):
		return ErrMethod
	case len(method) > maxMethod:
		return ErrMethodTooLong
	case maxTarget > 0 && len(target) > maxTarget:
		return ErrTargetTooLong
	case len(target) == 0 || targetEnd(target, 0) != len(target), target[0] != '/' && (string(target) != "*" || string(method) != "OPTIONS"):
		return ErrTarget
	case len(authority) == 0 || !validHost(authority):
		return ErrHost
	}
	r.Method, r.Target, r.Host = method, target, authority
	return r.parseTarget(&head{absolute: true})
}

// NoteContentLength reads the value of a content-length field; a second one is an error.
func (r *Request) NoteContentLength(value []byte) error { return r.noteContentLength(value) }

// NoteExpect reads the value of an expect field.
func (r *Request) NoteExpect(value []byte) error { return r.noteExpect(value) }

// ValidLowerName is ValidName for a name that must be in lower case, as all names of HTTP/2 are (RFC 9113 8.2.1).
func ValidLowerName(b []byte) bool {
	for _, c := range b {
		if lowerToken[c] != c || c == 0 {
			return false
		}
	}
	return len(b) > 0
}
