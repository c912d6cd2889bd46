package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/restore"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
)

// What is the same at the next try is not tried again.
func TestMayPass(t *testing.T) {
	for err, want := range map[error]bool{
		source.ErrUnreachable:                       true,
		source.ErrConnectionLost:                    true,
		source.ErrTooManyConnections:                true,
		source.ErrDefinitionChanged:                 true,
		source.ErrGaveWay:                           true,
		&source.SSHUnreachableError{}:               true,
		&bucket.Error{Kind: bucket.ErrUnavailable}:  true,
		&bucket.Error{Kind: bucket.ErrLeaseLost}:    true,
		&bucket.Error{Kind: bucket.ErrClockSkew}:    false,
		&bucket.Error{Kind: bucket.ErrAccessDenied}: false,
		source.ErrAuth:                              false,
		&source.PrivilegeError{}:                    false,
		&refresh.GateError{}:                        false,
		refresh.ErrEmpty:                            false,
		fleet.ErrTimeLimit:                          false,
		&project.ConfigError{}:                      false,
		errors.New("nobody thought of this"):        false,
	} {
		if got := mayPass(fmt.Errorf("refresh: %w", err)); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// Only what is wrong with a dump is held against it.
func TestUnfitToRestore(t *testing.T) {
	for err, want := range map[error]bool{
		&restore.UnfitError{}:                      true,
		&throwaway.NoServerError{}:                 true,
		fleet.ErrRestoreTimeLimit:                  true,
		&bucket.Error{Kind: bucket.ErrUnavailable}: true,
		&target.ExtensionError{Name: "postgis"}:    true,
		&target.TablesError{Tables: []string{"a"}, Refusals: []error{&target.LacksError{}}}:                                           true,
		&target.TablesError{Tables: []string{"a"}, Refusals: []error{&target.LoadError{}}, Causes: []error{&target.ExtensionError{}}}: true,
		&target.TablesError{Tables: []string{"a"}, Refusals: []error{&target.LoadError{}}}:                                            false,
		&restore.DifferentError{}:         false,
		dumpfile.ErrCorrupt:               false,
		errors.New("Duplicate entry '1'"): false,
	} {
		if got := unfitToRestore(t.Context(), fmt.Errorf("restore: %w", err)); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestLabelsAreTheNamesWhereTheseDiffer(t *testing.T) {
	got := labels([]fleet.Project{{Name: "shop", Slot: "/a/shop"}, {Name: "shop", Slot: "/b/shop"}, {Name: "blog", Slot: "/a/blog"}})
	for slot, want := range map[string]string{"/a/shop": "shop (/a/shop)", "/b/shop": "shop (/b/shop)", "/a/blog": "blog"} {
		if got[slot] != want {
			t.Errorf("%s: %s", slot, got[slot])
		}
	}
}
