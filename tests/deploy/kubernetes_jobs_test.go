package deploy

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// somePlan is what `dump-helper fleet plan --json` says of a fleet; docs/json.md has its fields.
const somePlan = `{"version": 1, "projects": [
  {"project": "shop", "slot": "/srv/shop", "action": "refresh", "why": "has been due since 2026-12-24 04:30 UTC", "host": "staging.example.com:3306", "expected_seconds": 1800.4},
  {"project": "Blog.Example_COM-with-a-name-that-is-far-too-long-for-kubernetes", "slot": "/srv/blog", "action": "refresh", "why": "has no dump yet"},
  {"project": "fresh", "slot": "/srv/fresh", "action": "skip", "why": "is fresh until 2026-12-24 04:30 UTC"},
  {"project": "paused", "slot": "/srv/paused", "action": "paused", "why": "is paused until 2026-12-24 04:30 UTC"},
  {"project": "typo", "slot": "/srv/typo", "action": "report", "why": "DUMP_SOURC: unknown setting"}
], "shard": "", "parallel": 4, "per_host": 2}`

// projectJob has the fields of a Job for a project that the tests check.
type projectJob struct {
	Kind     string
	Metadata struct{ GenerateName string }
	Spec     struct {
		BackoffLimit          *int
		ActiveDeadlineSeconds int
		Template              struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

func TestKubernetesJobs(t *testing.T) {
	var list struct{ Items []json.RawMessage }
	into(t, json.RawMessage(run(t, somePlan, program(t, "jq", "apt-get install jq"),
		"--from-file", deployed(t, "kubernetes", "jobs", "jobs.jq"), "--arg", "image", "registry.example.com/dump-refresh:v1", "--arg", "config", "dump-refresh-abc")), &list)
	var documents []string
	for _, item := range list.Items {
		documents = append(documents, string(item))
	}
	var jobs []projectJob
	into(t, json.RawMessage(run(t, strings.Join(documents, "\n---\n"), program(t, "kubernetes-types", "make tools"))), &jobs)
	if len(jobs) != 2 {
		t.Fatalf("%d Jobs for the two projects that are due", len(jobs))
	}
	network := struct {
		Spec struct {
			PodSelector struct{ MatchLabels map[string]string }
		}
	}{}
	base := kubernetes(t, "base")
	into(t, base["NetworkPolicy"], &network)
	for i, name := range []string{"shop", "Blog.Example_COM-with-a-name-that-is-far-too-long-for-kubernetes"} {
		job := jobs[i]
		pod := job.Spec.Template.Spec
		// A generated name gets five more characters, and the name of its Pods six.
		if generated := job.Metadata.GenerateName; !regexp.MustCompile(`^dump-refresh-[a-z0-9]([a-z0-9-]*[a-z0-9])?-$`).MatchString(generated) || len(generated) > 63-11 {
			t.Errorf("%s: the name begins with %q", name, generated)
		}
		if want := []string{"fleet", "refresh", "--file", "/etc/dump-refresh/fleet.yaml", "--share-hosts", "--only", name}; !slices.Equal(pod.Containers[0].Args, want) {
			t.Errorf("%q", pod.Containers[0].Args)
		}
		if job.Kind != "Job" || job.Spec.BackoffLimit == nil || pod.RestartPolicy != "Never" || pod.Containers[0].Image != "registry.example.com/dump-refresh:v1" || pod.Volumes[0].ConfigMap.Name != "dump-refresh-abc" {
			t.Errorf("%s: %+v", name, job)
		}
		for label, value := range network.Spec.PodSelector.MatchLabels {
			if job.Spec.Template.Metadata.Labels[label] != value {
				t.Errorf("%s: the NetworkPolicy means Pods with %s=%s", name, label, value)
			}
		}
		restricted(t, pod)
	}
	if deadline := jobs[0].Spec.ActiveDeadlineSeconds; deadline != 3600+2*1801 {
		t.Errorf("the deadline is %d", deadline)
	}
}
