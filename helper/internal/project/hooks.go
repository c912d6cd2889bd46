package project

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// TaskKind says what a task of a hook is; its text is what DDEV calls it in config.yaml.
type TaskKind string

// The kinds of tasks. DDEV can make nothing of one that is invalid, which ends whatever the hook belongs to.
const (
	TaskInvalid  TaskKind = ""
	TaskExec     TaskKind = "exec"      // Command, in a shell of a container
	TaskExecRaw  TaskKind = "exec_raw"  // Arguments, a program and its arguments in a container
	TaskExecHost TaskKind = "exec-host" // Command, in a shell on the machine itself
	TaskComposer TaskKind = "composer"  // Arguments, those of Composer in the web container
)

// Task is one command of a hook.
type Task struct {
	Kind      TaskKind
	Command   string
	Arguments []string
	// Service is the one whose container is meant, and User the account in there, empty for the container's own.
	Service, User string
	// Origin is the file below the project's root that holds the task, with its line.
	Origin string
}

// String gives one line for people to read, without passwords.
func (t Task) String() string {
	if t.Kind == TaskInvalid {
		return "invalid task"
	}
	what := t.Command
	if t.Command == "" {
		what = strings.Join(t.Arguments, " ")
	}
	first, _, more := strings.Cut(strings.TrimSpace(redact(what)), "\n")
	if more {
		first += " …"
	}
	return string(t.Kind) + " " + first
}

// Hooks gives the tasks that DDEV runs at a moment of its own: "pre-import-db", for instance.
func (p *Project) Hooks(name string) []Task { return p.hooks[name] }

// mergeHooks adds the tasks of one config file to those of the files before it, or puts them in their place.
func (c *ddevConfig) mergeHooks(node *yaml.Node, replace bool, from origin) {
	var hooks map[string][]yaml.Node
	_ = node.Decode(&hooks) // what does not fit is for DDEV to complain about
	for name, items := range hooks {
		if items == nil {
			continue
		}
		name = strings.ToLower(name)
		if c.hooks == nil {
			c.hooks = map[string][]Task{}
		}
		if replace {
			c.hooks[name] = nil
		}
		for _, item := range items {
			task := newTask(&item)
			task.Origin = from.at(item.Line).String()
			c.hooks[name] = append(c.hooks[name], task)
		}
	}
}

// newTask makes of a hook's entry what DDEV's NewTask makes of it: exec-host comes before composer and
// composer before exec; exec_raw counts beside the latter two, where they hold no text.
func newTask(node *yaml.Node) Task {
	var entry map[string]any
	_ = node.Decode(&entry)
	fields := map[string]any{}
	for key, value := range entry {
		fields[strings.ToLower(key)] = value
	}
	if value, ok := fields["exec-host"]; ok {
		if command, isText := value.(string); isText {
			return Task{Kind: TaskExecHost, Command: command}
		}
		return Task{}
	}
	raw, isRaw := texts(fields["exec_raw"])
	if value, ok := fields["composer"]; ok {
		if words, isText := value.(string); isText {
			raw, isRaw = strings.Split(words, " "), true
		}
		if isRaw {
			return Task{Kind: TaskComposer, Arguments: raw}
		}
		return Task{}
	}
	value, ok := fields["exec"]
	command, isText := value.(string)
	task := Task{Service: serviceOf(fields["service"]), User: userOf(fields["user"])}
	switch {
	case ok && isText:
		task.Kind, task.Command = TaskExec, command
	case ok && isRaw:
		task.Kind, task.Arguments = TaskExecRaw, raw
	default:
		return Task{}
	}
	return task
}

// texts gives a list that holds nothing but texts.
func texts(value any) (result []string, ok bool) {
	list, ok := value.([]any)
	for _, item := range list {
		text, isText := item.(string)
		ok = ok && isText
		result = append(result, text)
	}
	return result, ok
}

func serviceOf(value any) string {
	if name, _ := value.(string); name != "" {
		return name
	}
	return "web"
}

func userOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case int:
		return strconv.Itoa(value)
	}
	return ""
}
