package bucket

import "testing"

// A folder without a dump of the project's name says whose dumps are in it.
func TestOthers(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		folder := "find the newest dump in s3://" + e.bucket + "/dumps/shop/: no dump found, but "
		for _, step := range []struct{ put, want string }{
			{"blog-20261122T063000Z-aaaaaa.sql.zst", "1 dump of blog is here"},
			{"acme.shop-20261122T063000Z-aaaaaa.sql.zst", "1 dump of acme.shop and 1 of blog are here"},
			{"acme.shop-20261123T063000Z-aaaaaa.sql.gz", "2 dumps of acme.shop and 1 of blog are here"},
			// What lies beside a dump is none, and no name may be a command of a shell.
			{"acme.shop-20261123T063000Z-aaaaaa.sql.zst.mariadb-11.8.tables.zst", "2 dumps of acme.shop and 1 of blog are here"},
			{"$(reboot)-20261123T063000Z-aaaaaa.sql.gz", "2 dumps of acme.shop and 1 of blog are here"},
			{"shop-de-20261123T063000Z-aaaaaa.sql.gz", "2 dumps of acme.shop and those of 2 other projects are here"},
		} {
			e.put(t, "dumps/shop/"+step.put, []byte("x"))
			_, err := b.Newest(t.Context())
			wantError(t, err, ErrEmpty, folder+step.want)
		}
	})
}
