package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"
)

// requester is one HTTP client.
type requester struct {
	w      *world
	rand   *rand.Rand
	name   string // begins its tokens
	number int
	conn   *httpConn
}

// next numbers a request to some pool.
func (q *requester) next(method, what string) *request {
	q.number++
	pool := poolNames[q.rand.IntN(len(poolNames))]
	return &request{pool: pool, method: method, path: "/" + pool + what, token: fmt.Sprintf("%s-%d", q.name, q.number)}
}

// small is a short request that is answered with its body.
func (q *requester) small() *request {
	r := q.next("GET", "/echo")
	if q.rand.IntN(3) == 0 {
		r.method = "POST"
		r.body = filler(q.rand, q.rand.IntN(2000))
		r.want = r.body
		r.chunked = q.rand.IntN(4) == 0
	}
	if q.rand.IntN(10) == 0 {
		r.query = fmt.Sprintf("&nap=%d", 5+q.rand.IntN(50))
	}
	return r
}

// upload is a long body; every other one may be repeated.
func (q *requester) upload() *request {
	r := q.next([]string{"POST", "PUT"}[q.rand.IntN(2)], "/upload")
	r.body = filler(q.rand, 1000+q.rand.IntN(2<<20))
	r.pieces, r.pause = 1+q.rand.IntN(20), time.Duration(q.rand.IntN(20))*time.Millisecond
	r.chunked = q.rand.IntN(3) == 0
	r.want = fmt.Appendf(nil, "%d %08x", len(r.body), crc32.ChecksumIEEE(r.body))
	return r
}

// big is a long answer that is read slowly, in up to four seconds.
func (q *requester) big() *request {
	r := q.next("GET", "/big")
	size := 1 + q.rand.IntN(biggest)
	if q.rand.IntN(3) == 0 {
		r.path, size = "/"+r.pool+"/whole", 1+q.rand.IntN(250<<10)
		r.want = bytes.Repeat([]byte("a"), size)
	} else {
		r.want = pattern[:size]
	}
	r.query = fmt.Sprintf("&size=%d", size)
	r.streamed = true
	r.pause = time.Duration(q.rand.Int64N(int64(4*time.Second))) / time.Duration(size/slowly+1)
	return r
}

// biggest is beyond what the kernel takes for a client that reads slowly: the
// worker feels it.
const biggest = 12 << 20

// pattern is what the handlers stream.
var pattern = func() []byte {
	b := make([]byte, biggest)
	for i := range b {
		b[i] = byte('a' + i/8192%26)
	}
	return b
}()

// filler is text without an end of line.
func filler(r *rand.Rand, size int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, size)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return b
}

// run sends what make makes, until the end of the run: up to depth requests at
// once, over one connection or over one each.
func (q *requester) run(ctx context.Context, make func() *request, keep bool, depth int, pause time.Duration) {
	defer q.leave()
	for sleep(ctx, time.Duration(float64(pause)*(0.5+q.rand.Float64()))) {
		batch := []*request{make()}
		for range q.rand.IntN(depth) {
			batch = append(batch, make())
		}
		q.exchange(batch, keep)
		if !keep {
			q.leave()
		}
	}
}

func (q *requester) leave() {
	if q.conn != nil {
		q.conn.close()
		q.conn = nil
	}
}

// exchange writes the requests, then reads the answers.
func (q *requester) exchange(batch []*request, keep bool) {
	q.w.ledger.add(sent, len(batch))
	for _, r := range batch {
		r.promised = q.w.deploy.promised.Load()
		r.sentAt = time.Now()
	}
	if q.conn == nil {
		conn, err := dialHTTP(q.w.gw.site.addresses["http"])
		if err != nil {
			q.w.ledger.blame(lost, len(batch), "connect: %v\n   around: %s", err, q.w.around())
			time.Sleep(time.Second)
			return
		}
		q.conn = conn
		if batch[0].streamed {
			narrow(conn.conn)
		}
	}
	// A failed write is told by the read: the answer may have come before.
	for i, r := range batch {
		if q.conn.write(r, !keep && i == len(batch)-1) != nil {
			break
		}
	}
	q.readAll(batch)
}

func (q *requester) readAll(batch []*request) {
	h := q.conn
	for i, r := range batch {
		status, body, open, err := h.read(r)
		q.w.outcome(h, r, status, body, err)
		if !open {
			q.leave()
			for _, unread := range batch[i+1:] {
				q.w.outcome(h, unread, 0, nil, fmt.Errorf("the connection ended %d answers before", i+1))
			}
			return
		}
	}
}
