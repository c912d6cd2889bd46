package read

import (
	"runtime"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

func TestConnectionsFor(t *testing.T) {
	for name, test := range map[string]struct {
		wanted int
		limits serverLimits
		want   int
	}{
		"as wanted":                        {8, serverLimits{maxConnections: 151, connected: 10, own: 1}, 8},
		"as this machine has use for":      {0, serverLimits{maxConnections: 151, connected: 10, own: 1}, min(max(2, runtime.NumCPU()+1), 4)},
		"a quarter of what is free":        {8, serverLimits{maxConnections: 30, connected: 11, own: 1}, 5},
		"a server at its limit":            {8, serverLimits{maxConnections: 30, connected: 30, own: 1}, 1},
		"a server beyond its limit":        {8, serverLimits{maxConnections: 30, connected: 36, own: 1}, 1},
		"all that the account may have":    {8, serverLimits{maxConnections: 151, connected: 10, maxUser: 5, own: 1}, 5},
		"what the account has left":        {8, serverLimits{maxConnections: 151, connected: 10, maxUser: 5, own: 3}, 3},
		"an account at its limit":          {8, serverLimits{maxConnections: 151, connected: 10, maxUser: 1, own: 1}, 1},
		"the server's limit is the lower":  {8, serverLimits{maxConnections: 20, connected: 9, maxUser: 5, own: 1}, 3},
		"one is wanted":                    {1, serverLimits{maxConnections: 151, connected: 10, own: 1}, 1},
		"a server that tells no limit":     {8, serverLimits{connected: 10, own: 1}, 8},
		"default on a server nearly full":  {0, serverLimits{maxConnections: 151, connected: 149, own: 1}, 1},
		"default, an account at its limit": {0, serverLimits{maxConnections: 151, connected: 149, maxUser: 2, own: 2}, 1},
	} {
		if got := connectionsFor(test.wanted, test.limits); got != test.want {
			t.Errorf("%s: %d connections, want %d", name, got, test.want)
		}
	}
}

func TestUsefulReaders(t *testing.T) {
	for cpus, want := range map[int]int{1: 2, 2: 3, 3: 4, 4: 4, 64: 4} {
		if got := source.UsefulReaders(cpus); got != want {
			t.Errorf("%d processors: %d, want %d", cpus, got, want)
		}
	}
}
