package sdk

import (
	"os"
	"path/filepath"
)

// Own handlers, plain and async def, and the two kinds of applications.
func pythonSubjects() []Subject {
	sync := map[string]float64{"hello": 2, "http": 5, "vary": 0, "ws": 1.5}
	pure := map[string]float64{"hello": 0, "http": 0, "vary": 0, "ws": 0}
	async := map[string]float64{"hello": 0, "http": 0, "vary": 0, "ws": 0}
	wsgi := map[string]float64{"hello": 8, "http": 8, "vary": 0}
	asgi := map[string]float64{"hello": 13, "http": 13, "vary": 0, "ws": 13}
	plain := map[string]string{"hello": "hello.py", "http": "exchange.py", "vary": "exchange.py", "ws": "echo.py"}
	return []Subject{
		pythonSubject("python", sync, plain, "", "GW_CODEC="),
		pythonSubject("python-pure", pure, plain, "", "GW_CODEC=python"),
		pythonSubject("python-async", async, every("async.py"), "", "GW_CODEC="),
		pythonSubject("python-async-uvloop", async, every("async.py"), "uvloop", "GW_CODEC="),
		pythonSubject("wsgi", wsgi, every("wsgi:app"), "", "GW_CODEC="),
		pythonSubject("asgi", asgi, every("asgi:app"), "", "GW_CODEC="),
		pythonSubject("asgi-uvloop", asgi, every("asgi:app"), "uvloop", "GW_CODEC="),
	}
}

// pythonSubject runs programs, or applications by their names, by the first
// interpreter that has msgpack and the loop. Without a loop asyncio's own is
// taken, even where there is another.
func pythonSubject(name string, budgets map[string]float64, programs map[string]string, loop, codec string) Subject {
	interpreter := "python3"
	s := Subject{Name: name, Budgets: budgets, bare: "bare.py", programs: programs}
	s.argv = func(_, program string) []string {
		if filepath.Ext(program) == ".py" {
			return []string{interpreter, program}
		}
		return []string{interpreter, "-m", "gw", program}
	}
	s.environment = func(sdks string) []string {
		path := filepath.Join(sdks, "python")
		if loop == "" {
			path += string(filepath.ListSeparator) + "plain" // has an uvloop that cannot be imported
		}
		return []string{"PYTHONPATH=" + path, codec}
	}
	s.Absent = func() (why string) {
		wanted := "import msgpack"
		if loop != "" {
			wanted += ", " + loop
		}
		if why = probe(interpreter, "-c", wanted); why == "" || os.Getenv("PEERS_PYTHON") == "" {
			return why
		}
		interpreter, _ = filepath.Abs(os.Getenv("PEERS_PYTHON"))
		return probe(interpreter, "-c", wanted)
	}
	return s
}
