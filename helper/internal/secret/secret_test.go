package secret

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestSecretsPrintAsStars(t *testing.T) {
	s := New("hunter2")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(format, s); got != "***" {
			t.Errorf("%s: got %s", format, got)
		}
		if got := fmt.Sprintf(format, struct{ Inner String }{s}); got == "" || got != fmt.Sprintf(format, struct{ Inner String }{New("other")}) {
			t.Errorf("%s within a struct: got %s", format, got)
		}
	}
	text, err := json.Marshal(s)
	if err != nil || string(text) != `"***"` {
		t.Errorf("JSON: got %s, %v", text, err)
	}
	if s.Reveal() != "hunter2" || !s.IsSet() || New("").IsSet() || New("").String() != "" {
		t.Error("the text itself is not what was kept")
	}
}
