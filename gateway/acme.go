package gateway

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"gw/protocol/control"
)

// issuer has certificates issued by one ACME authority (RFC 8555), and renewed.
//
// It works beside the loop, never inside a handshake: a client that asks for a
// name whose certificate is on its way is refused, and the handshakes of others
// do not wait for a network. golang.org/x/crypto/acme speaks the protocol. Its
// autocert orders during handshakes and renews until the process ends, also
// what a reload took out of the configuration; therefore it is not used.
type issuer struct {
	config     issuerConfig
	domains    []string
	folder     string
	log        *slog.Logger
	client     *acme.Client
	challenges *challenges
	overHTTP   *atomic.Bool // a plain http listener can answer http-01
	issued     func(domain string, c *tls.Certificate)
	cancel     context.CancelFunc
}

// issuerConfig tells issuers apart.
type issuerConfig struct {
	directory, email, ca, cacheDir string
}

// folder holds account and certificates: those of a trial authority are not
// those of the real one.
func (k issuerConfig) folder() string {
	sum := sha256.Sum256([]byte(k.directory))
	return filepath.Join(k.cacheDir, hex.EncodeToString(sum[:6]))
}

// issuers are those of the present configuration; nil: none. The first loop owns
// them, for all.
type issuers struct {
	running  map[issuerConfig]*issuer
	ready    map[issuerConfig]map[string]*tls.Certificate
	overHTTP atomic.Bool
	group    sync.WaitGroup
}

const (
	orderTimeout = 5 * time.Minute
	// The authority's limits count failures: Let's Encrypt refuses after five
	// within an hour.
	firstRetry  = time.Minute
	retryFactor = 8
	lastRetry   = time.Hour
)

// configureIssuers starts and ends issuers as listeners ask for them.
func (l *loop) configureIssuers() {
	if l.index > 0 {
		return
	}
	wanted, plain := map[issuerConfig][]string{}, false
	for _, ln := range l.listeners {
		switch {
		case ln.closed:
		case ln.tls == nil:
			plain = plain || ln.scheme == "http"
		case ln.tls.acme != nil:
			k := issuerConfigOf(ln.tls.acme)
			wanted[k] = append(wanted[k], ln.tls.acme.Domains...)
		}
	}
	if l.issuers == nil {
		if len(wanted) == 0 {
			return
		}
		l.issuers = &issuers{running: map[issuerConfig]*issuer{}, ready: map[issuerConfig]map[string]*tls.Certificate{}}
	}
	l.issuers.overHTTP.Store(plain)
	for k, i := range l.issuers.running {
		if domains := wanted[k]; !slices.Equal(distinct(domains), i.domains) {
			i.cancel()
			delete(l.issuers.running, k)
		}
		if wanted[k] == nil {
			delete(l.issuers.ready, k)
		}
	}
	for k, domains := range wanted {
		if l.issuers.running[k] == nil {
			l.issuers.running[k] = l.startIssuer(k, distinct(domains))
		}
	}
}

func issuerConfigOf(a *control.ACME) issuerConfig {
	return issuerConfig{a.Directory, a.Email, string(a.CA), a.CacheDir}
}

func distinct(domains []string) []string {
	domains = slices.Clone(domains)
	slices.Sort(domains)
	return slices.Compact(domains)
}

func (l *loop) startIssuer(k issuerConfig, domains []string) *issuer {
	ctx, cancel := context.WithCancel(context.Background())
	i := &issuer{config: k, domains: domains, folder: k.folder(), log: l.log,
		challenges: l.challenges, overHTTP: &l.issuers.overHTTP, cancel: cancel}
	i.issued = func(domain string, c *tls.Certificate) {
		l.mailbox.post(func() { l.useIssued(k, domain, c) })
	}
	l.issuers.group.Go(func() { i.run(ctx) })
	return i
}

// useIssued puts a certificate into the tables of the listeners it is for.
func (l *loop) useIssued(k issuerConfig, domain string, c *tls.Certificate) {
	if l.issuers.ready[k] == nil {
		l.issuers.ready[k] = map[string]*tls.Certificate{}
	}
	l.issuers.ready[k][domain] = c
	for _, ln := range l.listeners {
		if ln.tls != nil && ln.tls.acme != nil && issuerConfigOf(ln.tls.acme) == k {
			l.fillTable(ln, ln.tls.table.Load().ids)
		}
	}
}

// close ends them all.
func (s *issuers) close() {
	if s == nil {
		return
	}
	for _, i := range s.running {
		i.cancel()
	}
	s.group.Wait()
}

// renewal is a domain, and when its certificate is to be ordered.
type renewal struct {
	domain   string
	due      time.Time
	failures int
}

// run orders one certificate after the other.
func (i *issuer) run(ctx context.Context) {
	var list []*renewal
	for _, domain := range i.domains {
		p := &renewal{domain: domain}
		if c, err := i.load(domain); err == nil {
			i.issued(domain, c)
			p.due = renewalOf(c.Leaf)
		} else if !errors.Is(err, fs.ErrNotExist) {
			i.log.Warn("Cannot use a certificate that was issued before: ordering another", "domain", domain, "folder", i.folder, "err", err)
		}
		list = append(list, p)
	}
	for {
		next := slices.MinFunc(list, func(a, b *renewal) int { return a.due.Compare(b.due) })
		if !sleep(ctx, time.Until(next.due)) {
			return
		}
		i.attempt(ctx, next)
	}
}

func (i *issuer) attempt(ctx context.Context, p *renewal) {
	c, err := i.order(ctx, p.domain)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		wait := retryAfter(p.failures)
		p.failures++
		p.due = time.Now().Add(wait)
		i.log.Error("Cannot get a certificate", "domain", p.domain, "directory", i.config.directory, "again_in", wait, "err", err)
		return
	}
	p.failures, p.due = 0, renewalOf(c.Leaf)
	i.log.Info("Certificate is issued", "domain", p.domain, "until", c.Leaf.NotAfter, "renewal", p.due)
	i.issued(p.domain, c)
}

func retryAfter(failures int) time.Duration {
	wait := firstRetry
	for range min(failures, 3) {
		wait *= retryFactor
	}
	return min(wait, lastRetry)
}

// renewalOf leaves a third of a certificate's life for what may go wrong.
func renewalOf(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(max(0, wait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// order gets a certificate for one domain, by the challenge that works.
func (i *issuer) order(ctx context.Context, domain string) (*tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	if err := i.register(ctx); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	c, err := i.orderBy(ctx, domain, "tls-alpn-01")
	if err != nil && i.overHTTP.Load() {
		var second error
		if c, second = i.orderBy(ctx, domain, "http-01"); second != nil {
			return nil, errors.Join(err, second)
		}
		return c, nil
	}
	return c, err
}

// register loads the account, or makes one.
func (i *issuer) register(ctx context.Context) error {
	if i.client != nil {
		return nil
	}
	key, err := i.accountKey()
	if err != nil {
		return err
	}
	client := &acme.Client{Key: key, DirectoryURL: i.config.directory, UserAgent: "gw"}
	if i.config.ca != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(i.config.ca))
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		client.HTTPClient = &http.Client{Transport: transport}
	}
	account := &acme.Account{}
	if i.config.email != "" {
		account.Contact = []string{"mailto:" + i.config.email}
	}
	if _, err := client.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return err
	}
	i.client = client
	return nil
}

func (i *issuer) accountKey() (crypto.Signer, error) {
	path := filepath.Join(i.folder, "account.key")
	if text, err := os.ReadFile(path); err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: not PEM", path)
		}
		return x509.ParseECPrivateKey(block.Bytes)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	return key, save(path, text)
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func (i *issuer) orderBy(ctx context.Context, domain, kind string) (*tls.Certificate, error) {
	order, err := i.client.AuthorizeOrder(ctx, acme.DomainIDs(domain))
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	for _, url := range order.AuthzURLs {
		if err := i.authorize(ctx, url, domain, kind); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
	}
	if order, err = i.client.WaitOrder(ctx, order.URI); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{domain}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := i.client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	text, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if err := save(i.path(domain), text); err != nil {
		return nil, err
	}
	return i.load(domain)
}

// authorize shows the authority that the domain is ours.
func (i *issuer) authorize(ctx context.Context, url, domain, kind string) error {
	z, err := i.client.GetAuthorization(ctx, url)
	if err != nil || z.Status == acme.StatusValid {
		return err
	}
	at := slices.IndexFunc(z.Challenges, func(c *acme.Challenge) bool { return c.Type == kind })
	if at < 0 {
		return errors.New("the authority does not offer this challenge")
	}
	challenge := z.Challenges[at]
	if kind == "http-01" {
		body, err := i.client.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return err
		}
		path := i.client.HTTP01ChallengePath(challenge.Token)
		i.challenges.setBody(path, body)
		defer i.challenges.setBody(path, "")
	} else {
		c, err := i.client.TLSALPN01ChallengeCert(challenge.Token, domain)
		if err != nil {
			return err
		}
		i.challenges.setCertificate(domain, &c)
		defer i.challenges.setCertificate(domain, nil)
	}
	if _, err := i.client.Accept(ctx, challenge); err != nil {
		return err
	}
	_, err = i.client.WaitAuthorization(ctx, z.URI)
	return err
}

// path is where a domain's key and certificate are kept.
func (i *issuer) path(domain string) string { return filepath.Join(i.folder, domain+".pem") }

// load reads a certificate that was issued before, also by a process before us.
func (i *issuer) load(domain string) (*tls.Certificate, error) {
	text, err := os.ReadFile(i.path(domain))
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	if err := c.Leaf.VerifyHostname(domain); err != nil {
		return nil, err
	}
	return &c, nil
}

// save writes a file that is whole at any moment, for us alone.
func save(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
