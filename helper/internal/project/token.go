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

// tokensFile remembers on this machine what the records beside local databases have as their tokens: when the files of a server are replaced
// by others of earlier, as by `ddev snapshot restore`, its records are, and this file is not. It has the form of an env file, as DDEV takes
// it for one by its name, which keeps it out of git together with others of that beginning.
const (
	tokensVariable = "DUMP_PULLED"
	tokensFile     = ".env.dump-pulled"
)

// tokensLine has for each target a key and a token, joined by a colon.
var tokensLine = regexp.MustCompile(`(?m)^` + tokensVariable + `="([0-9a-f: ]*)"$`)

// Tokens gives those that were remembered last for the target: none where nobody knows.
func (p *Project) Tokens() []string {
	var tokens []string
	for _, pair := range p.tokens() {
		if token, ours := strings.CutPrefix(pair, p.targetKey()+":"); ours {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// RememberTokens puts tokens, which are hexadecimal, in the place of those of the target.
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

// targetKey tells targets apart. The project's own database has another address with each start, and from within a container.
func (p *Project) targetKey() string {
	name := "own"
	if p.values["DUMP_TARGET"].from.layer != ddev {
		name = fmt.Sprintf("%s %s %s", p.Target.Engine, p.Target.Address(), p.Target.Name)
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}
