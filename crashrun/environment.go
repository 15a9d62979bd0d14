package crashrun

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// environment is that of the command: what makes Go programs leave cores, and
// go keep the programs that it builds.
func environment(ctx context.Context, c Command, traced bool) ([]string, error) {
	env := slices.Clone(c.Env)
	set := func(name, value string) { env = append(env, name+"="+value) } // the last one counts
	set("GOTRACEBACK", "crash")
	build := filepath.Join(c.Scratch, "build")
	for _, dir := range []string{build, Cores(c.Scratch)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	set("GOTMPDIR", build)
	flags, err := c.goFlags(c.userFlags(ctx), traced)
	if err != nil {
		return nil, err
	}
	set("GOFLAGS", flags)
	return env, nil
}

// lookup finds a variable of the environment; the last one counts.
func (c *Command) lookup(name string) (value string, ok bool) {
	for _, e := range c.Env {
		if v, is := strings.CutPrefix(e, name+"="); is {
			value, ok = v, true
		}
	}
	return value, ok
}

// userFlags are the flags that the user's own settings give to go. What is in
// the environment hides what "go env -w" has stored.
func (c *Command) userFlags(ctx context.Context) string {
	if flags, ok := c.lookup("GOFLAGS"); ok {
		return flags
	}
	cmd := exec.CommandContext(ctx, "go", "env", "GOFLAGS")
	cmd.Dir, cmd.Env = c.Dir, c.Env
	out, err := cmd.Output()
	if err != nil {
		return "" // no go here: then nobody reads them
	}
	return strings.TrimSpace(string(out))
}

// goFlags adds to GOFLAGS: keep what is built, with debug information, which go
// leaves out of test binaries ("-s -w" of its own come first). The user's own
// linker flags are not overridden: then the stacks have fewer values.
func (c *Command) goFlags(user string, traced bool) (string, error) {
	flags := []string{user, "-work"}
	if !strings.Contains(user, "-ldflags") {
		flags = append(flags, "'-ldflags=-s=0 -w=0'")
	}
	if c.Unoptimized {
		flags = append(flags, "'-gcflags=all=-N -l'")
	}
	if traced && !strings.Contains(user, "-exec") {
		words := make([]string, len(c.Tracer))
		for i, w := range c.Tracer {
			if strings.ContainsAny(w, `'"`) {
				return "", fmt.Errorf("%s: go can't start a program with a quote in its name", w)
			}
			words[i] = "'" + w + "'"
		}
		flags = append(flags, `"-exec=`+strings.Join(words, " ")+`"`)
	}
	return strings.TrimSpace(strings.Join(flags, " ")), nil
}
