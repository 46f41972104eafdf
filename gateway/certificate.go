package gateway

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"gw/protocol/control"
)

// tlsSettings are what handshakes of one listener go by.
//
// The first loop makes them, for all. The tls.Config stays the same as long as
// the listener's rules do, also over reloads: it has the keys of session
// tickets, which crypto/tls makes anew every day. When the rules change, a new one sees to it that nobody resumes a
// session that was made under the old ones.
type tlsSettings struct {
	rules  tlsRules
	acme   *control.ACME // nil: certificates come from the master only
	config *tls.Config
	table  atomic.Pointer[certificateTable] // handshakes read it on their goroutines
}

type tlsRules struct {
	minVersion, clientCertificates, clientCA, scheme string
	acme, http2                                      bool
}

// configureTLS sets what may change at a reload. Connections that are open, and
// handshakes under way, keep what they have.
func (l *loop) configureTLS(ln *listener, m *control.TLS) {
	if l.index > 0 { // the first loop has been there
		ln.tls = ln.share.tls
		return
	}
	defer func() { ln.share.tls = ln.tls }()
	if m == nil {
		ln.tls = nil
		return
	}
	rules := tlsRules{m.MinVersion, m.ClientCertificates, string(m.ClientCA), ln.scheme, m.ACME != nil, ln.http2 != nil}
	if ln.tls == nil || ln.tls.rules != rules {
		ln.tls = l.newTLSSettings(rules)
	}
	ln.tls.acme = m.ACME
	l.fillTable(ln, m.Certificates)
}

// fillTable gives a listener the certificates with these ids, and those that
// were issued for it.
func (l *loop) fillTable(ln *listener, ids []int) {
	table := newCertificateTable(ids)
	for _, id := range ids {
		if c := l.certificates[id]; c != nil {
			table.add(c)
		}
	}
	if a := ln.tls.acme; a != nil && l.issuers != nil {
		for _, domain := range a.Domains {
			if c := l.issuers.ready[issuerConfigOf(a)][domain]; c != nil {
				table.add(c)
			}
		}
	}
	ln.tls.table.Store(table)
}

func (l *loop) newTLSSettings(rules tlsRules) *tlsSettings {
	s := &tlsSettings{rules: rules}
	s.table.Store(newCertificateTable(nil))
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protocolsOf(rules),
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return s.table.Load().choose(hello) },
	}
	if rules.acme {
		c.GetConfigForClient = l.challenges.config
	}
	if rules.minVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	switch rules.clientCertificates {
	case "request":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if rules.clientCA != "" {
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AppendCertsFromPEM([]byte(rules.clientCA))
	}
	s.config = c
	return s
}

// protocolsOf is what a listener offers by ALPN (RFC 7301). The others have no
// registered names, and take whatever clients ask for.
func protocolsOf(rules tlsRules) []string {
	switch {
	case rules.scheme != "http" && rules.scheme != "websocket":
		return nil
	case rules.http2:
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}

// certificateTable finds the certificate for a client. It does not change.
type certificateTable struct {
	ids    []int // in the order of the configuration
	list   []*tls.Certificate
	byName map[string][]*tls.Certificate
}

func newCertificateTable(ids []int) *certificateTable {
	return &certificateTable{ids: ids, byName: make(map[string][]*tls.Certificate)}
}

func (t *certificateTable) add(c *tls.Certificate) {
	t.list = append(t.list, c)
	names := c.Leaf.DNSNames
	for _, address := range c.Leaf.IPAddresses {
		names = append(names, address.String())
	}
	if len(names) == 0 { // made by hand, long ago
		names = []string{c.Leaf.Subject.CommonName}
	}
	for _, name := range names {
		name = strings.ToLower(name)
		t.byName[name] = append(t.byName[name], c)
	}
}

var errNoCertificate = errors.New("no certificate for this listener yet")

// choose picks by the name the client asks for (RFC 6066 section 3): that very
// name, then a wildcard for it, then the first of all.
func (t *certificateTable) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	_, parent, _ := strings.Cut(name, ".")
	for _, candidates := range [...][]*tls.Certificate{t.byName[name], t.byName["*."+parent], t.list} {
		for _, c := range candidates {
			if hello.SupportsCertificate(c) == nil { // one host may have an ECDSA and an RSA certificate
				return c, nil
			}
		}
		if len(candidates) > 0 {
			return candidates[0], nil
		}
	}
	return nil, errNoCertificate
}

// takeCertificate puts a certificate into use, for new handshakes.
func (l *loop) takeCertificate(m *control.Certificate) {
	c, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil { // the master has tried it before
		l.log.Error("Cannot use a certificate: the one before stays", "file", m.File, "err", err)
		return
	}
	if len(m.Staple) > 0 {
		c.OCSPStaple = bytes.Clone(m.Staple)
	}
	l.certificates[m.ID] = &c
	for _, ln := range l.listeners {
		if ln.tls != nil && slices.Contains(ln.tls.table.Load().ids, m.ID) {
			l.fillTable(ln, ln.tls.table.Load().ids)
		}
	}
	l.log.Debug("Certificate is in use", "file", m.File, "names", c.Leaf.DNSNames, "until", c.Leaf.NotAfter)
}

// forgetCertificates lets go of what no listener names any more.
func (l *loop) forgetCertificates() {
	if l.index > 0 {
		return
	}
	used := make(map[int]bool)
	for _, ln := range l.listeners {
		if ln.tls != nil && !ln.closed {
			for _, id := range ln.tls.table.Load().ids {
				used[id] = true
			}
		}
	}
	for id := range l.certificates {
		if !used[id] {
			delete(l.certificates, id)
		}
	}
}
