package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

const jsonDocument = "../../../docs/json.md"

// documentedResults are the results in JSON that people may rely on, by command.
var documentedResults = map[string]any{
	"list":          listResult{},
	"refresh":       refreshed{},
	"fleet plan":    planResult{},
	"fleet refresh": fleet.RunReport{},
	"fleet status":  statusResult{},
}

// jsonFields returns the fields of a type as JSON has them, in its order: "projects[].key", and what they are.
func jsonFields(kind reflect.Type, before string) (fields [][2]string) {
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if field.Anonymous && name == "" {
			fields = append(fields, jsonFields(field.Type, before)...)
			continue
		}
		at, what := field.Type, ""
		if at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		path := before + name
		if at.Kind() == reflect.Slice {
			path, at, what = path+"[]", at.Elem(), "list of "
		}
		inner := at.Kind() == reflect.Struct && at != reflect.TypeFor[time.Time]()
		what += jsonType(at)
		if strings.Contains(options, "omit") {
			what += ", or absent"
		}
		fields = append(fields, [2]string{path, what})
		if inner {
			fields = append(fields, jsonFields(at, path+".")...)
		}
	}
	return fields
}

func jsonType(kind reflect.Type) string {
	switch {
	case kind == reflect.TypeFor[time.Time]():
		return "time"
	case kind.Kind() == reflect.Struct:
		return "object"
	case kind.Kind() == reflect.Map:
		return "object of numbers"
	case kind.Kind() == reflect.String:
		return "text"
	case kind.Kind() == reflect.Bool:
		return "true or false"
	}
	return "number"
}

var jsonRow = regexp.MustCompile("(?m)^\\| `([^`]*)` \\| (.*?) \\| (.*?) \\|$")

// TestJSONDocumentHasTheFields compares the fields that docs/json.md lists with those of the program. The meanings are the document's own.
func TestJSONDocumentHasTheFields(t *testing.T) {
	content, err := os.ReadFile(jsonDocument)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s)<!-- fields: ([^>]*) -->\n(.*?)<!-- end -->`)
	want, got := map[string]string{}, map[string]string{}
	meanings := map[string]string{}
	for _, block := range blocks.FindAllStringSubmatch(string(content), -1) {
		got[block[1]] = block[2]
		for _, row := range jsonRow.FindAllStringSubmatch(block[2], -1) {
			meanings[block[1]+" "+row[1]] = row[3]
		}
	}
	for command, result := range documentedResults {
		table := "| field | what it is | meaning |\n|---|---|---|\n"
		for _, field := range jsonFields(reflect.TypeOf(result), "") {
			meaning := meanings[command+" "+field[0]]
			if meaning == "" {
				t.Errorf("docs/json.md lacks the meaning of %s in %s", field[0], command)
			}
			table += fmt.Sprintf("| `%s` | %s | %s |\n", field[0], field[1], meaning)
		}
		want[command] = table
	}
	if *update {
		text := blocks.ReplaceAllStringFunc(string(content), func(block string) string {
			command := blocks.FindStringSubmatch(block)[1]
			return "<!-- fields: " + command + " -->\n" + want[command] + "<!-- end -->"
		})
		if err := os.WriteFile(jsonDocument, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields of the program (-) and in docs/json.md (+); `make reference` writes them:\n%s", diff)
	}
}

// Each documented result says its version first.
func TestJSONResultsHaveAVersion(t *testing.T) {
	for command, result := range documentedResults {
		text, err := json.Marshal(result)
		if err != nil || !strings.HasPrefix(string(text), `{"version":`) {
			t.Errorf("%s: %.40s, %v", command, text, err)
		}
	}
}
