package main

import (
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
)

type payError struct {
	code   int
	reason string
}

func (e *payError) Error() string { return fmt.Sprintf("pay %d: %s", e.code, e.reason) }

//shift

func pay(amount int) {
	if amount > 0 {
		panic(&payError{amount, "declined"})
	}
}

func customError(seed int) { pay(seed) }

//shift

var errClosed = errors.New("closed")

func write(closed bool) {
	if closed {
		panic(errClosed)
	}
}

func plainError(int) { write(true) }

//shift

func formattedError(seed int) {
	victim := fmt.Errorf("order %d: %w", seed*7919, errClosed)
	panic(victim)
}

//shift

func textPanic(seed int) {
	check(seed, "session "+strconv.Itoa(seed)+" of user-"+strings.Repeat("x", seed))
}

func check(n int, text string) {
	if n > 0 {
		panic(text)
	}
}

//shift

type status struct {
	code int
	text string
}

func structPanic(seed int) {
	reply(status{seed, "bad"})
}

func reply(s status) {
	panic(s)
}

//shift

func deferred(seed int) {
	defer release(nil)
	fmt.Println("works", seed)
}

func release(c *config) {
	fmt.Println(*c.name)
}

//shift

// guard is a middleware that panics with what it has recovered.
func guard(name string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Println("request", name, "died")
			panic(r)
		}
	}()
	f()
}

func rethrown(seed int) {
	guard("pay", func() { settle(make([]int, seed), seed) })
}

func settle(xs []int, n int) {
	xs[n]++
}

//shift

// wrapper is a middleware that panics with another value.
func wrapper(f func()) {
	defer func() {
		if r := recover(); r != nil {
			panic(fmt.Errorf("request failed: %v", r))
		}
	}()
	f()
}

func wrapped(seed int) {
	wrapper(func() { refund(map[string]int(nil), seed) })
}

func refund(m map[string]int, n int) {
	m["refund"] = n
}

//shift

// cleanup dies while it is being unwound.
func cleanup(seed int) {
	defer release(nil)
	settleAll(make([]int, seed))
}

func settleAll(xs []int) {
	for i := 0; i <= len(xs); i++ {
		xs[i]++
	}
}

//shift

type badError struct{ inner *payError }

func (e *badError) Error() string { return "bad: " + e.inner.reason }

func errorMethod(seed int) {
	if seed > 0 {
		panic(&badError{})
	}
}

//shift

func standardLibrary(seed int) {
	fmt.Println(pad("x", -seed))
}

func pad(s string, n int) string {
	return strings.Repeat(s, n) + s
}

//shift

func mustNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func must(seed int) {
	fmt.Println(readSize("size" + strconv.Itoa(seed)))
}

func readSize(s string) int {
	victim := mustNumber(s)
	return victim * 2
}

//shift

func logPanic(seed int) {
	report("lost connection", seed)
}

func report(text string, n int) {
	log.Panicf("%s: %d", text, n)
}
