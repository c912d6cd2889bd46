package fleet

import (
	"context"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Processes that are no shards share the slots of staging servers, too, if they are told to.
func TestHostsAreSharedWithoutShards(t *testing.T) {
	items := []*Item{due("shop", "staging", 0, nil)}
	items[0].Project.Open = func(context.Context) (*bucket.Bucket, error) { return nil, errLasting }
	runner, _ := newRunner(4, 1)
	if alone := newHosts(runner, items); len(alone) != 0 {
		t.Errorf("alone: %v", alone)
	}
	runner.ShareHosts = true
	if shared := newHosts(runner, items); shared["staging"] == nil || shared["staging"].perHost != 1 {
		t.Errorf("shared: %v", shared)
	}
}
