package vars

import (
	"fmt"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// chanLayout holds the offsets of the fields of runtime.hchan (Go 1.26.8,
// runtime/chan.go) that are read, by DWARF.
type chanLayout struct {
	ok                                  bool
	qcount, dataqsiz, buf, closed, recv int64
}

// chanLayout finds the layout of channels, once.
func (r *Reader) chanLayout(t *gotype.Type) chanLayout {
	if r.chans.ok {
		return r.chans
	}
	h, err := r.typeNamed("runtime.hchan")
	if err != nil || h == nil {
		h = t.Internal
	}
	l := &r.chans
	l.ok = offsets(h, map[string]*int64{
		"qcount": &l.qcount, "dataqsiz": &l.dataqsiz, "buf": &l.buf, "closed": &l.closed, "recvx": &l.recv,
	})
	return r.chans
}

// offsets finds fields by name; false unless all are there.
func offsets(t *gotype.Type, want map[string]*int64) bool {
	for name, off := range want {
		fd, ok := fieldAt(t, name)
		if !ok {
			return false
		}
		*off = fd.Offset
	}
	return true
}

// queue is what a channel's header says.
type queue struct {
	addr             uint64 // of the hchan, 0 for a nil channel
	n, cap, buf, pos uint64
	closed           bool
}

// queueOf reads and checks the header of the channel in src.
func (d *decoder) queueOf(t *gotype.Type, src region) (q queue, f fault) {
	if q.addr, f = d.word(src, 0); f.bad() || q.addr == 0 {
		return q, f
	}
	l := d.r.chanLayout(t)
	if !l.ok || t.Elem == nil || t.Elem.Size < 0 {
		return q, fault{report.StateUnreadable, "the layout of channels is not described"}
	}
	for _, w := range []struct {
		off int64
		dst *uint64
	}{{l.qcount, &q.n}, {l.dataqsiz, &q.cap}, {l.buf, &q.buf}, {l.recv, &q.pos}} {
		b, f := view(d.r.mem, q.addr+uint64(w.off), 8)
		if f.bad() {
			return q, f
		}
		*w.dst = unsigned(b)
	}
	b, f := view(d.r.mem, q.addr+uint64(l.closed), 4)
	if f.bad() {
		return q, f
	}
	q.closed = unsigned(b) != 0
	size := uint64(t.Elem.Size)
	if q.n > q.cap || q.cap > hardLength || q.pos > q.cap || size > 0 && q.cap > hardLength/size {
		return q, fault{report.StateUnreadable, fmt.Sprintf("the channel at 0x%x makes no sense", q.addr)}
	}
	if q.n == 0 {
		return q, fault{}
	}
	return q, d.extent(q.buf, q.cap*size)
}

// channel decodes a channel and what its buffer holds, oldest first.
func (d *decoder) channel(tk task) {
	v, t := tk.dst, tk.t
	q, f := d.queueOf(t, tk.src)
	v.Target = report.Addr(q.addr)
	if f.bad() {
		fail(v, f)
		return
	}
	if q.addr == 0 {
		v.Nil = true
		return
	}
	v.Len, v.Cap = int64(q.n), int64(q.cap)
	if q.closed {
		v.Text = "closed"
	}
	if q.n == 0 {
		return
	}
	inner, ok := d.enter(tk, q.addr)
	if !ok {
		return
	}
	inner.src = at(q.buf, int64(q.cap)*t.Elem.Size)
	cs := d.items(tk, int64(q.n))
	for i := range cs {
		slot := (q.pos + uint64(i)) % q.cap
		d.part(inner, &cs[i].Value, t.Elem, int64(slot)*t.Elem.Size)
	}
}

// mapping decodes a map, its entries in the order of their keys.
func (d *decoder) mapping(tk task) {
	v := tk.dst
	p, f := d.word(tk.src, 0)
	if f.bad() {
		fail(v, f)
		return
	}
	if p == 0 {
		v.Nil = true
		return
	}
	v.Target = report.Addr(p)
	l, f := d.r.mapLayout(tk.t)
	if f.bad() {
		fail(v, f)
		return
	}
	used, f := d.mapUsed(l, p)
	if f.bad() {
		fail(v, f)
		return
	}
	v.Len = int64(used)
	if used == 0 {
		return
	}
	inner, ok := d.enter(tk, p)
	if !ok {
		return
	}
	d.entries(tk, inner, l, p, used)
}

// entries queues keys and elements of the map at p.
func (d *decoder) entries(tk, inner task, l *mapLayout, p, used uint64) {
	v := tk.dst
	limit := min(used, uint64(max(hardSort, d.lim.items)))
	found := d.found[:0]
	more := false
	f := d.walkMap(l, p, func(e entry) bool {
		if uint64(len(found)) >= limit {
			more = true
			return false
		}
		found = append(found, e)
		return true
	})
	d.found = found
	d.sortEntries(tk.t.Key, found)
	n := min(len(found), d.lim.items, d.nodes/2)
	if n < len(found) || more {
		v.State = report.StateTruncated
		if n < d.lim.items {
			v.Note = noteNodes
		}
	} else if f.bad() {
		fail(v, f)
	} else if uint64(len(found)) != used {
		v.Note = fmt.Sprintf("its header counts %d entries, %d were found: it was being written", used, len(found))
	}
	d.nodes -= n // the keys
	cs := d.children(v, int64(n))
	for i := range cs {
		cs[i].Key = d.r.room.key()
		d.push(inner, cs[i].Key, tk.t.Key, found[i].key)
		d.push(inner, &cs[i].Value, tk.t.Elem, found[i].elem)
	}
}
