package read

import "context"

// watchClient looks who waits for pg_dump, until ctx ends. Where there is no connection for it, nobody looks.
func (p *Server) watchClient(ctx context.Context) error {
	s := &snapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
	var err error
	if s.aside, err = s.connectAside(ctx); err != nil {
		return nil
	}
	defer s.Close()
	return s.watch(ctx)
}
