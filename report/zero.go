package report

import "strings"

// IsZero reports whether v is known, whole, and the zero value of its type.
func (v *Value) IsZero() bool { return v.isZero(0) }

func (v *Value) isZero(depth int) bool {
	if v.State != StateOK || depth > maxDecodeDepth {
		return false
	}
	switch v.Kind {
	case KindStruct:
		for i := range v.Children {
			if v.Children[i].Name != "_" && !v.Children[i].Value.isZero(depth+1) {
				return false
			}
		}
		return len(v.Children) > 0 || v.Text == ""
	case KindArray:
		for i := range v.Children {
			if !v.Children[i].Value.isZero(depth + 1) {
				return false
			}
		}
		return int64(len(v.Children)) >= v.Len
	case KindBool:
		return v.Text == "false"
	case KindInt, KindUint, KindFloat, KindComplex:
		text, ok := v.Scalar()
		return ok && (text == "0" || text == "(0+0i)")
	case KindString:
		return v.Text == "" && v.Len == 0
	case KindBytes:
		s, ok := v.Contents()
		array := strings.HasPrefix(v.Type, "[") && !strings.HasPrefix(v.Type, "[]")
		return v.Nil || array && ok && int64(len(s)) == v.Len && strings.Trim(s, "\x00") == ""
	}
	return v.Nil
}
