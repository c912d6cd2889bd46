package project

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanaries(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
		err   string
	}{
		"none":    {nil, nil, ""},
		"values":  {map[string]string{".env": "DUMP_CANARY='canary@example.com, second canary'"}, []string{"canary@example.com", "second canary"}, ""},
		"file":    {map[string]string{".env": "DUMP_CANARY=file:.ddev/canaries", "canaries": "canary, one\n\nsecond canary\n"}, []string{"canary, one", "second canary"}, ""},
		"missing": {map[string]string{".env": "DUMP_CANARY=file:.ddev/gone"}, nil, ".ddev/.env:1: DUMP_CANARY: get the values from file:.ddev/gone: no such file"},
		"short": {map[string]string{".env": "DUMP_CANARY=file:.ddev/canaries", "canaries": "short\n"}, nil,
			".ddev/.env:1: DUMP_CANARY: each value must have at least 9 characters, so that it is nowhere by chance"},
		"empty": {map[string]string{".env": "DUMP_CANARY=file:.ddev/canaries", "canaries": "\n"}, nil,
			".ddev/.env:1: DUMP_CANARY: must be values with commas between them, or file:PATH with one in each line"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"config.yaml": "name: site"}
			for name, text := range test.files {
				files[name] = text
			}
			p := load(t, Options{Dir: write(t, files)})
			got, err := p.Canaries(t.Context())
			if test.err != "" && (err == nil || err.Error() != test.err) || test.err == "" && err != nil {
				t.Fatalf("got  %v\nwant %s", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for text, kind := range map[string]error{"a canary of the site": ErrPasswordExposed, "file:canaries": nil} {
		_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{"config.yaml": "web_environment: ['DUMP_CANARY=" + text + "']"})})
		if !errors.Is(err, kind) || err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("%s in config.yaml: %v", text, err)
		}
	}
	_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{"config.yaml": "", ".env": "DUMP_CANARY=tiny"})})
	if !errors.Is(err, ErrInvalidValue) || strings.Contains(err.Error(), "tiny") {
		t.Errorf("a short value: %v", err)
	}
}
