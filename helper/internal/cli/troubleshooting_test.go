package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bake"
	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/restore"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	sourcecommand "github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
)

// update writes docs/troubleshooting.md, whose causes stay; `make reference` sets it.
var update = flag.Bool("update", false, "write the table of docs/troubleshooting.md")

const troubleshooting = "../../../docs/troubleshooting.md"

// A failure is an error of the table, as docs/troubleshooting.md shows it: … stands for what differs.
type failure struct {
	err  error
	says string // "" for the error's own text
}

const anything = "…"

var errAnything = errors.New(anything)

// store is an error of the bucket.
func store(kind bucket.Kind) failure {
	return failure{err: &bucket.Error{Op: anything, Kind: kind, Target: "s3://my-dumps/…", Action: "s3:GetObject", Profile: "shop"}}
}

func tooFewRows() error {
	refused := &refresh.GateError{Previous: "shop-….sql.zst"}
	refused.What, refused.Now, refused.Before = "rows", 12, 90000
	return refused
}

func tooFewTables() error {
	refused := &pull.GateError{Name: "nightly.sql.gz", Database: "db"}
	refused.What, refused.Now, refused.Before = "tables", 12, 90
	return refused
}

// documented are the failures by the section of docs/troubleshooting.md. Each row of the table of errors has at least one.
var documented = []struct {
	section  string
	failures []failure
}{
	{"the command line", []failure{
		{err: &usage{"unknown verb …"}},
		{err: errNotConfirmed},
		{err: errDeclined},
		{err: errNoRetention},
		{err: pull.ErrNoSuchTable},
		{err: pull.ErrNothingLeft},
		{err: pull.ErrOnlyWhole},
		{err: pull.ErrHeld},
		{err: &target.TablesError{InChunks: true, Tables: []string{"a", "b"}, Refusals: []error{&target.LoadError{Statement: 3, Offset: 120, Excerpt: "CREATE TABLE `a` (…", Message: anything}, &target.LoadError{Statement: 4, Offset: 300, Excerpt: "CREATE TABLE `b` (…", Message: anything}}}},
		{err: &target.TablesError{InChunks: true, Tables: []string{"a", "b"}, Refusals: []error{
			&target.SettingError{Name: "innodb_force_primary_key", Needs: "OFF", Err: &target.LoadError{Statement: 3, Offset: 120, Excerpt: "CREATE TABLE `a` (…", Message: "This table type requires a primary key"}},
			&target.LoadError{Statement: 4, Offset: 300, Excerpt: "CREATE TABLE `b` (…", Message: anything},
		}}},
		{err: &target.TablesError{InChunks: true, Tables: []string{"a"}, Refusals: []error{
			&target.TooLongError{Table: "a", What: "a row", PageSize: 16384, LargerHelps: true, Err: &target.LoadError{Message: "Row size too large (> 8126)"}},
		}}},
		{err: &target.StrictError{Lost: []string{"table t, column c: this server does not know INVISIBLE, which is left out"}}},
	}},
	{"settings", []failure{
		{err: project.ErrNoProject, says: "no DDEV project: …"},
		{err: &project.ConfigError{Kind: project.ErrMissing, Name: "DUMP_S3_BUCKET", Text: "not set for project shop"}},
		{err: &project.ConfigError{Kind: project.ErrUnknownName, Origin: ".ddev/config.yaml:12", Name: anything, Text: "unknown setting, did you mean DUMP_S3_BUCKET?", Nearest: "DUMP_S3_BUCKET"}},
		{err: &project.ConfigError{Kind: project.ErrPasswordExposed, Origin: ".ddev/config.yaml:12", Name: "DUMP_SOURCE_PASSWORD", Text: anything}},
		{err: &project.ConfigError{Kind: project.ErrPasswordUnavailable, Name: "DUMP_SOURCE_PASSWORD_FROM", Text: anything}},
		{err: &project.ConfigError{Kind: project.ErrMissing, Name: "DUMP_MASK_KEY", Text: "not set for project shop, whose rules mask columns"}},
		{err: source.ErrNoSample},
		{err: errScanTime},
		{err: &rowfilter.Error{Origin: ".ddev/dump-refresh/rules.yaml:3", List: "where", Rule: "log", Reason: anything}},
		{err: &rules.Error{Rule: rules.Rule{Column: "users.code", Origin: "DUMP_PRIVACY=strict"}, Column: "users.code", Err: rules.ErrNoQuarantine}},
		{err: &rules.Error{Rule: rules.Rule{Column: "users.mail", Origin: ".ddev/dump-refresh/rules.yaml:3"}, Column: "users.mail", Err: errAnything}},
		{err: source.ErrRowsUnseen},
		{err: &project.ConfigError{Kind: project.ErrInvalidValue, Origin: ".ddev/config.yaml:12", Name: anything, Text: "must be … (got …)"}},
		{err: &neighbourError{"DUMP_TARGET", "mysql", "ddev-infra-mysql"}},
	}},
	{"access to the bucket", []failure{
		store(bucket.ErrNoCredentials),
		store(bucket.ErrNoProfile),
		store(bucket.ErrAWSFile),
		store(bucket.ErrCredentialProcess),
		store(bucket.ErrNeedsCode),
		store(bucket.ErrSSOExpired),
		store(bucket.ErrExpired),
		store(bucket.ErrInvalidToken),
		store(bucket.ErrInvalidKey),
		store(bucket.ErrSignature),
		store(bucket.ErrAccessDenied),
		store(bucket.ErrKMSDenied),
		store(bucket.ErrNoSuchBucket),
		{err: &noBucket{&bucket.Error{Op: anything, Kind: bucket.ErrNoSuchBucket, Target: "s3://my-dumps"}}, says: "… s3://my-dumps: no such bucket (of bucket setup)"},
		{err: &bucket.Error{Op: anything, Kind: bucket.ErrWrongRegion, Target: "s3://my-dumps/…"}},
		{err: &bucket.Error{Op: anything, Kind: bucket.ErrWrongRegion, Target: "s3://my-dumps/…", Region: "eu-central-1"}},
		store(bucket.ErrClockSkew),
		store(bucket.ErrUnreachable),
		store(bucket.ErrUnavailable),
		store(bucket.ErrGarbled),
		store(bucket.ErrContradiction),
		store(bucket.ErrEndpoint),
		store(bucket.ErrNoSuchSecret),
		store(bucket.ErrReference),
		store(bucket.ErrRejected),
	}},
	{"dumps in the bucket", []failure{
		store(bucket.ErrEmpty),
		{err: &bucket.Error{Op: anything, Kind: bucket.ErrEmpty, Target: "s3://my-dumps/…", Others: bucket.Others{"museum": 3}}},
		store(bucket.ErrNoSuchKey),
		store(bucket.ErrArchived),
		store(bucket.ErrChanged),
		store(bucket.ErrDamaged),
		store(bucket.ErrNoSpace),
		store(bucket.ErrLeaseLost),
		store(bucket.ErrUploadGone),
		{err: pull.ErrNoneBefore},
		{err: pull.ErrTooOld},
		{err: pull.ErrNotSQL},
		{err: &dumpfile.NotSQLError{Found: anything}},
		{err: &dumpfile.NotSQLError{Found: "a zip archive", Remedy: "unpack it, and publish the SQL in it"}},
		{err: &dumpfile.NotSQLError{Found: "UTF-16 text, as PowerShell's > writes it", Remedy: "let the dump client write the file itself, by --result-file (pg_dump: --file), because > changes letters"}},
		{err: &dumpfile.ArchiveError{Format: dumpfile.CustomArchive, Compression: dumpfile.None}},
		{err: &dumpfile.ArchiveError{Format: dumpfile.TarArchive, Compression: dumpfile.Gzip}},
		{err: &dumpfile.ArchiveError{Format: dumpfile.DirectoryArchive, Compression: dumpfile.Gzip}},
		{err: pull.ErrIncomplete},
		{err: &pull.PartError{Part: "it has rows alone, and creates no table for them"}},
		{err: target.ErrIncomplete},
		{err: &dumpfile.DamagedError{Kind: dumpfile.ErrTruncated, Offset: 4711, Reason: anything}},
		{err: &dumpfile.DamagedError{Kind: dumpfile.ErrCorrupt, Offset: 4711, Reason: anything}},
		{err: sqltext.ErrUnterminated},
		{err: &sqltext.TooLongError{What: "a statement", Offset: 4711, Limit: "16777216 bytes"}},
		{err: &dumpfile.NewerFormatError{Format: 9, ToolVersion: anything}},
		{err: &dumpfile.WindowError{Compression: "zstd", Window: 2 << 30, Limit: 128 << 20}},
	}},
	{"staging", []failure{
		{err: source.ErrUnreachable, says: "connect to …: cannot be reached: …"},
		{err: source.ErrAuth, says: "connect to …: access denied: …"},
		{err: source.ErrPasswordExpired, says: "connect to …: password expired: …"},
		{err: source.ErrAccountLocked, says: "connect to …: account locked: …"},
		{err: source.ErrHostBlocked, says: "connect to …: this machine is blocked: …"},
		{err: source.ErrNoDatabase, says: "connect to …: no such database: …"},
		{err: &source.PrivilegeError{User: "dump_reader", Missing: []string{"SELECT"}, Grant: "GRANT SELECT ON …"}},
		{err: source.ErrTLS, says: "no protected connection: …"},
		{err: source.ErrTLSThroughSSH},
		{err: source.ErrSeveralServers, says: "the source is more than one server: …"},
		{err: source.ErrTooManyConnections, says: "too many connections: …"},
		{err: source.ErrLimit, says: "limit reached: …"},
		{err: source.ErrNoSpace, says: "no space left: …"},
		{err: &source.SettingError{Name: "sql_select_limit", Value: "1", Client: true}},
		{err: &source.SettingError{Name: "max_statement_time", Value: "1", Err: errAnything}, says: "set max_statement_time: …"},
		{err: &source.SettingError{Name: "max_prepared_stmt_count", Value: "0", Needs: "16382", Err: errAnything}, says: "… max_prepared_stmt_count …"},
		{err: &source.BrokenError{Objects: []source.Broken{{Kind: "view", Name: "v", Reason: anything}, {Kind: "table", Name: "t", Reason: anything}}}},
		{err: &source.NeededError{Needs: []source.Need{{List: "exclude", Rule: "users", Table: "public.users", By: "view v"}}}},
		{err: &source.NeededError{Needs: []source.Need{{List: "where", Rule: "users", Table: "users", By: "foreign key k of table node"}}}},
		{err: &source.NeededError{Needs: []source.Need{{List: "structure_only", Rule: "users", Table: "public.users", By: "constraint k on table node"}}}},
		{err: source.ErrBrokenView, says: "a view refers to something that does not exist: …"},
		{err: source.ErrGaveWay, says: "the dump gave way to others on staging: ALTER TABLE of … waited for it"},
		{err: source.ErrDefinitionChanged, says: "a table's definition changed during the dump: …"},
		{err: source.ErrNotUTF8, says: "the database has the encoding SQL_ASCII, and names in it are not UTF-8: …"},
		{err: source.ErrSnapshotTooLong, says: "the dump took too long: …"},
		{err: source.ErrConnectionLost, says: "connection lost: …"},
		{err: source.Failure(anything, source.ErrConnectionLost, &silence.Error{Server: anything, For: time.Minute}), says: "connection lost: … has not answered for 1m0s"},
		{err: source.Failure(anything, source.ErrConnectionLost, &silence.Error{Server: anything, For: time.Minute, Answers: true, Refusal: errAnything}), says: "connection lost: nothing has come over the connection to … for 1m0s, and a second one, to ask what the server does, was refused: …"},
		{err: source.Failure(anything, source.ErrConnectionLost, &silence.Error{Server: anything, For: time.Minute, Answers: true}), says: "connection lost: nothing has come over the connection to … for 1m0s, while the server waits for us"},
		{err: &source.PoolerError{Pooler: "PgBouncer 1.18.0", LentFor: "transaction", Server: "10.0.0.5:5432"}},
		{err: &source.PoolerError{Pooler: "PgBouncer 1.18.0", Settings: []string{"quote_all_identifiers"}, Server: "10.0.0.5:5432"}},
		{err: &source.ClientMissingError{Client: "pg_dump", Debian: "postgresql-client", Brew: "libpq"}},
		{err: &source.ClientTooOldError{Client: "pg_dump 13.4", Server: "15.10", Debian: "postgresql-client-15", Brew: "postgresql@15"}},
		{err: &source.ClientError{Client: sourcecommand.Command, Status: "exit status 1", Stderr: []string{anything}}},
		{err: &source.SilentCommandError{For: 30 * time.Minute}},
		{err: &source.ClientError{Client: "mariadb-dump 10.11.19", Status: "exit status 2", Stderr: []string{anything}}},
		{err: &source.ClientError{Client: "mariadb-dump 10.11.19", Status: "killed by signal 9"}},
	}},
	{"SSH", []failure{
		{err: &source.SSHUnreachableError{Host: anything}, says: "…: cannot be reached: …"},
		{err: &source.HostKeyUnknownError{Host: "staging.example.com", Type: "ssh-ed25519", Shown: "SHA256:…", Name: "staging.example.com"}},
		{err: &source.HostKeyChangedError{Host: "staging.example.com", File: "~/.ssh/known_hosts", Line: 7, Known: "SHA256:…", Shown: "SHA256:…", Name: "staging.example.com"}},
		{err: &source.SSHKeyError{User: "deploy", Host: "staging.example.com"}},
		{err: &source.SSHKeyError{User: "deploy", Host: "staging.example.com", Agent: true}},
		{err: &source.SSHKeyError{User: "deploy", Host: "staging.example.com", Locked: []string{"~/.ssh/id_ed25519"}}},
		{err: &source.SSHKeyError{User: "deploy", Host: "staging.example.com", Locked: []string{"~/.ssh/id_ed25519"}, Agent: true}},
		{err: &source.SSHKeyError{User: "deploy", Host: "staging.example.com", Tried: []string{"~/.ssh/id_ed25519"}, Agent: true, AgentKeys: 1}},
		{err: source.ErrForwardingDenied, says: "the SSH server forbids forwarding: …"},
		{err: source.ErrSSHConfig, says: "ssh configuration: …"},
	}},
	{"the gate", []failure{
		{err: &leak.FoundError{Places: []leak.Place{{Of: "users.mail", Table: "comments", Column: "body"}}}},
		{err: &leak.FoundError{Places: []leak.Place{{Table: "comments", Column: "body"}}}},
		{err: &pull.UnsignedError{Dump: "shop-….sql.zst", Why: "is not signed, and DUMP_VERIFY_KEY is set"}},
		{err: &pull.UnmaskedError{Dump: "shop-….sql.zst"}},
		{err: &refresh.OtherSourceError{Dump: "shop-….sql.zst", Publisher: "ada@laptop"}},
		{err: refresh.ErrEmpty},
		{err: refresh.ErrNoTables},
		{err: refresh.ErrIncomplete, says: "the dump is incomplete: … (of a refresh)"},
		{err: tooFewRows()},
		{err: &refresh.UnreadableError{Err: errAnything}},
		{err: tooFewTables()},
		{err: &sqltext.NotSQLError{Offset: 0, Excerpt: anything}},
	}},
	{"the local database", []failure{
		{err: &target.UnreachableError{Server: anything, Err: errAnything}},
		{err: &target.AuthError{Server: anything, User: "db", Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.PasswordExpired, Server: anything, Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.AccountLocked, Server: anything, Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.HostBlocked, Server: anything, Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.TLS, Server: anything, Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.TooManyConnections, Server: anything, Err: errAnything}},
		{err: &target.RefusedError{Kind: fault.Limit, Server: anything, Err: errAnything}},
		{err: &oneserver.WrongServerError{Server: anything, Got: anything, Want: anything}},
		{err: &project.OwnDatabaseError{Project: "shop", Container: "ddev-shop-db", Omitted: true}},
		{err: &project.OwnDatabaseError{Project: "shop", Container: "ddev-shop-db", Owner: "project blog in …"}},
		{err: &project.OwnDatabaseError{Project: "shop", Container: "ddev-shop-db"}},
		{err: &project.OwnDatabaseError{Project: "shop", Container: "ddev-shop-db", Status: "exited"}},
		{err: &target.BusyError{Name: "db", Holder: "connection 12 of …", Running: true}},
		{err: &target.BusyError{Name: "db", Holder: "connection 12 of …"}},
		{err: pull.ErrCacheUnsafe},
		{err: pull.ErrCacheSpace},
		{err: pull.ErrTargetSpace},
		{err: &pull.EarlierRoomError{Err: pull.ErrTargetSpace, Bytes: []int64{9e8, 9e8}}},
		{err: &target.NoSpaceError{Server: anything, Err: errAnything}},
		{err: &target.PrivilegeError{Action: "create database db__dump_incoming", Grant: "GRANT …", Err: errAnything}},
		{err: &target.SettingError{Name: "read_only", Err: errAnything}, says: "… read_only …"},
		{err: &target.SettingError{Name: "enforce_storage_engine", Value: "InnoDB", Err: errAnything}, says: "… enforce_storage_engine …"},
		{err: &target.SettingError{Name: "innodb_force_primary_key", Value: "1", Needs: "OFF", Err: errAnything}, says: "… innodb_force_primary_key …"},
		{err: &pull.WrongEngineError{Key: "shop-….sql.zst", Dump: "postgres", Target: "mariadb"}},
		{err: &target.WrongEngineError{Dump: "postgres", Target: "mariadb"}},
		{err: &target.LostError{Server: anything, Err: errAnything}},
		{err: &target.LostError{Server: anything, Err: &silence.Error{Server: anything, For: time.Minute}}},
		{err: &target.LostError{Server: anything, Err: &silence.Error{Server: anything, For: time.Minute, Answers: true}}},
		{err: &target.EncodingError{Database: "db", Needs: "ENCODING 'UTF8'", Err: &target.LoadError{Excerpt: anything, Message: anything}}, says: "the encoding of database db does not take what is in the dump: …"},
		{err: &target.ObstacleError{Database: "db", What: "has the prepared transaction 'x' of app, which keeps it from being renamed", Remedy: "COMMIT PREPARED 'x'; or ROLLBACK PREPARED 'x'; in database db"}},
		{err: &target.LoadError{Statement: 3, Offset: 4711, Excerpt: "CREATE TABLE …", Message: anything}},
		{err: &target.NotAdmittedError{Statement: 3, Offset: 4711, Excerpt: "UPDATE blog.users SET …", Reason: "it concerns database blog"}},
		{err: &target.MismatchError{Table: "node", Got: 12, Want: 13}},
		{err: &target.ChunkError{Table: "node"}},
		{err: &target.SeveralDatabasesError{First: "shop", Second: "blog"}},
		{err: &target.RowsAloneError{Table: "public.node"}},
		{err: &target.PacketError{Table: "node", Need: 20 << 20, Limit: 16 << 20}},
		{err: &target.TooOldError{Server: "PostgreSQL", Version: "9.6.24", Oldest: "10"}},
		{err: &target.ExtensionError{Name: "postgis", Err: errAnything}},
		{err: target.ErrTransactionOpen},
		{err: &target.NamesError{First: "Node", Second: "node"}},
		{err: target.ErrNoDatabase},
		{err: &target.UnfitError{Table: "node", Reason: anything}},
		{err: &target.ForeignKeyError{Table: "comment", Refers: "node", Missing: []string{"node"}, Replaced: true}},
		{err: &target.ForeignKeyError{Table: "comment", Refers: "node"}},
		{err: &target.InboundKeyError{Name: "fk", Database: "other", Table: "orders", Refers: "node", Reason: "…",
			Remedy: "ALTER TABLE `other`.`orders` DROP FOREIGN KEY `fk`", Err: errAnything}},
		{err: &target.OutsideError{Database: "db", Table: "node", Option: "DATA DIRECTORY",
			Remedy: "SET sql_mode = 'NO_DIR_IN_CREATE'; ALTER TABLE `db`.`node` FORCE, ALGORITHM=COPY"}},
		{err: &target.StrayFilesError{Database: "db__dump_incoming", Err: errAnything}},
		{err: target.ErrNothingToMark},
		{err: target.ErrNothingToUndo},
		{err: &pull.RowsGoneError{Tables: []string{"node", "users"}, Key: "shop/shop-….sql.zst", Err: errAnything}},
		{err: &target.NoEarlierError{Number: 3, Kept: 2}},
		{err: &target.PartOfError{Number: 2, First: 1}},
		{err: &target.PartOfError{Number: 2}},
	}},
	{"baking", []failure{
		{err: &throwaway.NoServerError{Kind: throwaway.Kind{Engine: "mariadb", Version: "11.8"}, Reasons: []string{anything}}},
		{err: &bake.UnfitError{Name: "shop-….sql.zst", Reason: anything}},
		{err: &bake.UnsafeError{Refused: &target.FilesError{Reason: "a server of this version leaves files when it has died", Err: errAnything}}},
		{err: bake.ErrGone},
		{err: fmt.Errorf("compare …: it %w", errNoIndexToCompare)},
		{err: errUnusable, says: "the baked object cannot be used: …"},
		{err: fleet.ErrBakeTimeLimit},
	}},
	{"a fleet", []failure{
		{err: &staleError{2, 60}},
		{err: &incompleteError{"pruned", 2, 40}},
		{err: &restore.DifferentError{Name: "shop-….sql.zst", From: "its index", Differences: []string{"table node has 11 rows instead of 12"}}},
		{err: &restore.UnfitError{Name: "shop-….sql.zst", Reason: anything}},
		{err: fleet.ErrRestoreTimeLimit},
		{err: &unrestoredError{1, 4, 5}},
		{err: &unrestoredError{0, 3, 5}},
		{err: &fleet.ConfigError{File: "fleet.yaml", Line: 3, Text: "unknown key jittr, did you mean jitter?", Nearest: "jitter"}},
		{err: &fleet.ConfigError{File: "fleet.yaml", Line: 3, Text: anything}},
		{err: &fleet.NoFolderError{Folder: "/srv/projcts"}},
		{err: &fleet.NoFolderError{Folder: "/srv/projcts", File: "fleet.yaml"}},
		{err: &refusedError{project.ConfigErrors{{Kind: project.ErrNotTrusted, Origin: ".ddev/config.yaml:3", Name: "DUMP_SOURCE", Text: "only the operator of the fleet decides this"}}, fleet.Entry{Allow: "`trust: full` at fleet.yaml:7"}}, says: ".ddev/config.yaml:3: DUMP_SOURCE: only the operator of the fleet decides this"},
		{err: &fleet.TwinError{Place: anything, Other: "/srv/shop", Differ: "source"}},
		{err: fleet.ErrOtherSource},
		{err: errSettingsLimit},
		{err: &fleet.CheckoutError{URL: "git@example.com:acme/blog.git", Err: errAnything}},
		{err: fleet.ErrStoreSilent},
		{err: fleet.ErrTimeLimit},
	}},
	{"anything else", []failure{
		{err: errAnything, says: "any other error"},
	}},
}

// row is a row of a table of docs/troubleshooting.md.
var row = regexp.MustCompile("(?m)^\\| (`.*?`) \\| (\\d+) \\| (.*?) \\| .* \\|$")

// TestTroubleshootingHasTheTableOfErrors compares what docs/troubleshooting.md says of errors, codes and hints with the table of errors. The causes
// are the document's own.
func TestTroubleshootingHasTheTableOfErrors(t *testing.T) {
	t.Setenv("IS_DDEV_PROJECT", "")
	content, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	causes := map[string]string{}
	for _, match := range row.FindAllStringSubmatch(text, -1) {
		causes[match[1]] = match[3]
	}
	explained := map[int]bool{}
	want := map[string]string{}
	for _, part := range documented {
		table := "| what it says | code | why | what to do |\n|---|---|---|---|\n"
		for _, failure := range part.failures {
			says := failure.says
			switch {
			case says == "":
				says = failure.err.Error()
			case slices.Contains([]string{"*errors.errorString", "fault.Kind"}, fmt.Sprintf("%T", failure.err)) && failure.err != errAnything && !strings.Contains(says, failure.err.Error()):
				t.Errorf("%q is not what the program says, which has %q in it", says, failure.err)
			}
			says = "`" + says + "`"
			code, hint := classify(t.Context(), failure.err)
			explained[matching(failure.err)] = true
			table += fmt.Sprintf("| %s | %d | %s | %s |\n", says, code, causes[says], hint)
			if causes[says] == "" {
				t.Errorf("docs/troubleshooting.md lacks why: %s", says)
			}
		}
		want[part.section] = table
	}
	for i, row := range errorClasses {
		if !explained[i] {
			t.Errorf("row %d of the table of errors (exit code %d) has no failure in this test, and so none in docs/troubleshooting.md", i+1, row.code)
		}
	}
	blocks := regexp.MustCompile(`(?s)<!-- generated: ([^>]*) -->\n(.*?)<!-- end -->`)
	if *update {
		text = blocks.ReplaceAllStringFunc(text, func(block string) string {
			section := blocks.FindStringSubmatch(block)[1]
			return "<!-- generated: " + section + " -->\n" + want[section] + "<!-- end -->"
		})
		if err := os.WriteFile(troubleshooting, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, match := range blocks.FindAllStringSubmatch(text, -1) {
		got[match[1]] = match[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors of the program (-) and in docs/troubleshooting.md (+); `make reference` writes them:\n%s", diff)
	}
}

// matching gives the row of the table of errors that an error has, -1 for none.
func matching(err error) int {
	for i, row := range errorClasses {
		if _, ok := row.matches(err); ok {
			return i
		}
	}
	return -1
}
