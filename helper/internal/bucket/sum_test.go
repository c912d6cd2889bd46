package bucket

import (
	"bytes"
	"hash/crc64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// CRC64NVME has a published check value.
func TestNVME(t *testing.T) {
	if got := crc64.Checksum([]byte("123456789"), nvme); got != 0xae8b14860a799888 {
		t.Errorf("the check value is %x", got)
	}
}

func TestSum(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		plain := func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }
		for name, c := range map[string]struct {
			store func(key string, content []byte) error
			size  int
			sum   string // "" where servers differ: AWS and versitygw compute a CRC64NVME of whatever they get
		}{
			"CRC64NVME": {func(key string, content []byte) error {
				_, err := e.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &e.bucket, Key: &key, Body: bytes.NewReader(content),
					ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
				return err
			}, 1000, "CRC64NVME"},
			"the SDK's own": {func(key string, content []byte) error { return e.PutObject(e.bucket, key, content) }, 1000, ""},
			"SHA-256": {func(key string, content []byte) error {
				_, err := e.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &e.bucket, Key: &key, Body: bytes.NewReader(content),
					ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
				return err
			}, 1000, "SHA256"},
			"MD5": {func(key string, content []byte) error {
				_, err := e.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &e.bucket, Key: &key, Body: bytes.NewReader(content)}, plain)
				return err
			}, 1000, ""},
			"parts": {func(key string, content []byte) error {
				u, err := b.Upload(t.Context(), key, UploadOptions{})
				if err == nil {
					_, err = u.Write(content)
				}
				if err == nil {
					err = u.Complete(t.Context())
				}
				return err
			}, 11*mib - 4, ""},
		} {
			t.Run(name, func(t *testing.T) {
				content := random(c.size)
				key := "dumps/shop/sum.sql"
				if err := c.store(key, content); err != nil {
					t.Fatal(err)
				}
				o, err := b.Head(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				for _, damaged := range []bool{false, true} {
					sum, err := b.Sum(t.Context(), o)
					if err != nil || sum == nil {
						t.Fatalf("%v, %v", sum, err)
					}
					if damaged {
						content[len(content)/2] ^= 1
					}
					for rest := content; len(rest) > 0; rest = rest[min(len(rest), 700):] {
						_, _ = sum.Write(rest[:min(len(rest), 700)])
					}
					if sum.Right() == damaged || c.sum != "" && sum.Name != c.sum || sum.Sure == strings.HasPrefix(sum.Name, "MD5") {
						t.Errorf("damaged %v: right %v by %s, sure %v", damaged, sum.Right(), sum.Name, sum.Sure)
					}
				}
			})
		}
	})
}
