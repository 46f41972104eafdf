package master

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user a process of ours runs as. A nil account is our own.
type account struct {
	name       string
	home       string
	credential *syscall.Credential
}

// lookupAccount finds a user by name or number, with all groups. Without root
// nobody can change users: then, and for an empty name, the account is nil.
func lookupAccount(name string) (*account, error) {
	if name == "" || os.Geteuid() != 0 {
		return nil, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		if found, _ = user.LookupId(name); found == nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
	}
	numbers, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("user %s: groups: %w", name, err)
	}
	credential := &syscall.Credential{}
	if credential.Uid, err = number(found.Uid); err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	if credential.Gid, err = number(found.Gid); err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	for _, text := range numbers {
		group, err := number(text)
		if err != nil {
			return nil, fmt.Errorf("user %s: groups: %w", name, err)
		}
		credential.Groups = append(credential.Groups, group)
	}
	return &account{name: found.Username, home: found.HomeDir, credential: credential}, nil
}

func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// environment is what login(1) would set.
func (a *account) environment() []string {
	if a == nil {
		return nil
	}
	return []string{"HOME=" + a.home, "USER=" + a.name, "LOGNAME=" + a.name}
}
