package goscope

import "encoding/binary"

// push puts a number on the stack.
func (m *machine) push(v uint64) { m.pushCell(cell{v: v}) }

func (m *machine) pushCell(c cell) {
	if len(m.stack) >= maxStack {
		m.fail("stack of more than %d numbers", maxStack)
		return
	}
	m.stack = append(m.stack, c)
}

func (m *machine) pop() cell {
	if len(m.stack) == 0 {
		m.fail("empty stack")
		return cell{}
	}
	c := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return c
}

// byte reads one byte of the expression.
func (m *machine) byte() byte {
	b := m.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (m *machine) bytes(n uint64) []byte {
	if n > uint64(len(m.in)-m.pos) {
		m.fail("operand does not fit")
		m.pos = len(m.in)
		return nil
	}
	b := m.in[m.pos : m.pos+int(n) : m.pos+int(n)]
	m.pos += int(n)
	return b
}

// uint reads a little-endian number.
func (m *machine) uint(size uint64) uint64 {
	var b [8]byte
	copy(b[:], m.bytes(size))
	return binary.LittleEndian.Uint64(b[:])
}

// uleb reads an unsigned LEB128 number.
func (m *machine) uleb() uint64 {
	v, n := binary.Uvarint(m.in[m.pos:])
	if n <= 0 {
		m.fail("LEB128 number does not fit")
		m.pos = len(m.in)
		return 0
	}
	m.pos += n
	return v
}

// sleb reads a signed LEB128 number.
func (m *machine) sleb() int64 {
	var v int64
	for shift := 0; shift < 64; shift += 7 {
		c := m.byte()
		if m.err != nil {
			return 0
		}
		v |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	m.fail("LEB128 number of more than 64 bits")
	return 0
}
