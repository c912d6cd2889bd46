package read

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestWithoutRemote(t *testing.T) {
	const columns = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL COMMENT 'a) ENGINE=CONNECT',\n  PRIMARY KEY (`id`)\n)"
	for options, want := range map[string]string{
		" ENGINE=FEDERATED DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci CONNECTION='mysql://u:secret@h:3306/d/t'":                                                                                                 " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
		" ENGINE=FEDERATED COMMENT='secret' CONNECTION='server'":                                                                                                                                                        " ENGINE=InnoDB",
		" ENGINE=CONNECT DEFAULT CHARSET=latin1 CONNECTION='mysql://u:secret@h/d/t' `TABLE_TYPE`='MYSQL' `OPTION_LIST`='user=u,password=secret'":                                                                        " ENGINE=InnoDB DEFAULT CHARSET=latin1",
		" ENGINE=SPIDER DEFAULT CHARSET=utf8mb4 COMMENT='wrapper \"mysql\", table \"t\"'\n PARTITION BY RANGE (`id`)\n(PARTITION `a` VALUES LESS THAN (5) COMMENT = 'user \"u\", password \"secret\"' ENGINE = SPIDER)": " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
		" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='ENGINE=FEDERATED'":                                                                                                                                             " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='ENGINE=FEDERATED'",
	} {
		if got := withoutRemote(columns + options); got != columns+want {
			t.Errorf("%s\nhas become\n%s", options, got)
		}
	}
}

// A table that reaches another server is published without its way there.
func TestMySQLRemoteTables(t *testing.T) {
	server, err := testserver.MariaDB(t.TempDir(), "--plugin-load-add=ha_federatedx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	err = server.Exec("CREATE DATABASE far", "CREATE TABLE far.t (id int PRIMARY KEY, name varchar(9))", "INSERT INTO far.t VALUES (1, 'a')",
		"CREATE USER traveller@'%' IDENTIFIED BY 'topsecret'", "GRANT ALL ON far.* TO traveller@'%'",
		"CREATE DATABASE shop", "USE shop", "CREATE TABLE own (id int PRIMARY KEY)", "INSERT INTO own VALUES (1)",
		fmt.Sprintf("CREATE TABLE t (id int PRIMARY KEY, name varchar(9)) ENGINE=FEDERATED CONNECTION='mysql://traveller:topsecret@127.0.0.1:%d/far/t'", server.Port))
	if err != nil {
		t.Fatal(err)
	}
	open, notes := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("shop"))})
	text := chunkedText(t, open)
	if strings.Contains(text, "topsecret") || strings.Contains(text, "FEDERATED") || strings.Contains(text, "INSERT INTO `t`") {
		t.Errorf("it is published:\n%s", text)
	}
	if want := "published as empty tables, without their ways to other servers: t"; !slices.Contains(*notes, want) {
		t.Errorf("notes: %q", *notes)
	}
	if want := []string{"the way of table t to another server"}; !slices.Equal(open.Info().LeftOut, want) {
		t.Errorf("left out: %q", open.Info().LeftOut)
	}
	restoreWithComments(t, server, "shop_copy", text)
	rows, err := server.Query("SELECT ENGINE, (SELECT COUNT(*) FROM shop_copy.t), (SELECT COUNT(*) FROM shop_copy.own) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_copy' AND TABLE_NAME = 't'")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], " "); got != "InnoDB 0 1" {
		t.Errorf("the copy: %s", got)
	}

	byClient, notes := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("shop")), Client: true})
	text = sourcetest.DumpText(t, byClient)
	if strings.Contains(text, "topsecret") || !strings.Contains(text, "CREATE TABLE `own`") {
		t.Errorf("a client publishes it:\n%s", text)
	}
	if want := "left out, since a dump client would print accounts of other servers with them: t"; !slices.Contains(*notes, want) {
		t.Errorf("notes: %q", *notes)
	}
}
