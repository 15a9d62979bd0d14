package die

import "fmt"

// form is how an attribute is encoded (DWARF 5, section 7.5.6).
type form uint16

const (
	formAddr          form = 0x01
	formBlock2        form = 0x03
	formBlock4        form = 0x04
	formData2         form = 0x05
	formData4         form = 0x06
	formData8         form = 0x07
	formString        form = 0x08
	formBlock         form = 0x09
	formBlock1        form = 0x0a
	formData1         form = 0x0b
	formFlag          form = 0x0c
	formSdata         form = 0x0d
	formStrp          form = 0x0e
	formUdata         form = 0x0f
	formRefAddr       form = 0x10
	formRef1          form = 0x11
	formRef2          form = 0x12
	formRef4          form = 0x13
	formRef8          form = 0x14
	formRefUdata      form = 0x15
	formIndirect      form = 0x16
	formSecOffset     form = 0x17
	formExprloc       form = 0x18
	formFlagPresent   form = 0x19
	formStrx          form = 0x1a
	formAddrx         form = 0x1b
	formRefSup4       form = 0x1c
	formStrpSup       form = 0x1d
	formData16        form = 0x1e
	formLineStrp      form = 0x1f
	formRefSig8       form = 0x20
	formImplicitConst form = 0x21
	formLoclistx      form = 0x22
	formRnglistx      form = 0x23
	formRefSup8       form = 0x24
	formStrx1         form = 0x25
	formStrx2         form = 0x26
	formStrx3         form = 0x27
	formStrx4         form = 0x28
	formAddrx1        form = 0x29
	formAddrx2        form = 0x2a
	formAddrx3        form = 0x2b
	formAddrx4        form = 0x2c
	formGNURefAlt     form = 0x1f20
	formGNUStrpAlt    form = 0x1f21
)

// size is the encoded size of a form, -1 when it varies or is unknown.
func (f form) size(k abbrevKey) int {
	switch f {
	case formFlagPresent, formImplicitConst:
		return 0
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		return 1
	case formData2, formRef2, formStrx2, formAddrx2:
		return 2
	case formStrx3, formAddrx3:
		return 3
	case formData4, formRef4, formStrx4, formAddrx4, formRefSup4:
		return 4
	case formData8, formRef8, formRefSig8, formRefSup8:
		return 8
	case formData16:
		return 16
	case formAddr:
		return k.addrSize
	case formRefAddr:
		if k.v2 {
			return k.addrSize
		}
		return k.offSize
	case formStrp, formSecOffset, formStrpSup, formLineStrp, formGNURefAlt, formGNUStrpAlt:
		return k.offSize
	}
	return -1
}

// skip moves r over one value of the form.
func (f form) skip(r *reader, k abbrevKey) {
	if n := f.size(k); n >= 0 {
		r.bytes(uint64(n))
		return
	}
	switch f {
	case formSdata, formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx:
		r.skipLEB()
	case formString:
		r.cstring()
	case formBlock1:
		r.bytes(uint64(r.u8()))
	case formBlock2:
		r.bytes(uint64(r.u16()))
	case formBlock4:
		r.bytes(uint64(r.u32()))
	case formBlock, formExprloc:
		r.bytes(r.uleb())
	case formIndirect:
		if g := indirect(r); r.err == nil {
			g.skip(r, k)
		}
	default:
		r.fail(fmt.Sprintf("unknown form 0x%x", uint16(f)))
	}
}

// indirect reads the form that a value of formIndirect names.
func indirect(r *reader) form {
	g := r.uleb()
	if g > 0xffff || form(g) == formIndirect || form(g) == formImplicitConst {
		r.fail("indirect form is out of range")
		return 0
	}
	return form(g)
}
