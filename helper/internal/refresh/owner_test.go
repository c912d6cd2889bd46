package refresh

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// runOf is a refresh of a source.
func runOf(t *testing.T, address, ssh string) *run {
	t.Helper()
	config := Config{Source: source.Config{SSH: ssh, Command: "cat x"}}
	if address != "" {
		url, err := dburl.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		config.Source = source.Config{URL: &url, SSH: ssh}
	}
	return &run{Config: config}
}

// A database is known by its address or by its server, since either may change. Who made a dump of another one is told, not where it is.
func TestRefuseOther(t *testing.T) {
	const shop = "mysql://reader:hush@staging.example.com/shop"
	for name, test := range map[string]struct {
		address, ssh, server string // of the dump
		newAddress, newSSH   string
		newServer            string
		refused              bool
	}{
		"the same":                       {shop, "", "host a", shop, "", "host a", false},
		"another account":                {shop, "", "host a", "mysql://other@STAGING.example.com:3306/shop?tls=off", "", "host a", false},
		"a new server, the same address": {shop, "", "host a", shop, "", "host b", false},
		"through a tunnel":               {shop, "", "host a", "mysql://x@127.0.0.1/shop", "me@bastion", "host a", false},
		"another database of the server": {shop, "", "host a", "mysql://x@127.0.0.1/blog", "", "host a", true},
		"another server":                 {shop, "", "host a", "mysql://x@other.example.com/shop", "", "host b", true},
		"another tunnel":                 {"mysql://x@127.0.0.1/shop", "a@one", "host a", "mysql://x@127.0.0.1/shop", "a@two", "host b", true},
		"another user of the tunnel":     {"mysql://x@127.0.0.1/shop", "a@one", "host a", "mysql://x@127.0.0.1/shop", "b@one", "host b", false},
		"servers that do not tell":       {shop, "", "", "mysql://x@other.example.com/shop", "", "", true},
		"to a command":                   {shop, "", "host a", "", "", "", false},
		"from a command":                 {"", "", "", shop, "", "host a", false},
	} {
		before, now := runOf(t, test.address, test.ssh), runOf(t, test.newAddress, test.newSSH)
		index := &dumpfile.Index{Publisher: "ada@laptop", Origin: before.origin(source.Info{Server: test.server})}
		err := now.refuseOther(bucket.Object{Name: "shop-1.sql.zst"}, index, source.Info{Server: test.newServer})
		var other *OtherSourceError
		if errors.As(err, &other) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && err.Error() != "the dumps here come from another database: shop-1.sql.zst, published by ada@laptop" {
			t.Error(err)
		}
		now.Force = true
		if err := now.refuseOther(bucket.Object{}, index, source.Info{Server: test.newServer}); err != nil {
			t.Errorf("%s: forced: %v", name, err)
		}
		text, _ := json.Marshal(index)
		for _, never := range []string{"hush", "staging", "shop", "host a"} {
			if strings.Contains(string(text), never) {
				t.Errorf("%s: %q is in the index: %s", name, never, text)
			}
		}
	}
	// Dumps of earlier versions say nothing.
	if err := runOf(t, shop, "").refuseOther(bucket.Object{}, &dumpfile.Index{}, source.Info{}); err != nil {
		t.Error(err)
	}
}
