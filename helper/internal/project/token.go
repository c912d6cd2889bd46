package project

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// tokensFile stores, on this machine, the tokens of the records beside local databases. `ddev snapshot restore` brings back an
// earlier state of the server's files, and so of its records, but not of this file. To DDEV its name is that of an env file, so
// it has the form of one.
const (
	tokensVariable = "DUMP_PULLED"
	tokensFile     = ".env.dump-pulled"
)

// tokensLine has a pair for each target: its key and its token, joined by a colon.
var tokensLine = regexp.MustCompile(`(?m)^` + tokensVariable + `="([0-9a-f: ]*)"$`)

// Tokens returns the tokens that were stored last for the target; none if they are not known.
func (p *Project) Tokens() []string {
	var tokens []string
	for _, pair := range p.tokens() {
		if token, ours := strings.CutPrefix(pair, p.targetKey()+":"); ours {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// RememberTokens replaces the stored tokens of the target. Tokens are hexadecimal.
func (p *Project) RememberTokens(tokens ...string) error {
	pairs := slices.DeleteFunc(p.tokens(), func(pair string) bool { return strings.HasPrefix(pair, p.targetKey()+":") })
	for _, token := range tokens {
		pairs = append(pairs, p.targetKey()+":"+token)
	}
	text := "#ddev-silent-no-warn\n" + tokensVariable + `="` + strings.Join(pairs, " ") + "\"\n"
	if err := replaceFile(filepath.Join(p.Root, ".ddev", tokensFile), []byte(text)); err != nil {
		return fmt.Errorf("remember what was pulled: %w", err)
	}
	return nil
}

func (p *Project) tokens() []string {
	text, err := os.ReadFile(filepath.Join(p.Root, ".ddev", tokensFile))
	if err != nil {
		return nil
	}
	match := tokensLine.FindSubmatch(text)
	if match == nil {
		return nil
	}
	return strings.Fields(string(match[1]))
}

// targetKey identifies a target. The address would not do for the project's own database: it changes with each start, and
// differs within a container.
func (p *Project) targetKey() string {
	name := "own"
	if p.values["DUMP_TARGET"].from.layer != ddev {
		name = fmt.Sprintf("%s %s %s", p.Target.Engine, p.Target.Address(), p.Target.Name)
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}
