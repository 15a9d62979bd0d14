package vars

import (
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// fieldAt finds a field of t by a dotted path of names, with its offset in t.
func fieldAt(t *gotype.Type, path string) (fd gotype.Field, ok bool) {
	var off int64
	for {
		name, rest, more := strings.Cut(path, ".")
		if fd, ok = fieldNamed(t, name); !ok {
			return fd, false
		}
		off += fd.Offset
		fd.Offset = off
		if !more {
			return fd, true
		}
		t, path = fd.Type, rest
	}
}

// fieldNamed finds a field of t itself.
func fieldNamed(t *gotype.Type, name string) (gotype.Field, bool) {
	if t == nil {
		return gotype.Field{}, false
	}
	for i := range t.Fields {
		if t.Fields[i].Name == name && t.Fields[i].Type != nil {
			return t.Fields[i], true
		}
	}
	return gotype.Field{}, false
}
