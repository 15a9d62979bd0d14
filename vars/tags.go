package vars

import (
	"unsafe"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// tagSource is a typeSource that knows the tags of structs; gotype.Types does.
type tagSource interface {
	Tags(t *gotype.Type) []string
}

// tagBits is the logarithm of the number of struct types whose tags are found
// without a lock.
const tagBits = 8

// tagged is a struct type with the tags of its fields.
type tagged struct {
	t    *gotype.Type
	tags []string
}

// tagsOf returns the tags of the fields of a struct, nil where no field has one.
func (r *Reader) tagsOf(t *gotype.Type) []string {
	slot := &r.tags[uint64(uintptr(unsafe.Pointer(t)))*0x9e3779b97f4a7c15>>(64-tagBits)]
	if slot.t == t {
		return slot.tags
	}
	var tags []string
	if src, ok := r.types.(tagSource); ok {
		r.shared.Lock()
		tags = src.Tags(t)
		r.shared.Unlock()
	}
	if len(tags) != len(t.Fields) {
		tags = nil
	}
	*slot = tagged{t, tags}
	return tags
}

// tag gives the fields of a struct their tags.
func (r *Reader) tag(t *gotype.Type, fields []report.Child) {
	tags := r.tagsOf(t)
	for i := range tags {
		if i < len(fields) && tags[i] != "" {
			fields[i].Tag = &tags[i]
		}
	}
}

// Tag returns the struct tag of the field that the last step of a path names,
// nil where it is no field or has none.
func (r *Reader) Tag(root Root, path report.Path) *string {
	n := len(path.Steps)
	if n == 0 || path.Steps[n-1].Op != report.StepName {
		return nil
	}
	e := evaluator{d: &decoder{r: r, lim: r.lim}}
	e.d.begin(r.lim)
	e.d.steps = hardLookup
	p := spot{t: root.t, src: root.src}
	for _, s := range path.Steps {
		if p.done != nil || e.step(&p, s) != nil {
			return nil
		}
	}
	return p.tag
}
