package zstdfast

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzEncode makes longer texts of short ones: each byte of a recipe adds some bytes of a seed, or some of what there is already.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("INSERT INTO `node` VALUES (1,'page','lorem ipsum');"), []byte{0, 200, 17, 33, 255, 3, 90, 128, 4, 250})
	f.Add(noise(300), []byte{1, 0, 99, 255, 255, 7, 150, 160, 170, 3, 255})
	f.Add([]byte{0}, bytes.Repeat([]byte{255}, 40))
	reader, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	encoder := new(Encoder)
	f.Fuzz(func(t *testing.T, seed, recipe []byte) {
		text := cook(seed, recipe)
		frame, err := encoder.Encode(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := reader.DecodeAll(frame, nil); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes came back as %d, %v", len(text), len(got), err)
		}
	})
}

// cook returns at most 1 MiB.
func cook(seed, recipe []byte) []byte {
	text := bytes.Clone(seed)
	for i, step := range recipe {
		if len(text) == 0 || len(text) > 1<<20 {
			break
		}
		length := int(step&31) + 1
		switch from := (i*7919 + int(step)*104729) % len(text); {
		case step < 64: // what is new
			for n := range length {
				text = append(text, seed[(i+n*int(step))%len(seed)]^byte(n*i))
			}
		case step < 192: // a short match
			text = append(text, text[from:min(from+length, len(text))]...)
		case step < 224: // the same distance again
			for range length {
				text = append(text, text[max(len(text)-length, 0)])
			}
		default: // a long one
			text = append(text, text[from:min(from+length<<8, len(text))]...)
		}
	}
	return text[:min(len(text), 1<<20)]
}
