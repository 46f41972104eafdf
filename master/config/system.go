package config

import (
	"os"
	"os/user"
	"runtime"
)

// system is what the loader asks of the machine besides its files, so that
// tests can be anybody anywhere.
type system struct {
	getenv      func(string) (string, bool)
	userExists  func(name string) bool
	groupExists func(name string) bool
	uid         int
	processors  int
}

func hostSystem() system {
	return system{
		getenv:      os.LookupEnv,
		userExists:  userExists,
		groupExists: groupExists,
		uid:         os.Getuid(),
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

func groupExists(name string) bool {
	if _, err := user.LookupGroup(name); err == nil {
		return true
	}
	_, err := user.LookupGroupId(name)
	return err == nil
}
