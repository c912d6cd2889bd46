package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// WriteFile writes all of it into a file, which is complete whenever somebody reads it.
func (b *Board) WriteFile(path string) error {
	temporary := path + ".tmp"
	file, err := os.Create(temporary)
	if err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	err = b.Write(file)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}

// Server gives what is on a board to whoever asks for /metrics.
type Server struct {
	// Address is where it listens, host:port.
	Address string
	server  *http.Server
}

// Serve begins to listen on an address such as 127.0.0.1:9177; without a host on all of the machine's.
func (b *Board) Serve(ctx context.Context, address string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	pages := http.NewServeMux()
	pages.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = b.Write(w)
	})
	s := &Server{listener.Addr().String(), &http.Server{
		Handler: pages, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
	}}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Close ends it, after the answers that are being given.
func (s *Server) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving metrics: %w", err)
	}
	return nil
}
