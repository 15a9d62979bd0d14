package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Tries is how many ports Listen tries.
const Tries = 5

// Bounds of connections.
const (
	maxConns  = 128
	maxHeader = 16 << 10
	graceful  = 2 * time.Second
)

// Listen listens on a port of a host, or, where others have it, on one of the
// next ones. Port 0 is any.
func Listen(host string, port int) (net.Listener, error) {
	var first error
	for i := range Tries {
		p := port
		if port != 0 {
			p += i
		}
		if p > 65535 {
			break
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p)))
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w (and %d ports after it)", first, Tries-1)
}

// Serve answers what comes from l until ctx ends, and closes l. That it was told
// to stop is no error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: maxAnswer + 10*time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what clients do wrong is nothing to print
	}
	done := make(chan error, 1)
	go func() {
		done <- server.Serve(&bounded{Listener: l, slots: make(chan struct{}, maxConns), closed: make(chan struct{})})
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		server.Close() // who still reads has had the time to
	}
	<-done
	return nil
}

// bounded accepts so many connections at a time.
type bounded struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &boundedConn{Conn: c, release: func() { <-b.slots }}, nil
}

func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

type boundedConn struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
