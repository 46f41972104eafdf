package gauge

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine describes where figures were taken.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	PHP    string `json:"php"`    // "" when there is none
	Python string `json:"python"` // "" when there is none
}

// ReadMachine reads the machine and the versions of the interpreters.
func ReadMachine() Machine {
	return Machine{
		CPU: processor(), Cores: runtime.NumCPU(), Kernel: kernel(),
		Go: strings.TrimPrefix(runtime.Version(), "go"),
		PHP: output("php", "-d", "opcache.enable_cli=1", "-r",
			`echo PHP_VERSION, PHP_ZTS ? " ZTS" : " NTS", extension_loaded("msgpack") ? ", ext-msgpack ".phpversion("msgpack") : ", no ext-msgpack",
			function_exists("opcache_get_status") && opcache_get_status(false) ? ", opcache" : ", no opcache";`),
		Python: output("python3", "-c", `import platform, importlib.util as u
print(platform.python_version() + (", msgpack" if u.find_spec("msgpack") else ", no msgpack"), end="")`),
	}
}

// String is the machine in one line.
func (m Machine) String() string {
	text := m.CPU + ", " + strconv.Itoa(m.Cores) + " cores, Linux " + m.Kernel + ", Go " + m.Go
	for _, language := range [][2]string{{"PHP", m.PHP}, {"Python", m.Python}} {
		if language[1] == "" {
			language[1] = "absent"
		}
		text += "; " + language[0] + " " + language[1]
	}
	return text
}

// Busy is the time all processors together were not idle since boot, time
// stolen by other virtual machines included.
func Busy() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	return parseBusy(line)
}

// parseBusy reads the first line of proc_stat(5): cpu user nice system idle
// iowait irq softirq steal guest guest_nice; the last two are in the first two.
func parseBusy(line string) (busy time.Duration) {
	for i, field := range strings.Fields(line) {
		if n, err := strconv.Atoi(field); err == nil && i != 4 && i != 5 && i <= 8 {
			busy += time.Duration(n) * tick
		}
	}
	return busy
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if name, value, found := strings.Cut(in.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// output is what a program prints, "" when it cannot be run.
func output(program string, arguments ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, arguments...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
