package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reset is an end by RST, which may destroy an answer on its way (RFC 9112
// section 9.6).
const reset Ending = "reset"

// probe is the request that shows whether a connection is still of use.
const (
	probe     = "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"
	probeSeen = "GET /probe probe"
)

// Observation is what a server did.
type Observation struct {
	Answers []Response
	Ending  Ending
	Fault   string // an answer that was no HTTP
}

// Response is one answer as it came.
type Response struct {
	Status int
	Fields []string // "name: value", names lower-case
	Body   string
}

// Play is how a vector is played.
type Play struct {
	Network, Address string
	// Patience bounds every wait: a server that says nothing for so long says
	// nothing.
	Patience time.Duration
	Apart    bool // every byte in a segment of its own
}

// Observe plays a vector to a server.
func (how Play) Observe(v Vector) (Observation, error) {
	conn, err := net.DialTimeout(how.Network, how.Address, how.Patience)
	if err != nil {
		return Observation{}, err
	}
	defer conn.Close()
	p := &player{Play: how, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), want: v.Outcomes[0]}
	p.play(v.Steps)
	return p.seen, nil
}

// player is one conversation.
type player struct {
	Play
	conn net.Conn
	in   *bufio.Reader
	want Outcome // how many answers to read before the probe, and which have no body
	seen Observation
}

func (p *player) play(steps []Step) {
	for _, step := range steps {
		switch {
		case step.Await:
			if !p.read() {
				return
			}
		case step.End:
			p.conn.(interface{ CloseWrite() error }).CloseWrite()
		default:
			p.send(step.Send)
		}
	}
	for p.want.Ending != Keep || !p.complete() {
		if !p.read() {
			break
		}
	}
	if p.seen.Ending == "" || p.seen.Ending == Wait {
		p.probe()
	}
}

// complete reports that as many requests were answered as the vector has.
// Whether 100 (Continue) came before is for the judge.
func (p *player) complete() bool {
	final, wanted := 0, 0
	for _, r := range p.seen.Answers {
		if r.Status >= 200 {
			final++
		}
	}
	for _, a := range p.want.Answers {
		if a.Statuses[0][0] != '1' {
			wanted++
		}
	}
	return final >= wanted
}

// send writes. A server may close before it has read everything: its answer
// tells, not the error here.
func (p *player) send(b []byte) {
	p.conn.SetWriteDeadline(time.Now().Add(p.Patience))
	if !p.Apart {
		p.conn.Write(b)
		return
	}
	for i := range b { // Go sets TCP_NODELAY
		if _, err := p.conn.Write(b[i : i+1]); err != nil {
			return
		}
	}
}

// read takes one answer. false: there was none, and Ending says why.
func (p *player) read() bool {
	p.conn.SetReadDeadline(time.Now().Add(p.Patience))
	r, err := readResponse(p.in, p.headOnly())
	if err == nil {
		p.seen.Answers = append(p.seen.Answers, r)
		return true
	}
	p.seen.Ending = ending(err)
	if p.seen.Ending == "" {
		p.seen.Ending, p.seen.Fault = Close, err.Error()
	}
	return false
}

// headOnly: an answer to HEAD has a length but no body, so the vector says it.
func (p *player) headOnly() bool {
	n := len(p.seen.Answers)
	return n < len(p.want.Answers) && p.want.Answers[n].HeadOnly
}

func ending(err error) Ending {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		return Close
	case errors.Is(err, syscall.ECONNRESET):
		return reset
	case errors.As(err, &timeout) && timeout.Timeout():
		return Wait
	}
	return ""
}

// probe asks one more thing. Only its own answer counts as an open connection.
func (p *player) probe() {
	p.seen.Ending = ""
	p.conn.SetWriteDeadline(time.Now().Add(p.Patience))
	if _, err := io.WriteString(p.conn, probe); err != nil {
		p.seen.Ending = ending(err)
		return
	}
	if !p.read() {
		return
	}
	last := p.seen.Answers[len(p.seen.Answers)-1]
	if last.Status == 200 && last.Body == probeSeen {
		p.seen.Answers = p.seen.Answers[:len(p.seen.Answers)-1]
		p.seen.Ending = Keep
		return
	}
	for p.read() {
	}
}

var errNotHTTP = errors.New("the answer is not HTTP/1.1")

// readResponse reads one answer, strictly enough to notice a server that
// answers out of frame.
func readResponse(in *bufio.Reader, headOnly bool) (Response, error) {
	var r Response
	line, err := readLine(in)
	if err != nil {
		return r, err
	}
	if !strings.HasPrefix(line, "HTTP/1.") || len(line) < len("HTTP/1.1 200") {
		return r, fmt.Errorf("%w: %.60q", errNotHTTP, line)
	}
	if r.Status, err = strconv.Atoi(line[9:12]); err != nil {
		return r, fmt.Errorf("%w: %.60q", errNotHTTP, line)
	}
	for {
		if line, err = readLine(in); err != nil {
			return r, unexpected(err)
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return r, fmt.Errorf("%w: field %.60q", errNotHTTP, line)
		}
		r.Fields = append(r.Fields, strings.ToLower(name)+": "+strings.TrimSpace(value))
	}
	if headOnly || r.Status < 200 || r.Status == 204 || r.Status == 304 {
		return r, nil
	}
	r.Body, err = r.readBody(in)
	return r, unexpected(err)
}

// unexpected: an end in the middle of an answer is not the end of the
// connection after one.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends early", errNotHTTP)
	}
	return err
}

func (r *Response) readBody(in *bufio.Reader) (string, error) {
	if r.has("transfer-encoding: chunked") {
		return readChunks(in)
	}
	for _, f := range r.Fields {
		if text, ok := strings.CutPrefix(f, "content-length: "); ok {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return "", fmt.Errorf("%w: %s", errNotHTTP, f)
			}
			b := make([]byte, n)
			_, err = io.ReadFull(in, b)
			return string(b), err
		}
	}
	b, err := io.ReadAll(in)
	return string(b), err
}

func readChunks(in *bufio.Reader) (string, error) {
	var b bytes.Buffer
	for {
		line, err := readLine(in)
		if err != nil {
			return "", err
		}
		n, err := strconv.ParseInt(line, 16, 32)
		if err != nil {
			return "", fmt.Errorf("%w: chunk %.60q", errNotHTTP, line)
		}
		if _, err := io.CopyN(&b, in, n); err != nil {
			return "", err
		}
		if line, err = readLine(in); err != nil || line != "" {
			return "", fmt.Errorf("%w: chunk end %.60q %w", errNotHTTP, line, err)
		}
		if n == 0 {
			return b.String(), nil
		}
	}
}

func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		if line != "" && errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%w: %.60q", errNotHTTP, line)
		}
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
