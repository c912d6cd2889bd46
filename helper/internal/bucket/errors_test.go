package bucket

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestErrorsOfCredentials(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		c := e.config()
		c.Environment = keys("unknown", "secret", "")
		_, err := open(t, c).Dumps(t.Context())
		if !errors.Is(err, ErrInvalidKey) {
			t.Errorf("unknown key: %v", err)
		}
		c.Environment = keys(e.AccessKey, "wrong", "")
		_, err = open(t, c).Dumps(t.Context())
		if !errors.Is(err, ErrSignature) {
			t.Errorf("wrong secret: %v", err)
		}
		for _, raw := range []string{"operation error", "StatusCode", "RequestID", "wrong"} {
			if strings.Contains(err.Error(), raw) {
				t.Errorf("%q is in the text: %v", raw, err)
			}
		}
	})
}

func TestErrorsOfTheBucket(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		c := e.config()
		c.Bucket = "no-such-bucket"
		b := open(t, c)
		_, err := b.Dumps(t.Context())
		wantError(t, err, ErrNoSuchBucket, "list s3://no-such-bucket/dumps/shop/: no such bucket")
		_, err = upload(t, b, random(10), 10, UploadOptions{})
		if !errors.Is(err, ErrNoSuchBucket) {
			t.Errorf("put: %v", err)
		}
		_, err = b.Acquire(t.Context(), LeaseOptions{})
		if !errors.Is(err, ErrNoSuchBucket) {
			t.Errorf("lease: %v", err)
		}
		b = e.open(t)
		_, err = b.Head(t.Context(), "x")
		wantError(t, err, ErrNoSuchKey, "look at s3://"+e.bucket+"/x: no such object")
		err = b.Fetch(t.Context(), Object{Key: "x", Size: 1}, newMemory(1, 0), 0, nil)
		wantError(t, err, ErrNoSuchKey, "fetch s3://"+e.bucket+"/x: no such object")
	})
}

func TestErrorsOfPermissions(t *testing.T) {
	e := newEnv(t, "minio")
	o := e.stored(t, e.open(t), "dumps/shop/a.sql", random(10))
	at := "s3://" + e.bucket + "/dumps/shop/"

	_, err := e.as(t, allow("s3:*"), deny("s3:ListBucket")).Dumps(t.Context())
	if x := wantError(t, err, ErrAccessDenied, "list "+at+": access denied, s3:ListBucket is missing: Access Denied"); x.Action != "s3:ListBucket" {
		t.Errorf("action is %q", x.Action)
	}
	err = e.as(t, allow("s3:*"), deny("s3:GetObject")).Fetch(t.Context(), o, newMemory(10, 0), 0, nil)
	wantError(t, err, ErrAccessDenied, "fetch "+at+"a.sql: access denied, s3:GetObject is missing: Access Denied")

	readOnly := e.as(t, allow("s3:GetObject", "s3:ListBucket"))
	for _, size := range []int{10, 6 * mib} {
		u, err := upload(t, readOnly, random(size), mib, UploadOptions{Tags: map[string]string{"a": "b"}})
		op := map[bool]string{true: "put", false: "begin upload of"}[size == 10]
		wantError(t, err, ErrAccessDenied, op+" s3://"+e.bucket+"/"+u.Key()+": access denied, s3:PutObject is missing: Access Denied")
	}
	_, err = readOnly.Acquire(t.Context(), LeaseOptions{Holder: "x"})
	wantError(t, err, ErrAccessDenied, "write "+at+".dump-refresh/shop.lease.json: access denied, s3:PutObject is missing: Access Denied")
	err = readOnly.Delete(t.Context(), o)
	wantError(t, err, ErrAccessDenied, "delete "+at+"a.sql: access denied, s3:DeleteObject is missing: Access Denied")

	// Publishers who may only write.
	writeOnly := e.as(t, allow("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"))
	u, err := upload(t, writeOnly, random(6*mib), mib, UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.wantContent(t, u.Key(), random(6*mib))
	if got, want := e.notes.String(), "the size of the uploaded dump could not be checked: s3:GetObject is not allowed"; got != want {
		t.Errorf("note is %q", got)
	}
}

// answers opens a bucket on a server that always says the same.
func answers(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *Bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(server.Close)
	return open(t, Config{Bucket: "b", Prefix: "p", Project: "shop", Endpoint: server.URL, Environment: keys("id", "key", "")})
}

func TestErrorsOfAWS(t *testing.T) {
	for _, c := range []struct {
		status              int
		code, message, head string
		kind                Kind
		text                string
	}{
		{301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.", "eu-central-1",
			ErrWrongRegion, "the bucket is in another region, eu-central-1"},
		{400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "",
			ErrWrongRegion, "the bucket is in another region, eu-west-1"},
		{403, "InvalidObjectState", "The operation is not valid for the object's storage class", "",
			ErrArchived, "the object is archived and must be restored first: The operation is not valid for the object's storage class"},
		{400, "ExpiredToken", "The provided token has expired.", "",
			ErrExpired, "the temporary credentials have expired (profile default): The provided token has expired"},
		{403, "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:k", "",
			ErrKMSDenied, "access to the KMS key denied: User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:k"},
		{400, "KMS.DisabledException", "k is disabled.", "", ErrKMSDenied, "access to the KMS key denied: k is disabled"},
		{507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.", "",
			ErrNoSpace, "no space left in the store: Storage backend has reached its minimum free drive threshold"},
		{400, "SomethingNew", "Never seen.", "", ErrRejected, "rejected: Never seen"},
		{418, "SomethingNew", "", "", ErrRejected, "rejected: SomethingNew"},
	} {
		b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.head != "" {
				w.Header().Set("X-Amz-Bucket-Region", c.head)
			}
			answerError(w, c.status, c.code, c.message)
		})
		err := b.Fetch(t.Context(), Object{Key: "p/a.sql", Size: 1}, newMemory(1, 0), 0, nil)
		e := wantError(t, err, c.kind, "fetch s3://b/p/a.sql: "+c.text)
		if (c.kind == ErrWrongRegion) != (e.Region != "") {
			t.Errorf("%s: region is %q", c.code, e.Region)
		}
	}
}

func TestErrorOfHeadInAnotherRegion(t *testing.T) {
	b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		w.WriteHeader(http.StatusBadRequest)
	})
	_, err := b.Head(t.Context(), "k")
	wantError(t, err, ErrWrongRegion, "look at s3://b/k: the bucket is in another region, eu-west-1")
}

func TestClock(t *testing.T) {
	late := func(w http.ResponseWriter) {
		w.Header().Set("Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat))
	}
	for code, status := range map[string]int{"RequestTimeTooSkewed": 403, "AccessDenied": 403, "SignatureDoesNotMatch": 403} {
		var said notes
		b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
			late(w)
			answerError(w, status, code, "The difference between the request time and the server's time is too large.")
		})
		b.noteFunc = said.add
		_, err := b.Dumps(t.Context())
		e := wantError(t, err, ErrClockSkew, "list s3://b/p/: this machine's clock is wrong, 20m0s behind the server's: "+
			"The difference between the request time and the server's time is too large")
		if e.Offset < 19*time.Minute || e.Offset > 21*time.Minute {
			t.Errorf("offset is %s", e.Offset)
		}
		if got := said.String(); got != "this machine's clock is 20m0s behind the server's: set it" {
			t.Errorf("note is %q", got)
		}
	}
	// A server that minds the clock is satisfied by the second try, which is signed with its time.
	b := answers(t, func(w http.ResponseWriter, r *http.Request) {
		late(w)
		signed, err := time.Parse(keyTime, r.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Error(err)
		}
		if time.Since(signed) > -5*time.Minute {
			answerError(w, 403, "RequestTimeTooSkewed", "Too large.")
			return
		}
		_, _ = io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
	})
	if _, err := b.Dumps(t.Context()); err != nil {
		t.Error(err)
	}
	if offset, known := b.ClockOffset(); !known || offset < 19*time.Minute || offset > 21*time.Minute {
		t.Errorf("offset is %s, %v", offset, known)
	}
}

func TestErrorsOfTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	c := Config{Bucket: "b", Prefix: "p", Project: "shop", Environment: keys("id", "key", "")}
	for endpoint, text := range map[string]string{
		"http://" + closed:           "dial tcp " + closed + ": connect: connection refused",
		"http://nothing.invalid":     "no host nothing.invalid",
		secure.URL:                   "certificate",
		"https://" + closed[:0] + "": "",
	} {
		c.Endpoint = endpoint
		if text == "" {
			_, err := Open(t.Context(), c)
			wantError(t, err, ErrEndpoint, "use endpoint https://: not an S3 endpoint")
			continue
		}
		_, err := open(t, c).Dumps(t.Context())
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}

	b := answers(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><body>Welcome to nginx!</p></html>")
	})
	_, err = b.Dumps(t.Context())
	if !errors.Is(err, ErrEndpoint) {
		t.Errorf("a web server: %v", err)
	}
}

func TestIdleConnections(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	b := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "body") {
			var from int
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", fmt.Sprint(10-from))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-9/10", from))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "12345")
			w.(http.Flusher).Flush()
		}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	ctx := withIdle(t.Context(), 50*time.Millisecond)
	for _, key := range []string{"head", "body"} {
		err := b.Fetch(ctx, Object{Key: key, Size: 10}, newMemory(10, 0), 0, nil)
		if key == "body" {
			// Each try brings bytes, so this goes on until the object's end.
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
			continue
		}
		wantError(t, err, ErrUnreachable, "fetch s3://b/head: cannot be reached: no data was sent or received for too long")
	}
}

func TestNoCredentials(t *testing.T) {
	c := Config{Bucket: "b", Project: "shop"}
	_, err := Open(t.Context(), c)
	wantError(t, err, ErrNoCredentials, "get AWS credentials: no AWS credentials found")

	c.Environment = map[string]string{"AWS_PROFILE": "nobody"}
	_, err = Open(t.Context(), c)
	if e := wantError(t, err, ErrNoProfile, "get AWS credentials: no such AWS profile: nobody"); e.Profile != "nobody" {
		t.Errorf("profile is %q", e.Profile)
	}
}

// profiles writes an AWS configuration and gives the environment that names it.
func profiles(t *testing.T, profile, config string) map[string]string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	file := filepath.Join(home, ".aws", "config")
	write(t, file, config)
	return map[string]string{"AWS_CONFIG_FILE": file, "AWS_PROFILE": profile}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProfiles(t *testing.T) {
	e := newEnv(t, "minio")
	c := e.config()
	c.Endpoint = ""
	c.Environment = profiles(t, "work", fmt.Sprintf(`[profile work]
aws_access_key_id = %s
aws_secret_access_key = %s
region = eu-central-9
endpoint_url = %s
`, e.AccessKey, e.SecretKey, e.Endpoint))
	b, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Credentials(); got != "profile work" {
		t.Errorf("credentials are from %q", got)
	}
	if got := b.client.Options().Region; got != "eu-central-9" {
		t.Errorf("region is %q", got)
	}
	c.Region = "eu-central-8"
	if b, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := b.client.Options().Region; got != "eu-central-8" {
		t.Errorf("region is %q", got)
	}
	c.Region = ""
	c.Environment["AWS_REGION"] = "us-east-1"
	c.Environment["AWS_ACCESS_KEY_ID"], c.Environment["AWS_SECRET_ACCESS_KEY"] = e.AccessKey, e.SecretKey
	if b, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := b.Credentials(); got != "AWS_ACCESS_KEY_ID" {
		t.Errorf("credentials are from %q", got)
	}
	if _, err := b.Dumps(t.Context()); err != nil {
		t.Errorf("with the profile's endpoint: %v", err)
	}
}

func TestExpiredSSO(t *testing.T) {
	for kind, config := range map[string]string{
		"session": `[profile work]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = dev
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
`,
		"legacy": `[profile work]
sso_region = us-east-1
sso_start_url = https://corp.example/start
sso_account_id = 123456789012
sso_role_name = dev
`,
		"role": `[profile work]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = base
[profile base]
sso_region = us-east-1
sso_start_url = https://corp.example/start
sso_account_id = 123456789012
sso_role_name = dev
`,
	} {
		for _, state := range []string{"never signed in", "expired"} {
			t.Run(kind+" "+state, func(t *testing.T) {
				environment := profiles(t, "work", config)
				if state == "expired" {
					name := "https://corp.example/start"
					if kind == "session" {
						name = "corp"
					}
					sum := sha1.Sum([]byte(name))
					write(t, filepath.Join(filepath.Dir(environment["AWS_CONFIG_FILE"]), "sso", "cache", hex.EncodeToString(sum[:])+".json"),
						`{"accessToken":"t","expiresAt":"2020-01-01T00:00:00Z"}`)
				}
				_, err := Open(t.Context(), Config{Bucket: "b", Project: "shop", Environment: environment})
				if e := wantError(t, err, ErrSSOExpired, "get AWS credentials: the SSO session has expired (profile work)"); e.Profile != "work" {
					t.Errorf("profile is %q", e.Profile)
				}
			})
		}
	}
}

func TestCancelledCallsReturnTheCause(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("ctrl-c")
	cancel(why)
	_, err := b.Dumps(ctx)
	if !errors.Is(err, why) || err.Error() != "list s3://"+e.bucket+"/dumps/shop/: ctrl-c" {
		t.Errorf("list: %v", err)
	}
	if _, err := b.Acquire(ctx, LeaseOptions{}); !errors.Is(err, why) {
		t.Errorf("lease: %v", err)
	}
}

func TestPathStyle(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:9000": true, "http://localhost:9000": true, "http://minio:9000": true, "http://[::1]:9000": true,
		"https://s3.eu-central-1.amazonaws.com": false, "https://fsn1.example.com": false,
	} {
		if got := needsPathStyle(endpoint); got != want {
			t.Errorf("%s: %v", endpoint, got)
		}
	}
}
