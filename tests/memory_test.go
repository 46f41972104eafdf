package tests

import (
	"fmt"
	"io"
	"net"
	"testing"
)

func TestMemoryOfABurstGoesBackToTheSystem(t *testing.T) {
	t.Parallel()
	const clients, size = 200, 1_000_000
	g := start(t, setup{language: python, handler: "bulk", listen: []string{"text+unix"}})
	pid := g.status().Gateway.PID
	before := residentBytes(t, pid)
	var slow []net.Conn
	for range clients {
		c := g.dial("text+unix")
		fmt.Fprintf(c, "1 %d\n", size)
		slow = append(slow, c)
	}
	eventually(t, patience, "most of it waits in the gateway", func() bool { return residentBytes(t, pid) > before+clients*size/2 })
	for _, c := range slow {
		if n, err := io.CopyN(io.Discard, c, size+1); err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	eventually(t, 3*patience, "the gateway is about as small as before", func() bool { return residentBytes(t, pid) < before+8<<20 })
}
