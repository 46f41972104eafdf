package gateway

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"

	"gw/protocol/resource"
)

// lookup is the search for the file that a request means. It touches nothing of
// the loop, so that a job of the disk can do it.
type lookup struct {
	dir    *dirHandle
	static *static // nil: a handler named the file
	name   []byte  // relative to dir
	slash  bool    // the request ended in a slash: a folder is meant
	page   bool    // the client would take a page instead
	accept [len(codings)]int

	found  finding
	file   openFile
	coding *coding // of a precompressed file
	fault  error   // with findingFault
	strays bool    // a symlink that leads out, or is not to be followed, was in the way
	names  []string
}

// finding is how a lookup ended.
type finding uint8

const (
	findingMissing finding = iota
	findingFile
	findingFolder // a folder, asked for without a slash at the end
	findingNames  // a folder to be listed
	findingFault
)

// coding is a form in which a file may lie beside itself.
type coding struct{ name, ending string }

// codings in the order of preference among those a client likes the same.
var codings = [...]coding{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// clone is a copy for a job: its name does not change when the buffer does.
func (k *lookup) clone() *lookup {
	c := *k
	c.name = bytes.Clone(k.name)
	return &c
}

// run searches. false: it would have to wait for the disk, so a job must do it.
func (k *lookup) run(cached bool) bool {
	o := opener{fd: k.dir.fd, symlinks: "inside", cached: cached}
	if k.static != nil {
		o.symlinks = k.static.folder.symlinks
	}
	asked := k.name
	err := k.search(o)
	if errors.Is(err, errWouldWait) {
		k.found, k.name = findingMissing, asked
		return false
	}
	if err != nil {
		k.found, k.fault = findingFault, err
	}
	return true
}

func (k *lookup) search(o opener) error {
	if !k.slash {
		kind, err := k.open(o, k.name)
		switch {
		case err != nil:
			return err
		case kind == kindRegular:
			return k.chooseCoding(o)
		case kind == kindDirectory:
			return k.searchFolder(o)
		}
	} else if err := k.searchFolder(o); err != nil || k.found != findingMissing {
		return err
	}
	if k.static != nil && len(k.static.page) > 0 && k.page {
		k.name = k.static.page
		if kind, err := k.open(o, k.name); err != nil || kind != kindRegular {
			return err
		}
		return k.chooseCoding(o)
	}
	return nil
}

// open opens name and keeps it when it is a file to send. kindOther: there is
// nothing of that name, or nothing to send.
func (k *lookup) open(o opener, name []byte) (fileKind, error) {
	fd, err := o.open(name)
	if absent(err) {
		k.strays = k.strays || err == unix.EXDEV || err == unix.ELOOP && o.symlinks == "never"
		return kindOther, nil
	}
	if err != nil {
		return kindOther, err
	}
	kind, err := k.file.examine(fd)
	if err != nil || kind != kindRegular {
		closeFD(fd)
		return kind, err
	}
	k.found = findingFile
	return kind, nil
}

// absent tells errors that mean "no such file" to whoever asks: also a symlink
// that leads out (EXDEV), goes in circles or is not to be followed (ELOOP).
func absent(err error) bool {
	switch err {
	case unix.ENOENT, unix.ENOTDIR, unix.EXDEV, unix.ELOOP, unix.ENAMETOOLONG, unix.ENXIO, unix.ENODEV, unix.EINVAL:
		return true
	}
	return false
}

// searchFolder looks for the page of the folder k.name.
func (k *lookup) searchFolder(o opener) error {
	s := k.static
	if s == nil {
		return nil
	}
	if s.index != "" {
		folder := len(k.name)
		if folder > 0 {
			k.name = append(k.name, '/')
		}
		k.name = append(k.name, s.index...)
		kind, err := k.open(o, k.name)
		switch {
		case err != nil:
			return err
		case kind == kindRegular && k.slash:
			return k.chooseCoding(o)
		case kind == kindRegular:
			closeFD(k.file.fd)
			k.found = findingFolder
			return nil
		}
		k.name = k.name[:folder]
	}
	if !s.browse {
		return nil
	}
	return k.list(o)
}

// chooseCoding takes the form of the file that the client likes best, if there
// is one and it is not older than the file.
func (k *lookup) chooseCoding(o opener) error {
	if k.static == nil || !k.static.precompressed {
		return nil
	}
	if _, compressible := resource.MediaType(k.name); !compressible {
		return nil
	}
	accept := k.accept
	for range codings {
		best := 0
		for i := range accept {
			if accept[i] > accept[best] {
				best = i
			}
		}
		if accept[best] == 0 {
			return nil
		}
		accept[best] = 0
		if taken, err := k.takeCoding(o, &codings[best]); taken || err != nil {
			return err
		}
	}
	return nil
}

// staleSeconds: copying a folder does not keep the order of its files.
const staleSeconds = 2

func (k *lookup) takeCoding(o opener, c *coding) (bool, error) {
	plain := len(k.name)
	k.name = append(k.name, c.ending...)
	fd, err := o.open(k.name)
	k.name = k.name[:plain]
	if err != nil {
		if err == errWouldWait {
			closeFD(k.file.fd)
			return false, err
		}
		return false, nil // whatever it is, the file itself can be sent
	}
	var packed openFile
	if kind, err := packed.examine(fd); err != nil || kind != kindRegular || packed.seconds < k.file.seconds-staleSeconds {
		closeFD(fd)
		return false, nil
	}
	closeFD(k.file.fd)
	k.file, k.coding = packed, c
	return true, nil
}

// discard closes what was found and is not sent.
func (k *lookup) discard() {
	if k.found == findingFile {
		closeFD(k.file.fd)
	}
}
