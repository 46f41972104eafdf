package report

// BudgetConnections is the load the processor budgets are stated for.
const BudgetConnections = 64

// budgets are µs of processor time per request over all processes of gw, with
// one worker, ext-msgpack and opcache. Those of json are on top of what the
// handler takes alone, which differs by a factor of two between machines.
var budgets = map[string]float64{
	"hello gw-php": 7.5, "vary gw-php": 8.5, "json gw-php": 10.5, "ws gw-php": 7.0, "ws16 gw-php": 1.5, "text gw-php": 6.5,
	"hello gw-python": 8, "hello gw-wsgi": 11, "hello gw-asgi": 15,
	"json gw-python": 10, "json gw-asgi": 18, "ws gw-python": 9,
}

// interpreters run the handlers of gw's peers.
var interpreters = map[string]string{"gw-php": "php", "gw-python": "python3", "gw-asgi": "python3"}

// idleBudgets are KiB per idle connection of gw.
var idleBudgets = map[string]float64{"http": 0.6, "text": 0.6, "ws": 1, "tls": 14}

// Budget is what a row may cost; false when nothing is stated for it, such as
// for a fixed rate, where a server that is not busy wakes up for each request.
func (r *Report) Budget(row Row) (us float64, stated bool) {
	if row.Connections != BudgetConnections || row.Workers != 1 || row.FixedRate > 0 {
		return 0, false
	}
	us, stated = budgets[row.Scenario+" "+row.Peer]
	if stated && row.Scenario == "json" {
		us += r.Alone[interpreters[row.Peer]]
	}
	return us, stated
}

// Budget is what an idle connection may take.
func (i Idle) Budget() (kib float64, stated bool) {
	if i.Peer != "gw-php" {
		return 0, false
	}
	kib, stated = idleBudgets[i.Protocol]
	return kib, stated
}
