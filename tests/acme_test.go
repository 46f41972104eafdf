package tests

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pebble is the ACME authority that the makers of Let's Encrypt test with.
const pebbleModule = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

// pebblePath is where it is built, once for all runs.
var pebblePath = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GW_TEST_PEBBLE"); path != "" {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "gw-tests", strings.ReplaceAll(pebbleModule, "/", "-"))
	path := filepath.Join(dir, "pebble")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "go", "install", pebbleModule)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return path, nil
})

type pebble struct {
	directory string
	roots     string
	trusted   *x509.CertPool // what signs pebble's own certificate
}

// startPebble starts one that checks hosts at these ports of the loopback, and
// writes authority.pem for ca_file into dir.
func startPebble(t *testing.T, dir, tlsAddress, httpAddress string) *pebble {
	t.Helper()
	path, err := pebblePath()
	if err != nil {
		t.Skipf("pebble cannot be had: %v", err)
	}
	a := newAuthority(t)
	a.write(t, dir, "pebble")
	_, tlsPort, _ := net.SplitHostPort(tlsAddress)
	_, httpPort, _ := net.SplitHostPort(httpAddress)
	directory, management := freeAddress(t), freeAddress(t)
	config := fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q, "tlsPort": %s, "httpPort": %s}}`,
		directory, management, filepath.Join(dir, "pebble.pem"), filepath.Join(dir, "pebble.key"), tlsPort, httpPort)
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var output lockedBuffer
	command := exec.Command(path, "-config", file, "-dnsserver", startDNS(t))
	command.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	p := &pebble{directory: "https://" + directory + "/dir", roots: "https://" + management + "/roots/0", trusted: a.pool()}
	eventually(t, patience, "pebble answers", func() bool {
		_, err := p.get(p.directory)
		return err == nil
	})
	return p
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (p *pebble) get(url string) ([]byte, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.trusted}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: patience}).Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// issuer is what signs the certificates that pebble issues.
func (p *pebble) issuer(t *testing.T) *x509.CertPool {
	t.Helper()
	text, err := p.get(p.roots)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("root of pebble: %v %q", err, text)
	}
	return pool
}

// startDNS answers every question with 127.0.0.1, over TCP as pebble asks (RFC
// 1035 section 4).
func startDNS(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go answerDNS(c)
		}
	}()
	return listener.Addr().String()
}

func answerDNS(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, b); err != nil || len(b) < 17 {
			return
		}
		end := 12
		for end < len(b) && b[end] != 0 {
			end += int(b[end]) + 1
		}
		if end += 5; end > len(b) { // the root label, type and class
			return
		}
		reply := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end]...)
		if b[end-4] == 0 && b[end-3] == 1 { // type A
			reply[7] = 1
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

const acmeConfig = `pools:
  main: {command: [{run}, hello.{ext}]}
listeners:
  - listen: http://{tls}
    tls: {acme: {domains: [gw.example.test, www.example.test], email: you@example.test, directory: DIRECTORY, ca_file: authority.pem}}
  - {listen: "http://{http}"}
`

// refusingAddress is held by a listener that hangs up at once: whatever listened
// there instead might keep the authority waiting.
func refusingAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); ended.Wait() })
	return l.Addr().String()
}

// preparedForACME has a gateway whose certificates pebble shall issue.
func preparedForACME(t *testing.T, reachable string) (*gateway, *pebble) {
	t.Helper()
	g := prepare(t, setup{language: python, config: acmeConfig})
	ports := map[string]string{"tls": refusingAddress(t), "http": refusingAddress(t)}
	ports[reachable] = g.addresses[reachable]
	p := startPebble(t, g.dir, ports["tls"], ports["http"])
	g.edit("gw.yaml", "DIRECTORY", p.directory)
	return g, p
}

func (g *gateway) wantSecurePage(t *testing.T, host string, trusted *x509.CertPool) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: host, RootCAs: trusted}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + g.addresses["tls"] + "/")
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "Hello Client" {
		t.Errorf("%q %v", body, err)
	}
}

func TestACMECertificatesSurviveRestartAndCrash(t *testing.T) {
	t.Parallel()
	g, p := preparedForACME(t, "tls")
	g.mustRun("start", "-d")
	issued := func() int { return strings.Count(g.log(), "Certificate is issued") }
	eventually(t, patience, "two certificates are issued", func() bool { return issued() == 2 })
	root := p.issuer(t)
	g.wantSecurePage(t, "gw.example.test", root)
	g.wantSecurePage(t, "www.example.test", root)

	g.kill(g.status().Gateway.PID, syscall.SIGKILL)
	eventually(t, patience, "another gateway serves", func() bool {
		s := g.status()
		return s.Gateway.Restarts == 1 && s.Totals.Ready == 1
	})
	g.wantSecurePage(t, "gw.example.test", root)
	g.mustRun("restart")
	g.wantSecurePage(t, "gw.example.test", root)
	g.mustRun("reload")
	g.wantSecurePage(t, "www.example.test", root)
	if n := issued(); n != 2 {
		t.Errorf("%d certificates were issued", n)
	}
	for _, secret := range []string{"PRIVATE KEY", "secret"} {
		if strings.Contains(g.log(), secret) {
			t.Errorf("the log says %q", secret)
		}
	}
}

// Only the plain port can be reached from outside.
func TestACMEOverPlainHTTP(t *testing.T) {
	t.Parallel()
	g, p := preparedForACME(t, "http")
	g.mustRun("start", "-d")
	eventually(t, patience, "two certificates are issued", func() bool { return strings.Count(g.log(), "Certificate is issued") == 2 })
	g.wantSecurePage(t, "www.example.test", p.issuer(t))
	if code, body := g.exchange("GET", "/.well-known/acme-challenge/nobody", ""); code != 200 || body != "Hello Client" {
		t.Errorf("a path of no challenge: %d %q", code, body)
	}
}

// An authority that says no is asked again later, and the log says why.
func TestACMEFailureIsLogged(t *testing.T) {
	t.Parallel()
	g, _ := preparedForACME(t, "neither")
	g.mustRun("start", "-d")
	eventually(t, patience, "both domains were tried", func() bool {
		log := g.log()
		return strings.Count(log, "Cannot get a certificate") == 2 && strings.Contains(log, `"domain":"gw.example.test"`) && strings.Contains(log, "http-01")
	})
	connection, err := tls.Dial("tcp", g.addresses["tls"], &tls.Config{ServerName: "gw.example.test", InsecureSkipVerify: true})
	if err == nil {
		connection.Close()
		t.Error("a handshake without a certificate succeeded")
	}
	g.wantPage("/", "Hello Client")
	var verdict struct{ OK bool }
	if err := json.Unmarshal([]byte(g.mustRun("check", "--json")), &verdict); err != nil || !verdict.OK {
		t.Errorf("%v %+v", err, verdict)
	}
}
