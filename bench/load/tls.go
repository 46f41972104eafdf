package load

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
)

// Resting is a protocol whose Greet makes the one request of an idle connection
// too: what it says is sealed, and only Greet has the keys.
type Resting interface {
	Protocol
	rests()
}

// TLS is hello inside TLS 1.3, for connections that rest.
type TLS struct {
	*HTTP
	config *tls.Config
}

// NewTLS asks as [NewHello] does.
func NewTLS() *TLS {
	return &TLS{HTTP: NewHello(), config: &tls.Config{InsecureSkipVerify: true}} // the server's certificate signed itself
}

func (t *TLS) rests() {}

// Greet makes the handshake and one request.
func (t *TLS) Greet(c io.ReadWriter) error {
	secure := tls.Client(unclosed{ReadWriter: c}, t.config)
	if err := secure.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	if _, err := secure.Write(t.Request(0)); err != nil {
		return err
	}
	var data []byte
	for chunk := make([]byte, 1<<10); ; {
		n, err := secure.Read(chunk)
		if err != nil {
			return err
		}
		data = append(data, chunk[:n]...)
		if a, err := t.Answer(data, 0); err != nil || a.Done {
			return err
		}
	}
}

// unclosed is a connection as far as crypto/tls needs one.
type unclosed struct {
	net.Conn
	io.ReadWriter
}

func (c unclosed) Read(b []byte) (int, error)  { return c.ReadWriter.Read(b) }
func (c unclosed) Write(b []byte) (int, error) { return c.ReadWriter.Write(b) }
