//go:build amd64 || arm64

package capturetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump"
)

// roles are the programs that the tests below start.
func roles() map[string]func(*told) {
	background := context.Background()
	plain := func(r *told) { r.capture(background, safedump.CaptureOptions{}) }
	return map[string]func(*told){
		"plain": plain,
		"many":  many,
		"busy":  busy,
		"nolimit": func(r *told) { // no core of the kernel's is to be had
			must(syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}))
			plain(r)
		},
		"undumpable": func(r *told) {
			prctl(4, 0) // PR_SET_DUMPABLE
			plain(r)
		},
		"goroutines": func(r *told) {
			for i := number(os.Getenv(argVar)); i > 0; i-- {
				go func() { select {} }()
			}
			plain(r)
		},
		"allocating": func(r *told) {
			s := startSpin(4)
			for i := 0; i < 20; i++ {
				plain(r)
			}
			s.end(r)
		},
		"noclone": func(r *told) {
			const cloneVM = 0x100 // threads may be made
			refuse(syscall.SYS_CLONE, syscall.Errno(number(os.Getenv(argVar))), cloneVM)
			plain(r)
		},
		"noclose": func(r *told) {
			refuse(sysCloseRange, syscall.ENOSYS, 1<<31)
			for i := 0; i < 600; i++ { // more than fit into one batch
				_, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
				must(err)
			}
			r.Before = state()
			plain(r)
		},
		"filelimit": func(r *told) {
			must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
			plain(r)
		},
		"tinydisk": func(r *told) {
			must(os.Mkdir("out", 0o700))
			must(syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
			must(syscall.Mount("none", "out", "tmpfs", 0, "size=1m"))
			plain(r)
		},
		"noproc": func(r *told) {
			must(syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
			must(syscall.Mount("none", "/proc", "tmpfs", 0, ""))
			plain(r)
			must(syscall.Unmount("/proc", 0))
		},
		"readonly": func(r *told) {
			must(os.Mkdir("out", 0o500))
			plain(r)
		},
		"nprocs": func(r *told) {
			idleThreads(16) // the runtime itself dies when it can't make a thread
			const rlimitNProc = 6
			must(syscall.Setrlimit(rlimitNProc, &syscall.Rlimit{Cur: 1, Max: 1}))
			plain(r)
		},
		"vanish": vanish,
		"murdered": func(r *told) { // the image dies of its first write
			answer(syscall.SYS_PWRITE64, retKill, 1<<31)
			plain(r)
		},
		"canceled": canceled,
		"panics": func(r *told) {
			r.capture(background, safedump.CaptureOptions{Err: badError{}})
			plain(r)
		},
		"twice":     twice,
		"disturbed": disturbed,
		"cgroup": func(r *told) { // its limit leaves a tenth of the heap
			b := ballast()
			limit(os.Getenv(argVar))
			r.capture(background, safedump.CaptureOptions{})
			r.capture(background, safedump.CaptureOptions{IgnoreHeadroom: true})
			runtime.KeepAlive(b)
		},
		"reaper": func(r *told) { // as a Go program that is PID 1 does
			stop := make(chan struct{})
			go func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
					}
				}
			}()
			plain(r)
			close(stop)
		},
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func prctl(option, arg uintptr) {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, option, arg, 0, 0, 0, 0); e != 0 {
		panic(e)
	}
}

// idleThreads makes the runtime have n threads more than it needs.
func idleThreads(n int) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			pause := syscall.NsecToTimespec(int64(50 * time.Millisecond))
			must(syscall.Nanosleep(&pause, nil))
		}()
	}
	all.Wait()
}

type badError struct{}

func (badError) Error() string { panic("an Error method that panics") }

// ballast makes a capture take long enough for something to happen meanwhile.
func ballast() []byte {
	b := make([]byte, 256<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

// during calls f once a capture has begun to write.
func during(f func(tmp string)) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for {
			if names, _ := filepath.Glob("out/*.tmp"); len(names) > 0 {
				f(names[0])
				return
			}
			time.Sleep(50 * time.Microsecond)
		}
	}()
	return done
}

func vanish(r *told) {
	b := ballast()
	done := during(func(string) { must(os.RemoveAll("out")) })
	r.capture(context.Background(), safedump.CaptureOptions{})
	<-done
	runtime.KeepAlive(b)
}

// canceled: in the middle, before the beginning, by a deadline.
func canceled(r *told) {
	b := ballast()
	for try := 0; try < 50; try++ {
		ctx, cancel := context.WithCancel(context.Background())
		done := during(func(string) { cancel() })
		result, err := safedump.Capture(ctx, safedump.CaptureOptions{Dir: "out"})
		<-done
		if err != nil {
			r.note(result, err)
			r.capture(ctx, safedump.CaptureOptions{})
			break
		}
		must(errors.Join(os.Remove(result.Path), os.Remove(result.Sidecar))) // it was faster
	}
	r.capture(context.Background(), safedump.CaptureOptions{Timeout: time.Millisecond})
	runtime.KeepAlive(b)
}

// disturbed: somebody else sets GOMAXPROCS all the time. A capture either is of
// one moment or says that it isn't.
func disturbed(r *told) {
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				runtime.GOMAXPROCS(2 + n%2)
			}
		}
	}()
	for i := 0; i < 30; i++ {
		result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out"})
		if err == nil || !strings.Contains(err.Error(), "GOMAXPROCS was changed") {
			r.note(result, err)
		}
	}
	close(stop)
	<-over
	if n := runtime.GOMAXPROCS(r.Before.Procs); n < 2 {
		r.note(safedump.Result{}, fmt.Errorf("GOMAXPROCS stayed %d", n))
	}
}

// limit moves this process into the cgroup and gives that a limit.
func limit(dir string) {
	must(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0))
	used, file := "memory.current", "memory.max"
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		used, file = "memory.usage_in_bytes", "memory.limit_in_bytes"
	}
	text, err := os.ReadFile(filepath.Join(dir, used))
	must(err)
	// What was used before belongs to the old cgroup.
	must(os.WriteFile(filepath.Join(dir, file), []byte(fmt.Sprint(number(strings.TrimSpace(string(text)))+25<<20)), 0))
}

func twice(r *told) {
	b := ballast()
	var second error
	done := during(func(string) { _, second = safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out"}) })
	r.capture(context.Background(), safedump.CaptureOptions{})
	<-done
	r.note(safedump.Result{}, second)
	runtime.KeepAlive(b)
}

// many captures in a row, each of which is asked to give up its processor in
// the middle: others stop the world all the time, which asks everybody.
func many(r *told) {
	s := startSpin(2)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Add(1)
	go func() {
		defer asking.Done()
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			default:
				runtime.ReadMemStats(&m)
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()
	var first safedump.Result
	for i := number(os.Getenv(argVar)); i > 0; i-- {
		result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out", NoSidecar: true})
		if err != nil {
			r.note(result, err)
			break
		}
		if first.Path == "" {
			first = result
		} else {
			must(os.Remove(result.Path))
		}
		first.Pause = max(first.Pause, result.Pause)
	}
	close(stop)
	asking.Wait()
	s.end(r)
	r.note(first, nil)
}

// busy keeps every processor busy with loops that can't be left but by force.
func busy(r *told) {
	stop := make(chan struct{})
	var n [8]int
	for i := range n {
		i := i
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for k := 0; k < 1<<30; k++ {
					n[i] ^= k
				}
			}
		}()
	}
	for i := 0; i < 5; i++ {
		r.capture(context.Background(), safedump.CaptureOptions{})
	}
	close(stop)
}
