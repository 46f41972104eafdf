package tests

import (
	"strings"
	"testing"
)

func TestPublishReachesTheGroup(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "room", workers: 2})
		tom, ann, eve := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		tom.ask("join kitchen")
		ann.ask("join kitchen")
		eve.ask("join cellar")
		if got := tom.ask("count kitchen"); got != "count 2" {
			t.Errorf("answer %q", got)
		}
		eve.send("publish kitchen hello there")
		eve.want("done publish")
		tom.want("hello there")
		ann.want("hello there")

		tom.send("others kitchen not to me")
		tom.want("done others")
		ann.want("not to me")

		ann.ask("leave kitchen")
		g.exchange("POST", "/?group=kitchen", "from a request")
		tom.want("from a request")
		if got := ann.ask("count kitchen"); got != "count 1" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestUserIdsAndBroadcast(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "room", workers: 2})
		phone, laptop, other := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		if got := other.ask("online tom"); got != "online false" {
			t.Errorf("answer %q", got)
		}
		phone.ask("bind tom")
		laptop.ask("bind tom")
		if got := other.ask("online tom"); got != "online true" {
			t.Errorf("answer %q", got)
		}
		other.send("whisper tom dinner is ready")
		other.want("done whisper")
		phone.want("dinner is ready")
		laptop.want("dinner is ready")

		other.send("broadcast everybody")
		phone.want("everybody")
		laptop.want("everybody")
		got := []string{other.receive(), other.receive()}
		if !strings.Contains(strings.Join(got, ","), "everybody") {
			t.Errorf("the sender of a broadcast heard %q", got)
		}
		phone.leave(1000)
		laptop.leave(1000)
		eventually(t, patience, "tom is offline", func() bool { return other.ask("online tom") == "online false" })
	})
}

func TestSessionSurvivesReloadsAndCrashes(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "session", workers: 2})
		w := openWebSocket(g, "http", "/")
		wantSession(t, w.ask("login Tom"), "Tom 1 ")
		first := w.ask("hello")
		wantSession(t, first, "Tom 2 ")

		g.mustRun("reload")
		second := w.ask("hello")
		wantSession(t, second, "Tom 3 ")
		if pidIn(first) == pidIn(second) {
			t.Error("the reload did not replace the worker")
		}

		for _, pid := range g.workers() {
			g.kill(pid, 9)
			g.awaitReplaced(pid)
		}
		wantSession(t, w.ask("hello"), "Tom 4 ")
	})
}

func wantSession(t *testing.T, answer, prefix string) {
	t.Helper()
	if !strings.HasPrefix(answer, prefix) {
		t.Fatalf("session %q, want %q", answer, prefix)
	}
}

func pidIn(answer string) string { return answer[strings.LastIndexByte(answer, ' ')+1:] }

func TestGroupsSurviveReload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "room", workers: 2})
		tom, ann := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		tom.ask("join kitchen")
		tom.ask("bind tom")
		g.mustRun("reload")
		ann.send("publish kitchen still there")
		tom.want("still there")
		ann.want("done publish")
		if got := ann.ask("online tom"); got != "online true" {
			t.Errorf("answer %q", got)
		}
	})
}
