package sdk

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
)

// The rounds of messages before the count and in it.
const (
	warmRounds    = 100
	countedRounds = 500
)

// Count returns the instructions of a handler for one message, when batch of
// them come at a time. It needs valgrind, and counts what the process does
// itself, not the kernel: hardly anything but the program changes it.
func Count(s Subject, w *Work, batch int, dir, sdks string) (float64, error) {
	// Counting from the start on would take ten times as long. Seeds of hashes
	// decide which of them collide.
	argv := []string{"env", "PYTHONHASHSEED=0", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"}
	h, err := startAs(s, w, slices.Concat(argv, s.argv(sdks, s.programs[w.Name])), dir, sdks)
	if err != nil {
		return 0, err
	}
	err = h.countRounds(batch)
	if err := errors.Join(err, h.Close()); err != nil {
		return 0, h.fault(fmt.Errorf("%s %s: %w", w.Name, s.Name, err))
	}
	all := collected.FindAllStringSubmatch(h.output(), -1)
	if len(all) == 0 {
		return 0, h.fault(fmt.Errorf("%s %s: callgrind did not tell what it counted", w.Name, s.Name))
	}
	counted, err := strconv.ParseFloat(all[len(all)-1][1], 64)
	return counted / float64(countedRounds*batch), err
}

// collected is the last line callgrind prints, on standard error.
var collected = regexp.MustCompile(`Collected : (\d+)`)

func (h *Handler) countRounds(batch int) error {
	err := h.Connect(batch)
	if err == nil {
		err = h.rounds(warmRounds)
	}
	if err == nil {
		err = h.instrument("on")
	}
	if err == nil {
		err = h.rounds(countedRounds)
	}
	if err == nil {
		err = h.instrument("off")
	}
	return err
}

// rounds sends a message for each connection and waits for all answers.
func (h *Handler) rounds(count int) error {
	for range count {
		h.send()
		if err := h.finish(); err != nil {
			return err
		}
	}
	return nil
}

// instrument switches the counting of callgrind.
func (h *Handler) instrument(to string) error {
	text, err := exec.Command("callgrind_control", "-i", to, strconv.Itoa(h.command.Process.Pid)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("callgrind_control: %w\n%s", err, text)
	}
	return nil
}
