package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxUnixPath is what fits into sun_path of sockaddr_un with its final NUL
// (unix(7)).
const maxUnixPath = 107

var schemes = []string{"http", "websocket", "text", "frame", "tcp", "udp"}

// encrypted are schemes that other programs have for a protocol over TLS.
var encrypted = map[string]string{"https": "http", "wss": "websocket", "tls": "tcp", "ssl": "tcp"}

// schemeHints answer words of other programs that edit distance cannot.
var schemeHints = map[string]string{"ws": "websocket", "unix": "http://unix:/path.sock"}

// socketName is what systemd allows as FileDescriptorName (systemd.socket(5)).
var socketName = regexp.MustCompile(`^[!-9;-~]{1,255}$`)

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

// listenError is what is wrong with a listen text, and what to write.
type listenError struct{ message, hint string }

func (e *listenError) Error() string { return e.message + ": " + e.hint }

// parseListen cuts scheme://host:port, scheme://unix:/path and
// scheme://systemd:name apart. A text without a scheme is http. Relative socket
// paths belong to dir.
func parseListen(text, dir string) (scheme, address string, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "http", text
	}
	if !slices.Contains(schemes, scheme) {
		return "", "", unknownScheme(text, scheme, rest)
	}
	path, unix := strings.CutPrefix(rest, "unix:")
	name, systemd := strings.CutPrefix(rest, "systemd:")
	switch {
	case unix && scheme == "udp":
		err = &listenError{text + ": udp has no unix sockets", "write udp://0.0.0.0:5300, or take text, frame or tcp"}
	case unix:
		address, err = parseUnix(text, path, dir)
	case systemd && !socketName.MatchString(name):
		err = &listenError{fmt.Sprintf("%s: %q does not name a socket", text, name),
			"write " + scheme + "://systemd:NAME with the FileDescriptorName of the socket unit"}
	case systemd:
		address = rest
	default:
		address, err = parseInternet(text, scheme, rest)
	}
	return scheme, address, err
}

func unknownScheme(text, scheme, rest string) error {
	hint := "use " + strings.Join(schemes, ", ")
	if scheme == "h2c" {
		hint = "write http://" + rest + ": it speaks HTTP/2 without TLS too, unless http2: false says no"
	} else if plain := encrypted[scheme]; plain != "" {
		hint = fmt.Sprintf("write %s://%s, and tls: {certificate: FILE, key: FILE} beside it", plain, rest)
	} else if word := schemeHints[scheme]; strings.Contains(word, "://") {
		hint = "write " + word
	} else if word != "" {
		hint = "write " + word + "://" + rest
	} else if near := Suggest(scheme, schemes); near != "" {
		hint = fmt.Sprintf("did you mean %s://%s?", near, rest)
	}
	return &listenError{fmt.Sprintf("%s: unknown protocol %q", text, scheme), hint}
}

func parseUnix(text, path, dir string) (string, error) {
	if path == "" || strings.HasSuffix(path, "/") {
		return "", &listenError{text + ": no file name for the unix socket", "write unix:/path.sock"}
	}
	path = within(dir, path)
	if len(path) > maxUnixPath {
		return "", longSocket(text+": "+path, path)
	}
	return "unix:" + path, nil
}

func longSocket(what, path string) *listenError {
	return &listenError{
		fmt.Sprintf("%s is %d bytes long, a unix socket path has at most %d", what, len(path), maxUnixPath),
		"choose a shorter path"}
}

func parseInternet(text, scheme, rest string) (string, error) {
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return "", &listenError{text + ": an address has no path",
			fmt.Sprintf("write %s://%s and use routes for paths", scheme, rest[:i])}
	}
	if _, err := strconv.Atoi(rest); err == nil {
		rest = ":" + rest
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return "", badHostPort(text, scheme, rest)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", &listenError{fmt.Sprintf("%s: %q is not a port", text, port), "ports go from 0 (any free one) to 65535"}
	}
	if host == "*" {
		host = ""
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !hostName.MatchString(host) {
		return "", &listenError{fmt.Sprintf("%s: %q is not a host", text, host), "write an IP address, a host name, or * for all"}
	}
	return net.JoinHostPort(host, port), nil
}

func badHostPort(text, scheme, rest string) error {
	host := strings.Trim(rest, "[]:")
	switch {
	case strings.Count(rest, ":") > 1 && !strings.Contains(rest, "["):
		return &listenError{text + ": an IPv6 address needs brackets", fmt.Sprintf("write %s://[::1]:8080", scheme)}
	case host == "":
		return &listenError{text + ": no port", fmt.Sprintf("write %s://0.0.0.0:8080", scheme)}
	}
	return &listenError{text + ": no port", fmt.Sprintf("write %s://%s:8080", scheme, host)}
}

// collide tells whether two listeners cannot be bound at once: the same
// address, or the same port on one host and on all of them. TCP and UDP have
// ports of their own.
func collide(a, b *Listener) bool {
	_, portA, errA := net.SplitHostPort(a.Address)
	_, portB, errB := net.SplitHostPort(b.Address)
	switch {
	case a.named() || b.named() || errA != nil || errB != nil:
		return a.Address == b.Address
	case (a.Scheme == "udp") != (b.Scheme == "udp") || portA != portB || portA == "0":
		return false
	}
	return a.host() == b.host() || a.covers(b) || b.covers(a)
}

// named: the address is a name in the file system or of systemd.
func (l *Listener) named() bool { return l.unix() || strings.HasPrefix(l.Address, "systemd:") }

func (l *Listener) host() string {
	host, _, _ := net.SplitHostPort(l.Address)
	return host
}

func (l *Listener) covers(other *Listener) bool {
	if l.Socket.IPv6Only && covers("0.0.0.0", other.host()) {
		return false
	}
	return covers(l.host(), other.host())
}

// covers: "" and [::] are bound for both families, and 0.0.0.0 for IPv4 alone.
func covers(wild, host string) bool {
	if wild == "" || wild == "::" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return wild == "0.0.0.0" && host != "" && (err != nil || ip.Unmap().Is4())
}

// within makes path absolute; a relative one starts in dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
