package rewrite

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// What MySQL hides from MariaDB is said in MariaDB's words, or noted.
func TestMySQLTranslate(t *testing.T) {
	const table = "CREATE TABLE `t` (\n  `g` geometry /*!80003 SRID 4326 */ DEFAULT NULL,\n  `p` point NOT NULL /*!80003 SRID 0 */,\n  `v` varchar(20) DEFAULT NULL /*!80023 INVISIBLE */,\n" +
		"  `w` int NOT NULL /*!80023 INVISIBLE */,\n  `c` int DEFAULT NULL COMMENT '/*!80023 INVISIBLE */, KEY',\n  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,\n" +
		"  PRIMARY KEY (`my_row_id`),\n  KEY `kv` (`v`) /*!80000 INVISIBLE */,\n  CONSTRAINT `cc` CHECK ((`c` < 5)) /*!80016 NOT ENFORCED */,\n  CONSTRAINT `cd` CHECK ((`c` < 6))\n" +
		") /*!80023 AUTOEXTEND_SIZE=4194304 */ ENGINE=InnoDB\n/*!50100 PARTITION BY KEY (`my_row_id`) */"
	maria := func(number int) mysql.Release { return release(mysql.MariaDB, number) }
	noted := []string{
		"table t, constraint cc: it is NOT ENFORCED, which this server does not know, and is left out",
		"table t: this server does not know AUTOEXTEND_SIZE=4194304, which is left out",
	}
	for _, test := range []struct {
		name       string
		server     mysql.Release
		text, want string
		notes      []string
	}{
		{"MariaDB", maria(101119), table, "CREATE TABLE `t` (\n  `g` geometry REF_SYSTEM_ID=4326  DEFAULT NULL,\n  `p` point REF_SYSTEM_ID=0 NOT NULL ,\n  `v` varchar(20) DEFAULT NULL INVISIBLE,\n" +
			"  `w` int NOT NULL /*!80023 INVISIBLE */,\n  `c` int DEFAULT NULL COMMENT '/*!80023 INVISIBLE */, KEY',\n  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE,\n" +
			"  PRIMARY KEY (`my_row_id`),\n  KEY `kv` (`v`) IGNORED,\n  CONSTRAINT `cd` CHECK ((`c` < 6))\n" +
			") /*!80023 AUTOEXTEND_SIZE=4194304 */ ENGINE=InnoDB\n/*!50100 PARTITION BY KEY (`my_row_id`) */",
			append([]string{"table t, column w: this server does not know INVISIBLE, which is left out"}, noted...)},
		{"MariaDB that ignores no keys", maria(100511), "CREATE TABLE `t` (`a` int, KEY `k` (`a`) /*!80000 INVISIBLE */)", "CREATE TABLE `t` (`a` int, KEY `k` (`a`) /*!80000 INVISIBLE */)",
			[]string{"table t, key k: this server does not know INVISIBLE, which is left out"}},
		{"MySQL", release(mysql.MySQL, 90704), table, table, nil},
		{"an older MySQL", release(mysql.MySQL, 80022), table, table, []string{
			"table t, column v: this server does not know INVISIBLE, which is left out", "table t, column w: this server does not know INVISIBLE, which is left out",
			"table t, column my_row_id: this server does not know INVISIBLE, which is left out", "table t: this server does not know AUTOEXTEND_SIZE=4194304, which is left out",
		}},
		{"a key by itself", maria(101119), "ALTER TABLE `db`.`t` ADD KEY `k` (`a`) /*!80000 INVISIBLE */, MODIFY `b` int DEFAULT NULL /*!80023 INVISIBLE */", "ALTER TABLE `db`.`t` ADD KEY `k` (`a`) IGNORED, MODIFY `b` int DEFAULT NULL INVISIBLE", nil},
		{"words of MariaDB, in MySQL", release(mysql.MySQL, 90704), "CREATE TABLE IF NOT EXISTS `t` (`c` text /*M!100301 COMPRESSED*/ DEFAULT NULL, `g` point /*M!100102 REF_SYSTEM_ID=4326 */)",
			"CREATE TABLE IF NOT EXISTS `t` (`c` text /*M!100301 COMPRESSED*/ DEFAULT NULL, `g` point /*M!100102 REF_SYSTEM_ID=4326 */)",
			[]string{"table t, column c: this server does not know COMPRESSED, which is left out", "table t, column g: this server does not know REF_SYSTEM_ID=4326, which is left out"}},
		{"words of MariaDB", maria(101119), "CREATE TABLE `t` (`c` text /*M!100301 COMPRESSED*/ DEFAULT NULL)", "CREATE TABLE `t` (`c` text /*M!100301 COMPRESSED*/ DEFAULT NULL)", nil},
		{"a newer MariaDB's", maria(101119), "CREATE TABLE `t` (`c` int /*!120000 SOMETHING (1,'x') */ DEFAULT NULL)", "CREATE TABLE `t` (`c` int /*!120000 SOMETHING (1,'x') */ DEFAULT NULL)",
			[]string{"table t, column c: this server does not know SOMETHING (1,'x'), which is left out"}},
		{"no table", maria(101119), "SET /*!80000 SESSION */ @a = 1", "SET /*!80000 SESSION */ @a = 1", nil},
	} {
		said := &targettest.Notes{}
		w := &Rewriter{Server: test.server, Once: target.NewOnce(said.Add)}
		if diff := cmp.Diff(test.want, string(w.Translate(Parse([]byte(test.text))).Text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.notes, said.Lines); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", test.name, diff)
		}
	}
}

// A primary key whose columns are unique only together with a period goes with the period.
func TestPrimaryKeyWithoutOverlaps(t *testing.T) {
	said := &targettest.Notes{}
	w := &Rewriter{Server: release(mysql.MySQL, 90704), Once: target.NewOnce(said.Add)}
	text := "CREATE TABLE `t` (`i` int, `s` date NOT NULL, `e` date NOT NULL, PERIOD FOR `p` (`s`, `e`), PRIMARY KEY (`i`,`p` WITHOUT OVERLAPS))"
	if got, want := string(w.Adapt(Parse([]byte(text))).Text), "CREATE TABLE `t` (`i` int, `s` date NOT NULL, `e` date NOT NULL)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{
		"table t: this server does not know PERIOD FOR `p` (`s`, `e`), which is left out", "table t, primary key: this server does not know WITHOUT OVERLAPS, which is left out",
	}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A table holds the same rows without its partitions, wherever their definition stands.
func TestOptionalPartitions(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE `t` (`a` varchar(9)) ENGINE=InnoDB\n PARTITION BY LIST  COLUMNS(`a`)\n(PARTITION `p` VALUES IN ('x'),\n PARTITION `d` DEFAULT)": "CREATE TABLE `t` (`a` varchar(9)) ENGINE=InnoDB\n ",
		"CREATE TABLE `t` (`a` varchar(9))\n/*!50500 PARTITION BY LIST  COLUMNS(`a`)\n(PARTITION p VALUES IN ('x')) */":                               "CREATE TABLE `t` (`a` varchar(9))\n/*!50500  */",
	} {
		s := Parse([]byte(text))
		parts := s.Optionals()
		if len(parts) != 1 || parts[0].Where != "table t" || parts[0].Text != "PARTITION BY LIST COLUMNS(`a`)" {
			t.Fatalf("%s: parts %+v", text, parts)
		}
		if got := string(s.Without(parts).Text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// release is what a server runs, with its version as in conditional comments: 101119 is 10.11.19.
func release(flavour mysql.Flavour, number int) mysql.Release {
	return mysql.Release{Flavour: flavour, Version: version.Version{Major: number / 10000, Minor: number / 100 % 100, Patch: number % 100}}
}
