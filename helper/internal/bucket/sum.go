package bucket

import (
	"bytes"
	"context"
	"crypto/md5"  //nolint:gosec // what stores keep; it guards against accidents, not against people
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Sum compares an object's content, which is written to it, with what the store knows of it.
type Sum struct {
	hash.Hash
	Name string // "CRC64NVME"
	// Sure is false for sums that some stores make in another way: then only a match says something.
	Sure bool

	target string
	want   []byte
}

// nvme is the table of CRC64NVME, S3's own checksum.
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// Sum returns what the store knows of an object's content; nil if that is nothing. An upload in parts may have a checksum of the
// whole, or only one of its parts, which count if all parts but the last have one size.
func (b *Bucket) Sum(ctx context.Context, o Object) (*Sum, error) {
	in := &s3.HeadObjectInput{Bucket: &b.name, Key: &o.Key, VersionId: optional(o.VersionID), IfMatch: optional(o.ETag),
		ChecksumMode: types.ChecksumModeEnabled}
	out, err := b.client.HeadObject(ctx, in)
	if err != nil {
		return nil, b.fail(ctx, "look at", "s3:GetObject", o.Key, err)
	}
	if out.ChecksumType != types.ChecksumTypeComposite {
		for _, known := range []struct {
			name string
			text *string
			hash func() hash.Hash
		}{
			{"SHA256", out.ChecksumSHA256, sha256.New},
			{"CRC64NVME", out.ChecksumCRC64NVME, func() hash.Hash { return crc64.New(nvme) }},
			{"CRC32C", out.ChecksumCRC32C, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
			{"CRC32", out.ChecksumCRC32, func() hash.Hash { return crc32.NewIEEE() }},
			{"SHA1", out.ChecksumSHA1, sha1.New},
		} {
			h := known.hash()
			if want, err := base64.StdEncoding.DecodeString(aws.ToString(known.text)); err == nil && len(want) == h.Size() {
				return &Sum{Hash: h, Name: known.name, Sure: true, target: b.target(o.Key), want: want}, nil
			}
		}
	}
	return b.sumOfETag(ctx, o, out)
}

// sumOfETag returns the sum that an ETag is: the MD5 of the content, or the MD5 of the MD5s of its parts.
func (b *Bucket) sumOfETag(ctx context.Context, o Object, out *s3.HeadObjectOutput) (*Sum, error) {
	if strings.HasPrefix(string(out.ServerSideEncryption), "aws:kms") || out.SSECustomerAlgorithm != nil {
		return nil, nil
	}
	text, count, parts := strings.Cut(strings.Trim(aws.ToString(out.ETag), `"`), "-")
	want, err := hex.DecodeString(text)
	if err != nil || len(want) != md5.Size {
		return nil, nil //nolint:nilerr // some stores make ETags of other things
	}
	sum := &Sum{Hash: md5.New(), Name: "MD5", target: b.target(o.Key), want: want} //nolint:gosec // as above
	if !parts {
		return sum, nil
	}
	first, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &o.Key, VersionId: optional(o.VersionID), PartNumber: aws.Int32(1)})
	if err != nil {
		return nil, nil //nolint:nilerr // a store without part numbers
	}
	size := aws.ToInt64(first.ContentLength)
	if n, err := strconv.ParseInt(count, 10, 64); err != nil || size <= 0 || (o.Size+size-1)/size != n {
		return nil, nil //nolint:nilerr // the parts have several sizes
	}
	sum.Hash, sum.Name = &sumOfParts{size: size, part: md5.New()}, "MD5 of parts" //nolint:gosec // as above
	return sum, nil
}

// Right reports whether the content that was written is the object's.
func (s *Sum) Right() bool { return bytes.Equal(s.Hash.Sum(nil), s.want) }

// Err is the error for content that is not what the store has: it was changed on its way, unless it comes again, for then the store
// has not kept it.
func (s *Sum) Err(again bool) error {
	e := &Error{Op: "check", Target: s.target, Kind: ErrGarbled, message: fmt.Sprintf("what has come does not have the %s that the store keeps of it", s.Name)}
	if again {
		e.Kind = ErrDamaged
	}
	return e
}

// sumOfParts is the sum of the sums of parts of one size.
type sumOfParts struct {
	size   int64
	part   hash.Hash
	filled int64
	sums   []byte
}

func (h *sumOfParts) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(int64(len(p)), h.size-h.filled)
		_, _ = h.part.Write(p[:n]) // never fails
		p, h.filled = p[n:], h.filled+n
		if h.filled == h.size {
			h.sums, h.filled = h.part.Sum(h.sums), 0
			h.part.Reset()
		}
	}
	return total, nil
}

func (h *sumOfParts) Sum(b []byte) []byte {
	sums := h.sums
	if h.filled > 0 {
		sums = h.part.Sum(bytes.Clone(sums))
	}
	sum := md5.Sum(sums) //nolint:gosec // as above
	return append(b, sum[:]...)
}

func (h *sumOfParts) Reset()         { h.part.Reset(); h.sums, h.filled = nil, 0 }
func (h *sumOfParts) Size() int      { return md5.Size }
func (h *sumOfParts) BlockSize() int { return h.part.BlockSize() }
