package metrics

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// prefix begins the name of every metric.
const prefix = "dump_refresh_"

// text is Prometheus' text format, version 0.0.4.
type text struct {
	bytes.Buffer
	name string
}

// family begins the samples of one metric, which is a gauge as all of them are.
func (t *text) family(name, help string) {
	t.name = prefix + name
	t.WriteString("# HELP " + t.name + " " + help + "\n# TYPE " + t.name + " gauge\n")
}

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// sample adds a value of the current metric; labels are names and values by turns.
func (t *text) sample(value float64, labels ...string) {
	t.WriteString(t.name)
	for i := 0; i < len(labels); i += 2 {
		t.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		t.WriteString(labels[i] + `="` + escaped.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		t.WriteString("}")
	}
	t.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
}

func byName(x, y fleet.ProjectStatus) int {
	return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Place, y.Place))
}
