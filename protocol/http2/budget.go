package http2

// What a client may make us do for nothing. A request costs nothing, nor do body bytes and windows: they are bounded by
// streams, windows and time-outs. A browser that leaves a page cancels a hundred requests at once, a client may ping every
// second: such things fit by far.
const (
	maxBudget = 4000
	refill    = 200 // a second

	costReset    = 4  // of a stream by the client before its answer was complete (CVE-2023-44487), or by us for a fault
	costSettings = 20 // (CVE-2019-9515)
	costPing     = 1  // (CVE-2019-9512)
	costEmpty    = 1  // DATA without data (CVE-2019-9518), CONTINUATION without a fragment
	costTiny     = 1  // of our DATA frames cut down by a tiny window (CVE-2019-9511, CVE-2019-9517)
	tiny         = 256
)

func (c *Conn) charge(cost int32) error {
	if c.budget -= cost; c.budget < 0 {
		return errCalm
	}
	return nil
}

// Refill gives the client the budget of so many seconds.
func (c *Conn) Refill(seconds int) {
	if seconds > 0 {
		c.budget = int32(min(int64(c.budget)+refill*int64(min(seconds, maxBudget)), maxBudget))
	}
}

// Exhausted reports that windows were kept so small that answers cost more than they are worth: close with Fail(Calm).
func (c *Conn) Exhausted() bool { return c.budget < 0 }

// Calm is why a connection that is Exhausted ends.
var Calm = errCalm
