package bucket

import (
	"context"
	"iter"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// objects lists all objects below a prefix, page by page. With a delimiter it lists only the direct children. After an error it ends.
func (b *Bucket) objects(ctx context.Context, prefix, delimiter string) iter.Seq2[types.Object, error] {
	return func(yield func(types.Object, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, Delimiter: optional(delimiter),
			// XML has no way to write a control character, and keys may contain them.
			EncodingType: types.EncodingTypeUrl}
		for seen := newPages(); ; {
			page, err := b.client.ListObjectsV2(ctx, in)
			if err != nil {
				yield(types.Object{}, b.fail(ctx, "list", "s3:ListBucket", prefix, err))
				return
			}
			for _, object := range page.Contents {
				object.Key = decodeKey(object.Key, page.EncodingType)
				if !yield(object, nil) {
					return
				}
			}
			if !aws.ToBool(page.IsTruncated) {
				return
			}
			if in.ContinuationToken = page.NextContinuationToken; !seen.isNew(aws.ToString(in.ContinuationToken)) {
				yield(types.Object{}, b.endless(prefix))
				return
			}
		}
	}
}

// pages are the marks at which the pages of a listing have begun.
type pages map[string]bool

func newPages() pages { return pages{"": true} }

// isNew reports whether a listing goes on. A store that repeats a mark, or gives none, would be asked for ever.
func (p pages) isNew(mark string) bool {
	before := p[mark]
	p[mark] = true
	return !before
}

// endless is the error for such a store.
func (b *Bucket) endless(prefix string) error {
	return &Error{Op: "list", Target: b.target(prefix), Kind: ErrGarbled, message: "the listing does not end: it repeats a page"}
}

// decodeKey decodes a key in a listing. Some stores ignore that its keys were asked for in an encoded form, and do not claim that
// they are.
func decodeKey(key *string, encoding types.EncodingType) *string {
	if key == nil || encoding != types.EncodingTypeUrl {
		return key
	}
	if decoded, err := url.QueryUnescape(*key); err == nil {
		return &decoded
	}
	return key
}
