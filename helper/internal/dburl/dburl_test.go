package dburl

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"mysql://stage@db.example.com/shop":                      "mysql stage db.example.com:3306 shop preferred ",
		"mariadb://stage:x@db:3307/shop?tls=verify&ca=/etc/a@b":  "mysql stage db:3307 shop verify /etc/a@b",
		"postgres://stage@db/shop?sslmode=disable":               "postgres stage db:5432 shop off ",
		"pgsql://stage@[::1]:5433/shop?tls=on":                   "postgres stage [::1]:5433 shop on ",
		"mysql://stage@/shop?socket=/run/mysql.sock":             "mysql stage /run/mysql.sock shop preferred ",
		"mysql://st%40ge:p%2Fw@db/shop?ssl-mode=VERIFY_IDENTITY": "mysql st@ge db:3306 shop verify ",
	} {
		u, err := Parse(text)
		if got := fmt.Sprint(u.Engine, " ", u.User, " ", u.Address(), " ", u.Name, " ", u.TLS, " ", u.CA); err != nil || got != want {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"db.example.com/shop":               "no scheme (mysql:// or postgres:// is expected)",
		"oracle://a@b/c":                    `unknown scheme "oracle" (mysql:// or postgres:// is expected)`,
		"mysql://stage@db":                  "no database name (it follows the host, as in mysql://user@host/name)",
		"mysql://db/shop":                   "no user (it stands before the host, as in mysql://user@host/name)",
		"mysql://stage@db:99999/shop":       `port "99999" is not a number from 1 to 65535`,
		"mysql://stage@db/shop?tls=perhaps": "tls=perhaps is unknown (off, on, verify or preferred is expected)",
		"mysql://stage@db/shop?charset=x":   `unknown parameter "charset" (tls, ca, socket and silence are known)`,
		"mysql://stage@db/a/b":              `database name "a/b" has a slash in it`,
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestPasswordsNeverShow(t *testing.T) {
	for _, text := range []string{
		"mysql://u:12/hunter2@h/db", "mysql://u:hun?ter2@h/db", "mysql://u:hun#ter2@h/db", "mysql://u:100%hunter2@h/db",
		"mysql://u:hunter2@[h/db", "mysql://u:a@hunter2@h:x/db", "oops://u:hunter2@h/db",
	} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), "hun") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: got %v", text, err)
		}
	}
	u, err := Parse("mysql://u:hunter2@h/db")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, u); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the password: %s", format, text)
		}
	}
	if got := u.String(); got != "mysql://u:***@h:3306/db" {
		t.Errorf("got %s", got)
	}
}
