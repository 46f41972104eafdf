package gateway

import (
	"io"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"gw/protocol/control"
	"gw/protocol/http1"
)

// compression is how the answers of a listener are compressed.
type compression struct {
	encodings []http1.Encoding // in our order of preference
	types     []string         // "text/html", "text/*", "*+json"
	minBytes  int64
	level     level
	// private lets answers to requests with credentials be compressed too.
	private bool
}

// How a body is compressed as a whole or in parts: up to inlineBytes at once,
// some 0.3 ms at the fast level; longer ones in slices, one a turn of the loop
// and connection, and not more than turnBytes of all of them in one turn, so
// that other clients' answers go out between them.
const (
	inlineBytes = 32 << 10
	sliceBytes  = 16 << 10
	turnBytes   = 64 << 10
)

// configureCompression reads what the master has checked; nil: none.
func configureCompression(m *control.Compression) *compression {
	if m == nil {
		return nil
	}
	k := &compression{types: m.Types, minBytes: m.MinBytes, private: m.Private, level: levelNames[m.Level]}
	for _, name := range m.Encodings {
		if e, ok := http1.ParseEncoding(name); ok {
			k.encodings = append(k.encodings, e)
		}
	}
	return k
}

// notePreferences keeps what the client said about encodings: when the answer
// comes, its head is gone. It is a stage that never answers.
func (l *loop) notePreferences(c *conn, r *http1.Request) bool {
	k := c.listener.compression
	if k == nil {
		return false
	}
	e := c.exchange
	var p http1.Preferences
	for i := range r.Fields {
		switch f := &r.Fields[i]; string(f.Name) {
		case "accept-encoding":
			p.Note(f.Value)
		case "cookie", "authorization":
			e.credentials = true
		}
	}
	e.encoding = p.Choose(k.encodings)
	return false
}

// negotiate decides how the body of r is encoded. Where another client could
// get another encoding it tells caches so.
func (l *loop) negotiate(c *conn, r *reply) http1.Encoding {
	k, e := c.listener.compression, c.exchange
	switch {
	case k == nil || r.plain:
		return http1.Identity
	case r.status == 304: // the head of the answer that the client has (RFC 9110 section 15.4.5)
		r.vary("accept-encoding")
		if e.encoding != http1.Identity {
			r.weaken()
		}
		return http1.Identity
	case !k.suits(r):
		return http1.Identity
	}
	r.vary("accept-encoding")
	if e.credentials && !k.private && !r.hasToken("cache-control", "public") {
		return http1.Identity // see docs/http.md: BREACH
	}
	return e.encoding
}

// suits reports that r may be compressed for a client that likes it.
func (k *compression) suits(r *reply) bool {
	switch {
	case http1.HasNoBody(nil, r.status), r.status == 205, r.status == 206, r.length >= 0 && r.length < k.minBytes:
		return false
	}
	for i := range r.fields {
		f := &r.fields[i]
		switch len(f.Name) {
		case len("content-encoding"):
			if foldEqual(f.Name, "content-encoding") {
				return false
			}
		case len("cache-control"):
			if foldEqual(f.Name, "cache-control") && http1.HasToken(f.Value, "no-transform") {
				return false
			}
		case len("content-digest"):
			if foldEqual(f.Name, "content-digest") { // RFC 9530: of the bytes as they are sent
				return false
			}
		case len("repr-digest"):
			if foldEqual(f.Name, "repr-digest") {
				return false
			}
		}
	}
	return k.takes(r.field("content-type"))
}

// takes reports that a media type is among those to compress.
func (k *compression) takes(media []byte) bool {
	for i, c := range media {
		if c == ';' || c == ' ' || c == '\t' {
			media = media[:i]
			break
		}
	}
	for _, t := range k.types {
		switch n := len(t) - 1; {
		case n < 1:
		case t[0] == '*': // "*+json"
			if len(media) > n && foldEqual(media[len(media)-n:], t[1:]) {
				return true
			}
		case t[n] == '*': // "text/*"
			if len(media) > n && foldEqual(media[:n], t[:n]) {
				return true
			}
		case foldEqual(media, t):
			return true
		}
	}
	return false
}

// encoded says in the head that the body is in another encoding. A range of
// that cannot be had.
func (r *reply) encoded(encoding http1.Encoding) {
	r.add("content-encoding", encoding.String())
	r.remove("accept-ranges")
	r.weaken()
}

// weaken makes a strong ETag weak: it names the exact bytes, which are others
// now (RFC 9110 section 8.8.1).
func (r *reply) weaken() {
	if i := r.index("etag"); i >= 0 && len(r.fields[i].Value) > 0 && r.fields[i].Value[0] == '"' {
		r.fields[i].Value = r.compose("W/", string(r.fields[i].Value))
	}
}

// packWhole compresses a complete body that is worth it. later: it is answered
// in slices.
func (l *loop) packWhole(c *conn, r *reply, body []byte, encoding http1.Encoding) (packed []byte, later bool) {
	e := c.exchange
	if len(body) > inlineBytes || e.head {
		if !l.packStream(c, r, encoding) || e.head {
			return body, false
		}
		l.replyFrom(c, r, &sliced{rest: append([]byte(nil), body...)})
		return nil, true
	}
	p := l.packers.get(encoding, c.listener.compression.level, l.now)
	if p == nil {
		return body, false
	}
	packed = p.finish(body)
	l.packers.put(p)
	if len(packed) >= len(body) {
		return body, false
	}
	r.encoded(encoding)
	r.length = int64(len(packed))
	return packed, false
}

// packStream lets everything that writeBody gets from now on be compressed.
// false: it is not, because the client is of HTTP/1.0 and would have to take
// the end of the connection for the end of the body, or because too many are
// under way.
func (l *loop) packStream(c *conn, r *reply, encoding http1.Encoding) bool {
	e := c.exchange
	switch {
	case e.head: // the same head, but for a length that nobody knows
	case e.oldClient:
		return false
	default:
		if e.packer = l.packers.get(encoding, c.listener.compression.level, l.now); e.packer == nil {
			return false
		}
		e.packer.length = r.length
	}
	r.encoded(encoding)
	r.length = -1
	return true
}

// sliced is a body that is compressed piece by piece.
type sliced struct{ rest []byte }

func (s *sliced) fill(l *loop, c *conn) (done bool, err error) {
	if l.packers.turn != l.now {
		l.packers.turn, l.packers.bytes = l.now, 0
	}
	if l.packers.bytes >= turnBytes {
		l.touched(c) // in the next turn
		return false, nil
	}
	n := min(len(s.rest), sliceBytes)
	l.packers.bytes += n
	l.writeBody(c, s.rest[:n])
	s.rest = s.rest[n:]
	return len(s.rest) == 0, nil
}

func (s *sliced) close() {}

// level is how hard a packer tries.
type level uint8

const (
	levelFast level = iota
	levelBalanced
	levelSmall
	levels // how many there are
)

var levelNames = map[string]level{"fast": levelFast, "balanced": levelBalanced, "small": levelSmall}

// packer compresses one body after the other.
type packer struct {
	encoding http1.Encoding
	level    level
	w        compressor
	out      []byte // what w wrote
	length   int64  // of the body before, -1: not known
	next     *packer
}

type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// newPacker. The windows are small, and each works in the goroutine that calls
// it: all of this is memory for every body under way.
func newPacker(encoding http1.Encoding, n level) *packer {
	p := &packer{encoding: encoding, level: n}
	switch encoding {
	case http1.Gzip:
		p.w, _ = gzip.NewWriterLevel(p, [levels]int{1, 5, 8}[n])
	case http1.Brotli:
		p.w = brotli.NewWriterOptions(p, brotli.WriterOptions{Quality: [levels]int{2, 4, 6}[n], LGWin: 18})
	case http1.Zstd:
		// Not SpeedFastest: it takes columns of digits for incompressible and
		// sends them as they are, and is hardly faster.
		p.w, _ = zstd.NewWriter(p, zstd.WithEncoderLevel([levels]zstd.EncoderLevel{zstd.SpeedDefault, zstd.SpeedDefault, zstd.SpeedBetterCompression}[n]),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	}
	return p
}

// Write takes what the compressor has made.
func (p *packer) Write(b []byte) (int, error) {
	p.out = append(p.out, b...)
	return len(b), nil
}

// pack compresses the next piece of a body; with flush the client can read all
// of it at once. The result is valid until the next call. Nothing here fails:
// it all goes to memory.
func (p *packer) pack(b []byte, flush bool) []byte {
	p.out = p.out[:0]
	_, _ = p.w.Write(b)
	if flush {
		_ = p.w.Flush()
	}
	return p.out
}

// finish compresses the last piece.
func (p *packer) finish(b []byte) []byte {
	p.out = p.out[:0]
	_, _ = p.w.Write(b)
	_ = p.w.Close()
	return p.out
}

// packerStore bounds the packers: each holds around a MiB. Beyond maxPackers
// bodies go out uncompressed.
type packerStore struct {
	free  [4][levels]*packer
	spare int
	taken int
	used  time.Duration // loop time of the last get
	turn  time.Duration // loop time of bytes
	bytes int           // compressed in slices in this turn
}

const (
	maxPackers   = 32
	sparePackers = 4
	spareTime    = 30 * time.Second
)

// get returns a packer that begins anew, or nil.
func (s *packerStore) get(encoding http1.Encoding, n level, now time.Duration) *packer {
	if s.taken == maxPackers {
		return nil
	}
	s.taken++
	s.used = now
	p := s.free[encoding][n]
	if p == nil {
		return newPacker(encoding, n)
	}
	s.free[encoding][n], p.next = p.next, nil
	s.spare--
	return p
}

func (s *packerStore) put(p *packer) {
	s.taken--
	if s.spare == sparePackers {
		return
	}
	p.w.Reset(p)
	if cap(p.out) > 2*inlineBytes {
		p.out = nil // else it stays: what finish returned is read after put
	}
	p.next = s.free[p.encoding][p.level]
	s.free[p.encoding][p.level] = p
	s.spare++
}

// trim gives memory back that nobody needed for a while.
func (s *packerStore) trim(now time.Duration) {
	if s.spare > 0 && now-s.used > spareTime {
		s.free, s.spare = [4][levels]*packer{}, 0
	}
}
