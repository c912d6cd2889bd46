package main

import (
	"fmt"
	"slices"
	"strings"
)

// way is one way to upload a dump of a database, to load one, or both. It leaves its dump in the folder $DUMPS/KEY.
type way struct {
	// key is a name. The part before its slash is the name that BENCH_PEERS takes.
	key      string
	up, down job
	// proof restores what up has written, to check that nothing is missing, if there is no down.
	proof string
	// dumps is the key of the way whose dump it loads; its own if empty.
	dumps string
	// bakes means that its down leaves the local database alone: it makes what other ways load.
	bakes bool
}

// job is what is measured. Its command lines are for bash, with the variables of [site.environ]. If there are several, the
// first round tries them all and the others take the fastest. Without any there is no such job.
type job struct {
	name  string
	lines []string
}

// peerOf returns the part of a key before the slash.
func peerOf(key string) string {
	peer, _, _ := strings.Cut(key, "/")
	return peer
}

const (
	ours   = "dump-helper"
	cached = "dump-helper/cached"
)

// oursWays are the same for every engine. The first round fills the cache.
var oursWays = []way{
	{
		key:  ours,
		up:   job{"dump-helper refresh", []string{`dump-helper refresh --quiet --full`}},
		down: job{"dump-helper pull", []string{`dump-helper pull --yes --quiet --set DUMP_CACHE_DIR=$FILES/cache`}},
	},
	{
		key:   cached,
		dumps: ours,
		down:  job{"dump-helper pull, dump in the cache", []string{`dump-helper pull --yes --quiet --set DUMP_CACHE_DIR=$CACHE`}},
	},
}

const old = "old"

// oldWays are ours with another build of the program, BENCH_OLD, to compare two versions in the same run.
var oldWays = []way{
	{
		key:  old,
		up:   job{"old dump-helper refresh", []string{`$OLD refresh --quiet`}},
		down: job{"old dump-helper pull", []string{`$OLD pull --yes --quiet --set DUMP_CACHE_DIR=$FILES/cache`}},
	},
}

// oldBakedWays are the same with tables as files beside the dump.
var oldBakedWays = []way{
	{
		key:  old,
		up:   job{"old dump-helper refresh, bake", []string{`$OLD refresh --quiet && $OLD bake --quiet --for=$KIND`}},
		down: job{"old dump-helper pull, tables as files", []string{`$OLD pull --yes --quiet --set DUMP_CACHE_DIR=$FILES/cache`}},
	},
	{
		key:   old + "/bake",
		dumps: old,
		bakes: true,
		down:  job{"old dump-helper bake", []string{`$OLD bake --quiet --force --for=$KIND`}},
	},
}

const (
	baked = "dump-helper/bake"
	asSQL = "dump-helper/sql"
)

// bakedWays are ours with tables as files beside the dump, the making of these files, and two with SQL.
var bakedWays = slices.Concat([]way{
	{
		key:  ours,
		up:   job{"dump-helper refresh, dump-helper bake", []string{`dump-helper refresh --quiet --full && dump-helper bake --quiet --for=$KIND`}},
		down: job{"dump-helper pull, tables as files", []string{`dump-helper pull --yes --quiet --set DUMP_CACHE_DIR=$FILES/cache`}},
	},
	{
		key:   cached,
		dumps: ours,
		down:  job{"dump-helper pull, tables as files, in the cache", []string{`dump-helper pull --yes --quiet --set DUMP_CACHE_DIR=$CACHE`}},
	},
	{
		key:   asSQL,
		dumps: ours,
		down:  job{"dump-helper pull, SQL, in the cache", []string{`dump-helper pull --yes --quiet --sql --set DUMP_CACHE_DIR=$CACHE`}},
	},
	{
		key:   baked,
		dumps: ours,
		bakes: true,
		down:  job{"dump-helper bake", []string{`dump-helper bake --quiet --force --for=$KIND`}},
	},
	gzipWay,
}, oldBakedWays)

// connectionWays are ours with fewer and more connections than by default.
var connectionWays = []way{overConnections(1), overConnections(2), overConnections(4)}

func overConnections(n int) way {
	return way{
		key: fmt.Sprintf("%s/%d", ours, n),
		up: job{
			fmt.Sprintf("dump-helper refresh --threads=%d", n),
			[]string{fmt.Sprintf("dump-helper refresh --quiet --full --threads=%d", n)},
		},
		down: job{
			fmt.Sprintf("dump-helper pull --threads=%d", n),
			[]string{fmt.Sprintf("dump-helper pull --yes --quiet --threads=%d --set DUMP_CACHE_DIR=$FILES/cache", n)},
		},
	}
}

const (
	mysqldump = `mariadb-dump --no-defaults $FROM --single-transaction --quick --routines --triggers $DB`
	mysqlIn   = `mariadb --no-defaults $INTO $DB`
	awsPut    = `aws --endpoint-url $S3 s3 cp -`
	awsGet    = `aws --endpoint-url $S3 s3 cp`

	// On all cores, the biggest files first.
	compress   = `ls -S $FILES/*.sql | xargs -P $CORES -n 1 zstd -1 --rm --quiet`
	decompress = `ls -S $FILES/*.zst | xargs -P $CORES -n 1 zstd -d --rm --quiet`

	mydumper = `mydumper $FROM --database=$DB --outputdir=$FILES --triggers --routines --trx-consistency-only --verbose=1`
	myloader = `myloader $INTO --source-db=$DB --database=$DB --directory=$FILES --overwrite-tables --verbose=1`
	dumpling = `dumpling $FROM --database=$DB --no-views=false --no-sequences=false --consistency=flush --filesize=64MiB --compress=zstd` +
		` --output=$DUMPS/dumpling --s3.endpoint=$S3 --s3.region=us-east-1 --status-addr= --logfile=/dev/null`
)

var gzipWay = way{
	key:  "gzip",
	up:   job{"mariadb-dump, gzip, aws s3 cp", []string{mysqldump + ` | gzip | ` + awsPut + ` $DUMPS/gzip/dump.sql.gz`}},
	down: job{"aws s3 cp, gzip -dc, mariadb", []string{awsGet + ` $DUMPS/gzip/dump.sql.gz - | gzip -dc | ` + mysqlIn}},
}

// commonWays are those for MariaDB and MySQL.
var commonWays = slices.Concat(oursWays, oldWays, []way{
	gzipWay,
	{
		key:  "zstd",
		up:   job{"mariadb-dump, zstd -1, aws s3 cp", []string{mysqldump + ` | zstd -1 --quiet | ` + awsPut + ` $DUMPS/zstd/dump.sql.zst`}},
		down: job{"aws s3 cp, zstd -dc, mariadb", []string{awsGet + ` $DUMPS/zstd/dump.sql.zst - | zstd -dc --quiet | ` + mysqlIn}},
	},
	{
		key: "mydumper/tables",
		up: job{"mydumper with a file per table, zstd -1, s5cmd", []string{
			mydumper + ` --threads=$CORES && ` + compress + ` && s5cmd cp $FILES/ $DUMPS/mydumper/tables/`,
			mydumper + ` --threads=$((2 * CORES)) && ` + compress + ` && s5cmd cp $FILES/ $DUMPS/mydumper/tables/`,
		}},
		down: job{"s5cmd, zstd -d, myloader with a file per table", []string{
			`s5cmd cp "$DUMPS/mydumper/tables/*" $FILES/ && ` + decompress + ` && ` + myloader + ` --threads=$CORES`,
		}},
	},
	{
		key: "mydumper/rows",
		up: job{"mydumper with files of 200000 rows, zstd -1, s5cmd", []string{
			mydumper + ` --rows=200000 --threads=$CORES && ` + compress + ` && s5cmd cp $FILES/ $DUMPS/mydumper/rows/`,
			mydumper + ` --rows=200000 --threads=$((2 * CORES)) && ` + compress + ` && s5cmd cp $FILES/ $DUMPS/mydumper/rows/`,
		}},
		down: job{"s5cmd, zstd -d, myloader with files of 200000 rows", []string{
			`s5cmd cp "$DUMPS/mydumper/rows/*" $FILES/ && ` + decompress + ` && ` + myloader + ` --threads=$CORES`,
		}},
	},
	{
		key: "dumpling",
		up: job{"dumpling, which compresses and writes to S3 itself", []string{
			dumpling + ` --threads=$CORES`,
			dumpling + ` --threads=$((2 * CORES))`,
			dumpling + ` --threads=$CORES --rows=200000`,
			dumpling + ` --threads=$((2 * CORES)) --rows=200000`,
		}},
		proof: `s5cmd cp "$DUMPS/dumpling/*" $FILES/ && ` + decompress +
			` && cat $FILES/$DB.*-schema.sql $FILES/$DB.*.[0-9]*.sql $FILES/$DB.*-schema-view.sql | ` + mysqlIn,
	},
})

// mariadbWays are the same and a yardstick: that client cannot dump faster.
var mariadbWays = slices.Concat(commonWays, []way{
	{key: "null", up: job{"mariadb-dump to /dev/null", []string{mysqldump + ` > /dev/null`}}},
})

// smallWays are the same and one that starts faster than the aws command.
var smallWays = slices.Concat(commonWays, []way{{
	key:  "s5cmd",
	up:   job{"mariadb-dump, zstd -1, s5cmd pipe", []string{mysqldump + ` | zstd -1 --quiet | s5cmd pipe $DUMPS/s5cmd/dump.sql.zst`}},
	down: job{"s5cmd cat, zstd -dc, mariadb", []string{`s5cmd cat $DUMPS/s5cmd/dump.sql.zst | zstd -dc --quiet | ` + mysqlIn}},
}})

// mariadbTablesWays are ours and the plain client.
var mariadbTablesWays = slices.Concat(oursWays, []way{{
	key:  "s5cmd",
	up:   job{"mariadb-dump, zstd -1, s5cmd pipe", []string{mysqldump + ` | zstd -1 --quiet | s5cmd pipe $DUMPS/s5cmd/dump.sql.zst`}},
	down: job{"s5cmd cat, zstd -dc, mariadb", []string{`s5cmd cat $DUMPS/s5cmd/dump.sql.zst | zstd -dc --quiet | ` + mysqlIn}},
}})

// postgresTablesWays are the same for PostgreSQL.
var postgresTablesWays = slices.Concat(oursWays, []way{{
	key: "s5cmd",
	up:  job{"pg_dump, zstd -1, s5cmd pipe", []string{`pg_dump $FROM --no-password $DB | zstd -1 --quiet | s5cmd pipe $DUMPS/s5cmd/dump.sql.zst`}},
	down: job{"s5cmd cat, zstd -dc, psql", []string{
		`s5cmd cat $DUMPS/s5cmd/dump.sql.zst | zstd -dc --quiet | psql $INTO --no-password --no-psqlrc --quiet --set=ON_ERROR_STOP=1 $DB`,
	}},
}})

const (
	pgDirectory = `pg_dump $FROM --no-password --format=directory --jobs=$CORES --file=$FILES/dump`
	pgRestore   = `pg_restore $INTO --no-password --jobs=$CORES --dbname=$DB $FILES/dump`
)

// postgresWays are those for PostgreSQL.
var postgresWays = slices.Concat(oursWays, oldWays, []way{
	{
		key: "zstd",
		up: job{"pg_dump, zstd -1, aws s3 cp", []string{
			`pg_dump $FROM --no-password $DB | zstd -1 --quiet | ` + awsPut + ` $DUMPS/zstd/dump.sql.zst`,
		}},
		down: job{"aws s3 cp, zstd -dc, psql", []string{
			awsGet + ` $DUMPS/zstd/dump.sql.zst - | zstd -dc --quiet | psql $INTO --no-password --no-psqlrc --quiet --set=ON_ERROR_STOP=1 $DB`,
		}},
	},
	{
		key: "directory/gzip",
		up: job{"pg_dump -Fd -j -Z 1, s5cmd", []string{
			pgDirectory + ` --compress=1 $DB && s5cmd cp $FILES/dump/ $DUMPS/directory/gzip/`,
		}},
		down: job{"s5cmd, pg_restore -j", []string{`s5cmd cp "$DUMPS/directory/gzip/*" $FILES/dump/ && ` + pgRestore}},
	},
	{
		key: "directory/zstd",
		up: job{"pg_dump -Fd -j -Z 0, zstd -1, s5cmd", []string{
			pgDirectory + ` --compress=0 $DB && ls -S $FILES/dump/*.dat | xargs -P $CORES -n 1 zstd -1 --rm --quiet` +
				` && s5cmd cp $FILES/dump/ $DUMPS/directory/zstd/`,
		}},
		down: job{"s5cmd, zstd -d, pg_restore -j", []string{
			`s5cmd cp "$DUMPS/directory/zstd/*" $FILES/dump/ && ls -S $FILES/dump/*.zst | xargs -P $CORES -n 1 zstd -d --rm --quiet` +
				` && ` + pgRestore,
		}},
	},
})

// peerNames are the values of BENCH_PEERS.
func peerNames() []string {
	var names []string
	for _, w := range slices.Concat(mariadbWays, smallWays, postgresWays) {
		if peer := peerOf(w.key); peer != ours && peer != old {
			names = append(names, peer)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
