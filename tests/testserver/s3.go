package testserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// S3 is a running S3 server.
type S3 struct {
	*Process
	Endpoint  string // http://127.0.0.1:port; needs path-style addresses
	Region    string
	AccessKey string // of the owner, who may do everything
	SecretKey string
}

// Credentials are the credentials of a user of an S3 server.
type Credentials struct {
	AccessKey, SecretKey, SessionToken string
}

// MinIO starts a MinIO server with its data in dir. environment has further variables, such as KMS().
func MinIO(dir string, environment ...string) (*S3, error) {
	server, err := minio.path()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	return startS3(dir, func(s *S3, port int) spec {
		return spec{
			name: "minio",
			command: func() []string {
				return []string{
					server, "server", "--quiet", "--address", fmt.Sprintf("127.0.0.1:%d", port),
					"--console-address", "127.0.0.1:0", data,
				}
			},
			env: append([]string{
				"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
				"MINIO_BROWSER=off", "MINIO_UPDATE=off", "HOME=" + dir,
			}, environment...),
		}
	}, data)
}

// KMSKeyID is the key that KMS gives a MinIO server.
const KMSKeyID = "dump-test-key"

// KMS is the variable that lets MinIO encrypt with SSE-KMS and SSE-S3.
func KMS() string {
	return "MINIO_KMS_SECRET_KEY=" + KMSKeyID + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
}

// VersityGW starts a versitygw server, which can keep versions, with its data in dir. Each option is a further flag before its back
// end, such as "--readonly".
func VersityGW(dir string, options ...string) (*S3, error) {
	server, err := versitygw.path()
	if err != nil {
		return nil, err
	}
	data, versions, users := filepath.Join(dir, "data"), filepath.Join(dir, "versions"), filepath.Join(dir, "users")
	return startS3(dir, func(s *S3, port int) spec {
		return spec{
			name: "versitygw",
			command: func() []string {
				words := []string{server, "--port", fmt.Sprintf("127.0.0.1:%d", port), "--iam-dir", users}
				words = append(words, options...)
				return append(words, "posix", "--versioning-dir", versions, data)
			},
			env: []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey},
		}
	}, data, versions, users)
}

func startS3(dir string, describe func(s *S3, port int) spec, folders ...string) (*S3, error) {
	for _, folder := range append(folders, dir) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	var s *S3
	err := launch(func(port int) (*Process, error) {
		s = &S3{
			Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), Region: "us-east-1",
			AccessKey: "dump-test-owner", SecretKey: "dump-test-owner-secret",
		}
		spec := describe(s, port)
		spec.dir, spec.stop = dir, syscall.SIGTERM
		client := s.clientFor(s.Owner(), aws.NopRetryer{})
		spec.ready = func(ctx context.Context) error {
			_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
			return err
		}
		s.Process = &Process{spec: spec}
		return s.Process, nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Owner returns the credentials of the user who may do everything.
func (s *S3) Owner() Credentials { return Credentials{AccessKey: s.AccessKey, SecretKey: s.SecretKey} }

// Restricted returns credentials for only what an IAM policy document allows, valid for an hour. MinIO only.
func (s *S3) Restricted(policy string) (Credentials, error) {
	client := sts.New(sts.Options{
		Region: s.Region, BaseEndpoint: &s.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
	answer, err := client.AssumeRole(context.Background(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::000000000000:role/test"), RoleSessionName: aws.String("test"),
		Policy: &policy,
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("restricted credentials: %w", err)
	}
	return Credentials{
		AccessKey: *answer.Credentials.AccessKeyId, SecretKey: *answer.Credentials.SecretAccessKey,
		SessionToken: *answer.Credentials.SessionToken,
	}, nil
}

// Guest returns credentials for only what an IAM policy document allows in a bucket. There is one guest, and the policy is the bucket's
// until the next call. versitygw only, which only has policies of buckets.
func (s *S3) Guest(bucket, policy string) (Credentials, error) {
	guest := Credentials{AccessKey: "dump-test-guest", SecretKey: "dump-test-guest-secret"}
	if err := s.addGuest(guest); err != nil {
		return Credentials{}, err
	}
	var document struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return Credentials{}, err
	}
	for _, statement := range document.Statement {
		statement["Principal"] = map[string]string{"AWS": guest.AccessKey}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return Credentials{}, err
	}
	_, err = s.Client().PutBucketPolicy(context.Background(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(string(text))})
	return guest, err
}

// addGuest makes the user if it is missing. It may do nothing by itself.
func (s *S3) addGuest(guest Credentials) error {
	if _, err := s.ClientAs(guest).ListBuckets(context.Background(), &s3.ListBucketsInput{}); err == nil {
		return nil
	}
	server, err := versitygw.path()
	if err != nil {
		return err
	}
	return run("versitygw admin", nil, server, "admin", "--endpoint-url", s.Endpoint, "--access", s.AccessKey, "--secret", s.SecretKey,
		"create-user", "--access", guest.AccessKey, "--secret", guest.SecretKey, "--role", "user")
}

// Environ returns the environment that makes the AWS SDK use these credentials, and no profile of the machine.
func (c Credentials) Environ() []string {
	environ := []string{
		"AWS_ACCESS_KEY_ID=" + c.AccessKey, "AWS_SECRET_ACCESS_KEY=" + c.SecretKey,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	}
	if c.SessionToken != "" {
		environ = append(environ, "AWS_SESSION_TOKEN="+c.SessionToken)
	}
	return environ
}

// Client is the SDK's client with the owner's credentials.
func (s *S3) Client() *s3.Client { return s.clientFor(s.Owner(), nil) }

// ClientAs is the SDK's client with other credentials.
func (s *S3) ClientAs(c Credentials) *s3.Client { return s.clientFor(c, nil) }

func (s *S3) clientFor(c Credentials, retryer aws.Retryer) *s3.Client {
	return s3.New(s3.Options{
		Region: s.Region, BaseEndpoint: &s.Endpoint, UsePathStyle: true, Retryer: retryer,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken),
	})
}

// CreateBucket makes a bucket.
func (s *S3) CreateBucket(name string) error {
	_, err := s.Client().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name})
	return err
}

// EnableVersions makes a bucket keep old versions of its objects.
func (s *S3) EnableVersions(bucket string) error {
	_, err := s.Client().PutBucketVersioning(context.Background(), &s3.PutBucketVersioningInput{
		Bucket:                  &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return err
}

// PutObject stores an object without conditions.
func (s *S3) PutObject(bucket, key string, body []byte) error {
	_, err := s.Client().PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body),
	})
	return err
}

// GetObject reads a whole object.
func (s *S3) GetObject(bucket, key string) ([]byte, error) {
	answer, err := s.Client().GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// DeleteObject removes an object.
func (s *S3) DeleteObject(bucket, key string) error {
	_, err := s.Client().DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

// Keys lists the keys of all objects of a bucket, in order.
func (s *S3) Keys(bucket string) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(s.Client(), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return keys, nil
}

// Uploads lists the keys of all unfinished multipart uploads of a bucket, in order. MinIO only lists those that began after it
// started.
func (s *S3) Uploads(bucket string) ([]string, error) {
	answer, err := s.Client().ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, upload := range answer.Uploads {
		keys = append(keys, *upload.Key)
	}
	slices.Sort(keys)
	return keys, nil
}
