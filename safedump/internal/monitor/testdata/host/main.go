// Host is the program that the tests of the monitor crash. It does what the
// environment says, so that with and without a monitor it is the same binary,
// the same stack and the same text:
//
//	HOST_INSTALL  options of Install, separated by commas; absent: no helper
//	HOST_DO       what to do then
//	HOST_FAIL     the step at which its monitor kills itself
//	HOST_LOST     what its monitor does instead of coming to Install
//
// The functions below say what else there is.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump"
	"github.com/safedump/sdcore/safedump/internal/monitor"
)

func main() {
	failingMonitor()
	restrict()
	install()
	do()
}

// failingMonitor takes Install's place in a monitor that is to fail.
func failingMonitor() {
	if monitor.IsChild() {
		switch os.Getenv("HOST_LOST") { // a main that never comes to Install
		case "exit":
			os.Exit(3)
		case "sleep":
			time.Sleep(time.Hour)
		}
	}
	step, count, _ := strings.Cut(os.Getenv("HOST_FAIL"), ":")
	if !monitor.IsChild() || step == "" {
		return
	}
	left, _ := strconv.Atoi(count)
	monitor.Main(monitor.Options{Step: func(name string) {
		if name != step {
			return
		}
		if left--; left >= 0 {
			return
		}
		if os.Getenv("HOST_HANG") != "" {
			time.Sleep(time.Hour)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}})
}

func install() {
	names, ok := os.LookupEnv("HOST_INSTALL")
	if !ok {
		return
	}
	o := safedump.Options{Dir: os.Getenv("HOST_DIR")}
	for _, name := range strings.Split(names, ",") {
		switch name {
		case "monitor":
			o.Monitor = true
		case "analyze":
			o.Analyze = true
		case "notext":
			o.NoCrashText = true
		case "all":
			o.Traceback = "all"
		case "short":
			o.MonitorTimeout = 300 * time.Millisecond
		}
	}
	start := time.Now()
	s, err := safedump.Install(o)
	if os.Getenv("HOST_STATUS") != "" {
		fmt.Printf("installed in %v\nerror: %v\n%s\n", time.Since(start), err, s)
	}
	if os.Getenv("HOST_OLD_MONITOR") != "" {
		_ = syscall.Kill(s.Monitor, syscall.SIGKILL)
	}
}

// secret is looked for in cores.
var secret = strings.Repeat("truth-of-the-heap ", 3)

var sink any

func do() {
	what := os.Getenv("HOST_DO")
	if n, ok := strings.CutPrefix(what, "goroutines:"); ok {
		count, _ := strconv.Atoi(n)
		park(count)
		crash()
	}
	switch what {
	case "":
	case "panic":
		crash()
	case "busy":
		for i := 0; i < 8; i++ {
			go spin()
		}
		time.Sleep(20 * time.Millisecond)
		crash()
	case "nil":
		var p *int
		fmt.Println(*p)
	case "twice":
		var both sync.WaitGroup
		both.Add(2)
		for i := 0; i < 2; i++ {
			go func() {
				both.Done()
				both.Wait()
				panic("one of two")
			}()
		}
		select {}
	case "deadlock":
		select {}
	case "throw": // one that a single thread comes to
		var m sync.Mutex
		sink = &m
		m.Unlock()
	case "exit":
		os.Exit(7)
	case "grow":
		for kept := [][]byte{}; ; time.Sleep(50 * time.Millisecond) {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			sink = append(kept, b)
			kept = sink.([][]byte)
		}
	case "live":
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is done
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	case "uninstall":
		fmt.Println(safedump.Uninstall())
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		fmt.Println(err)
	case "vanish":
		if err := os.RemoveAll(os.Getenv("HOST_DIR")); err != nil {
			os.Exit(9)
		}
		crash()
	case "block": // and forbid to make it anew
		dir := os.Getenv("HOST_DIR")
		if os.RemoveAll(dir) != nil || os.WriteFile(dir, nil, 0o600) != nil {
			os.Exit(9)
		}
		crash()
	case "later", "later-repeat", "later-stuck", "later-exit", "later-cancel":
		later(what)
	case "signal":
		onSignal()
	case "serve":
		serve()
	default:
		os.Exit(9)
	}
}

// crash has no arguments, so that two crashes print the same.
func crash() {
	kept := secret
	sink = &kept
	panic("boom")
}

//go:noinline
func park(n int) {
	var parked sync.WaitGroup
	parked.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			parked.Done()
			select {}
		}()
	}
	parked.Wait()
}

func spin() {
	for i := 0; ; i++ {
		if i < 0 {
			return
		}
	}
}

func later(what string) {
	d, err := time.ParseDuration(os.Getenv("HOST_AFTER"))
	if err != nil {
		os.Exit(9)
	}
	if err := safedump.DumpLater(d, what == "later-repeat", what == "later-exit"); err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	s := safedump.Diagnose()
	if os.Getenv("HOST_BUSY") != "" {
		countSignals()
	}
	if os.Getenv("HOST_CATCH") != "" {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGABRT)
	}
	fmt.Println("later:", s.Later)
	switch what {
	case "later-cancel":
		safedump.Cancel()
	case "later-stuck":
		stick()
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is done
	if report := signalReport; report != nil {
		report()
	}
}

// signalReport says how many signals were sent and arrived.
var signalReport func()

// countSignals sends one signal after the other has arrived.
func countSignals() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	stop, done := make(chan struct{}), make(chan struct{})
	sent, got := 0, 0
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGUSR2)
			sent++
			<-c
			got++
		}
	}()
	for i := 0; i < 4; i++ {
		go spin()
	}
	signalReport = func() {
		close(stop)
		<-done
		fmt.Println("signals:", sent, got)
	}
}

// stick takes every P, once goroutines that can't be preempted spin on all of
// them. Async preemption is off: see the test.
func stick() {
	fmt.Println("stuck")
	for i := 0; i < runtime.GOMAXPROCS(0); i++ {
		go spin()
	}
	spin()
}

func onSignal() {
	out := os.Stdout
	work := map[string]safedump.Work{"goroutines": safedump.Goroutines, "core": safedump.LiveCore, "report": safedump.Report, "abort": safedump.Abort}
	a := safedump.Action{Do: work[os.Getenv("HOST_ACTION")], To: out, Chain: os.Getenv("HOST_CHAIN") != "",
		Done: func(core string, err error) { fmt.Printf("done %q %v\n", core, err) }}
	if os.Getenv("HOST_OTHER") != "" {
		c := make(chan os.Signal, 8)
		signal.Notify(c, syscall.SIGUSR1)
		go func() {
			for range c {
				fmt.Println("other")
			}
		}()
	}
	sig := syscall.SIGUSR1
	if os.Getenv("HOST_TERM") != "" {
		sig = syscall.SIGTERM
	}
	if err := safedump.OnSignal(sig, a); err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	if os.Getenv("HOST_UNREGISTER") != "" {
		fmt.Println(safedump.Unregister(sig), safedump.Unregister(sig))
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is done
}

func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(9)
	}
	fmt.Println(l.Addr())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, secret) }))
}
