package bucket

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The tests are one suite that every server runs; what only one of them can do asks for that one.

var servers map[string]*testserver.S3

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// Nothing of the machine's own AWS settings may get in.
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")

	dir, err := os.MkdirTemp("", "bucket")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	minio, err := testserver.MinIO(filepath.Join(dir, "minio"), testserver.KMS())
	if err != nil {
		panic(err)
	}
	defer minio.Stop()
	versity, err := testserver.VersityGW(filepath.Join(dir, "versitygw"))
	if err != nil {
		panic(err)
	}
	defer versity.Stop()
	servers = map[string]*testserver.S3{"minio": minio, "versitygw": versity}
	return m.Run()
}

// onEach runs a test against every server, each with a new bucket.
func onEach(t *testing.T, test func(t *testing.T, e env)) {
	for name := range servers {
		t.Run(name, func(t *testing.T) { test(t, newEnv(t, name)) })
	}
}

// env is a new bucket on a server.
type env struct {
	*testserver.S3
	bucket string
	notes  *notes
}

var (
	bucketNumber int
	bucketMu     sync.Mutex
)

func newEnv(t *testing.T, server string) env {
	t.Helper()
	bucketMu.Lock()
	bucketNumber++
	e := env{servers[server], fmt.Sprintf("test-%d", bucketNumber), &notes{}}
	bucketMu.Unlock()
	if err := e.CreateBucket(e.bucket); err != nil {
		t.Fatal(err)
	}
	return e
}

type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

// fast are the paces of tests. A busy machine may stop a test for seconds, so a holder is only taken for dead where that is what is tried.
var fast = pace{
	retry: time.Millisecond, backoff: 20 * time.Millisecond, cut: 300 * time.Millisecond,
	say: 10 * time.Millisecond, hasty: 5 * time.Millisecond, outage: time.Hour,
	renew: 100 * time.Millisecond, expiry: time.Hour,
	poll: 20 * time.Millisecond, settle: 200 * time.Millisecond,
}

// small makes an upload of some MiB take every path: parts of 5, 5, 6, 7, 8 … MiB, streamed from 7 MiB on.
var small = limits{
	firstPart: 5 * mib, steadyParts: 2, growth: 1.15, maxBuffer: 6 * mib, memory: 13 * mib, workers: 2,
	rangeSize: 1 * mib, ranges: 4,
}

func keys(access, secret, token string) map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
}

// config is for the project shop, whose dumps are under dumps/shop/.
func (e env) config() Config {
	return Config{
		Bucket: e.bucket, Prefix: "/dumps/shop/", Project: "shop", Endpoint: e.Endpoint,
		Environment: keys(e.AccessKey, e.SecretKey, ""), Note: e.notes.add,
	}
}

func open(t *testing.T, c Config) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	b.limits, b.pace = small, fast
	return b
}

func (e env) open(t *testing.T) *Bucket { return open(t, e.config()) }

// as opens the bucket with credentials that are limited by policy; BUCKET in it is replaced with the bucket's name.
func (e env) as(t *testing.T, statements ...string) *Bucket {
	t.Helper()
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	user, err := e.Restricted(strings.ReplaceAll(policy, "BUCKET", e.bucket))
	if err != nil {
		t.Fatal(err)
	}
	c := e.config()
	c.Environment = keys(user.AccessKey, user.SecretKey, user.SessionToken)
	return open(t, c)
}

func statement(effect string, actions ...string) string {
	return fmt.Sprintf(`{"Effect":%q,"Action":["%s"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"]}`,
		effect, strings.Join(actions, `","`))
}

func allow(actions ...string) string { return statement("Allow", actions...) }
func deny(actions ...string) string  { return statement("Deny", actions...) }

// random is text of a size that does not compress and is the same in each run.
func random(size int) []byte {
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(p)
	return p
}

// put stores an object as another tool would.
func (e env) put(t *testing.T, key string, body []byte) {
	t.Helper()
	if err := e.PutObject(e.bucket, key, body); err != nil {
		t.Fatal(err)
	}
}

// head is what the server says of an object.
func (e env) head(t *testing.T, key string) *s3.HeadObjectOutput {
	t.Helper()
	out, err := e.Client().HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: &e.bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantContent compares an object, byte for byte.
func (e env) wantContent(t *testing.T, key string, want []byte) {
	t.Helper()
	got, err := e.GetObject(e.bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes that differ from the %d written", key, len(got), len(want))
	}
}

// wantNothing checks that an upload left neither an object nor parts.
func (e env) wantNothing(t *testing.T, u *Upload) {
	t.Helper()
	ctx := context.Background()
	list, err := e.Client().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &e.bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		t.Errorf("left behind: object %s", *o.Key)
	}
	uploads, err := e.Client().ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &e.bucket, Prefix: &u.key})
	if err != nil {
		t.Fatal(err)
	}
	for _, up := range uploads.Uploads {
		t.Errorf("left behind: upload of %s", *up.Key)
	}
	if u.id != "" {
		if parts, err := e.Client().ListParts(ctx, &s3.ListPartsInput{Bucket: &e.bucket, Key: &u.key, UploadId: &u.id}); err == nil {
			t.Errorf("left behind: upload with %d parts", len(parts.Parts))
		}
	}
}

func wantError(t *testing.T, err error, kind Kind, text string) *Error {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("%T instead of *Error: %v", err, err)
	}
	if e.Kind != kind {
		t.Errorf("kind is %q instead of %q", e.Kind, kind)
	}
	if got := err.Error(); got != text {
		t.Errorf("text is\n%s\ninstead of\n%s", got, text)
	}
	return e
}
