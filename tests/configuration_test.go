package tests

import (
	"strings"
	"testing"
)

// Every fault is told at once, with its place and, where there is one, the
// right word.
func TestConfigurationFaults(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, config: `
pools:
  web:
    command: [{run}, hello.{ext}]
    wrokers: 4
    request_timeout: 30
    on_crash: ignore
listeners:
  - {listen: "htp://{http}", pool: web}
  - {listen: "text://127.0.0.1:70000", pool: wbe}
`})
	for _, verb := range [][]string{{"check"}, {"start", "-d"}, {"start"}} {
		g.run(verb...).wantExit(t, exitConfiguration,
			"gw.yaml:5:", "wrokers", "workers",
			"gw.yaml:6:", "30s",
			"gw.yaml:7:", "redeliver",
			"gw.yaml:9:", "http://",
			"gw.yaml:10:", "70000", "wbe", "web",
		)
	}
}

func TestConfigurationThatDoesNotParse(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, config: "pools: [\nlisteners"})
	g.run("check").wantExit(t, exitConfiguration, "gw.yaml:")
}

func TestCheckPrintsEveryDefault(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	g.mustRun("check")
	effective := g.mustRun("check", "--effective")
	for _, want := range []string{"request_timeout: 30s", "max_body: 64MiB", "on_crash: redeliver", "header_timeout: 10s", "workers: 1"} {
		if !strings.Contains(effective, want) {
			t.Errorf("gw check --effective does not show %q:\n%s", want, effective)
		}
	}
	// What is printed is a configuration itself.
	g.write("gw.yaml", effective)
	g.mustRun("check")
}

func TestEnvironmentVariables(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, env: []string{"HANDLER=hello"}, config: `
pools:
  main: {command: [{run}, "${HANDLER:-missing}.{ext}"], workers: "${WORKERS:-2}"}
listeners:
  - {listen: "http://{http}"}
`})
		g.wantPage("/", "Hello Client")
		if got := len(g.workers()); got != 2 {
			t.Errorf("%d workers", got)
		}
	})
}
