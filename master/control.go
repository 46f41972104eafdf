package master

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"gw/master/api"
)

const (
	// controlPatience is how long a request waits for the loop. The loop never
	// waits for anybody, so this is only reached when the machine stands still.
	controlPatience = 2 * time.Second
	// bodyPatience is how long a request's head, and then its body, may take.
	bodyPatience = 5 * time.Second
	// maxControlBody bounds what a client of the control socket may send.
	maxControlBody = 64 << 10
	// controlBacklog of clients that were not accepted yet.
	controlBacklog = 128
)

// controlServer answers HTTP on the control socket. Its goroutines own no state:
// they ask the owner loop.
type controlServer struct {
	http   *http.Server
	socket *socketFile
	ended  chan struct{}
}

// listenControl binds the control socket. The caller holds the lock, so a file
// that is there belongs to a dead master.
func listenControl(path string) (net.Listener, *socketFile, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, nil, fmt.Errorf("control socket: %s exists and is not a socket", path)
		}
		os.Remove(path)
	}
	fd, file, err := listenUnix(path, ownerOnly, controlBacklog)
	if err != nil {
		return nil, nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		file.remove()
		return nil, nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return l, file, nil
}

func serveControl(s *supervisor, l net.Listener, file *socketFile) *controlServer {
	c := &controlServer{socket: file, ended: make(chan struct{})}
	c.http = &http.Server{
		Handler: s.controlHandler(), ConnContext: withPeer,
		// No ReadTimeout: when it passes, net/http cancels the request's context
		// even while the answer is on its way, and a reload may take minutes.
		ReadHeaderTimeout: bodyPatience, IdleTimeout: 30 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(c.ended)
		c.http.Serve(l)
	}()
	return c
}

// close lets answers that are under way finish for a moment.
func (c *controlServer) close() {
	c.socket.remove()
	patience, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if c.http.Shutdown(patience) != nil {
		c.http.Close()
	}
	<-c.ended
}

// peerKey is the context key of a connection's user id.
type peerKey struct{}

// withPeer notes who is at the other end (unix(7), SO_PEERCRED).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uid := -1
	if socket, ok := c.(*net.UnixConn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					uid = int(who.Uid)
				}
			})
		}
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

// allowed are root and our own user. The mode of the socket file says the same;
// this holds also when somebody has changed it.
func allowed(ctx context.Context) bool {
	uid, ok := ctx.Value(peerKey{}).(int)
	return ok && (uid == 0 || uid == os.Geteuid())
}

func (s *supervisor) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/version", s.serveVersion)
	mux.HandleFunc("GET /v1/status", s.serveStatus)
	mux.HandleFunc("GET /v1/connections", s.serveConnections)
	mux.HandleFunc("POST /v1/reload", s.serveReload)
	mux.HandleFunc("POST /v1/stop", s.serveStop)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "no such resource: "+r.Method+" "+r.URL.Path, "see GET /v1/status")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r.Context()) {
			refuse(w, http.StatusForbidden, "only root and the user gw runs as may use the control socket", "")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		mux.ServeHTTP(w, r)
	})
}

func (s *supervisor) serveVersion(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, api.Version{Version: s.options.Version, Go: runtime.Version(), PID: os.Getpid()})
}

func (s *supervisor) serveStatus(w http.ResponseWriter, r *http.Request) {
	reply := make(chan api.Status, 1)
	status, err := await(s, r, reply, func() {
		s.askStatus(func(bool) { reply <- s.status() })
	})
	if err != nil {
		refuseBusy(w)
		return
	}
	s.measure(&status)
	answer(w, http.StatusOK, status)
}

func (s *supervisor) serveConnections(w http.ResponseWriter, r *http.Request) {
	type result struct {
		ok   bool
		list api.Connections
	}
	filter, reply := r.URL.Query().Get("filter"), make(chan result, 1)
	got, err := await(s, r, reply, func() {
		q := newConnectionsQuery()
		s.ask(q, filter, func(ok bool) {
			reply <- result{ok, api.Connections{Total: q.total, Connections: s.connectionRows(q.connections)}}
		})
	})
	switch {
	case err != nil:
		refuseBusy(w)
	case !got.ok:
		refuse(w, http.StatusGatewayTimeout, "the gateway process does not answer", "see its state in gw status")
	default:
		answer(w, http.StatusOK, got.list)
	}
}

func (s *supervisor) serveReload(w http.ResponseWriter, r *http.Request) {
	var request api.ReloadRequest
	if !decode(w, r, &request) {
		return
	}
	type begun struct {
		progress *progress
		busy     string
	}
	reply := make(chan begun, 1)
	got, err := await(s, r, reply, func() {
		p, busy := s.beginReload(request.Pool)
		reply <- begun{p, busy}
	})
	switch {
	case err != nil:
		refuseBusy(w)
	case got.busy != "":
		// Both shapes: an Error like every failure, and the last line of a reload.
		answer(w, http.StatusConflict, struct {
			api.Error
			api.ReloadEvent
		}{api.Error{Message: "reload refused: " + got.busy}, api.ReloadEvent{Result: "busy", Reason: got.busy}})
	case request.NoWait:
		answer(w, http.StatusAccepted, api.ReloadEvent{Result: "accepted"})
	default:
		streamProgress(w, r, got.progress)
	}
}

// streamProgress writes one line for each event until the reload is over or the
// client leaves; the reload goes on without it.
func streamProgress(w http.ResponseWriter, r *http.Request, p *progress) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	lines := json.NewEncoder(w)
	for sent := 0; ; {
		events, changed := p.from(sent)
		for _, e := range events {
			if lines.Encode(e) != nil {
				return
			}
			if e.Result != "" {
				return
			}
		}
		sent += len(events)
		if control.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *supervisor) serveStop(w http.ResponseWriter, r *http.Request) {
	var request api.StopRequest
	if !decode(w, r, &request) {
		return
	}
	if request.Timeout < 0 || request.Timeout > 1e6 {
		refuse(w, http.StatusBadRequest, "timeout_seconds is out of range", "")
		return
	}
	reply := make(chan struct{}, 1)
	limit := time.Duration(request.Timeout * float64(time.Second))
	if _, err := await(s, r, reply, func() {
		s.beginStop(request.Graceful, limit, "gw stop")
		reply <- struct{}{}
	}); err != nil {
		refuseBusy(w)
		return
	}
	answer(w, http.StatusAccepted, struct {
		State string `json:"state"`
	}{"stopping"})
}

// await has the loop run f and waits for what f, or what it sets off, puts into
// reply. The channel has room for it: the loop does not wait for us.
func await[T any](s *supervisor, r *http.Request, reply <-chan T, f func()) (result T, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), controlPatience+connectionsPatience)
	defer cancel()
	if err := s.call(ctx, f); err != nil {
		return result, err
	}
	select {
	case result = <-reply:
		return result, nil
	case <-ctx.Done():
	case <-s.done:
	}
	return result, errBusy
}

// decode reads a body that may be missing.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(bodyPatience))
	defer control.SetReadDeadline(time.Time{})
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		refuse(w, http.StatusBadRequest, "request body: "+err.Error(), "")
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message, hint string) {
	answer(w, status, api.Error{Message: message, Hint: hint})
}

func refuseBusy(w http.ResponseWriter) {
	refuse(w, http.StatusServiceUnavailable, "gw is stopping, or the machine is too busy to answer", "")
}
