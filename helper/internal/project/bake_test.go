package project

import (
	"reflect"
	"strings"
	"testing"
)

func TestBakeServers(t *testing.T) {
	for text, want := range map[string][]BakeServer{
		"mariadb:11.8":             {{Engine: "mariadb", Version: "11.8"}},
		"mysql:8.0, mysql:10.1":    {{Engine: "mysql", Version: "8.0"}, {Engine: "mysql", Version: "10.1"}},
		"mysql:8.4,mariadb:8.4=my": {{Engine: "mysql", Version: "8.4"}, {Engine: "mariadb", Version: "8.4", Image: "my"}},
		" mariadb:11.8 , mariadb:10.11=registry.example.com:5000/db/maria:10.11-x ,": {
			{Engine: "mariadb", Version: "11.8"},
			{Engine: "mariadb", Version: "10.11", Image: "registry.example.com:5000/db/maria:10.11-x"},
		},
	} {
		var s Settings
		if err := setBake(&s, text); err != nil || !reflect.DeepEqual(s.Bake, want) {
			t.Errorf("%q: got %+v, %v", text, s.Bake, err)
		}
	}
	for text, want := range map[string]string{
		"mariadb":                       `must be servers with the first two parts of their version, such as mariadb:11.8,mysql:8.4,`,
		"mariadb:11.8.3":                `(got "mariadb:11.8.3")`,
		"postgres:17.0":                 `(got "postgres:17.0")`,
		"mariadb:11.8=":                 `(got "mariadb:11.8=")`,
		"mariadb:11.8=--privileged":     `(got "mariadb:11.8=--privileged")`,
		"mariadb:8.4,mariadb:8.4=other": "names mariadb:8.4 twice",
		"mariadb:11.8,mysql:5.7":        `must be servers of MariaDB, or of MySQL since 8.0: older ones can lose tables that are imported as files (got "mysql:5.7")`,
		"mysql:4.1=old":                 `(got "mysql:4.1=old")`,
		"mysql:8":                       `(got "mysql:8")`,
	} {
		if err := setBake(new(Settings), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
