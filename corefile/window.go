package corefile

// Window returns the bytes from addr on without copying: n of them, or fewer
// where memory of another provenance begins. It is nil when the byte at addr is
// not at hand. Like a View it must not be changed and is valid until the Core is
// closed. Walkers of large structures read through windows: a View of many
// pages may have to copy them.
func (m *Memory) Window(addr uint64, n int) []byte {
	r := m.find(addr)
	if r == nil || r.data == nil || n <= 0 {
		return nil
	}
	have := r.end - addr
	if uint64(n) < have {
		have = uint64(n)
	}
	off := addr - r.start
	return r.data[off : off+have : off+have]
}
