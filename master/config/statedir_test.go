package config

import "testing"

// A state folder in memory is no place for large bodies, logs and evidence.
func TestRootKeepsLargeThingsOnDisk(t *testing.T) {
	s := system{uid: 0, getenv: func(string) (string, bool) { return "", false }}
	p := s.diskPaths("/srv/app/gw.yaml")
	name := instanceName("/srv/app/gw.yaml")
	if p.temp != "/var/lib/gw/"+name+"/tmp" || p.log != "/var/log/gw/"+name+".log" || p.setAside != "/var/lib/gw/"+name+"/set-aside" {
		t.Fatalf("%+v", p)
	}
	s.getenv = func(name string) (string, bool) { return "/state", name == "GW_STATE_DIR" }
	if p := s.diskPaths("/srv/app/gw.yaml"); p.temp != "/state/tmp" || p.log != "/state/gw.log" {
		t.Fatalf("%+v", p)
	}
}
