package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// cronJob has the fields that the tests check.
type cronJob struct {
	Spec struct {
		ConcurrencyPolicy string
		JobTemplate       struct {
			Spec struct {
				CompletionMode           string
				Completions, Parallelism int
				BackoffLimitPerIndex     *int
				ActiveDeadlineSeconds    int
				Template                 struct {
					Metadata struct{ Labels map[string]string }
					Spec     podSpec
				}
			}
		}
	}
}

type podSpec struct {
	ServiceAccountName, RestartPolicy string
	AutomountServiceAccountToken      *bool
	SecurityContext                   struct {
		RunAsNonRoot   bool
		SeccompProfile struct{ Type string }
	}
	Containers []struct {
		Image string
		Args  []string
		Env   []struct{ Name, Value string }
		// Resources maps names to amounts.
		Resources       struct{ Requests, Limits map[string]string }
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Capabilities             struct{ Drop, Add []string }
		}
	}
	Volumes []struct {
		Name      string
		ConfigMap struct{ Name string }
	}
}

// kubernetes returns the objects of a kustomize folder by kind, decoded with Kubernetes' own types.
func kubernetes(t *testing.T, folder ...string) map[string]json.RawMessage {
	t.Helper()
	return typed(t, run(t, "", program(t, "kustomize", "make tools"), "build", deployed(t, append([]string{"kubernetes"}, folder...)...)))
}

// typed returns objects by kind, decoded with Kubernetes' own types.
func typed(t *testing.T, manifests string) map[string]json.RawMessage {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(run(t, manifests, program(t, "kubernetes-types", "make tools"))), &list); err != nil {
		t.Fatal(err)
	}
	objects := map[string]json.RawMessage{}
	for _, object := range list {
		var head struct{ Kind string }
		into(t, object, &head)
		objects[head.Kind] = object
	}
	return objects
}

func into(t *testing.T, object json.RawMessage, value any) {
	t.Helper()
	if err := json.Unmarshal(object, value); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
}

func TestKubernetes(t *testing.T) {
	for shards, folder := range map[int][]string{4: {"base"}, 8: {"overlays", "example"}} {
		t.Run(folder[len(folder)-1], func(t *testing.T) {
			objects := kubernetes(t, folder...)
			var cron cronJob
			into(t, objects["CronJob"], &cron)
			job := cron.Spec.JobTemplate.Spec
			pod := job.Template.Spec

			// Each of several shards knows its number and how many there are.
			if job.CompletionMode != "Indexed" || job.Completions != shards || job.Parallelism != shards {
				t.Errorf("%s Job with %d completions, %d at once", job.CompletionMode, job.Completions, job.Parallelism)
			}
			if env := pod.Containers[0].Env[0]; env.Name != "JOB_COMPLETIONS" || env.Value != strconv.Itoa(shards) {
				t.Errorf("%s=%s", env.Name, env.Value)
			}
			// An API server refuses a backoffLimitPerIndex with other policies.
			if job.BackoffLimitPerIndex == nil || pod.RestartPolicy != "Never" || job.ActiveDeadlineSeconds == 0 || cron.Spec.ConcurrencyPolicy != "Forbid" {
				t.Errorf("retries or limits are missing: %+v", job)
			}
			restricted(t, pod)

			// The other objects select these Pods.
			var chosen struct {
				Spec struct {
					PodSelector struct{ MatchLabels map[string]string }
					Egress      []struct {
						To []struct{ IPBlock struct{ CIDR string } }
					}
				}
			}
			into(t, objects["NetworkPolicy"], &chosen)
			if len(chosen.Spec.PodSelector.MatchLabels) == 0 {
				t.Error("the NetworkPolicy means all Pods")
			}
			for name, value := range chosen.Spec.PodSelector.MatchLabels {
				if job.Template.Metadata.Labels[name] != value {
					t.Errorf("the NetworkPolicy means Pods with %s=%s, the Job's have %v", name, value, job.Template.Metadata.Labels)
				}
			}
			var blocks []string
			for _, rule := range chosen.Spec.Egress {
				for _, to := range rule.To {
					blocks = append(blocks, to.IPBlock.CIDR)
				}
			}
			for _, want := range []string{"0.0.0.0/0", "::/0", "169.254.20.10/32"} {
				if !slices.Contains(blocks, want) {
					t.Errorf("the NetworkPolicy blocks %s", want)
				}
			}
			// Between two runs a budget of Pods that come and go lacks all of them.
			if objects["PodDisruptionBudget"] != nil {
				t.Error("there is a PodDisruptionBudget, which is never healthy")
			}
			var named struct{ Metadata struct{ Name string } }
			into(t, objects["ServiceAccount"], &named)
			if pod.ServiceAccountName != named.Metadata.Name {
				t.Errorf("the Pods run as %s, there is %s", pod.ServiceAccountName, named.Metadata.Name)
			}
			into(t, objects["ConfigMap"], &named)
			if pod.Volumes[0].ConfigMap.Name != named.Metadata.Name {
				t.Errorf("the Pods mount %s, there is %s", pod.Volumes[0].ConfigMap.Name, named.Metadata.Name)
			}
		})
	}
}

// TestKubernetesWatch checks the Deployment beside the CronJob. Its Pods are decoded with Kubernetes' own types, the rest is compared with what a
// Deployment may have.
func TestKubernetesWatch(t *testing.T) {
	manifests := run(t, "", program(t, "kustomize", "make tools"), "build", deployed(t, "kubernetes", "watch"))
	var deployment struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Metadata   map[string]any `yaml:"metadata"`
		Spec       struct {
			Replicas int                   `yaml:"replicas"`
			Strategy struct{ Type string } `yaml:"strategy"`
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			} `yaml:"selector"`
			Template map[string]any `yaml:"template"`
		} `yaml:"spec"`
	}
	var documents []string
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		if !strings.Contains(document, "\nkind: Deployment\n") {
			documents = append(documents, document)
			continue
		}
		decoder := yaml.NewDecoder(strings.NewReader(document))
		decoder.KnownFields(true)
		if err := decoder.Decode(&deployment); err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "PodTemplate", "metadata": deployment.Metadata, "template": deployment.Spec.Template})
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	if deployment.APIVersion != "apps/v1" {
		t.Fatalf("no Deployment of apps/v1: %+v", deployment)
	}
	objects := typed(t, strings.Join(documents, "\n---\n"))
	var pods struct {
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
	into(t, objects["PodTemplate"], &pods)
	pod := pods.Template.Spec
	restricted(t, pod)
	if deployment.Spec.Replicas != 1 || deployment.Spec.Strategy.Type != "Recreate" || pod.RestartPolicy != "" && pod.RestartPolicy != "Always" {
		t.Errorf("%+v", deployment.Spec)
	}
	if len(deployment.Spec.Selector.MatchLabels) == 0 {
		t.Error("the Deployment has no selector")
	}
	for name, value := range deployment.Spec.Selector.MatchLabels {
		if pods.Template.Metadata.Labels[name] != value {
			t.Errorf("the Deployment means Pods with %s=%s, its own have %v", name, value, pods.Template.Metadata.Labels)
		}
	}
	if want := []string{"fleet", "watch", "--file", "/etc/dump-refresh/fleet.yaml"}; !slices.Equal(pod.Containers[0].Args, want) {
		t.Errorf("it runs %q", pod.Containers[0].Args)
	}
	var named struct{ Metadata struct{ Name string } }
	into(t, objects["ConfigMap"], &named)
	if pod.Volumes[0].ConfigMap.Name != named.Metadata.Name {
		t.Errorf("the Pods mount %s, there is %s", pod.Volumes[0].ConfigMap.Name, named.Metadata.Name)
	}
	if objects["CronJob"] == nil {
		t.Error("the CronJob is missing")
	}
}

// restricted checks the requirements of the Pod Security Standard "restricted", and resource limits.
func restricted(t *testing.T, pod podSpec) {
	t.Helper()
	c := pod.Containers[0]
	switch {
	case !pod.SecurityContext.RunAsNonRoot, pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault",
		c.SecurityContext.AllowPrivilegeEscalation == nil, *c.SecurityContext.AllowPrivilegeEscalation,
		!c.SecurityContext.ReadOnlyRootFilesystem, !slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}),
		len(c.SecurityContext.Capabilities.Add) > 0:
		t.Errorf("the Pods may do too much: %+v", pod)
	case pod.AutomountServiceAccountToken == nil, *pod.AutomountServiceAccountToken:
		t.Error("the Pods get a token for the cluster")
	case c.Resources.Limits["memory"] == "", c.Resources.Requests["memory"] == "", c.Resources.Requests["cpu"] == "":
		t.Errorf("resources are not limited: %+v", c.Resources)
	}
}

// TestKubernetesTypesAreStrict checks that an unknown field is found.
func TestKubernetesTypesAreStrict(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(deployed(t, "kubernetes", "base"))); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(folder, "serviceaccount.yaml")
	write(t, broken, read(t, broken)+"automountToken: false\n", 0o644)
	manifests := run(t, "", program(t, "kustomize", "make tools"), "build", folder)
	if output, err := command(t, manifests, program(t, "kubernetes-types", "make tools")); err == nil {
		t.Errorf("nobody complained: %s", output)
	}
}
