package die

import "debug/dwarf"

// abbrev describes the layout of entries with one code.
type abbrev struct {
	tag      dwarf.Tag
	children bool
	attrs    []attrSpec
	steps    []step // over all attributes
}

// step moves over attributes: over those whose sizes are fixed, then over one
// whose size varies. The last step of an abbrev may have fixed ones only.
type step struct {
	fixed uint64
	form  form // 0: none
}

// skip moves r over all attributes of an entry.
func (a *abbrev) skip(r *reader, k abbrevKey) {
	for _, s := range a.steps {
		r.bytes(s.fixed)
		if s.form != 0 {
			s.form.skip(r, k)
		}
	}
}

// attrSpec is an attribute of an abbrev.
type attrSpec struct {
	attr  dwarf.Attr
	form  form
	value int64 // of formImplicitConst
	size  int   // in the entry, -1 when it varies
}

// abbrevTable maps codes to layouts. Codes are dense in practice.
type abbrevTable struct {
	dense  []abbrev // by code-1
	sparse map[uint64]*abbrev
}

func (t *abbrevTable) get(code uint64) *abbrev {
	if code-1 < uint64(len(t.dense)) {
		return &t.dense[code-1]
	}
	return t.sparse[code]
}

// abbrevKey tells tables apart: sizes depend on the unit's format.
type abbrevKey struct {
	off      uint64
	addrSize int
	offSize  int
	v2       bool
}

// abbrevs returns the table at an offset, parsed once.
func (in *Info) abbrevs(k abbrevKey) (*abbrevTable, error) {
	if t, ok := in.tables[k]; ok {
		return t, nil
	}
	t, err := parseAbbrevs(in.s.Abbrev, k)
	if err != nil {
		return nil, err
	}
	in.tables[k] = t
	return t, nil
}

func parseAbbrevs(section []byte, k abbrevKey) (*abbrevTable, error) {
	r := at(".debug_abbrev", section, k.off)
	t := &abbrevTable{sparse: map[uint64]*abbrev{}}
	for {
		code := r.uleb()
		if r.err != nil {
			return nil, r.err
		}
		if code == 0 {
			return t, nil
		}
		a := parseAbbrev(&r, k)
		if r.err != nil {
			return nil, r.err
		}
		if code == uint64(len(t.dense))+1 {
			t.dense = append(t.dense, a)
		} else {
			t.sparse[code] = &a
		}
	}
}

// parseAbbrev reads one declaration after its code.
func parseAbbrev(r *reader, k abbrevKey) abbrev {
	a := abbrev{tag: dwarf.Tag(r.uleb()), children: r.u8() != 0}
	fixed := uint64(0)
	for {
		at, f := r.uleb(), r.uleb()
		if r.err != nil || at == 0 && f == 0 {
			break
		}
		if at > 0xffff || f > 0xffff {
			r.fail("attribute or form is out of range")
			break
		}
		spec := attrSpec{attr: dwarf.Attr(at), form: form(f)}
		if spec.form == formImplicitConst {
			spec.value = r.sleb()
		}
		spec.size = spec.form.size(k)
		a.attrs = append(a.attrs, spec)
		if spec.size >= 0 {
			fixed += uint64(spec.size)
			continue
		}
		a.steps = append(a.steps, step{fixed, spec.form})
		fixed = 0
	}
	if fixed > 0 {
		a.steps = append(a.steps, step{fixed: fixed})
	}
	return a
}
