package peer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gw/bench/order"
)

// Alone measures what the handler of [JSON] takes without any server, in µs, by
// interpreter. What a server has above that is its own. Interpreters that are
// absent are left out.
func (k *Kit) Alone(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	job, err := k.NewJob(JSON, 1)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(job.Dir, "order.json")
	if err := os.WriteFile(file, order.New(1).Encode(), 0o644); err != nil {
		return nil, err
	}
	alone := map[string]float64{}
	for _, argv := range [][]string{php("alone.php", file), {"python3", "alone.py", file}} {
		command := exec.CommandContext(ctx, argv[0], argv[1:]...)
		command.Dir = job.Dir
		if command.Err != nil {
			continue
		}
		text, err := command.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", argv[0], err)
		}
		if alone[argv[0]], err = strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err != nil {
			return nil, fmt.Errorf("%s: %w", argv[0], err)
		}
	}
	return alone, nil
}
