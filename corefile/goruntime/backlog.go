package goruntime

import (
	"bytes"
	"errors"
	"fmt"
)

// maxBacklog bounds runtime.printBacklog; it has 512 bytes in Go 1.26.
const maxBacklog = 1 << 16

// PrintBacklog returns what print and println wrote last before the runtime
// began to die (runtime.printBacklog, a ring): the text of fatal errors, but
// also whatever the program itself printed with them.
func (r *Runtime) PrintBacklog() (string, error) {
	at, size, ok := r.sym("runtime.printBacklog")
	idx, _, ok2 := r.sym("runtime.printBacklogIndex")
	if !ok || !ok2 || size <= 0 || size > maxBacklog {
		return "", errors.New("variable runtime.printBacklog not found")
	}
	ring, err := r.view(at, int(size))
	if err != nil {
		return "", fmt.Errorf("runtime.printBacklog: %w", err)
	}
	n, err := r.mem.Uint64(idx)
	if err != nil {
		return "", fmt.Errorf("runtime.printBacklogIndex: %w", err)
	}
	if n >= uint64(size) {
		return "", fmt.Errorf("runtime.printBacklogIndex is %d of %d", n, size)
	}
	text := make([]byte, 0, size)
	text = append(append(text, ring[n:]...), ring[:n]...)
	return string(bytes.TrimLeft(text, "\x00")), nil
}
