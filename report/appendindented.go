package report

import "strconv"

// AppendIndented appends t as [EncodeIndented] encodes it.
func (t *DocThread) AppendIndented(dst []byte, prefix string) []byte {
	start := len(dst)
	dst = appendQuoted(indentedKey(dst, "{", prefix, "name"), t.Name)
	dst = indentedKey(dst, ",", prefix, "ident")
	if t.Ident != nil {
		dst = strconv.AppendUint(dst, *t.Ident, 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = strconv.AppendBool(indentedKey(dst, ",", prefix, "daemon"), t.Daemon)
	dst = strconv.AppendBool(indentedKey(dst, ",", prefix, "crashed"), t.Crashed)
	return indentedEnd(dst, prefix, start)
}

// AppendIndented appends x as [EncodeIndented] encodes it.
func (x *DocRedaction) AppendIndented(dst []byte, prefix string) []byte {
	start := len(dst)
	dst = appendQuoted(indentedKey(dst, "{", prefix, "location"), x.Location)
	dst = appendQuoted(indentedKey(dst, ",", prefix, "reason"), x.Reason)
	dst = appendQuoted(indentedKey(dst, ",", prefix, "rule"), x.Rule)
	dst = appendQuoted(indentedKey(dst, ",", prefix, "timestamp"), x.Timestamp)
	return indentedEnd(dst, prefix, start)
}

// indentedKey appends what the line before ends with, and a line up to the
// key's value.
func indentedKey(dst []byte, before, prefix, key string) []byte {
	dst = append(append(append(dst, before...), '\n'), prefix...)
	return append(append(append(dst, `  "`...), key...), `": `...)
}

// indentedEnd closes the object that begins at start.
func indentedEnd(dst []byte, prefix string, start int) []byte {
	dst = append(append(append(dst, '\n'), prefix...), '}')
	return dst[:start+len(RawSeparators(dst[start:]))]
}
