package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
)

// awsFiles are the files that AWS tools read, with the variables that name others.
var awsFiles = []struct {
	variable string
	usual    func() string // the path where no variable names one; such a file need not exist
}{
	{"AWS_CONFIG_FILE", config.DefaultSharedConfigFilename},
	{"AWS_SHARED_CREDENTIALS_FILE", config.DefaultSharedCredentialsFilename},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", nil},
	{"AWS_CA_BUNDLE", nil},
}

// fileProblem says what is wrong with one of the files; "" if nothing is. The SDK takes a file that it cannot open for one that does
// not exist, and looks for credentials elsewhere.
func fileProblem(environment map[string]string) string {
	for _, file := range awsFiles {
		path, subject := firstOf(environment, file.variable), ""
		if path != "" {
			subject = file.variable + " names "
		} else if file.usual != nil {
			path = file.usual()
		}
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		target, linkErr := os.Readlink(path)
		var pathError *fs.PathError
		switch {
		case err == nil && file.usual != nil:
			if problem := formProblem(text); problem != "" {
				return path + " " + problem
			}
		case err == nil:
		case errors.Is(err, fs.ErrNotExist) && linkErr == nil:
			return path + " is a link to " + target + ", which does not exist"
		case errors.Is(err, fs.ErrNotExist) && subject != "":
			return subject + path + ", which does not exist"
		case errors.Is(err, fs.ErrNotExist):
		case errors.As(err, &pathError):
			return path + ": " + pathError.Err.Error()
		}
	}
	return ""
}

// formProblem says why AWS tools do not read a file of profiles; "" if they do, as far as its form goes. The SDK passes over what it does not
// understand, as if it were not there.
func formProblem(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")):
		return "begins with a byte order mark, which AWS tools do not understand: save it as UTF-8 without one"
	case bytes.HasPrefix(text, []byte("\xFF\xFE")) || bytes.HasPrefix(text, []byte("\xFE\xFF")):
		return "is UTF-16, which AWS tools do not understand: save it as UTF-8"
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] != '[' || !bytes.Contains(line, []byte("]")) {
			return fmt.Sprintf("does not begin with a section such as [default], as files of AWS tools do: look at line %d", number)
		}
		return ""
	}
	return ""
}

// missingProgram returns the program of a profile's credential_process if this machine does not have it; "" if it does, or
// if only a shell can tell.
func missingProgram(ctx context.Context, c *config.SharedConfig) string {
	for ; c != nil; c = c.Source {
		words := strings.Fields(c.CredentialProcess)
		if len(words) == 0 || strings.ContainsAny(words[0], "\"'\\$`~;&|<>(){}*?[]=") {
			continue
		}
		// The SDK has a shell run the command, and a shell knows words that are no programs.
		if exec.CommandContext(ctx, "sh", "-c", `command -v -- "$1"`, "sh", words[0]).Run() != nil {
			return words[0]
		}
	}
	return ""
}
