package cli

import (
	"context"
	"testing"
)

// dockerNames is what Docker's name server says in a container of project shop, beside a project blog.
type dockerNames struct{}

func (dockerNames) LookupHost(_ context.Context, host string) ([]string, error) {
	return map[string][]string{
		"mysql8":           {"172.18.0.9"}, // of blog alone
		"minio":            {"172.19.0.4"}, // of both: the own network comes first
		"search":           {"172.18.0.7", "172.18.0.9"},
		"ddev-blog-mysql8": {"172.18.0.9"},
		"shared-mysql":     {"172.18.0.7"}, // of no project
		"laptop":           {"192.168.1.5"},
	}[host], nil
}

func (dockerNames) LookupAddr(_ context.Context, address string) ([]string, error) {
	return map[string][]string{
		"172.18.0.9":  {"ddev-blog-mysql8.ddev_default."},
		"172.19.0.4":  {"ddev-shop-minio.ddev-shop_default."},
		"172.18.0.7":  {"shared-mysql.ddev_default."},
		"192.168.1.5": {"ddev-laptop.fritz.box."},
	}[address], nil
}

func TestRefuseNeighbour(t *testing.T) {
	for host, want := range map[string]string{
		"mysql8": "DUMP_TARGET: mysql8 leads to container ddev-blog-mysql8, which is another project's",
		"search": "DUMP_TARGET: search leads to container ddev-blog-mysql8, which is another project's",
		"minio":  "", "ddev-blog-mysql8": "", "DDEV-blog-mysql8": "", "shared-mysql": "", "laptop": "", "nowhere": "",
		"mysql8.example.com": "", "172.18.0.9": "", "::1": "", "/run/mysqld.sock": "", "": "",
	} {
		for environment, want := range map[string]string{"true": want, "": "", "false": ""} {
			t.Setenv("IS_DDEV_PROJECT", environment)
			err := refuseNeighbour(t.Context(), dockerNames{}, "DUMP_TARGET", host)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s with IS_DDEV_PROJECT=%s: got %q, want %q", host, environment, got, want)
			}
		}
	}
	t.Setenv("IS_DDEV_PROJECT", "")
	code, hint := classify(t.Context(), &neighbourError{"DUMP_TARGET", "mysql8", "ddev-blog-mysql8"})
	if want := "start this project's service of that name; if you mean that container, write its full name: ddev-blog-mysql8"; code != exitSettings || hint != want {
		t.Errorf("got %d and %s", code, hint)
	}
}
