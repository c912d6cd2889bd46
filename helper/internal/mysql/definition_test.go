package mysql

import "testing"

func TestWithoutCounter(t *testing.T) {
	for definition, want := range map[string]string{
		"CREATE TABLE `a` (\n  `id` int\n) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4":    "CREATE TABLE `a` (\n  `id` int\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
		"CREATE TABLE `a` (\n  `id` int\n) ENGINE=InnoDB AUTO_INCREMENT=5":                            "CREATE TABLE `a` (\n  `id` int\n) ENGINE=InnoDB",
		"CREATE TABLE `a` (\n  `id` int AUTO_INCREMENT\n) ENGINE=InnoDB":                              "CREATE TABLE `a` (\n  `id` int AUTO_INCREMENT\n) ENGINE=InnoDB",
		"CREATE TABLE `a` (\n  `v` int COMMENT 'or AUTO_INCREMENT=7'\n) ENGINE=InnoDB":                "CREATE TABLE `a` (\n  `v` int COMMENT 'or AUTO_INCREMENT=7'\n) ENGINE=InnoDB",
		"CREATE TABLE `a` (\n  ` AUTO_INCREMENT=1` int\n) ENGINE=InnoDB AUTO_INCREMENT=9 COMMENT='x'": "CREATE TABLE `a` (\n  ` AUTO_INCREMENT=1` int\n) ENGINE=InnoDB COMMENT='x'",
	} {
		if got := WithoutCounter(definition); got != want {
			t.Errorf("%s\nbecomes\n%s", definition, got)
		}
	}
}
