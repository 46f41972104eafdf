package peer

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestConfigurationOfAScenario(t *testing.T) {
	dir := t.TempDir()
	if err := configure(Job{Scenario: Text, Workers: 2, Dir: dir}, netip.MustParseAddrPort("127.0.0.1:2347"), []string{"php", "a b.php"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "gw.yaml"))
	want := `pools:
  p:
    command: ["php","a b.php"]
    workers: 2
    queue_limit: 20000
listeners:
  - {listen: "text://127.0.0.1:2347", pool: p}
`
	if err != nil || string(text) != want {
		t.Errorf("got\n%s\n%v", text, err)
	}
}

func TestNamesOfPeersDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All() {
		if seen[p.Name] || len(p.Scenarios) == 0 {
			t.Errorf("peer %q", p.Name)
		}
		seen[p.Name] = true
	}
}
