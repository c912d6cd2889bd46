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

// WriteFile writes all metrics to a file. Readers never see an incomplete file.
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

// Server serves a board at /metrics.
type Server struct {
	// Address is the host:port that it listens on.
	Address string
	server  *http.Server
}

// Serve starts a server on an address such as 127.0.0.1:9177. Without a host it listens on all of the machine's addresses.
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

// Close stops the server after the requests that it is answering.
func (s *Server) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving metrics: %w", err)
	}
	return nil
}
