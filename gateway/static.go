package gateway

import (
	"bytes"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/resource"
)

// static is a folder that a listener serves by itself. What was configured
// never changes: a reload makes new ones.
type static struct {
	host, prefix  string
	folder        folder
	index         string
	page          []byte // shown for what is missing; nil: none
	toPool        bool   // what is missing goes to the pool
	cacheControl  string
	never         []string
	precompressed bool
	hidden        bool
	browse        bool
	told          bool // the log knows of a symlink that is not followed
}

func newStatic(m *control.Static) *static {
	s := &static{host: strings.ToLower(m.Host), prefix: m.Prefix, index: m.Index, cacheControl: m.CacheControl,
		folder: folder{path: m.Root, symlinks: m.Symlinks},
		never:  m.Never, precompressed: m.Precompressed, hidden: m.Hidden, browse: m.Browse, toPool: m.Missing == "pool"}
	if strings.HasPrefix(m.Missing, "/") {
		s.page = bytes.Clone([]byte(m.Missing[1:]))
		s.page = s.page[:len(s.page):len(s.page)] // appending must copy
	}
	return s
}

// configureStatic takes over a listener's folders. Files that are being sent
// are open and need theirs no more.
func (ln *listener) configureStatic(list []control.Static) {
	ln.closeStatic()
	for i := range list {
		ln.static = append(ln.static, newStatic(&list[i]))
	}
}

func (ln *listener) closeStatic() {
	for _, s := range ln.static {
		s.folder.close()
	}
	ln.static = nil
}

func (ln *listener) staticFor(host, path []byte) *static {
	for _, s := range ln.static {
		if (s.host == "" || matchHost(host, s.host)) && matchPrefix(path, s.prefix) {
			return s
		}
	}
	return nil
}

// serveStatic is the stage that answers with a file, if there is one.
func (l *loop) serveStatic(c *conn, r *http1.Request) bool {
	if len(c.listener.static) == 0 || r.Upgrade {
		return false
	}
	s := c.listener.staticFor(r.Host, r.Path)
	if s == nil {
		return false
	}
	poolless := c.listener.route(r.Host, r.Path) == nil
	if string(r.Method) != "GET" && string(r.Method) != "HEAD" {
		if poolless {
			c.exchange.unread(r)
			l.answerAllow(c)
		}
		return poolless
	}
	if r.Chunked || r.ContentLength > 0 { // means nothing with GET (RFC 9110 section 9.3.1), but a handler may know better
		if !poolless {
			return false
		}
		c.exchange.unread(r)
	}
	k := &l.lookup
	*k = lookup{static: s, dir: s.folder.open(l.now, l.log)}
	name, slash, ok := s.name(l.name[:0], r.Path)
	l.name = name[:0]
	k.name, k.slash = name, slash
	k.readWishes(r)
	if !ok || !s.shows(name) {
		if !k.page {
			return l.answerFound(c, r, k)
		}
		k.name, k.slash = s.page, false
	}
	if k.dir == nil || k.run(true) {
		return l.answerFound(c, r, k)
	}
	l.lookupLater(c, r, k)
	return true
}

// name appends the name of the file that path means, relative to the folder.
func (s *static) name(dst, path []byte) (name []byte, slash, ok bool) {
	if s.prefix != "/" {
		if path = path[len(s.prefix):]; len(path) == 0 { // the folder, without its slash
			return dst, false, true
		}
	}
	return resource.FilePath(dst, path)
}

// readWishes notes what of the head decides which file it is.
func (k *lookup) readWishes(r *http1.Request) {
	if k.static.precompressed {
		if accept := r.Combined("accept-encoding"); accept != nil {
			for i := range codings {
				k.accept[i] = resource.Quality(accept, codings[i].name)
			}
		}
	}
	if len(k.static.page) > 0 {
		last := r.Path[bytes.LastIndexByte(r.Path, '/')+1:]
		// A script that is missing must not be answered with a page: browsers
		// ask for pages with text/html in Accept.
		k.page = bytes.IndexByte(last, '.') < 0 || bytes.Contains(r.Combined("accept"), []byte("text/html"))
	}
}

// lookupLater lets a job of the disk search, and the request wait for it.
func (l *loop) lookupLater(c *conn, r *http1.Request, k *lookup) {
	id, request, job := c.id, r.Clone(), k.clone()
	c.exchange.state = exchangeOpening
	job.dir.refs++
	l.disk.run(func() func() {
		job.run(false)
		return func() {
			job.dir.release()
			if !l.opening(id) {
				job.discard()
				return
			}
			c := l.conns.find(id)
			c.exchange.state = exchangeBody
			if !l.answerFound(c, request, job) {
				l.seekHandler(c, request)
			}
		}
	})
}

// opening tells whether an exchange still waits for its file.
func (l *loop) opening(id uint64) bool {
	c := l.conns.find(id)
	return c != nil && c.exchange != nil && c.exchange.state == exchangeOpening
}

// answerFound answers with what a lookup found. false: a pool is to answer.
func (l *loop) answerFound(c *conn, r *http1.Request, k *lookup) bool {
	s := k.static
	if k.strays && !s.told {
		s.told = true
		l.log.Warn("A symlink in a folder of files was not followed: say symlinks: follow, or give the folder it leads to an entry of its own", "folder", s.folder.path, "path", string(r.Path), "symlinks", s.folder.symlinks)
	}
	switch k.found {
	case findingFile:
		l.answerStatic(c, r, k)
	case findingFolder:
		l.text = append(append(l.text[:0], r.Path...), '/')
		if r.Query != nil {
			l.text = append(append(l.text, '?'), r.Query...)
		}
		reply := l.newReply(301)
		reply.fields = append(reply.fields, http1.Field{Name: view("location"), Value: l.text})
		l.replyWhole(c, reply, nil)
	case findingNames:
		reply := l.newReply(200)
		reply.add("content-type", "text/html; charset=utf-8")
		l.replyWhole(c, reply, appendListing(nil, string(k.folderPath(r.Path)), k.names))
	case findingFault:
		l.answerFault(c, s.folder.path, k)
	default:
		if s.toPool {
			return false
		}
		l.answer(c, 404, "there is no such file")
	}
	return true
}

// folderPath is a listing's title: the path, decoded.
func (k *lookup) folderPath(path []byte) []byte {
	title := append([]byte(nil), k.static.prefix...)
	if title[len(title)-1] != '/' {
		title = append(title, '/')
	}
	if title = append(title, k.name...); title[len(title)-1] != '/' {
		title = append(title, '/')
	}
	return title
}

// answerFault answers when a file is there and cannot be had.
func (l *loop) answerFault(c *conn, folder string, k *lookup) {
	switch k.fault {
	case unix.EACCES, unix.EPERM:
		l.complain("Cannot read a file: the gateway's account must be allowed to read it, and to enter the folders above", "folder", folder, "name", string(k.name), "err", k.fault)
		l.answer(c, 403, "the server may not read this file")
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
		l.complain("Cannot open a file: raise the limit of open files", "folder", folder, "name", string(k.name), "err", k.fault)
		l.answer(c, 503, "too many files are open")
	default:
		l.complain("Cannot open a file", "folder", folder, "name", string(k.name), "err", k.fault)
		l.answer(c, 500, "the file cannot be read")
	}
}

// complain logs an error that a client can bring about, once a second at most.
func (l *loop) complain(message string, args ...any) {
	if l.now-l.complained >= time.Second || l.complained == 0 {
		l.complained = max(l.now, 1)
		l.log.Error(message, args...)
	}
}

// answerAllow tells which methods a file has.
func (l *loop) answerAllow(c *conn) {
	r := l.newReply(405)
	r.add("allow", "GET, HEAD")
	r.add("content-type", "text/plain; charset=utf-8")
	l.replyWhole(c, r, view("405 Method Not Allowed: files have GET and HEAD\n"))
}

// answerStatic answers with the file that k found.
func (l *loop) answerStatic(c *conn, r *http1.Request, k *lookup) {
	now := l.wallClock()
	file := l.holdFile(&k.file)
	mediaType, compressible := resource.MediaType(k.name)
	reply := l.newReply(200)
	reply.add("content-type", mediaType)
	if k.coding != nil {
		reply.add("content-encoding", k.coding.name)
	}
	if k.static.precompressed && compressible {
		reply.add("vary", "accept-encoding")
	}
	if k.static.cacheControl != "" {
		reply.add("cache-control", k.static.cacheControl)
	}
	q := resource.Conditions{}
	for i := range r.Fields {
		noteCondition(&q, r.Fields[i].Name, r.Fields[i].Value)
	}
	rep := resource.Representation{Size: file.size}
	l.addValidators(reply, &rep, &file.openFile, now)
	l.answerFile(c, reply, file, &q, &rep, string(r.Method) == "GET", now.Unix())
}
