package localdb

import (
	"fmt"
	"testing"
)

// TestMySQLDropsNothing says which statements that drop something are needed, after those before them.
func TestMySQLDropsNothing(t *testing.T) {
	for _, test := range []struct {
		before, drop string
		alone, want  bool
	}{
		{"", "DROP TABLE IF EXISTS `t`", false, true},
		{"", "/*!50001 DROP VIEW IF EXISTS `v`*/", false, true},
		{"", "DROP TABLE IF EXISTS `t`, `u`", false, true},
		{"", "DROP TABLE `t`", false, false},
		{"", "DROP TABLE IF EXISTS `t`", true, false},
		{"CREATE TABLE `u` (`id` int)", "DROP TABLE IF EXISTS `t`", false, true},
		{"CREATE TABLE IF NOT EXISTS `u` (`id` int)", "DROP TABLE IF EXISTS `t`", false, true},
		{"CREATE TABLE IF NOT EXISTS `t` (`id` int)", "DROP TABLE IF EXISTS `t`", false, false},
		{"CREATE TABLE t (id int)", "DROP TABLE IF EXISTS `u`, `t`", false, false},
		{"CREATE TABLE `T` (`id` int)", "DROP TABLE IF EXISTS t", false, false},
		{"CREATE TABLE \"t\" (`id` int)", "DROP TABLE IF EXISTS `t`", false, false},
		{"CREATE TABLE `a``b` (`id` int)", "DROP TABLE IF EXISTS `a``b`", false, false},
		{"/*!50001 CREATE ALGORITHM=UNDEFINED VIEW `v` AS SELECT 1*/", "DROP VIEW IF EXISTS `v`", false, false},
		{"ALTER TABLE `u` RENAME TO `t`", "DROP TABLE IF EXISTS `t`", false, false},
		{"RENAME TABLE `u` TO `t`", "DROP TABLE IF EXISTS `t`", false, false},
		{"CALL make()", "DROP TABLE IF EXISTS `t`", false, false},
		{"EXECUTE made", "DROP TABLE IF EXISTS `t`", false, false},
		{"BEGIN NOT ATOMIC CREATE TABLE `t` (`id` int); END", "DROP TABLE IF EXISTS `t`", false, false},
		{"SET NAMES utf8mb4", "DROP TABLE IF EXISTS `t`", false, true},
		{"CREATE SEQUENCE `s` START WITH 1", "DROP SEQUENCE IF EXISTS `s`", false, false},
	} {
		l := &mysqlLoad{named: map[string]bool{}, crew: &crew{}}
		if l.dropsNothing(parse([]byte(test.before))) {
			t.Errorf("%q drops nothing", test.before)
		}
		l.remember(parse([]byte(test.before)))
		l.crew.alone = test.alone
		if got := l.dropsNothing(parse([]byte(test.drop))); got != test.want {
			t.Errorf("after %q, alone %t: that %q drops nothing is %t", test.before, test.alone, test.drop, got)
		}
	}
}

// What a dump makes twice it drops in between, as dumps of views do.
func TestMySQLDropsAndMakesAnew(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "made_twice")
	db, _ := open(t, server.URL("made_twice"))
	must(t, pull(t, db, "DROP TABLE IF EXISTS `v`;\nCREATE TABLE `v` (`a` int);\nINSERT INTO `v` VALUES (1);\n"+
		"DROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (`id` int);\nINSERT INTO `t` VALUES (7);\n"+
		"DROP TABLE IF EXISTS `V`;\n/*!50001 DROP TABLE IF EXISTS `v`*/;\n/*!50001 CREATE VIEW `v` AS SELECT `id` FROM `t`*/;\n"))
	rows, err := server.Query("SELECT * FROM made_twice.v")
	must(t, err)
	if got := fmt.Sprint(rows); got != "[[7]]" {
		t.Errorf("the view gives %s", got)
	}
}
