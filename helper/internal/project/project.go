// Package project reads the settings of a DDEV project: .ddev/config.yaml and the files that override it, DDEV's env files,
// .ddev/dump-refresh/rules.yaml, the environment and flags.
//
// It reads and checks everything once, without DDEV and without running anything. Problems are reported together, each with its
// file and line. Every value knows where it comes from.
package project

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Options name the project to read, and what overrides its files.
type Options struct {
	// Dir is where the upward search for .ddev/config.yaml begins; "" is the working directory.
	Dir string
	// Only means that Dir itself must be the project: nothing is searched.
	Only bool
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Flags are settings that flags set: a setting's name and its value. An empty value counts as not given.
	Flags map[string]string
	// Name is what the project must be called; "" is any name.
	Name string
	// Prefix is the folder of the dumps in the bucket, in which {name} stands for the project's name. Flags override it. "" leaves
	// it to the settings.
	Prefix string
	// Fleet says what the project's own files may decide; nil is everything.
	Fleet *Fleet
	// Visible reports whether the project's files may refer to a variable of the environment; nil is any.
	Visible func(name string) bool
}

// Project has the settings of a DDEV project.
type Project struct {
	// Root is the absolute path of the folder with .ddev.
	Root string
	// Name is the project's name: the folder's name, unless config.yaml has one.
	Name string
	// Type is the application's name in DDEV, such as drupal7; it may be empty.
	Type string
	// Database is the DDEV project's own database.
	Database Database
	Settings
	Rules Rules
	// FailOnHookFail means that a failed task ends whatever its hook belongs to. DDEV has the same setting for all projects,
	// which is in no file of the project.
	FailOnHookFail bool
	// Notes are lines for the user about settings that are not wrong, but may not be meant.
	Notes []string
	// AWS holds the AWS_* variables of DDEV's env files that the environment does not override.
	AWS map[string]string

	hooks  map[string][]Task
	own    ownDatabase
	values values
	// passwords looks up what env:NAME of DUMP_SOURCE_PASSWORD_FROM names: in the environment, else in the env files.
	passwords func(name string, by origin) (string, bool)
	home      string
}

// Database names a database server as DDEV does: mariadb, mysql or postgres, and a version. If no file gives a version, it is
// empty: the default depends on the version of DDEV.
type Database struct{ Type, Version string }

// Load reads the project around options.Dir. The error is a *ConfigError if there is no project, and ConfigErrors if something
// in it is wrong. When ctx ends, Load returns, even if a file system no longer answers.
func Load(ctx context.Context, options Options) (*Project, error) {
	return within(ctx, func() (*Project, error) { return read(options) })
}

func read(options Options) (*Project, error) {
	env := environMap(options.Environ)
	root, err := findRoot(options.Dir, globalFolder(env), options.Only)
	if err != nil {
		return nil, err
	}
	reader, err := newReader(root, options.Fleet != nil)
	if err != nil {
		return nil, err
	}
	defer reader.close()
	config, problems := readConfig(root, reader)
	if problem := checkName(root, config, options.Name); problem != nil {
		problems = append(problems, problem)
		config.name = "project" // whatever follows from it would be a problem, too
	}
	files, found := readEnvFiles(root, env, reader)
	problems = append(problems, found...)
	ours := slices.DeleteFunc(slices.Clone(files), func(file envFile) bool { return !file.reachesUs() })
	var dotenv []assigned
	for _, file := range ours {
		dotenv = append(dotenv, file.variables...)
	}

	p := &Project{
		Root: root, Name: config.name, Type: config.projectType, Database: config.database,
		FailOnHookFail: config.failOnHookFail, hooks: config.hooks, home: env["HOME"],
	}
	visible := variables{env: env, files: files, fleet: options.Fleet != nil, visible: options.Visible}
	p.passwords = variables{env: env, files: ours, fleet: options.Fleet != nil, visible: options.Visible}.password
	for i := range config.environment {
		visible.interpolate(&config.environment[i]) // DDEV has Docker Compose read the files of all services
	}

	assignments := append(config.environment, dotenv...)
	assignments = append(assignments, fromEnvironment(env)...)
	if options.Prefix != "" {
		prefix := strings.ReplaceAll(options.Prefix, "{name}", p.Name)
		assignments = append(assignments, assigned{name: "DUMP_S3_PREFIX", text: prefix, from: origin{layer: flags, flag: "prefix of fleet.yaml"}})
	}
	assignments = append(assignments, fromFlags(options.Flags)...)
	p.values, p.Notes, found = resolve(assignments)
	problems = append(problems, found...)
	if options.Fleet != nil {
		problems = append(problems, options.Fleet.refuse(p.values, dotenv)...)
	}
	problems = append(problems, p.values.hidden()...)
	p.own = findOwnDatabase(p, slices.Contains(config.omitted, "db"), env)
	p.values.complete(p.Name, p.own.url, env)
	p.Settings, found = p.values.settings()
	problems = append(problems, found...)
	if options.Fleet != nil {
		problems = append(problems, options.Fleet.bound(p.values, p.Settings)...)
	}
	p.own.claim(p.Target, p.values["DUMP_TARGET"].from.layer == ddev)
	if p.SSH == "" { // on the SSH server, such a name means another server
		p.own.claim(p.Source.URL, false)
	}
	p.Rules, found = readRules(root, p.Type, reader)
	problems = append(problems, found...)
	p.Rules.Reviewed, found = readReviewed(root, reader)
	problems = append(problems, found...)
	if options.Fleet != nil {
		problems = append(problems, options.Fleet.conditions(p.Rules)...)
	}
	p.AWS = awsVariables(dotenv, env)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return p, nil
}

func environMap(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, text, ok := strings.Cut(pair, "="); ok {
			env[name] = text
		}
	}
	return env
}

// Value is the result for one setting, for users to read.
type Value struct {
	Name string
	// Value is the text; "" if the setting is not set. Secrets are replaced with ***.
	Value string
	// Secret means that the value is a secret, or contains one.
	Secret bool
	// Origin is where it comes from: a file with its line, "environment", a flag, "DDEV" for what every DDEV project has, or
	// "built-in".
	Origin string
}

// Values returns every setting, in the order of the documentation.
func (p *Project) Values() []Value {
	result := make([]Value, 0, len(table))
	for _, row := range table {
		value := p.values[row.name]
		shown := Value{Name: row.name, Value: redact(value.text), Secret: row.secret, Origin: value.from.String()}
		shown.Secret = row.secret || shown.Value != value.text
		if row.secret {
			shown.Value = secret.New(value.text).String()
		}
		result = append(result, shown)
	}
	return result
}

// RequireBucket returns a ConfigError of kind ErrMissing if no bucket is set.
func (p *Project) RequireBucket() error { return p.require("DUMP_S3_BUCKET", p.Bucket != "") }

// RequireSource returns a ConfigError of kind ErrMissing if no source is set, and a *OwnDatabaseError if the source is the
// project's own database, which is not available.
func (p *Project) RequireSource() error {
	if err := p.own.require(p.Source.URL); err != nil {
		return err
	}
	return p.require("DUMP_SOURCE", p.Source.IsSet())
}

// RequireTarget returns a ConfigError of kind ErrMissing if no target is set, and a *OwnDatabaseError if it is the project's own
// database, which is not available.
func (p *Project) RequireTarget() error {
	if err := p.own.require(p.Target); err != nil {
		return err
	}
	if p.Target == nil && p.own.problem != nil {
		return p.own.problem
	}
	return p.require("DUMP_TARGET", p.Target != nil)
}

// RequireBake returns a ConfigError of kind ErrMissing if no servers to bake for are set.
func (p *Project) RequireBake() error { return p.require("DUMP_BAKE", len(p.Bake) > 0) }

func (p *Project) require(name string, set bool) error {
	if set {
		return nil
	}
	problem := &ConfigError{Kind: ErrMissing, Name: name, Text: "not set for project " + p.Name}
	if value, touched := p.values[name]; touched {
		problem.Origin, problem.Text = value.from.String(), "set to nothing here, for project "+p.Name
	}
	return problem
}
