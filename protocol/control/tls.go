package control

import "log/slog"

// TLS is how a listener encrypts.
type TLS struct {
	Certificates       []int  `msgpack:"certificates"` // ids of certificates given before; the first is for clients that name no known host
	MinVersion         string `msgpack:"min_version"`  // 1.2 or 1.3
	ClientCertificates string `msgpack:"client_certificates"`
	ClientCA           []byte `msgpack:"client_ca,omitempty"` // PEM
	ACME               *ACME  `msgpack:"acme,omitempty"`
}

// ACME is where certificates are ordered.
type ACME struct {
	Domains   []string `msgpack:"domains"`
	Email     string   `msgpack:"email"`
	Directory string   `msgpack:"directory"`
	CA        []byte   `msgpack:"ca,omitempty"` // PEM of what signs the authority's own certificate; nil: the system's
	CacheDir  string   `msgpack:"cache_dir"`    // exists, owned by the gateway's user
}

// Certificate is a certificate with its key. The gateway's account need not be
// able to read the files: the master does.
type Certificate struct {
	ID     int    `msgpack:"id"`
	File   string `msgpack:"file"` // where it was read, for the log
	Chain  []byte `msgpack:"chain"`
	Key    Secret `msgpack:"key"`
	Staple []byte `msgpack:"staple,omitempty"` // DER of an OCSP answer
}

// Secret is bytes that no log and no error shows.
type Secret []byte

const hidden = "(secret)"

func (Secret) String() string       { return hidden }
func (Secret) GoString() string     { return hidden }
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
