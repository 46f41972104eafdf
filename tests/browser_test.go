package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWebSocketPageInTheBrowser(t *testing.T) {
	b := startBrowser(t)
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			g := example(t, l, "hello_websocket")
			page := b.open(g.url("http", "/"))
			page.await("document.getElementById('state').textContent === 'connected'")
			page.fill("#text", "Tom")
			page.await("document.querySelector('#answers li')?.textContent === 'Hello Tom'")
			g.mustRun("reload")
			page.fill("#text", "Ann")
			page.await("document.querySelector('#answers li:nth-child(2)')?.textContent === 'Hello Ann'")
			if state := page.text("#state"); state != "connected" {
				t.Errorf("state %q after the reload", state)
			}
		})
	}
}

// chatRoom starts examples/chat on a free port, with a history of its own.
func chatRoom(t *testing.T) *gateway {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(root, "examples", "chat", "gw.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const address = "http://0.0.0.0:8083"
	if !strings.Contains(string(config), address) {
		t.Fatalf("examples/chat/gw.yaml does not listen on %s", address)
	}
	g := prepare(t, setup{language: php, config: strings.ReplaceAll(string(config), address, `"http://{http}"`)})
	g.edit("gw.yaml", "[python3, chat.py]", "["+python.interpreter+", chat.py]")
	for _, name := range []string{"chat.php", "History.php", "chat.py", "history.py", "page.html"} {
		copyFile(t, filepath.Join(root, "examples", "chat", name), filepath.Join(g.dir, name))
	}
	g.mustRun("start", "-d")
	return g
}

func enterChat(b *browser, g *gateway, name, via string) *tab {
	page := b.open(g.url("http", "/"))
	page.evaluate(fmt.Sprintf("document.getElementById('via').value = %q", via), nil)
	// What a reload or a crash of a handler must not do is counted here.
	page.evaluate("window.closes = 0; window.watch = () => socket.addEventListener('close', () => window.closes++)", nil)
	page.fill("#name", name)
	page.evaluate("window.watch()", nil)
	page.await("!document.getElementById('say').hidden")
	return page
}

func says(page *tab, text string) { page.fill("#text", text) }

func (p *tab) awaitMessage(text string) {
	p.t.Helper()
	p.await(fmt.Sprintf("document.getElementById('messages').innerText.includes(%s)", quoteJS(text)))
}

// messages counts the lines that say a text.
func (p *tab) messages(text string) int {
	p.t.Helper()
	var count int
	p.evaluate(fmt.Sprintf("[...document.querySelectorAll('#messages li')].filter((line) => line.innerText.includes(%s)).length", quoteJS(text)), &count)
	return count
}

func TestChatRoomInTheBrowser(t *testing.T) {
	g := chatRoom(t)
	b := startBrowser(t)
	tom, ann := enterChat(b, g, "Tom", "php"), enterChat(b, g, "Ann", "python")
	tom.awaitMessage("Ann joined")
	if who := tom.text("#who"); who != "Tom through PHP" {
		t.Errorf("tom is %q", who)
	}
	if who := ann.text("#who"); who != "Ann through Python" {
		t.Errorf("ann is %q", who)
	}

	says(tom, "hello from PHP")
	ann.awaitMessage("hello from PHP")
	says(ann, "hello from Python")
	tom.awaitMessage("hello from Python")

	chatDuringAReload(t, g, tom, ann)
	chatDuringACrash(t, g, tom, ann)
	chatEscapes(t, tom, ann)
	chatAfterReconnect(t, tom, ann)

	ann.close()
	tom.awaitMessage("Ann left")
}

// chatDuringAReload: nobody is logged out and no WebSocket closes.
func chatDuringAReload(t *testing.T, g *gateway, tom, ann *tab) {
	t.Helper()
	reloaded := make(chan result, 1)
	go func() { reloaded <- g.run("reload") }()
	const lines = 20
	for n := range lines {
		says(tom, fmt.Sprintf("tom's line %d.", n))
		says(ann, fmt.Sprintf("ann's line %d.", n))
	}
	r := <-reloaded
	r.wantExit(t, exitOK)
	says(tom, "after the reload")
	ann.awaitMessage("after the reload")
	for _, page := range []*tab{tom, ann} {
		for n := range lines {
			for _, name := range []string{"tom", "ann"} {
				text := fmt.Sprintf("%s's line %d.", name, n)
				page.awaitMessage(text)
				if count := page.messages(text); count != 1 {
					t.Errorf("%q is on the page %d times", text, count)
				}
			}
		}
	}
	wantOpen(t, tom, ann)
}

// chatDuringACrash: with every handler killed the page stays connected.
func chatDuringACrash(t *testing.T, g *gateway, tom, ann *tab) {
	t.Helper()
	for _, pid := range g.workers() {
		g.kill(pid, 9)
	}
	says(tom, "said into the crash")
	ann.awaitMessage("said into the crash")
	says(ann, "answered after it")
	tom.awaitMessage("answered after it")
	wantOpen(t, tom, ann)
}

// wantOpen fails when a WebSocket closed since its page entered.
func wantOpen(t *testing.T, pages ...*tab) {
	t.Helper()
	for _, page := range pages {
		var closes int
		page.evaluate("window.closes", &closes)
		if state := page.text("#state"); closes != 0 || state != "connected" {
			t.Errorf("%d closes, %s", closes, state)
		}
	}
}

func chatEscapes(t *testing.T, tom, ann *tab) {
	t.Helper()
	const evil = `<img src=x onerror="window.evil=1"><b>bold</b>`
	says(tom, evil)
	ann.awaitMessage(evil)
	var evils int
	ann.evaluate("document.querySelectorAll('#messages img').length + (window.evil ?? 0)", &evils)
	if evils != 0 {
		t.Error("a message became HTML")
	}
}

// chatAfterReconnect: the page comes back by itself, is logged in again, and
// has what was said while it was away.
func chatAfterReconnect(t *testing.T, tom, ann *tab) {
	t.Helper()
	tom.evaluate("socket.close()", nil)
	says(ann, "said while Tom is away")
	tom.await("document.getElementById('state').dataset.state === 'open'")
	tom.awaitMessage("said while Tom is away")
	if count := tom.messages("hello from Python"); count != 1 {
		t.Errorf("after the reconnect an old message is on the page %d times", count)
	}
	says(tom, "back again")
	ann.awaitMessage("back again")
}

// Somebody who comes later reads what was said before, through whichever
// language.
func TestChatHistoryInTheBrowser(t *testing.T) {
	g := chatRoom(t)
	b := startBrowser(t)
	tom := enterChat(b, g, "Tom", "php")
	for n := range 60 {
		says(tom, fmt.Sprintf("line %d.", n))
	}
	tom.awaitMessage("line 59.")
	for _, via := range []string{"php", "python"} {
		eve := enterChat(b, g, "Eve", via)
		eve.awaitMessage("line 59.")
		if first, before := eve.messages("line 10."), eve.messages("line 9."); first != 1 || before != 0 {
			t.Errorf("through %s the history does not hold the last 50 messages", via)
		}
	}
}
