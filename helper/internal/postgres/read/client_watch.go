package read

import "context"

// watchClient watches for sessions that wait for pg_dump, until ctx ends. If the server has no spare connection, it
// does nothing.
func (p *Server) watchClient(ctx context.Context) error {
	s := &snapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
	var err error
	if s.aside, err = s.connectAside(ctx); err != nil {
		return nil
	}
	defer s.Close()
	return s.watch(ctx)
}
