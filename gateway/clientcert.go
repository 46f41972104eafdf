package gateway

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"gw/protocol/http1"
)

// Fields that tell handlers of a client's certificate. Clients cannot send
// them: whatever has a name of this kind is taken out of requests.
const (
	subjectField     = "x-client-cert-subject"
	fingerprintField = "x-client-cert-fingerprint"
	identityPrefix   = "x-client-cert-"
)

// clientIdentity is a client's certificate, which one of client_ca signed.
type clientIdentity struct {
	fields [2]http1.Field
}

func newClientIdentity(c *x509.Certificate) *clientIdentity {
	sum := sha256.Sum256(c.Raw)
	return &clientIdentity{fields: [2]http1.Field{
		{Name: []byte(subjectField), Value: []byte(printable(c.Subject.String()))},
		{Name: []byte(fingerprintField), Value: []byte(hex.EncodeToString(sum[:]))},
	}}
}

// printable escapes what a header value must not have, as a name's text form
// does (RFC 4514 section 2.4).
func printable(subject string) string {
	var b strings.Builder
	for i := range len(subject) {
		if c := subject[i]; c < ' ' || c == 0x7f {
			b.WriteString(`\` + strings.ToUpper(hex.EncodeToString([]byte{c})))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// certify is the stage that puts the client's certificate into a request, and
// takes out what clients made up.
func (l *loop) certify(c *conn, r *http1.Request) bool {
	r.Fields = without(r.Fields, forged)
	if t := c.tls(); t != nil && t.identity != nil {
		r.Fields = append(r.Fields, t.identity.fields[:]...)
	}
	return false
}

// forged: handlers that read fields as CGI variables cannot tell _ from -.
func forged(name []byte) bool {
	if len(name) < len(identityPrefix) || name[0] != 'x' || name[2] != 'c' {
		return false
	}
	for i := range len(identityPrefix) {
		if b := name[i]; b != identityPrefix[i] && !(b == '_' && identityPrefix[i] == '-') {
			return false
		}
	}
	return true
}

// identityBlock is the same for connections of a protocol without headers.
func (c *conn) identityBlock() []byte {
	if t := c.tls(); t != nil && t.identity != nil {
		return http1.AppendFields(nil, t.identity.fields[:])
	}
	return nil
}
