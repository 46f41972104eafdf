package config

import (
	"os"
	"reflect"
	"testing"
)

// FuzzLoad: whatever stands in the file, Load answers with a Config or with
// faults that have a message, and what it accepts survives Effective.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{smallest, everything, "", "a: &a {<<: *a}", "pools: {<<: [*a, *b]}", "pools: &p {web: *p}",
		"pools: {a: &a {<<: [*a, *a, *a, *a, *a, *a, *a, *a, *a]}}",
		"limits: {max_body: 9e9}", "listeners: [{listen: 'http://[::1'}]", "\xff", "a: !!binary x", "? [a]\n: b"} {
		f.Add(text)
	}
	s := fakeSystem(f)
	file := project(f, "")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := s.loadText(t, file, text)
		if err != nil {
			checkFaults(t, err)
			return
		}
		again, err := s.loadText(t, file, string(c.Effective()))
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%v\nfirst %+v\nagain %+v", err, c, again)
		}
	})
}

func (s system) loadText(t *testing.T, file, text string) (*Config, error) {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return s.load(file)
}

func checkFaults(t *testing.T, err error) {
	faults, ok := err.(Faults)
	if !ok || len(faults) == 0 {
		t.Fatalf("got %#v, want Faults", err)
	}
	for _, fault := range faults {
		if fault.Message == "" || fault.Line < 0 {
			t.Errorf("got %+v", fault)
		}
	}
}
