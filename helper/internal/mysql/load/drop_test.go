package load

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
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
		l := &Load{named: map[string]bool{}, Pool: &session.Pool{}}
		if l.dropsNothing(rewrite.Parse([]byte(test.before))) {
			t.Errorf("%q drops nothing", test.before)
		}
		l.remember(rewrite.Parse([]byte(test.before)))
		l.Pool.Alone = test.alone
		if got := l.dropsNothing(rewrite.Parse([]byte(test.drop))); got != test.want {
			t.Errorf("after %q, alone %t: that %q drops nothing is %t", test.before, test.alone, test.drop, got)
		}
	}
}
