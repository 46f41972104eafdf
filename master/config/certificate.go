package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxPEM bounds each file of a certificate. Certificate, key and OCSP answer
// travel to the gateway in one packet of 128 KiB, and a long chain has 10 KiB.
const maxPEM = 32 * kib

// Certificate names the files of one certificate.
type Certificate struct {
	File   string // PEM, the leaf first, then its intermediates
	Key    string // PEM, without a password
	Staple string // DER of an OCSP answer; empty: none is sent
}

// KeyPair is what the files of a Certificate hold. It must not be logged.
type KeyPair struct {
	Chain, Key, Staple []byte
	Leaf               *x509.Certificate
}

// Equal reports that two hold the same.
func (p *KeyPair) Equal(other *KeyPair) bool {
	return p != nil && other != nil && bytes.Equal(p.Chain, other.Chain) && bytes.Equal(p.Key, other.Key) && bytes.Equal(p.Staple, other.Staple)
}

// FileError is what is wrong with a file, and with which one.
type FileError struct {
	Path string
	What string // "there is no such file"
	Hint string
}

func (e *FileError) Error() string {
	text := e.Path + ": " + e.What
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Read loads the files and checks that they belong together. The error is a
// *FileError. Whether the certificate is still valid is the caller's business:
// an expired one is better than none.
func (c Certificate) Read() (*KeyPair, error) {
	p := new(KeyPair)
	var err error
	if p.Chain, err = readPEM(c.File, "CERTIFICATE"); err != nil {
		return nil, err
	}
	if p.Key, err = readPEM(c.Key, "PRIVATE KEY"); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(p.Chain, p.Key)
	if err != nil {
		return nil, keyFault(c, err)
	}
	p.Leaf = pair.Leaf
	if c.Staple != "" {
		p.Staple, err = readStaple(c.Staple)
	}
	return p, err
}

func keyFault(c Certificate, err error) error {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	if strings.Contains(text, "private key") && strings.Contains(text, "not match") {
		return &FileError{Path: c.Key, What: "the key does not belong to the certificate " + c.File, Hint: "name the key that the certificate was made with"}
	}
	return &FileError{Path: c.File, What: text}
}

// ReadCertificates loads a file of CA certificates.
func ReadCertificates(path string) ([]byte, error) {
	text, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return nil, &FileError{Path: path, What: "holds no certificate that can be read"}
	}
	return text, nil
}

// readPEM loads a file that has a block whose type ends with kind.
func readPEM(path, kind string) ([]byte, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	var seen string
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, &FileError{Path: path, What: "the key has a password, and gw cannot ask for it", Hint: "write it without one: openssl pkey -in " + path + " -out FILE"}
		case strings.HasSuffix(block.Type, kind):
			return text, nil
		}
		seen = block.Type
	}
	if seen != "" {
		return nil, &FileError{Path: path, What: fmt.Sprintf("holds a %s where a %s belongs", strings.ToLower(seen), strings.ToLower(kind))}
	}
	return nil, &FileError{Path: path, What: "holds no " + strings.ToLower(kind) + " in PEM form", Hint: "it must have a line -----BEGIN " + kind + "-----"}
}

// readSmall never waits: what a FIFO or a device holds is not a file.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{Path: path, What: "is not a file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(text) > maxPEM {
		return nil, &FileError{Path: path, What: "is larger than " + showSize(maxPEM)}
	}
	return text, nil
}

func unreadable(path string, err error) error {
	e := &FileError{Path: path, What: "cannot read it: " + err.Error()}
	var reason *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.What, e.Hint = "there is no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.What, e.Hint = "cannot read it: permission denied", "gw start reads it as the user who starts gw: run gw check as that user"
	case errors.As(err, &reason):
		e.What = "cannot read it: " + reason.Err.Error()
	}
	return e
}

// readStaple loads an OCSP answer (RFC 6960 section 4.2.1).
func readStaple(path string) ([]byte, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status asn1.Enumerated
		Bytes  asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	if rest, err := asn1.Unmarshal(text, &answer); err != nil || len(rest) > 0 || answer.Status != 0 {
		hint := "openssl ocsp ... -respout FILE writes one"
		if bytes.Contains(text, []byte("-----BEGIN")) {
			hint = "it must be DER, not PEM"
		}
		return nil, &FileError{Path: path, What: "is not a good OCSP answer", Hint: hint}
	}
	return text, nil
}

// Doubt says what clients will not like about a certificate that can be used;
// "" when there is nothing.
func Doubt(leaf *x509.Certificate, now time.Time) string {
	switch {
	case now.After(leaf.NotAfter):
		return "expired on " + leaf.NotAfter.Format(time.DateOnly)
	case now.Before(leaf.NotBefore):
		return "is not valid before " + leaf.NotBefore.Format(time.DateOnly)
	}
	return ""
}
