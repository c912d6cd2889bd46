package bucket

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Each cause has its own message.
func TestErrorsOfAWSFiles(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink("/nowhere/config", link); err != nil {
		t.Fatal(err)
	}
	profiles := file("config", `[profile lost]
credential_process = /opt/nothing/credentials --profile x
[profile lost-source]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = lost
[profile fails]
credential_process = false
[profile builtin]
credential_process = exec false
[profile chatters]
credential_process = echo hello
[profile roleless]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = nobody
[profile half]
aws_access_key_id = a
[profile code]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = base
mfa_serial = arn:aws:iam::111122223333:mfa/me
[profile base]
aws_access_key_id = a
aws_secret_access_key = b
[profile token]
role_arn = arn:aws:iam::111122223333:role/x
web_identity_token_file = /nowhere/token
`)
	for name, test := range map[string]struct {
		environment map[string]string
		kind        Kind
		text        string
	}{
		"nothing":          {nil, ErrNoCredentials, ""},
		"half a pair":      {map[string]string{"AWS_ACCESS_KEY_ID": "a"}, ErrNoCredentials, ": AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
		"the other half":   {map[string]string{"AWS_SECRET_ACCESS_KEY": "a"}, ErrNoCredentials, ": AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"},
		"dangling":         {map[string]string{"AWS_CONFIG_FILE": link}, ErrAWSFile, ": " + link + " is a link to /nowhere/config, which does not exist"},
		"dangling, named":  {map[string]string{"AWS_CONFIG_FILE": link, "AWS_PROFILE": "x"}, ErrAWSFile, ": " + link + " is a link to /nowhere/config, which does not exist"},
		"missing":          {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "/no/file"}, ErrAWSFile, ": AWS_SHARED_CREDENTIALS_FILE names /no/file, which does not exist"},
		"unreadable":       {map[string]string{"AWS_CONFIG_FILE": folder}, ErrAWSFile, ": " + folder + ": is a directory"},
		"of another form":  {map[string]string{"AWS_CONFIG_FILE": file("yaml", "# AWS\n\nregion: eu-central-1\n")}, ErrAWSFile, ": " + folder + "/yaml does not begin with a section such as [default], as files of AWS tools do: look at line 3"},
		"unclosed":         {map[string]string{"AWS_CONFIG_FILE": file("unclosed", "[default\nregion = x\n")}, ErrAWSFile, ": " + folder + "/unclosed does not begin with a section such as [default], as files of AWS tools do: look at line 1"},
		"with a mark":      {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file("bom", "\xEF\xBB\xBF[default]\naws_access_key_id = a\naws_secret_access_key = b\n")}, ErrAWSFile, ": " + folder + "/bom begins with a byte order mark, which AWS tools do not understand: save it as UTF-8 without one"},
		"in UTF-16":        {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file("utf16", "\xFF\xFE[\x00d\x00")}, ErrAWSFile, ": " + folder + "/utf16 is UTF-16, which AWS tools do not understand: save it as UTF-8"},
		"bundle":           {map[string]string{"AWS_CA_BUNDLE": "/no/ca"}, ErrAWSFile, ": AWS_CA_BUNDLE names /no/ca, which does not exist"},
		"profile":          {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "x"}, ErrNoProfile, ": x"},
		"source profile":   {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "roleless"}, ErrNoProfile, ": nobody"},
		"no program":       {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "lost"}, ErrCredentialProcess, " (profile lost): there is no program /opt/nothing/credentials here"},
		"no program below": {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "lost-source"}, ErrCredentialProcess, " (profile lost-source): there is no program /opt/nothing/credentials here"},
		"program fails":    {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "fails"}, ErrCredentialProcess, " (profile fails): exit status 1"},
		"shell's word":     {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "builtin"}, ErrCredentialProcess, " (profile builtin): exit status 1"},
		"half a profile":   {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "half"}, ErrNoCredentials, ": the profile half has one of two keys alone"},
		"one-time code":    {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "code"}, ErrNeedsCode, " (profile code)"},
		"token's file":     {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "token"}, ErrAWSFile, ": /nowhere/token: no such file or directory"},
		"program chatters": {map[string]string{"AWS_CONFIG_FILE": profiles, "AWS_PROFILE": "chatters"}, ErrCredentialProcess, " (profile chatters): invalid character 'h' looking for beginning of value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			_, err := Open(t.Context(), Config{Bucket: "b", Project: "shop", Endpoint: "http://127.0.0.1:1", Environment: test.environment})
			wantError(t, err, test.kind, "get AWS credentials: "+string(test.kind)+test.text)
		})
	}
}

// A file that is wrong does not matter where the credentials come from elsewhere.
func TestUnusedAWSFiles(t *testing.T) {
	home := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(home, ".aws"), 0o755), os.Symlink("/nowhere", filepath.Join(home, ".aws", "config"))); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"HOME": home, "AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": "", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	c := Config{Bucket: "b", Project: "shop", Endpoint: "http://127.0.0.1:1", Environment: keys("a", "b", "")}
	open(t, c)
	c.Environment = nil
	_, err := Open(t.Context(), c)
	wantError(t, err, ErrAWSFile, "get AWS credentials: an AWS file cannot be read: "+home+"/.aws/config is a link to /nowhere, which does not exist")
}

func TestErrorsOfSessionTokens(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		c := e.config()
		c.Environment = keys(e.AccessKey, e.SecretKey, "no-token")
		if _, err := open(t, c).Dumps(t.Context()); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("a wrong token: %v", err)
		}
	})
}

// The SDK warns that a server does not have the latest way to get credentials. That is nothing that a user could understand.
func TestTheSDKPrintsNothing(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	defer func(before *os.File) { os.Stderr = before }(os.Stderr)
	os.Stderr = stderr
	_, err = Open(t.Context(), Config{Bucket: "b", Project: "shop", Endpoint: "http://127.0.0.1:1"})
	if !errors.Is(err, ErrNoCredentials) {
		t.Errorf("got %v", err)
	}
	if said, err := os.ReadFile(stderr.Name()); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}
