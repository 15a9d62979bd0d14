//go:build !linux

package hostcheck

import (
	"errors"
	"io/fs"
)

func readStore(string) (store, error) { return store{}, errors.New("not told on this system") }

func owner(string) (uid int, known bool) { return 0, false }

func mayWrite(fs.FileInfo, process) bool { return true }
