package gateway

import (
	"crypto/tls"
	"errors"
	"strings"
	"sync"

	"golang.org/x/crypto/acme"

	"gw/protocol/http1"
)

// challenges are what an ACME authority asks for at the moment. Issuers write
// them on goroutines of their own; handshakes read them on theirs, and the loops
// only for paths that begin with challengePath.
type challenges struct {
	mu           sync.Mutex
	certificates map[string]*tls.Certificate // tls-alpn-01, by host name (RFC 8737)
	bodies       map[string]string           // http-01, by path (RFC 8555 section 8.3)
}

const challengePath = "/.well-known/acme-challenge/"

// setCertificate answers for a host; nil ends that.
func (s *challenges) setCertificate(host string, c *tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil {
		delete(s.certificates, host)
		return
	}
	if s.certificates == nil {
		s.certificates = make(map[string]*tls.Certificate)
	}
	s.certificates[host] = c
}

// setBody answers for a path; "" ends that.
func (s *challenges) setBody(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if body == "" {
		delete(s.bodies, path)
		return
	}
	if s.bodies == nil {
		s.bodies = make(map[string]string)
	}
	s.bodies[path] = body
}

func (s *challenges) body(path []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[string(path)]
}

var errNoChallenge = errors.New("nobody asked for a certificate for this name")

func (s *challenges) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.certificates[strings.ToLower(hello.ServerName)]; c != nil {
		return c, nil
	}
	return nil, errNoChallenge
}

// config is what an authority gets that offers nothing but the protocol of the
// challenge; for all others it is nil. The listener's own rules do not hold for
// it: it has no client certificate.
func (s *challenges) config(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != acme.ALPNProto {
		return nil, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, GetCertificate: s.certificate, SessionTicketsDisabled: true}, nil
}

// answerChallenge is the stage that answers an authority. Whatever else has
// such a path goes its way.
func (l *loop) answerChallenge(c *conn, r *http1.Request) bool {
	if !strings.HasPrefix(string(r.Path), challengePath) {
		return false
	}
	body := l.challenges.body(r.Path)
	if body == "" {
		return false
	}
	reply := l.newReply(200)
	reply.add("content-type", "application/octet-stream")
	c.exchange.unread(r)
	l.replyWhole(c, reply, []byte(body))
	return true
}
