package config

import (
	"os"
	"os/user"
	"runtime"
)

// system is what the loader asks of the machine besides its files, so that
// tests can be anybody anywhere.
type system struct {
	getenv     func(string) (string, bool)
	userExists func(name string) bool
	uid        int
	processors int
}

func hostSystem() system {
	return system{
		getenv:     os.LookupEnv,
		userExists: userExists,
		uid:        os.Getuid(),
		// GOMAXPROCS and not NumCPU: it knows the CPU quota of a container.
		processors: runtime.GOMAXPROCS(0),
	}
}

func userExists(name string) bool {
	if _, err := user.Lookup(name); err == nil {
		return true
	}
	_, err := user.LookupId(name)
	return err == nil
}
