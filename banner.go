package main

import (
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"

	"gw/master/api"
)

// printBanner shows what serves where: a row per listener and pool, one per
// listener with files alone, and one per pool that no listener leads to.
func printBanner(w io.Writer, p palette, s *api.Status) {
	fmt.Fprintf(w, "%s  %s  %s  pid %d\n", p.paint(bold, "gw "+s.Version), goVersion(), kernel(), s.PID)
	fmt.Fprintf(w, "%s\n\n", s.ConfigFile)
	t := &table{titles: []string{"proto", "user", "pool", "listen", "workers", "state"}, right: map[string]bool{"workers": true}}
	for _, l := range s.Listeners {
		proto, _, _ := strings.Cut(l.Listen, "://")
		if l.TLS {
			proto += "+tls"
		}
		if len(l.Pools) == 0 {
			t.add(proto, "-", "-", l.Listen, "-", "files")
		}
		for _, pool := range s.Pools {
			if slices.Contains(l.Pools, pool.Name) {
				addPool(t, proto, l.Listen, pool)
			}
		}
	}
	for _, pool := range s.Pools {
		if !served(s.Listeners, pool.Name) {
			addPool(t, "-", "-", pool)
		}
	}
	_ = t.write(w, p) // a closed terminal is no reason to stop serving
}

func served(listeners []api.Listener, pool string) bool {
	return slices.ContainsFunc(listeners, func(l api.Listener) bool { return slices.Contains(l.Pools, pool) })
}

func addPool(t *table, proto, listen string, pool api.Pool) {
	state := "ready"
	if pool.Ready == 0 {
		state = "not ready"
	} else if pool.Ready < pool.Workers {
		state = fmt.Sprintf("%d ready", pool.Ready)
	}
	t.add(proto, account(pool.User), pool.Name, listen, fmt.Sprint(pool.Workers), state)
}

// account is the user a pool runs as: without a name the one who starts gw.
func account(name string) string {
	if name != "" {
		return name
	}
	if who, err := user.Current(); err == nil {
		return who.Username
	}
	return "-"
}
