package master

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// residentBytes reads the resident memory of a process from /proc/PID/statm
// (proc(5)); 0 when it is gone.
func residentBytes(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// loadAverage reads /proc/loadavg.
func loadAverage() (load [3]float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return load
	}
	for i, field := range strings.Fields(string(text)) {
		if i == len(load) {
			break
		}
		load[i], _ = strconv.ParseFloat(field, 64)
	}
	return load
}
