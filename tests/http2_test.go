package tests

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// One connection of HTTP/2 lives through reloads, and no request on it fails.
func TestHTTP2ConnectionSurvivesReloads(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		var dialled int
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
			dialled++ // the transport dials for one request at a time
			return g.dial("http"), nil
		}}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: time.Minute}
		get := func() error {
			r, err := client.Get("http://example.org/")
			if err != nil {
				return err
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != 200 || string(body) != "Hello Client" {
				return fmt.Errorf("%d %q %v", r.StatusCode, body, err)
			}
			return nil
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		reloaded := make(chan struct{})
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() {
				for {
					if err := get(); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-reloaded:
						return
					default:
					}
				}
			})
		}
		for range 2 {
			g.mustRun("reload")
		}
		close(reloaded)
		asking.Wait()
		if dialled != 1 {
			t.Errorf("%d connections were needed", dialled)
		}
	})
}
