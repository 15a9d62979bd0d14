package vars

import (
	"net"
	"net/netip"
	"net/url"
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

// netText shows the byte slices of package net.
func netText(d *decoder, t *gotype.Type, src region) string {
	h, f := d.sliceHeader(t, src)
	if f.bad() || h.n == 0 || h.n > 64 {
		return ""
	}
	b, f := view(d.r.mem, h.ptr, int(h.n))
	if f.bad() {
		return ""
	}
	switch t.Name {
	case "net.IP":
		if len(b) != net.IPv4len && len(b) != net.IPv6len {
			return ""
		}
		return net.IP(b).String()
	case "net.IPMask":
		return net.IPMask(b).String()
	}
	return net.HardwareAddr(b).String()
}

// addrText: net/netip/netip.go.
func addrText(d *decoder, t *gotype.Type, src region) string {
	a, ok := d.addr(t, src)
	if !ok {
		return ""
	}
	return a.String()
}

// addr reads a netip.Addr: z is a unique.Handle, a pointer to isV6 and the
// zone, nil in the zero Addr.
func (d *decoder) addr(t *gotype.Type, src region) (a netip.Addr, ok bool) {
	hi, ok1 := d.int(t, src, "addr.hi")
	lo, ok2 := d.int(t, src, "addr.lo")
	z, ok3 := d.fieldBytes(t, src, "z.value")
	fd, ok4 := fieldAt(t, "z.value")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return a, false
	}
	p := unsigned(z)
	if p == 0 {
		return a, true
	}
	detail := fd.Type.Elem
	in := at(p, sizeOf(detail))
	v6, ok := d.int(detail, in, "isV6")
	zone, ok2 := d.shortText(detail, in, "zoneV6")
	if !ok || !ok2 {
		return a, false
	}
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(uint64(hi)>>(56-8*i)), byte(uint64(lo)>>(56-8*i))
	}
	a = netip.AddrFrom16(b)
	if v6 == 0 {
		return a.Unmap(), true
	}
	return a.WithZone(zone), true
}

// ipField reads the field ip of a netip.AddrPort or netip.Prefix.
func (d *decoder) ipField(t *gotype.Type, src region) (a netip.Addr, ok bool) {
	fd, ok := fieldAt(t, "ip")
	if !ok {
		return a, false
	}
	in, ok := src.sub(fd.Offset, sizeOf(fd.Type))
	if !ok {
		return a, false
	}
	return d.addr(fd.Type, in)
}

// addrPortText: net/netip/netip.go.
func addrPortText(d *decoder, t *gotype.Type, src region) string {
	a, ok := d.ipField(t, src)
	port, ok2 := d.int(t, src, "port")
	if !ok || !ok2 {
		return ""
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

// prefixText: net/netip/netip.go; bitsPlusOne is 0 in one that is not valid.
func prefixText(d *decoder, t *gotype.Type, src region) string {
	a, ok := d.ipField(t, src)
	bits, ok2 := d.int(t, src, "bitsPlusOne")
	if !ok || !ok2 {
		return ""
	}
	return netip.PrefixFrom(a, int(uint8(bits))-1).String()
}

// hardURL bounds each part of a URL in a summary, in bytes.
const hardURL = 4096

// urlText: net/url/url.go. The password in it is for redact to remove, like the
// one in the field.
func urlText(d *decoder, t *gotype.Type, src region) string {
	var u url.URL
	for path, dst := range map[string]*string{"Scheme": &u.Scheme, "Opaque": &u.Opaque, "Host": &u.Host, "Path": &u.Path, "RawPath": &u.RawPath,
		"RawQuery": &u.RawQuery, "Fragment": &u.Fragment, "RawFragment": &u.RawFragment} {
		var ok bool
		if *dst, ok = d.shortText(t, src, path); !ok {
			return ""
		}
	}
	force, ok := d.int(t, src, "ForceQuery")
	omit, ok2 := d.int(t, src, "OmitHost")
	user, ok3 := d.fieldBytes(t, src, "User")
	fd, ok4 := fieldAt(t, "User")
	if !ok || !ok2 || !ok3 || !ok4 || fd.Type.Kind != reflect.Pointer {
		return ""
	}
	u.ForceQuery, u.OmitHost = force != 0, omit != 0
	if p := unsigned(user); p != 0 {
		info := fd.Type.Elem
		in := at(p, sizeOf(info))
		name, ok := d.shortText(info, in, "username")
		password, ok2 := d.shortText(info, in, "password")
		set, ok3 := d.int(info, in, "passwordSet")
		if !ok || !ok2 || !ok3 {
			return ""
		}
		if u.User = url.User(name); set != 0 {
			u.User = url.UserPassword(name, password)
		}
	}
	return u.String()
}

// shortText reads a string field of at most hardURL bytes.
func (d *decoder) shortText(t *gotype.Type, src region, path string) (string, bool) {
	fd, ok := fieldAt(t, path)
	if !ok || fd.Type.Kind != reflect.String {
		return "", false
	}
	n, f := d.word(src, fd.Offset+8)
	switch {
	case f.bad() || n > hardURL:
		return "", false
	case n == 0:
		return "", true
	}
	ptr, f := d.word(src, fd.Offset)
	if f.bad() {
		return "", false
	}
	b, f := view(d.r.mem, ptr, int(n))
	return string(b), !f.bad()
}
