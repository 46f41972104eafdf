package config

import (
	"errors"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// TLS is how a listener encrypts.
type TLS struct {
	Certificates       []Certificate // the first is for clients that name no host, or an unknown one
	MinVersion         string        // 1.2 or 1.3
	ClientCertificates string        // none, request, require
	ClientCA           string        // PEM file; empty with none
	ACME               *ACME         // nil: certificates come from files only
}

// ACME is where certificates are ordered (RFC 8555).
type ACME struct {
	Domains   []string
	Email     string
	Directory string // URL of the authority
	CAFile    string // PEM; what signs the authority's own certificate, empty: what the system trusts
	CacheDir  string
}

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

var tlsKeys = []key[TLS]{
	pathKey("certificate", "PEM file of the certificate, its intermediates behind it.", func(t *TLS) *string { return &t.first().File }).filled().silent(),
	pathKey("key", "PEM file of its private key. Only the account that starts gw must be able to read it.", func(t *TLS) *string { return &t.first().Key }).filled().silent(),
	pathKey("ocsp_staple", "DER file with the OCSP answer that clients get with the certificate.", func(t *TLS) *string { return &t.first().Staple }).filled().silent(),
	{name: "certificates", kind: kindCertificates, doc: "Several certificates, chosen by the host name the client asks for. The first is for all others.",
		read: readCertificates, show: showCertificates},
	choiceKey("min_version", "Oldest version of TLS that clients may speak.", func(t *TLS) *string { return &t.MinVersion }, "1.2", "1.3"),
	choiceKey("client_certificates", "Whether clients are asked for a certificate, or must have one.", func(t *TLS) *string { return &t.ClientCertificates }, "none", "request", "require"),
	pathKey("client_ca", "PEM file of the authorities that sign clients' certificates.", func(t *TLS) *string { return &t.ClientCA }).filled().hidden(),
	{name: "acme", kind: kindACME, doc: "Have certificates issued and renewed by an ACME authority such as Let's Encrypt.",
		read: readACME, show: showACME},
}

var certificateKeys = []key[Certificate]{
	pathKey("certificate", "PEM file of the certificate, its intermediates behind it.", func(c *Certificate) *string { return &c.File }).filled().required(),
	pathKey("key", "PEM file of its private key.", func(c *Certificate) *string { return &c.Key }).filled().required(),
	pathKey("ocsp_staple", "DER file with its OCSP answer.", func(c *Certificate) *string { return &c.Staple }).filled().hidden(),
}

var acmeKeys = []key[ACME]{
	{name: "domains", kind: kindWords, doc: "Host names to get certificates for.", must: true, read: readDomains, show: func(a *ACME) any { return a.Domains }},
	textKey("email", "Where the authority writes to when something is wrong.", func(a *ACME) *string { return &a.Email }),
	{name: "directory", kind: kindText, doc: "URL of the authority's directory.", read: readDirectory, show: func(a *ACME) any { return a.Directory }},
	pathKey("ca_file", "PEM file of what signs the authority's own certificate. Default: what the system trusts.", func(a *ACME) *string { return &a.CAFile }).filled().hidden(),
	pathKey("cache_dir", "Folder for account and certificates; the gateway's account owns it.", func(a *ACME) *string { return &a.CacheDir }).filled(),
}

// first is the certificate that the keys beside certificates are about.
func (t *TLS) first() *Certificate {
	if len(t.Certificates) == 0 {
		t.Certificates = make([]Certificate, 1)
	}
	return &t.Certificates[0]
}

// hidden leaves the key out of the effective configuration while it is empty.
func (k key[T]) hidden() key[T] {
	show := k.show
	k.show = func(t *T) any {
		if value := show(t); value != "" {
			return value
		}
		return nil
	}
	return k
}

// silent leaves the key out: another one shows its value.
func (k key[T]) silent() key[T] {
	k.show = func(*T) any { return nil }
	return k
}

func (k key[T]) required() key[T] {
	k.must = true
	return k
}

func readTLS(r *reader, n *yaml.Node, l *Listener) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.misfit(n, "tls", "a mapping", "write tls: {certificate: example.com.pem, key: example.com.key}")
		return
	}
	t := &TLS{MinVersion: "1.2", ClientCertificates: "none"}
	r = r.in(strings.Replace(r.where, "in ", "in tls of ", 1))
	values := mapping(r, n, tlsKeys, t)
	r.checkFirst(n, values, t)
	r.checkClientCA(n, values, t)
	if values["acme"] == nil && values["certificates"] == nil && values["certificate"] == nil && values["key"] == nil {
		r.fault(n, "write certificate: and key:, or acme: {domains: [example.com]}", "%s has no certificate", strings.TrimPrefix(strings.Replace(r.where, "tls of", "tls in", 1), "in "))
	}
	l.TLS = t
}

// checkFirst looks at the certificate that stands beside the list of others.
func (r *reader) checkFirst(n *yaml.Node, values map[string]*yaml.Node, t *TLS) {
	if values["certificate"] == nil && values["key"] == nil && values["ocsp_staple"] == nil {
		return
	}
	r.checkCertificate(n, values, t.first())
}

// checkCertificate reports what is missing, or wrong with the files.
func (r *reader) checkCertificate(n *yaml.Node, values map[string]*yaml.Node, c *Certificate) {
	switch {
	case values["certificate"] == nil:
		r.fault(n, "write certificate: and its file", "there is no certificate %s", r.where)
	case values["key"] == nil:
		r.fault(n, "write key: and its file", "there is no key %s", r.where)
	case c.File == "" || c.Key == "":
	default:
		r.checkFiles(values, c)
	}
}

func (r *reader) checkFiles(values map[string]*yaml.Node, c *Certificate) {
	pair, err := c.Read()
	var wrong *FileError
	if errors.As(err, &wrong) {
		name := map[string]string{c.File: "certificate", c.Key: "key", c.Staple: "ocsp_staple"}[wrong.Path]
		r.fileFault(values[name], name, wrong)
		return
	}
	if doubt := Doubt(pair.Leaf, time.Now()); doubt != "" {
		r.warn(values["certificate"], "get a new one", "certificate %s: %s %s", r.where, c.File, doubt)
	}
}

func (r *reader) fileFault(n *yaml.Node, name string, err *FileError) {
	r.fault(resolve(n), err.Hint, "%s %s: %s: %s", name, r.where, err.Path, err.What)
}

// checkAuthorities looks into a file of CA certificates.
func (r *reader) checkAuthorities(n *yaml.Node, name, path string) {
	if n == nil || path == "" {
		return
	}
	var wrong *FileError
	if _, err := ReadCertificates(path); errors.As(err, &wrong) {
		r.fileFault(n, name, wrong)
	}
}

func (r *reader) checkClientCA(n *yaml.Node, values map[string]*yaml.Node, t *TLS) {
	switch {
	case t.ClientCertificates != "none" && values["client_ca"] == nil:
		r.fault(values["client_certificates"], "write client_ca: and the file of the authority that signs them", "client_certificates %s needs a client_ca", r.where)
	case t.ClientCertificates == "none" && values["client_ca"] != nil:
		r.fault(values["client_ca"], "write client_certificates: require, or request", "client_ca %s is of no use while clients are not asked for certificates", r.where)
	default:
		r.checkAuthorities(values["client_ca"], "client_ca", t.ClientCA)
	}
}

func readCertificates(r *reader, n *yaml.Node, t *TLS) {
	n = resolve(n)
	const example = "write certificates: [{certificate: example.com.pem, key: example.com.key}]"
	switch {
	case n.Kind != yaml.SequenceNode:
		r.misfit(n, "certificates", "a list", example)
		return
	case len(n.Content) == 0:
		r.fault(n, example, "certificates %s is empty", r.where)
	}
	inner := r.in(strings.Replace(r.where, "in ", "in a certificate in ", 1))
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.MappingNode {
			r.misfit(item, "a certificate", "a mapping", "write {certificate: example.com.pem, key: example.com.key}")
			continue
		}
		var c Certificate
		values := mapping(inner, item, certificateKeys, &c)
		inner.checkCertificate(item, values, &c)
		t.Certificates = append(t.Certificates, c)
	}
}

// showCertificates has them all: what stood beside the list is its first.
func showCertificates(t *TLS) any {
	if len(t.Certificates) == 0 {
		return nil
	}
	list := []any{}
	for _, c := range t.Certificates {
		list = append(list, shown(certificateKeys, &c))
	}
	return list
}

func readACME(r *reader, n *yaml.Node, t *TLS) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.misfit(n, "acme", "a mapping", "write acme: {domains: [example.com], email: you@example.com}")
		return
	}
	inner := r.in(strings.Replace(r.where, "in ", "in acme in ", 1))
	a := &ACME{Directory: letsEncrypt, CacheDir: r.acmeDir}
	values := mapping(inner, n, acmeKeys, a)
	if values["domains"] == nil {
		r.fault(n, "write domains: [example.com]", "there are no domains %s", inner.where)
	}
	inner.checkAuthorities(values["ca_file"], "ca_file", a.CAFile)
	t.ACME = a
}

func readDomains(r *reader, n *yaml.Node, a *ACME) {
	n = resolve(n)
	nodes := n.Content
	if n.Kind == yaml.ScalarNode {
		nodes = []*yaml.Node{n}
	} else if n.Kind != yaml.SequenceNode || len(nodes) == 0 {
		r.misfit(n, "domains", "a list of host names", "write domains: [example.com, www.example.com]")
		return
	}
	for _, item := range nodes {
		text, ok := r.text(item, "domains", "a host name")
		if !ok {
			continue
		}
		domain := strings.ToLower(strings.TrimSuffix(text, "."))
		_, notIP := netip.ParseAddr(domain)
		switch {
		case strings.Contains(domain, "*"):
			r.fault(item, "name the hosts one by one", "domains %s: %q is a wildcard, which takes a challenge in the DNS", r.where, text)
		case notIP == nil || !hostName.MatchString(domain) || !strings.Contains(domain, "."):
			r.fault(item, "write a name such as example.com", "domains %s: %q is not a host name that an authority can check", r.where, text)
		default:
			a.Domains = append(a.Domains, domain)
		}
	}
}

func readDirectory(r *reader, n *yaml.Node, a *ACME) {
	text, ok := r.text(n, "directory", "an https address")
	if !ok {
		return
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" {
		r.fault(n, "write such as "+letsEncrypt, "directory %s must be an https address, not %q", r.where, text)
		return
	}
	a.Directory = text
}

func showTLS(l *Listener) any {
	if l.TLS == nil {
		return nil
	}
	return shown(tlsKeys, l.TLS)
}

func showACME(t *TLS) any {
	if t.ACME == nil {
		return nil
	}
	return shown(acmeKeys, t.ACME)
}

// acmeDir is where certificates are kept unless cache_dir says otherwise:
// beside what else must outlive a restart of the machine.
func (d diskPaths) acmeDir() string { return filepath.Join(filepath.Dir(d.temp), "acme") }
