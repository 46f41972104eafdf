package master

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gw/master/config"
)

// stateMode lets the gateway's user pass through to its own folder, and nobody
// list what is there.
const stateMode = 0o711

// prepareFolders makes the folders gw writes to. It runs before the lock, which
// lies in one of them.
func prepareFolders(c *config.Config) error {
	for _, path := range []string{c.PIDFile, c.Control, c.TempDir, c.SetAsideDir} {
		if err := makeFolder(filepath.Dir(path), stateMode); err != nil {
			return err
		}
	}
	return nil
}

// prepareGatewayFolders makes the folders the gateway itself writes to.
func prepareGatewayFolders(c *config.Config) error {
	if err := prepareGatewayFolder(c.SetAsideDir, c.User); err != nil {
		return err
	}
	for _, l := range c.Listeners {
		if l.TLS == nil || l.TLS.ACME == nil {
			continue
		}
		if err := prepareGatewayFolder(l.TLS.ACME.CacheDir, c.User); err != nil {
			return err
		}
	}
	return prepareGatewayFolder(c.TempDir, c.User)
}

// prepareGatewayFolder makes a folder that belongs to the gateway's user, and
// nobody else reads there.
func prepareGatewayFolder(path, gatewayUser string) error {
	if path == "" {
		return nil
	}
	if err := makeFolder(path, 0o700); err != nil {
		return err
	}
	who, err := lookupAccount(gatewayUser)
	if err != nil || who == nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	// Only a private folder changes hands, and never what a link points to:
	// somebody may have configured /tmp.
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().Perm() == 0o700 && owner.Uid != who.credential.Uid {
		return os.Lchown(path, int(who.credential.Uid), int(who.credential.Gid))
	}
	return nil
}

func makeFolder(path string, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	}
	if err := makeFolder(filepath.Dir(path), stateMode); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("state folder: %w", err)
	}
	return os.Chmod(path, mode) // Mkdir is subject to the umask
}
