package rewrite

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

func TestKeepInside(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE a (data int) DATA DIRECTORY='/x', COMMENT='DATA DIRECTORY=1'":                     "CREATE TABLE a (data int)  COMMENT='DATA DIRECTORY=1'",
		"CREATE TABLE a (data int) ENGINE=MyISAM, INDEX DIRECTORY '/x' , COMMENT='c'":                   "CREATE TABLE a (data int) ENGINE=MyISAM , COMMENT='c'",
		"CREATE TABLE a (id int) /*!50100 TABLESPACE `ts` */ ENGINE=InnoDB":                             "CREATE TABLE a (id int) /*!50100  */ ENGINE=InnoDB",
		"CREATE TABLE a (id int) /*!50100 TABLESPACE `innodb_system` */ ENGINE=InnoDB":                  "CREATE TABLE a (id int) /*!50100 TABLESPACE `innodb_system` */ ENGINE=InnoDB",
		"ALTER TABLE a DATA DIRECTORY='/x'":                                                             "ALTER TABLE a ",
		"CREATE TABLE a (id int) PARTITION BY HASH (id) (PARTITION p DATA DIRECTORY='/x', PARTITION q)": "CREATE TABLE a (id int) PARTITION BY HASH (id) (PARTITION p , PARTITION q)",
		"CREATE TABLE a (id int) ENGINE=CONNECT `TABLE_TYPE`=CSV `FILE_NAME`='/etc/x'":                  "CREATE TABLE a (id int) ENGINE=CONNECT `TABLE_TYPE`=CSV ",
		"CREATE TABLE a (id int) ENGINE=InnoDB COMMENT='FILE_NAME'":                                     "CREATE TABLE a (id int) ENGINE=InnoDB COMMENT='FILE_NAME'",
		"CREATE TABLE a (id int) ENGINE=MERGE UNION=(b,`shop`.`c`,other.d)":                             "CREATE TABLE a (id int) ENGINE=MERGE UNION=(`b`,`c`)",
		"INSERT INTO a VALUES ('DATA DIRECTORY=''/x''')":                                                "INSERT INTO a VALUES ('DATA DIRECTORY=''/x''')",
	} {
		said := &targettest.Notes{}
		s := Parse([]byte(text))
		(&Rewriter{Once: target.NewOnce(said.Add), Database: "shop"}).keepInside(s)
		if got := string(s.Edits.Apply(s.Text)); got != want {
			t.Errorf("%s\nbecame %s\nnot    %s", text, got, want)
		}
		if (text != want) != (len(said.Lines) == 1) {
			t.Errorf("%s: notes %q", text, said.Lines)
		}
	}
}
