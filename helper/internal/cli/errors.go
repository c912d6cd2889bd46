package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

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

// The exit codes, as docs/reference.md documents them.
const (
	exitOK          = 0
	exitUnexpected  = 1   // an error that no class describes
	exitUsage       = 2   // the command line is wrong
	exitSettings    = 3   // a setting is missing or wrong
	exitAccess      = 4   // credentials are missing, wrong, expired or insufficient
	exitNotFound    = 5   // no such bucket, no such dump
	exitStaging     = 6   // the staging database could not be dumped
	exitGate        = 7   // something seems to be missing from the dump, so it was not published
	exitDamaged     = 8   // the object in the bucket is incomplete, damaged, or not a dump
	exitLocal       = 9   // the local database could not be replaced; it is as it was
	exitNoSpace     = 10  // a disk is full
	exitBusy        = 11  // another refresh or pull is running
	exitNetwork     = 12  // a server cannot be reached, or a clock is wrong
	exitStale       = 13  // not every project of the fleet has a fresh dump, or something could not be done for every one
	exitBake        = 14  // a dump could not be baked; the dump itself is published
	exitLeak        = 15  // a masked or planted value would have been in a dump, so it was not published; or a dump that is not masked was refused
	exitUnsigned    = 16  // none of the keys in DUMP_VERIFY_KEY has signed the dump
	exitInterrupted = 130 // Ctrl-C
)

var (
	errNotConfirmed = errors.New("this must be confirmed, and there is no terminal to ask on")
	errDeclined     = errors.New("not confirmed, nothing was changed")
)

// classify returns the exit code of an error, and a hint for the user.
func classify(ctx context.Context, err error) (code int, hint string) {
	if ctx.Err() != nil {
		return exitInterrupted, ""
	}
	if after := (*notBaked)(nil); errors.As(err, &after) {
		_, hint = classify(ctx, after.err)
		return exitBake, hint
	}
	code, hint = exitUnexpected, "if this looks like a bug in dump-helper, please report it with the output of `dump-helper version`"
	for _, row := range errorClasses {
		if found, ok := row.matches(err); ok {
			code, hint = row.code, found
			break
		}
	}
	return code, inWords(hint)
}

// inWords names commands in a hint as its reader knows them: in a DDEV project, those of the add-on.
func inWords(hint string) string {
	if os.Getenv("IS_DDEV_PROJECT") == "true" {
		return ddevWords.Replace(hint)
	}
	return hint
}

// mayPass reports whether an error may be temporary, so that another try makes sense.
func mayPass(err error) bool {
	for _, passing := range []error{source.ErrConnectionLost, source.ErrTooManyConnections, source.ErrDefinitionChanged, source.ErrGaveWay, bucket.ErrChanged} {
		if errors.Is(err, passing) {
			return true
		}
	}
	for _, row := range errorClasses {
		if _, ok := row.matches(err); ok {
			return row.code == exitBusy || row.code == exitNetwork && !errors.Is(err, bucket.ErrClockSkew) && !errors.Is(err, source.ErrHostBlocked)
		}
	}
	return false
}

// installHint says how to install a package. The image of the dump service has no package manager.
func installHint(what, debian, brew string) string {
	if os.Getenv(inImage) == "true" {
		return "the image of the dump service lacks it: update the add-on with `ddev add-on get jobiqo/dump-refresh`, or name an image that has it in DUMP_DOCKER_IMAGE"
	}
	return fmt.Sprintf("%s: apt-get install %s, or brew install %s", what, debian, brew)
}

// inImage is the variable by which the image of the dump service says what it is.
const inImage = "IN_DUMP_IMAGE"

// ddevWords turns hints into those for users of the DDEV add-on: the verbs are DDEV commands there, and the target is the
// project's own database unless a setting says otherwise.
var ddevWords = strings.NewReplacer(
	// Whoever may change a bucket's settings has dump-helper itself.
	"`dump-helper bucket setup` ", "whoever looks after the bucket can run dump-helper bucket setup, which ",
	"dump-helper VERB --help", "ddev help COMMAND",
	"dump-helper pull", "ddev pull-latest-dump",
	"dump-helper refresh", "ddev refresh-dump",
	"dump-helper list", "ddev list-dumps",
	"dump-helper doctor", "ddev dump-doctor",
	"dump-helper scan", "ddev dump-scan",
	"dump-helper settings", "ddev dump-doctor --settings",
	"dump-helper version", "ddev dump-doctor --version",
	"start an ssh-agent and run: ssh-add ", ddevKeyHint,
	"run: ssh-add ", ddevKeyHint,
	"update dump-helper", "update the add-on with `ddev add-on get jobiqo/dump-refresh`",
	targetAuthHint, "if DUMP_TARGET is set, check user and password in it; if not, the project's database no longer has DDEV's account: name an existing one in DUMP_TARGET in .ddev/.env.dump.local",
	wrongServerHint, "nothing was read from that server or changed on it; `ddev restart` starts the project's own server; check DUMP_TARGET if you have set it",
	targetUnreachableHint, "start the project: ddev start; if it runs, `ddev logs -s db` shows the database's log; check DUMP_TARGET if you have set it",
)

// errorClass is a row of the table of errors.
type errorClass struct {
	code int
	// matches reports whether an error belongs to the class, and returns its hint.
	matches func(error) (hint string, ok bool)
}

// is returns the class of an error value.
func is(target error, code int, hint string) errorClass {
	return errorClass{code, func(err error) (string, bool) { return hint, errors.Is(err, target) }}
}

// as returns the class of a type of error.
func as[E error](code int, hint func(E) string) errorClass {
	return errorClass{code, func(err error) (string, bool) {
		var found E
		if !errors.As(err, &found) {
			return "", false
		}
		return hint(found), true
	}}
}

// errorClasses is the table of errors. The first row that matches applies.
var errorClasses = []errorClass{
	as(exitUsage, func(*usage) string { return "dump-helper VERB --help shows what is possible" }),
	is(errNotConfirmed, exitUsage, "add --yes"),
	is(errDeclined, exitUsage, ""),
	is(errNoRetention, exitSettings, "set DUMP_KEEP to a number of dumps, or DUMP_KEEP_DAYS to a number of days"),

	// The fleet.
	as(exitStale, func(*staleError) string {
		return "see the reasons and hints above"
	}),
	as(exitDamaged, func(*restore.DifferentError) string {
		return "keep this dump to find out why, and publish a new one: `dump-helper fleet refresh --only NAME --force`"
	}),
	as(exitStale, func(*restore.UnfitError) string { return "the verb verify reads it whole instead" }),
	is(fleet.ErrRestoreTimeLimit, exitStale, "raise time_limit in fleet.yaml; this says nothing about the dump"),
	as(exitStale, func(*unrestoredError) string { return "see the reasons and hints above" }),
	as(exitStale, func(*incompleteError) string { return "see the reasons and hints above" }),
	as(exitSettings, func(e *fleet.ConfigError) string {
		if e.Nearest != "" {
			return "write " + e.Nearest + ", or remove it"
		}
		return "docs/reference.md shows what a fleet.yaml looks like"
	}),
	as(exitSettings, func(e *fleet.NoFolderError) string {
		if e.File != "" {
			return "correct the path, which is relative to the file, or remove it"
		}
		return "name a folder below which the projects are; `dump-helper fleet plan --root DIR` shows what is found"
	}),
	as(exitSettings, func(e *refusedError) string { return e.hint() }),
	is(errSettingsLimit, exitSettings, "look at the folder by hand: ls -l .ddev; a network file system may be gone"),
	as(exitSettings, func(*fleet.TwinError) string {
		return "give one of them another prefix in fleet.yaml, such as prefix: dumps/NAME"
	}),
	is(fleet.ErrOtherSource, exitSettings, "give one of the two projects another prefix; if the database has moved, `dump-helper refresh --force` publishes it once"),
	as(exitSettings, func(e *fleet.CheckoutError) string {
		return "try `git ls-remote " + e.URL + "` as the same user; it must not ask for a password"
	}),
	is(fleet.ErrStoreSilent, exitNetwork, "check DUMP_S3_ENDPOINT, and whether a firewall between here and the store drops what is sent"),
	is(fleet.ErrTimeLimit, exitStaging, "nothing was published; check whether staging hangs, or raise time_limit in fleet.yaml"),

	is(fleet.ErrBakeTimeLimit, exitBake, "the dump is published, and pulls load its SQL; raise time_limit in fleet.yaml, or remove DUMP_BAKE"),

	// The bucket.
	is(bucket.ErrLeaseLost, exitBusy, "nothing was published; `dump-helper list` shows what the other refresh did"),
	ofKind(bucket.ErrNoCredentials, exitAccess, func(*bucket.Error) string {
		return leftOutHint("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}),
	ofKind(bucket.ErrNoProfile, exitAccess, func(*bucket.Error) string {
		return leftOutHint("check AWS_PROFILE, and source_profile in ~/.aws/config; `aws configure list-profiles` shows the profiles")
	}),
	ofKind(bucket.ErrAWSFile, exitAccess, func(*bucket.Error) string {
		return orOnThisMachine("correct the path or the file, or make it readable", "the dump service sees no files but those in ~/.aws: put it there")
	}),
	ofKind(bucket.ErrCredentialProcess, exitAccess, func(e *bucket.Error) string {
		return orOnThisMachine("run the credential_process of profile "+e.Profile+" in ~/.aws/config by hand", "the dump service has no programs of this machine: use another profile")
	}),
	ofKind(bucket.ErrNeedsCode, exitAccess, func(e *bucket.Error) string {
		return "get temporary keys, and set them in the environment: aws configure export-credentials --profile " + e.Profile + " --format env"
	}),
	ofKind(bucket.ErrSSOExpired, exitAccess, func(e *bucket.Error) string {
		return "run: aws sso login --profile " + e.Profile
	}),
	is(bucket.ErrExpired, exitAccess, "get new temporary credentials the way you got these"),
	is(bucket.ErrInvalidToken, exitAccess, "take AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN from the same answer; permanent keys need no token"),
	is(bucket.ErrInvalidKey, exitAccess, "check AWS_ACCESS_KEY_ID, or the profile that AWS_PROFILE names; temporary keys also need AWS_SESSION_TOKEN"),
	is(bucket.ErrSignature, exitAccess, "check AWS_SECRET_ACCESS_KEY; it belongs to AWS_ACCESS_KEY_ID"),
	ofKind(bucket.ErrAccessDenied, exitAccess, func(e *bucket.Error) string {
		return "ask for the permission " + cmp.Or(e.Action, "that is missing") + " on " + e.Target
	}),
	is(bucket.ErrKMSDenied, exitAccess, "ask for kms:GenerateDataKey and kms:Decrypt on the bucket's key; uploads in parts need both"),
	as(exitNotFound, func(*noBucket) string {
		return "add --create to make it; or check DUMP_S3_BUCKET, DUMP_S3_ENDPOINT and the account of the credentials"
	}),
	is(bucket.ErrNoSuchBucket, exitNotFound, "check DUMP_S3_BUCKET, DUMP_S3_ENDPOINT and the account of the credentials"),
	is(bucket.ErrNoSuchKey, exitNotFound, "`dump-helper list` shows the existing keys"),
	is(bucket.ErrNoSuchSecret, exitSettings, "check DUMP_SOURCE_PASSWORD_FROM, the region and the account"),
	is(bucket.ErrReference, exitSettings, "write aws-secretsmanager:ID or aws-ssm:NAME"),
	ofKind(bucket.ErrWrongRegion, exitSettings, func(e *bucket.Error) string {
		if e.Region == "" {
			return "set DUMP_S3_REGION to the bucket's region"
		}
		return "set DUMP_S3_REGION=" + e.Region
	}),
	is(bucket.ErrClockSkew, exitNetwork, "set this machine's clock; after WSL2 has slept: sudo hwclock -s"),
	is(bucket.ErrArchived, exitNotFound, "restore it in S3 first (aws s3api restore-object), or select another one with --key"),
	is(bucket.ErrChanged, exitDamaged, "try again"),
	is(bucket.ErrUnreachable, exitNetwork, "check the network, DUMP_S3_ENDPOINT and DUMP_S3_REGION"),
	is(bucket.ErrContradiction, exitNetwork, "nothing was published; a proxy or cache before the store may answer in its place: name the store itself in DUMP_S3_ENDPOINT"),
	is(bucket.ErrUnavailable, exitNetwork, "the server has a problem; try again later"),
	is(bucket.ErrGarbled, exitNetwork, "try again; if it happens again, look at the proxy or gateway before DUMP_S3_ENDPOINT"),
	is(bucket.ErrUploadGone, exitBusy, "nothing was published, try again; `dump-helper list` shows what another refresh did"),
	is(bucket.ErrNoSpace, exitNoSpace, "free some space in the store, or lower DUMP_KEEP"),
	is(bucket.ErrEndpoint, exitSettings, "check DUMP_S3_ENDPOINT; it must be a URL such as https://s3.example.com"),
	{exitNotFound, ofOthers},
	is(bucket.ErrEmpty, exitNotFound, emptyHint(nil)),
	is(bucket.ErrDamaged, exitDamaged, "try again; if it happens again, the store is at fault"),
	as(exitUnexpected, func(*bucket.Error) string { return "`dump-helper doctor` tries each step by itself" }),

	// Baking.
	as(exitBake, noServerHint),
	as(exitBake, func(*bake.UnfitError) string {
		return "pulls load its SQL; only dumps of MySQL and MariaDB that `dump-helper refresh` makes with --engine=native can be baked"
	}),
	as(exitBake, func(*bake.UnsafeError) string {
		return "pulls load the dump's SQL; take that server out of DUMP_BAKE"
	}),
	is(bake.ErrGone, exitBake, "bake the newest dump: leave out --key"),

	// Settings.
	whichOwnDatabase(func(e *project.OwnDatabaseError) bool { return e.Omitted }, exitSettings,
		"remove db from omit_containers and run `ddev restart`, or name another database with DUMP_TARGET or --target"),
	whichOwnDatabase(func(e *project.OwnDatabaseError) bool { return e.Owner != "" }, exitLocal,
		"nothing was read or changed; stop that project, or give one of the two another name"),
	whichOwnDatabase(func(e *project.OwnDatabaseError) bool { return e.Status == "" }, exitNetwork,
		"start it with `ddev restart`; a project that has no database of its own needs DUMP_TARGET or --target"),
	as(exitNetwork, func(*project.OwnDatabaseError) string {
		return "start it with `ddev restart`; `ddev logs -s db` shows what happened to it"
	}),
	as(exitSettings, func(e *neighbourError) string {
		return "start this project's service of that name; if you mean that container, write its full name: " + e.container
	}),
	is(project.ErrNoProject, exitSettings, "run this in a DDEV project, or name one with --project"),
	as(exitSettings, settingsHint),

	// The dump itself.
	is(errNoIndexToCompare, exitUsage, "compare dumps that dump-helper has made; dump-helper list shows who published which"),
	is(errUnusable, exitDamaged, "delete it, or bake its dump anew with --force; pulls load the dump without it"),
	is(pull.ErrNoneBefore, exitNotFound, "`dump-helper list` shows the existing dumps"),
	is(pull.ErrTooOld, exitNotFound, "run `dump-helper refresh` where DUMP_SOURCE is set, or allow more with --max-age"),
	is(pull.ErrNoSuchTable, exitUsage, "check the names in --tables; * stands for any text, ? for one character"),
	is(pull.ErrNothingLeft, exitUsage, "check the names in --tables and --skip-tables"),
	is(pull.ErrOnlyWhole, exitUsage, "leave out --tables, --skip-tables and --structure-only-tables; only dumps made with --engine=native can be pulled in part"),
	is(pull.ErrNotSQL, exitDamaged, "`dump-helper list` shows the other dumps, --key selects one"),
	as(exitDamaged, func(*pull.PartError) string { return onePieceHint }),
	is(pull.ErrIncomplete, exitDamaged, damagedHint),
	is(target.ErrIncomplete, exitDamaged, damagedHint),
	is(dumpfile.ErrTruncated, exitDamaged, damagedHint),
	is(dumpfile.ErrCorrupt, exitDamaged, damagedHint),
	as(exitDamaged, func(e *dumpfile.NotSQLError) string {
		if e.Remedy != "" {
			return "nothing was changed; " + e.Remedy
		}
		return damagedHint
	}),
	as(exitDamaged, func(e *dumpfile.ArchiveError) string {
		return "nothing was changed; make SQL of it and publish that: " + e.Command()
	}),
	as(exitDamaged, func(*dumpfile.NewerFormatError) string {
		return "update dump-helper; until then, zstd -dc reads the dump"
	}),
	as(exitDamaged, func(*dumpfile.WindowError) string { return "compress it without --long" }),

	// Staging.
	ofCommand(exitStaging, "nothing was published; run the command of DUMP_SOURCE by hand to see what it does"),
	as(exitStaging, func(*source.SilentCommandError) string {
		return "nothing was published; run the command of DUMP_SOURCE by hand to see what it waits for; DUMP_SOURCE_SILENCE=2h waits longer"
	}),
	as(exitStaging, func(e *source.PrivilegeError) string { return "ask an administrator of staging to run: " + e.Grant }),
	as(exitStaging, func(e *source.HostKeyChangedError) string {
		return fmt.Sprintf("if the server was reinstalled, remove line %d of %s and run `ssh %s` once; if not, somebody is listening in", e.Line, e.File, e.Name)
	}),
	as(exitStaging, func(e *source.HostKeyUnknownError) string {
		return fmt.Sprintf("run `ssh %s` once, compare the fingerprint, and say yes", e.Name)
	}),
	as(exitStaging, sshKeyHint),
	as(exitStaging, func(e *source.ClientMissingError) string {
		return installHint("install it", e.Debian, e.Brew)
	}),
	as(exitStaging, func(e *source.ClientTooOldError) string {
		return installHint("install a newer one", e.Debian, e.Brew)
	}),
	is(source.ErrNoSample, exitSettings, "name the database itself in DUMP_SOURCE, for this one command with --set=DUMP_SOURCE=URL"),
	is(errScanTime, exitStaging, "look at fewer rows with --rows, or give it longer with --time-limit"),
	is(rowfilter.ErrCannotWork, exitSettings, "change the rule in that line of the file, or leave it out"),
	is(rules.ErrNoQuarantine, exitSettings, "nothing was read; mask it in .ddev/dump-refresh/rules.yaml, list it under ignore with the reason, or look at it with `dump-helper scan` and add it to .ddev/dump-refresh/reviewed.txt"),
	is(rules.ErrCannotWork, exitSettings, "change the rule in that line of the file, or the column's other rules"),
	as(exitLeak, func(e *leak.FoundError) string {
		if e.Planted() {
			return "nothing was published; mask that column in .ddev/dump-refresh/rules.yaml, or leave its table out"
		}
		return "nothing was published; in .ddev/dump-refresh/rules.yaml mask that column as well, or list it under ignore with the reason why it may have such values"
	}),
	is(source.ErrRowsUnseen, exitSettings, "read the rows of a server with DUMP_ENGINE=native, or remove columns from rules.yaml"),
	is(source.ErrAuth, exitStaging, "check the user in DUMP_SOURCE, and DUMP_SOURCE_PASSWORD in .ddev/.env.dump.local"),
	is(source.ErrPasswordExpired, exitStaging, "set a new password for the user on staging, and write it to DUMP_SOURCE_PASSWORD in .ddev/.env.dump.local"),
	is(source.ErrAccountLocked, exitStaging, "ask an administrator of staging to unlock the account, or name another one in DUMP_SOURCE"),
	is(source.ErrHostBlocked, exitNetwork, "ask an administrator of staging to unblock this machine, as the message says"),
	is(source.ErrNoDatabase, exitStaging, "check the database's name in DUMP_SOURCE"),
	is(source.ErrTLSThroughSSH, exitStaging, "write tls=on in DUMP_SOURCE; SSH has already verified the host"),
	is(source.ErrTLS, exitStaging, "in DUMP_SOURCE, "+tlsHint),
	is(source.ErrSeveralServers, exitStaging, "nothing was published; name one of the servers in DUMP_SOURCE"),
	is(source.ErrTooManyConnections, exitStaging, "try again later, lower --threads, or raise max_connections or the account's own limit on staging"),
	is(source.ErrLimit, exitStaging, "try again later, or raise the limit that the message names on staging"),
	is(source.ErrNoSpace, exitStaging, "nothing was published; free some space where staging keeps its data and temporary files"),
	as(exitStaging, func(e *source.PoolerError) string {
		const reach = "name the server itself in DUMP_SOURCE"
		if e.Server == "" {
			return "nothing was read; " + reach
		}
		return fmt.Sprintf("nothing was read; %s: %s is its address there; where only the pooler's machine reaches it, set DUMP_SSH", reach, e.Server)
	}),
	as(exitStaging, func(e *source.SettingError) string {
		if e.Client {
			return "use --engine=native, or set " + e.Name + " back on staging"
		}
		if e.Needs != "" {
			return "set " + e.Name + " to " + e.Needs + " on staging and try again"
		}
		return "set " + e.Name + " back on staging, or name an account in DUMP_SOURCE that may set it for its own sessions"
	}),
	is(source.ErrForwardingDenied, exitStaging, "allow AllowTcpForwarding on the SSH server, or name another host in DUMP_SSH"),
	is(source.ErrSSHConfig, exitStaging, "check ~/.ssh/config; `ssh -G HOST` shows what ssh makes of it"),
	as(exitStaging, func(*source.BrokenError) string {
		return "repair or drop them on staging, list them under exclude in .ddev/dump-refresh/rules.yaml, or publish the rest with --skip-broken"
	}),
	as(exitStaging, func(e *source.NeededError) string {
		if e.Excludes() {
			return "nothing was read; in .ddev/dump-refresh/rules.yaml list what needs it under exclude as well, or the table under structure_only instead"
		}
		if e.Filters() {
			return "nothing was read; in .ddev/dump-refresh/rules.yaml give the tables that refer to it a where that leaves out the same rows, or let it come with all rows"
		}
		return "nothing was read; in .ddev/dump-refresh/rules.yaml list the tables that refer to it under structure_only as well, or let it come with its rows"
	}),
	is(source.ErrBrokenView, exitStaging, "repair or drop the view on staging, or list it under exclude in .ddev/dump-refresh/rules.yaml"),
	is(source.ErrNotUTF8, exitStaging, "rename them on staging, or give the database the encoding that it really has: pg_dump it, create it anew with ENCODING, and restore it"),
	is(source.ErrSnapshotTooLong, exitStaging, "nothing was published; dump less (structure_only and exclude in .ddev/dump-refresh/rules.yaml), or use a faster connection"),
	is(source.ErrGaveWay, exitStaging, "nothing was published; tables on staging are being altered or locked (a deployment, a backup?), try again at a quieter time"),
	is(source.ErrDefinitionChanged, exitStaging, "tables on staging are being altered (a deployment?), try again when that is over"),
	as(exitNetwork, func(*source.SSHUnreachableError) string {
		return "check host and port in DUMP_SSH, or in ~/.ssh/config"
	}),
	silent,
	is(source.ErrUnreachable, exitNetwork, "check host and port in DUMP_SOURCE; if staging is behind a bastion, set DUMP_SSH"),
	is(source.ErrConnectionLost, exitStaging, "nothing was published, try again; if it happens again, look at the server's log"),
	as(exitStaging, sourceHint),

	as(exitGate, func(*refresh.OtherSourceError) string {
		return "nothing was published; give one of the two projects another DUMP_S3_PREFIX; if the database has moved, publish it once with --force"
	}),

	// The gate.
	is(refresh.ErrEmpty, exitGate, "check the database's name in DUMP_SOURCE; nothing was published"),
	is(refresh.ErrNoTables, exitGate, "nothing was published; if that is right, publish it with --force"),
	is(refresh.ErrIncomplete, exitGate, "nothing was published, try again; if DUMP_SOURCE is a command, run it by hand and look at the end of what it prints"),
	as(exitGate, func(*refresh.UnreadableError) string {
		return "nothing was published; this is a bug in dump-helper, please report it with the output of `dump-helper version`; --engine=client may work meanwhile"
	}),
	as(exitGate, func(*refresh.GateError) string { return "if that is right, publish it with --force" }),
	as(exitUnsigned, func(*pull.UnsignedError) string {
		return "nothing was changed; refresh with the DUMP_SIGN_KEY that belongs to it, pull a signed dump with --key, or find out who may write to the bucket"
	}),
	as(exitLeak, func(*pull.UnmaskedError) string {
		return "nothing was changed; mask columns where dumps are made (docs/masking.md), or pull an earlier dump with --key"
	}),
	as(exitGate, func(*pull.GateError) string {
		return "nothing was changed; look at the end of the dump, and if it is all there, pull it with --force"
	}),
	as(exitGate, func(*sqltext.NotSQLError) string {
		return "nothing was published; the source must print SQL and nothing else on its standard output"
	}),

	// The local database.
	is(pull.ErrHeld, exitUsage, "`dump-helper pull --release` lets it be replaced"),
	is(target.ErrTransactionOpen, exitDamaged, "the local database is as it was; if the dump is all there, add COMMIT at its end"),
	is(target.ErrNothingToMark, exitNotFound, "pull a dump first"),
	as(exitLocal, func(*target.StrictError) string {
		return "the local database is as it was; a pull without --strict leaves these out or replaces them"
	}),
	is(pull.ErrCacheUnsafe, exitSettings, "nothing was fetched; name a folder in DUMP_CACHE_DIR that only you may write to"),
	is(pull.ErrCacheSpace, exitNoSpace, "free some space, or name another folder in DUMP_CACHE_DIR"),
	as(exitNoSpace, func(e *pull.EarlierRoomError) string {
		return fmt.Sprintf("`dump-helper pull --drop-earlier %d` drops the oldest earlier database, --list-earlier lists all of them; or try anyway with --force", len(e.Bytes))
	}),
	is(pull.ErrTargetSpace, exitNoSpace, "free some space, or try anyway with --force"),
	as(exitNoSpace, func(*target.NoSpaceError) string {
		return "free some space where the server keeps its data; the local database is as it was"
	}),
	as(exitLocal, func(*pull.WrongEngineError) string { return wrongEngineHint }),
	as(exitLocal, func(*target.WrongEngineError) string { return wrongEngineHint }),
	as(exitLocal, func(*oneserver.WrongServerError) string { return wrongServerHint }),
	as(exitLocal, func(*target.AuthError) string { return targetAuthHint }),
	refused(fault.PasswordExpired, exitLocal, "set a new password for the user in DUMP_TARGET, and write it there"),
	refused(fault.AccountLocked, exitLocal, "unlock the account on the local server, or name another one in DUMP_TARGET"),
	refused(fault.HostBlocked, exitNetwork, "unblock this machine on the local server, as the message says"),
	refused(fault.TLS, exitLocal, "in DUMP_TARGET, "+tlsHint),
	refused(fault.TooManyConnections, exitLocal, "close some connections to the local server, or raise max_connections or the account's own limit there"),
	refused(fault.Limit, exitLocal, "try again later, or raise the limit that the message names on the local server"),
	is(target.ErrNoDatabase, exitUsage, "leave out --tables: the first pull must load everything, or all but --skip-tables"),
	as(exitLocal, func(*target.UnfitError) string {
		return "the local database is as it was; a pull without --tables and --skip-tables brings all tables as they are in the dump"
	}),
	as(exitUsage, foreignKeyHint),
	// It comes before the errors that it consists of.
	as(exitLocal, func(e *target.TablesError) string {
		hint := "the local database is as it was; "
		if names := e.MissingExtensions(); len(names) > 0 {
			hint += "install on the local server: " + strings.Join(names, ", ") + "; or "
		}
		if settings := e.Settings(); len(settings) > 0 {
			hint += "set " + strings.Join(settings, " and ") + " on the local server and try again; or "
		}
		if e.LargerPagesHelp() {
			hint += "use a local server with a larger innodb_page_size; or "
		}
		for _, cause := range e.Causes {
			var denied *target.PrivilegeError
			if errors.As(cause, &denied) {
				hint += "ask an administrator of the local database to run: " + denied.Grant + "; or "
			}
		}
		if e.InChunks {
			hint += "--skip-tables=" + strings.Join(slices.Concat(e.Skipped, e.Tables), ",") + " pulls all other tables, "
		}
		return hint + "--key selects another dump"
	}),
	as(exitLocal, func(e *target.SettingError) string {
		if e.Needs != "" {
			return "set " + e.Name + " to " + e.Needs + " on the local server and try again; the local database is as it was"
		}
		if e.Value == "" {
			return "set " + e.Name + " back on the local server; with this value it accepts no changes"
		}
		return "set " + e.Name + " back on the local server, or name an account in DUMP_TARGET that may set it for its own sessions"
	}),
	as(exitLocal, func(*target.NamesError) string {
		return "rename one of them on staging or list it under exclude in .ddev/dump-refresh/rules.yaml, or use a local server with lower_case_table_names=0; the local database is as it was"
	}),
	as(exitLocal, func(e *target.PrivilegeError) string {
		return "ask an administrator of the local database to run: " + e.Grant
	}),
	as(exitBusy, func(e *target.BusyError) string {
		if e.Running {
			return "wait for it to end"
		}
		return "close whatever uses the database (a long request, cron, an SQL client) and try again"
	}),
	as(exitNetwork, func(*target.UnreachableError) string { return targetUnreachableHint }),
	as(exitLocal, func(*target.LostError) string {
		return "look at the local server's log and start it again; nothing is lost, and the next pull cleans up"
	}),
	as(exitLocal, func(e *target.StrayFilesError) string {
		return "those files may still be in use: dump the databases that matter, stop the local server, move the folder of " +
			e.Database + " out of its data folder, and keep it until everything works"
	}),
	as(exitLocal, func(e *target.InboundKeyError) string {
		return "the local database is as it was; drop the key and try again: " + e.Remedy
	}),
	as(exitLocal, func(e *target.ObstacleError) string {
		return "nothing was changed; run this on the local server, then try again: " + e.Remedy
	}),
	as(exitLocal, func(e *target.OutsideError) string {
		return "nothing was changed; bring them in with this statement, then try again: " + e.Remedy
	}),
	as(exitLocal, func(*target.NotAdmittedError) string {
		return "nothing of it was run, and the local database is as it was; a dump may only fill its own database: find out who wrote this one, or select another with --key"
	}),
	as(exitLocal, func(e *target.EncodingError) string {
		name := `"` + strings.ReplaceAll(e.Database, `"`, `""`) + `"`
		return "the local database is as it was; drop it or rename it, and make one that takes the dump: CREATE DATABASE " + name + " TEMPLATE template0 " + e.Needs
	}),
	as(exitLocal, func(*target.LoadError) string {
		return "the local database is as it was; --key selects another dump"
	}),
	as(exitDamaged, func(*target.MismatchError) string {
		return "the local database is as it was; try again, or select another dump with --key"
	}),
	as(exitDamaged, func(*target.ChunkError) string { return damagedHint }),
	as(exitLocal, func(*target.SeveralDatabasesError) string {
		return "dump one database at a time: without --databases, or by pg_dump instead of pg_dumpall"
	}),
	as(exitDamaged, func(*target.RowsAloneError) string { return "the local database is as it was; " + onePieceHint }),
	as(exitLocal, func(e *target.PacketError) string {
		return fmt.Sprintf("set max_allowed_packet=%dM on the local server", e.Need>>20+1)
	}),
	as(exitLocal, func(*target.TooOldError) string {
		return "nothing was changed; give the project a newer database: ddev config --database=postgres:17, or name another server in DUMP_TARGET"
	}),
	as(exitLocal, func(e *target.ExtensionError) string {
		return "install the extension " + e.Name + " on the local server"
	}),
	is(target.ErrNothingToUndo, exitNotFound, "pull first; each pull keeps the database that it replaces, and DUMP_KEEP_LOCAL says how many are kept"),
	as(exitNotFound, func(*pull.RowsGoneError) string {
		return "nothing was changed; with --force as well, everything else is brought back, and these tables stay as they are"
	}),
	as(exitNotFound, func(*target.NoEarlierError) string { return "`dump-helper pull --list-earlier` lists them" }),
	as(exitUsage, func(e *target.PartOfError) string {
		if e.First == 0 {
			return "nothing was changed; it cannot be brought back; `dump-helper pull --drop-earlier " + strconv.Itoa(e.Number) + "` drops it and those that are older"
		}
		return "nothing was changed; bring that one back first with `dump-helper pull --undo-to " + strconv.Itoa(e.First) + "`, then look at --list-earlier again"
	}),
	is(sqltext.ErrUnterminated, exitDamaged, damagedHint),
	as(exitDamaged, func(*sqltext.TooLongError) string {
		return "look at the dump there; a dump by `dump-helper refresh`, or by pg_dump without --inserts, has rows of any length"
	}),
}

const (
	damagedHint     = "`dump-helper list` shows the other dumps, --key selects one; `dump-helper refresh` makes a new one"
	onePieceHint    = "dump the tables together with their rows, without --tab, --no-create-info, --data-only or --section"
	wrongEngineHint = "nothing was changed; DUMP_S3_PREFIX or DUMP_TARGET belongs to another project"

	tlsHint = "?tls=off disables TLS, ?tls=on does not check the certificate, ?tls=verify&ca=FILE checks it against FILE"

	ddevKeyHint = "run `ddev auth ssh`, which asks for the passphrase of "

	targetAuthHint        = "check user and password in DUMP_TARGET"
	wrongServerHint       = "nothing was read from that server or changed on it; check DUMP_TARGET, and whether the local server still runs"
	targetUnreachableHint = "start the local database server, and check DUMP_TARGET"
)

// silent matches the error that a server has fallen silent: the local one, whose errors are those of package target, or staging.
var silent = errorClass{exitNetwork, func(err error) (string, bool) {
	var found *silence.Error
	var lost *target.LostError
	var unreached *target.UnreachableError
	switch {
	case !errors.As(err, &found):
		return "", false
	case errors.As(err, &lost), errors.As(err, &unreached):
		return "look at the local server's log, or start it again; nothing is lost, and the next pull cleans up; ?silence=5m at the end of DUMP_TARGET waits longer", true
	}
	return "nothing was published, try again; staging hangs, or something between drops connections; ?silence=5m at the end of DUMP_SOURCE waits longer", true
}}

// ofOthers matches the error that a project has no dump although other projects have some in the same folder.
func ofOthers(err error) (hint string, ok bool) {
	var found *bucket.Error
	if !errors.As(err, &found) || found.Kind != bucket.ErrEmpty || len(found.Others) == 0 {
		return "", false
	}
	return emptyHint(found.Others), true
}

// emptyHint returns the hint for a project without a dump. Others are projects with dumps in the same folder.
func emptyHint(others bucket.Others) string {
	if len(others) == 0 {
		return "run `dump-helper refresh`, or check DUMP_S3_BUCKET and DUMP_S3_PREFIX"
	}
	return "if this project had that name before, run: ddev config --web-environment-add=DUMP_PROJECT=" + others.Names()[0] +
		"; if not, run `dump-helper refresh`"
}

// noServerHint says how to get a server to bake with.
func noServerHint(e *throwaway.NoServerError) string {
	if os.Getenv("IS_DDEV_PROJECT") == "true" {
		return "DDEV's containers have none: run dump-helper bake on a machine that has " + e.Kind.String() + " or Docker, preferably the one that refreshes the dumps"
	}
	if e.Kind.Engine == "postgres" {
		return "install a PostgreSQL server of version " + e.Kind.Version + " or newer; it need not run"
	}
	return "install that server (it need not run), or Docker; --for " + e.Kind.Engine + ":" + e.Kind.Version + "=IMAGE uses another image"
}

// foreignKeyHint says how to pull tables that foreign keys connect.
func foreignKeyHint(e *target.ForeignKeyError) string {
	if len(e.Missing) == 0 {
		return "drop that foreign key, and add it again afterwards"
	}
	tables := strings.Join(e.Missing, ",")
	return "pull these tables together or not at all: add " + tables + " to --tables, or remove " + tables + " from --skip-tables"
}

// whichOwnDatabase returns the class of one of the reasons why a project's own database cannot be used.
func whichOwnDatabase(reason func(*project.OwnDatabaseError) bool, code int, hint string) errorClass {
	return errorClass{code, func(err error) (string, bool) {
		var found *project.OwnDatabaseError
		return hint, errors.As(err, &found) && reason(found)
	}}
}

// ofKind returns the class of a kind of bucket error whose hint depends on the error.
func ofKind(kind bucket.Kind, code int, hint func(*bucket.Error) string) errorClass {
	return errorClass{code, func(err error) (string, bool) {
		var found *bucket.Error
		if !errors.As(err, &found) || found.Kind != kind {
			return "", false
		}
		return hint(found), true
	}}
}

// refused returns the class of a reason why the local server refuses to go on.
func refused(kind fault.Kind, code int, hint string) errorClass {
	return errorClass{code, func(err error) (string, bool) {
		var found *target.RefusedError
		return hint, errors.As(err, &found) && found.Kind == kind
	}}
}

// settingsHint returns the hint for a wrong setting.
func settingsHint(problem *project.ConfigError) string {
	switch {
	case problem.Name == "DUMP_MASK_KEY" && errors.Is(problem, project.ErrMissing):
		return "write DUMP_MASK_KEY=… into .ddev/.env.dump.local (openssl rand -base64 32 makes one), or set DUMP_MASK_KEY_FROM"
	case problem.Name == "DUMP_CANARY" && errors.Is(problem, project.ErrPasswordExposed):
		return "put it into .ddev/.env.dump.local, which stays out of git, or name a file: DUMP_CANARY=file:PATH"
	case problem.Name == "DUMP_CANARY" && errors.Is(problem, project.ErrPasswordUnavailable):
		return "check the path in DUMP_CANARY"
	case errors.Is(problem, project.ErrMissing):
		return "run: ddev config --web-environment-add=" + problem.Name + "=" + examples[problem.Name]
	case errors.Is(problem, project.ErrPasswordExposed):
		return "put it into .ddev/.env.dump.local, which stays out of git, or use " + problem.Name + "_FROM"
	case errors.Is(problem, project.ErrUnknownName):
		return "write " + problem.Nearest + ", or remove it"
	case errors.Is(problem, project.ErrPasswordUnavailable):
		return "check " + problem.Name + ": env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME"
	}
	return "`dump-helper settings` shows every setting and where it comes from"
}

// examples are values for required settings.
var examples = map[string]string{
	"DUMP_S3_BUCKET": "my-bucket",
	"DUMP_SOURCE":    "mysql://user@staging.example.com/name",
	"DUMP_BAKE":      "mariadb:11.8",
	"DUMP_TARGET":    "mysql://db@127.0.0.1:3306/db",
}

// ofCommand returns the class of a failed source command, whatever its output.
func ofCommand(code int, hint string) errorClass {
	return errorClass{code, func(err error) (string, bool) {
		var found *source.ClientError
		return hint, errors.As(err, &found) && found.Client == sourcecommand.Command
	}}
}

// sourceHint returns the hint for a dump client that failed for an unknown reason.
func sourceHint(e *source.ClientError) string {
	if strings.HasPrefix(e.Status, "killed") {
		return "nothing was published, try again; if nobody killed it, the machine was short of memory"
	}
	return "nothing was published, try again; `dump-helper doctor` tries each step by itself"
}

func sshKeyHint(e *source.SSHKeyError) string {
	switch {
	case len(e.Locked) > 0 && !e.Agent:
		return "start an ssh-agent and run: ssh-add " + strings.Join(e.Locked, " ")
	case len(e.Locked) > 0:
		return "run: ssh-add " + strings.Join(e.Locked, " ")
	case len(e.Tried) > 0:
		return "have one of these public keys added to authorized_keys on " + e.Host + ", or set the user in DUMP_SSH"
	case !e.Agent:
		return "start an ssh-agent and run ssh-add (in DDEV: ddev auth ssh)"
	}
	return "run ssh-add (in DDEV: ddev auth ssh)"
}
