package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// store is a stand-in for S3 and STS that counts requests. Each project has a dump of a minute ago, and a history.
type store struct {
	*httptest.Server
	mu     sync.Mutex
	counts map[string]int
	others []string
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{counts: map[string]int{}}
	at := time.Now().UTC().Add(-time.Minute)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "other"
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("X-Amz-Request-Id", "1")
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/dumps/"), "/")
		if prefix := r.URL.Query().Get("prefix"); prefix != "" {
			name, _, _ = strings.Cut(prefix, "/")
		}
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/":
			kind = "STS"
			fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
				`<AccessKeyId>id</AccessKeyId><SecretAccessKey>key</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration>`+
				`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
			kind = "LIST"
			fmt.Fprintf(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>dumps</Name><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount>`+
				`<Contents><Key>%s/%s-%s-4f1c2a.sql.zst</Key><LastModified>%s</LastModified><ETag>"1"</ETag><Size>1000</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`,
				name, name, at.Format("20060102T150405Z"), at.Format(time.RFC3339))
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".history.json"):
			kind = "GET"
			runs := make([]map[string]any, 60)
			for i := range runs {
				runs[i] = map[string]any{"started": at, "seconds": 12.5, "tries": 1, "state": "published", "key": name + "/x.sql.zst", "object_bytes": 1000}
			}
			text, _ := json.Marshal(map[string]any{"version": 1, "project": name, "runs": runs})
			_, _ = w.Write(text)
		case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/dumps/.dump-refresh/fleet/"):
			kind = "report"
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.counts[kind]++
		if kind == "other" {
			s.others = append(s.others, r.Method+" "+r.URL.String())
		}
	}))
	s.Server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// TestManyFreshProjects has two thousand projects with nothing to do, behind TLS with a certificate of one's own.
func TestManyFreshProjects(t *testing.T) {
	const projects = 2000
	folder := t.TempDir()
	helper := filepath.Join(folder, "dump-helper")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", helper, "../../helper").CombinedOutput(); err != nil {
		t.Fatalf("build dump-helper: %v\n%s", err, output)
	}
	s := newStore(t)
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i := range projects {
		name := fmt.Sprintf("p%04d", i)
		write("sites/"+name+"/.ddev/config.yaml", "name: "+name+"\ntype: drupal11\ndocroot: web\nphp_version: \"8.4\"\n")
	}
	file := write("fleet.yaml", "defaults: {max_age: 1d, prefix: '{name}', set: {DUMP_S3_BUCKET: dumps, DUMP_S3_ENDPOINT: '"+s.URL+"', DUMP_SOURCE: 'mysql://reader@staging.example.com/shop'}}\nscan: [sites]\n")
	// All of them have one database here, as only their number matters.
	bundle := write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))+debianCertificates(t))
	command := exec.CommandContext(t.Context(), helper, "fleet", "refresh", "--file", file)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "AWS_CA_BUNDLE=" + bundle, "AWS_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ROLE_ARN=arn:aws:iam::111122223333:role/publisher", "AWS_WEB_IDENTITY_TOKEN_FILE=" + write("token", "token"), "AWS_ENDPOINT_URL_STS=" + s.URL,
	}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	began := time.Now()
	err := command.Run()
	took := time.Since(began)
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	if last := lines[len(lines)-1]; err != nil || !strings.HasPrefix(last, fmt.Sprintf("%d fresh in ", projects)) {
		t.Fatalf("%v\n%s", err, strings.Join(lines[max(0, len(lines)-10):], "\n"))
	}
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	processor := seconds(usage.Utime) + seconds(usage.Stime)
	t.Logf("%s\n%.1f s, %.1f s of processor time, %d MiB, %v", strings.Join(lines[:min(len(lines), 3)], "\n"), took.Seconds(), processor, usage.Maxrss>>10, s.counts)
	if usage.Maxrss > 150<<10 {
		t.Errorf("it needed %d MiB", usage.Maxrss>>10)
	}
	if processor > 8 { // two processors have ten in five seconds
		t.Errorf("it took %.1f s of processor time", processor)
	}
	if os.Getenv("DUMP_TEST_LONG") != "" && took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	// docs/cost.md has these numbers.
	if s.counts["STS"] != 1 || s.counts["LIST"] != projects || s.counts["GET"] != projects || s.counts["report"] != 1 || s.counts["other"] != 0 {
		t.Errorf("requests: %v, %q", s.counts, s.others[:min(len(s.others), 3)])
	}
}

// debianCertificates are what a bundle usually has beside one's own certificate; they cost memory.
func debianCertificates(t *testing.T) string {
	text, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Log(err)
	}
	return string(text)
}
