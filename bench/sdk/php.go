package sdk

import (
	"path/filepath"
	"slices"
)

// A pure one has no ext-msgpack: php -n leaves all extensions out that are files.
func phpSubjects() []Subject {
	with := map[string]float64{"hello": 1.3, "http": 3.5, "vary": 0, "ws": 1.2}
	pure := map[string]float64{"hello": 2.5 * 1.3, "http": 2.5 * 3.5, "vary": 0, "ws": 2.5 * 1.2}
	none := []string{"-n", "-d", "zend_extension=opcache"}
	opcache := []string{"-d", "opcache.enable_cli=1"}
	jit := []string{"-d", "opcache.enable_cli=1", "-d", "opcache.jit=tracing", "-d", "opcache.jit_buffer_size=64M"}
	return []Subject{
		phpSubject("php", with, []string{"-d", "opcache.enable_cli=0"}),
		phpSubject("php-opcache", with, opcache),
		phpSubject("php-jit", with, jit),
		phpSubject("php-pure", pure, []string{"-n"}),
		phpSubject("php-pure-opcache", pure, slices.Concat(none, opcache)),
		phpSubject("php-pure-jit", pure, slices.Concat(none, jit)),
	}
}

func phpSubject(name string, budgets map[string]float64, options []string) Subject {
	return Subject{
		Name: name, Budgets: budgets, bare: "bare.php",
		programs: map[string]string{"hello": "hello.php", "http": "exchange.php", "vary": "exchange.php", "ws": "echo.php"},
		argv: func(sdks, program string) []string {
			prepend := "auto_prepend_file=" + filepath.Join(sdks, "php", "autoload.php")
			return slices.Concat([]string{"php"}, options, []string{"-d", prepend, program})
		},
		environment: func(string) []string { return nil },
		Absent: func() string {
			check := "exit(0);"
			if options[0] != "-n" {
				check = `extension_loaded("msgpack") || exit("no ext-msgpack") + 1;`
			}
			return probe(slices.Concat([]string{"php"}, options, []string{"-r", check})...)
		},
	}
}
