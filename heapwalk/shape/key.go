package shape

import (
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

// MapKey finds the key that belongs to the part of a map's group that lies at an
// offset of one or more groups: its type and its offset. The key itself is
// contents. Layouts as in groupPath.
func (t *Table) MapKey(id ID, off uint64) (key *gotype.Type, at uint64, ok bool) {
	in := t.Info(id)
	if in.Kind != KindMapGroup || in.Type == nil || in.Size == 0 {
		return nil, 0, false
	}
	group := off - off%in.Size
	steps, _ := t.Path(id, off)
	for _, s := range steps {
		if s.Kind != StepMapElem && s.Kind != StepMapKey {
			continue
		}
		if slots, found := in.Type.Field("slots"); found && slots.Type.Kind == reflect.Array && slots.Type.Elem != nil {
			if f, found := slots.Type.Elem.Field("key"); found {
				return f.Type, group + uint64(slots.Offset) + s.Index*uint64(slots.Type.Elem.Size) + uint64(f.Offset), true
			}
		}
		if keys, found := in.Type.Field("keys"); found && keys.Type.Kind == reflect.Array && keys.Type.Elem != nil {
			return keys.Type.Elem, group + uint64(keys.Offset) + s.Index*uint64(keys.Type.Elem.Size), true
		}
	}
	return nil, 0, false
}
