package gateway

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"gw/protocol/control"
)

func TestRenewalLeavesAThirdOfALife(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for life, want := range map[time.Duration]time.Duration{90 * 24 * time.Hour: 60 * 24 * time.Hour, 6 * 24 * time.Hour: 4 * 24 * time.Hour} {
		if got := renewalOf(&x509.Certificate{NotBefore: begin, NotAfter: begin.Add(life)}).Sub(begin); got != want {
			t.Errorf("of %s: after %s, want %s", life, got, want)
		}
	}
}

func TestOrdersThatFailAreRepeatedLessAndLess(t *testing.T) {
	for failures, want := range []time.Duration{time.Minute, 8 * time.Minute, time.Hour, time.Hour, time.Hour} {
		if got := retryAfter(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

// acmeOf orders from an authority that nobody can reach.
func acmeOf(t *testing.T, domains ...string) *control.ACME {
	return &control.ACME{Domains: domains, Directory: "https://127.0.0.1:1/dir", CacheDir: t.TempDir()}
}

func TestIssuedCertificateIsLoadedAgain(t *testing.T) {
	a := acmeOf(t, "example.net", "example.com")
	s := startTLS(t, nil)
	i := &issuer{folder: issuerConfigOf(a).folder()}
	issued := s.authority.issue(9, "example.net")
	if err := save(i.path("example.net"), append(bytes.Clone(issued.Key), issued.Chain...)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(i.path("example.net")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.WriteFile(i.path("example.com"), []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configuration.Listeners[0].TLS.ACME = a
	s.configure()
	config := s.trust()
	config.ServerName = "example.net"
	for s.mustOver("http", &tls.Config{ServerName: "example.net", InsecureSkipVerify: true}).state().PeerCertificates[0].Subject.CommonName != "example.net" {
		// the issuer reads it on its own goroutine
	}
	s.mustOver("http", config)
	for !strings.Contains(s.log.String(), "Cannot use a certificate that was issued before") || !strings.Contains(s.log.String(), "Cannot get a certificate") {
		s.do(func() {})
	}
	s.mustOver("http", s.trust()) // those of files are there as before

	a.Domains = []string{"example.net"}
	s.configure()
	s.mustOver("http", config)
	s.configuration.Listeners[0].TLS.ACME = nil
	s.configure()
	s.do(func() {
		if n := len(s.loop.issuers.running); n != 0 {
			t.Errorf("%d issuers are left", n)
		}
	})
	if _, err := s.over("http", config); err == nil {
		t.Error("a certificate that is not configured any more is served")
	}
}

func TestChallengesAreAnswered(t *testing.T) {
	s := startTLS(t, func(s *secured, c *control.Configuration) {
		c.Listeners[0].TLS.ACME = acmeOf(t, "example.net")
		c.Listeners[0].TLS.ClientCertificates, c.Listeners[0].TLS.ClientCA = "require", s.authority.pem()
	})
	pair := keyPair(t, s.authority.issue(9, "example.net"))
	authority := &tls.Config{ServerName: "Example.net", InsecureSkipVerify: true, NextProtos: []string{acme.ALPNProto}}
	if _, err := s.over("http", authority); err == nil {
		t.Error("a challenge that nobody set was answered")
	}
	s.loop.challenges.setCertificate("example.net", &pair)
	c := s.mustOver("http", authority) // without a client certificate
	if c.state().NegotiatedProtocol != acme.ALPNProto || c.state().PeerCertificates[0].Subject.CommonName != "example.net" {
		t.Errorf("%+v", c.state())
	}
	c.eof()

	s.configuration.Listeners[0].TLS = nil
	s.configuration.Listeners[1].TLS.ACME = acmeOf(t, "example.net")
	s.configure()
	s.loop.challenges.setBody(challengePath+"token", "token.print")
	plain := s.dial("http")
	plain.write("GET " + challengePath + "token HTTP/1.1\r\nHost: example.net\r\n\r\n")
	plain.body("token.print")
}
