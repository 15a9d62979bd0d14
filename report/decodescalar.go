package report

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// scalar fills in a number or truth value.
func (f *filler) scalar(dst reflect.Value, v *Value, t *trail) {
	text, ok := v.Scalar()
	if !ok {
		// A duration of which only the text was kept.
		if d, err := time.ParseDuration(v.Text); err == nil && dst.Type() == reflect.TypeFor[time.Duration]() {
			dst.SetInt(int64(d))
			return
		}
		f.fail(t, StateUnreadable, "its number is not in the report")
		return
	}
	switch {
	case dst.Kind() == reflect.Bool && v.Kind == KindBool:
		dst.SetBool(text == "true")
	case v.Kind == KindBool:
		f.mismatch(dst, v, t)
	case dst.CanInt() || dst.CanUint() || dst.CanFloat() || dst.CanComplex():
		if !setNumber(dst, v.Kind, text) {
			f.mismatch(dst, v, t)
		}
	default:
		f.mismatch(dst, v, t)
	}
}

// Scalar returns a number or truth value as Go syntax ("42", "true", "1.5e+06",
// "NaN"). Where Text is a summary for people (time.Duration) the number is the
// only child. ok is false where v holds no scalar of its kind.
func (v *Value) Scalar() (text string, ok bool) {
	text = v.Text
	if len(v.Children) == 1 && v.Children[0].Name == "" && v.Children[0].Key == nil {
		c := &v.Children[0].Value
		if c.Kind != v.Kind || c.State != StateOK {
			return "", false
		}
		text = c.Text
	}
	var err error
	switch v.Kind {
	case KindBool:
		ok = text == "true" || text == "false"
		return text, ok
	case KindInt:
		_, err = strconv.ParseInt(text, 10, 64)
	case KindUint:
		_, err = strconv.ParseUint(text, 10, 64)
	case KindFloat:
		_, err = strconv.ParseFloat(text, 64)
	case KindComplex:
		_, err = strconv.ParseComplex(text, 128)
	default:
		return "", false
	}
	return text, err == nil
}

// setNumber sets a number of any kind from one of any kind that fits; only
// fractions are rounded. The text was checked.
func setNumber(dst reflect.Value, kind Kind, text string) bool {
	switch kind {
	case KindInt:
		n, _ := strconv.ParseInt(text, 10, 64)
		return setInt(dst, n)
	case KindUint:
		n, _ := strconv.ParseUint(text, 10, 64)
		return setUint(dst, n)
	case KindFloat:
		x, _ := strconv.ParseFloat(text, 64)
		return setFloat(dst, x, text)
	}
	c, _ := strconv.ParseComplex(text, 128)
	if dst.Kind() == reflect.Complex64 {
		c, _ = strconv.ParseComplex(text, 64)
	}
	if !dst.CanComplex() || dst.OverflowComplex(c) {
		return false
	}
	dst.SetComplex(c)
	return true
}

func setInt(dst reflect.Value, n int64) bool {
	switch {
	case n >= 0 && dst.CanUint():
		return setUint(dst, uint64(n))
	case dst.CanInt() && !dst.OverflowInt(n):
		dst.SetInt(n)
	case dst.CanFloat() && exactInt(dst, n):
		dst.SetFloat(float64(n))
	default:
		return false
	}
	return true
}

func setUint(dst reflect.Value, n uint64) bool {
	switch {
	case dst.CanUint() && !dst.OverflowUint(n):
		dst.SetUint(n)
	case n <= math.MaxInt64 && dst.CanInt() && !dst.OverflowInt(int64(n)):
		dst.SetInt(int64(n))
	case n <= math.MaxInt64 && dst.CanFloat() && exactInt(dst, int64(n)):
		dst.SetFloat(float64(n))
	default:
		return false
	}
	return true
}

// exactInt reports whether a floating point variable can hold n.
func exactInt(dst reflect.Value, n int64) bool {
	limit := int64(1) << 53
	if dst.Kind() == reflect.Float32 {
		limit = 1 << 24
	}
	return -limit <= n && n <= limit
}

// setFloat sets a floating point number. One that was written as a float32 is
// read as one, so that rounding goes the way back.
func setFloat(dst reflect.Value, x float64, text string) bool {
	if dst.Kind() == reflect.Float32 {
		n, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return false
		}
		x = n
	}
	if !dst.CanFloat() || dst.OverflowFloat(x) {
		return false
	}
	dst.SetFloat(x)
	return true
}

// text fills in a string or bytes.
func (f *filler) text(dst reflect.Value, v *Value, t *trail) {
	if v.Kind == KindBytes && len(v.Children) > 0 {
		f.list(dst, v, t)
		return
	}
	s, ok := v.Contents()
	if !ok {
		f.fail(t, StateUnreadable, "its text can't be unquoted")
		return
	}
	if v.State == StateOK && !v.partlyRedacted() && int64(len(s)) < v.Len {
		f.fail(t, StateTruncated, v.Note)
	}
	if dst.Kind() == reflect.String {
		dst.SetString(s)
		return
	}
	if dst.Kind() != reflect.Slice && dst.Kind() != reflect.Array {
		f.mismatch(dst, v, t)
		return
	}
	elem := dst.Type().Elem()
	if elem.Kind() != reflect.Uint8 || v.Kind == KindString && dst.Kind() == reflect.Array {
		f.mismatch(dst, v, t)
		return
	}
	if dst.Kind() == reflect.Array {
		if !f.sized(dst, v, len(s), t) {
			return
		}
		dst.SetZero()
	} else {
		dst.Set(reflect.MakeSlice(dst.Type(), len(s), len(s)))
	}
	for i := range len(s) {
		dst.Index(i).SetUint(uint64(s[i]))
	}
}

// sized checks that n elements, or more that are not known, fit an array.
func (f *filler) sized(dst reflect.Value, v *Value, n int, t *trail) bool {
	if whole := max(v.Len, int64(n)); whole != int64(dst.Len()) {
		f.fail(t, StateOK, fmt.Sprintf("%d elements into %s", whole, dst.Type()))
		return false
	}
	return true
}

// summary fills in a type of the standard library that people read as a whole
// from its text; false where dst is no such type. The types' own fields are not
// exported.
func (f *filler) summary(dst reflect.Value, v *Value, t *trail) bool {
	typ := dst.Type()
	switch typ.PkgPath() {
	case "time", "net", "net/netip", "math/big":
	default:
		return false
	}
	if v.Type != typ.PkgPath()+"."+typ.Name() || !dst.CanAddr() {
		return false
	}
	u, ok := dst.Addr().Interface().(encoding.TextUnmarshaler)
	if !ok {
		return false
	}
	text := v.Text
	switch {
	case text == "" && v.Kind != KindStruct: // net.IP{}, net.IP(nil)
		return false
	case text == "":
		f.fail(t, StateUnreadable, "its text is not in the report")
		return true
	case v.Type == "net/netip.Addr" && text == "invalid IP": // the zero Addr, which has no text
		text = ""
	case v.Type == "math/big.Int" && !isInteger(text):
		// UnmarshalText takes other bases too, which is not what was written.
		f.fail(t, StateUnreadable, "its text is no number")
		return true
	}
	if err := u.UnmarshalText([]byte(text)); err != nil {
		f.fail(t, StateUnreadable, "its text can't be read")
	}
	return true
}

// maxBigDigits bounds the digits of a big.Int that is read: reading takes time
// that grows faster than their number.
const maxBigDigits = 1 << 14

func isInteger(s string) bool {
	if len(s) > 1 && s[0] == '-' {
		s = s[1:]
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= maxBigDigits
}
