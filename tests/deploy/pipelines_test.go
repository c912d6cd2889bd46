package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGitHubWorkflow(t *testing.T) {
	program(t, "shellcheck", "apt-get install shellcheck") // actionlint uses it to check scripts
	ours, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(ours) < 2 {
		t.Fatalf("workflows of this repository: %q, %v", ours, err)
	}
	run(t, "", append([]string{program(t, "actionlint", "make tools"), "-color", deployed(t, "github", "dump-refresh.yml")}, ours...)...)
}

// gitLabJob has GitLab's keywords that the file uses. A misspelt one is an error.
type gitLabJob struct {
	Extends string
	Needs   []string
	Image   struct {
		Name       string
		Entrypoint []string
	}
	Rules []struct {
		If, When string
	}
	IDTokens map[string]struct {
		Aud string
	} `yaml:"id_tokens"`
	Variables     map[string]string
	BeforeScript  []string `yaml:"before_script"`
	Script        []string
	Parallel      int
	Timeout       string
	Interruptible *bool
	Retry         struct {
		Max  int
		When string
	}
	Artifacts struct {
		Paths    []string
		ExpireIn string `yaml:"expire_in"`
	}
}

func TestGitLabJobs(t *testing.T) {
	var jobs map[string]gitLabJob
	decode(t, read(t, deployed(t, "gitlab", "dump-refresh.gitlab-ci.yml")), &jobs)
	if jobs["refresh dumps"].Parallel < 2 {
		t.Error("there are no shards")
	}
	for name, job := range jobs {
		if _, known := jobs[job.Extends]; job.Extends != "" && !known {
			t.Errorf("%s extends %s, which is not there", name, job.Extends)
		}
		for _, need := range job.Needs {
			if _, known := jobs[need]; !known {
				t.Errorf("%s needs %s, which is not there", name, need)
			}
		}
		if strings.HasPrefix(name, ".") {
			continue
		}
		if len(job.Script) == 0 {
			t.Errorf("%s does nothing", name)
		}
		// The image has only this shell, and few commands.
		run(t, strings.Join(append(jobs[job.Extends].BeforeScript, job.Script...), "\n"),
			program(t, "shellcheck", "apt-get install shellcheck"), "--shell=dash", "-")
	}
}

func TestJenkinsfile(t *testing.T) {
	blocks, err := jenkinsBlocks(read(t, deployed(t, "jenkins", "Jenkinsfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"pipeline/triggers", "pipeline/options", "pipeline/stages/stage/options", "pipeline/stages/stage/matrix/axes/axis",
		"pipeline/stages/stage/matrix/environment", "pipeline/stages/stage/matrix/stages/stage/steps", "pipeline/post/failure",
	} {
		if !slices.Contains(blocks, path) {
			t.Errorf("there is no %s, only %q", path, blocks)
		}
	}
	// The directives that a declarative pipeline may have in a section; steps are Groovy.
	sections := map[string][]string{
		"pipeline": {"agent", "triggers", "options", "stages", "post", "environment"},
		"stages":   {"stage"},
		"stage":    {"options", "matrix", "steps", "agent", "environment", "stages", "post"},
		"matrix":   {"axes", "agent", "environment", "stages", "options", "post"},
		"axes":     {"axis"},
		"post":     {"always", "failure", "fixed"},
	}
	for _, path := range blocks {
		names := strings.Split(path, "/")
		if len(names) < 2 {
			continue
		}
		parent, name := names[len(names)-2], names[len(names)-1]
		if allowed, known := sections[parent]; known && !slices.Contains(allowed, name) {
			t.Errorf("%s: a %s has no %s", path, parent, name)
		}
	}
}

// jenkinsBlocks returns the path of each block of a Jenkinsfile, by the first words before its braces. It does not parse
// Groovy; it only recognizes strings, comments and brackets.
func jenkinsBlocks(text string) ([]string, error) {
	var blocks, open []string
	line := ""
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "//"):
			i += strings.IndexByte(text[i:], '\n') - 1
		case c == '\'' || c == '"':
			end := i + 1
			for end < len(text) && text[end] != c && text[end] != '\n' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(text) || text[end] != c {
				return nil, fmt.Errorf("a text does not end: %s", text[i:min(i+20, len(text))])
			}
			i = end
		case c == '(' || c == '[':
			open = append(open, string(c))
		case c == '{':
			name, _, _ := strings.Cut(strings.TrimSpace(line), "(")
			open = append(open, strings.TrimSpace(name))
			blocks = append(blocks, strings.Join(open, "/"))
			line = ""
		case c == ')' || c == ']' || c == '}':
			if len(open) == 0 {
				return nil, fmt.Errorf("%c closes nothing", c)
			}
			last := open[len(open)-1]
			if (last == "(") != (c == ')') || (last == "[") != (c == ']') {
				return nil, fmt.Errorf("%c closes %q", c, last)
			}
			open = open[:len(open)-1]
			if c == '}' {
				line = ""
			}
		case c == '\n':
			line = ""
		default:
			if len(open) == 0 || (open[len(open)-1] != "(" && open[len(open)-1] != "[") {
				line += string(c)
			}
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%q does not end", open)
	}
	return blocks, nil
}
