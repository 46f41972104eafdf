package master

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"gw/master/api"
)

// request asks a handler that no loop stands behind.
func request(t *testing.T, uid int, method, path, body string) (int, api.Error) {
	t.Helper()
	s := &supervisor{options: Options{Version: "test"}, log: slog.New(slog.DiscardHandler), inbox: make(chan func()), done: make(chan struct{})}
	close(s.done)
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r = r.WithContext(context.WithValue(r.Context(), peerKey{}, uid))
	w := httptest.NewRecorder()
	s.controlHandler().ServeHTTP(w, r)
	var failure api.Error
	if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return w.Code, failure
}

func TestOnlyRootAndOurUserMayAsk(t *testing.T) {
	for uid, want := range map[int]int{0: 200, os.Geteuid(): 200, 54321: 403, -1: 403} {
		if code, _ := request(t, uid, "GET", "/v1/version", ""); code != want {
			t.Errorf("uid %d: %d, want %d", uid, code, want)
		}
	}
}

func TestFaultsOfRequestsAreErrors(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/", "", 404},
		{"GET", "/v1/reload", "", 404},
		{"POST", "/v1/reload", "{", 400},
		{"POST", "/v1/reload", `{"pol": "web"}`, 400},
		{"POST", "/v1/reload", strings.Repeat(" ", maxControlBody+1), 400},
		{"POST", "/v1/stop", `{"timeout_seconds": -1}`, 400},
		{"GET", "/v1/status", "", 503},
		{"GET", "/v1/connections", "", 503},
		{"POST", "/v1/reload", "", 503},
		{"POST", "/v1/stop", "", 503},
	} {
		code, failure := request(t, 0, c.method, c.path, c.body)
		if code != c.want || failure.Message == "" {
			t.Errorf("%s %s: %d %q, want %d", c.method, c.path, code, failure.Message, c.want)
		}
	}
}

func TestControlSocketTakesTheStaleOnesPlace(t *testing.T) {
	path := shortFolder(t) + "/s"
	for range 2 {
		l, file, err := listenControl(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Lstat(path); info.Mode().Perm() != 0o600 {
			t.Errorf("mode %o", info.Mode().Perm())
		}
		_ = file // a master that was killed does not remove it
		l.Close()
	}
	os.Remove(path)
	os.WriteFile(path, nil, 0o600)
	if _, _, err := listenControl(path); err == nil {
		t.Error("a file was taken for a socket")
	}
}
