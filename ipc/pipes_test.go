package ipc

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func nonblocking(t *testing.T, f *os.File) bool {
	t.Helper()
	number, err := descriptor(f)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := unix.FcntlInt(uintptr(number), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

func TestHandlerEndsBlockAndGatewayEndsDoNot(t *testing.T) {
	p, err := Pipes()
	if err != nil {
		t.Fatal(err)
	}
	defer p.CloseHandler()
	defer p.CloseGateway()
	for name, end := range map[string]*os.File{"descriptor 3": p.HandlerIn, "descriptor 4": p.HandlerOut} {
		if nonblocking(t, end) {
			t.Errorf("the handler's %s does not block", name)
		}
	}
	for name, end := range map[string]*os.File{"write end": p.GatewayIn, "read end": p.GatewayOut} {
		if !nonblocking(t, end) {
			t.Errorf("the gateway's %s blocks", name)
		}
		// Passing it on by Fd must not change the mode either.
		end.Fd()
		if !nonblocking(t, end) {
			t.Errorf("the gateway's %s blocks after Fd", name)
		}
	}
}

func TestPipesCarryBothWays(t *testing.T) {
	p, err := Pipes()
	if err != nil {
		t.Fatal(err)
	}
	defer p.CloseHandler()
	defer p.CloseGateway()
	for _, way := range [][2]*os.File{{p.GatewayIn, p.HandlerIn}, {p.HandlerOut, p.GatewayOut}} {
		if _, err := way[0].WriteString("frame"); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 16)
		n, err := way[1].Read(got)
		if err != nil || string(got[:n]) != "frame" {
			t.Fatalf("read %q, error %v", got[:n], err)
		}
	}
}

func TestEnvironmentNamesThePipes(t *testing.T) {
	want := []string{"GW_IPC=1", "GW_FD_IN=3", "GW_FD_OUT=4", "GW_WORKER_ID=12", "GW_POOL=web", "GW_SLOT=3"}
	if got := Environment(12, "web", 3); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
