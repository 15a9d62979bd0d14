// Crasher dies in the way that its argument names. It prints the address of
// known bytes first.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	truth := make([]byte, 3*4096)
	for i := range truth {
		truth[i] = byte(i * i >> 3)
	}
	fmt.Printf("%#x\n", uintptr(unsafe.Pointer(&truth[0])))
	switch os.Args[1] {
	case "panic":
		done := make(chan bool)
		go func() {
			panic("nobody recovers")
		}()
		<-done
	case "abort": // as after safedump.Install: by a signal, with cores allowed
		var r syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &r); err != nil {
			os.Exit(9)
		}
		r.Cur = r.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &r); err != nil {
			os.Exit(9)
		}
		debug.SetTraceback("crash")
		panic("nobody recovers")
	case "deadlock":
		select {}
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	}
	runtime.KeepAlive(truth)
}
