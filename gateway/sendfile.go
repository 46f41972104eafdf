package gateway

import (
	"bytes"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gw/protocol/http1"
	"gw/protocol/resource"
	"gw/protocol/wire"
)

// sendRoot is a folder out of which a handler may have files sent. It is opened
// when the worker starts, so one that began before a deploy swapped a symlink
// goes on with the files it knows.
type sendRoot struct {
	path, real string
	handle     *dirHandle
}

func (l *loop) openSendRoots(p *pool) []sendRoot {
	var roots []sendRoot
	for _, path := range p.sendfile {
		f := folder{path: path}
		if handle := f.open(l.now, l.log); handle != nil {
			roots = append(roots, sendRoot{path: path, real: handle.realPath(), handle: handle})
		}
	}
	return roots
}

func (w *worker) closeSendRoots() {
	for _, r := range w.sendRoots {
		r.handle.release()
	}
	w.sendRoots = nil
}

// sendFolders is how HELLO tells a handler of its folders: by every path they have.
func (w *worker) sendFolders() []string {
	list := []string{}
	for _, r := range w.sendRoots {
		list = append(list, r.path)
		if r.real != r.path && r.real != "" {
			list = append(list, r.real)
		}
	}
	return list
}

// respondFile answers with the file that a handler names.
func (l *loop) respondFile(w *worker, m *wire.Message) {
	if c, r := l.openAnswer(w, m); r != nil {
		l.answerNamed(w, c, r, m.Data)
	}
}

// sendsFile looks for the header X-Sendfile in an answer, and follows it.
func (l *loop) sendsFile(w *worker, c *conn, r *reply, op wire.Op) bool {
	if !w.pool.sendfileHeader {
		return false
	}
	path := r.field("x-sendfile")
	if path == nil {
		return false
	}
	r.remove("x-sendfile")
	l.stopAnswer(w, c, op)
	l.answerNamed(w, c, r, path)
	return true
}

// answerNamed answers with the file at an absolute path.
func (l *loop) answerNamed(w *worker, c *conn, r *reply, path []byte) {
	k := lookup{name: []byte(filepath.Clean(string(path)))}
	for _, root := range w.sendRoots {
		name, ok := inside(root.path, k.name)
		if !ok {
			name, ok = inside(root.real, k.name)
		}
		if ok {
			k.dir, k.name = root.handle, name
			break
		}
	}
	if k.dir == nil || bytes.IndexByte(k.name, 0) >= 0 {
		l.log.Error("A handler wants to send a file outside of its folders: add the folder to sendfile of its pool", "pool", w.pool.name, "worker", w.id, "pid", w.pid, "path", string(path), "folders", w.sendFolders())
		l.fail(c, 500, "the file cannot be sent")
		return
	}
	q := conditionsOf(c.exchange)
	if k.run(true) {
		l.answerNamedFile(c, r, &k, q)
		return
	}
	l.openNamedLater(c, r, k, q)
}

// conditionsOf reads the conditions out of a request's header block.
func conditionsOf(e *exchange) *resource.Conditions {
	q := new(resource.Conditions)
	if e.item == nil {
		return q
	}
	for block := e.item.data[e.headersAt : e.headersAt+e.headersLen]; len(block) > 0; {
		line, rest, _ := bytes.Cut(block, []byte("\n"))
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok {
			noteCondition(q, name, value)
		}
		block = rest
	}
	return q
}

func (l *loop) openNamedLater(c *conn, r *reply, k lookup, q *resource.Conditions) {
	id, status, fields := c.id, r.status, http1.CloneFields(r.fields)
	for _, at := range [...]*[]byte{&q.IfMatch, &q.IfNoneMatch, &q.IfModifiedSince, &q.IfUnmodifiedSince, &q.IfRange, &q.Range} {
		*at = bytes.Clone(*at)
	}
	l.leaveWorker(c.exchange)
	c.exchange.state = exchangeOpening
	k.dir.refs++
	l.disk.run(func() func() {
		k.run(false)
		return func() {
			k.dir.release()
			if !l.opening(id) {
				k.discard()
				return
			}
			r := l.newReply(status)
			r.fields = append(r.fields, fields...)
			l.answerNamedFile(l.conns.find(id), r, &k, q)
		}
	})
}

// answerNamedFile answers with what was found. Content-Type, ETag and
// Last-Modified are the handler's where it gave them.
func (l *loop) answerNamedFile(c *conn, r *reply, k *lookup, q *resource.Conditions) {
	e := c.exchange
	if k.found != findingFile {
		if k.fault == nil {
			k.fault = unix.ENOENT
		}
		l.log.Error("Cannot send the file of a handler: it must stay until the answer is sent, and the gateway's account must be allowed to read it, and to enter the folders above",
			"pool", e.pool.name, "name", string(k.name), "uid", os.Getuid(), "err", k.fault)
		status := 500
		if k.fault == unix.EMFILE || k.fault == unix.ENFILE {
			status = 503
		}
		l.answer(c, status, "the file cannot be sent")
		return
	}
	file := l.holdFile(&k.file)
	if r.field("content-type") == nil {
		mediaType, _ := resource.MediaType(k.name)
		r.add("content-type", mediaType)
	}
	if r.status != 200 || !e.get && !e.head {
		r.length = file.size
		file.begin(resource.Range{Length: file.size})
		l.replyFrom(c, r, file)
		return
	}
	now := l.wallClock()
	rep := resource.Representation{Size: file.size}
	l.addValidators(r, &rep, &file.openFile, now)
	l.answerFile(c, r, file, q, &rep, e.get, now.Unix())
}
