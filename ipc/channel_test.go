package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
)

func pair(t *testing.T) (master, gateway *Channel) {
	t.Helper()
	master, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	gateway, err = Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { gateway.Close() })
	return master, gateway
}

func TestMessageArrivesWhole(t *testing.T) {
	master, gateway := pair(t)
	want := &control.Message{Kind: control.Attach, Worker: &control.Worker{ID: 7, Pool: "web", Slot: 2, PID: 42, MaxRequests: 1000}}
	if err := master.Send(want); err != nil {
		t.Fatal(err)
	}
	got, files, err := gateway.Receive()
	if err != nil || len(files) != 0 {
		t.Fatalf("got %d files, error %v", len(files), err)
	}
	if got.Kind != want.Kind || *got.Worker != *want.Worker {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestDescriptorsArriveInOrderWhateverTheirNumber(t *testing.T) {
	for _, count := range []int{1, 2, 249, 250, 251, 500, 612} {
		t.Run(fmt.Sprint(count), func(t *testing.T) { sendDescriptors(t, count) })
	}
}

func sendDescriptors(t *testing.T, count int) {
	master, gateway := pair(t)
	sent := make([]*os.File, count)
	for i := range sent {
		sent[i] = memory(t, fmt.Sprint(i))
	}
	failed := make(chan error, 1)
	go func() { failed <- master.Send(&control.Message{Kind: control.Configure, More: true}, sent...) }()
	m, files, err := gateway.Receive()
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(files)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if m.Kind != control.Configure || !m.More || len(files) != count {
		t.Fatalf("got kind %s, more %v, %d files, want %d", m.Kind, m.More, len(files), count)
	}
	for i, f := range files {
		checkReceived(t, f, fmt.Sprint(i))
	}
}

func memory(t *testing.T, text string) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "test")
	t.Cleanup(func() { f.Close() })
	f.WriteString(text)
	return f
}

func checkReceived(t *testing.T, f *os.File, want string) {
	t.Helper()
	text := make([]byte, 16)
	n, _ := f.ReadAt(text, 0)
	if string(text[:n]) != want {
		t.Fatalf("descriptor holds %q, want %q", text[:n], want)
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Fatalf("descriptor is not closed on exec: flags %x, error %v", flags, err)
	}
}

func TestModeOfDescriptorsIsKept(t *testing.T) {
	master, gateway := pair(t)
	pipes, err := Pipes()
	if err != nil {
		t.Fatal(err)
	}
	defer pipes.CloseHandler()
	defer pipes.CloseGateway()
	if err := master.Send(&control.Message{Kind: control.Attach}, pipes.GatewayIn, pipes.HandlerIn); err != nil {
		t.Fatal(err)
	}
	_, files, err := gateway.Receive()
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(files)
	if !nonblocking(t, files[0]) || nonblocking(t, files[1]) {
		t.Fatalf("non-blocking: %v and %v, want true and false", nonblocking(t, files[0]), nonblocking(t, files[1]))
	}
}

func TestEndOfFileWhenTheOtherSideIsGone(t *testing.T) {
	master, gateway := pair(t)
	master.Close()
	if _, _, err := gateway.Receive(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want EOF", err)
	}
}

func TestEndOfFileWhenTheOtherSideLeftMessagesUnread(t *testing.T) {
	master, gateway := pair(t)
	if err := gateway.Send(&control.Message{Kind: control.Stopped}); err != nil {
		t.Fatal(err)
	}
	master.Close()
	if _, _, err := gateway.Receive(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want EOF", err)
	}
	if err := gateway.Send(&control.Message{Kind: control.Stopped}); err == nil {
		t.Fatal("send to nobody succeeded")
	}
}

func TestCloseEndsAReceiveUnderWay(t *testing.T) {
	master, _ := pair(t)
	ended := make(chan error, 1)
	go func() {
		_, _, err := master.Receive()
		ended <- err
	}()
	master.Close()
	if err := <-ended; err == nil {
		t.Fatal("receive on a closed channel succeeded")
	}
}

func TestLongPacketIsAnError(t *testing.T) {
	master, gateway := pair(t)
	long := make([]byte, control.MaxPacket+1)
	if _, err := master.connection.Write(long); err != nil {
		t.Fatal(err)
	}
	if _, _, err := gateway.Receive(); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want an error about the length", err)
	}
}

func TestLostDescriptorsAreAnErrorAndTheRestIsClosed(t *testing.T) {
	master, gateway := pair(t)
	gateway.rights = gateway.rights[:unix.CmsgSpace(2*4)]
	before := openDescriptors(t)
	file := memory(t, "x")
	if err := master.Send(&control.Message{Kind: control.Configure}, file, file, file, file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := gateway.Receive(); err == nil {
		t.Fatal("lost descriptors went unnoticed")
	}
	if after := openDescriptors(t); after != before+1 {
		t.Fatalf("%d descriptors open, want %d", after, before+1)
	}
}

func TestMessageOfTheLargestSizePasses(t *testing.T) {
	master, gateway := pair(t)
	m := &control.Message{Kind: control.WorkerFailed, Reason: string(make([]byte, control.MaxPacket-100))}
	failed := make(chan error, 1)
	go func() { failed <- master.Send(m) }()
	got, _, err := gateway.Receive()
	if err != nil || len(got.Reason) != len(m.Reason) {
		t.Fatalf("error %v", err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentSendersDoNotMixTheirDescriptors(t *testing.T) {
	master, gateway := pair(t)
	const senders, each = 4, 260
	files := make([]*os.File, each)
	for i := range files {
		files[i] = memory(t, "x")
	}
	var wait sync.WaitGroup
	for range senders {
		wait.Go(func() {
			if err := master.Send(&control.Message{Kind: control.Configure}, files...); err != nil {
				t.Error(err)
			}
		})
	}
	for range senders {
		_, got, err := gateway.Receive()
		if err != nil || len(got) != each {
			t.Fatalf("%d descriptors, error %v", len(got), err)
		}
		closeAll(got)
	}
	wait.Wait()
}
