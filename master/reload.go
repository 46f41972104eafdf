package master

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gw/master/api"
	"gw/master/config"
)

const (
	// confirmPatience is how long the gateway may take to confirm the new
	// configuration at the end of a reload.
	confirmPatience = 5 * time.Second
	// minDraining workers of a pool may drain at once whatever its size.
	minDraining = 4
)

// reload is one graceful reload under way.
//
// Its order: read the configuration and bind new listeners (a fault ends it and
// nothing has changed); then slot by slot, or some slots at a time, start new,
// wait until ready, swap, drain old; and at last commit: listeners, routes and limits change, what is no
// longer configured goes. The first worker that does not become ready aborts it.
type reload struct {
	filter    string // one pool alone; empty: all
	progress  *progress
	began     time.Time
	config    *config.Config // nil: still being read
	keyring   keyring
	pools     []*config.Pool // of config
	fresh     []*listener    // bound, not in use yet
	logs      []*accessLog   // opened, not in use yet
	added     []*pool
	steps     []*step        // the first is under way
	proven    map[*pool]bool // a new worker of it has lived through its trial
	replaced  int
	total     int
	committed uint64    // Seq of the final Configure
	deadline  time.Time // for its confirmation
}

// step replaces slots, or adds them.
type step struct {
	pool    *pool
	config  *config.Pool
	numbers []int
	adds    bool
	started bool
	waiting map[*slot]bool // not swapped yet
}

// covers says whether sl waits for its new worker in the present step.
func (r *reload) covers(sl *slot) bool {
	return r != nil && len(r.steps) > 0 && r.steps[0].waiting[sl]
}

// beginReload starts a reload; busy says why it cannot be now.
func (s *supervisor) beginReload(filter string) (p *progress, busy string) {
	switch {
	case s.phase != phaseRunning:
		return nil, "gw is " + string(s.phase)
	case s.reload != nil:
		return nil, fmt.Sprintf("a reload is under way since %s", time.Since(s.reload.began).Round(time.Millisecond))
	}
	s.outputs.reopen()
	if s.options.Reopen != nil {
		s.options.Reopen()
	}
	r := &reload{filter: filter, progress: newProgress(), began: time.Now(), proven: map[*pool]bool{}}
	s.reload = r
	s.log.Info("Reload begins", "pool", filter)
	old, have := s.config, map[string]bool{}
	for _, l := range s.listeners {
		have[l.key] = true
	}
	s.goroutines.Go(func() {
		c, ring, fresh, err := s.prepareReload(filter, old, have)
		var logs []*accessLog
		if err == nil {
			logs, err = openAccessLogs(c, s.options.Stdout)
		}
		if !s.post(func() {
			r.logs = logs
			s.reloadPrepared(r, c, ring, fresh, err)
		}) {
			closeListeners(fresh)
			closeAccessLogs(logs)
		}
	})
	return r.progress, ""
}

// prepareReload does what can fail, and change nothing, outside the loop.
func (s *supervisor) prepareReload(filter string, old *config.Config, have map[string]bool) (*config.Config, keyring, []*listener, error) {
	c := old
	var err error
	if s.options.Reread != nil {
		if c, err = s.options.Reread(); err != nil {
			return nil, nil, nil, fmt.Errorf("configuration: %w", err)
		}
	}
	if filter != "" {
		if c, err = onlyPool(old, c, filter); err != nil {
			return nil, nil, nil, err
		}
	}
	if c.PIDFile != old.PIDFile || c.Control != old.Control {
		s.log.Warn("Paths of pid file and control socket change only with a restart")
	}
	if loopsOf(c) != loopsOf(old) {
		s.log.Warn("loops changes only with a restart")
	}
	warn(s.log, c)
	if err := prepareGatewayFolders(c); err != nil {
		return nil, nil, nil, err
	}
	ring, err := readKeyring(c)
	if err != nil {
		return nil, nil, nil, err
	}
	fresh, err := bindMissing(c, have, s.system.bind)
	return c, ring, fresh, err
}

// onlyPool is the old configuration with one pool as the new one has it.
func onlyPool(old, c *config.Config, name string) (*config.Config, error) {
	at := slices.IndexFunc(c.Pools, func(p config.Pool) bool { return p.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no pool %q in the configuration", name)
	}
	mixed := *old
	mixed.Pools = slices.Clone(old.Pools)
	if i := slices.IndexFunc(mixed.Pools, func(p config.Pool) bool { return p.Name == name }); i >= 0 {
		mixed.Pools[i] = c.Pools[at]
	} else {
		mixed.Pools = append(mixed.Pools, c.Pools[at])
	}
	return &mixed, nil
}

func (s *supervisor) reloadPrepared(r *reload, c *config.Config, ring keyring, fresh []*listener, err error) {
	if s.reload != r {
		closeListeners(fresh) // it was aborted meanwhile
		closeAccessLogs(r.logs)
		return
	}
	if err != nil {
		closeListeners(fresh)
		s.abortReload(err.Error(), "")
		return
	}
	r.config, r.keyring, r.pools, r.fresh = c, ring, effectivePools(c), fresh
	for _, p := range r.pools {
		s.planPool(r, p)
	}
	if len(r.added) > 0 {
		s.configure() // their workers come before their listeners
	}
}

// planPool adds the steps for one pool of the new configuration.
func (s *supervisor) planPool(r *reload, c *config.Pool) {
	p := s.findPool(c.Name)
	if p == nil {
		p = &pool{name: c.Name, config: c}
		s.pools = append(s.pools, p)
		r.added = append(r.added, p)
	}
	present := len(p.slots)
	if r.filter == "" || r.filter == c.Name {
		if c.Reload {
			for _, numbers := range turns(min(present, c.Workers), c.ReloadParallel) {
				r.plan(&step{pool: p, config: c, numbers: numbers})
			}
		} else {
			r.progress.add(api.ReloadEvent{Pool: c.Name, State: "unchanged", Reason: "reload: false"})
		}
	}
	if c.Workers > present {
		grown := &step{pool: p, config: c, adds: true}
		for n := present; n < c.Workers; n++ {
			grown.numbers = append(grown.numbers, n+1)
		}
		r.plan(grown)
	}
}

// turns divides the slots 1 to n. The first is alone: it shows that the new
// code runs. Then as many at a time as the pool allows.
func turns(n, parallel int) (all [][]int) {
	size := 1
	for first := 1; first <= n; first += size {
		if first > 1 {
			size = max(parallel, 1)
		}
		var numbers []int
		for number := first; number < first+size && number <= n; number++ {
			numbers = append(numbers, number)
		}
		all = append(all, numbers)
	}
	return all
}

func (r *reload) plan(st *step) {
	st.waiting = map[*slot]bool{}
	r.steps = append(r.steps, st)
	r.total += len(st.numbers)
}

// advanceReload takes the next steps, as far as the present one is done.
func (s *supervisor) advanceReload(now time.Time) {
	r := s.reload
	if r == nil || r.config == nil || r.committed != 0 || !s.gateway.configured {
		return
	}
	for len(r.steps) > 0 {
		st := r.steps[0]
		if !st.started {
			if s.leaving(st.pool) >= max(minDraining, len(st.pool.slots)) {
				return // memory is bounded: first let old workers end
			}
			s.startStep(st, now)
		}
		if len(st.waiting) > 0 {
			return
		}
		r.steps = r.steps[1:]
	}
	s.commitReload(now)
}

// leaving counts the workers of a pool that are on their way out.
func (s *supervisor) leaving(p *pool) int {
	count := 0
	for _, w := range s.workers {
		if w.slot.pool == p && !w.alive() {
			count++
		}
	}
	return count
}

func (s *supervisor) startStep(st *step, now time.Time) {
	st.started = true
	for _, n := range st.numbers {
		if n > len(st.pool.slots) {
			st.pool.slots = append(st.pool.slots, st.pool.newSlot(n, st.config))
		}
		sl := st.pool.slots[n-1]
		if sl.next != nil {
			s.cancel(sl.next, "replaced by a reload")
		}
		sl.config, sl.backoff, sl.unready = st.config, backoff{}, false
		st.waiting[sl] = true
		s.start(sl, now)
	}
}

// cancel stops a worker that has not become ready.
func (s *supervisor) cancel(w *worker, why string) {
	w.slot.release(w)
	w.failure = why
	s.terminate(w)
}

func (s *supervisor) reloadStarted(w *worker) {
	if s.reload.covers(w.slot) {
		s.reload.progress.add(s.reloadEvent(w, w.slot.current, "started"))
	}
}

func (s *supervisor) reloadSwapped(w, old *worker) {
	r := s.reload
	if !r.covers(w.slot) {
		return
	}
	delete(r.steps[0].waiting, w.slot)
	r.replaced++
	r.proven[w.slot.pool] = true
	state := "replaced"
	if r.steps[0].adds {
		state = "added"
	}
	r.progress.add(s.reloadEvent(w, old, state))
}

func (s *supervisor) reloadFailed(w *worker, reason string) {
	e := s.reloadEvent(w, w.slot.current, "failed")
	e.Reason = reason
	s.reload.progress.add(e)
	s.abortReload(fmt.Sprintf("pool %s, slot %d: new handler did not start: %s", w.slot.pool.name, w.slot.number, reason), w.tail())
}

func (s *supervisor) reloadEvent(w, old *worker, state string) api.ReloadEvent {
	e := api.ReloadEvent{
		Pool: w.slot.pool.name, Slot: w.slot.number, PID: w.pid(), State: state,
		Took: time.Since(w.startedAt).Seconds(),
	}
	if old != nil {
		e.OldPID = old.pid()
	}
	return e
}

// abortReload keeps the old configuration. Slots that were replaced keep their
// new worker, which was ready; what they start next is the old again.
func (s *supervisor) abortReload(reason, output string) {
	r := s.reload
	if r == nil {
		return
	}
	if r.committed != 0 { // all workers and the configuration are new already
		s.finishReload("ok", "", "")
		return
	}
	for _, st := range r.steps {
		for sl := range st.waiting {
			if sl.next != nil {
				s.cancel(sl.next, "reload aborted")
			}
		}
	}
	for _, p := range slices.Clone(s.pools) {
		if slices.Contains(r.added, p) {
			s.removePool(p)
			continue
		}
		s.useConfig(p, p.config)
	}
	closeListeners(r.fresh)
	closeAccessLogs(r.logs)
	if len(r.added) > 0 {
		s.configure()
	}
	if r.replaced > 0 {
		reason += fmt.Sprintf(" (%d of %d slots were replaced before and run the new code)", r.replaced, r.total)
	}
	s.finishReload("aborted", reason, output)
}

// commitReload brings the new configuration into use.
func (s *supervisor) commitReload(now time.Time) {
	r := s.reload
	s.config = r.config
	s.useKeyring(r.keyring)
	removed := s.arrangePools(r.pools)
	s.arrangeListeners(r)
	s.adoptAccessLogs(r.logs)
	r.deadline = now.Add(confirmPatience)
	r.committed = s.configure() // before the drains: no new work for what goes
	for _, p := range removed {
		s.removePool(p)
	}
	for _, p := range s.pools {
		s.useConfig(p, p.config)
	}
}

// arrangePools puts the pools into the order of the configuration and returns
// those it does not name any more.
func (s *supervisor) arrangePools(configs []*config.Pool) (removed []*pool) {
	var pools []*pool
	for _, c := range configs {
		p := s.findPool(c.Name)
		p.config = c
		pools = append(pools, p)
	}
	for _, p := range s.pools {
		if !slices.Contains(pools, p) {
			removed = append(removed, p)
		}
	}
	s.pools = pools
	return removed
}

// arrangeListeners does the same for the listeners, and closes those that are
// not named any more.
func (s *supervisor) arrangeListeners(r *reload) {
	s.adoptListeners(r.fresh)
	r.fresh = nil
	present := map[string]*listener{}
	for _, l := range s.listeners {
		present[l.key] = l
	}
	s.listeners = nil
	for i, key := range listenerKeys(r.config.Listeners) {
		l := present[key]
		delete(present, key)
		old := l.config.Socket
		l.config = r.config.Listeners[i]
		if err := l.setOptions(); err != nil {
			s.log.Warn("An option of a listener stays as it was", "listener", l.text(), "err", err)
		}
		if now := l.config.Socket; old.ReusePort != now.ReusePort || old.IPv6Only != now.IPv6Only {
			s.log.Warn("reuse_port and ipv6_only change only with a restart", "listener", l.text())
		}
		s.listeners = append(s.listeners, l)
	}
	for _, l := range present {
		s.log.Info("Listener is closed", "listener", l.text())
		l.close()
	}
}

// useConfig gives a pool's slots their configuration and takes away those that
// it has no place for.
func (s *supervisor) useConfig(p *pool, c *config.Pool) {
	for len(p.slots) > c.Workers {
		last := len(p.slots) - 1
		s.emptySlot(p.slots[last])
		p.slots = p.slots[:last]
	}
	for _, sl := range p.slots {
		sl.config = c
	}
}

func (s *supervisor) removePool(p *pool) {
	s.pools = slices.DeleteFunc(s.pools, func(other *pool) bool { return other == p })
	for _, sl := range p.slots {
		s.emptySlot(sl)
	}
}

// emptySlot lets the workers of a slot go.
func (s *supervisor) emptySlot(sl *slot) {
	e := api.ReloadEvent{Pool: sl.pool.name, Slot: sl.number, State: "removed"}
	if sl.current != nil {
		e.OldPID = sl.current.pid()
	}
	if s.reload != nil {
		s.reload.progress.add(e)
	}
	for _, w := range sl.workers() {
		sl.release(w)
		s.drain(w, "not configured any more")
	}
}

// unconfirmedReload ends a reload whose last message the gateway has not
// confirmed. Every worker has said that it is ready; only limits and routes may
// come late.
func (s *supervisor) unconfirmedReload() {
	s.log.Warn("Gateway has not confirmed the new configuration", "pid", s.gateway.pid(), "took", confirmPatience)
	s.finishReload("ok", "", "")
}

func (s *supervisor) finishReload(result, reason, output string) {
	r := s.reload
	s.reload = nil
	s.lastReload = &api.Reload{At: time.Now(), Result: result, Reason: reason}
	r.progress.add(api.ReloadEvent{Result: result, Reason: reason, Output: output, Took: time.Since(r.began).Seconds()})
	if result == "ok" {
		s.log.Info("Reload done", "slots", r.replaced, "took", time.Since(r.began))
		return
	}
	s.log.Error("Reload aborted, the old code keeps serving", "reason", reason, "output", lastLine(output))
}

// lastLine is the line of a handler's output that most likely names the reason.
func lastLine(output string) string {
	output = strings.TrimRight(output, "\n")
	return output[strings.LastIndexByte(output, '\n')+1:]
}

func named(name string) func(*config.Pool) bool {
	return func(p *config.Pool) bool { return p.Name == name }
}
