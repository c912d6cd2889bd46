package cli

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A hint names what its reader types: a verb of dump-helper, or a command of DDEV.
func TestHintsInAndOutsideDDEV(t *testing.T) {
	for _, test := range []struct {
		err             error
		outside, inDDEV string
	}{
		{
			&usage{"no such flag"},
			"dump-helper VERB --help shows what is possible",
			"ddev help COMMAND shows what is possible",
		},
		{
			errors.New("nobody thought of this"),
			"if this looks like a bug in dump-helper, please report it with the output of `dump-helper version`",
			"if this looks like a bug in dump-helper, please report it with the output of `ddev dump-doctor --version`",
		},
		{
			bucket.ErrEmpty,
			"run `dump-helper refresh`, or check DUMP_S3_BUCKET and DUMP_S3_PREFIX",
			"run `ddev refresh-dump`, or check DUMP_S3_BUCKET and DUMP_S3_PREFIX",
		},
		{
			&bucket.Error{},
			"`dump-helper doctor` tries each step by itself",
			"`ddev dump-doctor` tries each step by itself",
		},
		{
			pull.ErrNoneBefore,
			"`dump-helper list` shows the existing dumps",
			"`ddev list-dumps` shows the existing dumps",
		},
		{
			dumpfile.ErrCorrupt,
			"`dump-helper list` shows the other dumps, --key selects one; `dump-helper refresh` makes a new one",
			"`ddev list-dumps` shows the other dumps, --key selects one; `ddev refresh-dump` makes a new one",
		},
		{
			&dumpfile.NewerFormatError{},
			"update dump-helper; until then, zstd -dc reads the dump",
			"update the add-on with `ddev add-on get jobiqo/dump-refresh`; until then, zstd -dc reads the dump",
		},
		{
			&project.ConfigError{Kind: project.ErrInvalidValue},
			"`dump-helper settings` shows every setting and where it comes from",
			"`ddev dump-doctor --settings` shows every setting and where it comes from",
		},
		{
			&project.ConfigError{Kind: project.ErrMissing, Name: "DUMP_S3_BUCKET"},
			"run: ddev config --web-environment-add=DUMP_S3_BUCKET=my-bucket",
			"run: ddev config --web-environment-add=DUMP_S3_BUCKET=my-bucket",
		},
		{
			&target.AuthError{},
			"check user and password in DUMP_TARGET",
			"if DUMP_TARGET is set, check user and password in it; if not, the project's database no longer has DDEV's account: " +
				"name an existing one in DUMP_TARGET in .ddev/.env.dump.local",
		},
		{
			&target.UnreachableError{},
			"start the local database server, and check DUMP_TARGET",
			"start the project: ddev start; if it runs, `ddev logs -s db` shows the database's log; check DUMP_TARGET if you have set it",
		},
		{
			&oneserver.WrongServerError{},
			"nothing was read from that server or changed on it; check DUMP_TARGET, and whether the local server still runs",
			"nothing was read from that server or changed on it; `ddev restart` starts the project's own server; check DUMP_TARGET if you have set it",
		},
	} {
		for environment, want := range map[string]string{"": test.outside, "false": test.outside, "true": test.inDDEV} {
			t.Setenv("IS_DDEV_PROJECT", environment)
			if _, hint := classify(t.Context(), test.err); hint != want {
				t.Errorf("%T with IS_DDEV_PROJECT=%s: got %s, want %s", test.err, environment, hint, want)
			}
		}
	}
}

// What a project's own database lacks decides who can do something about it.
func TestOwnDatabaseThatIsNotThere(t *testing.T) {
	for _, test := range []struct {
		err  project.OwnDatabaseError
		code int
		hint string
	}{
		{project.OwnDatabaseError{Omitted: true}, exitSettings,
			"remove db from omit_containers and run `ddev restart`, or name another database with DUMP_TARGET or --target"},
		{project.OwnDatabaseError{Status: "running", Owner: "project blog in /blog"}, exitLocal,
			"nothing was read or changed; stop that project, or give one of the two another name"},
		{project.OwnDatabaseError{}, exitNetwork,
			"start it with `ddev restart`; a project that has no database of its own needs DUMP_TARGET or --target"},
		{project.OwnDatabaseError{Status: "exited"}, exitNetwork,
			"start it with `ddev restart`; `ddev logs -s db` shows what happened to it"},
	} {
		if code, hint := classify(t.Context(), &test.err); code != test.code || hint != test.hint {
			t.Errorf("%v: got %d and %s, want %d and %s", &test.err, code, hint, test.code, test.hint)
		}
	}
}

// Whoever adds a hint that names a verb must think of DDEV.
func TestEveryVerbInAHintHasACommandOfDDEV(t *testing.T) {
	var verbs []string
	for _, file := range []string{"errors.go", "../doctor/doctor.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		verbs = append(verbs, regexp.MustCompile("`dump-helper [^`]*` ?").FindAllString(string(source), -1)...)
	}
	if len(verbs) < 10 {
		t.Errorf("found only %q", verbs)
	}
	for _, verb := range verbs {
		if strings.HasPrefix(verb, "`dump-helper fleet") {
			continue // nobody runs a fleet from within one project
		}
		said := ddevWords.Replace(verb)
		if strings.Contains(said, "dump-helper") && !strings.HasPrefix(said, "whoever looks after the bucket can run") {
			t.Errorf("%s stays %s", verb, said)
		}
	}
}
