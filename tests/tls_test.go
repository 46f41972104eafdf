package tests

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const serverTLS = "tls: {certificate: gw.test.pem, key: gw.test.key}"

// secured starts a gateway whose listeners all have TLS.
func secured(t *testing.T, s setup) (*gateway, *authority) {
	t.Helper()
	if s.listener == "" {
		s.listener = serverTLS
	}
	g, a := prepare(t, s), newAuthority(t)
	a.write(t, g.dir, "gw.test")
	g.mustRun("start", "-d")
	g.awaitReady()
	return g, a
}

// dialTLS connects to a listener; the handshake is done when it returns.
func (g *gateway) dialTLS(listener string, config *tls.Config) (*tls.Conn, *bufio.Reader) {
	g.t.Helper()
	c := tls.Client(g.dial(listener), config)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if err := c.Handshake(); err != nil {
		g.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func (a *authority) client() *tls.Config {
	return &tls.Config{ServerName: "gw.test", RootCAs: a.pool()}
}

func TestEverySchemeOverTLSWithHandlers(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g, a := secured(t, setup{language: l, handler: "echo", listen: []string{"http", "text", "frame", "tcp", "text+unix", "http+unix"}})
		for listener, message := range map[string]string{"text": "hello\n", "frame": "\x00\x00\x00\x09hello", "tcp": "hello", "text+unix": "hello\n"} {
			c, r := g.dialTLS(listener, a.client())
			if _, err := io.WriteString(c, message); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(message))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != message {
				t.Errorf("%s: %q %v", listener, got, err)
			}
		}
		large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: a file there, a stream back
		for _, listener := range []string{"http", "http+unix"} {
			transport := &http.Transport{TLSClientConfig: a.client(), DialContext: func(context.Context, string, string) (net.Conn, error) { return g.dial(listener), nil }}
			for _, body := range []string{"small", large} {
				r, err := (&http.Client{Transport: transport, Timeout: patience}).Post("https://gw.test/", "text/plain", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || string(got) != body {
					t.Errorf("%s: %d bytes of %d, %v", listener, len(got), len(body), err)
				}
			}
			transport.CloseIdleConnections()
		}
	})
}

// What ends TLS connections in other programs: reloads, new certificates,
// crashes of handlers. Every line is answered, in order, on the same connection.
func TestTLSConnectionsOutliveEverything(t *testing.T) {
	t.Parallel()
	g, a := secured(t, setup{language: python, handler: "echo", workers: 2, listen: []string{"text"}, pool: "on_crash: redeliver"})
	var stop atomic.Bool
	var group sync.WaitGroup
	var lines atomic.Int64
	for i := range 40 {
		c, r := g.dialTLS("text", a.client())
		group.Go(func() {
			for n := 0; !stop.Load(); n++ {
				line := fmt.Sprintf("%d %d\n", i, n)
				if _, err := io.WriteString(c, line); err != nil {
					t.Error(err)
					return
				}
				if got, err := r.ReadString('\n'); err != nil || got != line {
					t.Errorf("%q, %v, want %q", got, err, line)
					return
				}
				lines.Add(1)
			}
		})
	}
	serial := func() string {
		c, _ := g.dialTLS("text", a.client())
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	begin := lines.Load()
	first := serial()
	a.write(t, g.dir, "gw.test")
	eventually(t, patience, "the new certificate is served", func() bool { return serial() != first })
	second := serial()
	g.write("gw.test.pem", "broken")
	eventually(t, patience, "the broken certificate is in the log", func() bool { return strings.Contains(g.log(), "the one before stays") })
	if serial() != second {
		t.Error("the certificate changed")
	}
	g.run("reload").wantExit(t, exitReloadAborted, "gw.test.pem")
	a.write(t, g.dir, "gw.test")
	g.mustRun("reload")
	if serial() == second {
		t.Error("a reload does not read certificates")
	}
	pid := g.workers()[0]
	g.kill(pid, syscall.SIGKILL)
	g.awaitReplaced(pid)
	at := lines.Load()
	eventually(t, patience, "lines are answered", func() bool { return lines.Load() > at+200 })
	stop.Store(true)
	group.Wait()
	if lines.Load() == begin {
		t.Error("nothing was answered")
	}
	if log := g.log(); strings.Contains(log, "PRIVATE") {
		t.Error("a key is in the log")
	}
}

// Key and certificate are root's; gateway and handlers are nobody.
func TestKeyNeedNotBeReadableByTheGateway(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "hello", top: "user: nobody", listener: serverTLS})
	a := newAuthority(t)
	a.write(t, g.dir, "gw.test") // mode 0600
	for _, dir := range []string{filepath.Dir(g.dir), filepath.Dir(g.binary)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.mustRun("start", "-d")
	if uid := procStatus(t, g.status().Gateway.PID, "Uid"); strings.HasPrefix(uid, "0 ") {
		t.Fatalf("the gateway has the uids %s", uid)
	}
	c, r := g.dialTLS("http", a.client())
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n")
	if page, err := io.ReadAll(r); err != nil || !bytes.HasSuffix(page, []byte("Hello Client")) {
		t.Errorf("%q %v", page, err)
	}
}

// openssl asks for a renegotiation, which crypto/tls's client cannot.
func TestRenegotiationIsRefused(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl")
	}
	t.Parallel()
	g, _ := secured(t, setup{language: python, handler: "echo", listen: []string{"text"}})
	command := exec.Command(openssl, "s_client", "-tls1_2", "-connect", g.addresses["text"])
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer timeout.Stop()
	fmt.Fprint(in, "before\n")
	r := bufio.NewReader(out)
	for line := ""; line != "before\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(in, "R\n")
	rest, _ := io.ReadAll(r)
	if err := command.Wait(); err == nil || !bytes.Contains(rest, []byte("RENEGOTIATING")) || !bytes.Contains(rest, []byte("alert")) {
		t.Errorf("%v %s", err, rest)
	}
}

func TestCheckLooksIntoCertificates(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "hello", listener: serverTLS})
	g.run("check").wantExit(t, exitConfiguration, "gw.yaml:", "gw.test.pem", "there is no such file")
	a := newAuthority(t)
	a.write(t, g.dir, "gw.test")
	if text := g.mustRun("check", "--effective"); strings.Contains(text, "PRIVATE") || !strings.Contains(text, "gw.test.key") {
		t.Error(text)
	}
	_, other := a.issue(t, "other")
	g.write("gw.test.key", string(other))
	g.run("check").wantExit(t, exitConfiguration, "does not belong to the certificate")
}

// The programs and configurations of docs/tls.md.
func TestTLSExamples(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "hello"})
		files, _ := filepath.Glob(filepath.Join(root, "examples", "tls", "*"))
		for _, file := range files {
			copyFile(t, file, filepath.Join(g.dir, filepath.Base(file)))
		}
		if output, err := g.shell("sh", "make-certificate.sh"); err != nil {
			t.Skipf("openssl: %v\n%s", err, output)
		}
		ours := newAuthority(t)
		g.write("our-authority.pem", string(ours.pem()))
		ours.write(t, g.dir, "example.org")
		g.addresses["http"], g.addresses["text"] = freeAddress(t), freeAddress(t)
		own := x509.NewCertPool()
		own.AppendCertsFromPEM([]byte(g.read("example.com.pem")))
		configurations, _ := filepath.Glob(filepath.Join(g.dir, "*.yaml"))
		for _, file := range configurations {
			name := filepath.Base(file)
			text := strings.NewReplacer("0.0.0.0:443", g.addresses["http"], "0.0.0.0:2347", g.addresses["text"], "0.0.0.0:80", freeAddress(t), "python3, who.py", l.interpreter+", who."+l.extension,
				"php, who.php", l.interpreter+", who."+l.extension).Replace(g.read(name))
			if name == "gw.yaml" {
				continue
			}
			g.write(name, text)
			g.mustRun("check", name)
		}
		for name, want := range map[string]string{"first.yaml": `{"scheme":"https","certificate":null}`, "clients.yaml": `{"scheme":"https","certificate":"CN=alice"}`} {
			g.write("gw.yaml", g.read(name))
			g.mustRun("start", "-d")
			certificate, key := ours.issue(t, "alice")
			pair, err := tls.X509KeyPair(certificate, key)
			if err != nil {
				t.Fatal(err)
			}
			config := &tls.Config{ServerName: "example.com", RootCAs: own, Certificates: []tls.Certificate{pair}}
			c, r := g.dialTLS("http", config)
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
			if page, err := io.ReadAll(r); err != nil || !bytes.HasSuffix(page, []byte(want)) {
				t.Errorf("%s: %q %v", name, page, err)
			}
			if name == "clients.yaml" {
				c, r := g.dialTLS("text", config)
				fmt.Fprint(c, "who\n")
				if line, err := r.ReadString('\n'); line != "encrypted, CN=alice\n" {
					t.Errorf("%q %v", line, err)
				}
			}
			g.mustRun("stop")
		}
	})
}

// shell runs a program in the gateway's folder.
func (g *gateway) shell(name string, arguments ...string) (string, error) {
	command := exec.Command(name, arguments...)
	command.Dir = g.dir
	output, err := command.CombinedOutput()
	return string(output), err
}
