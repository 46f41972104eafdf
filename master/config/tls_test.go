package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// pairIn writes name.pem and name.key into dir, valid until the given time.
func pairIn(t *testing.T, dir, name string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".pem"), block("CERTIFICATE", der), 0o644)
	write(t, filepath.Join(dir, name+".key"), block("PRIVATE KEY", secret), 0o600)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// tlsFolder has certificates a and b, one that expired, and files that are none.
func tlsFolder(t *testing.T) string {
	dir := t.TempDir()
	pairIn(t, dir, "a", time.Now().Add(30*time.Minute))
	pairIn(t, dir, "b", time.Now().Add(30*time.Minute))
	pairIn(t, dir, "old", time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC))
	write(t, filepath.Join(dir, "locked.key"), block("ENCRYPTED PRIVATE KEY", []byte("x")), 0o600)
	write(t, filepath.Join(dir, "empty.pem"), "", 0o644)
	write(t, filepath.Join(dir, "broken.pem"), block("CERTIFICATE", []byte("x")), 0o644)
	write(t, filepath.Join(dir, "large.pem"), strings.Repeat("x", maxPEM+1), 0o644)
	good, err := asn1.Marshal(struct{ Status asn1.Enumerated }{0})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "good.ocsp"), string(good), 0o644)
	write(t, filepath.Join(dir, "bad.ocsp"), "-----BEGIN OCSP RESPONSE-----", 0o644)
	return dir
}

func loadTLS(t *testing.T, dir, block string) (*Config, error) {
	t.Helper()
	path := filepath.Join(dir, "gw.yaml")
	write(t, path, "pools:\n  web: {command: [true]}\nlisteners:\n  - {listen: 'http://:80', tls: "+block+"}\n", 0o644)
	return Load(path)
}

func TestTLSFaults(t *testing.T) {
	dir := tlsFolder(t)
	const in = " in tls of listener http://:80"
	for _, c := range []struct{ name, block, want string }{
		{"empty", "{}", ":4:33: tls in listener http://:80 has no certificate: write certificate: and key:, or acme: {domains: [example.com]}"},
		{"a text", "a.pem", ":4:33: tls in listener http://:80 must be a mapping, not \"a.pem\": write tls: {certificate: example.com.pem, key: example.com.key}"},
		{"misspelt", "{certficate: a.pem, key: a.key}", ":4:33: there is no certificate" + in + ": write certificate: and its file\n:4:34: unknown key \"certficate\"" + in + ": did you mean \"certificate\"?"},
		{"no key", "{certificate: a.pem}", ":4:33: there is no key" + in + ": write key: and its file"},
		{"no file", "{certificate: x.pem, key: a.key}", ":4:47: certificate" + in + ": DIR/x.pem: there is no such file: check the path"},
		{"a folder", "{certificate: ., key: a.key}", ":4:47: certificate" + in + ": DIR: is not a file"},
		{"not PEM", "{certificate: empty.pem, key: a.key}", ":4:47: certificate" + in + ": DIR/empty.pem: holds no certificate in PEM form: it must have a line -----BEGIN CERTIFICATE-----"},
		{"not a certificate", "{certificate: broken.pem, key: a.key}", ":4:47: certificate" + in + ": DIR/broken.pem: x509: malformed certificate"},
		{"too large", "{certificate: large.pem, key: a.key}", ":4:47: certificate" + in + ": DIR/large.pem: is larger than 32KiB"},
		{"swapped", "{certificate: a.key, key: a.pem}", ":4:47: certificate" + in + ": DIR/a.key: holds a private key where a certificate belongs"},
		{"another key", "{certificate: a.pem, key: b.key}", ":4:59: key" + in + ": DIR/b.key: the key does not belong to the certificate DIR/a.pem: name the key that the certificate was made with"},
		{"key with a password", "{certificate: a.pem, key: locked.key}", ":4:59: key" + in + ": DIR/locked.key: the key has a password, and gw cannot ask for it: write it without one: openssl pkey -in DIR/locked.key -out FILE"},
		{"staple", "{certificate: a.pem, key: a.key, ocsp_staple: bad.ocsp}", ":4:79: ocsp_staple" + in + ": DIR/bad.ocsp: is not a good OCSP answer: it must be DER, not PEM"},
		{"old version", "{certificate: a.pem, key: a.key, min_version: 1.1}", ":4:79: min_version" + in + " must be 1.2 or 1.3, not \"1.1\": did you mean \"1.2\"?"},
		{"clients' certificates without an authority", "{certificate: a.pem, key: a.key, client_certificates: require}", ":4:87: client_certificates" + in + " needs a client_ca: write client_ca: and the file of the authority that signs them"},
		{"an authority for nothing", "{certificate: a.pem, key: a.key, client_ca: b.pem}", ":4:77: client_ca" + in + " is of no use while clients are not asked for certificates: write client_certificates: require, or request"},
		{"an authority without a file", "{certificate: a.pem, key: a.key, client_certificates: require, client_ca: x}", ":4:107: client_ca" + in + ": DIR/x: there is no such file: check the path"},
		{"certificates empty", "{certificates: []}", ":4:48: certificates" + in + " is empty: write certificates: [{certificate: example.com.pem, key: example.com.key}]"},
		{"one of several", "{certificates: [{certificate: a.pem, key: a.key}, {certificate: b.pem, key: a.key}]}", ":4:109: key in a certificate in tls of listener http://:80: DIR/a.key: the key does not belong to the certificate DIR/b.pem: name the key that the certificate was made with"},
		{"acme without domains", "{acme: {email: a@b.c}}", ":4:40: there are no domains in acme" + in + ": write domains: [example.com]"},
		{"acme with a wildcard", "{acme: {domains: ['*.example.com']}}", ":4:51: domains in acme" + in + ": \"*.example.com\" is a wildcard, which takes a challenge in the DNS: name the hosts one by one"},
		{"acme with an address", "{acme: {domains: 192.0.2.1}}", ":4:50: domains in acme" + in + ": \"192.0.2.1\" is not a host name that an authority can check: write a name such as example.com"},
		{"acme over http", "{acme: {domains: example.com, directory: 'http://ca'}}", ":4:74: directory in acme" + in + " must be an https address, not \"http://ca\": write such as " + letsEncrypt},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadTLS(t, dir, c.block)
			if err == nil {
				t.Fatal("no fault")
			}
			got := strings.ReplaceAll(strings.ReplaceAll(err.Error(), filepath.Join(dir, "gw.yaml"), ""), dir, "DIR")
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestTLSFIFOIsNotWaitedFor(t *testing.T) {
	if _, err := readSmall("/dev/zero"); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Error(err)
	}
}

func TestExpiredCertificateIsAWarning(t *testing.T) {
	c, err := loadTLS(t, tlsFolder(t), "{certificate: old.pem, key: old.key}")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Message, "expired on 2020-02-03") || c.Warnings[0].Line != 4 || c.Warnings[0].Column != 47 {
		t.Errorf("%+v", c.Warnings)
	}
}

func TestEffectiveTLSReadsBackAndHoldsNoKey(t *testing.T) {
	dir := tlsFolder(t)
	c, err := loadTLS(t, dir, `{certificate: a.pem, key: a.key, ocsp_staple: good.ocsp, certificates: [{certificate: b.pem, key: b.key}],
    min_version: 1.3, client_certificates: request, client_ca: a.pem, acme: {domains: [Example.com, www.example.com], email: a@b.c, ca_file: b.pem}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &TLS{
		Certificates: []Certificate{{File: filepath.Join(dir, "a.pem"), Key: filepath.Join(dir, "a.key"), Staple: filepath.Join(dir, "good.ocsp")},
			{File: filepath.Join(dir, "b.pem"), Key: filepath.Join(dir, "b.key")}},
		MinVersion: "1.3", ClientCertificates: "request", ClientCA: filepath.Join(dir, "a.pem"),
		ACME: &ACME{Domains: []string{"example.com", "www.example.com"}, Email: "a@b.c", Directory: letsEncrypt, CAFile: filepath.Join(dir, "b.pem"),
			CacheDir: hostSystem().diskPaths(c.File).acmeDir()},
	}
	if !reflect.DeepEqual(c.Listeners[0].TLS, want) {
		t.Errorf("%+v", c.Listeners[0].TLS)
	}
	text := c.Effective()
	if bytes.Contains(text, []byte("BEGIN")) {
		t.Errorf("a key is shown:\n%s", text)
	}
	if err := os.WriteFile(c.File, text, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Load(c.File)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(again.Listeners, c.Listeners) {
		t.Errorf("not read back:\n%s", text)
	}
}
