package main

import (
	"bytes"
	"os"
	"testing"
)

func TestUnitsForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1023: "1023", 1024: "1.0K", 30 << 20: "30.0M", 1536 << 20: "1.5G", 5 << 50: "5120.0T"} {
		if got := showBytes(n); got != want {
			t.Errorf("%d bytes: got %s, want %s", n, got, want)
		}
	}
	for seconds, want := range map[float64]string{0.9: "0s", 59.9: "59s", 61: "1m 1s", 3720: "1h 2m", 93784: "1d 2h"} {
		if got := showAge(seconds); got != want {
			t.Errorf("%g seconds: got %s, want %s", seconds, got, want)
		}
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	if paletteFor(new(bytes.Buffer)) {
		t.Error("painted a buffer")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if paletteFor(null) {
		t.Error("painted /dev/null")
	}
	if got := palette(true).paint(red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
}
