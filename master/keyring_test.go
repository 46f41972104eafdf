package master

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gw/master/config"
)

// writePair makes a new certificate and key in dir.
func writePair(t *testing.T, dir, name string) config.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Certificate{File: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	overwrite(t, c.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	overwrite(t, c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	return c
}

// overwrite puts a file into the place of another, as renewals do.
func overwrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// secured is a configuration with one listener that has TLS.
func securedConfig(certificates ...config.Certificate) *config.Config {
	return &config.Config{Pools: []config.Pool{onePool("web", 1)}, Listeners: []config.Listener{{
		Scheme: "http", Address: "127.0.0.1:1", Name: "front", Routes: []config.Route{{Prefix: "/", Pool: "web"}},
		TLS: &config.TLS{Certificates: certificates, MinVersion: "1.2", ClientCertificates: "none"},
	}}}
}

// superviseTLS is supervise with the certificates read, and the log kept.
func superviseTLS(t *testing.T, c *config.Config, test func(*world, *bytes.Buffer)) {
	t.Helper()
	ring, err := readKeyring(c)
	if err != nil {
		t.Fatal(err)
	}
	supervise(t, c, func(w *world) {
		log := new(bytes.Buffer)
		done := make(chan struct{})
		w.s.post(func() {
			w.s.log = slog.New(slog.NewTextHandler(log, nil))
			w.s.useKeyring(ring)
			w.s.configure()
			close(done)
		})
		<-done
		test(w, log)
	})
}

func TestGatewayGetsCertificatesBeforeItsConfiguration(t *testing.T) {
	dir := t.TempDir()
	c := securedConfig(writePair(t, dir, "a"), writePair(t, dir, "b"))
	superviseTLS(t, c, func(w *world, _ *bytes.Buffer) {
		log := strings.Join(w.did(), "\n")
		if strings.Count(log, "certificate ") != 2 || strings.LastIndex(log, "certificate ") > strings.LastIndex(log, "configure ") {
			t.Errorf("the master did\n%s", log)
		}
		w.sleep(5 * time.Second)
		w.did()
		w.exit("gateway", "killed by SIGSEGV")
		w.sleep(10 * time.Second)
		if log := strings.Join(w.did(), "\n"); strings.Count(log, "certificate ") != 2 {
			t.Errorf("for a new gateway the master did\n%s", log)
		}
	})
}

func TestChangedCertificateGoesToTheGatewayOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	superviseTLS(t, securedConfig(writePair(t, dir, "a"), writePair(t, dir, "b")), func(w *world, log *bytes.Buffer) {
		w.sleep(10 * time.Second)
		w.did()
		other := writePair(t, t.TempDir(), "other")
		key, _ := os.ReadFile(other.Key)
		overwrite(t, filepath.Join(dir, "a.key"), key) // half of a renewal, and it stays so
		w.sleep(1500 * time.Millisecond)
		writePair(t, dir, "a")
		w.sleep(10 * time.Second)
		if got := strings.Join(w.did(), "\n"); !strings.HasSuffix(got, "from a.pem") || strings.Count(got, "certificate") != 1 {
			t.Errorf("the master did\n%s", got)
		}
		if strings.Contains(log.String(), "Cannot use") {
			t.Errorf("logged\n%s", log)
		}
	})
}

func TestBrokenCertificateKeepsTheOldOneAndIsLoggedOnce(t *testing.T) {
	dir := t.TempDir()
	c := securedConfig(writePair(t, dir, "a"))
	superviseTLS(t, c, func(w *world, log *bytes.Buffer) {
		w.sleep(5 * time.Second)
		w.did()
		overwrite(t, filepath.Join(dir, "a.pem"), []byte("-----BEGIN CERTIFICATE-----\n"))
		w.sleep(30 * time.Second)
		if got := w.did(); len(got) > 0 {
			t.Errorf("the master did %v", got)
		}
		if text := log.String(); strings.Count(text, "the one before stays") != 1 || !strings.Contains(text, filepath.Join(dir, "a.pem")) || strings.Contains(text, "PRIVATE") {
			t.Errorf("logged\n%s", text)
		}
		w.rereads(c, nil)
		if e := w.reload(); e.Result != "aborted" || !strings.Contains(e.Reason, "a.pem") {
			t.Errorf("%+v", e)
		}
		writePair(t, dir, "a")
		w.sleep(3 * time.Second)
		if got := strings.Join(w.did(), "\n"); !strings.HasSuffix(got, "from a.pem") {
			t.Errorf("mended, the master did\n%s", got)
		}
	})
}

func TestReloadGivesOnlyWhatIsNew(t *testing.T) {
	dir := t.TempDir()
	a, b := writePair(t, dir, "a"), writePair(t, dir, "b")
	superviseTLS(t, securedConfig(a), func(w *world, _ *bytes.Buffer) {
		w.sleep(5 * time.Second)
		w.did()
		w.rereads(securedConfig(a, b), nil)
		if e := w.reload(); e.Result != "ok" {
			t.Fatalf("%+v", e)
		}
		if got := strings.Join(w.did(), "\n"); !strings.Contains(got, "certificate 2 from b.pem\nconfigure") || strings.Contains(got, "a.pem") {
			t.Errorf("the master did\n%s", got)
		}
	})
}
