package report

import "gw/bench/gauge"

// Idle is the memory of connections that rest.
type Idle struct {
	Protocol    string                      `json:"protocol"`
	Peer        string                      `json:"peer"`
	Connections int                         `json:"connections"`
	Before      map[gauge.Role]gauge.Memory `json:"before"`
	With        map[gauge.Role]gauge.Memory `json:"with"`
	After       map[gauge.Role]gauge.Memory `json:"after"`
	Kernel      int64                       `json:"kernel_bytes"` // what the kernel's memory grew by, for both ends
	Lost        int                         `json:"lost"`         // closed by the server meanwhile
}

// PerConnection is the growth in KiB per connection: resident and proportional.
func (i Idle) PerConnection() (rss, pss float64) {
	grown := i.Growth(gauge.Master, gauge.Gateway, gauge.Handler)
	kib := 1 / (1024 * float64(max(i.Connections, 1)))
	return float64(grown.RSS) * kib, float64(grown.PSS) * kib
}

// Growth sums what the roles grew by.
func (i Idle) Growth(roles ...gauge.Role) (grown gauge.Memory) {
	for _, role := range roles {
		grown.RSS += i.With[role].RSS - i.Before[role].RSS
		grown.PSS += i.With[role].PSS - i.Before[role].PSS
	}
	return grown
}
