package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListShowsWhatIsBakedWhereAnythingIs(t *testing.T) {
	entries := []listed{
		{Key: "shop/new.sql.zst", AgeSeconds: 60, ObjectBytes: 2_000_000, Engine: "mariadb 11.8.3", Publisher: "ada@laptop", Ours: true},
		{Key: "shop/nightly.sql.gz", AgeSeconds: 7200, ObjectBytes: 3_000_000},
	}
	want := `AGE  SIZE    ENGINE          PUBLISHED BY  KEY
1m   2.0 MB  mariadb 11.8.3  ada@laptop    shop/new.sql.zst
2h   3.0 MB  -               another tool  shop/nightly.sql.gz
`
	if diff := cmp.Diff(want, describeList(entries)); diff != "" {
		t.Error(diff)
	}
	entries[0].Baked, entries[0].BakedBytes = []string{"mariadb-10.11", "mariadb-11.8"}, 9_000_000
	want = `AGE  SIZE    ENGINE          PUBLISHED BY  BAKED FOR                             KEY
1m   2.0 MB  mariadb 11.8.3  ada@laptop    mariadb-10.11, mariadb-11.8 (9.0 MB)  shop/new.sql.zst
2h   3.0 MB  -               another tool  -                                     shop/nightly.sql.gz
`
	if diff := cmp.Diff(want, describeList(entries)); diff != "" {
		t.Error(diff)
	}
}
