package read

import "testing"

func TestMatchesGrant(t *testing.T) {
	for _, test := range []struct {
		pattern, database string
		want              bool
	}{
		{"shop", "shop", true}, {"shop", "shop2", false}, {"sh%", "shop", true}, {"sh_p", "shop", true}, {`sh\_p`, "shop", false},
		{`sh\_p`, "sh_p", true}, {"a.c", "abc", false}, {"%", "x", true},
	} {
		if got := matchesGrant(test.pattern, test.database); got != test.want {
			t.Errorf("%s for %s: %v", test.pattern, test.database, got)
		}
	}
}

func TestGrants(t *testing.T) {
	g := grants{on: map[string]map[string]bool{}, off: map[string]map[string]bool{}}
	for _, line := range []string{
		"GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0'",
		"GRANT SELECT, SHOW VIEW ON `a\\_b`.* TO `u`@`%`",
		"GRANT ALL PRIVILEGES ON `all`.* TO `u`@`%` WITH GRANT OPTION",
		"GRANT SELECT ON `all`.`one` TO `u`@`%`",
		"GRANT `role` TO `u`@`%`",
		"GRANT EVENT ON *.* TO `u`@`%`",
		"REVOKE EVENT ON `secret`.* FROM `u`@`%`",
	} {
		g.read(line)
	}
	for _, test := range []struct {
		privilege, database string
		want                bool
	}{
		{"SELECT", "a_b", true}, {"SHOW VIEW", "a_b", true}, {"TRIGGER", "a_b", false}, {"SELECT", "axb", false}, {"TRIGGER", "all", true},
		{"EVENT", "other", true}, {"EVENT", "secret", false}, {"SELECT", "other", false},
	} {
		if got := g.has(test.privilege, test.database); got != test.want {
			t.Errorf("%s on %s: %v", test.privilege, test.database, got)
		}
	}
}
