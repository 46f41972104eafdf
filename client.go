package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"gw/master/api"
)

// answerTimeout bounds a question to the master, which answers in milliseconds
// whatever its handlers do.
const answerTimeout = 5 * time.Second

// client talks to a running master over its control socket.
type client struct {
	control string
	http    *http.Client
}

func newClient(control string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", control)
	}
	return &client{control, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// answers tells whether somebody listens on a control socket.
func answers(control string) bool {
	conn, err := net.DialTimeout("unix", control, answerTimeout)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (c *client) version(ctx context.Context) (*api.Version, error) {
	v := new(api.Version)
	return v, c.get(ctx, "/v1/version", v)
}

func (c *client) status(ctx context.Context) (*api.Status, error) {
	s := new(api.Status)
	return s, c.get(ctx, "/v1/status", s)
}

func (c *client) connections(ctx context.Context, filter string) (*api.Connections, error) {
	list := new(api.Connections)
	return list, c.get(ctx, "/v1/connections?filter="+url.QueryEscape(filter), list)
}

// reload hands every line of the reload's progress to each, until the last.
func (c *client) reload(ctx context.Context, request api.ReloadRequest, each func(api.ReloadEvent)) error {
	answer, err := c.call(ctx, http.MethodPost, "/v1/reload", request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for lines := json.NewDecoder(answer.Body); ; {
		var event api.ReloadEvent
		if err := lines.Decode(&event); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("progress of the reload: %w", err)
		}
		each(event)
	}
}

func (c *client) stop(ctx context.Context, request api.StopRequest) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := c.call(ctx, http.MethodPost, "/v1/stop", request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (c *client) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return c.failed(fmt.Errorf("answer to %s: %w", path, err))
	}
	return nil
}

// call returns the answer of a call that succeeded; its body is to be closed.
func (c *client) call(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var text io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("request of %s: %w", path, err)
		}
		text = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://gw"+path, text)
	if err != nil {
		return nil, fmt.Errorf("request of %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.failed(err)
	}
	if answer.StatusCode >= 400 {
		defer answer.Body.Close()
		return nil, refused(answer)
	}
	return answer, nil
}

// failed says what it means that the master cannot be talked to.
func (c *client) failed(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return notRunning(c.control)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return &failure{exitFailure, fmt.Sprintf("the control socket %s belongs to another user", c.control), "call gw as the user who started it, or with sudo"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return &failure{exitTimeout, fmt.Sprintf("the master does not answer on %s within %s", c.control, answerTimeout), "look into its log"}
	}
	return fmt.Errorf("control socket %s: %w", c.control, err)
}

func notRunning(control string) *failure {
	return &failure{exitNotRunning, fmt.Sprintf("gw is not running here (looked at %s)", control),
		"start it with gw start -d, or name its gw.yaml or handler"}
}

// refused turns the Error of the control API into a failure.
func refused(answer *http.Response) error {
	var e api.Error
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&e); err != nil || e.Message == "" {
		e.Message = "the master answered " + answer.Status
	}
	f := &failure{exitFailure, e.Message, e.Hint}
	switch answer.StatusCode {
	case http.StatusConflict:
		f.code = exitReloadBusy
	case http.StatusUnprocessableEntity:
		f.code = exitConfig
	}
	return f
}
