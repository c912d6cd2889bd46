package zstdfast

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// noise is what cannot be compressed.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	return text
}

// rows is SQL of rows as a dump has them.
func rows(n int) []byte {
	random := rand.New(rand.NewPCG(2, uint64(n)))
	words := strings.Fields("lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore")
	var text []byte
	for id := 1; len(text) < n; id++ {
		text = fmt.Appendf(text, "(%d,'node','%s',%d,NULL,'", id, words[random.IntN(len(words))], 1700000000+random.IntN(1e6))
		for range random.IntN(40) {
			text = append(append(text, words[random.IntN(len(words))]...), ' ')
		}
		text = append(text, "'),"...)
	}
	return text[:n]
}

// distances is one of n bytes that come again at ever other distances, with something else between.
func distances(n int) []byte {
	random := rand.New(rand.NewPCG(3, uint64(n)))
	text := noise(64)
	for len(text) < n {
		from := random.IntN(len(text) - 8)
		length := min(4+random.IntN(12), len(text)-from)
		text = append(text, text[from:from+length]...)
		for range random.IntN(3) {
			text = append(text, byte(random.Uint32()))
		}
	}
	return text[:n]
}

// noiseWithOffset is a block that is not worth being compressed, though there is a match in it, and one that begins with a match
// at the same distance, which the decoder of a block that was not compressed knows nothing of.
func noiseWithOffset() []byte {
	const distance = 60
	text := noise(blockSize + 2)
	copy(text[80:120], text[80-distance:])
	return append(text, text[len(text)-distance:]...)
}

// lengths is literals and matches of all lengths up to n.
func lengths(n int) []byte {
	literals := noise(n)
	var text []byte
	for length := 1; length <= n; length += 1 + length/7 {
		text = append(text, literals[:length]...)
		text = append(text, noise(length + n)[n:]...)
	}
	return text
}

func texts() map[string][]byte {
	texts := map[string][]byte{
		"one byte again":          bytes.Repeat([]byte{'a'}, 5<<20),
		"zeros":                   make([]byte, 300<<10),
		"noise":                   noise(600 << 10),
		"rows":                    rows(3 << 20),
		"rows, noise, rows":       slices.Concat(rows(200<<10), noise(400<<10), rows(300<<10)),
		"rows, then a byte":       slices.Concat(rows(128<<10), make([]byte, 1<<20), rows(100<<10)),
		"rows, noise, its offset": slices.Concat(rows(blockSize), noiseWithOffset()),
		"distances":               distances(2 << 20),
		"lengths":                 lengths(140 << 10),
		"four bytes at a time":    fours(1 << 20),
		"the same after 4 MiB":    slices.Concat(noise(64<<10), rows(4<<20), noise(64<<10)),
		"letters, evenly":         alphabet(400<<10, 200),
		"two letters":             alphabet(400<<10, 2),
		"every 17th byte changes": period(500<<10, 17),
		"every 3rd byte changes":  period(500<<10, 3),
	}
	for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 31, 32, 33, 100, 1023, 1024, 1025, 4095, 4096, 16383, 16384} {
		texts[fmt.Sprintf("%d bytes of rows", n)] = rows(n)
		texts[fmt.Sprintf("%d bytes of noise", n)] = noise(n)
		texts[fmt.Sprintf("%d zeros", n)] = make([]byte, n)
	}
	for _, n := range []int{-9, -8, -1, 0, 1, 7, 8, 9, 20} {
		texts[fmt.Sprintf("a block and %d bytes", n)] = rows(blockSize + n)
		texts[fmt.Sprintf("a block of noise and %d bytes", n)] = noise(blockSize + n)
	}
	return texts
}

// fours has matches of four bytes, and next to nothing between them: more sequences than two bytes can count.
func fours(n int) []byte {
	random := rand.New(rand.NewPCG(4, uint64(n)))
	words := make([][4]byte, 40)
	for i := range words {
		words[i] = [4]byte(noise(4 + i)[i:])
	}
	var text []byte
	for len(text) < n {
		a, b := random.IntN(len(words)), random.IntN(len(words))
		text = append(append(text, words[a][:]...), words[b][:]...)
	}
	return text
}

func alphabet(n, letters int) []byte {
	text := noise(n)
	for i := range text {
		text[i] = byte(int(text[i]) % letters)
	}
	return text
}

func period(n, every int) []byte {
	text := bytes.Repeat([]byte("0123456789abcdefghijklm"), n/23+1)
	for i := 0; i < n; i += every {
		text[i] = byte(i * 7 / every)
	}
	return text[:n]
}

// Every text comes back from two decoders that others wrote, whatever the encoder did before.
func TestRoundTrip(t *testing.T) {
	reader, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var all, frames []byte
	encoder := new(Encoder)
	for name, text := range texts() {
		frame, err := encoder.Encode(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := reader.DecodeAll(frame, nil); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes came back as %d, %v", name, len(text), len(got), err)
		}
		var header zstd.Header
		if err := header.Decode(frame); err != nil || !header.HasCheckSum || header.FrameContentSize != uint64(len(text)) {
			t.Errorf("%s: %+v, %v", name, header, err)
		}
		if longest := len(text) + len(text)/blockSize*blockHeaderSize + 20; len(frame) > longest {
			t.Errorf("%s: %d bytes take %d", name, len(text), len(frame))
		}
		all, frames = append(all, text...), append(frames, frame...)
	}
	if testing.Short() {
		return // without zstd's own judgement
	}
	tool := exec.CommandContext(t.Context(), "zstd", "-dc")
	tool.Stdin = bytes.NewReader(frames)
	if got, err := tool.Output(); err != nil || !bytes.Equal(got, all) {
		t.Errorf("zstd: %d bytes came back as %d, %v", len(all), len(got), err)
	}
}

// Rows become about as small as by the encoder that there is for everybody; what repeats itself nearly disappears.
func TestSize(t *testing.T) {
	text := rows(4 << 20)
	writer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	peer := writer.EncodeAll(text, nil)
	if frame, _ := new(Encoder).Encode(nil, text); len(frame) > len(peer)*21/20 {
		t.Errorf("%d bytes, the other encoder makes %d of them", len(frame), len(peer))
	}
	if frame, _ := new(Encoder).Encode(nil, make([]byte, 4<<20)); len(frame) > 1000 {
		t.Errorf("nothing but zeros takes %d bytes", len(frame))
	}
}

// An encoder that has had a text needs no more memory for another one, and appends.
func TestReuse(t *testing.T) {
	text := rows(1 << 20)
	encoder := new(Encoder)
	first, err := encoder.Encode([]byte("before"), text)
	if err != nil || !bytes.HasPrefix(first, []byte("before")) {
		t.Fatalf("%q, %v", first[:6], err)
	}
	buf := make([]byte, 0, len(first))
	if allocations := testing.AllocsPerRun(3, func() { buf, _ = encoder.Encode(buf[:0], text) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	if !bytes.Equal(buf, first[6:]) {
		t.Error("the same text became another frame")
	}
}

func TestTooLong(t *testing.T) {
	dst, err := new(Encoder).Encode([]byte("before"), make([]byte, MaxSize+1))
	if err == nil || err.Error() != "compress 268435457 bytes at once: 268435456 are the most" || string(dst) != "before" {
		t.Errorf("%q, %v", dst, err)
	}
}

func BenchmarkEncode(b *testing.B) {
	text := rows(4 << 20)
	writer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		b.Fatal(err)
	}
	defer writer.Close()
	encoder := new(Encoder)
	for name, encode := range map[string]func(dst []byte) []byte{
		"zstdfast":  func(dst []byte) []byte { dst, _ = encoder.Encode(dst, text); return dst },
		"klauspost": func(dst []byte) []byte { return writer.EncodeAll(text, dst) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var dst []byte
			for b.Loop() {
				dst = encode(dst[:0])
			}
			b.ReportMetric(float64(len(dst)), "bytes")
		})
	}
}
