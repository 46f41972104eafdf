package gateway

import (
	"cmp"
	"errors"
	"html"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"gw/protocol/resource"
)

// listingLimit bounds the names of one folder that are shown.
const listingLimit = 5000

// list reads the names in the folder k.name; those of folders end in a slash.
func (k *lookup) list(o opener) error {
	if o.cached {
		return errWouldWait
	}
	fd, err := o.open(k.name)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !k.slash {
		closeFD(fd)
		k.found = findingFolder
		return nil
	}
	dir := os.NewFile(uintptr(fd), "folder")
	defer dir.Close()
	entries, err := dir.ReadDir(listingLimit)
	if err != nil && len(entries) == 0 && !errors.Is(err, io.EOF) {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		whole := name
		if len(k.name) > 0 {
			whole = string(k.name) + "/" + name
		}
		if !k.static.shows([]byte(whole)) || strings.ContainsAny(name, "\\") {
			continue
		}
		switch {
		case e.IsDir():
			name += "/"
		case !e.Type().IsRegular() && e.Type()&os.ModeSymlink == 0:
			continue
		}
		k.names = append(k.names, name)
	}
	k.found = findingNames
	return nil
}

// shows tells whether a name may be served at all.
func (s *static) shows(name []byte) bool {
	return (s.hidden || !resource.Hidden(name)) && !resource.EndsIn(name, s.never)
}

// appendListing makes a page of names.
func appendListing(dst []byte, path string, names []string) []byte {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(b, "/"), strings.Count(a, "/")), cmp.Compare(a, b)) // folders first
	})
	title := html.EscapeString(path)
	dst = append(dst, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>"...)
	dst = append(append(append(append(dst, title...), "</title></head>\n<body><h1>"...), title...), "</h1>\n<ul>\n"...)
	if path != "/" {
		dst = append(dst, "<li><a href=\"../\">../</a></li>\n"...)
	}
	for _, name := range names {
		folder := strings.HasSuffix(name, "/")
		link := "./" + url.PathEscape(strings.TrimSuffix(name, "/")) // "./": a colon in it makes no scheme
		if folder {
			link += "/"
		}
		dst = append(append(dst, "<li><a href=\""...), html.EscapeString(link)...)
		dst = append(append(append(dst, "\">"...), html.EscapeString(name)...), "</a></li>\n"...)
	}
	return append(dst, "</ul></body></html>\n"...)
}
