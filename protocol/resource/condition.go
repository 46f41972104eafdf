package resource

// Conditions are the fields of a request that decide how much of a
// representation is sent. nil: the field is absent. Several lines of If-Match
// or If-None-Match come joined with commas.
type Conditions struct {
	IfMatch, IfUnmodifiedSince, IfNoneMatch, IfModifiedSince, IfRange, Range []byte
}

// Representation is what would be sent.
type Representation struct {
	ETag     []byte // nil: none
	Modified int64  // seconds since 1970; 0: not known
	Size     int64
}

// Judge decides how a GET, or a HEAD, is answered: 200, 206 with the ranges to
// send, 304, 412 or 416. The order is that of RFC 9110 section 13.2.2. Ranges
// are appended to reuse[:0].
func (q *Conditions) Judge(r *Representation, get bool, now int64, reuse []Range) (status int, ranges []Range) {
	switch {
	case q.IfMatch != nil:
		if !listed(q.IfMatch, r.ETag, true) {
			return 412, nil
		}
	case q.IfUnmodifiedSince != nil:
		if limit, ok := ParseDate(q.IfUnmodifiedSince, now); ok && r.Modified != 0 && r.Modified > limit {
			return 412, nil
		}
	}
	switch {
	case q.IfNoneMatch != nil:
		if listed(q.IfNoneMatch, r.ETag, false) {
			return 304, nil
		}
	case q.IfModifiedSince != nil:
		if since, ok := ParseDate(q.IfModifiedSince, now); ok && r.Modified != 0 && r.Modified <= since {
			return 304, nil
		}
	}
	// Only GET has ranges (section 14.2).
	if !get || q.Range == nil || q.IfRange != nil && !q.unchanged(r, now) {
		return 200, nil
	}
	return parseRanges(q.Range, r.Size, reuse[:0])
}

// unchanged evaluates If-Range (RFC 9110 section 13.1.5): what the client has
// a part of must be the same byte for byte, so a weak validator never does.
func (q *Conditions) unchanged(r *Representation, now int64) bool {
	if ValidETag(q.IfRange) {
		return sameTag(q.IfRange, r.ETag, true)
	}
	date, ok := ParseDate(q.IfRange, now)
	// Section 8.8.2.2: a date is strong when it is past by a second at least.
	return ok && r.Modified != 0 && date == r.Modified && now-date >= 1
}
