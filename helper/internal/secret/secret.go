// Package secret holds values that must never be printed.
package secret

import "fmt"

// redacted is what every secret prints as.
const redacted = "***"

// String is a secret text. However it is printed, logged or marshalled, it shows as ***. Only Reveal returns the text.
type String struct{ text string }

// New makes a secret of a text.
func New(text string) String { return String{text} }

// Reveal returns the text. Pass it only to a server or to a child's environment.
func (s String) Reveal() string { return s.text }

// IsSet reports whether there is a text.
func (s String) IsSet() bool { return s.text != "" }

// String returns ***, or "" if there is no secret.
func (s String) String() string {
	if s.text == "" {
		return ""
	}
	return redacted
}

// Format makes every verb, also %#v, print ***.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText makes JSON and YAML contain ***.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
