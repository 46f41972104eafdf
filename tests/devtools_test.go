package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// browser is a headless Chromium with a profile of its own. A test speaks to
// its pages with the DevTools protocol:
// https://chromedevtools.github.io/devtools-protocol/
type browser struct {
	t       testing.TB
	address string
}

func startBrowser(t testing.TB) *browser {
	t.Helper()
	profile, err := os.MkdirTemp("", "gw-browser-")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "about:blank")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatalf("chromium: %v (make test installs it)", err)
	}
	t.Cleanup(func() {
		syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		command.Wait()
		os.RemoveAll(profile)
	})
	b := &browser{t: t}
	eventually(t, time.Minute, "the browser listens", func() bool {
		// The first line is the port (content/browser/devtools in Chromium).
		content, _ := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		port, _, found := strings.Cut(string(content), "\n")
		b.address = "127.0.0.1:" + port
		return found
	})
	return b
}

// tab is one page of the browser.
type tab struct {
	t    testing.TB
	conn *websocket.Conn
	seq  int
}

// open loads a page in a new tab.
func (b *browser) open(url string) *tab {
	b.t.Helper()
	request, _ := http.NewRequest(http.MethodPut, "http://"+b.address+"/json/new?about:blank", nil)
	response, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var target struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(response.Body).Decode(&target); err != nil {
		b.t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.Dial(target.URL, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	page := &tab{t: b.t, conn: conn}
	page.call("Page.navigate", map[string]any{"url": url})
	page.await("document.readyState === 'complete' && location.href !== 'about:blank'")
	return page
}

// call runs one command of the protocol.
func (p *tab) call(method string, parameters map[string]any) json.RawMessage {
	p.t.Helper()
	p.seq++
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	if err := p.conn.WriteJSON(map[string]any{"id": p.seq, "method": method, "params": parameters}); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	for {
		var answer struct {
			ID     int             `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  json.RawMessage `json:"error"`
		}
		p.conn.SetReadDeadline(time.Now().Add(patience))
		if err := p.conn.ReadJSON(&answer); err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		if answer.ID != p.seq {
			continue // an event
		}
		if answer.Error != nil {
			p.t.Fatalf("%s: %s", method, answer.Error)
		}
		return answer.Result
	}
}

// close ends the page as a person who closes the tab does.
func (p *tab) close() {
	p.t.Helper()
	p.call("Page.close", map[string]any{})
	p.conn.Close()
}

// evaluate runs JavaScript in the page and stores its value in result.
func (p *tab) evaluate(expression string, result any) {
	p.t.Helper()
	answer := p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	var value struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(answer, &value); err != nil || value.Exception != nil {
		p.t.Fatalf("%s: %v %s", expression, err, value.Exception)
	}
	if result != nil {
		if err := json.Unmarshal(value.Result.Value, result); err != nil {
			p.t.Fatalf("%s: %v in %s", expression, err, answer)
		}
	}
}

// await asks until the expression is true in the page.
func (p *tab) await(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var holds bool
		p.evaluate("Boolean("+expression+")", &holds)
		if holds {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not within %v: %s; the page reads:\n%s", patience, expression, p.text("body"))
		}
	}
}

// text is what a person reads in the element.
func (p *tab) text(selector string) string {
	p.t.Helper()
	var text string
	p.evaluate(fmt.Sprintf("document.querySelector(%q).innerText", selector), &text)
	return text
}

// fill types into a field and submits its form.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.evaluate(fmt.Sprintf("(() => { const field = document.querySelector(%q); field.value = %s; field.form.requestSubmit(); })()", selector, quoteJS(text)), nil)
}

func quoteJS(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}
