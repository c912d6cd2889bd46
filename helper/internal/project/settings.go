package project

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
	"github.com/jobiqo/dump-refresh/helper/internal/units"
)

// namePrefix begins the name of every setting.
const namePrefix = "DUMP_"

// Settings are the checked values of all settings. RequireBucket, RequireSource and RequireTarget tell whether those that a task
// needs are set.
type Settings struct {
	// Bucket is the name of an S3 bucket or the ARN of an access point.
	Bucket string
	// Prefix is the folder of the dumps in the bucket, without slashes at its ends; "" is the bucket's root.
	Prefix string
	// DumpsOf is the name with which the keys of the dumps begin: the project's own, unless it was renamed, or another checkout
	// has another name.
	DumpsOf string
	// Region, Endpoint, PathStyle, SSE and KMSKeyID mean what they mean in the AWS SDK; empty stands for its default.
	Region    string
	Endpoint  string
	PathStyle bool
	// SSE is "", "AES256", "aws:kms" or "aws:kms:dsse".
	SSE      string
	KMSKeyID string

	Source Source
	// SourcePasswordFrom is env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME; see Project.SourcePassword.
	SourcePasswordFrom string
	// SourceEnvironment names the variables, with * and ?, that a command gets besides those that every program needs.
	SourceEnvironment []string
	// SourceSilence is how long a command may print nothing.
	SourceSilence time.Duration
	// SSH is [user@]host[:port] or empty; the host may be an alias from ~/.ssh/config.
	SSH string
	// Engine says what reads the rows of a server: "native", or "client" for the official dump client.
	Engine string

	// Keep and KeepDays say which dumps are kept, and for how many days all of them; 0 is no limit.
	Keep     retention.Rules
	KeepDays int
	// KeepLocal is how many earlier local databases are kept after a pull, from 1 to 9.
	KeepLocal int
	// Compression is "zstd" or "gzip".
	Compression string
	// LimitRate is the most bytes per second to and from the bucket; 0 is no limit.
	LimitRate int64

	// Bake is the servers for which dumps are baked.
	Bake []BakeServer

	// Target is the database that a pull replaces; nil if none is named.
	Target *dburl.URL
	// CacheDir is an absolute path; empty if the user has no cache folder.
	CacheDir string

	// Privacy says what becomes of columns that nobody has classified.
	Privacy rules.Privacy

	// RequireMasked makes pulls refuse dumps of which nothing is masked.
	RequireMasked bool

	// MaskKeyFrom is where the key of the maskers is, like SourcePasswordFrom; see Project.MaskKey.
	MaskKeyFrom string

	// SignKeyFrom is where the key is with which dumps are signed, like SourcePasswordFrom; see Project.SignKey.
	SignKeyFrom string
	// VerifyKeys are the keys of which one must have signed a dump that is pulled; empty if any dump may be.
	VerifyKeys []signing.PublicKey

	sourcePassword, maskKey, signKey, canary secret.String
}

// Source is what is dumped: a database, or a command that prints SQL. At most one is set.
type Source struct {
	URL     *dburl.URL
	Command string
}

// IsSet reports whether there is a source.
func (s Source) IsSet() bool { return s.URL != nil || s.Command != "" }

// setting is one row of the table of settings.
type setting struct {
	name   string
	secret bool
	// flag is the flag that sets it; "" stands for --set.
	flag string
	// authority is who decides on it in a fleet.
	authority authority
	// set checks the text, which is never empty, and stores it in s. Its errors never contain a password.
	set func(s *Settings, text string) error
}

// table has every setting, in the order in which users see them.
var table = []setting{
	{name: "DUMP_S3_BUCKET", set: setBucket},
	{name: "DUMP_S3_PREFIX", set: func(s *Settings, text string) error {
		if slices.Contains(strings.Split(text, "/"), ".dump-refresh") {
			return errors.New("must not be in a folder .dump-refresh, where dump-helper keeps what it knows")
		}
		s.Prefix = strings.Trim(text, "/")
		return nil
	}},
	{name: "DUMP_PROJECT", set: setDumpsOf},
	{name: "DUMP_S3_REGION", set: word(func(s *Settings) *string { return &s.Region })},
	{name: "DUMP_S3_ENDPOINT", set: setEndpoint},
	{name: "DUMP_S3_PATH_STYLE", set: trueOrFalse(func(s *Settings) *bool { return &s.PathStyle })},
	{name: "DUMP_S3_SSE", set: oneOf(func(s *Settings) *string { return &s.SSE }, "AES256", sseKMS, "aws:kms:dsse")},
	{name: "DUMP_S3_KMS_KEY_ID", set: word(func(s *Settings) *string { return &s.KMSKeyID })},
	{name: "DUMP_SOURCE", set: setSource},
	{name: "DUMP_SOURCE_PASSWORD", secret: true, set: func(s *Settings, text string) error {
		s.sourcePassword = secret.New(text)
		return nil
	}},
	{name: "DUMP_SOURCE_PASSWORD_FROM", set: secretFrom(func(s *Settings) *string { return &s.SourcePasswordFrom })},
	{name: "DUMP_MASK_KEY", secret: true, set: func(s *Settings, text string) error {
		if len(text) < leastMaskKey {
			return errors.New(shortMaskKey)
		}
		s.maskKey = secret.New(text)
		return nil
	}},
	{name: "DUMP_MASK_KEY_FROM", set: secretFrom(func(s *Settings) *string { return &s.MaskKeyFrom })},
	{name: "DUMP_PRIVACY", authority: ofRepository, set: oneOf(func(s *Settings) *string { return (*string)(&s.Privacy) }, "off", "report", "strict")},
	{name: "DUMP_SIGN_KEY", secret: true, set: func(s *Settings, text string) error {
		s.signKey = secret.New(text)
		_, err := signing.ParseKey(s.signKey)
		return err
	}},
	{name: "DUMP_SIGN_KEY_FROM", set: secretFrom(func(s *Settings) *string { return &s.SignKeyFrom })},
	{name: "DUMP_VERIFY_KEY", authority: ofDeveloper, set: func(s *Settings, text string) (err error) {
		s.VerifyKeys, err = signing.ParsePublicKeys(text)
		return err
	}},
	{name: "DUMP_CANARY", secret: true, set: setCanary},
	{name: "DUMP_SOURCE_ENV", set: setSourceEnvironment},
	{name: "DUMP_SOURCE_SILENCE", set: setSourceSilence},
	{name: "DUMP_SSH", set: setSSH},
	{name: "DUMP_ENGINE", flag: "--engine", authority: ofRepository, set: oneOf(func(s *Settings) *string { return &s.Engine }, "native", "client")},
	{name: "DUMP_KEEP", authority: ofRepository, set: setKeep},
	{name: "DUMP_KEEP_DAYS", authority: ofRepository, set: count(func(s *Settings) *int { return &s.KeepDays })},
	{name: "DUMP_KEEP_LOCAL", authority: ofDeveloper, set: setKeepLocal},
	{name: "DUMP_COMPRESSION", authority: ofRepository, set: oneOf(func(s *Settings) *string { return &s.Compression }, "zstd", "gzip")},
	{name: "DUMP_LIMIT_RATE", flag: "--limit-rate", authority: ofRepository, set: setLimitRate},
	{name: "DUMP_BAKE", flag: "--for", set: setBake},
	{name: "DUMP_TARGET", flag: "--target", authority: ofDeveloper, set: setTarget},
	{name: "DUMP_REQUIRE_MASKED", authority: ofDeveloper, set: trueOrFalse(func(s *Settings) *bool { return &s.RequireMasked })},
	{name: "DUMP_CACHE_DIR", authority: ofDeveloper, set: setCacheDir},
}

// addOnNames are settings of the add-on's shell commands. They are known here so that they are not reported as misspelt.
var addOnNames = []string{"DUMP_HELPER", "DUMP_DOCKER_IMAGE"}

const sseKMS = "aws:kms"

// lookUp finds a setting by its name.
func lookUp(name string) (setting, bool) {
	at := slices.IndexFunc(table, func(s setting) bool { return s.name == name })
	if at < 0 {
		return setting{}, false
	}
	return table[at], true
}

// knownNames lists every DUMP_ name.
func knownNames() []string {
	names := make([]string, 0, len(table)+len(addOnNames))
	for _, s := range table {
		names = append(names, s.name)
	}
	return append(names, addOnNames...)
}

var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func setBucket(s *Settings, text string) error {
	name, prefix, _ := splitBucket(text)
	if !bucketName.MatchString(name) && !strings.HasPrefix(name, "arn:") {
		return fmt.Errorf("must be a bucket's name or s3://bucket/prefix (got %q)", redact(text))
	}
	s.Bucket, s.Prefix = name, strings.Trim(prefix, "/")
	return nil
}

// splitBucket splits s3://bucket/prefix. The prefix counts only if hasPrefix is true: s3://bucket/ names the bucket's root, and
// s3://bucket says nothing about a prefix.
func splitBucket(text string) (bucket, prefix string, hasPrefix bool) {
	rest, isURL := strings.CutPrefix(text, "s3://")
	if !isURL {
		return text, "", false
	}
	return strings.Cut(rest, "/")
}

func setDumpsOf(s *Settings, text string) error {
	if strings.Contains(text, "/") {
		return fmt.Errorf("must be the name of a project in DDEV (got %q)", text)
	}
	s.DumpsOf = text
	return nil
}

func setEndpoint(s *Settings, text string) error {
	endpoint, err := url.Parse(text)
	switch {
	case err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https"):
		return fmt.Errorf("must be a URL such as https://s3.example.com (got %q)", redact(text))
	case endpoint.User != nil:
		return errors.New("must not contain a user or a password (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are for that)")
	}
	s.Endpoint = text
	return nil
}

// trueOrFalse returns the check for a switch.
func trueOrFalse(field func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		switch strings.ToLower(text) {
		case "true", "yes", "on", "1":
			*field(s) = true
		case "false", "no", "off", "0":
			*field(s) = false
		default:
			return fmt.Errorf("must be true or false (got %q)", text)
		}
		return nil
	}
}

// commandPrefix begins a source that is a command.
const commandPrefix = "command:"

func setSource(s *Settings, text string) error {
	if command, ok := strings.CutPrefix(text, commandPrefix); ok {
		command = strings.TrimSpace(command)
		if command == "" {
			return errors.New("names no command")
		}
		s.Source = Source{Command: command}
		return nil
	}
	if !strings.Contains(text, "://") {
		// The text is not repeated: without a scheme, it is unknown which part of it is a password.
		return errors.New("must be mysql://user@host/name, postgres://user@host/name or command:…")
	}
	database, err := parseDatabase(text)
	if err != nil {
		return err
	}
	s.Source = Source{URL: database}
	return nil
}

func setTarget(s *Settings, text string) (err error) {
	s.Target, err = parseDatabase(text)
	return err
}

func parseDatabase(text string) (*dburl.URL, error) {
	parsed, err := dburl.Parse(text)
	if err != nil {
		return nil, err
	}
	return &parsed, nil
}

// passwordPlaces are the places that settings ending in _FROM can name.
var passwordPlaces = []string{"env:", "file:", "aws-secretsmanager:", "aws-ssm:"}

func secretFrom(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		for _, place := range passwordPlaces {
			if rest, ok := strings.CutPrefix(text, place); ok && strings.TrimSpace(rest) != "" {
				*field(s) = text
				return nil
			}
		}
		// The value is not repeated, because it may be the secret itself.
		return errors.New("must be env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME")
	}
}

// leastMaskKey is how long the key of the maskers must be: with a short one, whoever has a dump can try all keys.
const (
	leastMaskKey = 16
	shortMaskKey = "must have at least 16 characters; openssl rand -base64 32 makes a good one"
)

var variableNames = regexp.MustCompile(`^[A-Za-z_*?][A-Za-z0-9_*?]*$`)

func setSourceEnvironment(s *Settings, text string) error {
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range names {
		if !variableNames.MatchString(name) {
			return fmt.Errorf("must be names of variables such as KUBECONFIG,DRUSH_* (got %q)", redact(text))
		}
	}
	s.SourceEnvironment = names
	return nil
}

func setSourceSilence(s *Settings, text string) error {
	silence, err := time.ParseDuration(text)
	if err != nil || silence < time.Second {
		return fmt.Errorf("must be a time of at least a second such as 30m or 2h (got %q)", text)
	}
	s.SourceSilence = silence
	return nil
}

var sshDestination = regexp.MustCompile(`^(?:[^\s@:/-][^\s@:/]*@)?(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$`)

func setSSH(s *Settings, text string) error {
	destination := strings.TrimSuffix(strings.TrimPrefix(text, "ssh://"), "/")
	match := sshDestination.FindStringSubmatch(destination)
	if match == nil {
		if user, _, ok := strings.Cut(destination, "@"); ok && strings.Contains(user, ":") {
			return errors.New("must not contain a password (keys and the SSH agent are used)")
		}
		return fmt.Errorf("must be user@host or user@host:port (got %q)", text)
	}
	if port := match[1]; port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("port must be a number from 1 to 65535 (got %q)", port)
		}
	}
	s.SSH = destination
	return nil
}

// leastRate is the lowest limit, in bytes per second. With a lower one, parallel transfers would send so rarely that servers
// would close their connections.
const leastRate = 16 << 10

// setLimitRate parses a rate as curl, wget and aws do: k, M and G are powers of 1024.
func setLimitRate(s *Settings, text string) error {
	rate, err := units.Bytes(text)
	if err != nil || rate != 0 && rate < leastRate {
		return fmt.Errorf("must be bytes per second such as 500k or 1.5M, at least 16k, or 0 for no limit (got %q)", text)
	}
	s.LimitRate = rate
	return nil
}

func setCacheDir(s *Settings, text string) error {
	// A relative path would be in the project, where DDEV's file synchronisation and git would find gigabytes.
	if !filepath.IsAbs(text) {
		return fmt.Errorf("must be an absolute path, or one that begins with ~/ (got %q)", text)
	}
	s.CacheDir = filepath.Clean(text)
	return nil
}

// count returns the check for a whole number.
func count(field func(*Settings) *int) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("must be a whole number, 0 or more (got %q)", text)
		}
		*field(s) = n
		return nil
	}
}

func setKeep(s *Settings, text string) (err error) {
	s.Keep, err = retention.Parse(text)
	return err
}

// mostKeptLocal is how many earlier local databases can be kept.
const mostKeptLocal = 9

func setKeepLocal(s *Settings, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostKeptLocal {
		return fmt.Errorf("must be a whole number from 1 to %d (got %q)", mostKeptLocal, text)
	}
	s.KeepLocal = n
	return nil
}

// word returns the check for a text without blanks.
func word(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		if strings.ContainsAny(text, " \t\r\n") {
			return fmt.Errorf("must be one word (got %q)", text)
		}
		*field(s) = text
		return nil
	}
}

// oneOf returns the check for a choice; case does not matter.
func oneOf(field func(*Settings) *string, choices ...string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		for _, choice := range choices {
			if strings.EqualFold(text, choice) {
				*field(s) = choice
				return nil
			}
		}
		last := len(choices) - 1
		return fmt.Errorf("must be %s or %s (got %q)", strings.Join(choices[:last], ", "), choices[last], text)
	}
}
