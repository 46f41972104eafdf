package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// roadrunner runs the binary that RR_BIN names with the PHP packages in the
// vendor folder that RR_PHP names.
func roadrunner() Peer {
	return Peer{
		Name: "roadrunner", Beside: "gw-php", Scenarios: []string{Hello, Vary, JSON},
		Absent: func(k *Kit) string {
			if os.Getenv("RR_BIN") == "" {
				return "RR_BIN is not set"
			}
			if _, err := os.Stat(filepath.Join(os.Getenv("RR_PHP"), "autoload.php")); err != nil {
				return "RR_PHP is not a vendor folder: " + err.Error()
			}
			return needs("php", os.Getenv("RR_BIN"))(k)
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			text := fmt.Sprintf("version: \"3\"\nserver:\n  command: \"%s\"\nhttp:\n  address: %v\n  pool:\n    num_workers: %d\nlogs:\n  level: error\n",
				strings.Join(php("roadrunner.php"), " "), target, j.Workers)
			if err := os.WriteFile(filepath.Join(j.Dir, ".rr.yaml"), []byte(text), 0o644); err != nil {
				return nil, err
			}
			return serveInForeground(ctx, j.Dir, nil, target, os.Getenv("RR_BIN"), "serve", "-c", ".rr.yaml")
		},
	}
}
