package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/tests/testserver"
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

// Shards that do not reach the same buckets keep to the limit together, as long as they have one in common. Nobody's bucket keeps others from being
// refreshed.
func TestShardsThatReachOtherBuckets(t *testing.T) {
	server, err := testserver.MinIO(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	for _, name := range []string{"aaa", "bbb", "ccc"} {
		if err := server.CreateBucket(name); err != nil {
			t.Fatal(err)
		}
	}
	// shard is one that gets these errors from these projects' buckets.
	shard := func(fails map[string]error) (hosts, *Item, *observer) {
		var items []*Item
		for _, place := range []string{"ccc/shop", "aaa/one", "aaa/two", "bbb/blog"} {
			item := due(place, "staging", 0, nil)
			item.Project.Store, item.Project.Place = "s3://"+place, "s3://"+place
			item.Project.Open = func(ctx context.Context) (*bucket.Bucket, error) {
				if fails[place] != nil {
					return nil, fails[place]
				}
				return bucket.Open(ctx, bucket.Config{
					Bucket: place[:3], Prefix: place[4:], Project: place[4:], Endpoint: server.Endpoint, PathStyle: true, Region: server.Region,
					Environment: map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey},
				})
			}
			items = append(items, item)
		}
		runner, o := newRunner(4, 1)
		runner.ShareHosts = true
		return newHosts(runner, items), items[0], o
	}
	type failures = map[string]error
	for name, test := range map[string]struct {
		fails  failures
		leases int
	}{
		"all":                  {nil, 3},
		"another project's":    {failures{"aaa/one": errLasting}, 3},
		"not the first":        {failures{"aaa/one": errLasting, "aaa/two": errLasting}, 2},
		"not for now":          {failures{"aaa/one": errPassing, "bbb/blog": errPassing}, 1},
		"only the first":       {failures{"bbb/blog": errLasting, "ccc/shop": errLasting}, 1},
		"none of all":          {failures{"aaa/one": errLasting, "aaa/two": errLasting, "bbb/blog": errLasting, "ccc/shop": errLasting}, 0},
		"some never, some now": {failures{"aaa/one": errLasting, "aaa/two": errLasting, "bbb/blog": errPassing, "ccc/shop": errLasting}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			all, one, _ := shard(nil)
			held, err := all.enter(t.Context(), one)
			if err != nil || len(held) != 3 {
				t.Fatalf("%d leases, %v", len(held), err)
			}
			few, other, o := shard(test.fails)
			if leases, err := few.enter(t.Context(), other); test.leases > 0 && !errors.Is(err, errHostBusy) {
				t.Errorf("while another shard reads: %d leases, %v", len(leases), err)
			}
			release(held)
			leases, err := few.enter(t.Context(), other)
			if test.leases < 0 {
				if err == nil || err.Error() != "take a slot of the staging server: connection lost" {
					t.Errorf("%d leases, %v", len(leases), err)
				}
				return
			}
			if err != nil || len(leases) != test.leases {
				t.Errorf("%d leases instead of %d, %v", len(leases), test.leases, err)
			}
			if alone := slices.Contains(o.events, "note ccc/shop other shards may read its staging server at the same time, because no slot of it can be taken: access denied"); alone != (test.leases == 0) {
				t.Errorf("%q", o.events)
			}
			if again, err := all.enter(t.Context(), one); test.leases > 0 && !errors.Is(err, errHostBusy) {
				t.Errorf("the other way round: %d leases, %v", len(again), err)
			} else {
				release(again)
			}
			release(leases)
		})
	}
}
