package read

import (
	"context"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// Several parts of a dump ask over the connection aside. The failure of one is not the next one's.
func TestPostgresAsideAfterAFailure(t *testing.T) {
	p := &Server{url: *sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("shop"))}
	s := &snapshot{postgres: p, goodbye: context.WithoutCancel(t.Context())}
	var err error
	if s.aside, err = s.connectAside(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.now(t.Context(), "SELECT last_value FROM gone"); !postgres.IsUnknown(err) {
		t.Errorf("error %v", err)
	}
	if rows, err := s.now(t.Context(), "SELECT 1"); err != nil || rows[0][0] != "1" {
		t.Errorf("the next query: %v, %v", rows, err)
	}
}
