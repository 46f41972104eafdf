package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// status is the part of GET /v1/status that we look at.
type status struct {
	State   string `json:"state"`
	Gateway struct {
		PID int `json:"pid"`
	} `json:"gateway"`
	Listeners []struct {
		Name        string `json:"name"`
		Connections int    `json:"connections"`
	} `json:"listeners"`
	Pools   []pool   `json:"pools"`
	Workers []worker `json:"workers"`
	Totals  struct {
		InFlight int `json:"in_flight"`
	} `json:"totals"`
}

type pool struct {
	Name        string `json:"name"`
	Workers     int    `json:"workers"`
	Ready       int    `json:"ready"`
	Queued      int    `json:"queued"`
	Retried     uint64 `json:"retried"`
	Redelivered uint64 `json:"redelivered"`
	SetAside    uint64 `json:"set_aside"`
}

type worker struct {
	Pool     string `json:"pool"`
	Slot     int    `json:"slot"`
	PID      int    `json:"pid"`
	State    string `json:"state"`
	InFlight int    `json:"in_flight"`
}

// status asks the control socket: cheaper than the command, which is a process.
func (g *gw) status() (*status, error) {
	socket := filepath.Join(g.site.state(), "control.sock")
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
		}}}
	response, err := client.Get("http://gw/v1/status")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status: %s", response.Status)
	}
	s := new(status)
	return s, json.NewDecoder(response.Body).Decode(s)
}

// ready reports that every configured worker gets work, and no others are left.
func (s *status) ready() bool {
	if s.State != "running" || len(s.Pools) == 0 {
		return false
	}
	active := map[string]int{}
	for _, w := range s.Workers {
		if w.State != "active" {
			return false
		}
		active[w.Pool]++
	}
	for _, p := range s.Pools {
		if active[p.Name] != p.Workers {
			return false
		}
	}
	return true
}

// active are a pool's workers that get work.
func (s *status) active(pool string) (list []worker) {
	for _, w := range s.Workers {
		if w.Pool == pool && w.State == "active" {
			list = append(list, w)
		}
	}
	return list
}

// replaced reports that the slot of w has another worker by now, or is gone.
func (s *status) replaced(w worker) bool {
	slot := false
	for _, now := range s.Workers {
		if now.Pool == w.Pool && now.Slot == w.Slot {
			if now.PID != w.PID && now.State == "active" {
				return true
			}
			slot = true
		}
	}
	return !slot
}
