package master

import (
	"os"
	"strings"
	"testing"

	"gw/master/api"
)

func TestAccountOfNobodyIsOurOwn(t *testing.T) {
	if who, err := lookupAccount(""); who != nil || err != nil {
		t.Errorf("got %v, %v", who, err)
	}
	if list := (*account)(nil).environment(); list != nil {
		t.Errorf("got %v", list)
	}
}

func TestAccountHasItsGroupsAndHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change users")
	}
	who, err := lookupAccount("nobody")
	if err != nil {
		t.Skip("no user nobody here")
	}
	if who.credential.Uid == 0 || len(who.credential.Groups) == 0 || who.environment()[1] != "USER=nobody" {
		t.Errorf("got %+v", who)
	}
	if _, err := lookupAccount("gw-no-such-user"); err == nil || !strings.Contains(err.Error(), "gw-no-such-user") {
		t.Errorf("got %v", err)
	}
}

func TestHandlersOfAnotherUserAreItAndCannotGainRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change users")
	}
	if _, err := lookupAccount("nobody"); err != nil {
		t.Skip("no user nobody here")
	}
	folder := shortFolder(t)
	os.Chmod(folder, 0o755)
	o := options(folder, "good", 1)
	everybodys := folder + "/gw" // the test binary lies in a folder of ours alone
	if err := os.Link(o.Executable, everybodys); err != nil {
		t.Skip(err)
	}
	o.Executable = everybodys
	o.Config.User = "nobody"
	o.Config.Pools[0].Command = []string{"/bin/sh", "-c", `grep -E "^(Uid|NoNewPrivs)" /proc/self/status; echo "home $HOME"; echo err >/dev/stderr; printf R >&4; read x <&3`}
	r := launch(t, o)
	s := r.until("active", func(s api.Status) bool { return allActive(1)(s) && strings.Contains(r.output.String(), "] err") })
	for _, want := range []string{"NoNewPrivs:\t1", "] home ", "] err"} {
		if !strings.Contains(r.output.String(), want) {
			t.Errorf("no %q in\n%s", want, r.output)
		}
	}
	if strings.Contains(r.output.String(), "Uid:\t0") {
		t.Errorf("it is root:\n%s", r.output)
	}
	gateway, _ := os.ReadFile("/proc/" + idText(uint64(s.Gateway.PID)) + "/status")
	if strings.Contains(string(gateway), "Uid:\t0") || !strings.Contains(string(gateway), "NoNewPrivs:\t1") {
		t.Errorf("the gateway is root or can become it:\n%s", gateway)
	}
}
