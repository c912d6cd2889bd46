package deploy

import (
	"path/filepath"
	"testing"
)

// policy has the keys that projects and defaults in fleet.yaml have in common.
type policy struct {
	MaxAge    string `yaml:"max_age"`
	TimeLimit string `yaml:"time_limit"`
	Retries   *int
	Set       map[string]string
	Trust     string
	Prefix    string
}

// fleetFile has the keys of fleet.yaml.
type fleetFile struct {
	Defaults  policy
	Parallel  int
	PerHost   int `yaml:"per_host"`
	Memory    string
	LimitRate string `yaml:"limit_rate"`
	Jitter    string
	Webhook   string
	Heartbeat string
	Scan      []string
	Projects  []struct {
		policy         `yaml:",inline"`
		Path, Git, Ref string
	}
}

func TestFleetsOfExamples(t *testing.T) {
	found := 0
	for _, pattern := range []string{"fleet*.yaml", "kubernetes/overlays/*/fleet.yaml", "ansible/inventory/fleets/*.yaml"} {
		files, err := filepath.Glob(deployed(t, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			var fleet fleetFile
			decode(t, read(t, file), &fleet)
			if len(fleet.Projects) == 0 {
				t.Errorf("%s names no project", file)
			}
			found++
		}
	}
	if found < 4 {
		t.Errorf("%d fleets were found", found)
	}
}
