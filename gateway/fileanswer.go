package gateway

import (
	"math/rand/v2"
	"strconv"
	"time"

	"gw/protocol/http1"
	"gw/protocol/resource"
)

// An answer with a file, whoever named it: a client's path or a handler.

// noteCondition takes in a field that sets a condition or asks for ranges.
func noteCondition(q *resource.Conditions, name, value []byte) {
	switch len(name) {
	case len("range"):
		if string(name) == "range" {
			noteSingle(&q.Range, value)
		}
	case len("if-match"):
		switch string(name) {
		case "if-match":
			noteList(&q.IfMatch, value)
		case "if-range":
			noteSingle(&q.IfRange, value)
		}
	case len("if-none-match"):
		if string(name) == "if-none-match" {
			noteList(&q.IfNoneMatch, value)
		}
	case len("if-modified-since"):
		if string(name) == "if-modified-since" {
			noteSingle(&q.IfModifiedSince, value)
		}
	case len("if-unmodified-since"):
		if string(name) == "if-unmodified-since" {
			noteSingle(&q.IfUnmodifiedSince, value)
		}
	}
}

// noteSingle: two lines of a field that has one value are not valid, and so
// ignored as an empty one is.
func noteSingle(at *[]byte, value []byte) {
	if *at != nil || value == nil {
		value = []byte{}
	}
	*at = value
}

func noteList(at *[]byte, value []byte) {
	if *at != nil {
		value = append(append(append([]byte{}, *at...), ','), value...)
	} else if value == nil {
		value = []byte{}
	}
	*at = value
}

// addValidators puts what identifies the file's content into the head, unless
// a handler has put its own there (RFC 9110 section 8.8).
func (l *loop) addValidators(r *reply, rep *resource.Representation, f *openFile, now time.Time) {
	if rep.ETag = r.field("etag"); rep.ETag == nil {
		fresh := now.UnixNano()-(f.seconds*1e9+f.nanos) < int64(time.Second)
		l.etag = resource.AppendETag(l.etag[:0], f.inode, f.size, f.seconds*1e9+f.nanos, fresh)
		rep.ETag = l.etag
		r.fields = append(r.fields, http1.Field{Name: view("etag"), Value: l.etag})
	}
	if own := r.field("last-modified"); own != nil {
		rep.Modified, _ = resource.ParseDate(own, now.Unix())
	} else if f.seconds > 0 {
		rep.Modified = min(f.seconds, now.Unix()) // never in the future (section 8.8.2.1)
		l.modified = resource.AppendDate(l.modified[:0], rep.Modified)
		r.fields = append(r.fields, http1.Field{Name: view("last-modified"), Value: l.modified})
	}
	if r.field("accept-ranges") == nil {
		r.add("accept-ranges", "bytes")
	}
}

// answerFile judges the conditions and sends the file, or what of it is asked for.
func (l *loop) answerFile(c *conn, r *reply, s *fileSource, q *resource.Conditions, rep *resource.Representation, get bool, now int64) {
	status, ranges := q.Judge(rep, get, now, s.room[:0])
	switch status {
	case 304:
		r.status = 304
		for _, name := range [...]string{"content-type", "content-encoding", "content-language", "content-disposition", "accept-ranges"} {
			r.remove(name)
		}
		s.close()
		l.replyWhole(c, r, nil)
	case 412:
		s.close()
		l.answer(c, 412, "the file is not the one that the request is about")
	case 416:
		size := s.size
		s.close()
		l.span = resource.AppendUnsatisfied(l.span[:0], size)
		r = l.newReply(416)
		r.fields = append(r.fields, http1.Field{Name: view("content-range"), Value: l.span})
		r.add("content-type", "text/plain; charset=utf-8")
		l.replyWhole(c, r, view("416 Range Not Satisfiable: the file ends before\n"))
	case 206:
		l.answerRanges(c, r, s, ranges)
	default:
		r.length = s.size
		s.begin(resource.Range{Length: s.size})
		l.replyFrom(c, r, s)
	}
}

// answerRanges sends parts (RFC 9110 section 15.3.7): one as it is, several in
// a multipart body.
func (l *loop) answerRanges(c *conn, r *reply, s *fileSource, ranges []resource.Range) {
	r.status = 206
	if len(ranges) == 1 {
		l.span = resource.AppendContentRange(l.span[:0], ranges[0], s.size)
		r.fields = append(r.fields, http1.Field{Name: view("content-range"), Value: l.span})
		r.length = ranges[0].Length
		s.begin(ranges[0])
		l.replyFrom(c, r, s)
		return
	}
	s.mediaType = string(r.field("content-type"))
	s.boundary = "gw" + strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
	s.parts = ranges
	r.remove("content-type")
	r.add("content-type", "multipart/byteranges; boundary="+s.boundary)
	r.length = resource.MultipartLength(s.boundary, s.mediaType, ranges, s.size)
	l.replyFrom(c, r, s)
}
