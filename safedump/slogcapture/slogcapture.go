// Package slogcapture captures the process when something is logged as an
// error.
//
// In:  a slog.Handler.
// Out: one that passes every record on, and leaves a core for each of level
// Error and above that the limits of the Capturer admit.
//
// It is a package of its own so that programs without log/slog don't link it.
package slogcapture

import (
	"context"
	"errors"
	"log/slog"

	"github.com/safedump/sdcore/safedump"
)

// Options say what is captured. The zero value is useful.
type Options struct {
	// Capturer captures and limits. Default: one for this handler, with the
	// default limits.
	Capturer *safedump.Capturer
	// Level is the lowest level that is captured. Default: slog.LevelError.
	Level slog.Leveler
}

// Handler captures and passes on.
type Handler struct {
	next  slog.Handler
	c     *safedump.Capturer
	level slog.Leveler
}

// New returns a Handler in front of next. The call site of the limits is that
// of the log call; the error is the first attribute that holds one, else the
// message.
//
// Who logs an error waits until its core is written.
func New(next slog.Handler, o Options) *Handler {
	h := &Handler{next: next, c: o.Capturer, level: o.Level}
	if h.c == nil {
		h.c = &safedump.Capturer{}
	}
	if h.level == nil {
		h.level = slog.LevelError
	}
	return h
}

// Enabled implements slog.Handler: what is captured is enabled, too.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level.Level() || h.next.Enabled(ctx, l)
}

// Handle implements slog.Handler. The record is passed on first.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	var err error
	if h.next.Enabled(ctx, r.Level) {
		err = h.next.Handle(ctx, r)
	}
	if r.Level >= h.level.Level() {
		_, _ = h.c.ErrorAt(errorOf(r), "logged: "+r.Message, r.PC) // Capturer.Report was told
	}
	return err
}

// errorOf is the first error among the attributes of a record.
func errorOf(r slog.Record) (err error) {
	r.Attrs(func(a slog.Attr) bool {
		err, _ = a.Value.Resolve().Any().(error)
		return err == nil
	})
	if err == nil {
		err = errors.New(r.Message)
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{next: h.next.WithAttrs(attrs), c: h.c, level: h.level}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{next: h.next.WithGroup(name), c: h.c, level: h.level}
}
