package master

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"syscall"
	"time"

	"gw/master/config"
	"gw/protocol/control"
)

// lookInterval is how often certificate files are looked at. What has changed
// is read one look later, when nobody writes to it any more: a certificate and
// its key are two files.
const lookInterval = time.Second

// keyFiles names what is read together: a certificate with its key, or the
// authorities of clients.
type keyFiles struct {
	certificate config.Certificate
	authorities string
}

// keyring holds what is in the files, as it was when it was last good. The
// gateway's account need not be able to read them.
type keyring map[keyFiles]*held

// held does not change.
type held struct {
	pair        *config.KeyPair
	authorities []byte
	stamps      stamps
}

// stamps tell whether files have changed.
type stamps [3]stamp

type stamp struct {
	modified, changed syscall.Timespec
	size              int64
	inode, device     uint64
}

// readKeyring reads everything that c names. The error says which file is wrong.
func readKeyring(c *config.Config) (keyring, error) {
	ring := keyring{}
	for _, l := range c.Listeners {
		for _, files := range keyFilesOf(l.TLS) {
			if ring[files] != nil {
				continue
			}
			h, err := files.read()
			if err != nil {
				return nil, fmt.Errorf("listener %s: %w", l.Name, err)
			}
			ring[files] = h
		}
	}
	return ring, nil
}

func keyFilesOf(t *config.TLS) (list []keyFiles) {
	if t == nil {
		return nil
	}
	for _, c := range t.Certificates {
		list = append(list, keyFiles{certificate: c})
	}
	if t.ClientCA != "" {
		list = append(list, keyFiles{authorities: t.ClientCA})
	}
	if t.ACME != nil && t.ACME.CAFile != "" {
		list = append(list, keyFiles{authorities: t.ACME.CAFile})
	}
	return list
}

func (k keyFiles) paths() [3]string {
	if k.authorities != "" {
		return [3]string{k.authorities}
	}
	return [3]string{k.certificate.File, k.certificate.Key, k.certificate.Staple}
}

// stamps follow links: a new certificate often is a link that was turned round.
func (k keyFiles) stamps() (all stamps) {
	for i, path := range k.paths() {
		info, err := os.Stat(path)
		if path == "" || err != nil {
			continue
		}
		s := info.Sys().(*syscall.Stat_t)
		all[i] = stamp{s.Mtim, s.Ctim, s.Size, s.Ino, uint64(s.Dev)}
	}
	return all
}

func (k keyFiles) read() (h *held, err error) {
	h = &held{stamps: k.stamps()} // before reading: a change meanwhile is seen by the next look
	if k.authorities != "" {
		h.authorities, err = config.ReadCertificates(k.authorities)
	} else {
		h.pair, err = k.certificate.Read()
	}
	return h, err
}

// tlsMessage is t for the gateway.
func (s *supervisor) tlsMessage(t *config.TLS) *control.TLS {
	if t == nil {
		return nil
	}
	m := &control.TLS{MinVersion: t.MinVersion, ClientCertificates: t.ClientCertificates}
	for _, c := range t.Certificates {
		m.Certificates = append(m.Certificates, s.certificateID(keyFiles{certificate: c}))
	}
	if t.ClientCA != "" {
		m.ClientCA = s.keyring[keyFiles{authorities: t.ClientCA}].authorities
	}
	if a := t.ACME; a != nil {
		m.ACME = &control.ACME{Domains: a.Domains, Email: a.Email, Directory: a.Directory, CacheDir: a.CacheDir}
		if a.CAFile != "" {
			m.ACME.CA = s.keyring[keyFiles{authorities: a.CAFile}].authorities
		}
	}
	return m
}

// certificateID is the same as long as the master lives.
func (s *supervisor) certificateID(files keyFiles) int {
	if s.certificateIDs[files] == 0 {
		s.certificateIDs[files] = len(s.certificateIDs) + 1
	}
	return s.certificateIDs[files]
}

// giveCertificates sends the gateway those that it does not have.
func (s *supervisor) giveCertificates() {
	before := s.given
	s.given = map[int]givenPair{} // the gateway forgets what no listener names
	for files, h := range s.keyring {
		if h.pair == nil {
			continue
		}
		id, given := s.certificateID(files), givenPair{s.gateway.generation, h.pair}
		s.given[id] = given
		if before[id] != given {
			s.tell(outgoing{message: &control.Message{Kind: control.GiveCertificate, Certificate: &control.Certificate{
				ID: id, File: files.certificate.File, Chain: h.pair.Chain, Key: control.Secret(h.pair.Key), Staple: h.pair.Staple,
			}}})
		}
	}
}

// givenPair is what a gateway process has under an id.
type givenPair struct {
	generation int
	pair       *config.KeyPair
}

// news is what a look has found.
type news struct {
	suspects map[keyFiles]stamps // changed, to be read at the next look
	good     keyring
	bad      map[keyFiles]bad
}

type bad struct {
	stamps stamps
	err    error
}

// lookAtFiles looks for changes, on a goroutine: a file system may hang.
func (s *supervisor) lookAtFiles() {
	s.lookAt = time.Time{}
	ring, suspects := maps.Clone(s.keyring), s.suspects
	s.goroutines.Go(func() {
		found := ring.look(suspects)
		s.post(func() { s.looked(found) })
	})
}

func (ring keyring) look(suspects map[keyFiles]stamps) news {
	found := news{suspects: map[keyFiles]stamps{}, good: keyring{}, bad: map[keyFiles]bad{}}
	for files, h := range ring {
		now := files.stamps()
		if now == h.stamps {
			continue
		}
		if suspects[files] != now {
			found.suspects[files] = now
			continue
		}
		if fresh, err := files.read(); err != nil {
			found.bad[files] = bad{now, err}
		} else {
			found.good[files] = fresh
		}
	}
	return found
}

// looked brings what was found into use. What is broken stays as it was.
func (s *supervisor) looked(found news) {
	s.suspects = found.suspects
	s.scheduleLook(time.Now())
	for files, b := range found.bad {
		if old := s.keyring[files]; old != nil {
			s.keyring[files] = &held{old.pair, old.authorities, b.stamps}
			s.log.Error("Cannot use a changed certificate: the one before stays", "err", b.err)
		}
	}
	rules := false
	for files, h := range found.good {
		old := s.keyring[files]
		if old == nil {
			continue
		}
		s.keyring[files] = h
		rules = rules || !bytes.Equal(old.authorities, h.authorities)
		if h.pair != nil {
			s.log.Info("Certificate is read anew", "file", files.certificate.File, "names", h.pair.Leaf.DNSNames, "until", h.pair.Leaf.NotAfter)
		}
	}
	if s.phase == phaseStopping || s.gateway.link == nil {
		return
	}
	if rules {
		s.configure()
		return
	}
	s.giveCertificates()
}

// scheduleLook: without certificates there is nothing to look at.
func (s *supervisor) scheduleLook(now time.Time) {
	if s.lookAt = (time.Time{}); len(s.keyring) > 0 {
		s.lookAt = now.Add(lookInterval)
	}
}

// useKeyring takes a configuration's certificates into use. Those that are as
// they were need not be given again.
func (s *supervisor) useKeyring(ring keyring) {
	for files, h := range ring {
		if old := s.keyring[files]; old != nil && h.pair.Equal(old.pair) {
			h.pair = old.pair
		}
	}
	s.keyring, s.suspects = ring, nil
	s.scheduleLook(time.Now())
}
