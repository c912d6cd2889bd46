package project

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes a project of the given files, named by their paths below .ddev, and gives its root. The
// folder is called museum_shop.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "museum_shop")
	if _, ok := files["config.yaml"]; !ok {
		files["config.yaml"] = "name: museum-shop\n"
	}
	for name, text := range files {
		path := filepath.Join(root, ".ddev", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func load(t *testing.T, options Options) *Project {
	t.Helper()
	p, err := Load(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// value gives what the verb settings shows for a name, as "VALUE (ORIGIN)".
func value(p *Project, name string) string {
	for _, v := range p.Values() {
		if v.Name == name {
			return v.Value + " (" + v.Origin + ")"
		}
	}
	return "not in Values"
}

// The configuration of a site that has been with DDEV for years must be read without complaint.
func TestOldConfigOfDrupal7(t *testing.T) {
	p := load(t, Options{Dir: filepath.Join("testdata", "drupal7", "sites", "all"), Environ: []string{"HOME=/home/ada"}})
	if p.Name != "museum-shop" || p.Type != "drupal7" || filepath.Base(p.Root) != "drupal7" || !filepath.IsAbs(p.Root) {
		t.Errorf("got %q of type %q in %s", p.Name, p.Type, p.Root)
	}
	if want := (Database{Type: "mariadb", Version: "10.2"}); p.Database != want {
		t.Errorf("database %+v, want %+v", p.Database, want)
	}
	if !slices.Contains(p.Rules.StructureOnly, "watchdog") {
		t.Errorf("no presets: %v", p.Rules.StructureOnly)
	}
	want := Settings{Prefix: "museum-shop", DumpsOf: "museum-shop", Engine: "native", Privacy: "off", SourceSilence: 30 * time.Minute, KeepLocal: 2, Compression: "zstd", CacheDir: p.CacheDir}
	if !reflect.DeepEqual(p.Settings, want) {
		t.Errorf("got %+v, want %+v", p.Settings, want)
	}
}

func TestDatabase(t *testing.T) {
	for name, test := range map[string]struct {
		config, override string
		want             Database
	}{
		"nothing said":           {"", "", Database{"mariadb", ""}},
		"new key":                {"database:\n  type: postgres\n  version: \"17\"\n", "", Database{"postgres", "17"}},
		"unquoted version":       {"database: {type: mariadb, version: 10.10}\n", "", Database{"mariadb", "10.10"}},
		"old mysql key":          {"mariadb_version: \"\"\nmysql_version: \"5.7\"\n", "", Database{"mysql", "5.7"}},
		"old key beats new one":  {"mariadb_version: \"10.4\"\ndatabase: {type: mysql, version: \"8.0\"}\n", "", Database{"mariadb", "10.4"}},
		"override merges":        {"database: {type: mariadb, version: \"10.11\"}\n", "database:\n  version: \"11.4\"\n", Database{"mariadb", "11.4"}},
		"a null changes nothing": {"database:\n", "", Database{"mariadb", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": test.config, "config.local.yaml": test.override})})
			if p.Database != test.want {
				t.Errorf("got %+v, want %+v", p.Database, test.want)
			}
		})
	}
}

func TestNameIsTheFoldersWithoutUnderscores(t *testing.T) {
	p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": "type: php\n"})})
	if p.Name != "museum-shop" || p.Prefix != "museum-shop" {
		t.Errorf("name %q, prefix %q", p.Name, p.Prefix)
	}
}

func TestOrderOfPlaces(t *testing.T) {
	const config = "name: museum-shop\nweb_environment:\n- DUMP_KEEP=1\n- OTHER=x\n"
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		flags   map[string]string
		want    string
	}{
		"built-in":       {map[string]string{}, nil, nil, "0 (built-in)"},
		"config.yaml":    {map[string]string{"config.yaml": config}, nil, nil, "1 (.ddev/config.yaml:3)"},
		"the same twice": {map[string]string{"config.yaml": config + "- DUMP_KEEP=1\n"}, nil, nil, "1 (.ddev/config.yaml:5)"},
		"override in glob order": {map[string]string{"config.yaml": config,
			"config.b.yml": "web_environment:\n- DUMP_KEEP=3\n", "config.a.yaml": "web_environment:\n- DUMP_KEEP=2\n"}, nil, nil,
			"3 (.ddev/config.b.yml:2)"},
		"other names in .ddev are not read": {map[string]string{"config.yaml": config, "configs.yaml": "web_environment: [DUMP_KEEP=4]",
			"config.json": "web_environment: [DUMP_KEEP=4]"}, nil, nil, "1 (.ddev/config.yaml:3)"},
		"override that merges": {map[string]string{"config.yaml": config, "config.x.yaml": "web_environment: [OTHER=y]\n"}, nil, nil,
			"1 (.ddev/config.yaml:3)"},
		"override_config replaces": {map[string]string{"config.yaml": config,
			"config.x.yaml": "override_config: true\nweb_environment: [OTHER=y]\n"}, nil, nil, "0 (built-in)"},
		"override_config without the list": {map[string]string{"config.yaml": config, "config.x.yaml": "override_config: true\n"}, nil, nil,
			"1 (.ddev/config.yaml:3)"},
		"override with null": {map[string]string{"config.yaml": config, "config.x.yaml": "override_config: true\nweb_environment:\n"}, nil, nil,
			"1 (.ddev/config.yaml:3)"},
		"override with an empty list": {map[string]string{"config.yaml": config, "config.x.yaml": "override_config: true\nweb_environment: []\n"}, nil, nil,
			"0 (built-in)"},
		"override_config as a text": {map[string]string{"config.yaml": config,
			"config.x.yaml": "override_config: \"true\"\nweb_environment: [OTHER=y]\n"}, nil, nil, "1 (.ddev/config.yaml:3)"},
		".env": {map[string]string{"config.yaml": config, ".env": "\nDUMP_KEEP=5\n"}, nil, nil, "5 (.ddev/.env:2)"},
		".env.dump": {map[string]string{"config.yaml": config, ".env": "DUMP_KEEP=5", ".env.dump": "DUMP_KEEP=6"}, nil, nil,
			"6 (.ddev/.env.dump:1)"},
		"environment": {map[string]string{".env.dump": "DUMP_KEEP=6"}, []string{"DUMP_KEEP=7"}, nil, "7 (environment)"},
		"flag":        {map[string]string{}, []string{"DUMP_KEEP=7"}, map[string]string{"DUMP_KEEP": "8"}, "8 (flag --set)"},
		"empty in a file takes back": {map[string]string{"config.yaml": config, ".env": "DUMP_KEEP=\n"}, nil, nil,
			"0 (built-in)"},
		"empty elsewhere is not given": {map[string]string{"config.yaml": config}, []string{"DUMP_KEEP="}, map[string]string{"DUMP_KEEP": ""},
			"1 (.ddev/config.yaml:3)"},
		"bare name passes the host's value": {map[string]string{"config.yaml": "web_environment: [DUMP_KEEP]\n", ".env": "DUMP_KEEP=5"},
			[]string{"DUMP_KEEP=7"}, nil, "7 (environment)"},
		"bare name without a host's value takes back": {map[string]string{"config.yaml": config, "config.x.yaml": "web_environment: [DUMP_KEEP]\n"}, nil, nil, "0 (built-in)"},
		"variable": {map[string]string{"config.yaml": "web_environment: [\"DUMP_KEEP=${HOW_MANY:-3}\"]"}, []string{"HOW_MANY=4"}, nil,
			"4 (.ddev/config.yaml:1)"},
		"variable from .env": {map[string]string{"config.yaml": "web_environment: [DUMP_KEEP=$HOW_MANY]", ".env": "HOW_MANY=12"}, nil, nil,
			"12 (.ddev/config.yaml:1)"},
		"anchors": {map[string]string{"config.yaml": "x: &keep DUMP_KEEP=2\nlist: &l\n- *keep\nweb_environment: *l\n"}, nil, nil,
			"2 (.ddev/config.yaml:1)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, test.files), Environ: test.environ, Flags: test.flags})
			if got := value(p, "DUMP_KEEP"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestRootWithGlobCharacters(t *testing.T) {
	root := write(t, map[string]string{"config.x.yaml": "web_environment: [DUMP_KEEP=3]"})
	odd := filepath.Join(filepath.Dir(root), "[site] *")
	if err := os.Rename(root, odd); err != nil {
		t.Fatal(err)
	}
	if p := load(t, Options{Dir: odd}); p.Keep.Last != 3 {
		t.Errorf("keep %v", p.Keep)
	}
}

func TestValuesHideSecrets(t *testing.T) {
	p := load(t, Options{
		Dir: write(t, map[string]string{".env.dump": "DUMP_SOURCE_PASSWORD='hush hush'\nDUMP_SOURCE=mysql://ada:hu%20sh@db.example.com/shop?tls=on\n"}),
		Environ: []string{"HOME=/home/ada", "XDG_CACHE_HOME=/cache", "DUMP_S3_BUCKET=s3://dumps/shops/museum/",
			"DUMP_S3_KMS_KEY_ID=alias/dumps", "DUMP_SSH=deploy@stage:2222"},
		Flags: map[string]string{"DUMP_TARGET": "postgres://db:hush@127.0.0.1:5433/db"},
	})
	want := []Value{
		{Name: "DUMP_S3_BUCKET", Value: "s3://dumps/shops/museum/", Origin: "environment"},
		{Name: "DUMP_S3_PREFIX", Value: "shops/museum", Origin: "environment"},
		{Name: "DUMP_PROJECT", Value: "museum-shop", Origin: "built-in"},
		{Name: "DUMP_S3_REGION", Origin: "built-in"},
		{Name: "DUMP_S3_ENDPOINT", Origin: "built-in"},
		{Name: "DUMP_S3_PATH_STYLE", Value: "false", Origin: "built-in"},
		{Name: "DUMP_S3_SSE", Value: "aws:kms", Origin: "environment"},
		{Name: "DUMP_S3_KMS_KEY_ID", Value: "alias/dumps", Origin: "environment"},
		{Name: "DUMP_SOURCE", Value: "mysql://ada:***@db.example.com/shop?tls=on", Secret: true, Origin: ".ddev/.env.dump:2"},
		{Name: "DUMP_SOURCE_PASSWORD", Value: "***", Secret: true, Origin: ".ddev/.env.dump:1"},
		{Name: "DUMP_SOURCE_PASSWORD_FROM", Origin: "built-in"},
		{Name: "DUMP_MASK_KEY", Secret: true, Origin: "built-in"},
		{Name: "DUMP_MASK_KEY_FROM", Origin: "built-in"},
		{Name: "DUMP_PRIVACY", Value: "off", Origin: "built-in"},
		{Name: "DUMP_SIGN_KEY", Secret: true, Origin: "built-in"},
		{Name: "DUMP_SIGN_KEY_FROM", Origin: "built-in"},
		{Name: "DUMP_VERIFY_KEY", Origin: "built-in"},
		{Name: "DUMP_CANARY", Secret: true, Origin: "built-in"},
		{Name: "DUMP_SOURCE_ENV", Origin: "built-in"},
		{Name: "DUMP_SOURCE_SILENCE", Value: "30m", Origin: "built-in"},
		{Name: "DUMP_SSH", Value: "deploy@stage:2222", Origin: "environment"},
		{Name: "DUMP_ENGINE", Value: "native", Origin: "built-in"},
		{Name: "DUMP_KEEP", Value: "0", Origin: "built-in"},
		{Name: "DUMP_KEEP_DAYS", Value: "0", Origin: "built-in"},
		{Name: "DUMP_KEEP_LOCAL", Value: "2", Origin: "built-in"},
		{Name: "DUMP_COMPRESSION", Value: "zstd", Origin: "built-in"},
		{Name: "DUMP_LIMIT_RATE", Value: "0", Origin: "built-in"},
		{Name: "DUMP_BAKE", Origin: "built-in"},
		{Name: "DUMP_TARGET", Value: "postgres://db:***@127.0.0.1:5433/db", Secret: true, Origin: "flag --target"},
		{Name: "DUMP_REQUIRE_MASKED", Origin: "built-in"},
		{Name: "DUMP_CACHE_DIR", Value: "/cache/dump-refresh", Origin: "built-in"},
	}
	if diff := cmp.Diff(want, p.Values()); diff != "" {
		t.Error(diff)
	}
	if p.Target.Port != 5433 || p.Target.Password.Reveal() != "hush" || p.Bucket != "dumps" || p.Prefix != "shops/museum" || p.SSE != "aws:kms" {
		t.Errorf("settings: %+v", p.Settings)
	}
}

func TestRequire(t *testing.T) {
	p := load(t, Options{Dir: write(t, map[string]string{".env": "DUMP_SOURCE=command:drush sql-dump\n", ".env.dump": "DUMP_SOURCE=\n"})})
	for want, err := range map[string]error{
		"DUMP_S3_BUCKET: not set for project museum-shop":                              p.RequireBucket(),
		".ddev/.env.dump:1: DUMP_SOURCE: set to nothing here, for project museum-shop": p.RequireSource(),
		"DUMP_TARGET: not set for project museum-shop":                                 p.RequireTarget(),
	} {
		if err == nil || err.Error() != want || !errors.Is(err, ErrMissing) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	p = load(t, Options{Dir: p.Root, Environ: []string{"DUMP_S3_BUCKET=b12", "DUMP_SOURCE=command:x", "DUMP_TARGET=mysql://a@b/c"}})
	if err := errors.Join(p.RequireBucket(), p.RequireSource(), p.RequireTarget()); err != nil {
		t.Error(err)
	}
}

func TestNoProject(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(t.Context(), Options{Dir: dir})
	if want := dir + ": no DDEV project here or above (no folder with .ddev/config.yaml)"; err == nil || err.Error() != want || !errors.Is(err, ErrNoProject) {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Load(t.Context(), Options{Dir: filepath.Join(dir, "gone")})
	if want := filepath.Join(dir, "gone") + ": no such folder"; err == nil || err.Error() != want || !errors.Is(err, ErrNoProject) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		flags   map[string]string
		kind    error
		want    string
	}{
		"misspelt in config.yaml": {map[string]string{"config.yaml": "web_environment:\n- DUMP_S3_BUKET=dumps\n"}, nil, nil,
			ErrUnknownName, ".ddev/config.yaml:2: DUMP_S3_BUKET: unknown setting, did you mean DUMP_S3_BUCKET?"},
		"misspelt in .env": {map[string]string{".env": "DUMP_KEPE=3"}, nil, nil,
			ErrUnknownName, ".ddev/.env:1: DUMP_KEPE: unknown setting, did you mean DUMP_KEEP?"},
		"misspelt in the environment": {map[string]string{}, []string{"DUMP_BUCKET=dumps"}, nil,
			ErrUnknownName, "environment: DUMP_BUCKET: unknown setting, did you mean DUMP_S3_BUCKET?"},
		"swapped letters": {map[string]string{}, []string{"DUMP_SHS=stage"}, nil,
			ErrUnknownName, "environment: DUMP_SHS: unknown setting, did you mean DUMP_SSH?"},
		"no setting in a flag": {map[string]string{}, nil, map[string]string{"S3_BUCKET": "x"},
			ErrUnknownName, "flag --set: S3_BUCKET: unknown setting, did you mean DUMP_S3_BUCKET?"},
		"password in config.yaml": {map[string]string{"config.yaml": "web_environment:\n- DUMP_SOURCE_PASSWORD=hush\n"}, nil, nil, ErrPasswordExposed,
			".ddev/config.yaml:2: DUMP_SOURCE_PASSWORD: must not be in a config file, which is committed and passed to the web container"},
		"password by name in config.yaml": {map[string]string{"config.local.yaml": "web_environment:\n- DUMP_SOURCE_PASSWORD\n"}, []string{"DUMP_SOURCE_PASSWORD=hush"}, nil,
			ErrPasswordExposed, ".ddev/config.local.yaml:2: DUMP_SOURCE_PASSWORD: must not be in a config file, which is committed and passed to the web container"},
		"password in a URL in config.yaml": {map[string]string{"config.yaml": "web_environment:\n- DUMP_SOURCE=mysql://ada:hush@db/shop\n"}, nil, nil, ErrPasswordExposed,
			".ddev/config.yaml:2: DUMP_SOURCE: must not contain a password in a config file, which is committed and passed to the web container"},
		"password from a variable that is not set here": {map[string]string{"config.yaml": "web_environment: ['DUMP_SOURCE=mysql://ada:$STAGING@db/shop']"}, nil, nil,
			ErrPasswordExposed, ".ddev/config.yaml:1: DUMP_SOURCE: must not contain a password in a config file, which is committed and passed to the web container"},
		"password in a URL from a variable": {map[string]string{"config.yaml": "web_environment: [DUMP_SOURCE=$STAGING]"},
			[]string{"STAGING=mysql://ada:hush@db/shop"}, nil, ErrPasswordExposed,
			".ddev/config.yaml:1: DUMP_SOURCE: must not contain a password in a config file, which is committed and passed to the web container"},
		"password in a command in config.yaml": {map[string]string{"config.yaml": "web_environment: ['DUMP_SOURCE=command:mysqldump -u ada -phush shop']"}, nil, nil, ErrPasswordExposed,
			".ddev/config.yaml:1: DUMP_SOURCE: must not contain a password in a config file, which is committed and passed to the web container"},
		"password by flag": {map[string]string{}, nil, map[string]string{"DUMP_SOURCE_PASSWORD": "hush"}, ErrPasswordExposed,
			"flag --set: DUMP_SOURCE_PASSWORD: must not be on a command line, which every user of the machine can read"},
		"password in a URL by flag": {map[string]string{}, nil, map[string]string{"DUMP_SOURCE": "mysql://ada:hush@db/shop"}, ErrPasswordExposed,
			"flag --set: DUMP_SOURCE: must not contain a password on a command line, which every user of the machine can read"},
		"no number": {map[string]string{".env": "DUMP_KEEP=x"}, nil, nil,
			ErrInvalidValue, `.ddev/.env:1: DUMP_KEEP: must be a number of dumps, 0 or more, or tiers such as hourly:24,daily:14,weekly:8,monthly:12 (got "x")`},
		"no earlier database": {map[string]string{}, []string{"DUMP_KEEP_LOCAL=0"}, nil,
			ErrInvalidValue, `environment: DUMP_KEEP_LOCAL: must be a whole number from 1 to 9 (got "0")`},
		"too many earlier databases": {map[string]string{}, []string{"DUMP_KEEP_LOCAL=10"}, nil,
			ErrInvalidValue, `environment: DUMP_KEEP_LOCAL: must be a whole number from 1 to 9 (got "10")`},
		"negative number": {map[string]string{}, []string{"DUMP_KEEP_DAYS=-1"}, nil,
			ErrInvalidValue, `environment: DUMP_KEEP_DAYS: must be a whole number, 0 or more (got "-1")`},
		"bucket": {map[string]string{}, []string{"DUMP_S3_BUCKET=dumps/shop"}, nil,
			ErrInvalidValue, `environment: DUMP_S3_BUCKET: must be a bucket's name or s3://bucket/prefix (got "dumps/shop")`},
		"endpoint": {map[string]string{}, []string{"DUMP_S3_ENDPOINT=s3.example.com"}, nil,
			ErrInvalidValue, `environment: DUMP_S3_ENDPOINT: must be a URL such as https://s3.example.com (got "s3.example.com")`},
		"path style": {map[string]string{}, []string{"DUMP_S3_PATH_STYLE=maybe"}, nil,
			ErrInvalidValue, `environment: DUMP_S3_PATH_STYLE: must be true or false (got "maybe")`},
		"encryption": {map[string]string{}, []string{"DUMP_S3_SSE=kms"}, nil,
			ErrInvalidValue, `environment: DUMP_S3_SSE: must be AES256, aws:kms or aws:kms:dsse (got "kms")`},
		"key without use": {map[string]string{}, []string{"DUMP_S3_SSE=aes256", "DUMP_S3_KMS_KEY_ID=k"}, nil,
			ErrInvalidValue, "environment: DUMP_S3_SSE: AES256 uses no key, but DUMP_S3_KMS_KEY_ID names one"},
		"source without scheme": {map[string]string{}, []string{"DUMP_SOURCE=ada:hush@db/shop"}, nil,
			ErrInvalidValue, "environment: DUMP_SOURCE: must be mysql://user@host/name, postgres://user@host/name or command:…"},
		"source without database": {map[string]string{}, []string{"DUMP_SOURCE=mysql://ada:hush@db"}, nil,
			ErrInvalidValue, "environment: DUMP_SOURCE: no database name (it follows the host, as in mysql://user@host/name)"},
		"slash in a password": {map[string]string{}, []string{"DUMP_SOURCE=mysql://ada:12/hush@db/shop"}, nil,
			ErrInvalidValue, "environment: DUMP_SOURCE: not a URL (a special character in user or password must be percent-encoded)"},
		"empty command": {map[string]string{}, []string{"DUMP_SOURCE=command: "}, nil,
			ErrInvalidValue, "environment: DUMP_SOURCE: names no command"},
		"password instead of its place": {map[string]string{}, []string{"DUMP_SOURCE_PASSWORD_FROM=hush"}, nil,
			ErrInvalidValue, "environment: DUMP_SOURCE_PASSWORD_FROM: must be env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME"},
		"ssh option": {map[string]string{}, []string{"DUMP_SSH=-oProxyCommand=x"}, nil,
			ErrInvalidValue, `environment: DUMP_SSH: must be user@host or user@host:port (got "-oProxyCommand=x")`},
		"ssh port": {map[string]string{}, []string{"DUMP_SSH=ada@stage:70000"}, nil,
			ErrInvalidValue, `environment: DUMP_SSH: port must be a number from 1 to 65535 (got "70000")`},
		"ssh password": {map[string]string{}, []string{"DUMP_SSH=ada:hush@stage"}, nil,
			ErrInvalidValue, "environment: DUMP_SSH: must not contain a password (keys and the SSH agent are used)"},
		"compression": {map[string]string{}, []string{"DUMP_COMPRESSION=xz"}, nil,
			ErrInvalidValue, `environment: DUMP_COMPRESSION: must be zstd or gzip (got "xz")`},
		"engine": {map[string]string{}, nil, map[string]string{"DUMP_ENGINE": "mydumper"},
			ErrInvalidValue, `flag --engine: DUMP_ENGINE: must be native or client (got "mydumper")`},
		"engine of a command": {map[string]string{".env": "DUMP_ENGINE=client"}, []string{"DUMP_SOURCE=command:drush sql-dump"}, nil,
			ErrInvalidValue, ".ddev/.env:1: DUMP_ENGINE: is for mysql:// and postgres://, but DUMP_SOURCE is a command"},
		"rate": {map[string]string{}, nil, map[string]string{"DUMP_LIMIT_RATE": "10 MB/s"}, ErrInvalidValue,
			`flag --limit-rate: DUMP_LIMIT_RATE: must be bytes per second such as 500k or 1.5M, at least 16k, or 0 for no limit (got "10 MB/s")`},
		"rate too low": {map[string]string{}, []string{"DUMP_LIMIT_RATE=500"}, nil, ErrInvalidValue,
			`environment: DUMP_LIMIT_RATE: must be bytes per second such as 500k or 1.5M, at least 16k, or 0 for no limit (got "500")`},
		"rate too high": {map[string]string{}, []string{"DUMP_LIMIT_RATE=99999999999G"}, nil, ErrInvalidValue,
			`environment: DUMP_LIMIT_RATE: must be bytes per second such as 500k or 1.5M, at least 16k, or 0 for no limit (got "99999999999G")`},
		"target": {map[string]string{}, nil, map[string]string{"DUMP_TARGET": "local"},
			ErrInvalidValue, "flag --target: DUMP_TARGET: no scheme (mysql:// or postgres:// is expected)"},
		"cache in the project": {map[string]string{}, []string{"DUMP_CACHE_DIR=cache"}, nil,
			ErrInvalidValue, `environment: DUMP_CACHE_DIR: must be an absolute path, or one that begins with ~/ (got "cache")`},
		"variable that is not set in .env": {map[string]string{".env": "DUMP_SOURCE_PASSWORD=hush$HUSH"}, nil, nil, ErrInvalidValue,
			".ddev/.env:1: DUMP_SOURCE_PASSWORD: refers to a variable that this file does not set before (put the value in single quotes if a dollar sign is meant)"},
		"no YAML": {map[string]string{"config.yaml": "name: shop\nhooks: [\n"}, nil, nil,
			ErrSyntax, ".ddev/config.yaml:2: not valid YAML: did not find expected node content"},
		"a list for a file": {map[string]string{"config.x.yaml": "- a\n"}, nil, nil, ErrSyntax, ".ddev/config.x.yaml:1: must hold keys and values"},
		"mapping for the environment": {map[string]string{"config.yaml": "web_environment:\n  DUMP_KEEP: 3\n"}, nil, nil,
			ErrSyntax, ".ddev/config.yaml:1: web_environment: must be a list of NAME=VALUE"},
		"mapping in the environment": {map[string]string{"config.yaml": "web_environment:\n- DUMP_KEEP: 3\n"}, nil, nil,
			ErrSyntax, ".ddev/config.yaml:2: DUMP_KEEP: must be written NAME=VALUE in web_environment"},
		"no NAME=VALUE": {map[string]string{".env": "# x\nhush, hush\n"}, nil, nil, ErrSyntax, ".ddev/.env:2: not a NAME=VALUE line"},
		"open quote":    {map[string]string{".env.dump": "A=1\nB='hush\n"}, nil, nil, ErrSyntax, ".ddev/.env.dump:2: B: the quote is never closed"},
		"unreadable":    {map[string]string{".env/x": ""}, nil, nil, ErrUnreadable, ".ddev/.env: cannot be read: is a directory"},
		"several at once": {map[string]string{"config.yaml": "web_environment:\n- DUMP_KEEP=x\n", ".env": "DUMP_KEEPS=1\n"}, nil, nil, ErrInvalidValue,
			".ddev/.env:1: DUMP_KEEPS: unknown setting, did you mean DUMP_KEEP?\n.ddev/config.yaml:2: DUMP_KEEP: must be a number of dumps, 0 or more, or tiers such as hourly:24,daily:14,weekly:8,monthly:12 (got \"x\")"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(t.Context(), Options{Dir: write(t, test.files), Environ: test.environ, Flags: test.flags})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			if !errors.Is(err, test.kind) {
				t.Errorf("not %v", test.kind)
			}
			if strings.Contains(strings.ToLower(err.Error()), "hush") {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

// A name that one file sets twice is reported with both lines, and the last line counts, as in DDEV.
func TestTwice(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		notes []string
		value string
	}{
		"in config.yaml": {map[string]string{"config.yaml": "web_environment:\n- DUMP_S3_BUCKET=new\n- OTHER=1\n- DUMP_S3_BUCKET=old\n- OTHER=2\n"},
			[]string{".ddev/config.yaml:4: DUMP_S3_BUCKET: line 2 sets it, too, to another value: this line counts, delete one of them"}, "old"},
		"in .env.dump": {map[string]string{".env.dump": "DUMP_S3_BUCKET=a\n\nDUMP_S3_BUCKET=b\n"},
			[]string{".ddev/.env.dump:3: DUMP_S3_BUCKET: line 1 sets it, too, to another value: this line counts, delete one of them"}, "b"},
		"equal":        {map[string]string{".env.dump": "DUMP_S3_BUCKET=b\nDUMP_S3_BUCKET=b\n"}, nil, "b"},
		"in two files": {map[string]string{".env": "DUMP_S3_BUCKET=a\n", ".env.dump": "DUMP_S3_BUCKET=b\n"}, nil, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Load(t.Context(), Options{Dir: write(t, test.files)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.notes, p.Notes); diff != "" || p.Bucket != test.value {
				t.Errorf("bucket %q, notes (-want +got):\n%s", p.Bucket, diff)
			}
		})
	}
}

// What is not ours, or only looks like it, must pass.
func TestNoComplaint(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
	}{
		"settings of the add-on's commands": {map[string]string{".env": "DUMP_HELPER=/x\nDUMP_DOCKER_IMAGE=y"}, nil},
		"somebody else's environment":       {map[string]string{}, []string{"DUMP_TEST_TOOLS=/opt", "DUMP_DIR=/tmp", "DUMP=1", "=C:=C:\\"}},
		"empty config.yaml":                 {map[string]string{"config.yaml": ""}, nil},
		"comments only":                     {map[string]string{"config.yaml": "# nothing\n", "dump-refresh/rules.yaml": "# nothing\n"}, nil},
		"other people's lists":              {map[string]string{"config.yaml": "web_environment:\n- A: b\n- C\n- 'D=$'\n- [x]\n"}, nil},
		"command with a shell variable": {map[string]string{
			"config.yaml": "web_environment:\n- 'DUMP_SOURCE=command:PGPASSWORD=$$PW pg_dump shop'\n"}, []string{"PW=hush"}},
	} {
		t.Run(name, func(t *testing.T) { load(t, Options{Dir: write(t, test.files), Environ: test.environ}) })
	}
}

func TestPrefix(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"the project's name":            {[]string{"DUMP_S3_BUCKET=dumps"}, "museum-shop"},
		"of a URL without a path":       {[]string{"DUMP_S3_BUCKET=s3://dumps"}, "museum-shop"},
		"of a URL":                      {[]string{"DUMP_S3_BUCKET=s3://dumps/a/b/"}, "a/b"},
		"the root by a URL":             {[]string{"DUMP_S3_BUCKET=s3://dumps/"}, ""},
		"the root by the prefix":        {[]string{"DUMP_S3_BUCKET=dumps", "DUMP_S3_PREFIX=/"}, ""},
		"the prefix wins over a URL":    {[]string{"DUMP_S3_BUCKET=s3://dumps/a", "DUMP_S3_PREFIX=/c/d/"}, "c/d"},
		"the name that keys begin with": {[]string{"DUMP_S3_BUCKET=dumps", "DUMP_PROJECT=acme.shop"}, "acme.shop"},
		"the prefix wins over the name": {[]string{"DUMP_S3_PREFIX=c", "DUMP_PROJECT=acme.shop"}, "c"},
		"of an access point by its ARN": {[]string{"DUMP_S3_BUCKET=arn:aws:s3:eu-west-1:1:accesspoint/x"}, "museum-shop"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{}), Environ: test.environ})
			if p.Prefix != test.want {
				t.Errorf("got %q, want %q", p.Prefix, test.want)
			}
		})
	}
}

func TestLimitRate(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "0": 0, "0k": 0, "16k": 16 << 10, "500k": 500 << 10, "500K": 500 << 10, "10M": 10 << 20, "10m": 10 << 20,
		"1.5M": 3 << 19, "2G": 2 << 30, "100000": 100_000,
	} {
		if p := load(t, Options{Dir: write(t, map[string]string{}), Flags: map[string]string{"DUMP_LIMIT_RATE": text}}); p.LimitRate != want {
			t.Errorf("%q: got %d, want %d", text, p.LimitRate, want)
		}
	}
}

func TestCacheDir(t *testing.T) {
	for want, environ := range map[string][]string{
		"/c/dump-refresh": {"XDG_CACHE_HOME=/c", "HOME=/home/ada"},
		"/home/ada/dumps": {"DUMP_CACHE_DIR=~/dumps/", "HOME=/home/ada"},
		"":                {"XDG_CACHE_HOME=relative"},
	} {
		if p := load(t, Options{Dir: write(t, map[string]string{}), Environ: environ}); p.CacheDir != want {
			t.Errorf("%v: got %q, want %q", environ, p.CacheDir, want)
		}
	}
}

func TestAWSVariables(t *testing.T) {
	const keys = "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=hush\nAWS_REGION=eu-west-1\nOTHER=x\n"
	for name, test := range map[string]struct {
		env, envDump string
		environ      []string
		want         map[string]string
	}{
		"one file": {keys, "", nil,
			map[string]string{"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "eu-west-1"}},
		"a profile of the later file replaces the keys": {keys, "AWS_PROFILE=shop", nil,
			map[string]string{"AWS_PROFILE": "shop", "AWS_REGION": "eu-west-1"}},
		"the environment's profile replaces the keys": {keys, "", []string{"AWS_PROFILE=mine"}, map[string]string{"AWS_REGION": "eu-west-1"}},
		"the environment's region":                    {"AWS_PROFILE=a\nAWS_REGION=b", "", []string{"AWS_REGION=c"}, map[string]string{"AWS_PROFILE": "a"}},
		"taken back":                                  {"AWS_PROFILE=a", "AWS_PROFILE=", []string{"AWS_REGION="}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{".env": test.env, ".env.dump": test.envDump}), Environ: test.environ})
			if diff := cmp.Diff(test.want, p.AWS); diff != "" {
				t.Error(diff)
			}
		})
	}
}
