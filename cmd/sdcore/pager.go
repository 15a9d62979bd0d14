package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// pager shows output a screen at a time. It is started with the first of it, so that
// progress and errors are seen as without one.
type pager struct {
	command string
	out     io.Writer // the terminal
	started func()
	cmd     *exec.Cmd
	in      io.WriteCloser
	left    bool // by the user, who has seen enough
}

// pagerCommand is the user's pager, "" for none: as git has it, cat is none, and neither
// is a program that is not installed.
func pagerCommand() string {
	c := strings.TrimSpace(cmp.Or(os.Getenv("SDCORE_PAGER"), os.Getenv("PAGER"), "less"))
	if c == "cat" {
		return ""
	}
	if !strings.ContainsAny(c, "|&;<>()$`\\\"'*?[#~=%{!") { // else the shell knows better
		program, _, _ := strings.Cut(c, " ")
		if _, err := exec.LookPath(program); err != nil {
			return ""
		}
	}
	return c
}

// page sends what is written to a terminal through the user's pager.
func (a *app) page() {
	command := pagerCommand()
	if a.width == 0 || command == "" {
		return
	}
	// An interrupt in the pager is the pager's.
	a.pager = &pager{command: command, out: a.stdout, started: func() { a.patient.Store(true) }}
	a.stdout = a.pager
}

// Write hands b to the pager. When the user has left it nobody wants the rest.
func (p *pager) Write(b []byte) (int, error) {
	if p.cmd == nil {
		if err := p.start(); err != nil {
			return p.out.Write(b)
		}
	}
	if p.left {
		return len(b), nil
	}
	n, err := p.in.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		p.left = true
		return len(b), nil
	}
	return n, err
}

func (p *pager) start() error {
	cmd := exec.Command("sh", "-c", p.command)
	cmd.Stdout, cmd.Stderr = p.out, os.Stderr
	cmd.Env = os.Environ()
	if os.Getenv("LESS") == "" {
		cmd.Env = append(cmd.Env, "LESS=FRX") // leave when it fits, keep colours, leave the screen as it is
	}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	p.cmd, p.in = cmd, in
	p.started()
	return nil
}

// close waits until the user has read the output.
func (p *pager) close() {
	if p == nil || p.cmd == nil {
		return
	}
	p.in.Close()
	_ = p.cmd.Wait() // its status is the user's business
}
